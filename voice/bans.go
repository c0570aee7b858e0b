package voice

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/voice/wire"
)

const (
	// maxBans is how many bans there may be; the oldest makes room.
	maxBans = 1000
	banTime = "2006-01-02T15:04:05"
	// onlyPeople is why a ban is not taken.
	onlyPeople = "addresses are not banned, for a whole unit may be behind one; ban users or certificates"
)

// bans are the accounts and certificates that are kept out.
type bans struct {
	keep BanList // may be nil
	log  *slog.Logger
	wake chan struct{}

	mu  sync.Mutex // guards all; a leaf
	all []Ban      // bounded by maxBans
}

func newBans(keep BanList, log *slog.Logger) *bans {
	return &bans{keep: keep, log: log, wake: make(chan struct{}, 1)}
}

// run loads the bans and stores them after each change, until ctx ends.
func (b *bans) run(ctx context.Context) {
	if b.keep == nil {
		<-ctx.Done()
		return
	}
	for {
		select {
		case <-b.wake:
			if err := b.keep.SaveBans(ctx, b.list(time.Now())); err != nil && ctx.Err() == nil {
				b.log.Error("bans are not stored", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// load reads what was stored.
func (b *bans) load(ctx context.Context) error {
	if b.keep == nil {
		return nil
	}
	all, err := b.keep.LoadBans(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = all[:min(len(all), maxBans)]
	return err
}

func (b *bans) changed() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b Ban) over(now time.Time) bool { return b.Length > 0 && now.Sub(b.Start) >= b.Length }

// find returns the ban of an account or certificate.
func (b *bans) find(user, hash string, now time.Time) (Ban, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.all {
		if x.over(now) {
			continue
		}
		if x.User != "" && strings.EqualFold(x.User, user) || x.Hash != "" && strings.EqualFold(x.Hash, hash) {
			return x, true
		}
	}
	return Ban{}, false
}

func (b *bans) add(x Ban) Ban {
	b.mu.Lock()
	x.Start = time.Now()
	if len(b.all) >= maxBans {
		b.all = slices.Delete(b.all, 0, 1)
	}
	b.all = append(b.all, x)
	b.mu.Unlock()
	b.changed()
	return x
}

func (b *bans) list(now time.Time) []Ban {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = slices.DeleteFunc(b.all, func(x Ban) bool { return x.over(now) })
	return slices.Clone(b.all)
}

// set replaces the bans by a list that a client has edited. ok is false when an
// entry names neither a user that was banned before nor a certificate; it is left
// out.
func (b *bans) set(entries []wire.BanEntry) (ok bool) {
	ok = true
	b.mu.Lock()
	defer b.changed()
	defer b.mu.Unlock()
	var all []Ban
	for _, e := range entries[:min(len(entries), maxBans)] {
		x := Ban{
			Hash: strings.ToLower(cleanName(value(e.Hash))), Name: cleanName(value(e.Name)), Reason: plainText(value(e.Reason)),
			Length: time.Duration(value(e.Duration)) * time.Second, Start: time.Now(),
		}
		x.Reason = cut(x.Reason, maxReason)
		for _, old := range b.all {
			if old.Hash == x.Hash && old.Name == x.Name {
				x.User, x.Start = old.User, old.Start
			}
		}
		if x.User == "" && x.Hash == "" {
			ok = false
			continue
		}
		all = append(all, x)
	}
	b.all = all
	return ok
}

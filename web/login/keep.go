package login

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"muster/internal/auth"
)

// Keep makes browser logins outlive a restart. Without it they end with Run.
type Keep struct {
	// File is where logins are written when Run ends and read from when it
	// starts. It holds no secret: of a cookie only the hash.
	File string
	// Resume is auth.Service.Resume.
	Resume func(ctx context.Context, handle string) (auth.Identity, error)
}

// kept is a login in the file.
type kept struct {
	Key     string         `json:"key"` // SHA-256 of the cookie, hex
	Handle  string         `json:"handle"`
	Created time.Time      `json:"created"`
	Used    time.Time      `json:"used"`
	Remote  netip.AddrPort `json:"remote"`
	Agent   string         `json:"agent"`
}

const maxKept = 4 << 20 // bytes of the file

// save writes the logins that are not over.
func (g *Gate) save() error {
	if g.keep.File == "" {
		return nil
	}
	now := time.Now()
	var all []kept
	g.mu.Lock()
	for _, b := range g.browsers {
		if g.over(b, now) || b.over.Err() != nil {
			continue
		}
		b.mu.Lock()
		info := b.session.Info()
		all = append(all, kept{hex.EncodeToString(b.key[:]), b.id.Handle(), b.created, b.used, info.Remote, info.Agent})
		b.mu.Unlock()
	}
	g.mu.Unlock()
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("login: keep logins: %w", err)
	}
	// A login that is lost is made anew: this needs no fsync. It is written
	// aside so that half a file is never read.
	f, err := os.CreateTemp(filepath.Dir(g.keep.File), ".logins-*")
	if err != nil {
		return fmt.Errorf("login: keep logins: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), g.keep.File)
	}
	if err != nil {
		return fmt.Errorf("login: keep logins: %w", err)
	}
	return nil
}

// load brings back the logins of the last run whose users still may. The file
// is removed: what ends from here on must not come back after a crash.
func (g *Gate) load(ctx context.Context) error {
	if g.keep.File == "" {
		return nil
	}
	f, err := os.Open(g.keep.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("login: read kept logins: %w", err)
	}
	defer f.Close()
	if err := os.Remove(g.keep.File); err != nil {
		return fmt.Errorf("login: read kept logins: %w", err)
	}
	var all []kept
	if err := json.NewDecoder(io.LimitReader(f, maxKept)).Decode(&all); err != nil {
		return fmt.Errorf("login: read kept logins: %w", err)
	}
	for _, k := range all {
		g.restore(ctx, k)
	}
	return nil
}

// restore opens k again unless its time, or its user's, is over.
func (g *Gate) restore(ctx context.Context, k kept) {
	key, err := hex.DecodeString(k.Key)
	b := newBrowser(auth.Identity{}, k.Created)
	b.used = k.Used
	if err != nil || copy(b.key[:], key) != len(b.key) || g.over(b, time.Now()) {
		b.cancel()
		return
	}
	id, err := g.keep.Resume(ctx, k.Handle)
	if err != nil {
		b.cancel()
		return
	}
	b.id, b.user, b.asked = id, id.User, time.Now()
	if err := g.register(b, k.Remote, k.Agent); err != nil {
		g.log.Debug("a login was not resumed", "user", id.User, "error", err)
	}
}

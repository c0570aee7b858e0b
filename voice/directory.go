package voice

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"muster/voice/wire"
)

const (
	// directoryTimeout is how long the directory has to answer.
	directoryTimeout = 30 * time.Second
	// directoryRetry is the pause after it has not.
	directoryRetry = 5 * time.Second
	// maxEntries is how many permanent channels there may be.
	maxEntries = 5000
)

// followDirectory keeps the permanent channels as the directory has them, until
// ctx ends.
func (s *Server) followDirectory(ctx context.Context) {
	wake := make(chan struct{}, 1)
	stop := s.deps.Directory.Watch(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	defer stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if err := s.readDirectory(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the channels are not known; it is tried again", "error", err)
			timer.Reset(directoryRetry)
		}
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) readDirectory(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, directoryTimeout)
	defer cancel()
	entries, err := s.deps.Directory.Channels(ctx)
	if err != nil {
		return err
	}
	if len(entries) > maxEntries {
		s.log.Warn("there are too many channels; the last are left out", "channels", len(entries), "most", maxEntries)
		entries = entries[:maxEntries]
	}
	s.setChannels(entries)
	return nil
}

// setChannels makes the permanent channels those of entries.
func (s *Server) setChannels(entries []Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	want := make(map[string]Entry, len(entries))
	for _, e := range entries {
		want[e.Key] = e
	}
	for _, ch := range slices.Collect(maps.Values(s.byKey)) {
		if _, stays := want[ch.key]; !stays {
			s.removeChannel(ch)
		}
	}
	for _, e := range entries {
		ch := s.byKey[e.Key]
		switch {
		case e.Key == "":
		case ch == nil:
			s.addEntry(e)
		case !reflect.DeepEqual(ch.res, e.Resource):
			s.replaceEntry(ch, e)
		default:
			s.updateEntry(ch, e)
		}
	}
}

func (s *Server) entryName(e Entry, but *channel) string {
	name := cleanName(e.Name)
	if name == "" {
		name = cleanName(e.Key)
	}
	return unique(name, func(n string) bool { return s.root.named(n, but) })
}

func (s *Server) addEntry(e Entry) *channel {
	ch := newChannel(s.newChannelID(), s.root, s.entryName(e, nil))
	ch.key, ch.res = e.Key, e.Resource
	ch.description, ch.position, ch.maxUsers = escaped(e.Description), e.Position, e.MaxUsers
	ch.floor, ch.closed = e.Floor, e.Closed
	s.addChannel(ch)
	return ch
}

// replaceEntry gives a channel other rights: those who see it are others, so it is
// taken off and put up again, and those who may still be in it come back.
func (s *Server) replaceEntry(ch *channel, e Entry) {
	inside := slices.Collect(maps.Values(ch.users))
	var seats []*user
	type stay struct {
		held  Held
		visit uint64
	}
	stays := make(map[*user]stay)
	for _, u := range inside {
		stays[u] = stay{u.held, u.visit}
		if u.seat != nil {
			seats = append(seats, u)
		}
	}
	s.removeChannel(ch)
	now := s.addEntry(e)
	for _, u := range seats {
		s.seat(u, now)
	}
	for _, u := range inside {
		if u.seat == nil && s.users[u.session] == u && s.permissions(u, now)&wire.Enter != 0 {
			s.move(u, now, 0)
			u.visit = stays[u].visit // it has not been away
			s.hold(u, stays[u].held)
		}
	}
}

func (s *Server) updateEntry(ch *channel, e Entry) {
	if ch.floor != e.Floor || ch.closed != e.Closed {
		ch.floor, ch.closed = e.Floor, e.Closed
		s.changedRoutes()
	}
	name, text := s.entryName(e, ch), escaped(e.Description)
	if ch.name == name && ch.description == text && ch.position == e.Position && ch.maxUsers == e.MaxUsers {
		return
	}
	ch.name, ch.description, ch.position, ch.maxUsers = name, text, e.Position, e.MaxUsers
	s.changedTree()
	s.showChannel(ch, ch.state())
	s.happenedTo(ChannelAltered, ch)
}

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/media/mcu"
	"muster/voice"
	"muster/voice/murmur/attach"
	"muster/voice/murmur/door"
	"muster/web/api"
)

// newVoice makes the Mumble server.
func (h *house) newVoice(cfg voice.Config, tls *tls.Config, guard func(net.Listener) net.Listener) (*voice.Server, error) {
	srv, err := voice.New(cfg, voice.Deps{
		Auth: h.auth, Sessions: h.sessions, Certificates: h.pki, Directory: channels{h.rooms, h.bus}, Doors: h.doors, Log: h.log,
		TLS: tls, Guard: guard, Bridge: h.radio, People: people{h.auth}, Bans: voice.NewBanList(h.db), Gate: h.mumble,
	})
	if err != nil {
		return nil, err
	}
	h.radio.use(srv)
	return srv, nil
}

// newScripts makes the door that scripts made for murmur come through.
func (h *house) newScripts(cfg door.Config) (*door.Door, error) {
	d, err := door.New(cfg, door.Deps{House: h.mumble.Door(), Doors: h.doors, Log: h.log})
	if err != nil {
		return nil, err
	}
	h.mumble.Ask(d.Script)
	return d, nil
}

// newAttachment makes what decides at a murmurd beside this server.
func (h *house) newAttachment(cfg attach.Config) (runner, error) {
	key, err := h.db.Key("murmurd")
	if err != nil {
		return nil, err
	}
	rooms := channels{h.rooms, h.bus}
	a, err := attach.New(cfg, attach.Deps{Auth: h.auth, CA: h.pki, Plan: plan(rooms), Sessions: h.sessions, Doors: h.doors, Log: h.log, Key: key})
	if err != nil {
		return nil, err
	}
	h.stats.add("murmurd", a)
	h.lines.use(a, cfg.Voice)
	return runFunc(func(ctx context.Context) error {
		stop := rooms.Watch(a.Refresh)
		defer stop()
		return a.Run(ctx)
	}), nil
}

// moderation is the Mumble server that runs now. It implements api.Voice.
type moderation house

// Bans implements api.Voice.
func (m *moderation) Bans() []voice.Ban {
	if srv := m.radio.srv.Load(); srv != nil {
		return srv.Bans()
	}
	return nil
}

// Ban implements api.Voice.
func (m *moderation) Ban(b voice.Ban) (voice.Ban, error) {
	srv := m.radio.srv.Load()
	if srv == nil {
		return b, api.ErrNoVoice
	}
	return srv.Ban(b), nil
}

// Unban implements api.Voice.
func (m *moderation) Unban(id string) bool {
	srv := m.radio.srv.Load()
	return srv != nil && srv.Unban(id)
}

// plan are the rooms, as murmurd's channels. It implements attach.Plan.
type plan channels

// Channels implements attach.Plan.
func (p plan) Channels(ctx context.Context) ([]attach.Channel, error) {
	entries, err := channels(p).Channels(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]attach.Channel, 0, len(entries))
	for _, e := range entries {
		out = append(out, attach.Channel{Key: e.Key, Name: e.Name, Groups: e.Resource.Groups})
	}
	return out, nil
}

// channels are the rooms, as the Mumble server shows them. It implements
// voice.Directory.
type channels struct {
	rooms *mcu.Rooms
	bus   *bus.Bus
}

// Channels implements voice.Directory. Breakout rooms are not among them: one is
// sent there, and cannot just go.
func (c channels) Channels(context.Context) ([]voice.Entry, error) {
	var out []voice.Entry
	for _, s := range c.rooms.List(auth.System("voice")) {
		if s.Parent != "" {
			continue
		}
		e := voice.Entry{Key: s.Stream(), Name: s.Title, Resource: auth.Room(s.Stream(), s.Groups), Floor: s.Floor > 0, Closed: s.Lobby || s.Locked}
		if keep := c.rooms.ReplayLength(); keep > 0 {
			e.Description = fmt.Sprintf("What is said here can be heard again for %s.", keep)
		}
		if e.Name == "" {
			e.Name = s.Name.String()
		}
		out = append(out, e)
	}
	return out, nil
}

// Watch implements voice.Directory.
func (c channels) Watch(changed func()) (stop func()) {
	const held = 256 // facts; when more come at once, the next one says the same
	sub := c.bus.Subscribe(held)
	done := make(chan struct{})
	go func() {
		defer sub.Close()
		for {
			select {
			case <-done:
				return
			case f := <-sub.C:
				if f.Kind == mcu.FactChange {
					changed()
				}
			}
		}
	}()
	return func() { close(done) }
}

// people are the names of all accounts. It implements voice.People.
type people struct{ auth *auth.Service }

// Names implements voice.People.
func (p people) Names(ctx context.Context) ([]string, error) {
	users, err := p.auth.ListUsers(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(users))
	for _, u := range users {
		out = append(out, u.Name)
	}
	return out, nil
}

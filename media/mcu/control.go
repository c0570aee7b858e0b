package mcu

import (
	"crypto/rand"
	"fmt"
	"time"

	"muster/internal/auth"
)

// Moderator decides about a room from outside, without taking part in it.
type Moderator struct{ p *Participant }

// nobody is the leg of a moderator, who is told nothing.
type nobody struct{}

func (nobody) Notify(Event) {}
func (nobody) End(error)    {}

// Moderator returns the way to decide about the room called room, for one of its
// hosts (HostOf) and for the call that follows. The errors are ErrNotFound,
// ErrHost, and ErrGone when nobody is in the room.
func (r *Rooms) Moderator(id auth.Identity, room string) (*Moderator, error) {
	s, err := r.Find(id, room)
	switch {
	case err != nil:
		return nil, err
	case !HostOf(id, &s):
		return nil, ErrHost
	}
	live := r.Live(room)
	if live == nil {
		return nil, ErrGone
	}
	p := &Participant{ID: rand.Text(), rooms: r, leg: nobody{}, log: r.log, who: id, role: Host, owner: true, outside: true}
	p.in.Store(live)
	return &Moderator{p}, nil
}

// Mute is Participant.Mute.
func (m *Moderator) Mute(id string, muted bool) error { return m.p.Mute(id, muted) }

// Admit is Participant.Admit.
func (m *Moderator) Admit(id string, in bool) error { return m.p.Admit(id, in) }

// Kick is Participant.Kick.
func (m *Moderator) Kick(id string) error { return m.p.Kick(id) }

// SetRole is Participant.SetRole.
func (m *Moderator) SetRole(id string, role Role) error { return m.p.SetRole(id, role) }

// Transfer sends a participant to any room that it may enter, for who is a host of
// both: doors do not stop it there. The error is ErrNotFound, ErrHost, ErrGone, or
// wraps auth.ErrDenied where the participant may not be in that room.
func (m *Moderator) Transfer(id, room string) error {
	p := m.p
	to, err := p.rooms.Find(p.who, room)
	switch {
	case err != nil:
		return err
	case !HostOf(p.who, &to):
		return ErrHost
	case to.Name == p.Room().settings().Name:
		return nil
	}
	return p.asHost(id, func(_ *Room, other *Participant) error {
		switch {
		case other.waiting, other.kind == Feed:
			return ErrGone
		case !other.who.IsGuest() && auth.Allow(other.who, auth.Read, resource(&to)) != nil:
			return fmt.Errorf("%w: who is to be moved may not enter that room", auth.ErrDenied)
		}
		move, err := other.pass(&to, "")
		if err == nil {
			move.Back = false
			other.leg.Notify(Event{EventMove, move})
		}
		return err
	})
}

// SetLayout is Participant.SetLayout.
func (m *Moderator) SetLayout(l Layout, cells []Cell) error { return m.p.SetLayout(l, cells) }

// Stage is Participant.Stage.
func (m *Moderator) Stage(stream string, on bool) error { return m.p.Stage(stream, on) }

// Record is Participant.Record.
func (m *Moderator) Record(on bool) error { return m.p.Record(on) }

// LowerHand takes another's raised hand down.
func (m *Moderator) LowerHand(id string) error {
	return m.p.asHost(id, func(r *Room, other *Participant) error {
		if !other.hand.IsZero() {
			other.hand = time.Time{}
			r.show(other)
		}
		return nil
	})
}

// Layout returns how the room's composite is arranged.
func (m *Room) Layout() Layout {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.layout
}

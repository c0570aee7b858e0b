package mcu

import (
	"slices"
	"time"

	"muster/internal/auth"
)

// Person is somebody in a room as other parts of the server see it.
type Person struct {
	Member
	Device string // fingerprint of the client certificate that was the proof; "" for none
}

// LiveRooms returns the rooms that somebody is in.
func (r *Rooms) LiveRooms() []*Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*Room, 0, len(r.live))
	for _, m := range r.live {
		out = append(out, m)
	}
	return out
}

// Resource is what rights to the room are asked for: auth.Read is to know who is
// in.
func (m *Room) Resource() auth.Resource { return resource(m.settings()) }

// People returns who is in the room, longest first: neither those in the lobby
// nor streams on the stage.
func (m *Room) People() []Person {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Person
	for _, who := range m.members(false) {
		if who.Kind != Feed {
			out = append(out, Person{who, m.people[who.ID].who.Device})
		}
	}
	return out
}

// Talking returns the ids of those who are heard at this moment, sorted.
func (m *Room) Talking() []string {
	s, now := m.sound, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, in := range s.slots {
		if in != nil && in.p.kind != Feed && !in.muted.Load() && in.voice(now, voiceHold) {
			out = append(out, in.p.ID)
		}
	}
	slices.Sort(out)
	return out
}

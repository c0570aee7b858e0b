package mcu

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// family is what the people of a room may be told of its breakout rooms, or of
// those beside it. It is not changed any more.
type family struct {
	parent, title string // of a breakout room; empty in the room that is split
	free          bool
	rooms         []BreakoutView // with people
}

// show puts into v what p may know.
func (f family) show(v *View, p *Participant) {
	v.Parent, v.ParentTitle, v.Free = f.parent, f.title, f.free
	for _, b := range f.rooms {
		if p.role != Host {
			b.People = nil
		}
		if p.role == Host || f.free || b.Name == p.group {
			v.Breakouts = append(v.Breakouts, b)
		}
	}
}

// like reports whether both consist of the same rooms.
func (f family) like(other family) bool {
	return f.parent == other.parent && f.title == other.title && f.free == other.free && slices.EqualFunc(f.rooms, other.rooms,
		func(a, b BreakoutView) bool { return a.Name == b.Name && a.Title == b.Title })
}

// stirred holds the families in which something has changed, by the name of the
// room that is split. It is ready to use.
type stirred struct {
	telling sync.Mutex // one round of telling at a time; taken before Rooms.mu

	mu    sync.Mutex // guards what follows; taken last
	names map[string]bool
}

// stir notes that something has changed in the room s that its family may be
// told.
func (r *Rooms) stir(s *Settings) {
	r.stirred.mu.Lock()
	defer r.stirred.mu.Unlock()
	if r.stirred.names == nil {
		r.stirred.names = make(map[string]bool)
	}
	r.stirred.names[s.root()] = true
}

// refresh tells families what has changed in them.
func (r *Rooms) refresh() {
	r.stirred.telling.Lock()
	defer r.stirred.telling.Unlock()
	r.stirred.mu.Lock()
	names := r.stirred.names
	r.stirred.names = nil
	r.stirred.mu.Unlock()
	for root := range names {
		r.mu.Lock()
		members := r.relatives(root)
		f := r.family(root)
		r.mu.Unlock()
		for _, m := range members {
			m.relate(f.seenFrom(m.name))
		}
	}
}

// relatives returns the room called root and its breakout rooms, as far as
// somebody is in. mu is held.
func (r *Rooms) relatives(root string) []*Room {
	var out []*Room
	for name, m := range r.live {
		if name == root || m.settings().Parent == root {
			out = append(out, m)
		}
	}
	return out
}

// family describes the breakout rooms of the room called root. mu is held.
func (r *Rooms) family(root string) family {
	var f family
	for _, s := range r.childrenLocked(root) {
		b := BreakoutView{Name: s.Name.String(), Title: s.Title}
		if m := r.live[b.Name]; m != nil {
			for _, p := range m.Members() {
				if !p.Waiting && p.Kind != Feed {
					b.People = append(b.People, BreakoutPerson{ID: p.ID, Name: p.Name, Hand: !p.Hand.IsZero()})
				}
			}
		}
		b.Present = len(b.People)
		f.free = s.Free
		f.rooms = append(f.rooms, b)
	}
	if s := r.known[root]; s != nil && len(f.rooms) > 0 {
		f.parent, f.title = root, s.Title
	}
	return f
}

// seenFrom is the family as the room called name is told of it.
func (f family) seenFrom(name string) family {
	if f.parent == name {
		f.parent, f.title = "", ""
	}
	return f
}

// familyLives reports whether somebody is in the room s, the one it was split
// from, or one that was split from there. mu is held.
func (r *Rooms) familyLives(s *Settings) bool {
	return s != nil && len(r.relatives(s.root())) > 0
}

// split reports whether the room called name has breakout rooms. mu is held.
func (r *Rooms) split(name string) bool { return len(r.childrenLocked(name)) > 0 }

// relate puts what is known of the family in force, and tells those whom it
// concerns.
func (m *Room) relate(f family) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := !m.family.like(f)
	if !all && len(f.rooms) == 0 {
		return
	}
	m.family = f
	for _, p := range m.people {
		if len(f.rooms) == 0 {
			p.group = "" // that room is gone
		}
		if !p.waiting && (all || f.free || p.role == Host || p.group != "") {
			p.leg.Notify(Event{EventRoom, m.view(p)})
		}
	}
}

// announce is a message of p, who may be in another room, to everybody.
func (m *Room) announce(p *Participant, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := Chat{ID: rand.Text(), From: p.ID, Name: p.name, Text: text, At: time.Now(), Announced: true}
	m.remember(c)
	m.tellAll(Event{EventChat, c})
}

// remains is what is kept of a room that everybody has left for its breakout
// rooms, until they come back.
type remains struct {
	chat   []Chat
	layout Layout
	cells  []Cell
}

func (m *Room) leaveBehind() *remains {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &remains{chat: m.chat, layout: m.layout, cells: m.cells}
}

// takeUp goes on where an earlier room of the name was; nil: nowhere.
func (m *Room) takeUp(b *remains) {
	if b != nil {
		m.chat, m.layout, m.cells = b.chat, b.layout, b.cells
	}
}

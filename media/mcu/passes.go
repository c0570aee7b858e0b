package mcu

import (
	"crypto/rand"
	"sync"
	"time"

	"muster/internal/auth"
)

// pass lets one participant of a room into another that it was split into or
// from, once.
type pass struct {
	room  string // that it opens
	from  string // id of the participant that it was given to
	user  string // of the participant's identity
	guest bool
	until time.Time
	doors bool // lock, lobby, PIN and capacity do not stop it: the first room let the participant in

	// What the participant takes along.
	name  string
	role  Role   // that a host gave it; empty: none did
	group string // breakout room that it was sent to; empty: none

	emergency bool
}

// Bounds of passes.
const (
	passLife  = 2 * time.Minute
	maxPasses = 20_000 // more than a server has participants; no more are given then
)

// passes are those that have not been used. It is ready to use.
type passes struct {
	mu   sync.Mutex // guards what follows; taken last
	open map[string]pass
}

// give makes a pass, which takes the place of one that the participant has
// already; "" when there are too many.
func (a *passes) give(p pass) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropLocked(p.from)
	if len(a.open) >= maxPasses {
		return ""
	}
	if a.open == nil {
		a.open = make(map[string]pass)
	}
	secret := rand.Text()
	a.open[secret] = p
	return secret
}

// find returns the pass that secret names if it opens room to id.
func (a *passes) find(secret, room string, id auth.Identity) (pass, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.open[secret]
	return p, ok && p.room == room && p.user == id.User && p.guest == id.IsGuest() && time.Now().Before(p.until)
}

// take is find, and uses the pass up.
func (a *passes) take(secret, room string, id auth.Identity) (pass, bool) {
	p, ok := a.find(secret, room, id)
	if !ok {
		return pass{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok = a.open[secret] // unless another was faster
	delete(a.open, secret)
	return p, ok
}

// drop takes the pass of a participant back.
func (a *passes) drop(participant string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropLocked(participant)
}

func (a *passes) dropLocked(participant string) {
	for secret, p := range a.open {
		if p.from == participant {
			delete(a.open, secret)
		}
	}
}

// sweep forgets passes whose time is up.
func (a *passes) sweep(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for secret, p := range a.open {
		if now.After(p.until) {
			delete(a.open, secret)
		}
	}
}

// Passes reports whether the pass opens the room called room to id now. It is
// not used up.
func (r *Rooms) Passes(pass, room string, id auth.Identity) bool {
	_, ok := r.passes.find(pass, room, id)
	return ok
}

// takeUp gives p what it brings along by a pass; the zero pass brings nothing.
func (p *Participant) takeUp(by pass) {
	if by.from == "" {
		return
	}
	p.passed, p.name, p.group, p.emergency = by.doors, by.name, by.group, by.emergency
	if by.role != "" && !p.owner {
		p.role, p.given = by.role, true
	}
}

// pass gives p a pass to the room s, where group is the breakout room that it is
// sent to. Its room's mu is held.
func (p *Participant) pass(s *Settings, group string) (Move, error) {
	here := p.Room().settings()
	out := pass{doors: here.Parent == "" || p.passed, room: s.Name.String(), from: p.ID, user: p.who.User, guest: p.who.IsGuest(), until: time.Now().Add(passLife), name: p.name, group: group, emergency: p.emergency}
	if p.given {
		out.role = p.role
	}
	m := Move{Room: out.room, Title: s.Title, Pass: p.rooms.passes.give(out), Until: out.until.UTC().Truncate(time.Millisecond), Back: s.Parent == ""}
	if m.Pass == "" {
		return m, ErrFull
	}
	return m, nil
}

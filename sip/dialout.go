package sip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// DialState is how far a call from a room has come.
type DialState string

// The states of a call from a room, in their order.
const (
	DialCalling DialState = "calling" // on its way
	DialRinging DialState = "ringing"
	DialUp      DialState = "up" // it is in the room, or on its way there
	DialOver    DialState = "over"
)

// DialOut is a call that somebody has a room make.
type DialOut struct {
	ID     string    `json:"id"`
	Room   string    `json:"room"`
	To     string    `json:"to" doc:"The user or number that is called."`
	By     string    `json:"by" doc:"Who has the room call."`
	State  DialState `json:"state" enum:"calling,ringing,up,over"`
	Reason string    `json:"reason,omitempty" doc:"Why it is over: busy, no-answer, declined, unknown, cancelled, ended or failed."`
	Since  time.Time `json:"since" doc:"When it came to this state."`
}

// Limits of calls from rooms.
const (
	maxRinging = 16               // of one room at a time
	dialMemory = 30 * time.Second // how long a call that is over is told of
)

// dialOuts are the calls of rooms.
type dialOuts struct {
	tell func(DialOut) // may be nil

	mu   sync.Mutex // guards what follows
	list map[string]*dialOut
}

// dialOut is one of them. Its fields are guarded by the mutex of dialOuts.
type dialOut struct {
	DialOut
	paid    bool          // over a trunk
	h       *hunt         // nil until it rings
	l       *leg          // nil until it is answered
	session *auth.Session // of whoever asked for it
}

// Dial rings target, a user, a number of the dial plan or an address of ours, and
// seats who answers in room; that who asks decides about the room is for the
// caller to check. id asks for it and pays for it. The error wraps
// auth.ErrDenied where the dial plan does not let id call there, ErrNowhere, or
// ErrBusy. It returns at once; DialOuts says how it goes on.
func (s *Server) Dial(ctx context.Context, id auth.Identity, room, target string) (DialOut, error) {
	if !s.ready.Load() {
		return DialOut{}, fmt.Errorf("sip: call %s: %w", target, ErrBusy)
	}
	number := target
	if u, err := wire.ParseURI(target); err == nil && (u.SIP() || u.Scheme == "tel") {
		if u.SIP() && !s.ours(u) {
			return DialOut{}, fmt.Errorf("sip: call %s: %w", target, ErrNowhere)
		}
		number = u.Name()
	}
	dest, err := s.route(ctx, id, number)
	if err == nil && dest.room != nil {
		err = ErrNowhere
	}
	if err != nil {
		return DialOut{}, fmt.Errorf("sip: call %s: %w", target, err)
	}
	d := &dialOut{paid: dest.trunk != nil, DialOut: DialOut{ID: transaction.Tag(), Room: room, To: legible(number), By: id.User, State: DialCalling, Since: time.Now()}}
	if err := s.dials.add(d); err != nil {
		return DialOut{}, fmt.Errorf("sip: call %s: %w", target, err)
	}
	display := room // what phones show who rings
	if r, err := s.deps.Rooms.Find(ctx, room); err == nil && r.Title != "" {
		display = legible(r.Title)
	}
	if err := s.ringFor(d, id, dest, display, number); err != nil {
		s.dials.forget(d)
		return DialOut{}, fmt.Errorf("sip: call %s: %w", target, err)
	}
	return s.dials.view(d), nil
}

// ringFor begins to ring, in the name of display.
func (s *Server) ringFor(d *dialOut, id auth.Identity, dest destination, display, number string) error {
	session, err := s.deps.Sessions.Open(id, auth.Use, auth.Server(), auth.SessionInfo{Protocol: "sip-dial", Agent: "room " + d.Room},
		func(error) { s.dials.end(d) })
	if err != nil {
		return err
	}
	h := &hunt{
		s: s, log: &callLog{id: id, from: wire.Address{Display: display, URI: wire.URI{Scheme: "sip", User: wire.Escape(d.Room), Host: "localhost"}}},
		ringing: func(int) { s.dials.set(d, func() { d.State = DialRinging }) },
		then: func(l *leg, plan sdp.Plan, err error) {
			if err != nil {
				s.dials.set(d, func() { d.State, d.Reason = DialOver, whyNot(err) })
				return
			}
			// In the leg's own goroutine.
			l.release = append(l.release, func() { s.dials.set(d, func() { d.State, d.Reason = DialOver, "ended" }) })
			s.dials.set(d, func() { d.State, d.l = DialUp, l })
			p := &seated{l: l, room: Room{Name: d.Room}, request: JoinRequest{
				Room: d.Room, Identity: l.id, By: id, Display: number, Number: number, Video: l.media.video != nil, Leg: l,
			}}
			l.party = p
			p.up(plan)
		},
	}
	s.dials.mu.Lock()
	d.h, d.session = h, session
	s.dials.mu.Unlock()
	if err := h.start(dest); err != nil {
		session.Close()
		return err
	}
	return nil
}

// whyNot is the reason of DialOut for an error of a hunt.
func whyNot(err error) string {
	var r *refused
	switch {
	case errors.Is(err, errCancelled):
		return "cancelled"
	case !errors.As(err, &r):
		return "failed"
	}
	switch r.status {
	case 486, 600:
		return "busy"
	case 408, 480, 487:
		return "no-answer"
	case 403, 603:
		return "declined"
	case 404, 410, 484, 604:
		return "unknown"
	}
	return "failed"
}

// DialOuts returns the calls of a room, those included that have ended a moment
// ago, oldest first.
func (s *Server) DialOuts(room string) []DialOut {
	c := &s.dials
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prune()
	var out []DialOut
	for _, d := range c.list {
		if d.Room == room {
			out = append(out, d.DialOut)
		}
	}
	slices.SortFunc(out, func(a, b DialOut) int { return a.Since.Compare(b.Since) })
	return out
}

// EndDialOut ends a call of a room, and reports whether there is one.
func (s *Server) EndDialOut(room, id string) bool {
	c := &s.dials
	c.mu.Lock()
	d := c.list[id]
	ok := d != nil && d.Room == room && d.State != DialOver
	c.mu.Unlock()
	if ok {
		c.end(d)
	}
	return ok
}

// prune forgets what is long over. The caller holds mu.
func (c *dialOuts) prune() {
	for id, d := range c.list {
		if d.State == DialOver && time.Since(d.Since) > dialMemory {
			delete(c.list, id)
		}
	}
}

func (c *dialOuts) add(d *dialOut) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prune()
	ringing := 0
	for _, o := range c.list {
		if o.Room == d.Room && (o.State == DialCalling || o.State == DialRinging) {
			ringing++
		}
	}
	if ringing >= maxRinging {
		return ErrBusy
	}
	c.list[d.ID] = d
	return nil
}

func (c *dialOuts) forget(d *dialOut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.list, d.ID)
}

func (c *dialOuts) view(d *dialOut) DialOut {
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.DialOut
}

// set changes the state of d and tells of it. What is over stays so, and what is
// up does not ring any more.
func (c *dialOuts) set(d *dialOut, change func()) {
	c.mu.Lock()
	old := d.DialOut
	if old.State == DialOver {
		c.mu.Unlock()
		return
	}
	change()
	if d.State == old.State || d.State == DialRinging && old.State == DialUp {
		d.DialOut = old
		c.mu.Unlock()
		return
	}
	d.Since = time.Now()
	now, session := d.DialOut, d.session
	// Who was called over a trunk is there on the account of whoever asked; users
	// are there on their own.
	done := d.State == DialOver || d.State == DialUp && !d.paid
	c.mu.Unlock()
	if done && session != nil {
		session.Close()
	}
	if c.tell != nil {
		c.tell(now)
	}
}

// end stops the ringing, or the call.
func (c *dialOuts) end(d *dialOut) {
	c.mu.Lock()
	h, l := d.h, d.l
	c.mu.Unlock()
	switch {
	case l != nil:
		l.hangUp("a host has ended the call")
	case h != nil:
		h.stop()
	}
}

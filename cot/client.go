package cot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
)

// Client is a connected client.
type Client struct {
	r       *Router
	join    Join // Identity is that of the beginning
	id      string
	since   time.Time
	session *auth.Session

	received atomic.Int64
	lastSeen atomic.Int64                      // ms since 1970 of the last event
	refused  atomic.Pointer[error]             // why nothing is taken any more
	metrics  atomic.Pointer[map[string]string] // of the last t-x-c-m
	latest   atomic.Pointer[Event]             // newest report of itself; nil once it has left

	// state is replaced, never written to, while Router.mu is held.
	state atomic.Pointer[clientState]

	// Guarded by Router.mu.
	place  int // in Router.clients; -1 while it is not there
	closed bool
	quiet  bool // nobody is told that it leaves: another connection of the device took its place
}

// clientState is what the router knows of a client at one time.
type clientState struct {
	id        auth.Identity
	uid       string // "" while it is not bound to one
	callsign  string
	team      wire.Group
	takv      wire.Takv
	phone     string
	reported  bool // the client has sent a report of itself
	incognito bool
	filter    *areas // nil: everything

	inGroups, outGroups []string // rights that count: it has them and they are active
	in, out             groupSet // the same
}

// shown returns the groups in which the client itself is seen.
func (st *clientState) shown() groupSet {
	if !st.reported || st.incognito {
		return groupSet{}
	}
	return st.in
}

func (st *clientState) sender() Sender {
	return Sender{Identity: st.id, UID: st.uid, Callsign: st.callsign}
}

// seat is one receiver in Router.view.
type seat struct {
	low  uint64 // of the groups it reads
	odd  bool   // there is more to look at than low: its state says what
	c    *Client
	sink Sink
}

// Join makes a client known and queues for it the latest position of everybody
// it may see. The error wraps auth.ErrDenied or auth.ErrRevoked. The caller
// closes the client. When the rights of its user change the router takes the new
// ones and sends what TAK wants to see (t-x-g-c, t-x-d-d, positions).
func (r *Router) Join(j Join) (*Client, error) {
	c := &Client{r: r, join: j, since: time.Now(), place: -1}
	st := &clientState{id: j.Identity, uid: j.UID, callsign: j.Callsign}
	r.mu.Lock()
	r.settle(c, st)
	c.state.Store(st)
	r.mu.Unlock()
	protocol := "cot-" + j.Protocol
	if j.Observer {
		protocol = j.Protocol
	}
	info := auth.SessionInfo{Protocol: protocol, Remote: j.Remote, Agent: j.Agent}
	ses, err := r.sessions.Follow(j.Identity, auth.Join, auth.Server(), info, c.end, c.rights)
	if err != nil {
		return nil, fmt.Errorf("cot: join: %w", err)
	}
	c.session, c.id = ses, ses.Info().ID
	if err := r.admit(c); err != nil {
		ses.Close()
		return nil, err
	}
	if j.Sink != nil && !j.Observer {
		r.sendPositions(c)
		r.sendAlerts(c)
	}
	return c, nil
}

// admit puts c among the clients.
func (r *Router) admit(c *Client) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	st := c.state.Load()
	if st.uid != "" {
		if r.foreign(st.uid, st.sender(), c) {
			return fmt.Errorf("cot: join as %s: %w: %w", st.uid, auth.ErrDenied, ErrForeign)
		}
		r.index(c, st)
	}
	c.place = len(r.clients)
	r.clients = append(r.clients, c)
	if v := r.view.Load(); v != nil && c.join.Sink != nil {
		// Who reads the shorter list meanwhile does not see the place behind it.
		more := append(*v, c.seat(st))
		r.view.Store(&more)
	}
	return nil
}

// index makes c found by its uid and callsign. The caller holds mu.
func (r *Router) index(c *Client, st *clientState) {
	r.byUID[st.uid] = append(r.byUID[st.uid], c)
	if st.callsign != "" {
		r.byName[st.callsign] = append(r.byName[st.callsign], c)
	}
}

// unindex is the reverse.
func (r *Router) unindex(c *Client, st *clientState) {
	without(r.byUID, st.uid, c)
	without(r.byName, st.callsign, c)
}

func without[T comparable](m map[string][]T, key string, v T) {
	list := m[key]
	i := slices.Index(list, v)
	switch {
	case i < 0:
	case len(list) == 1:
		delete(m, key)
	default:
		// A new slice: who read the old one under the lock may still use it.
		m[key] = slices.Delete(slices.Clone(list), i, i+1)
	}
}

// unseat takes c away from the clients. The caller holds mu.
func (r *Router) unseat(c *Client) {
	st := c.state.Load()
	if st.uid != "" {
		r.unindex(c, st)
	}
	if c.place < 0 {
		return
	}
	last := r.clients[len(r.clients)-1]
	r.clients[c.place], last.place = last, c.place
	r.clients[len(r.clients)-1] = nil
	r.clients = r.clients[:len(r.clients)-1]
	c.place = -1
	r.view.Store(nil)
}

// seats returns all receivers, without waiting for anybody but who just came,
// left or changed.
func (r *Router) seats() []seat {
	if v := r.view.Load(); v != nil {
		return *v
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	v := make([]seat, 0, len(r.clients))
	for _, c := range r.clients {
		if c.join.Sink != nil {
			v = append(v, c.seat(c.state.Load()))
		}
	}
	r.view.Store(&v) // nobody changes anything meanwhile: that takes the write lock
	return v
}

// seat is the receiver that c is in state st.
func (c *Client) seat(st *clientState) seat {
	return seat{st.out.low, len(st.out.high) > 0 || st.filter != nil, c, c.join.Sink}
}

// enter makes st the state of c. The caller holds mu.
func (r *Router) enter(c *Client, st *clientState) {
	if old := c.state.Load(); !old.out.equal(st.out) || old.filter != st.filter {
		r.view.Store(nil)
	}
	c.state.Store(st)
}

// settle works out st's groups from its identity and the choice of channels. The
// caller holds mu.
func (r *Router) settle(c *Client, st *clientState) {
	pick := r.choiceFor(c, st)
	st.inGroups = active(st.id.WriteGroups(), pick, func(ch choice) bool { return ch.in })
	st.outGroups = active(st.id.ReadGroups(), pick, func(ch choice) bool { return ch.out })
	st.in, st.out = r.numbers.set(st.inGroups), r.numbers.set(st.outGroups)
}

func active(groups []string, pick chosen, on func(choice) bool) []string {
	return slices.DeleteFunc(groups, func(g string) bool { return !on(pick.of(g)) })
}

// change replaces c's state by what f makes of it, and tells c and the others
// whom they see now and whom no more. It reports whether c's groups changed.
func (r *Router) change(c *Client, f func(st *clientState)) bool {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	old := c.state.Load()
	st := *old
	f(&st)
	r.settle(c, &st)
	r.enter(c, &st)
	moved := !slices.Equal(old.inGroups, st.inGroups) || !slices.Equal(old.outGroups, st.outGroups)
	here := c.place >= 0
	if d := r.devices[st.uid]; d != nil && moved && here && st.reported {
		r.note(d, c, &st)
	}
	r.mu.Unlock()
	if here {
		r.shift(c, old, &st)
	}
	return moved && here
}

// rights takes the identity of now.
func (c *Client) rights(id auth.Identity) {
	if c.r.change(c, func(st *clientState) { st.id = id }) {
		c.groupsChanged()
	}
}

// end refuses everything from now on and closes the connection.
func (c *Client) end(reason error) {
	c.refused.CompareAndSwap(nil, &reason)
	if c.join.Sink != nil {
		c.join.Sink.End(reason)
	}
}

// These say why an event was dropped.
var (
	errClosed       = errors.New("the connection is over")
	errTooManyDests = errors.New("the event names too many recipients")
	errStale        = errors.New("the event was stale when it came")
	errNoGroup      = fmt.Errorf("%w: there is no group to publish to", auth.ErrDenied)
)

// maxDests is how many recipients an event may name.
const maxDests = 1024

// Receive takes an event that the client sent; it is the router's from now on.
// Ping, negotiation and auth are the stream's business and do not come here;
// other control events (t-x-c-m, t-x-c-i-*, t-x-c-f, t-b*) are handled here. The
// error says why the event was dropped, for the stream's counter and its log; the
// connection goes on.
func (c *Client) Receive(ctx context.Context, ev *wire.Event) error {
	now := time.Now()
	c.received.Add(1)
	c.lastSeen.Store(now.UnixMilli())
	c.r.n.received.Add(1)
	if why := c.refused.Load(); why != nil {
		return *why
	}
	if done, err := c.control(ev); done {
		c.r.n.control.Add(1)
		return err
	}
	if c.r.cfg.DropStale && ev.Stale < now.UnixMilli() {
		return errStale
	}
	self, first, err := c.report(ev)
	if err != nil {
		c.r.refuse(err, ev, c.state.Load().sender(), c)
		return err
	}
	st := c.state.Load()
	e := NewEvent(ev, st.sender(), st.inGroups, now)
	e.via, e.self = c, self
	err = c.r.take(ctx, e, st.in)
	if first {
		c.arrived(ctx)
	}
	return err
}

// Identity returns the client's identity with the rights of now.
func (c *Client) Identity() auth.Identity { return c.state.Load().id }

// UID returns the uid the client reported itself with, or "".
func (c *Client) UID() string { return c.state.Load().uid }

// Close takes the client off; others are told (t-x-d-d) unless it comes back
// within a few seconds. Closing twice is harmless.
func (c *Client) Close(reason error) {
	if reason == nil {
		reason = errClosed
	}
	c.refused.CompareAndSwap(nil, &reason)
	c.r.depart(c)
	c.session.Close()
}

package cot

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"muster/cot/wire"
)

// The types of the hub's own events and of those it looks at.
const (
	typeGone    = "t-x-d-d"
	typeGroups  = "t-x-g-c"
	typeChat    = "b-t-f"
	typePending = "b-t-f-p"
	typeFailed  = "b-t-f-s"
	typeCancel  = "b-a-o-can"

	serverHow  = "h-g-i-g-o"
	serverLife = 20 * time.Second
)

// departure is a device whose others are not told yet that it left.
type departure struct {
	st     *clientState
	typ    string
	groups groupSet // where it was seen
	due    time.Time
}

// newUID returns a random uid in the form of RFC 9562 §5.4.
func newUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// about returns an event of the server's about the device uid, whose last report
// was of type typ.
func about(event, uid, typ string, now time.Time) *Event {
	w := wire.New(newUID(), event, serverHow, now, serverLife)
	w.Point.HAE = 0
	w.AddDetail(wire.AppendElement(nil, "link", nil,
		wire.Attr{Name: "relation", Value: "p-p"}, wire.Attr{Name: "uid", Value: uid}, wire.Attr{Name: "type", Value: typ}))
	return NewEvent(w, Sender{}, nil, now)
}

// depart takes c off. Nothing happens when it is off already.
func (r *Router) depart(c *Client) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	if c.closed {
		r.mu.Unlock()
		return
	}
	c.closed = true
	st := c.state.Load()
	if d := r.devices[st.uid]; d != nil && st.reported && !c.quiet {
		r.note(d, c, st)
	}
	r.unseat(c)
	last := c.latest.Swap(nil)
	stays := slices.ContainsFunc(r.byUID[st.uid], func(o *Client) bool { return o.state.Load().reported })
	if c.quiet || !st.reported || last == nil || stays {
		r.mu.Unlock()
		return
	}
	d := &departure{st: st, typ: last.Type, groups: st.shown(), due: time.Now().Add(r.cfg.DisconnectDelay)}
	if r.cfg.DisconnectDelay > 0 {
		r.gone[st.uid] = d
		r.leaving = append(r.leaving, d)
		wake(r.wakeLeaving)
	}
	r.mu.Unlock()
	if r.cfg.DisconnectDelay == 0 {
		r.announce(d)
	}
}

// announce tells everybody who saw a device that it is gone. The caller holds
// turn.
func (r *Router) announce(d *departure) {
	if !d.groups.empty() {
		r.fanOut(about(typeGone, d.st.uid, d.typ, time.Now()), d.groups, nil)
	}
	r.tellContact(d.st, false)
}

// announceDepartures announces those that have not come back in time.
func (r *Router) announceDepartures(ctx context.Context) {
	for {
		next, any := r.announceDue()
		t := time.NewTimer(time.Until(next))
		if !any {
			t.Stop()
		}
		select {
		case <-t.C:
		case <-r.wakeLeaving:
		case <-ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}

// announceDue announces those that are due and returns when the next one is.
func (r *Router) announceDue() (next time.Time, any bool) {
	for {
		r.turn.Lock()
		r.mu.Lock()
		var d *departure
		for len(r.leaving) > 0 {
			d = r.leaving[0]
			if r.gone[d.st.uid] == d {
				break
			}
			r.leaving[0], d = nil, nil
			r.leaving = r.leaving[1:]
		}
		if d == nil || time.Now().Before(d.due) {
			r.mu.Unlock()
			r.turn.Unlock()
			if d == nil {
				return time.Time{}, false
			}
			return d.due, true
		}
		delete(r.gone, d.st.uid)
		r.mu.Unlock()
		r.announce(d)
		r.turn.Unlock()
	}
}

// vanish tells who saw the device uid in before and does not in after that it is
// gone. The caller holds turn.
func (r *Router) vanish(c *Client, uid, typ string, before, after groupSet) {
	if before.within(after) {
		return
	}
	var e *Event
	for _, s := range r.seats() {
		if out := s.c.state.Load().out; s.c == c || !out.meets(before) || out.meets(after) {
			continue
		}
		if e == nil {
			e = about(typeGone, uid, typ, time.Now())
		}
		s.sink.Send(e)
	}
}

// shift tells c and the others whom they see and whom no more, now that c is in
// another state. The caller holds turn.
func (r *Router) shift(c *Client, old, now *clientState) {
	was, is := old.shown(), now.shown()
	mine := c.latest.Load()
	var farewell *Event
	at := time.Now()
	for _, s := range r.seats() {
		o := s.c
		if o == c {
			continue
		}
		st := o.state.Load()
		if mine != nil {
			switch saw, sees := st.out.meets(was), st.out.meets(is); {
			case saw && !sees:
				if farewell == nil {
					farewell = about(typeGone, now.uid, mine.Type, at)
				}
				s.sink.Send(farewell)
			case !saw && sees:
				s.send(mine)
			}
		}
		theirs := o.latest.Load()
		if theirs == nil || c.join.Sink == nil {
			continue
		}
		switch shown := st.shown(); {
		case old.out.meets(shown) && !now.out.meets(shown):
			c.join.Sink.Send(about(typeGone, st.uid, theirs.Type, at))
		case !old.out.meets(shown) && now.out.meets(shown) && !c.join.Observer:
			r.sendLatest(c, o)
		}
	}
}

// groupsChanged makes the client ask for its groups again.
func (c *Client) groupsChanged() {
	st := c.state.Load()
	if c.join.Sink == nil || st.uid == "" {
		return
	}
	typ := ""
	if e := c.latest.Load(); e != nil {
		typ = e.Type
	}
	c.join.Sink.Send(about(typeGroups, st.uid, typ, time.Now()))
}

// sendPositions queues for c the latest position of everybody it may see.
func (r *Router) sendPositions(c *Client) {
	n := 0
	out := c.state.Load().out
	r.mu.RLock()
	for _, same := range r.byUID {
		for _, o := range same {
			if o != c && o.latest.Load() != nil && out.meets(o.state.Load().shown()) {
				n += r.sendLatest(c, o)
			}
		}
	}
	r.mu.RUnlock()
	r.n.delivered.Add(int64(n))
}

// sendLatest queues for c the latest position of o, and returns how many events
// that took: o may send another one, or leave, at the same moment, and then the
// last word must be the newer one.
func (r *Router) sendLatest(c, o *Client) (n int) {
	e := o.latest.Load()
	for e != nil {
		if r.cfg.ReplayStale || e.Stale >= time.Now().UnixMilli() {
			if f := c.state.Load().filter; f == nil || f.pass(e) {
				c.join.Sink.Send(e)
				n++
			}
		}
		next := o.latest.Load()
		if next == e {
			return n
		}
		if next == nil {
			c.join.Sink.Send(about(typeGone, e.UID, e.Type, time.Now()))
			n++
		}
		e = next
	}
	return n
}

// ResendPositions queues the latest positions for the device once more.
func (r *Router) ResendPositions(uid string) {
	for _, c := range r.bound(uid) {
		if c.join.Sink != nil {
			r.sendPositions(c)
		}
	}
}

// bound returns the clients that are bound to uid.
func (r *Router) bound(uid string) []*Client {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byUID[uid]
}

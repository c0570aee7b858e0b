package cot

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
)

// anonymousGrace is for how long a client without an account keeps its uid from
// others without one, at another address, while it sends nothing.
const anonymousGrace = 30 * time.Second

// ContactFact is the data of the fact "cot.contact": a device appeared, or left
// and did not come back.
type ContactFact struct {
	UID       string `json:"uid"`
	Callsign  string `json:"callsign"`
	User      string `json:"user"`
	Connected bool   `json:"connected"`
}

// isReport reports whether a client reports itself with ev.
func isReport(ev *wire.Event) bool {
	return strings.HasPrefix(ev.Type, "a-") && ev.Contact.Callsign != "" && ev.Contact.Endpoint != ""
}

// report learns who c is from ev. self says that ev is c's report of itself,
// first that it is the first one. The error is ErrForeign.
func (c *Client) report(ev *wire.Event) (self, first bool, err error) {
	st := c.state.Load()
	switch {
	case c.join.Sink == nil: // many devices may share it
		return false, false, nil
	case st.reported && st.uid == ev.UID && strings.HasPrefix(ev.Type, "a-"):
		if isReport(ev) && !st.same(ev) {
			c.r.rename(c, ev)
		}
		return true, false, nil
	case !isReport(ev), st.uid != "" && st.uid != ev.UID:
		return false, false, nil
	}
	if err := c.r.bind(c, ev); err != nil {
		return false, false, err
	}
	return true, true, nil
}

// same reports whether ev says of its sender what is known already.
func (st *clientState) same(ev *wire.Event) bool {
	return st.callsign == ev.Contact.Callsign && st.team == ev.Group && st.phone == ev.Contact.Phone && st.takv == ev.Takv
}

// learn takes over what ev says of its sender.
func (st *clientState) learn(ev *wire.Event) {
	st.uid, st.callsign, st.phone = ev.UID, ev.Contact.Callsign, ev.Contact.Phone
	st.team, st.takv = ev.Group, ev.Takv
}

// rename takes over what ev says of c, which is bound.
func (r *Router) rename(c *Client, ev *wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.closed {
		return
	}
	old := c.state.Load()
	st := *old
	st.learn(ev)
	r.unindex(c, old)
	r.index(c, &st)
	c.state.Store(&st)
	if d := r.devices[st.uid]; d != nil {
		r.note(d, c, &st)
	}
}

// bind makes c the device that ev reports. The older connection of the same
// device is ended; if the device belongs to somebody else the error is
// ErrForeign.
func (r *Router) bind(c *Client, ev *wire.Event) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	old := c.state.Load()
	if c.closed {
		r.mu.Unlock()
		return errClosed
	}
	replaced, ok := r.claim(c, ev.UID)
	if !ok {
		r.mu.Unlock()
		return ErrForeign
	}
	var before groupSet // where the device was seen until now
	typ := ev.Type
	for _, o := range replaced {
		before = before.union(o.state.Load().shown())
		o.quiet = true
		r.unseat(o)
	}
	if d := r.gone[ev.UID]; d != nil {
		before = before.union(d.groups)
		delete(r.gone, ev.UID)
	}
	if old.uid != "" {
		r.unindex(c, old)
	}
	st := *old
	st.learn(ev)
	st.reported = true
	r.settle(c, &st)
	r.index(c, &st)
	r.enter(c, &st)
	r.own(c, &st)
	r.mu.Unlock()

	for _, o := range replaced {
		o.latest.Store(nil)
		o.end(ErrReplaced)
	}
	r.vanish(c, ev.UID, typ, before, st.shown())
	if !old.out.equal(st.out) {
		r.shift(c, old, &st) // its own choice of channels is known only now
	}
	r.tellContact(&st, true)
	return nil
}

// arrived does what waits for the first report of a device.
func (c *Client) arrived(ctx context.Context) {
	st := c.state.Load()
	if r := c.r; r.missions != nil {
		r.background(ctx, func(ctx context.Context) { r.missions.Seen(ctx, st.sender()) })
	}
	if c.r.waiting.any(st.uid) {
		c.r.background(ctx, func(ctx context.Context) { c.r.empty(ctx, st.uid) })
	}
}

// claim decides whether c may be the device uid, and returns the connections it
// takes the place of. The caller holds mu.
func (r *Router) claim(c *Client, uid string) (replaced []*Client, ok bool) {
	key := userKey(c.state.Load().id)
	if d := r.devices[uid]; d != nil && d.UserKey != key {
		return nil, false
	}
	for _, o := range r.byUID[uid] {
		if o == c {
			continue
		}
		other := userKey(o.state.Load().id)
		switch {
		case other == key && key != "":
			if o.join.Observer || c.join.Observer {
				continue // pages are windows, several may be open
			}
		case key != "" && other == "": // an account goes before who has none
		case key == "" && other == "" && c.mayFollow(o):
		default:
			return nil, false
		}
		replaced = append(replaced, o)
	}
	return replaced, true
}

// mayFollow reports whether c, who has no account, may take over the uid of o,
// who has none either: as the same phone that has lost its connection.
func (c *Client) mayFollow(o *Client) bool {
	return addr(c) == addr(o) || time.Since(time.UnixMilli(o.lastSeen.Load())) > anonymousGrace
}

func addr(c *Client) netip.Addr { return c.join.Remote.Addr().Unmap() }

// foreign reports whether uid is the device of somebody else than from, whose
// connection, if there is one, is via. The caller holds mu.
func (r *Router) foreign(uid string, from Sender, via *Client) bool {
	if trusted(from.Identity) {
		return false
	}
	key := userKey(from.Identity)
	if d := r.devices[uid]; d != nil {
		return d.UserKey != key
	}
	live := r.byUID[uid]
	return len(live) > 0 && !slices.ContainsFunc(live, func(o *Client) bool {
		other := userKey(o.state.Load().id)
		if key == "" {
			// Without accounts, only the connection tells one from the other.
			return other == "" && (o == via || via == nil && from.UID == uid)
		}
		return other == key
	})
}

// checkSender reports whether e may be in the name it comes in: that of a device
// of the sender's own, or of no device. A report of the client itself has been
// checked. The error is ErrForeign.
func (r *Router) checkSender(e *Event) error {
	if e.self {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.foreign(e.UID, e.From, e.via) {
		return ErrForeign
	}
	switch {
	case e.isChat():
		return r.checkChat(e)
	case strings.HasPrefix(e.Type, "b-a-"), e.Type == typeGone:
		for link := range e.Children() {
			if link.Name == "link" && r.foreign(link.Attr("uid"), e.From, e.via) {
				return ErrForeign
			}
		}
	}
	return nil
}

// checkChat looks at who a message says it is from. The caller holds mu.
func (r *Router) checkChat(e *Event) error {
	if link, ok := e.Child("link"); ok && link.Attr("uid") != "" {
		if r.foreign(link.Attr("uid"), e.From, e.via) {
			return ErrForeign
		}
		return nil
	}
	if chat, ok := e.Child("__chat"); ok && e.Type == typeChat {
		if group, ok := chat.Child("chatgrp"); ok && r.foreign(group.Attr("uid0"), e.From, e.via) {
			return ErrForeign
		}
	}
	return nil
}

// refuse counts and logs an event that was not taken.
func (r *Router) refuse(err error, ev *wire.Event, from Sender, via *Client) {
	switch {
	case errors.Is(err, ErrForeign):
		r.n.foreign.Add(1)
		var remote netip.AddrPort
		if via != nil {
			remote = via.join.Remote
		}
		r.log.Warn("an event in the name of somebody else's device was refused",
			"user", from.Identity.User, "remote", remote, "device", from.UID, "uid", ev.UID, "type", ev.Type)
	case errors.Is(err, auth.ErrDenied):
		r.n.denied.Add(1)
	}
}

// tellContact publishes that a device appeared or left.
func (r *Router) tellContact(st *clientState, connected bool) {
	r.fact("cot.contact", ContactFact{st.uid, st.callsign, st.id.User, connected}, st.inGroups)
}

// fact publishes data to who reads one of groups; to administrators if there is
// none.
func (r *Router) fact(kind string, data any, groups []string) {
	if r.bus != nil {
		r.bus.Publish(bus.Fact{Kind: kind, Data: data, Groups: groups, Admin: len(groups) == 0})
	}
}

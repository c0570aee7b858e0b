package cot

import (
	"context"
	"strings"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
)

// Publish routes an event as if from had sent it over a stream, without being a
// client: for HTTP callers and pages. groups narrows the groups it goes to; nil
// means all that from may write to. The error wraps auth.ErrDenied when none is
// left, and ErrForeign when from.UID or the event's is somebody else's device.
func (r *Router) Publish(ctx context.Context, from Sender, ev *wire.Event, groups []string) error {
	if from.UID != "" {
		r.mu.RLock()
		foreign := r.foreign(from.UID, from, nil)
		r.mu.RUnlock()
		if foreign {
			r.refuse(ErrForeign, ev, from, nil)
			return ErrForeign
		}
	}
	via := r.connection(from)
	switch {
	case groups != nil:
	case via != nil:
		groups = via.state.Load().inGroups // its choice of channels counts here, too
	default:
		groups = from.Identity.WriteGroups()
	}
	var may []string
	for _, g := range groups {
		if auth.Allow(from.Identity, auth.Publish, auth.Data("situation", []string{g})) == nil {
			may = append(may, g)
		}
	}
	e := NewEvent(ev, from, may, time.Now())
	e.via = via
	return r.take(ctx, e, r.numbers.set(may))
}

// connection returns the client that from is, if it is connected, so that it is
// not sent its own event.
func (r *Router) connection(from Sender) *Client {
	if from.UID == "" {
		return nil
	}
	for _, c := range r.bound(from.UID) {
		id := c.state.Load().id
		if id.User == from.Identity.User && id.System == from.Identity.System {
			return c
		}
	}
	return nil
}

// Announce sends an event of the server to every client that reads one of groups.
func (r *Router) Announce(ev *wire.Event, groups []string) {
	e := NewEvent(ev, Sender{}, groups, time.Now())
	r.fanOut(e, r.numbers.of(groups), nil)
	if r.recorder != nil && !strings.HasPrefix(e.Type, "t-x-") {
		r.recorder.Record(e)
	}
}

// Notify sends an event of the server to the clients with these uids, as far as
// they are connected, and returns the uids that were reached.
func (r *Router) Notify(ev *wire.Event, uids ...string) []string {
	return r.hand(NewEvent(ev, Sender{}, nil, time.Now()), uids)
}

// Deliver hands e to the clients with these uids, but not to its own sender.
func (r *Router) Deliver(e *Event, uids []string) { r.hand(e, uids) }

// hand queues e for the clients with these uids, and returns those it reached.
func (r *Router) hand(e *Event, uids []string) (reached []string) {
	var found clientSet
	r.mu.RLock()
	for _, uid := range uids {
		hit := false
		for _, c := range r.byUID[uid] {
			if c.join.Sink == nil || c == e.via || e.via == nil && e.From.UID == uid {
				continue
			}
			found.add(c)
			hit = true
		}
		if hit {
			reached = append(reached, uid)
		}
	}
	r.mu.RUnlock()
	for _, c := range found.list {
		c.join.Sink.Send(e)
	}
	r.n.delivered.Add(int64(len(found.list)))
	return reached
}

// SetInjectors replaces the XML that is added to the detail of every event of a
// uid; the XML is well formed.
func (r *Router) SetInjectors(byUID map[string][][]byte) {
	own := make(map[string][][]byte, len(byUID))
	for uid, list := range byUID {
		own[uid] = append([][]byte(nil), list...)
	}
	r.injectors.Store(&own)
}

func (r *Router) inject(e *Event) {
	m := r.injectors.Load()
	if m == nil {
		return
	}
	for _, xml := range (*m)[e.UID] {
		e.AddDetail(xml)
	}
}

// reply sends the sender of e, if it is connected, a copy of it of another type.
func (r *Router) reply(e *Event, typ string) {
	answer := e.again(typ, time.Now(), serverLife)
	if r.recorder != nil { // the message's state
		r.recorder.Record(answer)
	}
	if e.via != nil && e.via.join.Sink != nil {
		e.via.join.Sink.Send(answer)
	}
}

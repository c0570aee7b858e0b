package sip

import (
	"context"
	"fmt"
	"strings"

	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// transfer is a REFER that is being carried out (RFC 3515, RFC 5589): who is at
// the other end of this call is to be connected to somebody else.
type transfer struct {
	l       *leg
	silent  bool // the phone wants no reports (RFC 4488)
	request uint32
}

// refer takes a REFER. Only users may have calls made, for they are made with
// their rights.
func (l *leg) refer(tx *transaction.Server) {
	req := tx.Request()
	to, err := wire.ParseAddress(req.Get("Refer-To"))
	switch {
	case err != nil || !to.URI.SIP() && to.URI.Scheme != "tel":
		l.reply(tx, 400)
		return
	case l.id.User == "":
		l.s.n.refused.Add(1)
		l.reply(tx, 403)
		return
	case l.state != stateUp || !l.transferable():
		l.reply(tx, 480)
		return
	}
	t := &transfer{l: l, request: req.Seq, silent: strings.EqualFold(req.Get("Refer-Sub"), "false")}
	r := l.response(req, 202)
	if t.silent {
		r.Add("Refer-Sub", "false")
	}
	_ = tx.Respond(r) // asked again if lost
	t.report(100)
	if v, ok := to.URI.Header("Replaces"); ok {
		t.attended(v)
		return
	}
	t.blind(to.URI)
}

// transferable reports whether there is somebody at the other end.
func (l *leg) transferable() bool {
	switch p := l.party.(type) {
	case *mate:
		return true
	case *seated:
		return p.seat != nil
	}
	return false
}

// report tells the phone how the transfer goes.
func (t *transfer) report(status int) {
	l := t.l
	if t.silent || l.state != stateUp {
		return
	}
	m := l.request(wire.Notify)
	m.Addf("Event", "refer;id=%d", t.request)
	state := "active;expires=60"
	if status >= 200 {
		state = "terminated;reason=noresource"
	}
	m.Add("Subscription-State", state)
	m.SetBody("message/sipfrag;version=2.0", fmt.Appendf(nil, "%s %d %s\r\n", wire.Version, status, wire.ReasonOf(status)))
	l.send(m, nil)
}

// done reports the outcome and, after a success, ends this call. Who was at its
// other end has another one by then.
func (t *transfer) done(status int) {
	t.report(status)
	if status < 300 {
		t.l.bye("transferred")
	}
}

// blind calls a number for the other end.
func (t *transfer) blind(to wire.URI) {
	l := t.l
	if !l.s.ours(to) && to.Scheme != "tel" {
		t.done(404)
		return
	}
	l.s.group.Go(func(ctx context.Context) {
		dest, err := l.s.route(ctx, l.id, to.Name())
		l.post(func() {
			switch {
			case err != nil:
				t.done(l.statusOf(err))
			case dest.room != nil:
				t.toRoom(*dest.room)
			default:
				t.toPhone(dest)
			}
		})
	})
}

// toRoom takes the other end into a room, with the rights of the one who
// transfers.
func (t *transfer) toRoom(room Room) {
	l := t.l
	m, ok := l.party.(*mate)
	if !ok {
		t.done(488) // from room to room one goes oneself
		return
	}
	o := m.other
	id := l.id
	l.party = &released{}
	o.post(func() {
		o.party = &seated{l: o, room: room, request: JoinRequest{
			Room: room.Name, Display: legible(o.remote.Display), Number: legible(o.remote.URI.Name()), Identity: o.id, By: id, Video: o.media.video != nil, Leg: o,
		}}
		o.party.up(o.neg.Plan())
	})
	t.done(200)
}

// toPhone calls a phone for the other end.
func (t *transfer) toPhone(dest destination) {
	l := t.l
	h := &hunt{s: l.s, log: &callLog{id: l.id, from: l.shown(), exclude: l.flow}}
	if m, ok := l.party.(*mate); ok {
		h.audio, h.video = sdp.Audio(), one(m.theirs.Video)
		if m.other.remote.URI.User != "" {
			h.log.from = m.other.shown()
		}
		h.silent = m.theirs.Video == nil
	}
	h.then = func(b *leg, _ sdp.Plan, err error) {
		l.deliver(func() {
			if err != nil {
				t.done(l.statusOf(err))
				return
			}
			t.connect(b)
		}, func() {
			if b != nil {
				b.hangUp("the transfer was given up")
			}
		})
	}
	if err := h.start(dest); err != nil {
		t.done(l.statusOf(err))
	}
}

// connect puts b in the place of this call.
func (t *transfer) connect(b *leg) {
	l := t.l
	switch p := l.party.(type) {
	case *mate:
		l.party = &released{}
		join(p.other, b)
	case *seated:
		p.give(b)
		l.party = &released{}
	default:
		b.hangUp("nobody to connect to")
	}
	t.done(200)
}

// attended connects the other end of this call with that of another call of the
// same phone.
func (t *transfer) attended(replaces string) {
	l := t.l
	o := l.s.replaced(replaces)
	if o == nil || o == l || o.id.User != l.id.User {
		t.done(481)
		return
	}
	o.post(func() {
		m, ok := o.party.(*mate)
		if !ok || o.state != stateUp {
			l.post(func() { t.done(480) })
			return
		}
		third := m.other
		o.party = &released{}
		o.bye("transferred")
		l.deliver(func() { t.connect(third) }, func() { third.hangUp("the transfer was given up") })
	})
}

// replaced finds the call that a Replaces header names (RFC 3891). Its tags are
// those of the phone's other dialog with us, whichever side began it.
func (s *Server) replaced(v string) *leg {
	callID, params, _ := strings.Cut(v, ";")
	var to, from string
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(name) {
		case "to-tag":
			to = value
		case "from-tag":
			from = value
		}
	}
	if l := s.find(dialogID{callID: strings.TrimSpace(callID), local: to, remote: from}); l != nil {
		return l
	}
	return s.find(dialogID{callID: strings.TrimSpace(callID), local: from, remote: to})
}

// replace takes an INVITE with Replaces (RFC 3891): a user goes on with a call
// of theirs on another phone.
func (s *Server) replace(tx *transaction.Server, who caller) {
	o := s.replaced(tx.Request().Get("Replaces"))
	if o == nil || who.id.User == "" || o.id.User != who.id.User {
		s.suspect(tx.Flow())
		s.reply(tx, 481, "") // nobody learns which calls there are
		return
	}
	l, err := s.accepted(tx, who)
	if err != nil {
		s.reply(tx, 486, "")
		return
	}
	s.begin(l, tx, func() {
		l.party = &heir{l: l, o: o}
		err := l.openMedia(wantsVideo(l.uas.offer), l.flow.Network() == "tls")
		if err == nil {
			err = l.answer()
		}
		if err != nil {
			l.fail(488)
		}
	})
}

// heir is the party of a leg that takes the place of another.
type heir struct{ l, o *leg }

// up implements party.
func (h *heir) up(sdp.Plan) {
	l, o := h.l, h.o
	l.party = &released{} // until the other leg has let go
	o.deliver(func() {
		switch p := o.party.(type) {
		case *mate:
			join(l, p.other)
		case *seated:
			if p.seat == nil {
				l.hangUp("there is nothing to go on with")
				return
			}
			p.give(l)
		default:
			l.hangUp("there is nothing to go on with")
			return
		}
		o.party = &released{}
		o.bye("replaced")
	}, func() { l.hangUp("the call is over") })
}

// key implements party.
func (h *heir) key(byte) {}

// keyFrame implements party.
func (h *heir) keyFrame() {}

// down implements party.
func (h *heir) down(string) {}

// notify takes a report about a transfer that we asked for; we never do, so
// whatever it says is of no interest.
func (l *leg) notify(tx *transaction.Server) { l.reply(tx, 481) }

// released is the party of a leg whose other end was given away.
type released struct{}

func (*released) up(sdp.Plan) {}
func (*released) key(byte)    {}
func (*released) keyFrame()   {}
func (*released) down(string) {}

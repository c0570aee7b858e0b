package sip

import (
	"context"
	"errors"
	"slices"

	"muster/internal/auth"
	"muster/sip/rtp"
	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// bridge connects the phone that calls with the one that answers. Media goes
// through the server, re-encrypted but not transcoded: the called side chooses
// among the codecs of the calling one. All of it belongs to the goroutine of a,
// the calling leg; b posts to it.
type bridge struct {
	a       *leg
	calls   []*leg // of ours that have not answered
	b       *leg   // the one that has
	rang    bool
	worst   int // the best reason for failure so far
	planA   sdp.Plan
	planB   sdp.Plan
	ready   bool // both are up
	stopped bool
}

// far is the party of b's leg.
type far struct {
	br *bridge
	l  *leg
}

// connect calls where dest leads on behalf of the INVITE at hand.
func (l *leg) connect(dest destination, req *wire.Message) {
	br := &bridge{a: l}
	l.party = br
	var err error
	if dest.trunk != nil {
		err = br.callTrunk(dest, req)
	} else {
		err = br.callUser(dest.user, req)
	}
	switch {
	case err == nil:
	case errors.Is(err, auth.ErrDenied):
		l.s.n.refused.Add(1)
		l.fail(403)
	case errors.Is(err, errCap):
		l.s.n.overload.Add(1)
		l.fail(486)
	case errors.Is(err, errNowhere):
		l.fail(480)
	default:
		l.log.Warn("a call cannot be connected", "error", err)
		l.fail(503)
	}
}

// callUser rings all phones of a user. Who may write to a group that the user
// reads may call.
func (br *bridge) callUser(user string, req *wire.Message) error {
	l := br.a
	phones := l.s.reg.find(user)
	phones = slices.DeleteFunc(phones, func(p *binding) bool { return p.flow.Remote() == l.flow.Remote() && l.id.User == user })
	if len(phones) == 0 {
		return errNowhere
	}
	if l.trunk == nil {
		if err := auth.Allow(l.id, auth.Publish, auth.Data("the phone of "+user, phones[0].session.Identity().ReadGroups())); err != nil {
			return err
		}
	}
	for _, p := range phones {
		to := wire.Address{URI: wire.URI{Scheme: "sip", User: wire.Escape(user), Host: l.local.URI.Host}}
		br.dial(p.flow, p.contact, l.from(), to, nil)
	}
	if len(br.calls) == 0 {
		return errMedia
	}
	return nil
}

// from is how the calling side is shown to the called one. Users cannot show a
// number that is not theirs.
func (l *leg) from() wire.Address {
	a := wire.Address{Display: l.remote.Display, URI: wire.URI{Scheme: "sip", User: l.remote.URI.User, Host: l.local.URI.Host}}
	if l.id.User != "" {
		a.URI.User = wire.Escape(l.id.User)
	}
	return a
}

// callTrunk calls a number over a trunk.
func (br *bridge) callTrunk(dest destination, req *wire.Message) error {
	l := br.a
	t := dest.trunk
	release, err := l.s.caps.takeTrunk(t.cfg.Name, t.cfg.Calls, l.id.User, true, l.started)
	if err != nil {
		return err
	}
	l.release = append(l.release, release)
	l.log.Info("call over a trunk", "trunk", t.cfg.Name, "number", dest.number)
	// Looking a name up and connecting take time that the leg does not have.
	l.s.group.Go(func(ctx context.Context) {
		flow, err := l.s.reach(ctx, t)
		l.post(func() {
			if err != nil {
				l.log.Warn("a trunk cannot be reached", "trunk", t.cfg.Name, "error", err)
				l.fail(503)
				return
			}
			from := l.from()
			if t.cfg.Number != "" {
				from.URI.User = wire.Escape(t.cfg.Number)
			}
			from.URI.Host = t.domain()
			target := wire.URI{Scheme: "sip", User: wire.Escape(dest.number), Host: t.domain()}
			if br.dial(flow, target, from, wire.Address{URI: target}, t); len(br.calls) == 0 {
				l.fail(503)
			}
		})
	})
	return nil
}

// dial makes one leg of the called side.
func (br *bridge) dial(flow transaction.Flow, target wire.URI, from, to wire.Address, t *trunk) {
	a := br.a
	l := a.s.newLeg(flow, transaction.Tag()+transaction.Tag())
	l.id, l.trunk, l.trusted = a.id, t, true
	l.target, l.remote, l.local = target, to, from
	l.local.Params = l.local.Params.With("tag", l.dialog.local)
	l.party = &far{br: br, l: l}
	offer := a.uas.offer
	br.calls = append(br.calls, l)
	ok := l.start(func() {
		if err := l.openMedia(wantsVideo(offer), flow.Network() == "tls"); err != nil {
			l.end("no media")
			a.post(func() { br.failed(l, err) })
			return
		}
		if offer != nil {
			l.neg.Restrict(sdp.Common(offer))
		}
		l.call(func(status int) { a.post(func() { br.ringing(status) }) }, func(err error) {
			if err != nil {
				a.post(func() { br.failed(l, err) })
			}
		})
	})
	if !ok {
		br.calls = br.calls[:len(br.calls)-1]
	}
}

// errMedia is the failure of a call whose media cannot be set up.
var errMedia = errors.New("sip: no media")

// ringing tells the calling phone that the other one rings.
func (br *bridge) ringing(status int) {
	if br.rang || br.a.uas == nil || br.a.uas.answered {
		return
	}
	br.rang = true
	br.a.ring()
}

// failed takes one of the called legs off the list. When none is left the call
// has failed, with the most telling of their reasons.
func (br *bridge) failed(l *leg, err error) {
	br.calls = slices.DeleteFunc(br.calls, func(o *leg) bool { return o == l })
	var r *refused
	if errors.As(err, &r) && (br.worst == 0 || r.status < br.worst || r.status >= 600) {
		br.worst = r.status
	}
	if len(br.calls) > 0 || br.b != nil || br.stopped {
		return
	}
	status := br.worst
	switch status {
	case 0:
		status = 480
	case 401, 407, 408, 422, 481:
		status = 503 // between us and them; it says nothing to the phone
	}
	br.a.fail(status)
}

// answered connects the first that answers; the others stop ringing.
func (br *bridge) answered(l *leg, plan sdp.Plan) {
	a := br.a
	if br.stopped || a.state == stateOver || br.b != nil {
		l.hangUp("answered elsewhere")
		return
	}
	br.b, br.planB = l, plan
	for _, o := range br.calls {
		if o != l {
			o.hangUp("answered elsewhere")
		}
	}
	br.calls = nil
	if a.media.audio == nil {
		if err := a.openMedia(plan.Video != nil, a.flow.Network() == "tls"); err != nil {
			a.log.Error("a call gets no media", "error", err)
			a.fail(503)
			return
		}
	}
	a.neg.Restrict(one(plan.Audio), one(plan.Video))
	if err := a.answer(); err != nil {
		a.fail(488)
	}
}

// one is the list of the codec of a stream.
func one(s *sdp.Stream) []sdp.Format {
	if s == nil {
		return nil
	}
	f := s.Format
	if f.Name == "H264" { // either mode: units are packetized anew
		return slices.DeleteFunc(sdp.Video(), func(v sdp.Format) bool { return v.Name != "H264" })
	}
	return []sdp.Format{f}
}

// up implements party for a.
func (br *bridge) up(plan sdp.Plan) {
	br.planA = plan
	br.ready = true
	br.join()
}

// join connects the streams both ways.
func (br *bridge) join() {
	if !br.ready || br.b == nil || br.stopped {
		return
	}
	patch(br.a, br.b, br.planA, br.planB, func(d byte) { br.a.post(func() { br.key(d) }) })
	patch(br.b, br.a, br.planB, br.planA, func(d byte) { br.b.post(func() { br.b.party.key(d) }) })
	if br.planA.Video != nil {
		br.a.RequestKeyFrame()
		br.b.RequestKeyFrame()
	}
}

// patch sends what comes from one leg to the other. Streams that do not have
// the same codec stay silent.
func patch(from, to *leg, in, out sdp.Plan, key func(byte)) {
	h := rtp.Handlers{Key: key}
	if in.Audio != nil && out.Audio != nil && sdp.Same(in.Audio.Format, out.Audio.Format) {
		h.Packet = to.media.audio.Forward
	}
	from.media.audio.Handle(h)
	if from.media.video == nil || to.media.video == nil {
		return
	}
	v := rtp.Handlers{KeyFrame: to.RequestKeyFrame}
	if in.Video != nil && out.Video != nil && in.Video.Format.Name == out.Video.Format.Name {
		v.Unit = to.media.video.SendUnit
	}
	from.media.video.Handle(v)
}

// key implements party for a.
func (br *bridge) key(digit byte) {
	if br.b != nil {
		br.b.press(digit)
	}
}

// press has the phone hear a key, in its media or by INFO.
func (l *leg) press(digit byte) {
	l.post(func() {
		if l.state != stateUp || l.media.audio.SendKey(digit) || !l.allows(wire.Info) {
			return
		}
		m := l.request(wire.Info)
		m.SetBody("application/dtmf-relay", []byte("Signal="+string(digit)+"\r\nDuration=160\r\n"))
		l.send(m, nil)
	})
}

// keyFrame implements party for a.
func (br *bridge) keyFrame() {
	if br.b != nil {
		br.b.RequestKeyFrame()
	}
}

// down implements party for a.
func (br *bridge) down(reason string) {
	br.stopped = true
	for _, l := range br.calls {
		l.hangUp(reason)
	}
	if br.b != nil {
		br.b.hangUp(reason)
	}
}

// up implements party.
func (f *far) up(plan sdp.Plan) {
	f.br.a.post(func() {
		if f.br.b == f.l {
			f.br.planB = plan
			f.br.join()
			return
		}
		f.br.answered(f.l, plan)
	})
}

// key implements party.
func (f *far) key(digit byte) { f.br.a.press(digit) }

// keyFrame implements party.
func (f *far) keyFrame() { f.br.a.RequestKeyFrame() }

// down implements party.
func (f *far) down(reason string) {
	f.br.a.post(func() {
		if f.br.b == f.l {
			f.br.a.bye(reason)
		}
	})
}

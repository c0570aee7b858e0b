package sip

import (
	"errors"
	"slices"

	"muster/internal/auth"
	"muster/sip/sdp"
	"muster/sip/wire"
)

// bridge is the party of a leg that calls another phone, until both are up.
// Media goes through the server, re-encrypted but not transcoded: the called
// side chooses among the codecs of the calling one.
type bridge struct {
	a    *leg
	h    *hunt
	b    *leg // the one that has answered
	rang bool
}

// connect calls where dest leads on behalf of the INVITE at hand.
func (l *leg) connect(dest destination) {
	br := &bridge{a: l}
	l.party = br
	if l.hops < 2 { // a loop of exchanges
		l.fail(483)
		return
	}
	br.h = &hunt{
		s: l.s, hops: l.hops - 1, log: &callLog{id: l.id, trunk: l.trunk != nil, from: l.shown(), exclude: l.flow}, silent: !wantsVideo(l.uas.offer),
		ringing: func(int) { l.post(br.ringing) },
		then: func(b *leg, plan sdp.Plan, err error) {
			l.deliver(func() { br.settled(b, plan, err) }, func() {
				if b != nil {
					b.hangUp("the caller is gone")
				}
			})
		},
	}
	if l.uas.offer != nil {
		br.h.audio, br.h.video = sdp.Common(l.uas.offer)
	}
	if err := br.h.start(dest); err != nil {
		l.fail(l.statusOf(err))
	}
}

// statusOf is what the one who calls is told of an error.
func (l *leg) statusOf(err error) int {
	var r *refused
	switch {
	case errors.As(err, &r):
		return r.status
	case errors.Is(err, auth.ErrDenied):
		l.s.n.refused.Add(1)
		return 403
	case errors.Is(err, ErrBusy):
		l.s.n.overload.Add(1)
		return 486
	case errors.Is(err, ErrNowhere), errors.Is(err, errCancelled):
		return 480
	}
	l.log.Warn("a call cannot be connected", "error", err)
	return 503
}

// shown is how a leg is shown to others. Users cannot show a name that is not
// theirs.
func (l *leg) shown() wire.Address {
	a := wire.Address{Display: legible(l.remote.Display), URI: wire.URI{Scheme: "sip", User: l.remote.URI.User, Host: l.local.URI.Host}}
	if l.id.User != "" {
		a.URI.User = wire.Escape(l.id.User)
	}
	return a
}

// ringing tells the calling phone that the other one rings.
func (br *bridge) ringing() {
	if !br.rang && br.a.uas != nil && !br.a.uas.answered {
		br.rang = true
		br.a.ring()
	}
}

// settled takes the outcome of the hunt.
func (br *bridge) settled(b *leg, plan sdp.Plan, err error) {
	a := br.a
	if err != nil {
		if a.uas != nil && !a.uas.answered {
			a.fail(a.statusOf(err))
		}
		return
	}
	br.b = b
	b.post(func() { b.party = &mate{l: b, other: a} }) // a hangs up, b hangs up
	err = a.openMedia(plan.Video != nil, a.flow.Network() == "tls")
	if err == nil {
		a.neg.Restrict(one(plan.Audio), one(plan.Video))
		err = a.answer()
	}
	if err != nil {
		a.log.Info("two phones have nothing in common", "error", err)
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

// up implements party: the calling side is up, too.
func (br *bridge) up(plan sdp.Plan) {
	br.a.party = &mate{l: br.a, other: br.b}
	br.a.party.up(plan)
}

// key implements party.
func (br *bridge) key(byte) {}

// keyFrame implements party.
func (br *bridge) keyFrame() {}

// down implements party.
func (br *bridge) down(reason string) {
	if br.h != nil {
		br.h.stop()
	}
	if br.b != nil {
		br.b.hangUp(reason)
	}
}

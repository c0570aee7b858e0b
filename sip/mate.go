package sip

import (
	"muster/sip/rtp"
	"muster/sip/sdp"
	"muster/sip/wire"
)

// mate is the party of a leg that is connected to another one. Each side tells
// the other what it has agreed on with its phone.
type mate struct {
	l, other *leg
	plan     sdp.Plan // of l
	theirs   sdp.Plan // of other
	known    bool     // theirs is set
	asked    bool     // the phone was asked for another codec already
	held     bool     // the phone was told that the other one is on hold
}

// join connects two legs that are up, which may have been connected to others.
// It may be called from any goroutine.
func join(x, y *leg) {
	for _, p := range [][2]*leg{{x, y}, {y, x}} {
		l, other := p[0], p[1]
		ok := l.post(func() {
			l.party = &mate{l: l, other: other}
			if l.state == stateUp {
				l.party.up(l.neg.Plan())
			}
		})
		if !ok {
			other.hangUp("the other side is gone")
		}
	}
}

// up implements party.
func (m *mate) up(plan sdp.Plan) {
	m.plan = plan
	m.share(true)
	m.patch()
}

// share tells the other leg what this one has agreed on, and asks for the same.
func (m *mate) share(ask bool) {
	l, plan := m.l, m.plan
	m.other.post(func() {
		o, ok := m.other.party.(*mate)
		if !ok || o.other != l || m.other.state != stateUp {
			return
		}
		o.theirs, o.known, o.plan = plan, true, m.other.neg.Plan()
		o.patch()
		if ask {
			o.share(false)
		}
	})
}

// patch sends what comes from this leg's phone to the other's. Where they have
// different codecs, after a transfer, this phone is asked for the other's.
func (m *mate) patch() {
	if !m.known {
		return
	}
	l, o := m.l, m.other
	in, out := m.plan, m.theirs
	if hold := out.Audio != nil && !out.Audio.Send; hold != m.held && l.uac == nil && l.uas == nil {
		m.held = hold
		l.neg.Hold(hold)
		l.reoffer(nil)
	}
	h := rtp.Handlers{Key: o.press}
	switch {
	case in.Audio == nil || out.Audio == nil:
	case sdp.Same(in.Audio.Format, out.Audio.Format):
		h.Packet = o.media.audio.Forward
	case !m.asked && l.outbound:
		m.asked = true
		l.neg.Restrict(one(out.Audio), one(out.Video))
		l.reoffer(nil)
	}
	l.media.audio.Handle(h)
	if l.media.video == nil || o.media.video == nil || in.Video == nil || out.Video == nil {
		return
	}
	v := rtp.Handlers{KeyFrame: o.RequestKeyFrame}
	if in.Video.Format.Name == out.Video.Format.Name {
		v.Unit = o.media.video.SendUnit
	}
	l.media.video.Handle(v)
	l.askPicture()
}

// key implements party.
func (m *mate) key(digit byte) { m.other.press(digit) }

// keyFrame implements party.
func (m *mate) keyFrame() { m.other.RequestKeyFrame() }

// down implements party.
func (m *mate) down(reason string) {
	l := m.l
	m.other.post(func() {
		switch p := m.other.party.(type) {
		case *mate:
			if p.other == l {
				m.other.bye(reason)
			}
		case *bridge:
			if p.b == l {
				m.other.bye(reason)
			}
		}
	})
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

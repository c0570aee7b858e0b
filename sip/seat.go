package sip

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster/internal/auth"
	"muster/sip/rtp"
	"muster/sip/sdp"
	"muster/sip/wire"
)

// seated is a leg in a room, or on its way there.
type seated struct {
	l       *leg
	room    Room
	request JoinRequest
	seat    Seat // nil until the PIN is right
	audio   sdp.Format
	video   sdp.Format
	in      func(rtp.Packet)
	lost    func(percent int)
	keys    keypad
	voice   voice
	joining bool
	dialogue
}

// intoRoom takes the INVITE at hand into a room. Who has a right to be there
// comes in at once; who needs the PIN is answered and asked for it.
func (l *leg) intoRoom(room Room, req *wire.Message) {
	p := &seated{l: l, room: room, request: JoinRequest{
		Room: room.Name, Identity: l.id, Display: legible(l.remote.Display), Number: legible(l.remote.URI.Name()), Video: wantsVideo(l.uas.offer), Leg: l, Remote: l.flow.Remote(),
	}}
	if p.request.Display == "" {
		p.request.Display = p.request.Number
	}
	l.party = p
	l.note(func(c *CallInfo) { c.Room = room.Name })
	p.join("", func(err error) {
		switch {
		case err == nil, errors.Is(err, ErrPIN):
			if oerr := l.openMedia(p.request.Video, l.flow.Network() == "tls"); oerr != nil {
				l.log.Error("a call gets no media", "error", oerr)
				l.fail(503)
				return
			}
			if aerr := l.answer(); aerr != nil {
				l.fail(488)
			}
		case errors.Is(err, ErrFull):
			l.fail(486)
		case (errors.Is(err, auth.ErrDenied) || errors.Is(err, ErrNoRoom)) && l.id.User == "" && l.trunk == nil:
			u := l.uas // which rooms there are is told to people with a login
			u.answered = true
			l.uas = nil
			l.s.challenge(u.tx, false)
			l.end("credentials needed")
		case errors.Is(err, auth.ErrDenied):
			l.s.n.refused.Add(1)
			l.fail(403)
		case errors.Is(err, ErrNoRoom):
			l.fail(404)
		default:
			l.log.Error("a call cannot join", "room", room.Name, "error", err)
			l.fail(500)
		}
	})
}

// legible makes a name that a phone gave fit to be shown: without control
// characters and not endless.
func legible(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > displayRunes {
		s = string(r[:displayRunes])
	}
	return strings.TrimSpace(s)
}

const displayRunes = 64

// fail refuses the INVITE that begins the call, and ends the leg.
func (l *leg) fail(status int) {
	l.refuse(status, "")
	l.end(wire.ReasonOf(status))
}

// join asks the room for a seat without holding up the leg.
func (p *seated) join(pin string, then func(error)) {
	r := p.request
	r.PIN = pin
	p.joining = true
	l := p.l
	l.s.group.Go(func(ctx context.Context) {
		seat, err := l.s.deps.Rooms.Join(ctx, r)
		l.deliver(func() {
			p.joining = false
			if err == nil && (l.state == stateOver || l.leaving != "") {
				seat.Close()
				return
			}
			if err == nil {
				p.seat = seat
			}
			then(err)
		}, func() {
			if err == nil {
				seat.Close()
			}
		})
	})
}

// up implements party.
func (p *seated) up(plan sdp.Plan) {
	switch {
	case p.seat != nil:
		p.attach(plan)
	case p.request.By.User != "":
		p.enter()
	default:
		p.ask(plan)
	}
}

// enter joins with the rights of whoever had the phone called.
func (p *seated) enter() {
	if p.joining {
		return
	}
	l := p.l
	l.note(func(c *CallInfo) { c.Room = p.room.Name })
	p.join("", func(err error) {
		if err != nil {
			l.log.Info("a call cannot join", "room", p.room.Name, "error", err)
			l.bye("the room cannot be joined")
			return
		}
		p.attach(l.neg.Plan())
	})
}

// give hands the place in the room over to another call.
func (p *seated) give(b *leg) {
	r := p.request
	r.By, r.Identity = p.l.id, b.id
	r.Display, r.Number, r.Leg = legible(b.remote.Display), legible(b.remote.URI.Name()), b
	if r.Display == "" {
		r.Display = r.Number
	}
	b.post(func() {
		b.party = &seated{l: b, room: p.room, request: r}
		b.party.up(b.neg.Plan())
	})
	p.down("")
}

// attach connects the media in force with the seat. What has not changed stays
// as it is.
func (p *seated) attach(plan sdp.Plan) {
	l := p.l
	h := rtp.Handlers{Key: p.pressed, KeyFrame: p.seat.RequestKeyFrame}
	if a := plan.Audio; a != nil && a.Format != p.audio {
		p.audio = a.Format
		p.in, p.lost = p.seat.Audio(a.Format, p.voice.unless(l.media.audio.SendAudio))
		if a.Events == 0 { // its keys are in the sound
			p.in = p.listen(a.Format, p.in)
		}
	}
	h.Packet, h.Loss = p.in, p.lost
	l.media.audio.Handle(h)
	p.catchUp()
	v := plan.Video
	if v == nil || l.media.video == nil {
		if p.video.Name != "" {
			p.video = sdp.Format{}
			p.seat.Video(p.video, nil)
		}
		return
	}
	if v.Format != p.video {
		p.video = v.Format
		h.Loss = nil // is of the sound
		h.Unit = p.seat.Video(v.Format, l.media.video.SendUnit)
		l.media.video.Handle(h)
	}
	p.seat.RequestKeyFrame()
}

// keyFrame implements party.
func (p *seated) keyFrame() {
	if p.seat != nil {
		p.seat.RequestKeyFrame()
	}
}

// down implements party.
func (p *seated) down(string) {
	p.voice.hush()
	p.dialogue.stop()
	if p.seat != nil {
		p.seat.Close()
	}
}

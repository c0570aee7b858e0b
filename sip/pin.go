package sip

import (
	"errors"
	"time"

	"muster/sip/prompt"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// Limits of the dialogue about the PIN.
const (
	pinTries  = 3
	pinDigits = 32
	// askAgain is how long a caller who types nothing is left in silence.
	askAgain = 6 * time.Second
)

// dialogue is the talk with a caller who needs the PIN of a room.
type dialogue struct {
	pin   []byte
	typed []byte // while the room was asked; at most pinDigits
	tries int
	limit *time.Timer
	again *time.Timer
	asked sdp.Format // the codec the caller was spoken to in
	late  []prompt.Name
}

func (d *dialogue) stop() {
	for _, t := range []*time.Timer{d.limit, d.again} {
		if t != nil {
			t.Stop()
		}
	}
}

// ask begins the dialogue about the PIN, or goes on with it in other codecs.
func (p *seated) ask(plan sdp.Plan) {
	l := p.l
	if p.limit == nil {
		p.limit = l.after(l.s.cfg.Session.PIN, func() {
			if p.seat == nil {
				p.farewell("no PIN")
			}
		})
	}
	if plan.Audio == nil || l.media.audio == nil || plan.Audio.Format == p.asked {
		return
	}
	p.asked = plan.Audio.Format
	l.media.audio.Handle(rtp.Handlers{Key: p.pressed, Packet: p.listen(p.asked, nil)})
	p.please(prompt.PIN)
}

// please says n, and asks again when nothing is typed.
func (p *seated) please(n prompt.Name) {
	l := p.l
	p.voice.say(l, n, l.neg.Plan(), func() {
		p.again = l.after(askAgain, func() {
			if p.seat == nil && !p.joining && len(p.pin) == 0 && l.leaving == "" {
				p.please(prompt.PIN)
			}
		})
	})
}

// farewell says goodbye and ends the call.
func (p *seated) farewell(reason string) {
	l := p.l
	p.dialogue.stop()
	if !p.voice.say(l, prompt.Goodbye, l.neg.Plan(), func() { l.bye(reason) }) {
		l.bye(reason)
	}
}

// pressed is called by the stream.
func (p *seated) pressed(digit byte) { p.l.post(func() { p.key(digit) }) }

// key implements party.
func (p *seated) key(digit byte) {
	if p.keys.event(digit, time.Now()) {
		p.press(digit)
	}
}

// press takes a key, however it came.
func (p *seated) press(digit byte) {
	if p.seat != nil {
		p.seat.Key(digit)
		return
	}
	if p.tries >= pinTries {
		return
	}
	p.voice.hush()
	switch {
	case p.joining:
		if len(p.typed) < pinDigits {
			p.typed = append(p.typed, digit)
		}
	case digit == '*':
		p.pin = p.pin[:0]
	case digit != '#':
		if len(p.pin) < pinDigits {
			p.pin = append(p.pin, digit)
		}
	default:
		p.try()
	}
}

// try asks for the seat with the PIN that was entered.
func (p *seated) try() {
	l := p.l
	pin := string(p.pin)
	p.pin = p.pin[:0]
	p.join(pin, func(err error) {
		switch {
		case err == nil:
			p.dialogue.stop()
			p.voice.hush()
			p.attach(l.neg.Plan())
		case errors.Is(err, ErrPIN):
			l.s.failed(l.flow.Remote().Addr())
			if p.tries++; p.tries >= pinTries {
				p.farewell("wrong PIN")
				return
			}
			p.please(prompt.WrongPIN)
			typed := p.typed
			p.typed = nil
			for _, d := range typed {
				p.press(d)
			}
		default:
			l.bye("the room cannot be joined")
		}
	})
}

package sip

import (
	"context"
	"sync/atomic"
	"time"

	"muster/sip/prompt"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// voice is what a caller is told. While it speaks the room is not heard. Its
// methods are called from the leg's goroutine, except for the function that
// unless returns.
type voice struct {
	cancel   context.CancelFunc // of the prompt that plays; nil: none has
	speaking atomic.Int32       // prompts that play
}

// say plays a prompt in place of the one that is playing. then is called from
// the leg's goroutine when it is over and nothing else has been said since; it
// may be nil. It reports false where nothing can be said.
func (v *voice) say(l *leg, n prompt.Name, plan sdp.Plan, then func()) bool {
	v.hush()
	pr := l.s.deps.Prompter
	if pr == nil || plan.Audio == nil {
		return false
	}
	format, send := plan.Audio.Format, l.media.audio.SendAudio
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	v.speaking.Add(1)
	ok := l.s.group.Go(func(stop context.Context) {
		defer context.AfterFunc(stop, cancel)()
		pr.Play(ctx, n, format, send)
		v.speaking.Add(-1)
		l.post(func() {
			if ctx.Err() == nil && then != nil {
				then()
			}
			cancel()
		})
	})
	if !ok {
		v.speaking.Add(-1)
		cancel()
	}
	return ok
}

func (v *voice) hush() {
	if v.cancel != nil {
		v.cancel()
		v.cancel = nil
	}
}

// unless returns send for a room: it does nothing while the voice speaks.
func (v *voice) unless(send func([]byte, int)) func([]byte, int) {
	return func(payload []byte, samples int) {
		if v.speaking.Load() == 0 {
			send(payload, samples)
		}
	}
}

// keyEcho is the time within which a key that sounds and the same one told are
// one press.
const keyEcho = 500 * time.Millisecond

// keypad tells presses apart that come in two ways at once. Whoever tells of
// keys in events or INFO is not listened to for tones any more.
type keypad struct {
	told  bool
	heard byte // the last key that sounded
	at    time.Time
}

// tone notes a key that sounded and reports whether it counts.
func (k *keypad) tone(digit byte, now time.Time) bool {
	if k.told {
		return false
	}
	k.heard, k.at = digit, now
	return true
}

// event notes a key that was told and reports whether it counts.
func (k *keypad) event(digit byte, now time.Time) bool {
	echo := !k.told && k.heard == digit && now.Sub(k.at) < keyEcho
	k.told = true
	return !echo
}

// listen returns what takes the phone's sound and finds keys in it. next may be
// nil.
func (p *seated) listen(f sdp.Format, next func(rtp.Packet)) func(rtp.Packet) {
	pr := p.l.s.deps.Prompter
	if pr == nil {
		return next
	}
	keys := pr.Keys(f, func(digit byte) {
		p.l.post(func() {
			if p.keys.tone(digit, time.Now()) {
				p.press(digit)
			}
		})
	})
	return func(pkt rtp.Packet) {
		keys(pkt)
		if next != nil {
			next(pkt)
		}
	}
}

// Say implements Leg.
func (l *leg) Say(names ...prompt.Name) {
	l.post(func() {
		p, ok := l.party.(*seated)
		if !ok {
			return
		}
		if p.attached() {
			p.sayAll(names)
		} else {
			p.late = names
		}
	})
}

// attached reports whether the phone's sound is connected with the room.
func (p *seated) attached() bool { return p.seat != nil && p.audio.Name != "" }

// catchUp says what was to be said before the phone was connected.
func (p *seated) catchUp() {
	if len(p.late) > 0 && p.attached() {
		p.sayAll(p.late)
		p.late = nil
	}
}

// sayAll says names one after the other.
func (p *seated) sayAll(names []prompt.Name) {
	if len(names) > 0 {
		p.voice.say(p.l, names[0], p.l.neg.Plan(), func() { p.sayAll(names[1:]) })
	}
}

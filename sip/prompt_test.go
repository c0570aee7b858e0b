package sip

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"muster/sip/prompt"
	"muster/sip/rtp"
	"muster/sip/sdp"
	"muster/sip/wire"
)

// spokenByte is what prompts consist of.
const spokenByte = 0x2A

// speaker is a Prompter whose prompts are packets and whose ears take every
// packet for the next digit of a number.
type speaker struct {
	mu     sync.Mutex
	length int // of each prompt, packets
	said   []prompt.Name
	digits string
}

func (s *speaker) Play(ctx context.Context, p prompt.Name, f sdp.Format, send func([]byte, int)) {
	s.mu.Lock()
	s.said = append(s.said, p)
	length := s.length
	s.mu.Unlock()
	for range length {
		if ctx.Err() != nil {
			return
		}
		send(bytes.Repeat([]byte{spokenByte}, 160), f.ClockRate/50)
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *speaker) Keys(_ sdp.Format, key func(byte)) func(rtp.Packet) {
	return func(rtp.Packet) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.digits != "" {
			key(s.digits[0])
			s.digits = s.digits[1:]
		}
	}
}

func TestCallerIsSpokenToAndKeysAreHeardInTheSound(t *testing.T) {
	sp := &speaker{length: 1000, digits: "12#4711#"}
	w := serve(t, func(_ *Config, d *Deps) { d.Prompter = sp })
	u := newUA(t, w)
	u.call(u.room("200"), u.offer("8"), "")
	if n := u.heard(100 * time.Millisecond); n < 3 {
		t.Errorf("%d packets of the prompt", n)
	}
	u.play(8, 12)
	w.rooms.last(t)
	eventually(t, "both prompts were played", func() bool {
		sp.mu.Lock()
		defer sp.mu.Unlock()
		return len(sp.said) == 2 && sp.said[0] == prompt.PIN && sp.said[1] == prompt.WrongPIN
	})
}

func (s *speaker) has(names ...prompt.Name) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.Equal(s.said, names)
	}
}

func TestRoomSpeaksToOneCallerInPlaceOfItsSound(t *testing.T) {
	sp := &speaker{length: 10_000}
	w := serve(t, func(_ *Config, d *Deps) { d.Prompter = sp })
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8 101", "rtpmap:101 telephone-event/8000"), "")
	seat := w.rooms.last(t)
	seat.request.Leg.Say(prompt.Joined)
	eventually(t, "the prompt is said", sp.has(prompt.Joined))
	spoken := func() (prompts, room int) {
		buf := make([]byte, 2048)
		_ = u.rtp.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		for {
			n, _, err := u.rtp.ReadFromUDPAddrPort(buf)
			switch {
			case err != nil:
				return prompts, room
			case n < 13 || buf[1]&0x7F != 8:
			case buf[12] == spokenByte:
				prompts++
			default:
				room++
			}
		}
	}
	u.play(8, 10) // the room sends it back
	if p, r := spoken(); p == 0 || r > 0 {
		t.Errorf("%d packets of the prompt and %d of the room", p, r)
	}
	sp.mu.Lock()
	sp.length = 0
	sp.mu.Unlock()
	seat.request.Leg.Say(prompt.Muted, prompt.Recorded) // take its place, and are over at once
	eventually(t, "both prompts are said", sp.has(prompt.Joined, prompt.Muted, prompt.Recorded))
	eventually(t, "the room is heard again", func() bool {
		u.play(8, 2)
		_, r := spoken()
		return r > 0
	})
}

func TestKeysInTheSoundReachTheRoomWhereNothingElseWasAgreedOn(t *testing.T) {
	sp := &speaker{digits: "*6"}
	w := serve(t, func(_ *Config, d *Deps) { d.Prompter = sp })
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "")
	u.play(8, 4)
	seat := w.rooms.last(t)
	eventually(t, "the room has the keys", func() bool {
		seat.mu.Lock()
		defer seat.mu.Unlock()
		return string(seat.keys) == "*6" && seat.packets > 0
	})
}

func TestGoodbyeIsSaidBeforeTheCallEnds(t *testing.T) {
	sp := &speaker{length: 5}
	w := serve(t, func(_ *Config, d *Deps) { d.Prompter = sp })
	u := newUA(t, w)
	u.call(u.room("200"), u.offer("8 101", "rtpmap:101 telephone-event/8000"), "")
	u.press(101, 8000, "1#2#3#4711#")
	u.expect(wire.Bye)
	// Keys that come at once cut prompts short before they begin, in no order.
	eventually(t, "goodbye is said", func() bool {
		sp.mu.Lock()
		defer sp.mu.Unlock()
		slices.Sort(sp.said)
		return slices.Equal(sp.said, slices.Sorted(slices.Values([]prompt.Name{prompt.PIN, prompt.WrongPIN, prompt.WrongPIN, prompt.Goodbye})))
	})
}

func TestAKeyThatSoundsAndIsToldIsOnePress(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name string
		do   func(*keypad) []bool
		want []bool
	}{
		{"only tones", func(k *keypad) []bool { return []bool{k.tone('1', at(0)), k.tone('1', at(200))} }, []bool{true, true}},
		{"only told", func(k *keypad) []bool { return []bool{k.event('1', at(0)), k.event('1', at(200))} }, []bool{true, true}},
		{"told first", func(k *keypad) []bool { return []bool{k.event('1', at(0)), k.tone('1', at(30)), k.tone('2', at(900))} }, []bool{true, false, false}},
		{"heard first", func(k *keypad) []bool {
			return []bool{k.tone('1', at(0)), k.event('1', at(100)), k.event('1', at(400))}
		}, []bool{true, false, true}},
		{"another key", func(k *keypad) []bool { return []bool{k.tone('1', at(0)), k.event('2', at(100))} }, []bool{true, true}},
	} {
		if got := c.do(&keypad{}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

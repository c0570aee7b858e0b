package sip

import (
	"context"
	"sync"
	"testing"
	"time"

	"muster/sip/rtp"
	"muster/sip/sdp"
)

// speaker is a Prompter whose prompts are packets and whose ears take every
// packet for the next digit of a number.
type speaker struct {
	mu     sync.Mutex
	said   []Prompt
	digits string
}

func (s *speaker) Play(ctx context.Context, p Prompt, f sdp.Format, send func([]byte, int)) {
	s.mu.Lock()
	s.said = append(s.said, p)
	s.mu.Unlock()
	for ctx.Err() == nil {
		send(make([]byte, 160), f.ClockRate/50)
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
	sp := &speaker{digits: "12#4711#"}
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
		return len(sp.said) == 2 && sp.said[0] == PromptPIN && sp.said[1] == PromptWrongPIN
	})
}

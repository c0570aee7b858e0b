package mcu

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"muster/internal/store/storetest"
	"muster/media/codec/opus"
)

// stage is a room whose ticks are made by hand, so that no clock is involved.
type stage struct {
	*sound
	now  time.Time
	n    int
	cast []*actor
}

// actor sends a packet each tick, without saying how loud it is.
type actor struct {
	in    *AudioIn
	says  func(n int) []byte // payload of the n-th tick; nil: none
	plain plain
}

// byHand stops the clock of the room that p is in, before anybody hears anything.
func byHand(p *Participant) *stage {
	s := p.Room().sound
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = true
	return &stage{sound: s, now: time.Unix(1_700_000_000, 0)}
}

// openStage opens a room with n actors whose sound is of the kind plain.
func openStage(t *testing.T, n int) *stage {
	t.Helper()
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	var st *stage
	for i := range n {
		p, _ := h.mustJoin(t, member(fmt.Sprint("actor", i), true))
		if st == nil {
			st = byHand(p)
		}
		in, err := p.OpenAudio(opusFormat)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetMuted(false); err != nil {
			t.Fatal(err)
		}
		a := &actor{in: in}
		in.dec.close()
		in.dec = &a.plain
		st.cast = append(st.cast, a)
	}
	out, err := st.cast[0].in.p.Hear(ulaw, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Close)
	return st
}

// play makes ticks.
func (st *stage) play(ticks int) {
	for range ticks {
		for _, a := range st.cast {
			if b := a.says(st.n); b != nil {
				a.in.write(&Sound{Seq: uint16(st.n), Timestamp: uint32(st.n) * frame, Payload: b}, st.now)
			}
		}
		st.tick()
	}
}

func (st *stage) tick() {
	st.step(st.now)
	st.n++
	st.now = st.now.Add(tickEvery)
}

// until makes ticks until somebody is heard, and returns how many.
func (st *stage) until(t *testing.T, a *actor, most int) int {
	t.Helper()
	for i := range most {
		st.play(1)
		if a.in.audible {
			return i + 1
		}
	}
	t.Fatalf("not heard after %d ticks", most)
	return 0
}

func (st *stage) decoded() (n int) {
	for _, a := range st.cast {
		n += a.plain.decoded
		a.plain.decoded = 0
	}
	return n
}

// plain is a codec whose payloads are a number and a loudness.
type plain struct {
	decoded int
	last    uint16
	gap     bool // a packet was left out before the last one
}

func loudness(level uint8) func(int) []byte {
	return func(n int) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(n)), level) }
}

func (p *plain) decode(dst []int16, b []byte) ([]int16, error) {
	n := binary.BigEndian.Uint16(b)
	p.decoded, p.gap, p.last = p.decoded+1, n != p.last+1, n
	s := int16(32767 * math.Pow(10, -float64(b[2])/20))
	for range frame {
		dst = append(dst, s)
	}
	return dst, nil
}

func (p *plain) conceal(dst []int16, samples int, _ []byte) []int16 {
	return append(dst, make([]int16, samples)...)
}

func (p *plain) length([]byte) (uint32, error) { return frame, nil }
func (p *plain) close()                        {}

func TestWhoBeginsToTalkIsHeardSoon(t *testing.T) {
	for _, c := range []struct {
		name               string
		actors             int
		others, rest, this uint8 // -dBov: of those with slots, of everybody else, of who begins
		within             int   // ticks
	}{
		{"in a small room that is silent", 12, 90, 90, 30, 2},
		{"in a large room that is silent", 100, 90, 90, 30, 3 + turnsMost},
		{"in a large room where all talk softly", 100, 40, 46, 26, 5 + turnsMost},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := openStage(t, c.actors)
			for i, a := range st.cast {
				a.says = loudness(c.rest)
				if i < len(st.slots) {
					a.says = loudness(c.others)
				}
			}
			st.play(40)
			for k := range turnsMost { // whosever turn it is
				a := st.cast[c.actors-1-k]
				a.says = loudness(c.this)
				got := st.until(t, a, c.within)
				if a.plain.gap {
					t.Errorf("heard after %d ticks, when its decoder had missed a packet", got)
				}
				a.says = loudness(c.rest)
				st.play(50) // everything is as it was
			}
		})
	}
}

func TestTheLoudestOfManyAreHeard(t *testing.T) {
	st := openStage(t, 60)
	slots := len(st.slots)
	for _, loud := range []int{0, 20, 50, 35} { // from which of them on they are loud
		for i, a := range st.cast {
			a.says = loudness(45)
			if i >= loud && i < loud+slots {
				a.says = loudness(25)
			}
		}
		st.play(60)
		for i, a := range st.cast {
			if want := i >= loud && i < loud+slots; a.in.audible != want {
				t.Errorf("%d to %d are loud; %d is heard: %v", loud, loud+slots-1, i, a.in.audible)
			}
		}
	}
}

func TestDecodingIsSharedOutEvenly(t *testing.T) {
	for _, c := range []struct{ actors, most int }{
		{8, 8}, {20, 20}, {40, 8 + 17}, {100, 8 + 20}, {300, 8 + 60},
	} {
		t.Run(fmt.Sprint(c.actors, " who talk"), func(t *testing.T) {
			st := openStage(t, c.actors)
			for _, a := range st.cast {
				a.says = loudness(30)
			}
			st.play(20)
			st.decoded()
			sum := 0
			for range 20 {
				st.play(1)
				n := st.decoded()
				if sum += n; n > c.most {
					t.Errorf("%d packets decoded in a tick, want at most %d", n, c.most)
				}
			}
			if least := 20 * (8 + (c.actors-8)/turnsMost); sum < least {
				t.Errorf("%d packets decoded in 20 ticks, want at least %d", sum, least)
			}
		})
	}
}

func TestLevelsThatAreToldSpareTheDecoding(t *testing.T) {
	st := openStage(t, 40)
	for _, a := range st.cast {
		a.says = func(int) []byte { return nil }
	}
	for range 50 {
		for _, a := range st.cast {
			a.in.write(&Sound{Seq: uint16(st.n), Timestamp: uint32(st.n) * frame, Payload: loudness(30)(st.n), Level: 30, HasLevel: true}, st.now)
		}
		st.play(1)
	}
	if n, want := st.decoded(), 50*len(st.slots); n > want {
		t.Errorf("%d packets were decoded, want %d: those who are heard", n, want)
	}
}

// TestDecodersThatMissPacketsTellLoudness: Opus codes much of a frame against
// the one before, which a voice that is decoded in turns has not seen.
func TestDecodersThatMissPacketsTellLoudness(t *testing.T) {
	for name, bitrate := range map[string]int{"silk": 12000, "hybrid": 32000, "celt": 96000} {
		t.Run(name, func(t *testing.T) {
			st := openStage(t, 40)
			silent, spoken := speech(t, bitrate)
			for _, a := range st.cast {
				a.says = func(n int) []byte { return silent[n%len(silent)] }
				d, err := newDecoder(opusFormat)
				if err != nil {
					t.Fatal(err)
				}
				a.in.dec = d
			}
			st.play(40)
			a := st.cast[30]
			from := st.n
			a.says = func(n int) []byte { return spoken[(n-from)%len(spoken)] }
			st.until(t, a, 3+turnsMost)
			st.play(2 * turnsMost)
			if got := 127 - a.in.level; math.Abs(float64(got)-float64(127-speechLevel)) > 6 {
				t.Errorf("measured -%d dBov, is -%d", 127-got, speechLevel)
			}
		})
	}
}

// speechLevel is how loud the sound of speech is.
const speechLevel = 20

// speech encodes faint noise, and then the same encoder's first second of a loud
// sound.
func speech(t *testing.T, bitrate int) (silent, spoken [][]byte) {
	t.Helper()
	enc, err := opus.NewEncoder(opus.EncoderConfig{Channels: 1, Bitrate: bitrate, Complexity: 5, Application: opus.VoIP})
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	random := uint32(1)
	for n := range 100 {
		var pcm [frame]int16
		for i := range pcm {
			random = random*1664525 + 1013904223
			at := float64(n*frame+i) / mixRate
			s := float64(int32(random)) / math.MaxInt32 * 10
			if n >= 50 {
				s += 3200 * (math.Sin(2*math.Pi*150*at) + math.Sin(2*math.Pi*1200*at))
			}
			pcm[i] = int16(s)
		}
		out := make([]byte, opus.MaxPacket)
		k, err := enc.Encode(pcm[:], out)
		if err != nil {
			t.Fatal(err)
		}
		if n < 50 {
			silent = append(silent, out[:k])
		} else {
			spoken = append(spoken, out[:k])
		}
	}
	return silent, spoken
}

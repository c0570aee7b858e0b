package mcu

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"muster/internal/store/storetest"
	"muster/media/codec"
	"muster/media/codec/opus"
)

// voiceOf sends a tone in a format until the test ends.
type voiceOf struct {
	in     *AudioIn
	format AudioFormat
	enc    encoder
	hz     float64
	n      int
	seq    uint16
	buf    [maxPayload]byte
}

func speak(t *testing.T, p *Participant, f AudioFormat, hz float64) *voiceOf {
	t.Helper()
	in, err := p.OpenAudio(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetMuted(false); err != nil {
		t.Fatal(err)
	}
	enc, err := newEncoder(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); enc.close() })
	return &voiceOf{in: in, format: f, enc: enc, hz: hz}
}

// say sends 20 ms.
func (v *voiceOf) say(t *testing.T, level bool) {
	t.Helper()
	v.in.Write(v.next(t, level))
}

// next returns the next packet of 20 ms.
func (v *voiceOf) next(t *testing.T, level bool) *Sound {
	t.Helper()
	var pcm [frame]int16
	for i := range pcm {
		pcm[i] = int16(6000 * math.Sin(2*math.Pi*v.hz*float64(v.n*frame+i)/mixRate))
	}
	n, err := v.enc.encode(pcm[:], v.buf[:])
	if err != nil {
		t.Fatal(err)
	}
	s := &Sound{Seq: v.seq, Timestamp: uint32(v.n) * v.format.Clock() / 50, Payload: append([]byte(nil), v.buf[:n]...)}
	if level {
		s.Level, s.HasLevel = 18, true
	}
	v.seq++
	v.n++
	return s
}

// heard collects what somebody hears, decoded.
type heard struct {
	mu  sync.Mutex
	dec decoder
	pcm []int16
}

func newHeard(t *testing.T, f AudioFormat) *heard {
	t.Helper()
	dec, err := newDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	return &heard{dec: dec}
}

func (h *heard) payload(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pcm, _ = h.dec.decode(h.pcm, b)
}

// power returns the share of a tone in the last half second, 0 to 1. It is
// measured in pieces: where a busy machine has left a gap the tone goes on at
// another phase.
func (h *heard) power(hz float64) float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	const piece = mixRate / 20
	if len(h.pcm) < mixRate/2 {
		return 0
	}
	var tone, all float64
	for pcm := range slices.Chunk(h.pcm[len(h.pcm)-mixRate/2:], piece) {
		var re, im float64
		for i, s := range pcm {
			a := 2 * math.Pi * hz * float64(i) / mixRate
			re += float64(s) * math.Cos(a)
			im += float64(s) * math.Sin(a)
			all += float64(s) * float64(s)
		}
		tone += (re*re + im*im) * 2 / float64(len(pcm))
	}
	if all == 0 {
		return 0
	}
	return tone / all
}

var (
	opusFormat = AudioFormat{Codec: codec.Opus}
	ulaw       = AudioFormat{Codec: codec.G711, MULaw: true}
	alaw       = AudioFormat{Codec: codec.G711}
	g722Format = AudioFormat{Codec: codec.G722}
)

// talk runs f every 20 ms for that long.
func talk(long time.Duration, f func()) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range long / (20 * time.Millisecond) {
		<-tick.C
		f()
	}
}

func TestEverybodyHearsTheOthersAndNotThemselves(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	tones := []float64{400, 700, 1000, 1300}
	formats := []AudioFormat{opusFormat, ulaw, alaw, g722Format}
	var voices []*voiceOf
	var ears []*heard
	silent, _ := h.mustJoin(t, member("silent", false))
	st := byHand(silent)
	for i, f := range formats {
		p, _ := h.mustJoin(t, member(string(f.Codec)+"-talker", true))
		voices = append(voices, speak(t, p, f, tones[i]))
		e := newHeard(t, f)
		out, err := p.Hear(f, e.payload)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(out.Close)
		ears = append(ears, e)
	}
	all := newHeard(t, opusFormat)
	out, err := silent.Hear(opusFormat, all.payload)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Close)

	for range 75 {
		for i, v := range voices {
			v.in.write(v.next(t, i%2 == 0), st.now)
		}
		st.tick()
	}
	for i, e := range append(ears, all) {
		for j, hz := range tones {
			got := e.power(hz)
			if i == j && got > 0.01 {
				t.Errorf("talker %d hears itself: %.3f of what it hears", i, got)
			}
			if i != j && got < 0.1 {
				t.Errorf("listener %d does not hear %g Hz: %.3f", i, hz, got)
			}
		}
	}
}

func TestNobodyListeningMeansNoWork(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	p, _ := h.mustJoin(t, member("mike", true))
	v := speak(t, p, opusFormat, 400)
	talk(200*time.Millisecond, func() { v.say(t, true) })
	s := p.Room().sound
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running || h.Stats().Mixed != 0 {
		t.Errorf("running %v, %d frames mixed for nobody", running, h.Stats().Mixed)
	}
	out, err := p.Hear(opusFormat, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, "the mix to start", func() bool { return h.Stats().Mixed > 0 })
	out.Close()
	wait(t, "the mix to stop", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !s.running
	})
}

func TestSilentListenersShareOneEncode(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	p, _ := h.mustJoin(t, member("mike", true))
	v := speak(t, p, opusFormat, 400)
	var mu sync.Mutex
	got := 0
	for range 20 {
		q, _ := h.mustJoin(t, member("listener", false))
		out, err := q.Hear(opusFormat, func([]byte) { mu.Lock(); got++; mu.Unlock() })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(out.Close)
	}
	talk(400*time.Millisecond, func() { v.say(t, true) })
	mu.Lock()
	defer mu.Unlock()
	if s := h.Stats(); s.Encoded > s.Mixed || got < 20*5 {
		t.Errorf("%d encodes for %d frames, %d delivered", s.Encoded, s.Mixed, got)
	}
}

// TestMixesThatGetLostCarryCopies: of the packet before, for who misses it.
func TestMixesThatGetLostCarryCopies(t *testing.T) {
	st := openStage(t, 3)
	talker := st.cast[0]
	talker.says = loudness(20)
	st.cast[1].says = func(int) []byte { return nil }
	st.cast[2].says = st.cast[1].says
	copies := make([]bool, len(st.cast)) // only SILK, alone or in a hybrid, makes copies
	var outs []*AudioOut
	for i, a := range st.cast {
		if i == 0 {
			a.in.p.voice.out.Close()
		}
		out, err := a.in.p.Hear(opusFormat, func(b []byte) { copies[i] = b[0]>>3 < 16 })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(out.Close)
		outs = append(outs, out)
	}
	for _, c := range []struct {
		name string
		loss [3]int
		want [3]bool
	}{
		{"nothing is lost", [3]int{0, 0, 1}, [3]bool{}},
		{"who speaks", [3]int{5, 0, 0}, [3]bool{true, false, false}},
		{"one of those who listen", [3]int{0, 3, 0}, [3]bool{false, true, true}},
		{"no more", [3]int{}, [3]bool{}},
	} {
		for i, o := range outs {
			o.SetLoss(c.loss[i])
		}
		st.play(20)
		if got := [3]bool(copies); got != c.want {
			t.Errorf("%s: copies for %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSingleVoicesComeUntouched(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	a, _ := h.mustJoin(t, member("anna", true))
	b, _ := h.mustJoin(t, member("bert", true))
	va, vb := speak(t, a, opusFormat, 400), speak(t, b, ulaw, 700)
	type got struct {
		slot int
		s    Sound
	}
	var mu sync.Mutex
	hear := make(map[string][]got)
	for name, p := range map[string]*Participant{"anna": a, "bert": b} {
		tap, err := p.HearEach(h.Slots(), func(slot int, s Sound) {
			mu.Lock()
			defer mu.Unlock()
			hear[name] = append(hear[name], got{slot, s})
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(tap.Close)
	}
	talk(800*time.Millisecond, func() { va.say(t, true); vb.say(t, false) })
	mu.Lock()
	defer mu.Unlock()
	for name, all := range hear {
		slots := make(map[int]bool)
		for i, g := range all {
			slots[g.slot] = true
			if n, err := opus.Samples(g.s.Payload); err != nil || n != frame {
				t.Fatalf("%s was sent something that is not 20 ms of Opus", name)
			}
			if i > 0 && (g.s.Seq != all[i-1].s.Seq+1 || g.s.Timestamp != all[i-1].s.Timestamp+frame) {
				t.Errorf("%s: numbers break between %d and %d", name, all[i-1].s.Seq, g.s.Seq)
			}
		}
		if len(slots) != 1 || len(all) < 20 {
			t.Errorf("%s hears %d slots, %d packets; want the other one only", name, len(slots), len(all))
		}
	}
}

func TestTheLoudestAreHeard(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Speakers = 2
	h := open(t, cfg, storetest.Config(t, "sqlite"))
	h.make(t, nil)
	var ins []*AudioIn
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		p, _ := h.mustJoin(t, member(name, true))
		v := speak(t, p, opusFormat, 400)
		ins, ids = append(ins, v.in), append(ids, p.ID)
	}
	now := time.Now()
	hear := func(i int, level uint8) {
		ins[i].hear(level, now)
		ins[i].sound.rank(ins[i], now)
	}
	step := func(levels ...uint8) {
		for range 15 {
			now = now.Add(20 * time.Millisecond)
			for i, l := range levels {
				hear(i, l)
			}
		}
	}
	s := ins[0].sound
	step(30, 40, 127)
	if got := s.speakers(); got.Active != ids[0] || got.Slots[0] != ids[0] || got.Slots[1] != ids[1] {
		t.Errorf("two talk: %+v", got)
	}
	step(30, 40, 38)
	if got := s.speakers(); got.Slots[1] != ids[1] {
		t.Error("somebody hardly louder took a slot")
	}
	step(30, 40, 20)
	if got := s.speakers(); got.Slots[1] != ids[2] || got.Slots[0] != ids[0] {
		t.Errorf("the loud one has no slot: %+v", got)
	}
	for range 3 {
		step(127, 127, 20)
	}
	if got := s.speakers(); got.Active != ids[2] {
		t.Errorf("the only one who talks does not lead: %+v", got)
	}
	step(127, 30, 20)
	if got := s.speakers(); got.Slots[0] != ids[1] {
		t.Errorf("the slot of somebody silent was not given on: %+v", got)
	}
}

func TestMutedIsNotHeard(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	a, _ := h.mustJoin(t, member("anna", true))
	b, _ := h.mustJoin(t, member("bert", true))
	v := speak(t, a, opusFormat, 400)
	var mu sync.Mutex
	n := 0
	tap, err := b.HearEach(h.Slots(), func(int, Sound) { mu.Lock(); n++; mu.Unlock() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tap.Close)
	if err := a.SetMuted(true); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		v.say(t, true)
	}
	mu.Lock()
	defer mu.Unlock()
	if n != 0 {
		t.Errorf("%d packets of somebody who is muted", n)
	}
}

// TestTheMixStaysWithinItsBounds: many loud voices are turned down, not clipped
// into noise.
func TestTheMixStaysWithinItsBounds(t *testing.T) {
	var l limiter
	var sum [frame]int32
	var pcm [frame]int16
	for n := range 50 {
		for i := range sum {
			sum[i] = int32(120000 * math.Sin(2*math.Pi*400*float64(n*frame+i)/mixRate))
		}
		l.apply(sum[:], pcm[:])
		if n == 0 {
			continue // the first frame turns down while it plays
		}
		h := &heard{pcm: append(make([]int16, 0, mixRate), pcm[:]...)}
		for len(h.pcm) < mixRate/2 {
			h.pcm = append(h.pcm, pcm[:]...)
		}
		if p := h.power(400); p < 0.95 {
			t.Fatalf("frame %d: the tone is %.2f of what comes out", n, p)
		}
	}
	for i := range sum {
		sum[i] = 1000
	}
	for range 60 {
		l.apply(sum[:], pcm[:])
	}
	if pcm[frame-1] != 1000 {
		t.Errorf("the volume does not come back: %d of 1000", pcm[frame-1])
	}
}

func TestJitterBuffer(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	const length = 960
	at := func(i int) *Sound { return &Sound{Seq: uint16(65530 + i), Timestamp: uint32(i * length)} }
	t.Run("order is restored over the end of the numbers", func(t *testing.T) {
		j := jitterBuffer{rate: 48000}
		for _, i := range []int{0, 2, 1, 3, 5, 4, 7, 6, 8, 9} {
			if j.put(at(i), start.Add(time.Duration(i)*20*time.Millisecond)) != taken {
				t.Fatalf("packet %d was not taken", i)
			}
		}
		for i := range 10 {
			p, is := j.pull(length)
			if is != packet || p.Seq != uint16(65530+i) {
				t.Fatalf("pull %d: %v %v", i, p, is)
			}
		}
		if _, is := j.pull(length); is != nothing {
			t.Error("there is more than was put in")
		}
	})
	t.Run("a gap is reported with what follows it", func(t *testing.T) {
		j := jitterBuffer{rate: 48000}
		for _, i := range []int{0, 1, 3, 4} {
			j.put(at(i), start.Add(time.Duration(i)*20*time.Millisecond))
		}
		want := []pulled{packet, packet, lost, packet, packet}
		for i, w := range want {
			p, is := j.pull(length)
			if is != w {
				t.Fatalf("pull %d: %v", i, is)
			}
			if is == lost && (p == nil || p.Seq != at(3).Seq) {
				t.Error("the packet behind the gap is not handed out")
			}
		}
		if j.put(at(2), start.Add(200*time.Millisecond)) != late {
			t.Error("a packet whose time has passed was taken")
		}
	})
	t.Run("the delay follows the jitter", func(t *testing.T) {
		calm, rough := jitterBuffer{rate: 48000}, jitterBuffer{rate: 48000}
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 300 {
			due := start.Add(time.Duration(i) * 20 * time.Millisecond)
			calm.put(at(i), due)
			rough.put(at(i), due.Add(time.Duration(r.IntN(80))*time.Millisecond))
		}
		if d := calm.spread.delay(); d != minDelay {
			t.Errorf("without jitter sound is held back for %v", d)
		}
		if d := rough.spread.delay(); d < 60*time.Millisecond || d > 100*time.Millisecond {
			t.Errorf("with 80 ms of jitter sound is held back for %v", d)
		}
	})
	t.Run("a sender that begins anew is heard", func(t *testing.T) {
		j := jitterBuffer{rate: 48000}
		j.put(at(0), start)
		if got := j.put(&Sound{Seq: 30000, Timestamp: 5}, start); got != reset {
			t.Errorf("%v", got)
		}
	})
	t.Run("what is left out is not held any more", func(t *testing.T) {
		j := jitterBuffer{rate: 48000}
		for i := range 50 {
			j.put(at(i), start.Add(time.Duration(i)*20*time.Millisecond))
		}
		j.shrink(length)
		if j.depth(length) != minDelay || j.held != 1 {
			t.Errorf("%d packets, %v", j.held, j.depth(length))
		}
	})
	t.Run("after a stall the present is heard", func(t *testing.T) {
		j := jitterBuffer{rate: 48000}
		for i := range 10 {
			j.put(at(i), start.Add(time.Duration(i)*20*time.Millisecond))
			j.pull(length)
		}
		for i := 10; i < 110; i++ { // two seconds at once
			j.put(at(i), start.Add(2200*time.Millisecond))
		}
		j.catchUp(length)
		if p, is := j.pull(length); is != packet || j.depth(length) > maxDelay {
			t.Errorf("%v, %v behind", p, j.depth(length))
		}
	})
	t.Run("after a pause nothing is left out", func(t *testing.T) {
		j := jitterBuffer{rate: 48000}
		j.put(at(0), start)
		j.pull(length)
		j.pull(length)
		p := at(1)
		p.Timestamp += 5 * 48000
		j.put(p, start.Add(5020*time.Millisecond))
		j.catchUp(length)
		if got, is := j.pull(length); is != packet || got != p {
			t.Errorf("%v", got)
		}
	})
	t.Run("what is held is bounded", func(t *testing.T) {
		j := jitterBuffer{rate: 48000}
		for i := range 10_000 {
			j.put(at(i), start.Add(time.Duration(i)*20*time.Millisecond))
			if j.held > jitterSlots {
				t.Fatalf("%d packets are held", j.held)
			}
		}
	})
}

// TestPacketsThatFitNoTickLeaveNoGaps: once sound plays, it goes on.
func TestPacketsThatFitNoTickLeaveNoGaps(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, c := range []struct{ rate, length uint32 }{
		{48000, 1024}, {44100, 1024}, {22050, 1024}, {16000, 1024}, {8000, 1024}, {8000, 240}, {8000, 160}, {48000, 1920}, {8000, 80},
	} {
		for _, phase := range []time.Duration{0, 7 * time.Millisecond, 19 * time.Millisecond} {
			j := jitterBuffer{rate: c.rate}
			took := time.Duration(c.length) * time.Second / time.Duration(c.rate)
			sent, began := 0, false
			var left, longest time.Duration
			for tick := start.Add(phase); tick.Before(start.Add(20 * time.Second)); tick = tick.Add(tickEvery) {
				for ; !start.Add(time.Duration(sent) * took).After(tick); sent++ {
					j.put(&Sound{Seq: uint16(sent), Timestamp: uint32(sent) * c.length}, start.Add(time.Duration(sent)*took))
				}
				for left < tickEvery {
					if _, is := j.pull(c.length); is != packet {
						break
					}
					left, began = left+took, true
				}
				if began && left < tickEvery-time.Microsecond {
					t.Fatalf("%d ticks at %d Hz: a gap %v after the start", c.length, c.rate, tick.Sub(start))
				}
				left = max(left-tickEvery, 0)
				longest = max(longest, j.depth(c.length))
			}
			if longest > 2*took+3*tickEvery {
				t.Errorf("%d ticks at %d Hz: %v are held", c.length, c.rate, longest)
			}
		}
	}
}

func FuzzJitterBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 0x82, 5, 6, 0xff})
	f.Fuzz(func(t *testing.T, ops []byte) {
		j := jitterBuffer{rate: 8000}
		now := time.Unix(1_700_000_000, 0)
		seq := uint16(0)
		for _, op := range ops {
			now = now.Add(time.Duration(op&7) * 5 * time.Millisecond)
			if op&0x80 != 0 {
				seq += uint16(op&0x7f) * 77
			} else {
				seq = uint16(int(seq) + int(op&0x3f) - 8)
			}
			j.put(&Sound{Seq: seq, Timestamp: uint32(seq) * 160}, now)
			if op&0x40 != 0 {
				j.pull(160)
			}
			if j.held < 0 || j.held > jitterSlots {
				t.Fatalf("%d packets are held", j.held)
			}
		}
		for range 2 * jitterSlots * 3 {
			if _, is := j.pull(160); is == nothing && j.held > 0 && j.depth(160) >= maxDelay {
				t.Fatalf("%d packets are held and never played", j.held)
			}
		}
	})
}

func TestASlotIsNumberedWithoutRepeats(t *testing.T) {
	type in struct {
		from *AudioIn
		seq  uint16
		want int // number it is sent under, counted from the first; -1: not sent
	}
	anna, bert := &AudioIn{p: &Participant{}}, &AudioIn{p: &Participant{}}
	for name, packets := range map[string][]in{
		"in order":                     {{anna, 65535, 0}, {anna, 0, 1}, {anna, 1, 2}},
		"another speaker":              {{anna, 10, 0}, {anna, 11, 1}, {bert, 900, 2}, {bert, 901, 3}},
		"late":                         {{anna, 10, 0}, {anna, 12, 2}, {anna, 11, 1}, {anna, 13, 3}},
		"late, from before the change": {{anna, 10, 0}, {anna, 11, 1}, {bert, 900, 2}, {bert, 899, -1}, {bert, 901, 3}, {bert, 899, -1}},
		"begun anew":                   {{anna, 40000, 0}, {anna, 40001, 1}, {anna, 20000, 2}, {anna, 20001, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			tap := &Tap{p: &Participant{}, lanes: make([]lane, 1)}
			tap.send = func(_ int, s Sound) { got = append(got, int(s.Seq-packets[0].seq)) }
			var want []int
			for _, p := range packets {
				tap.pass(0, p.from, &Sound{Seq: p.seq}, time.Now())
				if p.want >= 0 {
					want = append(want, p.want)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("sent under %v, want %v", got, want)
			}
		})
	}
}

// TestVoiceServersHearTheOthersAndNotTheirOwn: what their users say comes back to
// them neither in the mix nor singly, and while nobody else is heard nothing comes.
func TestVoiceServersHearTheOthersAndNotTheirOwn(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	at := func(name, via string) *Participant {
		p, _, err := h.join(t, member(name, true), func(r *JoinRequest) { r.Via = via })
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	here, one, two := at("here", ""), at("one", "there"), at("two", "there")
	st := byHand(here)
	voices := []*voiceOf{speak(t, here, opusFormat, 400), speak(t, one, opusFormat, 700), speak(t, two, opusFormat, 1000)}
	var single sync.Map
	ear := here.Room().Overhear("there", func(id string, _ *Sound) { single.Store(id, true) })
	defer ear.Close()
	mixed, payloads := newHeard(t, opusFormat), 0
	out, err := here.Room().Mix("there", opusFormat, func(b []byte) { payloads++; mixed.payload(b) })
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := here.Room().Mix("there", AudioFormat{Codec: codec.AAC}, nil); err == nil {
		t.Error("a mix in a codec that is not sent")
	}
	say := func(n int, who ...*voiceOf) {
		for range n {
			for _, v := range who {
				v.in.write(v.next(t, true), st.now)
			}
			st.tick()
		}
	}
	say(50, voices[1:]...)
	if payloads > 0 {
		t.Errorf("%d payloads while only its own are heard", payloads)
	}
	say(75, voices...)
	if mixed.power(400) < 0.9 || mixed.power(700) > 0.01 || mixed.power(1000) > 0.01 {
		t.Errorf("heard %.3f, %.3f, %.3f", mixed.power(400), mixed.power(700), mixed.power(1000))
	}
	for id, want := range map[string]bool{here.ID: true, one.ID: false, two.ID: false} {
		if _, got := single.Load(id); got != want {
			t.Errorf("heard singly: %v", got)
		}
	}
}

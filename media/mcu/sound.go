package mcu

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/media/codec"
)

// sound is what is heard in a room. The speakers are the few who are heard;
// each has a slot until somebody louder needs it. Whoever hears single voices
// gets them as they come (Tap); for the others one goroutine makes mixes every
// 20 ms (AudioOut), and runs only while somebody wants one.
type sound struct {
	room *Room

	floor  atomic.Pointer[floorControl] // nil: everybody may speak; replaced under room.mu
	replay *replay                      // nil: nothing is kept

	taps   atomic.Pointer[[]*Tap] // replaced under mu
	ears   atomic.Pointer[[]*Ear] // likewise
	mixing atomic.Bool            // somebody wants a mix
	tapped atomic.Bool            // somebody hears single voices
	ranked atomic.Int64           // Unix ns of the last ranking

	mu      sync.Mutex // guards what follows; never held while room.mu is waited for
	ins     []*AudioIn
	outs    []*AudioOut
	slots   []*AudioIn
	active  *AudioIn
	running bool
	stopped bool
	dying   []func() // free what the goroutine has of those who left; called by it, or while it does not run

	// Owned by the goroutine.
	shared  map[AudioFormat]*sharedMix
	limiter limiter
	turns   turns
	heard   []*AudioIn // whose voices are in sum
	sum     [frame]int32
	part    [frame]int32
	pcm     [frame]int16
}

// sharedMix is the mix of all speakers, encoded once for everybody silent.
type sharedMix struct {
	enc     encoder
	buf     [maxPayload]byte
	n       int
	wanted  bool
	encoded bool
	lost    int32 // percent, where most is lost
	told    int32 // to enc
}

func newSound(room *Room, speakers int) *sound {
	s := &sound{room: room, slots: make([]*AudioIn, speakers), shared: make(map[AudioFormat]*sharedMix)}
	s.taps.Store(&[]*Tap{})
	s.ears.Store(&[]*Ear{})
	return s
}

// OpenAudio lets the participant be heard. The error is ErrListener, ErrTracks,
// ErrFormat or ErrGone. The owner calls Close.
func (p *Participant) OpenAudio(f AudioFormat) (*AudioIn, error) {
	if !f.valid() {
		return nil, ErrFormat
	}
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.people[p.ID] != p || p.waiting:
		return nil, ErrGone
	case !p.sends():
		return nil, ErrListener
	case p.voice.in != nil:
		return nil, ErrTracks
	}
	dec, err := newDecoder(f)
	if err != nil {
		return nil, err
	}
	in := &AudioIn{sound: m.sound, p: p, format: f, dec: dec, jitter: jitterBuffer{rate: f.Clock()}, level: 127}
	in.slot.Store(-1)
	in.muted.Store(p.muted)
	p.voice.in = in
	s := m.sound
	s.mu.Lock()
	s.ins = append(s.ins, in)
	s.mu.Unlock()
	return in, nil
}

// Hear gives the participant the room's mix, without its own voice. send is
// called with every payload of 20 ms, from one goroutine; it must not block and
// not keep the payload. The owner calls Close.
func (p *Participant) Hear(f AudioFormat, send func(payload []byte)) (*AudioOut, error) {
	if !f.sent() {
		return nil, ErrFormat
	}
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.people[p.ID] != p || p.waiting:
		return nil, ErrGone
	case p.voice.out != nil:
		return nil, ErrTracks
	}
	p.voice.out = m.sound.hear(p, f, send)
	return p.voice.out, nil
}

// hear adds a mix of everybody but p, who may be nil. f can be sent.
func (s *sound) hear(p *Participant, f AudioFormat, send func(payload []byte)) *AudioOut {
	o := &AudioOut{sound: s, p: p, format: f, send: send}
	s.mu.Lock()
	s.outs = append(s.outs, o)
	s.mixing.Store(true)
	s.mu.Unlock()
	s.wake()
	return o
}

// HearEach gives the participant the single voices of the room, in Opus, each in
// one of slots slots. send is called from many goroutines, one at a time; it
// must not block. The owner calls Close.
func (p *Participant) HearEach(slots int, send func(slot int, s Sound)) (*Tap, error) {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.people[p.ID] != p || p.waiting:
		return nil, ErrGone
	case p.voice.tap != nil:
		return nil, ErrTracks
	}
	t := &Tap{sound: m.sound, p: p, send: send, lanes: make([]lane, max(slots, 0))}
	p.voice.tap = t
	s := m.sound
	s.mu.Lock()
	all := append(slices.Clone(*s.taps.Load()), t)
	s.taps.Store(&all)
	s.listening()
	s.mu.Unlock()
	return t, nil
}

// silence takes p's voice out of what is heard.
func (p *Participant) silence() {
	m := p.Room()
	m.mu.Lock()
	in := p.voice.in
	m.mu.Unlock()
	if in != nil {
		in.Close()
	}
}

// deafen ends what p hears.
func (p *Participant) deafen() {
	m := p.Room()
	m.mu.Lock()
	out, tap := p.voice.out, p.voice.tap
	m.mu.Unlock()
	if out != nil {
		out.Close()
	}
	if tap != nil {
		tap.Close()
	}
}

func (s *sound) removeIn(in *AudioIn) {
	m := s.room
	m.mu.Lock()
	if in.p.voice.in == in {
		in.p.voice.in = nil
		s.letGo(in.p)
	}
	m.mu.Unlock()
	s.mu.Lock()
	s.ins = slices.DeleteFunc(s.ins, func(o *AudioIn) bool { return o == in })
	changed := false
	if i := in.slot.Swap(-1); i >= 0 {
		s.slots[i], changed = nil, true
	}
	if s.active == in {
		s.active, changed = nil, true
	}
	s.dying = append(s.dying, func() {
		if in.relay != nil {
			in.relay.enc.close()
			in.relay = nil
		}
	})
	if !s.running {
		s.bury()
	}
	s.mu.Unlock()
	if changed {
		s.tell()
	}
}

func (s *sound) removeOut(o *AudioOut) {
	m := s.room
	m.mu.Lock()
	if o.p != nil && o.p.voice.out == o {
		o.p.voice.out = nil
	}
	m.mu.Unlock()
	s.mu.Lock()
	s.outs = slices.DeleteFunc(s.outs, func(x *AudioOut) bool { return x == o })
	s.mixing.Store(len(s.outs) > 0)
	s.dying = append(s.dying, func() {
		if o.own != nil {
			o.own.close()
			o.own = nil
		}
	})
	if !s.running {
		s.bury()
	}
	s.mu.Unlock()
}

func (s *sound) removeTap(t *Tap) {
	m := s.room
	m.mu.Lock()
	if t.p.voice.tap == t {
		t.p.voice.tap = nil
	}
	m.mu.Unlock()
	s.mu.Lock()
	all := slices.DeleteFunc(slices.Clone(*s.taps.Load()), func(x *Tap) bool { return x == t })
	s.taps.Store(&all)
	s.listening()
	s.mu.Unlock()
}

// mute is called with room.mu held.
func (s *sound) mute(p *Participant, muted bool) {
	if in := p.voice.in; in != nil {
		in.muted.Store(muted)
	}
	if muted {
		s.letGo(p)
	}
}

// wanted reports whether packets of in have to go through its jitter buffer.
func (s *sound) wanted(in *AudioIn) bool {
	return s.mixing.Load() || s.tapped.Load() && (in.format.Codec != codec.Opus || in.measured.Load())
}

// forward passes a packet on to everybody who hears single voices.
func (s *sound) forward(in *AudioIn, p *Sound, now time.Time) {
	slot := int(in.slot.Load())
	if slot < 0 {
		return
	}
	for _, t := range *s.taps.Load() {
		t.pass(slot, in, p, now)
	}
	s.overheard(in, p)
	s.keep(in, p, now)
}

// How slots and the lead change hands.
const (
	rankEvery  = 100 * time.Millisecond
	voiceHold  = 500 * time.Millisecond // a pause between words does not end a turn
	louderBy   = 6                      // dB that take a slot from somebody who speaks
	leadBy     = 3                      // dB that take the lead
	leadSilent = 600 * time.Millisecond // a leader who is silent for this long gives way
)

// rank gives in a slot if it has earned one and, now and then, decides who
// leads.
func (s *sound) rank(in *AudioIn, now time.Time) {
	changed := false
	if in.slot.Load() < 0 && in.voice(now, voiceHold) && !in.muted.Load() {
		changed = s.claim(in, now)
	}
	last := s.ranked.Load()
	if now.UnixNano()-last >= int64(rankEvery) && s.ranked.CompareAndSwap(last, now.UnixNano()) {
		changed = s.lead(now) || changed
	}
	if changed {
		s.tell()
	}
}

// claim gives in the next slot if it is loud enough for it.
func (s *sound) claim(in *AudioIn, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.slot.Load() >= 0 || !slices.Contains(s.ins, in) {
		return false
	}
	slot, bar := s.next(now)
	if in.loud() < bar {
		return false
	}
	if o := s.slots[slot]; o != nil {
		o.slot.Store(-1)
	}
	s.slots[slot] = in
	in.slot.Store(int32(slot))
	return true
}

// next returns the slot that is given away next, and how loud one has to be for
// it: a free one, that of somebody silent, or that of the softest who speaks, for
// somebody who is clearly louder. mu is held.
func (s *sound) next(now time.Time) (slot int, bar float32) {
	soft := float32(200)
	for i, o := range s.slots {
		if o == nil {
			return i, 0
		}
		l := o.loud()
		if !o.voice(now, voiceHold) {
			l -= 200 // somebody silent first
		}
		if l < soft {
			slot, soft = i, l
		}
	}
	if soft < 0 {
		return slot, 0
	}
	return slot, soft + louderBy
}

// lead decides who leads; true if it is another.
func (s *sound) lead(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *AudioIn
	for _, o := range s.slots {
		if o != nil && !o.muted.Load() && o.voice(now, voiceHold) && (best == nil || o.loud() > best.loud()) {
			best = o
		}
	}
	a := s.active
	if best == nil || best == a {
		return false
	}
	if a != nil && a.slot.Load() >= 0 && !a.muted.Load() && a.voice(now, leadSilent) && best.loud() < a.loud()+leadBy {
		return false
	}
	s.active = best
	return true
}

// speakers says who is heard.
func (s *sound) speakers() Speakers {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Speakers{Slots: make([]string, len(s.slots))}
	for i, o := range s.slots {
		if o != nil {
			out.Slots[i] = o.p.ID
		}
	}
	if s.active != nil {
		out.Active = s.active.p.ID
	}
	return out
}

// tell shows everybody who is heard. No lock is held.
func (s *sound) tell() {
	m := s.room
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tellAll(Event{EventSpeakers, s.speakers()})
}

// wake starts the goroutine if it does not run.
func (s *sound) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.stopped || !s.needed() {
		return
	}
	if group := s.room.rooms.goroutines(); group != nil {
		s.running = group.Go(s.run)
	}
}

// needed reports whether there is anything to do every 20 ms. mu is held.
func (s *sound) needed() bool {
	if len(s.outs) > 0 {
		return true
	}
	if !s.tapped.Load() {
		return false
	}
	return slices.ContainsFunc(s.ins, func(in *AudioIn) bool { return in.format.Codec != codec.Opus || in.measured.Load() })
}

func (s *sound) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if c := s.floor.Load(); c != nil {
		c.stop()
	}
}

// tickEvery is the rhythm of the mix, and behind how much of it may be made up
// for: beyond that time has passed unheard.
const (
	tickEvery = 20 * time.Millisecond
	behind    = 100 * time.Millisecond
)

// run makes the mix until nobody wants it.
func (s *sound) run(ctx context.Context) {
	defer s.ended()
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		if !s.step(now) {
			return
		}
		next = next.Add(tickEvery)
		if late := time.Since(next); late > behind {
			s.room.rooms.count.overruns.Add(int64(late / tickEvery))
			next = time.Now()
		}
		timer.Reset(time.Until(next))
	}
}

// ended frees what only the goroutine has; a wish that came meanwhile starts it
// again.
func (s *sound) ended() {
	for f, x := range s.shared {
		x.enc.close()
		delete(s.shared, f)
	}
	s.mu.Lock()
	s.running = false
	s.bury()
	s.mu.Unlock()
	s.wake()
}

// bury frees what those who left have used. mu is held, by the goroutine or
// while it does not run.
func (s *sound) bury() {
	for _, f := range s.dying {
		f()
	}
	s.dying = nil
}

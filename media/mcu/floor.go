package mcu

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media/codec/opus"
	"muster/media/mcu/floor"
)

// floorControl lets one speak at a time in a room. Whether a packet is heard is
// asked where it comes in; what is due without packets is done by a timer, which
// runs only while somebody talks.
type floorControl struct {
	sound *sound

	mu    sync.Mutex // guards what follows; a leaf
	floor *floor.Floor[*Participant]
	timer *time.Timer
	armed bool
	over  bool
}

// control puts the room's setting in force: the most seconds that one may talk; 0:
// everybody may speak. room.mu is held, or nobody knows the room yet.
func (s *sound) control(seconds int) {
	limit := time.Duration(seconds) * time.Second
	c := s.floor.Load()
	switch {
	case c == nil && seconds > 0:
		c = &floorControl{sound: s, floor: floor.New[*Participant](limit)}
		s.floor.Store(c)
	case c != nil && seconds > 0:
		c.mu.Lock()
		c.floor.SetLimit(limit)
		c.arm(time.Now())
		c.mu.Unlock()
		s.floorNews()
	case c != nil:
		c.mu.Lock()
		for _, p := range c.floor.InVain() {
			c.floor.LetGo(p)
		}
		c.floor.LetGo(c.floor.Now().Who)
		c.mu.Unlock()
		s.floorNews()
		c.stop()
		s.floor.Store(nil)
	}
}

// may reports whether what in sends is to be heard; voice says that there is a
// voice in it. Streams on the stage have no part in it: a host has put them there.
func (s *sound) may(in *AudioIn, voice bool, now time.Time) bool {
	c := s.floor.Load()
	if c == nil || in.p.kind == Feed {
		return true
	}
	ok, stirred := c.may(in, voice, now)
	if stirred {
		s.room.mu.Lock()
		s.floorNews()
		s.room.mu.Unlock()
	}
	return ok
}

func (c *floorControl) may(in *AudioIn, voice bool, now time.Time) (ok, stirred bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if voice && in.p.kind != Mumble && in.loud() < voiceFrom && !c.floor.Knows(in.p) {
		voice = false // a click, and not a syllable
	}
	if voice {
		ok = c.floor.Speak(in.p, in.p.floorRank(), now)
		c.arm(now)
	} else {
		ok = c.floor.Holds(in.p)
	}
	return ok, c.floor.Stirred()
}

// letGo says that p does not talk any more. room.mu is held.
func (s *sound) letGo(p *Participant) {
	if c := s.floor.Load(); c != nil {
		c.mu.Lock()
		c.floor.LetGo(p)
		c.mu.Unlock()
		s.floorNews()
	}
}

// ask takes the floor for p, who has not begun to talk. room.mu is held.
func (s *sound) ask(p *Participant) error {
	c := s.floor.Load()
	if c == nil {
		return nil
	}
	now := time.Now()
	c.mu.Lock()
	ok := c.floor.Ask(p, p.floorRank(), now)
	h := c.floor.Now()
	c.arm(now)
	c.mu.Unlock()
	s.floorNews()
	switch {
	case ok:
		return nil
	case h.Held:
		return &BusyError{Holder: h.Who.ID}
	}
	return &BusyError{} // has talked in vain, and not let go
}

// arm sets the timer unless it is set: it may fire too early, and is set anew then.
// mu is held.
func (c *floorControl) arm(now time.Time) {
	next, ok := c.floor.Next()
	if !ok || c.armed || c.over {
		return
	}
	c.armed = true
	wait := max(next.Sub(now), time.Millisecond)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.due)
	} else {
		c.timer.Reset(wait)
	}
}

func (c *floorControl) due() {
	defer run.Recover(c.sound.room.log, part)
	c.mu.Lock()
	c.armed = false
	c.mu.Unlock()
	c.passes(time.Now())
}

// passes does what time brings.
func (c *floorControl) passes(now time.Time) {
	c.mu.Lock()
	c.floor.Step(now)
	c.arm(now)
	stirred := c.floor.Stirred()
	c.mu.Unlock()
	if stirred {
		m := c.sound.room
		m.mu.Lock()
		c.sound.floorNews()
		m.mu.Unlock()
	}
}

func (c *floorControl) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.timer != nil {
		c.timer.Stop()
	}
}

// floorNews tells what has happened since it was called last, in order because
// room.mu is held.
func (s *sound) floorNews() {
	c, m := s.floor.Load(), s.room
	if c == nil {
		return
	}
	c.mu.Lock()
	news, moved := c.floor.News()
	by := ""
	if h := c.floor.Now(); h.Held {
		by = h.Who.name
	}
	c.mu.Unlock()
	cut := false
	for _, n := range news {
		n.Who.busy.Store(n.Vain)
		if m.people[n.Who.ID] != n.Who {
			continue
		}
		n.Who.leg.Notify(Event{EventBusy, Busy{On: n.Vain, Reason: n.Reason, By: by}})
		cut = n.Vain && s.vacate(n.Who.voice.in) || cut
	}
	if moved {
		m.tellAll(Event{EventFloor, s.floorState()})
	}
	if cut {
		m.tellAll(Event{EventSpeakers, s.speakers()})
	}
}

// vacate takes the slot from who is not heard any more, and reports whether there
// was one.
func (s *sound) vacate(in *AudioIn) bool {
	if in == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := in.slot.Swap(-1)
	if i < 0 {
		return false
	}
	s.slots[i] = nil
	if s.active == in {
		s.active = nil
	}
	return true
}

// floorState says who has the floor.
func (s *sound) floorState() FloorState {
	c := s.floor.Load()
	if c == nil {
		return FloorState{}
	}
	c.mu.Lock()
	h := c.floor.Now()
	c.mu.Unlock()
	if !h.Held {
		return FloorState{}
	}
	return FloorState{Holder: h.Who.ID, Since: h.Since.UTC(), Until: h.Until.UTC(), Emergency: h.Rank == floor.Emergency}
}

func (p *Participant) floorRank() floor.Rank { return floor.Rank(p.rank.Load()) }

// setRank notes where p stands when it wants to speak. room.mu is held.
func (p *Participant) setRank() {
	r := floor.Common
	switch {
	case p.emergency:
		r = floor.Emergency
	case p.role == Host || p.priority:
		r = floor.Priority
	}
	p.rank.Store(uint32(r))
}

// Talk is the participant's key to talk: it switches the microphone, and takes or
// gives back the floor where one speaks at a time. The error is a *BusyError while
// another has it, ErrListener or ErrGone; the microphone is then as it was.
func (p *Participant) Talk(on bool) error {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.people[p.ID] != p || p.waiting:
		return ErrGone
	case !on:
		return p.mute(m, true)
	case !p.sends():
		return ErrListener
	}
	if err := m.sound.ask(p); err != nil {
		return err
	}
	return p.mute(m, false)
}

// SetPriority says whether the participant goes before other speakers where one
// speaks at a time, as hosts do.
func (p *Participant) SetPriority(on bool) {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	p.priority = on
	p.setRank()
}

// SetEmergency says that the participant called id is in an emergency, or is not any
// more: oneself, or for hosts anybody. Where one speaks at a time, who is in an
// emergency goes before everybody. The error is ErrHost or ErrGone.
func (p *Participant) SetEmergency(id string, on bool) error {
	m := p.Room()
	if id != p.ID || p.outside {
		return p.asHost(id, func(m *Room, other *Participant) error {
			other.setEmergency(m, on)
			return nil
		})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.people[p.ID] != p || p.waiting {
		return ErrGone
	}
	p.setEmergency(m, on)
	return nil
}

// setEmergency notes it, and tells everybody. m.mu is held.
func (p *Participant) setEmergency(m *Room, on bool) {
	if p.emergency == on || p.outside {
		return
	}
	p.emergency = on
	p.setRank()
	m.show(p)
}

// SetEmergency is Participant.SetEmergency.
func (m *Moderator) SetEmergency(id string, on bool) error { return m.p.SetEmergency(id, on) }

// Emergency says for the user id that it is in an emergency, or is not any more, as
// all the participants that it is in the room called room. The error is ErrNotFound,
// or ErrGone when it is not in the room.
func (r *Rooms) Emergency(id auth.Identity, room string, on bool) error {
	if _, err := r.Find(id, room); err != nil {
		return err
	}
	m := r.Live(room)
	if m == nil {
		return ErrGone
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	there := false
	for _, p := range m.people {
		if m.inside(p, id) {
			there = true
			p.setEmergency(m, on)
		}
	}
	if !there {
		return ErrGone
	}
	return nil
}

// SetAlarmed says which users are in an emergency, wherever they are: those who come
// later, too. For who was and is none of them any more it is over. A host can end it
// for one room. It is for one goroutine at a time.
func (r *Rooms) SetAlarmed(users []string) {
	now := make(map[string]bool, len(users))
	for _, u := range users {
		now[u] = u != ""
	}
	was := r.alarmed.Swap(&now)
	r.mu.Lock()
	rooms := slices.Collect(maps.Values(r.live))
	r.mu.Unlock()
	for _, m := range rooms {
		m.mu.Lock()
		for _, p := range m.people {
			if on := now[p.user]; on != (was != nil && (*was)[p.user]) {
				p.setEmergency(m, on)
			}
		}
		m.mu.Unlock()
	}
}

func (r *Rooms) isAlarmed(user string) bool {
	all := r.alarmed.Load()
	return all != nil && (*all)[user]
}

// inside reports whether p is id, and in the room. mu is held.
func (m *Room) inside(p *Participant, id auth.Identity) bool {
	return !p.waiting && p.kind != Feed && id.User != "" && p.who.User == id.User && p.who.IsGuest() == id.IsGuest()
}

// The busy tone: that of telephones that want to say congestion (ITU-T E.180), so
// that it is not taken for the end of a call.
const (
	busyHz     = 425
	busyLevel  = 5000
	busyPeriod = mixRate / 2 // samples; half of it is silent
)

// addBusyTone adds the tone to a frame; done is how many samples of it there were.
// It returns how many there are now.
func addBusyTone(to []int32, done int) int {
	for i := range to {
		at := (done + i) % busyPeriod
		if at >= busyPeriod/2 {
			continue
		}
		ramp := float64(min(at, busyPeriod/2-at, rampSamples)) / rampSamples
		to[i] += int32(ramp * busyLevel * math.Sin(2*math.Pi*busyHz*float64(at)/mixRate))
	}
	return done + len(to)
}

// BusyTone returns a period of the busy tone, in packets of Opus of 20 ms that can be
// repeated.
func BusyTone() ([][]byte, error) {
	enc, err := newOpusEncoder(opus.VoIP, 0)
	if err != nil {
		return nil, err
	}
	defer enc.close()
	var out [][]byte
	for done := 0; done < busyPeriod; {
		var sum [frame]int32
		var pcm [frame]int16
		done = addBusyTone(sum[:], done)
		for i, v := range sum {
			pcm[i] = int16(v)
		}
		var b [maxPayload]byte
		n, err := enc.encode(pcm[:], b[:])
		if err != nil {
			return nil, err
		}
		out = append(out, b[:n:n])
	}
	return out, nil
}

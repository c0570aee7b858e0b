package mcu

import "slices"

// Bridge carries rooms to another kind of voice server and back. Its methods are
// called with the room locked: they must not block, and call nothing of the room.
type Bridge interface {
	// Stirred says that somebody of the room has come, gone or changed, or that its
	// settings have.
	Stirred(room string)
	// Said hands on a message to everybody in the room.
	Said(room string, c Chat)
}

// bridge tells the bridge of an event that everybody is told. mu is held.
func (m *Room) bridge(e Event) {
	b := m.rooms.deps.Bridge
	if b == nil {
		return
	}
	switch e.Type {
	case EventParticipant, EventLeft:
		b.Stirred(m.name)
	case EventChat:
		b.Said(m.name, e.Data.(Chat))
	}
}

// Ear hears those who speak in a room without taking part in it.
type Ear struct {
	sound *sound
	via   string
	hear  func(speaker string, s *Sound)
}

// Overhear makes hear be called with every packet of those who are heard in the
// room, in Opus and as they number it, and the speaker's id. Those who came via that
// voice server are left out: what they say is carried where they say it. hear is called from many
// goroutines, for one speaker from one at a time; it must neither block nor change
// what it is given. The caller closes the Ear.
func (m *Room) Overhear(via string, hear func(speaker string, s *Sound)) *Ear {
	s := m.sound
	e := &Ear{sound: s, via: via, hear: hear}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(slices.Clone(*s.ears.Load()), e)
	s.ears.Store(&all)
	s.listening()
	return e
}

// Close ends it; hear may still run when Close returns. Closing twice is harmless.
func (e *Ear) Close() {
	s := e.sound
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*s.ears.Load()), func(o *Ear) bool { return o == e })
	s.ears.Store(&all)
	s.listening()
}

// listening notes whether somebody hears single voices. mu is held.
func (s *sound) listening() {
	s.tapped.Store(len(*s.taps.Load()) > 0 || len(*s.ears.Load()) > 0 || s.replay != nil)
}

// overheard hands a packet to whoever hears from outside.
func (s *sound) overheard(in *AudioIn, p *Sound) {
	for _, e := range *s.ears.Load() {
		if e.via != in.p.via {
			e.hear(in.p.ID, p)
		}
	}
}

// Mix gives somebody outside of the room its mix, for those who came via that voice
// server: without what they say themselves. send is called with payloads of 20 ms
// while anybody else is heard, from one goroutine; it must not block and not keep
// the payload. The error is ErrFormat. The owner calls Close.
func (m *Room) Mix(via string, f AudioFormat, send func(payload []byte)) (*AudioOut, error) {
	if !f.sent() {
		return nil, ErrFormat
	}
	return m.sound.add(&AudioOut{sound: m.sound, via: via, format: f, send: send}), nil
}

// radioLevel is how loud a packet of a Mumble user counts, in -dBov: they send
// only while they talk, so that nothing has to be decoded to find that out.
const radioLevel = 25

// Spoken returns a packet of a Mumble user as the room takes it. seq counts
// packets and units of 10 ms are counted by at.
func Spoken(seq uint16, at uint64, first bool, opus []byte) *Sound {
	return &Sound{Seq: seq, Timestamp: uint32(at * uint64(mixRate/100)), Marker: first, Payload: opus, HasLevel: true, Level: radioLevel}
}

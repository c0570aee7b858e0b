package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/media/codec"
	"muster/media/mcu"
	"muster/sip"
	"muster/sip/prompt"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// phones is how calls get into rooms. It implements sip.Rooms.
type phones struct {
	rooms *mcu.Rooms
	log   *slog.Logger
}

// Find implements sip.Rooms.
func (p phones) Find(_ context.Context, target string) (sip.Room, error) {
	s, ok := p.rooms.Dial(target)
	if !ok {
		return sip.Room{}, sip.ErrNoRoom
	}
	return sip.Room{Name: s.Name.String(), NeedsPIN: s.PIN != ""}, nil
}

// Join implements sip.Rooms. Who has a right to be in the room needs no PIN;
// others come as guests, by the PIN or because somebody who is in had them called.
func (p phones) Join(_ context.Context, r sip.JoinRequest) (sip.Seat, error) {
	s, ok := p.rooms.Dial(r.Room)
	if !ok {
		return nil, sip.ErrNoRoom
	}
	seat := &phoneSeat{leg: r.Leg, wake: make(chan struct{}, 1), done: make(chan struct{})}
	room := auth.Room(s.Stream(), s.Groups)
	name := r.Display
	if name == "" {
		name = r.Number
	}
	req := mcu.JoinRequest{Identity: r.Identity, Room: s.Name.String(), Name: name, Kind: mcu.SIP, Remote: r.Remote, Agent: "SIP " + r.Number, PIN: r.PIN, Leg: seat}
	if r.Identity.User == "" || auth.Allow(r.Identity, auth.Read, room) != nil {
		req.Identity = auth.Guest(name, s.Stream(), s.Groups)
		req.Invited = r.By.User != "" && auth.Allow(r.By, auth.Read, room) == nil
	}
	participant, err := p.rooms.Join(req)
	if err != nil {
		return nil, callFault(err)
	}
	seat.p = participant
	if err := participant.SetMuted(false); err != nil && !errors.Is(err, mcu.ErrListener) {
		participant.Leave(err)
		return nil, callFault(err)
	}
	seat.announce()
	go seat.run(p.log)
	return seat, nil
}

// callFault says what a room's refusal means to a call.
func callFault(err error) error {
	var limited *limit.ExceededError
	switch {
	case errors.Is(err, mcu.ErrPIN), errors.As(err, &limited):
		return fmt.Errorf("%w: %w", sip.ErrPIN, err)
	case errors.Is(err, mcu.ErrFull):
		return fmt.Errorf("%w: %w", sip.ErrFull, err)
	case errors.Is(err, mcu.ErrNotFound):
		return fmt.Errorf("%w: %w", sip.ErrNoRoom, err)
	}
	return fmt.Errorf("%w: %w", auth.ErrDenied, err)
}

// phoneSeat is a call in a room. It implements sip.Seat towards the call and
// mcu.Leg towards the room.
type phoneSeat struct {
	leg  sip.Leg
	p    *mcu.Participant
	wake chan struct{}
	done chan struct{}
	once sync.Once
	in   atomic.Pointer[mcu.AudioIn]
	star atomic.Bool // the last key was *
	told *mcu.Member // what the caller was told of last; of Join, then of run

	mu     sync.Mutex // guards what follows
	format mcu.AudioFormat
	send   func(payload []byte, samples int)
	out    *mcu.AudioOut
	hears  mcu.AudioFormat // of out
	screen phoneScreen     // what the phone is shown
}

// Notify implements mcu.Leg: what may change whether the phone is heard.
func (s *phoneSeat) Notify(e mcu.Event) {
	switch e.Type {
	case mcu.EventState, mcu.EventParticipant, mcu.EventRoom:
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// End implements mcu.Leg.
func (s *phoneSeat) End(reason error) { s.leg.Kick(reason) }

// run keeps the phone's sound in the room: it begins when a host lets it in or
// speak.
func (s *phoneSeat) run(log *slog.Logger) {
	defer run.Recover(log, "sip")
	for {
		select {
		case <-s.done:
			return
		case <-s.wake:
			s.sync()
			s.announce()
		}
	}
}

// announce tells the caller that it is in, has to wait, or is muted: a phone has
// no picture of that.
func (s *phoneSeat) announce() {
	m, ok := s.p.Member()
	if !ok {
		return
	}
	old := s.told
	s.told = &m
	switch {
	case m.Waiting && (old == nil || !old.Waiting):
		s.leg.Say(prompt.Waiting)
	case !m.Waiting && (old == nil || old.Waiting):
		s.leg.Say(prompt.Joined)
	case m.Waiting || m.Muted == old.Muted:
	case m.Muted:
		s.leg.Say(prompt.Muted)
	default:
		s.leg.Say(prompt.Unmuted)
	}
}

// sync opens what the phone may send and hear now.
func (s *phoneSeat) sync() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return
	default:
	}
	s.screen.open(s.p)
	if s.send == nil {
		return
	}
	if in := s.in.Load(); in == nil || in.Closed() {
		// Refused to listeners, and in the lobby: asked again when that changes.
		if in, err := s.p.OpenAudio(s.format); err == nil {
			s.in.Store(in)
			_ = s.p.SetMuted(false) // a phone has no other button for it
		}
	}
	if s.out != nil && s.hears == s.format {
		return
	}
	if s.out != nil {
		s.out.Close()
		s.out = nil
	}
	send, samples := s.send, int(s.format.Clock()/50)
	if out, err := s.p.Hear(s.format, func(payload []byte) { send(payload, samples) }); err == nil {
		s.out, s.hears = out, s.format
	}
}

// Audio implements sip.Seat.
func (s *phoneSeat) Audio(f sdp.Format, send func(payload []byte, samples int)) func(rtp.Packet) {
	s.mu.Lock()
	if in := s.in.Swap(nil); in != nil {
		in.Close()
	}
	if s.out != nil {
		s.out.Close()
		s.out = nil
	}
	s.format, s.send = audioFormat(f), send
	s.mu.Unlock()
	s.sync()
	return func(p rtp.Packet) {
		if in := s.in.Load(); in != nil {
			in.Write(&mcu.Sound{Seq: p.Seq, Timestamp: p.Timestamp, Marker: p.Marker, Payload: p.Payload})
		}
	}
}

func audioFormat(f sdp.Format) mcu.AudioFormat {
	switch f.Name {
	case "opus":
		return mcu.AudioFormat{Codec: codec.Opus}
	case "G722":
		return mcu.AudioFormat{Codec: codec.G722}
	}
	return mcu.AudioFormat{Codec: codec.G711, MULaw: f.Name == "PCMU"}
}

// Key implements sip.Seat: *6 switches the microphone, *5 raises and lowers the
// hand.
func (s *phoneSeat) Key(digit byte) {
	if digit == '*' {
		s.star.Store(true)
		return
	}
	if !s.star.Swap(false) {
		return
	}
	m, ok := s.p.Member()
	if !ok {
		return
	}
	switch digit {
	case '6':
		_ = s.p.SetMuted(!m.Muted) // refused to listeners
	case '5':
		_ = s.p.SetHand(m.Hand.IsZero())
	}
}

// Close implements sip.Seat.
func (s *phoneSeat) Close() {
	s.once.Do(func() {
		close(s.done)
		s.mu.Lock()
		s.screen.close()
		s.mu.Unlock()
		s.p.Leave(nil)
	})
}

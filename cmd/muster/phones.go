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
	return sip.Room{Name: s.Name.String(), Title: s.Title, NeedsPIN: s.PIN != ""}, nil
}

// Join implements sip.Rooms. Who has a right to be in the room needs no PIN;
// others come as guests, by the PIN or because somebody who is in had them called.
func (p phones) Join(_ context.Context, r sip.JoinRequest) (sip.Seat, error) {
	s, ok := p.rooms.Dial(r.Room)
	if !ok {
		return nil, sip.ErrNoRoom
	}
	seat := &phoneSeat{rooms: p.rooms, leg: r.Leg, wake: make(chan struct{}, 1), done: make(chan struct{})}
	room := auth.Room(s.Stream(), s.Groups)
	name := r.Display
	if name == "" {
		name = r.Number
	}
	req := mcu.JoinRequest{Identity: r.Identity, Room: s.Name.String(), Name: name, Kind: mcu.SIP, Remote: r.Remote, Agent: "SIP " + r.Number, PIN: r.PIN}
	if r.Identity.User == "" || auth.Allow(r.Identity, auth.Read, room) != nil {
		req.Identity = auth.Guest(name, s.Stream(), s.Groups)
		req.Invited = r.By.User != "" && auth.Allow(r.By, auth.Read, room) == nil
	}
	participant, leg, err := seat.enter(req)
	if err != nil {
		return nil, callFault(err)
	}
	seat.stay, seat.heard = req, leg
	seat.p.Store(participant)
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

// phoneSeat is a call in a room. It implements sip.Seat towards the call; each
// participant that it is in turn has a phoneLeg towards the room.
type phoneSeat struct {
	rooms *mcu.Rooms
	leg   sip.Leg
	p     atomic.Pointer[mcu.Participant] // another one after a move
	move  atomic.Pointer[mcu.Move]        // asked for, and not done

	stay  mcu.JoinRequest // how it entered; of Join, then of run
	heard *phoneLeg       // of p; likewise

	wake chan struct{}
	done chan struct{}
	once sync.Once
	in   atomic.Pointer[mcu.AudioIn]
	star atomic.Bool // the last key was *
	told *mcu.Member // what the caller was told of last; of Join, then of run
	news string      // the newest message of the server that the caller knows of; likewise

	recorded     atomic.Bool // the room is being recorded
	toldRecorded bool        // and the caller knows; of Join, then of run

	mu     sync.Mutex // guards what follows
	format mcu.AudioFormat
	send   func(payload []byte, samples int)
	out    *mcu.AudioOut
	loss   int             // percent of the mix, as the phone reports
	hears  mcu.AudioFormat // of out
	screen phoneScreen     // what the phone is shown
}

// phoneLeg is what one participant of a call is told. It implements mcu.Leg.
type phoneLeg struct {
	seat *phoneSeat
	left atomic.Bool // the call is another participant now
}

// Notify implements mcu.Leg: what may change whether the phone is heard, or where.
func (l *phoneLeg) Notify(e mcu.Event) {
	if l.left.Load() {
		return
	}
	switch e.Type {
	case mcu.EventMove:
		m := e.Data.(mcu.Move)
		l.seat.move.Store(&m)
	case mcu.EventState:
		l.seat.recorded.Store(e.Data.(mcu.State).Room.Recording)
	case mcu.EventRoom:
		l.seat.recorded.Store(e.Data.(mcu.View).Recording)
	case mcu.EventParticipant:
	case mcu.EventChat:
		if e.Data.(mcu.Chat).Notice == nil {
			return
		}
	default:
		return
	}
	select {
	case l.seat.wake <- struct{}{}:
	default:
	}
}

// End implements mcu.Leg.
func (l *phoneLeg) End(reason error) {
	if !l.left.Load() {
		l.seat.leg.Kick(reason)
	}
}

// enter makes the call a participant of a room.
func (s *phoneSeat) enter(req mcu.JoinRequest) (*mcu.Participant, *phoneLeg, error) {
	leg := &phoneLeg{seat: s}
	req.Leg = leg
	p, err := s.rooms.Join(req)
	return p, leg, err
}

// follow takes the call to another room. Nothing of it is negotiated anew: what it
// sends and hears is another participant's from now on. A call that does not get
// in stays where it is.
func (s *phoneSeat) follow(m mcu.Move, log *slog.Logger) {
	old := s.p.Load()
	was, in := old.Member()
	if !in {
		return
	}
	req := s.stay
	req.Identity, req.Room, req.Pass = old.Identity(), m.Room, m.Pass
	req.PIN, req.Invited = "", false
	p, leg, err := s.enter(req)
	if err != nil {
		log.Warn("a call was not moved", "part", "sip", "user", req.Identity.User, "room", m.Room, "error", err)
		return
	}
	s.mu.Lock()
	select {
	case <-s.done: // hung up meanwhile
		s.mu.Unlock()
		p.Leave(nil)
		return
	default:
	}
	s.silence()
	s.screen.pause()
	s.p.Store(p)
	s.mu.Unlock()
	s.heard.left.Store(true)
	s.heard = leg
	old.Leave(nil)
	s.sync()
	_ = p.SetMuted(was.Muted) // refused to listeners
	s.told = nil
	s.announce()
}

// run keeps the phone's sound in the room: it begins when a host lets it in or
// speak.
func (s *phoneSeat) run(log *slog.Logger) {
	defer run.Recover(log, "sip")
	for {
		select {
		case <-s.done:
			return
		case <-s.wake:
			if m := s.move.Swap(nil); m != nil {
				s.follow(*m, log)
			}
			s.sync()
			s.announce()
		}
	}
}

// announce tells the caller that it is in, has to wait, is muted or recorded, and what
// has become of an emergency: a phone has no picture of that.
func (s *phoneSeat) announce() {
	p := s.p.Load()
	m, ok := p.Member()
	if !ok {
		return
	}
	old := s.told
	s.told = &m
	if m.Waiting {
		if old == nil || !old.Waiting {
			s.leg.Say(prompt.Waiting)
		}
		return
	}
	notice := mcu.NoticeType("")
	if c, is := p.Room().Noticed(); is && c.ID != s.news {
		s.news, notice = c.ID, c.Notice.Type
	}
	entered := old == nil || old.Waiting
	var say []prompt.Name
	switch {
	case notice == mcu.NoticeEmergency:
		say = append(say, prompt.Emergency)
	case entered:
		say = append(say, prompt.Joined)
	case notice == mcu.NoticeCancelled:
		say = append(say, prompt.Cancelled)
	case m.Muted == old.Muted:
	case m.Muted:
		say = append(say, prompt.Muted)
	default:
		say = append(say, prompt.Unmuted)
	}
	recorded := s.recorded.Load()
	if recorded && (entered || !s.toldRecorded) {
		say = append(say, prompt.Recorded)
	}
	s.toldRecorded = recorded
	if len(say) > 0 {
		s.leg.Say(say...)
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
	p := s.p.Load()
	s.screen.open(p)
	if s.send == nil {
		return
	}
	if in := s.in.Load(); in == nil || in.Closed() {
		// Refused to listeners, and in the lobby: asked again when that changes.
		if in, err := p.OpenAudio(s.format); err == nil {
			s.in.Store(in)
			_ = p.SetMuted(false) // a phone has no other button for it
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
	if out, err := p.Hear(s.format, func(payload []byte) { send(payload, samples) }); err == nil {
		s.out, s.hears = out, s.format
		out.SetLoss(s.loss)
	}
}

// Audio implements sip.Seat.
func (s *phoneSeat) Audio(f sdp.Format, send func(payload []byte, samples int)) (in func(rtp.Packet), lost func(percent int)) {
	s.mu.Lock()
	s.silence()
	s.format, s.send = audioFormat(f), send
	s.mu.Unlock()
	s.sync()
	return s.hear, s.lost
}

func (s *phoneSeat) hear(p rtp.Packet) {
	if in := s.in.Load(); in != nil {
		in.Write(&mcu.Sound{Seq: p.Seq, Timestamp: p.Timestamp, Marker: p.Marker, Payload: p.Payload})
	}
}

func (s *phoneSeat) lost(percent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loss = percent
	if s.out != nil {
		s.out.SetLoss(percent)
	}
}

// silence ends the phone's sound in the room. mu is held.
func (s *phoneSeat) silence() {
	if in := s.in.Swap(nil); in != nil {
		in.Close()
	}
	if s.out != nil {
		s.out.Close()
		s.out = nil
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
	p := s.p.Load()
	m, ok := p.Member()
	if !ok {
		return
	}
	switch digit {
	case '6':
		_ = p.SetMuted(!m.Muted) // refused to listeners
	case '5':
		_ = p.SetHand(m.Hand.IsZero())
	}
}

// Close implements sip.Seat.
func (s *phoneSeat) Close() {
	s.once.Do(func() {
		close(s.done)
		s.mu.Lock()
		s.screen.close()
		p := s.p.Load()
		s.mu.Unlock()
		p.Leave(nil)
	})
}

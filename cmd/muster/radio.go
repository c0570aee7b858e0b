package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/media/mcu"
	"muster/voice"
	"muster/voice/wire"
)

// radio makes a room and the Mumble channel of the same name one thing: whoever is
// in the room has a seat in the channel, and Mumble users in the channel are
// participants of the room. Sound is passed on as it comes. It implements
// mcu.Bridge and voice.Bridge.
//
// What happens in rooms is only noted, and made true by Run: a room may go through
// several states meanwhile, of which the last counts.
type radio struct {
	log  *slog.Logger
	wake chan struct{}
	srv  atomic.Pointer[voice.Server] // that runs now; nil: none yet

	rooms *mcu.Rooms               // set before anything calls
	tone  func() ([][]byte, error) // mcu.BusyTone, made once

	mu      sync.RWMutex // guards what follows
	stirred map[string]bool
	texts   []roomText           // at most maxRoomTexts; what comes then is dropped
	users   map[uint32]*listener // Mumble users in rooms, by session

	open map[string]*channel // by room; of Run
}

// viaMumble marks participants who are users of the Mumble server of this house.
const viaMumble = "mumble"

// roomText is a message of a room for its channel.
type roomText struct {
	room string
	chat mcu.Chat
}

const (
	maxRoomTexts = 256
	// seatRetry is the pause before a seat is tried again in a channel that the
	// Mumble server does not know yet.
	seatRetry = 250 * time.Millisecond
	// burstEnd is the silence after which a speaker's burst is ended, as Mumble
	// clients are told when somebody lets go of the key.
	burstEnd = 300 * time.Millisecond
)

func newRadio(log *slog.Logger) *radio {
	return &radio{
		log: log.With("part", "voice"), wake: make(chan struct{}, 1), tone: sync.OnceValues(mcu.BusyTone),
		stirred: make(map[string]bool), users: make(map[uint32]*listener), open: make(map[string]*channel),
	}
}

// use makes srv the Mumble server from now on; nil: there is none.
func (r *radio) use(srv *voice.Server) {
	r.srv.Store(srv)
	r.stir()
}

func (r *radio) stir(rooms ...string) {
	r.mu.Lock()
	for _, n := range rooms {
		r.stirred[n] = true
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Stirred implements mcu.Bridge.
func (r *radio) Stirred(room string) { r.stir(room) }

// Said implements mcu.Bridge.
func (r *radio) Said(room string, c mcu.Chat) {
	r.mu.Lock()
	if len(r.texts) < maxRoomTexts {
		r.texts = append(r.texts, roomText{room, c})
	}
	r.mu.Unlock()
	r.stir()
}

// Run keeps rooms and channels alike until ctx ends.
func (r *radio) Run(ctx context.Context) error {
	defer func() {
		for name, c := range r.open {
			c.close()
			delete(r.open, name)
		}
	}()
	retry := time.NewTimer(0)
	defer retry.Stop()
	var srv *voice.Server
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-retry.C:
		}
		if now := r.srv.Load(); now != srv {
			srv = now
			for name, c := range r.open { // its seats went with the old server
				c.close()
				delete(r.open, name)
				r.stir(name)
			}
		}
		if srv != nil && !r.settle(srv) {
			retry.Reset(seatRetry)
		}
	}
}

// settle makes channels what their rooms are. It reports false if some channel
// is not there yet.
func (r *radio) settle(srv *voice.Server) (all bool) {
	r.mu.Lock()
	stirred, texts := r.stirred, r.texts
	r.stirred, r.texts = make(map[string]bool), nil
	listened := len(r.users) > 0
	r.mu.Unlock()
	all = true
	for name := range stirred {
		c := r.open[name]
		if c == nil {
			c = &channel{radio: r, name: name, seats: make(map[string]*speaker)}
			r.open[name] = c
		}
		if !c.follow(srv) {
			all = false
			r.mu.Lock()
			r.stirred[name] = true
			r.mu.Unlock()
		}
		if len(c.seats) == 0 {
			c.close()
			delete(r.open, name)
		}
	}
	for _, c := range r.open {
		c.listen(listened)
	}
	for _, t := range texts {
		if t.chat.Notice != nil { // of the server, which has no seat
			srv.Say(auth.RoomStreams+t.room, t.chat.Text)
			continue
		}
		if c := r.open[t.room]; c != nil && c.seats[t.chat.From] != nil {
			c.seats[t.chat.From].seat.Say(t.chat.Text)
		}
	}
	return all
}

// channel is a room with somebody in who is not in Mumble.
type channel struct {
	radio *radio
	name  string
	live  *mcu.Room
	ear   *mcu.Ear

	mu    sync.RWMutex // guards seats against speak; Run alone changes it
	seats map[string]*speaker
}

// follow gives everybody in the room a seat, and nobody else. It reports false if
// the channel is not there yet.
func (c *channel) follow(srv *voice.Server) bool {
	live := c.radio.rooms.Live(c.name)
	if live != c.live {
		c.listen(false)
		c.live = live
	}
	in := make(map[string]bool)
	var members []mcu.Member
	if live != nil {
		members = live.Members()
	}
	for _, m := range members {
		if m.Via == viaMumble || m.Waiting {
			continue
		}
		in[m.ID] = true
		if s := c.seats[m.ID]; s != nil {
			s.set(m.Muted)
			continue
		}
		s, err := c.seat(srv, m)
		if err != nil {
			return false
		}
		c.mu.Lock()
		c.seats[m.ID] = s
		c.mu.Unlock()
	}
	for id, s := range c.seats {
		if !in[id] {
			c.mu.Lock()
			delete(c.seats, id)
			c.mu.Unlock()
			s.close()
		}
	}
	return true
}

func (c *channel) seat(srv *voice.Server, m mcu.Member) (*speaker, error) {
	// Whether a Mumble user may moderate is judged by the Mumble server.
	decide := func(f func(*mcu.Moderator) error) {
		mod, err := c.radio.rooms.Moderator(auth.System("voice"), c.name)
		if err == nil {
			err = f(mod)
		}
		if err != nil {
			c.radio.log.Info("a moderator in Mumble asked in vain", "room", c.name, "error", err)
		}
	}
	seat, err := srv.Seat(auth.RoomStreams+c.name, voice.VirtualUser{
		Name: m.Name, Comment: string(m.Kind), Muted: m.Muted,
		Mute: func(muted bool) { decide(func(mod *mcu.Moderator) error { return mod.Mute(m.ID, muted) }) },
		Kick: func(string) { decide(func(mod *mcu.Moderator) error { return mod.Kick(m.ID) }) },
	})
	if err != nil {
		return nil, err
	}
	s := &speaker{seat: seat, muted: m.Muted}
	s.open(seat.Voice)
	return s, nil
}

// listen makes the channel hear its room, or not: while no Mumble user is in any
// channel, nobody would.
func (c *channel) listen(on bool) {
	switch {
	case on && c.ear == nil && c.live != nil:
		c.ear = c.live.Overhear(viaMumble, c.speak)
	case !on && c.ear != nil:
		c.ear.Close()
		c.ear = nil
	}
}

func (c *channel) speak(id string, p *mcu.Sound) {
	c.mu.RLock()
	s := c.seats[id]
	c.mu.RUnlock()
	if s != nil {
		s.say(p.Timestamp, p.Payload, time.Now())
	}
}

func (c *channel) close() {
	c.listen(false)
	c.mu.Lock()
	seats := c.seats
	c.seats = make(map[string]*speaker)
	c.mu.Unlock()
	for _, s := range seats {
		s.close()
	}
}

// speaker is somebody of the room in the channel.
type speaker struct {
	mouth
	seat  *voice.Seat
	muted bool // of Run
}

func (s *speaker) set(muted bool) {
	if s.muted == muted {
		return
	}
	s.muted = muted
	if muted {
		s.ended()
	}
	s.seat.SetState(muted, false)
}

func (s *speaker) close() {
	s.shut()
	s.seat.Close()
}

// at calls f with the Mumble server that runs now.
func (r *radio) at(f func(*voice.Server) error) error {
	if srv := r.srv.Load(); srv != nil {
		return f(srv)
	}
	return voice.ErrGone
}

// Mute implements side.
func (r *radio) Mute(session uint32, muted bool) error {
	return r.at(func(srv *voice.Server) error { return srv.Mute(session, muted) })
}

// Hold implements keeper.
func (r *radio) Hold(session uint32, room string, h voice.Held) error {
	return r.at(func(srv *voice.Server) error { return srv.Hold(session, auth.RoomStreams+room, h) })
}

// Move implements side.
func (r *radio) Move(session uint32, room string) error {
	err := r.at(func(srv *voice.Server) error { return srv.Move(session, auth.RoomStreams+room) })
	if errors.Is(err, voice.ErrNoChannel) {
		return nil // a breakout room
	}
	return err
}

// Tell implements toned.
func (r *radio) Tell(session uint32, seq uint64, opus []byte, last bool) error {
	return r.at(func(srv *voice.Server) error { return srv.Tell(session, seq, opus, last) })
}

// Refuse implements toned.
func (r *radio) Refuse(session uint32, why string) error {
	return r.at(func(srv *voice.Server) error { return srv.Refuse(session, why) })
}

// Note implements side.
func (r *radio) Note(session uint32, text string) error {
	return r.at(func(srv *voice.Server) error {
		return srv.Send(&wire.TextMessage{Sessions: []uint32{session}, Text: &text})
	})
}

// Dismiss implements side.
func (r *radio) Dismiss(session uint32) error {
	return r.at(func(srv *voice.Server) error { return srv.Dismiss(session) })
}

// roomOf returns the room that a channel belongs to.
func roomOf(channel string) (string, bool) { return strings.CutPrefix(channel, auth.RoomStreams) }

// Joined implements voice.Bridge.
func (r *radio) Joined(m voice.Member) {
	room, ok := roomOf(m.Channel)
	if !ok {
		return
	}
	l := &listener{side: r, log: r.log, session: m.Session, user: m.Identity.User, tone: r.tone}
	l.muted.Store(m.Muted)
	if l.enter(r.rooms, mcu.JoinRequest{Identity: m.Identity, Room: room, Name: m.Name, Via: viaMumble, Agent: m.Agent}) != nil {
		return
	}
	l.p.Load().SetPriority(m.Priority)
	r.mu.Lock()
	r.users[m.Session] = l
	r.mu.Unlock()
	r.stir()
}

// Left implements voice.Bridge.
func (r *radio) Left(m voice.Member) {
	r.mu.Lock()
	l := r.users[m.Session]
	delete(r.users, m.Session)
	r.mu.Unlock()
	if l != nil {
		l.leave()
	}
	r.stir()
}

// Changed implements voice.Bridge.
func (r *radio) Changed(m voice.Member) {
	if l := r.user(m.Session); l != nil {
		l.p.Load().SetPriority(m.Priority)
		l.state(m.Muted)
	}
}

func (r *radio) user(session uint32) *listener {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.users[session]
}

// Text implements voice.Bridge.
func (r *radio) Text(m voice.Member, text string) {
	if l := r.user(m.Session); l != nil {
		l.say(text)
	}
}

// Voice implements voice.Bridge.
func (r *radio) Voice(session uint32, _ string, p voice.Packet) (heard bool) {
	l := r.user(session)
	return l != nil && l.hear(p)
}

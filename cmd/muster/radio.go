package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media/codec"
	"muster/media/codec/opus"
	"muster/media/mcu"
	"muster/voice"
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

// use makes srv the Mumble server from now on.
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
		if m.Kind == mcu.Mumble || m.Waiting {
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
	s.end = time.AfterFunc(time.Hour, s.ended)
	s.end.Stop()
	return s, nil
}

// listen makes the channel hear its room, or not: while no Mumble user is in any
// channel, nobody would.
func (c *channel) listen(on bool) {
	switch {
	case on && c.ear == nil && c.live != nil:
		c.ear = c.live.Overhear(c.speak)
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
		s.say(p, time.Now())
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
	seat  *voice.Seat
	muted bool // of Run
	end   *time.Timer

	mu      sync.Mutex // guards what follows
	talking bool
	count   toMumble
}

// toMumble numbers the packets of one sender as Mumble does.
type toMumble struct {
	seq uint64    // of the newest packet, units of 10 ms
	ts  uint32    // of the newest packet, 48 kHz
	at  time.Time // when it came
}

// unit is what Mumble counts in: 10 ms at 48 kHz.
const (
	unit     = 480
	unitTime = 10 * time.Millisecond
)

// next returns the number of a packet with the RTP timestamp ts.
func (c *toMumble) next(ts uint32, now time.Time) uint64 {
	const leap = int64(burstEnd / unitTime)
	step := int64(int32(ts-c.ts)) / unit
	if gone := now.Sub(c.at); gone > burstEnd || step > leap || step < -leap {
		// A new burst, or a sender that began anew: the numbers go on with the time.
		step = max(int64(min(gone, time.Hour)/unitTime), 1)
	}
	seq := c.seq + uint64(step)
	if step > 0 {
		*c = toMumble{seq, ts, now}
	}
	return seq
}

// say passes a packet on under Mumble's numbers.
func (s *speaker) say(p *mcu.Sound, now time.Time) {
	s.mu.Lock()
	seq := s.count.next(p.Timestamp, now)
	s.talking = true
	s.end.Reset(burstEnd)
	s.mu.Unlock()
	s.seat.Voice(seq, p.Payload, false)
}

// ended tells clients that the speaker has let go.
func (s *speaker) ended() {
	s.mu.Lock()
	talking, seq := s.talking, s.count.seq
	s.talking = false
	s.mu.Unlock()
	if talking {
		s.seat.Voice(seq+2, nil, true)
	}
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
	s.end.Stop()
	s.seat.Close()
}

// listener is a Mumble user in a room. It implements mcu.Leg.
type listener struct {
	radio *radio
	m     voice.Member                    // as it came
	muted atomic.Bool                     // cannot be heard, as Mumble knows it
	p     atomic.Pointer[mcu.Participant] // nil until it has entered
	in    atomic.Pointer[mcu.AudioIn]

	began time.Time
	busy  sync.Mutex // guards hush; taken with the room locked, and a leaf
	hush  func()     // ends the busy tone; nil: there is none

	mu    sync.Mutex // guards what follows; the room is locked under it
	count fromMumble
}

// fromMumble numbers the packets of one Mumble user as RTP does.
type fromMumble struct {
	begun bool
	from  uint64    // of the newest packet, units of 10 ms, as the client counts
	long  int64     // how long it was, likewise; some clients count packets instead
	at    uint64    // of the newest packet, likewise, as the room is told
	when  time.Time // when it came
	seq   uint16
}

// Notify implements mcu.Leg.
func (l *listener) Notify(e mcu.Event) {
	switch e.Type {
	case mcu.EventMuted:
		l.ask(func(srv *voice.Server) error { return srv.Mute(l.m.Session, e.Data.(mcu.Muted).Muted) })
	case mcu.EventMove:
		l.ask(func(srv *voice.Server) error {
			err := srv.Move(l.m.Session, auth.RoomStreams+e.Data.(mcu.Move).Room)
			if errors.Is(err, voice.ErrNoChannel) {
				return nil // a breakout room
			}
			return err
		})
	case mcu.EventBusy:
		l.beep(e.Data.(mcu.Busy).On)
	case mcu.EventState, mcu.EventRoom:
		// Let in, or given another role: it may be heard from now on.
		l.ask(func(*voice.Server) error { l.speak(); return nil })
	}
}

// End implements mcu.Leg.
func (l *listener) End(error) {
	l.ask(func(srv *voice.Server) error { return srv.Dismiss(l.m.Session) })
}

// ask does something at the Mumble server, apart from the room's locks.
func (l *listener) ask(f func(*voice.Server) error) {
	srv := l.radio.srv.Load()
	if srv == nil {
		return
	}
	go func() {
		defer run.Recover(l.radio.log, "voice")
		if err := f(srv); err != nil && !errors.Is(err, voice.ErrGone) {
			l.radio.log.Warn("a Mumble user was not told", "user", l.m.Identity.User, "error", err)
		}
	}()
}

// toneSlack bounds how far the busy tone is behind before it goes on with the time.
const toneSlack = 100 * time.Millisecond

// beep begins the busy tone, which only this user hears, or ends it.
func (l *listener) beep(on bool) {
	l.busy.Lock()
	defer l.busy.Unlock()
	if l.hush != nil {
		l.hush()
		l.hush = nil
	}
	srv := l.radio.srv.Load()
	if !on || srv == nil {
		return
	}
	ctx, hush := context.WithCancel(context.Background())
	l.hush = hush
	go func() {
		defer run.Recover(l.radio.log, "voice")
		defer hush()
		l.sound(ctx, srv)
	}()
}

// sound is the busy tone, until ctx ends or the user has gone.
func (l *listener) sound(ctx context.Context, srv *voice.Server) {
	tone, err := l.radio.tone()
	if err != nil {
		l.radio.log.Error("there is no busy tone", "error", err)
		return
	}
	const packet = 20 * time.Millisecond
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	seq := uint64(time.Since(l.began) / unitTime)
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			_ = srv.Tell(l.m.Session, seq, nil, true) // or gone, and hears nothing
			return
		case <-timer.C:
		}
		if srv.Tell(l.m.Session, seq, tone[i%len(tone)], false) != nil {
			return
		}
		seq += uint64(packet / unitTime)
		if next = next.Add(packet); time.Since(next) > toneSlack {
			next = time.Now()
		}
		timer.Reset(time.Until(next))
	}
}

// speak opens the way for its voice, if it may be heard.
func (l *listener) speak() {
	p, in := l.p.Load(), l.in.Load()
	if p == nil || in != nil && !in.Closed() {
		return
	}
	in, err := p.OpenAudio(mcu.AudioFormat{Codec: codec.Opus})
	if err != nil {
		return // a listener, or in the lobby: asked again when that changes
	}
	l.in.Store(in)
	_ = p.SetMuted(l.muted.Load())
}

// roomOf returns the room that a channel belongs to.
func roomOf(channel string) (string, bool) { return strings.CutPrefix(channel, auth.RoomStreams) }

// Joined implements voice.Bridge.
func (r *radio) Joined(m voice.Member) {
	room, ok := roomOf(m.Channel)
	if !ok {
		return
	}
	l := &listener{radio: r, m: m, began: time.Now()}
	l.muted.Store(m.Muted)
	p, err := r.rooms.Join(mcu.JoinRequest{Identity: m.Identity, Room: room, Name: m.Name, Kind: mcu.Mumble, Agent: m.Agent, Leg: l})
	if err != nil {
		r.log.Info("a Mumble user is not let into the room", "user", m.Identity.User, "room", room, "error", err)
		if !errors.Is(err, mcu.ErrNotFound) { // who may only speak in the channel stays there
			l.End(err)
		}
		return
	}
	l.p.Store(p)
	p.SetPriority(m.Priority)
	l.speak()
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
		l.p.Load().Leave(nil)
		l.beep(false)
	}
	r.stir()
}

// Changed implements voice.Bridge.
func (r *radio) Changed(m voice.Member) {
	if l := r.user(m.Session); l != nil {
		l.muted.Store(m.Muted)
		l.p.Load().SetPriority(m.Priority)
		_ = l.p.Load().SetMuted(m.Muted) // refused to listeners, who are muted anyway
	}
}

func (r *radio) user(session uint32) *listener {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.users[session]
}

// Text implements voice.Bridge.
func (r *radio) Text(m voice.Member, text string) {
	l := r.user(m.Session)
	if l == nil {
		return
	}
	if _, err := l.p.Load().Say("", text); err != nil {
		r.log.Debug("a text from Mumble does not fit the room", "user", m.Identity.User, "error", err)
	}
}

// Voice implements voice.Bridge.
func (r *radio) Voice(session uint32, _ string, p voice.Packet) (heard bool) {
	l := r.user(session)
	if l == nil {
		return false
	}
	in := l.in.Load()
	if in == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(p.Opus) > 0 {
		heard = in.Write(l.count.next(p, time.Now()))
	}
	if p.Last {
		heard = in.LetGo() || heard
	}
	return heard
}

// next gives a packet the room's numbers: a client may count anew with each burst.
func (c *fromMumble) next(p voice.Packet, now time.Time) *mcu.Sound {
	const leap = int64(5 * time.Second / unitTime)
	step := max(int64(p.Seq-c.from), c.long)
	first := !c.begun || now.Sub(c.when) > burstEnd
	switch {
	case !c.begun:
		step = 0
	case first || p.Seq <= c.from || step > leap:
		step = max(int64(min(now.Sub(c.when), time.Hour)/unitTime), c.long)
	}
	samples, _ := opus.Samples(p.Opus) // the Mumble server has looked at it
	*c = fromMumble{begun: true, from: p.Seq, long: int64(samples / unit), at: c.at + uint64(step), when: now, seq: c.seq + 1}
	return mcu.Spoken(c.seq, c.at, first, bytes.Clone(p.Opus))
}

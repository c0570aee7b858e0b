package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media/mcu"
	"muster/voice/murmur/attach"
	"muster/voice/murmur/line"
)

// bridges are several of them. It implements mcu.Bridge.
type bridges []mcu.Bridge

// Stirred implements mcu.Bridge.
func (b bridges) Stirred(room string) {
	for _, o := range b {
		o.Stirred(room)
	}
}

// Said implements mcu.Bridge.
func (b bridges) Said(room string, c mcu.Chat) {
	for _, o := range b {
		o.Said(room, c)
	}
}

// viaMurmurd marks participants who are users of a murmurd beside this server.
const viaMurmurd = "murmurd"

// lines make a room and the channel of the same name at a murmurd beside this
// server one thing. While somebody is in the room who is not at murmurd, a session
// of this server is in the channel, which says there what the room says, and
// murmurd's users in the channel are participants of the room. It implements
// mcu.Bridge.
type lines struct {
	log  *slog.Logger
	wake chan struct{}
	to   atomic.Pointer[murmurdAt] // nil: there is no murmurd

	rooms *mcu.Rooms // set before anything calls

	connected, dropped atomic.Int64

	mu      sync.Mutex      // guards what follows
	stirred map[string]bool // bounded by the rooms there are
	open    map[string]*lineTo
}

// murmurdAt is a murmurd.
type murmurdAt struct {
	*attach.Attachment
	voice string // address; empty: rooms are not heard there
}

// lineTo is the line of a room.
type lineTo struct {
	to    *murmurdAt
	live  *mcu.Room
	close context.CancelFunc
	b     atomic.Pointer[bridged] // nil while it is not connected
	fault atomic.Pointer[error]   // why it is not
}

// lineRetry is the pause before a line is tried again.
const lineRetry = time.Second

// Move implements side. A breakout room has no channel to go to.
func (m *murmurdAt) Move(session uint32, room string) error {
	m.Attachment.Move(session, auth.RoomStreams+room)
	return nil
}

func newLines(log *slog.Logger) *lines {
	return &lines{
		log: log.With("part", "murmurd"), wake: make(chan struct{}, 1), stirred: make(map[string]bool), open: make(map[string]*lineTo),
	}
}

// linesStats counts since the start.
type linesStats struct {
	Connected int64 // gauge: rooms that murmurd hears
	Dropped   int64 // packets and texts that murmurd did not take in time
}

// Stats returns the present counts.
func (l *lines) Stats() linesStats {
	return linesStats{Connected: l.connected.Load(), Dropped: l.dropped.Load()}
}

// use makes a the murmurd whose channels are those of rooms; nil: none.
func (l *lines) use(a *attach.Attachment, voice string) {
	var to *murmurdAt
	if a != nil {
		to = &murmurdAt{a, voice}
	}
	l.to.Store(to)
	l.stirAll()
}

// Ready says what is wrong with murmurd, for people.
func (l *lines) Ready(context.Context) error {
	to := l.to.Load()
	if to == nil {
		return nil
	}
	if s := to.Status(); s.Error != "" {
		return errors.New(s.Error)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for room, o := range l.open {
		if err := o.fault.Load(); err != nil {
			return fmt.Errorf("the room %s and its channel do not hear each other: %w", room, *err)
		}
	}
	return nil
}

func (l *lines) stirAll() {
	for _, s := range l.rooms.List(auth.System("murmurd")) {
		l.Stirred(s.Name.String())
	}
}

// Stirred implements mcu.Bridge.
func (l *lines) Stirred(room string) {
	if l.to.Load() == nil && !l.has(room) {
		return
	}
	l.mu.Lock()
	l.stirred[room] = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lines) has(room string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[room] != nil
}

// Said implements mcu.Bridge.
func (l *lines) Said(room string, c mcu.Chat) {
	l.mu.Lock()
	o := l.open[room]
	l.mu.Unlock()
	if o == nil {
		return
	}
	text := c.Text
	if c.Notice == nil { // a notice is of the server itself
		text = c.Name + ": " + text
	}
	if b := o.b.Load(); b != nil && !b.has(c.From) {
		b.took(b.line.Say(text))
	}
}

// Run opens and closes lines until ctx ends.
func (l *lines) Run(ctx context.Context) error {
	g := run.NewGroup(ctx, l.log, "murmurd")
	defer g.Wait()
	l.stirAll()
	for {
		select {
		case <-ctx.Done():
			l.mu.Lock()
			clear(l.open) // their contexts have ended
			l.mu.Unlock()
			return nil
		case <-l.wake:
		}
		l.mu.Lock()
		stirred := l.stirred
		l.stirred = make(map[string]bool)
		l.mu.Unlock()
		for room := range stirred {
			l.settle(ctx, g, room)
		}
	}
}

// settle opens the line of a room or closes it.
func (l *lines) settle(ctx context.Context, g *run.Group, room string) {
	to, live := l.to.Load(), l.rooms.Live(room)
	wanted := false
	if to != nil && to.voice != "" && live != nil && !l.shut(room) {
		for _, m := range live.Members() {
			wanted = wanted || m.Via != viaMurmurd && !m.Waiting
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.open[room]
	if o != nil && (!wanted || o.live != live || o.to != to) {
		o.close()
		delete(l.open, room)
		o = nil
	}
	if !wanted || o != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	o = &lineTo{to: to, live: live, close: cancel}
	l.open[room] = o
	g.Go(func(context.Context) { l.keep(ctx, room, o) })
}

// shut reports whether a room has a lobby or is locked: who is in murmurd's channel
// cannot be kept from hearing what is said there.
func (l *lines) shut(room string) bool {
	s, err := l.rooms.Find(auth.System("murmurd"), room)
	return err != nil || s.Lobby || s.Locked
}

// keep keeps a line until ctx ends.
func (l *lines) keep(ctx context.Context, room string, o *lineTo) {
	defer o.close()
	said := ""
	for ctx.Err() == nil {
		err := l.serve(ctx, room, o)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, errNoChannel) {
			o.fault.Store(&err)
			if text := err.Error(); text != said {
				said = text
				l.log.Warn("a room and its channel at murmurd do not hear each other", "room", room, "error", err)
			}
		}
		select {
		case <-time.After(lineRetry):
		case <-ctx.Done():
		}
	}
}

// errNoChannel says that murmurd has no channel of the room, or is not there.
var errNoChannel = errors.New("there is no channel of the room yet")

// lineDial is how long connecting and logging in may take.
const lineDial = 5 * time.Second

// serve connects a line and carries voices until it ends.
func (l *lines) serve(ctx context.Context, room string, o *lineTo) error {
	channel, ok := o.to.Channel(auth.RoomStreams + room)
	if !ok {
		return errNoChannel
	}
	s, err := l.rooms.Find(auth.System("murmurd"), room)
	if err != nil {
		return err
	}
	title := s.Title
	if title == "" {
		title = room
	}
	cfg := line.Config{Address: o.to.voice, Channel: uint32(channel), Release: "Muster", Log: l.log}
	cfg.Name, cfg.Password = o.to.ServerLogin(title)
	dialing, cancel := context.WithTimeout(ctx, lineDial)
	ln, err := line.Dial(dialing, cfg)
	cancel()
	if err != nil {
		return err
	}
	b := &bridged{lines: l, to: o.to, room: room, live: o.live, line: ln, in: make(map[uint32]*listener), unknown: make(map[uint32]line.User)}
	b.mouth.open(func(seq uint64, opus []byte, last bool) { b.took(ln.Voice(seq, opus, last)) })
	b.retry = time.AfterFunc(time.Hour, b.again)
	o.b.Store(b)
	o.fault.Store(nil)
	l.connected.Add(1)
	defer l.connected.Add(-1)
	err = ln.Run(ctx, b)
	o.b.Store(nil)
	b.close()
	return err
}

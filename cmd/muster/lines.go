package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media/codec"
	"muster/media/codec/opus"
	"muster/media/mcu"
	"muster/voice"
	"muster/voice/murmur/attach"
	"muster/voice/murmur/line"
	"muster/voice/wire"
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
	voice string // address
}

// lineTo is the line of a room.
type lineTo struct {
	to    *murmurdAt
	live  *mcu.Room
	close context.CancelFunc
	b     atomic.Pointer[bridged] // nil while it is not connected
}

// lineRetry is the pause before a line is tried again.
const lineRetry = time.Second

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
	if a != nil && voice != "" {
		to = &murmurdAt{a, voice}
	}
	l.to.Store(to)
	l.stirAll()
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
	if b := o.b.Load(); b != nil && !b.has(c.From) {
		b.took(b.line.Say(c.Name + ": " + c.Text))
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
	if to != nil && live != nil {
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

// keep keeps a line until ctx ends.
func (l *lines) keep(ctx context.Context, room string, o *lineTo) {
	defer o.close()
	said := ""
	for ctx.Err() == nil {
		err := l.serve(ctx, room, o)
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said && !errors.Is(err, errNoChannel) {
			said = text
			l.log.Warn("a room and its channel at murmurd do not hear each other", "room", room, "error", err)
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
	l.connected.Add(1)
	defer l.connected.Add(-1)
	err = ln.Run(ctx, b)
	o.b.Store(nil)
	b.close()
	return err
}

// bridged is a line that is connected. It implements line.Handler.
type bridged struct {
	mouth
	lines *lines
	to    *murmurdAt
	room  string
	live  *mcu.Room
	line  *line.Line
	ts    uint32      // RTP timestamp of the mix; of the room's goroutine
	retry *time.Timer // looks again at those who are unknown
	ids   sync.Map    // participants that are users of murmurd, by id

	mu      sync.Mutex // guards what follows; before the room's locks
	in      map[uint32]*listener
	unknown map[uint32]line.User // murmurd has not said yet who they are
	mix     *mcu.AudioOut        // nil while nobody would hear it
	closed  bool
}

// unknownRetry is the pause before it is asked again who somebody is: murmurd says
// so at the same time on another way.
const unknownRetry = 100 * time.Millisecond

// took counts what was not taken.
func (b *bridged) took(ok bool) {
	if !ok {
		b.lines.dropped.Add(1)
	}
}

// has reports whether a participant is a user of murmurd.
func (b *bridged) has(participant string) bool {
	_, is := b.ids.Load(participant)
	return is
}

// In implements line.Handler.
func (b *bridged) In(u line.User) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(u)
}

// look lets somebody in, or notes the change. The caller holds mu.
func (b *bridged) look(u line.User) {
	if l := b.in[u.Session]; l != nil {
		l.state(u.Muted)
		return
	}
	id, ok := b.to.Who(u.Session)
	if !ok {
		b.unknown[u.Session] = u
		b.retry.Reset(unknownRetry)
		return
	}
	delete(b.unknown, u.Session)
	l := &listener{side: b.to, log: b.lines.log, session: u.Session, user: id.User}
	l.muted.Store(u.Muted)
	if l.enter(b.lines.rooms, mcu.JoinRequest{Identity: id, Room: b.room, Name: u.Name, Via: viaMurmurd, Agent: "murmurd"}) != nil {
		return
	}
	b.in[u.Session] = l
	b.ids.Store(l.p.Load().ID, true)
	if b.mix != nil {
		return
	}
	mix, err := b.live.Mix(viaMurmurd, mcu.AudioFormat{Codec: codec.Opus}, b.mixed)
	if err != nil {
		b.lines.log.Error("murmurd does not hear the room", "room", b.room, "error", err)
		return
	}
	b.mix = mix
}

// again looks at those who were unknown.
func (b *bridged) again() {
	defer run.Recover(b.lines.log, "murmurd")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	for _, u := range b.unknown {
		b.look(u)
	}
}

// Out implements line.Handler.
func (b *bridged) Out(session uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.unknown, session)
	l := b.in[session]
	if l == nil {
		return
	}
	delete(b.in, session)
	p := l.p.Load()
	p.Leave(nil)
	b.ids.Delete(p.ID)
	if len(b.in) == 0 && b.mix != nil {
		b.mix.Close()
		b.mix = nil
	}
}

// mixed says 20 ms of the room's mix at murmurd.
func (b *bridged) mixed(payload []byte) {
	b.ts += 2 * unit
	b.say(b.ts, payload, time.Now())
}

func (b *bridged) listener(session uint32) *listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.in[session]
}

// Voice implements line.Handler.
func (b *bridged) Voice(session uint32, v wire.Voice) {
	if n, err := opus.Samples(v.Opus); err != nil || n == 0 {
		return // nothing, or nothing that can be played
	}
	if l := b.listener(session); l != nil {
		l.hear(voice.Packet{Seq: v.Seq, Opus: v.Opus, Last: v.Last})
	}
}

// Text implements line.Handler.
func (b *bridged) Text(session uint32, text string) {
	if l := b.listener(session); l != nil {
		l.say(text)
	}
}

func (b *bridged) close() {
	b.retry.Stop()
	b.mu.Lock()
	b.closed = true
	mix := b.mix
	b.mix = nil
	b.mu.Unlock()
	if mix != nil {
		mix.Close()
	}
	b.shut()
}

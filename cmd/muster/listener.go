package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/run"
	"muster/media/codec"
	"muster/media/codec/opus"
	"muster/media/mcu"
	"muster/media/mcu/floor"
	"muster/voice"
)

// side is a Mumble server that users of rooms are at.
type side interface {
	Mute(session uint32, muted bool) error
	Move(session uint32, room string) error
	Dismiss(session uint32) error
	// Note tells one user something.
	Note(session uint32, text string) error
}

// keeper is a side that keeps users back who are not let in, or only listen.
type keeper interface {
	Hold(session uint32, room string, h voice.Held) error
}

// toned is a side at which one user alone can be made to hear something, and be told
// why nobody hears what it says.
type toned interface {
	Tell(session uint32, seq uint64, opus []byte, last bool) error
	Refuse(session uint32, why string) error
}

// listener is a Mumble user in a room. It implements mcu.Leg.
type listener struct {
	side    side
	log     *slog.Logger
	session uint32
	user    string
	room    string                   // where it was let in, or waits
	tone    func() ([][]byte, error) // the busy tone; asked only where side is toned

	muted    atomic.Bool                     // cannot be heard, as Mumble knows it
	recorded atomic.Bool                     // it was told that the room is being recorded
	p        atomic.Pointer[mcu.Participant] // nil until it has entered
	in       atomic.Pointer[mcu.AudioIn]

	keeping sync.Mutex // makes what the room said last what holds; the room and the Mumble server are locked under it

	began time.Time
	busy  sync.Mutex // guards what follows; taken with the room locked, and a leaf
	hush  func()     // ends the busy tone; nil: there is none
	why   string     // what was said last of why it talks in vain
	told  time.Time  // when

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
		l.ask(func() error { return l.side.Mute(l.session, e.Data.(mcu.Muted).Muted) })
	case mcu.EventMove:
		l.ask(func() error { return l.side.Move(l.session, e.Data.(mcu.Move).Room) })
	case mcu.EventBusy:
		b := e.Data.(mcu.Busy)
		l.beep(b.On)
		if b.On {
			l.explain(b, time.Now())
		}
	case mcu.EventState:
		l.changed(e.Data.(mcu.State).Room)
	case mcu.EventRoom:
		l.changed(e.Data.(mcu.View))
	case mcu.EventParticipant:
		if p := l.p.Load(); p != nil && e.Data.(mcu.Member).ID == p.ID {
			l.ask(l.keep)
		}
	}
}

// changed takes how the room is now.
func (l *listener) changed(v mcu.View) {
	if l.recorded.Swap(v.Recording) != v.Recording && v.Recording {
		l.ask(func() error { return l.side.Note(l.session, "This room is being recorded.") })
	}
	// Let in, or given another role: it may be heard from now on.
	l.ask(func() error { l.speak(); return l.keep() })
}

// End implements mcu.Leg.
func (l *listener) End(error) {
	l.ask(func() error { return l.side.Dismiss(l.session) })
}

// enter lets it into a room.
func (l *listener) enter(rooms *mcu.Rooms, req mcu.JoinRequest) error {
	req.Kind, req.Leg, l.room, l.began = mcu.Mumble, l, req.Room, time.Now()
	p, err := rooms.Join(req)
	if err != nil {
		l.log.Info("a Mumble user is not let into the room", "user", l.user, "room", req.Room, "error", err)
		if !errors.Is(err, mcu.ErrNotFound) { // who may only speak in the channel stays there
			l.End(err)
		}
		return err
	}
	l.p.Store(p)
	l.speak()
	if err := l.keep(); err != nil && !errors.Is(err, voice.ErrGone) {
		l.log.Warn("a Mumble user is not kept back", "user", l.user, "error", err)
	}
	return nil
}

// keep makes the Mumble server treat it as the room does: who waits in the lobby
// hears nothing, and who only listens is not heard.
func (l *listener) keep() error {
	to, ok := l.side.(keeper)
	p := l.p.Load()
	if !ok || p == nil {
		return nil
	}
	l.keeping.Lock()
	defer l.keeping.Unlock()
	m, in := p.Member()
	if !in {
		return nil
	}
	return to.Hold(l.session, l.room, voice.Held{Waits: m.Waiting, Listens: m.Role == mcu.Listener})
}

// state notes whether it can be heard, as Mumble knows it.
func (l *listener) state(muted bool) {
	l.muted.Store(muted)
	_ = l.p.Load().SetMuted(muted) // refused to listeners, who are muted anyway
}

// leave takes it out of the room.
func (l *listener) leave() {
	l.p.Load().Leave(nil)
	l.beep(false)
}

// hear brings a packet of it into the room, and reports whether it is heard there.
func (l *listener) hear(p voice.Packet) (heard bool) {
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

// toneSlack bounds how far the busy tone is behind before it goes on with the time.
const toneSlack = 100 * time.Millisecond

// beep begins the busy tone, which only this user hears, or ends it.
func (l *listener) beep(on bool) {
	to, ok := l.side.(toned)
	if !ok {
		return
	}
	l.busy.Lock()
	defer l.busy.Unlock()
	if l.hush != nil {
		l.hush()
		l.hush = nil
	}
	if !on {
		return
	}
	ctx, hush := context.WithCancel(context.Background())
	l.hush = hush
	go func() {
		defer run.Recover(l.log, "voice")
		defer hush()
		l.sound(ctx, to)
	}()
}

// explainEvery is the pause before the same is said again to somebody who goes on
// trying.
const explainEvery = 10 * time.Second

// explain says who has the floor to a user who talks in vain.
func (l *listener) explain(b mcu.Busy, now time.Time) {
	to, ok := l.side.(toned)
	if !ok {
		return
	}
	by := cmp.Or(b.By, "somebody else")
	why := "you are not heard: " + by + " is talking"
	switch b.Reason {
	case floor.Overridden:
		why = "you are not heard any more: " + by + " goes before you"
	case floor.Limit:
		why = "you are not heard any more: you have talked for too long; let go of the key"
	}
	l.busy.Lock()
	again := why == l.why && now.Sub(l.told) < explainEvery
	if !again {
		l.why, l.told = why, now
	}
	l.busy.Unlock()
	if !again {
		l.ask(func() error { return to.Refuse(l.session, why) })
	}
}

// sound is the busy tone, until ctx ends or the user has gone.
func (l *listener) sound(ctx context.Context, to toned) {
	tone, err := l.tone()
	if err != nil {
		l.log.Error("there is no busy tone", "error", err)
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
			_ = to.Tell(l.session, seq, nil, true) // or gone, and hears nothing
			return
		case <-timer.C:
		}
		if to.Tell(l.session, seq, tone[i%len(tone)], false) != nil {
			return
		}
		seq += uint64(packet / unitTime)
		if next = next.Add(packet); time.Since(next) > toneSlack {
			next = time.Now()
		}
		timer.Reset(time.Until(next))
	}
}

// say brings a text of it into the room.
func (l *listener) say(text string) {
	if _, err := l.p.Load().Say("", text); err != nil {
		l.log.Debug("a text from Mumble does not fit the room", "user", l.user, "error", err)
	}
}

// ask does something at the Mumble server, apart from the room's locks.
func (l *listener) ask(f func() error) {
	go func() {
		defer run.Recover(l.log, "voice")
		if err := f(); err != nil && !errors.Is(err, voice.ErrGone) {
			l.log.Warn("a Mumble user was not told", "user", l.user, "error", err)
		}
	}()
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

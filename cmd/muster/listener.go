package main

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/run"
	"muster/media/codec"
	"muster/media/codec/opus"
	"muster/media/mcu"
	"muster/voice"
)

// side is a Mumble server that users of rooms are at.
type side interface {
	Mute(session uint32, muted bool) error
	Dismiss(session uint32) error
}

// listener is a Mumble user in a room. It implements mcu.Leg.
type listener struct {
	side    side
	log     *slog.Logger
	session uint32
	user    string

	muted atomic.Bool                     // cannot be heard, as Mumble knows it
	p     atomic.Pointer[mcu.Participant] // nil until it has entered
	in    atomic.Pointer[mcu.AudioIn]

	mu    sync.Mutex // guards what follows
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
	case mcu.EventState, mcu.EventRoom:
		// Let in, or given another role: it may be heard from now on.
		l.ask(func() error { l.speak(); return nil })
	}
}

// End implements mcu.Leg.
func (l *listener) End(error) {
	l.ask(func() error { return l.side.Dismiss(l.session) })
}

// enter lets it into a room.
func (l *listener) enter(rooms *mcu.Rooms, req mcu.JoinRequest) error {
	req.Kind, req.Leg = mcu.Mumble, l
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
	return nil
}

// state notes whether it can be heard, as Mumble knows it.
func (l *listener) state(muted bool) {
	l.muted.Store(muted)
	_ = l.p.Load().SetMuted(muted) // refused to listeners, who are muted anyway
}

// hear brings a packet of it into the room.
func (l *listener) hear(p voice.Packet) {
	in := l.in.Load()
	if in == nil || len(p.Opus) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	in.Write(l.count.next(p, time.Now()))
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

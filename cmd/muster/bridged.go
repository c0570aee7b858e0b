package main

import (
	"sync"
	"time"

	"muster/internal/run"
	"muster/media/codec"
	"muster/media/codec/opus"
	"muster/media/mcu"
	"muster/voice"
	"muster/voice/murmur/line"
	"muster/voice/wire"
)

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
	l.leave()
	b.ids.Delete(l.p.Load().ID)
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

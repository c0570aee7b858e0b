package mcu

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/media/codec/ogg"
	"muster/media/codec/opus"
)

// Transmission is what somebody said in a room without a pause.
type Transmission struct {
	ID          string    `json:"id"`
	Participant string    `json:"participant" doc:"Id of who said it, who may have left."`
	Name        string    `json:"name"`
	User        string    `json:"user,omitempty" doc:"Account; empty for guests and callers."`
	Kind        Kind      `json:"kind" doc:"browser, sip or mumble."`
	From        time.Time `json:"from"`
	Seconds     float64   `json:"seconds"`
}

const (
	replayPause = time.Second      // a longer one ends a transmission
	replayPiece = 60 * time.Second // longer transmissions are cut into pieces
	replayBytes = 4 << 20          // that a room keeps; the oldest transmissions go
	replayGap   = 400 * time.Millisecond

	packetCost       = 64 // bytes that a packet takes beside its payload
	transmissionCost = 512
)

// replay is what was said in a room in the last minutes, as Opus packets, as they
// came. It is in memory only.
type replay struct {
	keep time.Duration

	mu   sync.Mutex // guards what follows; a leaf
	all  []*spoken  // the oldest first
	open map[*AudioIn]*spoken
	size int // bytes of all
}

// spoken is a Transmission with its packets.
type spoken struct {
	Transmission               // without Seconds, until it is told of
	length       time.Duration // Seconds, exactly
	by           *AudioIn      // nil: it is finished
	last         time.Time     // when its newest packet came
	end          uint32        // timestamp behind its newest packet
	packets      []saidPacket
	size         int
}

type saidPacket struct {
	ts      uint32 // 48 kHz
	samples uint32
	payload []byte
}

func newReplay(keep time.Duration) *replay {
	return &replay{keep: keep, open: make(map[*AudioIn]*spoken)}
}

// keep notes a packet of somebody who is heard, in Opus. Streams on the stage are
// left out: nobody of the room says what they play.
func (s *sound) keep(in *AudioIn, p *Sound, now time.Time) {
	if s.replay == nil || in.p.kind == Feed || !in.voice(now, voiceHold) {
		return
	}
	n, err := opus.Samples(p.Payload)
	if err != nil || n == 0 {
		return
	}
	s.replay.add(in, saidPacket{ts: p.Timestamp, samples: uint32(n), payload: slices.Clone(p.Payload)}, now)
}

func (r *replay) add(in *AudioIn, p saidPacket, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	t := r.open[in]
	if t != nil && !t.goesOn(p, now) {
		r.finish(t)
		t = nil
	}
	if t == nil {
		t = &spoken{by: in, end: p.ts, size: transmissionCost, Transmission: Transmission{ID: rand.Text(), Participant: in.p.ID, Name: in.p.name, User: in.p.user, Kind: in.p.kind, From: now}}
		r.all = append(r.all, t)
		r.open[in] = t
		r.size += t.size
	}
	i := len(t.packets)
	for i > 0 && int32(t.packets[i-1].ts-p.ts) > 0 {
		i--
	}
	if i > 0 && t.packets[i-1].ts == p.ts {
		return // sent twice
	}
	t.packets = slices.Insert(t.packets, i, p)
	if int32(p.ts+p.samples-t.end) > 0 {
		t.end = p.ts + p.samples
	}
	t.last, t.length = now, time.Duration(t.end-t.packets[0].ts)*time.Second/mixRate
	t.size += len(p.payload) + packetCost
	r.size += len(p.payload) + packetCost
	for r.size > replayBytes {
		r.drop()
	}
}

// goesOn reports whether p belongs to t, and does not begin another transmission.
func (t *spoken) goesOn(p saidPacket, now time.Time) bool {
	leap, long := int32(p.ts-t.end), int32(p.ts-t.packets[0].ts)
	return now.Sub(t.last) <= replayPause && now.Sub(t.From) <= replayPiece && leap <= mixRate && leap >= -mixRate &&
		int64(long) <= int64((now.Sub(t.From)+replayPause)*mixRate/time.Second) // what leaps is not filled with silence
}

// finish ends t. mu is held.
func (r *replay) finish(t *spoken) {
	if r.open[t.by] == t {
		delete(r.open, t.by)
	}
	t.by = nil // who has left is not held on to
}

// drop forgets the oldest transmission. mu is held.
func (r *replay) drop() {
	t := r.all[0]
	r.finish(t)
	r.size -= t.size
	r.all[0] = nil
	r.all = r.all[1:]
}

// expire forgets what is too old. mu is held.
func (r *replay) expire(now time.Time) {
	for len(r.all) > 0 && now.Sub(r.all[0].last) > r.keep {
		r.drop()
	}
}

func (r *replay) sweep(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	for _, t := range r.open {
		if now.Sub(t.last) > replayPause {
			r.finish(t)
		}
	}
}

// finished returns what was said and is over, the oldest first. Nothing of it
// changes any more.
func (r *replay) finished(now time.Time) []*spoken {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*spoken
	for _, t := range r.all {
		if since := now.Sub(t.last); since > r.keep || t.by != nil && since <= replayPause {
			continue
		}
		done := *t
		out = append(out, &done)
	}
	return out
}

// sequence appends the packets of t, with silence where something is missing.
func (t *spoken) sequence(to [][]byte) [][]byte {
	end := t.packets[0].ts
	for _, p := range t.packets {
		for ; int32(p.ts-end) >= frame; end += frame {
			to = append(to, ogg.Silence)
		}
		to = append(to, p.payload)
		end = p.ts + p.samples
	}
	return to
}

// replayed returns what was said in the room called room, for who may hear it: who
// may enter the room, and while its door is closed only who is in it or may open
// it. The error is ErrNotFound, ErrLocked, or says when the room opens.
func (r *Rooms) replayed(id auth.Identity, room string) ([]*spoken, error) {
	s, err := r.Find(id, room)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	m := r.Live(room)
	if (!id.System || id.IsGuest()) && !HostOf(id, &s) {
		if err := s.open(now); err != nil {
			return nil, err
		}
		if (s.Locked || s.Lobby) && (m == nil || !m.has(id)) {
			return nil, ErrLocked
		}
	}
	if m == nil || m.sound.replay == nil {
		return nil, nil
	}
	return m.sound.replay.finished(now), nil
}

// has reports whether id is in the room.
func (m *Room) has(id auth.Identity) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.people {
		if m.inside(p, id) {
			return true
		}
	}
	return false
}

// ReplayLength is how long what was said can be heard again; 0: nothing is kept.
func (r *Rooms) ReplayLength() time.Duration { return r.cfg.Replay }

// Replay returns what was said in the room called room and can be heard again, the
// oldest first. The error is ErrNotFound, ErrLocked, or says when the room opens.
func (r *Rooms) Replay(id auth.Identity, room string) ([]Transmission, error) {
	all, err := r.replayed(id, room)
	if err != nil {
		return nil, err
	}
	return transmissions(all), nil
}

func transmissions(all []*spoken) []Transmission {
	out := make([]Transmission, 0, len(all))
	for _, t := range all {
		told := t.Transmission
		told.From, told.Seconds = t.From.UTC().Truncate(time.Millisecond), t.length.Round(10*time.Millisecond).Seconds()
		out = append(out, told)
	}
	return out
}

// ReplayAudio returns a transmission as an Ogg file, or all of them one after the
// other if id is empty. The errors are those of Replay; ErrNotFound also means that
// it is not kept any more.
func (r *Rooms) ReplayAudio(who auth.Identity, room, id string) ([]byte, error) {
	all, err := r.replayed(who, room)
	if err != nil {
		return nil, err
	}
	return oggOf(all, id)
}

func oggOf(all []*spoken, id string) ([]byte, error) {
	var packets [][]byte
	for _, t := range all {
		if id != "" && t.ID != id {
			continue
		}
		if len(packets) > 0 {
			for range replayGap / tickEvery {
				packets = append(packets, ogg.Silence)
			}
		}
		packets = t.sequence(packets)
	}
	if len(packets) == 0 {
		return nil, ErrNotFound
	}
	return ogg.Opus("Muster", packets), nil
}

// replayed returns what was said in the participant's room and can be heard again.
// Guests hear what was said since they came.
func (p *Participant) replayed() ([]*spoken, error) {
	m := p.Room()
	m.mu.Lock()
	who, since, there := p.who, p.since, m.people[p.ID] == p && !p.waiting
	m.mu.Unlock()
	if !there {
		return nil, ErrGone
	}
	all, err := p.rooms.replayed(who, m.name)
	if who.IsGuest() {
		all = slices.DeleteFunc(all, func(t *spoken) bool { return t.From.Before(since) })
	}
	return all, err
}

// Replay is Rooms.Replay for who is in the room, guests too, who are told of what was
// said since they came. The error is ErrGone in the lobby, or one of those.
func (p *Participant) Replay() ([]Transmission, error) {
	all, err := p.replayed()
	if err != nil {
		return nil, err
	}
	return transmissions(all), nil
}

// ReplayAudio is Rooms.ReplayAudio for who is in the room.
func (p *Participant) ReplayAudio(id string) ([]byte, error) {
	all, err := p.replayed()
	if err != nil {
		return nil, err
	}
	return oggOf(all, id)
}

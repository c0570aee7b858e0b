package mcu

import (
	"sync"
	"sync/atomic"
	"time"
)

// AudioOut is the mix of a room for one participant: everybody who is heard but
// itself, every 20 ms.
type AudioOut struct {
	sound  *sound
	p      *Participant
	format AudioFormat
	send   func(payload []byte)
	loss   atomic.Int32 // percent of what is sent

	mu     sync.Mutex // held while send runs
	closed bool

	// Owned by the room's goroutine.
	own     encoder // for the mix without the participant; made when it first speaks
	told    int32   // loss that own knows of
	toned   int     // samples of the busy tone so far
	limiter limiter
	buf     [maxPayload]byte
}

// SetLoss says how much of the mix gets lost on its way, in percent, as the
// receiver reports. When it is much, Opus packets carry a coarse copy of the one
// before.
func (o *AudioOut) SetLoss(percent int) { o.loss.Store(int32(percent)) }

func (o *AudioOut) deliver(payload []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.send(payload)
	}
}

// Close ends the mix; send is not called any more once it returns. Closing
// twice is harmless.
func (o *AudioOut) Close() {
	o.sound.removeOut(o)
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
}

// limiter keeps a sum of voices within 16 bits without the harshness of
// clipping: it turns the volume down at once and up again slowly.
type limiter struct{ gain float32 }

const (
	ceiling = 30000 // loudest sample that leaves
	recover = 0.03  // part of the full volume that comes back per frame
)

// apply writes sum, turned down where it must be, to pcm.
func (l *limiter) apply(sum []int32, pcm []int16) {
	var peak int32
	for _, s := range sum {
		peak = max(peak, s, -s)
	}
	if l.gain == 0 {
		l.gain = 1
	}
	target := float32(1)
	if peak > ceiling {
		target = ceiling / float32(peak)
	}
	from := l.gain
	if target > from {
		target = min(target, from+recover)
	}
	l.gain = target
	if from == 1 && target == 1 {
		for i, s := range sum {
			pcm[i] = int16(s)
		}
		return
	}
	step := (target - from) / rampSamples
	g := from
	for i, s := range sum {
		if i < rampSamples {
			g += step
		}
		pcm[i] = int16(max(min(float32(s)*g, 32767), -32768))
	}
}

// rampSamples is how long a change of volume takes: 5 ms.
const rampSamples = mixRate / 200

// Tap is how a participant hears single voices: each in a slot of its own, in
// Opus, as they come. Every slot is one RTP stream whose numbers have no break
// when another takes the slot.
type Tap struct {
	sound *sound
	p     *Participant
	send  func(slot int, s Sound)

	mu     sync.Mutex // guards what follows; held while send runs
	lanes  []lane
	closed bool
}

// lane is the numbering of one slot.
type lane struct {
	from    *AudioIn
	in      uint16 // newest of the sender's numbers
	first   bound  // of the sender in this slot
	seqOff  uint16
	tsOff   uint32
	seq     uint16 // newest that was sent
	ts      uint32
	at      time.Time // when
	started bool
}

// pause is the silence after which a lane's numbers go on where they were,
// whatever the sender has skipped: it was muted.
const pause = time.Second

func (t *Tap) pass(slot int, from *AudioIn, s *Sound, now time.Time) {
	if from.p == t.p {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || slot >= len(t.lanes) {
		return
	}
	l := &t.lanes[slot]
	since := int16(s.Seq - l.in)
	if l.from != from || now.Sub(l.at) > pause || since < -arrivalSpan { // the last: it began anew
		if l.started {
			l.seqOff = l.seq + 1 - s.Seq
			gone := uint32(max(now.Sub(l.at)*mixRate/time.Second, frame))
			l.tsOff = l.ts + gone - s.Timestamp
		}
		l.from, l.in, l.first, since = from, s.Seq, bound(s.Seq), 0
	}
	if l.first.below(s.Seq) {
		return // from before: its number was another's
	}
	out := *s
	out.Seq, out.Timestamp = s.Seq+l.seqOff, s.Timestamp+l.tsOff
	if since >= 0 {
		l.in, l.seq, l.ts, l.at, l.started = s.Seq, out.Seq, out.Timestamp, now, true
	}
	t.send(slot, out)
}

// Close ends the tap; send is not called any more once it returns. Closing twice
// is harmless.
func (t *Tap) Close() {
	t.sound.removeTap(t)
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
}

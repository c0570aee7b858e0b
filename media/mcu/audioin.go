package mcu

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"muster/media/codec"
)

// AudioIn is the sound that one participant sends. Write is for one goroutine
// at a time.
type AudioIn struct {
	sound  *sound
	p      *Participant
	format AudioFormat

	muted    atomic.Bool
	measured atomic.Bool  // the sender does not say how loud it is: it is decoded to find out
	slot     atomic.Int32 // of the speakers; -1: none
	loudness atomic.Uint32
	voiceAt  atomic.Int64 // Unix ns of the last packet with a voice in it

	mu     sync.Mutex // guards what follows
	jitter jitterBuffer
	length uint32 // of the sender's packets, in ticks of its clock
	dec    decoder
	pcm    []int16 // decoded and not played yet
	gaps   int     // concealed packets in a row
	closed bool

	// Owned by the room's goroutine.
	tick    [frame]int16
	filled  bool  // tick holds sound
	audible bool  // it was heard in the tick before
	level   uint8 // -dBov when it was last measured
	owed    bool  // it was to be measured, and could not be
	missed  bool  // the decoder has not seen what came last
	relay   *relay
}

// Loudness goes from 0, silence, to 127.
const (
	voiceFrom = 67   // -60 dBov: what is softer is the noise of a room
	attack    = 0.4  // part of a rise that one packet makes
	decay     = 0.05 // likewise of a fall
)

// maxGaps is how many lost packets in a row are filled; then it is silent.
const maxGaps = 5

func (in *AudioIn) loud() float32 { return math.Float32frombits(in.loudness.Load()) }

// hear notes how loud a packet is, and reports whether there is a voice in it.
func (in *AudioIn) hear(level uint8, now time.Time) (voice bool) {
	x := float32(127 - level)
	was := in.loud()
	if x > was {
		was += (x - was) * attack
	} else {
		was += (x - was) * decay
	}
	in.loudness.Store(math.Float32bits(was))
	if x < voiceFrom {
		return false
	}
	in.voiceAt.Store(now.UnixNano())
	return true
}

// voice reports whether a voice was heard within d.
func (in *AudioIn) voice(now time.Time, d time.Duration) bool {
	return now.UnixNano()-in.voiceAt.Load() < int64(d)
}

// heard reports whether the voice is in the mix: it has a slot and is not silent.
func (in *AudioIn) heard(now time.Time) bool {
	return in.slot.Load() >= 0 && in.voice(now, voiceHold)
}

// Write hands over a packet. It reports false if nobody is to hear it, because the
// participant is muted or does not have the floor.
func (in *AudioIn) Write(p *Sound) bool { return in.write(p, time.Now()) }

func (in *AudioIn) write(p *Sound, now time.Time) bool {
	if in.muted.Load() {
		return false
	}
	in.measured.Store(!p.HasLevel)
	may := in.sound.may(in, p.HasLevel && in.hear(p.Level, now), now)
	if p.HasLevel {
		if !may {
			return false
		}
		in.sound.rank(in, now)
	}
	if may && in.format.Codec == codec.Opus {
		in.sound.forward(in, p, now)
	}
	if in.sound.wanted(in) {
		in.hold(p, now)
	}
	return may
}

// LetGo says that the participant does not talk any more, as those can tell who
// have a key for it. It reports whether the participant was heard, as far as it
// depends on the floor.
func (in *AudioIn) LetGo() bool {
	c, m := in.sound.floor.Load(), in.sound.room
	if c == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.mu.Lock()
	was := c.floor.Holds(in.p)
	c.mu.Unlock()
	in.sound.letGo(in.p)
	return was
}

// hold puts a packet into the jitter buffer.
func (in *AudioIn) hold(p *Sound, now time.Time) {
	n, err := in.dec.length(p.Payload)
	if err != nil {
		return // comfort noise and the like
	}
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return
	}
	in.length = n
	if in.jitter.put(p, now) == late {
		in.sound.room.rooms.count.late.Add(1)
	}
	in.mu.Unlock()
	in.sound.wake()
}

// fill prepares the next 20 ms in tick, unless it is not wanted: then it is left
// out.
func (in *AudioIn) fill(wanted bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.filled = false
	if in.closed {
		return
	}
	if !wanted {
		in.jitter.shrink(in.length)
		in.pcm, in.jitter.playing = in.pcm[:0], false
		return
	}
	in.jitter.catchUp(in.length)
	if in.jitter.excess(in.length) && in.loud() < voiceFrom {
		in.jitter.drop(in.length)
	}
	for len(in.pcm) < frame {
		if !in.decodeNext() {
			break
		}
	}
	n := copy(in.tick[:], in.pcm)
	if n == 0 {
		return
	}
	clear(in.tick[n:])
	in.pcm = in.pcm[:copy(in.pcm, in.pcm[n:])]
	in.filled = true
}

// decodeNext appends the next packet's sound to pcm; false when there is none
// now. mu is held.
func (in *AudioIn) decodeNext() bool {
	p, is := in.jitter.pull(in.length)
	switch is {
	case packet:
		pcm, err := in.dec.decode(in.pcm, p.Payload)
		if err != nil {
			return in.fillGap(nil)
		}
		in.pcm, in.gaps = pcm, 0
		return true
	case lost:
		var after []byte
		if p != nil {
			after = p.Payload
		}
		return in.fillGap(after)
	}
	return false
}

func (in *AudioIn) fillGap(after []byte) bool {
	if in.gaps >= maxGaps {
		return false
	}
	in.gaps++
	in.sound.room.rooms.count.concealed.Add(1)
	samples := int(in.length) * mixRate / int(in.format.Clock())
	in.pcm = in.dec.conceal(in.pcm, min(max(samples, 1), longestAAC), after)
	return true
}

// measure notes how loud tick is, for senders that do not say, and reports whether
// there is a voice in it. Between two
// measurements the voice counts as being as loud as in the last; after two in
// vain it is silent. Decoders are wrong about the first packet after some that
// they missed: who seems loud enough to be heard soon, from the loudness near on,
// is measured again.
func (in *AudioIn) measure(decoded bool, near float32, now time.Time) (voice bool) {
	level := uint8(127)
	if in.filled {
		level = dBov(in.tick[:])
	}
	again := decoded && !in.owed && (!in.filled || in.missed && float32(127-level) >= near)
	if decoded && !again {
		in.level = level
	}
	in.owed = again || in.owed && !in.filled
	in.missed = !decoded || in.missed && !in.filled
	return in.hear(in.level, now)
}

// fadeIn spares listeners the click of a voice that begins in the middle.
func fadeIn(pcm *[frame]int16) {
	for i := range rampSamples {
		pcm[i] = int16(int(pcm[i]) * i / rampSamples)
	}
}

// dBov returns the level of pcm as RFC 6464 counts it: 0 for the loudest square
// wave, 127 for silence.
func dBov(pcm []int16) uint8 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	if sum == 0 {
		return 127
	}
	db := -10 * math.Log10(sum/float64(len(pcm))/(32767*32767))
	return uint8(min(max(db, 0), 127))
}

// Closed reports whether the sound is out of the room, such as because the
// participant became a listener.
func (in *AudioIn) Closed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed
}

// Close takes the sound out of the room. Closing twice is harmless.
func (in *AudioIn) Close() {
	in.sound.removeIn(in)
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.closed {
		in.closed = true
		in.dec.close()
	}
}

// relay makes Opus, once for all browsers, of a sender's sound in another codec.
type relay struct {
	enc encoder
	out [maxPayload]byte
	seq uint16
	ts  uint32
}

// relayLoss is the loss, in percent, that a relayed voice is prepared for: it has
// many receivers.
const relayLoss = 5

// maxPayload bounds one encoded frame.
const maxPayload = 1276

// next encodes the tick of in.
func (r *relay) next(in *AudioIn) (*Sound, error) {
	n, err := r.enc.encode(in.tick[:], r.out[:])
	if err != nil {
		return nil, err
	}
	s := &Sound{Seq: r.seq, Timestamp: r.ts, Payload: append([]byte(nil), r.out[:n]...)}
	r.seq++
	r.ts += frame
	return s, nil
}

package mcu

import "time"

// Sound is one RTP packet of sound.
type Sound struct {
	Seq       uint16
	Timestamp uint32 // of the codec's RTP clock
	Marker    bool
	Payload   []byte // kept until it was played
	Level     uint8  // -dBov, 0 loudest, 127 silence (RFC 6464); valid if HasLevel
	HasLevel  bool
}

// jitterBuffer puts the packets of one sender in order and holds them back for
// just as long as the network's jitter asks for. It is pure: time comes in with
// the calls.
type jitterBuffer struct {
	rate uint32 // RTP clock, Hz

	slots   [jitterSlots]*Sound // ring by sequence number
	held    int
	started bool
	playing bool   // false: fill up to the target first
	next    uint16 // sequence number that is played next
	nextTS  uint32 // where it should be in time
	newest  uint16
	lastTS  uint32 // of the newest

	spread spread
}

const (
	jitterSlots = 128 // packets that are held at the most: the oldest go

	minDelay = 20 * time.Millisecond
	maxDelay = 200 * time.Millisecond
)

// spread estimates how far apart packets come: the 95th percentile of their
// delay against the quickest of the last seconds.
type spread struct {
	base   int64 // µs, smallest transit seen lately
	baseAt time.Time
	set    bool
	bins   [44]float32 // of 5 ms each; old weights fade
	sum    float32
}

const (
	spreadBin  = 5000 // µs
	spreadFade = 0.99 // per packet: a hundred packets, 2 s, are remembered
	baseRises  = 10 * time.Second
)

func (s *spread) add(transit int64, now time.Time) {
	if !s.set || transit < s.base || now.Sub(s.baseAt) > baseRises {
		s.base, s.baseAt, s.set = transit, now, true
	}
	i := min(int((transit-s.base)/spreadBin), len(s.bins)-1)
	for b := range s.bins {
		s.bins[b] *= spreadFade
	}
	s.bins[i]++
	s.sum = s.sum*spreadFade + 1
}

// delay returns how long to hold packets back.
func (s *spread) delay() time.Duration {
	left := s.sum * 0.05
	for i := len(s.bins) - 1; i > 0; i-- {
		if left -= s.bins[i]; left < 0 {
			return min(max(time.Duration((i+1)*spreadBin)*time.Microsecond, minDelay), maxDelay)
		}
	}
	return minDelay
}

// outcome of put.
type outcome int

const (
	taken outcome = iota
	late          // its time has passed, or it was there already
	reset         // the sender began anew; what was held is gone
)

// leap is how far sequence numbers may jump before it is taken for a new start.
const leap = 1000

func (j *jitterBuffer) put(p *Sound, now time.Time) outcome {
	out := taken
	if j.started && (int16(p.Seq-j.newest) > leap || int16(j.newest-p.Seq) > leap) {
		*j = jitterBuffer{rate: j.rate}
		out = reset
	}
	if !j.started {
		j.started, j.next, j.nextTS, j.newest, j.lastTS = true, p.Seq, p.Timestamp, p.Seq, p.Timestamp
	}
	j.spread.add(now.UnixMicro()-int64(p.Timestamp)*1e6/int64(j.rate), now)
	if d := int16(p.Seq - j.next); d < 0 {
		if j.playing || int16(j.newest-p.Seq) >= jitterSlots {
			return late
		}
		j.next, j.nextTS = p.Seq, p.Timestamp // before anything was played, the true first one
	}
	if int16(p.Seq-j.newest) > 0 {
		j.newest, j.lastTS = p.Seq, p.Timestamp
	}
	for int(int16(p.Seq-j.next)) >= jitterSlots { // too far ahead: the oldest go
		j.drop(0)
	}
	at := &j.slots[p.Seq%jitterSlots]
	if *at != nil && (*at).Seq == p.Seq {
		return late
	}
	*at = p
	j.held++
	return out
}

// drop leaves out the packet that would be next. length is as for pull.
func (j *jitterBuffer) drop(length uint32) {
	if at := &j.slots[j.next%jitterSlots]; *at != nil && (*at).Seq == j.next {
		j.nextTS = (*at).Timestamp
		*at = nil
		j.held--
	}
	j.next++
	j.nextTS += length
}

// shrink leaves out the oldest sound beyond the target.
func (j *jitterBuffer) shrink(length uint32) {
	for j.held > 0 && j.depth(length) > j.target(length) {
		j.drop(length)
	}
}

// catchUp skips to the present after a stall: what came all at once would be
// heard late from then on, since a loud sender has no pause to make up for it in.
// Packets count, not times: a sender that was silent may leap in time.
func (j *jitterBuffer) catchUp(length uint32) {
	held := time.Duration(j.held) * time.Duration(length) * time.Second / time.Duration(j.rate)
	if held > j.target(length)+maxLag {
		j.shrink(length)
	}
}

// maxLag is how late sound may be heard, beyond what jitter asks for.
const maxLag = time.Second

// depth returns how much sound is held, from the packet that is next to the end
// of the newest.
func (j *jitterBuffer) depth(packet uint32) time.Duration {
	if j.held == 0 {
		return 0
	}
	span := j.lastTS + packet - j.nextTS
	if int32(span) < 0 {
		return 0
	}
	return time.Duration(span) * time.Second / time.Duration(j.rate)
}

// target returns how much sound is held before it is played. Packets that do not
// fit into the ticks of the mix come late for a tick now and then, even without
// jitter: of them there is one more, and a tick's time.
func (j *jitterBuffer) target(length uint32) time.Duration {
	d := j.spread.delay()
	perSecond := length * uint32(time.Second/tickEvery)
	if perSecond > 0 && perSecond%j.rate != 0 && j.rate%perSecond != 0 {
		d += time.Duration(length)*time.Second/time.Duration(j.rate) + tickEvery
	}
	return d
}

// pulled is what pull has for one packet's time.
type pulled int

const (
	nothing pulled = iota // wait: there is no sound, or not enough yet
	packet                // p is next
	lost                  // p, the one after the gap, may help to fill it; p may be nil
)

// pull returns what is to be played next. length is how long packets are, in
// ticks.
func (j *jitterBuffer) pull(length uint32) (p *Sound, is pulled) {
	if !j.started || j.held == 0 {
		j.playing = false // dry: fill up again
		return nil, nothing
	}
	if !j.playing {
		if j.depth(length) < j.target(length) {
			return nil, nothing
		}
		j.playing = true
		for j.held > 0 && (j.slots[j.next%jitterSlots] == nil || j.slots[j.next%jitterSlots].Seq != j.next) {
			j.next++ // what was lost before the start is not filled
		}
	}
	at := &j.slots[j.next%jitterSlots]
	if *at != nil && (*at).Seq == j.next {
		p = *at
		*at = nil
		j.held--
		j.next++
		j.nextTS = p.Timestamp + length
		return p, packet
	}
	// A gap. Wait for it while what follows lasts, then give it up.
	after := j.slots[(j.next+1)%jitterSlots]
	if after != nil && after.Seq != j.next+1 {
		after = nil
	}
	j.next++
	j.nextTS += length
	return after, lost
}

// excess reports that more sound is held than the network asks for, so that a
// packet may be left out where it is not heard.
func (j *jitterBuffer) excess(length uint32) bool {
	return j.playing && j.depth(length) > j.target(length)+slack
}

// slack is what the buffer may hold beyond its target before it is shortened.
const slack = 40 * time.Millisecond

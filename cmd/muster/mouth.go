package main

import (
	"sync"
	"time"
)

// mouth says packets of a room at a Mumble server, in bursts as a client does.
type mouth struct {
	voice func(seq uint64, opus []byte, last bool)
	end   *time.Timer

	mu      sync.Mutex // guards what follows
	talking bool
	count   toMumble
}

// open makes m say its packets with voice. shut must be called.
func (m *mouth) open(voice func(seq uint64, opus []byte, last bool)) {
	m.voice = voice
	m.end = time.AfterFunc(time.Hour, m.ended)
	m.end.Stop()
}

func (m *mouth) shut() { m.end.Stop() }

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

// say passes a packet on under Mumble's numbers. ts is its RTP timestamp.
func (m *mouth) say(ts uint32, opus []byte, now time.Time) {
	m.mu.Lock()
	seq := m.count.next(ts, now)
	m.talking = true
	m.end.Reset(burstEnd)
	m.mu.Unlock()
	m.voice(seq, opus, false)
}

// ended tells clients that the speaker has let go.
func (m *mouth) ended() {
	m.mu.Lock()
	talking, seq := m.talking, m.count.seq
	m.talking = false
	m.mu.Unlock()
	if talking {
		m.voice(seq+2, nil, true)
	}
}

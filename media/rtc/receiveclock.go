package rtc

import (
	"sync"
	"time"

	"muster/media"
)

// receiveClock gives the tracks of a publisher one common time. At first the
// arrival of each track's first packet relates them; sender reports then tell
// their true relation (RFC 3550 §6.4.1), and all tracks but the reference are
// moved towards it slowly, so that time never runs backwards in a track.
type receiveClock struct {
	mu     sync.Mutex // guards everything
	base   time.Time  // arrival of the first packet of all
	tracks []trackClock
}

type trackClock struct {
	rate    int
	started bool
	last    uint32 // RTP timestamp
	ticks   int64  // since the first packet
	offset  int64  // ticks; what is added to give the common time
	owed    int64  // ticks still to be added to offset

	reported bool
	srTicks  int64 // ticks that the last sender report speaks of
	srTime   time.Time
}

// init sets the clock rates of the tracks; the first is the reference.
func (c *receiveClock) init(rates []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tracks = make([]trackClock, len(rates))
	for i, r := range rates {
		c.tracks[i].rate = r
	}
}

// slew is the part of a track's progress by which it may be moved: 1/16.
const slew = 16

// pts returns the common time, in ticks of track i, of RTP timestamp ts.
func (c *receiveClock) pts(i int, ts uint32, now time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.tracks[i]
	if !t.started {
		if c.base.IsZero() {
			c.base = now
		}
		t.started, t.last, t.offset = true, ts, media.Ticks(now.Sub(c.base), t.rate)
		return t.offset
	}
	step := int64(int32(ts - t.last))
	t.last = ts
	t.ticks += step
	if t.owed != 0 && step > 0 {
		move := min(max(t.owed, -step/slew), step/slew)
		t.offset += move
		t.owed -= move
	}
	return t.ticks + t.offset
}

const (
	inStep    = 5 * time.Millisecond // nobody notices less
	senseless = 10 * time.Second     // a sender whose reports are this far off has no common clock
)

// report takes a sender report of track i: at ntp its RTP clock showed ts.
func (c *receiveClock) report(i int, ntp uint64, ts uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.tracks[i]
	if !t.started || ntp == 0 {
		return
	}
	t.reported, t.srTicks, t.srTime = true, t.ticks+int64(int32(ts-t.last)), fromNTP(ntp)
	ref := &c.tracks[0]
	if !ref.reported {
		return
	}
	for j := 1; j < len(c.tracks); j++ {
		if t := &c.tracks[j]; t.reported {
			want := media.Seconds(ref.srTicks+ref.offset, ref.rate) + t.srTime.Sub(ref.srTime)
			is := media.Seconds(t.srTicks+t.offset, t.rate)
			t.owed = 0
			if off := want - is; off.Abs() > inStep && off.Abs() < senseless {
				t.owed = media.Ticks(off, t.rate)
			}
		}
	}
}

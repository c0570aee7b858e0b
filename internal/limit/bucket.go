package limit

import "time"

// Bucket is a limit that recovers: it holds up to a burst, and fills with a rate
// per second. The zero Bucket is full. It is not safe for concurrent use.
type Bucket struct {
	level float64
	last  time.Time
}

// Take takes n and returns how long that is too early; 0: there were as many.
func (b *Bucket) Take(n float64, now time.Time, burst, rate float64) time.Duration {
	if b.last.IsZero() {
		b.level = burst
	} else {
		b.level = min(b.level+rate*now.Sub(b.last).Seconds(), burst)
	}
	b.last = now
	b.level -= n
	if b.level >= 0 {
		return 0
	}
	return time.Duration(-b.level / rate * float64(time.Second))
}

// Allow takes one, if there is one.
func (b *Bucket) Allow(now time.Time, burst, rate float64) bool {
	if b.Take(1, now, burst, rate) > 0 {
		b.level++
		return false
	}
	return true
}

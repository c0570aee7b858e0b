package gcc

import (
	"math"
	"time"
)

// throughput is what has come in the newest window of the receiver's time.
type throughput struct {
	window []arrival // oldest first
	bytes  int
}

type arrival struct {
	at   time.Duration
	size int
}

const (
	throughputWindow = 500 * time.Millisecond
	throughputLeast  = 150 * time.Millisecond // of it has to be known
	throughputMost   = ringSize               // packets
)

func (t *throughput) add(at time.Duration, size int) {
	t.window = append(t.window, arrival{at, size})
	t.bytes += size
	drop := 0
	for _, a := range t.window {
		if at-a.at <= throughputWindow && len(t.window)-drop <= throughputMost {
			break
		}
		t.bytes -= a.size
		drop++
	}
	t.window = t.window[drop:] // append moves it once in a while
}

// rate returns bits per second, 0 while too little is known.
func (t *throughput) rate() float64 {
	if len(t.window) < 2 {
		return 0
	}
	first, last := t.window[0], t.window[len(t.window)-1]
	span := last.at - first.at
	if span < throughputLeast {
		return 0
	}
	return float64(t.bytes-first.size) * 8 / span.Seconds()
}

// delayRate is what the delays allow: more until queues fill, then less than what
// got through (draft-ietf-rmcat-gcc-02 §5.5).
type delayRate struct {
	bounds Bounds
	rate   float64 // bits per second
	rtt    time.Duration
	last   time.Duration // of the last update
	sank   time.Duration // of the last decrease
	begun  bool
	holds  bool

	// What got through when queues filled: near it, growth is slow.
	knee, spread float64 // kbit/s, 0: not known; its variance by the knee, kbit/s
}

const (
	backOff      = 0.85
	growth       = 1.08 // per second
	ahead        = 1.5  // of what got through
	aheadLeast   = 10_000
	slowest      = 4000 // bits per second, each second
	packetBits   = 1200 * 8
	responseTime = 100 * time.Millisecond // beside the round trip
	longestTick  = time.Second
	kneeMemory   = 0.95
	leastSpread  = 0.4
	mostSpread   = 2.5
	trialAfter   = 10 * time.Second // since queues filled
	decreaseStep = 200 * time.Millisecond
)

func (d *delayRate) roundTrip(rtt time.Duration) {
	if d.rtt == 0 {
		d.rtt = rtt
	}
	d.rtt += (rtt - d.rtt) / 16
}

// update takes what a feedback said: s of the queues, and the rate that got
// through, 0 if that is not known.
func (d *delayRate) update(s signal, through float64, now time.Duration) {
	passed := min(now-d.last, longestTick)
	if !d.begun {
		passed = 0
	}
	d.begun, d.last = true, now
	switch s {
	case over:
		if !d.holds || now-d.sank >= max(d.rtt, decreaseStep) {
			d.decrease(through, now)
		}
		d.holds = true
	case under: // queues empty: wait until they have
		d.holds = true
	case normal:
		if d.holds { // the first sign of a path that is free
			d.holds = false
			return
		}
		d.increase(through, passed, now)
	}
	d.rate = min(max(d.rate, float64(d.bounds.Least)), float64(d.bounds.Most))
}

func (d *delayRate) decrease(through float64, now time.Duration) {
	d.sank = now
	if through == 0 {
		through = d.rate
	}
	d.learn(through)
	d.rate = min(d.rate, backOff*through)
}

// learn moves the knee.
func (d *delayRate) learn(through float64) {
	through /= 1000
	if d.knee == 0 {
		d.knee, d.spread = through, leastSpread
		return
	}
	d.knee = kneeMemory*d.knee + (1-kneeMemory)*through
	off := d.knee - through
	d.spread = min(max(kneeMemory*d.spread+(1-kneeMemory)*off*off/max(d.knee, 1), leastSpread), mostSpread)
}

// around returns the rates near the knee: three standard deviations of it.
func (d *delayRate) around() (from, to float64) {
	width := 3 * math.Sqrt(d.spread*d.knee)
	return 1000 * (d.knee - width), 1000 * (d.knee + width)
}

// increase lets the rate grow. A sender that has little to send cannot tell what
// else would get through; it gets to know by sending more. So growth stops ahead of
// what gets through only for a while after queues have filled.
func (d *delayRate) increase(through float64, passed, now time.Duration) {
	if d.sank > 0 && now-d.sank < trialAfter && d.rate > ahead*through+aheadLeast {
		return
	}
	if d.knee > 0 {
		from, to := d.around()
		if through > to {
			d.knee = 0 // the path has become wider
		}
		if through >= from && through <= to {
			d.rate += max(packetBits/(d.rtt+responseTime).Seconds(), slowest) * passed.Seconds()
			return
		}
	}
	d.rate *= math.Pow(growth, passed.Seconds())
}

// lossRate is what the losses allow (§6).
type lossRate struct {
	bounds      Bounds
	rate        float64 // bits per second
	total, gone int     // packets since the last decision
	decided     time.Duration
}

const (
	lossWindow = 250 * time.Millisecond
	lossFew    = 0.02
	lossMany   = 0.1
	lossGrowth = 1.05 // per decision
	lossLeast  = 20   // packets that a decision takes
)

func (l *lossRate) update(total, gone int, now time.Duration) {
	l.total += total
	l.gone = max(l.gone+gone, 0)
	if now-l.decided < lossWindow || l.total < lossLeast {
		return
	}
	share := float64(l.gone) / float64(l.total)
	l.total, l.gone, l.decided = 0, 0, now
	switch {
	case share > lossMany:
		l.rate *= 1 - share/2
	case share < lossFew:
		l.rate *= lossGrowth
	}
	l.rate = min(max(l.rate, float64(l.bounds.Least)), float64(l.bounds.Most))
}

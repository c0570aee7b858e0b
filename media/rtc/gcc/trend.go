package gcc

import (
	"math"
	"time"
)

// signal says what the delays mean.
type signal uint8

const (
	normal signal = iota
	under         // queues empty
	over          // queues fill
)

func worst(a, b signal) signal { return max(a, b) }

// The parameters of browsers.
const (
	trendWindow    = 20  // groups
	trendSmoothing = 0.9 // of the delay
	trendGain      = 4
	trendDeltas    = 60                    // groups from which on a slope counts fully
	overuseFor     = 10 * time.Millisecond // a slope that is too steep counts from then on
	firstThreshold = 12.5                  // ms
	leastThreshold = 6
	mostThreshold  = 600
	outlier        = 15     // ms above the threshold, which do not move it
	growThreshold  = 0.0087 // per ms
	sinkThreshold  = 0.039
)

// trendline fits a line through the delays of the newest groups. Its slope tells
// whether queues fill.
type trendline struct {
	deltas      int
	accumulated float64 // ms
	smoothed    float64 // ms
	first       time.Duration
	at, delay   [trendWindow]float64 // ms; a ring
	n           int

	threshold float64 // adaptive (§5.4)
	moved     time.Duration
	previous  float64
	overFor   time.Duration
	overs     int
	state     signal
}

func (t *trendline) reset() { *t = trendline{threshold: firstThreshold} }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// update takes a group that left sent and came came after the one before it; now
// is when it came.
func (t *trendline) update(sent, came, now time.Duration) signal {
	if t.deltas == 0 {
		t.first = now
	}
	t.deltas++
	t.accumulated += milliseconds(came - sent)
	t.smoothed = trendSmoothing*t.smoothed + (1-trendSmoothing)*t.accumulated
	i := t.n % trendWindow
	t.at[i], t.delay[i] = milliseconds(now-t.first), t.smoothed
	t.n++
	slope := t.previous
	if t.n >= trendWindow {
		slope = t.slope()
	}
	t.judge(slope, sent, now)
	return t.state
}

// slope is the least-squares fit.
func (t *trendline) slope() float64 {
	var x, y float64
	for i := range trendWindow {
		x += t.at[i]
		y += t.delay[i]
	}
	x, y = x/trendWindow, y/trendWindow
	var above, below float64
	for i := range trendWindow {
		above += (t.at[i] - x) * (t.delay[i] - y)
		below += (t.at[i] - x) * (t.at[i] - x)
	}
	if below == 0 {
		return t.previous
	}
	return above / below
}

func (t *trendline) judge(slope float64, sent, now time.Duration) {
	if t.deltas < 2 {
		return
	}
	v := float64(min(t.deltas, trendDeltas)) * slope * trendGain
	switch {
	case v > t.threshold:
		if t.overs == 0 {
			t.overFor = sent / 2
		} else {
			t.overFor += sent
		}
		t.overs++
		if t.overFor > overuseFor && t.overs > 1 && slope >= t.previous {
			t.overs, t.overFor, t.state = 0, 0, over
		}
	case v < -t.threshold:
		t.overs, t.overFor, t.state = 0, 0, under
	default:
		t.overs, t.overFor, t.state = 0, 0, normal
	}
	t.previous = slope
	t.adapt(math.Abs(v), now)
}

func (t *trendline) adapt(v float64, now time.Duration) {
	passed := milliseconds(min(now-t.moved, 100*time.Millisecond))
	t.moved = now
	if v > t.threshold+outlier {
		return
	}
	k := growThreshold
	if v < t.threshold {
		k = sinkThreshold
	}
	t.threshold = min(max(t.threshold+k*(v-t.threshold)*max(passed, 0), leastThreshold), mostThreshold)
}

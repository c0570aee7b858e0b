// Package gcc estimates how much a receiver's network takes, from what the
// receiver says of when each packet came (transport-wide feedback,
// draft-holmer-rmcat-transport-wide-cc-extensions-01). It is Google Congestion
// Control (draft-ietf-rmcat-gcc-02) with the trend line that browsers use in place
// of the Kalman filter of the draft.
//
// It does nothing on its own: the sender tells it of every packet and every
// feedback, and asks for the target.
package gcc

import (
	"sync"
	"time"
)

// Bounds of an estimate, bits per second.
type Bounds struct{ First, Least, Most int }

// ringSize is how many packets may be on their way: a second and more of 15 Mbit/s.
// A power of two.
const ringSize = 2048

// sent is a packet on its way.
type sent struct {
	at   time.Duration // since the estimator was made
	size uint16        // bytes
	seq  uint16
	open bool // the receiver has not said that it came
	lost bool // it was said to be lost; it may yet come
}

// Estimator estimates the bandwidth to one receiver. It may be used by several
// goroutines.
type Estimator struct {
	bounds Bounds
	start  time.Time

	mu   sync.Mutex // guards what follows
	next uint16
	ring [ringSize]sent

	reports  reports
	groups   groups
	trend    trendline
	received throughput
	delay    delayRate
	loss     lossRate
}

// New returns an estimator that has measured nothing.
func New(b Bounds, now time.Time) *Estimator {
	e := &Estimator{bounds: b, start: now}
	e.trend.reset()
	e.delay = delayRate{bounds: b, rate: float64(b.First)}
	e.loss = lossRate{bounds: b, rate: float64(b.First)}
	return e
}

// Sent takes note of a packet of size bytes that leaves at now, and returns the
// number it has to carry.
func (e *Estimator) Sent(size int, now time.Time) (seq uint16) {
	e.mu.Lock()
	defer e.mu.Unlock()
	seq = e.next
	e.next++
	e.ring[seq%ringSize] = sent{at: now.Sub(e.start), size: uint16(min(size, 1<<16-1)), seq: seq, open: true}
	return seq
}

// Target returns the estimate, bits per second.
func (e *Estimator) Target() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int(min(e.delay.rate, e.loss.rate))
}

// Feedback takes an RTCP packet of transport-wide feedback that came at now. The
// error says that it is not one; nothing has changed then.
func (e *Estimator) Feedback(b []byte, now time.Time) error {
	f, err := parse(b)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	at := now.Sub(e.start)
	var base time.Duration // on the receiver's clock
	begun := false
	signal, measured := normal, false
	total, gone := 0, 0
	err = f.each(func(seq uint16, came bool, delta time.Duration) {
		if !begun {
			base, begun = e.reports.time(f.reference), true
		}
		base += delta
		p := &e.ring[seq%ringSize]
		if p.seq != seq || !p.open {
			return
		}
		switch {
		case !came && !p.lost:
			p.lost = true
			gone++
			total++
		case came:
			p.open = false
			if p.lost {
				gone-- // it was only late
			} else {
				total++
			}
			e.received.add(base, int(p.size))
			if s, ok := e.arrived(p, base); ok {
				signal, measured = worst(signal, s), true
			}
			e.delay.roundTrip(at - p.at)
		}
	})
	if err != nil || total == 0 && gone == 0 {
		return err
	}
	rate := e.received.rate()
	if measured {
		e.delay.update(signal, rate, at)
	}
	e.loss.update(total, gone, at)
	e.loss.rate = min(e.loss.rate, max(e.delay.rate, float64(e.bounds.Least))*lossAbove)
	return nil
}

// arrived takes a packet that came at the receiver's time came. ok tells that
// there is something to say of the path.
func (e *Estimator) arrived(p *sent, came time.Duration) (s signal, ok bool) {
	d, ok := e.groups.add(p.at, came)
	if !ok {
		return normal, false
	}
	return e.trend.update(d.sent, d.came, came), true
}

// lossAbove is how far what losses allow may be above what delay allows: when
// delay allows more again, it does not have to be grown anew.
const lossAbove = 1.5

// groups gathers packets that left together: they wait for each other, which says
// nothing of the path (draft-ietf-rmcat-gcc-02 §5.2).
type groups struct {
	now, before group
}

type group struct {
	set         bool
	first, last time.Duration // when its packets left
	began, came time.Duration // when they came
}

// delta is how much later a group left and came than the one before it.
type delta struct{ sent, came time.Duration }

const (
	burst     = 5 * time.Millisecond
	burstMost = 100 * time.Millisecond // of arrivals
	stalled   = 3 * time.Second        // a longer pause begins anew
)

// add takes a packet. With ok, a group is whole and d is how it came.
func (g *groups) add(at, came time.Duration) (d delta, ok bool) {
	n := &g.now
	switch {
	case !n.set || came < n.came-stalled || came > n.came+stalled:
		*g = groups{now: group{true, at, at, came, came}}
		return d, false
	case at < n.first:
		return d, false // of a group that is over
	case at-n.first <= burst || n.bursts(at, came):
		n.last, n.came = max(n.last, at), max(n.came, came)
		return d, false
	}
	if g.before.set {
		d = delta{n.last - g.before.last, n.came - g.before.came}
		ok = d.came >= 0
	}
	g.before, g.now = *n, group{true, at, at, came, came}
	return d, ok
}

// bursts reports whether a packet came so close behind the group that they were
// held up together.
func (n *group) bursts(at, came time.Duration) bool {
	arrival := came - n.came
	return arrival-(at-n.last) < 0 && arrival <= burst && came-n.began < burstMost
}

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/bits"
	"strconv"
	"sync/atomic"
	"time"

	"muster/cot/wire"
)

// A stamp is text that survives both forms of an event and that receivers find
// without reading XML or protobuf: a mark, the phase, and the time at which the
// event was due, in microseconds since the clock began.
const (
	mark     = "~MB:"
	stampLen = len(mark) + 1 + timeLen
	timeLen  = 15

	phaseWarm     = 'W'
	phaseMeasured = 'M'
)

// clock counts from a moment that all processes of a bench agree on.
type clock struct {
	base   time.Time
	offset time.Duration
}

// newClock returns the clock that began at epoch, in nanoseconds since 1970.
func newClock(epoch int64) clock {
	base := time.Now()
	return clock{base: base, offset: time.Duration(base.UnixNano() - epoch)}
}

func (c clock) now() time.Duration { return c.offset + time.Since(c.base) }

// template is a sender's position report, ready to be sent again and again with
// another stamp.
type template struct {
	b  []byte
	at int // of the stamp
}

// newTemplate makes the report of a sender in a version of the protocol.
func newTemplate(sender, version int, now time.Time) (template, error) {
	ev := wire.New(fmt.Sprintf("BENCH-%08d", sender), "a-f-G-U-C", "m-g", now, time.Hour)
	ev.Point = wire.Point{Lat: 52.516275, Lon: 13.377704 + float64(sender%firstSecure)/1000, HAE: 78.4, CE: 6.1, LE: wire.Unknown}
	ev.Takv = wire.Takv{Device: "SAMSUNG SM-G781B", Platform: "ATAK-CIV", OS: "34", Version: "5.4.0.11"}
	ev.Contact = wire.Contact{Callsign: fmt.Sprintf("BENCH %d", sender), Endpoint: "*:-1:stcp", Phone: "+4930123456"}
	ev.Group = wire.Group{Name: "Cyan", Role: "Team Member"}
	ev.Battery, ev.Speed, ev.Course = 81, 1.2, 271.4
	ev.AddDetail(wire.AppendElement(nil, "precisionlocation", nil, wire.Attr{Name: "geopointsrc", Value: "GPS"}, wire.Attr{Name: "altsrc", Value: "GPS"}))
	stamp := fmt.Sprintf("%s%c%0*d", mark, phaseWarm, timeLen, 0)
	ev.AddDetail(wire.AppendElement(nil, "bench", nil, wire.Attr{Name: "stamp", Value: stamp}))
	var b []byte
	if version == 1 {
		p := ev.AppendProto(nil)
		b = append(wire.AppendFrame(nil, len(p)), p...)
	} else {
		b = append(ev.AppendXML(nil), '\n')
	}
	at := bytes.Index(b, []byte(mark))
	if at < 0 {
		return template{}, fmt.Errorf("the stamp is not in %q", b)
	}
	return template{b: b, at: at}, nil
}

// set puts a stamp in and returns the event, which is valid until the next call.
func (t template) set(phase byte, due time.Duration) []byte {
	p := t.b[t.at+len(mark):]
	p[0] = phase
	us := due.Microseconds()
	for i := timeLen; i > 0; i-- {
		p[i] = '0' + byte(us%10)
		us /= 10
	}
	return t.b
}

// tail is the end of what a connection has received, shorter than a stamp.
type tail struct {
	n int
	b [stampLen - 1]byte
}

// tally counts what all connections of a process received.
type tally struct {
	copies   atomic.Int64 // all of them
	measured atomic.Int64 // of the measured phase
	bytes    atomic.Int64
	late     histogram // of the measured phase
}

// take counts the stamps in buf[:n]. The first t.n bytes are those that were left
// over, and what is left over goes back into t.
func (y *tally) take(t *tail, buf []byte, n int, now time.Duration) {
	y.bytes.Add(int64(n - t.n))
	copies, measured := int64(0), int64(0)
	b := buf[:n]
	for {
		i := bytes.Index(b, []byte(mark))
		if i < 0 || len(b)-i < stampLen {
			break
		}
		s := b[i+len(mark) : i+stampLen]
		b = b[i+stampLen:]
		copies++
		if s[0] == phaseMeasured {
			measured++
			us, err := strconv.ParseInt(string(s[1:]), 10, 64)
			if err == nil {
				y.late.add(now - time.Duration(us)*time.Microsecond)
			}
		}
	}
	t.n = copy(t.b[:], b[max(0, len(b)-len(t.b)):])
	if copies > 0 {
		y.copies.Add(copies)
		y.measured.Add(measured)
	}
}

// histogram counts durations in buckets that are 3 % wide, from 1 µs on.
type histogram struct {
	bucket [40 * perDouble]atomic.Int64
}

const perDouble = 32

func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < perDouble {
		return int(us)
	}
	shift := bits.Len64(us) - 6
	return min((shift+1)*perDouble+int(us>>shift)-perDouble, 40*perDouble-1)
}

// valueOf returns the upper end of a bucket.
func valueOf(bucket int) time.Duration {
	if bucket < perDouble {
		return time.Duration(bucket) * time.Microsecond
	}
	shift := bucket/perDouble - 1
	return time.Duration((bucket%perDouble+perDouble+1)<<shift-1) * time.Microsecond
}

func (h *histogram) add(d time.Duration) { h.bucket[bucketOf(d)].Add(1) }

func (h *histogram) reset() {
	for i := range h.bucket {
		h.bucket[i].Store(0)
	}
}

// counts returns the buckets that hold something.
func (h *histogram) counts() map[int]int64 {
	m := make(map[int]int64)
	for i := range h.bucket {
		if n := h.bucket[i].Load(); n > 0 {
			m[i] = n
		}
	}
	return m
}

// quantile returns the q-quantile of counts, in milliseconds.
func quantile(counts map[int]int64, q float64) float64 {
	total := int64(0)
	for _, n := range counts {
		total += n
	}
	left := int64(q * float64(total))
	for i := range 40 * perDouble {
		if left -= counts[i]; left < 0 {
			return valueOf(i).Seconds() * 1000
		}
	}
	return 0
}

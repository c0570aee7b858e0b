package gcc

import (
	"encoding/binary"
	"errors"
	"time"
)

// errFeedback: a packet is not transport-wide feedback.
var errFeedback = errors.New("malformed transport-wide feedback")

// feedback is a parsed packet (draft-holmer-rmcat-transport-wide-cc-extensions-01
// §3.1). It points into what it was parsed from.
type feedback struct {
	base      uint16
	count     int
	reference int32  // 64 ms
	chunks    []byte // and the deltas behind them
}

const (
	feedbackHeader = 20
	tick           = 250 * time.Microsecond
	referenceTick  = 64 * time.Millisecond
)

// parse reads the fixed part.
func parse(b []byte) (feedback, error) {
	if len(b) < feedbackHeader || b[0]>>6 != 2 || b[0]&0x1f != 15 || b[1] != 205 {
		return feedback{}, errFeedback
	}
	size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	if size > len(b) || size < feedbackHeader {
		return feedback{}, errFeedback
	}
	b = b[:size]
	f := feedback{
		base: binary.BigEndian.Uint16(b[12:]), count: int(binary.BigEndian.Uint16(b[14:])),
		reference: int32(uint32(b[16])<<24|uint32(b[17])<<16|uint32(b[18])<<8) >> 8,
		chunks:    b[feedbackHeader:],
	}
	if f.count == 0 || f.count > ringSize {
		return feedback{}, errFeedback // of more packets than are remembered
	}
	return f, nil
}

// each calls take for each packet that the feedback tells of, in their order: did
// it come, and how much later than the one that came before it. Nothing is taken
// of a packet whose chunks or deltas are cut short.
func (f *feedback) each(take func(seq uint16, came bool, delta time.Duration)) error {
	var statuses [ringSize]byte
	n, rest := 0, f.chunks
	deltas := 0
	for n < f.count {
		if len(rest) < 2 {
			return errFeedback
		}
		c := binary.BigEndian.Uint16(rest)
		rest = rest[2:]
		symbols, width := 7, 2
		switch {
		case c>>15 == 0: // run length
			symbols, width = int(c&0x1fff), 0
		case c>>14 == 2: // vector of one bit each
			symbols, width = 14, 1
		}
		for i := range min(symbols, f.count-n) {
			s := byte(c >> 13 & 3)
			switch width {
			case 1:
				s = byte(c >> (13 - i) & 1)
			case 2:
				s = byte(c >> (12 - 2*i) & 3)
			}
			if s == 3 {
				return errFeedback
			}
			statuses[n] = s
			n++
			deltas += int(s) // 1: a byte, 2: two
		}
		if symbols == 0 {
			return errFeedback
		}
	}
	if len(rest) < deltas {
		return errFeedback
	}
	for i, s := range statuses[:n] {
		var d time.Duration
		switch s {
		case 1:
			d = time.Duration(rest[0]) * tick
			rest = rest[1:]
		case 2:
			d = time.Duration(int16(binary.BigEndian.Uint16(rest))) * tick
			rest = rest[2:]
		}
		take(f.base+uint16(i), s != 0, d)
	}
	return nil
}

// reports unwraps the reference times of one receiver, which come round after
// 12 days and are taken from any zero.
type reports struct {
	begun bool
	last  int32
	wide  int64
}

// time returns the reference on a clock that does not come round.
func (r *reports) time(reference int32) time.Duration {
	if r.begun {
		r.wide += int64((reference - r.last) << 8 >> 8)
	} else {
		r.begun, r.wide = true, int64(reference)
	}
	r.last = reference
	return time.Duration(r.wide) * referenceTick
}

package rtp

import "strings"

// keys are the digits in the order of their event codes (RFC 4733 §3.2).
const keys = "0123456789*#ABCD"

// eventIn tells the presses of keys apart. All packets of one press have one
// timestamp, so that any of them will do.
type eventIn struct {
	timestamp uint32
	code      byte
	heard     bool
}

// packet takes the payload of a telephone-event packet. fresh is true for the
// first one of each press.
func (e *eventIn) packet(timestamp uint32, b []byte) (digit byte, fresh bool) {
	if len(b) < 4 || int(b[0]) >= len(keys) {
		return 0, false
	}
	if e.heard && e.timestamp == timestamp && e.code == b[0] {
		return 0, false
	}
	e.timestamp, e.code, e.heard = timestamp, b[0], true
	return keys[b[0]], true
}

// eventCode returns the code of a key.
func eventCode(digit byte) (byte, bool) {
	i := strings.IndexByte(keys, digit)
	return byte(max(i, 0)), i >= 0
}

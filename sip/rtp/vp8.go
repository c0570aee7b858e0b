package rtp

import "errors"

// maxFrame is the largest frame that is put together.
const maxFrame = 4 << 20

var errVP8 = errors.New("rtp: broken VP8 frame")

// vp8Frames puts VP8 frames together (RFC 7741). Phones may begin a packet with
// each partition of a frame, which is all one frame to a decoder.
type vp8Frames struct {
	buf  []byte
	ts   uint32
	next uint16
	open bool
}

// packet takes the packets in their order and returns a frame when it is
// complete.
func (v *vp8Frames) packet(seq uint16, ts uint32, marker bool, b []byte) ([]byte, error) {
	start, payload, ok := vp8Payload(b)
	if !ok {
		v.open = false
		return nil, errVP8
	}
	switch {
	case start:
		v.buf, v.ts, v.open = append(v.buf[:0:0], payload...), ts, true
	case !v.open:
		return nil, nil // the beginning was lost, and told then
	case ts != v.ts || seq != v.next || len(v.buf)+len(payload) > maxFrame:
		v.open = false
		return nil, errVP8
	default:
		v.buf = append(v.buf, payload...)
	}
	v.next = seq + 1
	if !marker {
		return nil, nil
	}
	v.open = false
	return v.buf, nil
}

// vp8Payload takes the payload descriptor off (RFC 7741 §4.2). start is the
// beginning of a frame.
func vp8Payload(b []byte) (start bool, payload []byte, ok bool) {
	if len(b) < 2 {
		return false, nil, false
	}
	first, i := b[0], 1
	if first&0x80 != 0 { // X
		ext := b[1]
		i = 2
		if ext&0x80 != 0 { // I: picture number of 7 or 15 bits
			if i >= len(b) {
				return false, nil, false
			}
			if b[i]&0x80 != 0 {
				i++
			}
			i++
		}
		if ext&0x40 != 0 { // L
			i++
		}
		if ext&0x30 != 0 { // T, K
			i++
		}
	}
	if i >= len(b) {
		return false, nil, false
	}
	return first&0x10 != 0 && first&0x07 == 0, b[i:], true
}

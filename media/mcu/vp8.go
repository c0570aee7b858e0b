package mcu

import (
	"encoding/binary"

	"muster/media/codec"
)

// VP8 holds the picture numbers of a VP8 payload descriptor (RFC 7741 §4.2).
type VP8 struct {
	Picture uint16 // 15 bits
	TL0     uint8
}

// vp8Descriptor says where in a payload the numbers are.
type vp8Descriptor struct {
	size    int // of the descriptor
	start   bool
	picture int // offset of the picture number; 0: there is none
	long    bool
	tl0     int // offset; 0: there is none
}

// readVP8 reads the payload descriptor; ok is false for what is none.
func readVP8(b []byte) (d vp8Descriptor, ok bool) {
	if len(b) < 1 {
		return d, false
	}
	d.start = b[0]&0x10 != 0 && b[0]&0x07 == 0
	d.size = 1
	if b[0]&0x80 != 0 { // X
		if len(b) < 2 {
			return d, false
		}
		x := b[1]
		d.size = 2
		if x&0x80 != 0 { // I
			if len(b) <= d.size {
				return d, false
			}
			d.picture = d.size
			d.long = b[d.size]&0x80 != 0
			d.size++
			if d.long {
				d.size++
			}
		}
		if x&0x40 != 0 { // L
			d.tl0 = d.size
			d.size++
		}
		if x&0x30 != 0 { // T or K
			d.size++
		}
	}
	return d, len(b) > d.size
}

// Apply writes the numbers into a copy of the payload that they were made for.
func (v *VP8) Apply(payload []byte) {
	d, ok := readVP8(payload)
	if !ok {
		return
	}
	if d.picture > 0 {
		if d.long {
			binary.BigEndian.PutUint16(payload[d.picture:], v.Picture|0x8000)
		} else {
			payload[d.picture] = byte(v.Picture & 0x7f)
		}
	}
	if d.tl0 > 0 {
		payload[d.tl0] = v.TL0
	}
}

// vp8Numbers keeps the picture numbers of one outgoing stream without a break.
type vp8Numbers struct {
	pictureOff uint16
	tl0Off     uint8
	picture    uint16 // newest that was sent
	tl0        uint8
	any        bool
}

// begin sets the offsets so that the picture in payload follows the last one.
func (n *vp8Numbers) begin(payload []byte) {
	d, ok := readVP8(payload)
	if !ok {
		return
	}
	n.pictureOff, n.tl0Off = 0, 0
	if !n.any {
		return
	}
	if d.picture > 0 {
		n.pictureOff = n.picture + 1 - number(payload, d)
	}
	if d.tl0 > 0 {
		n.tl0Off = n.tl0 + 1 - payload[d.tl0]
	}
}

// next returns the numbers for a payload, nil where its own will do.
func (n *vp8Numbers) next(payload []byte) *VP8 {
	d, ok := readVP8(payload)
	if !ok || d.picture == 0 && d.tl0 == 0 {
		return nil
	}
	var v VP8
	if d.picture > 0 {
		v.Picture = (number(payload, d) + n.pictureOff) & 0x7fff
		if !n.any || int16((v.Picture-n.picture)<<1) > 0 {
			n.picture = v.Picture
		}
	}
	if d.tl0 > 0 {
		v.TL0 = payload[d.tl0] + n.tl0Off
		if !n.any || int8(v.TL0-n.tl0) > 0 {
			n.tl0 = v.TL0
		}
	}
	n.any = true
	if n.pictureOff == 0 && n.tl0Off == 0 {
		return nil
	}
	return &v
}

func number(b []byte, d vp8Descriptor) uint16 {
	if d.long {
		return binary.BigEndian.Uint16(b[d.picture:]) & 0x7fff
	}
	return uint16(b[d.picture] & 0x7f)
}

// startsKeyFrame reports whether an RTP payload begins a picture that a decoder
// can start with.
func startsKeyFrame(c codec.ID, b []byte) bool {
	switch c {
	case codec.VP8:
		d, ok := readVP8(b)
		return ok && d.start && b[d.size]&0x01 == 0 // P bit, RFC 6386 §9.1
	case codec.H264:
		return startsH264(b)
	}
	return false
}

// startsH264 knows single units, STAP-A and FU-A (RFC 6184 §5.2).
func startsH264(b []byte) bool {
	const (
		idr, sps, stapA, fuA = 5, 7, 24, 28
	)
	if len(b) < 2 {
		return false
	}
	switch t := b[0] & 0x1f; t {
	case idr, sps:
		return true
	case stapA:
		for b = b[1:]; len(b) > 2; {
			n := int(binary.BigEndian.Uint16(b))
			if n == 0 || n > len(b)-2 {
				return false
			}
			if t := b[2] & 0x1f; t == idr || t == sps {
				return true
			}
			b = b[2+n:]
		}
	case fuA:
		return b[1]&0x80 != 0 && (b[1]&0x1f == idr || b[1]&0x1f == sps)
	}
	return false
}

// keyFrameSize returns the size of the pictures that a payload begins, or zeros
// where it does not say.
func keyFrameSize(c codec.ID, b []byte) (width, height int) {
	if c == codec.VP8 {
		return vp8Size(b)
	}
	if c != codec.H264 || len(b) < 5 {
		return 0, 0
	}
	switch t := b[0] & 0x1f; {
	case t == 7:
		return (&codec.Format{Codec: codec.H264, SPS: b}).Size()
	case t == 24 && b[3]&0x1f == 7:
		if n := int(binary.BigEndian.Uint16(b[1:])); n <= len(b)-3 {
			return (&codec.Format{Codec: codec.H264, SPS: b[3 : 3+n]}).Size()
		}
	}
	return 0, 0
}

// vp8Size returns the size of the picture that a VP8 payload begins, or zeros
// unless it begins a key frame (RFC 6386 §9.1).
func vp8Size(b []byte) (width, height int) {
	d, ok := readVP8(b)
	if !ok || !d.start || b[d.size]&0x01 != 0 || len(b) < d.size+10 {
		return 0, 0
	}
	f := b[d.size+6:]
	return int(binary.LittleEndian.Uint16(f) & 0x3fff), int(binary.LittleEndian.Uint16(f[2:]) & 0x3fff)
}

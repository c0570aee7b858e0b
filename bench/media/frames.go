package main

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"time"
)

// The synthetic stream.
const (
	videoRate = 90000
	audioRate = 48000
	fps       = 30
	gop       = 60 // frames
	bitrate   = 2_000_000
	keySize   = 40_000                                    // bytes of a key frame
	interSize = (bitrate/8*gop/fps - keySize) / (gop - 1) // of the others, for the bit rate
	audioTime = 20 * time.Millisecond                     // of one Opus packet
	audioTick = audioRate / 50
	audioSize = 64_000 / 8 / 50 // bytes of one Opus packet
	maxRTP    = 1400            // bytes of payload: the peer passes it on as it is
	videoPT   = 96
	audioPT   = 97
)

// Parameter sets of 1280x720, baseline, no reordering.
var (
	sps = mustHex("6742c01fd9005005bb0110000003001000000303c0f1832480")
	pps = mustHex("68cb83cb20")
)

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// epoch is what the times in frames count from.
var epoch = time.Now()

// Each frame's payload repeats the time at which it was sent, as a mark and 16
// hexadecimal digits: no packet of it is too short to hold one, and no byte
// needs H264's protection against start codes.
const (
	mark    = '|'
	stamped = 1 + 16
)

// videoFrame returns the slice NAL unit of frame n, sent now.
func videoFrame(n int) []byte {
	size, head := interSize, []byte{0x41, 0x9A} // P slice that starts at macroblock 0
	if n%gop == 0 {
		size, head = keySize, []byte{0x65, 0x88} // IDR, I slice
	}
	stamp := make([]byte, 0, stamped)
	now := strconv.FormatUint(uint64(time.Since(epoch)), 16)
	stamp = append(stamp, mark)
	for range 16 - len(now) {
		stamp = append(stamp, '0')
	}
	stamp = append(stamp, now...)
	out := append(make([]byte, 0, size+stamped), head...)
	for len(out) < size {
		out = append(out, stamp...)
	}
	return out
}

// sentAt finds the time that a packet's payload carries.
func sentAt(payload []byte) (time.Duration, bool) {
	for i := len(payload) - stamped; i >= 0; i-- {
		if payload[i] == mark {
			v, err := strconv.ParseUint(string(payload[i+1:i+stamped]), 16, 63)
			return time.Duration(v), err == nil
		}
	}
	return 0, false
}

// opusPacket returns 20 ms of noise: a stereo CELT packet, as far as any server
// looks into it (RFC 6716 §3.1).
func opusPacket() []byte {
	out := make([]byte, audioSize)
	for i := range out {
		out[i] = byte(rand.Uint32())
	}
	out[0] = 0xFC
	return out
}

// packer numbers the RTP packets of one track.
type packer struct {
	pt   byte
	ssrc uint32
	seq  uint16
}

// add appends one packet in RTSP's interleaved framing for the channel.
func (p *packer) add(to []byte, channel byte, marker bool, ts uint32, payload ...[]byte) []byte {
	n := 12
	for _, b := range payload {
		n += len(b)
	}
	pt := p.pt
	if marker {
		pt |= 0x80
	}
	to = append(to, '$', channel, byte(n>>8), byte(n), 0x80, pt)
	to = binary.BigEndian.AppendUint16(to, p.seq)
	to = binary.BigEndian.AppendUint32(to, ts)
	to = binary.BigEndian.AppendUint32(to, p.ssrc)
	for _, b := range payload {
		to = append(to, b...)
	}
	p.seq++
	return to
}

// addH264 appends a frame: parameter sets before a key frame, and the slice in
// fragments (RFC 6184 §5.8).
func (p *packer) addH264(to []byte, ts uint32, nalu []byte) []byte {
	if nalu[0]&0x1F == 5 {
		to = p.add(to, 0, false, ts, sps)
		to = p.add(to, 0, false, ts, pps)
	}
	if len(nalu) <= maxRTP {
		return p.add(to, 0, true, ts, nalu)
	}
	indicator, typ := nalu[0]&0x60|28, nalu[0]&0x1F
	for rest, first := nalu[1:], byte(0x80); len(rest) > 0; first = 0 {
		n := min(len(rest), maxRTP-2)
		last := byte(0)
		if n == len(rest) {
			last = 0x40
		}
		to = p.add(to, 0, last != 0, ts, []byte{indicator, first | last | typ}, rest[:n])
		rest = rest[n:]
	}
	return to
}

// isKey reports whether an RTP payload of H264 holds (the beginning of) an IDR
// slice: alone, aggregated or in fragments.
func isKey(p []byte) bool {
	if len(p) < 2 {
		return false
	}
	switch p[0] & 0x1F {
	case 5:
		return true
	case 24: // STAP-A
		for rest := p[1:]; len(rest) > 2; {
			n := int(binary.BigEndian.Uint16(rest))
			if rest[2]&0x1F == 5 {
				return true
			}
			rest = rest[min(len(rest), 2+n):]
		}
	case 28: // FU-A
		return p[1]&0x80 != 0 && p[1]&0x1F == 5
	}
	return false
}

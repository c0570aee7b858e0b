package wire

import (
	"encoding/binary"
	"fmt"
)

// MaxVoice is the longest voice packet that is taken or sent.
const MaxVoice = 1020

// The kinds of voice packets: the upper three bits of the first byte. Others are
// of codecs that nobody has any more.
const (
	KindPing = 1
	KindOpus = 4
)

// Targets of voice: the lower five bits of the first byte. From a client, 1 to 30
// are those it defined with a VoiceTarget.
const (
	TargetNormal  = 0
	TargetShout   = 1 // to a client: whispered to a channel
	TargetWhisper = 2 // to a client: whispered to it alone
	TargetListen  = 3 // to a client: it listens to the channel without being there
	TargetLoop    = 31
)

const (
	lastBit    = 0x2000 // in the length of Opus data: the end of a burst
	lengthBits = 0x1fff
)

// Voice is a voice packet of a client. Slices are parts of what was parsed.
type Voice struct {
	Target   byte
	Seq      uint64 // of the first 10 ms in it
	Opus     []byte
	Last     bool
	Body     []byte // sequence number to the end of Opus, as it goes on to others
	Position []byte // 12 bytes, or none
}

// ParseVoice reads a voice packet with Opus, from a client.
func ParseVoice(b []byte) (Voice, error) {
	if len(b) < 3 || len(b) > MaxVoice || b[0]>>5 != KindOpus {
		return Voice{}, fmt.Errorf("%w: no voice packet", ErrMalformed)
	}
	v := Voice{Target: b[0] & 31}
	seq, n, err := Varint(b[1:])
	if err != nil {
		return Voice{}, err
	}
	v.Seq = seq
	at := 1 + n
	length, n, err := Varint(b[at:])
	if err != nil {
		return Voice{}, err
	}
	at += n
	v.Last = length&lastBit != 0
	if length&^lastBit > lengthBits {
		return Voice{}, fmt.Errorf("%w: length of Opus data", ErrMalformed)
	}
	size := int(length & lengthBits)
	if size > len(b)-at {
		return Voice{}, fmt.Errorf("%w: Opus data is cut off", ErrMalformed)
	}
	v.Opus = b[at : at+size]
	v.Body = b[1 : at+size]
	if rest := b[at+size:]; len(rest) >= 12 {
		v.Position = rest[:12]
	}
	return v, nil
}

// AppendVoice appends the head of a voice packet to a client: what follows is the
// Body of the packet as it came, and the Position if the receiver may have it.
func AppendVoice(dst []byte, target byte, session uint32) []byte {
	dst = append(dst, KindOpus<<5|target)
	return AppendVarint(dst, uint64(session))
}

// AppendBody appends the body of a voice packet made here.
func AppendBody(dst []byte, seq uint64, opus []byte, last bool) []byte {
	dst = AppendVarint(dst, seq)
	length := uint64(len(opus))
	if last {
		length |= lastBit
	}
	dst = AppendVarint(dst, length)
	return append(dst, opus...)
}

// Varint reads a number in Mumble's own encoding, which is not that of protobuf:
// leading ones of the first byte say how many bytes follow, in network order.
func Varint(b []byte) (v uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, errVarint
	}
	first := b[0]
	switch {
	case first < 0x80:
		return uint64(first), 1, nil
	case first < 0xc0 && len(b) >= 2:
		return uint64(first&0x3f)<<8 | uint64(b[1]), 2, nil
	case first < 0xe0 && len(b) >= 3 && first >= 0xc0:
		return uint64(first&0x1f)<<16 | uint64(b[1])<<8 | uint64(b[2]), 3, nil
	case first < 0xf0 && len(b) >= 4 && first >= 0xe0:
		return uint64(first&0x0f)<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3]), 4, nil
	case first < 0xf0:
		return 0, 0, errVarint
	}
	return longVarint(b)
}

var errVarint = fmt.Errorf("%w: number", ErrMalformed)

func longVarint(b []byte) (v uint64, n int, err error) {
	switch b[0] & 0xfc {
	case 0xf0:
		if len(b) >= 5 {
			return uint64(binary.BigEndian.Uint32(b[1:])), 5, nil
		}
	case 0xf4:
		if len(b) >= 9 {
			return binary.BigEndian.Uint64(b[1:]), 9, nil
		}
	case 0xf8:
		// Negative; one sign is enough.
		if len(b) >= 2 && b[1]&0xf8 != 0xf8 {
			v, n, err := Varint(b[1:])
			return ^v + 1, n + 1, err
		}
	case 0xfc:
		return ^uint64(b[0] & 3), 1, nil
	}
	return 0, 0, errVarint
}

// AppendVarint appends v in Mumble's encoding.
func AppendVarint(dst []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(dst, byte(v))
	case v < 0x4000:
		return append(dst, 0x80|byte(v>>8), byte(v))
	case v < 0x20_0000:
		return append(dst, 0xc0|byte(v>>16), byte(v>>8), byte(v))
	case v < 0x1000_0000:
		return append(dst, 0xe0|byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, 0xf0), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xf4), v)
}

// ListingSize is the length of a question of Mumble's list of servers.
const ListingSize = 12

// Listing reads that question: four bytes of zero and eight to send back.
func Listing(b []byte) (echo [8]byte, ok bool) {
	if len(b) != ListingSize || binary.BigEndian.Uint32(b) != 0 {
		return echo, false
	}
	copy(echo[:], b[4:])
	return echo, true
}

// AppendListing appends the answer to it. version is that of Version.V1, and
// bandwidth in bit/s.
func AppendListing(dst []byte, version uint32, echo [8]byte, users, most, bandwidth uint32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, version)
	dst = append(dst, echo[:]...)
	dst = binary.BigEndian.AppendUint32(dst, users)
	dst = binary.BigEndian.AppendUint32(dst, most)
	return binary.BigEndian.AppendUint32(dst, bandwidth)
}

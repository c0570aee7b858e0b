package media

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"muster/media/codec"
)

// Track is one elementary stream of a Stream.
type Track struct {
	Index int // position in Stream.Tracks

	format      atomic.Pointer[codec.Format]
	reordered   atomic.Bool
	payloadType uint8
	ssrc        uint32
	rtpOffset   uint32

	mu         sync.Mutex // guards packetizer; taken by whoever asks a unit for its packets first
	packetizer *codec.Packetizer
}

// firstPayloadType is the first dynamic RTP payload type (RFC 3551 §6).
const firstPayloadType = 96

func newTrack(index int, f *codec.Format) (*Track, error) {
	t := &Track{
		Index:       index,
		payloadType: firstPayloadType + uint8(index),
		ssrc:        rand.Uint32(),
		rtpOffset:   rand.Uint32(),
	}
	t.format.Store(f)
	var err error
	t.packetizer, err = codec.NewPacketizer(f, t.payloadType, t.ssrc)
	return t, err
}

// Format returns the newest parameters of the track. A unit carries those that
// are valid for it.
func (t *Track) Format() *codec.Format { return t.format.Load() }

// Reordered reports whether frames were seen whose decoding order is not their
// display order (B-frames), which browsers cannot play over WebRTC.
func (t *Track) Reordered() bool { return t.reordered.Load() }

// PayloadType is the RTP payload type of the track's packets.
func (t *Track) PayloadType() uint8 { return t.Format().SDP(t.payloadType).PayloadType() }

// SSRC is the synchronisation source of the track's packets.
func (t *Track) SSRC() uint32 { return t.ssrc }

// RTPTime converts pts, in ticks of the track's clock, to an RTP timestamp.
func (t *Track) RTPTime(pts int64) uint32 { return uint32(pts) + t.rtpOffset }

// Unit is one access unit of one track: what is displayed or heard at one time.
// Everything in it is read-only once it is in the ring.
type Unit struct {
	Track  *Track
	Format *codec.Format // parameters valid from this unit on; compare pointers to see a change
	PTS    int64         // ticks of Format.ClockRate; zero is the same moment for all tracks
	DTS    int64         // like PTS; equal to it unless frames are reordered
	NTP    time.Time     // wall clock at capture
	Key    bool          // decoding can start here
	AU     [][]byte      // NAL units, OBUs, audio frames, or one whole frame; nil for Opaque

	seq     uint64    // position in the ring
	arrived time.Time // monotonic clock at Write
	size    int       // bytes of AU

	once    sync.Once
	packets codec.Packets
	err     error
}

// Packets returns the unit's RTP packets. They are made by the first caller and
// shared by all. The error says that the unit has no RTP form, such as an audio
// frame that is too large; a reader skips the unit.
func (u *Unit) Packets() (codec.Packets, error) {
	u.once.Do(func() {
		t := u.Track
		t.mu.Lock()
		defer t.mu.Unlock()
		u.packets, u.err = t.packetizer.Packetize(u.AU, t.RTPTime(u.PTS))
	})
	return u.packets, u.err
}

// Size returns the bytes of the access unit.
func (u *Unit) Size() int { return u.size }

// Seconds converts ticks of a clock of rate Hz to a duration.
func Seconds(ticks int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(ticks/r)*time.Second + time.Duration(ticks%r)*time.Second/time.Duration(r)
}

// Ticks converts a duration to ticks of a clock of rate Hz.
func Ticks(d time.Duration, rate int) int64 {
	r := int64(rate)
	return int64(d/time.Second)*r + int64(d%time.Second)*r/int64(time.Second)
}

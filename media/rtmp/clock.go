package rtmp

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"muster/media/codec"
)

// clock makes one running count of a publisher's timestamps: it follows the
// wrap at 2^32 ms, and closes the gap when an encoder starts counting anew.
type clock struct {
	any    bool
	last   uint32
	now    int64 // ms
	offset int64 // added to close gaps
}

// maxJump is the change between two messages that is taken for a new count.
const maxJump = 10_000 // ms

// extend returns the running time of a message stamped t, in ms.
func (c *clock) extend(t uint32) int64 {
	if !c.any {
		c.any, c.last, c.now = true, t, int64(t)
		return c.now
	}
	step := int64(int32(t - c.last))
	c.last = t
	c.now += step
	if step > maxJump || step < -maxJump {
		c.offset -= step
	}
	return c.now + c.offset
}

// smoothness is how far a timestamp may be from where the frames before it put
// it and still count as rounding.
const smoothness = 200 // 1/200 s

// smooth removes from audio timestamps what rounding to milliseconds added, so
// that frames follow each other without gaps. ticks is the frame's length, 0 if
// it is not known.
func (tr *inTrack) smooth(pts, ticks int64) int64 {
	near := int64(tr.format.ClockRate) / smoothness
	if tr.any && pts > tr.next-near && pts < tr.next+near {
		pts = tr.next
	}
	if tr.any && pts < tr.last {
		pts = tr.last
	}
	tr.last, tr.any = pts, ticks > 0
	tr.next = pts + ticks
	return pts
}

// audioTicks returns the length of an audio unit in ticks of f's clock, 0 if it
// cannot be known.
func audioTicks(f *codec.Format, au [][]byte) int64 {
	var n int64
	for _, frame := range au {
		switch f.Codec {
		case codec.AAC:
			n += 1024
		case codec.Opus:
			n += opus.PacketDuration2(frame)
		case codec.AC3:
			n += 1536
		case codec.MP3:
			var h mpeg1audio.FrameHeader
			if h.Unmarshal(frame) != nil || h.SampleRate == 0 {
				return 0
			}
			n += int64(h.SampleCount()) * int64(f.ClockRate) / int64(h.SampleRate)
		case codec.G711:
			n += int64(len(frame) / max(f.Channels, 1))
		case codec.LPCM:
			n += int64(len(frame) / max(f.Channels*f.BitDepth/8, 1))
		}
	}
	return n
}

// Package still makes still pictures of streams without decoding them: the key
// frame goes out as a video of one frame, and the browser that shows it does the
// decoding. It is pure: a unit in, a file out.
package still

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"muster/media"
	"muster/media/codec"
)

// Type is the media type of the file that MP4 makes.
const Type = "video/mp4"

const (
	clock    = 90000     // ticks per second
	duration = clock / 2 // of the one frame; players round shorter ones to nothing
)

// MP4 returns the key frame u as an MP4 file of one frame, which a <video>
// element shows as a still picture. The error wraps media.ErrUnsupported when u
// is not a key frame of H264, H265, AV1 or VP9, or its parameters are unknown.
func MP4(u *media.Unit) ([]byte, error) {
	if u == nil || !u.Key || u.Format.Kind() != codec.Video || len(u.AU) == 0 {
		return nil, fmt.Errorf("still: %w: there is no key frame", media.ErrUnsupported)
	}
	c, payload, err := sample(u)
	if err != nil {
		return nil, err
	}
	p := pmp4.Presentation{Tracks: []*pmp4.Track{{
		ID: 1, TimeScale: clock, Codec: c,
		Samples: []*pmp4.Sample{{
			Duration:    duration,
			PayloadSize: uint32(len(payload)),
			GetPayload:  func() ([]byte, error) { return payload, nil },
		}},
	}}}
	var out seekablebuffer.Buffer
	if err := p.Marshal(&out); err != nil {
		return nil, fmt.Errorf("still: write %s: %w", u.Format.Codec, err)
	}
	b := out.Bytes()
	codec.FixVPCC(b[:len(b)-len(payload)])
	return b, nil
}

// sample returns the parameters and the frame as MP4 stores them.
func sample(u *media.Unit) (codecs.Codec, []byte, error) {
	f := u.Format
	if !f.Complete() {
		return nil, nil, fmt.Errorf("still: %w: the parameters of %s are unknown", media.ErrUnsupported, f.Codec)
	}
	var c codecs.Codec
	var payload []byte
	var err error
	switch f.Codec {
	case codec.H264:
		c = &codecs.H264{SPS: f.SPS, PPS: f.PPS}
		payload, err = h264.AVCC(u.AU).Marshal()
	case codec.H265:
		c = &codecs.H265{VPS: f.VPS, SPS: f.SPS, PPS: f.PPS}
		payload, err = h264.AVCC(u.AU).Marshal() // the same lengths before NAL units
	case codec.AV1:
		c = &codecs.AV1{SequenceHeader: f.Config}
		payload, err = av1.Bitstream(u.AU).Marshal()
	case codec.VP9:
		var h vp9.Header
		if err = h.Unmarshal(u.AU[0]); err != nil {
			break
		}
		c = &codecs.VP9{
			Width: h.Width(), Height: h.Height(), Profile: h.Profile,
			BitDepth: h.ColorConfig.BitDepth, ChromaSubsampling: h.ChromaSubsampling(), ColorRange: h.ColorConfig.ColorRange,
		}
		payload = u.AU[0]
	default:
		return nil, nil, fmt.Errorf("still: %w: browsers show no single frame of %s", media.ErrUnsupported, f.Codec)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("still: read %s: %w", f.Codec, err)
	}
	return c, payload, nil
}

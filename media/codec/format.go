// Package codec holds what the server knows of codecs: their parameters, where
// one can start decoding, how they travel in RTP and how SDP names them. It is
// pure: bytes in, bytes out, no sockets, no clocks, nothing decoded to pictures
// or samples.
package codec

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
)

// ID names a codec, as people write it.
type ID string

// The codecs that every protocol package knows. Opaque is any RTP payload that
// only RTSP can carry on, untouched.
const (
	H264       ID = "H264"
	H265       ID = "H265"
	VP8        ID = "VP8"
	VP9        ID = "VP9"
	AV1        ID = "AV1"
	MPEG4Video ID = "MPEG-4 Video"
	MPEG1Video ID = "MPEG-1/2 Video"
	MJPEG      ID = "M-JPEG"

	Opus ID = "Opus"
	AAC  ID = "AAC"
	MP3  ID = "MPEG-1/2 Audio"
	AC3  ID = "AC-3"
	G711 ID = "G711"
	G722 ID = "G722"
	LPCM ID = "LPCM"

	KLV    ID = "KLV"
	Opaque ID = "RTP"
)

// Kind sorts codecs by what a person gets from them.
type Kind string

// The kinds.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Data  Kind = "data"
)

// Kind returns what sort of codec id is.
func (id ID) Kind() Kind {
	switch id {
	case H264, H265, VP8, VP9, AV1, MPEG4Video, MPEG1Video, MJPEG:
		return Video
	case Opus, AAC, MP3, AC3, G711, G722, LPCM:
		return Audio
	}
	return Data
}

// Format describes one elementary stream. A Format is read-only once made;
// parameters that change in flight make a new one.
type Format struct {
	Codec     ID
	ClockRate int // ticks per second of timestamps, as in RTP
	Channels  int // audio only

	// Parameter sets without start codes; nil until they are known.
	VPS, SPS, PPS []byte // H265 has all three, H264 the last two
	Config        []byte // MPEG-4 Video: visual object sequence; AV1: sequence header OBU

	AAC      *mpeg4audio.AudioSpecificConfig // AAC only
	MULaw    bool                            // G711: µ-law, else A-law
	BitDepth int                             // LPCM: 8, 16 or 24

	// Opaque only: how the publisher's SDP described the payload.
	MediaType string // "video", "audio", "application"
	RTPMap    string
	FMTP      map[string]string
}

// Kind returns whether the stream is video, audio or data.
func (f *Format) Kind() Kind {
	if f.Codec == Opaque && f.MediaType != "application" {
		return Kind(f.MediaType)
	}
	return f.Codec.Kind()
}

// Complete reports whether all parameters that a decoder must have before its
// first frame are known.
func (f *Format) Complete() bool {
	switch f.Codec {
	case H264:
		return f.SPS != nil && f.PPS != nil
	case H265:
		return f.VPS != nil && f.SPS != nil && f.PPS != nil
	case AV1, MPEG4Video:
		return f.Config != nil
	}
	return true
}

// Size returns width and height in pixels, or zeros where the parameters do not
// say.
func (f *Format) Size() (width, height int) {
	switch {
	case f.Codec == H264 && f.SPS != nil:
		var sps h264.SPS
		if sps.Unmarshal(f.SPS) == nil {
			return sps.Width(), sps.Height()
		}
	case f.Codec == H265 && f.SPS != nil:
		var sps h265.SPS
		if sps.Unmarshal(f.SPS) == nil {
			return sps.Width(), sps.Height()
		}
	case f.Codec == AV1 && f.Config != nil:
		var sh av1.SequenceHeader
		if sh.Unmarshal(f.Config) == nil {
			return sh.Width(), sh.Height()
		}
	}
	return 0, 0
}

// String describes f in a few words: "H264 1280x720", "AAC 48000 Hz 2 ch".
func (f *Format) String() string {
	if f.Kind() == Audio && f.Codec != Opaque {
		return fmt.Sprintf("%s %d Hz %d ch", f.Codec, f.ClockRate, max(f.Channels, 1))
	}
	if w, h := f.Size(); w > 0 {
		return fmt.Sprintf("%s %dx%d", f.Codec, w, h)
	}
	if f.Codec == Opaque {
		return f.RTPMap
	}
	return string(f.Codec)
}

// Normalize prepares an access unit for the hub. It drops what carries nothing
// (empty NAL units, delimiters, temporal delimiters), takes parameter sets out
// and puts the current ones in front of a random access point, and of any unit
// in which they changed. It returns the
// access unit, the format valid from it on (f itself unless parameters
// changed), and whether one can start decoding here. An empty result is to be
// dropped. The input slice is not kept, the NAL units are.
func Normalize(f *Format, au [][]byte) (out [][]byte, now *Format, key bool) {
	switch f.Codec {
	case H264:
		return normalizeH264(f, au)
	case H265:
		return normalizeH265(f, au)
	case AV1:
		return normalizeAV1(f, au)
	}
	for _, frame := range au {
		if len(frame) > 0 {
			out = append(out, frame)
		}
	}
	if len(out) == 0 {
		return nil, f, false
	}
	switch f.Codec {
	case VP8:
		key = out[0][0]&1 == 0 // RFC 6386 §9.1: 0 is a key frame
	case VP9:
		key = vp9.IsRandomAccess(out[0])
	case MPEG4Video:
		key = bytes.Contains(out[0], []byte{0, 0, 1, 0xB3}) // group of VOP
		if i := bytes.Index(out[0], []byte{0, 0, 1, 0xB3}); i > 0 && bytes.HasPrefix(out[0], []byte{0, 0, 1, 0xB0}) {
			f = f.with(func(n *Format) { n.Config = out[0][:i] }, !bytes.Equal(f.Config, out[0][:i]))
		}
	case MPEG1Video:
		key = bytes.Contains(out[0], []byte{0, 0, 1, 0xB8}) // group of pictures
	default:
		key = true
	}
	return out, f, key
}

// with returns a changed copy of f if changed, else f.
func (f *Format) with(change func(*Format), changed bool) *Format {
	if !changed {
		return f
	}
	n := *f
	change(&n)
	return &n
}

func normalizeH264(f *Format, au [][]byte) (out [][]byte, now *Format, key bool) {
	sps, pps := f.SPS, f.PPS
	var newSPS, newPPS bool
	out = make([][]byte, 0, len(au)+2)
	out = append(out, nil, nil) // room for the parameter sets
	for _, nalu := range au {
		if len(nalu) == 0 {
			continue
		}
		switch h264.NALUType(nalu[0] & 0x1F) {
		case h264.NALUTypeSPS:
			out, sps, newSPS = first(out, nalu, sps, newSPS)
		case h264.NALUTypePPS:
			out, pps, newPPS = first(out, nalu, pps, newPPS)
		case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData:
		case h264.NALUTypeIDR:
			key = true
			out = append(out, nalu)
		case h264.NALUTypeSEI:
			key = key || isRecoveryPoint(nalu[1:])
			out = append(out, nalu)
		default:
			out = append(out, nalu)
		}
	}
	now = f.with(func(n *Format) { n.SPS, n.PPS = sps, pps },
		!bytes.Equal(sps, f.SPS) || !bytes.Equal(pps, f.PPS))
	if len(out) == 2 {
		return nil, now, false
	}
	if known := sps != nil && pps != nil; !known || !key && now == f {
		return out[2:], now, key && known
	}
	out[0], out[1] = sps, pps
	return out, now, key
}

// first takes the first parameter set of its kind in an access unit as the one
// that describes the stream. Further ones, of encoders that number several, stay
// where they are.
func first(out [][]byte, nalu, old []byte, seen bool) (_ [][]byte, current []byte, _ bool) {
	if seen {
		return append(out, nalu), old, true
	}
	return out, nalu, true
}

// isRecoveryPoint reports whether a H264 SEI payload starts with a recovery
// point whose picture is exact at once (ITU-T H.264 §D.2.8, recovery_frame_cnt
// 0): encoders that refresh with I slices and never send an IDR mark it so.
func isRecoveryPoint(sei []byte) bool {
	return len(sei) >= 3 && sei[0] == 6 && sei[1] >= 1 && sei[2]&0x80 != 0
}

func normalizeH265(f *Format, au [][]byte) (out [][]byte, now *Format, key bool) {
	vps, sps, pps := f.VPS, f.SPS, f.PPS
	var newVPS, newSPS, newPPS bool
	out = make([][]byte, 0, len(au)+3)
	out = append(out, nil, nil, nil)
	for _, nalu := range au {
		if len(nalu) < 2 {
			continue
		}
		switch h265.NALUType((nalu[0] >> 1) & 0x3F) {
		case h265.NALUType_VPS_NUT:
			out, vps, newVPS = first(out, nalu, vps, newVPS)
		case h265.NALUType_SPS_NUT:
			out, sps, newSPS = first(out, nalu, sps, newSPS)
		case h265.NALUType_PPS_NUT:
			out, pps, newPPS = first(out, nalu, pps, newPPS)
		case h265.NALUType_AUD_NUT, h265.NALUType_FD_NUT:
		case h265.NALUType_IDR_W_RADL, h265.NALUType_IDR_N_LP, h265.NALUType_CRA_NUT,
			h265.NALUType_BLA_W_LP, h265.NALUType_BLA_W_RADL, h265.NALUType_BLA_N_LP:
			key = true
			out = append(out, nalu)
		default:
			out = append(out, nalu)
		}
	}
	now = f.with(func(n *Format) { n.VPS, n.SPS, n.PPS = vps, sps, pps },
		!bytes.Equal(vps, f.VPS) || !bytes.Equal(sps, f.SPS) || !bytes.Equal(pps, f.PPS))
	if len(out) == 3 {
		return nil, now, false
	}
	if known := vps != nil && sps != nil && pps != nil; !known || !key && now == f {
		return out[3:], now, key && known
	}
	out[0], out[1], out[2] = vps, sps, pps
	return out, now, key
}

func normalizeAV1(f *Format, tu [][]byte) (out [][]byte, now *Format, key bool) {
	now = f
	out = make([][]byte, 0, len(tu))
	for _, obu := range tu {
		if len(obu) == 0 {
			continue
		}
		switch av1.OBUType((obu[0] >> 3) & 0x0F) {
		case av1.OBUTypeTemporalDelimiter:
			continue
		case av1.OBUTypeSequenceHeader:
			key = true
			obu := obu
			now = now.with(func(n *Format) { n.Config = obu }, !bytes.Equal(obu, now.Config))
		}
		out = append(out, obu)
	}
	if len(out) == 0 {
		return nil, now, false
	}
	return out, now, key
}

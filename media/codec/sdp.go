package codec

import (
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// FromSDP converts what an RTSP or WebRTC peer offered in m. What the server
// does not know comes back as Opaque.
func FromSDP(m *description.Media, sf format.Format) *Format {
	f := &Format{ClockRate: sf.ClockRate(), Channels: 1}
	switch sf := sf.(type) {
	case *format.H264:
		f.Codec = H264
		f.SPS, f.PPS = sf.SafeParams()
	case *format.H265:
		f.Codec = H265
		f.VPS, f.SPS, f.PPS = sf.SafeParams()
	case *format.VP8:
		f.Codec = VP8
	case *format.VP9:
		f.Codec = VP9
	case *format.AV1:
		f.Codec = AV1
	case *format.MPEG4Video:
		f.Codec = MPEG4Video
		f.Config = sf.SafeParams()
	case *format.MPEG1Video:
		f.Codec = MPEG1Video
	case *format.MJPEG:
		f.Codec = MJPEG
	case *format.Opus:
		f.Codec = Opus
		f.Channels = sf.ChannelCount
	case *format.MPEG4Audio:
		if sf.Config == nil {
			return opaque(m, sf)
		}
		f.Codec = AAC
		f.AAC = sf.Config
		f.Channels = aacChannels(sf.Config)
	case *format.MPEG1Audio:
		f.Codec = MP3
	case *format.AC3:
		f.Codec = AC3
		f.Channels = sf.ChannelCount
	case *format.G711:
		f.Codec = G711
		f.MULaw = sf.MULaw
		f.Channels = sf.ChannelCount
	case *format.G722:
		f.Codec = G722
	case *format.LPCM:
		f.Codec = LPCM
		f.BitDepth = sf.BitDepth
		f.Channels = sf.ChannelCount
	case *format.KLV:
		f.Codec = KLV
	default:
		return opaque(m, sf)
	}
	return f
}

func opaque(m *description.Media, sf format.Format) *Format {
	return &Format{
		Codec: Opaque, ClockRate: sf.ClockRate(),
		MediaType: string(m.Type), RTPMap: sf.RTPMap(), FMTP: sf.FMTP(),
	}
}

// SDP returns f as an RTSP media format with the payload type pt, which is
// ignored where RFC 3551 gives the codec a fixed one.
func (f *Format) SDP(pt uint8) format.Format {
	switch f.Codec {
	case H264:
		return &format.H264{PayloadTyp: pt, PacketizationMode: 1, SPS: f.SPS, PPS: f.PPS}
	case H265:
		return &format.H265{PayloadTyp: pt, VPS: f.VPS, SPS: f.SPS, PPS: f.PPS}
	case VP8:
		return &format.VP8{PayloadTyp: pt}
	case VP9:
		return &format.VP9{PayloadTyp: pt}
	case AV1:
		return &format.AV1{PayloadTyp: pt}
	case MPEG4Video:
		return &format.MPEG4Video{PayloadTyp: pt, ProfileLevelID: 1, Config: f.Config}
	case MPEG1Video:
		return &format.MPEG1Video{}
	case MJPEG:
		return &format.MJPEG{}
	case Opus:
		return &format.Opus{PayloadTyp: pt, ChannelCount: max(f.Channels, 1)}
	case AAC:
		return &format.MPEG4Audio{
			PayloadTyp: pt, Config: f.AAC, ProfileLevelID: 1,
			SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
		}
	case MP3:
		return &format.MPEG1Audio{}
	case AC3:
		return &format.AC3{PayloadTyp: pt, SampleRate: f.ClockRate, ChannelCount: f.Channels}
	case G711:
		if f.ClockRate == 8000 && f.Channels <= 1 {
			pt = 8 // PCMA
			if f.MULaw {
				pt = 0 // PCMU
			}
		}
		return &format.G711{PayloadTyp: pt, MULaw: f.MULaw, SampleRate: f.ClockRate, ChannelCount: max(f.Channels, 1)}
	case G722:
		return &format.G722{}
	case LPCM:
		return &format.LPCM{PayloadTyp: pt, BitDepth: f.BitDepth, SampleRate: f.ClockRate, ChannelCount: max(f.Channels, 1)}
	case KLV:
		return &format.KLV{PayloadTyp: pt}
	}
	return &format.Generic{PayloadTyp: pt, RTPMa: f.RTPMap, FMT: f.FMTP, ClockRat: f.ClockRate}
}

// NewAAC returns the format of an AAC-LC or HE-AAC stream with configuration c.
func NewAAC(c *mpeg4audio.AudioSpecificConfig) *Format {
	return &Format{Codec: AAC, ClockRate: c.SampleRate, Channels: aacChannels(c), AAC: c}
}

// aacChannels returns the channels of a configuration (ISO 14496-3 table 1.19).
// Zero, a layout defined in the stream, is taken for stereo.
func aacChannels(c *mpeg4audio.AudioSpecificConfig) int {
	switch {
	case c.ChannelConfig == 0:
		return 2
	case c.ChannelConfig == 7:
		return 8
	}
	return int(c.ChannelConfig)
}

// NewVideo returns the format of a video stream whose parameters, where it has
// any, are not known yet. Its clock runs at 90 kHz.
func NewVideo(id ID) *Format { return &Format{Codec: id, ClockRate: 90000} }

// NewOpus returns the format of an Opus stream (RFC 7587: always 48 kHz).
func NewOpus(channels int) *Format {
	return &Format{Codec: Opus, ClockRate: 48000, Channels: channels}
}

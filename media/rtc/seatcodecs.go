package rtc

import (
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"muster/media/codec"
)

// roomCodec returns the codec of a MIME type that rooms carry, "" for others.
func roomCodec(mime string) codec.ID {
	switch {
	case strings.EqualFold(mime, webrtc.MimeTypeOpus):
		return codec.Opus
	case strings.EqualFold(mime, webrtc.MimeTypeVP8):
		return codec.VP8
	case strings.EqualFold(mime, webrtc.MimeTypeH264):
		return codec.H264
	}
	return ""
}

func itoa(pt webrtc.PayloadType) string { return strconv.Itoa(int(pt)) }

// roomCodecs are the codecs that rooms carry, with VP8 first: every browser sends
// it in layers. The numbers are placeholders: a client's own are used once it has
// offered a codec.
var roomCodecs = []struct {
	kind  webrtc.RTPCodecType
	codec offeredCodec
	rtx   webrtc.PayloadType
}{
	{webrtc.RTPCodecTypeAudio, offeredCodec{pt: 111, id: codec.Opus, mime: webrtc.MimeTypeOpus, clock: 48000, channels: 2, fmtp: "minptime=10;useinbandfec=1"}, 0},
	{webrtc.RTPCodecTypeVideo, offeredCodec{pt: 96, id: codec.VP8, mime: webrtc.MimeTypeVP8, clock: 90000}, 97},
	{webrtc.RTPCodecTypeVideo, offeredCodec{pt: 102, id: codec.H264, mime: webrtc.MimeTypeH264, clock: 90000, fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}, 103},
}

// roomEngine registers what rooms carry. It does not depend on the first offer,
// which may be without pictures.
func roomEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, c := range roomCodecs {
		fb := []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBTransportCC}}
		if c.kind == webrtc.RTPCodecTypeVideo {
			fb = append(fb, webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBNACK}, webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"})
		}
		if err := register(m, c.codec, c.rtx, c.codec.fmtp, fb); err != nil {
			return nil, err
		}
	}
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		uris := []string{sdp.TransportCCURI, sdp.SDESMidURI}
		if k == webrtc.RTPCodecTypeVideo {
			uris = append(uris, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI)
		} else {
			uris = append(uris, sdp.AudioLevelURI)
		}
		for _, uri := range uris {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, k); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

package rtmp

import (
	"encoding/binary"
	"fmt"

	"muster/media/codec"
)

// Video codec ids, audio formats and packet types of FLV (FLV 10.1 §E.4) and of
// Enhanced RTMP v2, which puts a FourCC in their place.
const (
	flvAVC  = 7
	flvHEVC = 12 // of several encoders, before there was Enhanced RTMP

	flvMP3       = 2
	flvLPCM      = 3 // little-endian
	flvALaw      = 7
	flvMuLaw     = 8
	flvEnhanced  = 9
	flvAAC       = 10
	flvMP38k     = 14
	flvCommand   = 5 // frame type: not a picture
	flvKeyFrame  = 1
	flvInterPic  = 2
	flvOneTrack  = 0
	flvManyTrack = 1
	flvManyCodec = 2

	packetSequenceStart = 0
	packetCodedFrames   = 1
	packetSequenceEnd   = 2
	packetCodedFramesX  = 3 // without composition time
	packetMultitrack    = 5 // audio; video has 6
	packetVideoMulti    = 6
	packetModEx         = 7
)

// trackID names an incoming track.
type trackID struct {
	video bool
	n     uint8
}

// tag is one audio or video message, or the part of it that concerns one track.
// Its slices point into the message.
type tag struct {
	id     trackID
	codec  codec.ID
	config bool  // payload is a decoder configuration, not media
	cts    int32 // ms from decoding to presentation
	data   []byte

	// Old audio tags only: what their first byte says.
	rate  int
	depth int
	mono  bool
	muLaw bool
}

var fourCCs = map[string]codec.ID{
	"avc1": codec.H264, "hvc1": codec.H265, "av01": codec.AV1, "vp09": codec.VP9, "vp08": codec.VP8,
	"Opus": codec.Opus, "mp4a": codec.AAC, ".mp3": codec.MP3, "ac-3": codec.AC3,
}

func fourCCOf(id codec.ID) string {
	for name, c := range fourCCs {
		if c == id {
			return name
		}
	}
	return ""
}

// parseVideo reads the body of a video message. A message without media (an end
// of sequence, metadata) yields nothing.
func parseVideo(b []byte) ([]tag, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0]&0x80 != 0 {
		if b[0]>>4&7 == flvCommand {
			return nil, nil
		}
		return parseEnhanced(true, b[0]&0x0F, b[1:])
	}
	if b[0]>>4 == flvCommand {
		return nil, nil
	}
	t := tag{id: trackID{video: true}}
	switch b[0] & 0x0F {
	case flvAVC:
		t.codec = codec.H264
	case flvHEVC:
		t.codec = codec.H265
	default:
		return nil, fmt.Errorf("rtmp: video codec %d is not supported", b[0]&0x0F)
	}
	if len(b) < 5 {
		return nil, fmt.Errorf("%w: video message of %d bytes", errProtocol, len(b))
	}
	t.cts = signed24(b[2:])
	t.data = b[5:]
	switch b[1] {
	case packetSequenceStart:
		t.config = true
	case packetCodedFrames:
	default:
		return nil, nil
	}
	if len(t.data) == 0 {
		return nil, nil
	}
	return []tag{t}, nil
}

// parseAudio reads the body of an audio message.
func parseAudio(b []byte) ([]tag, error) {
	if len(b) < 2 {
		return nil, nil
	}
	format := b[0] >> 4
	if format == flvEnhanced {
		return parseEnhanced(false, b[0]&0x0F, b[1:])
	}
	t := tag{data: b[1:], depth: 8, mono: b[0]&1 == 0}
	t.rate = []int{5512, 11025, 22050, 44100}[b[0]>>2&3]
	if b[0]&2 != 0 {
		t.depth = 16
	}
	switch format {
	case flvAAC:
		t.codec = codec.AAC
		t.config = b[1] == packetSequenceStart
		t.data = b[2:]
	case flvMP3, flvMP38k:
		t.codec = codec.MP3
	case flvLPCM:
		t.codec = codec.LPCM
	case flvALaw, flvMuLaw:
		t.codec = codec.G711
		t.muLaw = format == flvMuLaw
	default:
		return nil, fmt.Errorf("rtmp: audio format %d is not supported", format)
	}
	if len(t.data) == 0 {
		return nil, nil
	}
	return []tag{t}, nil
}

// parseEnhanced reads what follows the first byte of an Enhanced RTMP message.
func parseEnhanced(video bool, packet byte, b []byte) ([]tag, error) {
	cut := fmt.Errorf("%w: enhanced message cut off", errProtocol)
	for packet == packetModEx {
		var ok bool
		if packet, b, ok = skipModEx(b); !ok {
			return nil, cut
		}
	}
	multi := video && packet == packetVideoMulti || !video && packet == packetMultitrack
	if !multi {
		if len(b) < 4 {
			return nil, cut
		}
		return enhancedTag(nil, trackID{video: video}, packet, string(b[:4]), b[4:])
	}
	return parseMultitrack(video, b, cut)
}

// parseMultitrack reads a message that has parts for one or more tracks.
func parseMultitrack(video bool, b []byte, cut error) ([]tag, error) {
	if len(b) < 1 {
		return nil, cut
	}
	kind := b[0] >> 4
	packet := b[0] & 0x0F
	b = b[1:]
	if kind > flvManyCodec {
		return nil, fmt.Errorf("%w: multitrack type %d", errProtocol, kind)
	}
	cc := ""
	if kind != flvManyCodec {
		if len(b) < 4 {
			return nil, cut
		}
		cc, b = string(b[:4]), b[4:]
	}
	var out []tag
	for len(b) > 0 {
		if kind == flvManyCodec {
			if len(b) < 4 {
				return nil, cut
			}
			cc, b = string(b[:4]), b[4:]
		}
		if len(b) < 1 {
			return nil, cut
		}
		id := trackID{video, b[0]}
		b = b[1:]
		n := len(b)
		if kind != flvOneTrack {
			if n < 3 {
				return nil, cut
			}
			n = int(uint24(b))
			if b = b[3:]; n > len(b) {
				return nil, cut
			}
		}
		var err error
		if out, err = enhancedTag(out, id, packet, cc, b[:n:n]); err != nil {
			return nil, err
		}
		b = b[n:]
	}
	return out, nil
}

// skipModEx leaves out an extension of the header and returns the packet type
// that it was put before.
func skipModEx(b []byte) (packet byte, rest []byte, ok bool) {
	if len(b) < 1 {
		return 0, nil, false
	}
	n := int(b[0]) + 1
	b = b[1:]
	if n == 256 {
		if len(b) < 2 {
			return 0, nil, false
		}
		n = int(binary.BigEndian.Uint16(b)) + 1
		b = b[2:]
	}
	if len(b) < n+1 {
		return 0, nil, false
	}
	return b[n] & 0x0F, b[n+1:], true
}

func enhancedTag(out []tag, id trackID, packet byte, cc string, b []byte) ([]tag, error) {
	t := tag{id: id, codec: fourCCs[cc], data: b}
	switch packet {
	case packetSequenceStart:
		t.config = true
	case packetCodedFrames:
		if t.codec == codec.H264 || t.codec == codec.H265 {
			if len(b) < 3 {
				return out, fmt.Errorf("%w: frame cut off", errProtocol)
			}
			t.cts, t.data = signed24(b), b[3:]
		}
	case packetCodedFramesX:
		if !id.video {
			return out, nil
		}
	default:
		return out, nil // end of sequence, metadata, channel layout
	}
	if t.codec == "" || (t.codec.Kind() == codec.Video) != id.video {
		return out, fmt.Errorf("rtmp: codec %q is not supported", cc)
	}
	if len(t.data) == 0 && !t.config {
		return out, nil
	}
	return append(out, t), nil
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func signed24(b []byte) int32 { return int32(uint24(b)<<8) >> 8 }

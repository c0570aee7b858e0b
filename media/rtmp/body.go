package rtmp

import (
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"muster/media"
	"muster/media/codec"
)

// oldCodec returns the number of f's codec in plain FLV, where it has one.
func oldCodec(f *codec.Format) (byte, bool) {
	switch f.Codec {
	case codec.H264:
		return flvAVC, true
	case codec.AAC:
		return flvAAC, true
	case codec.MP3:
		return flvMP3, true
	case codec.LPCM:
		return flvLPCM, true
	case codec.G711:
		if f.MULaw {
			return flvMuLaw, true
		}
		return flvALaw, true
	}
	return 0, false
}

// videoHeader returns the bytes before the payload of a video message: plain FLV
// for the first H264 track, as every player knows it, Enhanced RTMP otherwise.
func videoHeader(id codec.ID, track, packet byte, key bool, cts int64) []byte {
	frame := byte(flvInterPic)
	if key {
		frame = flvKeyFrame
	}
	times := []byte{byte(cts >> 16), byte(cts >> 8), byte(cts)}
	if id == codec.H264 && track == 0 {
		return append([]byte{frame<<4 | flvAVC, packet}, times...)
	}
	h := make([]byte, 0, 16)
	if track == 0 {
		h = append(h, 0x80|frame<<4|packet)
		h = append(h, fourCCOf(id)...)
	} else {
		h = append(h, 0x80|frame<<4|packetVideoMulti, flvOneTrack<<4|packet)
		h = append(h, fourCCOf(id)...)
		h = append(h, track)
	}
	if packet == packetCodedFrames && (id == codec.H264 || id == codec.H265) {
		h = append(h, times...)
	}
	return h
}

// videoBody returns the message of a video unit.
func videoBody(u *media.Unit, track byte, cts int64) []byte {
	h := videoHeader(u.Format.Codec, track, packetCodedFrames, u.Key, cts)
	switch u.Format.Codec {
	case codec.H264, codec.H265:
		b := slices.Grow(h, u.Size()+4*len(u.AU))
		for _, nalu := range u.AU {
			n := len(nalu)
			b = append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
			b = append(b, nalu...)
		}
		return b
	case codec.AV1:
		// FFmpeg wants the temporal delimiter that the hub takes off.
		tu := slices.Concat([][]byte{{byte(av1.OBUTypeTemporalDelimiter) << 3}}, u.AU)
		if b, err := av1.Bitstream(tu).Marshal(); err == nil {
			return append(h, b...)
		}
		return h
	}
	for _, frame := range u.AU {
		h = append(h, frame...)
	}
	return h
}

// audioHeader returns the bytes before the payload of an audio message.
func audioHeader(f *codec.Format, track, packet byte) []byte {
	old, ok := oldCodec(f)
	if ok && track == 0 {
		rate := 3 // 44.1 kHz, also said of everything above; decoders look at the frames
		if i := slices.Index(flvRates, f.ClockRate); i >= 0 {
			rate = i
		}
		b := old<<4 | byte(rate)<<2 | 2
		if f.Channels > 1 || f.Codec == codec.AAC { // §E.4.2.1: AAC always says stereo
			b |= 1
		}
		if f.Codec == codec.AAC {
			return []byte{b, packet}
		}
		return []byte{b}
	}
	h := make([]byte, 0, 16)
	if track == 0 {
		h = append(h, flvEnhanced<<4|packet)
		return append(h, fourCCOf(f.Codec)...)
	}
	h = append(h, flvEnhanced<<4|packetMultitrack, flvOneTrack<<4|packet)
	h = append(h, fourCCOf(f.Codec)...)
	return append(h, track)
}

// audioBody returns the message of one audio frame.
func audioBody(f *codec.Format, track byte, frame []byte) []byte {
	b := append(audioHeader(f, track, packetCodedFrames), frame...)
	if f.Codec == codec.LPCM { // the hub has big-endian samples
		for i := len(b) - len(frame); i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	return b
}

// configBody returns the message with the decoder configuration of f, or nil if
// its codec has none or it is not known yet.
func configBody(f *codec.Format, track byte) []byte {
	if f.Kind() == codec.Video {
		if !f.Complete() {
			return nil
		}
		var record []byte
		switch f.Codec {
		case codec.H264:
			record = avcRecord(f)
		case codec.H265:
			record = hevcRecord(f)
		case codec.AV1:
			record = av1Record(f)
		case codec.VP9:
			// 8 bits, 4:2:0, level 4, colours unspecified: VP9 frames say the truth.
			record = []byte{1, 0, 0, 0, 0, 40, 8<<4 | 1<<1, 2, 2, 2, 0, 0}
		case codec.VP8:
			record = []byte{1, 0, 0, 0, 0, 10, 8<<4 | 1<<1, 2, 2, 2, 0, 0}
		}
		if record == nil {
			return nil
		}
		return append(videoHeader(f.Codec, track, packetSequenceStart, true, 0), record...)
	}
	h := audioHeader(f, track, packetSequenceStart)
	switch f.Codec {
	case codec.AAC:
		if b, err := f.AAC.Marshal(); err == nil {
			return append(h, b...)
		}
	case codec.Opus:
		// RFC 7845 §5.1: version, channels, 312 samples of pre-skip, 48 kHz, no gain.
		h = append(h, "OpusHead"...)
		return append(h, 1, byte(min(max(f.Channels, 1), 2)), 0x38, 1, 0x80, 0xBB, 0, 0, 0, 0, 0)
	case codec.AC3:
		return h
	case codec.MP3:
		if track != 0 {
			return h
		}
	}
	return nil
}

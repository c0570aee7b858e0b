package mpegts

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"muster/media/codec"
)

var (
	errMalformed = errors.New("mpegts: malformed payload")
	errCut       = errors.New("mpegts: frame goes on in the next packet")
)

// frames splits the payload of an audio packet into frames. Frames may go over
// the end of a packet: the beginning is kept for the next. at is the running
// time of the first frame, in ticks of 90 kHz; ticks of the frames are counted
// where a frame began in an earlier packet, because pts belongs to the first
// frame that begins in this one.
func (t *inTrack) frames(data []byte, pts int64) (out [][]byte, at int64, err error) {
	at = pts
	if len(t.rest) > 0 {
		data, at = slices.Concat(t.rest, data), t.next
		t.rest = nil
	}
	t.next = at
	for len(data) > 0 {
		frame, n, ticks, err := t.frame(data)
		if errors.Is(err, errCut) && len(data) < maxRest {
			t.rest = data
			break
		}
		if err != nil {
			return out, at, err
		}
		out = append(out, frame)
		t.next += ticks
		data = data[n:]
	}
	return out, at, nil
}

// maxRest bounds the beginning of a frame that is kept; no frame is longer.
const maxRest = 64 << 10

// frame cuts the first frame off data: the frame as the hub has it, its length
// in data and its duration in ticks of 90 kHz. It learns the format on the way.
func (t *inTrack) frame(data []byte) (frame []byte, n int, ticks int64, err error) {
	switch t.codec {
	case codec.Opus:
		var au substructs.OpusAccessUnit
		if n, err = au.Unmarshal(data); err != nil || n == 0 {
			return nil, 0, 0, fmt.Errorf("%w: Opus", errMalformed)
		}
		return au.Packet, n, opus.PacketDuration2(au.Packet) * 90_000 / 48_000, nil
	case codec.AAC:
		return t.aacFrame(data)
	case codec.MP3:
		var h mpeg1audio.FrameHeader
		if len(data) < 4 {
			return nil, 0, 0, errCut
		}
		if err := h.Unmarshal(data); err != nil || h.SampleRate == 0 {
			return nil, 0, 0, fmt.Errorf("%w: MPEG audio", errMalformed)
		}
		n, ticks = h.FrameLen(), int64(h.SampleCount())*90_000/int64(h.SampleRate)
	case codec.AC3:
		var h ac3.SyncInfo
		var bsi ac3.BSI
		if len(data) < 16 {
			return nil, 0, 0, errCut
		}
		if h.Unmarshal(data) != nil || bsi.Unmarshal(data[5:]) != nil || h.SampleRate() == 0 {
			return nil, 0, 0, fmt.Errorf("%w: AC-3", errMalformed)
		}
		n, ticks = h.FrameSize(), 1536*90_000/int64(h.SampleRate())
		if t.format == nil {
			t.format = &codec.Format{Codec: codec.AC3, ClockRate: h.SampleRate(), Channels: bsi.ChannelCount()}
		}
	}
	if n <= 0 {
		return nil, 0, 0, errMalformed
	}
	if n > len(data) {
		return nil, 0, 0, errCut
	}
	return data[:n:n], n, ticks, nil
}

// aacFrame cuts off one ADTS frame (ISO/IEC 13818-7 §6.2).
func (t *inTrack) aacFrame(data []byte) (frame []byte, n int, ticks int64, err error) {
	if len(data) < 7 {
		return nil, 0, 0, errCut
	}
	if data[0] != 0xFF || data[1]&0xF6 != 0xF0 {
		return nil, 0, 0, fmt.Errorf("%w: AAC", errMalformed)
	}
	n = int(data[3]&3)<<11 | int(data[4])<<3 | int(data[5])>>5
	if n > len(data) {
		return nil, 0, 0, errCut
	}
	var p mpeg4audio.ADTSPackets
	if n < 7 || p.Unmarshal(data[:n:n]) != nil || len(p) != 1 || p[0].SampleRate == 0 {
		return nil, 0, 0, fmt.Errorf("%w: AAC", errMalformed)
	}
	c := &mpeg4audio.AudioSpecificConfig{Type: p[0].Type, SampleRate: p[0].SampleRate, ChannelConfig: p[0].ChannelConfig}
	//lint:ignore SA1019 the hub's formats still count channels by it
	c.ChannelCount = p[0].ChannelCount
	if t.format == nil || *t.format.AAC != *c {
		t.format = codec.NewAAC(c)
	}
	return p[0].AU, n, 1024 * 90_000 / int64(c.SampleRate), nil
}

// metadata unwraps a KLV unit.
func (t *inTrack) metadata(data []byte) ([]byte, error) {
	if !t.cells {
		return data, nil
	}
	var out []byte
	for len(data) > 0 {
		var cell substructs.MetadataAUCell
		n, err := cell.Unmarshal(data)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("%w: KLV", errMalformed)
		}
		out = append(out, cell.AUCellData...)
		data = data[n:]
	}
	if len(bytes.TrimRight(out, "\x00")) == 0 {
		return nil, fmt.Errorf("%w: empty KLV", errMalformed)
	}
	return out, nil
}

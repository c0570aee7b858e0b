package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpac3"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpklv"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtplpcm"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmjpeg"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg1audio"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg1video"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpsimpleaudio"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp8"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp9"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/pion/rtp"
)

// MaxPayload is the largest RTP payload the server makes: with the RTP header,
// a header extension and the SRTP tag it stays within the 1,232 bytes that an
// IPv6 datagram of the minimum MTU holds (RFC 8200 §5), so that one set of
// packets serves RTSP over UDP and WebRTC alike.
const MaxPayload = 1188

const (
	rtpHeader   = 12 // RFC 3550 §5.1, no CSRC, no extension
	interleaved = 4  // RFC 2326 §10.12: '$', channel, length
)

// Packets is the RTP form of one unit: plain 12-byte headers, laid out back to
// back with room for the interleaved framing of RTSP before each. All readers
// of a stream share it; nobody may write to it.
type Packets struct {
	buf  []byte
	ends []int
}

// Len returns the number of packets.
func (p Packets) Len() int { return len(p.ends) }

// At returns packet i, header and payload.
func (p Packets) At(i int) []byte {
	start := 0
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.buf[start+interleaved : p.ends[i] : p.ends[i]]
}

// Interleaved returns all packets framed for channel 0. A copy needs its
// channel bytes, and whatever else the reader has of its own, patched.
func (p Packets) Interleaved() []byte { return p.buf }

func (p *Packets) add(h *rtp.Header, payload []byte) {
	n := rtpHeader + len(payload)
	p.buf = append(p.buf, '$', 0, byte(n>>8), byte(n), 0x80, h.PayloadType)
	if h.Marker {
		p.buf[len(p.buf)-1] |= 0x80
	}
	p.buf = binary.BigEndian.AppendUint16(p.buf, h.SequenceNumber)
	p.buf = binary.BigEndian.AppendUint32(p.buf, h.Timestamp)
	p.buf = binary.BigEndian.AppendUint32(p.buf, h.SSRC)
	p.buf = append(p.buf, payload...)
	p.ends = append(p.ends, len(p.buf))
}

// PacketMarker reports whether an RTP packet has its marker bit set.
func PacketMarker(pkt []byte) bool { return pkt[1]&0x80 != 0 }

// PacketTimestamp returns the timestamp of an RTP packet.
func PacketTimestamp(pkt []byte) uint32 { return binary.BigEndian.Uint32(pkt[4:]) }

// PacketPayload returns the payload of a packet out of Packets.
func PacketPayload(pkt []byte) []byte { return pkt[rtpHeader:] }

// Patch sets sequence number and timestamp in a reader's own copy of a packet.
func Patch(pkt []byte, seq uint16, timestamp uint32) {
	binary.BigEndian.PutUint16(pkt[2:], seq)
	binary.BigEndian.PutUint32(pkt[4:], timestamp)
}

// Packetizer makes the RTP packets of one stream's units. It is not safe for
// concurrent use: it numbers packets in the order of its calls.
type Packetizer struct {
	format *Format
	pt     uint8
	ssrc   uint32
	seq    uint16
	encode func(au [][]byte) ([]*rtp.Packet, error)
}

// NewPacketizer returns a packetizer for f. The error says that the codec has no
// RTP form here.
func NewPacketizer(f *Format, pt uint8, ssrc uint32) (*Packetizer, error) {
	p := &Packetizer{format: f, pt: f.SDP(pt).PayloadType(), ssrc: ssrc}
	var err error
	p.encode, err = encoder(f)
	if err != nil {
		return nil, fmt.Errorf("codec: packetize %s: %w", f.Codec, err)
	}
	return p, nil
}

// Packetize returns au as RTP packets whose timestamps start at timestamp.
func (p *Packetizer) Packetize(au [][]byte, timestamp uint32) (Packets, error) {
	pkts, err := p.safely(au)
	if err != nil {
		return Packets{}, fmt.Errorf("codec: packetize %s: %w", p.format.Codec, err)
	}
	size := 0
	for _, pkt := range pkts {
		size += interleaved + rtpHeader + len(pkt.Payload)
	}
	out := Packets{buf: make([]byte, 0, size), ends: make([]int, 0, len(pkts))}
	for _, pkt := range pkts {
		pkt.PayloadType, pkt.SSRC, pkt.SequenceNumber = p.pt, p.ssrc, p.seq
		pkt.Timestamp += timestamp // encoders count from 0 within the unit
		p.seq++
		out.add(&pkt.Header, pkt.Payload)
	}
	return out, nil
}

// safely runs the encoder. Those for MPEG-1 video and M-JPEG index into frames
// that they take for well-formed; a publisher's broken frame is an error here
// and costs that frame only.
func (p *Packetizer) safely(au [][]byte) (pkts []*rtp.Packet, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("malformed frame: %v", v)
		}
	}()
	return p.encode(au)
}

// Wrap returns payload, which came as one RTP packet of an Opaque stream, as a
// packet of this packetizer.
func (p *Packetizer) Wrap(payload []byte, marker bool, timestamp uint32) Packets {
	var out Packets
	out.add(&rtp.Header{Marker: marker, PayloadType: p.pt, SequenceNumber: p.seq, Timestamp: timestamp, SSRC: p.ssrc}, payload)
	p.seq++
	return out
}

// one adapts an encoder of single frames.
func one(encode func([]byte) ([]*rtp.Packet, error)) func([][]byte) ([]*rtp.Packet, error) {
	return func(au [][]byte) ([]*rtp.Packet, error) {
		var out []*rtp.Packet
		for _, frame := range au {
			pkts, err := encode(frame)
			if err != nil {
				return nil, err
			}
			out = append(out, pkts...)
		}
		return out, nil
	}
}

// initialized runs e.Init and hands out encode.
func initialized[F any](e interface{ Init() error }, encode F) (F, error) {
	return encode, e.Init()
}

func encoder(f *Format) (func([][]byte) ([]*rtp.Packet, error), error) {
	switch f.Codec {
	case H264:
		e := &rtph264.Encoder{PayloadMaxSize: MaxPayload, PacketizationMode: 1}
		return initialized(e, e.Encode)
	case H265:
		e := &rtph265.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, e.Encode)
	case AV1:
		e := &rtpav1.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, e.Encode)
	case VP8:
		e := &rtpvp8.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, one(e.Encode))
	case VP9:
		e := &rtpvp9.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, one(e.Encode))
	case MPEG4Video:
		e := &rtpfragmented.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, one(e.Encode))
	case MPEG1Video:
		e := &rtpmpeg1video.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, one(e.Encode))
	case MJPEG:
		e := &rtpmjpeg.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, one(e.Encode))
	case AAC:
		e := &rtpmpeg4audio.Encoder{PayloadMaxSize: MaxPayload, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
		return initialized(e, e.Encode)
	case MP3:
		e := &rtpmpeg1audio.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, e.Encode)
	case AC3:
		e := &rtpac3.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, e.Encode)
	case Opus:
		e := &rtpsimpleaudio.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, opusEncoder(e))
	case G722:
		e := &rtplpcm.Encoder{PayloadMaxSize: MaxPayload, BitDepth: 8, ChannelCount: 1}
		return initialized(e, one(e.Encode))
	case G711:
		e := &rtplpcm.Encoder{PayloadMaxSize: MaxPayload, BitDepth: 8, ChannelCount: max(f.Channels, 1)}
		return initialized(e, one(e.Encode))
	case LPCM:
		e := &rtplpcm.Encoder{PayloadMaxSize: MaxPayload, BitDepth: f.BitDepth, ChannelCount: max(f.Channels, 1)}
		return initialized(e, one(e.Encode))
	case KLV:
		e := &rtpklv.Encoder{PayloadMaxSize: MaxPayload}
		return initialized(e, one(e.Encode))
	case Opaque:
		return func([][]byte) ([]*rtp.Packet, error) {
			return nil, errors.New("opaque payloads are wrapped, not packetized")
		}, nil
	}
	return nil, errors.New("no RTP payload format")
}

// opusEncoder puts each Opus packet of a unit into an RTP packet of its own,
// with the timestamp moved on by the packets before it (RFC 7587 §4.2).
func opusEncoder(e *rtpsimpleaudio.Encoder) func([][]byte) ([]*rtp.Packet, error) {
	return func(au [][]byte) ([]*rtp.Packet, error) {
		var out []*rtp.Packet
		var offset int64
		for _, frame := range au {
			pkt, err := e.Encode(frame)
			if err != nil {
				return nil, err
			}
			pkt.Timestamp = uint32(offset)
			offset += opus.PacketDuration2(frame)
			out = append(out, pkt)
		}
		return out, nil
	}
}

// Depacketizer turns a publisher's RTP packets into access units. Feed it in
// sequence order; it is not safe for concurrent use.
type Depacketizer struct {
	codec  ID
	decode func(*rtp.Packet) ([][]byte, error)
}

// errMore are the errors with which the decoders ask for more packets.
var errMore = []error{
	rtph264.ErrMorePacketsNeeded, rtph265.ErrMorePacketsNeeded, rtpav1.ErrMorePacketsNeeded,
	rtpvp8.ErrMorePacketsNeeded, rtpvp9.ErrMorePacketsNeeded, rtpfragmented.ErrMorePacketsNeeded,
	rtpmpeg1video.ErrMorePacketsNeeded, rtpmjpeg.ErrMorePacketsNeeded, rtpmpeg4audio.ErrMorePacketsNeeded,
	rtpmpeg1audio.ErrMorePacketsNeeded, rtpac3.ErrMorePacketsNeeded, rtpklv.ErrMorePacketsNeeded,
	// A publisher joined in mid-frame: nothing is wrong, nothing is there yet.
	rtph264.ErrNonStartingPacketAndNoPrevious, rtph265.ErrNonStartingPacketAndNoPrevious,
	rtpav1.ErrNonStartingPacketAndNoPrevious, rtpvp8.ErrNonStartingPacketAndNoPrevious,
	rtpvp9.ErrNonStartingPacketAndNoPrevious, rtpmpeg1video.ErrNonStartingPacketAndNoPrevious,
	rtpmjpeg.ErrNonStartingPacketAndNoPrevious, rtpmpeg1audio.ErrNonStartingPacketAndNoPrevious,
	rtpac3.ErrNonStartingPacketAndNoPrevious, rtpklv.ErrNonStartingPacketAndNoPrevious,
}

// NewDepacketizer returns a depacketizer for the payload that sf describes.
func NewDepacketizer(sf format.Format) (*Depacketizer, error) {
	d := &Depacketizer{codec: FromSDPCodec(sf)}
	var err error
	d.decode, err = decoder(sf)
	if err != nil {
		return nil, fmt.Errorf("codec: depacketize %s: %w", sf.Codec(), err)
	}
	return d, nil
}

// FromSDPCodec returns only the codec of FromSDP.
func FromSDPCodec(sf format.Format) ID { return FromSDP(&noMedia, sf).Codec }

// Depacketize takes one packet. It returns nil, nil while an access unit is not
// complete. After an error the depacketizer goes on with the next packet.
func (d *Depacketizer) Depacketize(pkt *rtp.Packet) ([][]byte, error) {
	if len(pkt.Payload) == 0 {
		return nil, nil // padding only
	}
	au, err := d.decode(pkt)
	if err == nil {
		return au, nil
	}
	for _, more := range errMore {
		if errors.Is(err, more) {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("codec: depacketize %s: %w", d.codec, err)
}

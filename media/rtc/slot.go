package rtc

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"muster/media/codec"
	"muster/media/mcu"
	"muster/media/rtc/gcc"
)

// slot is one track that a participant of a room receives: a voice, or a
// picture, and over time many of them. It is a webrtc.TrackLocal.
type slot struct {
	kind   webrtc.RTPCodecType
	id     string
	sender *webrtc.RTPSender
	out    *burst // of the peer
	budget *gcc.Estimator
	window *mcu.Window // of pictures

	mu      sync.Mutex // guards what follows; held while a packet is encrypted
	stream  webrtc.TrackLocalWriter
	bound   bool
	ssrc    webrtc.SSRC
	rtxSSRC webrtc.SSRC
	types   map[codec.ID]payloadTypes
	header  rtp.Header
	number  []byte // value of the extension that numbers all packets of the peer, in header; nil: not negotiated
	rtxSeq  uint16
	past    history[mcu.Outgoing]
	scratch []byte
}

// payloadTypes are the numbers a codec was negotiated under.
type payloadTypes struct{ media, rtx webrtc.PayloadType }

func newSlot(kind webrtc.RTPCodecType, id string, out *burst, budget *gcc.Estimator) *slot {
	s := &slot{kind: kind, id: id, out: out, budget: budget, types: make(map[codec.ID]payloadTypes), rtxSeq: uint16(rand.Uint32())}
	if kind == webrtc.RTPCodecTypeVideo {
		s.window = mcu.NewWindow(s.send)
	}
	return s
}

// ID implements webrtc.TrackLocal.
func (s *slot) ID() string { return s.id }

// RID implements webrtc.TrackLocal: there is no simulcast to receivers.
func (s *slot) RID() string { return "" }

// StreamID implements webrtc.TrackLocal. Each slot is a stream of its own: a
// player that kept voices in step with pictures of others would delay both.
func (s *slot) StreamID() string { return s.id }

// Kind implements webrtc.TrackLocal.
func (s *slot) Kind() webrtc.RTPCodecType { return s.kind }

// Bind implements webrtc.TrackLocal.
func (s *slot) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first *webrtc.RTPCodecParameters
	rtx := make(map[string]webrtc.PayloadType)
	for _, p := range c.CodecParameters() {
		if strings.EqualFold(p.MimeType, webrtc.MimeTypeRTX) {
			rtx[fmtpValue(p.SDPFmtpLine, "apt")] = p.PayloadType
		}
	}
	for _, p := range c.CodecParameters() {
		id := roomCodec(p.MimeType)
		if id == "" {
			continue
		}
		if _, have := s.types[id]; !have {
			s.types[id] = payloadTypes{p.PayloadType, rtx[itoa(p.PayloadType)]}
		}
		if first == nil {
			first = &p
		}
	}
	if first == nil {
		return webrtc.RTPCodecParameters{}, errNoCodec
	}
	s.stream, s.ssrc, s.rtxSSRC = c.WriteStream(), c.SSRC(), c.SSRCRetransmission()
	s.header, s.number = rtp.Header{Version: 2}, nil
	for _, x := range c.HeaderExtensions() {
		if x.URI != sdp.TransportCCURI {
			continue
		}
		s.number = make([]byte, 2)
		if err := s.header.SetExtension(uint8(x.ID), s.number); err != nil {
			return webrtc.RTPCodecParameters{}, fmt.Errorf("webrtc: extension %d: %w", x.ID, err)
		}
	}
	if s.kind == webrtc.RTPCodecTypeVideo {
		s.past = newHistory[mcu.Outgoing](videoHistory)
	}
	s.bound = true
	return *first, nil
}

// Unbind implements webrtc.TrackLocal.
func (s *slot) Unbind(webrtc.TrackLocalContext) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound, s.past = false, history[mcu.Outgoing]{}
	return nil
}

// send writes packets of a picture. They leave with one system call.
func (s *slot) send(out []mcu.Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.bound {
		return
	}
	if len(out) > 1 {
		s.out.begin()
		defer s.out.end()
	}
	now := time.Now()
	for i := range out {
		o := &out[i]
		t, ok := s.types[o.Codec]
		if !ok {
			continue
		}
		s.past.keep(o.Seq, *o)
		s.write(t.media, s.ssrc, o.Seq, o, s.payload(o, 0), now)
	}
}

// voice writes a packet of sound.
func (s *slot) voice(v *mcu.Sound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.types[codec.Opus]
	if !s.bound || !ok {
		return
	}
	o := mcu.Outgoing{Seq: v.Seq, Timestamp: v.Timestamp, Marker: v.Marker}
	s.write(t.media, s.ssrc, o.Seq, &o, v.Payload, time.Now())
}

// payload returns o's payload behind room bytes of head, with the picture
// numbers that the receiver is told.
func (s *slot) payload(o *mcu.Outgoing, head int) []byte {
	if o.VP8 == nil && head == 0 {
		return o.Payload
	}
	s.scratch = append(append(s.scratch[:0], make([]byte, head)...), o.Payload...)
	if o.VP8 != nil {
		o.VP8.Apply(s.scratch[head:])
	}
	return s.scratch
}

// headerSize is what a packet takes beside its payload: RTP with the extension, and
// the tag of its encryption.
const headerSize = 12 + 8 + 16

// write is called with mu held. An error means that the peer is going; the
// session notices by itself.
func (s *slot) write(pt webrtc.PayloadType, ssrc webrtc.SSRC, seq uint16, o *mcu.Outgoing, payload []byte, now time.Time) {
	s.header.Marker, s.header.PayloadType, s.header.SSRC = o.Marker, uint8(pt), uint32(ssrc)
	s.header.SequenceNumber, s.header.Timestamp = seq, o.Timestamp
	if s.number != nil {
		binary.BigEndian.PutUint16(s.number, s.budget.Sent(headerSize+len(payload), now))
	}
	_, _ = s.stream.WriteRTP(&s.header, payload)
}

// resend answers a NACK, by RTX where the peer takes it (RFC 4588). It returns how
// many were sent and how many could not be.
func (s *slot) resend(nacks []rtcp.NackPair, now time.Time) (sent, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.past.again(nacks, now, func(seq uint16, o *mcu.Outgoing) {
		t := s.types[o.Codec]
		if t.rtx == 0 || s.rtxSSRC == 0 {
			s.write(t.media, s.ssrc, seq, o, s.payload(o, 0), now)
			return
		}
		b := s.payload(o, 2)
		binary.BigEndian.PutUint16(b, seq)
		s.write(t.rtx, s.rtxSSRC, s.rtxSeq, o, b, now)
		s.rtxSeq++
	})
}

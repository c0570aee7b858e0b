package rtp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"muster/media/codec"
	"muster/sip/sdp"
)

// sender numbers what goes to the phone. It is guarded by the stream's mu.
type sender struct {
	seq     uint16
	ts      uint32 // of the next packet of sound
	quiet   bool   // nothing was sent since: the next packet begins a talk spurt
	packets uint32
	octets  uint32
	lastTS  uint32
	lastAt  time.Time
	report  *time.Timer

	forwarding bool   // seqShift and tsShift are set
	forwarded  uint16 // number of the last packet forwarded, as it came
	seqShift   uint16
	tsShift    uint32

	eventUntil time.Time // a key is being sent; sound waits

	name  string
	units *codec.Packetizer
	mode  int // of H264
	buf   []byte
}

func (w *sender) format(plan *sdp.Stream, ssrc uint32, video bool) error {
	w.quiet = true
	f := plan.Format
	if !video {
		return nil
	}
	w.mode = f.PacketizationMode()
	cf := codec.NewVideo(codec.VP8)
	if f.Name == "H264" {
		cf = codec.NewVideo(codec.H264)
	}
	var err error
	w.name = f.Name
	w.units, err = codec.NewPacketizer(cf, f.Payload, ssrc)
	return err
}

// SendAudio sends one payload of sound that lasts samples ticks. An empty one is
// silence that is not sent. Nothing is sent while the phone does not listen.
func (s *Stream) SendAudio(payload []byte, samples int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ts := s.sender.ts
	s.sender.ts += uint32(samples)
	if s.plan == nil || !s.plan.Send || len(payload) == 0 || s.now().Before(s.sender.eventUntil) {
		s.sender.quiet = true
		return
	}
	h := rtp.Header{Version: 2, PayloadType: s.plan.Format.Payload, Timestamp: ts, SSRC: s.ssrc, Marker: s.sender.quiet}
	s.sender.quiet = false
	s.sendPacket(&h, payload)
}

// Forward sends a packet of another call's phone. Numbers and times keep their
// distances, so that gaps stay gaps.
func (s *Stream) Forward(p Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.sender
	if s.plan == nil || !s.plan.Send || s.now().Before(w.eventUntil) {
		return
	}
	if d := p.Seq - w.forwarded; !w.forwarding || d > 1<<10 && d < 1<<16-1<<10 { // the first, or another source
		w.forwarding = true
		w.seqShift, w.tsShift = w.seq-p.Seq, w.ts-p.Timestamp
	}
	w.forwarded = p.Seq
	w.seq = p.Seq + w.seqShift
	h := rtp.Header{Version: 2, PayloadType: s.plan.Format.Payload, Timestamp: p.Timestamp + w.tsShift, SSRC: s.ssrc, Marker: p.Marker}
	w.ts = h.Timestamp + uint32(s.plan.Format.ClockRate)/50
	s.sendPacket(&h, p.Payload)
}

// SendUnit sends one access unit of pictures.
func (s *Stream) SendUnit(u Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan == nil || !s.plan.Send || s.sender.units == nil || len(u.AU) == 0 {
		return
	}
	ts := uint32(int64(u.PTS) * 9 / 1e5) // 90 kHz
	if s.sender.name == "H264" && s.sender.mode == 0 {
		s.sendWhole(u.AU, ts)
		return
	}
	pkts, err := s.sender.units.Packetize(u.AU, ts)
	if err != nil {
		s.log.Debug("a picture cannot be sent", "error", err)
		return
	}
	for i := range pkts.Len() {
		p := pkts.At(i)
		h := rtp.Header{Version: 2, PayloadType: s.plan.Format.Payload, Timestamp: ts, SSRC: s.ssrc, Marker: codec.PacketMarker(p)}
		s.sendPacket(&h, codec.PacketPayload(p))
	}
}

// maxWhole is the largest NAL unit that fits a datagram.
const maxWhole = 60_000

// sendWhole sends each NAL unit in a packet of its own: packetization mode 0
// knows no fragments (RFC 6184 §6.2), so that IP has to make them.
func (s *Stream) sendWhole(au [][]byte, ts uint32) {
	for i, nalu := range au {
		if len(nalu) > maxWhole {
			s.log.Debug("a picture is too large for packetization mode 0", "bytes", len(nalu))
			continue
		}
		h := rtp.Header{Version: 2, PayloadType: s.plan.Format.Payload, Timestamp: ts, SSRC: s.ssrc, Marker: i == len(au)-1}
		s.sendPacket(&h, nalu)
	}
}

// sendPacket encrypts and sends one packet. The caller holds mu.
func (s *Stream) sendPacket(h *rtp.Header, payload []byte) {
	to, ok := s.from.target(s.trusted)
	secure := s.plan.Secure()
	if !ok || s.closed || secure && s.out == nil {
		return
	}
	w := &s.sender
	h.SequenceNumber = w.seq
	w.seq++
	size := h.MarshalSize()
	if need := size + len(payload) + 64; cap(w.buf) < 2*need {
		w.buf = make([]byte, 0, 2*need)
	}
	b := w.buf[:size]
	if _, err := h.MarshalTo(b); err != nil {
		return
	}
	b = append(b, payload...)
	if secure {
		out, err := s.out.EncryptRTP(w.buf[len(b):len(b)], b, nil)
		if err != nil {
			s.log.Debug("a packet cannot be encrypted", "error", err)
			return
		}
		b = out
	}
	if _, err := s.pair.RTP.WriteToUDPAddrPort(b, to); err == nil {
		w.packets++
		w.octets += uint32(len(payload))
		w.lastTS, w.lastAt = h.Timestamp, s.now()
		s.sent.Add(1)
	}
}

// A key is sent as RFC 4733 §2.5.1 has it: the press in steps of 20 ms, its end
// three times. Sound pauses meanwhile.
const (
	eventStep  = 20 * time.Millisecond
	eventSteps = 8
	eventEnds  = 3
)

// SendKey sends the press of a key, if the phone understands it, and reports
// whether it does. Presses that overlap are sent one over the other's end.
func (s *Stream) SendKey(digit byte) bool {
	code, ok := eventCode(digit)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok || s.plan == nil || s.plan.Events == 0 || s.closed {
		return false
	}
	s.sender.eventUntil = s.now().Add(eventStep * (eventSteps + eventEnds))
	s.sendEvent(code, s.sender.ts, 0)
	return true
}

// sendEvent sends step n of a press and arranges for the next. The caller holds
// mu.
func (s *Stream) sendEvent(code byte, ts uint32, n int) {
	if s.closed || s.plan == nil || s.plan.Events == 0 {
		return
	}
	rate := uint32(s.plan.Format.ClockRate)
	duration := rate / 50 * uint32(min(n+1, eventSteps))
	b := [4]byte{code, 10}
	if n >= eventSteps-1 {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(min(duration, 0xFFFF)))
	h := rtp.Header{Version: 2, PayloadType: s.plan.Events, Timestamp: ts, SSRC: s.ssrc, Marker: n == 0}
	s.sendPacket(&h, b[:])
	if n+1 < eventSteps+eventEnds-1 {
		time.AfterFunc(eventStep, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sendEvent(code, ts, n+1)
		})
	}
}

// sendControl encrypts and sends RTCP. The caller holds mu.
func (s *Stream) sendControl(b []byte) {
	secure := s.plan != nil && s.plan.Secure()
	if s.plan == nil || s.closed && len(b) == 0 || secure && s.out == nil {
		return
	}
	if secure {
		out, err := s.out.EncryptRTCP(nil, b, nil)
		if err != nil {
			return
		}
		b = out
	}
	var c *net.UDPConn
	var to netip.AddrPort
	var ok bool
	if s.plan.Mux {
		c = s.pair.RTP
		to, ok = s.from.target(s.trusted)
	} else {
		c = s.pair.RTCP
		if to, ok = s.ctl.target(s.trusted); !ok {
			if media, known := s.from.target(s.trusted); known { // RFC 3550 §11: the port after it
				to, ok = netip.AddrPortFrom(media.Addr(), media.Port()+1), true
			}
		}
	}
	if ok {
		_, _ = c.WriteToUDPAddrPort(b, to) // reports are sent again
	}
}

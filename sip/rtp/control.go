package rtp

import (
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

// Reports go out this often (RFC 3550 §6.2), the first one sooner.
const (
	firstReport    = 2 * time.Second
	reportInterval = 5 * time.Second
)

// pictureInterval is the shortest time between requests for a picture.
const pictureInterval = 500 * time.Millisecond

// controlPacket takes one compound RTCP packet.
func (s *Stream) controlPacket(b, plain []byte, from netip.AddrPort, own bool) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	src := &s.ctl
	if !own {
		src = &s.from
	}
	encrypted := s.plan != nil && s.plan.Secure()
	if s.plan == nil || !src.candidate(from, encrypted) || encrypted && s.in == nil {
		return false
	}
	if encrypted {
		out, err := s.in.DecryptRTCP(plain[:0], b, nil)
		if err != nil {
			return false
		}
		b = out
	}
	pkts, err := rtcp.Unmarshal(b)
	if err != nil {
		return false
	}
	if own {
		src.take(from)
	}
	picture, loss := false, -1
	for _, p := range pkts {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			s.recv.lastSR, s.recv.lastSRAt = uint32(p.NTPTime>>16), now
			loss = max(loss, s.lossIn(p.Reports))
		case *rtcp.ReceiverReport:
			loss = max(loss, s.lossIn(p.Reports))
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			picture = true
		}
	}
	h := s.handlers.Load()
	s.mu.Unlock() // handlers are called without the lock
	defer s.mu.Lock()
	if picture && h.KeyFrame != nil {
		h.KeyFrame()
	}
	if loss >= 0 && h.Loss != nil {
		h.Loss(loss)
	}
	return true
}

// lossIn returns the loss, in percent, that reports state of what is sent here; -1
// where none does.
func (s *Stream) lossIn(reports []rtcp.ReceptionReport) int {
	for _, r := range reports {
		if r.SSRC == s.ssrc {
			return int(r.FractionLost) * 100 / 256
		}
	}
	return -1
}

// report sends a report and arranges for the next.
func (s *Stream) report() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.sender.report.Reset(reportInterval)
	if b, err := rtcp.Marshal(s.compound()); err == nil {
		s.sendControl(b)
	}
}

// compound makes a report and what has to go with it. The caller holds mu.
func (s *Stream) compound() []rtcp.Packet {
	now := s.now()
	w := &s.sender
	blocks := s.recv.block(now)
	var first rtcp.Packet = &rtcp.ReceiverReport{SSRC: s.ssrc, Reports: blocks}
	if w.packets > 0 && s.plan != nil {
		elapsed := now.Sub(w.lastAt)
		first = &rtcp.SenderReport{
			SSRC: s.ssrc, NTPTime: ntp(now), PacketCount: w.packets, OctetCount: w.octets, Reports: blocks,
			RTPTime: w.lastTS + uint32(elapsed*time.Duration(s.plan.Format.ClockRate)/time.Second),
		}
	}
	return []rtcp.Packet{first, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: s.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "muster"}},
	}}}}
}

// bye says goodbye. The caller holds mu.
func (s *Stream) bye() {
	if s.plan == nil || s.sender.packets == 0 {
		return
	}
	if b, err := rtcp.Marshal(append(s.compound(), &rtcp.Goodbye{Sources: []uint32{s.ssrc}})); err == nil {
		s.sendControl(b)
	}
}

// RequestKeyFrame asks the phone for a picture by RTCP, at most twice a second.
// It reports false where the phone does not understand that, so that signalling
// has to ask.
func (s *Stream) RequestKeyFrame() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan == nil || !s.plan.PLI && !s.plan.FIR {
		return false
	}
	now := s.now()
	if now.Sub(s.recv.asked) < pictureInterval {
		return true
	}
	s.recv.asked = now
	pkts := s.compound()
	if s.plan.PLI {
		pkts = append(pkts, &rtcp.PictureLossIndication{SenderSSRC: s.ssrc, MediaSSRC: s.recv.ssrc})
	} else {
		s.recv.firSeq++
		pkts = append(pkts, &rtcp.FullIntraRequest{SenderSSRC: s.ssrc, FIR: []rtcp.FIREntry{{SSRC: s.recv.ssrc, SequenceNumber: s.recv.firSeq}}})
	}
	if b, err := rtcp.Marshal(pkts); err == nil {
		s.sendControl(b)
	}
	return true
}

// ntp turns a time into the form of RFC 3550 §4.
func ntp(t time.Time) uint64 {
	n := uint64(t.UnixNano())
	return (n/1e9+2208988800)<<32 | n%1e9<<32/1e9
}

package rtp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"muster/internal/run"
	"muster/sip/sdp"
)

// The largest packets that are read; larger ones are cut and fail. A picture may
// come in one datagram, see sendWhole.
const (
	maxDatagram = 2048
	maxPicture  = 64 << 10
)

// Handlers are told what comes from the phone. They are called from the
// stream's own goroutine, must not block, and may be nil.
type Handlers struct {
	Packet   func(Packet) // sound
	Unit     func(Unit)   // pictures
	Key      func(digit byte)
	KeyFrame func()            // the phone needs a picture that can be decoded by itself
	Loss     func(percent int) // of what it is sent, lately
}

// Stats counts since the stream was opened.
type Stats struct {
	Received, Sent int64 // packets
	Dropped        int64 // from a stranger, or that could not be decrypted or read
	Lost           int64 // as the sequence numbers tell
	LastReceived   time.Time
}

// Stream is one media line of a call. Make it with Open.
type Stream struct {
	pair     *Pair
	log      *slog.Logger
	video    bool
	now      func() time.Time
	handlers atomic.Pointer[Handlers]
	ssrc     uint32
	cert     *Certificate // nil: DTLS is not spoken

	received, sent, dropped atomic.Int64
	last                    atomic.Int64 // Unix nanoseconds of the last good packet

	mu      sync.Mutex // guards what follows
	plan    *sdp.Stream
	trusted bool
	from    source // of RTP
	ctl     source // of RTCP
	in      *srtp.Context
	out     *srtp.Context
	keys    [2]sdp.Crypto // in and out, to see a change
	dtls    *handshake
	ice     sdp.ICE // zero: checks are not answered
	recv    receiver
	event   eventIn
	sender
	group  *run.Group
	closed bool
}

// Open opens the sockets of a stream. Nothing is read before Start, and Close
// has to be called in any case.
func (p *Ports) OpenStream(log *slog.Logger, cert *Certificate, video bool) (*Stream, error) {
	pair, err := p.Open()
	if err != nil {
		return nil, err
	}
	s := &Stream{pair: pair, log: log, cert: cert, video: video, now: time.Now, ssrc: rand.Uint32()}
	s.sender.seq = uint16(rand.Uint32())
	s.sender.ts = rand.Uint32()
	s.handlers.Store(&Handlers{})
	return s, nil
}

// Port returns the RTP port; RTCP has the next one.
func (s *Stream) Port() int { return s.pair.Port }

// Handle sets who is told what comes.
func (s *Stream) Handle(h Handlers) { s.handlers.Store(&h) }

// Start reads in goroutines of g until the stream is closed.
func (s *Stream) Start(g *run.Group) {
	s.mu.Lock()
	s.group = g
	if s.dtls != nil {
		g.Go(s.dtls.run)
	}
	s.mu.Unlock()
	g.Go(func(context.Context) { s.read(s.pair.RTP, false) })
	g.Go(func(context.Context) { s.read(s.pair.RTCP, true) })
}

// Close closes the sockets. Handlers may still be called once.
func (s *Stream) Close() {
	s.mu.Lock()
	s.closed = true
	if s.sender.report != nil {
		s.sender.report.Stop()
	}
	if s.dtls != nil {
		s.dtls.close()
	}
	s.bye()
	s.mu.Unlock()
	s.pair.Close()
}

// Apply puts into force what was agreed on. peer is the address the signalling
// comes from; trusted says that it may name any address for media. plan is nil
// when the line is switched off.
func (s *Stream) Apply(plan *sdp.Stream, peer netip.Addr, trusted bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.plan == nil
	s.plan, s.trusted = plan, trusted
	if plan == nil {
		return nil
	}
	if plan.ICE != s.ice {
		s.ice = plan.ICE
		s.from.restart(plan.ICE.Ufrag != "")
	}
	s.from.expect(plan.RTP, peer)
	s.ctl.expect(plan.RTCP, peer)
	s.recv.format(plan.Format, s.video)
	if err := s.sender.format(plan, s.ssrc, s.video); err != nil {
		return err
	}
	if err := s.rekey(plan); err != nil {
		return err
	}
	if first || s.sender.report == nil {
		s.sender.report = time.AfterFunc(firstReport, s.report)
	}
	return nil
}

// rekey makes the transforms of plan, unless they are those in use. The caller
// holds mu.
func (s *Stream) rekey(plan *sdp.Stream) error {
	if plan.Fingerprint != "" {
		return s.startDTLS(plan)
	}
	var err error
	for i, c := range []sdp.Crypto{plan.In, plan.Out} {
		if c.Suite == s.keys[i].Suite && bytes.Equal(c.Key, s.keys[i].Key) {
			continue
		}
		var ctx *srtp.Context
		if c.Suite != "" {
			if ctx, err = newContext(c); err != nil {
				return err
			}
		}
		s.keys[i] = c
		if i == 0 {
			s.in = ctx
		} else {
			s.out = ctx
		}
	}
	return nil
}

// Stats returns the present counts.
func (s *Stream) Stats() Stats {
	s.mu.Lock()
	lost := s.recv.lost()
	s.mu.Unlock()
	st := Stats{Received: s.received.Load(), Sent: s.sent.Load(), Dropped: s.dropped.Load(), Lost: lost}
	if n := s.last.Load(); n != 0 {
		st.LastReceived = time.Unix(0, n)
	}
	return st
}

// read takes datagrams until the socket is closed.
func (s *Stream) read(c *net.UDPConn, control bool) {
	size := maxDatagram
	if s.video && !control {
		size = maxPicture
	}
	buf := make([]byte, size)
	plain := make([]byte, 0, size)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an ICMP error of something sent earlier
			if s.over() {
				return
			}
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
		if !s.datagram(buf[:n], plain, from, control) {
			s.dropped.Add(1)
		}
	}
}

func (s *Stream) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// datagram tells RTP, RTCP, DTLS and STUN apart by their first bytes (RFC 7983, RFC
// 5761 §4) and reports whether the packet was good.
func (s *Stream) datagram(b, plain []byte, from netip.AddrPort, control bool) bool {
	switch {
	case len(b) < 8:
		return false
	case b[0] < 4 && !control:
		return s.check(b, from)
	case b[0] >= 20 && b[0] <= 63: // one handshake: on the port of RTCP would be another (RFC 5764 §4.1)
		return !control && s.handshakePacket(b, from)
	case b[0]>>6 != 2:
		return false
	case control || b[1] >= 192 && b[1] <= 223:
		return s.controlPacket(b, plain, from, control)
	}
	return s.mediaPacket(b, plain, from)
}

// mediaPacket takes one RTP packet.
func (s *Stream) mediaPacket(b, plain []byte, from netip.AddrPort) bool {
	var h rtp.Header
	now := s.now()
	s.mu.Lock()
	plan := s.plan
	encrypted := plan != nil && plan.Secure()
	if plan == nil || !s.from.candidate(from, encrypted) || encrypted && s.in == nil {
		s.mu.Unlock()
		return false
	}
	if encrypted {
		out, err := s.in.DecryptRTP(plain[:0], b, &h)
		if err != nil {
			s.mu.Unlock()
			return false
		}
		b = out
	}
	n, err := h.Unmarshal(b)
	isEvent := plan.Events != 0 && h.PayloadType == plan.Events
	if err != nil || !isEvent && h.PayloadType != plan.Format.Receive && h.PayloadType != plan.Format.Payload {
		s.mu.Unlock()
		return false
	}
	payload, ok := unpad(&h, b[n:])
	if !ok {
		s.mu.Unlock()
		return false
	}
	s.from.take(from)
	s.received.Add(1)
	s.last.Store(now.UnixNano())
	s.recv.count(&h, now, plan.Format.ClockRate)
	if !plan.Receive { // on hold: it proves where it comes from, and that is all
		s.mu.Unlock()
		return true
	}
	if isEvent {
		digit, fresh := s.event.packet(h.Timestamp, payload)
		s.mu.Unlock()
		if k := s.handlers.Load().Key; fresh && k != nil {
			k(digit)
		}
		return true
	}
	if s.video {
		units, broken := s.recv.picture(&h, payload, now)
		s.mu.Unlock()
		s.deliver(units, broken)
		return true
	}
	s.mu.Unlock()
	if p := s.handlers.Load().Packet; p != nil {
		p(Packet{Seq: h.SequenceNumber, Timestamp: h.Timestamp, Marker: h.Marker, Payload: payload, Arrival: now})
	}
	return true
}

func (s *Stream) deliver(units []Unit, broken bool) {
	if f := s.handlers.Load().Unit; f != nil {
		for _, u := range units {
			f(u)
		}
	}
	if broken {
		s.RequestKeyFrame()
	}
}

// unpad cuts the padding off a payload (RFC 3550 §5.1).
func unpad(h *rtp.Header, payload []byte) ([]byte, bool) {
	if !h.Padding {
		return payload, true
	}
	if len(payload) == 0 {
		return nil, false
	}
	n := int(payload[len(payload)-1])
	if n == 0 || n > len(payload) {
		return nil, false
	}
	return payload[:len(payload)-n], true
}

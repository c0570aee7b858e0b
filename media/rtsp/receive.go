package rtsp

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/rtp"

	"muster/media"
)

const (
	// reorderPackets and reorderTime bound how long later packets wait for a
	// missing one.
	reorderPackets = 64
	reorderTime    = 150 * time.Millisecond
	// restartAfter is how many packets in a row must come from the past before
	// the sender is taken to have started its numbers anew.
	restartAfter = 32
)

// receiver puts the packets of one RTP source in order and keeps what a receiver
// report says (RFC 3550 §6.4.1, appendices A.1, A.3 and A.8). It does no I/O and
// is for one goroutine.
type receiver struct {
	rate      int
	reorders  bool // the transport may lose and reorder: UDP
	started   bool
	ssrc      uint32
	next      uint16 // expected
	held      []*rtp.Packet
	heldSince time.Time
	late      int // packets from the past in a row
	out       []*rtp.Packet

	base     uint32 // extended number of the first packet
	max      uint32 // extended number of the newest
	received uint32
	lost     uint64 // given up, ever

	jitter  float64 // in ticks
	transit int64

	lastSR   uint32 // middle 32 bits of its NTP time
	lastSRAt time.Time

	reportedExpected, reportedReceived uint32
}

// push takes a packet and returns those that are now in order, and how many are
// missing before them. The slice is valid until the next call.
func (r *receiver) push(pkt *rtp.Packet, now time.Time) (in []*rtp.Packet, lost int) {
	if !r.started || pkt.SSRC != r.ssrc {
		r.restart(pkt)
	}
	r.measure(pkt, now)
	r.out = r.out[:0]
	ahead := int(int16(pkt.SequenceNumber - r.next))
	switch {
	case ahead < 0 && r.reorders:
		if r.late++; r.late < restartAfter {
			return nil, 0
		}
		r.restart(pkt)
		r.received = 1
	case ahead < 0: // a reliable transport: the sender jumped back
		r.restart(pkt)
		r.received = 1
	case ahead > 0 && r.reorders:
		if !r.hold(pkt, now) {
			return nil, 0
		}
		return r.flush()
	case ahead > 0:
		lost = ahead
	}
	r.late = 0
	r.deliver(pkt)
	for len(r.held) > 0 && r.held[0].SequenceNumber == r.next {
		r.deliver(r.held[0])
		r.held = r.held[1:]
		r.heldSince = now
	}
	r.lost += uint64(lost)
	return r.out, lost
}

func (r *receiver) restart(pkt *rtp.Packet) {
	*r = receiver{rate: r.rate, reorders: r.reorders, out: r.out[:0], held: r.held[:0], lost: r.lost,
		lastSR: r.lastSR, lastSRAt: r.lastSRAt}
	r.started, r.ssrc, r.next = true, pkt.SSRC, pkt.SequenceNumber
	r.base, r.max = uint32(pkt.SequenceNumber), uint32(pkt.SequenceNumber)
}

func (r *receiver) deliver(pkt *rtp.Packet) {
	r.out = append(r.out, pkt)
	r.next = pkt.SequenceNumber + 1
}

// hold keeps a packet that came early and reports whether waiting is over.
func (r *receiver) hold(pkt *rtp.Packet, now time.Time) bool {
	distance := pkt.SequenceNumber - r.next
	at, twice := slices.BinarySearchFunc(r.held, distance, func(p *rtp.Packet, d uint16) int {
		return int(p.SequenceNumber-r.next) - int(d)
	})
	if twice {
		return false
	}
	if len(r.held) == 0 {
		r.heldSince = now
	}
	r.held = slices.Insert(r.held, at, pkt)
	return len(r.held) >= reorderPackets || now.Sub(r.heldSince) > reorderTime
}

// flush gives up on what is missing before the packets held.
func (r *receiver) flush() ([]*rtp.Packet, int) {
	lost := 0
	for _, pkt := range r.held {
		lost += int(pkt.SequenceNumber - r.next)
		r.deliver(pkt)
	}
	r.held = r.held[:0]
	r.lost += uint64(lost)
	return r.out, lost
}

// measure updates what reports say.
func (r *receiver) measure(pkt *rtp.Packet, now time.Time) {
	r.received++
	if d := int16(pkt.SequenceNumber - uint16(r.max)); d > 0 {
		r.max += uint32(d)
	}
	transit := media.Ticks(time.Duration(now.UnixNano()), r.rate) - int64(pkt.Timestamp)
	if r.received > 1 {
		// The difference is taken modulo 2^32, as timestamps wrap.
		d := float64(int32(transit - r.transit))
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.transit = transit
}

// senderReport notes when the sender's report came.
func (r *receiver) senderReport(sr senderReport, now time.Time) {
	r.lastSR, r.lastSRAt = uint32(sr.ntp>>16), now
}

// appendReport appends a receiver report with one block (RFC 3550 §6.4.2). It
// appends nothing before the first packet.
func (r *receiver) appendReport(b []byte, own uint32, now time.Time) []byte {
	if !r.started {
		return b
	}
	expected := r.max - r.base + 1
	lost := max(int64(expected)-int64(r.received), 0)
	fraction := uint32(0)
	gap := int64(expected-r.reportedExpected) - int64(r.received-r.reportedReceived)
	if n := int64(expected - r.reportedExpected); n > 0 && gap > 0 {
		fraction = uint32(min(gap*256/n, 255))
	}
	r.reportedExpected, r.reportedReceived = expected, r.received
	var delay uint32
	if !r.lastSRAt.IsZero() {
		delay = uint32(now.Sub(r.lastSRAt).Seconds() * 65536)
	}
	b = append(b, 0x81, rtcpReceiverReport, 0, 7)
	for _, word := range []uint32{
		own, r.ssrc, fraction<<24 | uint32(min(lost, 0x7fffff)), r.max, uint32(r.jitter), r.lastSR, delay,
	} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return b
}

package codec

import (
	"time"

	"github.com/pion/rtp"
)

// How long a gap in a sender's packets is waited for. Video is asked for again
// (NACK, RFC 4585 §6.2.1), which takes a round trip or two; sound is not worth
// the delay.
const (
	videoPatience = 250 * time.Millisecond
	audioPatience = 60 * time.Millisecond
	reorderSlots  = 512 // packets; a power of two. When a packet further ahead comes, the gap is given up
)

// Reorder brings a sender's RTP packets into sequence. It is not safe for
// concurrent use.
type Reorder struct {
	patience time.Duration
	started  bool
	next     uint16 // sequence number that is due
	held     int    // packets in slots
	since    time.Time
	slots    [reorderSlots]*rtp.Packet
	ready    []*rtp.Packet
}

// NewReorder returns a Reorder for packets of kind.
func NewReorder(kind Kind) *Reorder {
	if kind == Video {
		return &Reorder{patience: videoPatience}
	}
	return &Reorder{patience: audioPatience}
}

// Push takes a packet and returns those that are due, in order, and how many
// were given up before them. The slice is valid until the next call.
func (r *Reorder) Push(pkt *rtp.Packet, now time.Time) (ready []*rtp.Packet, lost int) {
	clear(r.ready)
	r.ready = r.ready[:0]
	if !r.started {
		r.started, r.next = true, pkt.SequenceNumber
	}
	ahead := int(int16(pkt.SequenceNumber - r.next))
	switch {
	case ahead < -reorderSlots:
		// A sender that began anew: nothing held belongs to it.
		clear(r.slots[:])
		lost, r.held, r.next, ahead = r.held, 0, pkt.SequenceNumber, 0
	case ahead < 0:
		return nil, 0 // late or doubled
	case ahead >= 2*reorderSlots:
		clear(r.slots[:])
		lost, r.held, r.next, ahead = ahead, 0, pkt.SequenceNumber, 0
	case ahead >= reorderSlots:
		lost = r.skipTo(pkt.SequenceNumber - reorderSlots + 1)
	}
	slot := &r.slots[pkt.SequenceNumber%reorderSlots]
	if *slot == nil {
		*slot = pkt
		r.held++
	}
	r.take(now)
	if r.held > 0 && now.Sub(r.since) > r.patience {
		// Give the gap in front of what is held up.
		to := r.next
		for r.slots[to%reorderSlots] == nil {
			to++
		}
		lost += r.skipTo(to)
		r.take(now)
	}
	return r.ready, lost
}

// take moves what is due from the slots to ready.
func (r *Reorder) take(now time.Time) {
	moved := false
	for {
		slot := &r.slots[r.next%reorderSlots]
		if *slot == nil {
			break
		}
		r.ready = append(r.ready, *slot)
		*slot = nil
		r.held--
		r.next++
		moved = true
	}
	if moved || r.held <= 1 {
		r.since = now // a gap, if there is one, is waited for from now on
	}
}

// skipTo makes seq the next packet; what is held before it is due. It returns
// how many packets were missing.
func (r *Reorder) skipTo(seq uint16) (lost int) {
	for ; r.next != seq; r.next++ {
		slot := &r.slots[r.next%reorderSlots]
		if *slot == nil {
			lost++
			continue
		}
		r.ready = append(r.ready, *slot)
		*slot = nil
		r.held--
	}
	return lost
}

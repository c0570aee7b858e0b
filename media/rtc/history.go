package rtc

import (
	"time"

	"github.com/pion/rtcp"
)

// How many packets of a track can be sent again: half a second of a 20 Mbit/s
// video, five seconds of sound.
const (
	videoHistory = 1024 // powers of two
	audioHistory = 256
)

// Limits on retransmissions. A path or a peer that loses packets because there
// are too many of them is not helped by more, and a peer cannot multiply what it
// is sent.
const (
	resendShare = 0.5 // of the packets sent
	resendSaved = 150 // packets; what may be saved up for a burst of losses
	resendTimes = 4   // the same packet
	resendPause = 20  // ms before the second time, doubled for each further one; a peer asks several times within a round trip
)

// history is the packets P that a track has sent last, to be sent again. The
// zero history keeps none.
type history[P any] struct {
	past  []sentPacket[P] // ring, by sequence number
	saved float64         // packets that may be resent now
}

type sentPacket[P any] struct {
	pkt  P
	at   int64 // Unix ms of the last time it was resent
	seq  uint16
	n    uint8 // times it was resent
	kept bool
}

func newHistory[P any](size int) history[P] {
	return history[P]{past: make([]sentPacket[P], size), saved: resendSaved}
}

// keep notes that pkt is sent with that number.
func (h *history[P]) keep(seq uint16, pkt P) {
	h.past[int(seq)%len(h.past)] = sentPacket[P]{pkt: pkt, seq: seq, kept: true}
	h.saved = min(h.saved+resendShare, resendSaved)
}

// again calls send for the packets that a NACK asks for (RFC 4585 §6.2.1), as far
// as they are kept and may be sent now. It returns how many were sent and how many
// could not be.
func (h *history[P]) again(nacks []rtcp.NackPair, now time.Time, send func(seq uint16, pkt *P)) (sent, missed int) {
	if len(h.past) == 0 {
		return 0, 0
	}
	for i := range nacks {
		nacks[i].Range(func(seq uint16) bool {
			p := &h.past[int(seq)%len(h.past)]
			switch {
			case !p.kept || p.seq != seq || p.n >= resendTimes || h.saved < 1:
				missed++
			case now.UnixMilli()-p.at < resendPause<<p.n: // it is under way
			default:
				p.at = now.UnixMilli()
				p.n++
				h.saved--
				sent++
				send(seq, &p.pkt)
			}
			return true
		})
	}
	return sent, missed
}

package mcu

// arrivals are the sequence numbers of a sender's newest packets. A browser sends
// again what was asked for, also when the first copy was only late; who is sent
// both by us takes the second for a replay (RFC 3711 §3.3.2). A sender that is
// called again may begin at another number. It is used by one goroutine.
type arrivals struct {
	begun  bool
	newest uint16
	bits   [arrivalSpan / 64]uint64 // of the newest arrivalSpan numbers, by number modulo arrivalSpan
	anew   uint16                   // number that would be next if the sender had begun anew
	maybe  bool                     // anew is set
}

// arrivalSpan is how many packets one may be late; a power of two.
const arrivalSpan = 1024

// arrival says what to do with a packet.
type arrival uint8

const (
	arrived  arrival = iota // for the first time
	doubled                 // or too late to tell
	beganNew                // the first of a sender that counts differently from now on
)

// note takes down the packet with number seq. As RFC 3550 A.1 has it, a number
// far away counts once the one that follows it has come.
func (a *arrivals) note(seq uint16) arrival {
	ahead := int(int16(seq - a.newest))
	switch {
	case !a.begun:
		a.begin(seq)
		return arrived
	case ahead <= -arrivalSpan || ahead >= 4*arrivalSpan:
		if !a.maybe || seq != a.anew {
			a.maybe, a.anew = true, seq+1
			return doubled
		}
		a.begin(seq)
		return beganNew
	case ahead > 0:
		for i := range min(ahead, arrivalSpan) {
			a.set(seq-uint16(i), false)
		}
		a.newest = seq
	}
	a.maybe = false
	if a.bits[seq%arrivalSpan/64]&(1<<(seq%64)) != 0 {
		return doubled
	}
	a.set(seq, true)
	return arrived
}

func (a *arrivals) begin(seq uint16) {
	*a = arrivals{begun: true, newest: seq}
	a.set(seq, true)
}

func (a *arrivals) set(seq uint16, on bool) {
	bit := uint64(1) << (seq % 64)
	if on {
		a.bits[seq%arrivalSpan/64] |= bit
	} else {
		a.bits[seq%arrivalSpan/64] &^= bit
	}
}

// bound is the sequence number below which packets belong to what was sent before:
// the first one of a sender after a switch. It follows the numbers from afar, so
// that they may come round.
type bound uint16

// below reports whether seq is from before the switch.
func (f *bound) below(seq uint16) bool {
	since := int16(seq - uint16(*f))
	if since > 4*arrivalSpan {
		*f = bound(seq - arrivalSpan)
	}
	return since < 0
}

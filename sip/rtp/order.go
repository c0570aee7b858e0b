package rtp

import "github.com/pion/rtp"

// orderDepth is how many packets wait for an earlier one. At 2 Mbit/s that is
// a tenth of a second.
const orderDepth = 16

// order puts packets back into the order of their numbers.
type order struct {
	begun   bool
	next    uint16
	waiting []*rtp.Packet // sorted; at most orderDepth, then the gap is given up
}

// process takes a packet and returns those whose turn it is. lost is how many
// are not waited for any more.
func (o *order) process(p *rtp.Packet) (out []*rtp.Packet, lost int) {
	if !o.begun {
		o.begun, o.next = true, p.SequenceNumber
	}
	ahead := p.SequenceNumber - o.next
	switch {
	case ahead >= 1<<15 && 0-ahead <= 1<<10: // late, or twice
		return nil, 0
	case ahead > 1<<10: // another beginning
		o.waiting, o.next = nil, p.SequenceNumber
		lost = 1
	}
	at := len(o.waiting)
	for i, w := range o.waiting {
		d := w.SequenceNumber - p.SequenceNumber
		if d == 0 {
			return nil, 0
		}
		if d < 1<<15 {
			at = i
			break
		}
	}
	o.waiting = append(o.waiting, nil)
	copy(o.waiting[at+1:], o.waiting[at:])
	o.waiting[at] = p
	if len(o.waiting) > orderDepth {
		lost += int(o.waiting[0].SequenceNumber - o.next)
		o.next = o.waiting[0].SequenceNumber
	}
	for len(o.waiting) > 0 && o.waiting[0].SequenceNumber == o.next {
		out = append(out, o.waiting[0])
		o.waiting[0] = nil
		o.waiting = o.waiting[1:]
		o.next++
	}
	return out, lost
}

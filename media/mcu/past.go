package mcu

import (
	"sync"

	"muster/media/codec"
)

// past keeps the packets of a picture since its last key frame, so that who is
// shown it has a picture at once. Only senders that cannot be asked for a key
// frame have one: streams on the stage, whose next may be ten seconds away.
type past struct {
	mu      sync.Mutex // guards what follows; held while packets are handed to windows
	packets []*Packet  // from a key frame on; at most maxPast bytes, else none until the next
	bytes   int
}

const (
	maxPast        = 2 << 20 // bytes
	maxPastPackets = 8192
)

// squeeze is by how much the past is shortened when it is replayed, so that it
// passes in a moment and what follows is live: 2 s pass in 31 ms.
const squeeze = 64

// keep adds p, the newest packet. mu is held.
func (g *past) keep(c codec.ID, p *Packet) {
	if startsKeyFrame(c, p.Payload) {
		g.drop()
	} else if len(g.packets) == 0 {
		return
	}
	g.packets = append(g.packets, p)
	g.bytes += len(p.Payload)
	if g.bytes > maxPast || len(g.packets) > maxPastPackets {
		g.drop()
	}
}

// drop forgets everything. mu is held.
func (g *past) drop() {
	clear(g.packets)
	g.packets, g.bytes = g.packets[:0], 0
}

// replay returns what there is to show. mu is held.
func (g *past) replay() []*Packet {
	if len(g.packets) == 0 {
		return nil
	}
	newest := g.packets[len(g.packets)-1].Timestamp
	out := make([]*Packet, len(g.packets))
	for i, p := range g.packets {
		q := *p
		q.Timestamp = newest - (newest-p.Timestamp)/squeeze
		out[i] = &q
	}
	return out
}

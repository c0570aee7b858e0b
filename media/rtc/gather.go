package rtc

import (
	"sync"
	"time"

	"muster/media/mcu"
)

// gather holds the packets of a picture until the last of them has come, so that
// all can leave together to each receiver: a system call for each packet and each
// receiver is most of what forwarding costs. A picture is not late for it, since
// it is not whole before its last packet; one whose packets come slowly goes out in
// pieces.
type gather struct {
	pass  func(t *mcu.Track, layer int, packets ...*mcu.Packet)
	timer *time.Timer

	mu      sync.Mutex // guards what follows; held while packets are written
	track   *mcu.Track
	layer   int
	packets []*mcu.Packet
}

const (
	gatherFor  = 3 * time.Millisecond // since the first packet that waits
	gatherMost = 16                   // packets
)

// newGather returns a gather that hands what goes out together to pass, which must
// not keep the slice.
func newGather(pass func(t *mcu.Track, layer int, packets ...*mcu.Packet)) *gather {
	g := &gather{pass: pass}
	g.timer = time.AfterFunc(time.Hour, g.flush)
	g.timer.Stop()
	return g
}

// add takes the next packet of a layer of track.
func (g *gather) add(track *mcu.Track, layer int, p *mcu.Packet) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if track != g.track || layer != g.layer {
		g.write()
		g.track, g.layer = track, layer
	}
	g.packets = append(g.packets, p)
	switch {
	case p.Marker || len(g.packets) == gatherMost:
		g.write()
	case len(g.packets) == 1:
		g.timer.Reset(gatherFor)
	}
}

// flush writes what waits.
func (g *gather) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write()
}

// write is called with mu held.
func (g *gather) write() {
	g.timer.Stop()
	if len(g.packets) > 0 {
		g.pass(g.track, g.layer, g.packets...)
		clear(g.packets)
		g.packets = g.packets[:0]
	}
}

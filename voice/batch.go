package voice

import (
	"net/netip"

	"muster/voice/wire"
)

// batchSize is how many packets leave in one system call.
const batchSize = 64

// maxDatagram is the longest packet with its crypt header, with room to spare.
const maxDatagram = wire.MaxVoice + 32

// batch gathers packets to many receivers and sends them together: a system call
// for each is most of what voice by UDP costs. What the socket does not take at
// once is dropped, like any other packet that gets lost.
type batch struct {
	d    *datagrams
	n    int
	bufs [batchSize][maxDatagram]byte
	sys  batchSys
}

func (b *batch) start(s *Server) { b.d, b.n = s.udp.Load(), 0 }

// add encrypts packet for c and appends it.
func (b *batch) add(c *conn, to netip.AddrPort, packet []byte) {
	if b.d == nil {
		return
	}
	c.sealMu.Lock()
	out := c.sealer.Seal(b.bufs[b.n][:0], packet)
	c.sealMu.Unlock()
	if !b.sys.set(b.d, b.n, to, out) {
		_, _ = b.d.pc.WriteToUDPAddrPort(out, to)
		return
	}
	if b.n++; b.n == batchSize {
		b.flush()
	}
}

// flush sends what was gathered.
func (b *batch) flush() {
	if b.n > 0 {
		b.sys.send(b.d, b.n)
		b.n = 0
	}
}

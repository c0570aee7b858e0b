package voice

import (
	"net"
	"net/netip"
)

// datagrams is the UDP socket.
type datagrams struct{ pc *net.UDPConn }

func newDatagrams(pc *net.UDPConn) *datagrams { return &datagrams{pc: pc} }

// batch gathers packets to many.
type batch struct {
	d   *datagrams
	buf [2048]byte
}

func (b *batch) start(s *Server) { b.d = s.udp.Load() }

func (b *batch) add(c *conn, to netip.AddrPort, packet []byte) {
	if b.d == nil {
		return
	}
	c.sealMu.Lock()
	out := c.sealer.Seal(b.buf[:0], packet)
	c.sealMu.Unlock()
	_, _ = b.d.pc.WriteToUDPAddrPort(out, to) // lost like any other packet
}

func (b *batch) flush() {}

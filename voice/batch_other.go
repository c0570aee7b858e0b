//go:build !linux

package voice

import (
	"net"
	"net/netip"
)

// datagrams is the UDP socket.
type datagrams struct{ pc *net.UDPConn }

func newDatagrams(pc *net.UDPConn) *datagrams { return &datagrams{pc: pc} }

// batchSys gathers nothing where packets are sent one by one.
type batchSys struct{}

func (*batchSys) set(*datagrams, int, netip.AddrPort, []byte) bool { return false }

func (*batchSys) send(*datagrams, int) {}

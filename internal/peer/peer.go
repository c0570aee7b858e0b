// Package peer says who is at the other end of a connection, and reaches through
// the layers of one to its socket.
package peer

import (
	"crypto/tls"
	"iter"
	"net"
	"net/netip"
)

// Addr parses the address of a peer, as net and net/http give it, into its
// canonical form: IPv4 addresses are never mapped into IPv6. The zone of a
// link-local address stays, for without it nothing could be sent there. What is
// not an IP address with a port gives the zero AddrPort.
func Addr(s string) netip.AddrPort {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Of returns the canonical address of c's peer.
func Of(c net.Conn) netip.AddrPort { return Addr(c.RemoteAddr().String()) }

// layers yields c and what is below it, as far as layers tell what they stand on.
func layers(c net.Conn) iter.Seq[net.Conn] {
	return func(yield func(net.Conn) bool) {
		for yield(c) {
			layer, ok := c.(interface{ NetConn() net.Conn })
			if !ok {
				return
			}
			c = layer.NetConn()
		}
	}
}

// Socket returns what is below all layers of c that tell what they stand on, such
// as TLS. Closing it ends the connection at once; closing a layer may wait for the
// peer to take a farewell.
func Socket(c net.Conn) net.Conn {
	for l := range layers(c) {
		c = l
	}
	return c
}

// InTLS reports whether c or what it stands on is TLS.
func InTLS(c net.Conn) bool {
	for l := range layers(c) {
		if _, ok := l.(*tls.Conn); ok {
			return true
		}
	}
	return false
}

package stream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// maxPayload is the most that fits into a datagram (RFC 768, RFC 791).
const maxPayload = 65507

// gateway sends what a group of the hub holds to a multicast group, as XML, which
// every device on such a mesh understands.
type gateway struct {
	session
	in   *net.UDPConn // closed with it
	out  *net.UDPConn
	wake chan struct{}
}

// newGateway opens a socket of its own to send with, whose packets do not come
// back to this machine: they would be taken for somebody else's.
func newGateway(s *Server, in *net.UDPConn, group netip.AddrPort) (*gateway, error) {
	network := "udp4"
	if group.Addr().Is6() {
		network = "udp6"
	}
	out, err := net.DialUDP(network, nil, net.UDPAddrFromAddrPort(group))
	if err != nil {
		return nil, fmt.Errorf("stream: open the gateway: %w", err)
	}
	if network == "udp4" {
		err = ipv4.NewPacketConn(out).SetMulticastLoopback(false)
	} else {
		err = ipv6.NewPacketConn(out).SetMulticastLoopback(false)
	}
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("stream: open the gateway: %w", err)
	}
	g := &gateway{in: in, out: out, wake: make(chan struct{}, 1)}
	g.init(s, g, group, "udp")
	return g, nil
}

// ready implements transport.
func (g *gateway) ready() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// cut implements transport.
func (g *gateway) cut() {
	g.in.Close()
	g.out.Close()
}

// write sends what waits, one event per datagram.
func (g *gateway) write(ctx context.Context) {
	for {
		e, b, ok := g.q.Pop()
		if !ok {
			select {
			case <-g.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		g.q.Written() // nothing is sent a second time
		if e == nil || strings.HasPrefix(e.Type, typeControl) {
			continue // between server and client only
		}
		if len(b) > maxPayload {
			g.complain("an event is too large for a datagram", fmt.Errorf("%d bytes", len(b)))
			continue
		}
		// What the network does not take now is lost, as any datagram may be.
		if n, err := g.out.Write(b); err == nil {
			g.s.n.writes.Add(1)
			g.s.n.bytesOut.Add(int64(n))
		}
	}
}

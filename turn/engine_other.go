//go:build !linux

package turn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/run"
)

// The data path where there is no epoll: a goroutine for each socket.

const readPause = 10 * time.Millisecond // keeps an unforeseen error from spinning

// engine owns the sockets.
type engine struct {
	s     *Server
	door  *net.UDPConn
	group atomic.Pointer[run.Group]
}

// newEngine takes over the socket of l.
func newEngine(s *Server, l *net.UDPConn) (*engine, error) {
	_ = l.SetReadBuffer(4 << 20)
	_ = l.SetWriteBuffer(4 << 20)
	return &engine{s: s, door: l}, nil
}

func (e *engine) start(g *run.Group) {
	e.group.Store(g)
	g.Go(func(context.Context) {
		receive(e.door, func(b []byte, from netip.AddrPort) { e.fromClient(b[headroom:], from) })
	})
}

func (e *engine) stop()  { _ = e.door.Close() }
func (e *engine) close() { _ = e.door.Close() }

// receive hands over what comes, behind its headroom, until c is closed.
func receive(c *net.UDPConn, f func(b []byte, from netip.AddrPort)) {
	buf := make([]byte, slot)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf[headroom : headroom+maxPacket])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(readPause)
		default:
			f(buf[:headroom+n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

func (e *engine) fromClient(b []byte, from netip.AddrPort) {
	s := e.s
	data := isChannelData(b)
	switch {
	case !data && !isSTUN(b):
		s.n.malformed.Add(1)
		return
	case !data && !isSend(b):
		s.add(from, b)
		return
	}
	s.mu.RLock()
	a := s.byClient[from]
	s.mu.RUnlock()
	switch {
	case a == nil:
		s.n.unpermitted.Add(1)
	case data:
		a.fromStream(b)
	default:
		a.indication(b)
	}
}

func (e *engine) dest(a netip.AddrPort) dest { return dest(a) }

// send sends b to a client.
func (e *engine) send(d dest, b []byte) {
	if _, err := e.door.WriteToUDPAddrPort(b, netip.AddrPort(d)); err != nil {
		e.s.n.dropped.Add(1)
	}
}

// open opens a socket for a relay.
func (e *engine) open(local netip.Addr, port int) (*relay, error) {
	network := "udp4"
	if local.Is6() {
		network = "udp6"
	}
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, uint16(port))))
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(1 << 20)
	_ = c.SetWriteBuffer(1 << 20)
	return &relay{e: e, c: c}, nil
}

// relay is the socket of an allocation.
type relay struct {
	e    *engine
	c    *net.UDPConn
	once sync.Once
}

func (r *relay) start(a *allocation) {
	g := r.e.group.Load()
	if g == nil {
		return
	}
	g.Go(func(context.Context) {
		receive(r.c, func(b []byte, from netip.AddrPort) {
			if out := a.wrap(b, from, time.Now().UnixNano()); out != nil {
				a.toClient(out, len(b)-headroom)
			}
		})
	})
}

// send sends a packet to a peer.
func (r *relay) send(d dest, pkt []byte) {
	if _, err := r.c.WriteToUDPAddrPort(pkt, netip.AddrPort(d)); err != nil {
		r.e.s.n.dropped.Add(1)
	}
}

func (r *relay) close() { r.once.Do(func() { _ = r.c.Close() }) }

// dest is an address to send to.
type dest netip.AddrPort

func newDest(a netip.AddrPort, _ bool) dest { return dest(a) }

package turn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"muster/internal/mmsg"
	"muster/internal/run"
)

// The data path on Linux. The sockets are not in Go's poller, which would wake a
// goroutine for each packet of each relay: a few loops wait for many sockets at
// once (epoll), take what has come with one call per socket (recvmmsg), and send
// what goes to clients with one call for all (sendmmsg). Packets of one peer that
// follow each other leave as one segmented datagram (UDP GSO). A packet is
// received where the header that its client needs fits in front of it, and is not
// copied.

const (
	doorBuffer  = 4 << 20 // bytes; the kernel grants what net.core.rmem_max allows
	relayBuffer = 1 << 20
	batch       = 64 // packets of one call
	maxLoops    = 8
)

// engine owns the sockets.
type engine struct {
	s        *Server
	six      bool // the door speaks IPv6, and IPv4 in mapped form
	loops    []*loop
	next     atomic.Uint32
	stopping atomic.Bool
	noGSO    atomic.Bool // the kernel or the path does not take segmented sends

	mu   sync.RWMutex // held (reading) while door is used, so that it is not closed then
	door int          // -1: closed
}

// newEngine takes over the socket of l.
func newEngine(s *Server, l *net.UDPConn) (*engine, error) {
	defer l.Close()
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	e := &engine{s: s, door: -1}
	var dupErr error
	if err := raw.Control(func(fd uintptr) {
		e.door, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil || dupErr != nil {
		return nil, fmt.Errorf("door: %w", errors.Join(err, dupErr))
	}
	if err := unix.SetNonblock(e.door, true); err != nil {
		return nil, errors.Join(fmt.Errorf("door: %w", err), unix.Close(e.door))
	}
	bufferSizes(e.door, doorBuffer)
	sa, err := unix.Getsockname(e.door)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("door: %w", err), unix.Close(e.door))
	}
	_, e.six = sa.(*unix.SockaddrInet6)
	for range min(max(runtime.GOMAXPROCS(0)/2, 1), maxLoops) {
		lp, err := newLoop(e)
		if err != nil {
			e.close()
			return nil, err
		}
		e.loops = append(e.loops, lp)
	}
	if err := e.loops[0].watch(e.door); err != nil {
		e.close()
		return nil, fmt.Errorf("door: %w", err)
	}
	return e, nil
}

func bufferSizes(fd, size int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, size)
}

func (e *engine) start(g *run.Group) {
	for _, l := range e.loops {
		g.Go(func(context.Context) { l.run() })
	}
}

// stop makes the loops end.
func (e *engine) stop() {
	e.stopping.Store(true)
	for _, l := range e.loops {
		l.poke()
	}
}

// close closes what start and open have not; the loops have ended.
func (e *engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.door >= 0 {
		_ = unix.Close(e.door)
		e.door = -1
	}
	for _, l := range e.loops {
		l.close()
	}
}

// dest returns the form in which the door sends to a.
func (e *engine) dest(a netip.AddrPort) dest { return newDest(a, e.six) }

// send sends b to a client. It never blocks.
func (e *engine) send(d dest, b []byte) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.door >= 0 && mmsg.SendTo(e.door, &d, b) != nil {
		e.s.n.dropped.Add(1)
	}
}

// open opens a socket for a relay. Nothing is received before start.
func (e *engine) open(local netip.Addr, port int) (*relay, error) {
	domain := unix.AF_INET
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: port}
	if local.Is4() {
		sa.(*unix.SockaddrInet4).Addr = local.As4()
	} else {
		domain, sa = unix.AF_INET6, &unix.SockaddrInet6{Port: port, Addr: local.As16()}
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if domain == unix.AF_INET6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	bufferSizes(fd, relayBuffer)
	l := e.loops[int(e.next.Add(1))%len(e.loops)]
	return &relay{loop: l, fd: fd}, nil
}

// relay is the socket of an allocation.
type relay struct {
	loop  *loop
	fd    int
	alloc *allocation // set by start

	mu     sync.RWMutex // held (reading) while fd is used, so that it is not closed then
	closed bool
}

func (r *relay) start(a *allocation) {
	r.alloc = a
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return
	}
	r.loop.mu.Lock()
	r.loop.relays[r.fd] = r
	r.loop.mu.Unlock()
	_ = r.loop.watch(r.fd) // fails only for want of kernel memory; then nothing comes in
}

// send sends a packet to a peer. It never blocks.
func (r *relay) send(d dest, pkt []byte) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.closed && mmsg.SendTo(r.fd, &d, pkt) != nil {
		r.loop.e.s.n.dropped.Add(1)
	}
}

func (r *relay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	r.loop.mu.Lock()
	delete(r.loop.relays, r.fd)
	r.loop.mu.Unlock()
	_ = unix.Close(r.fd) // takes it off epoll, too
}

// dest is an address that a socket of this engine sends to.
type dest = mmsg.Name

// newDest returns a for a socket of IPv6, or of IPv4. Addresses come from the same
// sockets and so are of their kind.
func newDest(a netip.AddrPort, six bool) dest {
	n, _ := mmsg.NewName(a, six)
	return n
}

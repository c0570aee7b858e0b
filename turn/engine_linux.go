package turn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

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
	maxBurst    = 65000 // bytes of one segmented datagram
	maxSegments = 64    // UDP_MAX_SEGMENTS
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
	if e.door >= 0 && sendTo(e.door, d, b) != nil {
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
	if !r.closed && sendTo(r.fd, d, pkt) != nil {
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

// dest is an address in the form of the kernel.
type dest struct {
	sa unix.RawSockaddrInet6 // or the smaller one of IPv4 in its place
	n  uint32
}

// newDest returns a for a socket of IPv6, or of IPv4.
func newDest(a netip.AddrPort, six bool) (d dest) {
	port := a.Port()>>8 | a.Port()<<8 // to network order on a machine of either order
	if !littleEndian {
		port = a.Port()
	}
	if !six {
		s := (*unix.RawSockaddrInet4)(unsafe.Pointer(&d.sa))
		s.Family, s.Port = unix.AF_INET, port
		if a.Addr().Is4() {
			s.Addr = a.Addr().As4()
		}
		d.n = unix.SizeofSockaddrInet4
		return d
	}
	d.sa.Family, d.sa.Port, d.sa.Addr = unix.AF_INET6, port, a.Addr().As16()
	if z := a.Addr().Zone(); z != "" {
		if id, err := strconv.ParseUint(z, 10, 32); err == nil {
			d.sa.Scope_id = uint32(id)
		}
	}
	d.n = unix.SizeofSockaddrInet6
	return d
}

var littleEndian = func() bool { x := uint16(1); return *(*byte)(unsafe.Pointer(&x)) == 1 }()

// addrOf returns the canonical address in sa. A link-local one keeps its
// interface, as a number.
func addrOf(sa *unix.RawSockaddrInet6) netip.AddrPort {
	port := sa.Port
	if littleEndian {
		port = port>>8 | port<<8
	}
	if sa.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr), port)
	}
	a := netip.AddrFrom16(sa.Addr).Unmap()
	if sa.Scope_id != 0 && a.Is6() {
		a = a.WithZone(strconv.Itoa(int(sa.Scope_id)))
	}
	return netip.AddrPortFrom(a, port)
}

// sendTo sends one datagram. It does not wait, so the scheduler is not told.
func sendTo(fd int, d dest, b []byte) error {
	var p unsafe.Pointer
	if len(b) > 0 {
		p = unsafe.Pointer(&b[0])
	}
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(p), uintptr(len(b)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&d.sa)), uintptr(d.n))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}

// message is struct mmsghdr.
type message struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

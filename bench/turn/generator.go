//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	channel   = 0x4001
	header    = 4
	bufSize   = 4 << 20
	batchSize = 64
)

// generator is all clients and the peer.
type generator struct {
	o       options
	fds     []int
	epoll   int
	peer    *net.UDPConn
	packet  []byte
	started time.Time

	sent             int64
	echoed, received atomic.Int64
	stopping         atomic.Bool
	wg               sync.WaitGroup

	mu  sync.Mutex // guards rtt
	rtt []uint32   // µs
}

func newGenerator(o options, srv *server) (*generator, error) {
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	_ = peer.SetReadBuffer(bufSize)
	_ = peer.SetWriteBuffer(bufSize)
	g := &generator{o: o, peer: peer, started: time.Now(), packet: make([]byte, header+o.size)}
	binary.BigEndian.PutUint16(g.packet, channel)
	binary.BigEndian.PutUint16(g.packet[2:], uint16(o.size))
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	to := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	for range o.allocs {
		fd, err := allocate(srv, to)
		for begin := time.Now(); err != nil && len(g.fds) == 0 && time.Since(begin) < 10*time.Second; { // it is still starting
			time.Sleep(100 * time.Millisecond)
			fd, err = allocate(srv, to)
		}
		if err != nil {
			return nil, fmt.Errorf("client %d: %w", len(g.fds), err)
		}
		g.fds = append(g.fds, fd)
		if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return nil, err
		}
	}
	g.wg.Go(g.echo)
	g.wg.Go(g.receive)
	return g, nil
}

func (g *generator) close() {
	g.stopping.Store(true)
	g.peer.Close()
	g.wg.Wait()
	for _, fd := range g.fds {
		unix.Close(fd)
	}
	unix.Close(g.epoll)
}

func (g *generator) reset() {
	g.sent = 0
	g.echoed.Store(0)
	g.received.Store(0)
	g.mu.Lock()
	g.rtt = g.rtt[:0]
	g.mu.Unlock()
}

func (g *generator) times() []uint32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rtt
}

// run sends at rate for d, in bursts of one packet per client at most, and waits
// for what is under way.
func (g *generator) run(ctx context.Context, rate int, d time.Duration) {
	begin := time.Now()
	n, next := int64(0), 0
	for ctx.Err() == nil {
		at := time.Since(begin)
		if at > d {
			break
		}
		for due := int64(at.Seconds() * float64(rate)); n < due; n++ {
			binary.BigEndian.PutUint64(g.packet[header:], uint64(time.Since(g.started)))
			_, _ = unix.Write(g.fds[next], g.packet)
			next = (next + 1) % len(g.fds)
		}
		_ = unix.Nanosleep(&unix.Timespec{Nsec: 200_000}, nil)
	}
	g.sent += n
	time.Sleep(400 * time.Millisecond)
}

// echo is the peer.
func (g *generator) echo() {
	c := ipv4.NewPacketConn(g.peer)
	in := make([]ipv4.Message, batchSize)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 2048)}
	}
	for {
		n, err := c.ReadBatch(in, 0)
		if err != nil {
			return
		}
		g.echoed.Add(int64(n))
		for i := range in[:n] {
			in[i].Buffers[0] = in[i].Buffers[0][:in[i].N]
		}
		for at := 0; at < n; {
			m, err := c.WriteBatch(in[at:n], 0)
			if err != nil {
				break
			}
			at += m
		}
		for i := range in[:n] {
			in[i].Buffers[0] = in[i].Buffers[0][:2048]
		}
	}
}

// receive takes what comes back to the clients.
func (g *generator) receive() {
	events := make([]unix.EpollEvent, 128)
	buf := make([]byte, 2048)
	for !g.stopping.Load() {
		n, _ := unix.EpollWait(g.epoll, events, 100)
		g.mu.Lock()
		for _, ev := range events[:max(n, 0)] {
			now := time.Since(g.started)
			for {
				size, err := unix.Read(int(ev.Fd), buf)
				if err != nil {
					break
				}
				if size == len(g.packet) && binary.BigEndian.Uint16(buf) == channel {
					g.received.Add(1)
					g.rtt = append(g.rtt, uint32(max(now-time.Duration(binary.BigEndian.Uint64(buf[header:])), 0)/time.Microsecond))
				}
			}
		}
		g.mu.Unlock()
	}
}

// allocate opens a relay with a channel to peer and returns the client's socket.
func allocate(srv *server, peer netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufSize)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 3})
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: srv.addr.Addr().As4(), Port: int(srv.addr.Port())}); err != nil {
		return 0, err
	}
	transport := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	first, err := ask(fd, stun.MethodAllocate, transport)
	if err != nil {
		return 0, err
	}
	var realm stun.Realm
	var nonce stun.Nonce
	if err := first.Parse(&realm, &nonce); err != nil {
		return 0, err
	}
	login := []stun.Setter{stun.NewUsername(srv.username), realm, nonce, stun.NewLongTermIntegrity(srv.username, realm.String(), srv.password)}
	if _, err := ask(fd, stun.MethodAllocate, append([]stun.Setter{transport}, login...)...); err != nil {
		return 0, err
	}
	number := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{channel >> 8, channel & 0xff, 0, 0}}
	_, err = ask(fd, stun.MethodChannelBind, append([]stun.Setter{number, peerAddress(peer)}, login...)...)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	return fd, err
}

// again repeats a system call that a signal has interrupted.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return n, err
		}
	}
}

func ask(fd int, method stun.Method, attrs ...stun.Setter) (*stun.Message, error) {
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attrs...)...)
	if err != nil {
		return nil, err
	}
	if _, err := again(func() (int, error) { return unix.Write(fd, m.Raw) }); err != nil {
		return nil, err
	}
	buf := make([]byte, 2048)
	n, err := again(func() (int, error) { return unix.Read(fd, buf) })
	if err != nil {
		return nil, err
	}
	out := new(stun.Message)
	if err := stun.Decode(buf[:n], out); err != nil {
		return nil, err
	}
	var code stun.ErrorCodeAttribute
	if out.Type.Class == stun.ClassErrorResponse && code.GetFrom(out) == nil && code.Code != stun.CodeUnauthorized {
		return nil, fmt.Errorf("%s: %s", method, code)
	}
	if out.Type.Class == stun.ClassErrorResponse && len(attrs) > 1 {
		return nil, fmt.Errorf("%s: %s", method, code)
	}
	return out, nil
}

func peerAddress(a netip.AddrPort) stun.Setter {
	return addressSetter(a)
}

type addressSetter netip.AddrPort

// AddTo implements stun.Setter.
func (a addressSetter) AddTo(m *stun.Message) error {
	ap := netip.AddrPort(a)
	return (&stun.XORMappedAddress{IP: ap.Addr().AsSlice(), Port: int(ap.Port())}).AddToAs(m, stun.AttrXORPeerAddress)
}

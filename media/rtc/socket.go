package rtc

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
)

// socketBuffer is what is asked of the kernel for the one socket of all media.
const socketBuffer = 4 << 20 // bytes

// mediaSocket is the UDP socket of all peers and the ICE multiplexer on it.
type mediaSocket struct {
	*net.UDPConn
	mux      *ice.UDPMuxDefault
	readDone chan struct{}
	once     sync.Once
	noGSO    atomic.Bool // the kernel or the path does not take segmented sends

	relayed    relayed
	hostsKnown atomic.Pointer[knownHosts]
}

func newMediaSocket(c *net.UDPConn, log pionLog, relay func(relayed, from netip.AddrPort, pkt []byte) bool) *mediaSocket {
	// The kernel grants what net.core.rmem_max and wmem_max allow; less is no error.
	_ = c.SetReadBuffer(socketBuffer)
	_ = c.SetWriteBuffer(socketBuffer)
	s := &mediaSocket{UDPConn: c, readDone: make(chan struct{})}
	s.relayed.out = relay
	s.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: s, Logger: log.NewLogger("ice")})
	return s
}

// shut closes the socket and waits for the multiplexer's reader. The socket goes
// first: a reader that finds the multiplexer closed may leave without a sign.
func (s *mediaSocket) shut() {
	_ = s.UDPConn.Close()
	<-s.readDone
	_ = s.mux.Close()
}

// readPause keeps an unforeseen error of the socket from spinning.
const readPause = 10 * time.Millisecond

// ReadFromAddrPort implements ice.AddrPortReaderWriter. The multiplexer gives up
// on any error, and with it all peers would be lost, so only the end of the
// socket is reported.
func (s *mediaSocket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		if s.relayed.known.Load() > 0 {
			if n, from, ok := s.relayed.next(b); ok {
				return n, from, nil
			}
		}
		n, from, err := s.ReadFromUDPAddrPort(b)
		if err == nil {
			return n, from, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			_ = s.SetReadDeadline(time.Time{}) // and then look into the queue
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			s.once.Do(func() { close(s.readDone) })
			return 0, from, io.EOF
		}
		time.Sleep(readPause)
	}
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (s *mediaSocket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if s.toRelay(to, b) {
		return len(b), nil
	}
	return s.WriteToUDPAddrPort(b, to)
}

// maxSegments and maxBurst bound one segmented send: UDP_MAX_SEGMENTS of older
// kernels, and the largest UDP payload.
const (
	maxSegments = 64
	maxBurst    = 65000 // bytes
)

// send writes the packets that lie back to back in buf. Those of equal size,
// with a smaller one at their end, leave with one system call; that is what
// the packets of a video frame look like.
func (s *mediaSocket) send(to netip.AddrPort, buf []byte, sizes []int) {
	if s.relayed.known.Load() > 0 && s.relayed.has(to) {
		for _, l := range sizes {
			if !s.toRelay(to, buf[:l]) {
				return // it has just ended
			}
			buf = buf[l:]
		}
		return
	}
	for i := 0; i < len(sizes); {
		size, total, n := sizes[i], sizes[i], 1
		for i+n < len(sizes) && n < maxSegments && sizes[i+n] <= size && total+sizes[i+n] <= maxBurst {
			next := sizes[i+n]
			total += next
			n++
			if next < size {
				break
			}
		}
		if n == 1 || s.noGSO.Load() || !s.sendSegmented(to, buf[:total], size) {
			rest := buf[:total]
			for _, l := range sizes[i : i+n] {
				// UDP: what cannot be sent now is lost, and asked for again.
				_, _ = s.WriteToUDPAddrPort(rest[:l], to)
				rest = rest[l:]
			}
		}
		buf = buf[total:]
		i += n
	}
}

// burst gathers the RTP packets that one peer is sent at a time.
type burst struct {
	sock *mediaSocket

	mu    sync.Mutex // guards what follows; held while the socket is written
	users int        // between begin and end
	to    netip.AddrPort
	buf   *[]byte // nil while there are none
	sizes []int
}

var burstBuffers = sync.Pool{New: func() any { b := make([]byte, 0, maxBurst); return &b }}

// begin makes the peer's packets wait for end. Both may be called by several
// goroutines; whoever ends first sends what is there.
func (b *burst) begin() {
	b.mu.Lock()
	if b.users++; b.users == 1 {
		b.buf = burstBuffers.Get().(*[]byte)
	}
	b.mu.Unlock()
}

// flush sends what has been gathered.
func (b *burst) flush() {
	b.mu.Lock()
	b.flushLocked()
	b.mu.Unlock()
}

func (b *burst) end() {
	b.mu.Lock()
	b.flushLocked()
	if b.users--; b.users == 0 {
		burstBuffers.Put(b.buf)
		b.buf = nil
	}
	b.mu.Unlock()
}

func (b *burst) flushLocked() {
	if len(b.sizes) > 0 { // so there are users
		b.sock.send(b.to, *b.buf, b.sizes)
		*b.buf, b.sizes = (*b.buf)[:0], b.sizes[:0]
	}
}

// take gathers pkt if it is RTP and a burst is open; otherwise the caller sends.
func (b *burst) take(pkt []byte, to netip.AddrPort) bool {
	if !isRTP(pkt) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users == 0 {
		return false
	}
	if to != b.to || len(*b.buf)+len(pkt) > maxBurst {
		b.flushLocked()
		b.to = to
	}
	*b.buf = append(*b.buf, pkt...)
	b.sizes = append(b.sizes, len(pkt))
	return true
}

// isRTP tells RTP from RTCP, STUN and DTLS (RFC 7983 §7, RFC 5761 §4).
func isRTP(b []byte) bool {
	return len(b) >= 12 && b[0]>>6 == 2 && (b[1] < 192 || b[1] > 223)
}

// peerMux is one peer's view of the multiplexer: it says which addresses the
// peer is told, and puts the peer's burst in front of the socket.
type peerMux struct {
	sock  *mediaSocket
	hosts []netip.Addr
	out   *burst
}

// GetListenAddresses implements ice.UDPMux: these become the host candidates.
func (m *peerMux) GetListenAddresses() []net.Addr {
	port := m.sock.LocalAddr().(*net.UDPAddr).Port
	out := make([]net.Addr, len(m.hosts))
	for i, h := range m.hosts {
		out[i] = &net.UDPAddr{IP: h.AsSlice(), Port: port}
	}
	return out
}

// GetConn implements ice.UDPMux.
func (m *peerMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	if local := m.sock.LocalAddr().(*net.UDPAddr); !local.IP.IsUnspecified() {
		addr = local // the candidate may name the address of a NAT in front
	}
	c, err := m.sock.mux.GetConn(ufrag, addr)
	if err != nil {
		return nil, err
	}
	ap, ok := c.(ice.AddrPortReaderWriter)
	if !ok {
		return c, nil
	}
	return &peerConn{PacketConn: c, ap: ap, out: m.out}, nil
}

// RemoveConnByUfrag implements ice.UDPMux.
func (m *peerMux) RemoveConnByUfrag(ufrag string) { m.sock.mux.RemoveConnByUfrag(ufrag) }

// Close implements ice.UDPMux; the multiplexer outlives its peers.
func (m *peerMux) Close() error { return nil }

type peerConn struct {
	net.PacketConn
	ap  ice.AddrPortReaderWriter
	out *burst
}

func (c *peerConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return c.ap.ReadFromAddrPort(b)
}

func (c *peerConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if c.out.take(b, to) {
		return len(b), nil
	}
	return c.ap.WriteToAddrPort(b, to)
}

// bound returns the address the socket is bound to.
func (s *mediaSocket) bound() netip.Addr {
	a, _ := netip.AddrFromSlice(s.LocalAddr().(*net.UDPAddr).IP)
	return a
}

// hostsFor lists the addresses at which a client at remote is told to find what
// is bound to bound: those configured, then those of the machine. Loopback is only of use to a client that is on it.
func hostsFor(bound netip.Addr, configured []netip.Addr, remote netip.Addr) []netip.Addr {
	var out []netip.Addr
	have := make(map[netip.Addr]bool)
	bound = bound.Unmap()
	add := func(a netip.Addr) {
		if a.IsValid() && !have[a] && (a.Is4() || !bound.Is4()) {
			have[a] = true
			out = append(out, a)
		}
	}
	for _, a := range configured {
		add(a)
	}
	if bound.IsValid() && !bound.IsUnspecified() {
		add(bound)
		return out
	}
	found, err := net.InterfaceAddrs()
	if err != nil {
		return out
	}
	for _, f := range found {
		p, ok := f.(*net.IPNet)
		if !ok {
			continue
		}
		a, _ := netip.AddrFromSlice(p.IP)
		a = a.Unmap()
		if a.IsLoopback() && !remote.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
			continue
		}
		add(a)
		if len(out) == maxHosts {
			break
		}
	}
	return out
}

// maxHosts bounds the candidates of a machine with very many addresses.
const maxHosts = 16

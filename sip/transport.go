package sip

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"muster/internal/peer"
	"muster/internal/run"
	"muster/sip/transaction"
	"muster/sip/wire"
)

const (
	streamIdle    = 5 * time.Minute  // a connection on which nothing comes is closed
	streamWrite   = 10 * time.Second // for one message
	streamLogin   = 10 * time.Second // for the TLS handshake and the first message
	streamQueue   = 64               // messages that wait for a slow connection; beyond, it is closed
	datagramQueue = 4 << 20          // bytes of the kernel's buffers
)

var errSlow = errors.New("sip: the connection takes nothing")

// datagram is the way to a peer over UDP.
type datagram struct {
	sock   *net.UDPConn
	remote netip.AddrPort
	local  netip.AddrPort
}

// Send implements transaction.Flow.
func (d datagram) Send(b []byte) error {
	if _, err := d.sock.WriteToUDPAddrPort(b, d.remote); err != nil {
		return fmt.Errorf("sip: send: %w", err)
	}
	return nil
}

// Network implements transaction.Flow.
func (d datagram) Network() string { return "udp" }

// Remote implements transaction.Flow.
func (d datagram) Remote() netip.AddrPort { return d.remote }

// Local implements transaction.Flow.
func (d datagram) Local() netip.AddrPort { return d.local }

// stream is a connection.
type stream struct {
	conn          net.Conn
	network       string
	remote, local netip.AddrPort
	queue         chan []byte // full: the connection is closed
	done          chan struct{}
	once          sync.Once
}

// Send implements transaction.Flow.
func (c *stream) Send(b []byte) error {
	select {
	case <-c.done:
		return net.ErrClosed
	case c.queue <- b:
		return nil
	default:
		c.close()
		return errSlow
	}
}

// Network implements transaction.Flow.
func (c *stream) Network() string { return c.network }

// Remote implements transaction.Flow.
func (c *stream) Remote() netip.AddrPort { return c.remote }

// Local implements transaction.Flow.
func (c *stream) Local() netip.AddrPort { return c.local }

func (c *stream) close() {
	c.once.Do(func() {
		close(c.done)
		peer.Socket(c.conn).Close()
	})
}

func (c *stream) closed() <-chan struct{} { return c.done }

// write sends what is queued until the connection is closed.
func (c *stream) write(context.Context) {
	defer c.close()
	for {
		select {
		case <-c.done:
			return
		case b := <-c.queue:
			if c.conn.SetWriteDeadline(time.Now().Add(streamWrite)) != nil {
				return
			}
			if _, err := c.conn.Write(b); err != nil {
				return
			}
		}
	}
}

// alive reports whether messages can still go over f.
func alive(f transaction.Flow) bool {
	c, ok := f.(interface{ closed() <-chan struct{} })
	if !ok {
		return true
	}
	select {
	case <-c.closed():
		return false
	default:
		return true
	}
}

// serveUDP reads datagrams until ctx ends.
func (s *Server) serveUDP(ctx context.Context) error {
	sock, err := s.deps.Doors.ListenPacket(ctx, "sip-udp", s.cfg.UDPAddress)
	if err != nil {
		return err
	}
	defer sock.Close()
	defer context.AfterFunc(ctx, func() { sock.Close() })()
	_ = sock.SetReadBuffer(datagramQueue)  // the kernel may give less
	_ = sock.SetWriteBuffer(datagramQueue) // likewise
	s.setSocket(sock)
	defer s.setSocket(nil)
	buf := make([]byte, 64<<10)
	for {
		n, from, err := sock.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err == nil {
			s.datagram(sock, buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// datagram takes one datagram.
func (s *Server) datagram(sock *net.UDPConn, b []byte, from netip.AddrPort) {
	defer run.Recover(s.log, "sip")
	if len(b) < 20 || !s.admits(from.Addr()) { // a keep-alive, or nobody we answer
		return
	}
	m, err := wire.Parse(b)
	f := datagram{sock: sock, remote: from, local: netip.AddrPortFrom(s.facing(from.Addr()), portOf(sock))}
	if m != nil && m.IsRequest() {
		f.remote = answerTo(m, from)
	}
	s.message(f, from, m, err)
}

// answerTo returns where the answers to a datagram go (RFC 3581 §4, RFC 3261
// §18.2.2). Behind NAT the port in Via means nothing.
func answerTo(m *wire.Message, from netip.AddrPort) netip.AddrPort {
	if m.Via.Params.Has("rport") || m.Via.Host != from.Addr().String() && m.Via.Host != "["+from.Addr().String()+"]" {
		return from
	}
	port := m.Via.Port
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(from.Addr(), uint16(port))
}

// message passes a message on to the transactions, or answers what is wrong
// with it.
func (s *Server) message(f transaction.Flow, from netip.AddrPort, m *wire.Message, err error) {
	s.n.received.Add(1)
	if m != nil && m.IsRequest() && m.Answerable() {
		m.Stamp(from.Addr().String(), int(from.Port()))
	}
	var fault *wire.Fault
	switch {
	case err == nil:
		s.layer.Receive(f, m)
	case errors.As(err, &fault):
		s.n.malformed.Add(1)
		s.suspect(f)
		if fault.Status != 0 && m != nil {
			_ = f.Send(s.refusal(m, fault).Append(nil)) // not a transaction: asked again, answered again
		}
	}
}

func (s *Server) refusal(m *wire.Message, f *wire.Fault) *wire.Message {
	r := wire.NewResponse(m, f.Status, f.Reason, transaction.Tag())
	for _, tag := range f.Unsupported {
		r.Add("Unsupported", tag)
	}
	switch f.Status {
	case 415, 406:
		r.Add("Accept", "application/sdp")
	case 405:
		r.Add("Allow", allow)
	}
	return r
}

// accept serves the connections of l until it is closed.
func (s *Server) accept(ctx context.Context, l net.Listener, network string, cfg *tls.Config) error {
	if s.deps.Guard != nil {
		l = s.deps.Guard(l)
	}
	ctx, cancel := context.WithCancel(ctx)
	conns := run.NewGroup(ctx, s.log, "sip")
	defer conns.Wait()
	defer cancel()
	for {
		nc, err := l.Accept()
		if err != nil {
			return fmt.Errorf("sip: accept: %w", err)
		}
		if cfg != nil {
			nc = tls.Server(nc, cfg)
		}
		conns.Go(func(ctx context.Context) { s.serveConn(ctx, s.newStream(nc, network)) })
	}
}

func (s *Server) newStream(nc net.Conn, network string) *stream {
	return &stream{
		conn: nc, network: network, remote: peer.Of(nc), local: peer.Addr(nc.LocalAddr().String()),
		queue: make(chan []byte, streamQueue), done: make(chan struct{}),
	}
}

// serveConn reads messages from c until it is closed.
func (s *Server) serveConn(ctx context.Context, c *stream) {
	defer s.reg.gone(c)
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	writer := run.NewGroup(ctx, s.log, "sip")
	defer writer.Wait()
	defer c.close()
	writer.Go(c.write)
	r := bufio.NewReaderSize(c.conn, 4<<10)
	wait := streamLogin
	for {
		if c.conn.SetReadDeadline(time.Now().Add(wait)) != nil {
			return
		}
		m, err := wire.Read(r)
		if errors.Is(err, wire.ErrKeepAlive) {
			if c.Send([]byte("\r\n")) != nil {
				return
			}
			wait = streamIdle
			continue
		}
		if m == nil && err != nil || !s.admits(c.remote.Addr()) {
			return
		}
		wait = streamIdle
		s.message(c, c.remote, m, err)
		if err != nil && wire.Lost(err) {
			s.linger(c)
			return
		}
	}
}

// linger lets the answer to a broken message leave before the connection ends.
func (s *Server) linger(c *stream) {
	for range 20 {
		if len(c.queue) == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(5 * time.Millisecond)
}

// dial connects to a peer over TCP or TLS and serves the connection in g.
func (s *Server) dial(ctx context.Context, network, address string) (transaction.Flow, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("sip: connect: %w", err)
	}
	if network == "tls" {
		host, _, _ := net.SplitHostPort(address)
		tc := tls.Client(nc, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: s.deps.Roots})
		if err := tc.HandshakeContext(ctx); err != nil {
			nc.Close()
			return nil, fmt.Errorf("sip: connect: %w", err)
		}
		nc = tc
	}
	c := s.newStream(nc, network)
	if !s.group.Go(func(ctx context.Context) { s.serveConn(ctx, c) }) {
		nc.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

func portOf(c *net.UDPConn) uint16 { return uint16(c.LocalAddr().(*net.UDPAddr).Port) }

// facing returns the address under which the server is reached from remote.
func (s *Server) facing(remote netip.Addr) netip.Addr {
	if s.external.IsValid() && !remote.IsPrivate() && !remote.IsLoopback() && !remote.IsLinkLocalUnicast() {
		return s.external
	}
	s.facingMu.Lock()
	defer s.facingMu.Unlock()
	if a, ok := s.facingAddrs[remote]; ok {
		return a
	}
	a := netip.IPv4Unspecified()
	if c, err := net.Dial("udp", netip.AddrPortFrom(remote, 9).String()); err == nil { // sends nothing
		a = peer.Addr(c.LocalAddr().String()).Addr().WithZone("")
		c.Close()
	}
	if len(s.facingAddrs) >= 4096 {
		clear(s.facingAddrs)
	}
	s.facingAddrs[remote] = a
	return a
}

// maxAddrs is how many addresses of this machine are told to a phone.
const maxAddrs = 8

// hostAddrs are the addresses of this machine that others reach it at. Browsers
// on this machine come by them: they do not send media over the loopback.
func hostAddrs() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, n := range all {
		p, err := netip.ParsePrefix(n.String())
		if err == nil && p.Addr().IsGlobalUnicast() && len(out) < maxAddrs {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

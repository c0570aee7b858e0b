package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/quic-go/quic-go"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/peer"
	"muster/internal/run"
)

const (
	// alpn is what TAK Server and its clients call a CoT stream over QUIC.
	alpn = "takstream"

	// How much a client may send ahead of what was read, per connection.
	quicWindow    = 256 << 10
	quicMaxWindow = 2 << 20

	quicKeepAlive = 15 * time.Second

	// The application error codes a connection is closed with.
	quicDone    quic.ApplicationErrorCode = 0
	quicRefused quic.ApplicationErrorCode = 1
)

// quicClient is a client by QUIC: its first bidirectional stream is its CoT
// stream.
type quicClient struct {
	session
	qc     *quic.Conn
	wake   chan struct{}
	isHeld chan struct{} // closed when sending begins
}

// serveQUIC serves the door once, until ctx ends or the socket is lost.
func (s *Server) serveQUIC(ctx context.Context) error {
	const name = "cot-quic"
	pc, err := s.deps.Doors.ListenPacket(ctx, name, s.cfg.QUICAddress)
	if err != nil {
		return err
	}
	defer pc.Close()
	conns := limit.NewConns(s.cfg.Connections)
	tr := &quic.Transport{
		Conn: pc,
		// Beyond some unfinished handshakes the address must prove to be its own.
		VerifySourceAddress: func(addr net.Addr) bool { return conns.Open() > s.cfg.Handshakes.Total/4 },
	}
	defer tr.Close()
	l, err := tr.Listen(s.quicTLS(), &quic.Config{
		HandshakeIdleTimeout: s.cfg.HandshakeTimeout / 2, // in all it may take twice that
		KeepAlivePeriod:      quicKeepAlive,
		MaxIncomingStreams:   1, MaxIncomingUniStreams: -1,
		InitialStreamReceiveWindow: quicWindow, MaxStreamReceiveWindow: quicMaxWindow,
		InitialConnectionReceiveWindow: quicWindow, MaxConnectionReceiveWindow: quicMaxWindow,
	})
	if err != nil {
		return s.deps.Doors.Failed(name, "udp", s.cfg.QUICAddress, err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	group := run.NewGroup(ctx, s.log, "cot")
	defer group.Wait()
	defer cancel()
	for {
		qc, err := l.Accept(ctx)
		if err != nil {
			return fmt.Errorf("stream: accept: %w", err)
		}
		s.n.accepted.Add(1)
		release, ok := conns.Acquire(peer.Addr(qc.RemoteAddr().String()).Addr())
		if !ok {
			_ = qc.CloseWithError(quicRefused, "too many connections") // it is over either way
			continue
		}
		started := group.Go(func(ctx context.Context) {
			defer release()
			s.serveQUICConn(ctx, qc)
		})
		if !started {
			release()
			_ = qc.CloseWithError(quicDone, "") // it is over either way
		}
	}
}

// quicTLS takes the name that TAK uses and, since nothing else is served here, any
// other that a client asks for.
func (s *Server) quicTLS() *tls.Config {
	base := s.deps.TLS.Clone()
	base.MinVersion = tls.VersionTLS13
	base.NextProtos = []string{alpn}
	base.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(h.SupportedProtos) == 0 || slices.Contains(h.SupportedProtos, alpn) {
			return nil, nil
		}
		c := base.Clone()
		c.NextProtos = h.SupportedProtos[:1]
		c.GetConfigForClient = nil
		return c, nil
	}
	return base
}

func (s *Server) serveQUICConn(ctx context.Context, qc *quic.Conn) {
	defer run.Recover(s.log, "cot")
	c := &quicClient{qc: qc, wake: make(chan struct{}, 1), isHeld: make(chan struct{})}
	c.init(s, c, peer.Addr(qc.RemoteAddr().String()), "quic")
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	defer c.cut()
	st, err := c.prove(ctx)
	if err != nil {
		s.n.unproven.Add(1)
		c.log().Warn("refused", "error", err)
		_ = qc.CloseWithError(quicRefused, "refused") // it is over either way
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.log, "cot")
	g.Go(func(ctx context.Context) { c.write(ctx, st) })
	err = c.read(ctx, st)
	cancel()
	c.cut()
	g.Wait()
	c.leave(err)
}

// prove finds out who the client is, makes it known to the hub and waits for its
// stream.
func (c *quicClient) prove(ctx context.Context) (*quic.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, c.s.cfg.HandshakeTimeout)
	defer cancel()
	certs := c.qc.ConnectionState().TLS.PeerCertificates
	if len(certs) == 0 {
		return nil, auth.ErrNoCredentials
	}
	id, err := c.s.deps.Auth.Authenticate(ctx, auth.Proof{Cert: certs[0], Remote: c.remote.Addr(), Protocol: "cot"})
	if err != nil {
		return nil, err
	}
	st, err := c.qc.AcceptStream(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait for the stream: %w", err)
	}
	return st, c.enter(id, certs[0].Subject.String(), "")
}

// ready implements transport.
func (c *quicClient) ready() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// cut implements transport.
func (c *quicClient) cut() { _ = c.qc.CloseWithError(quicDone, "") } // closing twice is harmless

func (c *quicClient) read(ctx context.Context, st *quic.Stream) error {
	buf := make([]byte, 4<<10)
	began := false
	begin := func() {
		if began {
			return
		}
		began = true
		if c.scan.IsProto() {
			c.framed()
		} else {
			c.offer()
		}
		close(c.isHeld)
	}
	if err := st.SetReadDeadline(time.Now().Add(firstByte)); err != nil {
		return err
	}
	for {
		n, err := st.Read(buf)
		if n > 0 {
			if err := c.feed(ctx, buf[:n]); err != nil {
				return err
			}
		}
		first := !began
		begin()
		if first {
			if err := st.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
			var timeout interface{ Timeout() bool }
			if errors.As(err, &timeout) && timeout.Timeout() {
				continue
			}
		}
		if err != nil {
			return err
		}
	}
}

// write sends what waits.
func (c *quicClient) write(ctx context.Context, st *quic.Stream) {
	var buf []byte
	select {
	case <-c.isHeld:
	case <-ctx.Done():
		return
	}
	for {
		out, _, more := c.q.Append(buf[:0], writeSize)
		if len(out) > 0 {
			if _, err := st.Write(out); err != nil {
				c.cut()
				return
			}
			c.q.Written()
			c.s.n.writes.Add(1)
			c.s.n.bytesOut.Add(int64(len(out)))
		}
		if buf = out; cap(buf) > 2*writeSize {
			buf = nil
		}
		if more {
			continue
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
	}
}

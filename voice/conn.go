package voice

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/peer"
	"muster/internal/run"
	"muster/voice/ocb2"
	"muster/voice/wire"
)

const (
	// maxEarly is the longest message before a login, and maxMessage after it.
	maxEarly   = 8 << 10
	maxMessage = 1 << 20
	// earlyMessages is how many messages may come before a login.
	earlyMessages = 16

	lingerTime  = time.Second
	lingerBytes = 64 << 10
)

// The reasons a connection is ended for.
var (
	errTooLong  = errors.New("voice: message too long")
	errNoLogin  = errors.New("voice: too many messages before a login")
	errSilent   = errors.New("voice: the client was silent for too long")
	errReplaced = errors.New("voice: the same device has logged in again")
	errStopped  = errors.New("voice: the server stops")
)

// conn is one connection of a client.
type conn struct {
	s      *Server
	sock   *socket
	tls    *tls.Conn
	remote netip.AddrPort
	log    *slog.Logger
	in     *bufio.Reader
	msg    []byte // of readFrame
	f      *flusher
	out    out

	certs   []*x509.Certificate
	version wire.Version
	u       *user // set under Server.mu at the login
	session *auth.Session

	ended  atomic.Pointer[error]
	heard  atomic.Int64 // when the last message or packet came, ns since 1970
	limits floods       // of the goroutine that reads

	useUDP   atomic.Bool                    // voice goes by UDP if there is an address
	addr     atomic.Pointer[netip.AddrPort] // by UDP; nil: none
	heardUDP atomic.Int64                   // ns since 1970

	sealMu sync.Mutex // guards sealer; a leaf
	sealer *ocb2.Sealer

	openMu sync.Mutex // guards what follows; a leaf
	opener *ocb2.Opener
	rate   speech
	asked  time.Time // when the client was asked for its nonce last
	resync uint32

	statMu sync.Mutex // guards ping; a leaf
	ping   wire.Ping  // the last of the client
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, sock: newSocket(nc), remote: peer.Of(nc)}
	c.f = s.flushers[int(s.nextFlusher.Add(1))%len(s.flushers)]
	c.sock.written = c.ready
	c.tls = tls.Server(c.sock, s.tls)
	c.log = s.log.With("remote", c.remote)
	c.in = bufio.NewReaderSize(c.tls, 4<<10)
	c.useUDP.Store(true)
	return c
}

// cut ends the connection from any goroutine, without waiting for anything.
func (c *conn) cut() { c.sock.Conn.Close() }

// end ends the connection because of reason.
func (c *conn) end(reason error) {
	c.ended.CompareAndSwap(nil, &reason)
	c.cut()
}

// finish sends frames and ends the connection then. A client that does
// not take them is cut off.
func (c *conn) finish(frames []byte, reason error) {
	c.ended.CompareAndSwap(nil, &reason)
	c.out.last(frames)
	c.ready()
	time.AfterFunc(lingerTime, c.cut)
}

// ready tells the flusher that something waits.
func (c *conn) ready() {
	c.out.mu.Lock()
	queued := c.out.queued
	c.out.queued = true
	c.out.mu.Unlock()
	if !queued {
		c.f.add(c)
	}
}

// send queues frames for the client.
func (c *conn) send(frames []byte) {
	if !c.out.control(frames) {
		c.s.n.slow.Add(1)
		c.end(errSlow)
		return
	}
	c.ready()
}

// news queues frames that may wait a little for others.
func (c *conn) news(frames []byte) {
	if !c.out.control(frames) {
		c.s.n.slow.Add(1)
		c.end(errSlow)
		return
	}
	c.out.mu.Lock()
	known := c.out.queued || c.out.lazy
	c.out.lazy = true
	c.out.mu.Unlock()
	if !known {
		c.s.lazies.add(c)
	}
}

func (c *conn) reply(m wire.Message) { c.send(wire.AppendFrame(nil, m)) }

// readFrame returns the next message. What it returns is valid until the next
// call. Memory grows with what has come, not with what is said to come.
func (c *conn) readFrame(limit uint32) (wire.Type, []byte, error) {
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, nil, err
	}
	t, n := wire.Header(head)
	if n > limit {
		return 0, nil, fmt.Errorf("%w: %d bytes of type %d", errTooLong, n, t)
	}
	const step = 16 << 10
	c.msg = c.msg[:0]
	for rest := int(n); rest > 0; {
		k := min(rest, step)
		at := len(c.msg)
		c.msg = append(c.msg, make([]byte, k)...)
		if _, err := io.ReadFull(c.in, c.msg[at:]); err != nil {
			return 0, nil, err
		}
		rest -= k
	}
	body := c.msg
	if cap(c.msg) > 2*step {
		c.msg = nil // body holds it for as long as it is used
	}
	c.s.n.bytesIn.Add(int64(len(body)) + wire.HeaderSize)
	return t, body, nil
}

// serve runs the connection to its end.
func (c *conn) serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { c.end(errStopped) })
	defer stop()
	defer c.cut()
	err := c.login(ctx)
	if err == nil {
		err = c.converse(ctx)
	}
	if c.u != nil {
		c.s.leave(c.u, nil)
	}
	if c.session != nil {
		c.session.Close()
	}
	c.report(err)
}

// report logs how the connection ended.
func (c *conn) report(err error) {
	if r := c.ended.Load(); r != nil {
		err = *r
	}
	var no *refusal
	switch {
	case errors.As(err, &no):
		c.s.n.refused.Add(1)
		c.log.Info("login refused", "reason", no.text, "cause", no.cause)
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		c.log.Debug("connection ended")
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.log.Debug("a client did not log in in time")
	case errors.Is(err, wire.ErrMalformed), errors.Is(err, errTooLong), errors.Is(err, errNoLogin):
		c.s.n.malformed.Add(1)
		c.log.Info("connection ended", "error", err)
	default:
		c.log.Info("connection ended", "error", err)
	}
}

// converse handles what a client sends after its login.
func (c *conn) converse(ctx context.Context) error {
	for {
		t, body, err := c.readFrame(maxMessage)
		if err != nil {
			return err
		}
		now := time.Now()
		c.heard.Store(now.UnixNano())
		if t == wire.TypeUDPTunnel {
			c.useUDP.Store(false)
			c.tunnelled(body, now)
			continue
		}
		if t != wire.TypePing {
			if err := c.limits.wait(ctx, c, now); err != nil {
				return err
			}
		}
		if err := c.handle(ctx, t, body); err != nil {
			return err
		}
	}
}

// tunnelled takes a voice packet that came by TCP.
func (c *conn) tunnelled(b []byte, now time.Time) {
	if len(b) == 0 || len(b) > wire.MaxVoice {
		return
	}
	if b[0]>>5 == wire.KindPing {
		var frame [wire.HeaderSize + wire.MaxVoice]byte
		c.send(append(wire.AppendHeader(frame[:0], wire.TypeUDPTunnel, len(b)), b...))
		return
	}
	c.s.heardVoice(c, b, now)
}

// handshake does TLS and asks for a certificate, which need not be there.
func (c *conn) handshake(ctx context.Context) error {
	if err := c.tls.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("voice: handshake: %w", err)
	}
	c.certs = c.tls.ConnectionState().PeerCertificates
	return nil
}

// write writes a frame before the login is done, when nobody else writes.
func (c *conn) write(m wire.Message) error {
	_, err := c.tls.Write(wire.AppendFrame(nil, m))
	return err
}

// linger lets the client read why it was refused: a connection that is closed
// with unread bytes is reset, and what was sent is lost.
func (c *conn) linger() {
	if err := c.tls.CloseWrite(); err != nil {
		return
	}
	if err := c.sock.SetReadDeadline(time.Now().Add(lingerTime)); err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.tls, lingerBytes)
}

// accept serves the connections of l until it is closed, and waits for them.
func (s *Server) accept(ctx context.Context, l net.Listener) error {
	if s.deps.Guard != nil {
		l = s.deps.Guard(l)
	}
	ctx, cancel := context.WithCancel(ctx)
	conns := run.NewGroup(ctx, s.log, "voice")
	defer conns.Wait()
	defer cancel()
	for {
		nc, err := l.Accept()
		if err != nil {
			return fmt.Errorf("voice: accept: %w", err)
		}
		conns.Go(func(ctx context.Context) {
			s.n.open.Add(1)
			defer s.n.open.Add(-1)
			newConn(s, nc).serve(ctx)
		})
	}
}

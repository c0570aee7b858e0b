package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/peer"
	"muster/internal/run"
)

const (
	// Limits before a client has proven who it is.
	loginLimit = 64 << 10 // bytes in all

	// firstByte is how long the first event to a client waits for the first byte
	// from it: one that begins with a frame understands no XML.
	firstByte = 200 * time.Millisecond
	// anonymousWait is how long a client that says nothing is given for a login
	// where none is needed.
	anonymousWait = 2 * time.Second
)

// The reasons a connection is ended for before the hub knows it.
var (
	errNoLogin    = errors.New("the client sent events before a login")
	errLoginLimit = errors.New("the client sent too much before a login")
)

// conn is one connection by TCP or TLS.
type conn struct {
	session
	sock  *socket
	f     *flusher
	group *run.Group

	mu      sync.Mutex // guards what follows; held during a write, which does not block
	held    bool       // nothing is sent yet
	waiting bool       // drain writes, nobody else may
}

// open begins to serve a connection that was just accepted.
func (s *Server) open(ctx context.Context, group *run.Group, nc net.Conn, secure *tls.Config) {
	s.n.accepted.Add(1)
	peer.LimitUnsent(nc)
	remote := peer.Of(nc)
	c := &conn{sock: newSocket(nc, secure), group: group, held: true}
	place, evicted := s.pending.add(c.sock, remote.Addr())
	if evicted {
		s.n.evicted.Add(1)
	}
	if place == nil {
		s.n.evicted.Add(1)
		nc.Close()
		return
	}
	proto := "tcp"
	if secure != nil {
		proto = "tls"
	}
	c.f = s.flushers[int(s.next.Add(1))%len(s.flushers)]
	c.session.init(s, c, remote, proto)
	started := group.Go(func(ctx context.Context) {
		defer place.done()
		c.begin(ctx)
	})
	if !started {
		place.done()
		nc.Close()
	}
}

// begin finds out who the client is and hands over to serve, in a goroutine whose
// stack has not grown in a handshake.
func (c *conn) begin(ctx context.Context) {
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	first, err := c.prove(ctx)
	if err != nil {
		c.cut()
		c.unproven(err)
		return
	}
	c.scan.SetLimits(c.s.limits)
	c.sock.switchOver(c.ready)
	if !c.group.Go(func(ctx context.Context) { c.serve(ctx, first) }) {
		c.leave(context.Cause(ctx))
		c.cut()
	}
}

func (c *conn) unproven(err error) {
	c.s.n.unproven.Add(1)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		c.log().Debug("connection ended before it was known whose it is", "error", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.log().Debug("a client did not prove in time who it is")
	default:
		c.log().Warn("refused", "error", err)
	}
}

// prove finds out who the client is and makes it known to the hub. It returns the
// first event where that took reading it.
func (c *conn) prove(ctx context.Context) (first *wire.Event, err error) {
	limit := time.Now().Add(c.s.cfg.HandshakeTimeout)
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	if err := c.sock.SetDeadline(limit); err != nil {
		return nil, err
	}
	var id auth.Identity
	subject := ""
	if c.sock.tls != nil {
		if err := c.sock.tls.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("handshake: %w", err)
		}
		var cert *x509.Certificate
		if certs := c.sock.tls.ConnectionState().PeerCertificates; len(certs) > 0 {
			cert = certs[0]
			subject = cert.Subject.String()
		}
		id, err = c.s.deps.Auth.Authenticate(ctx, auth.Proof{Cert: cert, Remote: c.remote.Addr(), Protocol: "cot"})
	} else {
		id, first, err = c.login(ctx, limit)
	}
	if err != nil {
		return nil, err
	}
	if err := c.sock.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return first, c.enter(id, subject, "")
}

// login reads what the client sends first by plain TCP: its credentials, or an
// event where they are not needed.
func (c *conn) login(ctx context.Context, limit time.Time) (id auth.Identity, first *wire.Event, err error) {
	early := c.s.limits
	early.Event = min(early.Event, loginLimit)
	c.scan.SetLimits(early)
	cfg := c.s.deps.Config
	anonymous := auth.Anonymous(cfg.AnonymousGroup)
	if cfg.Anonymous {
		if err := c.sock.SetReadDeadline(time.Now().Add(anonymousWait)); err != nil {
			return id, nil, err
		}
	}
	for total := 0; total < loginLimit; {
		n, err := c.readEarly()
		total += n
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && cfg.Anonymous && total == 0:
			return anonymous, nil, nil
		case err != nil:
			return id, nil, err
		}
		if err := c.sock.SetReadDeadline(limit); err != nil {
			return id, nil, err
		}
		for len(c.left) > 0 {
			it, n, err := c.scan.Next(c.left)
			if err != nil {
				return id, nil, err
			}
			if it.Kind == wire.None && n == 0 {
				break
			}
			// Before the bytes are given up, for it shares them.
			first, known, err := c.early(ctx, it, &id)
			c.left = c.left[n:]
			if err != nil {
				return id, nil, err
			}
			if known {
				return id, first, nil
			}
		}
	}
	return id, nil, errLoginLimit
}

// readEarly appends what comes next to c.left.
func (c *conn) readEarly() (int, error) {
	const piece = 2 << 10
	c.left = append(c.left, make([]byte, piece)...)
	n, err := c.sock.Read(c.left[len(c.left)-piece:])
	c.left = c.left[:len(c.left)-piece+n]
	c.s.n.bytesIn.Add(int64(n))
	return n, err
}

// early looks at one thing found before the client is known.
func (c *conn) early(ctx context.Context, it wire.Item, id *auth.Identity) (first *wire.Event, known bool, err error) {
	cfg := c.s.deps.Config
	switch {
	case it.Kind == wire.Auth:
		creds, err := wire.ParseAuth(it.Data)
		if err != nil {
			return nil, false, fmt.Errorf("login: %w", err)
		}
		*id, err = c.s.deps.Auth.Authenticate(ctx, auth.Proof{
			User: creds.Username, Password: creds.Password, Remote: c.remote.Addr(), Protocol: "cot",
		})
		if err != nil {
			return nil, false, fmt.Errorf("login of %q: %w", creds.Username, err)
		}
		return nil, true, nil
	case it.Kind == wire.None || it.Kind == wire.Skipped:
		return nil, false, nil
	case !cfg.Anonymous:
		return nil, false, errNoLogin
	}
	*id = auth.Anonymous(cfg.AnonymousGroup)
	parse := wire.ParseXML
	if it.Kind == wire.Proto {
		parse = wire.ParseProto
	}
	ev, err := parse(it.Data, c.s.limits)
	if err != nil {
		c.s.n.malformed.Add(1)
		ev = nil // the client is known all the same
	}
	return ev, true, nil
}

// serve reads to the end of the connection.
func (c *conn) serve(ctx context.Context, first *wire.Event) {
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	defer c.cut()
	err := c.read(ctx, first)
	c.mu.Lock()
	c.held = true // a write under way comes to its end before the queue is given up
	c.mu.Unlock()
	c.leave(err)
}

func (c *conn) read(ctx context.Context, first *wire.Event) error {
	if len(c.left) == 0 && first == nil {
		if err := c.awaitFirst(ctx); err != nil {
			return err
		}
	}
	if c.scan.IsProto() {
		c.framed()
	} else {
		c.offer()
	}
	c.release()
	if first != nil {
		c.take(ctx, first)
	}
	early := c.left
	c.left = nil // an idle connection holds no memory
	if len(early) > 0 {
		if err := c.feed(ctx, early); err != nil {
			return err
		}
	}
	wasXML := !c.scan.IsProto()
	for {
		err := c.sock.pump(func(b []byte) error { return c.feed(ctx, b) })
		if err != nil {
			return err
		}
		if wasXML && c.scan.IsProto() {
			wasXML = false
			if !c.granted { // it is late to begin with a frame, but it did
				c.framed()
			}
		}
	}
}

// awaitFirst gives the client a moment to begin, so that nothing is sent in a
// form it does not understand.
func (c *conn) awaitFirst(ctx context.Context) error {
	if err := c.sock.SetReadDeadline(time.Now().Add(firstByte)); err != nil {
		return err
	}
	for came := false; !came; {
		err := c.sock.pump(func(b []byte) error {
			came = true
			return c.feed(ctx, b)
		})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return err
		}
	}
	return c.sock.SetReadDeadline(time.Time{})
}

// release begins to send.
func (c *conn) release() {
	c.mu.Lock()
	c.held = false
	c.mu.Unlock()
	c.ready()
}

// ready implements transport.
func (c *conn) ready() { c.f.add(c) }

// cut implements transport.
func (c *conn) cut() { c.sock.Close() }

// flush sends what waits, as far as the socket takes it. Only the connection's
// flusher calls it.
func (c *conn) flush(f *flusher) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held || c.waiting {
		return // release or drain call ready when they are done
	}
	for {
		out, n, more := c.q.Append(f.plain[:0], writeSize)
		f.copies += n
		f.plain, f.buf = out, out
		if c.sock.tls != nil {
			var err error
			if f.cipher, err = c.sock.seal(f.cipher, out); err != nil {
				c.End(fmt.Errorf("send: %w", err))
				return
			}
			f.buf = f.cipher
		}
		if len(f.buf) == 0 {
			return
		}
		sent, err := c.sock.tryWrite(f)
		f.writes++
		c.s.n.writes.Add(1)
		c.s.n.bytesOut.Add(int64(sent))
		if err != nil {
			c.End(fmt.Errorf("send: %w", err))
			return
		}
		if sent < len(f.buf) {
			c.block(f.buf[sent:])
			return
		}
		c.q.Written()
		if !more {
			return
		}
	}
}

// block leaves the rest of a write to a goroutine that waits for the client; c.mu
// is held.
func (c *conn) block(rest []byte) {
	c.s.n.blocked.Add(1)
	c.waiting = true
	rest = append([]byte(nil), rest...)
	c.group.Go(func(context.Context) { c.drain(rest) })
}

func (c *conn) drain(rest []byte) {
	if err := c.sock.writeAll(rest); err != nil {
		c.End(fmt.Errorf("send: %w", err))
		return
	}
	c.s.n.bytesOut.Add(int64(len(rest)))
	c.q.Written()
	c.mu.Lock()
	c.waiting = false
	c.mu.Unlock()
	c.ready()
}

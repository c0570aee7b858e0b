package rtsp

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"muster/internal/peer"
	"muster/internal/run"
	"muster/media"
)

const (
	readBuffer   = 4 << 10  // bytes; of a connection that sends requests and reports
	recordBuffer = 32 << 10 // bytes; of a publisher
	// loginTime is how many read timeouts a client has to prove who it is.
	loginTime = 3
	frameHead = 4 // '$', channel, length (RFC 2326 §10.12)
)

// conn is one RTSP connection. It carries at most one session, which ends with
// it. Everything is owned by the goroutine in serve unless said otherwise.
type conn struct {
	srv     *Server
	nc      net.Conn // what is read and written
	raw     net.Conn // nc, or the socket below TLS; closed to end the connection at once
	secure  bool
	remote  netip.AddrPort
	log     *slog.Logger
	group   *run.Group
	started time.Time
	agent   string

	br       *bufio.Reader
	deadline time.Time // of reading, as armed
	login    login
	session  *session
	closing  error // ends the connection after the response is written

	// wmu makes each message go out whole. It guards the socket's sending side
	// and nothing else, and so is held while writing.
	wmu           sync.Mutex
	writeDeadline time.Time // under wmu

	ended atomic.Pointer[error] // why end was called; any goroutine
	alive atomic.Int64          // Unix ms of the last UDP packet from the client; any goroutine
}

// tlsConn is what *tls.Conn, or what wraps one, can do.
type tlsConn interface {
	HandshakeContext(ctx context.Context) error
	ConnectionState() tls.ConnectionState
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, raw: peer.Socket(nc), remote: peer.Of(nc), started: time.Now(), br: bufio.NewReaderSize(nc, readBuffer)}
	_, c.secure = nc.(tlsConn)
	c.log = s.log.With("conn", s.stats.connsTotal.Add(1), "protocol", c.protocol(), "remote", c.remote)
	peer.LimitUnsent(c.raw)
	return c
}

func (c *conn) protocol() string {
	if c.secure {
		return "rtsps"
	}
	return "rtsp"
}

func (c *conn) client() media.Client {
	return media.Client{Protocol: c.protocol(), Remote: c.remote, Agent: c.agent}
}

// end ends the connection from any goroutine, at once and without blocking. The
// first reason stays.
func (c *conn) end(reason error) {
	c.ended.CompareAndSwap(nil, &reason)
	// Not nc.Close: that of TLS waits for a write that may be blocked.
	c.raw.Close()
}

// close ends what the connection has open in the hub and then the connection.
func (c *conn) close() {
	if c.session != nil {
		c.raw.Close() // first, so that a blocked writer does not hold up the rest
		c.endSession(errClosed)
	}
	c.raw.Close()
}

var (
	errClosed = errors.New("the client closed the connection")
	errSilent = errors.New("the client sent nothing for too long")
)

// serve reads requests and interleaved frames until the connection ends.
func (c *conn) serve(ctx context.Context) error {
	if tc, ok := c.nc.(tlsConn); ok {
		if err := c.arm(); err != nil {
			return err
		}
		if err := tc.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("rtsp: TLS handshake: %w", err)
		}
	}
	for c.closing == nil {
		if err := c.arm(); err != nil {
			return err
		}
		first, err := c.br.Peek(1)
		if errors.Is(err, os.ErrDeadlineExceeded) && c.aliveByUDP() {
			continue
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
			return errClosed
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errSilent
		case err != nil:
			return err
		}
		switch first[0] {
		case '$':
			err = c.readFrame()
		case '\r', '\n':
			_, err = c.br.Discard(1) // some clients send one between requests
		default:
			if !isToken(string(first)) { // nor would a line end ever come: TLS, say
				return malformedf("neither a request nor media")
			}
			err = c.request(ctx)
		}
		if err != nil {
			return err
		}
	}
	return c.closing
}

// arm sets by when the next message must have come.
func (c *conn) arm() error {
	now := time.Now()
	d := now.Add(c.srv.cfg.SessionTimeout)
	switch {
	case !c.login.done:
		d = now.Add(c.srv.cfg.ReadTimeout)
		if last := c.started.Add(loginTime * c.srv.cfg.ReadTimeout); d.After(last) {
			d = last
		}
	case c.session != nil && c.session.pub != nil:
		d = now.Add(c.srv.cfg.ReadTimeout)
	}
	// Setting a deadline has a cost; once per second is precise enough.
	if diff := d.Sub(c.deadline); diff < time.Second && diff >= 0 && now.Before(c.deadline) {
		return nil
	}
	c.deadline = d
	return c.nc.SetReadDeadline(d)
}

// aliveByUDP reports whether a client that is silent on TCP has sent media or
// reports over UDP.
func (c *conn) aliveByUDP() bool {
	s := c.session
	if s == nil || s.udp == nil || c.br.Buffered() > 0 {
		return false
	}
	limit := c.srv.cfg.SessionTimeout
	if s.pub != nil {
		limit = c.srv.cfg.ReadTimeout
	}
	return time.Since(time.UnixMilli(c.alive.Load())) < limit
}

// request reads and answers one request.
func (c *conn) request(ctx context.Context) error {
	req, err := readRequest(c.br)
	var bad *malformed
	switch {
	case errors.As(err, &bad):
		c.respond(&response{code: 400, reason: "Bad Request: " + bad.why}, "")
		return err
	case errors.Is(err, errVersion):
		c.respond(&response{code: 505}, req.cseq)
		return err
	case err != nil:
		return err
	}
	c.srv.stats.requests.Add(1)
	if c.agent == "" {
		c.agent = req.get("User-Agent")
	}
	res := c.answer(ctx, req)
	c.log.Debug("request", "method", req.method, "status", res.code)
	if err := c.respond(res, req.cseq); err != nil {
		return err
	}
	if s := c.session; s != nil && s.player != nil {
		s.player.start() // media follows the response to PLAY
	}
	return nil
}

func (c *conn) respond(r *response, cseq string) error { return c.write(r.marshal(cseq)) }

// write sends b whole. Any goroutine may call it.
func (c *conn) write(b []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	now := time.Now()
	if d := now.Add(c.srv.cfg.WriteTimeout); d.Sub(c.writeDeadline) >= time.Second {
		c.writeDeadline = d
		if err := c.nc.SetWriteDeadline(d); err != nil {
			return err
		}
	}
	if _, err := c.nc.Write(b); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = errStalled
		}
		c.end(err)
		return err
	}
	return nil
}

var errStalled = errors.New("the client takes no data")

// readFrame takes one interleaved frame. Only a publisher's media is read into
// memory; the rest, reports of players above all, is skipped.
func (c *conn) readFrame() error {
	head, err := c.br.Peek(frameHead)
	if err != nil {
		return err
	}
	channel, size := head[1], int(binary.BigEndian.Uint16(head[2:]))
	if _, err := c.br.Discard(frameHead); err != nil {
		return err
	}
	if !c.login.done {
		return malformedf("media from a client that has not logged in")
	}
	s := c.session
	if s == nil || s.udp != nil || s.pub == nil {
		_, err = c.br.Discard(size)
		return err
	}
	t, isRTCP := s.byChannel(channel)
	if t == nil {
		_, err = c.br.Discard(size)
		return err
	}
	payload := make([]byte, size) // kept by the hub
	if _, err := io.ReadFull(c.br, payload); err != nil {
		return err
	}
	now := time.Now()
	if isRTCP {
		s.pub.rtcp(t, payload, now)
		return nil
	}
	s.pub.rtp(t, payload, now)
	return s.pub.report(now)
}

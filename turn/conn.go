package turn

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/peer"
	"muster/internal/run"
)

const (
	idleTimeout  = 30 * time.Second // of a connection without a relay
	writeTimeout = 10 * time.Second
	readBuffer   = 4 << 10   // bytes
	maxPending   = 512 << 10 // bytes that wait for a client's connection
)

// conn is a TCP or TLS client.
type conn struct {
	s     *Server
	nc    net.Conn
	local netip.AddrPort
	alloc atomic.Pointer[allocation]
	tls   bool
	wake  chan struct{} // one place: something is pending

	mu      sync.Mutex // guards what follows
	pending []byte     // at most maxPending bytes; newer packets are dropped and counted
}

var errFraming = errors.New("neither STUN nor channel data")

// ServeConn serves one connection, clear or inside TLS, and closes it. nc is the
// connection from its first byte on. It returns when the client has left, has lost
// its rights, or ctx has ended.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	defer run.Recover(s.log, part)
	defer nc.Close()
	remote := peer.Of(nc)
	if s.engine.Load() == nil || !remote.IsValid() {
		return
	}
	c := &conn{s: s, nc: nc, local: peer.Addr(nc.LocalAddr().String()), tls: peer.InTLS(nc), wake: make(chan struct{}, 1)}
	s.n.conns.Add(1)
	defer s.n.conns.Add(-1)
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.log, part)
	defer g.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, c.cut)()
	g.Go(c.write)
	err := c.read(ctx, client{addr: remote, conn: c})
	if a := c.alloc.Load(); a != nil {
		a.close("the connection ended")
	}
	if errors.Is(err, errFraming) {
		s.n.malformed.Add(1)
		s.log.Debug("connection ended", "remote", remote.String(), "error", err)
	}
}

// cut ends the connection without waiting for its peer.
func (c *conn) cut() { _ = peer.Socket(c.nc).Close() }

// read serves what comes until the connection ends.
func (c *conn) read(ctx context.Context, from client) error {
	r := bufio.NewReaderSize(c.nc, readBuffer)
	buf := make([]byte, maxRequest)
	for {
		a := c.alloc.Load()
		deadline := time.Time{} // a relay ends by itself when it is not refreshed
		if a == nil {
			deadline = time.Now().Add(idleTimeout)
		} else if len(buf) < slot {
			buf = make([]byte, slot)
		}
		if err := c.nc.SetReadDeadline(deadline); err != nil {
			return err
		}
		b, err := readFrame(r, buf)
		if err != nil {
			return err
		}
		switch {
		case isChannelData(b) && a != nil:
			a.fromStream(b)
		case isChannelData(b):
			c.s.n.unpermitted.Add(1)
		case !isSTUN(b):
			return errFraming
		case isSend(b):
			if a != nil {
				a.indication(b)
			}
		default:
			if out := c.s.request(ctx, from, b); out != nil {
				c.queue(out)
			}
		}
	}
}

// readFrame reads one STUN message or channel data with its padding (RFC 8656
// §12.5) into buf. What does not fit is refused before it is read.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, buf[:channelHeader]); err != nil {
		return nil, err
	}
	n, ok := frameSize(buf)
	if !ok || n > len(buf) {
		return nil, errFraming
	}
	_, err := io.ReadFull(r, buf[channelHeader:n])
	return buf[:n], err
}

// frameSize returns the size, bytes, of the message that begins with b, which holds
// channelHeader bytes or more. ok is false where none begins.
func frameSize(b []byte) (n int, ok bool) {
	n = int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]&0xc0 == 0x40:
		return channelHeader + (n+3)&^3, true
	case b[0]&0xc0 == 0 && n%4 == 0:
		return stunHeader + n, true
	}
	return 0, false
}

// queue copies b to what is written next.
func (c *conn) queue(b []byte) {
	c.mu.Lock()
	fits := len(c.pending)+len(b) <= maxPending
	if fits {
		c.pending = append(c.pending, b...)
	}
	c.mu.Unlock()
	if !fits {
		c.s.n.dropped.Add(1)
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write writes what is pending, all of it at once; in TLS each message in a record
// of its own, for there are clients that take a record for a message.
func (c *conn) write(ctx context.Context) {
	var spare []byte
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		c.mu.Lock()
		out := c.pending
		c.pending = spare[:0]
		c.mu.Unlock()
		if err := c.nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return
		}
		for rest := out; len(rest) > 0; {
			n := len(rest)
			if size, ok := frameSize(rest); c.tls && ok {
				n = min(size, n)
			}
			if _, err := c.nc.Write(rest[:n]); err != nil {
				c.cut()
				return
			}
			rest = rest[n:]
		}
		spare = out
	}
}

package front

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// socket is an accepted connection. A write that the peer does not take within
// stallLimit fails, unless its user sets a write deadline of its own.
type socket struct {
	net.Conn
	own atomic.Bool // the user's write deadline is set
}

// stallLimit is how long a peer may refuse to take one write (at most one TLS
// record) before the connection counts as dead.
const stallLimit = 30 * time.Second

func (s *socket) Write(b []byte) (int, error) {
	if !s.own.Load() {
		if err := s.Conn.SetWriteDeadline(time.Now().Add(stallLimit)); err != nil {
			return 0, err
		}
	}
	return s.Conn.Write(b)
}

func (s *socket) SetDeadline(t time.Time) error {
	s.own.Store(!t.IsZero())
	return s.Conn.SetDeadline(t)
}

func (s *socket) SetWriteDeadline(t time.Time) error {
	s.own.Store(!t.IsZero())
	return s.Conn.SetWriteDeadline(t)
}

// NetConn returns the connection underneath, for socket options.
func (s *socket) NetConn() net.Conn { return s.Conn }

// Conn is a connection whose first bytes were looked at. Reading starts with
// these bytes. Read is for one goroutine at a time.
type Conn struct {
	net.Conn
	seen  []byte // read already, not yet handed on
	state *tls.ConnectionState
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	if len(c.seen) > 0 {
		n := copy(b, c.seen)
		c.seen = c.seen[n:]
		if len(c.seen) == 0 {
			c.seen = nil
		}
		return n, nil
	}
	return c.Conn.Read(b)
}

// TLS returns the state of the TLS connection that the bytes came out of, or
// nil when they came in the clear.
func (c *Conn) TLS() *tls.ConnectionState { return c.state }

// NetConn returns the connection underneath. Reading from it misses the bytes
// that were looked at; it is for socket options.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// peek reads from c until Classify knows what it carries, at most mostNeeded
// bytes.
func peek(c net.Conn) (Kind, []byte, error) {
	buf := make([]byte, 0, mostNeeded)
	for {
		kind, need := Classify(buf)
		if need == 0 {
			return kind, buf, nil
		}
		n, err := c.Read(buf[len(buf):need])
		buf = buf[:len(buf)+n]
		if err != nil {
			return Unknown, buf, err
		}
	}
}

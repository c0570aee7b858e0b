package tunnel

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"time"
)

// conn is the server's side of a session.
type conn struct{ *session }

// secureConn is one whose requests came inside TLS.
type secureConn struct{ conn }

// ConnectionState says to the RTMP server that nobody on the way can read along;
// the TLS connections are those of the requests.
func (secureConn) ConnectionState() tls.ConnectionState { return tls.ConnectionState{} }

func (s *session) conn() net.Conn {
	if s.secure {
		return secureConn{conn{s}}
	}
	return conn{s}
}

// wait waits for a change of the session until a deadline. mu is held before and
// after.
func (s *session) wait(by func() time.Time) error {
	changed, end := s.changed, by()
	s.mu.Unlock()
	defer s.mu.Lock()
	if end.IsZero() {
		<-changed
		return nil
	}
	t := time.NewTimer(time.Until(end))
	defer t.Stop()
	select {
	case <-changed:
		return nil
	case <-t.C:
		return os.ErrDeadlineExceeded
	}
}

// Read implements net.Conn.
func (c conn) Read(b []byte) (int, error) {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.finished:
			return 0, net.ErrClosed
		case s.in.Len() > 0:
			n, err := s.in.Read(b)
			s.signal()
			return n, err
		case s.dead != nil:
			return 0, s.dead
		case len(b) == 0:
			return 0, nil
		case !s.readBy.IsZero() && !time.Now().Before(s.readBy):
			return 0, os.ErrDeadlineExceeded
		}
		if err := s.wait(func() time.Time { return s.readBy }); err != nil && !time.Now().Before(s.readBy) {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (c conn) Write(b []byte) (n int, err error) {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.finished:
			return n, net.ErrClosed
		case s.dead != nil:
			return n, io.ErrClosedPipe
		case !s.writeBy.IsZero() && !time.Now().Before(s.writeBy):
			return n, os.ErrDeadlineExceeded
		}
		if free := maxOut - s.out.Len(); free > 0 {
			m, _ := s.out.Write(b[:min(free, len(b))]) // never fails
			n, b = n+m, b[m:]
			s.signal()
		}
		if len(b) == 0 {
			return n, nil
		}
		if err := s.wait(func() time.Time { return s.writeBy }); err != nil && !time.Now().Before(s.writeBy) {
			return n, err
		}
	}
}

// Close implements net.Conn: what was written still goes out.
func (c conn) Close() error {
	c.finish()
	return nil
}

// LocalAddr implements net.Conn.
func (c conn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn: where the session was opened from.
func (c conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c conn) SetDeadline(t time.Time) error {
	return c.set(func(s *session) { s.readBy, s.writeBy = t, t })
}

// SetReadDeadline implements net.Conn.
func (c conn) SetReadDeadline(t time.Time) error { return c.set(func(s *session) { s.readBy = t }) }

// SetWriteDeadline implements net.Conn.
func (c conn) SetWriteDeadline(t time.Time) error { return c.set(func(s *session) { s.writeBy = t }) }

func (c conn) set(f func(*session)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c.session)
	c.signal()
	return nil
}

package limit

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = time.Second
)

// Listener accepts connections within the limits of a Conns. Connections over
// the limit are closed at once, unread. When the process or the system is out
// of files or memory, Accept waits for them to come back instead of spinning or
// giving the door up.
type Listener struct {
	net.Listener
	conns *Conns
	log   *slog.Logger

	once   sync.Once
	closed chan struct{}
}

// NewListener wraps l. It owns l from here on.
func NewListener(l net.Listener, conns *Conns, log *slog.Logger) *Listener {
	return &Listener{Listener: l, conns: conns, log: log, closed: make(chan struct{})}
}

// Accept returns the next connection that has a place. A TCP connection keeps
// all methods of *net.TCPConn.
func (l *Listener) Accept() (net.Conn, error) {
	backoff := firstBackoff
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if !passing(err) {
				return nil, err
			}
			if backoff == firstBackoff {
				l.log.Warn("cannot accept connections; waiting", "address", l.Addr().String(), "error", err)
			}
			if !l.sleep(backoff) {
				return nil, net.ErrClosed
			}
			backoff = min(2*backoff, lastBackoff)
			continue
		}
		backoff = firstBackoff
		release, ok := l.conns.Acquire(remote(c))
		if !ok {
			c.Close()
			continue
		}
		if tcp, is := c.(*net.TCPConn); is {
			return &tcpConn{TCPConn: tcp, release: release}, nil
		}
		return &conn{Conn: c, release: release}, nil
	}
}

// Close closes the wrapped listener and ends a waiting Accept.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *Listener) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.closed:
		return false
	}
}

// passing reports whether an error of accept(2) says nothing about the
// listening socket itself.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func remote(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil { // not an IP socket: all of them are one source
		return netip.Addr{}
	}
	return ap.Addr()
}

type tcpConn struct {
	*net.TCPConn
	release func()
}

func (c *tcpConn) Close() error {
	defer c.release()
	return c.TCPConn.Close()
}

type conn struct {
	net.Conn
	release func()
}

func (c *conn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

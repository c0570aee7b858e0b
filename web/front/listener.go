package front

import (
	"context"
	"net"
	"sync"
)

// Queue is a net.Listener fed by a Front: the way to give connections of a kind
// to a server that wants to accept them itself, such as http.Server.
type Queue struct {
	addr  net.Addr
	conns chan net.Conn // unbuffered: a connection waits with its own goroutine

	once   sync.Once
	closed chan struct{}
}

// NewQueue returns a queue that says it listens on addr.
func NewQueue(addr net.Addr) *Queue {
	return &Queue{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Put hands c to whoever accepts next. It is a Handler.
func (q *Queue) Put(ctx context.Context, c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.closed:
		c.Close()
	case <-ctx.Done():
		c.Close()
	}
}

// Accept implements net.Listener.
func (q *Queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *Queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

// Addr implements net.Listener.
func (q *Queue) Addr() net.Addr { return q.addr }

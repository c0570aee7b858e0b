package ice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// ErrClosed is wrapped by the error of calls on a connection that has ended.
var ErrClosed = errors.New("the connection has ended")

// maxPending bounds the calls that wait for their reply.
const maxPending = 256

// Client is the calling side of one connection. Its methods may be called from
// anywhere, while Run runs.
type Client struct {
	rw    io.ReadWriteCloser
	limit int
	ready chan struct{} // closed when the other side has said that it serves
	done  chan struct{} // closed when the connection has ended

	writing sync.Mutex // held while a message is written

	mu      sync.Mutex // guards what follows
	next    int32
	pending map[int32]chan answer
	err     error // set before done is closed
}

type answer struct {
	result *Decoder
	err    error
}

// NewClient returns the calling side of rw, which it owns. limit is the longest
// message taken, in bytes; 0 is DefaultMaxMessage.
func NewClient(rw io.ReadWriteCloser, limit int) *Client {
	if limit == 0 {
		limit = DefaultMaxMessage
	}
	return &Client{rw: rw, limit: limit, ready: make(chan struct{}), done: make(chan struct{}), pending: make(map[int32]chan answer)}
}

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Run reads replies until the connection ends or ctx does, and closes it. The
// error says why; it wraps ErrClosed when the other side said good-bye.
func (c *Client) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		c.farewell()
		c.rw.Close()
	})
	err := c.read()
	stop()
	c.rw.Close()
	c.mu.Lock()
	c.err = err
	for id, ch := range c.pending {
		ch <- answer{err: err}
		delete(c.pending, id)
	}
	c.mu.Unlock()
	close(c.done)
	return err
}

// farewell says that the connection ends, if that can be said at once.
func (c *Client) farewell() {
	if c.writing.TryLock() {
		deadline(c.rw, time.Second)
		_, _ = c.rw.Write(message(msgClose, nil)) // it ends either way
		c.writing.Unlock()
	}
}

func (c *Client) read() error {
	for first := true; ; {
		kind, body, err := readMessage(c.rw, c.limit)
		if err != nil {
			return fmt.Errorf("ice: %w: %w", ErrClosed, err)
		}
		switch {
		case kind == msgValidate && first: // whoever accepts a connection speaks first
			first = false
			close(c.ready)
		case kind == msgValidate: // a heartbeat
		case first && kind != msgClose:
			return fmt.Errorf("ice: %w: a message of type %d before the connection is valid", ErrMalformed, kind)
		case kind == msgClose:
			return fmt.Errorf("ice: %w by the other side", ErrClosed)
		case kind == msgReply:
			if err := c.reply(body); err != nil {
				return err
			}
		default:
			return fmt.Errorf("ice: %w: a message of type %d to a client", ErrMalformed, kind)
		}
	}
}

// reply hands a reply to who waits for it; one that nobody waits for any more is
// dropped.
func (c *Client) reply(body []byte) error {
	id, result, err, bad := parseReply(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.pending[id]
	delete(c.pending, id)
	switch {
	case ch == nil:
	case bad != nil:
		ch <- answer{err: bad} // its buffer is empty: each has one answer
	default:
		ch <- answer{result, err}
	}
	return bad
}

// Call calls an operation and waits for the answer: a decoder of the out
// parameters and the return value, or an error; *UserError is one, and others
// wrap ErrNotExist, ErrUnknown, ErrClosed or ErrMalformed. r.ID and r.Params are
// not looked at. A call whose ctx ends may still be carried out.
func (c *Client) Call(ctx context.Context, r Request, params []byte) (*Decoder, error) {
	ch := make(chan answer, 1)
	id, err := c.enter(ctx, ch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Op, err)
	}
	r.ID = id
	if err := c.write(ctx, r.encode(params)); err != nil {
		c.leave(id)
		return nil, fmt.Errorf("%s: %w", r.Op, err)
	}
	select {
	case a := <-ch:
		if a.err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, a.err)
		}
		return a.result, nil
	case <-ctx.Done():
		c.leave(id)
		return nil, fmt.Errorf("%s: %w", r.Op, context.Cause(ctx))
	}
}

// Send calls an operation without waiting for an answer; there is none.
func (c *Client) Send(ctx context.Context, r Request, params []byte) error {
	if err := c.valid(ctx); err != nil {
		return fmt.Errorf("%s: %w", r.Op, err)
	}
	r.ID = 0
	if err := c.write(ctx, r.encode(params)); err != nil {
		return fmt.Errorf("%s: %w", r.Op, err)
	}
	return nil
}

// Heartbeat shows the other side that the connection is in use.
func (c *Client) Heartbeat(ctx context.Context) error {
	return c.write(ctx, message(msgValidate, nil))
}

// valid waits until the other side serves.
func (c *Client) valid(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// enter gives a call its number.
func (c *Client) enter(ctx context.Context, ch chan answer) (int32, error) {
	if err := c.valid(ctx); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if len(c.pending) >= maxPending {
		return 0, errors.New("ice: too many calls wait for their answer")
	}
	for {
		c.next = max(1, c.next+1) // after the largest comes 1
		if c.pending[c.next] == nil {
			break
		}
	}
	c.pending[c.next] = ch
	return c.next, nil
}

func (c *Client) leave(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// writeTimeout is how long a message may take to write.
const writeTimeout = 5 * time.Second

func (c *Client) write(ctx context.Context, m []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	deadline(c.rw, writeTimeout)
	if _, err := c.rw.Write(m); err != nil {
		c.rw.Close() // half a message may be out
		return fmt.Errorf("ice: %w: %w", ErrClosed, err)
	}
	return nil
}

// deadline limits the next write where the connection can do that.
func deadline(rw io.ReadWriteCloser, d time.Duration) {
	if c, ok := rw.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = c.SetWriteDeadline(time.Now().Add(d)) // a closed connection fails at the write
	}
}

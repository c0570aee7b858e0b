package ice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Handler carries requests out. Those of one connection come one after the
// other, so a connection has at most one under way.
type Handler func(ctx context.Context, r *Request) Reply

// Serving says how a connection is served.
type Serving struct {
	MaxMessage int           // longest message taken, in bytes; 0: DefaultMaxMessage
	Idle       time.Duration // a connection without messages for this long is closed; 0: never
}

// Serve serves the objects behind handle on a connection that was accepted, until
// it ends or ctx does, and closes it. The error is nil when the other side left
// or ctx ended; it wraps ErrMalformed or ErrTooLong when it broke the protocol.
// handle gets a context that ends with ctx.
func Serve(ctx context.Context, rw io.ReadWriteCloser, s Serving, handle Handler) error {
	if s.MaxMessage == 0 {
		s.MaxMessage = DefaultMaxMessage
	}
	defer rw.Close()
	stop := context.AfterFunc(ctx, func() { rw.Close() })
	defer stop()
	err := serve(ctx, rw, s, handle)
	if ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

func serve(ctx context.Context, rw io.ReadWriteCloser, s Serving, handle Handler) error {
	if err := send(rw, message(msgValidate, nil)); err != nil {
		return err
	}
	for {
		if c, ok := rw.(interface{ SetReadDeadline(time.Time) error }); ok && s.Idle > 0 {
			if err := c.SetReadDeadline(time.Now().Add(s.Idle)); err != nil {
				return fmt.Errorf("ice: %w: %w", ErrClosed, err)
			}
		}
		kind, body, err := readMessage(rw, s.MaxMessage)
		var late interface{ Timeout() bool }
		switch {
		case errors.As(err, &late) && late.Timeout():
			_ = send(rw, message(msgClose, nil)) // it ends either way
			return fmt.Errorf("ice: %w: nothing came for %s", ErrClosed, s.Idle)
		case err != nil:
			return err
		}
		switch kind {
		case msgValidate: // a heartbeat
		case msgClose:
			return ErrClosed
		case msgRequest:
			r, err := parseRequest(body)
			if err != nil {
				return err
			}
			reply := handle(ctx, r)
			if r.Oneway() {
				continue
			}
			if err := send(rw, reply.encode(r.ID)); err != nil {
				return err
			}
		default:
			return fmt.Errorf("ice: %w: a message of type %d to a server", ErrMalformed, kind)
		}
	}
}

func send(rw io.ReadWriteCloser, m []byte) error {
	deadline(rw, writeTimeout)
	if _, err := rw.Write(m); err != nil {
		return fmt.Errorf("ice: %w: %w", ErrClosed, err)
	}
	return nil
}

package voice

import (
	"context"
	"sync"
	"time"
)

const (
	// scratchKeep is how large a buffer a flusher keeps.
	scratchKeep = 128 << 10

	// After a round of manyWrites or more the next one begins no sooner than
	// roundGap after it did: where many talk to many, more of what they say shares
	// a write, and a write costs the same whatever its size.
	manyWrites = 48
	roundGap   = 2 * time.Millisecond
)

// flusher writes what waits for its clients. It works in rounds: each takes all
// clients that have something waiting and gives each one write that does not
// block, in one TLS record. What comes meanwhile waits for the next round, so the
// more there is to do the more each write carries. A socket that takes no more is
// left to a goroutine of its own until it does.
type flusher struct {
	s    *Server
	wake chan struct{}

	mu    sync.Mutex // guards dirty; a leaf
	dirty []*conn    // bounded by the clients there are: each is in it once

	// What follows belongs to run.
	plain, cipher []byte // scratch
	try           func(fd uintptr)
	buf           []byte // of try
	n             int
	err           error
}

func newFlusher(s *Server) *flusher {
	f := &flusher{s: s, wake: make(chan struct{}, 1)}
	f.try = func(fd uintptr) { f.n, f.err = writeFD(fd, f.buf) }
	return f
}

// add notes that c has something waiting.
func (f *flusher) add(c *conn) {
	f.mu.Lock()
	f.dirty = append(f.dirty, c)
	first := len(f.dirty) == 1
	f.mu.Unlock()
	if first {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

func (f *flusher) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var list []*conn
	for {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
		start := time.Now()
		f.mu.Lock()
		list, f.dirty = f.dirty, list[:0]
		f.mu.Unlock()
		for i, c := range list {
			c.flush(f)
			list[i] = nil
		}
		f.buf = nil
		if cap(f.plain) > scratchKeep {
			f.plain = nil
		}
		if cap(f.cipher) > scratchKeep {
			f.cipher = nil
		}
		if len(list) < manyWrites {
			continue
		}
		timer.Reset(roundGap - time.Since(start))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// flush gives c one write. The caller is its flusher.
func (c *conn) flush(f *flusher) {
	c.out.mu.Lock()
	busy := c.out.draining
	c.out.queued = false
	c.out.mu.Unlock()
	if busy {
		return
	}
	plain, last := c.out.take(f.plain)
	f.plain = plain
	sealed, err := c.sock.seal(c.tls, f.cipher, f.plain)
	f.cipher = sealed
	if err != nil {
		c.end(err)
		return
	}
	if len(sealed) == 0 {
		if last {
			c.cut()
		}
		return
	}
	f.buf, f.n, f.err = sealed, 0, nil
	if c.sock.raw != nil {
		// Control and not Write: nothing is waited for.
		err = c.sock.raw.Control(f.try)
	}
	if err == nil {
		err = f.err
	}
	if err != nil {
		c.end(err)
		return
	}
	c.s.n.bytesOut.Add(int64(f.n))
	switch {
	case f.n < len(sealed):
		c.drain(append([]byte(nil), sealed[f.n:]...))
	case last:
		c.cut()
	}
}

// drain starts to write rest, and what comes after it, with waiting.
func (c *conn) drain(rest []byte) {
	c.out.mu.Lock()
	c.out.draining = true
	c.out.mu.Unlock()
	started := c.s.group().Go(func(context.Context) {
		var plain []byte
		var last bool
		for {
			if err := c.sock.writeAll(rest, c.s.cfg.IdleTimeout); err != nil {
				c.end(err)
				return
			}
			c.s.n.bytesOut.Add(int64(len(rest)))
			plain, last = c.out.take(plain)
			sealed, err := c.sock.seal(c.tls, rest, plain)
			if err != nil {
				c.end(err)
				return
			}
			if rest = sealed; len(rest) > 0 {
				continue
			}
			if last {
				c.cut()
				return
			}
			c.out.mu.Lock()
			done := len(c.out.buf) == 0 && !c.out.closing
			if done {
				c.out.draining = false
			}
			c.out.mu.Unlock()
			if done {
				return
			}
		}
	})
	if !started {
		c.cut()
	}
}

// lazyWait is how long news of other users wait, to leave with others in one
// write: a thousand logins would be a million writes otherwise.
const lazyWait = 40 * time.Millisecond

// lazies are the clients for which nothing waits but such news.
type lazies struct {
	wake chan struct{}

	mu   sync.Mutex // guards list; a leaf
	list []*conn    // bounded by the clients there are: each is in it once
}

func (l *lazies) add(c *conn) {
	l.mu.Lock()
	l.list = append(l.list, c)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lazies) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var list []*conn
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
		timer.Reset(lazyWait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		l.mu.Lock()
		list, l.list = l.list, list[:0]
		l.mu.Unlock()
		for i, c := range list {
			c.ready()
			list[i] = nil
		}
	}
}

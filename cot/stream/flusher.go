package stream

import (
	"context"
	"sync"
	"time"
)

const (
	// writeSize is how much is taken out of a queue at one time. What has been
	// taken out cannot be replaced by newer positions any more.
	writeSize = 64 << 10
	// scratchKeep is how large a buffer a flusher keeps.
	scratchKeep = 256 << 10

	// Copies per second, over all flushers, below which events never wait for
	// others, and from which on they wait the longest.
	quietRate = 4_000
	fullRate  = 90_000
	// rateWindow is the time over which copies are counted.
	rateWindow = 200 * time.Millisecond
)

// flusher writes what waits for its connections. It works in rounds: each takes
// all connections that have something waiting and gives each one write. The
// write is what costs, so under load a round begins only some time after the one
// before, and more events share a write: nothing waits below quietRate, and
// nothing waits longer than Config.Coalesce.
type flusher struct {
	s    *Server
	wake chan struct{}

	mu    sync.Mutex // guards dirty; a leaf
	dirty []*conn    // bounded by the connections there are, each is in it a few times at most

	// What follows belongs to run.
	plain, cipher []byte // scratch
	try           func(fd uintptr) bool
	buf           []byte // of try
	n             int
	err           error
	window        time.Time
	copies        int
	rate          float64 // copies per second
}

func newFlusher(s *Server) *flusher {
	f := &flusher{s: s, wake: make(chan struct{}, 1)}
	f.try = func(fd uintptr) bool {
		f.n, f.err = writeFD(fd, f.buf)
		return true
	}
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
	timer := time.NewTimer(0)
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
			f.copies += c.flush(f)
			list[i] = nil
		}
		f.tidy()
		if pause := f.pause(start); pause > 0 {
			timer.Reset(pause - time.Since(start))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// pause returns how long after now, the beginning of a round, the next may begin.
func (f *flusher) pause(now time.Time) time.Duration {
	if d := now.Sub(f.window); d >= rateWindow {
		f.rate = float64(f.copies) / d.Seconds()
		f.window, f.copies = now, 0
	}
	total := f.rate * float64(len(f.s.flushers))
	share := (total - quietRate) / (fullRate - quietRate)
	return time.Duration(min(max(share, 0), 1) * float64(f.s.cfg.Coalesce))
}

func (f *flusher) tidy() {
	if cap(f.plain) > scratchKeep {
		f.plain = nil
	}
	if cap(f.cipher) > scratchKeep {
		f.cipher = nil
	}
	f.buf = nil
}

package stream

import (
	"context"
	"sync"
	"time"
)

const (
	// writeSize is how much is taken out of a queue at one time. What has been
	// taken out cannot be replaced by newer positions any more.
	writeSize = 16 << 10
	// scratchKeep is how large a buffer a flusher keeps.
	scratchKeep = 128 << 10

	// Writes per second, over all flushers, that leave at once: a write costs some
	// microseconds, whatever its size. Up to quietRate copies per second there may
	// be manyWrites, so that the wait stays short; from fullRate on fewWrites, so
	// that there is time left for the copies.
	manyWrites = 33_000
	fewWrites  = 27_000
	quietRate  = 50_000
	fullRate   = 100_000
	// rateWindow is the time over which copies are counted.
	rateWindow = 250 * time.Millisecond
	// writeBurst is for how long writes may have been saved up.
	writeBurst = 100 * time.Millisecond
)

// flusher writes what waits for its connections. It works in rounds: each takes
// all connections that have something waiting and gives each one write. The
// write is what costs: above a number of writes per second rounds are held apart,
// so that more events share a write. Below it nothing waits, and above it nothing
// waits longer than Config.Coalesce.
type flusher struct {
	s    *Server
	wake chan struct{}

	mu    sync.Mutex // guards dirty; a leaf
	dirty []*conn    // bounded by the connections there are, each is in it a few times at most

	// What follows belongs to run.
	plain, cipher []byte // scratch
	try           func(fd uintptr)
	buf           []byte // of try
	n             int
	err           error
	last          time.Time // begin of the last round
	writes        int       // in this round
	supply        float64   // of writes; negative: owed
	window        time.Time // since when copies are counted
	copies        int
	rate          float64 // copies per second
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
			c.flush(f)
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

// pause returns how long after now, the beginning of a round that is done, the
// next may begin.
func (f *flusher) pause(now time.Time) time.Duration {
	if d := now.Sub(f.window); d >= rateWindow {
		f.rate = float64(f.copies) / d.Seconds()
		f.window, f.copies = now, 0
	}
	n := float64(len(f.s.flushers))
	load := min(max((f.rate*n-quietRate)/(fullRate-quietRate), 0), 1)
	rate := (manyWrites - load*(manyWrites-fewWrites)) / n
	f.supply = min(f.supply+rate*now.Sub(f.last).Seconds(), rate*writeBurst.Seconds()) - float64(f.writes)
	f.supply = max(f.supply, -rate*f.s.cfg.Coalesce.Seconds())
	f.last, f.writes = now, 0
	return time.Duration(-f.supply / rate * float64(time.Second))
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

package history

import (
	"strings"
	"sync"

	"muster/cot"
)

// waiter is an event that waits to be written.
type waiter struct {
	e    *cot.Event
	seq  int64
	size int
}

// fifo is a queue whose memory is given back now and then.
type fifo struct {
	items []waiter
	head  int
}

func (f *fifo) len() int      { return len(f.items) - f.head }
func (f *fifo) first() waiter { return f.items[f.head] }
func (f *fifo) push(w waiter) { f.items = append(f.items, w) }
func (f *fifo) pop() waiter {
	w := f.items[f.head]
	f.items[f.head] = waiter{}
	f.head++
	if f.head > 1024 && f.head*2 > len(f.items) {
		f.items = append(f.items[:0:0], f.items[f.head:]...)
		f.head = 0
	}
	return w
}

// intake holds what waits for the writer, bounded in events and bytes. Positions
// (machineMade) are dropped first, the oldest of them; anything else is dropped
// only when no position is left to make room.
type intake struct {
	maxEvents, maxBytes int
	n                   *counters
	some                chan struct{} // holds one: something waits
	wake                chan struct{} // holds one: a batch is due

	mu        sync.Mutex // guards what follows
	positions fifo
	others    fifo
	bytes     int
	seq       int64 // events taken so far
	lost      int64 // of them, dropped from the queue
	finished  int64 // of them, written or given up
}

func newIntake(events, bytes int, n *counters) *intake {
	return &intake{maxEvents: events, maxBytes: bytes, n: n, some: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
}

// put never blocks.
func (q *intake) put(e *cot.Event) {
	position := strings.HasPrefix(e.Type, "a-") && machineMade(e)
	w := waiter{e: e, size: len(e.XML())}
	q.mu.Lock()
	for q.full(w.size) && q.positions.len() > 0 {
		old := q.positions.pop()
		q.bytes -= old.size
		q.lost++
		q.n.droppedPositions.Add(1)
	}
	if q.full(w.size) {
		q.mu.Unlock()
		if position {
			q.n.droppedPositions.Add(1)
		} else {
			q.n.droppedOthers.Add(1)
		}
		q.hurry()
		return
	}
	q.seq++
	w.seq = q.seq
	q.bytes += w.size
	if position {
		q.positions.push(w)
	} else {
		q.others.push(w)
	}
	n := q.positions.len() + q.others.len()
	q.mu.Unlock()
	switch {
	case n >= startBatch:
		q.hurry()
	case n == 1:
		select {
		case q.some <- struct{}{}:
		default:
		}
	}
}

// full reports whether size more do not fit. The caller holds mu.
func (q *intake) full(size int) bool {
	return q.positions.len()+q.others.len() >= q.maxEvents || q.bytes+size > q.maxBytes
}

// hurry makes the writer look at once.
func (q *intake) hurry() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take removes up to n events of together at most about bytes, in the order they
// came.
func (q *intake) take(n, bytes int) []*cot.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*cot.Event
	for taken := 0; len(out) < n && taken < bytes; {
		from := &q.others
		switch {
		case q.positions.len() == 0 && q.others.len() == 0:
			return out
		case q.others.len() == 0, q.positions.len() > 0 && q.positions.first().seq < q.others.first().seq:
			from = &q.positions
		}
		w := from.pop()
		q.bytes -= w.size
		taken += w.size
		out = append(out, w.e)
	}
	return out
}

// finish notes that n events that were taken are done with.
func (q *intake) finish(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished += int64(n)
}

func (q *intake) waiting() (events, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.positions.len() + q.others.len(), q.bytes
}

// taken counts the events accepted so far, done those that are dealt with.
func (q *intake) taken() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.seq
}

func (q *intake) done() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.finished + q.lost
}

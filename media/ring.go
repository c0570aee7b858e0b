package media

import (
	"sync/atomic"
	"time"
)

const (
	ringSlots = 4096            // units; a power of two
	ringKeep  = 4 * time.Second // kept behind the newest unit even when no reader could need it
)

// ring holds the newest units of a stream: at least the current group of
// pictures, so that a late reader starts with a picture, as far as the byte
// budget allows. One writer at a time (the stream's mutex), any number of
// readers without locks.
//
// Positions only grow. Slots behind tail are cleared, so memory is bounded by
// budget; a reader that finds its slot cleared or reused has fallen off.
type ring struct {
	slots  [ringSlots]atomic.Pointer[Unit]
	head   atomic.Uint64 // position of the next unit
	tail   atomic.Uint64 // position of the oldest unit
	key    atomic.Uint64 // 1 + position of the newest key unit; 0: none was written
	bytes  int           // held; writer only
	budget int           // bytes; writer only
}

// put appends u. Older units that no longer fit are dropped: first those that
// nobody needs, then, over the budget, whatever is oldest.
func (r *ring) put(u *Unit, isKey bool) {
	head := r.head.Load()
	u.seq = head
	r.bytes += u.size
	if isKey {
		r.key.Store(head + 1)
	}
	for tail := r.tail.Load(); tail < head; tail++ {
		old := r.slots[tail%ringSlots].Load()
		useless := tail+1 < r.key.Load() && u.arrived.Sub(old.arrived) > ringKeep
		full := head-tail == ringSlots || r.bytes > r.budget
		if !useless && !full {
			break
		}
		r.tail.Store(tail + 1)
		r.slots[tail%ringSlots].Store(nil)
		r.bytes -= old.size
	}
	r.slots[head%ringSlots].Store(u)
	r.head.Store(head + 1)
}

// forget drops all units. The writer's mutex is held, and there is no reader.
func (r *ring) forget() {
	for tail := r.tail.Load(); tail < r.head.Load(); tail++ {
		r.slots[tail%ringSlots].Store(nil)
	}
	r.tail.Store(r.head.Load())
	r.bytes = 0
}

// at returns the unit at pos, or nil if it is not held (any more).
func (r *ring) at(pos uint64) *Unit {
	u := r.slots[pos%ringSlots].Load()
	if u == nil || u.seq != pos {
		return nil
	}
	return u
}

// lastKey returns the position of the newest key unit that is still held.
func (r *ring) lastKey() (uint64, bool) {
	k := r.key.Load()
	if k == 0 || k-1 < r.tail.Load() {
		return 0, false
	}
	return k - 1, true
}

package cot

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"time"
)

const (
	// queueScan is how many waiting events are looked through one by one; a longer
	// queue gets an index.
	queueScan = 32
	// queueKeep is how many places an empty queue keeps for the next burst.
	queueKeep = 16
	// queueUrgent is how many urgent events may wait; they are answers to pings,
	// and who does not read the first needs no further ones.
	queueUrgent = 8
)

// Queue holds what waits for one client, bounded in bytes: a newer position of a
// uid takes the place of the older one that still waits; when the limit is
// reached the oldest positions go first; what is no position is never dropped
// while the client is there, but the client is reported as slow. Safe for
// concurrent use.
type Queue struct {
	limit int

	mu     sync.Mutex     // guards what follows
	items  []queueItem    // items[head:] wait; at most 2*limit bytes, see Push
	head   int            // everything before is gone
	base   int            // number of items[0], counted from the first item ever
	holes  int            // of items[head:], those that were dropped
	oldest int            // index before which no position waits
	index  map[string]int // uid of a waiting position to its number; nil while the queue is short
	size   int            // bytes waiting
	solid  int            // of these, bytes that must not be dropped
	urgent []*Event       // ahead of everything else; at most queueUrgent, further ones are dropped
	front  bool           // whether the client is at version 1 where the queue begins
	back   bool           // and where it ends
	turn   int            // number of the item after which front becomes back; only while they differ
	since  time.Time      // solid was first seen above limit
	closed bool

	sent, replaced, dropped int64
}

type queueItem struct {
	e   *Event // nil: a hole, or bytes that are no event
	b   []byte // nil: a hole
	key uint64 // of the uid of a position; 0: this is none
}

// NewQueue returns an empty queue of at most limit bytes.
func NewQueue(limit int) *Queue { return &Queue{limit: limit} }

// Push queues e. wake reports that the queue was empty, so that whoever empties
// it must be told. ok is false when what must not be dropped has reached twice
// the limit: the client is to be ended at once.
func (q *Queue) Push(e *Event) (wake, ok bool) {
	var key uint64
	if e.IsPosition() {
		key = uidKey(e.UID)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, true
	}
	if key != 0 {
		if i := q.find(key, e.UID); i >= 0 {
			it := &q.items[i]
			b := encoding(e, q.versionAt(i))
			q.size += len(b) - len(it.b)
			it.e, it.b = e, b
			q.replaced++
			q.trim()
			return false, true
		}
	}
	wake = q.empty()
	b := encoding(e, q.back)
	q.add(queueItem{e, b, key})
	if key == 0 {
		q.solid += len(b)
	}
	q.trim()
	return wake, q.solid <= 2*q.limit
}

// Urgent queues e ahead of everything. wake is as with Push.
func (q *Queue) Urgent(e *Event) (wake bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	if len(q.urgent) >= queueUrgent {
		q.dropped++
		return false
	}
	wake = q.empty()
	q.urgent = append(q.urgent, e)
	return wake
}

// Raw queues bytes that are no event of the hub, in line with the others. They
// are not to be changed from then on. wake is as with Push.
func (q *Queue) Raw(b []byte) (wake bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	wake = q.empty()
	q.add(queueItem{b: b})
	q.solid += len(b)
	return wake
}

// Switch queues reply and makes everything queued after it go out as version 1
// frames; what waits already stays XML. wake is as with Push.
func (q *Queue) Switch(reply []byte) (wake bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	wake = q.empty()
	q.add(queueItem{b: reply})
	q.solid += len(reply)
	if !q.back {
		q.back = true
		q.turn = q.base + len(q.items) - 1
	}
	return wake
}

// Frames makes everything go out as version 1 frames, also what waits already;
// bytes of Raw are given up. It is for clients that begin with a frame.
func (q *Queue) Frames() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.front, q.back = true, true
	for i := q.head; i < len(q.items); i++ {
		it := &q.items[i]
		switch {
		case it.e != nil:
			b := encoding(it.e, true)
			q.size += len(b) - len(it.b)
			if it.key == 0 {
				q.solid += len(b) - len(it.b)
			}
			it.b = b
		case it.b != nil:
			q.solid -= len(it.b)
			q.hole(i)
		}
	}
}

// Append takes waiting events out, as many as fit into max bytes but at least
// one, and appends them to dst as they go over the stream. more reports that
// others wait; without them the next Push reports wake.
func (q *Queue) Append(dst []byte, max int) (out []byte, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.urgent {
		dst = append(dst, encoding(e, q.front)...)
		q.sent++
	}
	q.urgent = q.urgent[:0]
	start := len(dst)
	for q.head < len(q.items) {
		it := &q.items[q.head]
		if len(dst) > start && len(dst)-start+len(it.b) > max {
			break
		}
		dst = append(dst, it.b...)
		q.shift()
	}
	q.tidy()
	return dst, !q.empty()
}

// Pop takes one event out: e, and b as it goes over the stream, which is shared
// and not to be changed. e is nil where b came from Raw or Switch.
func (q *Queue) Pop() (e *Event, b []byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.urgent) > 0 {
		e = q.urgent[0]
		q.urgent = append(q.urgent[:0], q.urgent[1:]...)
		q.sent++
		return e, encoding(e, q.front), true
	}
	for q.head < len(q.items) && !ok {
		it := q.items[q.head]
		e, b, ok = it.e, it.b, it.b != nil
		q.shift()
	}
	q.tidy()
	return e, b, ok
}

// Slow returns for how long what must not be dropped has exceeded the limit,
// as far as earlier calls have seen it: it is to be called every now and then.
func (q *Queue) Slow(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.solid <= q.limit {
		q.since = time.Time{}
		return 0
	}
	if q.since.IsZero() {
		q.since = now
	}
	return now.Sub(q.since)
}

// State returns how far the client is behind.
func (q *Queue) State() QueueState {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := QueueState{
		Events: len(q.items) - q.head - q.holes + len(q.urgent), Bytes: q.size,
		Sent: q.sent, Replaced: q.replaced, Dropped: q.dropped,
	}
	if q.back {
		s.Version = 1
	}
	return s
}

// Close gives up what waits and takes nothing more.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.dropped += int64(len(q.items) - q.head - q.holes + len(q.urgent))
	q.items, q.urgent, q.index = nil, nil, nil
	q.head, q.holes, q.oldest, q.size, q.solid = 0, 0, 0, 0, 0
}

func (q *Queue) empty() bool { return q.head == len(q.items) && len(q.urgent) == 0 }

// versionAt says whether items[i] is for a client that is at version 1 by then.
func (q *Queue) versionAt(i int) bool {
	if q.front == q.back {
		return q.back
	}
	return q.base+i > q.turn
}

// add puts it at the end.
func (q *Queue) add(it queueItem) {
	if q.head > queueScan && q.head > len(q.items)/2 {
		q.compact()
	}
	q.items = append(q.items, it)
	q.size += len(it.b)
	if it.key == 0 {
		return
	}
	if q.index != nil {
		q.index[it.e.UID] = q.base + len(q.items) - 1
	} else if len(q.items)-q.head > queueScan {
		q.reindex()
	}
}

// find returns the index of the waiting position of uid, or -1.
func (q *Queue) find(key uint64, uid string) int {
	if q.index != nil {
		n, ok := q.index[uid]
		if !ok || n < q.base+q.head {
			return -1
		}
		return n - q.base
	}
	for i := q.head; i < len(q.items); i++ {
		if it := &q.items[i]; it.key == key && it.e.UID == uid {
			return i
		}
	}
	return -1
}

// shift counts the first item as gone.
func (q *Queue) shift() {
	it := &q.items[q.head]
	switch {
	case it.b == nil:
		q.holes--
	case it.e != nil:
		q.sent++
	}
	if it.key == 0 {
		q.solid -= len(it.b)
	} else if q.index != nil {
		delete(q.index, it.e.UID)
	}
	q.size -= len(it.b)
	if q.front != q.back && q.base+q.head == q.turn {
		q.front = q.back
	}
	*it = queueItem{}
	q.head++
}

// tidy makes an empty queue small again.
func (q *Queue) tidy() {
	if q.head < len(q.items) {
		return
	}
	q.base += len(q.items)
	q.head, q.oldest, q.holes, q.index = 0, 0, 0, nil
	if cap(q.items) > queueKeep {
		q.items = nil
	}
	q.items = q.items[:0]
}

// trim drops the oldest positions until the limit is kept or none waits.
func (q *Queue) trim() {
	q.oldest = max(q.oldest, q.head)
	for q.size > q.limit && q.size > q.solid {
		for q.items[q.oldest].key == 0 {
			q.oldest++
		}
		if q.index != nil {
			delete(q.index, q.items[q.oldest].e.UID)
		}
		q.hole(q.oldest)
		q.dropped++
	}
	if q.holes > queueScan && q.holes > (len(q.items)-q.head)/2 {
		q.compact()
	}
}

// hole takes items[i] out of the middle.
func (q *Queue) hole(i int) {
	q.size -= len(q.items[i].b)
	q.items[i] = queueItem{}
	q.holes++
}

// compact moves what waits to the beginning and leaves the holes out.
func (q *Queue) compact() {
	turn := -1
	kept := q.items[:0]
	for i := q.head; i < len(q.items); i++ {
		if q.items[i].b == nil {
			continue
		}
		if q.front != q.back && q.base+i == q.turn {
			turn = len(kept)
		}
		kept = append(kept, q.items[i])
	}
	q.base += len(q.items)
	clear(q.items[len(kept):])
	q.items, q.head, q.holes, q.oldest = kept, 0, 0, 0
	if turn >= 0 {
		q.turn = q.base + turn
	}
	if q.index != nil {
		q.reindex()
	}
}

func (q *Queue) reindex() {
	q.index = make(map[string]int, 2*(len(q.items)-q.head))
	for i := q.head; i < len(q.items); i++ {
		if it := &q.items[i]; it.key != 0 {
			q.index[it.e.UID] = q.base + i
		}
	}
}

func encoding(e *Event, v1 bool) []byte {
	if v1 {
		return e.Frame()
	}
	return e.XML()
}

// uidKey is a quick check that two uids differ; it is never 0.
func uidKey(uid string) uint64 {
	var head, tail [8]byte
	copy(head[:], uid)
	copy(tail[:], uid[max(0, len(uid)-8):])
	h := binary.LittleEndian.Uint64(head[:]) * 0x9e3779b97f4a7c15
	t := binary.LittleEndian.Uint64(tail[:]) * 0xc2b2ae3d27d4eb4f
	return (h ^ bits.RotateLeft64(t, 29)) + uint64(len(uid))<<1 | 1
}

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

	mu     sync.Mutex  // guards what follows
	items  []queueItem // items[head:] wait; at most 2*limit bytes, see Push
	head   int         // everything before is gone
	holes  int         // of items[head:], those that were dropped
	oldest int         // index before which no position waits
	index  queueIndex  // of the waiting positions; empty while the queue is short
	size   int         // bytes waiting
	solid  int         // of these, bytes that must not be dropped
	urgent []*Event    // ahead of everything else; at most queueUrgent, further ones are dropped
	out    []*Event    // chat that was taken out since the last Written; at most what one write holds
	front  bool        // whether the client is at version 1 where the queue begins
	back   bool        // and where it ends
	turn   int         // index of the item after which front becomes back; only while they differ
	since  time.Time   // solid was first seen above limit
	closed bool

	sent, replaced, dropped int64
}

// queueItem is small: a slow client may have thousands.
type queueItem struct {
	e   *Event // nil: a hole. Without a wire.Event it is bytes of Raw or Switch
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
			v1 := q.versionAt(i)
			q.size += len(encoding(e, v1)) - len(encoding(q.items[i].e, v1))
			q.items[i].e = e
			q.replaced++
			q.trim()
			return false, true
		}
	}
	wake = q.empty()
	q.add(queueItem{e, key})
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
	q.add(queueItem{e: rawEvent(b)})
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
	q.add(queueItem{e: rawEvent(reply)})
	if !q.back {
		q.back = true
		q.turn = len(q.items) - 1
	}
	return wake
}

// Frames makes everything go out as version 1 frames, also what waits already;
// bytes of Raw are given up. It is for clients that begin with a frame.
func (q *Queue) Frames() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := q.head; i < len(q.items); i++ {
		if e := q.items[i].e; e != nil && e.Event == nil {
			q.hole(i)
		}
	}
	q.front, q.back = true, true
	q.size, q.solid = 0, 0
	for _, it := range q.items[q.head:] {
		q.weigh(it)
	}
}

// Append takes n waiting events out, as many as fit into max bytes but at least
// one, and appends them to dst as they go over the stream. more reports that
// others wait; without them the next Push reports wake. The caller says Written
// when they have got out.
func (q *Queue) Append(dst []byte, max int) (out []byte, n int, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	sent := q.sent
	for _, e := range q.urgent {
		dst = append(dst, encoding(e, q.front)...)
		q.sent++
	}
	q.urgent = q.urgent[:0]
	start := len(dst)
	for q.head < len(q.items) {
		if e := q.items[q.head].e; e != nil {
			b := encoding(e, q.front)
			if len(dst) > start && len(dst)-start+len(b) > max {
				break
			}
			dst = append(dst, b...)
			q.remember(e)
		}
		q.shift()
	}
	q.tidy()
	return dst, int(q.sent - sent), !q.empty()
}

// Pop takes one event out: e, and b as it goes over the stream, which is shared
// and not to be changed. e is nil where b came from Raw or Switch. The caller says
// Written when it has got out.
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
		if e, ok = q.items[q.head].e, q.items[q.head].e != nil; ok {
			b = encoding(e, q.front)
		}
		q.shift()
	}
	q.tidy()
	if ok {
		q.remember(e)
	}
	if ok && e.Event == nil {
		e = nil
	}
	return e, b, ok
}

// remember notes chat that is taken out.
func (q *Queue) remember(e *Event) {
	if e.Event != nil && e.isChat() {
		q.out = append(q.out, e)
	}
}

// Written says that everything taken out so far has got out.
func (q *Queue) Written() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out = nil
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

// Close gives up what waits and takes nothing more. It returns the chat among it
// and that which was taken out but, as far as is known, has not been written: it
// may be kept for later.
func (q *Queue) Close() (chat []*Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	q.closed = true
	chat = q.out
	for _, it := range q.items[q.head:] {
		if it.e != nil && it.e.Event != nil && it.e.isChat() {
			chat = append(chat, it.e)
		}
	}
	q.dropped += int64(len(q.items) - q.head - q.holes + len(q.urgent))
	q.items, q.urgent, q.out, q.index = nil, nil, nil, queueIndex{}
	q.head, q.holes, q.oldest, q.size, q.solid = 0, 0, 0, 0, 0
	return chat
}

func (q *Queue) empty() bool { return q.head == len(q.items) && len(q.urgent) == 0 }

// versionAt says whether the client is at version 1 when it gets items[i].
func (q *Queue) versionAt(i int) bool {
	if q.front == q.back {
		return q.back
	}
	return i > q.turn
}

// weigh adds it, which is behind a switch if there is one, to the sizes.
func (q *Queue) weigh(it queueItem) {
	if it.e == nil {
		return
	}
	n := len(encoding(it.e, q.back))
	q.size += n
	if it.key == 0 {
		q.solid += n
	}
}

// add puts it at the end.
func (q *Queue) add(it queueItem) {
	if q.head > queueScan && q.head > len(q.items)/2 {
		q.compact()
	}
	q.items = append(q.items, it)
	q.weigh(it)
	switch {
	case it.key == 0 || len(q.items)-q.head <= queueScan && q.index.empty():
	case q.index.full():
		q.reindex()
	default:
		q.index.put(it.key, len(q.items)-1)
	}
}

// find returns the index of the waiting position of uid, or -1.
func (q *Queue) find(key uint64, uid string) int {
	if !q.index.empty() {
		return q.index.find(key, func(i int) bool { return q.items[i].key == key && q.items[i].e.UID == uid })
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
	if it.e == nil {
		q.holes--
	} else {
		n := len(encoding(it.e, q.front))
		q.size -= n
		if it.key == 0 {
			q.solid -= n
		}
		if it.e.Event != nil {
			q.sent++
		}
	}
	if q.front != q.back && q.head == q.turn {
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
	q.head, q.oldest, q.holes, q.index = 0, 0, 0, queueIndex{}
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
		q.hole(q.oldest)
		q.dropped++
	}
	if q.holes > queueScan && q.holes > (len(q.items)-q.head)/2 {
		q.compact()
	}
}

// hole takes items[i], which may be dropped, out of the middle.
func (q *Queue) hole(i int) {
	q.size -= len(encoding(q.items[i].e, q.versionAt(i)))
	q.items[i] = queueItem{}
	q.holes++
}

// compact moves what waits to the beginning and leaves the holes out.
func (q *Queue) compact() {
	turn := q.turn
	kept := q.items[:0]
	for i := q.head; i < len(q.items); i++ {
		if q.items[i].e == nil {
			continue
		}
		if i == q.turn {
			turn = len(kept)
		}
		kept = append(kept, q.items[i])
	}
	clear(q.items[len(kept):])
	q.items, q.head, q.holes, q.oldest, q.turn = kept, 0, 0, 0, turn
	if !q.index.empty() {
		q.reindex()
	}
}

// reindex makes the index anew.
func (q *Queue) reindex() {
	q.index = newQueueIndex(len(q.items) - q.head - q.holes)
	for i := q.head; i < len(q.items); i++ {
		if key := q.items[i].key; key != 0 {
			q.index.put(key, i)
		}
	}
}

// rawEvent makes bytes that go out as they are look like an event.
func rawEvent(b []byte) *Event {
	e := &Event{}
	e.xml.once.Do(func() { e.xml.b = b })
	e.proto.once.Do(func() { e.proto.b = b })
	return e
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

// queueIndex finds items of a long queue by their keys: open addressing with
// linear probing. Items that are gone stay in it until it is made anew.
type queueIndex struct {
	slots []int32 // index of an item, plus 1; 0: free. A power of two of them
	used  int
}

// newQueueIndex has room for more items than n.
func newQueueIndex(n int) queueIndex {
	return queueIndex{slots: make([]int32, 4<<bits.Len(uint(n)))}
}

func (x *queueIndex) empty() bool { return len(x.slots) == 0 }

// full reports whether it has to be made anew before it takes one more; so it is
// when it is empty.
func (x *queueIndex) full() bool { return 2*(x.used+1) > len(x.slots) }

func (x *queueIndex) put(key uint64, i int) {
	at := x.slot(key)
	for x.slots[at] != 0 {
		at = (at + 1) & (len(x.slots) - 1)
	}
	x.slots[at] = int32(i + 1)
	x.used++
}

// find returns the first item with key that is the one, or -1.
func (x *queueIndex) find(key uint64, is func(i int) bool) int {
	for at := x.slot(key); x.slots[at] != 0; at = (at + 1) & (len(x.slots) - 1) {
		if i := int(x.slots[at]) - 1; is(i) {
			return i
		}
	}
	return -1
}

func (x *queueIndex) slot(key uint64) int {
	return int(key * 0x9e3779b97f4a7c15 >> 33 & uint64(len(x.slots)-1))
}

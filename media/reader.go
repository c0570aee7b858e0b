package media

import (
	"errors"
	"sync/atomic"
	"time"

	"muster/internal/auth"
)

// Start says where in the stream a reader begins.
type Start int

const (
	// StartCatchup begins with the last key frame and runs through what has
	// come since in a moment (timestamps squeezed together, sound left out),
	// so that a viewer has a picture at once and is live at once. For RTSP,
	// WebRTC, RTMP and SRT players.
	StartCatchup Start = iota
	// StartLastKey begins with the last key frame and keeps its true times.
	// For segmenters and recorders, whose audience is behind live anyway.
	StartLastKey
	// StartNextKey waits for the next key frame.
	StartNextKey
	// StartOldestKey begins with the oldest key frame that is still held and
	// keeps its true times: a few seconds, so that a segmenter has whole
	// segments to offer at once.
	StartOldestKey
)

// squeeze is by how much StartCatchup shortens the past: a group of pictures of
// 2 s passes in 31 ms.
const squeeze = 64

// Why Pull returned no more units.
var (
	ErrStreamEnded  = errors.New("the stream ended")
	ErrReaderClosed = errors.New("the reader was closed")
)

// Delivery is a unit on its way to one reader.
type Delivery struct {
	*Unit
	// At and DecodeAt are the reader's presentation and decoding time, in ticks:
	// the unit's PTS and DTS except while the reader catches up.
	At, DecodeAt int64
	// Jump says that the reader was too slow and units before this one were left out.
	Jump bool
}

// Reader is one reader's place in a stream. Pull is for one goroutine; Close
// may be called from any.
type Reader struct {
	stream  *Stream
	session *auth.Session
	wanted  []bool // by track index
	start   Start
	maxLag  time.Duration

	cursor uint64  // next position to look at
	live   uint64  // positions before it are delivered squeezed
	join   []int64 // by track: the newest decoding time before live
	synced bool    // a key frame was delivered, inter frames make sense
	jumped bool    // since the last delivery

	closed  atomic.Pointer[error]
	bytes   atomic.Int64
	units   atomic.Int64
	skipped atomic.Int64
	jumps   atomic.Int64
}

// Stream returns what is being read.
func (r *Reader) Stream() *Stream { return r.stream }

// Session returns the register entry of the reader, nil for internal readers.
func (r *Reader) Session() *auth.Session { return r.session }

// Skipped returns how many units of the reader's tracks were not delivered
// because it was too slow, and in how many jumps.
func (r *Reader) Skipped() (units, jumps int64) { return r.skipped.Load(), r.jumps.Load() }

// Bytes returns the bytes of access units delivered.
func (r *Reader) Bytes() int64 { return r.bytes.Load() }

// begin places the cursor; called with the stream's mutex held.
func (r *Reader) begin() {
	ring := &r.stream.ring
	head := ring.head.Load()
	r.cursor, r.live = head, head
	if r.start == StartNextKey {
		return
	}
	key, ok := ring.lastKey()
	if !ok {
		return
	}
	if r.start == StartOldestKey {
		key = r.oldestKey(key)
		r.maxLag += ringKeep // it starts that far behind
	}
	r.cursor = key
	if r.start == StartLastKey || r.start == StartOldestKey {
		r.live = key
		return
	}
	r.join = make([]int64, len(r.stream.Tracks))
	for pos := key; pos < head; pos++ {
		if u := ring.at(pos); u != nil {
			r.join[u.Track.Index] = max(r.join[u.Track.Index], u.DTS)
		}
	}
}

// oldestKey returns the position of the oldest key unit held, of which newest is
// the newest, within ringKeep of the present.
func (r *Reader) oldestKey(newest uint64) uint64 {
	ring, s := &r.stream.ring, r.stream
	for pos := ring.tail.Load(); pos < newest; pos++ {
		u := ring.at(pos)
		if u != nil && u.Key && (!s.hasVideo || u.Track == s.video) && time.Since(u.arrived) <= ringKeep {
			return pos
		}
	}
	return newest
}

// Pull fills into with the next units and returns how many, at least one. It
// blocks until there is something to read. A reader that is slower than the
// stream skips to the newest key frame: whole groups of pictures are left out,
// never parts of one, and counted. The error is ErrStreamEnded,
// ErrReaderClosed, or the reason given to Close.
func (r *Reader) Pull(into []Delivery) (int, error) {
	for {
		if reason := r.closed.Load(); reason != nil {
			return 0, *reason
		}
		if n := r.collect(into); n > 0 {
			return n, nil
		}
		if err := r.stream.wait(r); err != nil {
			return 0, err
		}
	}
}

// collect takes what is there without blocking.
func (r *Reader) collect(into []Delivery) int {
	ring := &r.stream.ring
	head := ring.head.Load()
	n := 0
	for n < len(into) && r.cursor < head {
		u := ring.at(r.cursor)
		if u == nil || r.tooLate(u, head) {
			r.jump(head)
			continue
		}
		r.cursor++
		if !r.wanted[u.Track.Index] {
			continue
		}
		d, ok := r.deliver(u)
		if !ok {
			continue
		}
		d.Jump, r.jumped = r.jumped, false
		into[n] = d
		n++
		r.bytes.Add(int64(u.size))
	}
	r.units.Add(int64(n))
	return n
}

func (r *Reader) deliver(u *Unit) (Delivery, bool) {
	if r.stream.hasVideo {
		isVideo := u.Track == r.stream.video
		switch {
		case isVideo && u.Key:
			r.synced = true
		case isVideo && !r.synced:
			return Delivery{}, false // cannot be decoded: no key frame before it
		case !isVideo && u.seq < r.live:
			return Delivery{}, false // sound of the past
		}
	}
	d := Delivery{Unit: u, At: u.PTS, DecodeAt: u.DTS}
	if u.seq < r.live {
		join := r.join[u.Track.Index]
		d.At = join - (join-u.PTS)/squeeze
		d.DecodeAt = join - (join-u.DTS)/squeeze
	}
	return d, true
}

// tooLate reports whether the reader is further behind than it may be and could
// do better by skipping.
func (r *Reader) tooLate(u *Unit, head uint64) bool {
	key, ok := r.stream.ring.lastKey()
	if !ok || key <= r.cursor {
		return false
	}
	newest := r.stream.ring.at(head - 1)
	return newest != nil && newest.arrived.Sub(u.arrived) > r.maxLag
}

// jump moves on to the newest key frame, or to the present if none is held.
func (r *Reader) jump(head uint64) {
	to, ok := r.stream.ring.lastKey()
	if !ok || to < r.cursor {
		to = head
		r.synced = false
	}
	if to == r.cursor { // the key frame itself is gone already
		to++
		r.synced = false
	}
	r.skipped.Add(int64(to - r.cursor))
	r.jumps.Add(1)
	r.cursor, r.jumped = to, true
	r.live = min(r.live, to)
	r.stream.readerJumped()
}

// Close ends the reader; a blocked Pull returns reason (ErrReaderClosed if nil).
// Closing twice is harmless, the first reason stays.
func (r *Reader) Close(reason error) {
	if reason == nil {
		reason = ErrReaderClosed
	}
	if r.closed.CompareAndSwap(nil, &reason) {
		r.stream.leave(r)
		if r.session != nil {
			r.session.Close()
		}
	}
}

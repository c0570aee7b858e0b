package notify

import (
	"encoding/json"
	"errors"
	"sync"
)

// outbox holds what a session is to be told until its connection has written
// it, and some of what was written, for a connection that is made anew.
//
// It never drops an event by itself: a session that does not read is ended when
// maxWaiting bytes wait.
type outbox struct {
	mu    sync.Mutex // guards what follows
	turn  *reader    // who takes; nil: nobody yet
	seq   int64      // of the newest event
	kept  []outMessage
	bytes int   // of kept that nobody has taken yet
	held  int   // bytes of kept
	taken int64 // sequence number up to which kept was taken
	over  bool
}

type outMessage struct {
	seq  int64
	text []byte
}

// Bounds of an outbox.
const (
	maxWaiting = 4 << 20 // bytes: a room's state with all its people and messages is a few hundred kB
	keptEvents = 512     // events kept for resuming
	keptBytes  = 1 << 20 // that they may take; a resuming client is away for seconds
)

var errSlow = errors.New("the client does not read what it is told")

// reader is the turn of one connection at an outbox: from the next one's on it
// gets nothing, so that what was said into a dying connection is said again.
type reader struct {
	box  *outbox
	wake chan struct{} // there is something to take
}

// put adds an event. It reports false when too much waits.
func (o *outbox) put(typ string, data any) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return true
	}
	o.seq++
	text, err := json.Marshal(message{Seq: o.seq, Type: typ, Data: data})
	if err != nil {
		o.seq--
		return true // only what cannot be: all data are our own types
	}
	o.kept = append(o.kept, outMessage{o.seq, text})
	o.bytes += len(text)
	o.held += len(text)
	for (len(o.kept) > keptEvents || o.held > keptBytes) && o.kept[0].seq <= o.taken {
		o.held -= len(o.kept[0].text)
		o.kept[0].text = nil
		o.kept = o.kept[1:]
	}
	o.ring()
	return o.bytes <= maxWaiting
}

// ring wakes who waits. mu is held.
func (o *outbox) ring() {
	if o.turn == nil {
		return
	}
	select {
	case o.turn.wake <- struct{}{}:
	default:
	}
}

// read begins the turn of a connection, which takes the events after seq; false
// if they are not held any more.
func (o *outbox) read(seq int64) (*reader, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	first := o.seq + 1
	if len(o.kept) > 0 {
		first = o.kept[0].seq
	}
	if seq < first-1 || seq > o.seq {
		return nil, false
	}
	o.taken, o.bytes = seq, 0
	for _, m := range o.kept {
		if m.seq > seq {
			o.bytes += len(m.text)
		}
	}
	o.ring() // who is here learns that its turn is over
	o.turn = &reader{box: o, wake: make(chan struct{}, 1)}
	o.ring()
	return o.turn, true
}

// take returns the events that have not been taken, and whether there will be
// no more after them.
func (r *reader) take() (texts [][]byte, over bool) {
	o := r.box
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.turn != r {
		return nil, true
	}
	for _, m := range o.kept {
		if m.seq > o.taken {
			texts = append(texts, m.text)
		}
	}
	o.taken, o.bytes = o.seq, 0
	return texts, o.over
}

// end says that nothing comes any more.
func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.ring()
}

package cot

import (
	"strings"
	"sync"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
)

// Sender says who an event came from.
type Sender struct {
	Identity auth.Identity
	UID      string // of the client; "" while it has not reported itself
	Callsign string
}

// Event is an event on its way to its receivers. Nothing of it is changed once
// it is routed; all receivers share it and its encodings.
type Event struct {
	*wire.Event
	From     Sender
	Groups   []string    // it was published to these; nil for messages of the server to single clients
	Dests    []wire.Dest // the recipients it named; the marti element itself is cut out
	Received time.Time

	via  *Client // the connection it came by; nil if there was none
	self bool    // that client's report of itself

	xml, proto struct {
		once sync.Once
		b    []byte
	}
}

// NewEvent takes over w: its marti elements become Dests.
func NewEvent(w *wire.Event, from Sender, groups []string, received time.Time) *Event {
	e := &Event{Event: w, From: from, Groups: groups, Received: received}
	if marti := w.Cut("marti"); len(marti) > 0 {
		e.Dests = wire.Dests(marti)
	}
	return e
}

// XML returns the event as it goes over an XML stream: one element and a
// newline. Made at most once; not to be changed.
func (e *Event) XML() []byte {
	e.xml.once.Do(func() { e.xml.b = append(e.AppendXML(nil), '\n') })
	return e.xml.b
}

// Frame returns the event as a version 1 stream frame: 0xBF, length, TakMessage.
// Made at most once; not to be changed.
func (e *Event) Frame() []byte {
	e.proto.once.Do(func() {
		b := e.AppendProto(make([]byte, frameHead, 512))
		var head [frameHead]byte
		h := wire.AppendFrame(head[:0], len(b)-frameHead)
		at := frameHead - len(h)
		copy(b[at:], h)
		e.proto.b = b[at:]
	})
	return e.proto.b
}

// frameHead is the longest header of a frame: a byte and a varint.
const frameHead = 1 + 10

// IsPosition reports whether a newer event of the same uid makes this one
// worthless: its type begins with "a-".
func (e *Event) IsPosition() bool { return strings.HasPrefix(e.Type, "a-") }

// isChat reports whether e is a chat message or a receipt of one.
func (e *Event) isChat() bool { return strings.HasPrefix(e.Type, typeChat) }

// again returns e as a new event of the server's: of another type, if typ is not
// empty, and valid from now for life.
func (e *Event) again(typ string, now time.Time, life time.Duration) *Event {
	w := e.Clone()
	if typ != "" {
		w.Type = typ
	}
	w.Time = now.UnixMilli()
	w.Start, w.Stale = w.Time, w.Time+life.Milliseconds()
	return &Event{Event: w, From: e.From, Groups: e.Groups, Received: now}
}

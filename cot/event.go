package cot

import (
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

	xml, proto struct {
		once sync.Once
		b    []byte
	}
}

// NewEvent takes over w: its marti elements become Dests.
func NewEvent(w *wire.Event, from Sender, groups []string, received time.Time) *Event { panic("cot") }

// XML returns the event as it goes over an XML stream: one element and a
// newline. Made at most once; not to be changed.
func (e *Event) XML() []byte { panic("cot") }

// Frame returns the event as a version 1 stream frame: 0xBF, length, TakMessage.
// Made at most once; not to be changed.
func (e *Event) Frame() []byte { panic("cot") }

// IsPosition reports whether a newer event of the same uid makes this one
// worthless: its type begins with "a-".
func (e *Event) IsPosition() bool { panic("cot") }

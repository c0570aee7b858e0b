package record

import (
	"errors"
	"time"

	"muster/internal/auth"
)

// The errors that callers tell apart.
var (
	// ErrNotFound: there is no such recording that one may see. It is the same
	// whether it is missing or belongs to others.
	ErrNotFound = errors.New("there is no such recording that you may see")
	// ErrOpen: the recording is still being written and cannot be deleted.
	ErrOpen = errors.New("the recording is still being written")
	// ErrUnfit: the stream has no track that can be recorded.
	ErrUnfit = errors.New("the stream has no track that can be recorded")
)

// Recording is one file of a stream's recording.
type Recording struct {
	ID       string
	Stream   string
	Groups   []string // of the stream when it was recorded; never nil
	User     string   // who published
	Start    time.Time
	Duration time.Duration
	Bytes    int64
	Open     bool // still being written; Duration and Bytes are what there is by now

	path string // below the folder of recordings, with slashes
}

// End is when the last frame was over.
func (r Recording) End() time.Time { return r.Start.Add(r.Duration) }

func (r Recording) readable(id auth.Identity) bool {
	return auth.Allow(id, auth.Read, auth.Stream(r.Stream, r.Groups)) == nil
}

// Query filters recordings; its zero value finds all. All conditions must hold.
type Query struct {
	Stream   string    // "": any
	From, To time.Time // recordings that hold something of this time; zero: no bound
	After    string    // Page.Next of the page before
	Limit    int       // 0 and what is above maxPage become maxPage
}

const maxPage = 200

// Page is a part of the answer to a query, the newest first.
type Page struct {
	Recordings []Recording
	Next       string // "": there are no more
}

// FactChanged is the kind of the fact that a recording, or whether a stream is
// recorded, has changed.
const FactChanged = "recording.changed"

// Changed is the data of FactChanged. Change is "started", "ended" or "deleted"
// for a recording, and "on" or "off" for a stream.
type Changed struct {
	Stream string `json:"stream"`
	Change string `json:"change"`
	ID     string `json:"id,omitempty"`
}

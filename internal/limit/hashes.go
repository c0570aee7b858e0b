package limit

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrBusy says that too many callers already wait.
var ErrBusy = errors.New("too busy; try again in a moment")

// Hashes lets a few costly computations (password hashes) run at once and a
// bounded number wait.
type Hashes struct {
	running chan struct{} // one slot per computation that runs
	places  int64         // slots and waiting places together
	inside  atomic.Int64  // callers that run or wait
	done    atomic.Int64
	refused atomic.Int64
}

// NewHashes returns a gate for atOnce computations with queue waiting places.
// Callers beyond both are refused, not queued: a flood of logins must not
// become a queue that good users stand behind for minutes.
func NewHashes(atOnce, queue int) *Hashes {
	return &Hashes{running: make(chan struct{}, max(1, atOnce)), places: int64(max(1, atOnce) + max(0, queue))}
}

// Do runs f when there is a free slot. The error is ErrBusy, or that of ctx if
// it ended while waiting; f has not run then.
func (h *Hashes) Do(ctx context.Context, f func()) error {
	if h.inside.Add(1) > h.places {
		h.inside.Add(-1)
		h.refused.Add(1)
		return ErrBusy
	}
	defer h.inside.Add(-1)
	select {
	case h.running <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("limit: wait for a free slot: %w", context.Cause(ctx))
	}
	defer func() { <-h.running }()
	h.done.Add(1)
	f()
	return nil
}

// Done returns how many computations were started.
func (h *Hashes) Done() int64 { return h.done.Load() }

// Refused returns how many callers got ErrBusy.
func (h *Hashes) Refused() int64 { return h.refused.Load() }

// Inside returns how many callers run or wait now.
func (h *Hashes) Inside() int64 { return h.inside.Load() }

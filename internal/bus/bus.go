// Package bus carries facts between the parts of the server: small values that
// say what happened, for the UI, webhooks and metrics. It never carries media
// packets or CoT events.
//
// Concurrency: Publish may be called from anywhere and never blocks. All
// subscribers see facts of one publisher in the order of its calls; there is no
// order between publishers.
package bus

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Fact is something that happened. Kind is its stable name ("stream.ready");
// Data is one of the fact types its publisher documents and marshals to JSON.
// Groups names who may be told: a person who reads one of them, or everybody
// logged in where it is nil and Admin is false.
type Fact struct {
	Kind   string    `json:"kind"`
	Time   time.Time `json:"time"`
	Data   any       `json:"data,omitempty"`
	Groups []string  `json:"-"`
	User   string    `json:"-"` // also told to this user
	Admin  bool      `json:"-"` // only administrators
}

// Bus is an in-process publish-subscribe bus.
type Bus struct {
	mu   sync.RWMutex // guards subs
	subs map[*Subscription]struct{}
}

// New returns an empty bus.
func New() *Bus { return &Bus{subs: make(map[*Subscription]struct{})} }

// Subscription receives facts on C until it is closed.
type Subscription struct {
	C       <-chan Fact
	c       chan Fact
	dropped atomic.Int64
	bus     *Bus
}

// Subscribe returns a subscription that holds up to buffer facts. When it is
// full a new fact is dropped and counted: a subscriber that sees Dropped grow
// reads the present state anew instead of relying on facts.
func (b *Bus) Subscribe(buffer int) *Subscription {
	c := make(chan Fact, buffer)
	s := &Subscription{C: c, c: c, bus: b}
	b.mu.Lock()
	b.subs[s] = struct{}{}
	b.mu.Unlock()
	return s
}

// Publish tells all subscribers. A zero Time becomes now.
func (b *Bus) Publish(f Fact) {
	if f.Time.IsZero() {
		f.Time = time.Now()
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for s := range b.subs {
		select {
		case s.c <- f:
		default:
			s.dropped.Add(1)
		}
	}
}

// Dropped returns how many facts did not fit.
func (s *Subscription) Dropped() int64 { return s.dropped.Load() }

// Close ends the subscription. C is not closed; nothing more arrives on it.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.subs, s)
}

// Keep makes something true with look, and again after each fact that is about it,
// until ctx ends. It holds up to buffer facts meanwhile; more say nothing new, since
// look reads the present state. An error of look ends it, unless ctx has ended.
func (b *Bus) Keep(ctx context.Context, buffer int, about func(Fact) bool, look func() error) error {
	sub := b.Subscribe(buffer)
	defer sub.Close()
	for {
		if err := look(); err != nil && ctx.Err() == nil {
			return err
		}
		for stirred := false; !stirred; {
			select {
			case <-ctx.Done():
				return nil
			case f := <-sub.C:
				stirred = about(f)
			}
		}
	}
}

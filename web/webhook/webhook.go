// Package webhook tells other servers what happens here: facts of the bus go out
// as signed HTTP requests in the form of Standard Webhooks 1.0.
//
// What is to be sent is in the database before the first attempt. Each hook gets
// its events one by one and in order; one that is not taken is tried again with
// growing pauses for three days, and holds those behind it back for that long.
package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/store"
)

// Bounds of what waits.
const (
	factQueue  = 4096               // facts between the bus and the database; further ones are lost and counted
	maxWaiting = 10_000             // messages of one hook; the oldest go, and are counted
	maxBody    = 64 << 10           // bytes of a message; a larger event is not sent, and counted
	giveUp     = 3 * 24 * time.Hour // after which a message is dropped
)

// Deps are the other parts that hooks work with.
type Deps struct {
	DB  *store.DB
	Bus *bus.Bus
	Log *slog.Logger
}

// Stats are counts since the start, except for the gauge.
type Stats struct {
	Waiting   int64 // gauge: messages that wait, of all hooks
	Delivered int64
	Failed    int64 // attempts that were not taken
	Dropped   int64 // messages that were given up: too old, too many, or gone with their hook
	Lost      int64 // events that never became messages: more at a time than the queue takes, or too large
}

// Sender sends events to hooks. Make it with New.
type Sender struct {
	hooks []*hook
	deps  Deps
	log   *slog.Logger
	most  int64 // messages of one hook that may wait

	count struct{ waiting, delivered, failed, dropped, lost atomic.Int64 }

	mu   sync.Mutex // guards last
	last int64      // newest seq given
}

// hook is a Hook at work.
type hook struct {
	Hook
	id     string
	key    []byte
	client *http.Client
	wake   chan struct{} // holds one: there is something to send
}

// New returns a sender that does nothing yet.
func New(hooks []Hook, deps Deps) (*Sender, error) {
	if err := Validate(hooks); err != nil {
		return nil, fmt.Errorf("webhooks%w", err)
	}
	s := &Sender{deps: deps, log: deps.Log.With("part", "webhook"), most: maxWaiting}
	for _, h := range hooks {
		key, err := h.key()
		if err != nil {
			return nil, err
		}
		s.hooks = append(s.hooks, &hook{Hook: h, id: h.id(), key: key, client: newClient(h), wake: make(chan struct{}, 1)})
	}
	return s, nil
}

// Stats returns the counters.
func (s *Sender) Stats() Stats {
	c := &s.count
	return Stats{Waiting: c.waiting.Load(), Delivered: c.delivered.Load(), Failed: c.failed.Load(), Dropped: c.dropped.Load(), Lost: c.lost.Load()}
}

// Run sends until ctx ends. What waits then is sent after the next start.
func (s *Sender) Run(ctx context.Context) error {
	var sub *bus.Subscription
	if len(s.hooks) > 0 {
		sub = s.deps.Bus.Subscribe(factQueue)
		defer sub.Close()
	}
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	if sub == nil {
		<-ctx.Done()
		return nil
	}
	g := run.NewGroup(ctx, s.log, "webhook")
	for _, h := range s.hooks {
		g.Go(func(ctx context.Context) { s.deliver(ctx, h) })
	}
	g.Go(func(ctx context.Context) { s.follow(ctx, sub) })
	<-ctx.Done()
	g.Wait()
	return nil
}

// follow turns facts into messages, all that are there at a time.
func (s *Sender) follow(ctx context.Context, sub *bus.Subscription) {
	var lost int64
	for {
		var facts []bus.Fact
		select {
		case f := <-sub.C:
			facts = append(facts, f)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(facts) < factQueue; {
			select {
			case f := <-sub.C:
				facts = append(facts, f)
			default:
				more = false
			}
		}
		if n := sub.Dropped(); n > lost {
			s.count.lost.Add(n - lost)
			s.log.Warn("more happened at a time than webhooks can take", "lost", n-lost)
			lost = n
		}
		if err := s.store(ctx, s.messages(facts)); err != nil && ctx.Err() == nil {
			s.count.lost.Add(int64(len(facts)))
			s.log.Error("events for webhooks were not stored", "error", err)
		}
	}
}

// event is the body of a message.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// messages makes rows of facts for each hook that wants them.
func (s *Sender) messages(facts []bus.Fact) map[*hook][]messageRow {
	out := make(map[*hook][]messageRow)
	for _, f := range facts {
		var row *messageRow
		for _, h := range s.hooks {
			if !h.wants(f.Kind) || !known(f.Kind) {
				continue
			}
			if row == nil {
				r, err := s.message(event{f.Kind, f.Time.UTC(), f.Data})
				if err != nil {
					s.count.lost.Add(1)
					s.log.Warn("an event cannot be sent", "type", f.Kind, "error", err)
					break
				}
				row = &r
			}
			mine := *row // one id for all hooks: it names the event
			mine.Hook = h.id
			out[h] = append(out[h], mine)
		}
	}
	return out
}

var errLarge = errors.New("it is larger than a message may be")

func (s *Sender) message(e event) (messageRow, error) {
	if e.Data == nil {
		e.Data = struct{}{}
	}
	body, err := json.Marshal(e)
	if err != nil {
		return messageRow{}, err
	}
	if len(body) > maxBody {
		return messageRow{}, errLarge
	}
	now := time.Now()
	s.mu.Lock()
	s.last = max(s.last+1, now.UnixNano())
	seq := s.last
	s.mu.Unlock()
	return messageRow{Seq: seq, ID: "msg_" + rand.Text(), Type: e.Type, Body: string(body), At: now.UnixMilli()}, nil
}

// ErrNoHook: there is no hook of that id.
var ErrNoHook = errors.New("there is no such webhook")

// Test sends a test event to one hook, behind what waits for it. A hook that was
// switched off because its server said Gone is switched on again.
func (s *Sender) Test(ctx context.Context, id string) error {
	for _, h := range s.hooks {
		if h.id != id {
			continue
		}
		row, err := s.message(event{typeTest, time.Now().UTC(), map[string]string{"hook": id}})
		if err != nil {
			return err
		}
		row.Hook = id
		if err := s.switchOn(ctx, id); err != nil {
			return fmt.Errorf("webhooks: switch on: %w", err)
		}
		return s.store(ctx, map[*hook][]messageRow{h: {row}})
	}
	return ErrNoHook
}

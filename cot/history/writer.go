package history

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"muster/cot"
)

const (
	startBatch = 256 // events in the first transaction; the size follows the disk
	minBatch   = 32
	maxBatch   = 1024
	batchBytes = 4 << 20
	// txTarget is how long a transaction may take: SQLite has one writer, and
	// what others acknowledge waits for it.
	txTarget = 20 * time.Millisecond

	positionsEvery = 5 * time.Second // newest positions are written this often: a crash loses their text, not their tracks
	maxDirty       = 2000            // or when so many wait
	maxCached      = 50_000          // entries of each cache of what the database holds

	stopTimeout = 4 * time.Second // less than the whole server is given to stop
)

// write is the writer goroutine. Its timers run only while something waits.
func (s *Service) write(stop context.Context) {
	// What is being written when the server stops is written to its end.
	ctx, cancel := context.WithCancel(context.WithoutCancel(stop))
	defer cancel()
	defer context.AfterFunc(stop, func() {
		defer time.AfterFunc(stopTimeout, cancel).Stop()
		<-ctx.Done()
	})()
	var due, positions <-chan time.Time
	for {
		select {
		case <-stop.Done():
			s.drain(ctx)
			s.flushPositions(ctx)
			return
		case <-s.queue.some:
			if due == nil {
				due = time.After(s.cfg.FlushInterval)
			}
			continue
		case <-due:
			due = nil
			s.drain(ctx)
		case <-s.queue.wake:
			due = nil
			s.drain(ctx)
		case <-positions:
			positions = nil
			s.flushPositions(ctx)
		}
		if positions == nil && len(s.dirty) > 0 {
			positions = time.After(positionsEvery)
		}
	}
}

// drain writes until nothing waits.
func (s *Service) drain(ctx context.Context) {
	for ctx.Err() == nil {
		events := s.queue.take(s.batch, batchBytes)
		if len(events) == 0 {
			return
		}
		begun := time.Now()
		s.writeBatch(ctx, events, true)
		s.pace(len(events), time.Since(begun))
		if len(s.dirty) >= maxDirty {
			s.flushPositions(ctx)
		}
		s.queue.finish(len(events))
		s.tellFresh()
	}
}

// pace makes batches smaller when the disk is slow and larger when it is fast.
func (s *Service) pace(n int, took time.Duration) {
	switch {
	case took > txTarget:
		s.batch = max(minBatch, s.batch*3/4)
	case took < txTarget/2 && n >= s.batch:
		s.batch = min(maxBatch, s.batch*5/4)
	}
}

// writeBatch writes events in one transaction. When the database refuses, it
// tries again a little later, and then by halves, so that one bad event costs
// only itself.
func (s *Service) writeBatch(ctx context.Context, events []*cot.Event, patient bool) {
	intents := make([]intent, 0, len(events))
	bad := 0
	for _, e := range events {
		in, err := sortOut(e)
		if err != nil {
			bad++
			s.log.Debug("an event could not be read", "user", e.From.Identity.User, "error", err)
			continue
		}
		if s.learn(e); in.what != isNothing {
			intents = append(intents, in)
		}
	}
	s.n.failed.Add(int64(bad))
	s.n.written.Add(int64(len(events) - bad - len(intents))) // nothing to be written of them
	s.store(ctx, intents, patient)
}

func (s *Service) store(ctx context.Context, intents []intent, patient bool) {
	if len(intents) == 0 {
		return
	}
	err := s.commit(ctx, intents)
	for _, pause := range []time.Duration{100 * time.Millisecond, time.Second} {
		if err == nil || !patient || ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		err = s.commit(ctx, intents)
	}
	switch {
	case err == nil:
		s.n.written.Add(int64(len(intents)))
	case len(intents) == 1 || ctx.Err() != nil:
		s.n.failed.Add(int64(len(intents)))
	default:
		half := len(intents) / 2
		s.store(ctx, intents[:half], false)
		s.store(ctx, intents[half:], false)
	}
	if err != nil && patient {
		s.log.Error("events could not be written", "events", len(intents), "error", err)
	}
}

// commit writes one batch and, once it is on disk, remembers what it learnt.
func (s *Service) commit(ctx context.Context, intents []intent) error {
	var b *batch
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		b = newBatch(s, tx)
		return b.run(ctx, intents)
	})
	if err != nil {
		return err
	}
	b.keep()
	return nil
}

// flushPositions writes the newest position of each uid that changed.
func (s *Service) flushPositions(ctx context.Context) {
	for len(s.dirty) > 0 {
		var rows []*positionRow
		var done []*item
		for _, it := range s.dirty {
			rows, done = append(rows, it.row()), append(done, it)
			if len(rows) >= minBatch*4 {
				break
			}
		}
		err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return upsertPositions(ctx, tx, rows) })
		if err != nil {
			if ctx.Err() == nil {
				s.log.Error("the newest positions could not be written", "error", err)
			}
			return // they stay dirty: the next round tries again
		}
		s.mu.Lock()
		for _, it := range done {
			delete(s.dirty, it.key)
			delete(s.reads, it.key)
			s.items[it.key] = it.bare()
		}
		s.mu.Unlock()
	}
	if len(s.items) > maxCached {
		clear(s.items)
	}
}

// upsertPositions writes whole rows; first stays what it was.
func upsertPositions(ctx context.Context, tx bun.IDB, rows []*positionRow) error {
	q := tx.NewInsert().Model(&rows).On("CONFLICT (uid, audience) DO UPDATE")
	for _, c := range []string{"type", "how", "callsign", "team", "team_role", "user_name", "time", "start", "stale", "received",
		"until", "ended", "lat", "lon", "hae", "ce", "le", "speed", "course", "xml"} {
		q = q.Set("? = EXCLUDED.?", bun.Ident(c), bun.Ident(c))
	}
	_, err := q.Exec(ctx)
	return err
}

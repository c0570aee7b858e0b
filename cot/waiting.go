package cot

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/wire"
	"muster/internal/auth"
)

// The bounds of what waits for devices that are away. What does not fit is
// answered like a message to somebody unknown.
const (
	maxKept      = 64 << 10 // bytes of one message
	maxBox       = 500      // messages for one device
	maxBoxBytes  = 8 << 20
	maxWaiting   = 100_000 // messages in all
	waitingBatch = 100     // read and deleted at once
	expirePeriod = time.Minute

	// keepTime is how long chat may take to the disk.
	keepTime = 10 * time.Second
)

// waiting is the chat kept for devices that are away.
//
// A message stays in the table until it is in the queue of its recipient, so
// that it is sent twice rather than not at all when the server dies in between.
// While a device has a box, everything for it goes through the box: that keeps
// the order.
type waiting struct {
	mu      sync.Mutex // guards what follows; events are sent under it
	boxes   map[string]*box
	total   int
	ordinal int64 // of the newest message

	seed     maphash.Seed
	emptying [32]sync.Mutex // by uid; held by who reads and deletes a device's messages
}

// box is what waits for one device: in the table or on the way there.
type box struct{ n, bytes int }

// waitingRow is the stored form of a message.
type waitingRow struct {
	bun.BaseModel `bun:"table:cot_waiting"`

	ID           string    `bun:"id,pk"`
	Ordinal      int64     `bun:"ordinal"`
	Recipient    string    `bun:"recipient"`
	RecipientKey string    `bun:"recipient_key"` // account that the device was of
	User         string    `bun:"sender_user"`
	UID          string    `bun:"sender_uid"`
	Callsign     string    `bun:"sender_callsign"`
	Groups       groupList `bun:"group_names"`
	Received     int64     `bun:"received"`
	Bytes        int       `bun:"bytes"`
	Event        string    `bun:"event"`
}

func (s *waiting) count() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.total)
}

// any reports whether something waits for the device uid.
func (s *waiting) any(uid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.boxes[uid] != nil
}

// reserve makes room for a message in the box of uid.
func (s *waiting) reserve(uid string, size int) (ordinal int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[uid]
	if b == nil {
		b = &box{}
	}
	if size > maxKept || b.n >= maxBox || b.bytes+size > maxBoxBytes || s.total >= maxWaiting {
		return 0, false
	}
	s.boxes[uid] = b
	b.n++
	b.bytes += size
	s.total++
	s.ordinal = max(s.ordinal+1, time.Now().UnixMicro())
	return s.ordinal, true
}

// free gives room back.
func (s *waiting) free(uid string, n, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[uid]
	if b == nil {
		return
	}
	b.n -= n
	b.bytes -= size
	s.total -= n
	if b.n <= 0 {
		delete(s.boxes, uid)
	}
}

// only makes the caller the only one that reads or deletes the messages of uid.
func (s *waiting) only(uid string) (unlock func()) {
	m := &s.emptying[maphash.String(s.seed, uid)%uint64(len(s.emptying))]
	m.Lock()
	return m.Unlock
}

// keep stores chat events for the device uid, in the goroutine that has them. When
// it returns true they are on disk. The end of ctx does not keep them from it: it
// may well be why they wait.
func (r *Router) keep(ctx context.Context, uid string, events ...*Event) bool {
	if r.cfg.ChatKeep == 0 {
		return false
	}
	r.mu.RLock()
	d := r.devices[uid]
	key := ""
	if d != nil {
		key = d.UserKey
	}
	r.mu.RUnlock()
	if d == nil {
		return false
	}
	var rows []*waitingRow
	size := 0
	for _, e := range events {
		text := string(e.AppendXML(nil))
		ordinal, ok := r.waiting.reserve(uid, len(text))
		if !ok {
			r.log.Warn("too much chat waits for a device; a message is refused", "uid", uid, "user", e.From.Identity.User)
			break
		}
		size += len(text)
		rows = append(rows, &waitingRow{
			ID: rand.Text(), Ordinal: ordinal, Recipient: uid, RecipientKey: key,
			User: e.From.Identity.User, UID: e.From.UID, Callsign: e.From.Callsign, Groups: e.Groups,
			Received: e.Received.UnixMilli(), Bytes: len(text), Event: text,
		})
	}
	if len(rows) == 0 {
		return false
	}
	in, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	err := r.db.Tx(in, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
	if err != nil {
		r.waiting.free(uid, len(rows), size)
		r.log.Error("chat was not stored", "uid", uid, "messages", len(rows), "error", err)
		return false
	}
	if r.reported(uid) != nil { // it has come meanwhile, or older messages were on their way
		r.empty(ctx, uid)
	}
	return len(rows) == len(events)
}

// reported returns the client that has reported itself as uid, or nil.
func (r *Router) reported(uid string) *Client {
	for _, c := range r.bound(uid) {
		if c.join.Sink != nil && c.state.Load().reported {
			return c
		}
	}
	return nil
}

// empty hands the device uid what waits for it and what it may see, oldest first.
func (r *Router) empty(ctx context.Context, uid string) {
	defer r.waiting.only(uid)()
	after := int64(-1)
	for {
		c := r.reported(uid)
		if c == nil {
			return
		}
		var rows []waitingRow
		err := r.db.Query().NewSelect().Model(&rows).Where("recipient = ?", uid).Where("ordinal > ?", after).
			Order("ordinal").Limit(waitingBatch).Scan(ctx)
		if err == nil && len(rows) > 0 {
			after = rows[len(rows)-1].Ordinal
			err = r.release(ctx, uid, r.handWaiting(c, rows))
		}
		if err != nil && ctx.Err() == nil {
			r.log.Error("waiting chat was not handed over", "uid", uid, "error", err)
		}
		if err != nil || len(rows) < waitingBatch {
			return
		}
	}
}

// handWaiting queues for c those of rows that it may see, and returns them with
// those that nobody can ever read.
func (r *Router) handWaiting(c *Client, rows []waitingRow) (done []waitingRow) {
	st := c.state.Load()
	for _, row := range rows {
		if row.RecipientKey != userKey(st.id) {
			done = append(done, row)
			continue
		}
		if !st.out.meets(r.numbers.of(row.Groups)) {
			continue // until they share a group again, or it expires
		}
		w, err := wire.ParseXML([]byte(row.Event), r.storedLimits())
		if err != nil {
			r.log.Error("a stored chat message cannot be read", "id", row.ID, "error", err)
			done = append(done, row)
			continue
		}
		from := Sender{Identity: auth.Identity{User: row.User}, UID: row.UID, Callsign: row.Callsign}
		e := NewEvent(w, from, row.Groups, time.UnixMilli(row.Received))
		e.Dests = []wire.Dest{{UID: st.uid}} // should it wait once more
		if !r.sendIfHere(e, c) {
			return done
		}
		done = append(done, row)
	}
	return done
}

// release deletes rows of one box. The caller is the only one at it.
func (r *Router) release(ctx context.Context, uid string, rows []waitingRow) error {
	if len(rows) == 0 {
		return nil
	}
	ids, size := make([]string, len(rows)), 0
	for i, row := range rows {
		ids[i] = row.ID
		size += row.Bytes
	}
	err := r.db.Tx(context.WithoutCancel(ctx), func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*waitingRow)(nil)).Where("id IN (?)", bun.List(ids)).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("cot: delete handed over chat: %w", err)
	}
	r.waiting.free(uid, len(rows), size)
	return nil
}

// discard deletes what waits for the device uid.
func (r *Router) discard(ctx context.Context, uid string) error {
	return r.discardWhere(ctx, uid, func(q *bun.SelectQuery) *bun.SelectQuery { return q })
}

// discardWhere deletes what waits for the device uid and where selects.
func (r *Router) discardWhere(ctx context.Context, uid string, where func(*bun.SelectQuery) *bun.SelectQuery) error {
	defer r.waiting.only(uid)()
	var rows []waitingRow
	q := r.db.Query().NewSelect().Model(&rows).Column("id", "bytes").Where("recipient = ?", uid)
	if err := where(q).Scan(ctx); err != nil {
		return fmt.Errorf("cot: find waiting chat: %w", err)
	}
	return r.release(ctx, uid, rows)
}

// expireWaiting deletes what has waited too long.
func (r *Router) expireWaiting(ctx context.Context) {
	tick := time.NewTicker(expirePeriod)
	defer tick.Stop()
	for {
		if err := r.expire(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.log.Error("old waiting chat was not deleted", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *Router) expire(ctx context.Context, now time.Time) error {
	before := now.Add(-r.cfg.ChatKeep).UnixMilli()
	var uids []string
	err := r.db.Query().NewSelect().Model((*waitingRow)(nil)).ColumnExpr("DISTINCT recipient").
		Where("received < ?", before).Scan(ctx, &uids)
	if err != nil {
		return fmt.Errorf("cot: find old waiting chat: %w", err)
	}
	for _, uid := range uids {
		err := r.discardWhere(ctx, uid, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("received < ?", before) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Router) loadWaiting(ctx context.Context) error {
	var rows []struct {
		Recipient string `bun:"recipient"`
		N         int    `bun:"n"`
		Bytes     int    `bun:"bytes"`
		Newest    int64  `bun:"newest"`
	}
	err := r.db.Query().NewSelect().Model((*waitingRow)(nil)).Column("recipient").
		ColumnExpr("COUNT(*) AS n").ColumnExpr("CAST(SUM(bytes) AS BIGINT) AS bytes").ColumnExpr("MAX(ordinal) AS newest").
		Group("recipient").Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("cot: read the waiting chat: %w", err)
	}
	for _, row := range rows {
		r.waiting.boxes[row.Recipient] = &box{n: row.N, bytes: row.Bytes}
		r.waiting.total += row.N
		r.waiting.ordinal = max(r.waiting.ordinal, row.Newest)
	}
	return nil
}

package history

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Limit is what may be kept of one kind of thing; zero values are no limit.
type Limit struct {
	Before time.Time // older things go
	Bytes  int64     // beyond it the oldest go
	Count  int64     // likewise
}

// Usage is how much of one kind of thing goes, or went.
type Usage struct {
	Kind   string    `json:"kind"`
	Count  int64     `json:"count"`
	Bytes  int64     `json:"bytes"`
	Oldest time.Time `json:"oldest,omitzero"`
}

func (u *Usage) add(count, bytes, oldest int64) {
	if count == 0 {
		return
	}
	u.Count += count
	u.Bytes += bytes
	if t := time.UnixMilli(oldest).UTC(); u.Oldest.IsZero() || t.Before(u.Oldest) {
		u.Oldest = t
	}
}

// Holder is a part that keeps things of one kind which grow old: files, packages,
// missions. It keeps what a mission refers to.
type Holder interface {
	Kind() string
	Excess(ctx context.Context, l Limit) (Usage, error) // what Remove would take away
	Remove(ctx context.Context, l Limit) (Usage, error)
}

// Preview returns what a clean-up would remove now, for each kind.
func (s *Service) Preview(ctx context.Context) ([]Usage, error) {
	return s.each(ctx, s.excess, Holder.Excess)
}

// Clean removes what breaks the rules and returns what that was. Only one
// clean-up runs at a time. After an error what was removed until then is gone.
func (s *Service) Clean(ctx context.Context) ([]Usage, error) {
	s.cleaning.Lock()
	defer s.cleaning.Unlock()
	out, err := s.each(ctx, s.remove, Holder.Remove)
	if err != nil {
		return out, err
	}
	return out, s.setSetting(ctx, settingLast, jsonOf(Cleaned{Time: time.Now().UTC(), Removed: out}))
}

func (s *Service) each(ctx context.Context, own func(context.Context, shelf, int64) (Usage, error), other func(Holder, context.Context, Limit) (Usage, error)) ([]Usage, error) {
	rules, err := s.Rules(ctx)
	if err != nil {
		return nil, err
	}
	held, err := s.held(ctx)
	if err != nil {
		return nil, err
	}
	byKind := make(map[string]Holder)
	for _, h := range s.deps.Holders {
		byKind[h.Kind()] = h
	}
	out := make([]Usage, 0, len(rules))
	for _, r := range rules {
		var u Usage
		if h := byKind[r.Kind]; h != nil {
			u, err = other(h, ctx, r.limit())
		} else {
			sh := shelf{kind: r.Kind, held: held}
			var cut int64
			if cut, err = s.cut(ctx, sh, r); err == nil && cut > 0 {
				u, err = own(ctx, sh, cut)
			}
		}
		if err != nil {
			return out, fmt.Errorf("history: clean up %s: %w", r.Kind, err)
		}
		u.Kind = r.Kind
		out = append(out, u)
	}
	return out, nil
}

func (r Rule) limit() Limit {
	l := Limit{Bytes: r.Megabytes * 1e6, Count: r.Count}
	if r.Days > 0 {
		l.Before = time.UnixMilli(r.before())
	}
	return l
}

func (r Rule) before() int64 { return now() - int64(r.Days*float64(day.Milliseconds())) }

// held returns the uids that missions refer to.
func (s *Service) held(ctx context.Context) (map[string]bool, error) {
	s.mu.Lock()
	m := s.missions
	s.mu.Unlock()
	if m == nil {
		return nil, nil
	}
	uids, err := m.HeldUIDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("history: ask for what missions hold: %w", err)
	}
	out := make(map[string]bool, len(uids))
	for _, u := range uids {
		out[u] = true
	}
	return out, nil
}

// shelf is where things of one of our kinds are.
type shelf struct {
	kind string
	held map[string]bool
}

// trackBytes is about what a track row takes with its index.
const trackBytes = 100

// rows selects the things of a shelf.
func (sh shelf) rows(q bun.IDB) *bun.SelectQuery {
	switch sh.kind {
	case KindPosition:
		return q.NewSelect().TableExpr("history_tracks AS r")
	case KindChat:
		return q.NewSelect().TableExpr("history_chat AS r")
	case KindAlert:
		return q.NewSelect().TableExpr("history_events AS r").Where("r.kind = ?", sh.kind).Where("r.valid_to <= ?", now())
	}
	return q.NewSelect().TableExpr("history_events AS r").Where("r.kind = ?", sh.kind)
}

func (sh shelf) size() string {
	if sh.kind == KindPosition {
		return fmt.Sprint(trackBytes)
	}
	return "r.size"
}

// cut returns the time before which things go, or 0.
func (s *Service) cut(ctx context.Context, sh shelf, r Rule) (int64, error) {
	var cut int64
	if r.Days > 0 {
		cut = r.before()
	}
	if r.Megabytes == 0 && r.Count == 0 {
		return cut, nil
	}
	// From the newest hour back to the one in which a limit is passed, and in that
	// one from second to second.
	n, b, lo, hi := int64(0), int64(0), cut, int64(forever)
	for _, step := range []int64{time.Hour.Milliseconds(), time.Second.Milliseconds()} {
		var found []struct {
			At    int64 `bun:"at"`
			Count int64 `bun:"n"`
			Bytes int64 `bun:"b"`
		}
		err := sh.rows(s.deps.DB.Query()).ColumnExpr("r.received / ? AS at, count(*) AS n, CAST(sum("+sh.size()+") AS BIGINT) AS b", step).
			Where("r.received >= ? AND r.received < ?", lo, hi).GroupExpr("1").OrderExpr("1 DESC").Scan(ctx, &found)
		if err != nil {
			return 0, err
		}
		passed := false
		for _, f := range found {
			if r.Count > 0 && n+f.Count > r.Count || r.Megabytes > 0 && b+f.Bytes > r.Megabytes*1e6 {
				lo, hi, passed = max(lo, f.At*step), (f.At+1)*step, true
				break
			}
			n, b = n+f.Count, b+f.Bytes
		}
		if !passed {
			return cut, nil
		}
	}
	return max(cut, hi), nil
}

// excess counts what is older than cut and held by no mission.
func (s *Service) excess(ctx context.Context, sh shelf, cut int64) (Usage, error) {
	var rows []struct {
		UID    string `bun:"uid"`
		Count  int64  `bun:"n"`
		Bytes  int64  `bun:"b"`
		Oldest int64  `bun:"lo"`
	}
	q := sh.rows(s.deps.DB.Query()).Where("r.received < ?", cut)
	if sh.kind == KindPosition {
		q = q.Join("JOIN history_positions AS p ON p.id = r.item").Where("p.first < ?", cut).ColumnExpr("p.uid AS uid")
	} else {
		q = q.ColumnExpr("r.uid AS uid")
	}
	err := q.ColumnExpr("count(*) AS n, CAST(sum("+sh.size()+") AS BIGINT) AS b, min(r.received) AS lo").GroupExpr("1").Scan(ctx, &rows)
	if err != nil {
		return Usage{}, err
	}
	var u Usage
	for _, r := range rows {
		if !sh.held[r.UID] {
			u.add(r.Count, r.Bytes, r.Oldest)
		}
	}
	return u, nil
}

// cleanChunk is how many rows one transaction of a clean-up removes.
const cleanChunk = 500

func (s *Service) remove(ctx context.Context, sh shelf, cut int64) (Usage, error) {
	if sh.kind == KindPosition {
		return s.removeTracks(ctx, sh, cut)
	}
	var u Usage
	table := "history_events"
	if sh.kind == KindChat {
		table = "history_chat"
	}
	for lastReceived, lastID := int64(-1), int64(0); ; {
		var rows []struct {
			ID       int64  `bun:"id"`
			UID      string `bun:"uid"`
			Received int64  `bun:"received"`
			Size     int64  `bun:"size"`
		}
		err := sh.rows(s.deps.DB.Query()).ColumnExpr("r.id, r.uid, r.received, r.size").Where("r.received < ?", cut).
			Where("(r.received > ? OR (r.received = ? AND r.id > ?))", lastReceived, lastReceived, lastID).
			OrderExpr("r.received, r.id").Limit(cleanChunk).Scan(ctx, &rows)
		if err != nil || len(rows) == 0 {
			return u, err
		}
		var ids []int64
		for _, r := range rows {
			lastReceived, lastID = r.Received, r.ID
			if !sh.held[r.UID] {
				ids = append(ids, r.ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		err = s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewDelete().Table(table).Where("id IN (?)", bun.List(ids)).Exec(ctx)
			return err
		})
		if err != nil {
			return u, err
		}
		for _, r := range rows {
			if !sh.held[r.UID] {
				u.add(1, r.Size, r.Received)
			}
		}
	}
}

// removeTracks removes the points before cut, item by item, and the items that
// have none left.
func (s *Service) removeTracks(ctx context.Context, sh shelf, cut int64) (Usage, error) {
	var u Usage
	var items []positionRow
	err := s.deps.DB.Query().NewSelect().Model(&items).Column("id", "uid", "first", "received").Where("first < ?", cut).Scan(ctx)
	if err != nil {
		return u, err
	}
	for _, it := range items {
		if sh.held[it.UID] {
			continue
		}
		n, oldest, err := s.removeTrack(ctx, it.ID, cut)
		u.add(n, n*trackBytes, oldest)
		if err != nil {
			return u, err
		}
	}
	return u, nil
}

func (s *Service) removeTrack(ctx context.Context, item, cut int64) (total, oldest int64, err error) {
	for {
		var times []int64
		err := s.deps.DB.Query().NewSelect().Model((*trackRow)(nil)).Column("received").Where("item = ? AND received < ?", item, cut).
			OrderExpr("received").Limit(cleanChunk).Scan(ctx, &times)
		if err != nil {
			return total, oldest, err
		}
		err = s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			if len(times) == 0 {
				return settleItem(ctx, tx, item, cut)
			}
			_, err := tx.NewDelete().Model((*trackRow)(nil)).Where("item = ? AND received <= ?", item, times[len(times)-1]).Exec(ctx)
			return err
		})
		if err != nil || len(times) == 0 {
			return total, oldest, err
		}
		if total == 0 {
			oldest = times[0]
		}
		total += int64(len(times))
	}
}

// settleItem removes an item whose track is gone, or notes where its track begins
// now. One that reports again meanwhile is written anew by its next position.
func settleItem(ctx context.Context, tx bun.Tx, item, cut int64) error {
	_, err := tx.NewDelete().Model((*positionRow)(nil)).Where("id = ? AND received < ?", item, cut).
		Where("NOT EXISTS (SELECT 1 FROM history_tracks AS t WHERE t.item = ?)", item).Exec(ctx)
	if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model((*positionRow)(nil)).Set("first = ?", cut).Where("id = ? AND first < ?", item, cut).Exec(ctx)
	return err
}

// cleanOnTime runs clean-ups as scheduled until ctx ends.
func (s *Service) cleanOnTime(ctx context.Context) {
	for {
		text, err := s.Schedule(ctx)
		var plan Schedule
		if err == nil {
			plan, err = ParseSchedule(text)
		}
		wait := time.Hour // after an error: look again
		next := plan.Next(time.Now())
		if err == nil && !next.IsZero() {
			wait = time.Until(next)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("the schedule of the clean-up could not be read", "error", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.reschedule:
			timer.Stop()
			continue
		case <-timer.C:
		}
		if err == nil && !next.IsZero() {
			s.cleanNow(ctx)
		}
	}
}

func (s *Service) cleanNow(ctx context.Context) {
	begun := time.Now()
	removed, err := s.Clean(ctx)
	var n, b int64
	for _, u := range removed {
		n, b = n+u.Count, b+u.Bytes
	}
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Error("the clean-up stopped", "removed", n, "error", err)
	case err == nil && n > 0:
		s.log.Info("old data was removed", "things", n, "bytes", b, "took", time.Since(begun).Round(time.Millisecond))
	}
}

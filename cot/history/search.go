package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// Span returns from when to when there is something that id may see; both are
// zero when there is nothing.
func (s *Service) Span(ctx context.Context, id auth.Identity) (from, to time.Time, err error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return from, to, err
	}
	var p struct {
		Count int64 `bun:"n"`
		First int64 `bun:"lo"`
		Last  int64 `bun:"hi"`
	}
	q := s.deps.DB.Query().NewSelect().Model((*positionRow)(nil)).ColumnExpr("count(*) AS n, COALESCE(min(first), 0) AS lo, COALESCE(max(received), 0) AS hi")
	if err := v.where(q, "audience").Scan(ctx, &p); err != nil {
		return from, to, fmt.Errorf("history: read positions: %w", err)
	}
	lo, hi := p.First, p.Last
	for i, order := range []string{"id ASC", "id DESC"} {
		var at []int64
		q := s.deps.DB.Query().NewSelect().Model((*eventRow)(nil)).Column("received").Where("NOT private").OrderExpr(order).Limit(1)
		if err := v.where(q, "audience").Scan(ctx, &at); err != nil {
			return from, to, fmt.Errorf("history: read events: %w", err)
		}
		switch {
		case len(at) == 0:
		case i == 0 && (p.Count == 0 || at[0] < lo):
			lo = at[0]
		case i == 1 && at[0] > hi:
			hi = at[0]
		}
	}
	if hi == 0 {
		return from, to, nil
	}
	return time.UnixMilli(lo).UTC(), time.UnixMilli(hi).UTC(), nil
}

// Name is a uid with the callsign it had last.
type Name struct {
	UID      string `json:"uid"`
	Callsign string `json:"callsign"`
}

// Names returns the uids, by uid, that id may see, that hold text (empty: all) and
// of which something was received from a time to another (zero: no bound), at
// most 10,000.
func (s *Service) Names(ctx context.Context, id auth.Identity, text string, from, to time.Time) ([]Name, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	lo, hi := span(from, to)
	like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
	var found []Name
	for _, q := range []*bun.SelectQuery{
		s.deps.DB.Query().NewSelect().Model((*positionRow)(nil)).ColumnExpr("uid, max(callsign) AS callsign").
			Where("first <= ? AND received >= ?", hi, lo),
		s.deps.DB.Query().NewSelect().Model((*eventRow)(nil)).ColumnExpr("uid, max(callsign) AS callsign").
			Where("received <= ? AND received >= ?", hi, lo).Where("NOT private"),
	} {
		var rows []Name
		if text != "" {
			q = q.Where(`uid LIKE ? ESCAPE '\'`, like)
		}
		if err := v.where(q, "audience").Group("uid").OrderExpr("uid").Limit(maxUIDs).Scan(ctx, &rows); err != nil {
			return nil, fmt.Errorf("history: search uids: %w", err)
		}
		found = append(found, rows...)
	}
	slices.SortStableFunc(found, func(a, b Name) int { return cmp.Compare(a.UID, b.UID) })
	found = slices.CompactFunc(found, func(a, b Name) bool { return a.UID == b.UID })
	return found[:min(len(found), maxUIDs)], nil
}

// Count returns how many events the history holds.
func (s *Service) Count(ctx context.Context) (int64, error) {
	var total int64
	for _, table := range []string{"history_events", "history_chat", "history_tracks"} {
		var n int64
		if err := s.deps.DB.Query().NewSelect().TableExpr(table).ColumnExpr("count(*)").Scan(ctx, &n); err != nil {
			return 0, fmt.Errorf("history: count: %w", err)
		}
		total += n
	}
	return total, nil
}

package history

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

const (
	maxAll      = 10_000  // events of one uid in one answer
	maxStanding = 50_000  // things on the map in one answer
	maxTrack    = 100_000 // points of one track in one answer
	maxUIDs     = 10_000
	pageSize    = 200
	// behind is how old the newest positions in the database may be.
	behind = 2 * positionsEvery
)

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// fresher returns the positions that the database does not have yet, as far as
// the caller may see them.
func (v *view) fresher(want func(*item) bool) []*positionRow {
	v.s.mu.Lock()
	var items []*item
	for _, it := range v.s.reads {
		if v.sees(it.key.audience) && want(it) {
			items = append(items, it)
		}
	}
	v.s.mu.Unlock()
	rows := make([]*positionRow, len(items))
	for i, it := range items {
		rows[i] = it.row()
	}
	return rows
}

// Newest returns the newest event of a uid that id may see. The error is
// ErrNotFound if there is none.
func (s *Service) Newest(ctx context.Context, id auth.Identity, uid string) (Record, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return Record{}, err
	}
	positions, err := v.positions(ctx, uid)
	if err != nil {
		return Record{}, err
	}
	found, err := v.events(ctx, uid, 0, forever, 1)
	if err != nil {
		return Record{}, err
	}
	for _, p := range positions {
		found = append(found, v.ofPosition(p))
	}
	if len(found) == 0 {
		return Record{}, fmt.Errorf("history: uid %s: %w", quoted(uid), ErrNotFound)
	}
	return slices.MaxFunc(found, func(a, b Record) int { return cmp.Compare(a.Received, b.Received) }), nil
}

// positions returns the newest position of a uid for each audience.
func (v *view) positions(ctx context.Context, uid string) ([]*positionRow, error) {
	var rows []*positionRow
	q := v.s.deps.DB.Query().NewSelect().Model(&rows).Where("uid = ?", uid)
	if err := v.where(q, "audience").Scan(ctx); err != nil {
		return nil, fmt.Errorf("history: read positions: %w", err)
	}
	return merge(rows, v.fresher(func(it *item) bool { return it.key.uid == uid })), nil
}

// merge puts fresher rows in the place of older ones.
func merge(rows, fresher []*positionRow) []*positionRow {
	byID := make(map[int64]*positionRow, len(rows)+len(fresher))
	for _, r := range rows {
		byID[r.ID] = r
	}
	for _, r := range fresher {
		byID[r.ID] = r
	}
	return slices.Collect(maps.Values(byID))
}

// events reads whole events and messages of a uid, the newest first.
func (v *view) events(ctx context.Context, uid string, from, to int64, limit int) ([]Record, error) {
	out, err := pages(ctx, limit, func(offset int64) ([]*eventRow, error) {
		var rows []*eventRow
		err := v.s.deps.DB.Query().NewSelect().Model(&rows).Where("uid = ? AND received >= ? AND received <= ?", uid, from, to).
			OrderExpr("received DESC, id DESC").Offset(offset).Limit(pageSize).Scan(ctx)
		return rows, err
	}, func(r *eventRow) bool { return v.may(ctx, r.addressed()) }, v.ofEvent)
	if err != nil || !strings.HasPrefix(uid, "GeoChat") && len(out) > 0 {
		return out, err
	}
	if err := v.own(ctx); err != nil {
		return nil, err
	}
	said, err := pages(ctx, limit, func(offset int64) ([]*chatRow, error) {
		var rows []*chatRow
		err := v.s.deps.DB.Query().NewSelect().Model(&rows).Where("uid = ? AND received >= ? AND received <= ?", uid, from, to).
			OrderExpr("id DESC").Offset(offset).Limit(pageSize).Scan(ctx)
		return rows, err
	}, func(r *chatRow) bool { return v.may(ctx, r.addressed()) }, v.ofChat)
	return append(out, said...), err
}

// pages reads until limit rows that the caller may see are together.
func pages[R, T any](ctx context.Context, limit int, read func(offset int64) ([]R, error), may func(R) bool, as func(R) T) ([]T, error) {
	var out []T
	for offset := int64(0); len(out) < limit && offset < maxAll; offset += pageSize {
		rows, err := read(offset)
		if err != nil {
			return nil, fmt.Errorf("history: read events: %w", err)
		}
		for _, r := range rows {
			if len(out) < limit && may(r) {
				out = append(out, as(r))
			}
		}
		if len(rows) < pageSize || ctx.Err() != nil {
			break
		}
	}
	return out, nil
}

// All returns the events of a uid received from a time to another (zero: no
// bound), the newest first, at most 10,000. Positions of the past are made anew
// of the track.
func (s *Service) All(ctx context.Context, id auth.Identity, uid string, from, to time.Time) ([]Record, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	lo, hi := span(from, to)
	out, err := v.events(ctx, uid, lo, hi, maxAll)
	if err != nil {
		return nil, err
	}
	positions, err := v.positions(ctx, uid)
	if err != nil {
		return nil, err
	}
	for _, p := range positions {
		rows, err := v.track(ctx, []int64{p.ID}, lo, hi, maxAll)
		if err != nil {
			return nil, err
		}
		for _, t := range rows {
			if t.Received == p.Received {
				out = append(out, v.ofPosition(p))
				continue
			}
			out = append(out, v.ofTrack(p, t))
		}
	}
	slices.SortStableFunc(out, func(a, b Record) int { return cmp.Compare(b.Received, a.Received) })
	return out[:min(len(out), maxAll)], nil
}

func span(from, to time.Time) (lo, hi int64) {
	hi = forever
	if !from.IsZero() {
		lo = from.UnixMilli()
	}
	if !to.IsZero() {
		hi = to.UnixMilli()
	}
	return lo, hi
}

// track reads points of items, the newest first.
func (v *view) track(ctx context.Context, items []int64, lo, hi int64, limit int64) ([]trackRow, error) {
	if len(items) == 0 {
		return nil, nil
	}
	var rows []trackRow
	err := v.s.deps.DB.Query().NewSelect().Model(&rows).Where("item IN (?)", bun.List(items)).
		Where("received >= ? AND received <= ?", lo, hi).OrderExpr("received DESC").Limit(limit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("history: read a track: %w", err)
	}
	return rows, nil
}

// Track returns where a uid was from a time to another (zero: no bound), oldest
// first; of more than 100,000 points the newest.
func (s *Service) Track(ctx context.Context, id auth.Identity, uid string, from, to time.Time) ([]TrackPoint, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	positions, err := v.positions(ctx, uid)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(positions))
	for i, p := range positions {
		ids[i] = p.ID
	}
	lo, hi := span(from, to)
	rows, err := v.track(ctx, ids, lo, hi, maxTrack)
	if err != nil {
		return nil, err
	}
	out := make([]TrackPoint, len(rows))
	for i, r := range rows {
		out[len(rows)-1-i] = r.point()
	}
	return out, nil
}

// Latest returns what was on the map at a time (zero: now): of each uid the
// newest event that was valid then, whatever it is except chat.
func (s *Service) Latest(ctx context.Context, id auth.Identity, b Bounds, at time.Time) ([]Record, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	t := now()
	if !at.IsZero() {
		t = at.UnixMilli()
	}
	var found []Record
	if t >= now()-behind.Milliseconds() {
		found, err = v.present(ctx, b, t)
	} else {
		found, err = v.past(ctx, b, t)
	}
	if err != nil {
		return nil, err
	}
	var rows []*eventRow
	q := v.s.deps.DB.Query().NewSelect().Model(&rows).Where("valid_to > ? AND received <= ?", t, t).Where("NOT private").Limit(maxStanding)
	if err := v.where(inside(q, b, ""), "audience").Scan(ctx); err != nil {
		return nil, fmt.Errorf("history: read events: %w", err)
	}
	for _, r := range rows {
		found = append(found, v.ofEvent(r))
	}
	return newestByUID(found, b), nil
}

func inside(q *bun.SelectQuery, b Bounds, table string) *bun.SelectQuery {
	if b.everywhere() {
		return q
	}
	lat, lon := bun.Ident(table+"lat"), bun.Ident(table+"lon")
	q = q.Where("? BETWEEN ? AND ?", lat, b.South, b.North)
	if b.West <= b.East {
		return q.Where("? BETWEEN ? AND ?", lon, b.West, b.East)
	}
	return q.Where("(? >= ? OR ? <= ?)", lon, b.West, lon, b.East)
}

func newestByUID(found []Record, b Bounds) []Record {
	byUID := make(map[string]Record, len(found))
	for _, r := range found {
		if old, ok := byUID[r.UID]; !ok || r.Received > old.Received {
			byUID[r.UID] = r
		}
	}
	out := make([]Record, 0, len(byUID))
	for _, uid := range slices.Sorted(maps.Keys(byUID)) {
		if r := byUID[uid]; b.Contains(r.Point.Lat, r.Point.Lon) {
			out = append(out, r)
		}
	}
	return out
}

// present reads the positions that are valid now.
func (v *view) present(ctx context.Context, b Bounds, t int64) ([]Record, error) {
	var rows []*positionRow
	q := v.s.deps.DB.Query().NewSelect().Model(&rows).Where("until >= ? AND stale >= ?", t, t).Where("ended = 0").Limit(maxStanding)
	if err := v.where(inside(q, b, ""), "audience").Scan(ctx); err != nil {
		return nil, fmt.Errorf("history: read positions: %w", err)
	}
	rows = merge(rows, v.fresher(func(*item) bool { return true }))
	var out []Record
	for _, r := range rows {
		if r.Stale >= t && r.Ended == 0 {
			out = append(out, v.ofPosition(r))
		}
	}
	return out, nil
}

// past reads the positions that were valid at t.
func (v *view) past(ctx context.Context, b Bounds, t int64) ([]Record, error) {
	var rows []struct {
		positionRow
		At       int64   `bun:"t_received"`
		AtStale  int64   `bun:"t_stale"`
		AtLat    float64 `bun:"t_lat"`
		AtLon    float64 `bun:"t_lon"`
		AtHAE    float64 `bun:"t_hae"`
		AtSpeed  float64 `bun:"t_speed"`
		AtCourse float64 `bun:"t_course"`
	}
	q := v.s.deps.DB.Query().NewSelect().TableExpr("history_positions AS p").
		ColumnExpr("p.id, p.uid, p.audience, p.type, p.how, p.callsign, p.team, p.team_role, p.user_name").
		ColumnExpr("t.received AS t_received, t.stale AS t_stale, t.lat AS t_lat, t.lon AS t_lon, t.hae AS t_hae, t.speed AS t_speed, t.course AS t_course").
		Join("JOIN history_tracks AS t ON t.item = p.id AND t.received = (SELECT max(x.received) FROM history_tracks AS x WHERE x.item = p.id AND x.received <= ?)", t).
		Where("p.first <= ? AND p.until >= ?", t, t-behind.Milliseconds()).
		Where("t.stale >= ?", t).Where("(p.ended = 0 OR p.ended > ? OR t.received > p.ended)", t).Limit(maxStanding)
	if err := v.where(inside(q, b, "t."), "p.audience").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("history: read positions: %w", err)
	}
	out := make([]Record, len(rows))
	for i, r := range rows {
		out[i] = v.ofTrack(&r.positionRow, trackRow{Received: r.At, Stale: r.AtStale, Lat: r.AtLat, Lon: r.AtLon, HAE: r.AtHAE, Speed: r.AtSpeed, Course: r.AtCourse})
	}
	return out, nil
}

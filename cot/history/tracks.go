package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// Selection is what is exported.
type Selection struct {
	UIDs     []string      // empty: all
	Groups   []string      // published to one of these; empty: whatever the caller may see
	From, To time.Time     // zero: no bound
	Interval time.Duration // between the points of a track, at least; 0: all points
}

// Track is where one thing was, oldest point first.
type Track struct {
	UID, Type, Callsign, Team, Role, User string
	Groups                                []string
	Points                                []TrackPoint
}

const (
	maxTracks      = 5_000
	maxTrackPoints = 500_000 // of all tracks of one selection
)

// narrow leaves of the caller's view what was published to one of groups.
func (v *view) narrow(groups []string) {
	if len(groups) == 0 {
		return
	}
	v.visible = slices.DeleteFunc(v.visible, func(a int64) bool {
		return !slices.ContainsFunc(v.audiences[a], func(g string) bool { return slices.Contains(groups, g) })
	})
}

// Tracks yields the tracks of a selection that id may see, by callsign, and
// reports whether that was all: there are limits of 5,000 tracks and 500,000
// points. It stops when yield returns an error.
func (s *Service) Tracks(ctx context.Context, id auth.Identity, sel Selection, yield func(Track) error) (whole bool, err error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return false, err
	}
	v.narrow(sel.Groups)
	lo, hi := span(sel.From, sel.To)
	var rows []*positionRow
	q := s.deps.DB.Query().NewSelect().Model(&rows).ExcludeColumn("xml").Where("first <= ? AND received >= ?", hi, lo-behind.Milliseconds())
	if len(sel.UIDs) > 0 {
		q = q.Where("uid IN (?)", bun.List(sel.UIDs))
	}
	if err := v.where(q, "audience").OrderExpr("callsign, uid").Limit(maxTracks + 1).Scan(ctx); err != nil {
		return false, fmt.Errorf("history: read positions: %w", err)
	}
	whole = len(rows) <= maxTracks
	left := int64(maxTrackPoints)
	for _, same := range byUID(rows[:min(len(rows), maxTracks)]) {
		ids := make([]int64, len(same))
		for i, r := range same {
			ids[i] = r.ID
		}
		points, err := v.track(ctx, ids, lo, hi, min(left, maxTrack)+1)
		if err != nil {
			return false, err
		}
		if int64(len(points)) > min(left, maxTrack) {
			points, whole = points[:min(left, maxTrack)], false
		}
		left -= int64(len(points))
		if len(points) == 0 {
			continue
		}
		r := same[0]
		t := Track{UID: r.UID, Type: r.Type, Callsign: r.Callsign, Team: r.Team, Role: r.Role, User: r.User, Groups: v.audiences[r.Audience]}
		t.Points = thin(points, sel.Interval)
		if err := yield(t); err != nil {
			return false, err
		}
	}
	return whole, nil
}

// byUID puts the rows of one uid together, the newest first.
func byUID(rows []*positionRow) [][]*positionRow {
	var out [][]*positionRow
	at := make(map[string]int)
	for _, r := range rows {
		i, ok := at[r.UID]
		if !ok {
			i = len(out)
			at[r.UID] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], r)
	}
	for _, same := range out {
		slices.SortFunc(same, func(a, b *positionRow) int { return cmp.Compare(b.Received, a.Received) })
	}
	return out
}

// thin turns points, newest first, into a track, oldest first, with at least
// interval between two points.
func thin(points []trackRow, interval time.Duration) []TrackPoint {
	out := make([]TrackPoint, 0, len(points))
	next := int64(0)
	for _, p := range slices.Backward(points) {
		if p.Received < next {
			continue
		}
		next = p.Received + interval.Milliseconds()
		out = append(out, p.point())
	}
	return out
}

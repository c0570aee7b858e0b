package mission

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"muster/cot/history"
	"muster/internal/auth"
)

// Kind implements history.Holder.
func (s *Service) Kind() string { return "mission" }

// Excess implements history.Holder: the missions that were edited last before a
// time, or are the least lately edited beyond a number or size. The size of a
// mission is that of its files.
func (s *Service) Excess(ctx context.Context, l history.Limit) (history.Usage, error) {
	_, u, err := s.excess(ctx, l)
	return u, err
}

// Remove implements history.Holder. Missions that go are deleted as by a client,
// with a package that is kept as a file; those deleted long ago are forgotten.
func (s *Service) Remove(ctx context.Context, l history.Limit) (history.Usage, error) {
	rows, u, err := s.excess(ctx, l)
	if err != nil {
		return u, err
	}
	for _, m := range rows {
		if m.Deleted == 0 {
			if _, err := s.Delete(ctx, Caller{Identity: auth.System("mission"), UID: m.CreatorUID}, Ref{GUID: m.GUID}, false); err != nil {
				return history.Usage{Kind: s.Kind()}, err
			}
		}
	}
	if !l.Before.IsZero() {
		_, err = s.Purge(ctx, l.Before)
	}
	return u, err
}

func (s *Service) excess(ctx context.Context, l history.Limit) ([]missionRow, history.Usage, error) {
	u := history.Usage{Kind: s.Kind()}
	var rows []missionRow
	if err := s.db.Query().NewSelect().Model(&rows).OrderExpr("edited DESC").Scan(ctx); err != nil {
		return nil, u, fmt.Errorf("mission: list missions: %w", err)
	}
	var contents []contentRow
	if err := s.db.Query().NewSelect().Model(&contents).Scan(ctx); err != nil {
		return nil, u, fmt.Errorf("mission: list files: %w", err)
	}
	size := make(map[string]int64)
	for _, c := range contents {
		size[c.Mission] += c.File.V.Size
	}
	var count, bytes int64
	var out []missionRow
	for _, m := range rows {
		at := cmp.Or(m.Deleted, m.Edited)
		if m.Deleted == 0 {
			count++
			bytes += size[m.GUID]
		}
		old := !l.Before.IsZero() && at < l.Before.UnixMilli()
		many := m.Deleted == 0 && (l.Count > 0 && count > l.Count || l.Bytes > 0 && bytes > l.Bytes)
		if !old && !many {
			continue
		}
		out = append(out, m)
		u.Count++
		u.Bytes += size[m.GUID]
		if t := time.UnixMilli(at).UTC(); u.Oldest.IsZero() || t.Before(u.Oldest) {
			u.Oldest = t
		}
	}
	slices.Reverse(out)
	return out, u, nil
}

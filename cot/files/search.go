package files

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// Lookup returns the newest record of hash that id may read. The error wraps
// ErrNotFound, or auth.ErrDenied where there are only records of other groups.
func (s *Service) Lookup(ctx context.Context, id auth.Identity, hash string) (File, error) {
	return s.first(ctx, id, "hash = ?", strings.ToLower(hash))
}

// LookupUID is Lookup for the newest file of a UID.
func (s *Service) LookupUID(ctx context.Context, id auth.Identity, uid string) (File, error) {
	return s.first(ctx, id, "uid = ?", uid)
}

// LookupID is Lookup for one record.
func (s *Service) LookupID(ctx context.Context, id auth.Identity, record int64) (File, error) {
	return s.first(ctx, id, "id = ?", record)
}

func (s *Service) first(ctx context.Context, id auth.Identity, where string, arg any) (File, error) {
	all, err := s.records(ctx, s.db.Query(), where, arg)
	if err != nil {
		return File{}, fmt.Errorf("files: look up: %w", err)
	}
	denied := fmt.Errorf("files: %w", ErrNotFound)
	for _, f := range all {
		if err := mayRead(id, f); err != nil {
			denied = fmt.Errorf("files: %w", err)
			continue
		}
		return f, nil
	}
	return File{}, denied
}

// Describe returns the newest record of hash, whoever may read it: for parts that
// have decided by rights of their own (a mission's content) that it may be shown.
func (s *Service) Describe(ctx context.Context, hash string) (File, error) {
	all, err := s.records(ctx, s.db.Query(), "hash = ?", strings.ToLower(hash))
	if err != nil {
		return File{}, fmt.Errorf("files: describe: %w", err)
	}
	if len(all) == 0 {
		return File{}, fmt.Errorf("files: %w", ErrNotFound)
	}
	return all[0], nil
}

// records returns the records that are valid now, newest first.
func (s *Service) records(ctx context.Context, db bun.IDB, where string, args ...any) ([]File, error) {
	var rows []fileRow
	err := db.NewSelect().Model(&rows).Where(where, args...).Where("expires = 0 OR expires > ?", time.Now().UnixMilli()).
		OrderBy("submitted", bun.OrderDesc).OrderBy("id", bun.OrderDesc).Limit(maxResults).Scan(ctx)
	if err != nil {
		return nil, err
	}
	return complete(ctx, db, rows)
}

// Search returns the files that id may read and q describes, newest first, and
// how many there are without Offset and Limit.
func (s *Service) Search(ctx context.Context, id auth.Identity, q Query) ([]File, int, error) {
	var rows []fileRow
	sel := s.db.Query().NewSelect().Model(&rows).Where("expires = 0 OR expires > ?", time.Now().UnixMilli())
	if auth.Allow(id, auth.Read, auth.Data("", nil)) != nil { // admins alone may read what has no group
		groups := id.ReadGroups()
		if len(groups) == 0 {
			return []File{}, 0, nil
		}
		sel.Where("EXISTS (SELECT 1 FROM file_groups AS g WHERE g.file_id = f.id AND g.group_name IN (?))", bun.List(groups))
	}
	q.where(sel)
	if q.Limit <= 0 || q.Limit > maxResults {
		q.Limit = maxResults
	}
	skip, limit := int64(max(q.Offset, 0)), int64(q.Limit)
	if q.Circle != nil { // the database knows only its box
		skip, limit = 0, maxResults
	}
	count, err := sel.OrderExpr(q.order()).Offset(skip).Limit(limit).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("files: search: %w", err)
	}
	found, err := complete(ctx, s.db.Query(), rows)
	if err != nil {
		return nil, 0, fmt.Errorf("files: search: %w", err)
	}
	total := int(count)
	out := found[:0]
	for _, f := range found {
		switch {
		case mayRead(id, f) != nil:
			total--
		case q.Circle != nil && !q.Circle.holds(*f.Place):
			total--
		default:
			out = append(out, f)
		}
	}
	if q.Circle != nil {
		out = out[min(max(q.Offset, 0), len(out)):]
		out = out[:min(q.Limit, len(out))]
	}
	return out, total, nil
}

func (q Query) order() string {
	column := map[string]string{"name": "f.name_key", "size": "f.size", "submitter": "f.submitter"}[strings.ToLower(q.Sort)]
	if column == "" {
		column = "f.submitted"
	}
	dir := " DESC"
	if q.Ascending {
		dir = " ASC"
	}
	return column + dir + ", f.id" + dir
}

// where adds the conditions of q.
func (q Query) where(sel *bun.SelectQuery) {
	for _, c := range []struct{ column, value string }{
		{"hash", strings.ToLower(q.Hash)}, {"uid", q.UID}, {"lower(mime)", strings.ToLower(q.MIME)}, {"lower(tool)", strings.ToLower(q.Tool)},
		{"lower(submitter)", strings.ToLower(q.Submitter)}, {"creator_uid", q.CreatorUID},
	} {
		if c.value != "" {
			sel.Where("? = ?", bun.Safe(c.column), c.value)
		}
	}
	if q.Hashes != nil {
		sel.Where("hash IN (?)", bun.List(append([]string{""}, q.Hashes...)))
	}
	if q.Name != "" {
		sel.Where("name_key LIKE ? ESCAPE '~'", part(q.Name))
	}
	if q.Filename != "" {
		sel.Where("file_key LIKE ? ESCAPE '~'", part(q.Filename))
	}
	if q.Text != "" {
		t := part(q.Text)
		sel.Where(`(name_key LIKE ? ESCAPE '~' OR file_key LIKE ? ESCAPE '~' OR lower(submitter) LIKE ? ESCAPE '~'
			OR EXISTS (SELECT 1 FROM file_keywords AS k WHERE k.file_id = f.id AND k.keyword_key LIKE ? ESCAPE '~'))`, t, t, t, t)
	}
	words := q.Keywords
	if q.Packages {
		words = append(words[:len(words):len(words)], KeywordPackage)
	}
	for _, w := range words {
		sel.Where("EXISTS (SELECT 1 FROM file_keywords AS k WHERE k.file_id = f.id AND k.keyword_key = ?)", strings.ToLower(w))
	}
	if !q.From.IsZero() {
		sel.Where("submitted >= ?", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		sel.Where("submitted <= ?", q.To.UnixMilli())
	}
	q.wherePlace(sel)
}

func (q Query) wherePlace(sel *bun.SelectQuery) {
	if q.MinAlt != nil {
		sel.Where("alt >= ?", *q.MinAlt)
	}
	if q.MaxAlt != nil {
		sel.Where("alt <= ?", *q.MaxAlt)
	}
	boxes := []*Box{q.Box}
	if q.Circle != nil {
		b := q.Circle.box()
		boxes = append(boxes, &b)
	}
	for _, b := range boxes {
		if b == nil {
			continue
		}
		sel.Where("lat >= ? AND lat <= ?", b.South, b.North)
		if b.West <= b.East {
			sel.Where("lon >= ? AND lon <= ?", b.West, b.East)
		} else {
			sel.Where("(lon >= ? OR lon <= ?)", b.West, b.East)
		}
	}
}

// part makes a LIKE pattern of what is to be found anywhere.
func part(s string) string {
	return "%" + strings.NewReplacer("~", "~~", "%", "~%", "_", "~_").Replace(strings.ToLower(s)) + "%"
}

const earth = 6371008.8 // mean radius, metres

// holds reports whether p is in the circle, on a sphere.
func (c Circle) holds(p Place) bool {
	rad := math.Pi / 180
	lat1, lat2 := c.Lat*rad, p.Lat*rad
	dLat, dLon := (p.Lat-c.Lat)*rad/2, (p.Lon-c.Lon)*rad/2
	h := math.Sin(dLat)*math.Sin(dLat) + math.Cos(lat1)*math.Cos(lat2)*math.Sin(dLon)*math.Sin(dLon)
	return 2*earth*math.Asin(math.Sqrt(min(1, h))) <= c.Radius
}

// box returns the area around the circle, generously.
func (c Circle) box() Box {
	d := c.Radius / earth * 180 / math.Pi * 1.01
	b := Box{West: -180, East: 180, South: c.Lat - d, North: c.Lat + d}
	if b.South <= -89 || b.North >= 89 {
		return b
	}
	dLon := d / math.Cos(max(math.Abs(b.South), math.Abs(b.North))*math.Pi/180)
	if dLon >= 180 {
		return b
	}
	b.West, b.East = wrap(c.Lon-dLon), wrap(c.Lon+dLon)
	return b
}

func wrap(lon float64) float64 {
	switch {
	case lon < -180:
		return lon + 360
	case lon > 180:
		return lon - 360
	}
	return lon
}

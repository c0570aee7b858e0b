package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/wire"
	"muster/internal/auth"
)

// Recording is a track that a device recorded itself and hands in later.
type Recording struct {
	UID, Callsign, Type string
	Team, Role          string
	Points              []TrackPoint // Time is when the device was there
}

const (
	maxImport     = 100_000 // points of one recording
	importChunk   = 500
	importedLife  = 5 * time.Minute // how long a recorded point counts when the next one is later
	oldestImport  = 946684800000    // 2000-01-01
	importDefault = "a-f-G-U-C"
)

// Import adds a recording to the track of a uid of by's own and returns how many
// points it took. groups narrows the groups it is for; nil means all that by may
// write to. The error wraps auth.ErrDenied when the uid is somebody else's or no
// group is left, and ErrInvalid when the recording cannot be used. When it returns
// nil the points are on disk.
func (s *Service) Import(ctx context.Context, by auth.Identity, rec Recording, groups []string) (int, error) {
	points, err := usable(rec)
	if err != nil {
		return 0, err
	}
	if rec.Type == "" {
		rec.Type = importDefault
	}
	mine := slices.Clone(by.WriteGroups())
	if groups != nil {
		mine = slices.DeleteFunc(mine, func(g string) bool { return !slices.Contains(groups, g) })
	}
	slices.Sort(mine)
	if err := auth.Allow(by, auth.Publish, auth.Data("the track of "+quoted(rec.UID), mine)); err != nil {
		return 0, err
	}
	if len(mine) == 0 {
		return 0, fmt.Errorf("%w: no group to publish the track to", auth.ErrDenied)
	}
	if err := s.checkOwner(ctx, by, rec.UID); err != nil {
		return 0, err
	}
	var item int64
	err = s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		b := &batch{s: s, tx: tx, audiences: make(map[string]int64)} // the writer's own state is not touched
		row, err := b.recorded(ctx, by, rec, points, mine)
		if err != nil {
			return err
		}
		item = row.ID
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("history: import a track: %w", err)
	}
	for chunk := range slices.Chunk(trackRows(item, points), importChunk) {
		err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return insertTracks(ctx, tx, chunk) })
		if err != nil {
			return 0, fmt.Errorf("history: import a track: %w", err)
		}
	}
	return len(points), nil
}

// usable returns the points of a recording that have a place and a time, oldest
// first, one for each time.
func usable(rec Recording) ([]TrackPoint, error) {
	if rec.UID == "" || len(rec.UID) > 300 {
		return nil, fmt.Errorf("history: %w recording: it needs the uid of a device", ErrInvalid)
	}
	if len(rec.Points) > maxImport {
		return nil, fmt.Errorf("history: %w recording: more than %d points", ErrInvalid, maxImport)
	}
	latest := now() + time.Minute.Milliseconds()
	points := slices.DeleteFunc(slices.Clone(rec.Points), func(p TrackPoint) bool {
		return p.Time < oldestImport || p.Time > latest || !(p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180)
	})
	slices.SortStableFunc(points, func(a, b TrackPoint) int { return cmp.Compare(a.Time, b.Time) })
	points = slices.CompactFunc(points, func(a, b TrackPoint) bool { return a.Time == b.Time })
	if len(points) == 0 {
		return nil, fmt.Errorf("history: %w recording: no point of it has a place and a time", ErrInvalid)
	}
	return points, nil
}

// checkOwner refuses the uid of somebody else's device.
func (s *Service) checkOwner(ctx context.Context, by auth.Identity, uid string) error {
	var users []string
	err := s.deps.DB.Query().NewSelect().Model((*deviceRow)(nil)).Column("user_name").Where("uid = ?", uid).Scan(ctx, &users)
	if err != nil {
		return fmt.Errorf("history: read the devices: %w", err)
	}
	if len(users) == 0 && s.deps.Owner != nil {
		if u := s.deps.Owner(uid); u != "" {
			users = append(users, u)
		}
	}
	if len(users) == 0 {
		err = s.deps.DB.Query().NewSelect().Model((*positionRow)(nil)).ColumnExpr("DISTINCT user_name").Where("uid = ?", uid).Scan(ctx, &users)
		if err != nil {
			return fmt.Errorf("history: read positions: %w", err)
		}
	}
	for _, u := range users {
		if u != by.User {
			return fmt.Errorf("%w: %s is somebody else's device", auth.ErrDenied, quoted(uid))
		}
	}
	return nil
}

// recorded finds or makes the item that a recording belongs to, and makes its
// track begin early enough.
func (b *batch) recorded(ctx context.Context, by auth.Identity, rec Recording, points []TrackPoint, groups []string) (*positionRow, error) {
	key := jsonOf(groups)
	audience, err := b.audienceOf(ctx, key)
	if err != nil {
		return nil, err
	}
	last := points[len(points)-1]
	row := &positionRow{
		ID: randomID(), UID: rec.UID, Audience: audience, Type: rec.Type, How: "m-g", Callsign: rec.Callsign, Team: rec.Team, Role: rec.Role,
		User: by.User, Time: last.Time, Start: last.Time, Stale: last.Time + importedLife.Milliseconds(), Received: last.Time,
		First: points[0].Time, Until: last.Time + importedLife.Milliseconds(), Lat: last.Lat, Lon: last.Lon, HAE: height(last),
		CE: wire.Unknown, LE: wire.Unknown, Speed: known(last.Speed), Course: known(last.Course),
	}
	var have positionRow
	q := b.tx.NewSelect().Model(&have).Column("id", "first", "until").Where("uid = ? AND audience = ?", rec.UID, audience)
	found, err := q.Exists(ctx)
	if err != nil {
		return nil, err
	}
	if !found {
		_, err := b.tx.NewInsert().Model(row).Exec(ctx)
		return row, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, err
	}
	row.ID = have.ID
	_, err = b.tx.NewUpdate().Model((*positionRow)(nil)).Set("first = ?", min(have.First, row.First)).Set("until = ?", max(have.Until, row.Until)).
		Where("id = ?", have.ID).Exec(ctx)
	return row, err
}

func height(p TrackPoint) float64 {
	if math.IsNaN(p.HAE) || math.IsInf(p.HAE, 0) {
		return wire.Unknown
	}
	return p.HAE
}

func trackRows(item int64, points []TrackPoint) []*trackRow {
	life := importedLife.Milliseconds()
	out := make([]*trackRow, len(points))
	for i, p := range points {
		stale := p.Time + life
		if i+1 < len(points) {
			stale = min(stale, points[i+1].Time)
		}
		out[i] = &trackRow{Item: item, Received: p.Time, Stale: stale, Lat: p.Lat, Lon: p.Lon, HAE: height(p), Speed: known(p.Speed), Course: known(p.Course)}
	}
	return out
}

var errNoAudience = errors.New("the audience was not written")

// audienceOf returns the id of one set of groups.
func (b *batch) audienceOf(ctx context.Context, key string) (int64, error) {
	if err := insertAudiences(ctx, b.tx, []string{key}, b.audiences); err != nil {
		return 0, err
	}
	id, ok := b.audiences[key]
	if !ok {
		return 0, errNoAudience
	}
	return id, nil
}

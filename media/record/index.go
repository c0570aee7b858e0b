package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/store"
)

// The rows of the tables of recordings. Times and durations are milliseconds.
type (
	row struct {
		bun.BaseModel `bun:"table:recordings,alias:r"`

		ID       string `bun:"id,pk"`
		Stream   string `bun:"stream"`
		User     string `bun:"user_name"`
		Started  int64  `bun:"started"`
		Duration int64  `bun:"duration"`
		Bytes    int64  `bun:"bytes"`
		File     string `bun:"file"`
		Open     bool   `bun:"is_open"`
	}

	groupRow struct {
		bun.BaseModel `bun:"table:recording_groups"`

		Recording string `bun:"recording_id,pk"`
		Group     string `bun:"group_name,pk"`
	}
)

func newRow(r Recording) row {
	return row{ID: r.ID, Stream: r.Stream, User: r.User, Started: r.Start.UnixMilli(), Duration: r.Duration.Milliseconds(), Bytes: r.Bytes, File: r.path, Open: r.Open}
}

func (r row) recording() Recording {
	return Recording{ID: r.ID, Stream: r.Stream, Groups: []string{}, User: r.User, Start: time.UnixMilli(r.Started).UTC(),
		Duration: time.Duration(r.Duration) * time.Millisecond, Bytes: r.Bytes, Open: r.Open, path: r.File}
}

// index is the table of recordings.
type index struct{ db *store.DB }

// add enters a recording.
func (x index) add(ctx context.Context, r Recording) error {
	line := newRow(r)
	groups := make([]groupRow, len(r.Groups))
	for i, g := range r.Groups {
		groups[i] = groupRow{Recording: r.ID, Group: g}
	}
	err := x.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(&line).Exec(ctx); err != nil || len(groups) == 0 {
			return err
		}
		_, err := tx.NewInsert().Model(&groups).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("record: enter a recording in the index: %w", err)
	}
	return nil
}

// finish says how long and large a recording has become.
func (x index) finish(ctx context.Context, r Recording) error {
	err := x.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*row)(nil)).Where("id = ?", r.ID).
			Set("duration = ?", r.Duration.Milliseconds()).Set("bytes = ?", r.Bytes).Set("is_open = ?", false).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("record: end a recording in the index: %w", err)
	}
	return nil
}

// remove takes a recording out of the index.
func (x index) remove(ctx context.Context, id string) error {
	err := x.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*groupRow)(nil)).Where("recording_id = ?", id).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewDelete().Model((*row)(nil)).Where("id = ?", id).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("record: take a recording out of the index: %w", err)
	}
	return nil
}

// get returns one recording; the error is ErrNotFound if there is none.
func (x index) get(ctx context.Context, id string) (Recording, error) {
	var r row
	err := x.db.Query().NewSelect().Model(&r).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Recording{}, ErrNotFound
	}
	if err != nil {
		return Recording{}, fmt.Errorf("record: read the index: %w", err)
	}
	out, err := x.complete(ctx, []row{r})
	if err != nil {
		return Recording{}, err
	}
	return out[0], nil
}

// oldest returns up to n recordings that are or are not open, the oldest first.
func (x index) oldest(ctx context.Context, open bool, n int) ([]Recording, error) {
	var rows []row
	s := x.db.Query().NewSelect().Model(&rows).Where("is_open = ?", open).OrderBy("started", bun.OrderAsc).OrderBy("id", bun.OrderAsc).Limit(int64(n))
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: read the index: %w", err)
	}
	return x.complete(ctx, rows)
}

// size returns the bytes of all recordings that are not open.
func (x index) size(ctx context.Context) (int64, error) {
	var n int64
	err := x.db.Query().NewSelect().Model((*row)(nil)).ColumnExpr("CAST(COALESCE(SUM(bytes), 0) AS BIGINT)").Where("is_open = ?", false).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("record: add up the index: %w", err)
	}
	return n, nil
}

// paths returns the files of all recordings.
func (x index) paths(ctx context.Context) (map[string]bool, error) {
	var files []string
	if err := x.db.Query().NewSelect().Model((*row)(nil)).Column("file").Scan(ctx, &files); err != nil {
		return nil, fmt.Errorf("record: read the index: %w", err)
	}
	out := make(map[string]bool, len(files))
	for _, f := range files {
		out[f] = true
	}
	return out, nil
}

// list returns up to limit recordings before the cursor that match q and belong to
// one of groups (nil: any), the newest first.
func (x index) list(ctx context.Context, q Query, groups []string, after cursor, limit int) ([]Recording, error) {
	var rows []row
	s := x.db.Query().NewSelect().Model(&rows).OrderBy("started", bun.OrderDesc).OrderBy("id", bun.OrderDesc).Limit(int64(limit))
	if q.Stream != "" {
		s.Where("stream = ?", q.Stream)
	}
	if !q.From.IsZero() { // an open one lasts until now
		s.Where("started + duration >= ? OR is_open", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		s.Where("started <= ?", q.To.UnixMilli())
	}
	if groups != nil {
		s.Where("EXISTS (SELECT 1 FROM recording_groups AS g WHERE g.recording_id = r.id AND g.group_name IN (?))", bun.List(groups))
	}
	if after.id != "" {
		s.Where("started < ? OR (started = ? AND id < ?)", after.started, after.started, after.id)
	}
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: list recordings: %w", err)
	}
	return x.complete(ctx, rows)
}

const batch = 500 // ids in one query

// complete makes recordings of rows.
func (x index) complete(ctx context.Context, rows []row) ([]Recording, error) {
	out := make([]Recording, len(rows))
	at := make(map[string]*Recording, len(rows))
	for i, r := range rows {
		out[i] = r.recording()
		at[r.ID] = &out[i]
	}
	for len(rows) > 0 {
		n := min(len(rows), batch)
		ids := make([]string, n)
		for i, r := range rows[:n] {
			ids[i] = r.ID
		}
		rows = rows[n:]
		var groups []groupRow
		err := x.db.Query().NewSelect().Model(&groups).Where("recording_id IN (?)", bun.List(ids)).OrderBy("group_name", bun.OrderAsc).Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("record: read the groups of recordings: %w", err)
		}
		for _, g := range groups {
			at[g.Recording].Groups = append(at[g.Recording].Groups, g.Group)
		}
	}
	return out, nil
}

// cursor is where a page ends: the last recording on it.
type cursor struct {
	started int64
	id      string
}

func (c cursor) String() string { return strconv.FormatInt(c.started, 10) + "-" + c.id }

// parseCursor reads what String wrote. What it cannot read is the beginning.
func parseCursor(s string) cursor {
	at, id, ok := strings.Cut(s, "-")
	n, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return cursor{}
	}
	return cursor{n, id}
}

// readGroups returns whose recordings id can see at all; nil: all.
func readGroups(id auth.Identity) []string {
	if id.IsAdmin() {
		return nil
	}
	return append([]string{}, id.ReadGroups()...)
}

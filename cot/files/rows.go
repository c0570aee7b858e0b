package files

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// The rows of the tables of files. Times are milliseconds since 1970, 0 for never.
type (
	fileRow struct {
		bun.BaseModel `bun:"table:files,alias:f"`

		ID          int64    `bun:"id,pk"`
		Hash        string   `bun:"hash"`
		Size        int64    `bun:"size"`
		UID         string   `bun:"uid"`
		Name        string   `bun:"name"`
		NameKey     string   `bun:"name_key"` // lower case, for searches
		Filename    string   `bun:"filename"`
		FileKey     string   `bun:"file_key"`
		MIME        string   `bun:"mime"`
		Tool        string   `bun:"tool"`
		Submitter   string   `bun:"submitter"`
		CreatorUID  string   `bun:"creator_uid"`
		Submitted   int64    `bun:"submitted"`
		Expires     int64    `bun:"expires"`
		Lat         *float64 `bun:"lat"`
		Lon         *float64 `bun:"lon"`
		Alt         *float64 `bun:"alt"`
		Remarks     string   `bun:"remarks"`
		Contributor string   `bun:"contributor"`
	}

	keywordRow struct {
		bun.BaseModel `bun:"table:file_keywords"`

		FileID   int64  `bun:"file_id,pk"`
		Position int64  `bun:"position,pk"`
		Keyword  string `bun:"keyword"`
		Key      string `bun:"keyword_key"`
	}

	groupRow struct {
		bun.BaseModel `bun:"table:file_groups"`

		FileID int64  `bun:"file_id,pk"`
		Group  string `bun:"group_name,pk"`
	}
)

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func newRow(f File) fileRow {
	row := fileRow{
		ID: f.ID, Hash: f.Hash, Size: f.Size, UID: f.UID, Name: f.Name, NameKey: strings.ToLower(f.Name),
		Filename: f.Filename, FileKey: strings.ToLower(f.Filename), MIME: f.MIME, Tool: f.Tool, Submitter: f.Submitter,
		CreatorUID: f.CreatorUID, Submitted: millis(f.Submitted), Expires: millis(f.Expires), Remarks: f.Remarks, Contributor: f.Contributor,
	}
	if p := f.Place; p != nil {
		row.Lat, row.Lon, row.Alt = &p.Lat, &p.Lon, &p.Alt
	}
	return row
}

// file returns what the row holds; keywords and groups are in other tables.
func (r fileRow) file() File {
	f := File{
		ID: r.ID, Hash: r.Hash, Size: r.Size, Submitter: r.Submitter, Submitted: fromMillis(r.Submitted),
		Meta: Meta{
			UID: r.UID, Name: r.Name, Filename: r.Filename, MIME: r.MIME, Keywords: []string{}, Tool: r.Tool, CreatorUID: r.CreatorUID,
			Groups: []string{}, Expires: fromMillis(r.Expires), Remarks: r.Remarks, Contributor: r.Contributor,
		},
	}
	if r.Lat != nil && r.Lon != nil {
		f.Place = &Place{Lat: *r.Lat, Lon: *r.Lon}
		if r.Alt != nil {
			f.Place.Alt = *r.Alt
		}
	}
	return f
}

const batch = 500 // ids in one query

// complete makes files of rows.
func complete(ctx context.Context, db bun.IDB, rows []fileRow) ([]File, error) {
	out := make([]File, len(rows))
	at := make(map[int64]*File, len(rows))
	ids := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.file()
		at[r.ID], ids[i] = &out[i], r.ID
	}
	for part := range slices.Chunk(ids, batch) {
		var words []keywordRow
		if err := db.NewSelect().Model(&words).Where("file_id IN (?)", bun.List(part)).OrderBy("position", bun.OrderAsc).Scan(ctx); err != nil {
			return nil, err
		}
		for _, w := range words {
			at[w.FileID].Keywords = append(at[w.FileID].Keywords, w.Keyword)
		}
		var groups []groupRow
		if err := db.NewSelect().Model(&groups).Where("file_id IN (?)", bun.List(part)).OrderBy("group_name", bun.OrderAsc).Scan(ctx); err != nil {
			return nil, err
		}
		for _, g := range groups {
			at[g.FileID].Groups = append(at[g.FileID].Groups, g.Group)
		}
	}
	return out, nil
}

// insert writes the row of f and what belongs to it.
func insert(ctx context.Context, tx bun.Tx, f File) error {
	row := newRow(f)
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return err
	}
	return errors.Join(replaceKeywords(ctx, tx, f.ID, f.Keywords), replaceGroups(ctx, tx, f.ID, f.Groups))
}

func replaceKeywords(ctx context.Context, tx bun.Tx, id int64, words []string) error {
	if _, err := tx.NewDelete().Model((*keywordRow)(nil)).Where("file_id = ?", id).Exec(ctx); err != nil {
		return err
	}
	rows := make([]keywordRow, len(words))
	for i, w := range words {
		rows[i] = keywordRow{FileID: id, Position: int64(i), Keyword: w, Key: strings.ToLower(w)}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

func replaceGroups(ctx context.Context, tx bun.Tx, id int64, groups []string) error {
	if _, err := tx.NewDelete().Model((*groupRow)(nil)).Where("file_id = ?", id).Exec(ctx); err != nil {
		return err
	}
	rows := make([]groupRow, len(groups))
	for i, g := range groups {
		rows[i] = groupRow{FileID: id, Group: g}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// usedSQL finds out whether any row names a blob; referenced lists all that do.
const (
	usedSQL = `SELECT EXISTS (SELECT 1 FROM files WHERE hash = ?) OR EXISTS (SELECT 1 FROM profile_files WHERE hash = ?)
		OR EXISTS (SELECT 1 FROM update_files WHERE hash = ?) OR EXISTS (SELECT 1 FROM icon_sets WHERE hash = ?)`
	referenced = `SELECT hash, size FROM files UNION SELECT hash, size FROM profile_files
		UNION SELECT hash, size FROM update_files UNION SELECT hash, size FROM icon_sets`
)

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func missing(err error) bool { return errors.Is(err, sql.ErrNoRows) }

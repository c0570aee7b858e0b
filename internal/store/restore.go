package store

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/uptrace/bun"
)

const restoreDirPattern = ".restore-*"

// Restore puts a backup into an empty data directory and, where cfg names one,
// an empty PostgreSQL database. The archive is verified as a whole before
// anything of it is used; the target is untouched when it is refused. The error
// wraps ErrNotEmpty, ErrInUse or ErrNewer where that is the reason.
func Restore(ctx context.Context, r io.Reader, cfg Config, dataDir string, log *slog.Logger) error {
	if err := restore(ctx, r, cfg, dataDir, log); err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	return nil
}

func restore(ctx context.Context, r io.Reader, cfg Config, dataDir string, log *slog.Logger) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return err
	}
	lock, _, err := lockDir(dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release(true)) }()
	removeLeftovers(dataDir)
	if err := checkEmptyDir(dataDir); err != nil {
		return err
	}
	work, err := os.MkdirTemp(dataDir, restoreDirPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	dir, err := os.OpenRoot(work)
	if err != nil {
		return err
	}
	defer dir.Close()

	m, err := unpack(ctx, r, dir)
	if err != nil {
		return err
	}
	if err := fill(ctx, cfg, work, dir, m, log); err != nil {
		return err
	}
	return moveIn(work, dataDir, cfg.DSN == "")
}

// checkEmptyDir refuses a directory with anything in it that is not ours to
// ignore: our lock, and a configuration file that was put there beforehand.
func checkEmptyDir(dataDir string) error {
	found, err := os.ReadDir(dataDir)
	if err != nil {
		return err
	}
	for _, e := range found {
		ext := filepath.Ext(e.Name())
		if e.Name() == runningFile || e.Name() == "lost+found" || ext == ".yaml" || ext == ".yml" {
			continue
		}
		return fmt.Errorf("%w: %s holds %s; name an empty directory", ErrNotEmpty, dataDir, e.Name())
	}
	return nil
}

// fill opens the target database, loads the tables into it and brings them up
// to date. For SQLite the target is a new file in work.
func fill(ctx context.Context, cfg Config, work string, dir *os.Root, m manifest, log *slog.Logger) error {
	d, err := open(ctx, cfg, work, log)
	if err != nil {
		return err
	}
	if err := d.fill(ctx, dir, m); err != nil {
		return errors.Join(err, d.closePools())
	}
	if !d.postgres {
		// The file alone is moved: nothing may be left in its log.
		if _, err := d.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return errors.Join(sqliteError(err), d.closePools())
		}
	}
	return d.closePools()
}

func (d *DB) fill(ctx context.Context, dir *os.Root, m manifest) error {
	if err := d.checkEmpty(ctx, m.Schema); err != nil {
		return err
	}
	if err := d.migrateForRestore(ctx, m.Schema); err != nil {
		return err
	}
	// The tables as they were, in one transaction: all or nothing.
	if err := d.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return d.load(ctx, tx, dir, m) }); err != nil {
		return err
	}
	return d.migrate(ctx, 0)
}

func (d *DB) migrateForRestore(ctx context.Context, schema int64) error {
	p, err := d.migrator()
	if err != nil {
		return err
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; schema > newest {
		return fmt.Errorf("%w (schema %d, this one knows %d)", ErrNewer, schema, newest)
	}
	return d.migrate(ctx, schema)
}

// checkEmpty refuses a database with rows in it, or with newer tables than the
// backup's, which could not be filled from it.
func (d *DB) checkEmpty(ctx context.Context, schema int64) error {
	names, _, err := tables(ctx, d.read, d.postgres)
	if err != nil {
		return err
	}
	for _, name := range names {
		var one int
		err := d.read.QueryRowContext(ctx, "SELECT 1 FROM "+quote(name)+" LIMIT 1").Scan(&one)
		if err == nil {
			return fmt.Errorf("%w: the database has rows in table %s; name an empty database", ErrNotEmpty, name)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	if len(names) == 0 {
		return nil
	}
	have, err := d.version(ctx)
	if err != nil {
		return err
	}
	if have > schema {
		return fmt.Errorf("%w: the database has newer tables than the backup; drop and create it, then restore again", ErrNotEmpty)
	}
	return nil
}

// load fills the tables, which must be those the archive holds.
func (d *DB) load(ctx context.Context, tx bun.Tx, dir *os.Root, m manifest) error {
	later := "PRAGMA defer_foreign_keys = ON"
	if d.postgres {
		later = "SET CONSTRAINTS ALL DEFERRED"
	}
	if _, err := tx.ExecContext(ctx, later); err != nil {
		return err
	}
	names, cols, err := tables(ctx, tx, d.postgres)
	if err != nil {
		return err
	}
	loaded := 0
	for _, e := range m.Files {
		if !e.isTable() {
			continue
		}
		c, ok := cols[e.table()]
		if !ok {
			return badArchive("it has a table %q that its version does not have", e.table())
		}
		if err := d.loadTable(ctx, tx, dir, e, c); err != nil {
			return fmt.Errorf("table %s: %w", e.table(), err)
		}
		loaded++
	}
	if loaded != len(names) {
		return badArchive("%d tables are missing", len(names)-loaded)
	}
	return nil
}

func (d *DB) loadTable(ctx context.Context, tx bun.Tx, dir *os.Root, e entry, cols []column) error {
	f, err := dir.Open(filepath.FromSlash(e.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	stmt, err := tx.Tx.PrepareContext(ctx, d.insertSQL(e.table(), cols))
	if err != nil {
		return err
	}
	defer stmt.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 64<<10), maxRow)
	var rows int64
	for ; lines.Scan(); rows++ {
		values, err := parseRow(lines.Bytes(), cols)
		if err != nil {
			return badArchive("row %d: %w", rows+1, err)
		}
		if _, err := stmt.ExecContext(ctx, values...); err != nil {
			return fmt.Errorf("row %d: %w", rows+1, err)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if rows != e.Rows {
		return badArchive("%d rows instead of %d", rows, e.Rows)
	}
	return nil
}

func (d *DB) insertSQL(table string, cols []column) string {
	marks := make([]string, len(cols))
	for i := range marks {
		marks[i] = "?"
		if d.postgres {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
	}
	return "INSERT INTO " + quote(table) + " (" + columnList(cols) + ") VALUES (" + strings.Join(marks, ", ") + ")"
}

// parseRow reads one JSON object with exactly the given columns.
func parseRow(line []byte, cols []column) ([]any, error) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(line, &row); err != nil {
		return nil, err
	}
	if len(row) != len(cols) {
		return nil, errors.New("its columns are not those of the table")
	}
	values := make([]any, len(cols))
	for i, c := range cols {
		raw, ok := row[c.name]
		if !ok {
			return nil, fmt.Errorf("column %s is missing", c.name)
		}
		v, err := parseValue(raw, c.kind)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		values[i] = v
	}
	return values, nil
}

func parseValue(raw json.RawMessage, kind string) (any, error) {
	if bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	switch kind {
	case "text":
		return parseAs[string](raw)
	case "bigint":
		return parseAs[int64](raw)
	case "boolean":
		return parseAs[bool](raw)
	case "double precision":
		return parseAs[float64](raw)
	}
	return nil, fmt.Errorf("type %q cannot be restored", kind)
}

func parseAs[T any](raw json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}

// moveIn puts the verified files in their places. The database goes last: a
// directory without it is not taken for a restored one.
func moveIn(work, dataDir string, sqlite bool) error {
	var moves [][2]string
	for _, name := range backedUp {
		moves = append(moves, [2]string{filepath.Join(work, filePrefix, name), filepath.Join(dataDir, name)})
	}
	if sqlite {
		moves = append(moves, [2]string{filepath.Join(work, sqliteFile), filepath.Join(dataDir, sqliteFile)})
	}
	err := filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncDir(path)
	})
	if err != nil {
		return err
	}
	for _, m := range moves {
		err := os.Rename(m[0], m[1])
		if errors.Is(err, fs.ErrNotExist) {
			continue // the backup has none
		}
		if err != nil {
			return err
		}
	}
	return syncDir(dataDir)
}

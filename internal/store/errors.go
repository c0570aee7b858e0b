package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// PostgreSQL's error codes, appendix A of its manual.
const (
	pgUnique        = "23505"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
)

// IsUnique reports whether err says that a row with that key exists.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == pgUnique
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// mayRetry reports whether a transaction failed only because of another one.
func mayRetry(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == pgSerialization || pg.Code == pgDeadlock)
}

func isCorrupt(err error) bool {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	primary := lite.Code() & 0xff
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}

// sqliteError names the part, and what to do where the file is broken.
func sqliteError(err error) error {
	if isCorrupt(err) {
		return damaged(err)
	}
	return fmt.Errorf("store: %w", err)
}

// damaged wraps what was found and says what to do.
func damaged(err error) error {
	return fmt.Errorf("store: %w: %w; copy the data directory away, then restore your latest backup into an empty one with 'muster restore', or save what can be read with 'sqlite3 %s .recover'",
		ErrDamaged, err, sqliteFile)
}

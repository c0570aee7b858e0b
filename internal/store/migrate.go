package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

const versionTable = "goose_db_version"

// migrate brings the tables to version to, or to the newest one if to is 0.
func (d *DB) migrate(ctx context.Context, to int64) error {
	p, err := d.migrator()
	if err != nil {
		return err
	}
	have, newest, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("store: read the schema version: %w", err)
	}
	if have > newest {
		return fmt.Errorf("store: %w (schema %d, this one knows %d); install that version, or restore a backup made by this one", ErrNewer, have, newest)
	}
	if to == 0 {
		to = newest
	}
	if have == to {
		return nil
	}
	if _, err := p.UpTo(ctx, to); err != nil {
		return fmt.Errorf("store: update the tables from version %d to %d: %w", have, to, err)
	}
	return nil
}

// version returns the schema version of the open database.
func (d *DB) version(ctx context.Context) (int64, error) {
	p, err := d.migrator()
	if err != nil {
		return 0, err
	}
	v, err := p.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("store: read the schema version: %w", err)
	}
	return v, nil
}

func (d *DB) migrator() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	dialect := goose.DialectSQLite3
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if d.postgres {
		dialect = goose.DialectPostgres
		// Several nodes may start at once on one database.
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, d.write.DB, dir, opts...)
	if err != nil {
		return nil, fmt.Errorf("store: prepare the migrations: %w", err)
	}
	return p, nil
}

package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
)

// Deps is what the service needs of the house.
type Deps struct {
	DB  *store.DB
	Bus *bus.Bus
	Log *slog.Logger
}

// Service keeps the files.
type Service struct {
	Profiles *Profiles
	Updates  *Updates
	Icons    *Icons

	*keeper
}

// keeper is what all parts of the service share: the way of a content to the
// disk and back.
type keeper struct {
	cfg   Config
	db    *store.DB
	blobs *store.Blobs
	bus   *bus.Bus
	log   *slog.Logger
	next  atomic.Int64 // the newest id given to a record

	// writing is held by the one who writes: PostgreSQL takes transactions on
	// such small tables for conflicting, and would have them tried again and again.
	writing chan struct{}
}

// epoch is where the ids of records start: one a second, so that the id of a
// removed record is not given again after a restart.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// New returns the service; it starts nothing. cfg must be valid.
func New(ctx context.Context, cfg Config, d Deps) (*Service, error) {
	if d.DB == nil || d.Bus == nil || d.Log == nil {
		return nil, errors.New("files: database, bus and log are needed")
	}
	k := &keeper{cfg: cfg, db: d.DB, blobs: d.DB.Blobs(), bus: d.Bus, log: d.Log.With("part", "files"), writing: make(chan struct{}, 1)}
	var newest int64
	err := d.DB.Query().NewRaw(`SELECT COALESCE(MAX(id), 0) FROM (SELECT id FROM files UNION ALL SELECT id FROM profiles
		UNION ALL SELECT id FROM profile_files) AS ids`).Scan(ctx, &newest)
	if err != nil {
		return nil, fmt.Errorf("files: read the newest record: %w", err)
	}
	k.next.Store(max(newest, int64(time.Since(epoch)/time.Second)))
	return &Service{Profiles: &Profiles{k}, Updates: &Updates{k}, Icons: &Icons{k}, keeper: k}, nil
}

// MaxSize is the size of the largest file that is taken.
func (k *keeper) MaxSize() int64 { return int64(k.cfg.MaxSize) }

// Open returns the content of hash; the caller closes it. It asks for no rights:
// Lookup does.
func (k *keeper) Open(hash string) (*os.File, int64, error) {
	f, size, err := k.blobs.Open(hash)
	if errors.Is(err, store.ErrNoBlob) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("files: %w", err)
	}
	return f, size, nil
}

// keep stores what r holds and calls row, which writes the row that names it, in
// a transaction. check, which may be nil, looks at the content before.
func (k *keeper) keep(ctx context.Context, r io.Reader, limit int64, check func(store.Blob) error, row func(ctx context.Context, tx bun.Tx, b store.Blob) error) error {
	room := limit
	if k.cfg.MaxTotal > 0 {
		used, err := k.used(ctx, k.db.Query())
		if err != nil {
			return err
		}
		if room = min(limit, int64(k.cfg.MaxTotal)-used); room <= 0 {
			return fmt.Errorf("files: %w: all files together have reached their limit", ErrFull)
		}
	}
	b, err := k.blobs.Put(ctx, r, room)
	switch {
	case errors.Is(err, store.ErrBlobSize) && room < limit:
		return fmt.Errorf("files: %w: all files together would exceed their limit", ErrFull)
	case errors.Is(err, store.ErrBlobSize):
		return fmt.Errorf("files: %w: at most %d bytes", ErrTooLarge, limit)
	case errors.Is(err, store.ErrDiskFull):
		k.log.Error("a file was refused because the disk is full")
		return fmt.Errorf("files: %w: %w", ErrFull, err)
	case err != nil:
		return fmt.Errorf("files: %w", err)
	}
	if check != nil {
		err = check(b)
	}
	if err == nil {
		err = k.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			if err := row(ctx, tx, b); err != nil {
				return err
			}
			return k.checkTotal(ctx, tx)
		})
	}
	k.blobs.Unpin(b.Hash)
	if err != nil {
		k.collect(ctx, b.Hash)
	}
	return err
}

// tx runs f in a transaction, after those of the other callers.
func (k *keeper) tx(ctx context.Context, f func(ctx context.Context, tx bun.Tx) error) error {
	select {
	case k.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-k.writing }()
	return k.db.Tx(ctx, f)
}

// checkTotal refuses what several uploads at the same time would exceed.
func (k *keeper) checkTotal(ctx context.Context, tx bun.Tx) error {
	if k.cfg.MaxTotal <= 0 {
		return nil
	}
	used, err := k.used(ctx, tx)
	if err == nil && used > int64(k.cfg.MaxTotal) {
		err = fmt.Errorf("%w: all files together would exceed their limit", ErrFull)
	}
	return err
}

// used returns how many bytes the files take.
func (k *keeper) used(ctx context.Context, db bun.IDB) (int64, error) {
	var n int64
	// PostgreSQL's sum of BIGINT is a NUMERIC.
	err := db.NewRaw("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM ("+referenced+") AS blobs").Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("files: measure the files: %w", err)
	}
	return n, nil
}

// collect removes the blob unless a row names it. What it cannot remove now the
// sweep of Run does.
func (k *keeper) collect(ctx context.Context, hash string) {
	ctx = context.WithoutCancel(ctx) // the row is gone whether or not the caller waits
	err := k.blobs.Remove(hash, func() (bool, error) {
		var used bool
		err := k.db.Query().NewRaw(usedSQL, hash, hash, hash, hash).Scan(ctx, &used)
		return used, err
	})
	if err != nil {
		k.log.Error("remove the content of a file", "error", err)
	}
}

func (k *keeper) fact(groups []string, user string, c Changed) {
	k.bus.Publish(bus.Fact{Kind: FactChanged, Data: c, Groups: append([]string{}, groups...), User: user})
}

// adminFact tells administrators of what only they look after.
func (k *keeper) adminFact(c Changed) {
	k.bus.Publish(bus.Fact{Kind: FactChanged, Data: c, Admin: true})
}

// admin refuses whoever is none.
func admin(id auth.Identity) error {
	if err := auth.Allow(id, auth.Admin, auth.Server()); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return nil
}

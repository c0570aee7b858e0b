package video

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

const (
	maxConnections = 10_000
	maxAtOnce      = 100
)

// Add puts connections on the list, or changes those with the same uuid that id
// may change. groups are those it is for; nil means all that id may write to, or
// those it has. When it returns nil all of them are on disk. The error wraps
// ErrInvalid, ErrFull or auth.ErrDenied.
func (s *Service) Add(ctx context.Context, id auth.Identity, list []Connection, groups []string) error {
	if len(list) == 0 || len(list) > maxAtOnce {
		return fmt.Errorf("%w list: from 1 to %d videos at a time", ErrInvalid, maxAtOnce)
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Feeds = slices.Clone(list[i].Feeds)
		if err := list[i].check(); err != nil {
			return err
		}
	}
	var was []Connection
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		was = nil
		for i := range list {
			old, err := put(ctx, tx, id, &list[i], groups)
			if err != nil {
				return err
			}
			was = append(was, old)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("video: add to the list: %w", err)
	}
	s.log.Info("videos were put on the list", "user", id.User, "videos", len(list))
	for i, c := range list {
		if old := was[i]; old.UUID != "" && old.PullName() != c.PullName() {
			old.Active = false
			s.follow(ctx, old)
		}
		s.follow(ctx, c)
	}
	return nil
}

// put inserts or replaces one connection and returns what it was before.
func put(ctx context.Context, tx bun.Tx, id auth.Identity, c *Connection, groups []string) (Connection, error) {
	now := time.Now()
	c.Updated, c.Owner, c.Created, c.Number = now, id.User, now, 0
	old, err := find(ctx, tx, c.UUID)
	switch {
	case err == nil:
		if err := mayChange(id, old); err != nil {
			return old, err
		}
		c.Owner, c.Created, c.Number, c.Groups = old.Owner, old.Created, old.Number, old.Groups
	case errors.Is(err, ErrNotFound):
		c.Groups = id.WriteGroups()
	default:
		return old, err
	}
	if groups != nil {
		c.Groups = slices.Clone(groups)
	}
	slices.Sort(c.Groups)
	c.Groups = slices.Compact(c.Groups)
	if len(c.Groups) == 0 {
		return old, fmt.Errorf("%w: no group to offer the video to", auth.ErrDenied)
	}
	if old.UUID == "" || groups != nil {
		r := auth.Data("video "+c.Alias, c.Groups)
		r.Every = true
		if err := auth.Allow(id, auth.Publish, r); err != nil {
			return old, err
		}
	}
	if c.Number == 0 {
		if c.Number, err = nextNumber(ctx, tx); err != nil {
			return old, err
		}
	}
	row, err := rowOf(*c)
	if err != nil {
		return old, err
	}
	q := tx.NewInsert().Model(&row).On("CONFLICT (uuid) DO UPDATE")
	for _, col := range []string{"alias", "active", "thumbnail", "classification", "group_names", "feeds", "updated"} {
		q = q.Set("? = EXCLUDED.?", bun.Ident(col), bun.Ident(col))
	}
	_, err = q.Exec(ctx)
	return old, err
}

func nextNumber(ctx context.Context, tx bun.Tx) (int64, error) {
	var last struct {
		Count int64 `bun:"n"`
		Max   int64 `bun:"m"`
	}
	err := tx.NewSelect().Model((*connectionRow)(nil)).ColumnExpr("count(*) AS n, COALESCE(max(number), 0) AS m").Scan(ctx, &last)
	if err != nil {
		return 0, err
	}
	if last.Count >= maxConnections {
		return 0, ErrFull
	}
	return last.Max + 1, nil
}

// Remove takes a connection off the list. The error wraps ErrNotFound or
// auth.ErrDenied. When it returns nil that is on disk.
func (s *Service) Remove(ctx context.Context, id auth.Identity, uuid string) error {
	var c Connection
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if c, err = changeable(ctx, tx, id, uuid); err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*connectionRow)(nil)).Where("uuid = ?", uuid).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("video: take from the list: %w", err)
	}
	s.log.Info("a video was taken from the list", "user", id.User, "video", c.Alias)
	c.Active = false
	s.follow(ctx, c)
	return nil
}

// changeable finds a connection that id may change; one that id may not even see
// does not exist.
func changeable(ctx context.Context, tx bun.Tx, id auth.Identity, uuid string) (Connection, error) {
	c, err := find(ctx, tx, uuid)
	if err != nil {
		return c, err
	}
	if !mayRead(id, c) {
		return c, ErrNotFound
	}
	return c, mayChange(id, c)
}

// SetActive shows or hides a connection on the clients' lists. The error wraps
// ErrNotFound or auth.ErrDenied.
func (s *Service) SetActive(ctx context.Context, id auth.Identity, uuid string, active bool) error {
	var c Connection
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if c, err = changeable(ctx, tx, id, uuid); err != nil {
			return err
		}
		c.Active = active
		_, err = tx.NewUpdate().Model((*connectionRow)(nil)).Set("active = ?", active).Set("updated = ?", time.Now().UnixMilli()).
			Where("uuid = ?", uuid).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("video: change the list: %w", err)
	}
	s.follow(ctx, c)
	return nil
}

// UUID returns the uuid of the connection with a number, of those id may see. The
// error wraps ErrNotFound.
func (s *Service) UUID(ctx context.Context, id auth.Identity, number int64) (string, error) {
	var row connectionRow
	err := s.deps.DB.Query().NewSelect().Model(&row).Where("number = ?", number).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("video: read a connection: %w", err)
	}
	c, err := row.connection()
	if err == nil && !mayRead(id, c) {
		err = ErrNotFound
	}
	return c.UUID, err
}

package mission

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"muster/cot/files"
	"muster/internal/auth"
)

// Holds reports whether a file is in a mission that c may read, so that what was
// shared in a mission can be fetched by all of it.
func (s *Service) Holds(ctx context.Context, c Caller, hash string) (bool, error) {
	q := s.db.Query()
	var rows []missionRow
	err := q.NewSelect().Model(&rows).Where("deleted = 0 AND guid IN (SELECT mission FROM mission_contents WHERE hash = ?)", hash).Scan(ctx)
	if err != nil {
		return false, fmt.Errorf("mission: look for a file: %w", err)
	}
	for _, m := range rows {
		if auth.Allow(c.Identity, auth.Read, m.resource()) != nil {
			continue
		}
		r, err := s.role(ctx, q, c, m)
		if err != nil {
			return false, err
		}
		if r.Has(Read) {
			return true, nil
		}
	}
	return false, nil
}

// Hashes returns the files of a mission that id may read.
func (s *Service) Hashes(ctx context.Context, id auth.Identity, name string) ([]string, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, Caller{Identity: id, Own: true}, Ref{Name: name}, Read)
	switch {
	case errors.Is(err, ErrDenied):
		return nil, fmt.Errorf("mission: %w: %w", auth.ErrDenied, err)
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrGone), errors.Is(err, ErrInvalid):
		return nil, fmt.Errorf("mission: %w: %w", files.ErrNotFound, err)
	case err != nil:
		return nil, err
	}
	hashes := []string{}
	if err := q.NewSelect().Model((*contentRow)(nil)).Column("hash").Where("mission = ?", m.GUID).Order("position", "hash").Scan(ctx, &hashes); err != nil {
		return nil, fmt.Errorf("mission: list files: %w", err)
	}
	return hashes, nil
}

// HeldUIDs returns the uids that missions refer to, deleted ones included; the
// history keeps their events.
func (s *Service) HeldUIDs(ctx context.Context) ([]string, error) {
	return s.held(ctx, (*itemRow)(nil), "uid")
}

// HeldHashes returns the files that missions refer to, deleted ones included.
func (s *Service) HeldHashes(ctx context.Context) ([]string, error) {
	return s.held(ctx, (*contentRow)(nil), "hash")
}

func (s *Service) held(ctx context.Context, table any, column string) ([]string, error) {
	out := []string{}
	if err := s.db.Query().NewSelect().Model(table).ColumnExpr("DISTINCT ?", bun.Ident(column)).Scan(ctx, &out); err != nil {
		return nil, fmt.Errorf("mission: list what is held: %w", err)
	}
	return out, nil
}

// MayRead reports whether id may read in the mission with that name or guid.
func (s *Service) MayRead(ctx context.Context, id auth.Identity, mission string) bool {
	_, _, err := s.may(ctx, s.db.Query(), Caller{Identity: id, Own: true}, Ref{Name: mission}, Read)
	return err == nil
}

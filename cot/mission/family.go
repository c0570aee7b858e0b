package mission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"muster/internal/auth"
)

// noRows returns err unless it only says that there is no row.
func noRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

const maxGenerations = 32

// SetParent puts a mission below another one that c may read.
func (s *Service) SetParent(ctx context.Context, c Caller, child, parent Ref) error {
	// The token is one mission's: the parent needs only to be visible.
	p, err := find(ctx, s.db.Query(), c.Identity, parent)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, c, child, Write, func(e *edit) error {
		up := p
		for range maxGenerations {
			if up.GUID == e.m.GUID {
				return refuse(ErrInvalid, "A mission cannot be below itself.")
			}
			if up.Parent == "" {
				e.m.Parent = p.GUID
				return nil
			}
			if up, err = byGUID(e.ctx, e.tx, up.Parent); err != nil {
				return err
			}
		}
		return refuse(ErrInvalid, "The missions are nested too deeply.")
	}, func(e *edit) { s.announce(e, eventMeta) })
	return err
}

// ClearParent takes a mission out from below its parent.
func (s *Service) ClearParent(ctx context.Context, c Caller, ref Ref) error {
	_, err := s.change(ctx, c, ref, Write, func(e *edit) error {
		e.m.Parent = ""
		return nil
	}, func(e *edit) { s.announce(e, eventMeta) })
	return err
}

// ParentOf returns the mission above one. The error wraps ErrNotFound where there
// is none that c sees.
func (s *Service) ParentOf(ctx context.Context, c Caller, ref Ref) (Mission, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return Mission{}, err
	}
	if m.Parent == "" {
		return Mission{}, refuse(ErrNotFound, "Not Found: the mission has no parent.")
	}
	p, err := find(ctx, q, c.Identity, Ref{GUID: m.Parent})
	if err != nil {
		return Mission{}, err
	}
	return s.shown(ctx, c, p)
}

// shown returns a mission with its contents only where c may read them.
func (s *Service) shown(ctx context.Context, c Caller, m missionRow) (Mission, error) {
	r, err := s.role(ctx, s.db.Query(), c, m)
	if err != nil {
		return Mission{}, err
	}
	if !r.Has(Read) {
		return m.public(), nil
	}
	return whole(ctx, s.db.Query(), m, r)
}

// ChildrenOf returns the missions below one that c sees.
func (s *Service) ChildrenOf(ctx context.Context, c Caller, ref Ref) ([]Mission, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return nil, err
	}
	var rows []missionRow
	if err := q.NewSelect().Model(&rows).Where("parent = ? AND deleted = 0", m.GUID).Order("name", "guid").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read children: %w", err)
	}
	out := []Mission{}
	for _, row := range rows {
		if auth.Allow(c.Identity, auth.Read, row.resource()) != nil {
			continue
		}
		child, err := s.shown(ctx, c, row)
		if err != nil {
			return nil, err
		}
		out = append(out, child)
	}
	return out, nil
}

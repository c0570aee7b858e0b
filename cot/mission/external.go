package mission

import (
	"context"
	"errors"
	"fmt"
)

const maxParts = 1000 // external data, feeds, map layers of a mission

// PutExternalData adds external data, or replaces that with its ID.
func (s *Service) PutExternalData(ctx context.Context, c Caller, ref Ref, d ExternalData) (Mission, error) {
	if d.ID == "" {
		d.ID = newID()
	}
	if err := errors.Join(checkUID(d.ID), checkText(d.Name, d.Tool, d.URLData, d.URLView, d.Notes, d.UID)); err != nil {
		return Mission{}, err
	}
	d.CreatorUID = c.UID
	return s.change(ctx, c, ref, Write, func(e *edit) error {
		if err := e.few((*externalRow)(nil)); err != nil {
			return err
		}
		row := externalRow{Mission: e.m.GUID, ID: d.ID, Data: doc[ExternalData]{d}, CreatorUID: c.UID, Time: e.now}
		_, err := e.tx.NewInsert().Model(&row).On("CONFLICT (mission, id) DO UPDATE").Set("data = EXCLUDED.data").Exec(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: write external data: %w", err)
		}
		return nil
	}, func(e *edit) { s.tellExternal(e, d, "") })
}

// few refuses more than a mission may have of something.
func (e *edit) few(table any) error {
	n, err := e.tx.NewSelect().Model(table).Where("mission = ?", e.m.GUID).Count(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: count parts: %w", err)
	}
	if n >= maxParts {
		return refuse(ErrInvalid, "The mission has too many of these.")
	}
	return nil
}

func (e *edit) external(id string) (ExternalData, error) {
	var rows []externalRow
	if err := e.tx.NewSelect().Model(&rows).Where("mission = ? AND id = ?", e.m.GUID, id).Scan(e.ctx); err != nil {
		return ExternalData{}, fmt.Errorf("mission: read external data: %w", err)
	}
	if len(rows) == 0 {
		return ExternalData{}, errNoContent
	}
	return rows[0].Data.V, nil
}

// RemoveExternalData takes external data out of a mission.
func (s *Service) RemoveExternalData(ctx context.Context, c Caller, ref Ref, id string) error {
	var d ExternalData
	_, err := s.change(ctx, c, ref, Write, func(e *edit) (err error) {
		if d, err = e.external(id); err != nil {
			return err
		}
		_, err = e.clear((*externalRow)(nil), "id", id)
		return err
	}, func(e *edit) { s.tellExternal(e, d, "") })
	return err
}

// ChangeExternalData tells the subscribers that external data has changed where
// it is kept; token is what the other system names the change by.
func (s *Service) ChangeExternalData(ctx context.Context, c Caller, ref Ref, id, token string) error {
	if err := checkText(token); err != nil {
		return err
	}
	var d ExternalData
	_, err := s.change(ctx, c, ref, Write, func(e *edit) (err error) {
		d, err = e.external(id)
		return err
	}, func(e *edit) { s.tellExternal(e, d, token) })
	return err
}

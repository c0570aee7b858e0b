package mission

import (
	"context"
	"errors"
	"fmt"
)

// Copy makes a mission with the contents, layers, map layers and keywords of
// another one. Subscriptions, history and notes are not copied. spec fields that
// are nil are those of the original.
func (s *Service) Copy(ctx context.Context, c Caller, ref Ref, name string, spec Spec) (Mission, error) {
	name, err := ParseName(name)
	if err != nil {
		return Mission{}, err
	}
	if err := spec.check(); err != nil {
		return Mission{}, err
	}
	row, _, err := s.may(ctx, s.db.Query(), c, ref, Read)
	if err != nil {
		return Mission{}, err
	}
	m, err := s.create(ctx, c, name, spec.over(row), c.Identity.User)
	if err != nil {
		return m, err
	}
	c.Token = m.Token
	filled, err := s.change(ctx, c, Ref{GUID: m.GUID}, Write, func(e *edit) error { return copyParts(e, row.GUID) }, func(e *edit) { s.tellChanges(e) })
	if err != nil {
		return m, err
	}
	filled.Token, filled.OwnerRole = m.Token, m.OwnerRole
	return filled, nil
}

// over returns p with what it leaves open taken from m.
func (p Spec) over(m missionRow) Spec {
	for _, f := range []struct {
		to   **string
		from string
	}{
		{&p.Description, m.Description}, {&p.ChatRoom, m.ChatRoom}, {&p.BaseLayer, m.BaseLayer}, {&p.BBox, m.BBox},
		{&p.BoundingPolygon, m.BoundingPolygon}, {&p.Path, m.Path}, {&p.Classification, m.Classification}, {&p.Tool, m.Tool},
	} {
		if *f.to == nil {
			*f.to = TextOf(f.from)
		}
	}
	if p.DefaultRole == nil {
		p.DefaultRole = &m.DefaultRole
	}
	if p.Keywords == nil {
		p.Keywords = m.Keywords.V
	}
	return p
}

func copyParts(e *edit, from string) error {
	var (
		items    []itemRow
		contents []contentRow
		events   []eventRow
		layers   []layerRow
		maps     []mapLayerRow
	)
	for _, rows := range []any{&items, &contents, &events, &layers, &maps} {
		if err := e.tx.NewSelect().Model(rows).Where("mission = ?", from).Scan(e.ctx); err != nil {
			return fmt.Errorf("mission: read what is copied: %w", err)
		}
	}
	for i := range items {
		items[i].Mission, items[i].Time = e.m.GUID, e.now
		e.add(AddContent, "uid:"+items[i].UID, changeContent{UID: items[i].UID, Details: items[i].Details.V})
	}
	for i := range contents {
		contents[i].Mission, contents[i].Time = e.m.GUID, e.now
		f := contents[i].public().File
		e.add(AddContent, "hash:"+f.Hash, changeContent{File: &f})
	}
	for i := range events {
		events[i].Mission = e.m.GUID
	}
	for i := range layers {
		layers[i].Mission = e.m.GUID
	}
	for i := range maps {
		maps[i].Mission = e.m.GUID
	}
	return errors.Join(insertAll(e, items), insertAll(e, contents), insertAll(e, events), insertAll(e, layers), insertAll(e, maps))
}

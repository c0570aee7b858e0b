package mission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// LayerTypes are the types a layer may have.
func LayerTypes() []string { return []string{"GROUP", "UID", "CONTENTS", "MAPLAYER", "ITEM"} }

// NewLayer is what AddLayer needs to know. An empty UID is made up.
type NewLayer struct{ Name, Type, UID, Parent, After string }

const maxLayers = 1000 // of a mission

// Layers returns the layers of a mission as trees, in their order.
func (s *Service) Layers(ctx context.Context, c Caller, ref Ref) ([]Layer, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return nil, err
	}
	return layersOf(ctx, q, m.GUID)
}

// Layer returns one layer with what is in it.
func (s *Service) Layer(ctx context.Context, c Caller, ref Ref, uid string) (Layer, error) {
	all, err := s.Layers(ctx, c, ref)
	if err != nil {
		return Layer{}, err
	}
	if l := findLayer(all, uid); l != nil {
		return *l, nil
	}
	return Layer{}, errNoLayer
}

var errNoLayer = refuse(ErrNotFound, "Not Found: the mission has no such layer.")

func findLayer(all []Layer, uid string) *Layer {
	for i := range all {
		if all[i].UID == uid {
			return &all[i]
		}
		if l := findLayer(all[i].Layers, uid); l != nil {
			return l
		}
	}
	return nil
}

func layersOf(ctx context.Context, q bun.IDB, guid string) ([]Layer, error) {
	var rows []layerRow
	if err := q.NewSelect().Model(&rows).Where("mission = ?", guid).Order("position", "uid").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read layers: %w", err)
	}
	parts := []Mission{{GUID: guid}}
	if err := fill(ctx, q, parts, nil); err != nil {
		return nil, err
	}
	return tree(rows, parts[0], "", 0), nil
}

// tree builds the layers below parent. Depth ends what should not be: a circle.
func tree(rows []layerRow, m Mission, parent string, depth int) []Layer {
	out := []Layer{}
	for _, r := range rows {
		if r.Parent != parent || depth > maxLayers {
			continue
		}
		l := Layer{Name: r.Name, Type: r.Type, ParentUID: r.Parent, UID: r.UID, Layers: tree(rows, m, r.UID, depth+1), position: r.Position}
		for _, i := range m.UIDs {
			if i.layer == r.UID {
				l.UIDs = append(l.UIDs, i)
			}
		}
		for _, c := range m.Contents {
			if c.layer == r.UID {
				l.Contents = append(l.Contents, c)
			}
		}
		for _, p := range m.MapLayers {
			if p.layer == r.UID {
				l.MapLayers = append(l.MapLayers, p)
			}
		}
		slices.SortFunc(l.UIDs, func(a, b Item) int { return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.UID, b.UID)) })
		slices.SortFunc(l.Contents, func(a, b Content) int {
			return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.File.Hash, b.File.Hash))
		})
		slices.SortFunc(l.MapLayers, func(a, b MapLayer) int { return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.UID, b.UID)) })
		out = append(out, l)
	}
	return out
}

// changeLayers is change for layers, with the notification that belongs to it.
func (s *Service) changeLayers(ctx context.Context, c Caller, ref Ref, f func(e *edit) error) error {
	_, err := s.change(ctx, c, ref, Write, f, func(e *edit) { s.tellSubscribers(e, eventLayers) })
	return err
}

// AddLayer makes a layer, or renames the one with that uid.
func (s *Service) AddLayer(ctx context.Context, c Caller, ref Ref, n NewLayer) (Layer, error) {
	if n.UID == "" {
		n.UID = newID()
	}
	if err := errors.Join(checkUID(n.UID), checkText(n.Name, n.Parent, n.After)); err != nil {
		return Layer{}, err
	}
	switch {
	case !slices.Contains(LayerTypes(), n.Type):
		return Layer{}, refuse(ErrInvalid, "The type of the layer is none of GROUP, UID, CONTENTS, MAPLAYER and ITEM.")
	case n.Name == "" && n.Type != "ITEM":
		return Layer{}, refuse(ErrInvalid, "The layer has no name.")
	case n.Parent == n.UID:
		return Layer{}, refuse(ErrInvalid, "A layer cannot be in itself.")
	}
	err := s.changeLayers(ctx, c, ref, func(e *edit) error {
		if err := e.needLayer(n.Parent); err != nil {
			return err
		}
		count, err := e.tx.NewSelect().Model((*layerRow)(nil)).Where("mission = ?", e.m.GUID).Count(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: count layers: %w", err)
		}
		if count >= maxLayers {
			return refuse(ErrInvalid, "The mission has too many layers.")
		}
		row := layerRow{Mission: e.m.GUID, UID: n.UID, Name: n.Name, Type: n.Type, Parent: n.Parent, Position: e.now}
		_, err = e.tx.NewInsert().Model(&row).On("CONFLICT (mission, uid) DO UPDATE").Set("name = EXCLUDED.name").Exec(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: write a layer: %w", err)
		}
		if n.After == "" {
			return nil
		}
		return e.place(n.Parent, n.After, []string{n.UID})
	})
	if err != nil {
		return Layer{}, err
	}
	return s.Layer(ctx, c, ref, n.UID)
}

// RenameLayer gives a layer another name.
func (s *Service) RenameLayer(ctx context.Context, c Caller, ref Ref, uid, name string) error {
	if name == "" {
		return refuse(ErrInvalid, "The layer has no name.")
	}
	if err := checkText(name); err != nil {
		return err
	}
	return s.changeLayers(ctx, c, ref, func(e *edit) error {
		if err := e.needLayer(uid); err != nil {
			return err
		}
		_, err := e.tx.NewUpdate().Model((*layerRow)(nil)).Set("name = ?", name).Where("mission = ? AND uid = ?", e.m.GUID, uid).Exec(e.ctx)
		return err
	})
}

// MoveLayer puts a layer behind another one of the same parent; after "" makes
// it the first.
func (s *Service) MoveLayer(ctx context.Context, c Caller, ref Ref, uid, after string) error {
	return s.changeLayers(ctx, c, ref, func(e *edit) error {
		var row layerRow
		n, err := e.tx.NewSelect().Model(&row).Where("mission = ? AND uid = ?", e.m.GUID, uid).ScanAndCount(e.ctx)
		if err != nil || n == 0 {
			return errors.Join(noRows(err), errNoLayer)
		}
		if after == "" {
			after = first
		}
		return e.place(row.Parent, after, []string{uid})
	})
}

// SetLayerParent moves layers, or uids, files and map layers, into the layer
// parent behind after; parent "" is the top.
func (s *Service) SetLayerParent(ctx context.Context, c Caller, ref Ref, uids []string, parent, after string) error {
	if len(uids) == 0 || len(uids) > maxAddition {
		return refuse(ErrInvalid, "Name the layers that are to be moved.")
	}
	return s.changeLayers(ctx, c, ref, func(e *edit) error {
		if err := e.needLayer(parent); err != nil {
			return err
		}
		return e.place(parent, after, uids)
	})
}

// RemoveLayers removes layers and those in them. What was filed in them stays in
// the mission.
func (s *Service) RemoveLayers(ctx context.Context, c Caller, ref Ref, uids []string) error {
	if len(uids) == 0 || len(uids) > maxLayers {
		return refuse(ErrInvalid, "Name the layers that are to be removed.")
	}
	return s.changeLayers(ctx, c, ref, func(e *edit) error {
		rows, err := e.layers()
		if err != nil {
			return err
		}
		gone := make(map[string]bool)
		for _, uid := range uids {
			if !slices.ContainsFunc(rows, func(r layerRow) bool { return r.UID == uid }) {
				return errNoLayer
			}
			gone[uid] = true
		}
		for again := true; again; {
			again = false
			for _, r := range rows {
				if gone[r.Parent] && !gone[r.UID] {
					gone[r.UID], again = true, true
				}
			}
		}
		for uid := range gone {
			if _, err := e.clear((*layerRow)(nil), "uid", uid); err != nil {
				return err
			}
			for _, t := range []any{(*itemRow)(nil), (*contentRow)(nil), (*mapLayerRow)(nil)} {
				if _, err := e.tx.NewUpdate().Model(t).Set("layer = ''").Where("mission = ? AND layer = ?", e.m.GUID, uid).Exec(e.ctx); err != nil {
					return fmt.Errorf("mission: empty a layer: %w", err)
				}
			}
		}
		return nil
	})
}

func (e *edit) layers() ([]layerRow, error) {
	var rows []layerRow
	if err := e.tx.NewSelect().Model(&rows).Where("mission = ?", e.m.GUID).Order("position", "uid").Scan(e.ctx); err != nil {
		return nil, fmt.Errorf("mission: read layers: %w", err)
	}
	return rows, nil
}

// needLayer refuses a layer that is not there; "" is the top and always there.
func (e *edit) needLayer(uid string) error {
	if uid == "" {
		return nil
	}
	n, err := e.tx.NewSelect().Model((*layerRow)(nil)).Where("mission = ? AND uid = ?", e.m.GUID, uid).Count(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: read a layer: %w", err)
	}
	if n == 0 {
		return errNoLayer
	}
	return nil
}

// placed is something that has a place in a layer.
type placed struct {
	table    string
	key      string // column of the id
	parent   string // column of the layer it is in
	id, in   string
	position int64
}

// placeable lists what may be filed in layers.
func placeable() []placed {
	return []placed{
		{table: "mission_layers", key: "uid", parent: "parent"}, {table: "mission_uids", key: "uid", parent: "layer"},
		{table: "mission_contents", key: "hash", parent: "layer"}, {table: "mission_map_layers", key: "uid", parent: "layer"},
	}
}

// Where place puts things when it is not told behind what.
const (
	first = "\x00first"
	last  = ""
)

// place puts ids into a layer, in their order, behind after, which may be first
// or last.
func (e *edit) place(layer, after string, ids []string) error {
	all, err := e.placed()
	if err != nil {
		return err
	}
	moving := make([]placed, 0, len(ids))
	for _, id := range ids {
		i := slices.IndexFunc(all, func(p placed) bool { return p.id == id })
		if i < 0 {
			return errNoContent
		}
		if all[i].table == "mission_layers" && inside(all, layer, id) {
			return refuse(ErrInvalid, "A layer cannot be in itself.")
		}
		moving = append(moving, all[i])
	}
	siblings := slices.DeleteFunc(slices.Clone(all), func(p placed) bool { return p.in != layer || slices.Contains(ids, p.id) })
	at := 0
	switch after {
	case first:
	case last:
		at = len(siblings)
	default:
		i := slices.IndexFunc(siblings, func(p placed) bool { return p.id == after })
		if i < 0 {
			return refuse(ErrNotFound, "Not Found: what this is to come after is not in that layer.")
		}
		at = i + 1
	}
	for i, p := range slices.Insert(siblings, at, moving...) {
		if p.in == layer && p.position == int64(i+1) {
			continue
		}
		_, err := e.tx.NewUpdate().Table(p.table).Set("? = ?", bun.Ident(p.parent), layer).Set("position = ?", i+1).
			Where("mission = ? AND ? = ?", e.m.GUID, bun.Ident(p.key), p.id).Exec(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: order a layer: %w", err)
		}
	}
	return nil
}

// placed returns everything that has a place, in order.
func (e *edit) placed() ([]placed, error) {
	var all []placed
	for _, kind := range placeable() {
		var rows []struct {
			ID       string `bun:"id"`
			In       string `bun:"in_layer"`
			Position int64  `bun:"position"`
		}
		err := e.tx.NewSelect().TableExpr("?", bun.Ident(kind.table)).
			ColumnExpr("? AS id, ? AS in_layer, position", bun.Ident(kind.key), bun.Ident(kind.parent)).
			Where("mission = ?", e.m.GUID).Scan(e.ctx, &rows)
		if err != nil {
			return nil, fmt.Errorf("mission: read the order of layers: %w", err)
		}
		for _, r := range rows {
			p := kind
			p.id, p.in, p.position = r.ID, r.In, r.Position
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.id, b.id)) })
	return all, nil
}

// inside reports whether layer is id or below it.
func inside(all []placed, layer, id string) bool {
	for range len(all) + 1 {
		if layer == id {
			return true
		}
		i := slices.IndexFunc(all, func(p placed) bool { return p.table == "mission_layers" && p.id == layer })
		if i < 0 {
			return false
		}
		layer = all[i].in
	}
	return true
}

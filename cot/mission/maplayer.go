package mission

import (
	"context"
	"fmt"
)

// PutMapLayer adds a source of map tiles, or replaces the one with its uid. fields
// are Marti's; what is no text, number or boolean in them is refused.
func (s *Service) PutMapLayer(ctx context.Context, c Caller, ref Ref, fields map[string]any) (MapLayer, error) {
	kept := make(map[string]any, len(fields)+3)
	for k, v := range fields {
		switch v := v.(type) {
		case nil:
			continue
		case string:
			if err := checkText(v); err != nil {
				return MapLayer{}, err
			}
		case bool, float64:
		default:
			return MapLayer{}, refuse(ErrInvalid, "A field of the map layer is no text, number or boolean.")
		}
		kept[k] = v
	}
	uid, _ := kept["uid"].(string)
	if uid == "" {
		uid = newID()
	}
	name, _ := kept["name"].(string)
	if err := checkUID(uid); err != nil {
		return MapLayer{}, err
	}
	if name == "" {
		return MapLayer{}, refuse(ErrInvalid, "The map layer has no name.")
	}
	kept["uid"], kept["creatorUid"] = uid, c.UID
	_, err := s.change(ctx, c, ref, ManageLayers, func(e *edit) error {
		if err := e.few((*mapLayerRow)(nil)); err != nil {
			return err
		}
		kept["modifiedTime"] = Time(e.now).String()
		if _, ok := kept["createTime"]; !ok {
			kept["createTime"] = kept["modifiedTime"]
		}
		row := mapLayerRow{Mission: e.m.GUID, UID: uid, Data: doc[map[string]any]{kept}, CreatorUID: c.UID, Time: e.now, Position: e.now}
		_, err := e.tx.NewInsert().Model(&row).On("CONFLICT (mission, uid) DO UPDATE").Set("data = EXCLUDED.data").Exec(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: write a map layer: %w", err)
		}
		return nil
	}, func(e *edit) { s.tellSubscribers(e, eventLayers) })
	return MapLayer{UID: uid, CreatorUID: c.UID, Name: name, Fields: kept}, err
}

// RemoveMapLayer takes a source of map tiles out of a mission.
func (s *Service) RemoveMapLayer(ctx context.Context, c Caller, ref Ref, uid string) error {
	_, err := s.change(ctx, c, ref, ManageLayers, func(e *edit) error {
		found, err := e.clear((*mapLayerRow)(nil), "uid", uid)
		if err == nil && !found {
			err = errNoContent
		}
		return err
	}, func(e *edit) { s.tellSubscribers(e, eventLayers) })
	return err
}

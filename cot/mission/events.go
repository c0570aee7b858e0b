package mission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/wire"
	"muster/internal/auth"
)

// syncTime is how long the history may take to write down what has just come: a
// client sends an event over the stream and names its uid here right afterwards.
const syncTime = 3 * time.Second

// known returns the newest event of each uid that id may read.
func (s *Service) known(ctx context.Context, id auth.Identity, uids []string) (map[string]*wire.Event, error) {
	out := make(map[string]*wire.Event)
	if len(uids) == 0 {
		return out, nil
	}
	soon, cancel := context.WithTimeout(ctx, syncTime)
	defer cancel()
	if err := s.events.Sync(soon); err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("mission: wait for the history: %w", err)
	}
	for _, uid := range uids {
		r, err := s.newest(ctx, id, uid)
		if err == nil && r != nil {
			out[uid], err = r.Event()
		}
		if err != nil {
			return nil, fmt.Errorf("mission: look up event %s: %w", uid, err)
		}
	}
	return out, nil
}

// newest returns the newest event of a uid that id may read, or nil. An event
// that went to single clients or to a mission is not what the uid is for others.
func (s *Service) newest(ctx context.Context, id auth.Identity, uid string) (*history.Record, error) {
	r, err := s.events.Newest(ctx, id, uid)
	switch {
	case errors.Is(err, history.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case r.Private:
		return nil, nil
	}
	return &r, nil
}

// own returns a copy of an event that others may be reading.
func own(e *cot.Event) (*wire.Event, error) {
	return wire.ParseXML(bytes.TrimSpace(e.XML()), eventLimits)
}

// eventLimits lets everything pass that the streams let pass.
var eventLimits = wire.Limits{Event: 64 << 20, Depth: 256, Attrs: 1024}

// detailsOf returns what lists show of an event.
func detailsOf(ev *wire.Event) *Details {
	d := &Details{Type: ev.Type, Callsign: ev.Contact.Callsign, Location: &Location{ev.Point.Lat, ev.Point.Lon}}
	if el, ok := ev.Child("color"); ok {
		if d.Color = el.Attr("argb"); d.Color == "" {
			d.Color = el.Attr("value")
		}
	}
	if el, ok := ev.Child("usericon"); ok {
		d.IconsetPath = el.Attr("iconsetpath")
	}
	if el, ok := ev.Child("_medevac_"); ok {
		d.Title = el.Attr("title")
	}
	return d
}

// Event is the newest event of a uid of a mission, as XML without prolog.
type Event struct {
	UID, Path string // Path is the layer
	XML       []byte
}

// maxFresh is for how many uids of a mission the history is asked in one answer.
const maxFresh = 500

// CoT returns the newest event of each uid of a mission, of one layer if path is
// not empty: the one that was sent to the mission, or a newer one that c may read.
// In missions with very many uids that goes for the first of them; the others are
// as they were sent to the mission.
func (s *Service) CoT(ctx context.Context, c Caller, ref Ref, path string) ([]Event, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return nil, err
	}
	return s.cot(ctx, q, c.Identity, m.GUID, path)
}

// cot reads events of a mission. The server itself is not shown newer ones from
// the history: it may read more than the mission's people.
func (s *Service) cot(ctx context.Context, q bun.IDB, id auth.Identity, guid, path string) ([]Event, error) {
	var rows []struct {
		UID      string `bun:"uid"`
		Layer    string `bun:"layer"`
		XML      string `bun:"xml"`
		Received int64  `bun:"received"`
	}
	sel := q.NewSelect().TableExpr("mission_uids AS u").
		Join("LEFT JOIN mission_events AS e ON e.mission = u.mission AND e.uid = u.uid").
		ColumnExpr("u.uid, u.layer, COALESCE(e.xml, '') AS xml, COALESCE(e.received, 0) AS received").
		Where("u.mission = ?", guid).OrderExpr("u.position, u.uid")
	if path != "" {
		sel.Where("u.layer = ?", path)
	}
	if err := sel.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("mission: read events: %w", err)
	}
	out := make([]Event, 0, len(rows))
	for i, r := range rows {
		ev := Event{UID: r.UID, Path: r.Layer, XML: []byte(r.XML)}
		if !id.System && i < maxFresh {
			n, err := s.newest(ctx, id, r.UID)
			if err == nil && n != nil && n.Received > r.Received {
				var w *wire.Event
				if w, err = n.Event(); err == nil {
					ev.XML = w.AppendXML(nil)
				}
			}
			if err != nil {
				return nil, fmt.Errorf("mission: look up event %s: %w", r.UID, err)
			}
		}
		if len(ev.XML) > 0 {
			out = append(out, ev)
		}
	}
	return out, nil
}

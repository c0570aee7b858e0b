package situation

import (
	"context"
	"maps"
	"slices"
	"time"

	"muster/cot"
	"muster/cot/history"
	"muster/internal/auth"
)

// snapshot is the whole situation. recent is what has come to the page and may
// not be in the history yet.
func (f *Feed) snapshot(ctx context.Context, id auth.Identity, recent map[string]*cot.Event) ([]any, error) {
	f.written(ctx)
	standing, err := Standing(ctx, f.history, id, time.Time{})
	if err != nil {
		return nil, err
	}
	byUID := make(map[string]Item, len(standing))
	for _, it := range standing {
		byUID[it.UID] = it
	}
	for uid, e := range recent {
		if it, ok := byUID[uid]; (!ok || it.Time < e.Time) && auth.Allow(id, auth.Read, auth.Data(uid, e.Groups)) == nil {
			byUID[uid] = itemOf(e)
		}
	}
	for _, e := range f.router.Positions(id) {
		it := itemOf(e)
		it.Connected = true
		byUID[it.UID] = it
	}
	m := Snapshot{Kind: "snapshot", UID: f.uid, Items: make([]Item, 0, len(byUID)), Emergencies: f.emergencies(id)}
	for _, uid := range slices.Sorted(maps.Keys(byUID)) {
		m.Items = append(m.Items, byUID[uid])
	}
	clear(f.told)
	m.Contacts = append([]Contact{}, f.changed(id)...)
	now := time.Now()
	f.heard = heard{peopleAt: now, talkingAt: now}
	m.Voice, _ = f.moved(id)
	m.Voice = append([]Present{}, m.Voice...)
	f.heard.talking = f.talking(id)
	m.Talking = f.heard.talking
	return []any{m}, nil
}

// Standing returns what was on the map for id at a time (zero: now).
func Standing(ctx context.Context, h History, id auth.Identity, at time.Time) ([]Item, error) {
	records, err := h.Latest(ctx, id, history.Bounds{}, at)
	if err != nil {
		return nil, err
	}
	out := make([]Item, 0, len(records))
	for _, r := range records {
		e, err := r.Event()
		if err != nil { // a row that cannot be read costs one item, not the map
			continue
		}
		out = append(out, ItemOf(e, r.User, r.Groups))
	}
	return out, nil
}

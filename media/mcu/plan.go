package mcu

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"muster/media/mcu/compositor"
)

// The scenes of a room.
const (
	sceneRoom  = "room"    // everybody, as the hosts have arranged it
	sceneOnly  = "only:"   // and the id of a track: the one video there is to see
	sceneCards = "others:" // and the id of a participant: the names of the others, who show nothing
)

// cast is who and what is there to be seen in a room.
type cast struct {
	tiles  []tile // in the order in which people entered
	layout Layout
	cells  []Cell // of LayoutCustom
	active string // participant who speaks
	record bool
}

// plan is what is composed, and of what.
type plan struct {
	cast
	scenes map[string]compositor.Scene
	places map[*Track]pictureSize // the largest place in which a track is seen
}

func newPlan(c cast) *plan {
	return &plan{cast: c, scenes: make(map[string]compositor.Scene), places: make(map[*Track]pictureSize)}
}

// cast returns who is there to be seen.
func (m *Room) cast() cast {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := cast{layout: m.layout, cells: m.cells, active: m.sound.speakers().Active, record: m.recorded.Load()}
	people := make([]*Participant, 0, len(m.people))
	for _, p := range m.people {
		if !p.waiting {
			people = append(people, p)
		}
	}
	slices.SortFunc(people, func(a, b *Participant) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.ID, b.ID)) })
	for _, p := range people {
		t := tile{person: p.ID, name: p.name, muted: p.muted, speaking: p.ID == c.active}
		var own []*Track
		for _, track := range m.tracks {
			if track.owner == p {
				own = append(own, track)
			}
		}
		slices.SortFunc(own, func(a, b *Track) int { return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.ID, b.ID)) })
		for _, track := range own {
			t.track = track
			c.tiles = append(c.tiles, t)
		}
		if len(own) == 0 && p.sends() {
			c.tiles = append(c.tiles, t)
		}
	}
	return c
}

// direct shows v what it is to see.
func (s *pictures) direct(v *Picture, pl *plan) {
	var others []tile
	for _, t := range pl.tiles {
		if t.track != nil && t.track.owner != v.p {
			others = append(others, t)
		}
	}
	if len(others) == 1 {
		if layer := v.takes(others[0].track); layer >= 0 {
			v.forward(others[0].track, layer)
			return
		}
	}
	switch {
	case s.comp == nil:
		s.forwardBest(v, pl, others)
	case len(others) == 1:
		v.compose(pl.scene(sceneOnly+others[0].id(), LayoutGrid, others, v.size))
	case len(others) == 0 && v.p != nil && slices.ContainsFunc(pl.tiles, v.own):
		cards := slices.DeleteFunc(slices.Clone(pl.tiles), v.own)
		v.compose(pl.scene(sceneCards+v.p.ID, LayoutGrid, cards, v.size))
	default:
		v.compose(pl.scene(sceneRoom, pl.layout, pl.tiles, v.size))
	}
}

// forwardBest shows v one video where none can be composed: of who speaks, if
// it can be decoded, else any that can.
func (s *pictures) forwardBest(v *Picture, pl *plan, others []tile) {
	for _, t := range first(others, len(others), func(t *tile) bool { return t.person == pl.active }) {
		if layer := v.takes(t.track); layer >= 0 {
			v.forward(t.track, layer)
			return
		}
	}
	v.dark()
}

// scene adds a scene to what is composed, watched in a size, and returns its
// name.
func (pl *plan) scene(name string, l Layout, tiles []tile, size *pictureSize) string {
	s, ok := pl.scenes[name]
	if !ok {
		s = arrange(l, pl.cells, tiles, pl.active)
		s.Recording = pl.record
		pl.scenes[name] = s
	}
	for _, t := range s.Tiles {
		if track := pl.track(t.Input); track != nil {
			p := pl.places[track]
			p.width, p.height = max(p.width, t.Rect.W*size.width/sceneWidth), max(p.height, t.Rect.H*size.height/sceneHeight)
			pl.places[track] = p
		}
	}
	return name
}

// track returns the track with that id.
func (pl *plan) track(id string) *Track {
	for _, t := range pl.tiles {
		if t.track != nil && t.track.ID == id {
			return t.track
		}
	}
	return nil
}

// settle tells the compositor what to compose, and of what.
func (s *pictures) settle(pl *plan) {
	for t, in := range s.inputs {
		if _, seen := pl.places[t]; !seen {
			in.window.Show(nil, 0)
			in.in.Close()
			delete(s.inputs, t)
		}
	}
	for t, place := range pl.places {
		in := s.inputs[t]
		if in == nil {
			if in = s.input(t); in == nil {
				continue
			}
			s.inputs[t] = in
		}
		in.window.Show(t, t.FitLayer(place.width, place.height, 0, time.Now()))
	}
	for name := range s.scenes {
		if _, shown := pl.scenes[name]; !shown {
			s.comp.DropScene(name)
			delete(s.scenes, name)
		}
	}
	for name, scene := range pl.scenes {
		if old, ok := s.scenes[name]; ok && reflect.DeepEqual(old, scene) {
			continue
		}
		if err := s.comp.SetScene(name, scene); err != nil {
			s.room.log.Warn("a scene is not composed", "scene", name, "error", err)
			continue
		}
		s.scenes[name] = scene
	}
}

// beginAgain is how soon after another the past of a stream is decoded anew: one
// that is lost because there is too much to decode is not helped by more.
const beginAgain = 5 * time.Second

// input begins to decode t for the composite; nil if that cannot be.
func (s *pictures) input(t *Track) *input {
	f := &frames{}
	window := NewWindow(f.packets)
	var begun time.Time
	ci, err := s.comp.Input(t.ID, string(t.spec.Codec), func() { // called by one goroutine
		if time.Since(begun) > beginAgain && window.Begin() {
			begun = time.Now()
			return
		}
		window.RequestKeyFrame()
	})
	if err != nil {
		s.room.log.Warn("a video is not composed", "track", t.ID, "error", err)
		return nil
	}
	f.emit, f.lost = func(f Frame) { ci.Write(f.AU, f.Key) }, ci.Lost
	return &input{window: window, in: ci}
}

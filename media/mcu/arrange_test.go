package mcu

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"muster/internal/store/storetest"
)

func TestArrange(t *testing.T) {
	camera := func(name string) tile {
		return tile{track: &Track{ID: name + "-camera", spec: TrackSpec{Source: Camera}}, person: name, name: name}
	}
	screen := func(name string) tile {
		return tile{track: &Track{ID: name + "-screen", spec: TrackSpec{Source: Screen}}, person: name, name: name}
	}
	cells := []Cell{{Show: CellScreen, W: 100, H: 100}, {Show: "b", X: 75, Y: 75, W: 25, H: 25}, {Show: "gone", W: 50, H: 50}, {Show: CellSpeaker, W: 20, H: 20}}
	card := func(name string) tile { return tile{person: name, name: name} }
	for name, tc := range map[string]struct {
		layout Layout
		tiles  []tile
		active string
		want   string // inputs or names, the first in front
	}{
		"nobody":                       {LayoutGrid, nil, "", ""},
		"grid: pictures before cards":  {LayoutGrid, []tile{card("a"), camera("b"), card("c"), screen("d")}, "c", "b-camera d-screen a c"},
		"speaker: who speaks is large": {LayoutSpeaker, []tile{camera("a"), camera("b"), camera("c")}, "c", "c-camera a-camera b-camera"},
		"speaker: a card can be large": {LayoutSpeaker, []tile{camera("a"), card("b")}, "b", "b a-camera"},
		"presenter: screen, then who speaks": {LayoutPresenter, []tile{camera("a"), screen("a"), camera("b"), screen("b")}, "b",
			"b-screen b-camera a-camera a-screen"},
		"custom: cells as they are placed": {LayoutCustom, []tile{camera("a"), screen("b"), camera("b"), camera("c")}, "c", "b-screen b-camera c-camera"},
		"presenter: nothing is shown":      {LayoutPresenter, []tile{camera("a"), camera("b")}, "b", "b-camera a-camera"},
	} {
		t.Run(name, func(t *testing.T) {
			scene := arrange(tc.layout, cells, tc.tiles, tc.active)
			var got []string
			for _, tile := range scene.Tiles {
				got = append(got, cmp.Or(tile.Input, tile.Name))
				if tile.Rect.W <= 0 {
					t.Errorf("%+v", tile)
				}
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("%s, not %s", s, tc.want)
			}
		})
	}
	many := make([]tile, 40)
	for _, l := range []Layout{LayoutGrid, LayoutSpeaker, LayoutPresenter} {
		if s := arrange(l, nil, many, ""); len(s.Tiles) > 25 {
			t.Errorf("%s holds %d tiles", l, len(s.Tiles))
		}
	}
}

func TestCellsAreChecked(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	host, ear := h.mustJoin(t, admin)
	good := Cell{Show: CellSpeaker, W: 100, H: 100}
	for name, tc := range map[string]struct {
		layout Layout
		cells  []Cell
	}{
		"custom without cells": {LayoutCustom, nil},
		"a grid with cells":    {LayoutGrid, []Cell{good}},
		"too many":             {LayoutCustom, slices.Repeat([]Cell{good}, 26)},
		"outside":              {LayoutCustom, []Cell{{Show: "x", X: 50, W: 51, H: 10}}},
		"overflowing":          {LayoutCustom, []Cell{{Show: "x", X: math.MaxInt, W: 10, H: 10}}},
		"too small":            {LayoutCustom, []Cell{{Show: "x", W: 100, H: 1}}},
		"nobody":               {LayoutCustom, []Cell{{W: 100, H: 100}}},
	} {
		if err := host.SetLayout(tc.layout, tc.cells); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := host.SetLayout(LayoutCustom, []Cell{good}); err != nil {
		t.Fatal(err)
	}
	if e, ok := ear.last(EventRoom); !ok || len(e.Data.(View).Cells) != 1 {
		t.Errorf("the room is shown as %+v", e.Data)
	}
}

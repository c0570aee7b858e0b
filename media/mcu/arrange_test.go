package mcu

import (
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	camera := func(name string) tile {
		return tile{track: &Track{ID: name + "-camera", spec: TrackSpec{Source: Camera}}, person: name, name: name}
	}
	screen := func(name string) tile {
		return tile{track: &Track{ID: name + "-screen", spec: TrackSpec{Source: Screen}}, person: name, name: name}
	}
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
		"presenter: nothing is shown": {LayoutPresenter, []tile{camera("a"), camera("b")}, "b", "b-camera a-camera"},
	} {
		t.Run(name, func(t *testing.T) {
			scene, tiles := arrange(tc.layout, tc.tiles, tc.active)
			var got []string
			for i, tile := range scene.Tiles {
				got = append(got, max(tile.Input, strings.Repeat(tile.Name, boolInt(tile.Input == ""))))
				if tiles[i].id() != tile.Input || tile.Rect.W <= 0 {
					t.Errorf("tile %d: %+v of %+v", i, tile, tiles[i])
				}
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("%s, not %s", s, tc.want)
			}
		})
	}
	many := make([]tile, 40)
	for _, l := range []Layout{LayoutGrid, LayoutSpeaker, LayoutPresenter} {
		if s, _ := arrange(l, many, ""); len(s.Tiles) > 25 {
			t.Errorf("%s holds %d tiles", l, len(s.Tiles))
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

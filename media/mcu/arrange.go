package mcu

import (
	"muster/media/mcu/compositor"
	"muster/media/mcu/layout"
)

// A scene is laid out in these units; outputs have the same shape.
const (
	sceneWidth  = 1280
	sceneHeight = 720
	sceneColour = 0x0f1317
)

// How many stand beside the one who is large.
const (
	maxStrip  = 7
	maxColumn = 5
)

// tile is somebody in the composite, or what they show.
type tile struct {
	track    *Track // nil: a card with the name
	person   string // id of the participant
	name     string
	muted    bool
	speaking bool
}

// whole reports whether the tile must not be cut at its edges: it shows
// something to read.
func (t *tile) whole() bool { return t.track != nil && t.track.spec.Source != Camera }

// id names the tile's picture to the compositor.
func (t *tile) id() string {
	if t.track == nil {
		return ""
	}
	return t.track.ID
}

// arrange lays tiles out in a scene, the first in front. The tiles come in the
// order in which people entered; active is the participant who speaks.
func arrange(l Layout, cells []Cell, tiles []tile, active string) compositor.Scene {
	var rects []layout.Rect
	switch l {
	case LayoutCustom:
		tiles, rects = place(cells, tiles, active)
	case LayoutSpeaker:
		tiles = first(tiles, maxStrip+1, func(t *tile) bool { return t.person == active })
		rects = layout.Speaker(len(tiles), sceneWidth, sceneHeight)
	case LayoutPresenter:
		// The newest of what is presented; without any, it is a room where people speak.
		shown := presented(tiles)
		if shown == nil {
			return arrange(LayoutSpeaker, nil, tiles, active)
		}
		tiles = first(tiles, len(tiles), func(t *tile) bool { return t.person == active && !t.whole() })
		tiles = first(tiles, maxColumn+1, func(t *tile) bool { return t.track == shown.track })
		rects = layout.Presenter(len(tiles), sceneWidth, sceneHeight)
	default:
		tiles = first(tiles, layout.MaxTiles, func(*tile) bool { return false })
		rects = layout.Grid(len(tiles), sceneWidth, sceneHeight)
	}
	s := compositor.Scene{Width: sceneWidth, Height: sceneHeight, Background: sceneColour}
	for i := range tiles {
		t := &tiles[i]
		s.Tiles = append(s.Tiles, compositor.Tile{
			Input: t.id(), Rect: rects[i], Contain: t.whole(), Name: t.name, Muted: t.muted, Speaking: t.speaking,
		})
	}
	return s
}

// presented returns the newest tile of what is to be read, nil for none.
func presented(tiles []tile) (found *tile) {
	for i := range tiles {
		if tiles[i].whole() && (found == nil || tiles[i].track.number >= found.track.number) {
			found = &tiles[i]
		}
	}
	return found
}

// place puts tiles into cells. Cells whose participant is not there stay empty.
func place(cells []Cell, tiles []tile, active string) (in []tile, rects []layout.Rect) {
	for _, c := range cells {
		var found *tile
		who := c.Show
		switch who {
		case CellScreen:
			found = presented(tiles)
		case CellSpeaker:
			who = active
			fallthrough
		default:
			// A participant's camera, before what else it shows.
			for i := range tiles {
				if t := &tiles[i]; t.person == who && (found == nil || found.whole() && !t.whole()) {
					found = t
				}
			}
		}
		if found == nil {
			continue
		}
		x, y := c.X*sceneWidth/100&^1, c.Y*sceneHeight/100&^1
		in = append(in, *found)
		rects = append(rects, layout.Rect{X: x, Y: y, W: (c.X+c.W)*sceneWidth/100&^1 - x, H: (c.Y+c.H)*sceneHeight/100&^1 - y})
	}
	return in, rects
}

// first returns at most n tiles: those that lead, then those with a picture,
// then the others, each in their order.
func first(tiles []tile, n int, leads func(*tile) bool) []tile {
	out := make([]tile, 0, len(tiles))
	for _, want := range []int{0, 1, 2} {
		for i := range tiles {
			rank := 2
			switch {
			case leads(&tiles[i]):
				rank = 0
			case tiles[i].track != nil:
				rank = 1
			}
			if rank == want {
				out = append(out, tiles[i])
			}
		}
	}
	return out[:min(n, len(out))]
}

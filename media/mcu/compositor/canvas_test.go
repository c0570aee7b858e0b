//go:build codecs && cgo

package compositor

import (
	"math/rand/v2"
	"strings"
	"testing"

	"muster/media/mcu/compositor/video"
	"muster/media/mcu/layout"
)

// TestEverySceneCanBeDrawn draws tiles and pictures of all sizes with names of
// all kinds: whatever the room asks for, the child goes on.
func TestEverySceneCanBeDrawn(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	names := []string{"", "A", "Zoë Müller", "\x00\u202e\ufffd", "会议室", "🚁 drone", strings.Repeat("long name ", 40), " "}
	feeds := make(map[uint32]*feed)
	for i := range uint32(6) {
		w, h := 1+rnd.IntN(700), 1+rnd.IntN(500)
		feeds[i+1] = &feed{number: i + 1, pic: video.NewPicture(w, h), count: 1}
	}
	feeds[7] = &feed{number: 7} // without a picture yet
	for range 150 {
		s := Scene{Width: 16 + rnd.IntN(2000), Height: 16 + rnd.IntN(1200), Recording: rnd.IntN(2) == 0}
		st := sceneState{}
		for range rnd.IntN(MaxTiles) {
			r := layout.Rect{X: rnd.IntN(s.Width - 2), Y: rnd.IntN(s.Height - 2)}
			r.W, r.H = 2+rnd.IntN(s.Width-r.X-1), 2+rnd.IntN(s.Height-r.Y-1)
			s.Tiles = append(s.Tiles, Tile{
				Rect: r, Name: names[rnd.IntN(len(names))], Muted: rnd.IntN(2) == 0, Speaking: rnd.IntN(2) == 0, Contain: rnd.IntN(2) == 0,
			})
			st.Inputs = append(st.Inputs, uint32(rnd.IntN(9)))
			st.Notes = append(st.Notes, names[rnd.IntN(len(names))])
		}
		st.Scene = s
		c := newCanvas(32+2*rnd.IntN(300), 32+2*rnd.IntN(200))
		c.set(st)
		c.draw(feeds)
		feeds[1].count++
		c.draw(feeds)
	}
}

func TestATileOverAnotherStaysOnTop(t *testing.T) {
	white, black := video.NewPicture(64, 64), video.NewPicture(64, 64)
	white.Fill(235, 128, 128)
	feeds := map[uint32]*feed{1: {number: 1, pic: black, count: 1}, 2: {number: 2, pic: white, count: 1}}
	c := newCanvas(64, 64)
	c.set(sceneState{
		Scene: Scene{Width: 64, Height: 64, Tiles: []Tile{
			{Rect: layout.Rect{W: 64, H: 64}}, {Rect: layout.Rect{X: 32, Y: 32, W: 32, H: 32}},
		}},
		Inputs: []uint32{1, 2}, Notes: make([]string, 2),
	})
	for range 3 {
		c.draw(feeds)
		if below, above := c.pic.Y[0], c.pic.Y[48*c.pic.StrideY+48]; below != 16 || above != 235 {
			t.Fatalf("below %d, above %d", below, above)
		}
		feeds[1].count++ // only the lower one has a new picture
	}
}

func TestContainShowsAllOfThePictureAndCropFillsTheTile(t *testing.T) {
	bright := video.NewPicture(64, 32)
	bright.Fill(200, 128, 128)
	feeds := map[uint32]*feed{1: {number: 1, pic: bright, count: 1}}
	for contain, want := range map[bool]byte{true: 16, false: 200} {
		c := newCanvas(64, 64)
		c.set(sceneState{
			Scene:  Scene{Width: 64, Height: 64, Tiles: []Tile{{Rect: layout.Rect{W: 64, H: 64}, Contain: contain}}},
			Inputs: []uint32{1}, Notes: []string{""},
		})
		c.draw(feeds)
		if got := c.pic.Y[4*c.pic.StrideY+32]; got != want {
			t.Errorf("contain %v: %d at the upper edge, want %d", contain, got, want)
		}
		if got := c.pic.Y[32*c.pic.StrideY+32]; got != 200 {
			t.Errorf("contain %v: %d in the middle", contain, got)
		}
	}
}

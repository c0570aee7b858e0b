package layout

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []Rect
		want []Rect
	}{
		{"one", Grid(1, 1280, 720), []Rect{{0, 0, 1280, 720}}},
		{"two side by side", Grid(2, 1280, 720), []Rect{{0, 0, 640, 720}, {640, 0, 640, 720}}},
		{"three, the last centred", Grid(3, 1280, 720), []Rect{{0, 0, 640, 360}, {640, 0, 640, 360}, {320, 360, 640, 360}}},
		{"four", Grid(4, 1280, 720), []Rect{{0, 0, 640, 360}, {640, 0, 640, 360}, {0, 360, 640, 360}, {640, 360, 640, 360}}},
		{"two on an upright phone", Grid(2, 720, 1280), []Rect{{0, 0, 720, 640}, {0, 640, 720, 640}}},
		{"none is one", Grid(0, 640, 360), []Rect{{0, 0, 640, 360}}},
		{"speaker alone", Speaker(1, 1280, 720), []Rect{{0, 0, 1280, 720}}},
		{"speaker and two", Speaker(3, 1280, 720), []Rect{{0, 0, 1280, 576}, {384, 576, 256, 144}, {640, 576, 256, 144}}},
		{"screen alone", Presenter(1, 1280, 720), []Rect{{0, 0, 1280, 720}}},
		{"screen and two", Presenter(3, 1280, 720), []Rect{{0, 0, 1024, 720}, {1024, 216, 256, 144}, {1024, 360, 256, 144}}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestTilesLieInThePictureAndApart(t *testing.T) {
	for name, layout := range map[string]func(n, w, h int) []Rect{"grid": Grid, "speaker": Speaker, "presenter": Presenter} {
		for _, size := range [][2]int{{1280, 720}, {1920, 1080}, {640, 360}, {720, 1280}, {352, 288}, {322, 182}} {
			for n := 1; n <= MaxTiles; n++ {
				t.Run(fmt.Sprintf("%s of %d in %v", name, n, size), func(t *testing.T) {
					w, h := size[0], size[1]
					tiles := layout(n, w, h)
					if len(tiles) != n {
						t.Fatalf("%d tiles", len(tiles))
					}
					for i, r := range tiles {
						if r.W <= 0 || r.H <= 0 || r.X < 0 || r.Y < 0 || r.X+r.W > w || r.Y+r.H > h || (r.X|r.Y|r.W|r.H)&1 != 0 {
							t.Errorf("tile %d is %+v", i, r)
						}
						for k, o := range tiles[:i] {
							if r.X < o.X+o.W && o.X < r.X+r.W && r.Y < o.Y+o.H && o.Y < r.Y+r.H {
								t.Errorf("tiles %d and %d overlap: %+v, %+v", k, i, o, r)
							}
						}
					}
				})
			}
		}
	}
}

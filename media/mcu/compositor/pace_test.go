package compositor

import (
	"testing"
	"time"
)

func TestTheFrameRateGivesWayAndComesBack(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		name   string
		wanted int
		busy   []float64 // of each second
		want   int
	}{
		{"time to spare", 25, []float64{.3, .3, .3}, 25},
		{"one busy second", 25, []float64{.3, .9}, 15},
		{"two", 25, []float64{.9, .9}, 8},
		{"no lower", 25, []float64{.9, .9, .9, .9}, 8},
		{"busy at 15", 25, []float64{.9, .5, .5, .5, .5, .5, .5, .5}, 15},
		{"calm again", 25, []float64{.9, .3, .3, .3, .3, .3}, 25},
		{"not calm for long enough", 25, []float64{.9, .3, .3, .3, .7, .3, .3}, 15},
		{"by steps", 25, []float64{.9, .9, .2, .2, .2, .2, .2}, 15},
		{"a low rate", 5, []float64{.9, .9}, 5},
		{"30 a second", 30, []float64{.9}, 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p pace
			p.want(c.wanted)
			now := start
			p.judge(now)
			for _, b := range c.busy {
				p.worked(time.Duration(b * float64(time.Second)))
				now = now.Add(time.Second)
				p.judge(now)
			}
			if p.rate != c.want {
				t.Errorf("%d a second, want %d", p.rate, c.want)
			}
		})
	}
}

func TestPicturesComeEvenlyAndMissedOnesAreNotMadeUpFor(t *testing.T) {
	var p pace
	p.want(25)
	now := time.Unix(1000, 0)
	p.next(now)
	for range 10 {
		now = now.Add(p.next(now) + 3*time.Millisecond) // the timer is late
	}
	if d := now.Sub(time.Unix(1000, 0)); d < 390*time.Millisecond || d > 410*time.Millisecond {
		t.Errorf("ten pictures took %v", d)
	}
	now = now.Add(time.Second)
	if d := p.next(now); d != 0 {
		t.Errorf("the next is due in %v", d)
	}
	if d := p.next(now); d < 39*time.Millisecond {
		t.Errorf("the one after it in %v", d)
	}
}

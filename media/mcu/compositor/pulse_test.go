package compositor

import (
	"errors"
	"testing"
	"time"
)

func TestASlowChildIsNotOneThatHangs(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name  string
		step  time.Duration // between looks
		used  time.Duration // processor time between looks
		ready bool
		known bool
		want  error
		after time.Duration // since the last word, at which it is ended at the latest
	}{
		{"stands still", s, 0, false, true, errHangs, 5 * s},
		{"waits for a processor", s, 20 * time.Millisecond, true, true, errMute, 60 * s},
		{"waits for the disk", s, 0, true, true, errMute, 60 * s},
		{"computes without end", s, s, true, true, errEndless, 5 * s},
		{"computes without end, between others", s, s / 5, true, true, errEndless, 17 * s},
		{"nothing is known", s, 0, false, false, errHangs, 5 * s},
		{"the parent waits for a processor, too", 10 * s, 0, false, true, errHangs, 40 * s},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p pulse
			start := time.Now()
			p.beat(start)
			v := vitals{used: time.Hour, ready: c.ready}
			for now := start; now.Sub(start) <= 2*patience; {
				now = now.Add(c.step)
				v.used += c.used
				err := p.look(now, v, c.known)
				if err == nil {
					continue
				}
				if !errors.Is(err, c.want) || now.Sub(start) < silence || now.Sub(start) > c.after {
					t.Errorf("after %s: %v", now.Sub(start), err)
				}
				return
			}
			t.Error("it is never ended")
		})
	}
	t.Run("a word is enough", func(t *testing.T) {
		var p pulse
		now := time.Now()
		p.beat(now)
		for i := range 1000 {
			now = now.Add(time.Second)
			if i%4 == 3 {
				p.beat(now)
			}
			if err := p.look(now, vitals{}, true); err != nil {
				t.Fatal(err)
			}
		}
	})
}

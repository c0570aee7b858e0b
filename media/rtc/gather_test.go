package rtc

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"muster/media/mcu"
)

func TestPacketsOfAPictureGoOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		one, two := &mcu.Track{ID: "one"}, &mcu.Track{ID: "two"}
		g := newGather(func(tr *mcu.Track, layer int, packets ...*mcu.Packet) {
			got = append(got, fmt.Sprintf("%s/%d: %d to %d", tr.ID, layer, packets[0].Seq, packets[len(packets)-1].Seq))
		})
		seq := uint16(0)
		add := func(tr *mcu.Track, layer int, marker bool) {
			seq++
			g.add(tr, layer, &mcu.Packet{Seq: seq, Marker: marker})
		}
		want := func(all ...string) {
			t.Helper()
			g.mu.Lock() // held while the gather writes
			defer g.mu.Unlock()
			if fmt.Sprint(got) != fmt.Sprint(all) {
				t.Errorf("%q, want %q", got, all)
			}
			got = nil
		}
		add(one, 0, false)
		add(one, 0, false)
		want()
		add(one, 0, true) // the last of its picture
		want("one/0: 1 to 3")

		add(one, 0, false)
		time.Sleep(2 * time.Millisecond)
		add(one, 0, false)
		want()
		time.Sleep(2 * time.Millisecond) // too long for the first of them
		synctest.Wait()
		want("one/0: 4 to 5")
		add(one, 0, true)
		want("one/0: 6 to 6")

		for range gatherMost + 1 {
			add(one, 0, false)
		}
		want("one/0: 7 to 22")
		add(one, 1, false) // another layer
		add(two, 1, false) // another picture
		want("one/0: 23 to 23", "one/1: 24 to 24")
		g.flush()
		g.flush()
		want("two/1: 25 to 25")
		time.Sleep(time.Hour)
		want()
	})
}

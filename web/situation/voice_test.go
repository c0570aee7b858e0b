package situation

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster/cot"
	"muster/internal/auth"
)

// in is a room of groups with people in, each with the account of the same name.
func in(name string, groups []string, people ...string) Room {
	r := Room{Name: name, Title: "Room " + name, Resource: auth.Room("rooms/"+name, groups)}
	for _, p := range people {
		r.People = append(r.People, Person{ID: "id-" + p, Name: p, User: p, Kind: "browser"})
	}
	return r
}

// who is a message about the rooms in short.
func who(m any) string {
	words := func(list []Present) (out []string) {
		for _, p := range list {
			out = append(out, fmt.Sprintf("%s@%s%v", p.ID, p.Room, p.UIDs))
		}
		return out
	}
	switch m := m.(type) {
	case Snapshot:
		return fmt.Sprintf("snapshot %v%v", words(m.Voice), m.Talking)
	case Message:
		if m.Kind == "talk" {
			return fmt.Sprintf("talk %v", *m.Talking)
		}
		if m.Kind == "voice" {
			return fmt.Sprintf("voice %v%v", words(m.Voice), m.Left)
		}
	}
	return ""
}

// hears fails unless exactly this comes about the rooms.
func (p *page) hears(want ...string) {
	p.w.t.Helper()
	var got []string
	for _, m := range p.news() {
		if s := who(m); s != "" {
			got = append(got, s)
		}
	}
	if !slices.Equal(got, want) {
		p.w.t.Errorf("%s was told %q, want %q", p.user, got, want)
	}
}

func TestPagesShowWhoIsInWhichRoomAndTalks(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if w.hub.Watched() {
			t.Error("watched by nobody")
		}
		olga := w.join("olga", "OLGA-1")
		w.hub.ShowRooms([]Room{in("red", []string{"red"}, "olga"), in("blue", []string{"blue"}, "bea")})
		w.hub.ShowTalking(map[string][]string{"red": {"id-olga"}})
		mike, bea, ann := w.open("mike"), w.open("bea"), w.open("ann")
		defer func() { mike.close(); bea.close(); ann.close(); olga.Close(nil) }()
		if !w.hub.Watched() {
			t.Error("not watched")
		}
		mike.hears("snapshot [id-olga@red[OLGA-1]][id-olga]")
		bea.hears("snapshot [id-bea@blue[]][]")
		ann.hears("snapshot [id-bea@blue[] id-olga@red[OLGA-1]][id-olga]")

		w.hub.ShowRooms([]Room{in("red", []string{"red"}, "mike", "olga"), in("blue", []string{"blue"}, "bea")})
		w.hub.ShowTalking(map[string][]string{"red": {"id-mike"}, "blue": {"id-bea"}})
		mike.hears("voice [id-mike@red[]][]", "talk [id-mike]")
		bea.hears("talk [id-bea]")
		w.hub.ShowTalking(nil)
		mike.hears("talk []")
		w.hub.ShowTalking(nil)
		mike.hears()

		second := w.join("olga", "OLGA-2") // another device: either may be the one
		mike.hears("voice [id-olga@red[OLGA-1 OLGA-2]][]")
		second.Close(nil)
		mike.hears("voice [id-olga@red[OLGA-1]][]")

		// A room that belongs to another group is gone, with whoever talks in it.
		w.hub.ShowTalking(map[string][]string{"red": {"id-olga"}})
		w.hub.ShowRooms([]Room{in("red", []string{"blue"}, "olga")})
		mike.hears("voice [][id-mike id-olga]")
		bea.hears("voice [id-olga@red[]][id-bea]", "talk [id-olga]")
		w.hub.ShowRooms(nil)
		bea.hears("voice [][id-olga]", "talk []")
	})
}

func TestWhoLosesAGroupHearsNoMoreOfItsRooms(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.ShowRooms([]Room{in("red", []string{"red"}, "olga")})
		mike := w.open("mike")
		defer mike.close()
		mike.hears("snapshot [id-olga@red[]][]")
		w.check(w.auth.Revoke(t.Context(), "mike", "red"))
		w.hub.ShowTalking(map[string][]string{"red": {"id-olga"}})
		mike.hears("snapshot [][]")
	})
}

func TestTalkIsToldFourTimesASecondAtMost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.ShowRooms([]Room{in("red", []string{"red"}, "mike", "olga")})
		mike := w.open("mike")
		defer mike.close()
		mike.news()
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		var at []time.Time
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				list, _ := mike.Next(ctx)
				for _, m := range list {
					told, at = append(told, who(m)), append(at, time.Now())
				}
			}
		}()
		for i := range 200 { // for two seconds
			w.hub.ShowTalking(map[string][]string{"red": {[]string{"id-mike", "id-olga"}[i%2]}})
			time.Sleep(10 * time.Millisecond)
		}
		w.hub.ShowTalking(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		cancel()
		<-done
		if len(told) < 5 || len(told) > 10 || told[len(told)-1] != "talk []" {
			t.Errorf("told %d times: %q", len(told), told)
		}
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d < talkEvery {
				t.Errorf("told again after %s", d)
			}
		}
	})
}

func TestWhichDeviceSomebodyInARoomIs(t *testing.T) {
	devices := []cot.Contact{{UID: "A", Callsign: "FALKE 1", Device: "one"}, {UID: "B", Callsign: "FALKE 2", Device: "two"}, {UID: "C", Callsign: "FALKE 3"}}
	for name, c := range map[string]struct {
		p    Person
		want string
	}{
		"the same certificate":      {Person{Name: "FALKE 1", Device: "two"}, "[B]"},
		"another, the call sign":    {Person{Name: "falke 3", Device: "three"}, "[C]"},
		"the account alone":         {Person{Name: "Olga"}, "[A B C]"},
		"no certificate, call sign": {Person{Name: "FALKE 2"}, "[B]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(c.p.uids(devices)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	if got := (Person{Name: "FALKE 1"}).uids(nil); got != nil {
		t.Errorf("%v of an account without devices", got)
	}
}

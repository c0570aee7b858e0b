package situation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
)

const everybody = "All Chat Rooms"

func TestFirstComesTheWholeSituation(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		empty := w.open("mike")
		empty.expect("snapshot [][][]")
		empty.close()

		olga, bea := w.join("olga", "OLGA-1"), w.join("bea", "BEA-1")
		olga.say("MARK", "b-m-p-s-m", `<contact callsign="here"/><archive/>`)
		olga.say("PLANE", "a-h-A", "")
		bea.say("HIDDEN", "b-m-p-s-m", "")
		olga.say("OLGA-1-9-1-1", "b-a-o-tbl", `<emergency type="911 Alert">OLGA</emergency>`)
		olga.say("GONE", "b-m-p-s-m", "")
		olga.say("x", "t-x-d-d", `<link uid="GONE" type="b-m-p-s-m" relation="p-p"/><__forcedelete/>`)
		w.join("olga", "OLGA-2").Close(nil)

		mike := w.open("mike")
		defer mike.close()
		news := mike.news()
		const want = "snapshot [MARK- OLGA-1 OLGA-1-9-1-1- OLGA-2- PLANE-][OLGA-1][OLGA-1-9-1-1]"
		if len(news) != 1 || words(news[0]) != want {
			t.Fatalf("%d, %q, want %q", len(news), words(news[0]), want)
		}
		s := news[0].(Snapshot)
		if s.UID != "WEB-mike" || s.Items[0].Callsign != "here" || !s.Items[0].Archive || s.Items[0].User != "olga" || fmt.Sprint(s.Items[0].Groups) != "[red]" {
			t.Errorf("%+v", s)
		}
		c := s.Contacts[0]
		if c.Callsign != "OLGA-1" || c.User != "olga" || c.Team != "Cyan" || c.Role != "HQ" || c.Takv.Platform != "ATAK" || c.Battery != -1 || c.Lat == nil || *c.Lat != 52.5 || c.Type != "a-f-G-U-C" || fmt.Sprint(c.Groups) != "[red]" {
			t.Errorf("%+v", c)
		}
		if e := s.Emergencies[0]; e.Kind != "911 Alert" || e.Callsign != "OLGA" || e.User != "olga" || e.Type != "b-a-o-tbl" || e.Lat != 52.5 {
			t.Errorf("%+v", e)
		}
		ann := w.open("ann") // an administrator sees all
		ann.expect("snapshot [BEA-1 HIDDEN- MARK- OLGA-1 OLGA-1-9-1-1- OLGA-2- PLANE-][BEA-1 OLGA-1][OLGA-1-9-1-1]")
		ann.close()
		olga.Close(nil)
		bea.Close(nil)
	})
}

func TestWhatFollowsIsOnlyWhatIsNew(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		mike := w.open("mike")
		defer mike.close()
		mike.expect("snapshot [OLGA-1][OLGA-1][]")
		mike.expect()

		for range 3 {
			olga.say("MARK", "b-m-p-s-m", `<contact callsign="old"/>`)
			olga.say("OTHER", "b-m-p-s-m", "")
		}
		olga.say("MARK", "b-m-p-s-m", `<contact callsign="new"/>`)
		news := mike.news()
		if len(news) != 1 || words(news[0]) != "items [MARK- OTHER-]" || news[0].(Message).Items[0].Callsign != "new" {
			t.Errorf("%q", news)
		}
		olga.say("PING", "t-x-c-t", "")
		olga.say("FILE", "b-f-t-r", "")
		mike.expect()

		olga.say("x", "t-x-d-d", `<link uid="MARK" type="b-m-p-s-m" relation="p-p"/>`)
		olga.say("x", "t-x-d-d", `<nothing/>`)
		mike.expect("gone [MARK]", "contacts [OLGA-1]") // which was seen again, meanwhile
		olga.say("x", "t-x-d-d", `<link uid="OTHER" type="b-m-p-s-m" relation="p-p"/>`)
		olga.say("OTHER", "b-m-p-s-m", "") // it is back before anybody saw it go
		mike.expect("items [OTHER-]")

		w.join("bea", "BEA-1").Close(nil) // of another group
		mike.expect()
		olga.Close(nil)
		mike.expect("gone [OLGA-1]", "contacts [OLGA-1-]")
	})
}

func TestContactsAreToldWhenTheyChange(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		mike := w.open("mike")
		defer mike.close()
		mike.expect("snapshot [][][]")
		olga := w.join("olga", "OLGA-1")
		mike.expect("items [OLGA-1]", "contacts [OLGA-1]")
		for range 3 { // no news but the place
			olga.report("")
			time.Sleep(50 * time.Millisecond)
		}
		mike.expect("items [OLGA-1]")
		for name, more := range map[string]string{"battery": `<status battery="40"/>`, "telephone": `<x/>`} {
			if name == "telephone" {
				olga.say("OLGA-1", "a-f-G-U-C", `<contact callsign="OLGA-1" endpoint="*:-1:stcp" phone="+49301"/><__group name="Cyan" role="HQ"/><takv platform="ATAK" version="5"/>`)
			} else {
				olga.report(more)
			}
			mike.expect("items [OLGA-1]", "contacts [OLGA-1]")
		}
		// Hidden, it has left.
		olga.say("x", "t-x-c-i-e", "")
		mike.expect("gone [OLGA-1]", "contacts [OLGA-1-]")
		olga.say("x", "t-x-c-i-d", "")
		olga.report("")
		mike.expect("items [OLGA-1]", "contacts [OLGA-1]")
		olga.Close(nil)
		mike.expect("gone [OLGA-1]", "contacts [OLGA-1-]")
		mike.expect()
	})
}

func TestContactsWithoutNews(t *testing.T) {
	now := time.Now()
	base := Contact{UID: "A", Callsign: "A", User: "olga", Team: "Cyan", Role: "HQ", Battery: 5, Groups: []string{"red"}, Connected: true, LastSeen: now, Type: "a-f-G", Phone: "1"}
	for name, test := range map[string]struct {
		change func(c *Contact)
		same   bool
	}{
		"nothing":        {func(*Contact) {}, true},
		"seen again":     {func(c *Contact) { c.LastSeen = now.Add(9 * time.Second) }, true},
		"seen after all": {func(c *Contact) { c.LastSeen = now.Add(10 * time.Second) }, false},
		"place":          {func(c *Contact) { c.Lat = new(float64) }, true}, // items show it
		"callsign":       {func(c *Contact) { c.Callsign = "B" }, false},
		"user":           {func(c *Contact) { c.User = "mike" }, false},
		"team":           {func(c *Contact) { c.Team = "Red" }, false},
		"role":           {func(c *Contact) { c.Role = "RTO" }, false},
		"battery":        {func(c *Contact) { c.Battery = 4 }, false},
		"groups":         {func(c *Contact) { c.Groups = nil }, false},
		"gone":           {func(c *Contact) { c.Connected = false }, false},
		"type":           {func(c *Contact) { c.Type = "a-f-A" }, false},
		"telephone":      {func(c *Contact) { c.Phone = "" }, false},
		"program":        {func(c *Contact) { c.Takv.OS = "x" }, false},
	} {
		other := base
		test.change(&other)
		if base.same(other) != test.same {
			t.Errorf("%s: %v", name, !test.same)
		}
	}
}

func TestEmergenciesComeAndGo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		defer olga.Close(nil)
		mike, bea := w.open("mike"), w.open("bea")
		defer mike.close()
		defer bea.close()
		mike.expect("snapshot [OLGA-1][OLGA-1][]")
		bea.expect("snapshot [][][]")
		olga.say("OLGA-1-9-1-1", "b-a-o-tbl", `<emergency type="911 Alert">OLGA</emergency>`)
		mike.expect("items [OLGA-1-9-1-1-]", "emergencies [OLGA-1-9-1-1]")
		olga.say("OLGA-1-9-1-1", "b-a-o-can", `<emergency cancel="true">OLGA</emergency>`)
		var last Message
		for _, m := range mike.news() {
			last = m.(Message)
		}
		if b, err := json.Marshal(last); err != nil || string(b) != `{"kind":"emergencies","emergencies":[]}` {
			t.Errorf("%s %v", b, err)
		}
		bea.expect()
	})
}

func TestMissionsAreNamedWhenTheyChange(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		mike := w.open("mike")
		defer mike.close()
		mike.expect("snapshot [][][]")
		for _, detail := range []string{`<mission name="flood" guid="G-1" type="CHANGE" tool="public"/>`, `<mission name="fire" type="CREATE"/>`, `<nothing/>`} {
			ev := wire.New("x", "t-x-m-c", "h-g-i-g-o", time.Now(), time.Minute)
			ev.AddDetail([]byte(detail))
			w.router.Announce(ev, []string{"red"})
		}
		mike.expect("mission flood/G-1/CHANGE", "mission fire//CREATE")
		ev := wire.New("x", "t-x-m-i", "h-g-i-g-o", time.Now(), time.Minute)
		ev.AddDetail([]byte(`<mission name="flood" guid="G-1" type="INVITE"/>`))
		ev.AddDetail(wire.MartiElement([]wire.Dest{{UID: "WEB-mike"}}))
		w.router.Notify(ev, "WEB-mike")
		mike.expect("mission flood/G-1/INVITE")
	})
}

func TestPagesThatAreTooFarBehindStartAnew(t *testing.T) {
	sender := cot.Sender{Identity: auth.Identity{User: "olga"}, UID: "OLGA-1"}
	event := func(uid, typ, detail string) *cot.Event {
		ev := wire.New(uid, typ, "m-g", time.Now(), time.Minute)
		ev.AddDetail([]byte(detail))
		return cot.NewEvent(ev, sender, []string{"red"}, time.Now())
	}
	for name, test := range map[string]struct {
		n    int
		make func(i int) *cot.Event
	}{
		"items":      {maxItems, func(i int) *cot.Event { return event(fmt.Sprint(i), "b-m-p-s-m", `<x/>`) }},
		"departures": {maxItems, func(i int) *cot.Event { return event("x", "t-x-d-d", fmt.Sprintf(`<link uid="%d"/>`, i)) }},
		"chat": {maxChat, func(i int) *cot.Event {
			return event(fmt.Sprint(i), "b-t-f", chat("OLGA-1", everybody, fmt.Sprint(i), "x"))
		}},
		"missions": {maxChat, func(int) *cot.Event { return event("x", "t-x-m-c", `<mission name="flood" type="CHANGE"/>`) }},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				mike := w.open("mike")
				defer mike.close()
				mike.expect("snapshot [][][]")
				for i := range test.n {
					mike.Send(test.make(i))
				}
				mike.mu.Lock()
				if mike.lagged {
					t.Error("it lags too early")
				}
				mike.mu.Unlock()
				for i := range 5 {
					mike.Send(test.make(test.n + i))
				}
				if q := mike.Queue(); q.Events > 10 || q.Sent != int64(test.n+5) {
					t.Errorf("%+v", q)
				}
				news := mike.news()
				if last := words(news[len(news)-1]); last != "lagged" {
					t.Errorf("at last came %q", last)
				}
				mike.expect() // it is said once
			})
		})
	}
}

func TestOtherRightsShowAnotherSituation(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga, bea := w.join("olga", "OLGA-1"), w.join("bea", "BEA-1")
		defer olga.Close(nil)
		defer bea.Close(nil)
		mike := w.open("mike")
		defer mike.close()
		mike.expect("snapshot [OLGA-1][OLGA-1][]")

		w.check(w.auth.Grant(t.Context(), "mike", "blue", false, true))
		mike.expect("snapshot [BEA-1 OLGA-1][BEA-1 OLGA-1][]")
		olga.say("MARK", "b-m-p-s-m", "")
		w.check(w.auth.Revoke(t.Context(), "mike", "red"))
		mike.expect("snapshot [BEA-1][BEA-1][]")
		w.check(w.auth.SetRole(t.Context(), "mike", auth.RoleAdmin))
		mike.expect("snapshot [BEA-1 MARK- OLGA-1][BEA-1 OLGA-1][]")

		// What concerns others is no reason to draw everything anew.
		_, _, err := w.auth.CreateToken(t.Context(), "olga", auth.TokenSpec{Name: "x", Kind: auth.KindToken})
		w.check(err)
		w.check(w.auth.SetProfile(t.Context(), "bea", "Bea", ""))
		w.check(w.auth.Grant(t.Context(), "ann", "blue", true, true))
		mike.expect()
	})
}

// TestWhatComesWhileThePageIsDrawnIsNotLost opens a page between an event and
// its way to the disk.
func TestWhatComesWhileThePageIsDrawnIsNotLost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		defer olga.Close(nil)
		olga.say("BEFORE", "b-m-p-s-m", "")
		mike := w.open("mike")
		defer mike.close()
		olga.say("AFTER", "b-m-p-s-m", "")
		olga.say("GeoChat.1", "b-t-f", chat("OLGA-1", everybody, "1", "hello"))
		// One that has come to the page alone: its record is still on the way.
		ev := wire.New("ONLY", "b-m-p-s-m", "m-g", time.Now(), time.Minute)
		mike.Send(cot.NewEvent(ev, cot.Sender{Identity: w.identity("olga"), UID: "OLGA-1"}, []string{"red"}, time.Now()))
		secret := wire.New("SECRET", "b-m-p-s-m", "m-g", time.Now(), time.Minute)
		mike.Send(cot.NewEvent(secret, cot.Sender{Identity: w.identity("bea"), UID: "BEA-1"}, []string{"blue"}, time.Now())) // of rights that are gone
		mike.expect("snapshot [AFTER- BEFORE- OLGA-1 ONLY-][OLGA-1][]", "chat hello/sent")
	})
}

func TestPagesOfDisabledUsersAreOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		mike, other := w.open("mike"), w.open("mike")
		olga := w.open("olga")
		olga.expect("snapshot [][][]")
		w.check(w.say(w.identity("mike"), everybody, "1", "hello"))
		olga.expect("items [WEB-mike]", "contacts [WEB-mike]", "chat hello/sent")
		w.check(w.auth.SetDisabled(t.Context(), "mike", true))
		for _, p := range []*page{mike, other} {
			if p.Over().Err() == nil || !errors.Is(context.Cause(p.Over()), auth.ErrRevoked) {
				t.Errorf("%v", context.Cause(p.Over()))
			}
			p.close()
		}
		olga.expect("gone [WEB-mike]", "contacts [WEB-mike-]")
		if olga.Over().Err() != nil {
			t.Error("another page is over")
		}
		if _, err := w.hub.Open(cot.Join{Identity: auth.Identity{User: "mike", Scope: &auth.Scope{}}, Protocol: "web"}); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("opened without the right: %v", err)
		}
		olga.close()
		if !errors.Is(context.Cause(olga.Over()), errNoFeed) {
			t.Error(context.Cause(olga.Over()))
		}
		if n := w.router.Stats().Clients; n != 0 {
			t.Errorf("%d clients are left", n)
		}
	})
}

func TestStandingAsksForATime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		defer olga.Close(nil)
		olga.say("MARK", "b-m-p-s-m", "")
		w.check(w.history.Sync(t.Context()))
		then := time.Now()
		time.Sleep(2 * time.Hour) // it is stale
		for at, want := range map[time.Time]int{then: 2, {}: 0, then.Add(-time.Hour): 0} {
			items, err := Standing(t.Context(), w.history, w.identity("mike"), at)
			if err != nil || len(items) != want || items == nil {
				t.Errorf("at %v: %+v %v", at, items, err)
			}
		}
		broken, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Standing(broken, w.history, w.identity("mike"), time.Time{}); err == nil {
			t.Error("no error")
		}
		mike := w.open("mike")
		defer mike.close()
		if news, err := mike.Next(broken); news != nil || err != nil {
			t.Errorf("%q %v", news, err)
		}
	})
}

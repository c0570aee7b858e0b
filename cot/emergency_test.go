package cot

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

const (
	alertDetail  = `<contact callsign="A-Alert"/><emergency type="911 Alert">A</emergency>`
	cancelDetail = `<emergency cancel="true">A</emergency>`
)

func TestEmergencyRepeatsUntilCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, testConfig())
		facts := h.bus.Subscribe(100)
		defer facts.Close()
		a, b, o := h.join("a", "A", "team"), h.join("b", "B", "team"), h.join("o", "O", "other")
		a.clear()
		if err := a.say("UID-A-9-1-1", "b-a-o-tbl", alertDetail); err != nil {
			t.Fatal(err)
		}
		b.expect("b-a-o-tbl UID-A-9-1-1")
		for range 3 {
			time.Sleep(3 * time.Second)
			synctest.Wait()
			b.mu.Lock()
			e := b.got[len(b.got)-1]
			b.mu.Unlock()
			if now := time.Now().UnixMilli(); e.Time != now || e.Start != now || e.Stale != now+15_000 {
				t.Errorf("time %d, stale %d at %d", e.Time, e.Stale, now)
			}
			if xml := string(e.XML()); !strings.Contains(xml, alertDetail) {
				t.Error(xml)
			}
			b.expect("b-a-o-tbl UID-A-9-1-1")
		}
		late := h.connect(person("c", "team"), "UID-C", "C")
		if got := late.take(); len(got) != 3 || got[2] != "b-a-o-tbl UID-A-9-1-1" {
			t.Errorf("a late joiner was sent %q", got)
		}
		a.expect()
		o.expect()
		if err := a.say("UID-A-9-1-1", "b-a-o-can", cancelDetail); err != nil {
			t.Fatal(err)
		}
		b.expect("b-a-o-can UID-A-9-1-1")
		time.Sleep(time.Minute)
		synctest.Wait()
		b.expect()
		var said []string
		for len(facts.C) > 0 {
			if f := <-facts.C; f.Kind == "cot.emergency" {
				if f.Admin || len(f.Groups) != 1 {
					t.Errorf("%+v", f)
				}
				said = append(said, fmt.Sprint(f.Data.(EmergencyFact).Active))
			}
		}
		if strings.Join(said, " ") != "true false" {
			t.Error(said)
		}
		if err := a.say("UID-A-9-1-1", "b-a-o-tbl", alertDetail); err != nil {
			t.Fatal(err)
		}
		b.clear()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		b.expect("b-a-o-tbl UID-A-9-1-1")
		h.stop()
	})
}

func TestEmergencyPeriodCanBeChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, testConfig())
		a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
		_ = a.say("e", "b-a-o-opn", alertDetail)
		if err := h.SetEmergencyPeriod(time.Hour); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		b.clear()
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		b.expect()
		if err := h.SetEmergencyPeriod(time.Second); err != nil || h.EmergencyPeriod() != time.Second {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		b.expect("b-a-o-opn e")
		for _, d := range []time.Duration{0, time.Millisecond, 2 * time.Hour} {
			if h.SetEmergencyPeriod(d) == nil {
				t.Error(d)
			}
		}
		h.stop()
	})
}

func TestEmergencySurvivesARestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		h := hubOn(t, testConfig(), db)
		a := h.join("a", "A", "team")
		for _, typ := range []string{"b-a-o-tbl", "b-a-o-pan", "b-a-g"} {
			if err := a.say("e-"+typ, typ, alertDetail); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.say("e-b-a-g", "b-a-o-can", cancelDetail); err != nil {
			t.Fatal(err)
		}
		// Run is not ended: nothing may be left for it to do.
		h2 := hubOn(t, testConfig(), db)
		list := h2.Emergencies(person("b", "team"))
		if len(list) != 2 {
			t.Fatalf("%+v", list)
		}
		for _, e := range list {
			if e.Kind != "911 Alert" || e.Callsign != "A" || e.User != "a" || e.Groups[0] != "team" || e.Point.Lat != 52.5 || e.Event == nil || time.Since(e.Started) > time.Minute {
				t.Errorf("%+v", e)
			}
		}
		if got := h2.Emergencies(person("b", "other")); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		b := h2.connect(person("b", "team"), "UID-B", "B")
		b.expect("b-a-o-tbl e-b-a-o-tbl", "b-a-o-pan e-b-a-o-pan")
		a = h2.join("a", "A", "team")
		b.clear()
		if err := a.say("e-b-a-o-tbl", "b-a-o-can", cancelDetail); err != nil {
			t.Fatal(err)
		}
		b.expect("b-a-o-can e-b-a-o-tbl")
		h3 := hubOn(t, testConfig(), db)
		if n := h3.Stats().Emergencies; n != 1 {
			t.Errorf("%d are back", n)
		}
	})
}

func TestWhoMayCancelAnEmergency(t *testing.T) {
	for _, test := range []struct {
		name   string
		id     auth.Identity
		stream bool // a b-a-o-can of theirs counts
		found  bool // CancelEmergency
		denied bool
	}{
		{"the same user", person("a", "team"), true, true, false},
		{"the same user in other groups", person("a", "other"), true, true, false},
		{"a member", person("b", "team"), false, true, true},
		{"a stranger", person("b", "other"), false, false, false},
		{"an operator", as(person("b", "team"), auth.RoleOperator), true, true, false},
		{"an operator elsewhere", as(person("b", "other"), auth.RoleOperator), false, false, false},
		{"an admin", as(person("b", "other"), auth.RoleAdmin), true, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t, testConfig())
			a, c := h.join("a", "A", "team"), h.join("c", "C", "team")
			p := h.connect(test.id, "UID-P", "P")
			p.report()
			raise := func() {
				if err := a.say("e", "b-a-o-tbl", alertDetail); err != nil {
					t.Fatal(err)
				}
				c.clear()
			}
			raise()
			err := p.say("e", "b-a-o-can", cancelDetail)
			if (err == nil) != test.stream || err != nil && !errors.Is(err, ErrForeign) {
				t.Errorf("over the stream: %v", err)
			}
			if n := len(c.take()); (n == 1) != test.stream || (h.Stats().Emergencies == 0) != test.stream {
				t.Errorf("over the stream: %d sent", n)
			}
			raise()
			found, err := h.CancelEmergency(t.Context(), test.id, "e")
			if found != test.found || errors.Is(err, auth.ErrDenied) != test.denied || !test.denied && err != nil {
				t.Errorf("%v, %v", found, err)
			}
			want := test.found && !test.denied
			if got := c.take(); (len(got) == 1 && got[0] == "b-a-o-can e") != want {
				t.Errorf("%q", got)
			}
			if found, _ := h.CancelEmergency(t.Context(), test.id, "nothing"); found {
				t.Error("found nothing")
			}
		})
	}
}

func TestNobodyTakesOverAnothersEmergency(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	_ = a.say("e", "b-a-o-tbl", alertDetail)
	if err := b.say("e", "b-a-o-pan", alertDetail); !errors.Is(err, ErrForeign) {
		t.Error(err)
	}
	if list := h.Emergencies(person("x", "team")); len(list) != 1 || list[0].Type != "b-a-o-tbl" || list[0].User != "a" {
		t.Errorf("%+v", list)
	}
}

func TestEmergenciesAreBounded(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	for i := range maxAlertsOwner + 5 {
		if err := a.say(fmt.Sprint("e", i), "b-a-o-tbl", alertDetail); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(b.take()); got != maxAlertsOwner+5 {
		t.Errorf("%d sent", got)
	}
	if n := h.Stats().Emergencies; n != maxAlertsOwner {
		t.Errorf("%d repeated", n)
	}
	if err := b.say("e", "b-a-o-tbl", alertDetail); err != nil || h.Stats().Emergencies != maxAlertsOwner+1 {
		t.Error("somebody else's was not taken", err)
	}
}

func TestDirectedAlertIsNotRepeated(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	if err := a.say("e", "b-a-o-tbl", alertDetail+to("uid=UID-B")); err != nil {
		t.Fatal(err)
	}
	b.expect("b-a-o-tbl e")
	if h.Stats().Emergencies != 0 {
		t.Error("repeated")
	}
}

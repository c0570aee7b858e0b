package cot

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
)

func TestNewcomersAreSentTheLatestPositions(t *testing.T) {
	h := newHub(t, testConfig())
	h.join("a", "A", "team")
	b := h.join("b", "B", "team", "other")
	h.join("c", "C", "other")
	h.join("d", "D", "team out") // is not seen by anybody
	b.report()
	p := h.connect(person("e", "team"), "UID-E", "E")
	p.expect("a-f-G-U-C UID-A", "a-f-G-U-C UID-B")
	page := h.connectAs(Join{Identity: person("f", "team"), Protocol: "web", UID: "WEB-1", Callsign: "F", Observer: true}, "WEB-1", "F")
	page.expect()
	h.ResendPositions("UID-B")
	b.take()
	h.ResendPositions("UID-B")
	b.expect("a-f-G-U-C UID-A", "a-f-G-U-C UID-C")
}

func TestStalePositionsAreReplayedOnlyIfWanted(t *testing.T) {
	for _, want := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			cfg := testConfig()
			cfg.ReplayStale = want
			h := newHub(t, cfg)
			h.join("a", "A", "team")
			time.Sleep(2 * time.Minute)
			p := h.connect(person("b", "team"), "UID-B", "B")
			if got := p.take(); (len(got) == 1) != want {
				t.Errorf("replay %v: %q", want, got)
			}
		})
	}
}

func TestStaleEventsAreDroppedOnlyIfWanted(t *testing.T) {
	for _, drop := range []bool{true, false} {
		cfg := testConfig()
		cfg.DropStale = drop
		h := newHub(t, cfg)
		a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
		old := parse(t, event("m", "b-m-p-s-m", "")).Clone()
		old.Stale = old.Time - 1
		if err := a.Receive(t.Context(), old); (err != nil) != drop {
			t.Error(err)
		}
		if got := b.take(); (len(got) == 0) != drop {
			t.Errorf("drop %v: %q", drop, got)
		}
	}
}

func TestOthersAreToldOfADeparture(t *testing.T) {
	h := newHub(t, testConfig())
	facts := h.bus.Subscribe(100)
	defer facts.Close()
	a := h.join("a", "A", "team")
	b, c, out := h.join("b", "B", "team"), h.join("c", "C", "other"), h.join("d", "D", "team in")
	silent := h.connect(person("e", "team"), "UID-E", "E") // never reports itself
	silent.clear()
	for _, p := range []*peer{b, c, out} {
		p.clear()
	}
	a.Close(errors.New("gone"))
	a.Close(nil)
	b.expect("t-x-d-d →UID-A")
	silent.expect("t-x-d-d →UID-A")
	c.expect()
	out.expect()
	silent.Close(nil)
	b.expect()
	var kinds []string
	for len(facts.C) > 0 {
		f := <-facts.C
		if d := f.Data.(ContactFact); d.UID == "UID-A" {
			kinds = append(kinds, f.Kind+map[bool]string{true: " on", false: " off"}[d.Connected])
			if len(f.Groups) != 1 || f.Groups[0] != "team" || f.Admin {
				t.Errorf("%+v", f)
			}
		}
	}
	if strings.Join(kinds, ",") != "cot.contact on,cot.contact off" {
		t.Error(kinds)
	}
}

func TestDepartureEventHasTheFormOfTAK(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	b.clear()
	a.Close(nil)
	got := string(b.got[0].XML())
	for _, part := range []string{`type="t-x-d-d"`, `how="h-g-i-g-o"`, `<link relation="p-p" uid="UID-A" type="a-f-G-U-C"/>`, `lat="0`, `lon="0`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
	if e := b.got[0]; e.Stale-e.Time != 20_000 || e.UID == "UID-A" || len(e.UID) != 36 {
		t.Error(e.UID, e.Stale-e.Time)
	}
}

func TestDeviceThatComesBackInTimeWasNeverGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.DisconnectDelay = 5 * time.Second
		h := newHub(t, cfg)
		a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
		b.clear()
		a.Close(nil)
		time.Sleep(4 * time.Second)
		a = h.join("a", "A", "team")
		time.Sleep(time.Minute)
		b.expect("a-f-G-U-C UID-A")
		a.Close(nil)
		time.Sleep(4999 * time.Millisecond)
		synctest.Wait()
		b.expect()
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		b.expect("t-x-d-d →UID-A")
		h.stop()
	})
}

func TestDeviceThatComesBackInOtherGroupsIsGoneFromTheOldOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.DisconnectDelay = 5 * time.Second
		h := newHub(t, cfg)
		a, b, c := h.join("a", "A", "one"), h.join("b", "B", "one"), h.join("c", "C", "two")
		b.clear()
		a.Close(nil)
		h.join("a", "A", "two")
		synctest.Wait()
		b.expect("t-x-d-d →UID-A")
		c.expect("a-f-G-U-C UID-A")
		time.Sleep(time.Minute)
		b.expect()
		c.expect()
		h.stop()
	})
}

func TestNewConnectionOfADeviceTakesThePlaceOfTheOld(t *testing.T) {
	h := newHub(t, testConfig())
	old, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	b.clear()
	now := h.connect(person("a", "team"), "UID-A", "A")
	if old.reason() != nil {
		t.Error("ended before the device was known")
	}
	now.report()
	if !errors.Is(old.reason(), ErrReplaced) {
		t.Error(old.reason())
	}
	old.Close(old.reason())
	b.expect("a-f-G-U-C UID-A")
	if err := old.say("m", "b-m-p-s-m", ""); !errors.Is(err, ErrReplaced) {
		t.Error(err)
	}
	old.clear()
	if err := b.say("m", "b-m-p-s-m", to("uid=UID-A")); err != nil {
		t.Fatal(err)
	}
	old.expect()
	if got := now.take(); got[len(got)-1] != "b-m-p-s-m m" {
		t.Error(got)
	}
	if n := len(h.Contacts(b.Identity())); n != 2 {
		t.Error(n)
	}
	now.Close(nil)
	b.expect("t-x-d-d →UID-A")
}

func TestPagesOfOneUserStandSideBySide(t *testing.T) {
	h := newHub(t, testConfig())
	open := func() *peer {
		return h.connectAs(Join{Identity: person("a", "team"), Protocol: "web", UID: "WEB-a", Callsign: "Desk", Observer: true}, "WEB-a", "Desk")
	}
	one, two, b := open(), open(), h.join("b", "B", "team")
	one.clear()
	two.clear()
	if err := b.say("m", "b-m-p-s-m", to("callsign=Desk")); err != nil {
		t.Fatal(err)
	}
	one.expect("b-m-p-s-m m")
	two.expect("b-m-p-s-m m")
	if n := len(h.Contacts(b.Identity())); n != 1 {
		t.Errorf("%d contacts", n)
	}
	one.report()
	if n := len(h.Contacts(b.Identity())); n != 2 {
		t.Errorf("%d contacts", n)
	}
	two.report()
	b.clear()
	one.Close(nil)
	b.expect()
	two.Close(nil)
	b.expect("t-x-d-d →WEB-a")
	if one.reason() != nil || two.reason() != nil {
		t.Error("ended")
	}
	open()
	if _, err := h.Join(Join{Identity: person("c", "team"), Protocol: "web", UID: "WEB-a", Sink: &peer{}, Observer: true}); !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
}

func TestChangedRightsShowAtOnce(t *testing.T) {
	h := newHub(t, testConfig())
	a, b, c := h.join("a", "A", "one"), h.join("b", "B", "one"), h.join("c", "C", "two")
	all := func() []*peer { return []*peer{a, b, c} }
	for _, p := range all() {
		p.clear()
	}
	h.regrant(person("a", "two"))
	a.expect("t-x-d-d →UID-B", "a-f-G-U-C UID-C", "t-x-g-c →UID-A")
	b.expect("t-x-d-d →UID-A")
	c.expect("a-f-G-U-C UID-A")
	h.regrant(person("a", "two"))
	for _, p := range all() {
		p.expect()
	}
	h.regrant(person("a", "two out"))
	a.expect("t-x-g-c →UID-A")
	c.expect("t-x-d-d →UID-A")
	h.regrant(person("a", "two in", "one out"))
	a.expect("t-x-d-d →UID-C", "a-f-G-U-C UID-B", "t-x-g-c →UID-A")
	b.expect()
	c.expect("a-f-G-U-C UID-A")
	_ = a.say("m", "b-m-p-s-m", "")
	b.expect()
	c.expect("b-m-p-s-m m")
	if id := a.Client.Identity(); len(id.Groups) != 2 {
		t.Errorf("%+v", id)
	}
}

func TestRevokedClientIsEndedAndHeardNoMore(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	h.sessions.Revalidate(func(s auth.SessionInfo) bool { return s.User == "a" },
		func(auth.Identity) (auth.Identity, error) { return auth.Identity{}, auth.ErrNotFound })
	if !errors.Is(a.reason(), auth.ErrRevoked) {
		t.Error(a.reason())
	}
	b.clear()
	if err := a.say("m", "b-m-p-s-m", ""); !errors.Is(err, auth.ErrRevoked) {
		t.Error(err)
	}
	b.expect()
	if _, err := h.Join(Join{Identity: auth.Identity{}, Sink: &peer{}}); !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
	a.Close(nil)
	if n := len(h.sessions.List()); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestIncognitoHidesADevice(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	a.clear()
	if err := a.say("x", "t-x-c-i-e", ""); err != nil {
		t.Fatal(err)
	}
	b.expect("t-x-d-d →UID-A")
	a.report()
	b.expect()
	if n := len(h.Contacts(b.Client.Identity())); n != 1 {
		t.Errorf("%d contacts", n)
	}
	if n := len(h.Positions(b.Client.Identity())); n != 1 {
		t.Errorf("%d positions", n)
	}
	late := h.connect(person("c", "team"), "UID-C", "C")
	late.expect("a-f-G-U-C UID-B")
	_ = b.say("m", "b-m-p-s-m", to("callsign=A"))
	a.expect("b-m-p-s-m m")
	if err := a.say("x", "t-x-c-i-d", ""); err != nil {
		t.Fatal(err)
	}
	b.expect("a-f-G-U-C UID-A")
	if !h.SetIncognito("UID-A", true) || h.SetIncognito("nobody", true) {
		t.Error("SetIncognito")
	}
	b.expect("t-x-d-d →UID-A")
	a.Close(nil)
	b.expect()
}

func TestGeographicFilter(t *testing.T) {
	const here = `<boundingBox minLongitude="13" minLatitude="52" maxLongitude="14" maxLatitude="53"/>`
	const away = `<boundingBox minLongitude="170" minLatitude="-10" maxLongitude="-170" maxLatitude="10"/>`
	for _, test := range []struct {
		name, filter, typ string
		want              bool
	}{
		{"none", ``, "b-m-p-s-m", true},
		{"inside", `<geospatialFilter>` + here + `</geospatialFilter>`, "b-m-p-s-m", true},
		{"outside", `<geospatialFilter>` + away + `</geospatialFilter>`, "b-m-p-s-m", false},
		{"one of two", `<geospatialFilter>` + away + here + `</geospatialFilter>`, "a-h-G", true},
		{"position of no client", `<geospatialFilter>` + away + `</geospatialFilter>`, "a-h-G", false},
		{"drawing", `<geospatialFilter>` + away + `</geospatialFilter>`, "u-d-f", false},
		{"chat", `<geospatialFilter>` + away + `</geospatialFilter>`, "b-t-f", true},
		{"alert", `<geospatialFilter>` + away + `</geospatialFilter>`, "b-a-o-tbl", true},
		{"empty", `<geospatialFilter/>`, "b-m-p-s-m", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t, testConfig())
			a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
			if err := b.say("f", "t-x-c-f", `<subscription>`+test.filter+`</subscription>`); err != nil {
				t.Fatal(err)
			}
			_ = a.say("m", test.typ, "")
			if got := b.take(); (len(got) == 1) != test.want {
				t.Errorf("got %q", got)
			}
		})
	}
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	for filter, want := range map[string]int{
		`<geospatialFilter filterTAKClients="true">` + away + `</geospatialFilter>`: 0,
		`<geospatialFilter>` + away + `</geospatialFilter>`:                         1,
		"": 1,
	} {
		var xml []byte
		if filter != "" {
			xml = []byte(filter)
		}
		if err := h.SetFilter("UID-B", xml); err != nil {
			t.Fatal(err)
		}
		a.report()
		if got := b.take(); len(got) != want {
			t.Errorf("%s: %q", filter, got)
		}
	}
	for uid, bad := range map[string]string{
		"UID-B": `<geospatialFilter><boundingBox minLongitude="x"/></geospatialFilter>`, "UID-A": `<other/>`,
		"nobody": `<geospatialFilter/>`, "UID-": `<geo`,
	} {
		if err := h.SetFilter(uid, []byte(bad)); err == nil {
			t.Errorf("%s: %s was taken", uid, bad)
		}
	}
}

func TestSubscriptionsShowConnections(t *testing.T) {
	h := newHub(t, testConfig())
	a := h.connectAs(Join{Identity: person("a", "team"), Protocol: "tls", Remote: netip.MustParseAddrPort("192.0.2.7:99"), Subject: "CN=a"}, "UID-A", "A")
	a.report()
	_ = a.say("x", "t-x-c-m", `<stats battery="80" ip_address="10.0.0.1" unknown="1"/>`)
	h.join("b", "B", "other")
	h.connect(person("c", "other"), "", "")
	for _, test := range []struct {
		id   auth.Identity
		want int
	}{
		{person("x", "team"), 1}, {person("x"), 0}, {as(person("x"), auth.RoleOperator), 3}, {as(person("x"), auth.RoleAdmin), 3},
	} {
		if got := h.Subscriptions(test.id); len(got) != test.want {
			t.Errorf("%s sees %d", test.id.Role, len(got))
		}
	}
	s := h.Subscriptions(person("x", "team"))[0]
	if s.UID != "UID-A" || s.Callsign != "A" || s.User != "a" || s.Team != "Cyan" || s.Role != "Team Member" || !s.Connected ||
		s.Protocol != "tls" || s.Subject != "CN=a" || s.Remote.Port() != 99 || s.Received != 2 || s.Queue.Version != 1 ||
		s.Metrics["battery"] != "80" || s.Metrics["unknown"] != "" || s.Position == nil || s.Position.Lat != 52.5 {
		t.Errorf("%+v", s)
	}
	if got := h.Resolve("A", ""); len(got) != 1 || got[0] != "UID-A" {
		t.Error(got)
	}
	if got := h.Resolve("", "B"); len(got) != 1 || got[0] != "UID-B" {
		t.Error(got)
	}
	if !h.Disconnect(s.ID) || !errors.Is(a.reason(), auth.ErrKicked) {
		t.Error(a.reason())
	}
	if !h.Disconnect("UID-B") || h.Disconnect("nobody") || h.Disconnect("") {
		t.Error("Disconnect")
	}
}

func TestClientsThatOnlySend(t *testing.T) {
	h := newHub(t, testConfig())
	b := h.join("b", "B", "team")
	udp, err := h.Join(Join{Identity: auth.Anonymous("team"), Protocol: "udp"})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close(nil)
	for _, uid := range []string{"S-1", "S-2"} {
		p := &peer{Client: udp, t: t, uid: uid, name: uid}
		p.report()
		b.expect("a-f-G-U-C " + uid)
	}
	if udp.UID() != "" || len(h.Contacts(b.Client.Identity())) != 1 {
		t.Error("bound")
	}
	p := &peer{Client: udp, t: t}
	if err := p.say("UID-B", "a-f-G", ""); !errors.Is(err, ErrForeign) {
		t.Error(err)
	}
	b.expect()
}

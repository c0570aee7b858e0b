package cot

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestNobodySendsInTheNameOfAnothersDevice(t *testing.T) {
	const link = `<link uid="UID-A" type="a-f-G" relation="p-p"/>`
	const own = `<link uid="UID-M" type="a-f-G" relation="p-p"/>`
	for _, test := range []struct {
		name, uid, typ, detail string
		foreign                bool
	}{
		{"report", "UID-A", "a-f-G", `<contact endpoint="*:-1:stcp" callsign="A"/>`, true},
		{"position", "UID-A", "a-h-G", ``, true},
		{"other type", "UID-A", "b-m-p-s-m", ``, true},
		{"directed", "UID-A", "a-f-G", to("uid=UID-B"), true},
		{"departure", "random", "t-x-d-d", link, true},
		{"departure of a marker", "random", "t-x-d-d", `<link uid="marker" type="a-f-G" relation="p-p"/>`, false},
		{"own departure", "random", "t-x-d-d", own, false},
		{"alert", "UID-A-9-1-1", "b-a-o-tbl", link + `<emergency type="911 Alert">A</emergency>`, true},
		{"own alert", "UID-M-9-1-1", "b-a-o-tbl", own + `<emergency type="911 Alert">A</emergency>`, false},
		{"chat by link", "GeoChat.x", "b-t-f", `<__chat id="All Chat Rooms"/>` + link, true},
		{"chat by group", "GeoChat.x", "b-t-f", `<__chat id="All Chat Rooms"><chatgrp uid0="UID-A"/></__chat>`, true},
		{"own chat", "GeoChat.x", "b-t-f", `<__chat id="All Chat Rooms"><chatgrp uid0="UID-A"/></__chat>` + own, false},
		{"receipt", "x", "b-t-f-d", `<__chatreceipt/>` + link, true},
		{"marker of theirs", "marker", "a-h-G", link, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t, testConfig())
			a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
			for _, groups := range [][]string{{"team"}, {"other"}} {
				m := h.join("m"+groups[0], "M", groups...)
				a.clear()
				b.clear()
				err := m.say(test.uid, test.typ, test.detail)
				if errors.Is(err, ErrForeign) != test.foreign || !test.foreign && err != nil {
					t.Errorf("in %s: %v", groups, err)
				}
				got := b.take()
				if want := !test.foreign && groups[0] == "team"; (len(got) == 1) != want {
					t.Errorf("in %s: B was sent %q", groups, got)
				}
				if e := h.Emergencies(as(person("x"), auth.RoleAdmin)); test.foreign && len(e) > 0 {
					t.Error("raised")
				}
				if _, err := h.CancelEmergency(t.Context(), as(person("x"), auth.RoleAdmin), test.uid); err != nil {
					t.Fatal(err)
				}
				m.Close(nil)
				if _, err := h.Release(t.Context(), "UID-M"); err != nil {
					t.Fatal(err)
				}
				b.clear()
			}
			if got := h.Stats().Foreign; (got == 2) != test.foreign {
				t.Errorf("%d counted", got)
			}
			a.Close(nil)
			m := h.join("m", "M", "team")
			if err := m.say("UID-A", "a-f-G", ""); !errors.Is(err, ErrForeign) {
				t.Errorf("while the owner is away: %v", err)
			}
		})
	}
}

func TestPublishIsHeldToTheSameRules(t *testing.T) {
	h := newHub(t, testConfig())
	a, b, o := h.join("a", "A", "team"), h.join("b", "B", "team", "other"), h.join("o", "O", "other")
	ctx := t.Context()
	a.clear()
	ev := func(uid string) string { return event(uid, "a-h-G", "") }
	for _, test := range []struct {
		name   string
		from   Sender
		uid    string
		groups []string
		want   error
		to     string // a, b, o who receive it
	}{
		{"all groups", Sender{Identity: person("x", "team", "other")}, "m", nil, nil, "abo"},
		{"narrowed", Sender{Identity: person("x", "team", "other")}, "m", []string{"other"}, nil, "bo"},
		{"not a member", Sender{Identity: person("x", "team")}, "m", []string{"other"}, auth.ErrDenied, ""},
		{"no groups", Sender{Identity: person("x")}, "m", nil, auth.ErrDenied, ""},
		{"none named", Sender{Identity: person("x", "team")}, "m", []string{}, auth.ErrDenied, ""},
		{"admin anywhere", Sender{Identity: as(person("x"), auth.RoleAdmin)}, "m", []string{"other"}, nil, "bo"},
		{"not to oneself", Sender{Identity: person("a", "team"), UID: "UID-A"}, "m", nil, nil, "b"},
		{"foreign", Sender{Identity: person("x", "team")}, "UID-A", nil, ErrForeign, ""},
		{"foreign with a uid", Sender{Identity: person("x", "team"), UID: "UID-A"}, "UID-A", nil, ErrForeign, ""},
		{"own device", Sender{Identity: person("a", "team")}, "UID-A", nil, nil, "ab"},
		{"server", Sender{Identity: auth.System("test")}, "UID-A", []string{"team"}, nil, "ab"},
	} {
		err := h.Publish(ctx, test.from, parse(t, ev(test.uid)), test.groups)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		got := ""
		for name, p := range map[string]*peer{"a": a, "b": b, "o": o} {
			if len(p.take()) > 0 {
				got += name
			}
		}
		if len(got) != len(test.to) {
			t.Errorf("%s: sent to %q, want %q", test.name, got, test.to)
		}
	}
}

func TestAnonymousClientsOwnTheirUIDWhileConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, testConfig())
		open := func(addr string) *peer {
			p := h.connectAs(Join{Identity: auth.Anonymous("team"), Protocol: "tcp", Remote: netip.MustParseAddrPort(addr)}, "UID-X", "X")
			p.report()
			return p
		}
		one := open("192.0.2.1:1")
		two := open("192.0.2.2:1")
		if two.UID() != "" || one.reason() != nil {
			t.Error("taken over from another address")
		}
		if err := two.say("UID-X", "a-h-G", ""); !errors.Is(err, ErrForeign) {
			t.Error(err)
		}
		again := open("192.0.2.1:2")
		if again.UID() != "UID-X" || !errors.Is(one.reason(), ErrReplaced) {
			t.Error("the same phone was not let in")
		}
		time.Sleep(31 * time.Second)
		two.report()
		if two.UID() != "UID-X" || !errors.Is(again.reason(), ErrReplaced) {
			t.Error("a silent phone was not replaced")
		}
		account := h.connect(person("a", "team"), "UID-X", "X")
		account.report()
		if account.UID() != "UID-X" || !errors.Is(two.reason(), ErrReplaced) {
			t.Error("an account does not go before who has none")
		}
		account.Close(nil)
		three := open("192.0.2.1:3")
		if three.UID() != "" {
			t.Error("an account's uid was taken")
		}
		h.stop()
	})
}

func TestReleasedDeviceIsFree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		h := hubOn(t, testConfig(), db)
		a := h.join("a", "A", "team")
		b := h.join("b", "B", "team")
		a.Close(nil)
		if err := b.say("x", "b-t-f", to("uid=UID-A")); err != nil {
			t.Fatal(err)
		}
		if h.Stats().Waiting != 1 {
			t.Fatal("nothing waits")
		}
		if ok, err := h.Release(t.Context(), "UID-A"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if ok, err := h.Release(t.Context(), "UID-A"); ok || err != nil {
			t.Fatal(ok, err)
		}
		if h.Stats().Waiting != 0 {
			t.Error("what waited for the old owner was kept")
		}
		h.stop()
		h = hubOn(t, testConfig(), db)
		c := h.connect(person("c", "team"), "UID-A", "A")
		c.report()
		if c.UID() != "UID-A" {
			t.Error("not bound")
		}
		for _, got := range c.take() {
			t.Errorf("sent %s", got)
		}
		if ok, err := h.Release(t.Context(), "UID-A"); !ok || err != nil || !errors.Is(c.reason(), auth.ErrKicked) {
			t.Error(ok, err, c.reason())
		}
	})
}

func TestDevicesSurviveARestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		h := hubOn(t, testConfig(), db)
		a := h.connect(person("Alice", "team", "read out"), "UID-A", "A")
		_ = a.say("UID-A", "a-f-G-U-C", `<takv os="34" version="5.4" device="S21" platform="ATAK-CIV"/><contact endpoint="*:-1:stcp" phone="+49" callsign="A"/>`+
			`<__group role="HQ" name="Dark Blue"/><status battery="81"/>`)
		a.Close(nil)
		for i := range 450 { // more than a batch
			p := h.connect(person("many", "other"), "M-"+string(rune('a'+i%26))+time.Duration(i).String(), "M")
			p.report()
			p.Close(nil)
		}
		h.stop()
		h = hubOn(t, testConfig(), db)
		all, err := h.Endpoints(t.Context(), as(person("x"), auth.RoleAdmin), time.Time{})
		if err != nil || len(all) != 451 {
			t.Fatal(len(all), err)
		}
		mine, _ := h.Endpoints(t.Context(), person("x", "team"), time.Time{})
		if len(mine) != 1 {
			t.Fatalf("%+v", mine)
		}
		c := mine[0]
		if c.UID != "UID-A" || c.Callsign != "A" || c.User != "Alice" || c.Team != "Dark Blue" || c.Role != "HQ" || c.Phone != "+49" ||
			c.Takv.Version != "5.4" || c.Takv.OS != "34" || c.Takv.Device != "S21" || c.Takv.Platform != "ATAK-CIV" || c.Battery != 81 ||
			c.Type != "a-f-G-U-C" || c.Connected || len(c.Groups) != 1 || c.Groups[0] != "team" || time.Since(c.LastSeen) > time.Minute {
			t.Errorf("%+v", c)
		}
		if got, _ := h.Endpoints(t.Context(), person("x", "team"), time.Now()); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		if got, _ := h.Endpoints(t.Context(), person("x", "read"), time.Time{}); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		m := h.connect(person("m", "team"), "UID-A", "A")
		m.report()
		if m.UID() != "" {
			t.Error("stolen after the restart")
		}
		alice := h.connect(person("alice", "team"), "UID-A", "A") // case of login names does not count
		alice.report()
		if alice.UID() != "UID-A" {
			t.Error("the owner was not let in")
		}
		got, _ := h.Endpoints(t.Context(), person("x", "team"), time.Time{})
		if len(got) != 1 || !got[0].Connected {
			t.Errorf("%+v", got)
		}
	})
}

func TestDevicesAreWrittenWithoutWaitingForTheEnd(t *testing.T) {
	h := newHub(t, testConfig())
	h.join("a", "A", "team")
	eventually(t, "the device is in the table", func() bool {
		n, err := h.db.Query().NewSelect().Model((*device)(nil)).Where("uid = 'UID-A'").Count(context.Background())
		return err == nil && n == 1
	})
}

func TestAccountLosesItsOldestDevices(t *testing.T) {
	h := newHub(t, testConfig())
	for i := range maxDevices + 5 {
		p := h.connect(person("a", "team"), "UID-"+time.Duration(i).String(), "A")
		p.report()
		p.Close(nil)
	}
	all, _ := h.Endpoints(t.Context(), as(person("x"), auth.RoleAdmin), time.Time{})
	if len(all) != maxDevices {
		t.Errorf("%d devices", len(all))
	}
}

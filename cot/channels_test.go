package cot

import (
	"errors"
	"fmt"
	"testing"

	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func off(groups ...string) (list []Channel) {
	for _, g := range groups {
		list = append(list, Channel{Group: g})
	}
	return list
}

func on(groups ...string) (list []Channel) {
	for _, g := range groups {
		list = append(list, Channel{Group: g, ActiveIn: true, ActiveOut: true})
	}
	return list
}

func (h *hub) choose(id auth.Identity, uid string, list []Channel) {
	h.t.Helper()
	if err := h.SetChannels(h.t.Context(), id, uid, list); err != nil {
		h.t.Fatal(err)
	}
}

func TestChosenChannelsCountInBothDirections(t *testing.T) {
	h := newHub(t, testConfig())
	id := person("a", "one", "two")
	a, tablet := h.join("a", "A", "one", "two"), h.join("a", "T", "one", "two")
	b, c := h.join("b", "B", "one"), h.join("c", "C", "two")
	all := []*peer{a, tablet, b, c}
	clear := func() {
		for _, p := range all {
			p.clear()
		}
	}
	clear()
	h.choose(id, "UID-A", off("one"))
	a.expect("t-x-d-d →UID-B") // it sees its user's tablet through the other group
	b.expect("t-x-d-d →UID-A")
	tablet.expect()
	c.expect()
	_ = a.say("m", "b-m-p-s-m", "")
	b.expect()
	c.expect("b-m-p-s-m m")
	tablet.expect("b-m-p-s-m m")
	_ = b.say("n", "b-m-p-s-m", to("callsign=A"))
	a.expect()
	_ = b.say("n", "b-m-p-s-m", "")
	a.expect()
	tablet.expect("b-m-p-s-m n")
	h.choose(id, "UID-A", []Channel{{Group: "one", ActiveOut: true}})
	a.expect("a-f-G-U-C UID-B")
	b.expect()
	h.choose(id, "UID-A", on("one"))
	a.expect()
	b.expect("a-f-G-U-C UID-A")
	h.choose(id, "UID-A", off("one", "two"))
	clear()
	if err := a.say("m", "b-m-p-s-m", ""); !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
	h.choose(id, "", off("one"))
	tablet.expect("t-x-d-d →UID-B", "t-x-g-c →UID-T")
	a.expect() // it sees nobody, as before
}

func TestChannelsShowRightsAndChoice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		h := hubOn(t, testConfig(), db)
		id := person("Ann", "both", "read out", "write in")
		show := func(uid string) string {
			t.Helper()
			list, err := h.Channels(t.Context(), id, uid)
			if err != nil {
				t.Fatal(err)
			}
			s := ""
			for _, c := range list {
				s += fmt.Sprintf("%s %v%v %v%v;", c.Group[:1], c.In, c.Out, c.ActiveIn, c.ActiveOut)
			}
			return s
		}
		const rights = "b truetrue truetrue;r falsetrue falsetrue;w truefalse truefalse;"
		if got := show("UID-1"); got != rights {
			t.Error(got)
		}
		h.choose(id, "UID-1", append(off("both", "not mine"), on("read")...))
		const chosen = "b truetrue falsefalse;r falsetrue falsetrue;w truefalse truefalse;"
		check := func(when string) {
			t.Helper()
			for uid, want := range map[string]string{"UID-1": chosen, "": chosen, "UID-2": rights} {
				if got := show(uid); got != want {
					t.Errorf("%s, %q: %s", when, uid, got)
				}
			}
		}
		check("now")
		h.stop()
		h = hubOn(t, testConfig(), db)
		check("after a restart")
		if err := h.SetChannels(t.Context(), auth.Anonymous("team"), "UID-1", off("team")); !errors.Is(err, auth.ErrDenied) {
			t.Error(err)
		}
		h.choose(id, "", off("write"))
		for _, uid := range []string{"UID-1", "UID-2", ""} {
			if got := show(uid); got[len(got)-len("w truefalse falsefalse;"):] != "w truefalse falsefalse;" {
				t.Error(uid, got)
			}
		}
		h.stop()
		h = hubOn(t, testConfig(), db)
		h.choose(id, "UID-2", on("write"))
		if got, other := show("UID-2"), show("UID-1"); got != rights || other == rights {
			t.Error(got, other)
		}
	})
}

func TestChoiceCountsBeforeTheDeviceIsKnown(t *testing.T) {
	h := newHub(t, testConfig())
	id := person("a", "one", "two")
	h.join("b", "B", "one")
	h.join("c", "C", "two")
	h.choose(id, "UID-A", off("one"))
	a := h.connect(id, "UID-A", "A")
	a.expect("a-f-G-U-C UID-C")
	a.report()
	a.expect()
	other := h.connect(id, "UID-2", "A2")
	other.expect("a-f-G-U-C UID-C", "a-f-G-U-C UID-A")
	other.report()
	other.expect("a-f-G-U-C UID-B") // this device has made no choice
}

func TestNobodyChoosesForAnothersDevice(t *testing.T) {
	h := newHub(t, testConfig())
	h.join("a", "A", "team")
	for _, uid := range []string{"UID-A", allDevices} {
		if err := h.SetChannels(t.Context(), person("b", "team"), uid, off("team")); !errors.Is(err, auth.ErrDenied) {
			t.Error(uid, err)
		}
	}
}

func TestChoicesAreBounded(t *testing.T) {
	h := newHub(t, testConfig())
	id := person("a", "team")
	for i := range maxChoosers + 20 {
		h.choose(id, fmt.Sprint("UID-", i), off("team"))
	}
	if n := len(h.choices["a"]); n > maxChoosers+2 {
		t.Errorf("%d kept", n)
	}
	n, err := h.db.Query().NewSelect().Model((*choiceRow)(nil)).Count(t.Context())
	if err != nil || n > maxChoosers+2 {
		t.Errorf("%d rows, %v", n, err)
	}
	last, _ := h.Channels(t.Context(), id, fmt.Sprint("UID-", maxChoosers+19))
	if last[0].ActiveIn {
		t.Error("the newest was forgotten")
	}
}

package cot

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster/internal/auth"
)

// TestGroupsDecideWhoReceivesWhat goes through two groups, the directions in
// which sender and receiver have them, and the ways to name a recipient.
func TestGroupsDecideWhoReceivesWhat(t *testing.T) {
	rights := []struct {
		name, a, b string // of groups A and B
	}{
		{"none", "", ""}, {"A in", "A in", ""}, {"A out", "A out", ""}, {"A both", "A", ""},
		{"B both", "", "B"}, {"A in B out", "A in", "B out"}, {"A out B in", "A out", "B in"}, {"both both", "A", "B"},
	}
	dests := map[string]string{
		"everybody": "", "all streaming": to("callsign=All Streaming"), "callsign": to("callsign=Receiver"),
		"uid": to("uid=UID-Receiver"), "group A": to("group=A"), "group B": to("group=B"),
		"group unknown": to("group=Z"), "callsign and uid": to("callsign=Receiver", "uid=UID-Receiver", "callsign=Receiver"),
		"somebody else": to("callsign=Nobody"),
	}
	writes := func(list string, g string) bool { return list == g || list == g+" in" }
	reads := func(list string, g string) bool { return list == g || list == g+" out" }
	h := newHub(t, testConfig())
	n := 0
	for _, s := range rights {
		for _, r := range rights {
			sender := h.join("sender", "Sender", without2(s.a, s.b)...)
			receiver := h.join("receiver", "Receiver", without2(r.a, r.b)...)
			sender.clear()
			for name, dest := range dests {
				overA := writes(s.a, "A") && reads(r.a, "A")
				overB := writes(s.b, "B") && reads(r.b, "B")
				want := overA || overB
				switch name {
				case "group A":
					want = overA
				case "group B":
					want = overB
				case "group unknown", "somebody else":
					want = false
				}
				n++
				uid := fmt.Sprintf("marker-%d", n)
				err := sender.say(uid, "b-m-p-s-m", dest)
				if mayWrite := strings.Contains(s.a+s.b, "A") && !strings.Contains(s.a, "out") || s.b == "B" || s.b == "B in"; mayWrite != (err == nil) {
					t.Errorf("sender %s to %s: %v", s.name, name, err)
				}
				if got := len(receiver.take()); got != map[bool]int{true: 1}[want] {
					t.Errorf("sender %s, receiver %s, to %s: received %d, want %v", s.name, r.name, name, got, want)
				}
				sender.expect()
			}
			sender.Close(nil)
			receiver.Close(nil)
		}
	}
}

func without2(list ...string) (out []string) {
	for _, g := range list {
		if g != "" {
			out = append(out, g)
		}
	}
	return out
}

func TestRecipientListIsTakenOut(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	detail := `<remarks>one</remarks>` + to("uid=UID-B") + `<x y='1'/>`
	if err := a.say("m", "b-m-p-s-m", detail); err != nil {
		t.Fatal(err)
	}
	e := b.got[0]
	if got := string(e.XML()); strings.Contains(got, "marti") || !strings.Contains(got, `<remarks>one</remarks><x y='1'/>`) || !strings.HasSuffix(got, "</event>\n") {
		t.Error(got)
	}
	if len(e.Dests) != 1 || e.Dests[0].UID != "UID-B" || e.From.UID != "UID-A" || e.From.Identity.User != "a" {
		t.Errorf("%+v", e)
	}
	if f := e.Frame(); f[0] != 0xbf {
		t.Errorf("% x", f[:4])
	}
}

func TestSenderIsTheConnectionNotTheUser(t *testing.T) {
	h := newHub(t, testConfig())
	phone, tablet := h.join("a", "Phone", "team"), h.join("a", "Tablet", "team")
	phone.clear()
	if err := phone.say("m", "b-m-p-s-m", to("uid=UID-Phone", "uid=UID-Tablet")); err != nil {
		t.Fatal(err)
	}
	phone.expect()
	tablet.expect("b-m-p-s-m m")
}

func TestOneCallsignOnTwoDevicesReachesBoth(t *testing.T) {
	h := newHub(t, testConfig())
	a := h.join("a", "A", "team")
	b := h.connect(person("b", "team"), "UID-1", "Twin")
	c := h.connect(person("c", "team"), "UID-2", "Twin")
	for _, p := range []*peer{b, c} {
		p.report()
	}
	b.clear()
	c.clear()
	if err := a.say("m", "b-m-p-s-m", to("callsign=Twin")); err != nil {
		t.Fatal(err)
	}
	b.expect("b-m-p-s-m m")
	c.expect("b-m-p-s-m m")
}

func TestMoreThan64Groups(t *testing.T) {
	h := newHub(t, testConfig())
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf("g%03d", i))
	}
	all := h.join("all", "All", many...)
	for _, g := range []int{0, 63, 64, 100, 149} {
		name := fmt.Sprintf("g%03d", g)
		one := h.join("one", "One", name)
		other := h.join("other", "Other", fmt.Sprintf("g%03d", (g+1)%150))
		all.clear()
		if err := all.say("m", "b-m-p-s-m", to("group="+name)); err != nil {
			t.Fatal(err)
		}
		one.expect("b-m-p-s-m m")
		other.expect()
		if err := one.say("n", "b-m-p-s-m", ""); err != nil {
			t.Fatal(err)
		}
		all.expect("b-m-p-s-m n")
		other.expect()
		one.Close(nil)
		other.Close(nil)
	}
}

func TestControlEventsAreNotRouted(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	for _, typ := range []string{
		"t-x-c-t", "t-x-c-t-r", "t-x-takp-q", "t-x-takp-v", "t-x-c-m", "t-x-c-f", "t-b", "t-b-a", "t-b-q",
		"t-x-m-c", "t-x-m-i", "t-x-m-n", "t-x-g-c",
	} {
		if err := a.say("u", typ, ""); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if got := b.take(); got != nil {
			t.Errorf("%s was routed: %q", typ, got)
		}
	}
	if n := h.Stats().Control; n != 13 {
		t.Errorf("%d counted", n)
	}
	if got := h.recorded.types(); len(got) != 2 { // the two reports
		t.Errorf("recorded %q", got)
	}
}

func TestAddressesInReportsAreReplaced(t *testing.T) {
	for endpoint, want := range map[string]string{
		"*:-1:stcp":            "*:-1:stcp",
		"192.168.1.5:4242:tcp": "*:-1:stcp",
		"10.0.0.7:4242:udp":    "*:-1:stcp",
		"[fe80::1]:4242:tcp":   "*:-1:stcp",
		"stcp":                 "stcp",
		"*:4242:tcp":           "*:4242:tcp",
		"a:b:tcp":              "a:b:tcp",
		"tcp":                  "tcp",
	} {
		h := newHub(t, testConfig())
		a, b := h.connect(person("a", "team"), "UID-A", "A"), h.join("b", "B", "team")
		odd := `<contact phone=" endpoint='x'" endpoint = '` + endpoint + `'  callsign="A"/><keep  me="1" />`
		if err := a.say("UID-A", "a-f-G", odd); err != nil {
			t.Fatal(err)
		}
		got := string(b.got[0].XML())
		el := `<contact phone=" endpoint='x'" endpoint = '` + want + `'  callsign="A"/>`
		if !strings.Contains(got, el) || !strings.Contains(got, `<keep  me="1" />`) {
			t.Errorf("%s: %s", endpoint, got)
		}
		if err := a.say("marker", "a-h-G", odd); err != nil {
			t.Fatal(err)
		}
		if got := string(b.got[1].XML()); !strings.Contains(got, odd) {
			t.Errorf("another event was changed: %s", got)
		}
	}
}

func TestTooManyRecipientsAreRefused(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	var many []string
	for range maxDests {
		many = append(many, "uid=UID-B")
	}
	if err := a.say("m", "b-m-p-s-m", to(many...)); err != nil {
		t.Error(err)
	}
	b.expect("b-m-p-s-m m")
	if err := a.say("m", "b-m-p-s-m", to(append(many, "uid=x")...)); err == nil {
		t.Error("taken")
	}
	b.expect()
}

func TestNoGroupToPublishToIsDenied(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team out"), h.join("b", "B", "team")
	if err := a.say("m", "b-m-p-s-m", ""); !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
	b.expect()
	if n := h.Stats().Denied; n != 2 { // its report and the marker
		t.Error(n)
	}
	a.clear()
	if err := b.say("m", "b-m-p-s-m", to("callsign=A")); err != nil {
		t.Error(err)
	}
	a.expect("b-m-p-s-m m")
}

func TestInjectorsAddToEventsOfTheirUID(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	h.SetInjectors(map[string][][]byte{"m": {[]byte(`<one/>`), []byte(`<two/>`)}})
	_ = a.say("m", "b-m-p-s-m", `<zero/>`)
	_ = a.say("n", "b-m-p-s-m", `<zero/>`)
	if got := string(b.got[0].Detail()); got != `<zero/><one/><two/>` {
		t.Error(got)
	}
	if got := string(b.got[1].Detail()); got != `<zero/>` {
		t.Error(got)
	}
	h.SetInjectors(nil)
	_ = a.say("m", "b-m-p-s-m", `<zero/>`)
	if got := string(b.got[2].Detail()); got != `<zero/>` {
		t.Error(got)
	}
}

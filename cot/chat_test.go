package cot

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// message sends a chat message to room, with or without recipients.
func (p *peer) message(id, room, marti string) {
	p.t.Helper()
	detail := `<__chat id="` + room + `" chatroom="` + room + `" messageId="` + id + `" senderCallsign="` + p.name + `"><chatgrp uid0="` + p.uid + `" uid1="` + room + `"/></__chat>` +
		`<link uid="` + p.uid + `" type="a-f-G-U-C" relation="p-p"/><remarks>` + id + `</remarks>` + marti
	if err := p.say("GeoChat."+id, "b-t-f", detail); err != nil {
		p.t.Error(err)
	}
}

func TestChatGoesWhereTheRoomSays(t *testing.T) {
	h := newHub(t, testConfig())
	red := func(p *peer) {
		_ = p.say(p.uid, "a-f-G-U-C", `<contact endpoint="*:-1:stcp" callsign="`+p.name+`"/><__group role="Medic" name="Red"/>`)
	}
	a, b, c, o := h.join("a", "A", "team"), h.join("b", "B", "team"), h.join("c", "C", "team"), h.join("o", "O", "other")
	page := h.connectAs(Join{Identity: person("p", "team"), Protocol: "web", UID: "WEB", Observer: true}, "WEB", "P")
	red(b)
	red(o)
	for _, test := range []struct{ name, room, marti, to string }{
		{"everybody", "All Chat Rooms", "", "bcp"},
		{"a team", "Red", "", "bp"},
		{"a team by callsigns", "Red", to("callsign=B", "callsign=O"), "b"},
		{"one", "UID-B", to("callsign=B"), "b"},
		{"one without marti", "UID-C", "", "c"},
		{"one of no common group", "UID-O", to("callsign=O"), ""},
		{"one of no common group without marti", "UID-O", "", ""},
		{"some room", "Planning", "", "bcp"},
		{"members of a room", "Planning", to("uid=UID-B", "uid=UID-C"), "bc"},
		{"a group", "team", to("group=team"), "bcp"},
		{"a foreign group", "other", to("group=other"), ""},
	} {
		for _, p := range []*peer{a, b, c, o, page} {
			p.clear()
		}
		a.message("1", test.room, test.marti)
		got := ""
		for _, x := range []struct {
			n string
			p *peer
		}{{"b", b}, {"c", c}, {"o", o}, {"p", page}} {
			for _, m := range x.p.take() {
				if m != "b-t-f GeoChat.1" {
					t.Errorf("%s: %s was sent %s", test.name, x.n, m)
				}
				got += x.n
			}
		}
		if got != test.to {
			t.Errorf("%s: sent to %q, want %q", test.name, got, test.to)
		}
		want := []string{}
		if test.to == "" && !strings.HasPrefix(test.marti, "<marti><dest group") {
			want = []string{"b-t-f-s GeoChat.1"}
		}
		a.expect(want...)
	}
}

func TestReceiptsAreRoutedAndNotAnswered(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	a.clear()
	for _, typ := range []string{"b-t-f-d", "b-t-f-r"} {
		if err := a.say("1", typ, `<__chatreceipt messageId="1"/>`+to("uid=UID-B")); err != nil {
			t.Fatal(err)
		}
		b.expect(typ + " 1")
		if err := a.say("1", typ, `<__chatreceipt messageId="1"/>`+to("uid=nobody")); err != nil {
			t.Fatal(err)
		}
	}
	a.expect()
}

func TestChatWaitsForWhoIsAway(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		h := hubOn(t, testConfig(), db)
		a, b, c := h.join("a", "A", "team"), h.join("b", "B", "team"), h.join("c", "C", "other")
		b.Close(nil)
		c.Close(nil)
		a.clear()
		a.message("1", "UID-B", to("callsign=B"))
		a.message("2", "UID-B", to("uid=UID-B"))
		a.expect("b-t-f-p GeoChat.1", "b-t-f-p GeoChat.2")
		a.message("3", "UID-B", "")
		a.expect("b-t-f-p GeoChat.3")
		a.message("4", "UID-C", to("callsign=C"))
		a.message("5", "nobody", to("callsign=Nobody", "uid=nothing"))
		a.expect("b-t-f-s GeoChat.4", "b-t-f-s GeoChat.5")
		if err := a.say("6", "b-t-f-r", `<__chatreceipt/>`+to("uid=UID-B")); err != nil {
			t.Fatal(err)
		}
		a.expect()
		if n := h.Stats().Waiting; n != 4 {
			t.Errorf("%d wait", n)
		}
		h.stop()

		h = hubOn(t, testConfig(), db)
		if n := h.Stats().Waiting; n != 4 {
			t.Errorf("%d wait after the restart", n)
		}
		b = h.connect(person("b", "team"), "UID-B", "B")
		if got := b.take(); len(got) != 0 {
			t.Errorf("sent before the report: %q", got)
		}
		b.report()
		eventually(t, "all is delivered", func() bool { return h.Stats().Waiting == 0 })
		got := b.take()
		want := []string{"b-t-f GeoChat.1", "b-t-f GeoChat.2", "b-t-f GeoChat.3", "b-t-f-r 6"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q", got)
		}
		b.Close(nil)
		b = h.connect(person("b", "team"), "UID-B", "B")
		b.report()
		time.Sleep(20 * time.Millisecond)
		for _, m := range b.take() {
			if strings.HasPrefix(m, "b-t-f") {
				t.Errorf("sent twice: %s", m)
			}
		}
	})
}

// TestChatThatDidNotGetOutWaits: a connection that ends with messages in its queue
// has not received them.
func TestChatThatDidNotGetOutWaits(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	h.join("c", "C", "team")
	b.clear()
	a.message("1", "UID-B", to("callsign=B"))
	a.message("2", "UID-B", "")
	a.message("all", "All Chat Rooms", "")
	a.message("group", "team", to("group=team"))
	a.message("3", "UID-B", to("uid=UID-C", "uid=UID-B"))
	// Twice: what has waited and does not get out again waits once more.
	for range 2 {
		b.mu.Lock()
		queued := b.got
		b.mu.Unlock()
		b.Close(nil)
		b.Unsent(queued)
		if n := h.Stats().Waiting; n != 3 {
			t.Fatalf("%d messages wait", n)
		}
		b = h.connect(person("b", "team"), "UID-B", "B")
		b.clear()
		b.report()
		eventually(t, "all is delivered", func() bool { return h.Stats().Waiting == 0 })
		b.mu.Lock()
		got := fmt.Sprint(len(b.got))
		for _, e := range b.got {
			got += " " + e.UID
		}
		b.mu.Unlock()
		if got != "3 GeoChat.1 GeoChat.2 GeoChat.3" {
			t.Errorf("delivered: %s", got)
		}
	}
}

func TestWaitingChatIsTheTextThatWasSent(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	b.Close(nil)
	a.message("1", "UID-B", `<x  odd='1' />`+to("callsign=B"))
	b = h.connect(person("b", "team"), "UID-B", "B")
	b.report()
	eventually(t, "it is delivered", func() bool { return h.Stats().Waiting == 0 })
	var e *Event
	for _, g := range b.got {
		if g.Type == "b-t-f" {
			e = g
		}
	}
	if e == nil {
		t.Fatal("not sent")
	}
	if d := string(e.Detail()); !strings.Contains(d, `<x  odd='1' />`) || strings.Contains(d, "marti") {
		t.Error(d)
	}
	if e.From.UID != "UID-A" || e.From.Callsign != "A" || e.From.Identity.User != "a" || len(e.Groups) != 1 {
		t.Errorf("%+v", e.From)
	}
}

func TestWaitingChatNeedsACommonGroup(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "one", "two"), h.join("b", "B", "one")
	b.Close(nil)
	a.message("1", "UID-B", to("callsign=B"))
	b = h.connect(person("b", "three"), "UID-B", "B")
	b.report()
	a.message("2", "UID-B", to("callsign=B")) // is not reachable now
	time.Sleep(20 * time.Millisecond)
	if got := b.take(); len(got) != 0 || h.Stats().Waiting != 1 {
		t.Errorf("%q, %d wait", got, h.Stats().Waiting)
	}
	b.Close(nil)
	b = h.connect(person("b", "two"), "UID-B", "B")
	b.clear() // the position of A
	b.report()
	eventually(t, "it is delivered", func() bool { return h.Stats().Waiting == 0 })
	b.expect("b-t-f GeoChat.1")
}

func TestWaitingChatExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.ChatKeep = time.Hour
		h := newHub(t, cfg)
		a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
		b.Close(nil)
		a.message("1", "UID-B", to("callsign=B"))
		time.Sleep(30 * time.Minute)
		a.message("2", "UID-B", to("callsign=B"))
		time.Sleep(29 * time.Minute)
		if n := h.Stats().Waiting; n != 2 {
			t.Errorf("%d wait", n)
		}
		time.Sleep(3 * time.Minute)
		if n := h.Stats().Waiting; n != 1 {
			t.Errorf("%d wait", n)
		}
		time.Sleep(time.Hour)
		if n := h.Stats().Waiting; n != 0 {
			t.Errorf("%d wait", n)
		}
		h.stop()
	})
}

func TestNoChatIsKeptWhereThatIsOff(t *testing.T) {
	cfg := testConfig()
	cfg.ChatKeep = 0
	h := newHub(t, cfg)
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	b.Close(nil)
	a.clear()
	a.message("1", "UID-B", to("callsign=B"))
	a.expect("b-t-f-s GeoChat.1")
}

func TestWaitingChatIsBounded(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	b.Close(nil)
	a.clear()
	for i := range maxBox {
		if _, ok := h.waiting.reserve("UID-B", 10); !ok {
			t.Fatal(i)
		}
	}
	a.message("1", "UID-B", to("callsign=B"))
	a.expect("b-t-f-s GeoChat.1")
	b = h.connect(person("b", "team"), "UID-B", "B")
	b.report() // it is here, but older messages go first
	a.clear()
	a.message("1", "UID-B", to("callsign=B"))
	a.expect("b-t-f-s GeoChat.1")
	b.Close(nil)
	a.clear()
	h.waiting.free("UID-B", maxBox, 10*maxBox)
	a.message("2", "UID-B", strings.Repeat("<x/>", maxKept/4)+to("callsign=B"))
	a.expect("b-t-f-s GeoChat.2")
	a.message("3", "UID-B", to("callsign=B"))
	a.expect("b-t-f-p GeoChat.3")
	for i := range 10 {
		h.waiting.reserve(fmt.Sprint("x", i), maxKept)
	}
	h.waiting.mu.Lock()
	h.waiting.total = maxWaiting
	h.waiting.mu.Unlock()
	a.message("4", "UID-B", to("callsign=B"))
	a.expect("b-t-f-s GeoChat.4")
}

// TestChatKeepsItsOrderWhileTheRecipientComesAndGoes checks that every message
// arrives once and in order, however often the recipient connects anew.
func TestChatKeepsItsOrderWhileTheRecipientComesAndGoes(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	a.clear()
	const total = 300
	var mu sync.Mutex
	var got []string
	note := func(p *peer) {
		for _, m := range p.take() {
			if strings.HasPrefix(m, "b-t-f ") {
				got = append(got, m)
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range total {
			a.message(fmt.Sprint(i), "UID-B", to("uid=UID-B"))
		}
	}()
	for {
		b.Close(nil)
		mu.Lock()
		note(b)
		mu.Unlock()
		time.Sleep(time.Millisecond)
		b = h.connect(person("b", "team"), "UID-B", "B")
		b.report()
		time.Sleep(5 * time.Millisecond)
		select {
		case <-done:
			eventually(t, "nothing waits", func() bool { return h.Stats().Waiting == 0 })
			note(b)
			if len(got) != total {
				t.Errorf("%d arrived", len(got))
			}
			for i, m := range got {
				if want := fmt.Sprint("b-t-f GeoChat.", i); m != want {
					t.Fatalf("number %d is %s", i, m)
				}
			}
			return
		default:
		}
	}
}

func TestSendFailureForHTTPCallersGoesToTheirDevice(t *testing.T) {
	h := newHub(t, testConfig())
	a := h.join("a", "A", "team")
	from := Sender{Identity: person("a", "team"), UID: "UID-A"}
	if err := h.Publish(t.Context(), from, parse(t, event("1", "b-t-f", to("uid=nobody"))), nil); err != nil {
		t.Fatal(err)
	}
	a.expect("b-t-f-s 1")
	from = Sender{Identity: auth.System("x"), UID: "UID-A"}
	if err := h.Publish(t.Context(), from, parse(t, event("2", "b-t-f", to("uid=nobody"))), []string{"team"}); err != nil {
		t.Fatal(err)
	}
	a.expect()
}

// TestWhoComesWhileMissedGetsTheMessage: between the look at who is connected and
// the look at who is away, a recipient may have come.
func TestWhoComesWhileMissedGetsTheMessage(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "team")
	a.message("1", "UID-B", to("callsign=B"))
	b.mu.Lock()
	e := b.got[len(b.got)-1]
	b.mu.Unlock()
	b.clear()
	uids := h.away(e, []wire.Dest{{Callsign: "B"}})
	if len(uids) != 1 || !h.keep(t.Context(), uids[0], e) {
		t.Fatalf("%q", uids)
	}
	b.expect("b-t-f GeoChat.1")
	if n := h.Stats().Waiting; n != 0 {
		t.Errorf("%d wait", n)
	}
}

package situation

import (
	"errors"
	"testing"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
)

func TestChatReachesPagesWithItsStates(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		mike, bea := w.open("mike"), w.open("bea")
		defer mike.close()
		defer bea.close()
		mike.expect("snapshot [OLGA-1][OLGA-1][]")
		bea.expect("snapshot [][][]")
		me := w.identity("mike")

		olga.say("GeoChat.1", "b-t-f", chat("OLGA-1", everybody, "1", "to all"))
		mike.expect("chat to all/sent")
		olga.say("GeoChat.2", "b-t-f", chat("OLGA-1", "WEB-mike", "2", "to mike", "WEB-mike"))
		mike.expect("chat to mike/sent")

		w.check(w.say(me, "OLGA-1", "3", "to olga", "OLGA-1"))
		mike.expect("items [WEB-mike]", "contacts [WEB-mike]", "chat to olga/sent/mine")
		olga.expect("a-f-G-U-C WEB-mike", "b-t-f GeoChat.WEB-mike.OLGA-1.3")
		olga.say("r1", "b-t-f-d", receipt("OLGA-1", "WEB-mike", "3"))
		mike.expect("chat to olga/delivered/mine")
		olga.say("r2", "b-t-f-r", receipt("OLGA-1", "WEB-mike", "3"))
		olga.say("r2", "b-t-f-r", receipt("OLGA-1", "WEB-mike", "3")) // said twice, shown once
		mike.expect("chat to olga/read/mine")
		olga.say("r3", "b-t-f-r", receipt("OLGA-1", "WEB-mike", "none"))
		mike.expect()

		// The server's answer is the newer state, though it comes first.
		olga.Close(nil)
		mike.expect("gone [OLGA-1]", "contacts [OLGA-1-]")
		w.check(w.say(me, "OLGA-1", "4", "come back", "OLGA-1"))
		mike.expect("chat come back/sent/mine come back/pending/mine")
		w.check(w.say(me, "NOBODY", "5", "anybody", "NOBODY"))
		mike.expect("chat anybody/sent/mine anybody/failed/mine")
		bea.expect()
	})
}

func TestWhoSpeaksFromAPageIsIntroducedOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		defer olga.Close(nil)
		mike := w.open("mike")
		defer mike.close()
		me := w.identity("mike")
		olga.expect() // nobody is a contact by reading
		w.check(w.say(me, everybody, "1", "one"))
		olga.expect("a-f-G-U-C WEB-mike", "b-t-f GeoChat.WEB-mike."+everybody+".1")
		w.check(w.say(me, everybody, "2", "two"))
		olga.expect("b-t-f GeoChat.WEB-mike." + everybody + ".2")
		list := w.router.Contacts(w.identity("olga"))
		if len(list) != 2 || list[0].UID != "WEB-mike" && list[1].UID != "WEB-mike" {
			t.Errorf("%+v", list)
		}
		// A marker is shown on the user's own pages, too.
		mike.news()
		ev := wire.New("MARK", "b-m-p-s-m", "h-e", time.Now(), time.Hour)
		own, err := w.hub.Say(t.Context(), me, "MIKE", ev)
		if err != nil || own.UID != "MARK" || own.From.UID != "WEB-mike" || own.From.Callsign != "MIKE" {
			t.Errorf("%+v %v", own, err)
		}
		mike.expect("items [MARK-]")
		olga.expect("b-m-p-s-m MARK")
	})
}

func TestWhoHasNoPageOpenSpeaksAllTheSame(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		defer olga.Close(nil)
		w.check(w.say(w.identity("mike"), everybody, "1", "one"))
		olga.expect("b-t-f GeoChat.WEB-mike." + everybody + ".1")
		w.check(w.auth.Revoke(t.Context(), "mike", "red"))
		if err := w.say(w.identity("mike"), everybody, "2", "two"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%v", err)
		}
		mike := w.open("mike")
		defer mike.close()
		if err := w.say(w.identity("mike"), everybody, "3", "three"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%v", err)
		}
		// With the right others see who could not be introduced.
		w.check(w.auth.Grant(t.Context(), "mike", "red", true, false))
		w.check(w.say(w.identity("mike"), everybody, "4", "four"))
		olga.expect("a-f-G-U-C WEB-mike", "b-t-f GeoChat.WEB-mike."+everybody+".4")
		mike.news()
		w.check(w.say(w.identity("mike"), everybody, "5", "five"))
		mike.expect("chat five/sent/mine") // who only writes to a group sees at least that
	})
}

// TestTokensDoNotBorrowTheRightsOfAnOpenPage speaks with less than the pages of
// the same user may.
func TestTokensDoNotBorrowTheRightsOfAnOpenPage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.check(w.auth.Grant(t.Context(), "mike", "blue", true, true))
		olga, bea := w.join("olga", "OLGA-1"), w.join("bea", "BEA-1")
		defer olga.Close(nil)
		defer bea.Close(nil)
		mike := w.open("mike")
		defer mike.close()
		token := func(s auth.Scope) auth.Identity {
			_, text, err := w.auth.CreateToken(t.Context(), "mike", auth.TokenSpec{Name: "x", Kind: auth.KindToken, Scope: &s})
			w.check(err)
			id, err := w.auth.Authenticate(t.Context(), auth.Proof{Token: text, Remote: w.remote()})
			w.check(err)
			return id
		}
		mute := token(auth.Scope{Actions: []auth.Action{auth.Use, auth.Read}})
		if err := w.say(mute, everybody, "1", "one"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%v", err)
		}
		blue := token(auth.Scope{Actions: []auth.Action{auth.Use, auth.Publish}, Groups: []string{"blue"}})
		w.check(w.say(blue, everybody, "2", "two"))
		olga.expect()
		bea.expect("b-t-f GeoChat.WEB-mike." + everybody + ".2")
		// The page itself is introduced as ever.
		w.check(w.say(w.identity("mike"), everybody, "3", "three"))
		olga.expect("a-f-G-U-C WEB-mike", "b-t-f GeoChat.WEB-mike."+everybody+".3")
		bea.expect("a-f-G-U-C WEB-mike", "b-t-f GeoChat.WEB-mike."+everybody+".3")
	})
}

func TestPagesOfOneUserAreOneDevice(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		defer olga.Close(nil)
		one, two := w.open("mike"), w.open("mike")
		one.expect("snapshot [OLGA-1][OLGA-1][]")
		two.expect("snapshot [OLGA-1][OLGA-1][]")
		w.check(w.say(w.identity("mike"), "OLGA-1", "1", "hello", "OLGA-1"))
		for _, p := range []*page{one, two} {
			p.expect("items [WEB-mike]", "contacts [WEB-mike]", "chat hello/sent/mine")
		}
		olga.say("GeoChat.2", "b-t-f", chat("OLGA-1", "WEB-mike", "2", "answer", "WEB-mike"))
		for _, p := range []*page{one, two} {
			p.expect("chat answer/sent")
		}
		if got := w.router.Resolve("", "mike"); len(got) != 1 || got[0] != "WEB-mike" {
			t.Errorf("%q", got)
		}
		olga.expect("a-f-G-U-C WEB-mike", "b-t-f GeoChat.WEB-mike.OLGA-1.1")
		one.close()
		olga.expect()
		olga.say("GeoChat.3", "b-t-f", chat("OLGA-1", "WEB-mike", "3", "still there", "WEB-mike"))
		two.expect("chat still there/sent")
		two.close()
		olga.expect("t-x-d-d →WEB-mike")
		if n := w.router.Stats().Clients; n != 1 {
			t.Errorf("%d clients are left", n)
		}
		if len(w.hub.people) != 0 {
			t.Errorf("%v", w.hub.people)
		}
	})
}

func TestDevicesOfPagesThatAreEndedGo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		olga := w.join("olga", "OLGA-1")
		defer olga.Close(nil)
		mike := w.open("mike")
		me := w.identity("mike")
		w.check(w.say(me, everybody, "1", "one"))
		olga.expect("a-f-G-U-C WEB-mike", "b-t-f GeoChat.WEB-mike."+everybody+".1")
		mike.news()
		if !w.router.Disconnect("WEB-mike") {
			t.Fatal("there is no such device")
		}
		mike.expect("gone [WEB-mike]", "contacts [WEB-mike-]")
		olga.expect("t-x-d-d →WEB-mike")
		if mike.Over().Err() != nil {
			t.Error("the page is over")
		}
		if n := len(w.router.Subscriptions(me)); n != 1 {
			t.Errorf("%d devices are seen", n)
		}
		w.check(w.say(me, everybody, "2", "two"))
		olga.expect("b-t-f GeoChat.WEB-mike." + everybody + ".2")
		mike.expect("chat two/sent/mine")
		mike.close()
	})
}

func TestScriptsOnThisMachineAreNobodyToTalkTo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.openAs(auth.System("local"))
		defer p.close()
		p.expect("snapshot [][][]")
		if n := w.router.Stats().Clients; n != 1 || len(w.hub.people) != 0 {
			t.Errorf("%d clients, %v", n, w.hub.people)
		}
	})
}

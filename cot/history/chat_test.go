package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/history"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// say is a chat message; marti is what is in its marti element.
func say(t testing.TB, by cot.Sender, at time.Time, id, room, parent, text, marti string) *cot.Event {
	t.Helper()
	detail := fmt.Sprintf(`<__chat parent="%s" groupOwner="false" messageId="%s" chatroom="%s" id="%s" senderCallsign="%s"><chatgrp uid0="%s" uid1="%s" id="%s"/></__chat><remarks>%s</remarks><marti>%s</marti>`,
		parent, id, room, room, by.Callsign, by.UID, room, room, text, marti)
	return event(t, by, at, xmlOf("GeoChat."+by.UID+"."+id, "b-t-f", "h-g-i-g-o", at, 24*time.Hour, 50, 8, detail))
}

func receiptOf(t testing.TB, by cot.Sender, at time.Time, typ, id string) *cot.Event {
	t.Helper()
	return event(t, by, at, xmlOf(id, typ, "h-g-i-g-o", at, time.Hour, 0, 0, `<__chatreceipt messageId="`+id+`" id="x" chatroom="x" senderCallsign="x"/>`))
}

func (f *fixture) texts(t *testing.T, id auth.Identity, room string) []string {
	t.Helper()
	got, _, err := f.Chat(t.Context(), id, room, time.Time{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, m := range got {
		out = append(out, m.Text+" "+m.State)
	}
	return out
}

// TestAFileGoesAlong: it is in the text for clients that show nothing else, and
// apart for those that can show it.
func TestAFileGoesAlong(t *testing.T) {
	f := start(t, store.Config{})
	now := time.Now()
	hash := strings.Repeat("0f", 32)
	text := history.WithFile("the plan", "plan [north].zip", hash)
	if text != "the plan [plan (north).zip /Marti/sync/content?hash="+hash+"]" {
		t.Fatalf("%q", text)
	}
	f.record(t, report(t, from(ann), now, 1, 1),
		say(t, from(ann), now.Add(time.Second), "m1", "All Chat Rooms", "RootContactGroup", text, ""),
		say(t, from(ann), now.Add(2*time.Second), "m2", "All Chat Rooms", "RootContactGroup", "no file [x /Marti/sync/content?hash=0f]", ""))
	got, _, err := f.Chat(t.Context(), ann, "All Chat Rooms", time.Time{}, 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	slices.SortFunc(got, func(a, b history.Message) int { return strings.Compare(a.ID, b.ID) })
	if m := got[0]; m.Text != "the plan" || m.FileName != "plan (north).zip" || m.Hash != hash {
		t.Errorf("%+v", m)
	}
	if m := got[1]; m.Text != "no file [x /Marti/sync/content?hash=0f]" || m.FileName != "" || m.Hash != "" {
		t.Errorf("%+v", m)
	}
}

func TestChatIsReadByItsEndsOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg, func(_ *history.Config, d *history.Deps) { d.Missions = missions{"Flood": {"ann", "bob"}} })
		now := time.Now()
		at := func(n int) time.Time { return now.Add(time.Duration(n) * time.Second) }
		cat := member("cat", "red")
		f.record(t, report(t, from(ann), at(0), 1, 1), report(t, from(bob), at(0), 1, 1), report(t, from(cat), at(0), 1, 1))
		f.record(t,
			say(t, from(ann), at(1), "m1", "All Chat Rooms", "RootContactGroup", "to all", ""),
			say(t, from(ann), at(2), "m2", "Cyan", "TeamGroups", "to the team", `<dest callsign="BOB"/>`),
			say(t, from(ann), at(3), "m3", "DEV-bob", "RootContactGroup", "to bob by callsign", `<dest callsign="BOB"/>`),
			say(t, from(bob), at(4), "m4", "DEV-ann", "RootContactGroup", "back to ann by uid", `<dest uid="DEV-ann"/>`),
			say(t, from(ann), at(5), "m5", "red", "RootContactGroup", "to the group", `<dest group="red"/>`),
			say(t, from(ann), at(6), "m6", "Flood", "RootContactGroup", "to the mission", `<dest mission="Flood"/>`),
			say(t, from(ann), at(7), "m7", "DEV-bob", "RootContactGroup", "pretends to be to bob", `<dest uid="DEV-cat"/>`),
			say(t, from(eve), at(8), "m8", "All Chat Rooms", "RootContactGroup", "blue talk", ""),
			say(t, from(ann), at(3), "m3", "DEV-bob", "RootContactGroup", "the same again", `<dest callsign="BOB"/>`),
		)
		for _, c := range []struct {
			who  auth.Identity
			room string
			want []string
		}{
			{ann, "All Chat Rooms", []string{"to all sent"}}, {bob, "All Chat Rooms", []string{"to all sent"}}, {cat, "All Chat Rooms", []string{"to all sent"}},
			{eve, "All Chat Rooms", []string{"blue talk sent"}}, {admin(), "All Chat Rooms", []string{"to all sent", "blue talk sent"}},
			{bob, "Cyan", []string{"to the team sent"}}, {cat, "Cyan", []string{}}, {admin(), "Cyan", []string{}},
			{ann, "direct:DEV-bob", []string{"to bob by callsign sent", "back to ann by uid sent"}},
			{bob, "direct:DEV-ann", []string{"to bob by callsign sent", "back to ann by uid sent"}},
			{cat, "direct:DEV-ann", []string{"pretends to be to bob sent"}}, {cat, "direct:DEV-bob", []string{}},
			{admin(), "direct:DEV-bob", []string{}}, {admin(), "direct:DEV-ann", []string{}}, {eve, "direct:DEV-ann", []string{}},
			{auth.Anonymous("red"), "direct:DEV-ann", []string{}}, {auth.Anonymous("red"), "All Chat Rooms", []string{"to all sent"}},
			{bob, "group:red", []string{"to the group sent"}}, {eve, "group:red", []string{}},
			{bob, "mission:Flood", []string{"to the mission sent"}}, {cat, "mission:Flood", []string{}}, {eve, "mission:Flood", []string{}},
		} {
			equal(t, c.who.User+" in "+c.room, f.texts(t, c.who, c.room), c.want)
		}
		if r, err := f.Newest(t.Context(), cat, "GeoChat.DEV-ann.m3"); err == nil {
			t.Errorf("cat reads a message by its uid: %+v", r)
		}
		if r, err := f.Newest(t.Context(), bob, "GeoChat.DEV-ann.m3"); err != nil || r.Kind != history.KindChat {
			t.Errorf("bob does not read a message by its uid: %+v, %v", r, err)
		}
		f.rooms(t)
	})
}

// rooms checks the rooms of TestChatIsReadByItsEndsOnly.
func (f *fixture) rooms(t *testing.T) {
	t.Helper()
	list := func(id auth.Identity) []string {
		rooms, err := f.Rooms(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		out := []string{}
		for _, r := range rooms {
			out = append(out, fmt.Sprintf("%s %s %s %d", r.ID, r.Name, r.Kind, r.Unread))
		}
		return out
	}
	equal(t, "bob's rooms", list(bob), []string{"mission:Flood Flood mission 1", "group:red red group 1", "direct:DEV-ann ANN direct 1",
		"Cyan Cyan team 1", "All Chat Rooms All Chat Rooms all 1"})
	equal(t, "eve's rooms", list(eve), []string{"All Chat Rooms All Chat Rooms all 0"})
	if err := f.MarkRead(t.Context(), bob, "direct:DEV-ann", time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := list(bob)[2]; got != "direct:DEV-ann ANN direct 0" {
		t.Errorf("after reading: %s", got)
	}
	got, more, err := f.Chat(t.Context(), ann, "direct:DEV-bob", time.Time{}, 1)
	if err != nil || !more || len(got) != 1 || got[0].Text != "back to ann by uid" || got[0].Mine || got[0].Room != "direct:DEV-bob" || got[0].RoomName != "BOB" {
		t.Errorf("the newest: %+v, %v, %v", got, more, err)
	}
	got, more, err = f.Chat(t.Context(), ann, "direct:DEV-bob", got[0].Time, 1)
	if err != nil || more || len(got) != 1 || got[0].Text != "to bob by callsign" || !got[0].Mine {
		t.Errorf("the one before: %+v, %v, %v", got, more, err)
	}
}

func TestReceiptsChangeTheState(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now()
		cat := member("cat", "red")
		f.record(t, report(t, from(ann), now, 1, 1), report(t, from(bob), now, 1, 1))
		f.record(t, say(t, from(ann), now, "m1", "DEV-bob", "RootContactGroup", "hi", `<dest uid="DEV-bob"/>`))
		for _, c := range []struct {
			by       auth.Identity
			typ      string
			want     string
			unsigned bool
		}{
			{cat, "b-t-f-r", "hi sent", false}, {ann, "b-t-f-d", "hi sent", false}, {auth.Anonymous("red"), "b-t-f-r", "hi sent", false},
			{bob, "b-t-f-s", "hi sent", false},
			{ann, "b-t-f-p", "hi pending", false}, {bob, "b-t-f-d", "hi delivered", false}, {bob, "b-t-f-r", "hi read", false},
			{bob, "b-t-f-d", "hi read", false}, {ann, "b-t-f-s", "hi read", false},
		} {
			f.record(t, receiptOf(t, from(c.by), now, c.typ, "m1"))
			equal(t, c.typ+" by "+c.by.User, f.texts(t, ann, "direct:DEV-bob"), []string{c.want})
		}
	})
}

func TestAMessageToSomebodyNeverSeen(t *testing.T) {
	f := start(t, store.Config{}, func(_ *history.Config, d *history.Deps) {
		d.Owner = func(uid string) string { return map[string]string{"WEB-bob": "bob"}[uid] }
	})
	now := time.Now()
	f.record(t,
		say(t, from(ann), now, "m1", "WEB-bob", "RootContactGroup", "to the page", `<dest uid="WEB-bob"/>`),
		say(t, from(ann), now, "m2", "DEV-cat", "RootContactGroup", "to the unknown", `<dest uid="DEV-cat"/>`))
	equal(t, "bob", f.texts(t, bob, "direct:DEV-ann"), []string{"to the page sent"})
	cat := member("cat", "red")
	equal(t, "cat before", f.texts(t, cat, "direct:DEV-ann"), []string{})
	f.record(t, report(t, from(cat), now, 1, 1))
	equal(t, "cat after reporting", f.texts(t, cat, "direct:DEV-ann"), []string{"to the unknown sent"})
}

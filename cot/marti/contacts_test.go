package marti

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/wire"
)

func TestContactsAreThoseConnectedInTheCallersGroups(t *testing.T) {
	h := open(t, nil)
	h.join("olga", "UID-2", "alpha")
	h.join("mike", "UID-1", "Bravo")
	h.join("bea", "UID-3", "charlie")
	h.join("olga", "UID-0", "gone").Close(nil)
	for _, test := range []struct{ user, query, want string }{
		{"mike", "", "alpha Bravo charlie"},
		{"mike", "?sortBy=CALLSIGN&direction=ASCENDING&noFederates=false", "alpha Bravo charlie"},
		{"mike", "?sortBy=CALLSIGN&direction=DESCENDING", "charlie Bravo alpha"},
		{"mike", "?sortBy=UID", "Bravo alpha charlie"},
		{"mike", "?sortBy=UID&direction=DESCENDING", "charlie alpha Bravo"},
		{"olga", "", "alpha Bravo"},
		{"bea", "", "Bravo charlie"},
		{"ann", "", "alpha Bravo charlie"},
	} {
		a := h.by(test.user, "GET", "/Marti/api/contacts/all"+test.query, "")
		var list []contact
		if err := json.Unmarshal([]byte(a.text), &list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range list {
			got = append(got, c.Callsign)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s%s: %q, want %q", test.user, test.query, got, test.want)
		}
	}
	const one = `{"filterGroups":null,"notes":"olga","callsign":"alpha","team":"Cyan","role":"Team Member","takv":"ATAK-CIV: 5.4.0","uid":"UID-2"}`
	if a := h.by("olga", "GET", "/Marti/api/contacts/all", ""); !strings.HasPrefix(a.text, "["+one+",") {
		t.Error(a.text)
	}
	if got := takv(wire.Takv{Platform: "iTAK"}); got != "iTAK" {
		t.Error(got)
	}
}

func TestEndpointsAreAllThatWereEverSeen(t *testing.T) {
	h := open(t, nil)
	h.join("olga", "UID-1", "OLGA").Close(nil)
	time.Sleep(2 * time.Millisecond)
	h.join("olga", "UID-2", "OLGA")
	h.join("mike", "UID-3", "MIKE").say("UID-3", "a-f-G-U-C", func(ev *wire.Event) {
		ev.Contact, ev.Group = wire.Contact{Callsign: "MIKE", Endpoint: "*:-1:stcp"}, wire.Group{Name: "Red", Role: "HQ"}
	})
	for _, test := range []struct{ user, query, want string }{
		{"mike", "", "UID-3 Connected, UID-1 Disconnected, UID-2 Connected"},
		{"mike", "?secAgo=0&showCurrentlyConnectedClients=false&showMostRecentOnly=false", "UID-3 Connected, UID-1 Disconnected, UID-2 Connected"},
		{"mike", "?showCurrentlyConnectedClients=true", "UID-3 Connected, UID-2 Connected"},
		{"mike", "?showMostRecentOnly=true", "UID-3 Connected, UID-2 Connected"},
		{"mike", "?group=Cyan", "UID-1 Disconnected, UID-2 Connected"},
		{"mike", "?group=Red", "UID-3 Connected"},
		{"mike", "?secAgo=3600", "UID-3 Connected, UID-1 Disconnected, UID-2 Connected"},
		{"mike", "?secAgo=x", "UID-3 Connected, UID-1 Disconnected, UID-2 Connected"},
		{"bea", "", "UID-3 Connected"},
	} {
		var list []endpoint
		h.by(test.user, "GET", "/Marti/api/clientEndPoints"+test.query, "").data(t, &list)
		var got []string
		for _, e := range list {
			got = append(got, e.UID+" "+e.LastStatus)
		}
		if strings.Join(got, ", ") != test.want || list == nil {
			t.Errorf("%s%s: %q, want %q", test.user, test.query, got, test.want)
		}
	}
	one := regexp.MustCompile(`\{"callsign":"OLGA","uid":"UID-2","username":"olga","team":"Cyan","role":"Team Member","lastEventTime":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","lastStatus":"Connected"\}`)
	if a := h.by("mike", "GET", "/Marti/api/clientEndPoints", ""); !one.MatchString(a.text) {
		t.Error(a.text)
	}
	old := []cot.Contact{{UID: "1", Callsign: "A", LastSeen: time.Unix(1, 0)}, {UID: "2", Callsign: "B", LastSeen: time.Unix(2, 0)}, {UID: "3", Callsign: "A", LastSeen: time.Unix(3, 0)}}
	if got := newestOfEach(old); len(got) != 2 || got[0].UID != "2" || got[1].UID != "3" {
		t.Errorf("%+v", got)
	}
}

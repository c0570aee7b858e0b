package marti

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
)

func TestSubscriptionsDescribeConnections(t *testing.T) {
	h := open(t, nil)
	olga := h.join("olga", "OLGA-1", "OLGA")
	olga.say("x", "t-x-c-m", func(ev *wire.Event) {
		ev.AddDetail([]byte(`<stats app_framerate="30" battery="64" battery_status="charging" battery_temp="31" deviceDataRx="1" deviceDataTx="2"` +
			` heap_current_size="3" heap_free_size="4" heap_max_size="5" ip_address="10.0.0.7" storage_available="6" storage_total="7"/>`))
	})
	h.join("bea", "BEA-1", "BEA")
	a := h.by("ann", "GET", "/Marti/api/subscriptions/all?sortBy=CALLSIGN&direction=ASCENDING&page=-1&limit=-1", "")
	var list []subscription
	a.data(t, &list)
	if len(list) != 2 || list[0].Callsign != "BEA" {
		t.Fatalf("%+v", list)
	}
	s := list[1]
	if s.LastReport < time.Now().Add(-time.Minute).UnixMilli() || s.LastReportDiff < 0 || s.LastReportDiff > 60_000 || s.SubscriptionUID == "" || len(s.Groups) != 2 {
		t.Errorf("%+v", s)
	}
	red := s.Groups
	if red[0].Name != "red" || red[0].Direction != "OUT" || red[1].Direction != "IN" || !red[0].Active || red[0].Description != "all of red" {
		t.Errorf("%+v", red)
	}
	s.LastReport, s.LastReportDiff, s.SubscriptionUID, s.Groups = 0, 0, "", nil
	want := subscription{
		DN: "CN=olga", Callsign: "OLGA", ClientUID: "OLGA-1", TakClient: "ATAK-CIV", TakVersion: "5.4.0", Username: "olga", Role: "Team Member", Team: "Cyan",
		IPAddress: "192.0.2.1", Port: "5000", PendingWrites: 3, NumProcessed: 2, Protocol: "tls", AppFramerate: "30", Battery: "64", BatteryStatus: "charging", BatteryTemp: "31",
		DeviceDataRx: "1", DeviceDataTx: "2", HeapCurrentSize: "3", HeapFreeSize: "4", HeapMaxSize: "5", DeviceIPAddress: "10.0.0.7", StorageAvailable: "6", StorageTotal: "7",
		HandlerType: "netty",
	}
	if fmt.Sprintf("%+v", s) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	if list[0].Battery != "81" { // of the position, where there are no metrics
		t.Errorf("battery %q", list[0].Battery)
	}
	if !strings.Contains(a.text, `"type":"com.bbn.marti.remote.SubscriptionInfo"`) || !strings.Contains(a.text, `"xpath":null,`) {
		t.Error(a.text)
	}
}

func TestSubscriptionsComeInPages(t *testing.T) {
	h := open(t, nil)
	for _, name := range []string{"C", "A", "B"} {
		h.join("olga", "UID-"+name, name)
	}
	for query, want := range map[string]string{
		"":                                     "A B C",
		"?direction=DESCENDING":                "C B A",
		"?page=-1&limit=-1":                    "A B C",
		"?page=-1&limit=2":                     "A B C",
		"?page=0&limit=2":                      "A B",
		"?page=1&limit=2":                      "A B",
		"?page=2&limit=2":                      "C",
		"?page=3&limit=2":                      "",
		"?page=9&limit=2":                      "",
		"?page=2&limit=2&direction=DESCENDING": "A",
		"?page=3&limit=9223372036854775807":    "",
		"?page=9223372036854775807&limit=2":    "",
		"?page=x&limit=2":                      "A B C",
	} {
		var list []subscription
		h.by("ann", "GET", "/Marti/api/subscriptions/all"+query, "").data(t, &list)
		var got []string
		for _, s := range list {
			got = append(got, s.Callsign)
		}
		if strings.Join(got, " ") != want || list == nil {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestDevicesCanBeHiddenByTheirOwnUser(t *testing.T) {
	h := open(t, nil)
	olga, mike := h.join("olga", "OLGA-1", "OLGA"), h.join("mike", "MIKE-1", "MIKE")
	olga.forget()
	flip := func(user, uid string, want int, on bool) {
		t.Helper()
		a := h.by(user, "POST", "/Marti/api/subscriptions/incognito/"+uid, "")
		if a.StatusCode != want || want == 200 && !strings.Contains(a.text, fmt.Sprintf(`"data":%v,`, on)) {
			t.Errorf("%s flips %s: %s %s", user, uid, a.Status, a.text)
		}
	}
	flip("mike", "MIKE-1", 200, true)
	olga.expect("t-x-d-d →MIKE-1")
	flip("mike", "MIKE-1", 200, false)
	olga.expect("a-f-G-U-C MIKE-1")
	flip("olga", "MIKE-1", 404, false) // somebody else's
	flip("olga", "NOBODY", 404, false)
	olga.expect()
	var list []subscription
	h.by("ann", "GET", "/Marti/api/subscriptions/all", "").data(t, &list)
	flip("ann", list[0].SubscriptionUID, 200, true) // by the connection
	olga.expect("t-x-d-d →MIKE-1")
	h.by("ann", "GET", "/Marti/api/subscriptions/all", "").data(t, &list)
	if !list[0].Incognito || list[1].Incognito {
		t.Errorf("%+v", list)
	}
	mike.expect("a-f-G-U-C OLGA-1")
}

// TestClientsWithoutLoginDoNotTouchEachOther: they all are one user.
func TestClientsWithoutLoginDoNotTouchEachOther(t *testing.T) {
	id := auth.Anonymous("red")
	h := open(t, func(_ *Config, d *Deps) { d.Anonymous = &id })
	d := &device{t: t, uid: "ANON-1"}
	var err error
	d.Client, err = h.router.Join(cot.Join{Identity: id, Protocol: "tcp", Remote: netip.MustParseAddrPort("192.0.2.9:5000"), Sink: d})
	h.check(err)
	defer d.Close(nil)
	d.say("ANON-1", "a-f-G", func(ev *wire.Event) { ev.Contact = wire.Contact{Callsign: "A", Endpoint: "*:-1:stcp"} })
	for _, call := range []string{"POST incognito/ANON-1", "PUT ANON-1/filter", "DELETE ANON-1/filter"} {
		method, path, _ := strings.Cut(call, " ")
		if a := h.ask(atPlain, method, "/Marti/api/subscriptions/"+path, box); a.StatusCode != 404 {
			t.Errorf("%s: %s", call, a.Status)
		}
	}
}

// box is a filter for the north of Germany.
const box = `<?xml version="1.0"?><geospatialFilter filterTAKClients="false"><boundingBox minLongitude="9" minLatitude="53" maxLongitude="12" maxLatitude="55"/></geospatialFilter>`

func TestFiltersHoldBackWhatIsElsewhere(t *testing.T) {
	h := open(t, nil)
	olga, mike := h.join("olga", "OLGA-1", "OLGA"), h.join("mike", "MIKE-1", "MIKE")
	const path = "/Marti/api/subscriptions/MIKE-1/filter"
	marks := func() {
		mike.forget()
		olga.say("BERLIN", "b-m-p-s-m", nil)
		olga.say("HAMBURG", "b-m-p-s-m", func(ev *wire.Event) { ev.Point.Lat, ev.Point.Lon = 53.6, 10 })
	}
	for _, test := range []struct {
		name, user, method, body string
		status                   int
		sees                     []string
	}{
		{"none", "mike", "", "", 0, []string{"b-m-p-s-m BERLIN", "b-m-p-s-m HAMBURG"}},
		{"one", "mike", "PUT", box, 200, []string{"b-m-p-s-m HAMBURG"}},
		{"none again", "mike", "DELETE", "", 200, []string{"b-m-p-s-m BERLIN", "b-m-p-s-m HAMBURG"}},
		{"as in an event", "mike", "PUT", `<subscription>` + strings.TrimPrefix(box, `<?xml version="1.0"?>`) + `</subscription>`, 200, []string{"b-m-p-s-m HAMBURG"}},
		{"one of another element", "mike", "PUT", `<event/>`, 400, []string{"b-m-p-s-m HAMBURG"}},
		{"an empty subscription", "mike", "PUT", `<subscription/>`, 400, []string{"b-m-p-s-m HAMBURG"}},
		{"no XML", "mike", "PUT", `{}`, 400, []string{"b-m-p-s-m HAMBURG"}},
		{"a bomb", "mike", "PUT", `<!DOCTYPE a [<!ENTITY b "c">]><geospatialFilter/>`, 400, []string{"b-m-p-s-m HAMBURG"}},
		{"no angles", "mike", "PUT", `<geospatialFilter><boundingBox minLongitude="x"/></geospatialFilter>`, 400, []string{"b-m-p-s-m HAMBURG"}},
		{"too long", "mike", "PUT", strings.Repeat(" ", maxFilter+1), 413, []string{"b-m-p-s-m HAMBURG"}},
		{"by somebody else", "olga", "DELETE", "", 404, []string{"b-m-p-s-m HAMBURG"}},
		{"by an administrator", "ann", "DELETE", "", 200, []string{"b-m-p-s-m BERLIN", "b-m-p-s-m HAMBURG"}},
	} {
		if test.method != "" {
			if a := h.by(test.user, test.method, path, test.body); a.StatusCode != test.status || a.StatusCode == 200 && a.text != "" {
				t.Errorf("%s: %s %s", test.name, a.Status, a.text)
			}
		}
		marks()
		mike.expect(test.sees...)
	}
	if a := h.by("ann", "PUT", "/Marti/api/subscriptions/NOBODY/filter", box); a.StatusCode != 404 {
		t.Error(a.Status)
	}
}

func TestAdministratorsEndConnections(t *testing.T) {
	h := open(t, nil)
	olga, mike := h.join("olga", "OLGA-1", "OLGA"), h.join("mike", "MIKE-1", "MIKE")
	var list []subscription
	h.by("ann", "GET", "/Marti/api/subscriptions/all", "").data(t, &list)
	if a := h.by("ann", "DELETE", "/Marti/api/subscriptions/delete/OLGA-1", ""); a.StatusCode != 200 || !strings.Contains(a.text, `"type":"java.lang.Boolean","data":true`) {
		t.Errorf("%s %s", a.Status, a.text)
	}
	if !errors.Is(olga.why(), auth.ErrKicked) || mike.why() != nil {
		t.Error(olga.why(), mike.why())
	}
	if a := h.by("ann", "DELETE", "/Marti/api/subscriptions/delete/"+list[0].SubscriptionUID, ""); a.StatusCode != 200 || !errors.Is(mike.why(), auth.ErrKicked) {
		t.Errorf("%s %v", a.Status, mike.why())
	}
	if a := h.by("ann", "DELETE", "/Marti/api/subscriptions/delete/NOBODY", ""); a.StatusCode != 404 {
		t.Error(a.Status)
	}
}

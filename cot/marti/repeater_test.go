package marti

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"muster/cot/wire"
)

func TestEmergenciesAreListedAndEnded(t *testing.T) {
	h := open(t, nil)
	olga, mike := h.join("olga", "OLGA-1", "OLGA"), h.join("mike", "MIKE-1", "MIKE")
	olga.say("OLGA-1-9-1-1", "b-a-o-tbl", func(ev *wire.Event) {
		ev.AddDetail([]byte(`<link uid="OLGA-1" type="a-f-G-U-C" relation="p-p"/><emergency type="911 Alert">OLGA &amp; co</emergency>`))
	})
	mike.expect("a-f-G-U-C OLGA-1", "b-a-o-tbl OLGA-1-9-1-1")
	var list []repeatable
	h.by("ann", "GET", "/Marti/api/repeater/list", "").data(t, &list)
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	e := list[0]
	if e.UID != "OLGA-1-9-1-1" || e.RepeatType != "911 Alert" || e.CotType != "b-a-o-tbl" || e.Callsign != "OLGA & co" || !strings.HasPrefix(e.XML, "<event ") || !strings.HasSuffix(e.XML, "</event>") {
		t.Errorf("%+v", e)
	}
	if _, err := wire.ParseTime(e.Activated); err != nil {
		t.Error(err)
	}
	for _, want := range []bool{true, false} {
		if a := h.by("ann", "GET", "/Marti/api/repeater/remove/OLGA-1-9-1-1", ""); a.StatusCode != 200 || !strings.Contains(a.text, fmt.Sprintf(`"data":%v,`, want)) {
			t.Errorf("%s %s", a.Status, a.text)
		}
	}
	mike.expect("b-a-o-can OLGA-1-9-1-1")
	h.by("ann", "GET", "/Marti/api/repeater/list", "").data(t, &list)
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestPeriodOfEmergenciesCanBeSet(t *testing.T) {
	h := open(t, nil)
	for _, test := range []struct {
		body   string
		status int
		then   int
	}{
		{"5000", 200, 5000}, {" 1000\n", 200, 1000}, {"3600000", 200, 3600000}, {"999", 400, 3600000}, {"3600001", 400, 3600000}, {"-5", 400, 3600000},
		{"", 400, 3600000}, {"soon", 400, 3600000}, {"99999999999999999999", 400, 3600000}, {strings.Repeat("0", 65), 413, 3600000},
	} {
		if a := h.by("ann", "POST", "/Marti/api/repeater/period", test.body); a.StatusCode != test.status {
			t.Errorf("%.10q: %s %s", test.body, a.Status, a.text)
		}
		var ms int
		if h.by("ann", "GET", "/Marti/api/repeater/period", "").data(t, &ms); ms != test.then {
			t.Errorf("after %.10q: %d", test.body, ms)
		}
	}
}

func TestVersionsAreReadAsFarAsTheyAreNumbers(t *testing.T) {
	for version, want := range map[string][3]int{
		"1.2.3": {1, 2, 3}, "1.0": {1, 0, 0}, "2": {2, 0, 0}, "1.2.3-rc1": {1, 2, 3}, "5.5-RELEASE.7": {5, 5, 0}, "dev": {}, "": {}, "99999999999999.1": {9999999, 0, 0},
	} {
		if got := numbers(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
	for host, want := range map[string]string{"tak.example:8443": "tak.example", "tak.example": "tak.example", "[2001:db8::1]:8443": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "192.0.2.1:80": "192.0.2.1"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if got := hostOf(r); got != want {
			t.Errorf("%q: %q", host, got)
		}
	}
}

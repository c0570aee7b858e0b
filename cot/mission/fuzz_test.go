package mission

import (
	"strings"
	"testing"
)

func FuzzPolygon(f *testing.F) {
	for _, s := range []string{"", "POLYGON((13 52, 14 52, 14 53))", "polygon ((1 1,2 2,3 nan))", "POLYGON((", "POLYGON(())", "POLYGON((1 2,3 4))"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePolygon(s)
		if err == nil && strings.TrimSpace(s) != "" && len(p) < 3 {
			t.Errorf("%q is %v", s, p)
		}
		p.contains(52, 13)
	})
}

func FuzzToken(f *testing.F) {
	s := &Service{key: []byte("0123456789abcdef0123456789abcdef")}
	good, err := s.token(subscriptionToken, "id", missionRow{GUID: "g", Name: "n"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("mst_abc")
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJTVUJTQ1JJUFRJT04iLCJTVUJTQ1JJUFRJT04iOiJpZCIsIk1JU1NJT05fR1VJRCI6ImcifQ.")
	f.Fuzz(func(t *testing.T, text string) {
		g, ok := s.readToken(text)
		if ok && (g.guid != "g" || g.id != "id") {
			t.Errorf("%q was accepted as %+v", text, g)
		}
	})
}

func FuzzPackage(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = readPackage(b) })
}

func TestPolygons(t *testing.T) {
	p, err := parsePolygon("POLYGON((13 52, 14 52, 14 53, 13 53, 13 52))")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		lat, lon float64
		want     bool
	}{{52.5, 13.5, true}, {51, 13.5, false}, {52.5, 12, false}, {52.5, 15, false}} {
		if got := p.contains(tc.lat, tc.lon); got != tc.want {
			t.Error(tc, got)
		}
	}
}

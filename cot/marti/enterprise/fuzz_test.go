package enterprise

import (
	"math"
	"mime"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzQuery(f *testing.F) {
	f.Add("bbox=12,51,14,53&circle=13,52,1000&starttime=2026-03-01T12:00:00Z&keywords=missionpackage&tool=public")
	f.Add("minaltitude=-1e3&maxaltitude=NaN&stoptime=x")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		q, wrong := query(v)
		if wrong != "" {
			return
		}
		for _, n := range []*float64{q.MinAlt, q.MaxAlt} {
			if n != nil && (math.IsNaN(*n) || math.IsInf(*n, 0)) {
				t.Fatal(*n)
			}
		}
		if c := q.Circle; c != nil && math.IsNaN(c.Lat+c.Lon+c.Radius) {
			t.Fatal(c)
		}
	})
}

func FuzzDisposition(f *testing.F) {
	f.Add("obs-3.zip")
	f.Add("bild ä\"\r\nSet-Cookie: x")
	f.Fuzz(func(t *testing.T, name string) {
		d := disposition(name)
		if strings.ContainsAny(d, "\r\n\x00") {
			t.Fatalf("%q", d)
		}
		if !utf8.ValidString(name) {
			return
		}
		if kind, _, err := mime.ParseMediaType(d); kind != "attachment" || err != nil && err != mime.ErrInvalidMediaParameter {
			t.Fatalf("%q: %s %v", d, kind, err)
		}
	})
}

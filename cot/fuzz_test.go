package cot

import (
	"testing"
	"time"

	"muster/cot/wire"
)

func FuzzSetAttr(f *testing.F) {
	for _, s := range []string{
		`<contact endpoint="192.168.1.5:4242:tcp" callsign="A"/>`, `<contact a=" endpoint='x'" endpoint = 'y'/>`,
		`<contact callsign="&lt;endpoint="/>`, "<contact\n\tendpoint=''>text<b endpoint='c'/></contact>", `<contact/>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := setAttr(raw, "endpoint", throughServer)
		before, err := wire.ParseElement(raw, wire.DefaultLimits())
		if err != nil || before.Attr("endpoint") == "" || len(before.Raw) != len(raw) {
			return
		}
		after, err := wire.ParseElement(got, wire.DefaultLimits())
		if err != nil {
			t.Fatalf("%v: %q became %q", err, raw, got)
		}
		if after.Attr("endpoint") != throughServer || after.Name != before.Name || string(after.Inner()) != string(before.Inner()) {
			t.Fatalf("%q became %q", raw, got)
		}
	})
}

func FuzzAreas(f *testing.F) {
	for _, s := range []string{
		`<geospatialFilter filterTAKClients="true"><boundingBox minLongitude="1" minLatitude="2" maxLongitude="3" maxLatitude="4"/></geospatialFilter>`,
		`<geospatialFilter/>`, `<geospatialFilter><boundingBox minLongitude="NaN"/></geospatialFilter>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		el, err := wire.ParseElement(raw, wire.DefaultLimits())
		if err != nil {
			return
		}
		a, err := parseAreas(el)
		if err != nil || a == nil {
			return
		}
		if len(a.boxes) == 0 || len(a.boxes) > maxAreas {
			t.Fatalf("%d boxes", len(a.boxes))
		}
		a.pass(NewEvent(parse(t, event("u", "a-h-G", "")), Sender{}, nil, time.Now()))
	})
}

package wire

import (
	"strings"
	"testing"
)

// sa is a position report as ATAK sends it.
const sa = `<event version="2.0" uid="ANDROID-5f3c9a1b7d2e" type="a-f-G-U-C" how="m-g" time="2026-03-01T12:00:05.250Z" start="2026-03-01T12:00:05.250Z" stale="2026-03-01T12:06:20.250Z">` +
	`<point lat="52.516275" lon="13.377704" hae="78.4" ce="6.1" le="9999999.0"/><detail>` +
	`<takv os="34" version="5.4.0.11" device="SAMSUNG SM-G781B" platform="ATAK-CIV"/><contact endpoint="*:-1:stcp" phone="+4930123456" callsign="FALKE 2"/>` +
	`<uid Droid="FALKE 2"/><precisionlocation altsrc="GPS" geopointsrc="GPS"/><__group role="Team Member" name="Cyan"/>` +
	`<status battery="81"/><track course="271.4" speed="1.2"/></detail></event>`

func mustXML(t testing.TB, s string) *Event {
	t.Helper()
	e, err := ParseXML([]byte(s), DefaultLimits())
	if err != nil {
		t.Fatalf("%v in %.300s", err, s)
	}
	return e
}

func BenchmarkParseXML(b *testing.B) {
	raw := []byte(sa)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := ParseXML(raw, DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseProto(b *testing.B) {
	raw := mustXML(b, sa).AppendProto(nil)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := ParseProto(raw, DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkXMLToProto(b *testing.B) {
	e := mustXML(b, sa)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = e.AppendProto(dst[:0])
	}
}

func BenchmarkProtoToXML(b *testing.B) {
	e, _ := ParseProto(mustXML(b, sa).AppendProto(nil), DefaultLimits())
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = e.AppendXML(dst[:0])
	}
}

func BenchmarkScanner(b *testing.B) {
	stream := []byte(strings.Repeat(sa+"\n", 100))
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		s := NewScanner(DefaultLimits())
		found := 0
		for rest := stream; len(rest) > 0; {
			it, n, _ := s.Next(rest)
			if it.Kind == XML {
				found++
			}
			rest = rest[n:]
		}
		if found != 100 {
			b.Fatal(found)
		}
	}
}

func BenchmarkCut(b *testing.B) {
	e := mustXML(b, strings.Replace(sa, "<detail>", `<detail><marti><dest callsign="ADLER 1"/></marti>`, 1))
	b.ReportAllocs()
	for b.Loop() {
		c := *e
		c.Cut("marti")
	}
}

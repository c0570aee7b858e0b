package wire

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fieldsOf is what must be the same whatever form an event travelled in.
var fieldsOf = cmp.Options{cmpopts.IgnoreUnexported(Event{}), cmpopts.EquateNaNs()}

// details returns what the children of detail mean, sorted, since typed ones
// change places, and the text between them.
func details(e *Event) []string {
	var all []string
	for el := range e.Children() {
		all = append(all, canonical(el))
	}
	slices.Sort(all)
	return append(all, strings.Join(strings.Fields(Element{Raw: AppendElement(nil, "d", e.Detail())}.Text()), " "))
}

func mustProto(t testing.TB, b []byte) *Event {
	t.Helper()
	e, err := ParseProto(b, DefaultLimits())
	if err != nil {
		t.Fatalf("%v in %x", err, b)
	}
	return e
}

func TestEventsMeanTheSameInBothForms(t *testing.T) {
	for name, s := range corpus() {
		t.Run(name, func(t *testing.T) {
			e := mustXML(t, s)
			if got := e.AppendXML(nil); string(got) != s {
				t.Errorf("XML of an event from XML is not its bytes: %s", got)
			}
			p := e.AppendProto([]byte("before"))
			p = bytes.TrimPrefix(p, []byte("before"))
			back := mustProto(t, p)
			if got := back.AppendProto(nil); !bytes.Equal(got, p) {
				t.Errorf("protobuf of an event from protobuf is not its bytes: %x", got)
			}
			again := mustXML(t, string(back.AppendXML(nil)))
			for form, other := range map[string]*Event{"protobuf": back, "XML again": again} {
				if d := cmp.Diff(e, other, fieldsOf); d != "" {
					t.Errorf("%s: %s", form, d)
				}
				if d := cmp.Diff(details(e), details(other)); d != "" {
					t.Errorf("details, %s: %s", form, d)
				}
			}
			if got := again.AppendProto(nil); !bytes.Equal(got, p) {
				t.Errorf("the second protobuf differs:\n%q\n%q", got, p)
			}
		})
	}
}

func TestARouteOf2000PointsPasses(t *testing.T) {
	s := corpus()["route"]
	if len(s) < 100<<10 {
		t.Fatalf("the route has only %d bytes", len(s))
	}
	if n := len(slices.Collect(mustXML(t, s).Children())); n != 2004 {
		t.Errorf("%d children, want 2004", n)
	}
}

func TestParseXMLReadsWhatOthersSee(t *testing.T) {
	e := mustXML(t, sa)
	want := &Event{
		UID: "ANDROID-5f3c9a1b7d2e", Type: "a-f-G-U-C", How: "m-g",
		Time: 1772366405250, Start: 1772366405250, Stale: 1772366780250,
		Point:   Point{52.516275, 13.377704, 78.4, 6.1, Unknown},
		Contact: Contact{"FALKE 2", "*:-1:stcp", "+4930123456"}, Group: Group{"Cyan", "Team Member"},
		Takv: Takv{"SAMSUNG SM-G781B", "ATAK-CIV", "34", "5.4.0.11"}, Battery: 81, Speed: 1.2, Course: 271.4,
	}
	if d := cmp.Diff(want, e, fieldsOf); d != "" {
		t.Error(d)
	}
	q := mustXML(t, corpus()["quotes"])
	if q.UID != `it"s` || q.Contact.Callsign != `O'Neil "x"` || q.Takv.Platform != "d" {
		t.Errorf("single quotes and entities: %+v", q)
	}
	l := mustXML(t, corpus()["lines"])
	if l.Contact.Callsign != "a b\nc" || l.Point.HAE != Unknown || l.Point.CE != Unknown || l.Point.LE != Unknown {
		t.Errorf("line ends and unknown values: %q %+v", l.Contact.Callsign, l.Point)
	}
	bare := mustXML(t, corpus()["undefined"])
	if bare.Access != "" || bare.Battery != -1 || !math.IsNaN(bare.Speed) || !math.IsNaN(bare.Course) || bare.Detail() != nil {
		t.Errorf("what is absent: %+v", bare)
	}
}

func TestParseXMLIsLenientWhereClientsAre(t *testing.T) {
	for name, s := range map[string]string{
		"no how, no start": `<event uid="u" type="a" time="2026-03-01T12:00:05Z" stale="2026-03-01T12:00:05Z"><point lat="1" lon="2"/></event>`,
		"white space":      " \r\n" + sa + "\n\n",
		"spaces in values": `<event uid="u" type="a" time=" 2026-03-01T12:00:05Z" start="" stale="2026-03-01T12:00:05Z "><point lat=" 1 " lon="2" hae=" "/></event>`,
		"exponents":        `<event uid="u" type="a" time="2026-03-01T12:00:05Z" stale="2026-03-01T12:00:05Z"><point lat="1E0" lon="-2e-3" hae="Infinity"/></event>`,
	} {
		t.Run(name, func(t *testing.T) {
			e := mustXML(t, s)
			if e.Start != e.Time {
				t.Errorf("start %d, want %d", e.Start, e.Time)
			}
		})
	}
}

func TestParseXMLRefuses(t *testing.T) {
	const head = `<event uid="u" type="a" time="2026-03-01T12:00:05Z" stale="2026-03-01T12:00:05Z">`
	const point = `<point lat="1" lon="2"/>`
	ev := func(s string) string { return head + s + `</event>` }
	detail := func(s string) string { return ev(point + `<detail>` + s + `</detail>`) }
	for name, s := range map[string]string{
		"nothing":               "",
		"text":                  "hello",
		"another element":       "<events/>",
		"self-closed":           `<event uid="u" type="a" time="2026-03-01T12:00:05Z" stale="2026-03-01T12:00:05Z"/>`,
		"prolog":                `<?xml version="1.0"?>` + sa,
		"doctype":               `<!DOCTYPE event [<!ENTITY x "y">]>` + sa,
		"doctype inside":        ev(point + `<!DOCTYPE x>`),
		"processing":            detail(`<?php x?>`),
		"two events":            sa + sa,
		"text behind":           sa + "x",
		"cut off":               sa[:len(sa)-1],
		"no point":              ev(``),
		"point in detail only":  ev(`<detail>` + point + `</detail>`),
		"two points":            ev(point + point),
		"two details":           ev(point + `<detail/><detail/>`),
		"no lat":                ev(`<point lon="2"/>`),
		"lat of text":           ev(`<point lat="x" lon="2"/>`),
		"lat NaN":               ev(`<point lat="NaN" lon="2"/>`),
		"lat infinite":          ev(`<point lat="1e999" lon="2"/>`),
		"lat hexadecimal":       ev(`<point lat="0x1p1" lon="2"/>`),
		"lat 91":                ev(`<point lat="91" lon="2"/>`),
		"lon -181":              ev(`<point lat="1" lon="-181"/>`),
		"no uid":                `<event type="a" time="2026-03-01T12:00:05Z" stale="2026-03-01T12:00:05Z">` + point + `</event>`,
		"empty uid":             strings.Replace(ev(point), `uid="u"`, `uid=""`, 1),
		"long uid":              strings.Replace(ev(point), `uid="u"`, `uid="`+strings.Repeat("u", 1025)+`"`, 1),
		"very long uid":         strings.Replace(ev(point), `uid="u"`, `uid="`+strings.Repeat("u", 9000)+`"`, 1),
		"no type":               strings.Replace(ev(point), `type="a"`, ``, 1),
		"no time":               strings.Replace(ev(point), `time="2026-03-01T12:00:05Z"`, ``, 1),
		"no stale":              strings.Replace(ev(point), `stale="2026-03-01T12:00:05Z"`, ``, 1),
		"wrong start":           strings.Replace(ev(point), `<event `, `<event start="now" `, 1),
		"nesting":               detail(`<a><b></a></b>`),
		"unclosed":              detail(`<a>`),
		"too much closed":       detail(`</a>`),
		"twice an attribute":    detail(`<a b="1" b="2"/>`),
		"no quotes":             detail(`<a b=1/>`),
		"no value":              detail(`<a b/>`),
		"attributes touch":      detail(`<a b="1"c="2"/>`),
		"less than in a value":  detail(`<a b="<"/>`),
		"bare ampersand":        detail(`a & b`),
		"unknown entity":        detail(`&nbsp;`),
		"entity in a value":     detail(`<a b="&x;"/>`),
		"reference to nothing":  detail(`&#0;`),
		"reference too large":   detail(`&#x110000;`),
		"surrogate reference":   detail(`&#xD800;`),
		"empty reference":       detail(`&#;`),
		"empty hex reference":   detail(`&#x;`),
		"control character":     detail("\x01"),
		"NUL":                   detail("a\x00"),
		"control in a value":    detail("<a b=\"\x1b\"/>"),
		"control in a comment":  detail("<!--\x02-->"),
		"control in CDATA":      detail("<![CDATA[\x02]]>"),
		"invalid UTF-8":         detail("\xff"),
		"surrogate in UTF-8":    detail("\xed\xa0\x80"),
		"overlong":              detail("\xc0\xaf"),
		"non-character":         detail("\uFFFE"),
		"]]> in text":           detail("]]>"),
		"-- in a comment":       detail("<!-- a -- b -->"),
		"--->":                  detail("<!-- a --->"),
		"open comment":          detail("<!-- a"),
		"open CDATA":            detail("<![CDATA[ a"),
		"name with a digit":     detail("<1a/>"),
		"name with a dash":      detail("<-a/>"),
		"name with a sign":      detail("<a×/>"),
		"empty name":            detail("< a/>"),
		"slash in a tag":        detail(`<a / >`),
		"too deep":              detail(strings.Repeat("<a>", 63) + strings.Repeat("</a>", 63)),
		"too deep, self-closed": detail(strings.Repeat("<a>", 62) + "<a/>" + strings.Repeat("</a>", 62)),
		"too many attributes":   detail("<a" + manyAttrs(129) + "/>"),
		"long callsign":         detail(`<contact callsign="` + strings.Repeat("c", 1025) + `"/>`),
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := ParseXML([]byte(s), DefaultLimits()); err == nil {
				t.Errorf("taken as %+v", e)
			}
		})
	}
	l := DefaultLimits()
	l.Event = len(sa)
	if _, err := ParseXML([]byte(sa), l); err != nil {
		t.Errorf("an event as long as the limit: %v", err)
	}
	if l.Event--; true {
		if _, err := ParseXML([]byte(sa), l); err != ErrTooLong {
			t.Errorf("an event over the limit: %v", err)
		}
	}
	for name, s := range map[string]string{
		"depth":      detail(strings.Repeat("<a>", 61) + "<a/>" + strings.Repeat("</a>", 61)),
		"attributes": detail("<a" + manyAttrs(128) + "/>"),
		"references": detail(`<a b="&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;&#xA;">&lt;&gt;&amp;&quot;&apos;&#65;</a>]] ></b]>`[:len(`<a b="&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;&#xA;">&lt;&gt;&amp;&quot;&apos;&#65;</a>]] >`)]),
	} {
		if _, err := ParseXML([]byte(s), DefaultLimits()); err != nil {
			t.Errorf("%s within the limits: %v", name, err)
		}
	}
}

func manyAttrs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("x", i) + `="1"`)
	}
	return b.String()
}

func TestErrorsDoNotKeepTheInput(t *testing.T) {
	b := []byte(sa)
	e := mustXML(t, sa)
	f, err := ParseXML(b, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 'x'
	}
	if d := cmp.Diff(e, f, fieldsOf); d != "" || !bytes.Equal(f.AppendXML(nil), []byte(sa)) {
		t.Errorf("the event changed with the buffer it was read from: %s", d)
	}
	p := e.AppendProto(nil)
	g := mustProto(t, p)
	for i := range p {
		p[i] = 'x'
	}
	if d := cmp.Diff(e, g, fieldsOf); d != "" {
		t.Errorf("the event changed with the message it was read from: %s", d)
	}
}

func TestCutLeavesEveryOtherByte(t *testing.T) {
	const marti = `<marti><dest callsign="A"/></marti>`
	s := event("b-t-f", "", "<detail> "+marti+"<martix/>\n"+`<a><marti/></a>`+marti+` t <marti  /></detail>`)
	want := event("b-t-f", "", "<detail> <martix/>\n<a><marti/></a> t </detail>")
	e := mustXML(t, s)
	before := e.AppendXML(nil)
	kept := e.Clone()
	got := e.Cut("marti")
	if len(got) != 3 || string(got[0].Raw) != marti || string(got[2].Raw) != "<marti  />" {
		t.Fatalf("cut %q", got)
	}
	if x := e.AppendXML(nil); string(x) != want {
		t.Errorf("left\n%s\nwant\n%s", x, want)
	}
	if !bytes.Equal(kept.AppendXML(nil), before) {
		t.Error("the clone was cut, too")
	}
	if more := e.Cut("marti"); more != nil {
		t.Errorf("cut again %q", more)
	}
	e = mustXML(t, s)
	p := mustProto(t, e.AppendProto(nil))
	keptProto := p.Clone()
	if n := len(p.Cut("marti")); n != 3 {
		t.Errorf("cut %d of the protobuf event", n)
	}
	if n := len(keptProto.Cut("marti")); n != 3 {
		t.Errorf("%d left in the clone of the protobuf event", n)
	}
	q := mustProto(t, p.AppendProto(nil))
	e.Cut("marti")
	if d := cmp.Diff(details(e), details(q)); d != "" {
		t.Error(d)
	}
	if strings.Contains(string(q.AppendProto(nil)), "<dest") {
		t.Error("the protobuf form still names the recipients")
	}
}

func TestCutOfATypedDetailTakesItsFieldsAlong(t *testing.T) {
	for name, e := range map[string]*Event{"XML": mustXML(t, sa), "protobuf": mustProto(t, mustXML(t, sa).AppendProto(nil))} {
		t.Run(name, func(t *testing.T) {
			if n := len(e.Cut("contact")) + len(e.Cut("track")) + len(e.Cut("status")); n != 3 {
				t.Fatalf("cut %d", n)
			}
			e.AddDetail([]byte(`<contact callsign="NEW" endpoint="*:-1:stcp"/>`))
			for form, got := range map[string]*Event{
				"itself": e, "its XML": mustXML(t, string(e.AppendXML(nil))), "its protobuf": mustProto(t, e.AppendProto(nil)),
			} {
				if got.Contact != (Contact{Callsign: "NEW", Endpoint: "*:-1:stcp"}) || got.Battery != -1 || !math.IsNaN(got.Speed) || got.Group.Name != "Cyan" {
					t.Errorf("%s: %+v", form, got)
				}
				if n := len(slices.Collect(got.Children())); n != 5 {
					t.Errorf("%s has %d details", form, n)
				}
			}
		})
	}
}

func TestAddDetail(t *testing.T) {
	add := []byte(`<x a="1"/>`)
	for name, c := range map[string]struct{ have, want string }{
		"none":     {"", `<detail><x a="1"/></detail>`},
		"empty":    {"<detail/>", `<detail><x a="1"/></detail>`},
		"spaced":   {`<detail a="1" />`, `<detail a="1" ><x a="1"/></detail>`},
		"open":     {"<detail></detail>", `<detail><x a="1"/></detail>`},
		"children": {"<detail><y/> </detail><z/>", `<detail><y/> <x a="1"/></detail><z/>`},
	} {
		t.Run(name, func(t *testing.T) {
			e := mustXML(t, event("a", "", c.have))
			e.AddDetail(nil)
			if got := e.AppendXML(nil); string(got) != event("a", "", c.have) {
				t.Errorf("nothing added: %s", got)
			}
			e.AddDetail(add)
			if got := e.AppendXML(nil); string(got) != event("a", "", c.want) {
				t.Errorf("%s", got)
			}
			if el, ok := e.Child("x"); !ok || el.Attr("a") != "1" {
				t.Error("it cannot be found")
			}
			p := mustProto(t, mustXML(t, event("a", "", c.have)).AppendProto(nil))
			p.AddDetail(add)
			if d := cmp.Diff(details(e), details(mustProto(t, p.AppendProto(nil)))); d != "" {
				t.Error(d)
			}
			if len(e.Cut("x")) != 1 {
				t.Error("it cannot be cut")
			}
		})
	}
}

func TestACloneMayBeChanged(t *testing.T) {
	src := corpus()["header"]
	src = strings.Replace(src, "<detail/>", "<detail> <a b='1'/></detail>", 1)
	for name, e := range map[string]*Event{"XML": mustXML(t, src), "protobuf": mustProto(t, mustXML(t, src).AppendProto(nil))} {
		t.Run(name, func(t *testing.T) {
			xml, proto := e.AppendXML(nil), e.AppendProto(nil)
			c := e.Clone()
			if !bytes.Equal(c.AppendXML(nil), xml) || !bytes.Equal(c.AppendProto(nil), proto) {
				t.Error("an unchanged clone has other bytes")
			}
			c.Type, c.UID, c.Stale, c.Point.Lat, c.Point.CE, c.Access, c.QoS = "b-t-f-s", `a"<`, 5, -1.5, Unknown, "", "9"
			c.AddDetail([]byte("<more/>"))
			for form, got := range map[string]*Event{"XML": mustXML(t, string(c.AppendXML(nil))), "protobuf": mustProto(t, c.AppendProto(nil))} {
				if d := cmp.Diff(c, got, fieldsOf); d != "" {
					t.Errorf("%s: %s", form, d)
				}
				if d := cmp.Diff(details(c), details(got)); d != "" {
					t.Errorf("%s: %s", form, d)
				}
			}
			if !bytes.Equal(e.AppendXML(nil), xml) || !bytes.Equal(e.AppendProto(nil), proto) {
				t.Error("the original changed with its clone")
			}
			again := c.Clone()
			again.Type = "a"
			if got := mustXML(t, string(again.AppendXML(nil))); got.Type != "a" || got.UID != c.UID || got.Stale != 5 {
				t.Errorf("a clone of the clone: %+v", got)
			}
		})
	}
	e := mustXML(t, sa)
	c := e.Clone()
	c.Time, c.Point.HAE, c.Caveat = 0, 1, "x"
	want := strings.Replace(strings.Replace(strings.Replace(sa, ` time="2026-03-01T12:00:05.250Z"`, ` time="1970-01-01T00:00:00.000Z"`, 1),
		`hae="78.4"`, `hae="1"`, 1), "<event ", `<event caveat="x" `, 1)
	if got := c.AppendXML(nil); string(got) != want {
		t.Errorf("other bytes changed:\n%s\n%s", got, want)
	}
}

func TestNew(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := New("takPong", "t-x-c-t-r", "h-g-i-g-o", now, 20*time.Second)
	const want = `<event version="2.0" uid="takPong" type="t-x-c-t-r" how="h-g-i-g-o" time="2026-03-01T12:00:00.000Z" start="2026-03-01T12:00:00.000Z" stale="2026-03-01T12:00:20.000Z">` +
		`<point lat="0" lon="0" hae="9999999.0" ce="9999999.0" le="9999999.0"/><detail/></event>`
	if got := e.AppendXML(nil); string(got) != want {
		t.Errorf("%s", got)
	}
	e.Contact, e.Group, e.Takv = Contact{"A & B", "*:-1:stcp", ""}, Group{"Cyan", "HQ"}, Takv{"d", "p", "", "v"}
	e.Battery, e.Speed, e.Course = 50, 1.5, 90
	e.AddDetail(AppendElement(nil, "remarks", AppendText(nil, "a<b")))
	e.AddDetail([]byte(`<track speed="7" course="8"/>`))
	e.Speed, e.Course = 7, 8
	for form, got := range map[string]*Event{"XML": mustXML(t, string(e.AppendXML(nil))), "protobuf": mustProto(t, e.AppendProto(nil))} {
		if d := cmp.Diff(e, got, fieldsOf); d != "" {
			t.Errorf("%s: %s", form, d)
		}
		if el, ok := got.Child("remarks"); !ok || el.Text() != "a<b" {
			t.Errorf("%s: remarks %q", form, el.Raw)
		}
	}
	c := e.Clone()
	c.UID = "other"
	c.Cut("remarks")
	if _, ok := e.Child("remarks"); !ok || e.UID != "takPong" {
		t.Error("the original changed with its clone")
	}
}

package wire

import (
	"bytes"
	"fmt"
	"testing"
)

func FuzzParseXML(f *testing.F) {
	for _, s := range corpus() {
		if len(s) < 10<<10 {
			f.Add([]byte(s))
		}
	}
	l := Limits{Event: 1 << 16, Depth: 8, Attrs: 16}
	wide := Limits{Event: 1 << 20, Depth: 8, Attrs: 16}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseXML(b, l)
		if err != nil {
			return
		}
		x := e.AppendXML(nil)
		if !bytes.Equal(x, trimSpace(b)) {
			t.Fatalf("other bytes: %q", x)
		}
		sameFields(t, e, reread(t, ParseXML, x, l))
		p := reread(t, ParseProto, e.AppendProto(nil), wide)
		sameHead(t, e, p)
		sameHead(t, e, reread(t, ParseXML, p.AppendXML(nil), wide))
		sameChanged(t, e, wide)
	})
}

func FuzzParseProto(f *testing.F) {
	for _, s := range corpus() {
		if e, err := ParseXML([]byte(s), DefaultLimits()); err == nil && len(s) < 10<<10 {
			f.Add(e.AppendProto(nil))
		}
	}
	l := Limits{Event: 1 << 16, Depth: 8, Attrs: 16}
	wide := Limits{Event: 1 << 20, Depth: 8, Attrs: 16}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseProto(b, l)
		if err != nil {
			return
		}
		if !bytes.Equal(e.AppendProto(nil), b) {
			t.Fatal("other bytes")
		}
		sameHead(t, e, reread(t, ParseXML, e.AppendXML(nil), wide))
		sameChanged(t, e, wide)
	})
}

// reread reads what was written, which must succeed.
func reread(t *testing.T, parse func([]byte, Limits) (*Event, error), b []byte, l Limits) *Event {
	t.Helper()
	e, err := parse(b, l)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v: %q", err, b)
	}
	return e
}

func sameHead(t *testing.T, a, b *Event) {
	t.Helper()
	if a.head() != b.head() {
		t.Fatalf("%+v\n%+v", a.head(), b.head())
	}
}

func sameFields(t *testing.T, a, b *Event) {
	t.Helper()
	sameHead(t, a, b)
	say := func(e *Event) string {
		return fmt.Sprint(e.Contact, e.Group, e.Takv, e.Battery, e.Speed, e.Course)
	}
	if say(a) != say(b) {
		t.Fatalf("%s\n%s", say(a), say(b))
	}
}

// sameChanged changes a clone in all ways, and e must not notice.
func sameChanged(t *testing.T, e *Event, l Limits) {
	t.Helper()
	xml, proto := e.AppendXML(nil), e.AppendProto(nil)
	c := e.Clone()
	for el := range e.Children() {
		if _, ok := e.Child(el.Name); !ok || len(c.Cut(el.Name)) == 0 && len(e.Clone().Cut(el.Name)) == 0 {
			t.Fatalf("%s is there and is not", el.Name)
		}
	}
	for el := range c.Children() {
		t.Fatalf("%s is left", el.Name)
	}
	c.AddDetail([]byte("<a/>"))
	c.UID, c.Type, c.Stale, c.Point.Lon, c.Opex = "<u>", "t", 1, 7.5, ""
	for _, got := range []*Event{reread(t, ParseXML, c.AppendXML(nil), l), reread(t, ParseProto, c.AppendProto(nil), l)} {
		sameHead(t, c, got)
		if _, ok := got.Child("a"); !ok {
			t.Fatal("what was added is not there")
		}
	}
	if !bytes.Equal(e.AppendXML(nil), xml) || !bytes.Equal(e.AppendProto(nil), proto) {
		t.Fatal("the original changed with its clone")
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range corpus() {
		if len(s) < 2<<10 {
			f.Add([]byte(s+s), uint8(7))
		}
	}
	f.Add([]byte("<auth><cot/></auth>\xEF\xBB\xBF<event/><event></event>x"), uint8(1))
	f.Add([]byte("\xBF\x03abc\xBF\x80\x02"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		l := Limits{Event: 200, Depth: 8, Attrs: 8}
		whole, err := scan(t, NewScanner(l), b, 0)
		pieces, err2 := scan(t, NewScanner(l), b, 1+int(piece))
		if fmt.Sprintf("%q", whole) != fmt.Sprintf("%q", pieces) || (err == nil) != (err2 == nil) {
			t.Fatalf("whole %q %v\npieces %q %v", whole, err, pieces, err2)
		}
	})
}

func FuzzParseElement(f *testing.F) {
	f.Add([]byte("<?xml version='1.0'?><!-- c --><a b='1'>t<c/><![CDATA[x]]>&amp;</a>"))
	for _, s := range corpus() {
		if len(s) < 2<<10 {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := Limits{Event: 1 << 16, Depth: 8, Attrs: 16}
		el, err := ParseElement(b, l)
		if err != nil {
			return
		}
		again, err := ParseElement(el.Raw, l)
		if err != nil || again.Name != el.Name || !bytes.Equal(again.Raw, el.Raw) {
			t.Fatalf("%v: %q", err, el.Raw)
		}
		text := AppendElement(nil, "t", AppendText(nil, el.Text()), Attr{"a", el.Text()})
		got, err := ParseElement(text, Limits{Event: 1 << 20, Depth: 1, Attrs: 1})
		if err != nil || got.Text() != el.Text() || got.Attr("a") != el.Text() {
			t.Fatalf("%v: %q", err, text)
		}
		_ = Dests([]Element{el})
		for c := range el.Children() {
			if !bytes.Contains(el.Inner(), c.Raw) {
				t.Fatal("a child that is not inside")
			}
		}
		_, _ = ParseAuth(el.Raw)
	})
}

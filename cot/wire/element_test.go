package wire

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseElement(t *testing.T) {
	const doc = byteOrderMark + "<?xml version=\"1.0\"?>\n<!-- c --><x:a k='v&#10;&lt;' e=\"\"> one <b n=\"1\"/><![CDATA[<two>]]><b n=\"2\"><b n=\"3\"/></b>\r\n&amp;</x:a>\n<!-- d -->\n"
	el, err := ParseElement([]byte(doc), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if el.Name != "x:a" || el.Attr("k") != "v\n<" || el.Attr("e") != "" || el.Attr("none") != "" {
		t.Errorf("%q: k=%q", el.Name, el.Attr("k"))
	}
	if got := el.Text(); got != " one <two>\n&" {
		t.Errorf("text %q", got)
	}
	var n []string
	for c := range el.Children() {
		n = append(n, c.Attr("n"))
	}
	if !slices.Equal(n, []string{"1", "2"}) {
		t.Errorf("children %q", n)
	}
	b, ok := el.Child("b")
	if !ok || string(b.Raw) != `<b n="1"/>` || b.Inner() != nil {
		t.Errorf("child %q", b.Raw)
	}
	if _, ok := el.Child("c"); ok {
		t.Error("a child that is not there")
	}
}

func TestParseElementRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing": "", "only a prolog": "<?xml version='1.0'?>", "text": "a", "text behind": "<a/>b", "two": "<a/><b/>",
		"doctype":      "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
		"a stylesheet": "<?xml-stylesheet href='x'?><a/>", "open": "<a><b></a>", "too deep": strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65),
		"CDATA outside": "<![CDATA[a]]><a/>",
	} {
		t.Run(name, func(t *testing.T) {
			if el, err := ParseElement([]byte(s), DefaultLimits()); err == nil {
				t.Errorf("taken as %q", el.Raw)
			}
		})
	}
	if _, err := ParseElement([]byte("<a></a>"), Limits{Event: 6, Depth: 1, Attrs: 1}); err != ErrTooLong {
		t.Error(err)
	}
}

func TestElementsThatNobodyHasReadDoNoHarm(t *testing.T) {
	for _, raw := range []string{"", "<", "<a", "a", "<a b=", "<a>", "<a>&", "</a>", "<a><b></a>"} {
		el := Element{Name: "a", Raw: []byte(raw)}
		_, _ = el.Child("b")
		_, _, _ = el.Attr("b"), el.Text(), el.Inner()
		_ = Dests([]Element{el})
	}
}

func TestAppendElement(t *testing.T) {
	got := string(AppendElement([]byte("x"), "a", []byte("<b/>"), Attr{"k", "<>&\"'\n\t\r\x00\xff\uFFFE€"}, Attr{"l", ""}))
	const want = `x<a k="&lt;&gt;&amp;&quot;&apos;&#10;&#9;&#13;` + "\uFFFD\uFFFD\uFFFD€" + `" l=""><b/></a>`
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	el, err := ParseElement([]byte(got[1:]), DefaultLimits())
	if err != nil || el.Attr("k") != "<>&\"'\n\t\r\uFFFD\uFFFD\uFFFD€" {
		t.Errorf("%q %v", el.Attr("k"), err)
	}
	if got := string(AppendElement(nil, "a", nil)); got != "<a/>" {
		t.Errorf("%q", got)
	}
	if got := string(AppendText(nil, "a\nb\t<\r\x01")); got != "a\nb\t&lt;&#13;\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestDests(t *testing.T) {
	want := []Dest{
		{Callsign: "A & B"}, {UID: "u"}, {Mission: "m", Path: "p", After: "a"}, {MissionGUID: "g"}, {Group: "x"}, {},
	}
	e := mustXML(t, event("b-t-f", "", `<detail><marti><dest callsign='A &amp; B'/><dest uid="u"></dest></marti><a/>`+
		`<marti><dest mission="m" path="p" after="a"/><x/><dest mission-guid="g"/><dest group="x"/><dest publish="old"/></marti></detail>`))
	marti := e.Cut("marti")
	if d := cmp.Diff(want, Dests(marti)); d != "" {
		t.Error(d)
	}
	again, err := ParseElement(MartiElement(want), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, Dests([]Element{again})); d != "" {
		t.Error(d)
	}
	if Dests(nil) != nil {
		t.Error("recipients out of nothing")
	}
}

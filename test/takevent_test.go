package test

import (
	bits "encoding/binary"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// sighting is an event as a client received it, read by code that shares nothing
// with the server's.
type sighting struct {
	proto              bool // it came as protobuf
	uid, typ, how      string
	time, start, stale time.Time
	point              [5]float64 // lat, lon, hae, ce, le
	detail             element    // with the typed parts of version 1 as elements
	inner              string     // what stands in the event, or xmlDetail of version 1, as it came
	typed              []string   // parts that came typed in version 1
}

// element is any element below detail.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

// child follows a path of names; what is not there is an empty element.
func (e *element) child(path ...string) *element {
	for _, name := range path {
		i := slices.IndexFunc(e.Children, func(c element) bool { return c.XMLName.Local == name })
		if i < 0 {
			return &element{}
		}
		e = &e.Children[i]
	}
	return e
}

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// canon writes e so that two elements of the same content are the same text. The
// order of attributes does not count, nor that of the parts of a detail, which
// version 1 does not keep.
func (e *element) canon(depth int) string {
	attrs := make([]string, 0, len(e.Attrs))
	for _, a := range e.Attrs {
		v := a.Value
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			v = strconv.FormatFloat(f, 'g', -1, 64)
		}
		attrs = append(attrs, fmt.Sprintf("%s=%q", a.Name.Local, v))
	}
	slices.Sort(attrs)
	children := make([]string, 0, len(e.Children))
	for i := range e.Children {
		children = append(children, e.Children[i].canon(depth+1))
	}
	if depth == 0 {
		slices.Sort(children)
	}
	return fmt.Sprintf("<%s %s>%q%s", e.XMLName.Local, strings.Join(attrs, " "), strings.TrimSpace(e.Text), strings.Join(children, ""))
}

// canon writes the whole event.
func (s *sighting) canon() string {
	ms := func(t time.Time) int64 { return t.UnixMilli() }
	return fmt.Sprintln(s.uid, s.typ, s.how, ms(s.time), ms(s.start), ms(s.stale), s.point) + s.detail.canon(0)
}

type xmlEvent struct {
	UID   string `xml:"uid,attr"`
	Type  string `xml:"type,attr"`
	How   string `xml:"how,attr"`
	Time  string `xml:"time,attr"`
	Start string `xml:"start,attr"`
	Stale string `xml:"stale,attr"`
	Point struct {
		Lat string `xml:"lat,attr"`
		Lon string `xml:"lon,attr"`
		Hae string `xml:"hae,attr"`
		Ce  string `xml:"ce,attr"`
		Le  string `xml:"le,attr"`
	} `xml:"point"`
	Detail element `xml:"detail"`
	Inner  string  `xml:",innerxml"`
}

func (x *xmlEvent) sighting() (*sighting, error) {
	s := &sighting{uid: x.UID, typ: x.Type, how: x.How, detail: x.Detail, inner: x.Inner}
	for i, text := range []string{x.Point.Lat, x.Point.Lon, x.Point.Hae, x.Point.Ce, x.Point.Le} {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("event %s: point: %w", x.UID, err)
		}
		s.point[i] = f
	}
	for text, to := range map[*string]*time.Time{&x.Time: &s.time, &x.Start: &s.start, &x.Stale: &s.stale} {
		t, err := time.Parse(time.RFC3339Nano, *text)
		if err != nil {
			return nil, fmt.Errorf("event %s: time: %w", x.UID, err)
		}
		*to = t
	}
	s.detail.XMLName.Local = "detail"
	return s, nil
}

// parseXML reads one event.
func parseXML(b []byte) (*sighting, error) {
	var x xmlEvent
	if err := xml.Unmarshal(b, &x); err != nil {
		return nil, err
	}
	return x.sighting()
}

// typedParts are the parts that version 1 can hold typed: field of Detail, name,
// and attributes in the order of their fields.
var typedParts = []struct {
	field protowire.Number
	name  string
	attrs []string
}{
	{2, "contact", []string{"endpoint", "callsign"}},
	{3, "__group", []string{"name", "role"}},
	{4, "precisionlocation", []string{"geopointsrc", "altsrc"}},
	{5, "status", []string{"battery"}},
	{6, "takv", []string{"device", "platform", "os", "version"}},
	{7, "track", []string{"speed", "course"}},
}

// fields calls f for each field of a protobuf message.
func fields(b []byte, f func(n protowire.Number, v uint64, s []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		var v uint64
		var s []byte
		switch kind {
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v, size = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			s, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(n, kind, b)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		if err := f(n, v, s); err != nil {
			return err
		}
	}
	return nil
}

// parseProto reads the payload of a frame.
func parseProto(b []byte) (*sighting, error) {
	s := &sighting{proto: true}
	s.detail.XMLName.Local = "detail"
	seen := false
	err := fields(b, func(n protowire.Number, _ uint64, event []byte) error {
		if n != 2 {
			return nil
		}
		seen = true
		return fields(event, s.field)
	})
	if err == nil && !seen {
		err = fmt.Errorf("a frame without an event")
	}
	return s, err
}

// field takes a field of CotEvent.
func (s *sighting) field(n protowire.Number, v uint64, b []byte) error {
	switch n {
	case 1:
		s.typ = string(b)
	case 5:
		s.uid = string(b)
	case 9:
		s.how = string(b)
	case 6, 7, 8:
		*[]*time.Time{&s.time, &s.start, &s.stale}[n-6] = time.UnixMilli(int64(v))
	case 10, 11, 12, 13, 14:
		s.point[n-10] = math.Float64frombits(v)
	case 15:
		return fields(b, s.part)
	}
	return nil
}

// part takes a field of Detail.
func (s *sighting) part(n protowire.Number, _ uint64, b []byte) error {
	if n == 1 {
		s.inner = string(b)
		var d element
		if err := xml.Unmarshal([]byte("<detail>"+s.inner+"</detail>"), &d); err != nil {
			return fmt.Errorf("xmlDetail %q: %w", s.inner, err)
		}
		s.detail.Children = append(s.detail.Children, d.Children...)
		return nil
	}
	for _, p := range typedParts {
		if p.field != n {
			continue
		}
		el := element{XMLName: xml.Name{Local: p.name}}
		s.typed = append(s.typed, p.name)
		err := fields(b, func(n protowire.Number, v uint64, b []byte) error {
			if int(n) > len(p.attrs) {
				return fmt.Errorf("field %d of %s", n, p.name)
			}
			text := string(b)
			switch p.name {
			case "status":
				text = strconv.FormatUint(v, 10)
			case "track":
				text = strconv.FormatFloat(math.Float64frombits(v), 'g', -1, 64)
			}
			el.Attrs = append(el.Attrs, xml.Attr{Name: xml.Name{Local: p.attrs[n-1]}, Value: text})
			return nil
		})
		s.detail.Children = append(s.detail.Children, el)
		return err
	}
	return nil
}

// frame writes an event given as XML as a stream frame of version 1, its parts
// typed where they can be.
func frame(event string) []byte {
	var x xmlEvent
	if err := xml.Unmarshal([]byte(event), &x); err != nil {
		panic(err)
	}
	s, err := x.sighting()
	if err != nil {
		panic(err)
	}
	var ev []byte
	text := func(b []byte, n protowire.Number, s string) []byte {
		if s == "" {
			return b
		}
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	ev = text(text(text(ev, 1, s.typ), 5, s.uid), 9, s.how)
	for i, t := range []time.Time{s.time, s.start, s.stale} {
		ev = protowire.AppendVarint(protowire.AppendTag(ev, protowire.Number(6+i), protowire.VarintType), uint64(t.UnixMilli()))
	}
	for i, f := range s.point {
		ev = protowire.AppendFixed64(protowire.AppendTag(ev, protowire.Number(10+i), protowire.Fixed64Type), math.Float64bits(f))
	}
	var detail, rest []byte
	done := map[string]bool{}
	for _, el := range s.detail.Children {
		if part := typedPart(el); part != nil && !done[el.XMLName.Local] {
			done[el.XMLName.Local] = true
			detail = append(detail, part...)
			continue
		}
		rest = append(rest, el.text()...)
	}
	detail = append(text(nil, 1, string(rest)), detail...)
	ev = protowire.AppendBytes(protowire.AppendTag(ev, 15, protowire.BytesType), detail)
	return framed(protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), ev))
}

// framed puts the header of a stream frame before a payload.
func framed(payload []byte) []byte {
	return append(bits.AppendUvarint([]byte{0xBF}, uint64(len(payload))), payload...)
}

// typedPart is el as field of Detail, or nil where it must stay XML.
func typedPart(el element) []byte {
	for _, p := range typedParts {
		if p.name != el.XMLName.Local || len(el.Children) > 0 || len(el.Attrs) != len(p.attrs) {
			continue
		}
		var b []byte
		for i, name := range p.attrs {
			n, v := protowire.Number(i+1), el.attr(name)
			f, err := strconv.ParseFloat(v, 64)
			switch {
			case p.name == "status" && err == nil:
				b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(f))
			case p.name == "track" && err == nil:
				b = protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), math.Float64bits(f))
			case v == "" || p.name == "status" || p.name == "track":
				return nil
			default:
				b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
			}
		}
		return protowire.AppendBytes(protowire.AppendTag(nil, p.field, protowire.BytesType), b)
	}
	return nil
}

// text writes el as XML.
func (e *element) text() string {
	var b strings.Builder
	b.WriteString("<" + e.XMLName.Local)
	for _, a := range e.Attrs {
		b.WriteString(" " + a.Name.Local + `="`)
		xml.EscapeText(&b, []byte(a.Value))
		b.WriteString(`"`)
	}
	b.WriteString(">")
	xml.EscapeText(&b, []byte(e.Text))
	for i := range e.Children {
		b.WriteString(e.Children[i].text())
	}
	b.WriteString("</" + e.XMLName.Local + ">")
	return b.String()
}

const cotTime = "2006-01-02T15:04:05.000Z"

// event writes an event of now that is valid for five minutes.
func event(uid, typ, detail string) string {
	now := time.Now().UTC()
	at := now.Format(cotTime)
	return fmt.Sprintf(`<event version="2.0" uid="%s" type="%s" how="m-g" time="%s" start="%s" stale="%s">`+
		`<point lat="52.516275" lon="13.377704" hae="78.4" ce="6.1" le="9999999.0"/><detail>%s</detail></event>`,
		uid, typ, at, at, now.Add(5*time.Minute).Format(cotTime), detail)
}

// report is an event in which a device reports itself.
func report(uid, callsign, team string) string {
	return event(uid, "a-f-G-U-C", fmt.Sprintf(`<takv os="34" version="5.4.0.11" device="TEST" platform="ATAK-CIV"/>`+
		`<contact endpoint="*:-1:stcp" callsign="%s"/><uid Droid="%[1]s"/><precisionlocation altsrc="GPS" geopointsrc="GPS"/>`+
		`<__group role="Team Member" name="%s"/><status battery="81"/><track course="271.4" speed="1.2"/>`, callsign, team))
}

// chat is a message from one device to another one, addressed by dest, an
// element; "" names nobody.
func chat(from, to, text, dest string) string {
	id := fmt.Sprintf("%s-%d", text, time.Now().UnixNano())
	if dest != "" {
		dest = "<marti>" + dest + "</marti>"
	}
	return event("GeoChat."+from+"."+to+"."+id, "b-t-f", fmt.Sprintf(`<__chat parent="RootContactGroup" groupOwner="false" messageId="%s" chatroom="%s" id="%[2]s" senderCallsign="%s">`+
		`<chatgrp uid0="%[3]s" uid1="%[2]s" id="%[2]s"/></__chat><link uid="%[3]s" type="a-f-G-U-C" relation="p-p"/>`+
		`<remarks source="BAO.F.ATAK.%[3]s" to="%[2]s">%[4]s</remarks>%[5]s`, id, to, from, text, dest))
}

package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// pb makes messages: pb(number, value, number, value …).
func pb(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		num := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
		case float64:
			b = protowire.AppendFixed64(protowire.AppendTag(b, num, protowire.Fixed64Type), math.Float64bits(v))
		}
	}
	return b
}

// message makes a TakMessage with that detail.
func message(detail ...any) []byte {
	return pb(2, pb(1, "a-f-G", 5, "u", 6, 1000, 7, 1000, 8, 2000, 9, "m-g", 10, 1.0, 11, 2.0, 15, pb(detail...)))
}

// fieldsIn returns the fields of a message by number.
func fieldsIn(t *testing.T, b []byte) map[int]protoField {
	t.Helper()
	m := map[int]protoField{}
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := m[int(f.num)]; twice {
			t.Errorf("field %d occurs twice", f.num)
		}
		m[int(f.num)], b = f, rest
	}
	return m
}

// detailOf returns the fields of the Detail that an event with these details
// becomes.
func detailOf(t *testing.T, detail string) map[int]protoField {
	t.Helper()
	p := mustXML(t, event("a-f-G", "", "<detail>"+detail+"</detail>")).AppendProto(nil)
	return fieldsIn(t, fieldsIn(t, fieldsIn(t, p)[2].val)[15].val)
}

func TestOnlyWhatAMessageCanSayBecomesOne(t *testing.T) {
	const group = `<__group name="Cyan" role="HQ"/>`
	for name, c := range map[string]struct {
		detail string
		typed  int    // field number; 0 none
		xml    string // xmlDetail
	}{
		"contact":                   {`<contact callsign="A" endpoint="e"/>`, 2, ""},
		"contact without endpoint":  {`<contact callsign="A"/>`, 2, ""},
		"contact with phone":        {`<contact callsign="A" phone="1"/>`, 0, `<contact callsign="A" phone="1"/>`},
		"contact without callsign":  {`<contact endpoint="e"/>`, 0, `<contact endpoint="e"/>`},
		"contact, empty endpoint":   {`<contact callsign="A" endpoint=""/>`, 0, `<contact callsign="A" endpoint=""/>`},
		"contact with text":         {`<contact callsign="A">x</contact>`, 0, `<contact callsign="A">x</contact>`},
		"group":                     {group, 3, ""},
		"group, open and closed":    {`<__group name="Cyan" role="HQ"></__group>`, 3, ""},
		"group with a child":        {`<__group name="Cyan" role="HQ"><a/></__group>`, 0, `<__group name="Cyan" role="HQ"><a/></__group>`},
		"group without role":        {`<__group name="Cyan"/>`, 0, `<__group name="Cyan"/>`},
		"precision":                 {`<precisionlocation altsrc="a" geopointsrc="b"/>`, 4, ""},
		"precision without altsrc":  {`<precisionlocation geopointsrc="b"/>`, 0, `<precisionlocation geopointsrc="b"/>`},
		"status":                    {`<status battery="81"/>`, 5, ""},
		"status with readiness":     {`<status battery="81" readiness="true"/>`, 0, `<status battery="81" readiness="true"/>`},
		"status with a fraction":    {`<status battery="81.5"/>`, 0, `<status battery="81.5"/>`},
		"negative status":           {`<status battery="-1"/>`, 0, `<status battery="-1"/>`},
		"takv":                      {`<takv os="1" version="2" device="3" platform="4"/>`, 6, ""},
		"takv without os":           {`<takv version="2" device="3" platform="4"/>`, 0, `<takv version="2" device="3" platform="4"/>`},
		"track":                     {`<track speed="1.5" course="2"/>`, 7, ""},
		"track with slope":          {`<track speed="1.5" course="2" slope="1"/>`, 0, `<track speed="1.5" course="2" slope="1"/>`},
		"track of no number":        {`<track speed="NaN" course="2"/>`, 0, `<track speed="NaN" course="2"/>`},
		"of two tracks the first":   {`<track speed="1" course="2"/><track speed="3" course="4"/>`, 7, `<track speed="3" course="4"/>`},
		"of two, the first untyped": {`<track speed="1"/><track speed="3" course="4"/>`, 0, `<track speed="1"/><track speed="3" course="4"/>`},
		"order and white space":     {"\n <a/>\n" + group + " <b> </b> t\n", 3, "<a/><b> </b> t\n"},
		"not below detail":          {`<x>` + group + `</x>`, 0, `<x>` + group + `</x>`},
	} {
		t.Run(name, func(t *testing.T) {
			d := detailOf(t, c.detail)
			if got := string(d[1].val); got != c.xml {
				t.Errorf("xmlDetail %q, want %q", got, c.xml)
			}
			delete(d, 1)
			if _, ok := d[c.typed]; len(d) > 1 || c.typed != 0 && !ok || c.typed == 0 && len(d) > 0 {
				t.Errorf("messages %v, want only %d", d, c.typed)
			}
		})
	}
}

func TestXMLDetailWins(t *testing.T) {
	e := mustProto(t, message(1, `<contact callsign="XML" phone="1"/><a/>`, 2, pb(1, "e", 2, "TYPED"), 3, pb(1, "Cyan", 2, "HQ")))
	if e.Contact != (Contact{Callsign: "XML", Phone: "1"}) || e.Group.Name != "Cyan" {
		t.Errorf("%+v %+v", e.Contact, e.Group)
	}
	const want = `<contact callsign="XML" phone="1"/><a/><__group name="Cyan" role="HQ"/>`
	if got := string(e.Detail()); got != want {
		t.Errorf("detail %s", got)
	}
	if x := e.AppendXML(nil); !strings.Contains(string(x), "<detail>"+want+"</detail>") {
		t.Errorf("%s", x)
	}
	e.Cut("contact")
	if bytes.Contains(e.AppendProto(nil), []byte("TYPED")) {
		t.Error("the message that was hidden came up again")
	}
}

func TestWhatIsUnknownInAMessageStays(t *testing.T) {
	detail := pb(1, `<a/><marti><dest uid="x"/></marti>`, 2, pb(2, "A", 9, "unknown-contact"), 12, "unknown-detail")
	ev := pb(1, "a-f-G", 5, "u", 6, 1000, 7, 1000, 8, 2000, 10, 1.0, 11, 2.0, 15, detail, 18, "unknown-event", 19, 7)
	raw := pb(1, pb(1, 1, 2, 1), 2, ev, 3, 77, 4, 78, 30, "unknown-message")
	e := mustProto(t, raw)
	if !bytes.Equal(e.AppendProto(nil), raw) {
		t.Error("not relayed as it is")
	}
	e.Cut("marti")
	c := e.Clone()
	c.Type = "b"
	for form, p := range map[string][]byte{"cut": e.AppendProto(nil), "changed": c.AppendProto(nil)} {
		for _, s := range []string{"unknown-contact", "unknown-detail", "unknown-event", "unknown-message"} {
			if !bytes.Contains(p, []byte(s)) {
				t.Errorf("%s: %s is gone", form, s)
			}
		}
		m := fieldsIn(t, p)
		if m[3].n != 77 || m[4].n != 78 || fieldsIn(t, m[2].val)[19].n != 7 {
			t.Errorf("%s: numbers changed", form)
		}
		if string(fieldsIn(t, fieldsIn(t, m[2].val)[15].val)[1].val) != "<a/>" {
			t.Errorf("%s: xmlDetail %q", form, p)
		}
	}
}

func TestProtoValues(t *testing.T) {
	nan := math.NaN()
	e := mustProto(t, pb(2, pb(1, "a", 5, "u", 10, 1.0, 12, nan, 13, math.Inf(1), 14, 999999.0, 15, pb(5, pb(), 7, pb(1, nan, 2, 5.0), 2, pb(2, "a<\"\n")))))
	if e.Point != (Point{Lat: 1, HAE: Unknown, CE: Unknown, LE: Unknown}) {
		t.Errorf("%+v", e.Point)
	}
	const want = `<event version="2.0" uid="u" type="a" how="" time="1970-01-01T00:00:00.000Z" start="1970-01-01T00:00:00.000Z" stale="1970-01-01T00:00:00.000Z">` +
		`<point lat="1" lon="0" hae="9999999.0" ce="9999999.0" le="9999999.0"/>` +
		`<detail><contact callsign="a&lt;&quot;&#10;"/><status battery="0"/><track course="5"/></detail></event>`
	if got := e.AppendXML(nil); string(got) != want {
		t.Errorf("%s", got)
	}
	if e.Battery != 0 || !math.IsNaN(e.Speed) || e.Course != 5 {
		t.Errorf("%+v", e)
	}
}

func TestParseProtoRefuses(t *testing.T) {
	ok := []any{1, "a", 5, "u", 10, 1.0}
	for name, b := range map[string][]byte{
		"garbage":             []byte("hello"),
		"cut off":             message(1, "<a/>")[:20],
		"no uid":              pb(2, pb(1, "a")),
		"no type":             pb(2, pb(5, "a")),
		"lat NaN":             pb(2, pb(1, "a", 5, "u", 10, math.NaN())),
		"lat infinite":        pb(2, pb(1, "a", 5, "u", 10, math.Inf(1))),
		"lon 181":             pb(2, pb(1, "a", 5, "u", 11, 181.0)),
		"year 10000":          pb(2, pb(1, "a", 5, "u", 6, 253402300800000)),
		"two events":          pb(2, pb(ok...), 2, pb(ok...)),
		"two uids":            pb(2, pb(1, "a", 5, "u", 5, "v")),
		"two details":         pb(2, pb(append(ok, 15, pb(), 15, pb())...)),
		"two xmlDetails":      message(1, "<a/>", 1, "<marti/>"),
		"uid of a number":     pb(2, pb(1, "a", 5, 7)),
		"event of a number":   pb(2, 7),
		"control in the uid":  pb(2, pb(1, "a", 5, "u\x00")),
		"uid of no UTF-8":     pb(2, pb(1, "a", 5, "u\xff")),
		"long uid":            pb(2, pb(1, "a", 5, strings.Repeat("u", 1025))),
		"callsign of control": message(2, pb(2, "\x01")),
		"open xmlDetail":      message(1, "<a>"),
		"closing xmlDetail":   message(1, "</detail></event><event>"),
		"doctype":             message(1, "<!DOCTYPE a>"),
		"processing":          message(1, "<?a?>"),
		"control":             message(1, "\x02"),
		"no UTF-8":            message(1, "<a>\xff</a>"),
		"entity":              message(1, "&x;"),
		"too deep":            message(1, strings.Repeat("<a>", 63)+strings.Repeat("</a>", 63)),
		"group without end":   append(pb(2, pb(ok...)), 0xFB, 0x01),
		"length over the end": append(pb(2, pb(ok...)), 0xF2, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F),
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := ParseProto(b, DefaultLimits()); err == nil {
				t.Errorf("taken as %+v", e)
			} else if errors.Is(err, ErrNoEvent) {
				t.Errorf("taken for a message without event: %v", err)
			}
		})
	}
	for name, b := range map[string][]byte{"empty": nil, "control": pb(1, pb(1, 1, 2, 1))} {
		if _, err := ParseProto(b, DefaultLimits()); !errors.Is(err, ErrNoEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := message(1, "<a/>")
	if _, err := ParseProto(b, Limits{Event: len(b) - 1, Depth: 64, Attrs: 128}); err != ErrTooLong {
		t.Errorf("over the limit: %v", err)
	}
}

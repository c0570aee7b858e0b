package wire

import (
	"bytes"
	"iter"
	"math"
	"slices"
	"time"
)

// Unknown is how hae, ce and le are written when they are not known.
const Unknown = 9999999.0

// Point is where an event is: WGS-84 degrees and metres. HAE, CE and LE are
// Unknown when they are not known, whatever way the sender says so (999999,
// NaN, …).
type Point struct{ Lat, Lon, HAE, CE, LE float64 }

// Contact, Group and Takv are the details of a self report that others see it
// by; empty fields were absent.
type (
	Contact struct{ Callsign, Endpoint, Phone string }
	Group   struct{ Name, Role string } // __group: team colour and role
	Takv    struct{ Device, Platform, OS, Version string }
)

// Event is one CoT event. One that was read is not to be changed except by its
// methods, and not by two goroutines at a time; a clone may be changed, see
// Clone. As long as nobody changes it, any number of goroutines may read and
// encode it. Times are milliseconds since 1970 UTC.
//
// What was read is sure to hold: UID and Type are not empty, no text is longer
// than 1 KiB, Lat and Lon are degrees.
type Event struct {
	UID, Type, How                          string
	Access, QoS, Opex, Caveat, ReleasableTo string // "" is absent; Access "Undefined" is, too
	Time, Start, Stale                      int64
	Point                                   Point
	Contact                                 Contact
	Group                                   Group
	Takv                                    Takv
	Battery                                 int     // percent; -1 unknown
	Speed, Course                           float64 // m/s, degrees; NaN unknown

	form form
	raw  []byte // the whole event in the form it came in: XML element, or TakMessage; never written to
	was  *head  // of a clone: what raw says

	// Of an event in XML: the children of detail in raw. Without a detail, inner is
	// empty; in an empty <detail/> it is before the slash.
	inner                  span
	hasDetail, emptyDetail bool

	// Of the other forms: the children of detail as XML, never written to. Those of
	// a TakMessage begin with its xmlDetail, which has xmlLen bytes; what its
	// messages stand for follows.
	detail []byte
	xmlLen int
}

// form says which of its forms an event's raw bytes are in.
type form uint8

const (
	formNone form = iota // made here; raw is nil
	formXML
	formProto
)

// head is all of an event but its detail.
type head struct {
	uid, typ, how                           string
	access, qos, opex, caveat, releasableTo string
	time, start, stale                      int64
	point                                   Point
}

func (e *Event) head() head {
	return head{
		e.UID, e.Type, e.How, e.Access, e.QoS, e.Opex, e.Caveat, e.ReleasableTo,
		e.Time, e.Start, e.Stale, e.Point,
	}
}

// changed reports whether raw does not say what the fields say.
func (e *Event) changed() bool { return e.was != nil && e.head() != *e.was }

// Limits bound what is read. The zero value is not usable.
type Limits struct {
	Event int // bytes of one event, in either form
	Depth int // nesting of elements
	Attrs int // of one element
}

// DefaultLimits returns 1 MiB, 64 levels and 128 attributes.
func DefaultLimits() Limits { return Limits{Event: 1 << 20, Depth: 64, Attrs: 128} }

// New returns an event made here, at 0,0 with Unknown accuracy, valid from now
// for life. The caller may change all fields and add details before it hands it
// on. Contact, Group, Takv, Battery, Speed and Course become details unless
// elements of their names are added.
func New(uid, typ, how string, now time.Time, life time.Duration) *Event {
	ms := now.UnixMilli()
	return &Event{
		UID: uid, Type: typ, How: how, Time: ms, Start: ms, Stale: ms + life.Milliseconds(),
		Point:   Point{HAE: Unknown, CE: Unknown, LE: Unknown},
		Battery: -1, Speed: math.NaN(), Course: math.NaN(),
	}
}

// AddDetail appends XML, which must be well formed (AppendElement makes it), to
// the children of detail. Of an event that was read, it also sets Contact, Group
// and so on if there were none.
func (e *Event) AddDetail(xml []byte) {
	if len(xml) == 0 {
		return
	}
	switch e.form {
	case formXML:
		e.addXML(xml)
		e.readDetail()
	case formProto:
		e.addProto(xml)
	default:
		e.detail = slices.Concat(e.detail, xml)
	}
}

// addXML puts xml at the end of detail in raw, and makes a detail where there is
// none.
func (e *Event) addXML(xml []byte) {
	before, after, from := "", "", int(e.inner.to)
	rest := e.raw[e.inner.to:]
	switch {
	case !e.hasDetail:
		at := bytes.LastIndexByte(e.raw, '<') // </event>
		before, after = "<detail>", "</detail>"
		rest, from = e.raw[at:], at
	case e.emptyDetail:
		before, after = ">", "</detail>"
		rest = rest[len("/>"):]
	}
	start := from + len(before)
	if e.hasDetail && !e.emptyDetail {
		start = int(e.inner.from)
	}
	e.raw = slices.Concat(e.raw[:from], []byte(before), xml, []byte(after), rest)
	e.inner = span{int32(start), int32(from + len(before) + len(xml))}
	e.hasDetail, e.emptyDetail = true, false
}

// readDetail sets the fields that come from the details anew.
func (e *Event) readDetail() {
	f := newFacts()
	r := reader{b: e.Detail(), limits: trusted}
	for {
		t, err := r.next()
		if err != nil || t == tokEOF {
			break
		}
		if t == tokStart {
			f.element(&r)
			if r.skip() != nil {
				break
			}
		}
	}
	if s, err := f.strings(); err == nil { // too long only if AddDetail added it
		f.storeDetail(e, &s)
	}
}

// Detail returns the children of <detail> as XML, without the wrapper; nil when
// there are none. It is not to be changed.
func (e *Event) Detail() []byte {
	d := e.detail
	if e.form == formXML {
		d = e.raw[e.inner.from:e.inner.to:e.inner.to]
	}
	if blank(d) {
		return nil
	}
	return d
}

// Children yields the elements directly below detail, in order.
func (e *Event) Children() iter.Seq[Element] { return children(e.Detail()) }

// Child returns the first element called name directly below detail.
func (e *Event) Child(name string) (Element, bool) { return child(e.Detail(), name) }

// Cut takes all elements called name directly below detail out of e and returns
// them; every other byte stays as it is. Contact, Group and so on go with their
// elements.
func (e *Event) Cut(name string) []Element {
	d := e.detail
	if e.form == formXML {
		d = e.raw[e.inner.from:e.inner.to]
	}
	if !bytes.Contains(d, []byte(name)) {
		return nil
	}
	var found []Element
	var at []span
	r := reader{b: d, limits: trusted}
	for {
		t, err := r.next()
		if err != nil || t == tokEOF {
			break
		}
		if t != tokStart {
			continue
		}
		hit := string(r.bytes(r.name)) == name
		if r.skip() != nil {
			break
		}
		if hit {
			found = append(found, Element{Name: name, Raw: d[r.start:r.end:r.end]})
			at = append(at, span{int32(r.start), int32(r.end)})
		}
	}
	if len(found) > 0 {
		e.remove(at, kindOf([]byte(name)))
	}
	return found
}

// remove takes parts of detail out.
func (e *Event) remove(at []span, k kind) {
	switch e.form {
	case formXML:
		raw := make([]byte, 0, len(e.raw))
		from, gone := int32(0), int32(0)
		for _, s := range at {
			raw = append(raw, e.raw[from:e.inner.from+s.from]...)
			from = e.inner.from + s.to
			gone += s.to - s.from
		}
		e.raw = append(raw, e.raw[from:]...)
		e.inner.to -= gone
	default:
		detail := make([]byte, 0, len(e.detail))
		from, xmlLen := int32(0), e.xmlLen
		for _, s := range at {
			detail = append(detail, e.detail[from:s.from]...)
			from = s.to
			if int(s.to) <= e.xmlLen {
				xmlLen -= int(s.to - s.from)
			}
		}
		e.detail, e.xmlLen = append(detail, e.detail[from:]...), xmlLen
		if e.form == formProto {
			e.raw = e.rebuild(nil, e.detail[:e.xmlLen], k)
		}
	}
	if k != kindNone && e.form != formNone {
		e.readDetail()
	}
}

// Clone returns a copy of e that may be changed without e changing: by its
// methods, and in the fields up to Point, which the encodings then follow; what
// else e holds stays as it is. (The fields from Contact on are changed by Cut
// and AddDetail of their elements.)
func (e *Event) Clone() *Event {
	c := *e
	if c.form != formNone && c.was == nil {
		h := c.head()
		c.was = &h
	}
	return &c
}

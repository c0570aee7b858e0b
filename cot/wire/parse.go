package wire

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unsafe"
)

// maxField bounds what becomes a field of Event, so that an index of a database
// can hold it.
const maxField = 1024

// field is a text of an event that is kept as a string.
type field uint8

const (
	fieldUID field = iota
	fieldType
	fieldHow
	fieldAccess
	fieldQoS
	fieldOpex
	fieldCaveat
	fieldReleasableTo
	fieldCallsign
	fieldEndpoint
	fieldPhone
	fieldTeam
	fieldRole
	fieldDevice
	fieldPlatform
	fieldOS
	fieldVersion
	fields
)

// fieldNames are the names in messages for people.
var fieldNames = [fields]string{
	"uid", "type", "how", "access", "qos", "opex", "caveat", "releasableTo", "callsign", "endpoint", "phone",
	"name of the team", "role", "device", "platform", "os", "version",
}

// kind is one of the elements that TAK protocol 1 has a message for; its number
// is that of the field in Detail.
type kind uint8

const (
	kindNone    kind = 0
	kindContact kind = iota + 1
	kindGroup
	kindPrecision
	kindStatus
	kindTakv
	kindTrack
	kinds
)

func kindOf(name []byte) kind {
	switch string(name) {
	case "contact":
		return kindContact
	case "__group":
		return kindGroup
	case "precisionlocation":
		return kindPrecision
	case "status":
		return kindStatus
	case "takv":
		return kindTakv
	case "track":
		return kindTrack
	}
	return kindNone
}

// facts is what is gathered of an event while it is read, until all of it is
// known to be good.
type facts struct {
	text          [fields]value
	seen          [kinds]bool
	battery       int
	speed, course float64
}

func newFacts() facts { return facts{battery: -1, speed: math.NaN(), course: math.NaN()} }

// element takes what is kept of the element below detail whose start tag r has
// read. The first of each kind counts.
func (f *facts) element(r *reader) {
	k := kindOf(r.bytes(r.name))
	if k == kindNone || f.seen[k] {
		return
	}
	f.seen[k] = true
	take := func(to field, name string) { f.text[to], _ = r.attr(name) }
	switch k {
	case kindContact:
		take(fieldCallsign, "callsign")
		take(fieldEndpoint, "endpoint")
		take(fieldPhone, "phone")
	case kindGroup:
		take(fieldTeam, "name")
		take(fieldRole, "role")
	case kindTakv:
		take(fieldDevice, "device")
		take(fieldPlatform, "platform")
		take(fieldOS, "os")
		take(fieldVersion, "version")
	case kindStatus:
		v, _ := r.attr("battery")
		if n, ok := parseBattery(v); ok {
			f.setBattery(n)
		}
	case kindTrack:
		v, _ := r.attr("speed")
		f.speed = orNaN(parseNumber(v))
		v, _ = r.attr("course")
		f.course = orNaN(parseNumber(v))
	}
}

func (f *facts) setBattery(n uint32) {
	if n <= 100 {
		f.battery = int(n)
	}
}

// strings returns the texts as parts of one string, so that what is kept of an
// event does not hold all of it in memory.
func (f *facts) strings() (s [fields]string, err error) {
	n := 0
	for i := range f.text {
		if len(f.text[i].b) > 8*maxField {
			return s, fmt.Errorf("the %s is too long", fieldNames[i])
		}
		n += len(f.text[i].b)
	}
	buf := make([]byte, 0, n) // resolving references makes nothing longer
	for i := range f.text {
		from := len(buf)
		buf = f.text[i].append(buf)
		if len(buf)-from > maxField {
			return s, fmt.Errorf("the %s is too long", fieldNames[i])
		}
		s[i] = view(buf[from:]) // buf is not written to again
	}
	return s, nil
}

// store hands all texts to e.
func (f *facts) store(e *Event) error {
	s, err := f.strings()
	switch {
	case err != nil:
		return err
	case s[fieldUID] == "":
		return errors.New("the event has no uid")
	case s[fieldType] == "":
		return errors.New("the event has no type")
	}
	e.UID, e.Type, e.How = s[fieldUID], s[fieldType], s[fieldHow]
	if e.Access = s[fieldAccess]; e.Access == "Undefined" {
		e.Access = ""
	}
	e.QoS, e.Opex, e.Caveat, e.ReleasableTo = s[fieldQoS], s[fieldOpex], s[fieldCaveat], s[fieldReleasableTo]
	f.storeDetail(e, &s)
	return nil
}

// storeDetail hands e what is kept of its details.
func (f *facts) storeDetail(e *Event, s *[fields]string) {
	e.Contact = Contact{Callsign: s[fieldCallsign], Endpoint: s[fieldEndpoint], Phone: s[fieldPhone]}
	e.Group = Group{Name: s[fieldTeam], Role: s[fieldRole]}
	e.Takv = Takv{Device: s[fieldDevice], Platform: s[fieldPlatform], OS: s[fieldOS], Version: s[fieldVersion]}
	e.Battery, e.Speed, e.Course = f.battery, f.speed, f.course
}

// ParseXML reads one event: exactly one element <event …>…</event>, without
// prolog; white space around it is dropped. b is copied.
func ParseXML(b []byte, l Limits) (*Event, error) {
	b = trimSpace(b)
	if len(b) > l.Event {
		return nil, ErrTooLong
	}
	if !validRunes(b) {
		return nil, errors.New("XML: not valid UTF-8")
	}
	e := &Event{form: formXML}
	p := parser{r: reader{b: b, limits: l}, facts: newFacts()}
	if err := p.event(e); err != nil {
		return nil, err
	}
	if err := p.facts.store(e); err != nil {
		return nil, err
	}
	e.raw = append(make([]byte, 0, len(b)), b...)
	return e, nil
}

// parser reads an event in XML.
type parser struct {
	r     reader
	facts facts
	point bool
}

func (p *parser) event(e *Event) error {
	r := &p.r
	t, err := r.next()
	if err != nil {
		return err
	}
	if t != tokStart || string(r.bytes(r.name)) != "event" {
		return errors.New("the XML is no event")
	}
	if err := p.root(e); err != nil {
		return err
	}
	inDetail := false
	for level := r.depth; level > 0; level = r.depth {
		t, err := r.next()
		switch {
		case err != nil:
			return err
		case t == tokStart && level == 1:
			inDetail, err = p.below(e)
		case t == tokStart && level == 2 && inDetail:
			p.facts.element(r)
		case t == tokEnd && level == 2 && inDetail:
			e.inner.to, inDetail = int32(r.start), false
		}
		if err != nil {
			return err
		}
	}
	switch {
	case r.pos != len(r.b):
		return r.fail("something follows the event")
	case !p.point:
		return errors.New("the event has no point")
	}
	return nil
}

// root takes the attributes of the event.
func (p *parser) root(e *Event) error {
	r, f := &p.r, &p.facts
	var times [3]value // time, start, stale
	for i := range r.nattrs {
		a := r.at(i)
		v := r.value(a)
		switch string(r.bytes(a.name)) {
		case "uid":
			f.text[fieldUID] = v
		case "type":
			f.text[fieldType] = v
		case "how":
			f.text[fieldHow] = v
		case "access":
			f.text[fieldAccess] = v
		case "qos":
			f.text[fieldQoS] = v
		case "opex":
			f.text[fieldOpex] = v
		case "caveat":
			f.text[fieldCaveat] = v
		case "releasableTo":
			f.text[fieldReleasableTo] = v
		case "time":
			times[0] = v
		case "start":
			times[1] = v
		case "stale":
			times[2] = v
		}
	}
	if len(times[1].b) == 0 {
		times[1] = times[0]
	}
	for i, to := range [...]*int64{&e.Time, &e.Start, &e.Stale} {
		ms, err := ParseTime(view(trimSpace(times[i].b)))
		if err != nil {
			return fmt.Errorf("%s of the event: %w", [...]string{"time", "start", "stale"}[i], err)
		}
		*to = ms
	}
	return nil
}

// below takes an element directly below the event, and reports whether it is a
// detail that is open now.
func (p *parser) below(e *Event) (inDetail bool, err error) {
	r := &p.r
	switch string(r.bytes(r.name)) {
	case "point":
		if p.point {
			return false, errors.New("the event has two points")
		}
		p.point = true
		e.Point, err = pointOf(r)
		return false, err
	case "detail":
		if e.hasDetail {
			return false, errors.New("the event has two details")
		}
		e.hasDetail = true
		if r.empty {
			at := int32(r.end - len("/>"))
			e.inner, e.emptyDetail = span{at, at}, true
			return false, nil
		}
		e.inner.from = int32(r.end)
		return true, nil
	}
	return false, nil
}

func pointOf(r *reader) (p Point, err error) {
	p.HAE, p.CE, p.LE = Unknown, Unknown, Unknown
	lat, _ := r.attr("lat")
	lon, _ := r.attr("lon")
	var ok, also bool
	p.Lat, ok = parseNumber(lat)
	p.Lon, also = parseNumber(lon)
	if !ok || !also {
		return p, errPoint
	}
	for i := range r.nattrs {
		a := r.at(i)
		v := r.value(a)
		switch string(r.bytes(a.name)) {
		case "hae":
			p.HAE = orUnknown(parseNumber(v))
		case "ce":
			p.CE = orUnknown(parseNumber(v))
		case "le":
			p.LE = orUnknown(parseNumber(v))
		}
	}
	return p, p.check()
}

var errPoint = errors.New("the point's lat and lon are not degrees")

// check reports whether the position is one on earth.
func (p Point) check() error {
	if !(math.Abs(p.Lat) <= 90) || !(math.Abs(p.Lon) <= 180) {
		return errPoint
	}
	return nil
}

// orUnknown takes all that says "not known" for Unknown.
func orUnknown(f float64, ok bool) float64 {
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) || f == 999999 {
		return Unknown
	}
	return f
}

func orNaN(f float64, ok bool) float64 {
	if !ok {
		return math.NaN()
	}
	return f
}

// parseNumber reads a decimal number; NaN, infinities and other ways of writing
// than XML Schema's are none.
func parseNumber(v value) (float64, bool) {
	b := trimSpace(v.b)
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(view(b), 64)
	return f, err == nil
}

func parseBattery(v value) (uint32, bool) {
	n, err := strconv.ParseUint(view(trimSpace(v.b)), 10, 32)
	return uint32(n), err == nil
}

// view is b as a string, for functions that keep nothing of it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

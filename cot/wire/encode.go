package wire

import (
	"math"
	"slices"
	"strconv"
)

// AppendXML appends e as one element, without prolog. An event that came as XML
// is appended byte for byte.
func (e *Event) AppendXML(dst []byte) []byte {
	if e.form == formXML {
		if e.changed() {
			return e.rewrite(dst)
		}
		return append(dst, e.raw...)
	}
	dst = slices.Grow(dst, 512+len(e.detail))
	dst = append(dst, `<event version="2.0"`...)
	for _, a := range e.attributes() {
		if a.Value != "" || a.Name == "how" {
			dst = appendAttr(dst, a.Name, a.Value)
		}
	}
	dst = append(dst, "><point"...)
	for _, a := range e.Point.attributes() {
		dst = appendFloatAttr(dst, a.name, a.value)
	}
	detail := e.allDetail()
	if len(detail) == 0 {
		return append(dst, "/><detail/></event>"...)
	}
	dst = append(append(dst, "/><detail>"...), detail...)
	return append(dst, "</detail></event>"...)
}

// attributes returns those of the event that are known, in the order they are
// written in.
func (e *Event) attributes() [11]Attr {
	return [...]Attr{
		{"uid", e.UID}, {"type", e.Type}, {"how", e.How},
		{"time", FormatTime(e.Time)}, {"start", FormatTime(e.Start)}, {"stale", FormatTime(e.Stale)},
		{"access", e.Access}, {"qos", e.QoS}, {"opex", e.Opex}, {"caveat", e.Caveat}, {"releasableTo", e.ReleasableTo},
	}
}

type number struct {
	name  string
	value float64
}

func (p Point) attributes() [5]number {
	return [...]number{{"lat", p.Lat}, {"lon", p.Lon}, {"hae", p.HAE}, {"ce", p.CE}, {"le", p.LE}}
}

// allDetail returns the children of detail. Those of an event made here begin
// with what its fields stand for.
func (e *Event) allDetail() []byte {
	if e.form != formNone {
		return e.Detail()
	}
	f := newFacts()
	r := reader{b: e.detail, limits: trusted}
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
	return append(e.appendFields(nil, &f.seen), e.detail...)
}

// appendFields appends the elements that Contact, Group and so on stand for,
// except those of the kinds that are there already.
func (e *Event) appendFields(dst []byte, there *[kinds]bool) []byte {
	c := &e.Contact
	if !there[kindContact] && *c != (Contact{}) {
		dst = appendContact(dst, c)
	}
	if g := e.Group; !there[kindGroup] && g != (Group{}) {
		dst = AppendElement(dst, "__group", nil, Attr{"name", g.Name}, Attr{"role", g.Role})
	}
	if t := e.Takv; !there[kindTakv] && t != (Takv{}) {
		dst = appendTakv(dst, &t)
	}
	if !there[kindStatus] && e.Battery >= 0 {
		dst = AppendElement(dst, "status", nil, Attr{"battery", strconv.Itoa(e.Battery)})
	}
	if !there[kindTrack] && (isFinite(e.Speed) || isFinite(e.Course)) {
		dst = appendTrack(dst, e.Speed, e.Course)
	}
	return dst
}

func appendContact(dst []byte, c *Contact) []byte {
	dst = append(dst, "<contact"...)
	if c.Endpoint != "" {
		dst = appendAttr(dst, "endpoint", c.Endpoint)
	}
	if c.Phone != "" {
		dst = appendAttr(dst, "phone", c.Phone)
	}
	return append(appendAttr(dst, "callsign", c.Callsign), "/>"...)
}

func appendTakv(dst []byte, t *Takv) []byte {
	return AppendElement(dst, "takv", nil,
		Attr{"device", t.Device}, Attr{"platform", t.Platform}, Attr{"os", t.OS}, Attr{"version", t.Version})
}

// appendTrack writes the speed and course that are known.
func appendTrack(dst []byte, speed, course float64) []byte {
	dst = append(dst, "<track"...)
	if isFinite(speed) {
		dst = appendFloatAttr(dst, "speed", speed)
	}
	if isFinite(course) {
		dst = appendFloatAttr(dst, "course", course)
	}
	return append(dst, "/>"...)
}

func isFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// rewrite appends the XML of a clone whose fields have changed: the values of
// the attributes they stand for are put in place, every other byte stays.
func (e *Event) rewrite(dst []byte) []byte {
	r := reader{b: e.raw, limits: trusted}
	done := 0
	for {
		t, err := r.next()
		if err != nil || t == tokEOF {
			break
		}
		if t != tokStart {
			continue
		}
		switch name := string(r.bytes(r.name)); {
		case r.depth == 1 && !r.empty:
			now := e.attributes()
			was := (&Event{UID: e.was.uid, Type: e.was.typ, How: e.was.how, Time: e.was.time, Start: e.was.start, Stale: e.was.stale,
				Access: e.was.access, QoS: e.was.qos, Opex: e.was.opex, Caveat: e.was.caveat, ReleasableTo: e.was.releasableTo}).attributes()
			dst = r.replace(dst, &done, now[:], was[:])
		case name == "point":
			if e.Point != e.was.point {
				dst = r.replace(dst, &done, e.Point.texts(), e.was.point.texts())
			}
			return append(dst, e.raw[done:]...)
		default:
			_ = r.skip() // the XML has been read before
		}
	}
	return append(dst, e.raw[done:]...)
}

func (p Point) texts() []Attr {
	var t []Attr
	for _, a := range p.attributes() {
		t = append(t, Attr{a.name, string(appendFloat(nil, a.value))})
	}
	return t
}

// replace appends b from done to the end of the attributes of the start tag read
// last, with the values in now that differ from those in was.
func (r *reader) replace(dst []byte, done *int, now, was []Attr) []byte {
	end := int(r.name.to)
	for i := range now {
		if now[i].Value == was[i].Value {
			continue
		}
		if !r.has(now[i].Name) && now[i].Value != "" {
			dst = append(dst, r.b[*done:end]...)
			*done = end
			dst = appendAttr(dst, now[i].Name, now[i].Value)
		}
	}
	for j := range r.nattrs {
		a := r.at(j)
		for i := range now {
			if now[i].Name == string(r.bytes(a.name)) && now[i].Value != was[i].Value {
				dst = append(dst, r.b[*done:a.name.from]...)
				dst = append(append(dst, now[i].Name...), `="`...)
				dst = append(appendEscaped(dst, now[i].Value, true), '"')
				*done = int(a.value.to) + 1
			}
		}
	}
	return dst
}

func (r *reader) has(name string) bool {
	_, ok := r.attr(name)
	return ok
}

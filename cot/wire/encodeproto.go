package wire

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// AppendProto appends e as a serialised TakMessage, without frame. An event that
// came as one is appended byte for byte.
func (e *Event) AppendProto(dst []byte) []byte {
	if e.form == formProto {
		if e.changed() {
			return e.rebuild(dst, e.detail[:e.xmlLen], kindNone)
		}
		return append(dst, e.raw...)
	}
	dst = slices.Grow(dst, 128+len(e.raw)+len(e.detail))
	dst = protowire.AppendTag(dst, messageEvent, protowire.BytesType)
	at := len(dst)
	dst = e.appendHead(dst)
	if detail := e.allDetail(); len(detail) > 0 {
		dst = protowire.AppendTag(dst, eventDetail, protowire.BytesType)
		from := len(dst)
		dst = prefixLength(appendDetail(dst, detail), from)
	}
	return prefixLength(dst, at)
}

// appendHead appends the fields of a CotEvent but its detail. As proto3 wants
// it, what is zero is left out.
func (e *Event) appendHead(dst []byte) []byte {
	dst = appendString(dst, eventType, e.Type)
	dst = appendString(dst, eventAccess, e.Access)
	dst = appendString(dst, eventQoS, e.QoS)
	dst = appendString(dst, eventOpex, e.Opex)
	dst = appendString(dst, eventUID, e.UID)
	dst = appendVarint(dst, eventTime, uint64(e.Time))
	dst = appendVarint(dst, eventStart, uint64(e.Start))
	dst = appendVarint(dst, eventStale, uint64(e.Stale))
	dst = appendString(dst, eventHow, e.How)
	dst = appendDouble(dst, eventLat, e.Point.Lat)
	dst = appendDouble(dst, eventLon, e.Point.Lon)
	dst = appendDouble(dst, eventHAE, e.Point.HAE)
	dst = appendDouble(dst, eventCE, e.Point.CE)
	dst = appendDouble(dst, eventLE, e.Point.LE)
	dst = appendString(dst, eventCaveat, e.Caveat)
	return appendString(dst, eventReleasableTo, e.ReleasableTo)
}

func appendString(dst []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	return protowire.AppendString(protowire.AppendTag(dst, num, protowire.BytesType), s)
}

func appendVarint(dst []byte, num protowire.Number, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), n)
}

func appendDouble(dst []byte, num protowire.Number, f float64) []byte {
	bits := math.Float64bits(f)
	if bits == 0 {
		return dst
	}
	return protowire.AppendFixed64(protowire.AppendTag(dst, num, protowire.Fixed64Type), bits)
}

// prefixLength puts the length of dst[from:] before it.
func prefixLength(dst []byte, from int) []byte {
	n := len(dst) - from
	size := protowire.SizeVarint(uint64(n))
	dst = slices.Grow(dst, size)[:len(dst)+size]
	copy(dst[from+size:], dst[from:from+n])
	protowire.AppendVarint(dst[:from], uint64(n))
	return dst
}

// appendDetail appends the fields of the Detail that the children of detail, as
// XML, make.
func appendDetail(dst, xml []byte) []byte {
	var (
		seen  [kinds]bool
		typed [kinds]typedValues
	)
	dst = protowire.AppendTag(dst, detailXML, protowire.BytesType)
	at := len(dst)
	r := reader{b: xml, limits: trusted}
	for {
		t, err := r.next()
		if err != nil || t == tokEOF {
			break
		}
		if t == tokText && blank(xml[r.start:r.end]) {
			continue
		}
		if t == tokStart {
			k := kindOf(r.bytes(r.name))
			first := k != kindNone && !seen[k]
			if first {
				seen[k] = true
				typed[k].read(&r, k)
			}
			tag := r.end
			if r.skip() != nil {
				break
			}
			if first && typed[k].ok && (r.empty || onlyTags(xml[tag:r.end])) {
				continue
			}
			if first {
				typed[k].ok = false
			}
		}
		dst = append(dst, xml[r.start:r.end]...)
	}
	if len(dst) == at {
		dst = dst[:at-1] // the tag is one byte
	} else {
		dst = prefixLength(dst, at)
	}
	for k := kindContact; k < kinds; k++ {
		if typed[k].ok {
			dst = protowire.AppendTag(dst, protowire.Number(k), protowire.BytesType)
			from := len(dst)
			dst = prefixLength(typed[k].appendFields(dst, k), from)
		}
	}
	return dst
}

// onlyTags reports whether what follows a start tag is its end tag alone.
func onlyTags(b []byte) bool { return len(b) > 1 && b[0] == '<' && b[1] == '/' }

// typedNames are the attributes that become fields, by field number; optional
// marks the one that need not be there.
var typedNames = [kinds][5]string{
	kindContact:   {contactEndpoint: "endpoint", contactCallsign: "callsign"},
	kindGroup:     {groupName: "name", groupRole: "role"},
	kindPrecision: {precisionPoint: "geopointsrc", precisionAltitude: "altsrc"},
	kindStatus:    {statusBattery: "battery"},
	kindTakv:      {takvDevice: "device", takvPlatform: "platform", takvOS: "os", takvVersion: "version"},
	kindTrack:     {trackSpeed: "speed", trackCourse: "course"},
}

// typedValues are the attributes of an element that may become a message.
type typedValues struct {
	ok      bool
	text    [5]value
	number  [3]float64
	battery uint32
}

// read takes the attributes of the start tag that r has read. ok stays false when
// the message could not say all that the element says.
func (v *typedValues) read(r *reader, k kind) {
	found, want := 0, 0
	for num, name := range typedNames[k] {
		if name == "" {
			continue
		}
		val, there := r.attr(name)
		if there {
			found++
		}
		if k == kindContact && num == contactEndpoint {
			if there && len(val.b) == 0 {
				return // would be lost
			}
		} else if want++; !there {
			return
		}
		v.text[num] = val
	}
	if found != r.nattrs {
		return
	}
	switch k {
	case kindStatus:
		v.battery, v.ok = parseBattery(v.text[statusBattery])
	case kindTrack:
		var ok, also bool
		v.number[trackSpeed], ok = parseNumber(v.text[trackSpeed])
		v.number[trackCourse], also = parseNumber(v.text[trackCourse])
		v.ok = ok && also
	default:
		v.ok = true
	}
}

func (v *typedValues) appendFields(dst []byte, k kind) []byte {
	switch k {
	case kindStatus:
		return appendVarint(dst, statusBattery, uint64(v.battery))
	case kindTrack:
		dst = appendDouble(dst, trackSpeed, v.number[trackSpeed])
		return appendDouble(dst, trackCourse, v.number[trackCourse])
	}
	for num := range v.text {
		if len(v.text[num].b) > 0 {
			dst = protowire.AppendTag(dst, protowire.Number(num), protowire.BytesType)
			from := len(dst)
			dst = prefixLength(v.text[num].append(dst), from)
		}
	}
	return dst
}

// rebuild appends raw, a TakMessage, with the fields of the event as they are
// now, xmlDetail as given, and without the message for cut. What is not known
// stays.
func (e *Event) rebuild(dst, xml []byte, cut kind) []byte {
	var event, detail []byte
	for b := e.raw; len(b) > 0; {
		f, rest, err := nextField(b)
		if err != nil {
			break // never: it has been read before
		}
		b = rest
		if f.num == messageEvent {
			event = f.val
		} else {
			dst = append(dst, f.raw...)
		}
	}
	dst = protowire.AppendTag(dst, messageEvent, protowire.BytesType)
	at := len(dst)
	dst = e.appendHead(dst)
	for b := event; len(b) > 0; {
		f, rest, err := nextField(b)
		if err != nil {
			break
		}
		b = rest
		if f.num == eventDetail {
			detail = f.val
		} else if f.num > eventLast {
			dst = append(dst, f.raw...)
		}
	}
	dst = protowire.AppendTag(dst, eventDetail, protowire.BytesType)
	from := len(dst)
	dst = appendString(dst, detailXML, view(xml))
	for b := detail; len(b) > 0; {
		f, rest, err := nextField(b)
		if err != nil {
			break
		}
		b = rest
		if f.num != detailXML && (cut == kindNone || f.num != protowire.Number(cut)) {
			dst = append(dst, f.raw...)
		}
	}
	return prefixLength(prefixLength(dst, from), at)
}

// addProto appends xml to the xmlDetail of an event that came as a TakMessage.
func (e *Event) addProto(xml []byte) {
	raw := e.rebuild(nil, slices.Concat(e.detail[:e.xmlLen], xml), kindNone)
	n, err := ParseProto(raw, trusted)
	if err != nil {
		return // xml was not well formed
	}
	n.was = e.was
	if e.changed() { // raw follows the fields now
		h := n.head()
		n.was = &h
	}
	*e = *n
}

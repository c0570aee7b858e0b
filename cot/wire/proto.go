package wire

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The field numbers of TAK protocol 1, by message.
const (
	messageEvent = 2 // of TakMessage

	eventType         = 1
	eventAccess       = 2
	eventQoS          = 3
	eventOpex         = 4
	eventUID          = 5
	eventTime         = 6
	eventStart        = 7
	eventStale        = 8
	eventHow          = 9
	eventLat          = 10
	eventLon          = 11
	eventHAE          = 12
	eventCE           = 13
	eventLE           = 14
	eventDetail       = 15
	eventCaveat       = 16
	eventReleasableTo = 17
	eventLast         = eventReleasableTo
	detailXML         = 1 // those from 2 on are kinds
	contactEndpoint   = 1
	contactCallsign   = 2
	groupName         = 1
	groupRole         = 2
	precisionPoint    = 1
	precisionAltitude = 2
	statusBattery     = 1
	takvDevice        = 1
	takvPlatform      = 2
	takvOS            = 3
	takvVersion       = 4
	trackSpeed        = 1
	trackCourse       = 2
	detailDepth       = 2 // levels of XML that xmlDetail is below
	maxKnown          = 32
)

var errTwice = errors.New("protobuf: a field occurs twice")

// protoField is one field of a message.
type protoField struct {
	num protowire.Number
	typ protowire.Type
	raw []byte // all of it, tag included
	val []byte // of a field of bytes
	n   uint64 // of a number, or the bits of a double
}

// nextField takes the first field off b.
func nextField(b []byte) (f protoField, rest []byte, err error) {
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 {
		return f, nil, fmt.Errorf("protobuf: %w", protowire.ParseError(n))
	}
	f.num, f.typ = num, typ
	m := 0
	switch typ {
	case protowire.VarintType:
		f.n, m = protowire.ConsumeVarint(b[n:])
	case protowire.Fixed64Type:
		f.n, m = protowire.ConsumeFixed64(b[n:])
	case protowire.BytesType:
		f.val, m = protowire.ConsumeBytes(b[n:])
	default:
		m = protowire.ConsumeFieldValue(num, typ, b[n:])
	}
	if m < 0 {
		return f, nil, fmt.Errorf("protobuf: %w", protowire.ParseError(m))
	}
	f.raw = b[:n+m]
	return f, b[n+m:], nil
}

// protoSchema says of what wire type the known fields of a message are; 0 marks
// those that are not known.
type protoSchema [maxKnown]uint8

// Wire types, plus one so that 0 is none.
const (
	wantVarint = uint8(protowire.VarintType) + 1
	wantDouble = uint8(protowire.Fixed64Type) + 1
	wantBytes  = uint8(protowire.BytesType) + 1
)

var (
	messageSchema = protoSchema{1: wantBytes, messageEvent: wantBytes, 3: wantVarint, 4: wantVarint}
	eventSchema   = protoSchema{
		eventType: wantBytes, eventAccess: wantBytes, eventQoS: wantBytes, eventOpex: wantBytes, eventUID: wantBytes,
		eventTime: wantVarint, eventStart: wantVarint, eventStale: wantVarint, eventHow: wantBytes,
		eventLat: wantDouble, eventLon: wantDouble, eventHAE: wantDouble, eventCE: wantDouble, eventLE: wantDouble,
		eventDetail: wantBytes, eventCaveat: wantBytes, eventReleasableTo: wantBytes,
	}
	detailSchema = protoSchema{1: wantBytes, 2: wantBytes, 3: wantBytes, 4: wantBytes, 5: wantBytes, 6: wantBytes, 7: wantBytes}
	kindSchema   = [kinds]protoSchema{
		kindContact:   {contactEndpoint: wantBytes, contactCallsign: wantBytes},
		kindGroup:     {groupName: wantBytes, groupRole: wantBytes},
		kindPrecision: {precisionPoint: wantBytes, precisionAltitude: wantBytes},
		kindStatus:    {statusBattery: wantVarint},
		kindTakv:      {takvDevice: wantBytes, takvPlatform: wantBytes, takvOS: wantBytes, takvVersion: wantBytes},
		kindTrack:     {trackSpeed: wantDouble, trackCourse: wantDouble},
	}
)

// each calls known for the known fields of the message b. A known field of
// another wire type and one that occurs twice are errors: readers would not
// agree about what they mean.
func (s *protoSchema) each(b []byte, known func(f protoField) error) error {
	var seen uint32
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			return err
		}
		b = rest
		if f.num >= maxKnown || s[f.num] == 0 {
			continue
		}
		if s[f.num] != uint8(f.typ)+1 {
			return errors.New("protobuf: a field of the wrong wire type")
		}
		if seen&(1<<f.num) != 0 {
			return errTwice
		}
		seen |= 1 << f.num
		if err := known(f); err != nil {
			return err
		}
	}
	return nil
}

// ParseProto reads one serialised TakMessage. b is copied. An error that wraps
// ErrNoEvent means that it holds only a TakControl.
func ParseProto(b []byte, l Limits) (*Event, error) {
	if len(b) > l.Event {
		return nil, ErrTooLong
	}
	var ev []byte
	err := messageSchema.each(b, func(f protoField) error {
		if f.num == messageEvent {
			ev = f.val // never nil, even if empty
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if ev == nil {
		return nil, fmt.Errorf("protobuf: %w", ErrNoEvent)
	}
	e := &Event{form: formProto}
	p := protoParser{limits: l, facts: newFacts()}
	if err := p.event(e, ev); err != nil {
		return nil, err
	}
	if err := p.facts.store(e); err != nil {
		return nil, err
	}
	e.raw = append(make([]byte, 0, len(b)), b...)
	return e, nil
}

// protoParser reads a CotEvent.
type protoParser struct {
	limits Limits
	facts  facts
}

func (p *protoParser) event(e *Event, b []byte) error {
	pt := &e.Point
	err := eventSchema.each(b, func(f protoField) error {
		switch f.num {
		case eventType:
			return p.text(fieldType, f)
		case eventAccess:
			return p.text(fieldAccess, f)
		case eventQoS:
			return p.text(fieldQoS, f)
		case eventOpex:
			return p.text(fieldOpex, f)
		case eventUID:
			return p.text(fieldUID, f)
		case eventHow:
			return p.text(fieldHow, f)
		case eventCaveat:
			return p.text(fieldCaveat, f)
		case eventReleasableTo:
			return p.text(fieldReleasableTo, f)
		case eventTime:
			return protoTime(&e.Time, f)
		case eventStart:
			return protoTime(&e.Start, f)
		case eventStale:
			return protoTime(&e.Stale, f)
		case eventLat:
			pt.Lat = math.Float64frombits(f.n)
		case eventLon:
			pt.Lon = math.Float64frombits(f.n)
		case eventHAE:
			pt.HAE = orUnknown(math.Float64frombits(f.n), true)
		case eventCE:
			pt.CE = orUnknown(math.Float64frombits(f.n), true)
		case eventLE:
			pt.LE = orUnknown(math.Float64frombits(f.n), true)
		case eventDetail:
			return p.detail(e, f.val)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return pt.check()
}

func (p *protoParser) text(to field, f protoField) error {
	if !validString(f.val) {
		return fmt.Errorf("protobuf: the %s is no text", fieldNames[to])
	}
	p.facts.text[to] = value{f.val, true}
	return nil
}

func protoTime(to *int64, f protoField) error {
	if f.n > maxTime {
		return errTime
	}
	*to = int64(f.n)
	return nil
}

// detail reads a Detail and makes its XML.
func (p *protoParser) detail(e *Event, b []byte) error {
	var xml []byte
	var typed [kinds][]byte
	err := detailSchema.each(b, func(f protoField) error {
		if f.num == detailXML {
			xml = f.val
			return nil
		}
		typed[f.num] = f.val // never nil, even if empty
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.xmlDetail(xml); err != nil {
		return err
	}
	e.xmlLen = len(xml)
	e.detail = append(make([]byte, 0, len(b)+256), xml...)
	for k := kindContact; k < kinds; k++ {
		if typed[k] == nil {
			continue
		}
		m, err := readTyped(k, typed[k])
		if err != nil {
			return err
		}
		if p.facts.seen[k] {
			continue // what xmlDetail says about it counts
		}
		m.gather(&p.facts)
		e.detail = m.appendXML(e.detail)
	}
	return nil
}

// xmlDetail checks the XML of a Detail and gathers what is kept of it.
func (p *protoParser) xmlDetail(b []byte) error {
	if !validRunes(b) {
		return errors.New("protobuf: xmlDetail is not valid UTF-8")
	}
	l := p.limits
	l.Depth -= detailDepth
	r := reader{b: b, limits: l}
	for {
		level := r.depth
		t, err := r.next()
		if err != nil || t == tokEOF {
			return err
		}
		if t == tokStart && level == 0 {
			p.facts.element(&r)
		}
	}
}

// typedMessage is what one of the messages of Detail says: its fields of text, or
// numbers, by field number.
type typedMessage struct {
	kind    kind
	text    [5][]byte
	number  [3]float64
	battery uint32
}

func readTyped(k kind, b []byte) (m typedMessage, err error) {
	m.kind = k
	err = kindSchema[k].each(b, func(f protoField) error {
		switch k {
		case kindStatus:
			m.battery = uint32(f.n)
		case kindTrack:
			m.number[f.num] = math.Float64frombits(f.n)
		default:
			if !validString(f.val) {
				return errors.New("protobuf: a detail that is no text")
			}
			m.text[f.num] = f.val
		}
		return nil
	})
	return m, err
}

// gather hands over what is kept.
func (m *typedMessage) gather(f *facts) {
	take := func(to field, num int) { f.text[to] = value{m.text[num], true} }
	switch m.kind {
	case kindContact:
		take(fieldCallsign, contactCallsign)
		take(fieldEndpoint, contactEndpoint)
	case kindGroup:
		take(fieldTeam, groupName)
		take(fieldRole, groupRole)
	case kindTakv:
		take(fieldDevice, takvDevice)
		take(fieldPlatform, takvPlatform)
		take(fieldOS, takvOS)
		take(fieldVersion, takvVersion)
	case kindStatus:
		f.setBattery(m.battery)
	case kindTrack:
		f.speed, f.course = orNaN(m.number[trackSpeed], isFinite(m.number[trackSpeed])), orNaN(m.number[trackCourse], isFinite(m.number[trackCourse]))
	}
}

// appendXML appends the element that the message stands for.
func (m *typedMessage) appendXML(dst []byte) []byte {
	text := func(num int) string { return view(m.text[num]) }
	switch m.kind {
	case kindContact:
		return appendContact(dst, &Contact{Callsign: text(contactCallsign), Endpoint: text(contactEndpoint)})
	case kindGroup:
		return AppendElement(dst, "__group", nil, Attr{"name", text(groupName)}, Attr{"role", text(groupRole)})
	case kindPrecision:
		return AppendElement(dst, "precisionlocation", nil,
			Attr{"geopointsrc", text(precisionPoint)}, Attr{"altsrc", text(precisionAltitude)})
	case kindStatus:
		return AppendElement(dst, "status", nil, Attr{"battery", strconv.FormatUint(uint64(m.battery), 10)})
	case kindTakv:
		return appendTakv(dst, &Takv{text(takvDevice), text(takvPlatform), text(takvOS), text(takvVersion)})
	}
	return appendTrack(dst, m.number[trackSpeed], m.number[trackCourse])
}

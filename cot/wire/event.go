package wire

import (
	"iter"
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
// methods, and not by two goroutines at a time. Times are milliseconds since
// 1970 UTC.
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

	form   form
	raw    []byte // the whole event in the form it came in or was made: XML element, or TakMessage
	detail []byte // children of <detail> as XML; for a TakMessage made when first asked for
}

// form says which of its forms an event's raw bytes are in.
type form uint8

const (
	formNone form = iota // made here; raw is nil
	formXML
	formProto
)

// Element is one XML element. Raw is all of it, tags included; it shares memory
// with the event and is not to be changed.
type Element struct {
	Name string
	Raw  []byte
}

// Attr is an attribute of an element in New's and Elem's helpers.
type Attr struct{ Name, Value string }

// Limits bound what is read. The zero value is not usable.
type Limits struct {
	Event int // bytes of one event, in either form
	Depth int // nesting of elements
	Attrs int // of one element
}

// DefaultLimits returns 1 MiB, 64 levels and 128 attributes.
func DefaultLimits() Limits { return Limits{Event: 1 << 20, Depth: 64, Attrs: 128} }

// ParseXML reads one event: exactly one element <event …>…</event>, without
// prolog. b is copied.
func ParseXML(b []byte, l Limits) (*Event, error) { panic("wire") }

// ParseProto reads one serialised TakMessage. b is copied. An error that wraps
// ErrNoEvent means that it holds only a TakControl.
func ParseProto(b []byte, l Limits) (*Event, error) { panic("wire") }

// New returns an event made here, at 0,0 with Unknown accuracy, valid from now
// for life. The caller may change all fields and add details before it hands it
// on.
func New(uid, typ, how string, now time.Time, life time.Duration) *Event { panic("wire") }

// AddDetail appends XML, which must be well formed (AppendElement makes it), to
// the children of detail.
func (e *Event) AddDetail(xml []byte) { panic("wire") }

// Detail returns the children of <detail> as XML, without the wrapper; nil when
// there are none. It is not to be changed.
func (e *Event) Detail() []byte { panic("wire") }

// Children yields the elements directly below detail, in order.
func (e *Event) Children() iter.Seq[Element] { panic("wire") }

// Child returns the first element called name directly below detail.
func (e *Event) Child(name string) (Element, bool) { panic("wire") }

// Cut takes all elements called name directly below detail out of e and returns
// them; every other byte stays as it is.
func (e *Event) Cut(name string) []Element { panic("wire") }

// Clone returns a copy of e that may be changed without e changing.
func (e *Event) Clone() *Event { panic("wire") }

// AppendXML appends e as one element, without prolog. An event that came as XML
// is appended byte for byte.
func (e *Event) AppendXML(dst []byte) []byte { panic("wire") }

// AppendProto appends e as a serialised TakMessage, without frame.
func (e *Event) AppendProto(dst []byte) []byte { panic("wire") }

// Attr returns the value of an attribute, unescaped; "" if it is absent.
func (el Element) Attr(name string) string { panic("wire") }

// Text returns the character data directly in the element, unescaped.
func (el Element) Text() string { panic("wire") }

// Inner returns what is between the element's tags, as it is.
func (el Element) Inner() []byte { panic("wire") }

// Children yields the elements directly below el.
func (el Element) Children() iter.Seq[Element] { panic("wire") }

// Child returns the first element called name directly below el.
func (el Element) Child(name string) (Element, bool) { panic("wire") }

// ParseElement reads one element, for XML other than events that clients send
// (videoConnections, checklists, manifests): a prolog is skipped, DOCTYPE
// refused, the limits hold. b is not copied.
func ParseElement(b []byte, l Limits) (Element, error) { panic("wire") }

// AppendElement appends <name attrs…>inner</name>; attributes are escaped, inner
// is XML already. Empty inner makes it self-closed.
func AppendElement(dst []byte, name string, inner []byte, attrs ...Attr) []byte { panic("wire") }

// AppendText appends s escaped for character data or a double-quoted attribute.
// What XML 1.0 cannot hold is replaced by U+FFFD.
func AppendText(dst []byte, s string) []byte { panic("wire") }

// FormatTime writes ms since 1970 as 2026-03-01T12:00:00.000Z.
func FormatTime(ms int64) string { panic("wire") }

// ParseTime reads the times of CoT and of Marti's parameters: UTC with 0 to 9
// digits of fraction, Z or an offset.
func ParseTime(s string) (int64, error) { panic("wire") }

// Dest is one recipient named in a marti element.
type Dest struct {
	Callsign, UID, Mission, MissionGUID, Group, Path, After string
}

// Dests reads marti elements, as Cut returns them.
func Dests(marti []Element) []Dest { panic("wire") }

// MartiElement writes a marti element for d.
func MartiElement(d []Dest) []byte { panic("wire") }

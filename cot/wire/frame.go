package wire

import "errors"

// The errors of the readers. Errors of ParseXML and ParseProto that are none of
// these say in words what is wrong with the one event.
var (
	ErrNoEvent = errors.New("the message holds no event")
	ErrTooLong = errors.New("longer than the limit")
	ErrFraming = errors.New("the stream cannot be followed any more") // the connection must end
)

// Kind says what a Scanner found.
type Kind uint8

const (
	None    Kind = iota // nothing whole yet: read more
	XML                 // one <event …>…</event>, for ParseXML
	Proto               // one payload, for ParseProto
	Auth                // one <auth>…</auth>
	Skipped             // an event over the limit was passed over, or bytes that are no event; Data is nil
)

// Item is one thing found on a stream. Data shares memory with the buffer.
type Item struct {
	Kind Kind
	Data []byte
	Err  error // of Skipped: why
}

// Scanner finds events on a byte stream. It holds no bytes itself: the caller
// keeps what was not consumed and calls again with more behind it. The zero
// Scanner is not usable.
type Scanner struct {
	limits Limits
	// … state of the owner of this file
}

// NewScanner returns a scanner that expects XML, and changes to Proto for good
// when the very first byte of the stream is 0xBF.
func NewScanner(l Limits) *Scanner { panic("wire") }

// Next looks at buf, the bytes not consumed so far, and returns what it found
// first and how many bytes of buf are done with. With Kind None and n == 0 more
// bytes are needed. The error is ErrFraming. The work for an event that comes
// in small pieces is linear in its length.
func (s *Scanner) Next(buf []byte) (it Item, n int, err error) { panic("wire") }

// SetProto makes the next byte the start of a version 1 frame: after a t-x-takp-q
// was granted. SetLimits changes the limits: after authentication.
func (s *Scanner) SetProto()          { panic("wire") }
func (s *Scanner) SetLimits(l Limits) { panic("wire") }

// IsProto reports whether frames are expected.
func (s *Scanner) IsProto() bool { panic("wire") }

// AppendFrame appends the header of a version 1 stream frame of n payload bytes:
// 0xBF and the length as varint.
func AppendFrame(dst []byte, n int) []byte { panic("wire") }

// ParseDatagram reads one UDP datagram or mesh packet: an XML event, with or
// without prolog, or 0xBF 0x01 0xBF and a TakMessage.
func ParseDatagram(b []byte, l Limits) (*Event, error) { panic("wire") }

// Credentials are those of an auth element.
type Credentials struct{ Username, Password, UID, Callsign string }

// ParseAuth reads the Data of an Auth item.
func ParseAuth(b []byte) (Credentials, error) { panic("wire") }

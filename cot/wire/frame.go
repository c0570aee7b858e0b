package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

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

const (
	magic     = 0xBF    // begins a frame
	maxAuth   = 4 << 10 // bytes of an auth element; TAK Server takes 1 KiB
	maxFrame  = 1 << 30 // a frame that says to be longer is not passed over: the length must be wrong
	maxProlog = 1 << 10 // of what may begin between events and be unfinished
	maxHeader = 1 + 10  // of a frame
)

// Scanner finds events on a byte stream. It holds no bytes itself: the caller
// keeps what was not consumed and calls again with more behind it. The zero
// Scanner is not usable.
type Scanner struct {
	limits  Limits
	begun   bool   // a byte has been consumed
	proto   bool   // frames are expected
	granted bool   // SetProto was called and no frame has come yet
	pass    uint64 // bytes of a frame over the limit that are still to be passed over

	place place
	auth  bool // the element is an auth
	quote byte // inTag: of the value that is open, or 0
	off   int  // bytes of the element that have been looked at
	skip  bool // the element is over the limit; what was looked at is consumed
	gone  int  // bytes of the element that are consumed
	since int  // where in the element the comment or CDATA section has begun
	junk  bool // between: the bytes that are no event have been reported
}

// NewScanner returns a scanner that expects XML, and changes to Proto for good
// when the very first byte of the stream is 0xBF.
func NewScanner(l Limits) *Scanner { return &Scanner{limits: l} }

// Pending returns how many bytes the caller must at most be ready to keep: with
// as many unconsumed, Next always makes progress.
func (s *Scanner) Pending() int { return max(s.limits.Event, maxAuth) + maxProlog }

// Next looks at buf, the bytes not consumed so far, and returns what it found
// first and how many bytes of buf are done with. With Kind None and n == 0 more
// bytes are needed. The error is ErrFraming. The work for an event that comes
// in small pieces is linear in its length.
func (s *Scanner) Next(buf []byte) (it Item, n int, err error) {
	if len(buf) == 0 {
		return it, 0, nil
	}
	if !s.begun && buf[0] == magic {
		s.proto = true
	}
	s.begun = true
	if s.proto {
		return s.frame(buf)
	}
	if s.place == between {
		it, n = s.seek(buf)
		if it.Kind != None || s.place == between {
			return it, n, nil
		}
	}
	more := 0
	it, more, err = s.element(buf[n:])
	return it, n + more, err
}

// SetProto makes the next byte the start of a version 1 frame: after a t-x-takp-q
// was granted. White space that a client put behind its request is passed over.
func (s *Scanner) SetProto() {
	*s = Scanner{limits: s.limits, begun: true, proto: true, granted: true}
}

// SetLimits changes the limits: after authentication.
func (s *Scanner) SetLimits(l Limits) { s.limits = l }

// IsProto reports whether frames are expected.
func (s *Scanner) IsProto() bool { return s.proto }

// frame takes a version 1 frame.
func (s *Scanner) frame(buf []byte) (it Item, n int, err error) {
	if s.pass > 0 {
		n = int(min(uint64(len(buf)), s.pass))
		if s.pass -= uint64(n); s.pass == 0 {
			it = Item{Kind: Skipped, Err: ErrTooLong}
		}
		return it, n, nil
	}
	if s.granted {
		for n < len(buf) && class[buf[n]]&isSpace != 0 {
			n++
		}
		if n > 0 {
			return it, n, nil
		}
	}
	if buf[0] != magic {
		return it, 0, fmt.Errorf("a frame begins with %#02x: %w", buf[0], ErrFraming)
	}
	size, m := protowire.ConsumeVarint(buf[1:])
	if m < 0 {
		if len(buf) < maxHeader && protowire.ParseError(m) == errShort {
			return it, 0, nil
		}
		return it, 0, fmt.Errorf("length of a frame: %w", ErrFraming)
	}
	if size > maxFrame {
		return it, 0, fmt.Errorf("a frame of %d bytes: %w", size, ErrFraming)
	}
	s.granted = false
	n = 1 + m
	if size > uint64(s.limits.Event) {
		s.pass = size
		return it, n, nil
	}
	if uint64(len(buf)-n) < size {
		return it, 0, nil
	}
	end := n + int(size)
	return Item{Kind: Proto, Data: buf[n:end:end]}, end, nil
}

// errShort is what protowire says of a varint that is cut off.
var errShort = func() error {
	_, n := protowire.ConsumeVarint(nil)
	return protowire.ParseError(n)
}()

// AppendFrame appends the header of a version 1 stream frame of n payload bytes:
// 0xBF and the length as varint.
func AppendFrame(dst []byte, n int) []byte {
	return protowire.AppendVarint(append(dst, magic), uint64(n))
}

// Package dtmf reads and makes the digits of a telephone: as events in RTP
// (RFC 4733) and as tones in the sound (ITU-T Q.23, Q.24).
package dtmf

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// Digits are the digits in the order of their event codes (RFC 4733 §3.2).
const Digits = "0123456789*#ABCD"

var (
	// ErrPayload says that a payload is no whole number of events.
	ErrPayload = errors.New("dtmf: not a telephone event")
	// ErrDigit says that a string holds what is no digit.
	ErrDigit = errors.New("dtmf: not a digit")
)

// Event is one report of RFC 4733 §2.3 about a digit or another event.
type Event struct {
	Code     byte // index in Digits if less than 16
	End      bool
	Volume   byte   // in -dBm0, 0 to 63
	Duration uint16 // so far, in units of the RTP clock
}

const (
	eventSize = 4
	// maxEvents is how many reports one packet may hold: more than a telephone
	// has fingers for.
	maxEvents = 8
)

// Parse reads the first report of a payload.
func Parse(payload []byte) (Event, error) {
	if len(payload) < eventSize {
		return Event{}, ErrPayload
	}
	return Event{
		Code:     payload[0],
		End:      payload[1]&0x80 != 0,
		Volume:   payload[1] & 0x3f,
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, nil
}

// Append appends the report to b.
func (e Event) Append(b []byte) []byte {
	flags := e.Volume & 0x3f
	if e.End {
		flags |= 0x80
	}
	return binary.BigEndian.AppendUint16(append(b, e.Code, flags), e.Duration)
}

// Receiver finds the presses in the reports of one sender, of which there are
// many for each press and some lost. A press counts with the first report that
// arrives. The zero value is ready; one goroutine at a time.
type Receiver struct {
	started bool
	last    uint32 // timestamp of the newest press
	code    byte
	next    uint32 // where the press went on if it is longer than a duration can say
	endless bool   // the newest press has reached that duration
}

// stale is how far a timestamp may lie before the newest press to be a report
// that comes late; beyond it the sender has started anew. At 8000 Hz it is
// eight seconds, at 48000 Hz more than one.
const stale = 64000

// Receive appends to digits those that a packet starts, and returns them.
// Events that are no digits are left out. timestamp is that of RTP.
func (r *Receiver) Receive(digits []byte, payload []byte, timestamp uint32) ([]byte, error) {
	if len(payload) == 0 || len(payload)%eventSize != 0 || len(payload) > maxEvents*eventSize {
		return digits, ErrPayload
	}
	for ; len(payload) > 0; payload = payload[eventSize:] {
		e, err := Parse(payload)
		if err != nil {
			return digits, err
		}
		if r.starts(e, timestamp) && int(e.Code) < len(Digits) {
			digits = append(digits, Digits[e.Code])
		}
		// Further events of a packet follow each other (RFC 4733 §2.5.1.5).
		timestamp += uint32(e.Duration)
	}
	return digits, nil
}

// starts tells whether a report is the first of its press.
func (r *Receiver) starts(e Event, timestamp uint32) bool {
	ahead := int32(timestamp - r.last)
	switch {
	case !r.started:
	case ahead == 0:
		r.note(e, timestamp)
		return false
	case ahead < 0 && ahead > -stale:
		return false
	case r.endless && timestamp == r.next && e.Code == r.code:
		// The next segment of a long press (RFC 4733 §2.5.1.3).
		r.last = timestamp
		r.note(e, timestamp)
		return false
	}
	r.started, r.last, r.code = true, timestamp, e.Code
	r.note(e, timestamp)
	return true
}

func (r *Receiver) note(e Event, timestamp uint32) {
	r.endless = e.Duration == 0xffff && !e.End
	r.next = timestamp + 0xffff
}

// Sender makes the reports of presses: one packet each 20 ms of a press, the
// last one three times. One goroutine at a time.
type Sender struct {
	digits      string
	step        uint32 // 20 ms of the RTP clock
	tone, pause uint32 // likewise
	start       uint32 // of the press
	state       senderState
	ends        int
}

type senderState int

const (
	senderIdle senderState = iota
	senderTone
	senderPause
)

// Packet is what a Sender wants sent.
type Packet struct {
	Payload   [eventSize]byte
	Timestamp uint32 // the start of the press
	Marker    bool   // the first packet of a press
}

// endPackets is how often the end of a press is told (RFC 4733 §2.5.1.4).
const endPackets = 3

// volume of what we send, in -dBm0.
const volume = 10

// NewSender returns a Sender of digits on an RTP clock of rate Hz: each is
// pressed for tone, at least 40 ms and at most 1 s, and the next one follows
// after pause, at least 40 ms. Lower-case letters are taken as well.
func NewSender(digits string, rate int, tone, pause time.Duration) (*Sender, error) {
	digits, err := clean(digits)
	if err != nil {
		return nil, err
	}
	tone = min(max(tone, 40*time.Millisecond), time.Second)
	pause = min(max(pause, 40*time.Millisecond), 10*time.Second)
	units := func(d time.Duration) uint32 { return uint32(d * time.Duration(rate) / time.Second) }
	return &Sender{digits: digits, step: units(20 * time.Millisecond), tone: units(tone), pause: units(pause)}, nil
}

func clean(digits string) (string, error) {
	digits = strings.ToUpper(digits)
	for _, d := range []byte(digits) {
		if strings.IndexByte(Digits, d) < 0 {
			return "", ErrDigit
		}
	}
	return digits, nil
}

// Done tells whether all digits have been sent.
func (s *Sender) Done() bool { return len(s.digits) == 0 }

// Next is called every 20 ms with the RTP timestamp of that moment. It returns
// the packet to send instead of sound, or false if there is none. Where the
// clock of the events is not that of the sound, now is in units of the events.
func (s *Sender) Next(now uint32) (Packet, bool) {
	if s.Done() {
		return Packet{}, false
	}
	e := Event{Code: byte(strings.IndexByte(Digits, s.digits[0])), Volume: volume}
	switch s.state {
	case senderPause:
		if now-s.start < s.tone+s.pause {
			return Packet{}, false
		}
		fallthrough
	case senderIdle:
		s.start, s.state, s.ends = now, senderTone, 0
	}
	e.Duration = uint16(min(now-s.start+s.step, s.tone))
	e.End = now-s.start+s.step >= s.tone
	p := Packet{Timestamp: s.start, Marker: now == s.start}
	e.Append(p.Payload[:0])
	if e.End {
		if s.ends++; s.ends == endPackets {
			s.digits, s.state = s.digits[1:], senderPause
		}
	}
	return p, true
}

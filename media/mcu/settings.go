package mcu

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/auth"
	"muster/internal/safename"
)

// Role is what a participant is in its room.
type Role string

// The roles, in rising order of right.
const (
	Listener Role = "listener" // sees and hears, may raise a hand and chat
	Speaker  Role = "speaker"  // is also seen and heard
	Host     Role = "host"     // also decides about the room and the others
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == Listener || r == Speaker || r == Host }

// Settings is what a room is, whether anybody is in it or not.
type Settings struct {
	Name      safename.Name // of the room; its stream is "rooms/" and this
	Title     string        // for people; at most maxTitle characters
	Groups    []string      // whose members may enter
	Owner     string        // user who made it; host whenever inside
	Hosts     []string      // other users who are hosts
	PIN       string        // digits that guests and callers enter; empty: none is asked for
	Number    string        // what SIP endpoints dial besides the name; empty: none
	Permanent bool          // stays when everybody has left
	Lobby     bool          // whoever is not a host waits until one lets them in
	Locked    bool          // nobody but hosts gets in any more
	Capacity  int           // most participants; 0: what the server allows
	Floor     int           // most seconds that one may talk, while nobody else is heard; 0: everybody is
	Entry     Role          // of those who may speak, when they enter: Speaker or Listener
	Starts    time.Time     // zero: open at any time
	Ends      time.Time     // zero: does not end by itself
	Created   time.Time
	Parent    string // of a breakout room: the room it was split from; else empty
	Free      bool   // of a breakout room: people move between it, its parent and its siblings as they like
}

// Stream returns the name of the room's stream.
func (s *Settings) Stream() string { return auth.RoomStreams + s.Name.String() }

// Bounds of what people may set.
const (
	maxTitle    = 100 // characters
	maxCapacity = 1000
	maxHosts    = 50
	minPIN      = 4 // digits
	maxPIN      = 12
	maxNumber   = 15 // digits, as in E.164
	minFloor    = 5  // seconds
	maxFloor    = 600
)

// ErrInvalid is wrapped by every refusal of settings.
var ErrInvalid = errors.New("invalid")

// Validate reports the first setting that cannot be.
func (s *Settings) Validate() error {
	switch {
	case s.Name.IsZero() || strings.Contains(s.Name.String(), "/"):
		return fmt.Errorf("%w: a room's name is one word without a slash", ErrInvalid)
	case !printable(s.Title, maxTitle):
		return fmt.Errorf("%w: the title is at most %d printable characters", ErrInvalid, maxTitle)
	case len(s.Groups) == 0:
		return fmt.Errorf("%w: a room belongs to at least one group", ErrInvalid)
	case s.PIN != "" && !digits(s.PIN, minPIN, maxPIN):
		return fmt.Errorf("%w: a PIN has %d to %d digits", ErrInvalid, minPIN, maxPIN)
	case s.Number != "" && !digits(s.Number, 1, maxNumber):
		return fmt.Errorf("%w: a number has at most %d digits", ErrInvalid, maxNumber)
	case s.Capacity < 0 || s.Capacity > maxCapacity:
		return fmt.Errorf("%w: the capacity is between 1 and %d, or 0 for no limit of its own", ErrInvalid, maxCapacity)
	case s.Entry != Speaker && s.Entry != Listener:
		return fmt.Errorf("%w: people enter as %s or %s", ErrInvalid, Speaker, Listener)
	case s.Floor != 0 && (s.Floor < minFloor || s.Floor > maxFloor):
		return fmt.Errorf("%w: one may talk for %d to %d seconds at a time, or 0 for no floor control", ErrInvalid, minFloor, maxFloor)
	case len(s.Hosts) > maxHosts:
		return fmt.Errorf("%w: more than %d hosts", ErrInvalid, maxHosts)
	case !s.Ends.IsZero() && !s.Ends.After(s.Starts):
		return fmt.Errorf("%w: the room ends before it starts", ErrInvalid)
	}
	return nil
}

// open reports why the room cannot be entered at t, or nil.
func (s *Settings) open(t time.Time) error {
	switch {
	case !s.Starts.IsZero() && t.Before(s.Starts.Add(-early)):
		return &NotOpenError{From: s.Starts.Add(-early)}
	case !s.Ends.IsZero() && t.After(s.Ends):
		return ErrOver
	}
	return nil
}

// early is how long before its start a scheduled room can be entered.
const early = 10 * time.Minute

func printable(s string, most int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

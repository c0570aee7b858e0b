package mcu

import (
	"errors"
	"fmt"
	"time"
)

// Why somebody does not get into a room, or may not do something there. Legs
// translate them to their protocol's codes.
var (
	// ErrNotFound: there is no such room, or it belongs to others.
	ErrNotFound = errors.New("no room of that name that you may enter")
	// ErrPIN: the PIN is missing or wrong.
	ErrPIN = errors.New("the PIN is needed to enter this room")
	// ErrLocked: a host has closed the door.
	ErrLocked = errors.New("the room is locked")
	// ErrFull: everybody fits that may.
	ErrFull = errors.New("the room is full")
	// ErrOver: a scheduled room's time is up.
	ErrOver = errors.New("this meeting is over")
	// ErrHost: only hosts may do this.
	ErrHost = errors.New("only a host may do this")
	// ErrListener: a listener cannot be heard or seen.
	ErrListener = errors.New("listeners cannot send sound or pictures; raise your hand to be let")
	// ErrBusy: another has the floor.
	ErrBusy = errors.New("somebody else has the floor")
	// ErrGone: the participant is not in the room any more.
	ErrGone = errors.New("not in the room any more")
	// ErrTaken: the name or number belongs to another room.
	ErrTaken = errors.New("there is a room of that name or number already")
	// ErrSplit: the room has breakout rooms, and cannot have others as well.
	ErrSplit = errors.New("the room is split into breakout rooms already")
	// ErrPass: the pass to another room is not valid, or not any more.
	ErrPass = errors.New("this pass to the room is not valid any more")
	// ErrTracks: one participant sends more than it may.
	ErrTracks = errors.New("more sound or pictures from one participant than a room takes")
	// ErrFormat: the room cannot carry this codec.
	ErrFormat = errors.New("the room cannot carry this codec")
)

// NotOpenError: a scheduled room is entered too early.
type NotOpenError struct{ From time.Time }

func (e *NotOpenError) Error() string {
	return fmt.Sprintf("this meeting opens at %s", e.From.UTC().Format(time.RFC3339))
}

// BusyError is ErrBusy with who has the floor.
type BusyError struct{ Holder string } // id of a participant

func (*BusyError) Error() string   { return ErrBusy.Error() }
func (*BusyError) Is(e error) bool { return e == ErrBusy }

// The reasons a participant's leg is ended for.
var (
	ErrKicked  = errors.New("a host has ended your stay")
	ErrRefused = errors.New("the host did not let you in")
	ErrClosed  = errors.New("the room was closed")
	errStopped = errors.New("the server is stopping")
)

package notify

import (
	"encoding/json"
	"errors"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/media"
	"muster/media/mcu"
)

// request is a message of a client. docs/room-protocol.md describes them.
type request struct {
	ID   int64           `json:"id"` // named in the answer
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// message is what a client is told. Events are numbered; answers are not, and
// name the request instead.
type message struct {
	Seq  int64  `json:"seq,omitempty"`
	Re   int64  `json:"re,omitempty"`
	Type string `json:"type"`
	Data any    `json:"data,omitempty"`
}

// The types of messages of the server beside the events of package mcu.
const (
	typeHello = "hello" // hello: the first of each connection
	typeOK    = "ok"    // the request was done
	typeError = "error" // failure
	typeEnded = "ended" // ended: you are not in the room any more
	typeMedia = "media" // ended: your media have ended; offer anew
	typeFact  = "fact"  // mcu.Fact: something happened in a room that you may see
	typeCall  = "call"  // call: somebody calls you into a room

	typeCallOver = "callOver" // callOver: you have answered a call elsewhere
	typeDeclined = "declined" // declined: whom you have called does not come
)

type hello struct {
	Key     string `json:"key"`    // names the session when the connection is made anew
	Resume  int    `json:"resume"` // seconds for which the session waits for that
	User    string `json:"user,omitempty"`
	Resumed bool   `json:"resumed"`
}

type failure struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	From    time.Time `json:"from,omitzero"`        // code "early": when the room opens
	Retry   int       `json:"retryAfter,omitempty"` // seconds; code "limited"
	Holder  string    `json:"holder,omitempty"`     // code "busy": the participant who has the floor
}

type ended struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// The codes of failures, which clients may rely on.
const (
	codeBad      = "bad"      // the request makes no sense
	codeLogin    = "login"    // nobody is logged in and there is no invitation
	codeNotFound = "notfound" // no such room, participant or picture
	codeDenied   = "denied"   // not allowed
	codePIN      = "pin"
	codeLocked   = "locked"
	codeFull     = "full"
	codeEarly    = "early"
	codeOver     = "over"
	codeHost     = "host" // only hosts may do this
	codeListener = "listener"
	codeBusy     = "busy" // another has the floor
	codeGone     = "gone" // not in a room
	codeLimited  = "limited"
	codePass     = "pass"  // the pass is not valid any more
	codeSplit    = "split" // the room has breakout rooms already
	codeMedia    = "media" // the offer cannot be answered
	codeKicked   = "kicked"
	codeRefused  = "refused"
	codeClosed   = "closed"
	codeRevoked  = "revoked"
	codeStopping = "stopping"
	codeInternal = "internal"
)

// errNotJoined: the request needs a room.
var errNotJoined = errors.New("join a room first")

// badRequest is a request that makes no sense; its text is for the client.
type badRequest string

func (b badRequest) Error() string { return string(b) }

var codes = []struct {
	err  error
	code string
}{
	{mcu.ErrNotFound, codeNotFound}, {mcu.ErrPIN, codePIN}, {mcu.ErrLocked, codeLocked}, {mcu.ErrFull, codeFull},
	{mcu.ErrOver, codeOver}, {mcu.ErrHost, codeHost}, {mcu.ErrListener, codeListener}, {mcu.ErrGone, codeGone},
	{media.ErrNotFound, codeNotFound}, {media.ErrFull, codeFull}, {mcu.ErrStage, codeMedia}, {mcu.ErrNoStream, codeMedia}, {errNotJoined, codeGone}, {mcu.ErrTracks, codeMedia}, {mcu.ErrFormat, codeMedia}, {mcu.ErrInvalid, codeBad},
	{mcu.ErrKicked, codeKicked}, {mcu.ErrRefused, codeRefused}, {mcu.ErrClosed, codeClosed},
	{auth.ErrRevoked, codeRevoked}, {auth.ErrKicked, codeKicked}, {auth.ErrExpired, codeRevoked}, {auth.ErrDenied, codeDenied},
	{mcu.ErrPass, codePass}, {mcu.ErrSplit, codeSplit},
	{errLogin, codeLogin}, {errStopping, codeStopping},
}

// explain says what went wrong in the terms of the protocol. known is false for
// errors that clients are told nothing of.
func explain(err error) (f failure, known bool) {
	var early *mcu.NotOpenError
	var limited *limit.ExceededError
	var busy *mcu.BusyError
	var bad badRequest
	switch {
	case errors.As(err, &early):
		return failure{Code: codeEarly, Message: err.Error(), From: early.From}, true
	case errors.As(err, &limited):
		return failure{Code: codeLimited, Message: "too many wrong PINs; wait a moment", Retry: int(limited.RetryAfter/time.Second) + 1}, true
	case errors.As(err, &busy):
		return failure{Code: codeBusy, Message: err.Error(), Holder: busy.Holder}, true
	case errors.As(err, &bad):
		return failure{Code: codeBad, Message: string(bad)}, true
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return failure{Code: c.code, Message: err.Error()}, true
		}
	}
	return failure{Code: codeInternal, Message: "something went wrong on the server"}, false
}

package mission

import "errors"

// The kinds of refusal.
var (
	ErrNotFound = errors.New("no such mission")
	ErrGone     = errors.New("the mission was deleted")
	ErrDenied   = errors.New("not allowed in this mission")
	ErrConflict = errors.New("exists already")
	ErrInvalid  = errors.New("invalid")
	ErrBusy     = errors.New("too busy")
)

// Refusal is an error that may be told to the caller. It wraps its kind.
type Refusal struct {
	Kind error
	Say  string // a sentence
}

func (r *Refusal) Error() string { return r.Say }
func (r *Refusal) Unwrap() error { return r.Kind }

func refuse(kind error, say string) error { return &Refusal{kind, say} }

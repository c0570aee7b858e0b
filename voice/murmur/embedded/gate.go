package embedded

import (
	"context"
	"errors"

	"muster/voice"
	"muster/voice/murmur/door"
)

// What an authenticator says of a login besides a user's number.
const (
	notAllowed = -1
	notKnown   = -2 // the house decides, and has done so
)

// errNoAnswer refuses a login that the script cannot decide.
var errNoAnswer = errors.New("embedded: the script cannot say whether the login is allowed")

// Admit implements voice.Gate: the authenticator that a script has set is asked,
// if there is one. One that fails is asked no more by the door; the login it was
// asked about is refused.
func (h *House) Admit(ctx context.Context, l voice.Login) (voice.Admission, error) {
	f := h.script.Load()
	if f == nil {
		return voice.Admission{}, nil
	}
	s := (*f)()
	if s == nil {
		return voice.Admission{}, nil
	}
	v, err := s.Authenticate(ctx, door.LoginProof{Name: l.Name, Certificates: l.Certificates, Hash: l.Hash, Strong: l.Strong})
	switch {
	case err != nil:
		return voice.Admission{}, err
	case v.ID == notAllowed:
		return voice.Admission{Refused: true}, nil
	case v.ID == notKnown:
		return voice.Admission{}, nil
	case v.ID < notKnown:
		return voice.Admission{}, errNoAnswer
	}
	return voice.Admission{Name: v.Name, Groups: v.Groups}, nil
}

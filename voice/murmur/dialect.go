// Package murmur knows the objects of a Mumble server's Ice interface: its
// structs, operations, exceptions and the names of both its generations, Murmur
// (up to 1.4) and MumbleServer (1.5 and later). It does no I/O of its own: calls
// go through an ice.Client, and what serves them is in the packages beside it.
package murmur

import (
	"errors"
	"slices"
	"strings"

	"muster/voice/ice"
)

// Dialect is the generation of an interface: the same operations under other
// names, with other fields.
type Dialect struct {
	Module   string // "Murmur" or "MumbleServer"
	Base     string // of exceptions
	Version2 bool   // User has a second version, of 64 bits
}

// The dialects.
var (
	Murmur       = Dialect{Module: "Murmur", Base: "MurmurException"}
	MumbleServer = Dialect{Module: "MumbleServer", Base: "ServerException", Version2: true}
)

// Type returns the type id of an interface, such as "::Murmur::Meta".
func (d Dialect) Type(name string) string { return "::" + d.Module + "::" + name }

// Types lists the type ids of interfaces in both dialects, of d first.
func (d Dialect) Types(names ...string) []string {
	var out []string
	for _, m := range []Dialect{d, Murmur, MumbleServer} {
		for _, n := range names {
			if id := m.Type(n); !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// Throw returns the user exception for e.
func (d Dialect) Throw(e Exception) *ice.UserError {
	return &ice.UserError{Types: []string{d.Type(string(e)), d.Type(d.Base)}}
}

// Exception is an exception of the interface, by its name in both dialects. It is
// what calls return and what a server's parts answer with.
type Exception string

// The exceptions.
const (
	InvalidSession   Exception = "InvalidSessionException"
	InvalidChannel   Exception = "InvalidChannelException"
	InvalidServer    Exception = "InvalidServerException"
	ServerBooted     Exception = "ServerBootedException" // it is stopped, or started already
	ServerFailure    Exception = "ServerFailureException"
	InvalidUser      Exception = "InvalidUserException"
	InvalidTexture   Exception = "InvalidTextureException"
	InvalidCallback  Exception = "InvalidCallbackException"
	InvalidSecret    Exception = "InvalidSecretException"
	NestingLimit     Exception = "NestingLimitException"
	WriteOnly        Exception = "WriteOnlyException"
	InvalidInputData Exception = "InvalidInputDataException"
)

func (e Exception) Error() string { return "murmur: " + string(e) }

// exception makes the exception of a call out of its error, so that callers
// compare with the constants above.
func exception(err error) error {
	var u *ice.UserError
	if !errors.As(err, &u) || len(u.Types) == 0 {
		return err
	}
	name := u.Types[0]
	return Exception(name[strings.LastIndex(name, ":")+1:])
}

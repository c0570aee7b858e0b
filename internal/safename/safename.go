// Package safename is the one type for names that clients choose: streams,
// rooms, channels, files. A Name is valid by construction, so code that takes a
// Name needs no further check before it uses it in a path, a URL or a log line.
//
// It is not for user names, callsigns or anything else a person may write freely.
package safename

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxLen      = 160 // bytes of a whole name
	maxSegments = 8   // parts between slashes
)

// ErrInvalid is wrapped by every error of Parse.
var ErrInvalid = errors.New("invalid name")

// Name is a validated name: one to eight segments of ASCII letters, digits,
// '.', '_', '-' or '~', joined by single slashes. No segment starts with a dot,
// so neither "." nor ".." nor a hidden file can be expressed. The zero Name is
// empty and names nothing.
type Name struct{ s string }

// Parse validates s. The error wraps ErrInvalid and says what is wrong with s
// in words a person can act on.
func Parse(s string) (Name, error) {
	if s == "" {
		return Name{}, fmt.Errorf("%w: it is empty", ErrInvalid)
	}
	if len(s) > maxLen {
		return Name{}, fmt.Errorf("%w: longer than %d characters", ErrInvalid, maxLen)
	}
	segments := strings.Split(s, "/")
	if len(segments) > maxSegments {
		return Name{}, fmt.Errorf("%w: more than %d parts", ErrInvalid, maxSegments)
	}
	for _, seg := range segments {
		if seg == "" {
			return Name{}, fmt.Errorf("%w: a slash at an end or doubled", ErrInvalid)
		}
		if seg[0] == '.' {
			return Name{}, fmt.Errorf("%w: a part starts with a dot", ErrInvalid)
		}
		for i := range len(seg) {
			if !allowed(seg[i]) {
				return Name{}, fmt.Errorf("%w: only letters, digits and . _ - ~ are allowed", ErrInvalid)
			}
		}
	}
	return Name{s}, nil
}

// MustParse is Parse for names written in the source; it panics on a bad one.
func MustParse(s string) Name {
	n, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return n
}

func allowed(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == '.' || c == '_' || c == '-' || c == '~'
}

// String returns the name as it was given to Parse.
func (n Name) String() string { return n.s }

// IsZero reports whether n is the zero Name.
func (n Name) IsZero() bool { return n.s == "" }

// MarshalText implements encoding.TextMarshaler.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.s), nil }

// UnmarshalText implements encoding.TextUnmarshaler by Parse.
func (n *Name) UnmarshalText(b []byte) error {
	p, err := Parse(string(b))
	if err != nil {
		return err
	}
	*n = p
	return nil
}

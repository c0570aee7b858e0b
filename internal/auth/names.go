package auth

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The errors of the management methods. Their texts are for people.
var (
	ErrInvalid   = errors.New("invalid")
	ErrExists    = errors.New("exists already")
	ErrNotFound  = errors.New("does not exist")
	ErrLastAdmin = errors.New("this is the last administrator who can log in; make another one first")
)

const (
	maxName     = 64  // characters of a user's, group's, token's or device's name
	maxText     = 500 // bytes of a free text
	maxPassword = 256 // bytes
)

// checkUserName accepts 1 to 64 ASCII letters, digits and @ . - _, beginning
// with a letter, a digit or _. A colon would break Basic and "user:password",
// a slash would break URLs.
func checkUserName(s string) error {
	if err := checkChars(s, "@.-_"); err != nil {
		return fmt.Errorf("%w user name: %w", ErrInvalid, err)
	}
	return nil
}

// checkNewName is checkUserName for a user who is about to be made.
func checkNewName(s string) error {
	if err := checkUserName(s); err != nil {
		return err
	}
	if nameKey(s) == anonymous {
		return fmt.Errorf("%w user name: %s is what clients without a login are called", ErrInvalid, anonymous)
	}
	return nil
}

// checkGroupName also allows single spaces inside.
func checkGroupName(s string) error {
	err := checkChars(s, "@.-_ ")
	if err == nil && (strings.HasSuffix(s, " ") || strings.Contains(s, "  ")) {
		err = errors.New("only single spaces inside it are allowed")
	}
	if err != nil {
		return fmt.Errorf("%w group name: %w", ErrInvalid, err)
	}
	return nil
}

func checkChars(s, punctuation string) error {
	if s == "" || len(s) > maxName {
		return fmt.Errorf("it must have 1 to %d characters", maxName)
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		case i == 0:
			return errors.New("it must begin with a letter or a digit")
		case !strings.ContainsRune(punctuation, rune(c)):
			return fmt.Errorf("only letters, digits and %s are allowed", strings.Join(strings.Split(punctuation, ""), " "))
		}
	}
	return nil
}

// checkText accepts what may be stored and shown as it is.
func checkText(what, s string) error {
	if len(s) > maxText {
		return fmt.Errorf("%w %s: longer than %d bytes", ErrInvalid, what, maxText)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w %s: it is not UTF-8", ErrInvalid, what)
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return fmt.Errorf("%w %s: it contains control characters", ErrInvalid, what)
		}
	}
	return nil
}

// checkPassword holds people to the least that makes a password one.
func (s *Service) checkPassword(p string) error {
	switch {
	case utf8.RuneCountInString(p) < s.cfg.MinPassword:
		return fmt.Errorf("%w password: it must have at least %d characters", ErrInvalid, s.cfg.MinPassword)
	case len(p) > maxPassword:
		return fmt.Errorf("%w password: longer than %d bytes", ErrInvalid, maxPassword)
	case strings.HasPrefix(p, tokenPrefix):
		return fmt.Errorf("%w password: tokens begin with %s, so passwords may not", ErrInvalid, tokenPrefix)
	}
	if !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl) {
		return fmt.Errorf("%w password: it contains control characters", ErrInvalid)
	}
	return nil
}

// nameKey is what names are compared by: case does not count.
func nameKey(s string) string { return strings.ToLower(s) }

const maxEmail = 254 // RFC 5321 §4.5.3.1.3

// checkEmail accepts an address alone, without a name before it (addr-spec of RFC
// 5322 §3.4.1), or none.
func checkEmail(s string) error {
	if s == "" {
		return nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > maxEmail || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("%w mail address: write it alone, such as name@example.org", ErrInvalid)
	}
	return nil
}

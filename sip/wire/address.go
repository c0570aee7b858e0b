package wire

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Address is what From, To, Contact, Route and Refer-To hold: a URI with a name
// for people and parameters.
type Address struct {
	Display string // without quotes and escapes
	URI     URI
	Params  Params
}

// String returns the address in the form of the wire.
func (a Address) String() string {
	var b strings.Builder
	if a.Display != "" {
		b.WriteString(Quote(a.Display) + " ")
	}
	b.WriteString("<" + a.URI.String() + ">")
	b.WriteString(a.Params.String())
	return b.String()
}

// Tag returns the parameter tag.
func (a Address) Tag() string { return a.Params.Get("tag") }

// Quote returns s as a quoted string. Control characters become spaces.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7F || r == utf8.RuneError:
			b.WriteByte(' ')
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

var errAddress = errors.New("malformed address")

// ParseAddress parses one address. Without angle brackets the parameters belong
// to the address and the URI may have neither commas nor a question mark (RFC
// 3261 §20.10).
func ParseAddress(s string) (Address, error) {
	var a Address
	s = trim(s)
	if strings.HasPrefix(s, `"`) {
		text, rest, ok := unquote(s)
		if !ok {
			return a, errAddress
		}
		a.Display, s = text, trim(rest)
		if !strings.HasPrefix(s, "<") {
			return a, errAddress
		}
	}
	open := strings.IndexByte(s, '<')
	if open < 0 {
		return a.bare(s)
	}
	if name := trim(s[:open]); name != "" {
		for word := range strings.FieldsSeq(name) {
			if !token(word) {
				return a, errAddress
			}
		}
		a.Display = name
	}
	end := strings.IndexByte(s, '>')
	if end < open {
		return a, errAddress
	}
	var err error
	if a.URI, err = ParseURI(s[open+1 : end]); err != nil {
		return a, err
	}
	a.Params, err = parseParams(s[end+1:])
	return a, err
}

func (a Address) bare(s string) (Address, error) {
	uri, params, has := strings.Cut(s, ";")
	if strings.ContainsAny(uri, "?,") {
		return a, errAddress
	}
	var err error
	if a.URI, err = ParseURI(trim(uri)); err != nil {
		return a, err
	}
	if has {
		a.Params, err = parseParams(";" + params)
	}
	return a, err
}

// parseParams parses what follows an address or a Via: nothing, or parameters
// that each begin with a semicolon.
func parseParams(s string) (Params, error) {
	s = trim(s)
	if s == "" {
		return nil, nil
	}
	if s[0] != ';' {
		return nil, errAddress
	}
	parts, ok := split(s[1:], ';')
	if !ok || len(parts) > maxParams {
		return nil, errAddress
	}
	out := make(Params, 0, len(parts))
	for _, part := range parts {
		name, value, has := strings.Cut(part, "=")
		name, value = trim(name), trim(value)
		if !token(name) || has && !paramValue(value) {
			return nil, errAddress
		}
		out = append(out, Param{Name: name, Value: value, Flag: !has})
	}
	return out, nil
}

// paramValue reports whether s is a token, a host or a quoted string.
func paramValue(s string) bool {
	if strings.HasPrefix(s, `"`) {
		_, rest, ok := unquote(s)
		return ok && rest == ""
	}
	for i := range len(s) {
		if c := s[i]; !token(s[i:i+1]) && c != '[' && c != ']' && c != ':' && c != '@' && c != '/' {
			return false
		}
	}
	return s != ""
}

// unquote takes the quoted string off the front of s.
func unquote(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i >= len(s) {
				return "", "", false
			}
			b.WriteByte(s[i])
		case '"':
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// split cuts s at each sep that stands in neither quotes nor angle brackets. ok
// is false where one of them is left open.
func split(s string, sep byte) (out []string, ok bool) {
	quoted, angle, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !angle:
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == sep && !angle:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:]), !quoted && !angle
}

func trim(s string) string { return strings.Trim(s, " \t") }

// Via is one hop a request has come over (RFC 3261 §20.42).
type Via struct {
	Transport string // upper case
	Host      string // lower case; IPv6 in brackets
	Port      int    // 0: none given
	Params    Params
}

// String returns the Via in the form of the wire.
func (v Via) String() string {
	s := Version + "/" + v.Transport + " " + v.Host
	if v.Port != 0 {
		s += ":" + strconv.Itoa(v.Port)
	}
	return s + v.Params.String()
}

// Branch returns the parameter branch.
func (v Via) Branch() string { return v.Params.Get("branch") }

var errVia = errors.New("malformed Via")

// ParseVia parses one hop.
func ParseVia(s string) (Via, error) {
	var v Via
	name, rest, ok1 := strings.Cut(s, "/")
	version, rest, ok2 := strings.Cut(rest, "/")
	rest = trim(rest)
	i := strings.IndexAny(rest, " \t")
	if !ok1 || !ok2 || i < 0 || !strings.EqualFold(trim(name), "SIP") || trim(version) != "2.0" {
		return v, errVia
	}
	v.Transport = strings.ToUpper(rest[:i])
	if !token(v.Transport) {
		return v, errVia
	}
	hop, params, has := strings.Cut(rest[i:], ";")
	host, port, hasPort := cutPort(trim(hop))
	if hasPort {
		host = trim(host) + ":" + trim(port)
	}
	var err error
	if v.Host, v.Port, err = parseHostPort(trim(host)); err != nil {
		return v, errVia
	}
	if has {
		v.Params, err = parseParams(";" + params)
	}
	return v, err
}

// cutPort cuts at the colon in front of a port, around which a Via may have
// spaces.
func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i < strings.LastIndexByte(s, ']') {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

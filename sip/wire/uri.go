package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// URI is an address (RFC 3261 §19.1). Of schemes other than sip, sips and tel
// only Opaque is known.
type URI struct {
	Scheme   string // lower case
	User     string // escaped, as on the wire; for tel the number
	Password string
	Host     string // lower case; IPv6 in brackets
	Port     int    // 0: none given
	Params   Params
	Headers  string // what is behind the question mark, escaped
	Opaque   string
}

// Param is one parameter of a URI, an address or a Via.
type Param struct {
	Name, Value string
	Flag        bool // there is no value, not even an empty one
}

// Params are parameters in their order.
type Params []Param

// Get returns the value of the parameter, or "".
func (p Params) Get(name string) string {
	for i := range p {
		if equal(p[i].Name, name) {
			return p[i].Value
		}
	}
	return ""
}

// Has reports whether there is a parameter called name.
func (p Params) Has(name string) bool {
	return slices.ContainsFunc(p, func(q Param) bool { return equal(q.Name, name) })
}

// With returns p with the parameter set; p itself is not changed.
func (p Params) With(name, value string) Params {
	out := make(Params, 0, len(p)+1)
	for _, q := range p {
		if !equal(q.Name, name) {
			out = append(out, q)
		}
	}
	return append(out, Param{Name: name, Value: value})
}

// Without returns p without the parameter; p itself is not changed.
func (p Params) Without(name string) Params {
	return slices.DeleteFunc(slices.Clone(p), func(q Param) bool { return equal(q.Name, name) })
}

// String returns the parameters, each behind a semicolon.
func (p Params) String() string {
	var b strings.Builder
	for _, q := range p {
		b.WriteByte(';')
		b.WriteString(q.Name)
		if !q.Flag {
			b.WriteByte('=')
			b.WriteString(q.Value)
		}
	}
	return b.String()
}

// SIP reports whether the scheme is sip or sips.
func (u URI) SIP() bool { return u.Scheme == "sip" || u.Scheme == "sips" }

// String returns the URI in the form of the wire.
func (u URI) String() string {
	if u.Opaque != "" {
		return u.Scheme + ":" + u.Opaque
	}
	var b strings.Builder
	b.WriteString(u.Scheme)
	b.WriteByte(':')
	b.WriteString(u.User)
	if u.Password != "" {
		b.WriteString(":" + u.Password)
	}
	if u.User != "" && u.SIP() {
		b.WriteByte('@')
	}
	b.WriteString(u.Host)
	if u.Port != 0 {
		b.WriteString(":" + strconv.Itoa(u.Port))
	}
	b.WriteString(u.Params.String())
	if u.Headers != "" {
		b.WriteString("?" + u.Headers)
	}
	return b.String()
}

// Name returns the user part without its escapes and without parameters of its
// own, as one looks it up.
func (u URI) Name() string {
	name, _, _ := strings.Cut(u.User, ";")
	if out, ok := unescape(name); ok {
		return out
	}
	return name
}

// Escape returns s in a form in which it can be a user part.
func Escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; userChar(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Header returns the header called name that the URI asks for (RFC 3261
// §19.1.1), unescaped, and whether there is one.
func (u URI) Header(name string) (string, bool) {
	for h := range strings.SplitSeq(u.Headers, "&") {
		n, v, _ := strings.Cut(h, "=")
		if !strings.EqualFold(n, name) {
			continue
		}
		return unescape(v)
	}
	return "", false
}

func unescape(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}

// ErrScheme says that a URI is well-formed but of a scheme that is not spoken.
var ErrScheme = errors.New("unsupported URI scheme")

var errURI = errors.New("malformed URI")

// ParseURI parses a URI. A URI of an unknown scheme is returned with Opaque set
// and without an error.
func ParseURI(s string) (URI, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !schemeName(scheme) || rest == "" {
		return URI{}, errURI
	}
	u := URI{Scheme: strings.ToLower(scheme)}
	switch u.Scheme {
	case "sip", "sips":
		return u, u.parseSIP(rest)
	case "tel":
		return u, u.parseTel(rest)
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c >= 0x7F || c == '<' || c == '>' || c == '"' {
			return URI{}, errURI
		}
	}
	u.Opaque = rest
	return u, nil
}

func schemeName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !letter(c) && (i == 0 || !digit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

func (u *URI) parseSIP(s string) error {
	if user, rest, ok := strings.Cut(s, "@"); ok {
		s = rest
		name, password, has := strings.Cut(user, ":")
		if name == "" || !escaped(name, userChar) || !escaped(password, passwordChar) {
			return errURI
		}
		u.User = name
		if has {
			u.Password = password
		}
	}
	s, u.Headers, _ = strings.Cut(s, "?")
	if !escaped(u.Headers, headerChar) {
		return errURI
	}
	host, params, has := strings.Cut(s, ";")
	var err error
	if u.Host, u.Port, err = parseHostPort(host); err != nil {
		return err
	}
	if has {
		u.Params, err = parseURIParams(params)
	}
	return err
}

func (u *URI) parseTel(s string) error {
	number, params, has := strings.Cut(s, ";")
	if number == "" || strings.Trim(number, "+0123456789-.()*#ABCDabcd") != "" {
		return errURI
	}
	u.User = number
	var err error
	if has {
		u.Params, err = parseURIParams(params)
	}
	return err
}

func parseURIParams(s string) (Params, error) {
	var out Params
	for part := range strings.SplitSeq(s, ";") {
		name, value, has := strings.Cut(part, "=")
		if name == "" || !escaped(name, paramChar) || !escaped(value, paramChar) || has && value == "" {
			return nil, errURI
		}
		if len(out) >= maxParams {
			return nil, errURI
		}
		out = append(out, Param{Name: name, Value: value, Flag: !has})
	}
	return out, nil
}

const maxParams = 64

// parseHostPort parses a host with an optional port. A port of 0 or over 65535
// is an error.
func parseHostPort(s string) (string, int, error) {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, errURI
		}
		addr, err := netip.ParseAddr(s[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", 0, errURI
		}
		host, port = strings.ToLower(s[:end+1]), s[end+1:]
		if port == "" {
			return host, 0, nil
		}
		if port[0] != ':' {
			return "", 0, errURI
		}
		port = port[1:]
	} else {
		var has bool
		host, port, has = strings.Cut(s, ":")
		if !hostName(host) {
			return "", 0, errURI
		}
		host = strings.ToLower(host)
		if !has {
			return host, 0, nil
		}
	}
	if len(port) > 5 || !digits(port) {
		return "", 0, errURI
	}
	n, err := strconv.Atoi(port)
	if err != nil || n == 0 || n > 65535 {
		return "", 0, errURI
	}
	return host, n, nil
}

// hostName reports whether s can be a name or an IPv4 address. Underscores are
// seen in the field.
func hostName(s string) bool {
	if s == "" || len(s) > 255 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return !strings.Contains(s, "..")
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func digits(s string) bool {
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}

func hex(c byte) bool { return digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// escaped reports whether s consists of what ok allows and of escapes.
func escaped(s string, ok func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if i+2 >= len(s) || !hex(s[i+1]) || !hex(s[i+2]) {
				return false
			}
			i += 2
			continue
		}
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func unreserved(c byte) bool { return letter(c) || digit(c) || strings.IndexByte("-_.!~*'()", c) >= 0 }
func userChar(c byte) bool   { return unreserved(c) || strings.IndexByte("&=+$,;?/#", c) >= 0 }
func passwordChar(c byte) bool {
	return unreserved(c) || strings.IndexByte("&=+$,", c) >= 0
}
func paramChar(c byte) bool  { return unreserved(c) || strings.IndexByte("[]/:&+$", c) >= 0 }
func headerChar(c byte) bool { return unreserved(c) || strings.IndexByte("[]/?:+$&=", c) >= 0 }

// token reports whether s is one (RFC 3261 §25.1).
func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && strings.IndexByte("-.!%*_+`'~", c) < 0 {
			return false
		}
	}
	return s != ""
}

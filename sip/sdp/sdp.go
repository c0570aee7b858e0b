// Package sdp is the session description of calls (RFC 8866) and the offers and
// answers made of it (RFC 3264). It is pure: descriptions in, descriptions and
// plans out.
package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The limits of a description.
const (
	MaxSize    = 64 << 10
	maxMedia   = 64
	maxFormats = 64
	maxAttrs   = 256 // of one media line, or of the session
	maxLine    = 4096
)

// Attr is one a= line.
type Attr struct{ Name, Value string }

// Attrs are a= lines in their order.
type Attrs []Attr

// Get returns the value of the first attribute called name, and whether there
// is one.
func (as Attrs) Get(name string) (string, bool) {
	for _, a := range as {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// Has reports whether there is an attribute called name.
func (as Attrs) Has(name string) bool { _, ok := as.Get(name); return ok }

// All returns the values of all attributes called name.
func (as Attrs) All(name string) []string {
	var out []string
	for _, a := range as {
		if a.Name == name {
			out = append(out, a.Value)
		}
	}
	return out
}

// Session is a whole description.
type Session struct {
	ID, Version uint64     // of o=
	Addr        netip.Addr // of c=; zero where there is none or it is a name
	Attrs       Attrs
	Media       []Media
}

// Media is one m= line with what follows it.
type Media struct {
	Kind      string // "audio", "video", …
	Port      int    // 0: refused or switched off
	Proto     string
	Formats   []string
	Addr      netip.Addr // of its own c=, or that of the session
	Bandwidth int        // bits per second; 0: not limited
	Attrs     Attrs
}

// ErrMalformed is wrapped by every error of Parse.
var ErrMalformed = errors.New("malformed session description")

func malformed(format string, args ...any) error {
	return fmt.Errorf("sdp: %w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Parse reads a description. Lines whose type it does not know are skipped.
func Parse(b []byte) (*Session, error) {
	if len(b) > MaxSize {
		return nil, malformed("larger than %d bytes", MaxSize)
	}
	s := &Session{}
	var m *Media
	version := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) > maxLine || len(line) < 2 || line[1] != '=' || strings.ContainsAny(line, "\x00\r") {
			return nil, malformed("bad line")
		}
		kind, value := line[0], line[2:]
		if !version {
			if line != "v=0" {
				return nil, malformed("no version")
			}
			version = true
			continue
		}
		var err error
		if kind == 'm' {
			m, err = s.media(value)
		} else {
			err = s.line(m, kind, value)
		}
		if err != nil {
			return nil, err
		}
	}
	if !version {
		return nil, malformed("empty")
	}
	return s, nil
}

// line takes a line of the session, or of m where that is not nil.
func (s *Session) line(m *Media, kind byte, value string) error {
	switch kind {
	case 'o':
		return s.origin(value)
	case 'c':
		addr, err := parseConn(value)
		if err != nil {
			return err
		}
		if m == nil {
			s.Addr = addr
		} else {
			m.Addr = addr
		}
	case 'b':
		if m != nil {
			m.Bandwidth = bandwidth(value, m.Bandwidth)
		}
	case 'a':
		list := &s.Attrs
		if m != nil {
			list = &m.Attrs
		}
		if len(*list) >= maxAttrs {
			return malformed("too many attributes")
		}
		name, v, _ := strings.Cut(value, ":")
		*list = append(*list, Attr{name, v})
	}
	return nil
}

func (s *Session) origin(value string) error {
	f := strings.Fields(value)
	if len(f) != 6 {
		return malformed("origin")
	}
	// Some number their sessions with more digits than fit; only a change matters.
	s.ID, _ = strconv.ParseUint(f[1], 10, 64)
	s.Version, _ = strconv.ParseUint(f[2], 10, 64)
	return nil
}

func (s *Session) media(value string) (*Media, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return nil, malformed("media line")
	}
	if len(s.Media) >= maxMedia {
		return nil, malformed("more than %d media lines", maxMedia)
	}
	if len(f)-3 > maxFormats {
		return nil, malformed("more than %d formats", maxFormats)
	}
	port, _, _ := strings.Cut(f[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, malformed("port")
	}
	s.Media = append(s.Media, Media{Kind: f[0], Port: int(n), Proto: f[2], Formats: f[3:], Addr: s.Addr})
	return &s.Media[len(s.Media)-1], nil
}

// parseConn parses c=. A name gives the zero address: it is not looked up.
func parseConn(value string) (netip.Addr, error) {
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "IN" {
		return netip.Addr{}, malformed("connection")
	}
	host, _, _ := strings.Cut(f[2], "/")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, nil
	}
	return addr.Unmap().WithZone(""), nil
}

func bandwidth(value string, before int) int {
	kind, n, _ := strings.Cut(value, ":")
	v, err := strconv.Atoi(n)
	if err != nil || v < 0 || v > 1<<30 {
		return before
	}
	switch {
	case kind == "TIAS":
		return v
	case kind == "AS" && before == 0 && v < 1<<20:
		return v * 1000
	}
	return before
}

// String writes the description. Every media line has its own c=.
func (s *Session) String() string {
	var b strings.Builder
	family := func(a netip.Addr) string {
		if !a.IsValid() {
			a = netip.IPv4Unspecified()
		}
		if a.Is4() {
			return "IN IP4 " + a.String()
		}
		return "IN IP6 " + a.String()
	}
	fmt.Fprintf(&b, "v=0\r\no=- %d %d %s\r\ns=-\r\nc=%s\r\nt=0 0\r\n", s.ID, s.Version, family(s.Addr), family(s.Addr))
	for _, a := range s.Attrs {
		a.write(&b)
	}
	for _, m := range s.Media {
		fmt.Fprintf(&b, "m=%s %d %s %s\r\n", m.Kind, m.Port, m.Proto, strings.Join(m.Formats, " "))
		if m.Port != 0 && m.Addr != s.Addr {
			fmt.Fprintf(&b, "c=%s\r\n", family(m.Addr))
		}
		if m.Bandwidth > 0 && m.Port != 0 {
			fmt.Fprintf(&b, "b=AS:%d\r\n", max(1, m.Bandwidth/1000))
		}
		for _, a := range m.Attrs {
			a.write(&b)
		}
	}
	return b.String()
}

func (a Attr) write(b *strings.Builder) {
	b.WriteString("a=" + a.Name)
	if a.Value != "" {
		b.WriteString(":" + a.Value)
	}
	b.WriteString("\r\n")
}

// direction returns which ways media flows, as the description's writer sees it.
func (m *Media) direction(session Attrs) (send, recv bool) {
	for _, as := range []Attrs{m.Attrs, session} {
		for _, a := range as {
			switch a.Name {
			case "sendrecv":
				return true, true
			case "sendonly":
				return true, false
			case "recvonly":
				return false, true
			case "inactive":
				return false, false
			}
		}
	}
	return true, true
}

func directionName(send, recv bool) string {
	switch {
	case send && recv:
		return "sendrecv"
	case send:
		return "sendonly"
	case recv:
		return "recvonly"
	}
	return "inactive"
}

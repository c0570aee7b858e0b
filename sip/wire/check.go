package wire

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fill reads what it can of the fields that Message keeps, without judging. It
// is enough for an answer.
func (m *Message) fill() {
	if vias := m.List("Via"); len(vias) > 0 {
		if v, err := ParseVia(vias[0]); err == nil {
			m.Via = v
		}
	}
	if a, err := ParseAddress(m.Get("From")); err == nil {
		m.From = a
	}
	if a, err := ParseAddress(m.Get("To")); err == nil {
		m.To = a
	}
	m.CallID = m.Get("Call-ID")
	m.Seq, m.SeqMethod, _ = parseCSeq(m.Get("CSeq"))
}

// maxSeq is the largest CSeq number (RFC 3261 §8.1.1.5).
const maxSeq = 1<<31 - 1

func parseCSeq(s string) (uint32, string, bool) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return 0, "", false
	}
	n, ok := number(s[:i], maxSeq)
	method := trim(s[i:])
	return uint32(n), method, ok && token(method)
}

// single are the fields of which there is at most one, with one value.
var single = []string{
	"CSeq", "Call-ID", "To", "From", "Max-Forwards", "Content-Type", "Content-Length", "Expires", "Date", "Subject",
	"Event", "RAck", "RSeq", "Session-Expires", "Min-SE", "Refer-To", "Replaces", "User-Agent", "Timestamp",
}

// Check judges the fields of m and fills what Message keeps of them. The error
// is a *Fault. What it lets through has exactly one reading.
func (m *Message) Check() error {
	for _, step := range []func() *Fault{m.checkVia, m.checkSingle, m.checkIdentity, m.checkNumbers, m.checkContacts, m.checkDate} {
		if f := step(); f != nil {
			return m.owed(f)
		}
	}
	if m.IsRequest() {
		if f := m.checkRequest(); f != nil {
			return m.owed(f)
		}
	}
	return nil
}

func (m *Message) checkVia() *Fault {
	vias := m.All("Via")
	if len(vias) == 0 {
		return fault(400, "Missing Via")
	}
	n := 0
	for _, v := range vias {
		parts, ok := split(v, ',')
		if !ok {
			return fault(400, "Malformed Via")
		}
		for _, p := range parts {
			if n++; n > maxHops {
				return fault(400, "Too many Via")
			}
			if _, err := ParseVia(trim(p)); err != nil {
				return fault(400, "Malformed Via")
			}
		}
	}
	if m.Via.Branch() == branchCookie || m.Via.Params.Has("branch") && m.Via.Branch() == "" {
		return fault(400, "Via without transaction identifier")
	}
	if !m.IsRequest() && n > 1 {
		return fault(0, "response with more than our Via")
	}
	return nil
}

const (
	maxHops      = 70        // as many as Max-Forwards begins with
	branchCookie = "z9hG4bK" // RFC 3261 §8.1.1.7
)

func (m *Message) checkSingle() *Fault {
	for _, name := range single {
		if len(m.All(name)) > 1 {
			return fault(400, "More than one "+name)
		}
	}
	for _, name := range []string{"To", "From", "Call-ID", "CSeq"} {
		if m.Get(name) == "" {
			return fault(400, "Missing "+name)
		}
	}
	return nil
}

func (m *Message) checkIdentity() *Fault {
	if strings.ContainsAny(m.CallID, " \t,") || !printable(m.CallID) {
		return fault(400, "Malformed Call-ID")
	}
	for _, name := range []string{"From", "To"} {
		a, err := ParseAddress(m.Get(name))
		if err != nil || a.Params.Has("tag") && !token(a.Tag()) {
			return fault(400, "Malformed "+name)
		}
	}
	_, method, ok := parseCSeq(m.Get("CSeq"))
	if !ok {
		return fault(400, "Malformed CSeq")
	}
	if m.IsRequest() && method != m.Method {
		return fault(400, "CSeq names another method")
	}
	return nil
}

// checkNumbers looks at the fields that are one number.
func (m *Message) checkNumbers() *Fault {
	for _, n := range []struct {
		name string
		max  uint64
	}{{"Max-Forwards", 255}, {"Expires", 1<<32 - 1}, {"RSeq", 1<<32 - 1}, {"Min-Expires", 1<<32 - 1}, {"Retry-After", 1<<32 - 1}} {
		v := m.Get(n.name)
		if v == "" && !m.Has(n.name) {
			continue
		}
		if n.name == "Retry-After" { // may carry a comment and parameters
			v = trim(v[:min(len(v), strings.IndexAny(v+";", ";( "))])
		}
		if _, ok := number(v, n.max); !ok {
			return fault(400, "Malformed "+n.name)
		}
	}
	if warning := m.List("Warning"); m.Has("Warning") && !m.IsRequest() {
		for _, w := range warning {
			if code, _, _ := strings.Cut(w, " "); len(code) != 3 || !digits(code) {
				return fault(400, "Malformed Warning")
			}
		}
	}
	return nil
}

// number parses a number that may have leading zeros.
func number(s string, limit uint64) (uint64, bool) {
	if !digits(s) {
		return 0, false
	}
	s = strings.TrimLeft(s, "0")
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= limit
}

func (m *Message) checkContacts() *Fault {
	values := m.List("Contact")
	if m.Has("Contact") && values == nil {
		return fault(400, "Malformed Contact")
	}
	if len(values) > maxContacts {
		return fault(400, "Too many Contacts")
	}
	for _, v := range values {
		if v == "*" {
			m.Star = true
			continue
		}
		a, err := ParseAddress(v)
		if err != nil {
			return fault(400, "Malformed Contact")
		}
		if e := a.Params.Get("expires"); e != "" {
			if _, ok := number(e, 1<<32-1); !ok {
				return fault(400, "Malformed expiry of Contact")
			}
		}
		m.Contacts = append(m.Contacts, a)
	}
	if m.Star && (len(m.Contacts) > 0 || m.Method != Register) {
		return fault(400, "Malformed Contact")
	}
	for _, name := range []string{"Route", "Record-Route"} {
		if m.Has(name) && m.List(name) == nil {
			return fault(400, "Malformed "+name)
		}
		for _, v := range m.List(name) {
			if a, err := ParseAddress(v); err != nil || !a.URI.SIP() || !strings.Contains(v, "<") {
				return fault(400, "Malformed "+name)
			}
		}
	}
	return nil
}

const maxContacts = 32

func (m *Message) checkDate() *Fault {
	d := m.Get("Date")
	if d == "" {
		return nil
	}
	if _, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", d); err == nil {
		return nil
	}
	if _, err := mail.ParseDate(d); err == nil && strings.HasSuffix(d, "GMT") {
		return nil
	}
	return fault(400, "Malformed Date")
}

// extensions are the option tags that a request may require.
var extensions = []string{"timer", "100rel", "replaces", "norefersub", "tdialog"}

// Extensions returns the option tags the server understands.
func Extensions() []string { return slices.Clone(extensions) }

// checkRequest looks at what concerns requests only (RFC 3261 §8.2.2, §8.2.3).
func (m *Message) checkRequest() *Fault {
	switch {
	case m.Target.Opaque != "":
		return fault(416, "Unsupported URI Scheme")
	case m.Target.Headers != "":
		return fault(400, "Request-URI with headers")
	case len(m.Body) > MaxMessage:
		return fault(513, "Message Too Large")
	}
	var missing []string
	for _, name := range []string{"Require", "Proxy-Require"} {
		for _, tag := range m.List(name) {
			if !slices.Contains(extensions, strings.ToLower(tag)) {
				missing = append(missing, tag)
			}
		}
	}
	if len(missing) > 0 && m.Method != Ack && m.Method != Cancel {
		return &Fault{Status: 420, Reason: "Bad Extension", Unsupported: missing}
	}
	if m.Method == Invite || m.Method == Update || m.Method == Prack {
		return m.checkContent()
	}
	return nil
}

// checkContent looks at the body of a request that may carry an offer.
func (m *Message) checkContent() *Fault {
	if len(m.Body) > 0 {
		kind, _, _ := strings.Cut(m.Get("Content-Type"), ";")
		enc := m.Get("Content-Encoding")
		if !strings.EqualFold(trim(kind), "application/sdp") || enc != "" && !strings.EqualFold(enc, "identity") {
			if m.optionalBody() {
				m.Body = nil
				return nil
			}
			return fault(415, "Unsupported Media Type")
		}
	}
	if !m.Has("Accept") {
		return nil
	}
	for _, a := range m.List("Accept") {
		kind, _, _ := strings.Cut(a, ";")
		switch strings.ToLower(trim(kind)) {
		case "application/sdp", "application/*", "*/*":
			return nil
		}
	}
	return fault(406, "Not Acceptable")
}

// optionalBody reports whether the body may be ignored (RFC 3261 §20.11).
func (m *Message) optionalBody() bool {
	return strings.Contains(strings.ToLower(m.Get("Content-Disposition")), "handling=optional")
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}

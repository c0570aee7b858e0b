// Package wire reads and writes SIP messages (RFC 3261). It is strict: a message
// that means different things to different readers is a fault with the status
// the sender is owed, and what is let through has one form. It does no I/O.
package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The methods that have a meaning somewhere in the server.
const (
	Invite   = "INVITE"
	Ack      = "ACK"
	Bye      = "BYE"
	Cancel   = "CANCEL"
	Register = "REGISTER"
	Options  = "OPTIONS"
	Info     = "INFO"
	Prack    = "PRACK"
	Update   = "UPDATE"
	Refer    = "REFER"
	Notify   = "NOTIFY"
)

// Version is the only protocol version there is.
const Version = "SIP/2.0"

// Field is one header field. Name has its canonical form where it is known.
type Field struct{ Name, Value string }

// Message is a request (Method is set) or a response (Status is set).
type Message struct {
	Method string
	Target URI // of requests

	Status int
	Reason string

	Fields []Field
	Body   []byte

	// What Check found in the fields. It is for reading: writing to it changes
	// nothing on the wire.
	Via       Via // the topmost
	From, To  Address
	CallID    string
	Seq       uint32
	SeqMethod string
	Contacts  []Address
	Star      bool // Contact: *
}

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.Method != "" }

// Get returns the value of the first field called name, or "".
func (m *Message) Get(name string) string {
	for i := range m.Fields {
		if equal(m.Fields[i].Name, name) {
			return m.Fields[i].Value
		}
	}
	return ""
}

// Has reports whether there is a field called name.
func (m *Message) Has(name string) bool {
	return slices.ContainsFunc(m.Fields, func(f Field) bool { return equal(f.Name, name) })
}

// All returns the values of all fields called name, one a field.
func (m *Message) All(name string) []string {
	var out []string
	for i := range m.Fields {
		if equal(m.Fields[i].Name, name) {
			out = append(out, m.Fields[i].Value)
		}
	}
	return out
}

// List returns the elements of all fields called name, whose values are lists
// with commas. It is nil where a quote or an angle bracket is left open.
func (m *Message) List(name string) []string {
	var out []string
	for _, v := range m.All(name) {
		parts, ok := split(v, ',')
		if !ok {
			return nil
		}
		for _, p := range parts {
			if p = trim(p); p != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

// Names reports whether the list called name, of tokens such as option tags,
// has token.
func (m *Message) Names(name, token string) bool {
	return slices.ContainsFunc(m.List(name), func(s string) bool { return strings.EqualFold(s, token) })
}

// Add appends a field.
func (m *Message) Add(name, value string) { m.Fields = append(m.Fields, Field{name, value}) }

// Addf appends a field with a formatted value.
func (m *Message) Addf(name, format string, args ...any) { m.Add(name, fmt.Sprintf(format, args...)) }

// Set replaces the first field called name and drops the others, or appends one.
func (m *Message) Set(name, value string) {
	for i := range m.Fields {
		if equal(m.Fields[i].Name, name) {
			m.Fields[i].Value = value
			rest := slices.DeleteFunc(m.Fields[i+1:], func(f Field) bool { return equal(f.Name, name) })
			m.Fields = m.Fields[:i+1+len(rest)]
			return
		}
	}
	m.Add(name, value)
}

// Del drops all fields called name.
func (m *Message) Del(name string) {
	m.Fields = slices.DeleteFunc(m.Fields, func(f Field) bool { return equal(f.Name, name) })
}

// SetBody sets the body and says what it is. An empty body has no type.
func (m *Message) SetBody(contentType string, body []byte) {
	m.Body = body
	if len(body) == 0 {
		m.Del("Content-Type")
		return
	}
	m.Set("Content-Type", contentType)
}

// Append appends the message in the form of the wire to b. Content-Length is
// made here.
func (m *Message) Append(b []byte) []byte {
	if m.IsRequest() {
		b = append(append(b, m.Method...), ' ')
		b = append(append(b, m.Target.String()...), ' ')
		b = append(append(b, Version...), "\r\n"...)
	} else {
		b = append(append(b, Version...), ' ')
		b = append(strconv.AppendInt(b, int64(m.Status), 10), ' ')
		b = append(append(b, m.Reason...), "\r\n"...)
	}
	for _, f := range m.Fields {
		if f.Name == "Content-Length" {
			continue
		}
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(m.Body)), 10), "\r\n\r\n"...)
	return append(b, m.Body...)
}

// NewRequest returns a request without fields.
func NewRequest(method string, target URI) *Message {
	return &Message{Method: method, Target: target}
}

// NewResponse returns the response to req with what has to be copied from it
// (RFC 3261 §8.2.6.2). tag is put into To where there is none; it may be empty
// for 100.
func NewResponse(req *Message, status int, reason, tag string) *Message {
	if reason == "" {
		reason = ReasonOf(status)
	}
	m := &Message{Status: status, Reason: reason, Fields: make([]Field, 0, 12)}
	for _, f := range req.Fields {
		switch f.Name {
		case "Via", "From", "Call-ID", "CSeq":
			m.Fields = append(m.Fields, f)
		case "To":
			if tag != "" && !req.To.Params.Has("tag") {
				f.Value += ";tag=" + tag
			}
			m.Fields = append(m.Fields, f)
		case "Record-Route":
			if status > 100 && status < 300 && req.Method != Register {
				m.Fields = append(m.Fields, f)
			}
		case "Timestamp":
			if status == 100 {
				m.Fields = append(m.Fields, f)
			}
		}
	}
	m.CallID, m.Seq, m.SeqMethod, m.Via, m.From, m.To = req.CallID, req.Seq, req.SeqMethod, req.Via, req.From, req.To
	return m
}

// ReasonOf returns the usual phrase of a status.
func ReasonOf(status int) string {
	if s, ok := reasons[status]; ok {
		return s
	}
	return "Status " + strconv.Itoa(status)
}

var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress",
	200: "OK", 202: "Accepted",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
	413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
	416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small",
	423: "Interval Too Brief", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
	482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out",
	505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline",
}

// canonical gives header names the form in which the server writes and looks
// for them (RFC 3261 §7.3.3 and the RFCs of the extensions for the short forms).
var canonical = func() map[string]string {
	m := map[string]string{
		"i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length", "c": "Content-Type",
		"f": "From", "s": "Subject", "k": "Supported", "t": "To", "v": "Via", "r": "Refer-To", "b": "Referred-By",
		"o": "Event", "u": "Allow-Events", "x": "Session-Expires", "a": "Accept-Contact", "j": "Reject-Contact",
		"d": "Request-Disposition", "y": "Identity",
	}
	for _, n := range []string{
		"Accept", "Accept-Encoding", "Allow", "Authorization", "Call-ID", "Contact", "Content-Encoding", "Content-Length",
		"Content-Disposition", "Content-Type", "CSeq", "Date", "Event", "Expires", "From", "Max-Forwards", "Min-Expires",
		"Min-SE", "P-Asserted-Identity", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck", "Reason",
		"Record-Route", "Refer-To", "Referred-By", "Replaces", "Require", "Retry-After", "Route", "RSeq", "Server",
		"Session-Expires", "Subject", "Subscription-State", "Supported", "Timestamp", "To", "Unsupported", "User-Agent",
		"Via", "Warning", "WWW-Authenticate", "Path",
	} {
		m[strings.ToLower(n)] = n
	}
	return m
}()

// Canonical returns the form of a header name in which Fields have it.
func Canonical(name string) string {
	if n, ok := canonical[strings.ToLower(name)]; ok {
		return n
	}
	return name
}

func equal(a, b string) bool { return a == b || len(a) == len(b) && strings.EqualFold(a, b) }

// Stamp writes into the topmost Via where the request came from (RFC 3261
// §18.2.1, RFC 3581 §4). host and port are what the sender is seen as.
func (m *Message) Stamp(host string, port int) {
	v := m.Via
	if v.Host == "" {
		return // it cannot be read
	}
	bare := strings.Trim(v.Host, "[]")
	if bare == host && !v.Params.Has("rport") {
		return
	}
	v.Params = v.Params.With("received", host)
	if v.Params.Has("rport") {
		v.Params = v.Params.With("rport", strconv.Itoa(port))
	}
	m.Via = v
	for i := range m.Fields {
		if m.Fields[i].Name != "Via" {
			continue
		}
		if parts, ok := split(m.Fields[i].Value, ','); ok {
			parts[0] = v.String()
			m.Fields[i].Value = strings.Join(parts, ",")
		}
		return
	}
}

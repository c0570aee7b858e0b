package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The limits of a message. What is larger is refused before memory is spent on
// it.
const (
	MaxMessage = 64 << 10 // head and body
	MaxHead    = 24 << 10
	maxFields  = 256
)

// Fault says what is wrong with a message and what its sender is owed: a status,
// or nothing where Status is 0.
type Fault struct {
	Status int
	Reason string // goes to the peer as the reason phrase
	// Unsupported lists the option tags of a 420.
	Unsupported []string
}

func (f *Fault) Error() string {
	if f.Status == 0 {
		return "sip: dropped: " + f.Reason
	}
	return fmt.Sprintf("sip: %d %s", f.Status, f.Reason)
}

func fault(status int, reason string) *Fault { return &Fault{Status: status, Reason: reason} }

// errNotSIP is the fault of what is not a message at all: nobody is answered.
func errNotSIP(why string) *Fault { return fault(0, why) }

// Parse reads the message in a datagram. What follows the body is ignored (RFC
// 3261 §18.3). The error is a *Fault; the message is returned with it when
// enough was read to answer it, see Answerable. b is not kept.
func Parse(b []byte) (*Message, error) {
	b = bytes.TrimLeft(b, "\r\n")
	end := bytes.Index(b, []byte("\r\n\r\n"))
	head, rest := b, []byte(nil)
	complete := end >= 0
	if complete {
		head, rest = b[:end], b[end+4:]
	}
	m, err := parseHead(head)
	if err != nil {
		return m, err
	}
	if !complete {
		return m, m.owed(fault(400, "Message without end of header"))
	}
	n, has, f := m.contentLength()
	switch {
	case f != nil:
		return m, m.owed(f)
	case !has:
		n = len(rest)
	case n > len(rest):
		return m, m.owed(fault(400, "Content-Length larger than message"))
	}
	m.Body = bytes.Clone(rest[:n])
	return m, m.Check()
}

// ErrKeepAlive is returned by Read for the double CRLF with which a client asks
// for a sign of life (RFC 5626 §3.5.1); it is answered with one.
var ErrKeepAlive = errors.New("sip: keep-alive")

// Read reads the next message of a stream. A *Fault whose message came back can
// be answered; after any other error, and after a Fault for which Lost reports
// true, the place where the next message begins is not known.
func Read(r *bufio.Reader) (*Message, error) {
	head, err := readHead(r)
	if err != nil {
		return nil, err
	}
	m, err := parseHead(head)
	if err != nil {
		return m, lost{err}
	}
	n, has, f := m.contentLength()
	switch {
	case f != nil:
		return m, lost{m.owed(f)}
	case !has:
		return m, lost{m.owed(fault(400, "Missing Content-Length"))}
	case n > MaxMessage-len(head):
		return m, lost{m.owed(fault(513, "Message Too Large"))}
	}
	m.Body = make([]byte, n)
	if _, err := io.ReadFull(r, m.Body); err != nil {
		return nil, fmt.Errorf("sip: read body: %w", err)
	}
	return m, m.Check()
}

type lost struct{ error }

func (l lost) Unwrap() error { return l.error }

// Lost reports whether the stream that gave err has to be closed.
func Lost(err error) bool {
	var l lost
	var f *Fault
	return errors.As(err, &l) || !errors.As(err, &f)
}

// readHead reads up to the empty line, which is not returned.
func readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	breaks := 0
	for {
		line, err := r.ReadSlice('\n')
		if len(head)+len(line) > MaxHead {
			return nil, lost{errNotSIP("header too large")}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			head = append(head, line...)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("sip: read: %w", err)
		}
		empty := len(line) == 2 && line[0] == '\r' && (len(head) == 0 || bytes.HasSuffix(head, []byte("\r\n")))
		switch {
		case empty && len(head) == 0:
			if breaks++; breaks%2 == 0 {
				return nil, ErrKeepAlive
			}
		case empty:
			return head[:len(head)-2], nil
		default:
			head = append(head, line...)
		}
	}
}

// parseHead parses start line and fields.
func parseHead(head []byte) (*Message, error) {
	if len(head) > MaxHead {
		return nil, errNotSIP("header too large")
	}
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	m := &Message{}
	f := m.startLine(string(line))
	if f != nil && f.Status == 0 {
		return nil, f
	}
	// The fields are read even when the start line is at fault, for the answer.
	if ff := m.fields(string(rest)); f == nil {
		f = ff
	}
	m.fill()
	if f != nil {
		return m, m.owed(f)
	}
	return m, nil
}

// startLine parses a request line or a status line (RFC 3261 §7.1, §7.2).
func (m *Message) startLine(s string) *Fault {
	if strings.HasPrefix(s, "SIP/") {
		return m.statusLine(s)
	}
	method, rest, ok := strings.Cut(s, " ")
	i := strings.LastIndexByte(strings.TrimRight(rest, " "), ' ')
	if !ok || i < 0 || !token(method) {
		return errNotSIP("no request line")
	}
	target, version := rest[:i], rest[i+1:]
	if !strings.HasPrefix(version, "SIP/") {
		return errNotSIP("no request line")
	}
	m.Method = method
	switch {
	case strings.TrimRight(version, " ") != Version && versionForm(version):
		return fault(505, "Version Not Supported")
	case version != Version:
		return fault(400, "Malformed request line")
	case strings.ContainsAny(target, " \t<>"):
		return fault(400, "Malformed Request-URI")
	}
	u, err := ParseURI(target)
	if err != nil {
		return fault(400, "Malformed Request-URI")
	}
	m.Target = u
	return nil
}

func versionForm(s string) bool {
	major, minor, ok := strings.Cut(strings.TrimPrefix(s, "SIP/"), ".")
	return ok && digits(major) && digits(minor)
}

func (m *Message) statusLine(s string) *Fault {
	version, rest, _ := strings.Cut(s, " ")
	code, reason, _ := strings.Cut(rest, " ")
	if version != Version || len(code) != 3 || !digits(code) {
		return errNotSIP("no status line")
	}
	m.Status, _ = strconv.Atoi(code) // three digits
	if m.Status < 100 || m.Status > 699 {
		return errNotSIP("no status line")
	}
	m.Reason = reason
	return nil
}

// fields parses the header fields, folded ones into one line.
func (m *Message) fields(s string) *Fault {
	var bad *Fault
	for s != "" {
		var line string
		line, s, _ = strings.Cut(s, "\r\n")
		for s != "" && (s[0] == ' ' || s[0] == '\t') {
			var more string
			more, s, _ = strings.Cut(s, "\r\n")
			line = strings.TrimRight(line, " \t") + " " + trim(more)
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		switch {
		case !ok || !token(name) || strings.ContainsAny(line, "\r\n"):
			bad = fault(400, "Malformed header field")
			continue
		case len(m.Fields) >= maxFields:
			return fault(400, "Too many header fields")
		}
		m.Fields = append(m.Fields, Field{Canonical(name), trim(value)})
	}
	return bad
}

// contentLength returns the length of the body and whether it is given.
func (m *Message) contentLength() (n int, has bool, f *Fault) {
	all := m.All("Content-Length")
	if len(all) == 0 {
		return 0, false, nil
	}
	if len(all) > 1 {
		return 0, true, fault(400, "More than one Content-Length")
	}
	if !digits(all[0]) {
		return 0, true, fault(400, "Malformed Content-Length")
	}
	n, err := strconv.Atoi(all[0])
	if err != nil || n > MaxMessage {
		return 0, true, fault(513, "Message Too Large")
	}
	return n, true, nil
}

// owed returns f, or a Fault without a status where m must not be answered:
// responses and ACK never are.
func (m *Message) owed(f *Fault) *Fault {
	if m.IsRequest() && m.Method != Ack && m.Answerable() {
		return f
	}
	return &Fault{Reason: f.Reason}
}

// Answerable reports whether a response to m would mean anything to its sender:
// it is told by its Via, even one that cannot be read here.
func (m *Message) Answerable() bool { return m.Has("Via") }

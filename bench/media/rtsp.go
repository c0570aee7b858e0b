package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

const answerWithin = 15 * time.Second

// rtspConn is a minimal RTSP client over TCP (RFC 2326): requests, answers, and
// the packets between them.
type rtspConn struct {
	net.Conn
	br      *bufio.Reader
	url     string
	session string
	cseq    int
	buf     []byte // of the packet read last
}

func dialRTSP(s *server, path string) (*rtspConn, error) {
	c, err := net.DialTimeout("tcp", addr(s.ports.rtsp), answerWithin)
	if err != nil {
		return nil, err
	}
	return &rtspConn{
		Conn: c, br: bufio.NewReaderSize(c, 64<<10),
		url: "rtsp://" + addr(s.ports.rtsp) + "/" + path, buf: make([]byte, 64<<10),
	}, nil
}

func (c *rtspConn) close() { c.Conn.Close() }

// answer is what a server said.
type answer struct {
	status int
	header textproto.MIMEHeader
	body   string
}

// errStatus is an answer other than 200.
type errStatus struct {
	method string
	status int
}

func (e *errStatus) Error() string { return fmt.Sprintf("%s: status %d", e.method, e.status) }

// send writes a request without waiting for the answer.
func (c *rtspConn) send(method, url string, header []string, body string) error {
	c.cseq++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s RTSP/1.0\r\nCSeq: %d\r\nUser-Agent: bench\r\nAuthorization: Basic %s\r\n", method, url, c.cseq,
		base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	if c.session != "" {
		fmt.Fprintf(&b, "Session: %s\r\n", c.session)
	}
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	_, err := io.WriteString(c, b.String())
	return err
}

// do sends a request and reads the answer; the error is an *errStatus unless
// that is 200.
func (c *rtspConn) do(method, url string, header []string, body string) (answer, error) {
	_ = c.SetReadDeadline(time.Now().Add(answerWithin))
	defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	if err := c.send(method, url, header, body); err != nil {
		return answer{}, err
	}
	a, err := c.answer()
	if err != nil {
		return a, fmt.Errorf("%s: %w", method, err)
	}
	if id, _, _ := strings.Cut(a.header.Get("Session"), ";"); id != "" {
		c.session = id
	}
	if a.status != 200 {
		return a, &errStatus{method, a.status}
	}
	return a, nil
}

func (c *rtspConn) answer() (answer, error) {
	for {
		first, err := c.br.Peek(1)
		if err != nil {
			return answer{}, err
		}
		if first[0] != '$' {
			break
		}
		if _, _, err := c.packet(); err != nil {
			return answer{}, err
		}
	}
	tp := textproto.NewReader(c.br)
	line, err := tp.ReadLine()
	if err != nil {
		return answer{}, err
	}
	f := strings.Fields(line)
	if len(f) < 2 {
		return answer{}, fmt.Errorf("answer %q", line)
	}
	var a answer
	if a.status, err = strconv.Atoi(f[1]); err != nil {
		return a, fmt.Errorf("answer %q", line)
	}
	if a.header, err = tp.ReadMIMEHeader(); err != nil {
		return a, err
	}
	n, _ := strconv.Atoi(a.header.Get("Content-Length"))
	if n < 0 || n > 1<<20 {
		return a, errors.New("a body of more than 1 MiB")
	}
	body := make([]byte, n)
	_, err = io.ReadFull(c.br, body)
	a.body = string(body)
	return a, err
}

// packet reads one interleaved packet, which is valid until the next call.
func (c *rtspConn) packet() (channel byte, p []byte, err error) {
	var h [4]byte
	if _, err := io.ReadFull(c.br, h[:]); err != nil {
		return 0, nil, err
	}
	p = c.buf[:binary.BigEndian.Uint16(h[2:])]
	_, err = io.ReadFull(c.br, p)
	return h[1], p, err
}

// next reads packets, skipping answers to keep-alive requests.
func (c *rtspConn) next() (channel byte, p []byte, err error) {
	for {
		first, err := c.br.Peek(1)
		if err != nil {
			return 0, nil, err
		}
		if first[0] == '$' {
			return c.packet()
		}
		if _, err := c.answer(); err != nil {
			return 0, nil, err
		}
	}
}

// controls returns the address of each media in a session description, in order.
func controls(a answer, url string) []string {
	base := a.header.Get("Content-Base")
	if base == "" {
		base = url
	}
	base = strings.TrimSuffix(base, "/") + "/"
	var out []string
	inMedia := false
	for line := range strings.Lines(a.body) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "m=") {
			inMedia = true
		}
		if v, ok := strings.CutPrefix(line, "a=control:"); ok && inMedia {
			if !strings.Contains(v, "://") {
				v = base + v
			}
			out = append(out, v)
		}
	}
	return out
}

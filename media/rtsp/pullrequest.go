package rtsp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// statusError is an answer of a source other than 200. The source's own words are
// left out: they may repeat what was asked for.
type statusError struct {
	method string
	code   int
}

func (e *statusError) Error() string {
	s := strings.TrimSpace(fmt.Sprintf("rtsp: the source answers %s with %d %s", e.method, e.code, statusText[e.code]))
	if e.code >= 300 && e.code < 400 {
		s += ": it has moved; give its new address"
	}
	return s
}

var (
	errWantsLogin  = errors.New("rtsp: the source wants a user and a password: rtsp://USER:PASSWORD@…")
	errWrongLogin  = errors.New("rtsp: the source refuses the user or the password")
	errNoAnswer    = errors.New("rtsp: the source does not answer")
	errOtherAnswer = errors.New("rtsp: the source answers what was not asked")
)

// maxBetween is how many messages and frames may come before an answer.
const maxBetween = 10_000

// must asks and takes no for an error.
func (p *puller) must(method, url string, more ...headerLine) (*request, error) {
	a, err := p.ask(method, url, more...)
	if err != nil {
		return nil, err
	}
	if code := a.code(); code != 200 {
		return nil, &statusError{method, code}
	}
	return a, nil
}

// ask sends a request and waits for its answer; it logs in when it is told to.
func (p *puller) ask(method, url string, more ...headerLine) (*request, error) {
	for range 3 { // without a login, with one, and again when its nonce has expired
		if err := p.send(method, url, more...); err != nil {
			return nil, err
		}
		a, err := p.answer()
		if err != nil {
			return nil, err
		}
		if a.code() != 401 {
			return a, nil
		}
		if err := p.login.learn(a.header["Www-Authenticate"]); err != nil {
			return nil, err
		}
	}
	return nil, errWrongLogin
}

// answer waits for the answer to the newest request.
func (p *puller) answer() (*request, error) {
	started := time.Now()
	for range maxBetween {
		a, err := p.next()
		switch {
		case errors.Is(err, errNoMedia) && !p.live:
			return nil, errNoAnswer
		case err != nil:
			return nil, err
		case a == nil && time.Since(started) > p.job.Timeout:
			return nil, errNoAnswer
		case a == nil:
			continue
		}
		p.heard = time.Now()
		if a.cseq == strconv.Itoa(p.cseq) || a.cseq == "" { // some cameras do not number their answers
			return a, nil
		}
	}
	return nil, errOtherAnswer
}

// send writes a request.
func (p *puller) send(method, url string, more ...headerLine) error {
	p.cseq++
	b := fmt.Appendf(nil, "%s %s RTSP/1.0\r\nCSeq: %d\r\nUser-Agent: Muster\r\n", method, url, p.cseq)
	if p.id != "" {
		more = append(more, headerLine{"Session", p.id})
	}
	if proof := p.login.proof(method, url); proof != "" {
		more = append(more, headerLine{"Authorization", proof})
	}
	for _, h := range more {
		b = fmt.Appendf(b, "%s: %s\r\n", h.key, oneLine(h.value))
	}
	return p.write(append(b, "\r\n"...))
}

// write sends b whole.
func (p *puller) write(b []byte) error {
	if p.ended.Load() == nil { // else the deadline is that of the farewell
		if err := p.nc.SetWriteDeadline(time.Now().Add(p.job.Timeout)); err != nil {
			return err
		}
		if reason := p.ended.Load(); reason != nil {
			return *reason
		}
	}
	_, err := p.nc.Write(b)
	return p.why(err)
}

// message reads one message of the source. Responses are returned; requests,
// which a source hardly ever has, are answered and are nil.
func (p *puller) message() (*request, error) {
	left := maxHead
	line, err := readLine(p.br, &left)
	if err != nil {
		return nil, err
	}
	m := &request{header: make(map[string][]string)}
	m.method, m.url, _ = strings.Cut(line, " ")
	if err := readHeader(p.br, &left, m.header); err != nil {
		return nil, err
	}
	if err := readBody(p.br, m); err != nil {
		return nil, err
	}
	m.cseq = strings.TrimSpace(m.get("Cseq"))
	if strings.HasPrefix(m.method, "RTSP/") {
		if m.code() < 100 {
			return nil, malformedf("no status line")
		}
		if m.code() == 401 && p.live { // of a sign of life: its nonce has expired
			if err := p.login.learn(m.header["Www-Authenticate"]); err != nil {
				return nil, err
			}
			return nil, p.send(p.ping, p.base)
		}
		return m, nil
	}
	if !isToken(m.method) || len(m.cseq) > 10 || !isDigits(m.cseq) {
		return nil, malformedf("neither a response nor media")
	}
	return nil, p.write((&response{code: 501}).marshal(m.cseq))
}

// code returns the status of a response, whose status line is kept where that of
// a request is; 0 if there is none.
func (r *request) code() int {
	code, _, _ := strings.Cut(r.url, " ")
	if len(code) != 3 || !isDigits(code) {
		return 0
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		return 0
	}
	return n
}

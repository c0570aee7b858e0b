package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// Limits on a request; nothing longer is read (RFC 2326 sets none).
const (
	maxHead    = 64 << 10 // bytes of request line and header together
	maxLine    = 16 << 10 // bytes of one line
	maxHeaders = 64       // lines
	maxBody    = 64 << 10 // bytes, an SDP
)

// request is one RTSP request (RFC 2326 §6).
type request struct {
	method string
	url    string // as sent
	cseq   string // decimal digits
	header map[string][]string
	body   []byte
}

// malformed says why what a client sent is not RTSP; its connection ends.
type malformed struct{ why string }

func (e *malformed) Error() string { return "malformed request: " + e.why }

func malformedf(format string, args ...any) error {
	return &malformed{why: fmt.Sprintf(format, args...)}
}

var errVersion = errors.New("a version of RTSP other than 1.0")

// get returns the first value of a header.
func (r *request) get(key string) string {
	if v := r.header[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// readRequest reads one request. The error is a *malformed, errVersion (with a
// request whose CSeq is valid), or that of the connection.
func readRequest(br *bufio.Reader) (*request, error) {
	left := maxHead
	line, err := readLine(br, &left)
	if err != nil {
		return nil, err
	}
	req := &request{header: make(map[string][]string)}
	var version string
	var ok bool
	req.method, line, ok = strings.Cut(line, " ")
	if !ok {
		return nil, malformedf("no request line")
	}
	req.url, version, ok = strings.Cut(line, " ")
	if !ok || !isToken(req.method) || req.url == "" || !strings.HasPrefix(version, "RTSP/") {
		return nil, malformedf("no request line")
	}
	if err := readHeader(br, &left, req.header); err != nil {
		return nil, err
	}
	req.cseq = strings.TrimSpace(req.get("Cseq"))
	if len(req.cseq) > 10 || !isDigits(req.cseq) {
		return nil, malformedf("no valid CSeq")
	}
	if err := readBody(br, req); err != nil {
		return nil, err
	}
	if version != "RTSP/1.0" {
		return req, errVersion
	}
	return req, nil
}

func readHeader(br *bufio.Reader, left *int, into map[string][]string) error {
	for range maxHeaders {
		line, err := readLine(br, left)
		if err != nil {
			return err
		}
		if line == "" {
			return nil
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(key) {
			return malformedf("a header line without a name")
		}
		key = textproto.CanonicalMIMEHeaderKey(key)
		into[key] = append(into[key], strings.TrimSpace(value))
	}
	return malformedf("more than %d header lines", maxHeaders)
}

func readBody(br *bufio.Reader, req *request) error {
	lengths := req.header["Content-Length"]
	if len(lengths) == 0 {
		return nil
	}
	n, err := strconv.ParseUint(lengths[0], 10, 32)
	if err != nil || len(lengths) > 1 {
		return malformedf("no valid Content-Length")
	}
	if n > maxBody {
		return malformedf("a body of more than %d bytes", maxBody)
	}
	if n == 0 {
		return nil
	}
	req.body = make([]byte, n)
	if _, err := io.ReadFull(br, req.body); err != nil {
		return err
	}
	return nil
}

// readLine returns the next line without its end, which may be a bare LF.
func readLine(br *bufio.Reader, left *int) (string, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		*left -= len(part)
		if *left < 0 || len(line)+len(part) > maxLine {
			return "", malformedf("a header of more than %d bytes", maxHead)
		}
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", malformedf("a control character")
		}
	}
	return string(line), nil
}

// isToken reports whether s is a token of RFC 2616 §2.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("()<>@,;:\\\"/[]?={}", c) >= 0 {
			return false
		}
	}
	return s != ""
}

func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// response is one RTSP response (RFC 2326 §7).
type response struct {
	code   int
	reason string // empty: the standard phrase of code
	header []headerLine
	body   []byte
}

type headerLine struct{ key, value string }

// statusText has the standard phrases of the codes the server uses.
var statusText = map[int]string{
	200: "OK",
	400: "Bad Request",
	401: "Unauthorized",
	403: "Forbidden",
	404: "Not Found",
	415: "Unsupported Media Type",
	451: "Parameter Not Understood",
	453: "Not Enough Bandwidth",
	454: "Session Not Found",
	455: "Method Not Valid in This State",
	459: "Aggregate Operation Not Allowed",
	461: "Unsupported Transport",
	500: "Internal Server Error",
	501: "Not Implemented",
	503: "Service Unavailable",
	505: "RTSP Version Not Supported",
	551: "Option Not Supported",
}

func (r *response) add(key, value string) *response {
	r.header = append(r.header, headerLine{key, value})
	return r
}

// marshal returns the response to the request numbered cseq, which may be empty
// when the request had no valid number.
func (r *response) marshal(cseq string) []byte {
	reason := r.reason
	if reason == "" {
		reason = statusText[r.code]
	}
	b := fmt.Appendf(nil, "RTSP/1.0 %d %s\r\n", r.code, oneLine(reason))
	if cseq != "" {
		b = fmt.Appendf(b, "CSeq: %s\r\n", cseq)
	}
	b = append(b, "Server: Muster\r\n"...)
	for _, h := range r.header {
		b = fmt.Appendf(b, "%s: %s\r\n", h.key, oneLine(h.value))
	}
	if len(r.body) > 0 {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", len(r.body))
	}
	b = append(b, "\r\n"...)
	return append(b, r.body...)
}

// oneLine keeps text that stems from a client from adding lines of its own.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
}

package marti

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// paced moves the write deadline ahead with each write.
type paced struct {
	http.ResponseWriter
	c     *http.ResponseController
	stall time.Duration
	end   func() // of the request; nil: nobody counts it
}

func (p *paced) Write(b []byte) (int, error) {
	_ = p.c.SetWriteDeadline(time.Now().Add(p.stall)) // unsupported only by test recorders
	return p.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Hijack hands the connection over, for WebSockets, without our deadlines.
func (p *paced) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := p.c.Hijack()
	if err == nil {
		if p.end != nil {
			p.end()
		}
		err = c.SetDeadline(time.Time{})
	}
	return c, rw, err
}

// pacedBody moves the read deadline ahead with each read.
type pacedBody struct {
	io.ReadCloser
	c     *http.ResponseController
	stall time.Duration
}

func (p *pacedBody) Read(b []byte) (int, error) {
	_ = p.c.SetReadDeadline(time.Now().Add(p.stall))
	return p.ReadCloser.Read(b)
}

// zip is an answer that is compressed once its type is known to gain by it.
type zip struct {
	http.ResponseWriter
	r     *http.Request
	gz    *gzip.Writer
	begun bool
}

var zippers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return z
}}

// compress returns w, which gzips text for clients that take it. The caller
// closes it.
func compress(w http.ResponseWriter, r *http.Request) *zip { return &zip{ResponseWriter: w, r: r} }

// WriteHeader decides.
func (z *zip) WriteHeader(status int) {
	if !z.begun && status >= 200 {
		z.begun = true
		z.begin(status)
	}
	z.ResponseWriter.WriteHeader(status)
}

func (z *zip) begin(status int) {
	h := z.Header()
	switch t, _, _ := strings.Cut(h.Get("Content-Type"), ";"); t {
	case "application/json", "text/json", "application/xml", "text/xml", "text/plain", "application/vnd.google-earth.kml+xml":
	default:
		return
	}
	h.Add("Vary", "Accept-Encoding")
	if status != http.StatusOK && status != http.StatusCreated || z.r.Method == http.MethodHead || h.Get("Content-Encoding") != "" ||
		h.Get("Content-Range") != "" || h.Get("Accept-Ranges") != "" || !takesGzip(z.r) {
		return
	}
	h.Del("Content-Length")
	h.Set("Content-Encoding", "gzip")
	z.gz = zippers.Get().(*gzip.Writer)
	z.gz.Reset(z.ResponseWriter)
}

// Write implements io.Writer.
func (z *zip) Write(b []byte) (int, error) {
	if !z.begun {
		z.WriteHeader(http.StatusOK)
	}
	if z.gz != nil {
		return z.gz.Write(b)
	}
	return z.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (z *zip) Unwrap() http.ResponseWriter { return z.ResponseWriter }

// Close ends the compression.
func (z *zip) Close() {
	if z.gz == nil {
		return
	}
	_ = z.gz.Close() // an error means that the client has gone
	z.gz.Reset(nil)
	zippers.Put(z.gz)
	z.gz = nil
}

// takesGzip reads Accept-Encoding (RFC 9110 §12.5.3) as clients write it.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" {
			weight, has := strings.CutPrefix(strings.ReplaceAll(q, " ", ""), "q=")
			v, err := strconv.ParseFloat(weight, 64)
			return !has || err == nil && v > 0
		}
	}
	return false
}

// Package tunnel carries RTMP inside HTTP (RTMPT): encoders behind proxies that
// let nothing but HTTP out reach the RTMP server by it.
//
// A client opens a session with POST /open/1, sends with /send/ID/N, asks for what
// there is with /idle/ID/N and ends with /close/ID; what the server has to say comes
// in the answers, behind one byte that says how soon to ask again. To the RTMP server
// a session is a net.Conn.
package tunnel

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/limit"
	"muster/internal/peer"
)

// Bounds of sessions.
const (
	maxIn      = 1 << 20          // bytes that wait for the server; a request that would not fit waits, then fails
	maxOut     = 1 << 20          // bytes that wait for the client; the server's writes wait until their deadline
	maxBody    = 1 << 20          // bytes of one request
	maxIdle    = 4 << 10          // bytes of a request that carries no RTMP; clients send one
	maxAnswer  = 256 << 10        // bytes of one answer
	idleEnd    = 30 * time.Second // a session whose client says nothing for this long ends
	takeLimit  = 10 * time.Second // how long a request waits for room
	answerWait = 20 * time.Millisecond
	linger     = 5 * time.Second // how long a session that the server has ended is kept, for its last words
)

const contentType = "application/x-fcs"

// Handler serves RTMPT. Make it with New.
type Handler struct {
	ctx   context.Context
	serve func(ctx context.Context, c net.Conn)
	conns *limit.Conns

	n struct{ open, total, refused, malformed atomic.Int64 }

	mu       sync.Mutex // guards what follows
	sessions map[string]*session
	running  sync.WaitGroup
	over     bool
}

// Stats are counts since the start, except for the gauge.
type Stats struct {
	Open      int64 // gauge: sessions
	Total     int64
	Refused   int64 // more than an address, or all together, may have
	Malformed int64 // requests that were none
}

// limits are the sessions that may be open: one address may be a site behind a proxy.
func limits() limit.ConnsConfig { return limit.ConnsConfig{PerAddress: 50, Total: 1000} }

// New returns a handler whose sessions are served by serve, until they end or ctx
// does. serve closes its connection.
func New(ctx context.Context, serve func(ctx context.Context, c net.Conn)) *Handler {
	return &Handler{ctx: ctx, serve: serve, conns: limit.NewConns(limits()), sessions: make(map[string]*session)}
}

// Stats returns the counters.
func (h *Handler) Stats() Stats {
	return Stats{Open: h.n.open.Load(), Total: h.n.total.Load(), Refused: h.n.refused.Load(), Malformed: h.n.malformed.Load()}
}

// Wait returns when all sessions have ended; no new ones begin. Call it when the
// context of New has ended.
func (h *Handler) Wait() {
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.running.Wait()
}

// request is what the path of a request says.
type request struct {
	verb   string // "open", "send", "idle", "close", or "ident" for /fcs/ident
	id     string
	number uint32 // of "send" and "idle": goes up with each
}

// Is reports whether path is one of RTMPT's, for doors that serve other things.
func Is(r *http.Request) bool {
	_, ok := parse(r.URL.Path)
	return ok && r.Method == http.MethodPost
}

// parse reads a path.
func parse(path string) (request, bool) {
	p := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(path) > 200 || !strings.HasPrefix(path, "/") {
		return request{}, false
	}
	switch {
	case len(p) == 2 && p[0] == "fcs" && strings.HasPrefix(p[1], "ident"):
		return request{verb: "ident"}, true
	case len(p) == 2 && p[0] == "open" && p[1] == "1":
		return request{verb: "open"}, true
	case len(p) >= 2 && len(p) <= 3 && p[0] == "close" && p[1] != "":
		return request{verb: "close", id: p[1]}, true
	case len(p) == 3 && (p[0] == "send" || p[0] == "idle") && p[1] != "":
		n, err := strconv.ParseUint(p[2], 10, 32)
		if err != nil {
			return request{}, false
		}
		return request{verb: p[0], id: p[1], number: uint32(n)}, true
	}
	return request{}, false
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, ok := parse(r.URL.Path)
	switch {
	case !ok || r.Method != http.MethodPost:
		h.n.malformed.Add(1)
		http.Error(w, "this is no request of RTMPT", http.StatusBadRequest)
		return
	case q.verb == "ident": // whether there are several servers behind this name
		http.Error(w, "there is one server here", http.StatusNotFound)
		return
	}
	h.mu.Lock()
	s := h.sessions[q.id] // 130 random bits: timing of the map says nothing useful
	h.mu.Unlock()
	if s == nil && q.verb != "open" { // before memory is spent on the body
		http.Error(w, "there is no such session, or it has ended", http.StatusNotFound)
		return
	}
	most := int64(maxIdle)
	if q.verb == "send" {
		most = maxBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		h.n.malformed.Add(1)
		http.Error(w, "the request is too large, or broke off", http.StatusRequestEntityTooLarge)
		return
	}
	if q.verb == "open" {
		h.open(w, r)
		return
	}
	s.touch()
	switch q.verb {
	case "close":
		s.end()
		answer(w, []byte{0})
		return
	case "send":
		repeated, ok := s.next(q.number)
		if !ok {
			h.n.malformed.Add(1)
			http.Error(w, "this request comes behind a later one", http.StatusBadRequest)
			return
		}
		if !repeated && !s.put(r.Context(), body) {
			http.Error(w, "the session has ended", http.StatusNotFound)
			return
		}
	}
	out, pause, ok := s.take(r.Context())
	if !ok {
		h.forget(s)
		http.Error(w, "the session has ended", http.StatusNotFound)
		return
	}
	answer(w, append([]byte{pause}, out...))
}

func answer(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b)
}

func (h *Handler) open(w http.ResponseWriter, r *http.Request) {
	remote := peer.Addr(r.RemoteAddr)
	release, ok := h.conns.Acquire(remote.Addr())
	if !ok {
		h.n.refused.Add(1)
		http.Error(w, "there are too many sessions", http.StatusServiceUnavailable)
		return
	}
	s := newSession(rand.Text(), net.TCPAddrFromAddrPort(remote), r.TLS != nil)
	h.mu.Lock()
	if h.over || h.ctx.Err() != nil {
		h.mu.Unlock()
		release()
		http.Error(w, "the server is stopping", http.StatusServiceUnavailable)
		return
	}
	h.sessions[s.id] = s
	h.running.Add(1)
	h.mu.Unlock()
	h.n.open.Add(1)
	h.n.total.Add(1)
	go func() {
		defer h.running.Done()
		defer release()
		defer h.n.open.Add(-1)
		defer s.end()
		h.serve(h.ctx, s.conn())
		s.finish()
		select { // the client fetches what was said last
		case <-time.After(linger):
		case <-s.ended:
		case <-h.ctx.Done():
		}
		h.forget(s)
	}()
	answer(w, []byte(s.id+"\n"))
}

func (h *Handler) forget(s *session) {
	h.mu.Lock()
	delete(h.sessions, s.id)
	h.mu.Unlock()
	s.end()
}

var errIdle = errors.New("rtmpt: the client has said nothing for too long")

// session is one tunnel: two bounded buffers.
type session struct {
	id     string
	remote net.Addr
	secure bool
	ended  chan struct{}
	once   sync.Once
	idle   *time.Timer

	mu       sync.Mutex // guards what follows
	changed  chan struct{}
	in, out  bytes.Buffer
	sent     bool      // number is set
	number   uint32    // of the newest request that sends
	finished bool      // the server says no more
	dead     error     // why nothing goes any more
	readBy   time.Time // deadlines of the server's side
	writeBy  time.Time
	quiet    int // answers without content in a row
}

func newSession(id string, remote net.Addr, secure bool) *session {
	s := &session{id: id, remote: remote, secure: secure, ended: make(chan struct{}), changed: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = time.AfterFunc(idleEnd, func() { s.stop(errIdle) })
	return s
}

// signal wakes all who wait for a change. mu is held.
func (s *session) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// touch is called for each request of the client's.
func (s *session) touch() { s.idle.Reset(idleEnd) }

// end closes the session in both directions.
func (s *session) end() { s.stop(io.EOF) }

func (s *session) stop(why error) {
	s.once.Do(func() {
		close(s.ended)
		s.mu.Lock()
		s.idle.Stop()
		s.dead = why
		s.signal()
		s.mu.Unlock()
	})
}

// finish says that the server has closed its side: what waits still goes out.
func (s *session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	s.signal()
}

// next takes the number of a request that sends. A proxy that had no answer may
// send one again: its body counts once. What was overtaken on its way cannot be put
// where it belongs.
func (s *session) next(number uint32) (repeated, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent && number <= s.number {
		return number == s.number, number == s.number
	}
	s.sent, s.number = true, number
	return false, true
}

// put gives the server what the client has sent; false when the session is over.
func (s *session) put(ctx context.Context, b []byte) bool {
	limit := time.NewTimer(takeLimit)
	defer limit.Stop()
	for {
		s.mu.Lock()
		if s.dead != nil || s.finished {
			over := s.dead != nil
			s.mu.Unlock()
			return !over // what is left to be said is still fetched
		}
		if s.in.Len()+len(b) <= maxIn || s.in.Len() == 0 {
			s.in.Write(b)
			s.signal()
			s.mu.Unlock()
			return true
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-limit.C:
			s.end() // bytes in the middle would be missing
			return false
		case <-ctx.Done():
			s.end()
			return false
		}
	}
}

// take returns what the server has to say, after a moment if there is nothing yet,
// and how soon to ask again, in units of about 60 ms. It is over when the server
// has said all.
func (s *session) take(ctx context.Context) (b []byte, pause byte, ok bool) {
	limit := time.NewTimer(answerWait)
	defer limit.Stop()
	for waiting := true; ; {
		s.mu.Lock()
		if s.out.Len() > 0 || !waiting || s.finished || s.dead != nil {
			break // with mu held
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-limit.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	defer s.mu.Unlock()
	if s.out.Len() == 0 && (s.finished || s.dead != nil) {
		return nil, 0, false
	}
	b = bytes.Clone(s.out.Next(maxAnswer))
	if len(b) > 0 {
		s.quiet = 0
		s.signal()
		return b, 1, true
	}
	s.quiet = min(s.quiet+1, 8)
	return nil, byte(1 + s.quiet), true
}

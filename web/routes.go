package web

import (
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media/rtmp/tunnel"
	"muster/web/front"
	"muster/web/login"
	"muster/web/problem"
)

// main is everything under one address. open lets anybody read /metrics,
// /healthz and /readyz: at the door for this machine.
func (s *Server) main(open bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", s.gate.Identify(s.api.Handler()))
	mount(mux, "/hls", s.gate, s.deps.HLS)
	mount(mux, "/rtc", s.gate, s.deps.RTC)
	if s.deps.Notify != nil {
		mux.Handle("/notify/", s.gate.Identify(http.StripPrefix("/notify", s.deps.Notify)))
	}
	if s.deps.SIP != nil { // telephones log in themselves
		mux.HandleFunc("GET /sip", s.serveSIP)
	}
	for _, m := range []struct {
		path  string
		h     http.Handler
		needs auth.Action
	}{
		{"/metrics", s.deps.Metrics, auth.Operate},
		{"/healthz", s.deps.Healthz, auth.Use},
		{"/readyz", s.deps.Readyz, auth.Use},
	} {
		switch {
		case m.h == nil:
		case open:
			mux.Handle("GET "+m.path, m.h)
		default:
			mux.Handle("GET "+m.path, s.gate.Identify(allowed(m.needs, m.h)))
		}
	}
	mux.Handle("GET /maps/", s.gate.Identify(allowed(auth.Use, archives(s.deps.Maps))))
	mux.Handle("/", s.pages)
	return secure(policy(s.cfg.Map.origins()), s.hosts.check(mux))
}

// serveSIP serves the WebSocket of a telephone until it has gone or Run ends.
func (s *Server) serveSIP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.down, cancel)()
	s.deps.SIP.ServeHTTP(w, r.WithContext(ctx))
}

// mount puts a media handler under prefix.
func mount(mux *http.ServeMux, prefix string, gate *login.Gate, h http.Handler) {
	if h == nil {
		h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			problem.Write(w, http.StatusNotFound, "This protocol is switched off.")
		})
	}
	mux.Handle(prefix+"/", gate.Cookies(http.StripPrefix(prefix, h)))
}

// allowed lets callers with a right on the server as a whole pass.
func allowed(a auth.Action, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := login.From(r.Context())
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", problem.Challenge)
			problem.Write(w, http.StatusUnauthorized, problem.NeedLogin)
		case auth.Allow(c.Identity, a, auth.Server()) != nil:
			problem.Write(w, http.StatusForbidden, "You do not have the right to read this.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// tunnelled takes the requests of RTMPT out, whose addresses are fixed and whose
// clients follow no redirect.
func (s *Server) tunnelled(next http.Handler) http.Handler {
	if s.deps.RTMPT == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tunnel.Is(r) {
			s.deps.RTMPT.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// redirect answers plain HTTP.
func (s *Server) redirect() http.Handler {
	return s.hosts.redirect(func() string {
		if _, port, err := net.SplitHostPort(s.deps.Doors.Addr("https")); err == nil {
			return port
		}
		return "443"
	})
}

// readBody is how long a client may take to send a body.
const readBody = 30 * time.Second

// arrive is the first to see each request, at every door.
func (s *Server) arrive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.requests.begin() {
			problem.Write(w, http.StatusServiceUnavailable, "The server is going down. Try again shortly.")
			return
		}
		defer s.requests.end()
		defer s.aborted()
		s.served.Add(1)
		if c, ok := r.Context().Value(connKey{}).(*front.Conn); ok && r.TLS == nil {
			r.TLS = c.TLS() // net/http looks inside a *tls.Conn only
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			// Unsupported only by test recorders, which have no sockets.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readBody))
		}
		peer := s.proxies.PeerOf(r, r.TLS != nil)
		if peer.Addr.IsValid() {
			r.RemoteAddr = peer.Addr.String() // for handlers that look themselves
		}
		next.ServeHTTP(w, r.WithContext(login.WithPeer(r.Context(), peer)))
	})
}

// aborted is deferred round each request: a panic costs its connection only and
// is counted like any other part's.
func (s *Server) aborted() {
	v := recover()
	if v == nil {
		return
	}
	if v != http.ErrAbortHandler {
		func() {
			defer run.Recover(s.deps.Log, "web")
			panic(v)
		}()
	}
	panic(http.ErrAbortHandler)
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// quiet takes the log of net/http, which tells of clients that hang up and of
// garbage.
func quiet(l *slog.Logger) *log.Logger { return log.New(debugWriter{l}, "", 0) }

type debugWriter struct{ log *slog.Logger }

func (d debugWriter) Write(b []byte) (int, error) {
	d.log.Debug("http", "part", "web", "message", strings.TrimSpace(string(b)))
	return len(b), nil
}

// requests counts those under way, so that the end can be waited for.
type requests struct {
	mu      sync.Mutex // guards what follows
	n       int
	closing bool
	none    *sync.Cond
}

func (q *requests) init() { q.none = sync.NewCond(&q.mu) }

func (q *requests) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing {
		return false
	}
	q.n++
	return true
}

func (q *requests) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n--; q.n == 0 {
		q.none.Broadcast()
	}
}

// wait lets no further request begin and returns when all have ended.
func (q *requests) wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closing = true
	for q.n > 0 {
		q.none.Wait()
	}
}

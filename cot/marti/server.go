// Package marti is the HTTP side of the TAK server: the three doors (with client
// certificate, with a login over TLS, plain), who calls at them, and the parts of
// the Marti API that speak of clients, groups and the server itself. Files,
// missions, history, video and enrolment are in the packages below it; they are
// handed in as routes.
package marti

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/internal/auth"
	"muster/internal/run"
)

// Authenticator turns what a client showed into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Directory is who is who, for the routes about users and groups.
type Directory interface {
	ListGroups(ctx context.Context) ([]auth.Group, error)
	ListUsers(ctx context.Context) ([]auth.User, error)
	User(ctx context.Context, name string) (auth.User, error)
}

// Router is the part of cot.Router that is needed to show who is connected.
type Router interface {
	Contacts(id auth.Identity) []cot.Contact
	Endpoints(ctx context.Context, id auth.Identity, since time.Time) ([]cot.Contact, error)
	Subscriptions(id auth.Identity) []cot.Subscription
	Positions(id auth.Identity) []*cot.Event
	Resolve(callsign, user string) []string
}

// Switch is the part of cot.Router that changes what clients receive.
type Switch interface {
	Channels(ctx context.Context, id auth.Identity, uid string) ([]cot.Channel, error)
	SetChannels(ctx context.Context, id auth.Identity, uid string, choice []cot.Channel) error
	ResendPositions(uid string)
	SetIncognito(uid string, on bool) bool
	SetFilter(uid string, filter []byte) error
}

// Alerts is the part of cot.Router that keeps emergencies.
type Alerts interface {
	Emergencies(id auth.Identity) []cot.Emergency
	CancelEmergency(ctx context.Context, by auth.Identity, uid string) (bool, error)
	EmergencyPeriod() time.Duration
	SetEmergencyPeriod(d time.Duration) error
	Disconnect(idOrUID string) bool
}

// Routes is a part of the API in a package of its own.
type Routes interface{ Routes(mux *http.ServeMux) }

// Deps is what the server needs of the house.
type Deps struct {
	Auth      Authenticator
	Directory Directory
	Sessions  *auth.Sessions
	Router    Router
	Switch    Switch
	Alerts    Alerts
	Doors     *run.Doors
	Log       *slog.Logger
	Node      reply.Node
	Version   string
	Hosts     func() []string // names and addresses of this server, the best first

	Anonymous *auth.Identity // who calls at the plain door without a login; nil: nobody may
	Parts     []Routes       // for callers who have logged in
	Open      []Routes       // they look at credentials themselves: enrolment, login
	Stream    http.Handler   // /takproto/1
	Pages     http.Handler   // all that is no part of the API, at the TLS doors; nil: nothing

	CertTLS *tls.Config                     // of the door with client certificates; it must ask for them
	TLS     *tls.Config                     // of the door without
	Guard   func(net.Listener) net.Listener // limits connections; nil: no limit
}

// Stats counts since the start.
type Stats struct {
	Requests int64 // to the API
	Refused  int64 // without valid credentials
	Denied   int64 // with credentials that do not suffice
	Open     int64 // connections open now
}

type counters struct{ requests, refused, denied, open atomic.Int64 }

// Server serves the Marti API.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	n    counters

	api, open *http.ServeMux
	conns     sync.Map // net.Conn → *conn
	under     requests
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, d Deps) (*Server, error) {
	if d.Auth == nil || d.Sessions == nil || d.Router == nil || d.Doors == nil || d.Log == nil {
		return nil, errors.New("marti: auth, sessions, router, doors and log are needed")
	}
	s := &Server{cfg: cfg, deps: d, log: d.Log.With("part", "marti"), api: http.NewServeMux(), open: http.NewServeMux()}
	s.about()
	s.contacts()
	s.groups()
	s.subscriptions()
	s.repeater()
	for _, p := range d.Parts {
		p.Routes(s.api)
	}
	for _, p := range d.Open {
		p.Routes(s.open)
	}
	if d.Stream != nil {
		s.api.Handle("GET /takproto/1", d.Stream)
	}
	return s, nil
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	return Stats{Requests: s.n.requests.Load(), Refused: s.n.refused.Load(), Denied: s.n.denied.Load(), Open: s.n.open.Load()}
}

// Run serves the doors until ctx ends. A port that cannot be had is tried again;
// the others are served.
func (s *Server) Run(ctx context.Context) error {
	g := run.NewGroup(ctx, s.log, "marti")
	for _, d := range []struct {
		name, address string
		tls           *tls.Config
		kind          door
	}{
		{"marti", s.cfg.Address, s.deps.CertTLS, certDoor},
		{"marti-enrol", s.cfg.EnrolAddress, s.deps.TLS, loginDoor},
		{"marti-plain", s.cfg.PlainAddress, nil, plainDoor},
	} {
		if d.address == "" || d.kind != plainDoor && d.tls == nil {
			continue
		}
		g.Go(func(ctx context.Context) {
			s.deps.Doors.Keep(ctx, s.log, d.name, d.address, func(ctx context.Context, l net.Listener) error {
				return s.serve(ctx, l, d.tls, d.kind)
			})
		})
	}
	<-ctx.Done()
	g.Wait()
	s.under.wait()
	return nil
}

const (
	idle      = 120 * time.Second
	maxHeader = 64 << 10
)

// serve is an HTTP server on l until ctx ends.
func (s *Server) serve(ctx context.Context, l net.Listener, secure *tls.Config, kind door) error {
	if s.deps.Guard != nil {
		l = s.deps.Guard(l)
	}
	srv := &http.Server{
		Handler: s.arrive(kind), ReadHeaderTimeout: s.cfg.HandshakeTime, IdleTimeout: idle, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(quiet{s.log}, "", 0), ConnContext: s.connected, ConnState: s.connState,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	if secure != nil {
		// The handshake is made in the goroutine of the connection, with the
		// deadline of the first request.
		secure = secure.Clone()
		secure.NextProtos = append([]string{"h2", "http/1.1"}, secure.NextProtos...)
		srv.TLSConfig = secure
	}
	ended := make(chan error, 1)
	go func() {
		if secure != nil {
			ended <- srv.ServeTLS(l, "", "")
			return
		}
		ended <- srv.Serve(l)
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
		<-ended
		return nil
	}
	srv.Close()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("marti: serve %s: %w", l.Addr(), err)
}

// quiet takes the log of net/http, which tells of clients that hang up.
type quiet struct{ log *slog.Logger }

func (q quiet) Write(b []byte) (int, error) {
	q.log.Debug("http", "message", strings.TrimSpace(string(b)))
	return len(b), nil
}

// arrive is the first to see each request at a door.
func (s *Server) arrive(kind door) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v != http.ErrAbortHandler {
				func() {
					defer run.Recover(s.log, "marti")
					panic(v)
				}()
			}
			panic(http.ErrAbortHandler)
		}()
		end := s.under.begin()
		if end == nil {
			reply.Error(w, http.StatusServiceUnavailable, "The server is going down. Try again shortly.")
			return
		}
		defer end()
		pw := s.pace(w, r)
		pw.end = end
		s.dispatch(pw, r, kind)
	})
}

// dispatch finds who answers r.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, kind door) {
	if strings.Contains(r.URL.Path, "\x00") || strings.Contains(r.URL.RawQuery, "%00") {
		// No name holds it, and the database would take it for the end of the text.
		reply.Error(w, http.StatusBadRequest, "The address holds a character that cannot be used.")
		return
	}
	if raw := r.URL.EscapedPath(); len(raw) > 1 && strings.HasSuffix(raw, "/") && isAPI(r.URL.Path) {
		r = bare(r, strings.TrimRight(raw, "/"))
	}
	r = r.WithContext(reply.With(r.Context(), reply.Caller{Secure: kind != plainDoor}))
	zw := compress(w, r)
	defer zw.Close()
	if _, pattern := s.open.Handler(r); pattern != "" && kind != plainDoor {
		s.n.requests.Add(1)
		s.open.ServeHTTP(zw, r)
		return
	}
	h, pattern := s.api.Handler(r)
	if pattern == "" && !isAPI(r.URL.Path) {
		s.page(w, r, kind)
		return
	}
	s.n.requests.Add(1)
	id, ok := s.caller(zw, r, kind)
	if !ok {
		return
	}
	if pattern == "" {
		absent(zw, r, h)
		return
	}
	s.api.ServeHTTP(zw, r.WithContext(reply.With(r.Context(), reply.Caller{Identity: id, Secure: kind != plainDoor})))
}

// bare returns r with another path, which is escaped: the end of a name may be a
// slash, too.
func bare(r *http.Request, raw string) *http.Request {
	path, err := url.PathUnescape(raw)
	if err != nil {
		return r
	}
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = path, raw
	return r
}

// absent answers for the mux's own handler of what is not there, in the form of
// TAK Server.
func absent(w http.ResponseWriter, r *http.Request, h http.Handler) {
	p := &probe{header: make(http.Header)}
	h.ServeHTTP(p, r)
	if allow := p.header.Get("Allow"); p.status == http.StatusMethodNotAllowed && allow != "" {
		w.Header().Set("Allow", allow)
		reply.Error(w, http.StatusMethodNotAllowed, "This address takes "+allow+" only.")
		return
	}
	reply.Error(w, http.StatusNotFound, "There is nothing at this address.")
}

// probe learns what a handler would answer.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

// isAPI reports whether a path belongs to the TAK interface and not to the pages.
func isAPI(path string) bool {
	for _, p := range []string{"/Marti", "/takproto", "/oauth", "/files/api", "/user-management", "/login/", "/token/", "/locate", "/vbm", "/update"} {
		if path == p || strings.HasPrefix(path, p+"/") || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// page hands a request on to the pages.
func (s *Server) page(w http.ResponseWriter, r *http.Request, kind door) {
	if s.deps.Pages == nil || kind == plainDoor {
		reply.Error(w, http.StatusNotFound, "There is nothing at this address.")
		return
	}
	if kind == certDoor {
		if id, err := s.certificate(r); err == nil {
			r = r.WithContext(reply.With(r.Context(), reply.Caller{Identity: id, Secure: true}))
		}
	}
	s.deps.Pages.ServeHTTP(w, r)
}

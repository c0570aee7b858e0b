// Package web is the application server: the pages, the API, the live events,
// and media under the same address, on one HTTPS port that other protocols
// share.
//
// It knows no media protocol: what serves HLS and WebRTC is handed to it as
// http.Handlers, what serves RTMP or TURN as handlers of package front.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/web/api"
	"muster/web/front"
	"muster/web/login"
	"muster/web/mtx"
)

// Deps is what the server stands on. Fields of api.Deps that the server makes
// itself (Logins) are ignored.
type Deps struct {
	api.Deps

	TLS          func(nextProtos ...string) *tls.Config // of the HTTPS door
	HLS, RTC     http.Handler                           // media under /hls/ and /rtc/, prefix stripped; nil: switched off
	Notify       http.Handler                           // the notification server, under /notify/ and at a door of its own, prefix stripped
	SIP          http.Handler                           // WebSockets of telephones, at /sip (RFC 7118); nil: none
	Front        map[front.Kind]front.Handler           // who else lives on the HTTPS port
	Challenge    func(next http.Handler) http.Handler   // answers ACME on the HTTP door; nil: no ACME
	Metrics      http.Handler                           // /metrics
	Healthz      http.Handler                           // /healthz
	Readyz       http.Handler                           // /readyz
	Keep         login.Keep                             // makes browser logins outlive a restart; zero: they end with Run
	RTMPT        http.Handler                           // RTMP inside HTTP, at the HTTP and HTTPS doors; nil: switched off
	ControlToken string                                 // opens the door control to an application server
	Maps         string                                 // folder of map archives (*.pmtiles); "" for none
	Pages        fs.FS                                  // the interface; nil: the built-in one
}

// Server serves all doors of the section web.
type Server struct {
	cfg     Config
	deps    Deps
	proxies login.Proxies
	hosts   *hosts
	gate    *login.Gate
	api     *api.API
	pages   *pages
	mtx     http.Handler

	down context.Context // done when Run ends: telephones' WebSockets close
	shut context.CancelFunc

	requests requests
	front    atomic.Pointer[front.Front]
	served   atomic.Int64
}

// New returns a server. It opens nothing.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s := &Server{cfg: cfg, deps: d, hosts: newHosts(cfg.Names, d.HostNames)}
	var err error
	if s.proxies, err = proxies(cfg.TrustedProxies); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.gate, err = login.New(cfg.Login, d.Profiles, d.Sessions, d.Keep, d.Log); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	root := d.Pages
	if root == nil {
		if root, err = fs.Sub(dist, "dist"); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	if s.pages, err = newPages(root); err != nil {
		return nil, err
	}
	apiDeps := d.Deps
	apiDeps.Logins = s.gate
	s.api = api.New(apiDeps)
	s.mtx = mtx.New(mtx.Deps{Streams: d.Streams, Sessions: d.Sessions, Version: d.Version, Log: d.Log})
	s.down, s.shut = context.WithCancel(context.Background())
	s.requests.init()
	return s, nil
}

// IdentityOf returns who sends r, as the login cookie says. It is for the
// handlers mounted under /hls/ and /rtc/.
func IdentityOf(r *http.Request) (auth.Identity, bool) {
	c, ok := login.From(r.Context())
	return c.Identity, ok
}

// Run serves until ctx ends. A port that cannot be bound is reported, in the
// list of doors too, and tried again from time to time; the others are served.
func (s *Server) Run(ctx context.Context) error {
	if err := s.gate.Start(ctx); err != nil {
		s.deps.Log.Warn("people have to log in again", "part", "web", "error", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.deps.Log, "web")
	g.Go(func(ctx context.Context) { s.api.Run(ctx) })
	// Logins end last: pages are told that the server goes down, not that they
	// are logged out.
	loginCtx, endLogins := context.WithCancel(context.WithoutCancel(ctx))
	logins := run.NewGroup(loginCtx, s.deps.Log, "web")
	logins.Go(func(ctx context.Context) {
		if err := s.gate.Run(ctx); err != nil {
			s.deps.Log.Warn("logins were not kept", "part", "web", "error", err)
		}
	})
	for _, d := range []struct {
		name, address string
		serve         func(context.Context, net.Listener) error
	}{
		{"https", s.cfg.Address, s.serveHTTPS},
		{"http", s.cfg.HTTPAddress, s.serveRedirect},
		{"api", s.cfg.APIAddress, s.serveAPI},
		{"media-api", s.cfg.MediaAPIAddress, s.serveMediaAPI},
		{"notify", s.cfg.NotifyAddress, s.serveNotify},
		{"control", s.cfg.ControlAddress, s.serveControl},
	} {
		if d.address != "" {
			g.Go(func(ctx context.Context) { s.keep(ctx, d.name, d.address, d.serve) })
		}
	}
	<-ctx.Done()
	s.shut()
	cancel()
	g.Wait()
	s.requests.wait()
	endLogins()
	logins.Wait()
	return nil
}

// keep serves a door until ctx ends.
func (s *Server) keep(ctx context.Context, name, address string, serve func(context.Context, net.Listener) error) {
	conns := limit.NewConns(s.cfg.Connections)
	log := s.deps.Log.With("part", "web")
	s.deps.Doors.Keep(ctx, log, name, address, func(ctx context.Context, l net.Listener) error {
		return serve(ctx, limit.NewListener(l, conns, s.deps.Log))
	})
}

// serveHTTPS sorts the connections of the shared port.
func (s *Server) serveHTTPS(ctx context.Context, l net.Listener) error {
	f, err := front.New(s.cfg.Front, s.deps.TLS(front.Protocols()...), s.deps.Log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	for kind, h := range s.deps.Front {
		f.Handle(kind, h)
	}
	secure, plain := front.NewQueue(l.Addr()), front.NewQueue(l.Addr())
	f.Handle(front.HTTPS, secure.Put)
	f.Handle(front.HTTP, plain.Put)
	s.front.Store(f)

	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.deps.Log, "web")
	g.Go(func(ctx context.Context) { s.serve(ctx, secure, s.tunnelled(s.main(false))) })
	g.Go(func(ctx context.Context) { s.serve(ctx, plain, s.tunnelled(s.redirect())) })
	err = f.Serve(ctx, l)
	cancel()
	g.Wait()
	return err
}

func (s *Server) serveRedirect(ctx context.Context, l net.Listener) error {
	h := s.redirect()
	if s.deps.Challenge != nil {
		h = s.deps.Challenge(h)
	}
	return s.serve(ctx, l, s.tunnelled(h))
}

func (s *Server) serveAPI(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.main(true))
}

func (s *Server) serveMediaAPI(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.hosts.check(s.gate.Identify(s.mtx)))
}

// serveNotify serves the notification server at its own door, in TLS.
func (s *Server) serveNotify(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	if s.deps.Notify != nil {
		mux.Handle("/notify/", s.gate.Identify(http.StripPrefix("/notify", s.deps.Notify)))
	}
	return s.serve(ctx, tls.NewListener(l, s.deps.TLS("h2", "http/1.1")), secure(policy(""), s.hosts.check(mux)))
}

// Local answers API requests as the administrator of this machine: for the
// command line when it works on the data of a stopped server, and for a unix
// socket that only its owner can open. Whoever can call it needs no other
// credentials.
func (s *Server) Local() http.Handler {
	h := s.api.Handler()
	return s.arrive(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := login.WithPeer(r.Context(), login.Peer{Secure: true})
		h.ServeHTTP(w, r.WithContext(api.WithIdentity(ctx, auth.System("local"))))
	}))
}

// Handler answers what the HTTPS door answers, for doors of other parts that
// serve the pages too. It works while Run runs.
func (s *Server) Handler() http.Handler { return s.arrive(s.main(false)) }

const (
	readHeader = 10 * time.Second
	idle       = 120 * time.Second
	maxHeader  = 64 << 10
)

// serve serves h on l until ctx ends.
func (s *Server) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	return Serve(ctx, l, s.arrive(h), s.cfg.Drain, s.deps.Log)
}

// Serve is an HTTP server on l until ctx ends; then requests under way have until
// drain to finish. It closes l. It needs no Server: the socket of this machine stays
// while the Server, whose Local it serves, is replaced by one with other settings.
func Serve(ctx context.Context, l net.Listener, h http.Handler, drain time.Duration, log *slog.Logger) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: readHeader, IdleTimeout: idle, MaxHeaderBytes: maxHeader,
		ErrorLog: quiet(log), ConnContext: withConn,
	}
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = srv.Serve(l)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		srv.Close()
		return fmt.Errorf("web: serve %s: %w", l.Addr(), err)
	}
	// Serve may have ended too, for whoever keeps the door closes l with ctx;
	// requests under way are not to suffer for that.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		srv.Close()
	}
	<-ended
	return nil
}

// Stats counts since the start.
type Stats struct {
	Requests        int64 // answered, at all doors
	HTTPS           int64 // connections at the shared port, by what they carried
	PlainHTTP       int64
	OtherProtocols  int64
	FailedHandshake int64
	Silent          int64
	Unknown         int64
	Unserved        int64
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	out := Stats{Requests: s.served.Load()}
	f := s.front.Load()
	if f == nil {
		return out
	}
	c := f.Stats()
	out.FailedHandshake, out.Silent, out.Unknown, out.Unserved = c.Handshake, c.Silent, c.Unknown, c.Unserved
	for kind, n := range c.Served {
		switch kind {
		case front.HTTPS:
			out.HTTPS = n
		case front.HTTP:
			out.PlainHTTP = n
		default:
			out.OtherProtocols += n
		}
	}
	return out
}

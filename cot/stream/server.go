// Package stream serves CoT streams: TCP, TLS with client certificates, QUIC and
// WebSocket, in XML and in TAK protocol version 1, and takes single events by UDP
// and multicast. It finds events and hands them to the hub, and it brings what the
// hub has for a client to its socket; who may see what is the hub's business.
//
// Sending is what costs: one report goes to hundreds of clients. There is no
// writer per connection. What the hub hands over waits in the connection's queue;
// a few flushers go through the connections that have something waiting and give
// each one write that never blocks. A socket that takes no more is left to a
// goroutine of its own until it does. See flusher for how long events wait.
package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
)

// Authenticator turns what a client showed into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// client is the hub's side of a connection: *cot.Client.
type client interface {
	Receive(ctx context.Context, ev *wire.Event) error
	Close(reason error)
	Unsent(chat []*cot.Event)
}

// Deps is what the server needs of the house.
type Deps struct {
	Router  *cot.Router
	Auth    Authenticator
	Doors   *run.Doors
	Log     *slog.Logger
	Config  cot.Config                      // the hub's, for the limits of clients; valid
	Version string                          // of the server, as clients see it
	TLS     *tls.Config                     // with client certificates required, for TLS and QUIC; nil leaves those doors shut
	Guard   func(net.Listener) net.Listener // limits connections; nil: Config.Connections does
	// IdentityOf returns who opened a WebSocket; the caller of WebSocket has
	// found that out before. Needed for WebSocket only.
	IdentityOf func(*http.Request) (auth.Identity, bool)
}

// Server serves CoT streams. Make it with New.
type Server struct {
	cfg    Config
	deps   Deps
	log    *slog.Logger
	limits wire.Limits // of clients that have proven who they are
	join   func(cot.Join) (client, error)
	n      counters

	flushers []*flusher
	next     atomic.Uint32 // flusher of the next connection
	pending  pending
	pongs    pongs

	mu       sync.Mutex // guards what follows
	sessions map[*session]struct{}
	past     totals // of sessions that are over
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Router == nil || deps.Auth == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("stream: router, auth, doors and log are needed")
	}
	return newServer(cfg, deps, func(j cot.Join) (client, error) { return deps.Router.Join(j) }), nil
}

func newServer(cfg Config, deps Deps, join func(cot.Join) (client, error)) *Server {
	s := &Server{
		cfg: cfg, deps: deps, log: deps.Log.With("part", "cot"), limits: wire.DefaultLimits(),
		join: join, sessions: make(map[*session]struct{}),
	}
	s.limits.Event = int(deps.Config.MaxEvent)
	s.pending.limits = cfg.Handshakes
	for range runtime.GOMAXPROCS(0) {
		s.flushers = append(s.flushers, newFlusher(s))
	}
	return s
}

// Run listens and serves until ctx ends. Each door is kept by itself: where one
// address cannot be had the others are served.
func (s *Server) Run(ctx context.Context) error {
	g := run.NewGroup(ctx, s.log, "cot")
	for _, f := range s.flushers {
		g.Go(f.run)
	}
	g.Go(s.sweepOn)
	if s.cfg.Address != "" {
		g.Go(func(ctx context.Context) {
			s.deps.Doors.Keep(ctx, s.log, "cot", s.cfg.Address, func(ctx context.Context, l net.Listener) error {
				return s.accept(ctx, l, nil)
			})
		})
	}
	if s.deps.TLS != nil {
		s.keepSecure(g)
	}
	s.keepDatagrams(g)
	<-ctx.Done()
	for _, c := range s.all() { // WebSockets are no goroutines of ours
		c.End(errStopped)
	}
	g.Wait()
	return nil
}

// errStopped ends the sessions of a server that stops.
var errStopped = errors.New("the server stops")

// keepSecure keeps the doors that want certificates.
func (s *Server) keepSecure(g *run.Group) {
	if s.cfg.TLSAddress != "" {
		secure := s.deps.TLS.Clone()
		// Events are gathered before they are encrypted: small records at the
		// beginning would only cost.
		secure.DynamicRecordSizingDisabled = true
		g.Go(func(ctx context.Context) {
			s.deps.Doors.Keep(ctx, s.log, "cots", s.cfg.TLSAddress, func(ctx context.Context, l net.Listener) error {
				return s.accept(ctx, l, secure)
			})
		})
	}
	if s.cfg.QUICAddress != "" {
		g.Go(func(ctx context.Context) {
			run.Retry(ctx, s.log, "cot-quic", s.serveQUIC)
		})
	}
}

// accept serves the connections of l until it is closed, and waits for them.
func (s *Server) accept(ctx context.Context, l net.Listener, secure *tls.Config) error {
	if s.deps.Guard != nil {
		l = s.deps.Guard(l)
	} else {
		l = limit.NewListener(l, limit.NewConns(s.cfg.Connections), s.log)
	}
	ctx, cancel := context.WithCancel(ctx)
	group := run.NewGroup(ctx, s.log, "cot")
	defer group.Wait()
	defer cancel()
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		s.open(ctx, group, nc, secure)
	}
}

// sweepEvery is how often the time limits of connections are looked at. One
// goroutine does it for all: thousands of timers would cost more.
const sweepEvery = time.Second

func (s *Server) sweepOn(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			s.sweep(now)
		case <-ctx.Done():
			return
		}
	}
}

// sweep ends the sessions that have kept the server waiting for too long.
func (s *Server) sweep(now time.Time) {
	for _, c := range s.all() {
		c.check(now)
	}
}

func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sessions))
}

// Package rtmp serves RTMP and RTMPS: encoders publish to the hub, players read
// from it (Adobe RTMP 1.0, FLV 10.1 §E.4, Enhanced RTMP v2).
//
// Handshake, AMF and the writing of chunks are those of gortmplib. Reading is
// done here, because limits before the login, tolerance for odd encoders and
// readiness at the first frame have to be decided chunk by chunk. Streams are
// fetched from other servers, too (Pull), but not pushed to them. RTMP inside HTTP
// (RTMPT) is served for doors that hand its requests on (Tunnel); RTMPE is not.
package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media"
	"muster/media/rtmp/tunnel"
)

// Authenticator turns what a client showed into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Deps is what the server needs of the house.
type Deps struct {
	Router *media.Router
	Auth   Authenticator
	Doors  *run.Doors
	Log    *slog.Logger
	TLS    *tls.Config                     // for RTMPS; nil leaves that door shut
	Guard  func(net.Listener) net.Listener // limits connections; nil: no limit
}

// Stats counts since the start of the server.
type Stats struct {
	Open      int64 // connections open now
	Total     int64 // connections ever
	Publishes int64 // streams that became live
	Plays     int64 // readers that were let in
	Refused   int64 // requests answered with an error
	Malformed int64 // connections ended for breaking the protocol or a limit
	BytesIn   int64
	BytesOut  int64

	Tunnels         int64 // gauge: sessions of RTMPT
	TunnelsRefused  int64
	TunnelMalformed int64 // requests that were none of RTMPT's
}

type counters struct {
	open, total, publishes, plays, refused, malformed, bytesIn, bytesOut atomic.Int64
}

// Server serves RTMP. Make it with New.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	n    counters

	tunnel atomic.Pointer[tunnel.Handler] // while Run runs
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Router == nil || deps.Auth == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("rtmp: router, auth, doors and log are needed")
	}
	return &Server{cfg: cfg, deps: deps, log: deps.Log.With("part", "rtmp")}, nil
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	var t tunnel.Stats
	if h := s.tunnel.Load(); h != nil {
		t = h.Stats()
	}
	return Stats{
		Tunnels: t.Open, TunnelsRefused: t.Refused, TunnelMalformed: t.Malformed,
		Open: s.n.open.Load(), Total: s.n.total.Load(), Publishes: s.n.publishes.Load(), Plays: s.n.plays.Load(),
		Refused: s.n.refused.Load(), Malformed: s.n.malformed.Load(), BytesIn: s.n.bytesIn.Load(), BytesOut: s.n.bytesOut.Load(),
	}
}

// Run listens and serves until ctx ends. RTMP and RTMPS are kept each by itself:
// where one address cannot be had the other is served.
func (s *Server) Run(ctx context.Context) error {
	if !s.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	g := run.NewGroup(ctx, s.log, "rtmp")
	keep := func(name, address string, cfg *tls.Config) {
		if address == "" {
			return
		}
		g.Go(func(ctx context.Context) {
			s.deps.Doors.Keep(ctx, s.log, name, address, func(ctx context.Context, l net.Listener) error {
				return s.accept(ctx, l, cfg)
			})
		})
	}
	keep("rtmp", s.cfg.Address, nil)
	if s.deps.TLS != nil {
		keep("rtmps", s.cfg.TLSAddress, s.deps.TLS)
	}
	h := tunnel.New(ctx, s.ServeConn)
	s.tunnel.Store(h)
	<-ctx.Done()
	s.tunnel.Store(nil)
	h.Wait()
	g.Wait()
	return nil
}

// Tunnel serves RTMPT while Run runs: requests for which tunnel.Is holds.
func (s *Server) Tunnel() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := s.tunnel.Load(); h != nil {
			h.ServeHTTP(w, r)
			return
		}
		http.Error(w, "RTMP is not served at the moment", http.StatusServiceUnavailable)
	})
}

// accept serves the connections of l until it is closed, and waits for them.
func (s *Server) accept(ctx context.Context, l net.Listener, secure *tls.Config) error {
	if s.deps.Guard != nil {
		l = s.deps.Guard(l)
	}
	ctx, cancel := context.WithCancel(ctx)
	conns := run.NewGroup(ctx, s.log, "rtmp")
	defer conns.Wait()
	defer cancel()
	for {
		nc, err := l.Accept()
		if err != nil {
			return fmt.Errorf("rtmp: accept: %w", err)
		}
		if secure != nil {
			nc = tls.Server(nc, secure)
		}
		conns.Go(func(ctx context.Context) { s.ServeConn(ctx, nc) })
	}
}

// ServeConn serves one connection and closes it. It is exported for doors that
// find RTMP on a port they share: nc is the connection from its first byte on,
// or a *tls.Conn, whose handshake may still be due. It returns when the client
// has left or ctx has ended.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	defer run.Recover(s.log, "rtmp")
	s.n.open.Add(1)
	s.n.total.Add(1)
	defer s.n.open.Add(-1)
	defer nc.Close()

	c := newConn(s, nc)
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	err := c.serve(ctx)
	c.report(err)
}

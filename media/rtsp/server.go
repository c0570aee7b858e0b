// Package rtsp is the RTSP and RTSPS server (RFC 2326): publishers announce and
// record streams into the hub, players describe and play them, over TCP
// (interleaved), UDP unicast, or TCP inside TLS.
//
// The session layer is ours; SDP formats and RTP payloads are gortsplib's. See
// docs/decisions/001-rtsp-session-layer.md.
package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"muster/internal/run"
	"muster/media"
)

const part = "rtsp"

// Deps is what the server stands on.
type Deps struct {
	Router *media.Router
	Auth   Authenticator
	Doors  *run.Doors
	Log    *slog.Logger
	TLS    *tls.Config                     // for RTSPS; nil: no RTSPS
	Guard  func(net.Listener) net.Listener // limits connections; nil: no limit
}

// Server serves RTSP. Make it with New.
type Server struct {
	cfg    Config
	router *media.Router
	auth   Authenticator
	doors  *run.Doors
	log    *slog.Logger
	tls    *tls.Config
	guard  func(net.Listener) net.Listener

	udp     atomic.Pointer[udpDoor] // nil while UDP is not served
	buffers sync.Pool               // of *[]byte, cap batchBytes
	stats   counters
}

// counters are the live form of Stats.
type counters struct {
	conns, connsTotal, publishers, readers                atomic.Int64
	requests, malformed, loginsFailed                     atomic.Int64
	packetsIn, packetsLost, packetsBad, packetsOut, drops atomic.Int64
}

// Stats counts what the server did since it was made.
type Stats struct {
	Conns        int64 // open connections
	ConnsTotal   int64 // ever accepted
	Publishers   int64 // recording now
	Readers      int64 // playing now
	Requests     int64
	Malformed    int64 // connections ended for what is not RTSP
	LoginsFailed int64
	PacketsIn    int64 // RTP packets from publishers
	PacketsLost  int64 // missing from publishers
	PacketsBad   int64 // that could not be used
	PacketsOut   int64 // RTP packets to readers
	Drops        int64 // UDP packets of publishers dropped because their queue was full
}

// New returns a server that has not started anything.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("rtsp: %w", err)
	}
	s := &Server{cfg: cfg, router: deps.Router, auth: deps.Auth, doors: deps.Doors,
		log: deps.Log.With("part", part), tls: deps.TLS, guard: deps.Guard}
	s.buffers.New = func() any {
		b := make([]byte, 0, batchBytes)
		return &b
	}
	return s, nil
}

// Stats returns the counters of this moment.
func (s *Server) Stats() Stats {
	c := &s.stats
	return Stats{
		Conns: c.conns.Load(), ConnsTotal: c.connsTotal.Load(), Publishers: c.publishers.Load(), Readers: c.readers.Load(),
		Requests: c.requests.Load(), Malformed: c.malformed.Load(), LoginsFailed: c.loginsFailed.Load(),
		PacketsIn: c.packetsIn.Load(), PacketsLost: c.packetsLost.Load(), PacketsBad: c.packetsBad.Load(),
		PacketsOut: c.packetsOut.Load(), Drops: c.drops.Load(),
	}
}

// Run listens and serves until ctx ends and every connection is gone. Each of
// its ports is kept by itself: where one cannot be had the others are served,
// and without the UDP ports players and publishers are sent to TCP.
func (s *Server) Run(ctx context.Context) error {
	if !s.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	group := run.NewGroup(ctx, s.log, part)
	if s.cfg.RTPAddress != "" {
		group.Go(func(ctx context.Context) { run.Retry(ctx, s.log, "rtsp-rtp", s.serveUDP) })
	}
	for _, door := range []struct {
		name, address string
		tls           *tls.Config
	}{{"rtsp", s.cfg.Address, nil}, {"rtsps", s.cfg.TLSAddress, s.tls}} {
		if door.address == "" || door.name == "rtsps" && door.tls == nil {
			continue
		}
		group.Go(func(ctx context.Context) {
			s.doors.Keep(ctx, s.log, door.name, door.address, func(ctx context.Context, l net.Listener) error {
				return s.accept(ctx, l, door.tls)
			})
		})
	}
	<-ctx.Done()
	group.Wait()
	return nil
}

// serveUDP has the two UDP ports until ctx ends.
func (s *Server) serveUDP(ctx context.Context) error {
	u, err := openUDP(ctx, s)
	if err != nil {
		return err
	}
	readers := run.NewGroup(ctx, s.log, part)
	s.udp.Store(u)
	readers.Go(u.readRTP)
	readers.Go(u.readRTCP)
	<-ctx.Done()
	s.udp.Store(nil)
	u.close()
	readers.Wait()
	return nil
}

// accept serves the connections of l until it is closed, and waits for them.
func (s *Server) accept(ctx context.Context, l net.Listener, cfg *tls.Config) error {
	if s.guard != nil {
		l = s.guard(l)
	}
	ctx, cancel := context.WithCancel(ctx)
	conns := run.NewGroup(ctx, s.log, part)
	defer conns.Wait()
	defer cancel()
	for {
		nc, err := l.Accept()
		if err != nil {
			return fmt.Errorf("rtsp: accept: %w", err)
		}
		if cfg != nil {
			nc = tls.Server(nc, cfg)
		}
		conns.Go(func(ctx context.Context) { s.ServeConn(ctx, nc) })
	}
}

// ServeConn serves one connection and closes it. It returns when the client is
// gone, ctx ends, or the client is ended by the router. A *tls.Conn, whose
// handshake may still be to come, makes it RTSPS. UDP transport works only while
// Run does.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	c := newConn(s, nc)
	s.stats.conns.Add(1)
	defer s.stats.conns.Add(-1)

	ctx, cancel := context.WithCancel(ctx)
	group := run.NewGroup(ctx, c.log, part)
	c.group = group
	stop := context.AfterFunc(ctx, func() { c.end(errShutdown) })
	defer group.Wait()
	defer cancel()
	defer stop()
	defer c.close()
	err := c.serve(ctx)
	if reason := c.ended.Load(); reason != nil {
		err = *reason
	}
	var bad *malformed
	switch {
	case errors.As(err, &bad):
		s.stats.malformed.Add(1)
		c.log.Warn("connection ended", "reason", err)
	case c.login.done:
		c.log.Info("connection ended", "reason", err)
	default:
		c.log.Debug("connection ended", "reason", err)
	}
}

var errShutdown = errors.New("the server is stopping")

// Package srt serves SRT in listener mode: callers publish to the hub or read
// from it, with MPEG-TS inside. It calls others only to fetch streams from them
// (Pull), and has no rendezvous mode.
package srt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"muster/internal/auth"
	"muster/internal/peer"
	"muster/internal/run"
	"muster/media"
)

// Rejection reasons, as callers have them (libsrt, access_control.h; some of the
// library's constants differ).
const (
	rejectRogue      gosrt.RejectionReason = 1004
	rejectVersion    gosrt.RejectionReason = 1008
	rejectBadSecret  gosrt.RejectionReason = 1010
	rejectUnsecure   gosrt.RejectionReason = 1011
	rejectBadRequest gosrt.RejectionReason = 1400
	rejectLogin      gosrt.RejectionReason = 1401
	rejectOverload   gosrt.RejectionReason = 1402
	rejectForbidden  gosrt.RejectionReason = 1403
	rejectNotFound   gosrt.RejectionReason = 1404
	rejectBadMode    gosrt.RejectionReason = 1405
	rejectConflict   gosrt.RejectionReason = 1409
	rejectMedia      gosrt.RejectionReason = 1415
	rejectInternal   gosrt.RejectionReason = 1500
)

// loginTimeout is within the 3 s after which callers give up by themselves.
const loginTimeout = 2900 * time.Millisecond

// Authenticator turns what a client showed into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Conns bounds open connections, as limit.Conns does.
type Conns interface {
	Acquire(addr netip.Addr) (release func(), ok bool)
}

// Deps is what the server needs of the house.
type Deps struct {
	Router *media.Router
	Auth   Authenticator
	Doors  *run.Doors
	Log    *slog.Logger
	Conns  Conns // nil: no limit
}

// Stats counts since the start of the server.
type Stats struct {
	Open      int64 // callers connected now
	Total     int64 // callers ever let in
	Publishes int64 // streams that became live
	Plays     int64 // readers that were let in
	Refused   int64 // callers turned away
	Malformed int64 // handshakes that could not be read
	BytesIn   int64
	BytesOut  int64
}

type counters struct {
	open, total, publishes, plays, refused, malformed, bytesIn, bytesOut atomic.Int64
}

// Server serves SRT. Make it with New.
type Server struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	pending chan struct{} // one place for each caller whose login is checked
	n       counters

	maxAhead uint64 // as the constant; tests make do with less
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Router == nil || deps.Auth == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("srt: router, auth, doors and log are needed")
	}
	return &Server{cfg: cfg, deps: deps, log: deps.Log.With("part", "srt"), pending: make(chan struct{}, cfg.MaxPending), maxAhead: maxAhead}, nil
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	return Stats{
		Open: s.n.open.Load(), Total: s.n.total.Load(), Publishes: s.n.publishes.Load(), Plays: s.n.plays.Load(),
		Refused: s.n.refused.Load(), Malformed: s.n.malformed.Load(), BytesIn: s.n.bytesIn.Load(), BytesOut: s.n.bytesOut.Load(),
	}
}

// Run listens and serves until ctx ends. A *run.BindError says that the address
// could not be had.
func (s *Server) Run(ctx context.Context) error {
	if !s.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	ln, err := s.listen(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.log, "srt")
	stop := context.AfterFunc(ctx, ln.Close) // ends Accept2 and every connection
	defer func() {
		stop()
		cancel()
		ln.Close()
		g.Wait()
	}()
	for {
		req, err := s.next(ln)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("srt: accept: %w", err)
		case req == nil:
			continue
		}
		select {
		case s.pending <- struct{}{}:
		default:
			s.refuse(req, rejectOverload)
			continue
		}
		if !g.Go(func(ctx context.Context) { s.serve(ctx, g, req) }) {
			<-s.pending
		}
	}
}

// listen opens the socket. The library sets SO_REUSEADDR, with which Linux lets
// two programs have one UDP port and neither notice: a plain socket asks first.
func (s *Server) listen(ctx context.Context) (gosrt.Listener, error) {
	probe, err := s.deps.Doors.ListenPacket(ctx, "srt", s.cfg.Address)
	if err != nil {
		return nil, err
	}
	address := s.cfg.Address
	if host, port, _ := net.SplitHostPort(address); port == "0" {
		address = net.JoinHostPort(host, fmt.Sprint(probe.LocalAddr().(*net.UDPAddr).Port))
	}
	if err := probe.Close(); err != nil {
		return nil, s.deps.Doors.Failed("srt", "udp", s.cfg.Address, err)
	}
	c := gosrt.DefaultConfig()
	c.ReceiverLatency, c.PeerLatency = s.cfg.Latency, s.cfg.Latency
	c.PeerIdleTimeout = s.cfg.IdleTimeout
	c.PayloadSize = gosrt.MAX_PAYLOAD_SIZE
	ln, err := gosrt.Listen("srt", address, c)
	if err != nil {
		return nil, s.deps.Doors.Failed("srt", "udp", s.cfg.Address, err)
	}
	s.deps.Doors.Bound("srt", "udp", ln.Addr().String())
	return ln, nil
}

// next returns the next caller, or nil. The library indexes into extensions of
// handshakes that it takes for well-formed; a stranger's broken datagram is
// counted here and costs nobody else anything.
func (s *Server) next(ln gosrt.Listener) (req gosrt.ConnRequest, err error) {
	defer func() {
		if recover() != nil {
			s.n.malformed.Add(1)
			req, err = nil, nil
		}
	}()
	return ln.Accept2()
}

func (s *Server) refuse(req gosrt.ConnRequest, reason gosrt.RejectionReason) {
	s.n.refused.Add(1)
	req.Reject(reason)
}

// caller is somebody at the door, and then a connection.
type caller struct {
	s      *Server
	group  *run.Group
	remote netip.AddrPort
	log    *slog.Logger
	req    request
	id     auth.Identity
	conn   gosrt.Conn
	live   atomic.Bool // its stream has been published
	kicked atomic.Pointer[error]
}

// serve lets a caller in and serves it to the end. It runs in a goroutine of its
// own, because checking a login takes time that other callers need not wait for.
func (s *Server) serve(ctx context.Context, g *run.Group, req gosrt.ConnRequest) {
	c := &caller{s: s, group: g, remote: peer.Addr(req.RemoteAddr().String())}
	c.log = s.log.With("remote", c.remote)
	release, reason, err := func() (func(), gosrt.RejectionReason, error) {
		defer func() { <-s.pending }() // a panic must not keep the place
		return c.admit(ctx, req)
	}()
	if err != nil {
		s.refuse(req, reason)
		c.log.Info("refused", "code", int(reason), "reason", err)
		return
	}
	defer release()
	if c.conn, err = req.Accept(); err != nil {
		s.n.refused.Add(1)
		c.log.Info("refused", "reason", err)
		return
	}
	s.n.open.Add(1)
	s.n.total.Add(1)
	defer s.n.open.Add(-1)
	defer c.conn.Close()
	watching, done := context.WithCancel(ctx)
	defer done()
	g.Go(func(context.Context) { c.watch(watching) })
	if c.req.publish {
		err = c.publish()
	} else {
		err = c.play()
	}
	if r := c.kicked.Load(); r != nil {
		err = *r
	}
	c.log.Info("connection ended", "reason", err)
}

// admit checks everything that can be checked before the connection exists, so
// that the caller gets a reason. On success it holds a place in Conns.
func (c *caller) admit(ctx context.Context, req gosrt.ConnRequest) (release func(), reason gosrt.RejectionReason, err error) {
	if reason, err := sound(req); err != nil {
		return nil, reason, err
	}
	c.req, err = parseStreamID(req.StreamId())
	switch {
	case errors.Is(err, errMode):
		return nil, rejectBadMode, err
	case err != nil:
		return nil, rejectBadRequest, err
	}
	c.log = c.log.With("stream", c.req.name.String())
	release = func() {}
	if c.s.deps.Conns != nil {
		var ok bool
		if release, ok = c.s.deps.Conns.Acquire(c.remote.Addr()); !ok {
			return nil, rejectOverload, errors.New("too many connections")
		}
	}
	reason, err = c.check(ctx, req)
	if err != nil {
		release()
		return nil, reason, err
	}
	return release, 0, nil
}

// check decides by login, rights and passphrase, in this order: only who may use
// the stream gets to try passphrases.
func (c *caller) check(ctx context.Context, req gosrt.ConnRequest) (gosrt.RejectionReason, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	p := c.req.proof
	p.Remote, p.Protocol = c.remote.Addr(), "srt"
	var err error
	var limited *auth.LimitedError
	c.id, err = c.s.deps.Auth.Authenticate(ctx, p)
	switch {
	case errors.As(err, &limited):
		return rejectOverload, err
	case err != nil:
		return rejectLogin, err
	}
	c.log = c.log.With("user", c.id.User)

	path := c.s.deps.Router.Path(c.req.name)
	passphrase := path.ReadPassphrase
	if c.req.publish {
		passphrase = path.PublishPassphrase
		switch err := c.s.deps.Router.MayBegin(c.id, c.req.name); {
		case errors.Is(err, media.ErrBusy):
			return rejectConflict, err
		case err != nil:
			return rejectForbidden, err
		}
	} else if reason, err := c.mayPlay(); err != nil {
		return reason, err
	}
	if passphrase == "" {
		passphrase = c.s.cfg.Passphrase
	}
	switch {
	case passphrase == "" && req.IsEncrypted():
		return rejectUnsecure, errors.New("the caller uses a passphrase where none is configured")
	case passphrase == "":
		return 0, nil
	case !req.IsEncrypted():
		return rejectUnsecure, errors.New("the caller uses no passphrase where one is configured")
	}
	if err := req.SetPassphrase(passphrase); err != nil {
		return rejectBadSecret, errors.New("wrong passphrase")
	}
	return 0, nil
}

// names joins descriptions of tracks for people.
func names(tracks []string) string { return strings.Join(tracks, " and ") }

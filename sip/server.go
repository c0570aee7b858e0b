// Package sip is the telephone exchange: phones register and call rooms and
// each other, rooms call phones, and trunks lead to the rest of the world (RFC
// 3261 and its extensions). It is no proxy: every call ends here, on a leg whose
// media we see (a back-to-back user agent).
package sip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/sip/rtp"
	"muster/sip/transaction"
)

// Authenticator turns what a client showed into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Deps is what the server needs of the house.
type Deps struct {
	Auth     Authenticator
	Sessions *auth.Sessions
	Rooms    Rooms
	Doors    *run.Doors
	Log      *slog.Logger
	Prompter Prompter                        // nil: callers are not spoken to
	TLS      *tls.Config                     // for SIP over TLS; nil leaves that door shut
	Dialled  func(DialOut)                   // told how calls from rooms go on; must not block; nil: nobody is
	Roots    *x509.CertPool                  // what trunks over TLS are checked against; nil: the system's
	Guard    func(net.Listener) net.Listener // limits connections; nil: no limit
}

// Stats counts since the start of the server.
type Stats struct {
	Calls         int64 // calls now
	Phones        int64 // registered now
	Received      int64 // messages
	Malformed     int64 // messages that were refused by their form
	Refused       int64 // requests refused for want of a right
	Dropped       int64 // messages of banned or too busy sources
	Registrations int64
	Incoming      int64 // calls that began here
	Outgoing      int64 // calls we made
	Answered      int64
	Failed        int64 // calls that were not answered
	Overload      int64 // requests refused because of a cap
}

type counters struct {
	received, malformed, refused, registrations, incoming, outgoing, answered, failed, overload atomic.Int64
}

const (
	transactionLimit = 1 << 16
	workerLimit      = 256     // requests that are being authenticated and routed at once; more get 503
	sourceLimit      = 100_000 // sources that are remembered
)

// Server is the exchange. Make it with New.
type Server struct {
	cfg        Config
	deps       Deps
	log        *slog.Logger
	n          counters
	layer      *transaction.Layer
	reg        *registrar
	nonces     *nonces
	algorithms *algorithms
	sources    *limit.Sources
	ports      *rtp.Ports
	cert       *rtp.Certificate
	external   netip.Addr
	trunks     []*trunk
	workers    chan struct{}
	caps       *caps
	group      *run.Group  // set by Run
	ready      atomic.Bool // group is set

	sock atomic.Pointer[net.UDPConn]

	facingMu    sync.Mutex // guards facingAddrs
	facingAddrs map[netip.Addr]netip.Addr

	dials dialOuts

	mu   sync.Mutex // guards legs
	legs map[dialogID]*leg
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Auth == nil || deps.Sessions == nil || deps.Rooms == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("sip: auth, sessions, rooms, doors and log are needed")
	}
	cert, err := rtp.NewCertificate(time.Now())
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, deps: deps, log: deps.Log.With("part", "sip"), cert: cert,
		nonces: newNonces(), algorithms: newAlgorithms(), ports: rtp.NewPorts(cfg.FirstMediaPort, cfg.LastMediaPort),
		sources: limit.NewSources(cfg.Guard.Rate, cfg.Guard.Failures, cfg.Guard.Ban, sourceLimit),
		workers: make(chan struct{}, workerLimit), caps: newCaps(cfg.Caps),
		facingAddrs: make(map[netip.Addr]netip.Addr), legs: make(map[dialogID]*leg),
		dials: dialOuts{tell: deps.Dialled, list: make(map[string]*dialOut)},
	}
	if cfg.External != "" {
		if s.external, err = netip.ParseAddr(cfg.External); err != nil {
			return nil, fmt.Errorf("sip: external: %w", err)
		}
	}
	s.reg = newRegistrar(cfg.Registrar, deps.Sessions, s.log)
	s.layer = transaction.New(transaction.DefaultTimers(), transactionLimit, s)
	for _, t := range cfg.Trunks {
		s.trunks = append(s.trunks, newTrunk(t))
	}
	return s, nil
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	calls := len(s.legs)
	s.mu.Unlock()
	return Stats{
		Calls: int64(calls), Phones: int64(s.reg.count()), Received: s.n.received.Load(), Malformed: s.n.malformed.Load(),
		Refused: s.n.refused.Load(), Dropped: s.sources.Refused(), Registrations: s.n.registrations.Load(),
		Incoming: s.n.incoming.Load(), Outgoing: s.n.outgoing.Load(), Answered: s.n.answered.Load(),
		Failed: s.n.failed.Load(), Overload: s.n.overload.Load(),
	}
}

// Run listens and serves until ctx ends. Each door is kept by itself: where one
// address cannot be had the others are served. Calls are ended with BYE.
func (s *Server) Run(ctx context.Context) error {
	if !s.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	lifetime, end := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx for the farewells
	defer end()
	s.group = run.NewGroup(lifetime, s.log, "sip")
	s.ready.Store(true)
	keep := func(name, address, network string, cfg *tls.Config) {
		if address == "" {
			return
		}
		s.group.Go(func(ctx context.Context) {
			s.deps.Doors.Keep(ctx, s.log, name, address, func(ctx context.Context, l net.Listener) error {
				return s.accept(ctx, l, network, cfg)
			})
		})
	}
	if s.cfg.UDPAddress != "" {
		s.group.Go(func(ctx context.Context) { run.Retry(ctx, s.log, "sip-udp", s.serveUDP) })
	}
	keep("sip-tcp", s.cfg.TCPAddress, "tcp", nil)
	if s.deps.TLS != nil {
		keep("sip-tls", s.cfg.TLSAddress, "tls", s.deps.TLS)
	}
	for _, t := range s.trunks {
		if t.cfg.Register {
			s.group.Go(func(context.Context) { s.keepRegistered(ctx, t) })
		}
	}
	<-ctx.Done()
	s.hangUpAll()
	s.reg.close()
	s.layer.Close()
	end()
	s.group.Wait()
	return nil
}

// farewell is how long phones have to answer the BYE at the end of the server.
const farewell = 500 * time.Millisecond

// hangUpAll ends all calls and waits a little for the phones to hear it.
func (s *Server) hangUpAll() {
	s.mu.Lock()
	legs := make([]*leg, 0, len(s.legs))
	for _, l := range s.legs {
		legs = append(legs, l)
	}
	s.mu.Unlock()
	for _, l := range legs {
		l.hangUp("the server stops")
	}
	for end := time.Now().Add(farewell); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		n := len(s.legs)
		s.mu.Unlock()
		if n == 0 {
			return
		}
	}
}

func (s *Server) now() time.Time { return time.Now() }

func (s *Server) setSocket(c *net.UDPConn) { s.sock.Store(c) }

// admits reports whether a message from addr is looked at. Registered phones and
// trunks are not counted.
func (s *Server) admits(addr netip.Addr) bool {
	return s.reg.knows(addr) || s.trunkOf(addr) != nil || s.sources.Allow(addr, time.Now())
}

// suspect counts a fault of who sends over f. The sender of a datagram may be
// forged, and nobody is shut out in another's name: a login that fails is different,
// because its nonce has reached the address.
func (s *Server) suspect(f transaction.Flow) {
	if f.Network() != "udp" {
		s.failed(f.Remote().Addr())
	}
}

// failed counts a fault of addr, and says so when it is banned for it.
func (s *Server) failed(addr netip.Addr) {
	if s.reg.knows(addr) || s.trunkOf(addr) != nil {
		return
	}
	if s.sources.Fail(addr, time.Now()) {
		s.log.Warn("a source is not answered for a while: too many failed logins or malformed messages", "remote", addr, "for", s.cfg.Guard.Ban)
	}
}

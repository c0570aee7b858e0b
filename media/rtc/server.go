package rtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media"
)

// part names this package in logs.
const part = "webrtc"

// Authenticator turns what a client showed into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Deps are the other parts that the server works with.
type Deps struct {
	Router *media.Router
	Auth   Authenticator
	Doors  *run.Doors
	Log    *slog.Logger

	// Guard wraps the HTTP listener, such as with limits; nil leaves it as it is.
	Guard func(net.Listener) net.Listener
	// Relay hands a packet of ours, sent as from, to the relay of this process at
	// relayed; false: there is none. nil: there are no relays.
	Relay func(relayed, from netip.AddrPort, pkt []byte) bool
	// TCP returns the address of the door that hands connections of ICE over TCP to
	// ServeConn; zero while it is shut. nil: there is none.
	TCP func() netip.AddrPort
	// IdentityOf returns who a request comes from when whoever mounted Handler
	// has found it out already, such as from a login cookie; may be nil.
	IdentityOf func(*http.Request) (auth.Identity, bool)
}

// Stats are counts since the start, except for the gauges.
type Stats struct {
	Publishers, Readers int64 // gauges: peers at this moment
	Seats               int64 // likewise, of participants of rooms
	Sessions            int64 // peers that were answered
	Refused             int64 // requests refused for want of rights, tracks or room
	Lost                int64 // sessions that ended because the peer went silent
	PacketsIn           int64
	PacketsLost         int64 // from publishers, never recovered
	PacketsOut          int64
	PacketsResent       int64 // on the wish of readers (NACK)
	Unrecovered         int64 // wishes for packets that were not held any more, or too many
	KeyFrameRequests    int64 // from readers (PLI, FIR)
	Reordered           int64 // frames with B-frames sent to readers
	TCP                 int64 // gauge: connections of ICE over TCP
	Malformed           int64 // of these, ended for what was no connectivity check or no packet
}

type counters struct {
	publishers, readers, seats, sessions, refused, lost, packetsIn, packetsLost,
	packetsOut, packetsResent, unrecovered, keyFrameRequests, reordered, tcp, malformed atomic.Int64
}

// Server is the WHIP and WHEP server.
type Server struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	count counters
	pion  pionLog
	tcp   *tcpDoor
	ready chan struct{} // closed when Run has opened the doors for the first time
	open  sync.Once     // closes ready; the supervisor may call Run again

	hosts atomic.Pointer[[]netip.Addr] // AdditionalHosts, resolved

	mu       sync.Mutex // guards everything below
	group    *run.Group
	media    *mediaSocket
	bySecret map[string]*session
	perUser  map[string]int // peers, including those being set up
	peers    int
	cert     *webrtc.Certificate
	certMade time.Time
}

// New returns a server that does nothing yet. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	log := deps.Log.With("part", part)
	s := &Server{
		cfg: cfg, deps: deps, log: log, pion: pionLog{log}, tcp: newTCPDoor(), ready: make(chan struct{}),
		bySecret: make(map[string]*session), perUser: make(map[string]int),
	}
	s.hosts.Store(&[]netip.Addr{})
	return s, nil
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	c := &s.count
	return Stats{
		Publishers: c.publishers.Load(), Readers: c.readers.Load(), Seats: c.seats.Load(), Sessions: c.sessions.Load(),
		Refused: c.refused.Load(), Lost: c.lost.Load(),
		PacketsIn: c.packetsIn.Load(), PacketsLost: c.packetsLost.Load(), PacketsOut: c.packetsOut.Load(),
		PacketsResent: c.packetsResent.Load(), Unrecovered: c.unrecovered.Load(),
		KeyFrameRequests: c.keyFrameRequests.Load(), Reordered: c.reordered.Load(),
		TCP: c.tcp.Load(), Malformed: c.malformed.Load(),
	}
}

// Limits of the HTTP side.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 20 * time.Second
	writeTimeout      = 20 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
	drainTimeout      = time.Second
)

// Run opens the doors "webrtc" and "webrtc-media" and serves until ctx ends and
// every peer is closed. A door that cannot be opened is a *run.BindError.
func (s *Server) Run(ctx context.Context) error {
	if !s.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	udp, err := s.deps.Doors.ListenPacket(ctx, "webrtc-media", s.cfg.MediaAddress)
	if err != nil {
		return err
	}
	sock := newMediaSocket(udp, s.pion, s.deps.Relay)
	defer sock.shut()
	l, err := s.deps.Doors.Listen(ctx, "webrtc", s.cfg.Address)
	if err != nil {
		return err
	}
	if s.deps.Guard != nil {
		l = s.deps.Guard(l)
	}

	group := run.NewGroup(ctx, s.log, part)
	s.mu.Lock()
	s.group, s.media = group, sock
	s.mu.Unlock()
	if len(s.cfg.AdditionalHosts) > 0 {
		s.resolveHosts(ctx)
		group.Go(s.keepHosts)
	}

	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	group.Go(func(context.Context) { served <- srv.Serve(l) })
	s.open.Do(func() { close(s.ready) })

	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
		err = fmt.Errorf("webrtc: serve http: %w", err)
	}
	s.mu.Lock()
	s.group, s.media = nil, nil // no new peers
	s.mu.Unlock()
	cancel()
	drain, done := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer done()
	if srv.Shutdown(drain) != nil {
		_ = srv.Close()
	}
	group.Wait()
	return err
}

// errStopped is the reason of sessions that end with the server.
var errStopped = errors.New("the server is stopping")

// running returns the goroutine group and the socket, or false while the server
// does not run.
func (s *Server) running() (*run.Group, *mediaSocket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group, s.media, s.group != nil
}

// reserve takes a place for a peer of user; release gives it back.
func (s *Server) reserve(user string) (release func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers >= s.cfg.MaxPeers || s.perUser[user] >= s.cfg.MaxPeersPerUser {
		return nil, false
	}
	s.peers++
	s.perUser[user]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.peers--
		if s.perUser[user]--; s.perUser[user] == 0 {
			delete(s.perUser, user)
		}
	}), true
}

func (s *Server) add(ses *session) {
	s.mu.Lock()
	s.bySecret[ses.secret] = ses
	s.mu.Unlock()
	s.count.sessions.Add(1)
}

func (s *Server) remove(ses *session) {
	s.mu.Lock()
	delete(s.bySecret, ses.secret)
	s.mu.Unlock()
}

// lookup finds a session by the secret part of its address.
func (s *Server) lookup(kind, name, secret string) *session {
	s.mu.Lock()
	ses := s.bySecret[secret] // 130 random bits: timing of the map says nothing useful
	s.mu.Unlock()
	if ses == nil || ses.client.Protocol != kind || ses.name.String() != name {
		return nil
	}
	return ses
}

// certLife is how long one DTLS certificate serves new peers. Making one per
// peer would cost each handshake a key generation and gain nothing.
const certLife = 24 * time.Hour

func (s *Server) certificate() (webrtc.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cert == nil || time.Since(s.certMade) > certLife {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return webrtc.Certificate{}, err
		}
		cert, err := webrtc.GenerateCertificate(key)
		if err != nil {
			return webrtc.Certificate{}, err
		}
		s.cert, s.certMade = cert, time.Now()
	}
	return *s.cert, nil
}

// Names behind a dynamic address are looked up again in this rhythm.
const (
	hostsEvery   = time.Minute
	hostsTimeout = 2 * time.Second
)

func (s *Server) keepHosts(ctx context.Context) {
	t := time.NewTicker(hostsEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.resolveHosts(ctx)
		}
	}
}

// resolveHosts keeps the addresses found before for names that do not resolve
// at the moment only when nothing resolves.
func (s *Server) resolveHosts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hostsTimeout)
	defer cancel()
	var out []netip.Addr
	for _, h := range s.cfg.AdditionalHosts {
		if a, err := netip.ParseAddr(h); err == nil {
			out = append(out, a.Unmap())
			continue
		}
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", h)
		if err != nil {
			s.log.Warn("additional host does not resolve", "host", h, "error", err)
			continue
		}
		for _, a := range found {
			out = append(out, a.Unmap())
		}
	}
	if len(out) > 0 {
		s.hosts.Store(&out)
	}
}

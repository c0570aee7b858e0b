// Package voice is a Mumble server: Mumble clients and the voice plugins of TAK
// clients log in with the credentials of the house, find a channel for each group
// and room they may hear or speak in, and talk there.
//
// It speaks the protocol of Mumble 1.4 with the voice packets that every client
// understands. Voice is passed on as it comes; nothing is decoded here.
//
// One lock, Server.mu, guards channels and users. Voice does not wait for it: each
// user's packets go along a route that was made under it and stays until something
// has changed. Nothing is written to a socket under it; what is to be sent is
// appended to the client's queue.
package voice

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
)

// Deps is what the server needs of the house.
type Deps struct {
	Auth         Authenticator
	Sessions     *auth.Sessions
	Certificates Certificates
	Directory    Directory
	Doors        *run.Doors
	Log          *slog.Logger
	TLS          *tls.Config                     // the server's certificate; how clients are asked for theirs is set here
	Guard        func(net.Listener) net.Listener // limits connections; nil: no limit
	Bridge       Bridge                          // nil: there are only Mumble users
	People       People                          // nil: only users that are logged in are found by name
	Bans         BanList                         // nil: bans end with the process
	Gate         Gate                            // nil: who has credentials of the house gets in
}

// Stats counts since the start of the server.
type Stats struct {
	Open      int64 // gauge: connections
	Users     int64 // gauge: logged in
	Channels  int64 // gauge
	Refused   int64 // logins
	Malformed int64 // connections ended for breaking the protocol or a limit
	BadVoice  int64 // voice packets that cannot be passed on
	TooMuch   int64 // voice packets beyond the bandwidth of a client
	VoiceIn   int64 // voice packets taken
	VoiceOut  int64 // voice packets passed on
	Shed      int64 // voice packets that a client was too slow for
	Slow      int64 // clients disconnected because they did not read
	Slowed    int64 // messages that had to wait for a limit
	Denied    int64 // requests refused
	Texts     int64
	BytesIn   int64 // by TCP
	BytesOut  int64
}

type counters struct {
	open, refused, malformed, malformedMessages, badVoice, tooMuch, voiceIn, voiceOut, shed, slow, slowed atomic.Int64
	denied, texts, textsDropped, unknown, bytesIn, bytesOut                                               atomic.Int64
}

// Server serves Mumble clients. Make it with New.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	tls  *tls.Config
	n    counters
	bans *bans

	logins      *limit.Conns
	flushers    []*flusher
	nextFlusher atomic.Uint32
	lazies      lazies
	udp         atomic.Pointer[datagrams] // nil: voice goes by TCP only
	running     atomic.Pointer[run.Group]
	epoch       atomic.Uint64 // of routes
	relayers    sync.Pool     // of *relayer
	bridgeWake  chan struct{}
	texts       chan said
	watcher     atomic.Pointer[func(Event)] // nil: nobody watches

	mu          sync.RWMutex // guards what follows, users, channels and classes; before the leaves
	root        *channel
	channels    map[uint32]*channel
	byKey       map[string]*channel
	users       map[uint32]*user
	names       map[string]*user // by the name shown, in lower case
	places      map[place]*user
	classes     map[string]*class
	trees       map[*class][]byte
	ids         map[uint32]string // login names by number; bounded by the accounts there are
	last        map[place]string  // channel to come back to; bounded by twice MaxUsers
	altered     map[uint32]*user  // for the bridge
	clients     int
	temporaries int
	lastSession uint32
	lastChannel uint32
	round       uint64

	udpMu     sync.RWMutex // guards what follows; before the leaves, after mu
	byAddr    map[netip.AddrPort]*conn
	byHost    map[netip.Addr][]*conn
	strangers limit.Bucket
	listings  limit.Bucket
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Auth == nil || deps.Sessions == nil || deps.Certificates == nil || deps.Directory == nil || deps.Doors == nil ||
		deps.Log == nil || deps.TLS == nil {
		return nil, errors.New("voice: auth, sessions, certificates, directory, doors, log and TLS are needed")
	}
	log := deps.Log.With("part", "voice")
	s := &Server{
		cfg: cfg, deps: deps, log: log, tls: clientTLS(deps.TLS), bans: newBans(deps.Bans, log),
		logins: limit.NewConns(cfg.Logins), lazies: lazies{wake: make(chan struct{}, 1)},
		bridgeWake: make(chan struct{}, 1), texts: make(chan said, maxTexts),
		root: newChannel(0, nil, cfg.Name), channels: make(map[uint32]*channel), byKey: make(map[string]*channel),
		users: make(map[uint32]*user), names: make(map[string]*user), places: make(map[place]*user),
		classes: make(map[string]*class), trees: make(map[*class][]byte), ids: make(map[uint32]string),
		last: make(map[place]string), altered: make(map[uint32]*user),
		byAddr: make(map[netip.AddrPort]*conn), byHost: make(map[netip.Addr][]*conn),
	}
	s.channels[0] = s.root
	s.relayers.New = func() any { return new(relayer) }
	for range runtime.GOMAXPROCS(0) {
		s.flushers = append(s.flushers, newFlusher(s))
	}
	return s, nil
}

// clientTLS asks clients for a certificate and takes any: those of Mumble clients
// are made by themselves. Which of them prove something is found out later.
func clientTLS(base *tls.Config) *tls.Config {
	c := base.Clone()
	c.ClientAuth = tls.RequestClientCert
	c.ClientCAs = nil // or clients would hold theirs back
	c.VerifyConnection, c.VerifyPeerCertificate = nil, nil
	c.SessionTicketsDisabled = true
	// Frames are gathered before they are encrypted: small records at the beginning
	// would only cost.
	c.DynamicRecordSizingDisabled = true
	return paced(c)
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	s.mu.RLock()
	users, channels := int64(s.clients), int64(len(s.channels))
	s.mu.RUnlock()
	n := &s.n
	return Stats{
		Open: n.open.Load(), Users: users, Channels: channels, Refused: n.refused.Load(),
		Malformed: n.malformed.Load() + n.malformedMessages.Load(), BadVoice: n.badVoice.Load(), TooMuch: n.tooMuch.Load(),
		VoiceIn: n.voiceIn.Load(), VoiceOut: n.voiceOut.Load(), Shed: n.shed.Load(), Slow: n.slow.Load(),
		Slowed: n.slowed.Load(), Denied: n.denied.Load(), Texts: n.texts.Load(),
		BytesIn: n.bytesIn.Load(), BytesOut: n.bytesOut.Load(),
	}
}

// group is where goroutines of a running server are started.
func (s *Server) group() *run.Group { return s.running.Load() }

// Run listens and serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	if !s.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	// What writes goes on until the connections are over.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g := run.NewGroup(inner, s.log, "voice")
	s.running.Store(g)
	if err := s.bans.load(ctx); err != nil {
		return err
	}
	if err := s.readDirectory(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("the channels are not known yet", "error", err)
	}
	for _, f := range s.flushers {
		g.Go(f.run)
	}
	g.Go(s.lazies.run)
	g.Go(s.bans.run)
	g.Go(s.sweepOn)
	if s.deps.Bridge != nil {
		g.Go(s.runBridge)
	}
	doors := run.NewGroup(ctx, s.log, "voice")
	doors.Go(s.followDirectory)
	doors.Go(func(ctx context.Context) {
		s.deps.Doors.Keep(ctx, s.log, "mumble", s.cfg.Address, s.serve)
	})
	<-ctx.Done()
	doors.Wait()
	stop()
	g.Wait()
	return nil
}

// serve serves both ports while the TCP listener is open.
func (s *Server) serve(ctx context.Context, l net.Listener) error {
	if !s.cfg.UDP {
		return s.accept(ctx, l)
	}
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.log, "voice")
	g.Go(func(ctx context.Context) {
		run.Retry(ctx, s.log, "mumble-udp", func(ctx context.Context) error {
			return s.listenUDP(ctx, udpAddress(s.cfg.Address, l.Addr()))
		})
	})
	err := s.accept(ctx, l)
	cancel()
	g.Wait()
	return err
}

// udpAddress is the address as configured with the port of the TCP listener.
func udpAddress(configured string, bound net.Addr) string {
	host, _, _ := net.SplitHostPort(configured)
	_, port, _ := net.SplitHostPort(bound.String())
	return net.JoinHostPort(host, port)
}

// sweepEvery is how often the time limits of clients are looked at.
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

// sweep ends the clients that are silent, and forgets addresses that are.
func (s *Server) sweep(now time.Time) {
	s.mu.RLock()
	all := make([]*conn, 0, len(s.users))
	for _, u := range s.users {
		if u.c != nil {
			all = append(all, u.c)
		}
	}
	s.mu.RUnlock()
	for _, c := range all {
		s.expireUDP(c, now)
		if now.UnixNano()-c.heard.Load() >= int64(s.cfg.IdleTimeout) {
			c.end(errSilent)
		}
	}
}

func sortUsers(all []UserInfo) {
	slices.SortFunc(all, func(a, b UserInfo) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Session, b.Session))
	})
}

package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
)

// part names this package in logs, doors and sessions.
const part = "turn"

// Resumer returns the present identity behind the handle of an identity, or an
// error if there is none any more.
type Resumer interface {
	Resume(ctx context.Context, handle string) (auth.Identity, error)
}

// Local is the part of this process that has media sockets of its own. Packets for
// one of them are handed over in memory; they are never sent to a socket. Its own
// packets for a relay go to Server.Deliver.
type Local interface {
	// Owns reports whether addr is one of its sockets, as clients are told it. Port 0
	// asks for any socket at that address.
	Owns(addr netip.AddrPort) bool
	// Deliver takes a packet that came from the relayed address from and is meant
	// for to. pkt is only lent. It must not block; false means that it is not taken.
	Deliver(to, from netip.AddrPort, pkt []byte) bool
}

// Deps is what the server needs of the house.
type Deps struct {
	Auth     Resumer
	Sessions *auth.Sessions
	Doors    *run.Doors
	Log      *slog.Logger
	Key      []byte // at least 32 bytes, the same after each start: credentials are derived from it
	Local    Local  // nil: there is none, and all peers are reached through sockets
}

// Stats counts since the start of the server, but for Open and Conns.
type Stats struct {
	Open        int64 // relays at this moment
	Conns       int64 // TCP and TLS clients at this moment
	Bindings    int64 // STUN requests answered
	Allocations int64 // relays ever opened
	Revoked     int64 // relays closed because a right was taken away
	Refused     int64 // requests answered with an error other than a challenge
	Failed      int64 // wrong credentials
	Limited     int64 // requests not answered, because an address asked too often or failed too often
	Malformed   int64 // datagrams and connections that made no sense
	PacketsUp   int64 // from clients to peers
	PacketsDown int64 // from peers to clients
	BytesUp     int64
	BytesDown   int64
	Handed      int64 // packets to and from our own media sockets, in memory
	Unpermitted int64 // packets of and for peers without permission
	Dropped     int64 // packets that a full buffer, a full queue or their size kept from being relayed
}

type counters struct {
	open, conns, bindings, allocations, revoked, refused, failed, limited, malformed,
	packetsUp, packetsDown, bytesUp, bytesDown, handed, unpermitted, dropped atomic.Int64
}

// Server is the STUN and TURN server. Make it with New.
type Server struct {
	cfg       Config
	deps      Deps
	log       *slog.Logger
	policy    policy
	addresses [2]relayAddress // configured, by family
	secrets   *secrets
	failures  *limit.Failures
	replies   *replies
	revoked   *revoked
	own       *ownAddresses
	work      *work
	n         counters

	engine atomic.Pointer[engine] // nil while Run does not run

	mu       sync.RWMutex // guards what follows; nothing else is locked while it is held
	byClient map[netip.AddrPort]*allocation
	byRelay  map[netip.AddrPort]*allocation
	perUser  map[string]int
	perAddr  map[netip.Prefix]int
	total    int
	reserved map[uint64]reservation
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Auth == nil || deps.Sessions == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("turn: auth, sessions, doors and log are needed")
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	s := &Server{
		cfg: cfg, deps: deps, log: deps.Log.With("part", part),
		failures: limit.NewFailures(limit.DefaultFailures(), time.Now), replies: newReplies(), revoked: newRevoked(), own: new(ownAddresses), work: newWork(),
		byClient: make(map[netip.AddrPort]*allocation), byRelay: make(map[netip.AddrPort]*allocation),
		perUser: make(map[string]int), perAddr: make(map[netip.Prefix]int), reserved: make(map[uint64]reservation),
	}
	var err error
	if s.policy, err = newPolicy(cfg.AllowPeers, cfg.DenyPeers); err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	if s.addresses, err = parseRelayAddresses(cfg.RelayAddress); err != nil {
		return nil, fmt.Errorf("turn: relayAddresses: %w", err)
	}
	if s.secrets, err = newSecrets(deps.Key); err != nil {
		return nil, fmt.Errorf("turn: secrets: %w", err)
	}
	return s, nil
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	n := &s.n
	return Stats{
		Open: n.open.Load(), Conns: n.conns.Load(), Bindings: n.bindings.Load(), Allocations: n.allocations.Load(),
		Revoked: n.revoked.Load(), Refused: n.refused.Load(), Failed: n.failed.Load(), Limited: n.limited.Load(),
		Malformed: n.malformed.Load(), PacketsUp: n.packetsUp.Load(), PacketsDown: n.packetsDown.Load(),
		BytesUp: n.bytesUp.Load(), BytesDown: n.bytesDown.Load(), Handed: n.handed.Load(),
		Unpermitted: n.unpermitted.Load(), Dropped: n.dropped.Load(),
	}
}

// sweepEvery is how often what has expired is looked for.
const sweepEvery = time.Second

// Run opens the door "turn" and serves until ctx ends and every relay is closed.
// A door that cannot be opened is a *run.BindError.
func (s *Server) Run(ctx context.Context) error {
	if !s.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	udp, err := s.deps.Doors.ListenPacket(ctx, part, s.cfg.Address)
	if err != nil {
		return err
	}
	e, err := newEngine(s, udp)
	if err != nil {
		return fmt.Errorf("turn: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := run.NewGroup(ctx, s.log, part)
	s.engine.Store(e)
	s.startWorkers(g)
	e.start(g)
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-t.C:
			s.sweep(now)
		}
	}
	s.engine.Store(nil)
	for _, a := range s.all() {
		a.end("the server is stopping")
	}
	e.stop()
	g.Wait()
	for _, a := range s.all() { // opened meanwhile
		a.end("the server is stopping")
	}
	s.sweep(time.Now().Add(2 * reservationLife)) // ports that wait for their other half
	e.close()
	return nil
}

func (s *Server) all() []*allocation {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*allocation, 0, len(s.byRelay))
	for _, a := range s.byRelay {
		out = append(out, a)
	}
	return out
}

// sweep ends what has expired.
func (s *Server) sweep(now time.Time) {
	for _, a := range s.all() {
		if now.UnixNano() > a.expires.Load() {
			a.end("not refreshed")
		} else {
			a.sweep(now.UnixNano())
		}
	}
	s.mu.Lock()
	var old []reservation
	for token, r := range s.reserved {
		if now.After(r.until) {
			old = append(old, r)
			delete(s.reserved, token)
		}
	}
	s.mu.Unlock()
	for _, r := range old {
		r.close()
	}
	s.revoked.forget(now)
}

// Revoke closes the relays of a guest's stay and makes the credentials that it has
// got worthless. Users with accounts need it not: what ends their rights ends
// their relays as well.
func (s *Server) Revoke(stay string) {
	s.revoked.add(stay, time.Now())
	for _, a := range s.all() {
		if a.stay == stay && stay != "" {
			s.n.revoked.Add(1)
			a.end("the guest has no right any more")
		}
	}
}

// Deliver takes a packet that one of our own media sockets, from, sends to addr. It
// reports whether addr is a relay of this server; then the packet goes to its
// client, if that permits. pkt is only lent. It never blocks.
func (s *Server) Deliver(addr, from netip.AddrPort, pkt []byte) bool {
	s.mu.RLock()
	a := s.byRelay[addr]
	s.mu.RUnlock()
	if a == nil {
		return false
	}
	s.n.handed.Add(1)
	a.deliver(from, pkt)
	return true
}

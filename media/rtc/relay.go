package rtc

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// relayed is the traffic of the media socket with peers behind relays of this
// same process: it is handed over in memory, without a second way through the
// kernel.
type relayed struct {
	out func(relayed, from netip.AddrPort, pkt []byte) bool // to the relay; nil: there is none

	known atomic.Int64 // size of peers, so that other traffic pays one load

	mu    sync.Mutex // guards what follows
	peers map[netip.AddrPort]relayedPeer
	queue []inbound // at most maxInbound; further packets are dropped, as by a full socket
}

// relayedPeer is a relay and how its client calls us.
type relayedPeer struct {
	us   netip.AddrPort
	seen time.Time
}

type inbound struct {
	from netip.AddrPort
	b    []byte
}

const (
	maxInbound      = 1024
	maxRelayedPeers = 4096
	relayedIdle     = 5 * time.Minute // after which a relay is forgotten where there are many
)

// past is a deadline that wakes a reader at once.
var past = time.Unix(1, 0)

// inject makes pkt look as if it had come from the relay at from to us.
func (s *mediaSocket) inject(us, from netip.AddrPort, pkt []byte) bool {
	if len(pkt) > receiveMTU {
		return false
	}
	r := &s.relayed
	r.mu.Lock()
	if len(r.queue) >= maxInbound {
		r.mu.Unlock()
		return false
	}
	now := time.Now()
	if p, ok := r.peers[from]; !ok || p.us != us || now.Sub(p.seen) > time.Second {
		r.remember(from, us, now)
	}
	var b []byte
	if n := len(r.queue); n < cap(r.queue) {
		b = r.queue[:n+1][n].b[:0]
	}
	r.queue = append(r.queue, inbound{from, append(b, pkt...)})
	r.mu.Unlock()
	// After the packet is in the queue: the reader takes the deadline back before
	// it looks there, so it cannot miss one.
	return s.UDPConn.SetReadDeadline(past) == nil
}

// remember is called with mu held.
func (r *relayed) remember(from, us netip.AddrPort, now time.Time) {
	if r.peers == nil {
		r.peers = make(map[netip.AddrPort]relayedPeer)
	}
	if len(r.peers) >= maxRelayedPeers {
		for a, p := range r.peers {
			if now.Sub(p.seen) > relayedIdle {
				delete(r.peers, a)
			}
		}
		if len(r.peers) >= maxRelayedPeers {
			clear(r.peers) // they are back with their next packet
		}
	}
	r.peers[from] = relayedPeer{us, now}
	r.known.Store(int64(len(r.peers)))
}

// next copies a packet from a relay into b.
func (r *relayed) next(b []byte) (n int, from netip.AddrPort, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return 0, from, false
	}
	in := r.queue[0]
	n = copy(b, in.b)
	// A short queue: moving it costs less than a ring would in care.
	copy(r.queue, r.queue[1:])
	r.queue[len(r.queue)-1] = inbound{b: in.b}
	r.queue = r.queue[:len(r.queue)-1]
	return n, in.from, true
}

// has reports whether packets for to go to a relay.
func (r *relayed) has(to netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.peers[to]
	return ok
}

// toRelay hands pkt to the relay at to, if there is one.
func (s *mediaSocket) toRelay(to netip.AddrPort, pkt []byte) bool {
	r := &s.relayed
	if r.out == nil || r.known.Load() == 0 {
		return false
	}
	r.mu.Lock()
	p, ok := r.peers[to]
	r.mu.Unlock()
	if !ok {
		return false
	}
	if r.out(to, p.us, pkt) {
		return true
	}
	r.mu.Lock()
	delete(r.peers, to)
	r.known.Store(int64(len(r.peers)))
	r.mu.Unlock()
	return false
}

// Owns reports whether addr is the media socket, as clients are told it. Port 0
// asks for any socket at that address. It is the turn server's way to find that a
// peer is this process.
func (s *Server) Owns(addr netip.AddrPort) bool {
	_, sock, ok := s.running()
	if !ok {
		return false
	}
	port := uint16(sock.LocalAddr().(*net.UDPAddr).Port)
	if addr.Port() != 0 && addr.Port() != port {
		return false
	}
	return sock.isHost(addr.Addr().Unmap(), *s.hosts.Load())
}

// Deliver takes a packet that came from the relay at from for the media socket
// at to. pkt is only lent.
func (s *Server) Deliver(to, from netip.AddrPort, pkt []byte) bool {
	_, sock, ok := s.running()
	return ok && sock.inject(to, from, pkt)
}

// hostsLife is how long the list of the machine's addresses is believed.
const hostsLife = 5 * time.Second

// isHost reports whether a is an address at which clients are told to find the
// socket. Loopback counts: a client on this machine is told of it.
func (s *mediaSocket) isHost(a netip.Addr, configured []netip.Addr) bool {
	now := time.Now().UnixNano()
	known := s.hostsKnown.Load()
	if known == nil || now-known.at > int64(hostsLife) {
		known = &knownHosts{at: now, all: make(map[netip.Addr]bool)}
		for _, h := range hostsFor(s.bound(), configured, netip.IPv6Loopback()) {
			known.all[h] = true
		}
		s.hostsKnown.Store(known)
	}
	return known.all[a]
}

type knownHosts struct {
	at  int64 // Unix ns
	all map[netip.Addr]bool
}

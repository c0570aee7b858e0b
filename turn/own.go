package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// ownAge is how long a list of the machine's addresses is believed.
const ownAge = 5 * time.Second

// ownAddresses are the addresses of this machine. What listens on them is nothing
// for strangers, even if the address is public.
type ownAddresses struct {
	mu   sync.Mutex // guards what follows; held while the kernel lists addresses
	list map[netip.Addr]bool
	read time.Time
}

func (o *ownAddresses) holds(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.read) > ownAge {
		o.read = time.Now()
		if found, err := net.InterfaceAddrs(); err == nil { // else the old list
			o.list = make(map[netip.Addr]bool, len(found))
			for _, f := range found {
				if p, ok := f.(*net.IPNet); ok {
					ip, _ := netip.AddrFromSlice(p.IP)
					o.list[canonical(ip)] = true
				}
			}
		}
	}
	return o.list[a]
}

// ownAddress reports whether a is an address of this machine, or the public one of
// its relays.
func (s *Server) ownAddress(a netip.Addr) bool {
	return a == s.addresses[0].public || a == s.addresses[1].public || s.own.holds(a)
}

// ownsPort reports whether a is one of our media sockets or relays.
func (s *Server) ownsPort(a netip.AddrPort) bool {
	s.mu.RLock()
	relay := s.byRelay[a] != nil
	s.mu.RUnlock()
	return relay || s.deps.Local != nil && s.deps.Local.Owns(a)
}

// peerAllowed reports whether the address p may be a peer, and whether it is one
// of this machine, where only our media sockets and other relays are.
func (a *allocation) peerAllowed(p netip.Addr) (own, ok bool) {
	s := a.s
	switch {
	case in(s.policy.deny, p):
		return false, false
	case !s.ownAddress(p) || in(s.policy.allow, p):
		return false, s.policy.allows(p)
	case s.deps.Local != nil && s.deps.Local.Owns(netip.AddrPortFrom(p, 0)):
		return true, true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for r, other := range s.byRelay {
		if r.Addr() == p && other != a {
			return true, true
		}
	}
	return false, false
}

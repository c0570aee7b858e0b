package turn

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/pion/stun/v4"

	"muster/internal/auth"
	"muster/internal/limit"
)

// wish is what an Allocate request asks for.
type wish struct {
	family  int
	even    bool
	reserve bool   // the next port as well
	token   uint64 // of a port that was reserved; 0: none
	life    time.Duration
	both    bool // the other family as well, which is not offered
}

// readWish reads an Allocate request (RFC 8656 §7.2).
func readWish(m *stun.Message) (w wish, r *refusal) {
	bad := refuse(codeBadRequest, "Bad Request")
	transport, err := m.Get(stun.AttrRequestedTransport)
	switch {
	case err != nil || len(transport) != 4:
		return w, bad
	case transport[0] != transportUDP:
		return w, refuse(codeTransport, "Unsupported Transport Protocol")
	}
	w.life = max(lifetime(m), defaultLifetime)
	if v, err := m.Get(stun.AttrReservationToken); err == nil {
		if len(v) != 8 || m.Contains(stun.AttrEvenPort) || m.Contains(attrAddressFamily) || m.Contains(attrAdditional) {
			return w, bad
		}
		w.token = binary.BigEndian.Uint64(v)
	}
	if v, err := m.Get(stun.AttrEvenPort); err == nil {
		if len(v) < 1 || v[0] >= 0x80 && m.Contains(attrAdditional) {
			return w, bad
		}
		w.even, w.reserve = true, v[0] >= 0x80
	}
	w.both = m.Contains(attrAdditional)
	if v, err := m.Get(attrAddressFamily); err == nil {
		switch {
		case len(v) != 4 || w.both:
			return w, bad
		case v[0] == familyIPv6:
			w.family = 1
		case v[0] != familyIPv4:
			return w, refuse(codeFamily, "Address Family not Supported")
		}
	}
	return w, nil
}

// allocate answers an Allocate request.
func (s *Server) allocate(ctx context.Context, c client, who login, m *stun.Message) ([]byte, *refusal) {
	if a := s.of(c); a != nil {
		if a.txn == m.TransactionID && a.login == who.name {
			return a.answer, nil
		}
		return nil, refuse(codeMismatch, "Allocation Mismatch")
	}
	w, r := readWish(m)
	if r != nil {
		return nil, r
	}
	id, h, err := s.identity(ctx, who.name)
	if err != nil {
		s.log.Debug("credential refused", "remote", c.addr.String(), "error", err)
		return nil, s.unauthorized(c)
	}
	a := &allocation{s: s, client: c, user: id.User, account: h.account(id), stay: h.Stay, login: who.name, key: who.key, txn: m.TransactionID, opened: time.Now()}
	a.table.Store(newTable())
	a.expires.Store(time.Now().Add(w.life).UnixNano())
	attrs, r := s.take(a, w)
	if r != nil {
		return nil, r
	}
	a.answer = success(m, who.key, append(attrs, lifetimeAttr(w.life), mapped(c.addr))...)
	if err := s.publish(a, id, h.resource()); err != nil {
		s.log.Debug("relay refused", "remote", c.addr.String(), "error", err)
		return nil, s.unauthorized(c)
	}
	s.log.Info("relay opened", "user", a.user, "remote", c.addr.String(), "relay", a.relayed.String(), "tcp", c.conn != nil)
	return a.answer, nil
}

func (s *Server) unauthorized(c client) *refusal {
	return &refusal{codeUnauthorized, "Unauthorized", []stun.Setter{
		stun.NewRealm(s.cfg.Realm), stun.NewNonce(s.secrets.newNonce(c.addr.Addr(), time.Now()))}}
}

// take gives a its quota and its socket. It returns what the client is told of it.
func (s *Server) take(a *allocation, w wish) ([]stun.Setter, *refusal) {
	if w.token != 0 {
		return s.takeReserved(a, w.token)
	}
	free, ok := s.quota(a.account, a.client.addr.Addr())
	if !ok {
		return nil, refuse(codeQuota, "Allocation Quota Reached")
	}
	a.free = free
	at, err := s.relayAt(a.client, w.family)
	if err != nil {
		free()
		return nil, refuse(codeFamily, "Address Family not Supported")
	}
	var freeNext func()
	if w.reserve {
		if freeNext, ok = s.quota(a.account, a.client.addr.Addr()); !ok {
			free()
			return nil, refuse(codeQuota, "Allocation Quota Reached")
		}
	}
	one, next, port, err := s.openRelay(at.local, w)
	if err != nil {
		free()
		if freeNext != nil {
			freeNext()
		}
		s.log.Warn("no port for a relay", "error", err)
		return nil, refuse(codeCapacity, "Insufficient Capacity")
	}
	a.relay, a.relayed = one, netip.AddrPortFrom(at.public, uint16(port))
	attrs := []stun.Setter{address{stun.AttrXORRelayedAddress, a.relayed}}
	if next != nil {
		r := reservation{sock: next, addr: netip.AddrPortFrom(at.public, uint16(port+1)), login: a.login, free: freeNext, until: time.Now().Add(reservationLife)}
		attrs = append(attrs, stun.RawAttribute{Type: stun.AttrReservationToken, Value: s.reserve(r)})
	}
	if w.both {
		attrs = append(attrs, stun.RawAttribute{Type: attrAddressError, Value: []byte{familyIPv6, 0, codeFamily / 100, codeFamily % 100}})
	}
	return attrs, nil
}

// reservationLife is how long a port is kept for its other half (RFC 8656 §7.2).
const reservationLife = 30 * time.Second

// reservation is a port that waits for the Allocate request with its token.
type reservation struct {
	sock  *relay
	addr  netip.AddrPort
	login string
	free  func()
	until time.Time
}

func (r reservation) close() {
	r.sock.close()
	r.free()
}

func (s *Server) reserve(r reservation) []byte {
	var token [8]byte
	rand.Read(token[:]) // never fails (crypto/rand)
	token[0] |= 1       // never zero
	s.mu.Lock()
	s.reserved[binary.BigEndian.Uint64(token[:])] = r
	s.mu.Unlock()
	return token[:]
}

func (s *Server) takeReserved(a *allocation, token uint64) ([]stun.Setter, *refusal) {
	s.mu.Lock()
	r, ok := s.reserved[token]
	if ok && r.login == a.login {
		delete(s.reserved, token)
	}
	s.mu.Unlock()
	if !ok || r.login != a.login {
		return nil, refuse(codeCapacity, "Insufficient Capacity")
	}
	a.relay, a.relayed, a.free = r.sock, r.addr, r.free
	return []stun.Setter{address{stun.AttrXORRelayedAddress, a.relayed}}, nil
}

// quota takes the place of one relay; free gives it back and may be called twice.
func (s *Server) quota(account string, addr netip.Addr) (free func(), ok bool) {
	prefix := limit.Prefix(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= s.cfg.Total || s.perUser[account] >= s.cfg.PerUser || s.perAddr[prefix] >= s.cfg.PerAddress {
		return nil, false
	}
	s.total++
	s.perUser[account]++
	s.perAddr[prefix]++
	done := false
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if done {
			return
		}
		done = true
		s.total--
		if s.perUser[account]--; s.perUser[account] == 0 {
			delete(s.perUser, account)
		}
		if s.perAddr[prefix]--; s.perAddr[prefix] == 0 {
			delete(s.perAddr, prefix)
		}
	}, true
}

// portTries bounds the search for a port that no other program has.
const portTries = 400

// openRelay opens the socket of a relay on a random port, and the next one too if
// that is wished for.
func (s *Server) openRelay(local netip.Addr, w wish) (one, next *relay, port int, err error) {
	e := s.engine.Load()
	if e == nil {
		return nil, nil, 0, errors.New("the server is stopping")
	}
	count := s.cfg.MaxRelayPort - s.cfg.MinRelayPort + 1
	at := mathrand.IntN(count)
	for range min(portTries, count) {
		port = s.cfg.MinRelayPort + at
		at = (at + 1) % count
		if w.even && port%2 != 0 || w.reserve && port == s.cfg.MaxRelayPort {
			continue
		}
		if one, err = e.open(local, port); err == nil && w.reserve {
			if next, err = e.open(local, port+1); err != nil {
				one.close()
			}
		}
		switch {
		case err == nil:
			return one, next, port, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, nil, 0, fmt.Errorf("turn: relay on %s port %d: %w", local, port, err)
		}
	}
	return nil, nil, 0, errors.New("turn: no free relay port was found")
}

// relayAt returns the address of relays for a client: the configured one, or that
// of this machine by which the client is reached.
func (s *Server) relayAt(c client, family int) (relayAddress, error) {
	if r := s.addresses[family]; r.public.IsValid() && !c.addr.Addr().IsLoopback() {
		if !r.local.IsValid() {
			r.local = [2]netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}[family]
		}
		return r, nil
	}
	var a netip.Addr
	switch {
	case (family == 0) != c.addr.Addr().Is4():
		a = interfaceAddress(family)
	case c.conn != nil:
		a = c.conn.local.Addr()
	default:
		a = routeTo(c.addr)
	}
	if !a.IsValid() || a.IsUnspecified() {
		return relayAddress{}, errors.New("this machine has no address of that kind")
	}
	return relayAddress{a, a}, nil
}

// routeTo returns the address from which packets to a leave. Nothing is sent.
func routeTo(a netip.AddrPort) netip.Addr {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(a))
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return canonical(c.LocalAddr().(*net.UDPAddr).AddrPort().Addr())
}

// interfaceAddress returns the first global address of a family.
func interfaceAddress(f int) netip.Addr {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, n := range found {
		if p, ok := n.(*net.IPNet); ok {
			ip, _ := netip.AddrFromSlice(p.IP)
			if a := canonical(ip); a.IsGlobalUnicast() && family(a) == f {
				return a
			}
		}
	}
	return netip.Addr{}
}

// publish lets packets pass, and puts the relay on the register of sessions. On an
// error a is closed.
func (s *Server) publish(a *allocation, id auth.Identity, r auth.Resource) error {
	if a.client.conn == nil {
		a.dest = s.engine.Load().dest(a.client.addr)
	}
	s.mu.Lock()
	s.byRelay[a.relayed] = a
	if a.client.conn == nil {
		s.byClient[a.client.addr] = a
	}
	s.mu.Unlock()
	if a.client.conn != nil {
		a.client.conn.alloc.Store(a)
	}
	s.n.open.Add(1)
	s.n.allocations.Add(1)
	a.relay.start(a)
	ses, err := s.deps.Sessions.Open(id, action(r), r, auth.SessionInfo{Protocol: part, Remote: a.client.addr}, func(reason error) {
		s.n.revoked.Add(1)
		a.end(reason.Error())
	})
	if err != nil {
		a.close("refused")
		return err
	}
	a.mu.Lock()
	a.session = ses
	closed := a.closed
	a.mu.Unlock()
	if closed {
		ses.Close()
		return auth.ErrRevoked
	}
	return nil
}

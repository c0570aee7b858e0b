package turn

import (
	"encoding/binary"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"

	"muster/internal/auth"
)

// Lifetimes (RFC 8656 §3.2, §9, §12).
const (
	defaultLifetime    = 10 * time.Minute
	maxLifetime        = time.Hour
	permissionLifetime = 5 * time.Minute
	channelLifetime    = 10 * time.Minute
)

// Peers that one allocation may have, so that its tables stay small.
const (
	maxPermissions = 256
	maxChannels    = 256
)

// client is who sent a request: the far end of a datagram, or of a connection.
type client struct {
	addr netip.AddrPort
	conn *conn // nil: UDP
}

// allocation is a relay and who it belongs to (RFC 8656 §3.2).
type allocation struct {
	s       *Server
	client  client
	dest    dest // of a UDP client
	user    string
	account string                // whose quota it takes
	stay    string                // of a guest
	login   string                // the user name of the credential
	key     stun.MessageIntegrity // of all its requests
	txn     [stun.TransactionIDSize]byte
	answer  []byte // to the request that made it, for when it comes again
	relayed netip.AddrPort
	relay   *relay
	free    func() // gives the quota back
	expires atomic.Int64
	opened  time.Time

	up, down atomic.Int64 // packets

	table atomic.Pointer[table] // never nil; what it points to is not changed

	mu      sync.Mutex // guards changes of table, and what follows
	session *auth.Session
	closed  bool
}

// table is what an allocation may relay. The data path reads it without a lock.
type table struct {
	channels    map[uint16]*channel
	peers       map[netip.AddrPort]*channel
	permissions map[netip.Addr]*permission
}

func newTable() *table {
	return &table{make(map[uint16]*channel), make(map[netip.AddrPort]*channel), make(map[netip.Addr]*permission)}
}

// channel is a bound channel (RFC 8656 §12).
type channel struct {
	number  uint16
	peer    netip.AddrPort
	dest    dest
	own     bool // the peer's address is this machine's
	local   bool // the peer is one of Deps.Local's sockets
	expires atomic.Int64
}

// permission lets packets of one address through (RFC 8656 §9).
type permission struct {
	own     bool // of this machine: only our media sockets and relays
	expires atomic.Int64
}

var (
	errForbidden = errors.New("the peer is not allowed")
	errFull      = errors.New("too many peers")
	errBound     = errors.New("the channel or the peer is bound otherwise")
	errClosed    = errors.New("the relay is closed")
)

// permit lets packets of peers through for a while. All of them are allowed, or
// none is.
func (a *allocation) permit(peers []netip.Addr, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return errClosed
	}
	old := a.table.Load()
	fresh := make(map[netip.Addr]*permission)
	for _, p := range peers {
		if old.permissions[p] == nil && fresh[p] == nil {
			own, ok := a.peerAllowed(p)
			if !ok {
				return errForbidden
			}
			fresh[p] = &permission{own: own}
		}
	}
	if len(old.permissions)+len(fresh) > maxPermissions {
		return errFull
	}
	if len(fresh) > 0 {
		t := *old
		t.permissions = maps.Clone(old.permissions)
		maps.Copy(t.permissions, fresh)
		a.table.Store(&t)
	}
	until := now.Add(permissionLifetime).UnixNano()
	for _, p := range peers {
		a.table.Load().permissions[p].expires.Store(until)
	}
	return nil
}

// bind gives a peer a channel, or keeps the one that it has.
func (a *allocation) bind(number uint16, peer netip.AddrPort, now time.Time) error {
	own, ok := a.peerAllowed(peer.Addr())
	if !ok || own && !a.s.ownsPort(peer) {
		return errForbidden
	}
	if err := a.permit([]netip.Addr{peer.Addr()}, now); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.table.Load()
	c, byPeer := old.channels[number], old.peers[peer]
	switch {
	case a.closed:
		return errClosed
	case c != byPeer:
		return errBound
	case c == nil && len(old.channels) >= maxChannels:
		return errFull
	case c == nil:
		c = &channel{number: number, peer: peer, dest: newDest(peer, a.relayed.Addr().Is6()), own: own}
		c.local = a.s.deps.Local != nil && a.s.deps.Local.Owns(peer)
		t := *old
		t.channels, t.peers = maps.Clone(old.channels), maps.Clone(old.peers)
		t.channels[number], t.peers[peer] = c, c
		c.expires.Store(now.Add(channelLifetime).UnixNano())
		a.table.Store(&t)
	}
	c.expires.Store(now.Add(channelLifetime).UnixNano())
	return nil
}

// sweep takes out what has expired.
func (a *allocation) sweep(now int64) {
	old := a.table.Load()
	due := false
	for _, c := range old.channels {
		due = due || now > c.expires.Load()
	}
	for _, p := range old.permissions {
		due = due || now > p.expires.Load()
	}
	if !due {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	old = a.table.Load()
	t := table{maps.Clone(old.channels), maps.Clone(old.peers), maps.Clone(old.permissions)}
	maps.DeleteFunc(t.channels, func(_ uint16, c *channel) bool { return now > c.expires.Load() })
	maps.DeleteFunc(t.peers, func(_ netip.AddrPort, c *channel) bool { return now > c.expires.Load() })
	maps.DeleteFunc(t.permissions, func(_ netip.Addr, p *permission) bool { return now > p.expires.Load() })
	a.table.Store(&t)
}

// outward returns the channel that the client names, if it may be used.
func (a *allocation) outward(number uint16, now int64) *channel {
	c := a.table.Load().channels[number]
	if c == nil || now > c.expires.Load() || c.own && !a.s.ownsPort(c.peer) {
		a.s.n.unpermitted.Add(1)
		return nil
	}
	return c
}

// permitted reports whether packets to and from peer may pass.
func (a *allocation) permitted(peer netip.AddrPort, now int64) bool {
	p := a.table.Load().permissions[peer.Addr()]
	if p == nil || now > p.expires.Load() || p.own && !a.s.ownsPort(peer) {
		a.s.n.unpermitted.Add(1)
		return false
	}
	return true
}

// headroom is the space in front of a packet in which wrap puts what the client
// needs to be told with it.
const headroom = 48

// wrap turns a packet of peer, which starts at headroom in buf, into what the
// client gets (RFC 8656 §11.3 and §12.7). It returns nil if peer may not send.
func (a *allocation) wrap(buf []byte, peer netip.AddrPort, now int64) []byte {
	if !a.permitted(peer, now) {
		return nil
	}
	n := len(buf) - headroom
	var start int
	if c := a.table.Load().peers[peer]; c != nil && now <= c.expires.Load() {
		start = headroom - channelHeader
		binary.BigEndian.PutUint16(buf[start:], c.number)
		binary.BigEndian.PutUint16(buf[start+2:], uint16(n))
		if a.client.conn == nil {
			return buf[start:]
		}
	} else {
		start = dataIndication(buf, peer)
	}
	for (len(buf)-start)%4 != 0 { // of streams, and of STUN always
		buf = append(buf, 0)
	}
	return buf[start:]
}

// deliver sends a packet of one of our own media sockets to the client.
func (a *allocation) deliver(from netip.AddrPort, pkt []byte) {
	if len(pkt) > maxPacket {
		a.s.n.dropped.Add(1)
		return
	}
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	buf := append((*b)[:headroom], pkt...)
	if out := a.wrap(buf, from, time.Now().UnixNano()); out != nil {
		a.toClient(out, len(pkt))
	}
}

// toClient sends what wrap has made of a packet of n bytes.
func (a *allocation) toClient(out []byte, n int) {
	a.countDown(n)
	if a.client.conn != nil {
		a.client.conn.queue(out)
	} else if e := a.s.engine.Load(); e != nil {
		e.send(a.dest, out)
	}
}

func (a *allocation) countDown(n int) {
	a.down.Add(1)
	a.s.n.packetsDown.Add(1)
	a.s.n.bytesDown.Add(int64(n))
}

func (a *allocation) countUp(n int) {
	a.up.Add(1)
	a.s.n.packetsUp.Add(1)
	a.s.n.bytesUp.Add(int64(n))
}

// handed gives a packet for one of our own media sockets to it. False means that
// it goes through the relay's socket.
func (a *allocation) handed(peer netip.AddrPort, pkt []byte) bool {
	if a.s.deps.Local == nil || !a.s.deps.Local.Deliver(peer, a.relayed, pkt) {
		return false
	}
	a.s.n.handed.Add(1)
	return true
}

// fromStream relays channel data that came over a connection.
func (a *allocation) fromStream(b []byte) {
	number, pkt, ok := channelData(b)
	if !ok {
		a.s.n.malformed.Add(1)
		return
	}
	c := a.outward(number, time.Now().UnixNano())
	if c == nil {
		return
	}
	a.countUp(len(pkt))
	if !c.local || !a.handed(c.peer, pkt) {
		a.relay.send(c.dest, pkt)
	}
}

// indication relays what a Send indication carries (RFC 8656 §11.2).
func (a *allocation) indication(b []byte) {
	peer, pkt, ok := sendIndication(b)
	if !ok || (peer.Addr().Is4() != a.relayed.Addr().Is4()) {
		a.s.n.malformed.Add(1)
		return
	}
	if !a.permitted(peer, time.Now().UnixNano()) {
		return
	}
	a.countUp(len(pkt))
	if l := a.s.deps.Local; l == nil || !l.Owns(peer) || !a.handed(peer, pkt) {
		a.relay.send(newDest(peer, a.relayed.Addr().Is6()), pkt)
	}
}

// end closes the relay and the connection of its client, who is to notice.
func (a *allocation) end(why string) {
	a.close(why)
	if a.client.conn != nil {
		a.client.conn.cut()
	}
}

// close ends the relay. It may be called more than once and from anywhere.
func (a *allocation) close(why string) {
	a.mu.Lock()
	was, session := a.closed, a.session
	a.closed = true
	a.table.Store(newTable())
	a.mu.Unlock()
	if was {
		return
	}
	s := a.s
	s.mu.Lock()
	delete(s.byRelay, a.relayed)
	if a.client.conn == nil {
		delete(s.byClient, a.client.addr)
	}
	s.mu.Unlock()
	if a.client.conn != nil {
		a.client.conn.alloc.CompareAndSwap(a, nil)
	}
	a.relay.close()
	a.free()
	if session != nil {
		session.Close()
	}
	s.n.open.Add(-1)
	s.log.Info("relay closed", "user", a.user, "remote", a.client.addr.String(), "relay", a.relayed.String(), "why", why,
		"packetsUp", a.up.Load(), "packetsDown", a.down.Load(), "seconds", int(time.Since(a.opened).Seconds()))
}

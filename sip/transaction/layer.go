// Package transaction is the transaction layer of SIP (RFC 3261 §17 with the
// corrections of RFC 6026): it sends again what may have been lost and keeps
// what comes twice from its user. It owns no sockets and no goroutines; its
// timers run its user's callbacks.
package transaction

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/sip/wire"
)

// Flow is the way to one peer. Its methods are safe for concurrent use.
type Flow interface {
	// Send queues one message; it does not block. b is not kept.
	Send(b []byte) error
	Network() string // "udp", "tcp", "tls" or "wss"
	Remote() netip.AddrPort
	Local() netip.AddrPort
}

// Timers are the times of RFC 3261 Table 4 from which the others follow.
type Timers struct{ T1, T2, T4 time.Duration }

// DefaultTimers returns the values of the RFC.
func DefaultTimers() Timers {
	return Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second, T4: 5 * time.Second}
}

// Errors that end client transactions.
var (
	ErrTimeout = errors.New("sip: no answer")
	ErrClosed  = errors.New("sip: closed")
	ErrTooMany = errors.New("sip: too many transactions")
)

// User is told what the layer receives. Its methods must not block.
type User interface {
	// Request is a new request. It is answered through s.
	Request(s *Server)
	// Ack is an ACK that belongs to a dialog: that of a 2xx.
	Ack(f Flow, m *wire.Message)
	// Stray is a response that belongs to no transaction: a 2xx of another branch
	// or sent again.
	Stray(f Flow, m *wire.Message)
}

// Layer keeps the transactions.
type Layer struct {
	timers Timers
	limit  int
	user   User

	mu      sync.Mutex // guards what follows; never held during a callback
	servers map[string]*Server
	clients map[string]*Client
	closed  bool
}

// New returns a layer for at most limit transactions in each direction; what
// comes beyond is dropped, and sent again by its sender.
func New(t Timers, limit int, u User) *Layer {
	return &Layer{timers: t, limit: limit, user: u, servers: make(map[string]*Server), clients: make(map[string]*Client)}
}

// Len returns how many transactions there are.
func (l *Layer) Len() (servers, clients int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.servers), len(l.clients)
}

// Receive takes a message that passed wire's checks. It does not block.
func (l *Layer) Receive(f Flow, m *wire.Message) {
	if !m.IsRequest() {
		l.response(f, m)
		return
	}
	key := serverKey(f, m, m.Method)
	l.mu.Lock()
	s := l.servers[key]
	switch {
	case l.closed:
		l.mu.Unlock()
		return
	case s != nil:
		l.mu.Unlock()
		if m.Method == wire.Ack && !s.ack() {
			l.user.Ack(f, m)
		} else if m.Method != wire.Ack {
			s.again()
		}
		return
	case m.Method == wire.Ack:
		l.mu.Unlock()
		l.user.Ack(f, m)
		return
	case len(l.servers) >= l.limit:
		l.mu.Unlock()
		return
	}
	s = &Server{layer: l, key: key, flow: f, req: m, unreliable: f.Network() == "udp"}
	l.servers[key] = s
	var invite *Server
	if m.Method == wire.Cancel {
		invite = l.servers[serverKey(f, m, wire.Invite)]
	}
	l.mu.Unlock()
	if m.Method == wire.Cancel {
		s.cancels(invite)
		return
	}
	l.user.Request(s)
}

// serverKey is what requests of one transaction have in common (RFC 3261
// §17.2.3). The source's address is part of it, so that nobody meets another's
// transaction by using its branch.
func serverKey(f Flow, m *wire.Message, method string) string {
	if method == wire.Ack {
		method = wire.Invite
	}
	branch := m.Via.Branch()
	if !strings.HasPrefix(branch, cookie) { // RFC 2543
		branch = m.CallID + "|" + m.From.Tag() + "|" + strconv.FormatUint(uint64(m.Seq), 10) + "|" + m.Via.String()
	}
	return method + "|" + branch + "|" + m.Via.Host + ":" + strconv.Itoa(m.Via.Port) + "|" + f.Remote().Addr().String()
}

const cookie = "z9hG4bK" // RFC 3261 §8.1.1.7

// Branch returns a new transaction identifier.
func Branch() string { return cookie + rand.Text() }

func (l *Layer) response(f Flow, m *wire.Message) {
	l.mu.Lock()
	c := l.clients[clientKey(m.Via.Branch(), m.SeqMethod)]
	l.mu.Unlock()
	if c == nil {
		l.user.Stray(f, m)
		return
	}
	c.receive(m)
}

func clientKey(branch, method string) string { return method + "|" + branch }

// Close ends all transactions. Client callbacks are told ErrClosed.
func (l *Layer) Close() {
	l.mu.Lock()
	l.closed = true
	servers, clients := l.servers, l.clients
	l.servers, l.clients = map[string]*Server{}, map[string]*Client{}
	l.mu.Unlock()
	for _, s := range servers {
		s.end()
	}
	for _, c := range clients {
		c.fail(ErrClosed)
	}
}

func (l *Layer) dropServer(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.servers, s.key)
}

func (l *Layer) dropClient(c *Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.clients, c.key)
}

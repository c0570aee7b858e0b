package turn

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeAuth knows everybody but those in gone.
type fakeAuth struct {
	mu   sync.Mutex
	gone map[string]bool
}

// Resume takes the user's name for a handle.
func (f *fakeAuth) Resume(_ context.Context, handle string) (auth.Identity, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone[handle] {
		return auth.Identity{}, errors.New("gone")
	}
	return auth.Identity{User: "user " + handle, Role: auth.RoleMember}, nil
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

type house struct {
	*Server
	auth     *fakeAuth
	sessions *auth.Sessions
	addr     netip.AddrPort
	log      *syncBuffer
}

// newHouse runs a server whose peers may be on the loopback.
func newHouse(t *testing.T, change ...func(*Config, *Deps)) *house {
	t.Helper()
	h := &house{auth: &fakeAuth{gone: map[string]bool{}}, sessions: auth.NewSessions(nil), log: &syncBuffer{}}
	cfg := DefaultConfig()
	cfg.Address, cfg.AllowPeers = "127.0.0.1:0", []string{"127.0.0.0/8"}
	deps := Deps{Auth: h.auth, Sessions: h.sessions, Doors: run.NewDoors(), Key: []byte(strings.Repeat("k", 32)),
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&cfg, &deps)
	}
	var err error
	if h.Server, err = New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	panics := run.Panics()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run did not return")
		}
		if run.Panics() != panics {
			t.Error("something panicked")
		}
		if n := h.Stats(); n.Open != 0 || n.Conns != 0 || h.total != 0 || len(h.perUser)+len(h.perAddr)+len(h.byClient)+len(h.byRelay) != 0 {
			t.Errorf("left behind: %+v, quota %d", n, h.total)
		}
		if open := h.sessions.List(); len(open) != 0 {
			t.Errorf("sessions left: %v", open)
		}
		if t.Failed() {
			t.Log(h.log.String())
		}
	})
	eventually(t, "the door to open", func() bool { return h.engine.Load() != nil })
	h.addr = netip.MustParseAddrPort(deps.Doors.Addr(part))
	return h
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

func (h *house) issue(t *testing.T, id auth.Identity) Credential {
	t.Helper()
	c, err := h.Issue(id, auth.Server(), id.User)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func guest(name string) auth.Identity {
	return auth.Identity{User: name, Role: auth.RoleMember, System: true}
}

// phone is a client that can send anything.
type phone struct {
	t     *testing.T
	c     net.Conn
	cred  Credential
	realm stun.Realm
	nonce stun.Nonce
}

func (h *house) phone(t *testing.T, cred Credential) *phone {
	t.Helper()
	c, err := net.Dial("udp", h.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &phone{t: t, c: c, cred: cred}
}

// receive returns the next datagram, or nil after a while.
func (p *phone) receive(wait time.Duration) []byte {
	p.c.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, 16<<10)
	n, err := p.c.Read(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// ask sends a request with the credential once there is a nonce, and returns the answer.
func (p *phone) ask(method stun.Method, attrs ...stun.Setter) *stun.Message {
	p.t.Helper()
	if p.nonce != nil {
		attrs = append(attrs, stun.NewUsername(p.cred.Username), p.realm, p.nonce,
			stun.NewLongTermIntegrity(p.cred.Username, p.realm.String(), p.cred.Password))
	}
	return p.exchange(stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attrs...)...))
}

func (p *phone) exchange(m *stun.Message) *stun.Message {
	p.t.Helper()
	p.send(m.Raw)
	for {
		b := p.receive(3 * time.Second)
		if b == nil {
			p.t.Fatalf("no answer to %s", m.Type)
		}
		out := new(stun.Message)
		if isSTUN(b) && stun.Decode(b, out) == nil && out.TransactionID == m.TransactionID {
			return out
		}
	}
}

func (p *phone) send(b []byte) {
	p.t.Helper()
	if _, err := p.c.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func code(m *stun.Message) int {
	var c stun.ErrorCodeAttribute
	if m.Type.Class == stun.ClassSuccessResponse || c.GetFrom(m) != nil {
		return 0
	}
	return int(c.Code)
}

var udpTransport = stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{transportUDP, 0, 0, 0}}

// login gets a nonce.
func (p *phone) login() *phone {
	p.t.Helper()
	m := p.ask(stun.MethodAllocate, udpTransport)
	if code(m) != codeUnauthorized || m.Parse(&p.realm, &p.nonce) != nil {
		p.t.Fatalf("no challenge but %s", m)
	}
	p.realm, p.nonce = append(stun.Realm(nil), p.realm...), append(stun.Nonce(nil), p.nonce...)
	return p
}

// allocate opens a relay and returns its address.
func (p *phone) allocate(attrs ...stun.Setter) netip.AddrPort {
	p.t.Helper()
	if p.nonce == nil {
		p.login()
	}
	m := p.ask(stun.MethodAllocate, append([]stun.Setter{udpTransport}, attrs...)...)
	if c := code(m); c != 0 {
		p.t.Fatalf("allocate: %d", c)
	}
	v, err := m.Get(stun.AttrXORRelayedAddress)
	a, ok := xorAddress(v, m.Raw)
	if err != nil || !ok {
		p.t.Fatal("no relayed address")
	}
	return a
}

func peerAttr(a netip.AddrPort) stun.Setter { return address{stun.AttrXORPeerAddress, a} }

func (p *phone) permit(a netip.AddrPort) int {
	return code(p.ask(stun.MethodCreatePermission, peerAttr(a)))
}

func (p *phone) bind(number uint16, a netip.AddrPort) int {
	n := binary.BigEndian.AppendUint32(nil, uint32(number)<<16)
	return code(p.ask(stun.MethodChannelBind, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: n}, peerAttr(a)))
}

func framed(number uint16, text string) []byte {
	b := binary.BigEndian.AppendUint16(nil, number)
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	b = append(b, text...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func sendTo8656(a netip.AddrPort, text string) []byte {
	return stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerAttr(a),
		stun.RawAttribute{Type: stun.AttrData, Value: []byte(text)}).Raw
}

// peerSocket is a peer.
type peerSocket struct {
	*net.UDPConn
	addr netip.AddrPort
}

func newPeer(t *testing.T) peerSocket { return newPeerAt(t, "127.0.0.1") }

func newPeerAt(t *testing.T, addr string) peerSocket {
	t.Helper()
	ip := net.ParseIP(addr)
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip})
	if err != nil && ip.To4() == nil {
		t.Skip("this machine has no IPv6: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return peerSocket{c, c.LocalAddr().(*net.UDPAddr).AddrPort()}
}

// next returns the next packet and its source, or nothing after a while.
func (p peerSocket) next(wait time.Duration) (string, netip.AddrPort) {
	p.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, 16<<10)
	n, from, err := p.ReadFromUDPAddrPort(b)
	if err != nil {
		return "", netip.AddrPort{}
	}
	return string(b[:n]), from
}

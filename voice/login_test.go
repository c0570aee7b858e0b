package voice

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/voice/wire"
)

func TestWhoIsLetIn(t *testing.T) {
	s := serve(t, newHouse(), nil)
	stranger := certificate(t, pkix.Name{CommonName: "alice"})
	for _, tc := range []struct {
		name  string
		c     credentials
		error string // empty: let in
		shown string
	}{
		{"certificate of ours", credentials{name: "Alpha 1", cert: ours(t, "alice", "phone"), opus: true}, "", "Alpha 1"},
		{"certificate and slot", credentials{name: "Alpha_1---ab12cdVS1", cert: ours(t, "alice", "phone"), opus: true}, "", "Alpha_1---ab12cdVS1"},
		{"password", credentials{name: "bob", password: "pw bob", opus: true}, "", "bob"},
		{"password behind a certificate of one's own", credentials{name: "bob---x", password: "pw bob", cert: &stranger, opus: true}, "", "bob---x"},
		{"the callsign of another user", credentials{name: "Alpha 1", cert: ours(t, "carol", "phone"), opus: true}, "", "Alpha 1 (carol)"},
		{"a name alone", credentials{name: "alice", opus: true}, "a certificate of this server or a password is needed", ""},
		{"a certificate of one's own alone", credentials{name: "alice", cert: &stranger, opus: true}, "a certificate of this server or a password is needed", ""},
		{"wrong password", credentials{name: "alice", password: "x", opus: true}, "wrong user name, password or certificate", ""},
		{"a certificate of ours for nobody", credentials{name: "alice", cert: ours(t, "ghost", "x"), opus: true}, "wrong user name, password or certificate", ""},
		{"without Opus", credentials{name: "alice", password: "pw alice"}, "this client does not speak Opus; a newer one is needed", ""},
		{"without a name", credentials{name: "<>", password: "pw alice", opus: true}, "a user name is needed", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := s.dial(tc.c)
			if tc.error != "" {
				if err == nil || err.Error() != tc.error {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := value(c.me().Name); got != tc.shown {
				t.Errorf("shown as %q", got)
			}
		})
	}
}

func TestNameAloneIsNotAskedOfTheHouse(t *testing.T) {
	h := newHouse()
	s := serve(t, h, nil)
	if _, err := s.dial(credentials{name: "alice", opus: true}); err == nil {
		t.Error("let in")
	}
	if h.authn != 0 {
		t.Error("an empty password was counted as a failed login")
	}
}

// TestCertificatesAreRenewed is about a server whose certificate is asked for with
// each connection.
func TestCertificatesAreRenewed(t *testing.T) {
	var asked atomic.Int64
	s := serve(t, newHouse(), func(_ *Config, d *Deps) {
		cert := d.TLS.Certificates[0]
		d.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { asked.Add(1); return &cert, nil }}
	})
	s.login("alice").settle()
	s.login("bob").settle()
	if asked.Load() != 2 {
		t.Errorf("asked for %d times", asked.Load())
	}
}

func TestSessionsOfADevice(t *testing.T) {
	s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.PerDevice = 3 })
	phone, tablet := ours(t, "alice", "phone"), ours(t, "alice", "tablet")
	dial := func(name string, cert *tls.Certificate) *client {
		t.Helper()
		c, err := s.dial(credentials{name: name, cert: cert, opus: true})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	watcher := s.login("bob")
	one, two, other := dial("A---1VS1", phone), dial("A---1VS2", phone), dial("A---1VS1", tablet)
	for _, c := range []*client{one, two, other} {
		c.settle() // all live side by side
	}
	again := dial("A---1VS1", phone)
	eventually(t, "the older session of the same slot ends", func() bool {
		one.mu.Lock()
		defer one.mu.Unlock()
		return one.over != nil
	})
	await(one, "it is told so", func(m *wire.UserRemove) bool { return *m.Session == one.session })
	await(watcher, "others are told", func(m *wire.UserRemove) bool { return *m.Session == one.session })
	again.settle()
	two.settle()
	if got := value(again.me().Name); got != "A---1VS1 (alice)" && got != "A---1VS1" && !strings.HasPrefix(got, "A") {
		t.Error(got)
	}
	dial("A---3", phone)
	dial("A---4", phone) // one too many
	eventually(t, "the oldest session of the device makes room", func() bool {
		two.mu.Lock()
		defer two.mu.Unlock()
		return two.over != nil
	})
	other.settle()
}

func TestRevocationEndsTheSession(t *testing.T) {
	h := newHouse()
	s := serve(t, h, nil)
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	begin := time.Now()
	h.remove("alice")
	eventually(t, "the session ends", func() bool {
		alice.mu.Lock()
		defer alice.mu.Unlock()
		return alice.over != nil
	})
	if d := time.Since(begin); d > time.Second {
		t.Errorf("it took %s", d)
	}
	await(bob, "others are told", func(m *wire.UserRemove) bool { return *m.Session == alice.session })
	if n := len(s.h.sessions.List()); n != 1 {
		t.Errorf("%d sessions on the register", n)
	}
}

func TestFullServerAndBans(t *testing.T) {
	s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.MaxUsers = 3 })
	root := s.login("root")
	alice := s.login("alice")
	s.login("bob")
	if _, err := s.dial(credentials{name: "carol", password: "pw carol", opus: true}); err == nil || err.Error() != "the server is full" {
		t.Error(err)
	}
	bob := s.login("bob") // takes its own place
	alice.send(&wire.UserRemove{Session: new(bob.session), Reason: new("no"), Ban: new(true)})
	if d := alice.denied(); value(d.Permission) != wire.BanUsers {
		t.Errorf("%+v", d)
	}
	root.send(&wire.UserRemove{Session: new(alice.session), Reason: new("<b>go</b>"), Ban: new(true)})
	await(alice, "why", func(m *wire.UserRemove) bool { return value(m.Reason) == "go" && isTrue(m.Ban) })
	eventually(t, "she is out", func() bool { alice.mu.Lock(); defer alice.mu.Unlock(); return alice.over != nil })
	if _, err := s.dial(credentials{name: "alice", password: "pw alice", opus: true}); err == nil || !strings.Contains(err.Error(), "banned") {
		t.Error(err)
	}
	eventually(t, "the ban is stored", func() bool { s.h.mu.Lock(); defer s.h.mu.Unlock(); return len(s.h.banned) == 1 })
	root.send(&wire.BanList{Query: new(true)})
	list := await(root, "the bans", func(m *wire.BanList) bool { return true })
	if len(list.Bans) != 1 || value(list.Bans[0].Name) != "alice" {
		t.Errorf("%+v", list.Bans)
	}
	addr := make([]byte, 16)
	root.send(&wire.BanList{Bans: []wire.BanEntry{{Address: addr, Mask: new(uint32(24))}}})
	if d := root.denied(); !strings.Contains(value(d.Reason), "addresses are not banned") {
		t.Errorf("%+v", d)
	}
	if _, err := s.dial(credentials{name: "alice", password: "pw alice", opus: true}); err != nil {
		t.Error("the ban was taken off the list:", err)
	}
}

func TestAdministratorsModerateFromOutside(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.login("alice")
	b := s.Ban(Ban{User: "ALICE", Name: "alice", Reason: "<b>noise</b>"})
	await(alice, "why", func(m *wire.UserRemove) bool { return value(m.Reason) == "noise" })
	if again := s.Ban(Ban{User: "ALICE", Name: "alice"}); len(s.Bans()) != 1 || again.ID() != b.ID() {
		t.Errorf("banned twice: %+v", s.Bans())
	}
	if _, err := s.dial(credentials{name: "alice", password: "pw alice", opus: true}); err == nil || !strings.Contains(err.Error(), "banned") {
		t.Error(err)
	}
	if !s.Unban(b.ID()) || s.Unban(b.ID()) {
		t.Error("a ban is lifted once")
	}
	if _, err := s.dial(credentials{name: "alice", password: "pw alice", opus: true}); err != nil {
		t.Error(err)
	}
}

// TestHostileBeforeLogin is about strangers: nothing they send costs a session,
// and none of it ends more than their own connection.
func TestHostileBeforeLogin(t *testing.T) {
	s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.LoginTimeout = 2 * time.Second })
	huge := wire.AppendHeader(nil, wire.TypeAuthenticate, 1<<32-1)
	long := append(wire.AppendHeader(nil, wire.TypeAuthenticate, maxEarly+1), make([]byte, maxEarly+1)...)
	var many []byte
	for range earlyMessages + 1 {
		many = append(many, wire.AppendHeader(nil, 77, 0)...)
	}
	for name, data := range map[string][]byte{
		"length of 4 GiB":         huge,
		"a message too long":      long,
		"too many messages":       many,
		"protobuf that is none":   append(wire.AppendHeader(nil, wire.TypeVersion, 2), 0xff, 0xff),
		"a login that is none":    append(wire.AppendHeader(nil, wire.TypeAuthenticate, 3), 0x0a, 0x7f, 0x01),
		"plain text":              []byte("GET / HTTP/1.1\r\n\r\n"),
		"nothing, and then waits": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.Write(data)
			nc.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.Copy(io.Discard, nc); errors.As(err, new(net.Error)) && err.(net.Error).Timeout() {
				t.Error("the connection stays open")
			}
			if st := s.Stats(); st.Users != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
	nc, err := net.Dial("tcp", s.addr) // no TLS at all
	if err != nil {
		t.Fatal(err)
	}
	nc.Write([]byte("\x00\x00\x00\x00\x00\x01"))
	nc.Close()
}

// TestVoiceBeforeLoginGoesNowhere sends voice without having logged in.
func TestVoiceBeforeLoginGoesNowhere(t *testing.T) {
	s := serve(t, newHouse(), nil)
	bob := s.joined("bob", "blue")
	nc, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := speechPacket(0, 1, frame20(9), false)
	nc.Write(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, len(p)), p...))
	u, err := net.Dial("udp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for range 50 {
		u.Write(append([]byte{1, 2, 3, 4}, p...))
	}
	bob.settle()
	if len(bob.heard(frame20(9))) != 0 {
		t.Error("it was passed on")
	}
}

func TestAskedForIsNotMoreThanAnIdentity(t *testing.T) {
	s := serve(t, newHouse(), nil)
	c := s.login("alice")
	sync := await(c, "the end of the login", func(*wire.ServerSync) bool { return true })
	if value(sync.MaxBandwidth) != 128_000 || value(sync.Permissions)&wire.MakeTemporary == 0 || value(sync.Permissions)&(wire.Speak|wire.Kick|wire.Write) != 0 {
		t.Errorf("%+v %x", sync, value(sync.Permissions))
	}
	v := await(c, "the version", func(*wire.Version) bool { return true })
	if value(v.V1) != 1<<16|4<<8 || v.V2 != nil {
		t.Errorf("%+v", v)
	}
	await(c, "what is suggested", func(m *wire.SuggestConfig) bool { return isTrue(m.PushToTalk) })
	if got := s.h.sessions.List(); len(got) != 1 || got[0].Protocol != "mumble" || got[0].Action != auth.Join || !strings.Contains(got[0].Agent, "test") {
		t.Errorf("%+v", got)
	}
}

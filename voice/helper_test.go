package voice

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		// gumble's own: it waits for ever for somebody to hear what came last.
		goleak.IgnoreAnyFunction("layeh.com/gumble/gumble.(*Client).readRoutine"), goleak.IgnoreAnyFunction("layeh.com/gumble/gumble.(*Client).pingRoutine"),
		goleak.Cleanup(func(code int) {
			storetest.Stop()
			os.Exit(code)
		}))
}

// house stands for the parts of the house that the server asks.
type house struct {
	mu       sync.Mutex
	people   map[string]auth.Identity // by login name; the password is "pw " and the name
	entries  []Entry
	watch    func()
	authn    int
	banned   []Ban
	sessions *auth.Sessions
}

func (h *house) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.authn++
	name := p.User
	if p.Cert != nil {
		name = p.Cert.Subject.CommonName
	} else if p.Password != "pw "+p.User {
		return auth.Identity{}, auth.ErrBadCredentials
	}
	id, ok := h.people[name]
	if !ok {
		return auth.Identity{}, auth.ErrBadCredentials
	}
	if p.Cert != nil {
		id.Device = p.Cert.Subject.OrganizationalUnit[0]
	}
	return id, nil
}

func (h *house) VerifyClient(chain []*x509.Certificate) error {
	if o := chain[0].Subject.Organization; len(o) != 1 || o[0] != "our authority" {
		return errors.New("not ours")
	}
	return nil
}

func (h *house) Channels(context.Context) ([]Entry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.entries), nil
}

func (h *house) Watch(changed func()) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watch = changed
	return func() {}
}

func (h *house) Names(context.Context) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for n := range h.people {
		out = append(out, n)
	}
	return out, nil
}

func (h *house) LoadBans(context.Context) ([]Ban, error) { return nil, nil }

func (h *house) SaveBans(_ context.Context, all []Ban) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.banned = all
	return nil
}

// set changes the directory and tells the server.
func (h *house) set(entries ...Entry) {
	h.mu.Lock()
	h.entries = entries
	watch := h.watch
	h.mu.Unlock()
	watch()
}

// grant changes somebody's rights in the way of a real administrator.
func (h *house) grant(user string, grants ...auth.Grant) {
	h.mu.Lock()
	id := h.people[user]
	id.Groups = grants
	h.people[user] = id
	h.mu.Unlock()
	h.revalidate(user)
}

func (h *house) remove(user string) {
	h.mu.Lock()
	delete(h.people, user)
	h.mu.Unlock()
	h.revalidate(user)
}

func (h *house) revalidate(user string) {
	h.sessions.Revalidate(func(i auth.SessionInfo) bool { return i.User == user }, func(id auth.Identity) (auth.Identity, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		now, ok := h.people[id.User]
		if !ok {
			return now, errors.New("gone")
		}
		now.Device = id.Device
		return now, nil
	})
}

func both(group string) auth.Grant { return auth.Grant{Group: group, In: true, Out: true} }

func group(name string) Entry {
	return Entry{Key: "group/" + name, Name: name, Resource: auth.Data("group/"+name, []string{name})}
}

func member(name string, grants ...auth.Grant) auth.Identity {
	return auth.Identity{User: name, Role: auth.RoleMember, Groups: grants}
}

// newHouse has users alice and bob in blue, carol in red, listener who only hears
// blue, talker who only speaks in blue, and root, an administrator.
func newHouse() *house {
	h := &house{people: make(map[string]auth.Identity), entries: []Entry{group("blue"), group("red")}}
	for _, id := range []auth.Identity{
		member("alice", both("blue")), member("bob", both("blue")), member("carol", both("red")),
		member("dave", both("blue"), both("red")),
		member("listener", auth.Grant{Group: "blue", Out: true}), member("talker", auth.Grant{Group: "blue", In: true}),
		{User: "root", Role: auth.RoleAdmin}, {User: "op", Role: auth.RoleOperator, Groups: []auth.Grant{both("blue")}},
	} {
		h.people[id.User] = id
	}
	return h
}

func certificate(t testing.TB, subject pkix.Name) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, subject, key)
}

// signed is a certificate for key that it signs itself.
func signed(t testing.TB, subject pkix.Name, key crypto.Signer) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// ours is a certificate as our authority would make it.
func ours(t testing.TB, user, device string) *tls.Certificate {
	c := certificate(t, pkix.Name{CommonName: user, OrganizationalUnit: []string{device}, Organization: []string{"our authority"}})
	return &c
}

type server struct {
	*Server
	t     testing.TB
	h     *house
	doors *run.Doors
	addr  string
	stop  func()
}

// serve runs a server for a test.
func serve(t testing.TB, h *house, with func(*Config, *Deps)) *server {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	doors := run.NewDoors()
	h.sessions = auth.NewSessions(nil)
	deps := Deps{
		Auth: h, Sessions: h.sessions, Certificates: h, Directory: h, Doors: doors, Log: slog.New(slog.DiscardHandler),
		TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t, pkix.Name{CommonName: "server"})}}, People: h, Bans: h,
	}
	if with != nil {
		with(&cfg, &deps)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := run.Panics(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	t.Cleanup(stop)
	v := &server{Server: s, t: t, h: h, doors: doors, stop: stop}
	eventually(t, "the server listens", func() bool {
		v.addr = doors.Addr("mumble")
		return v.addr != "" && (!cfg.UDP || s.udp.Load() != nil)
	})
	return v
}

// patience is for machines with much else to do.
const patience = 30 * time.Second

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("not within %s: %s", patience, what)
}

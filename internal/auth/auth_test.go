package auth_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const (
	password = "correct horse"
	home     = "192.0.2.1"
)

var from = netip.MustParseAddr(home)

// cheap hashes: the tests count them and do not time them.
func cheap() auth.Config {
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	return cfg
}

type fixture struct {
	*auth.Service
	db       *store.DB
	sessions *auth.Sessions
	facts    *bus.Subscription
	log      *syncBuffer
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

func newFixture(t *testing.T, db *store.DB, cfg auth.Config) *fixture {
	t.Helper()
	b := bus.New()
	f := &fixture{db: db, sessions: auth.NewSessions(nil), facts: b.Subscribe(1000), log: &syncBuffer{}}
	s, err := auth.New(cfg, db, f.sessions, b, slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	f.Service = s
	return f
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		test(t, newFixture(t, storetest.Open(t, cfg), cheap()))
	})
}

func (f *fixture) add(t *testing.T, name string) {
	t.Helper()
	if _, err := f.AddUser(t.Context(), auth.NewUser{Name: name, Password: password}); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) token(t *testing.T, user string, spec auth.TokenSpec) (auth.Token, string) {
	t.Helper()
	tok, text, err := f.CreateToken(t.Context(), user, spec)
	if err != nil {
		t.Fatal(err)
	}
	return tok, text
}

func (f *fixture) device(t *testing.T, user, name string, expires time.Time) *x509.Certificate {
	t.Helper()
	cert := &x509.Certificate{Raw: []byte("certificate of " + user + " " + name)}
	fp := sha256.Sum256(cert.Raw)
	err := f.RecordDevice(t.Context(), auth.Device{Fingerprint: hex.EncodeToString(fp[:]), Serial: "01", User: user, Name: name, Issued: time.Now(), Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (f *fixture) login(t *testing.T, p auth.Proof) auth.Identity {
	t.Helper()
	if !p.Remote.IsValid() {
		p.Remote = from
	}
	id, err := f.Authenticate(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func pass(user string) auth.Proof { return auth.Proof{User: user, Password: password, Remote: from} }

// open opens a session that reads the stream of group team.
func (f *fixture) open(t *testing.T, id auth.Identity) (ses *auth.Session, ended *atomic.Bool) {
	t.Helper()
	ended = new(atomic.Bool)
	ses, err := f.sessions.Open(id, auth.Read, auth.Stream("cam", []string{"team"}), auth.SessionInfo{Protocol: "test"}, func(error) { ended.Store(true) })
	if err != nil {
		t.Fatal(err)
	}
	return ses, ended
}

func TestLogins(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "Ann")
		f.add(t, "bob")
		f.add(t, "closed")
		if _, err := f.AddUser(t.Context(), auth.NewUser{Name: "keyonly"}); err != nil {
			t.Fatal(err)
		}
		if err := f.SetDisabled(t.Context(), "closed", true); err != nil {
			t.Fatal(err)
		}
		_, tok := f.token(t, "ann", auth.TokenSpec{Name: "script"})
		_, closedTok := f.token(t, "closed", auth.TokenSpec{})
		_, key := f.token(t, "keyonly", auth.TokenSpec{Kind: auth.KindStreamKey, Scope: &auth.Scope{Streams: []string{"cam/*"}}})
		cert := f.device(t, "ann", "phone", time.Now().Add(time.Hour))
		old := f.device(t, "ann", "old phone", time.Now().Add(-time.Hour))
		other := byte('a')
		if tok[len(tok)-1] == other {
			other = 'b'
		}
		wrongTok := tok[:len(tok)-1] + string(other)

		for _, tc := range []struct {
			name  string
			proof auth.Proof
			user  string // empty: refused
		}{
			{"password", auth.Proof{User: "Ann", Password: password}, "Ann"},
			{"case of the name", auth.Proof{User: "aNN", Password: password}, "Ann"},
			{"case of the password", auth.Proof{User: "Ann", Password: "Correct horse"}, ""},
			{"other's name", auth.Proof{User: "nobody", Password: password}, ""},
			{"no password", auth.Proof{User: "Ann"}, ""},
			{"no name", auth.Proof{Password: password}, ""},
			{"long password", auth.Proof{User: "Ann", Password: string(make([]byte, 10_000))}, ""},
			{"disabled", auth.Proof{User: "closed", Password: password}, ""},
			{"user without password", auth.Proof{User: "keyonly", Password: password}, ""},
			{"user without password, none given", auth.Proof{User: "keyonly"}, ""},
			{"injection", auth.Proof{User: "' OR 1=1 --", Password: password}, ""},
			{"user:password as token", auth.Proof{Token: "bob:" + password}, "bob"},
			{"user:wrong as token", auth.Proof{Token: "bob:nonono"}, ""},
			{"neither as token", auth.Proof{Token: "bob"}, ""},
			{"token", auth.Proof{Token: tok}, "Ann"},
			{"token as password", auth.Proof{User: "Ann", Password: tok}, "Ann"},
			{"token as password of anybody", auth.Proof{User: "camera7", Password: tok}, "Ann"},
			{"token as password of nobody", auth.Proof{Password: tok}, "Ann"},
			{"user:token as token", auth.Proof{Token: "x:" + tok}, "Ann"},
			{"wrong token", auth.Proof{Token: wrongTok}, ""},
			{"cut token", auth.Proof{Token: tok[:len(tok)-1]}, ""},
			{"unknown token", auth.Proof{Token: "mst_aaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaa"}, ""},
			{"token of a disabled user", auth.Proof{Token: closedTok}, ""},
			{"stream key", auth.Proof{User: "x", Password: key}, "keyonly"},
			{"certificate", auth.Proof{Cert: cert}, "Ann"},
			{"unknown certificate", auth.Proof{Cert: &x509.Certificate{Raw: []byte("x")}}, ""},
			{"expired certificate", auth.Proof{Cert: old}, ""},
			{"password beside a certificate", auth.Proof{User: "bob", Password: password, Cert: cert}, "bob"},
			{"wrong password beside a certificate", auth.Proof{User: "bob", Password: "wrong", Cert: cert}, ""},
		} {
			t.Run(tc.name, func(t *testing.T) {
				tc.proof.Remote = from
				id, err := f.Authenticate(t.Context(), tc.proof)
				if tc.user == "" {
					if !errors.Is(err, auth.ErrBadCredentials) || err.Error() != auth.ErrBadCredentials.Error() || id.User != "" {
						t.Fatalf("%+v, %v", id, err)
					}
					return
				}
				if err != nil || id.User != tc.user {
					t.Fatalf("%+v, %v", id, err)
				}
				if again, err := f.Current(t.Context(), id); err != nil || again.User != id.User || again.Handle() != id.Handle() {
					t.Fatalf("current: %+v, %v", again, err)
				}
				if again, err := f.Resume(t.Context(), id.Handle()); err != nil || again.User != id.User || (again.Scope == nil) != (id.Scope == nil) {
					t.Fatalf("resume: %+v, %v", again, err)
				}
			})
		}
		if _, err := f.Authenticate(t.Context(), auth.Proof{Remote: from}); !errors.Is(err, auth.ErrNoCredentials) {
			t.Fatalf("nothing shown: %v", err)
		}
	})
}

// TestEqualWork counts what a login costs: it must not tell whether a user
// exists, is enabled or has a password.
func TestEqualWork(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		f.add(t, "closed")
		f.login(t, pass("closed"))
		if err := f.SetDisabled(t.Context(), "closed", true); err != nil {
			t.Fatal(err)
		}
		if _, err := f.AddUser(t.Context(), auth.NewUser{Name: "keyonly"}); err != nil {
			t.Fatal(err)
		}
		for _, p := range []auth.Proof{
			{User: "ann", Password: "wrong"},
			{User: "nobody", Password: "wrong"},
			{User: "not a name!", Password: "wrong"},
			{User: "", Password: "wrong"},
			{User: "closed", Password: "wrong"},
			{User: "closed", Password: password},
			{User: "keyonly", Password: "wrong"},
		} {
			p.Remote = from
			before := f.Stats().Hashes
			_, err := f.Authenticate(t.Context(), p)
			if n := f.Stats().Hashes - before; n != 1 || !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: %d hashes, %v", p.User, n, err)
			}
		}
	})
}

func TestRights(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if _, err := f.AddGroup(t.Context(), "Blue Team", "the others"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.AddUser(t.Context(), auth.NewUser{Name: "eve", Password: password, Groups: []auth.Grant{{Group: "blue team", Out: true}}}); err != nil {
			t.Fatal(err)
		}
		f.add(t, "ann")
		id := f.login(t, pass("eve"))
		if len(id.Groups) != 1 || id.Groups[0] != (auth.Grant{Group: "Blue Team", Out: true}) {
			t.Fatalf("%+v", id.Groups)
		}
		_, key := f.token(t, "ann", auth.TokenSpec{Kind: auth.KindStreamKey, Scope: &auth.Scope{Actions: []auth.Action{auth.Publish}, Streams: []string{"cam"}}})
		id = f.login(t, auth.Proof{Token: key})
		for _, tc := range []struct {
			a  auth.Action
			r  auth.Resource
			ok bool
		}{
			{auth.Publish, auth.Stream("cam", nil), true},
			{auth.Publish, auth.Stream("cam2", nil), false},
			{auth.Read, auth.Stream("cam", []string{"team"}), false},
			{auth.Use, auth.Server(), false},
		} {
			if err := auth.Allow(id, tc.a, tc.r); (err == nil) != tc.ok {
				t.Errorf("%s %s: %v", tc.a, tc.r.Name, err)
			}
		}
	})
}

func TestNobodyWritesWithoutGroups(t *testing.T) {
	id := auth.Identity{User: "x", Role: auth.RoleMember}
	for _, every := range []bool{false, true} {
		if auth.Allow(id, auth.Publish, auth.Resource{Kind: auth.KindStream, Name: "cam", Every: every}) == nil {
			t.Errorf("Every %v: a user without groups may publish", every)
		}
	}
}

// TestDisk looks for secrets where they must not be.
func TestDisk(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Config{}), cheap())
	f.add(t, "ann")
	_, tok := f.token(t, "ann", auth.TokenSpec{})
	f.login(t, pass("ann"))
	f.login(t, auth.Proof{Token: tok})
	f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: "wrong secret", Remote: from})
	f.Authenticate(t.Context(), auth.Proof{User: "typed a secret here", Password: "x", Remote: from})
	var all bytes.Buffer
	all.WriteString(f.log.String())
	for _, name := range []string{"muster.db", "muster.db-wal"} {
		b, err := os.ReadFile(f.db.Dir() + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for len(f.facts.C) > 0 {
		fmt.Fprintf(&all, "%+v\n", <-f.facts.C)
	}
	ha1 := fmt.Sprintf("%x", md5.Sum([]byte("ann:muster:"+password)))
	for _, secret := range []string{password, tok, tok[len(tok)-26:], "wrong secret", "typed a secret", ha1} {
		if bytes.Contains(all.Bytes(), []byte(secret)) {
			t.Errorf("%q is readable", secret)
		}
	}
}

func TestRestoredServerKnowsEverybody(t *testing.T) {
	for i, from := range storetest.Dialects() {
		to := storetest.Dialects()[1-i]
		t.Run(from+" to "+to, func(t *testing.T) {
			f := newFixture(t, storetest.Open(t, storetest.Config(t, from)), cheap())
			f.add(t, "ann")
			_, tok := f.token(t, "ann", auth.TokenSpec{})
			cert := f.device(t, "ann", "phone", time.Now().Add(time.Hour))
			var arc bytes.Buffer
			if err := f.db.Backup(t.Context(), &arc); err != nil {
				t.Fatal(err)
			}
			cfg, dir := storetest.Config(t, to), t.TempDir()
			if err := store.Restore(t.Context(), &arc, cfg, dir, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(context.Background(), cfg, dir, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			g := newFixture(t, db, cheap())
			g.login(t, pass("ann"))
			g.login(t, auth.Proof{Token: tok})
			g.login(t, auth.Proof{Cert: cert})
			g.login(t, digestProof(t, "ann", password, "MD5", ""))
		})
	}
}

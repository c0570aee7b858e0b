package attach

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/voice/ice"
	"muster/voice/murmur"
)

// asked is the answer of our authenticator as murmurd gets it.
type asked struct {
	name   string
	groups []string
	id     int32
}

// ask calls our authenticator without a murmurd.
func ask(t testing.TB, a *Attachment, name, password string, certs ...[]byte) asked {
	t.Helper()
	var e ice.Encoder
	e.String(name)
	e.String(password)
	e.Size(len(certs))
	for _, c := range certs {
		e.Blob(c)
	}
	e.String("")
	e.Bool(true)
	r := &ice.Request{ID: 1, Object: authObject, Op: "authenticate", Context: map[string]string{"secret": a.cfg.Secret}, Params: ice.NewDecoder(e.Bytes())}
	return answerOf(t, a.callback(context.Background(), r))
}

func answerOf(t testing.TB, reply ice.Reply) asked {
	t.Helper()
	d, err := reply.Result()
	if err != nil {
		t.Fatalf("murmurd would drop us: %v", err)
	}
	out := asked{name: d.String(), groups: d.Strings(), id: d.Int()}
	if err := d.End(); err != nil {
		t.Fatalf("murmurd would drop us: %v", err)
	}
	if out.id != refused && out.id < firstID {
		t.Fatalf("answered %d", out.id)
	}
	return out
}

// detached returns an attachment that is attached to nothing.
func (h *house) detached() *Attachment {
	h.t.Helper()
	a, err := New(h.cfg, Deps{Auth: h.auth, CA: h.ca, Plan: h.plan, Sessions: h.sessions, Doors: run.NewDoors(), Log: slog.New(slog.NewTextHandler(h.log, nil)), Key: make([]byte, 32)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(a.checks.Wait)
	return a
}

func TestWhoIsLetIn(t *testing.T) {
	h := newHouse(t)
	a := h.detached()
	ours, foreign := h.certificate("ann", "phone").Certificate[0], selfSigned(t).Certificate[0]
	blue := "[tak.in.Blue tak.out.Blue]"
	_, secret, err := h.auth.CreateToken(t.Context(), "ann", auth.TokenSpec{Kind: auth.KindStreamKey, Scope: &auth.Scope{Actions: []auth.Action{auth.Publish}, Streams: []string{"x"}}})
	ok(t, err)
	for _, tc := range []struct {
		name, user, password string
		certs                [][]byte
		want, groups         string
	}{
		{"password", "ann", "ann-password", nil, "ann", blue},
		{"password, name in other letters", "ANN", "ann-password", nil, "ANN", blue},
		{"password and slot", "ann---VS2", "ann-password", nil, "ann---VS2", blue},
		{"OUT only", "bob", "bob-password", nil, "bob", "[tak.out.Blue]"},
		{"no group", "eve", "eve-password", nil, "eve", "[]"},
		{"administrator", "root", "root-password", nil, "root", "[tak.admin]"},
		{"certificate", "ALPHA---x", "", [][]byte{ours}, "ALPHA---x", blue},
		{"certificate, twice in the list", "ALPHA---x", "", [][]byte{ours, ours}, "ALPHA---x", blue},
		{"certificate wins over a wrong password", "ALPHA---x", "no", [][]byte{ours}, "ALPHA---x", blue},
		{"certificate under the name of another", "bob---x", "", [][]byte{ours}, "ann---x", blue},
		{"foreign certificate and password", "bob", "bob-password", [][]byte{foreign}, "bob", "[tak.out.Blue]"},

		{"no certificate at all is not strong", "ann", "", nil, "", "[]"},
		{"foreign certificate", "ann", "", [][]byte{foreign}, "", "[]"},
		{"ours not first", "ann", "", [][]byte{foreign, ours}, "", "[]"},
		{"garbage for a certificate", "ann", "", [][]byte{{1, 2, 3}}, "", "[]"},
		{"empty certificate", "ann", "", [][]byte{{}}, "", "[]"},
		{"callsign alone", "ALPHA---x", "", nil, "", "[]"},
		{"wrong password", "ann", "x", nil, "", "[]"},
		{"password of another", "ann", "bob-password", nil, "", "[]"},
		{"a stream key", "ann", secret, nil, "", "[]"},
		{"SuperUser", "SuperUser", "ann-password", nil, "", "[]"},
		{"SuperUser with a slot and a certificate", "superuser---x", "", [][]byte{ours}, "", "[]"},
		{"no name", "", "ann-password", nil, "", "[]"},
		{"control characters", "a\nb", "", [][]byte{ours}, "", "[]"},
		{"not UTF-8", "a\xffb", "", [][]byte{ours}, "", "[]"},
		{"long", strings.Repeat("a", maxName+1), "", [][]byte{ours}, "", "[]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, a, tc.user, tc.password, tc.certs...)
			if got.name != tc.want || fmt.Sprint(got.groups) != tc.groups || (got.id == refused) != (tc.want == "") {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("a disabled user is refused at once, though the password was right lately", func(t *testing.T) {
		ok(t, h.auth.SetDisabled(t.Context(), "bob", true))
		if got := ask(t, a, "bob", "bob-password"); got.id != refused {
			t.Errorf("%+v", got)
		}
	})
	t.Run("so is a changed password", func(t *testing.T) {
		ok(t, h.auth.SetPassword(t.Context(), "ann", "another-password"))
		if got := ask(t, a, "ann", "ann-password"); got.id != refused {
			t.Errorf("%+v", got)
		}
		if got := ask(t, a, "ann", "another-password"); got.id == refused {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a revoked certificate is refused", func(t *testing.T) {
		d, err := h.auth.ListDevices(t.Context(), "ann")
		if err != nil || len(d) != 1 {
			t.Fatal(d, err)
		}
		ok(t, h.auth.RevokeDevice(t.Context(), d[0].Fingerprint))
		if got := ask(t, a, "ALPHA---x", "", ours); got.id != refused {
			t.Errorf("%+v", got)
		}
	})
}

// TestNumbersAreStable checks that a device has the same numbers after a restart,
// and that nobody else has them.
func TestNumbersAreStable(t *testing.T) {
	h := newHouse(t)
	ann, bob := h.certificate("ann", "phone").Certificate[0], h.certificate("bob", "phone").Certificate[0]
	seen := make(map[int32]string)
	for range 2 {
		a := h.detached()
		for i, l := range []struct {
			name string
			cert []byte
		}{{"A---VS1", ann}, {"A---VS2", ann}, {"A---VS1", bob}, {"A", bob}} {
			who := fmt.Sprint(i)
			got := ask(t, a, l.name, "", l.cert)
			if got.id == refused || seen[got.id] != "" && seen[got.id] != who {
				t.Errorf("%s has %d of %s", who, got.id, seen[got.id])
			}
			seen[got.id] = who
		}
	}
	if len(seen) != 4 {
		t.Errorf("%v", seen)
	}
	a := h.detached()
	for i := range maxSlots + 2 {
		if got := ask(t, a, fmt.Sprintf("A---%d", i), "", ann); (got.id == refused) != (i >= maxSlots) {
			t.Errorf("connection %d of one device: %+v", i, got)
		}
	}
	s := newSeats(make([]byte, 32))
	p := place{"u", "d", 0}
	s.byID[s.number(p, 0)] = &seat{id: s.number(p, 0), place: place{"other", "d", 0}, until: time.Now().Add(time.Hour)}
	if id, _, ok := s.take(auth.Identity{User: "u"}, "d", parseName("u")); !ok || id == s.number(p, 0) {
		t.Error("two have one number")
	}
}

// slowAuth is a directory that takes its time.
type slowAuth struct {
	takes time.Duration
	calls atomic.Int64
}

func (s *slowAuth) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	if p.Digest != nil {
		return auth.Identity{}, auth.ErrBadCredentials
	}
	s.calls.Add(1)
	time.Sleep(s.takes)
	if p.Password != "right" {
		return auth.Identity{}, auth.ErrBadCredentials
	}
	return auth.Identity{User: p.User, Role: auth.RoleMember}, nil
}

func (s *slowAuth) Current(_ context.Context, id auth.Identity) (auth.Identity, error) {
	return id, nil
}
func (s *slowAuth) User(context.Context, string) (auth.User, error) {
	return auth.User{}, auth.ErrNotFound
}

// TestSlowChecksDoNotHoldMurmurdUp checks that a login is answered within the
// budget whatever it takes, and that what a slow check found counts at the next
// try.
func TestSlowChecksDoNotHoldMurmurdUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowAuth{takes: 500 * time.Millisecond}
		cfg := DefaultConfig()
		cfg.Secret = testSecret
		a, err := New(cfg, Deps{Auth: s, CA: nobodys{}, Plan: &plan{}, Sessions: auth.NewSessions(nil), Doors: run.NewDoors(), Log: slog.New(slog.DiscardHandler), Key: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		timed := func(user, password string) asked {
			start := time.Now()
			got := ask(t, a, user, password)
			if d := time.Since(start); d > cfg.Budget {
				t.Errorf("took %s", d)
			}
			return got
		}
		if got := timed("ann", "right"); got.id != refused {
			t.Errorf("%+v", got)
		}
		for range 3 * maxChecks { // a crowd of guesses takes no more places than there are
			timed("eve", "wrong")
		}
		time.Sleep(time.Second)
		if got := timed("ann", "right"); got.id == refused {
			t.Error("the second try is refused, too")
		}
		if n := s.calls.Load(); n > maxSlow {
			t.Errorf("%d checks at one time", n)
		}
		a.checks.Wait()
	})
}

// TestSlowDatabase answers within the budget while every look-up hangs.
func TestSlowDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Secret = testSecret
		a, err := New(cfg, Deps{Auth: &hanging{}, CA: nobodys{}, Plan: &plan{}, Sessions: auth.NewSessions(nil), Doors: run.NewDoors(), Log: slog.New(slog.DiscardHandler), Key: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if got := ask(t, a, "ann", "x"); got.id != refused || time.Since(start) != cfg.Budget || a.Stats().Late != 1 {
			t.Errorf("%+v after %s, %+v", got, time.Since(start), a.Stats())
		}
		a.checks.Wait()
	})
}

type hanging struct{ slowAuth }

func (*hanging) User(ctx context.Context, _ string) (auth.User, error) {
	<-ctx.Done()
	return auth.User{}, context.Cause(ctx)
}

// nobodys is an authority that knows no certificate.
type nobodys struct{}

func (nobodys) VerifyClient(_ []*x509.Certificate) error { return errors.New("not ours") }

// TestOtherQuestions answers everything else that murmurd asks, about people it
// does not know and in bytes it never sends.
func TestOtherQuestions(t *testing.T) {
	h := newHouse(t)
	a := h.detached()
	known := ask(t, a, "ann", "ann-password").id
	num := func(n int32) []byte { var e ice.Encoder; e.Int(n); return e.Bytes() }
	text := func(s string) []byte { var e ice.Encoder; e.String(s); return e.Bytes() }
	info := func(n int32, i murmur.UserInfo) []byte {
		var e ice.Encoder
		e.Int(n)
		i.Write(&e)
		return e.Bytes()
	}
	for _, tc := range []struct {
		op   string
		in   []byte
		want []byte
	}{
		{"nameToId", text("nobody"), num(-2)},
		{"nameToId", text(""), num(-2)},
		{"nameToId", text("ANN"), num(known)},
		{"nameToId", nil, num(-2)},
		{"idToName", num(5), text("")},
		{"idToName", num(known), text("ann")},
		{"idToName", []byte{1}, text("")},
		{"idToTexture", num(5), []byte{0}},
		{"getInfo", num(5), []byte{0, 0}},
		{"getInfo", num(known), append(append([]byte{1, 0}, text("ann")...), 1)},
		{"registerUser", []byte{0}, num(-1)},
		{"registerUser", nil, num(-1)},
		{"unregisterUser", num(known), num(0)},
		{"getRegisteredUsers", text("nn"), append(append([]byte{1}, num(known)...), text("ann")...)},
		{"getRegisteredUsers", text("x"), []byte{0}},
		{"setInfo", info(known, murmur.UserInfo{murmur.InfoComment: "ANDROID-1"}), num(1)},
		{"setInfo", info(known, murmur.UserInfo{murmur.InfoName: "x"}), num(0)},
		{"setInfo", info(known, murmur.UserInfo{murmur.InfoComment: "x", murmur.InfoPassword: "x"}), num(0)},
		{"setInfo", info(-3, murmur.UserInfo{murmur.InfoName: "x"}), num(-1)},
		{"setInfo", info(0, murmur.UserInfo{murmur.InfoPassword: "x"}), num(-1)},
		{"setInfo", nil, num(-1)},
		{"setTexture", append(num(known), 0), num(1)},
		{"setTexture", append(num(0), 0), num(-1)},
	} {
		r := &ice.Request{ID: 1, Object: authObject, Op: tc.op, Context: map[string]string{"secret": testSecret}, Params: ice.NewDecoder(tc.in)}
		reply := a.callback(t.Context(), r)
		d, err := reply.Result()
		if err != nil {
			t.Errorf("%s %x: %v", tc.op, tc.in, err)
			continue
		}
		if got := d.Rest(); !bytes.Equal(got, tc.want) {
			t.Errorf("%s %x: %x, not %x", tc.op, tc.in, got, tc.want)
		}
	}
}

// FuzzAuthenticate checks that no bytes make us answer anything but a user's
// number or a refusal.
func FuzzAuthenticate(f *testing.F) {
	h := newHouse(f)
	a := h.detached()
	var e ice.Encoder
	e.String("ann")
	e.String("ann-password")
	e.Raw([]byte{0, 0, 1})
	f.Add(e.Bytes())
	f.Add([]byte{})
	f.Add(append(e.Bytes()[:17:17], 255, 255, 255, 255, 127))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &ice.Request{ID: 1, Object: authObject, Op: "authenticate", Context: map[string]string{"secret": testSecret}, Params: ice.NewDecoder(b)}
		answerOf(t, a.callback(t.Context(), r))
		for _, op := range []string{"userConnected", "userDisconnected"} {
			a.callback(t.Context(), &ice.Request{Object: serverObject, Op: op, Context: map[string]string{"secret": testSecret}, Params: ice.NewDecoder(b)})
		}
		if run.Panics() != 0 {
			t.Fatal("a panic")
		}
	})
}

// BenchmarkLogin is what murmurd waits for.
func BenchmarkLogin(b *testing.B) {
	h := newHouse(b)
	a := h.detached()
	cert := h.certificate("ann", "phone").Certificate[0]
	ask(b, a, "A", "", cert)
	b.Run("certificate", func(b *testing.B) {
		for b.Loop() {
			ask(b, a, "A", "", cert)
		}
	})
	b.Run("password, first", func(b *testing.B) {
		for b.Loop() {
			a.proven = newProven()
			ask(b, a, "ann", "ann-password")
		}
	})
	b.Run("password, again", func(b *testing.B) {
		for b.Loop() {
			ask(b, a, "ann", "ann-password")
		}
	})
	b.Run("wrong password", func(b *testing.B) {
		for b.Loop() {
			ask(b, a, "ann", "x")
		}
	})
}

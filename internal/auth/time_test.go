package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// inBubble runs a test on SQLite under a clock that only moves when all wait.
func inBubble(t *testing.T, cfg auth.Config, test func(t *testing.T, f *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, storetest.Open(t, store.Config{}), cfg)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		test(t, f)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestExpiryEndsSessions(t *testing.T) {
	inBubble(t, cheap(), func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		end := time.Now().Add(time.Hour)
		_, short := f.token(t, "ann", auth.TokenSpec{Expires: end})
		_, long := f.token(t, "ann", auth.TokenSpec{Expires: end.Add(time.Hour)})
		cert := f.device(t, "ann", "phone", end.Add(30*time.Minute))
		shortID := f.login(t, auth.Proof{Token: short})
		_, a := f.open(t, shortID)
		ses, b := f.open(t, f.login(t, auth.Proof{Token: long}))
		_, c := f.open(t, f.login(t, auth.Proof{Cert: cert}))
		_, d := f.open(t, f.login(t, pass("ann")))

		time.Sleep(time.Hour - time.Millisecond)
		if a.Load() {
			t.Fatal("ended too early")
		}
		time.Sleep(time.Second)
		if !a.Load() || b.Load() || c.Load() {
			t.Fatalf("one second after the end: %v %v %v", a.Load(), b.Load(), c.Load())
		}
		if _, err := f.Authenticate(t.Context(), auth.Proof{Token: short, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Fatal(err)
		}
		if _, err := f.Current(t.Context(), shortID); err == nil {
			t.Fatal("current after the end")
		}
		time.Sleep(30 * time.Minute)
		if !c.Load() || b.Load() {
			t.Fatal("certificate")
		}
		ses.Close()
		time.Sleep(2 * time.Hour)
		if b.Load() || d.Load() {
			t.Fatal("a closed session or one without an end was ended")
		}
	})
}

func TestPasswordCache(t *testing.T) {
	inBubble(t, cheap(), func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		hashes := func(n int64, do func()) {
			t.Helper()
			before := f.Stats().Hashes
			do()
			if got := f.Stats().Hashes - before; got != n {
				t.Fatalf("%d hashes, want %d", got, n)
			}
		}
		login := func() { t.Helper(); f.login(t, pass("ann")) }
		hashes(1, login)
		hashes(0, login)
		hashes(0, func() { f.login(t, pass("ANN")) })
		hashes(1, func() { f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: "wrong", Remote: from}) })
		hashes(0, login)
		time.Sleep(time.Minute)
		hashes(1, login)
		if err := f.Grant(t.Context(), "ann", "team", true, false); err != nil {
			t.Fatal(err)
		}
		hashes(1, login) // any change of the user empties it
		if err := f.SetPassword(t.Context(), "ann", "another one"); err != nil {
			t.Fatal(err)
		}
		hashes(1, func() {
			if _, err := f.Authenticate(t.Context(), pass("ann")); !errors.Is(err, auth.ErrBadCredentials) {
				t.Fatal(err)
			}
		})
		if f.Stats().CacheHits != 3 {
			t.Fatalf("%+v", f.Stats())
		}
	})
}

func TestLimiter(t *testing.T) {
	inBubble(t, cheap(), func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		for _, wrong := range []auth.Proof{
			{User: "ann", Password: "wrong"}, {User: "nobody", Password: "wrong"}, {Token: "ann:wrong"},
			{Token: "mst_aaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaa"}, digestProof(t, "ann", "wrong", "MD5", ""),
		} {
			wrong.Remote = from
			var limited *auth.LimitedError
			n := 0
			for ; n < 100; n++ {
				_, err := f.Authenticate(t.Context(), wrong)
				if errors.As(err, &limited) {
					break
				}
			}
			if limited == nil || limited.RetryAfter <= 0 || n == 0 || n > 10 {
				t.Fatalf("%+v: %d free, %v", wrong, n, limited)
			}
			time.Sleep(24 * time.Hour)
			if _, err := f.Authenticate(t.Context(), wrong); !errors.Is(err, auth.ErrBadCredentials) {
				t.Fatalf("a day later: %v", err)
			}
			time.Sleep(24 * time.Hour)
		}
		for range 11 {
			f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: "wrong", Remote: from})
		}
		before := f.Stats()
		var limited *auth.LimitedError
		if _, err := f.Authenticate(t.Context(), pass("ann")); !errors.As(err, &limited) {
			t.Fatalf("the right password must not be looked at: %v", err)
		}
		if after := f.Stats(); after.Hashes != before.Hashes || after.Limited != before.Limited+1 {
			t.Fatalf("%+v then %+v", before, after)
		}
		p := pass("ann")
		p.Remote = netip.MustParseAddr("2001:db8::1")
		f.login(t, p) // elsewhere
		f.login(t, auth.Proof{Cert: f.device(t, "ann", "phone", time.Now().Add(time.Hour))})
		time.Sleep(limited.RetryAfter)
		f.login(t, pass("ann"))
	})
}

// TestManyAtOnce is a player that opens many connections with one password.
func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		for _, tc := range []struct {
			password string
			ok       bool
		}{{password, true}, {"wrong", false}} {
			before := f.Stats().Hashes
			var wg sync.WaitGroup
			for range 60 {
				wg.Go(func() {
					_, err := f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: tc.password, Remote: from})
					var limited *auth.LimitedError
					if tc.ok && err != nil || !tc.ok && !errors.Is(err, auth.ErrBadCredentials) && !errors.As(err, &limited) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := f.Stats().Hashes - before; tc.ok && n != 1 || n > 75 {
				t.Errorf("%d hashes for %q", n, tc.password)
			}
		}
	})
}

func TestUsedIsWrittenLazily(t *testing.T) {
	inBubble(t, cheap(), func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		_, text := f.token(t, "ann", auth.TokenSpec{})
		f.login(t, auth.Proof{Token: text})
		stored := func() (n int64) {
			if err := f.db.Query().QueryRow("SELECT used FROM tokens").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if stored() != 0 {
			t.Fatal("written at once")
		}
		at := time.Now().UnixMilli()
		time.Sleep(31 * time.Second)
		if stored() != at {
			t.Fatalf("%d, want %d", stored(), at)
		}
	})
}

func TestHashFollowsTheCost(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		id := f.login(t, pass("ann"))
		cfg := cheap()
		cfg.Hash.Iterations = 2
		g := newFixture(t, f.db, cfg)
		g.login(t, pass("ann"))
		var hash string
		if err := f.db.Query().QueryRow("SELECT password FROM users").Scan(&hash); err != nil || hash[:len("$argon2id$v=19$m=64,t=2,")] != "$argon2id$v=19$m=64,t=2," {
			t.Fatal(hash, err)
		}
		if _, err := g.Resume(t.Context(), id.Handle()); err != nil {
			t.Fatalf("a session ended with the better hash: %v", err)
		}
		g.login(t, pass("ann"))
	})
}

func TestFacts(t *testing.T) {
	f := newFixture(t, storetest.Open(t, store.Config{}), cheap())
	f.add(t, "ann")
	tok, _ := f.token(t, "ann", auth.TokenSpec{})
	f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: "wrong", Remote: from, Protocol: "rtsp"})
	f.Authenticate(t.Context(), auth.Proof{User: "my secret!", Password: "wrong", Remote: from, Protocol: "rtsp"})
	for _, err := range []error{f.Revoke(t.Context(), "ann", "team"), f.RevokeToken(t.Context(), tok.ID), f.RemoveUser(t.Context(), "ann")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []any{
		auth.UserChanged{User: "ann", Change: "added"},
		auth.TokenChanged{ID: tok.ID, User: "ann", Change: "added"},
		auth.AuthFailed{User: "ann", Remote: from, Protocol: "rtsp"},
		auth.AuthFailed{Remote: from, Protocol: "rtsp"},
		auth.GroupChanged{Group: "team", User: "ann", Change: "revoked"},
		auth.TokenChanged{ID: tok.ID, User: "ann", Change: "revoked"},
		auth.UserChanged{User: "ann", Change: "removed"},
	} {
		got := <-f.facts.C
		if got.Data != want || !got.Admin || got.Kind == "" {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

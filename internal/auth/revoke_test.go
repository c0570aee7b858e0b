package auth_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/auth"
)

// TestRevocation makes each change that takes access away and looks at sessions
// opened with each proof.
func TestRevocation(t *testing.T) {
	type ids struct{ token, device string }
	for _, tc := range []struct {
		name   string
		change func(ctx context.Context, f *fixture, i ids) error
		ends   string // which of password, token, device end
	}{
		{"disable", func(ctx context.Context, f *fixture, _ ids) error { return f.SetDisabled(ctx, "ANN", true) }, "ptd"},
		{"remove", func(ctx context.Context, f *fixture, _ ids) error { return f.RemoveUser(ctx, "ann") }, "ptd"},
		{"revoke the group", func(ctx context.Context, f *fixture, _ ids) error { return f.Revoke(ctx, "ann", "team") }, "ptd"},
		{"only IN is left", func(ctx context.Context, f *fixture, _ ids) error { return f.Grant(ctx, "ann", "team", true, false) }, "ptd"},
		{"new password", func(ctx context.Context, f *fixture, _ ids) error { return f.SetPassword(ctx, "ann", "another one") }, "p"},
		{"no password", func(ctx context.Context, f *fixture, _ ids) error { return f.SetPassword(ctx, "ann", "") }, "p"},
		{"revoke the token", func(ctx context.Context, f *fixture, i ids) error { return f.RevokeToken(ctx, i.token) }, "t"},
		{"revoke the device", func(ctx context.Context, f *fixture, i ids) error { return f.RevokeDevice(ctx, i.device) }, "d"},
		{"profile", func(ctx context.Context, f *fixture, _ ids) error { return f.SetProfile(ctx, "ann", "Ann", "") }, ""},
		{"role", func(ctx context.Context, f *fixture, _ ids) error { return f.SetRole(ctx, "ann", auth.RoleOperator) }, ""},
		{"the same grant", func(ctx context.Context, f *fixture, _ ids) error { return f.Grant(ctx, "ann", "team", true, true) }, ""},
		{"another user", func(ctx context.Context, f *fixture, _ ids) error { return f.RemoveUser(ctx, "bob") }, "b"},
		{"remove the group", func(ctx context.Context, f *fixture, _ ids) error { return f.RemoveGroup(ctx, "team") }, "ptdb"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, f *fixture) {
				f.add(t, "ann")
				f.add(t, "bob")
				tok, text := f.token(t, "ann", auth.TokenSpec{})
				cert := f.device(t, "ann", "phone", time.Now().Add(time.Hour))
				proofs := map[string]auth.Identity{
					"p": f.login(t, pass("ann")),
					"t": f.login(t, auth.Proof{Token: text}),
					"d": f.login(t, auth.Proof{Cert: cert}),
					"b": f.login(t, pass("bob")),
				}
				ended := map[string]*atomic.Bool{}
				for k, id := range proofs {
					_, ended[k] = f.open(t, id)
				}
				if err := tc.change(t.Context(), f, ids{tok.ID, proofs["d"].Device}); err != nil {
					t.Fatal(err)
				}
				want := map[string]bool{}
				for _, k := range tc.ends {
					want[string(k)] = true
				}
				for k, id := range proofs {
					if ended[k].Load() != want[k] {
						t.Errorf("session %s: ended %v, want %v", k, ended[k].Load(), want[k])
					}
					// Opened only now, with what was proven before.
					late, err := f.sessions.Open(id, auth.Read, auth.Stream("cam", []string{"team"}), auth.SessionInfo{}, func(error) {})
					if (err != nil) != want[k] {
						t.Errorf("late session %s: %v", k, err)
					}
					if err == nil {
						late.Close()
					} else if !errors.Is(err, auth.ErrRevoked) {
						t.Errorf("late session %s: %v does not wrap ErrRevoked", k, err)
					}
				}
				if n := len(f.sessions.List()); n != 4 {
					t.Errorf("%d sessions in the register, want the first four", n)
				}
			})
		})
	}
}

// TestRevocationRace lets logins and a revocation cross each other: what the
// logins opened must have been ended when all of it is over.
func TestRevocationRace(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		opened, refused := 0, 0
		for round := range 30 {
			if err := f.SetDisabled(t.Context(), "ann", false); err != nil {
				t.Fatal(err)
			}
			const logins = 4
			results := make(chan []*atomic.Bool, logins)
			start := make(chan struct{})
			for range logins {
				go func() {
					<-start
					var all []*atomic.Bool
					defer func() { results <- all }()
					for range 200 {
						id, err := f.Authenticate(t.Context(), pass("ann"))
						if err != nil {
							return
						}
						ended := new(atomic.Bool)
						_, err = f.sessions.Open(id, auth.Read, auth.Stream("cam", []string{"team"}), auth.SessionInfo{}, func(error) { ended.Store(true) })
						if err != nil {
							return
						}
						all = append(all, ended)
					}
				}()
			}
			close(start)
			time.Sleep(time.Duration(round) * 100 * time.Microsecond)
			if err := f.SetDisabled(t.Context(), "ann", true); err != nil {
				t.Fatal(err)
			}
			for range logins {
				all := <-results
				opened += len(all)
				if len(all) < 200 {
					refused++
				}
				for _, ended := range all {
					if !ended.Load() {
						t.Fatal("a session is open although the user is disabled")
					}
				}
			}
		}
		if opened == 0 || refused == 0 {
			t.Fatalf("nothing crossed: %d opened, %d refused", opened, refused)
		}
	})
}

func TestSameNameIsNotTheSameUser(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		id := f.login(t, pass("ann"))
		if err := f.RemoveUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		f.add(t, "ann")
		if _, err := f.Current(t.Context(), id); err == nil {
			t.Fatal("the old login is valid for the new user")
		}
		if _, err := f.Resume(t.Context(), id.Handle()); err == nil {
			t.Fatal("the old handle is valid for the new user")
		}
		if now, err := f.Current(t.Context(), auth.Identity{User: "ann"}); err != nil || len(now.Groups) != 1 {
			t.Fatalf("by name: %+v, %v", now, err)
		}
		for _, h := range []string{"", ".", "p..0", "p.x", "p.x.y", "t.x.y", "z.x.0"} {
			if _, err := f.Resume(t.Context(), h); err == nil {
				t.Errorf("handle %q is accepted", h)
			}
		}
	})
}

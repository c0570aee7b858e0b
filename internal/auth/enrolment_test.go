package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func (f *fixture) enrolment(t *testing.T, user string) (auth.Enrolment, string) {
	t.Helper()
	e, text, err := f.CreateEnrolment(t.Context(), user, "phone", 0)
	if err != nil {
		t.Fatal(err)
	}
	return e, text
}

func newDevice(name, uid string) auth.Device {
	sum := sha256.Sum256([]byte(name))
	return auth.Device{Fingerprint: hex.EncodeToString(sum[:]), Serial: "1", Name: name, ClientUID: uid, Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
}

func TestEnrolmentTokenOpensEnrolmentOnly(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "Ann")
		_, text := f.enrolment(t, "ann")
		for name, p := range map[string]auth.Proof{
			"token": {Token: text}, "password": {User: "ann", Password: text}, "user:password": {Token: "ann:" + text},
			"digest": digestProof(t, "Ann", text, "MD5", "auth"),
		} {
			p.Remote = from
			if _, err := f.Authenticate(t.Context(), p); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s at an ordinary door: %v", name, err)
			}
		}
		for name, p := range map[string]auth.Proof{"token": {Token: text, Enrol: true}, "password": {User: "ann", Password: text, Enrol: true}} {
			id := f.login(t, p)
			for _, a := range append(auth.Actions(), auth.Enrol, auth.Provision) {
				allowed := auth.Allow(id, a, auth.Server()) == nil
				if want := a == auth.Enrol || a == auth.Provision; allowed != want {
					t.Errorf("%s: %s is allowed: %v", name, a, allowed)
				}
			}
			if auth.Allow(id, auth.Read, auth.Data("x", []string{"team"})) == nil {
				t.Errorf("%s reads", name)
			}
			if _, err := f.IssueAccess(t.Context(), id, time.Hour); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s: an access token: %v", name, err)
			}
		}
		if list, err := f.ListTokens(t.Context(), ""); err != nil || len(list) != 0 {
			t.Errorf("it is among the tokens: %v %v", list, err)
		}
	})
}

func TestEnrolmentIsUsedOnce(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		e, text := f.enrolment(t, "ann")
		id := f.login(t, auth.Proof{Token: text, Enrol: true})
		const racers = 8
		var wg sync.WaitGroup
		errs := make([]error, racers)
		for i := range racers {
			wg.Go(func() { _, errs[i] = f.Enrol(context.Background(), id, newDevice(fmt.Sprint("d", i), "uid")) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, auth.ErrSpent) && !errors.Is(err, auth.ErrRevoked) && !errors.Is(err, auth.ErrDenied):
				t.Errorf("a loser: %v", err)
			}
		}
		devices, err := f.ListDevices(t.Context(), "ann")
		if err != nil || won != 1 || len(devices) != 1 {
			t.Fatalf("%d won, %d devices, %v", won, len(devices), err)
		}
		after := f.login(t, auth.Proof{Token: text, Enrol: true})
		if auth.Allow(after, auth.Enrol, auth.Server()) == nil || auth.Allow(after, auth.Provision, auth.Server()) != nil {
			t.Error("after use it is not good for the profile alone")
		}
		list, err := f.ListEnrolments(t.Context(), "ann")
		if err != nil || len(list) != 1 || list[0].ID != e.ID || list[0].Used.IsZero() {
			t.Errorf("%+v %v", list, err)
		}
	})
}

func TestEnrolmentEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(ctx context.Context, f *fixture, id string) error
	}{
		{"taken back", func(ctx context.Context, f *fixture, id string) error { return f.RevokeToken(ctx, id) }},
		{"user disabled", func(ctx context.Context, f *fixture, _ string) error { return f.SetDisabled(ctx, "ann", true) }},
		{"user removed", func(ctx context.Context, f *fixture, _ string) error { return f.RemoveUser(ctx, "ann") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, f *fixture) {
				f.add(t, "ann")
				e, text := f.enrolment(t, "ann")
				early := f.login(t, auth.Proof{Token: text, Enrol: true})
				if err := tc.end(t.Context(), f, e.ID); err != nil {
					t.Fatal(err)
				}
				if _, err := f.Authenticate(t.Context(), auth.Proof{Token: text, Enrol: true, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
					t.Errorf("it still opens: %v", err)
				}
				if _, err := f.Enrol(t.Context(), early, newDevice("x", "")); err == nil {
					t.Error("who had shown it before still enrols")
				}
			})
		})
	}
}

func TestEnrolmentTimes(t *testing.T) {
	cfg := cheap()
	cfg.Enrolment, cfg.MaxEnrolment = 2*time.Minute, time.Hour
	inBubble(t, cfg, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		_, text := f.enrolment(t, "ann")
		_, used := f.enrolment(t, "ann")
		id := f.login(t, auth.Proof{Token: used, Enrol: true})
		time.Sleep(119 * time.Second)
		f.login(t, auth.Proof{Token: text, Enrol: true})
		if _, err := f.Enrol(t.Context(), id, newDevice("d", "")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if _, err := f.Authenticate(t.Context(), auth.Proof{Token: text, Enrol: true, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("past its time: %v", err)
		}
		// The device may fetch its profile for a while, though the time of the token is over.
		f.login(t, auth.Proof{Token: used, Enrol: true})
		time.Sleep(10 * time.Minute)
		if _, err := f.Authenticate(t.Context(), auth.Proof{Token: used, Enrol: true, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("long after its use: %v", err)
		}
		for life, want := range map[time.Duration]bool{time.Second: false, time.Minute: true, time.Hour: true, time.Hour + 1: false, -1: false} {
			if _, _, err := f.CreateEnrolment(t.Context(), "ann", "", life); (err == nil) != want {
				t.Errorf("a life of %s: %v", life, err)
			}
		}
	})
}

func TestReplacedDevicesAreRevoked(t *testing.T) {
	for _, revoke := range []bool{false, true} {
		t.Run(fmt.Sprint(revoke), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, dbcfg store.Config) {
				cfg := cheap()
				cfg.RevokeReplaced = revoke
				f := newFixture(t, storetest.Open(t, dbcfg), cfg)
				f.add(t, "ann")
				f.add(t, "bob")
				id, other := f.login(t, pass("ann")), f.login(t, pass("bob"))
				for i, by := range []auth.Identity{id, id, other} {
					if _, err := f.Enrol(t.Context(), by, newDevice(fmt.Sprint(i), map[int]string{0: "A", 1: "B", 2: "A"}[i])); err != nil {
						t.Fatal(err)
					}
				}
				replaced, err := f.Enrol(t.Context(), id, newDevice("new", "A"))
				if err != nil {
					t.Fatal(err)
				}
				if (len(replaced) == 1) != revoke || revoke && replaced[0].Name != "0" {
					t.Errorf("replaced %+v", replaced)
				}
				all, err := f.ListDevices(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range all {
					if gone := revoke && d.Name == "0"; d.Revoked.IsZero() == gone || d.Replaced != gone {
						t.Errorf("device %s: revoked %v replaced %v", d.Name, d.Revoked, d.Replaced)
					}
				}
			})
		})
	}
}

package auth_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// TestViewerKeyGoesWithItsProof takes away what a key was handed out for.
func TestViewerKeyGoesWithItsProof(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		tok, text := f.token(t, "ann", auth.TokenSpec{})
		cert := f.device(t, "ann", "phone", time.Now().Add(time.Hour))
		proofs := map[string]auth.Proof{"password": pass("ann"), "token": {Token: text}, "device": {Cert: cert}}
		device := f.login(t, proofs["device"]).Device
		for name, end := range map[string]func() error{
			"token":    func() error { return f.RevokeToken(t.Context(), tok.ID) },
			"device":   func() error { return f.RevokeDevice(t.Context(), device) },
			"password": func() error { return f.SetPassword(t.Context(), "ann", "another one") },
		} {
			id := f.login(t, proofs[name])
			key, err := f.ViewerKey(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := f.ViewerKey(t.Context(), id); err != nil || again != key {
				t.Errorf("%s: it is another one each time: %v", name, err)
			}
			viewer := f.login(t, auth.Proof{Token: key})
			if auth.Allow(viewer, auth.Read, auth.Stream("cam", []string{"team"})) != nil || auth.Allow(viewer, auth.Join, auth.Server()) == nil {
				t.Errorf("%s: it is good for the wrong things", name)
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Authenticate(t.Context(), auth.Proof{Token: key, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: it outlives its proof: %v", name, err)
			}
		}
		key, err := f.ViewerKey(t.Context(), f.login(t, auth.Proof{User: "ann", Password: "another one"}))
		if err != nil {
			t.Fatal(err)
		}
		f.login(t, auth.Proof{Token: key})
	})
}

func TestViewerKeysAreForOneProofOfOneUser(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		f.add(t, "bob")
		_, text := f.token(t, "ann", auth.TokenSpec{})
		_, limited := f.token(t, "ann", auth.TokenSpec{Scope: &auth.Scope{Actions: []auth.Action{auth.Read}}})
		proofs := map[string]auth.Proof{
			"password": pass("ann"), "token": {Token: text}, "another user": pass("bob"),
			"phone": {Cert: f.device(t, "ann", "phone", time.Now().Add(time.Hour))}, "tablet": {Cert: f.device(t, "ann", "tablet", time.Now().Add(time.Hour))},
		}
		seen := map[string]string{}
		for name, p := range proofs {
			key, err := f.ViewerKey(t.Context(), f.login(t, p))
			if err != nil {
				t.Fatal(err)
			}
			if other := seen[key]; other != "" {
				t.Errorf("%s has the key of %s", name, other)
			}
			seen[key] = name
			if id := f.login(t, auth.Proof{Token: key}); (id.User == "bob") != (name == "another user") {
				t.Errorf("%s: it is %s's", name, id.User)
			}
			if _, err := f.ViewerKey(t.Context(), f.login(t, auth.Proof{Token: key})); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s: a key opens the way to another one: %v", name, err)
			}
		}
		for name, id := range map[string]auth.Identity{"limited token": f.login(t, auth.Proof{Token: limited}), "system": auth.System("x"), "nobody": {}, "anonymous": auth.Anonymous("team")} {
			if _, err := f.ViewerKey(t.Context(), id); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := f.SetDisabled(t.Context(), "ann", true); err != nil {
			t.Fatal(err)
		}
		if err := f.RemoveUser(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		for key, name := range seen {
			if _, err := f.Authenticate(t.Context(), auth.Proof{Token: key, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: it outlives its user: %v", name, err)
			}
		}
	})
}

func TestViewerKeysLastForAMonthAtLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, storetest.Open(t, store.Config{}), cheap())
		f.add(t, "ann")
		const month = 30 * 24 * time.Hour
		// The first day of a period.
		time.Sleep(month - time.Duration(time.Now().UnixMilli()%month.Milliseconds())*time.Millisecond)
		key := func() string {
			t.Helper()
			k, err := f.ViewerKey(t.Context(), f.login(t, pass("ann")))
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		first := key()
		time.Sleep(month - time.Minute)
		if key() != first {
			t.Error("it is another one within the month")
		}
		time.Sleep(2 * time.Minute)
		second := key()
		if second == first {
			t.Error("it is the same one for ever")
		}
		time.Sleep(month - 2*time.Minute)
		f.login(t, auth.Proof{Token: first})
		time.Sleep(2 * time.Minute)
		if _, err := f.Authenticate(t.Context(), auth.Proof{Token: first, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("after two months: %v", err)
		}
		f.login(t, auth.Proof{Token: second})
	})
}

package auth_test

import (
	"errors"
	"testing"
	"time"

	"muster/internal/auth"
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

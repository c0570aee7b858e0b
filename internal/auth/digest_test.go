package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/icholy/digest"

	"muster/internal/auth"
)

// digestProof answers a challenge with another implementation.
func digestProof(t *testing.T, user, password, algorithm, qop string) auth.Proof {
	t.Helper()
	ch := &digest.Challenge{Realm: auth.Realm, Nonce: "n0nce", Algorithm: algorithm}
	if qop != "" {
		ch.QOP = []string{qop}
	}
	c, err := digest.Digest(ch, digest.Options{Method: "DESCRIBE", URI: "rtsp://host/cam", Username: user, Password: password, Count: 1, Cnonce: "c"})
	if err != nil {
		t.Fatal(err)
	}
	d := &auth.Digest{Algorithm: algorithm, Realm: auth.Realm, Nonce: c.Nonce, URI: c.URI, Method: "DESCRIBE", QOP: c.QOP, Response: c.Response}
	if qop != "" {
		d.NC, d.CNonce = "00000001", c.Cnonce
	}
	return auth.Proof{User: user, Digest: d, Remote: from}
}

func TestDigest(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "Ann")
		f.add(t, "closed")
		if err := f.SetDisabled(t.Context(), "closed", true); err != nil {
			t.Fatal(err)
		}
		tok, text := f.token(t, "Ann", auth.TokenSpec{})
		_, old := f.token(t, "Ann", auth.TokenSpec{Expires: time.Now().Add(20 * time.Millisecond)})
		time.Sleep(30 * time.Millisecond)
		for _, algorithm := range []string{"MD5", "SHA-256"} {
			for _, qop := range []string{"", "auth"} {
				t.Run(algorithm+" "+qop, func(t *testing.T) {
					if id := f.login(t, digestProof(t, "Ann", password, algorithm, qop)); id.User != "Ann" || id.Token != "" {
						t.Fatalf("%+v", id)
					}
					if id := f.login(t, digestProof(t, "Ann", text, algorithm, qop)); id.User != "Ann" || id.Token != tok.ID {
						t.Fatalf("with a token: %+v", id)
					}
					for name, p := range map[string]auth.Proof{
						"wrong":         digestProof(t, "Ann", "wrong", algorithm, qop),
						"unknown":       digestProof(t, "nobody", password, algorithm, qop),
						"disabled":      digestProof(t, "closed", password, algorithm, qop),
						"expired token": digestProof(t, "Ann", old, algorithm, qop),
						"other method":  changed(digestProof(t, "Ann", password, algorithm, qop), func(d *auth.Digest) { d.Method = "SETUP" }),
						"other realm":   changed(digestProof(t, "Ann", password, algorithm, qop), func(d *auth.Digest) { d.Realm = "x" }),
						"no nonce":      changed(digestProof(t, "Ann", password, algorithm, qop), func(d *auth.Digest) { d.Nonce = "" }),
						"no algorithm":  changed(digestProof(t, "Ann", password, algorithm, qop), func(d *auth.Digest) { d.Algorithm = "" }),
						"no response":   changed(digestProof(t, "Ann", password, algorithm, qop), func(d *auth.Digest) { d.Response = "" }),
					} {
						if _, err := f.Authenticate(t.Context(), p); !errors.Is(err, auth.ErrBadCredentials) {
							t.Errorf("%s: %v", name, err)
						}
						f.login(t, digestProof(t, "Ann", password, algorithm, qop)) // keeps the limiter out of it
					}
				})
			}
		}
		if err := f.SetPassword(t.Context(), "ann", "another horse"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Authenticate(t.Context(), digestProof(t, "Ann", password, "MD5", "")); !errors.Is(err, auth.ErrBadCredentials) {
			t.Fatalf("the old password: %v", err)
		}
		f.login(t, digestProof(t, "Ann", "another horse", "MD5", ""))
		if err := f.SetPassword(t.Context(), "ann", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Authenticate(t.Context(), digestProof(t, "Ann", "another horse", "MD5", "")); !errors.Is(err, auth.ErrBadCredentials) {
			t.Fatalf("no password: %v", err)
		}
	})
}

func changed(p auth.Proof, f func(*auth.Digest)) auth.Proof {
	d := *p.Digest
	f(&d)
	p.Digest = &d
	return p
}

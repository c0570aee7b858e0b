package auth_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/pquerna/otp/totp"

	"muster/internal/auth"
)

func TestGroupsHaveBits(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann") // makes the default group
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				if _, err := f.AddGroup(t.Context(), fmt.Sprint("g", i), "of few"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		bits := func() map[string]int {
			all, err := f.ListGroups(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			out, seen := map[string]int{}, map[int]bool{}
			for _, g := range all {
				if g.Bit < 2 || seen[g.Bit] || g.Created.IsZero() {
					t.Errorf("%+v", g)
				}
				seen[g.Bit] = true
				out[g.Name] = g.Bit
			}
			return out
		}
		before := bits()
		if err := f.RemoveGroup(t.Context(), "g1"); err != nil {
			t.Fatal(err)
		}
		g, err := f.AddGroup(t.Context(), "late", "")
		if err != nil {
			t.Fatal(err)
		}
		after := bits()
		if len(before) != 6 || after["late"] != g.Bit {
			t.Errorf("%v %v", before, after)
		}
		for name, bit := range before {
			if name != "g1" && after[name] != bit {
				t.Errorf("the bit of %s changed from %d to %d", name, bit, after[name])
			}
		}
	})
}

func TestAnonymousIsReserved(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if _, err := f.AddUser(t.Context(), auth.NewUser{Name: "Anonymous"}); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%v", err)
		}
	})
}

// issued is a certificate as our authority could have made it; TLS has verified
// it.
func issued(t *testing.T, names ...string) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(77), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for _, n := range names {
		c.Subject.Names = append(c.Subject.Names, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: n})
	}
	c.Subject.Names = append(c.Subject.Names, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "CN=root"})
	c.Raw = []byte("certificate of " + strings.Join(names, ",") + rand.Text())
	return c
}

func TestUnknownCertificateOpensTheAccountOfItsCommonName(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "Ann")
		f.add(t, "closed")
		if err := f.SetDisabled(t.Context(), "closed", true); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			name string
			cert *x509.Certificate
			user string
		}{
			{"as written", issued(t, "Ann"), "Ann"},
			{"case does not count", issued(t, "aNN"), "Ann"},
			{"nobody", issued(t, "bob"), ""},
			{"two names", issued(t, "Ann", "bob"), ""},
			{"no name", issued(t), ""},
			{"a name that looks like more", issued(t, "Ann,OU=x"), ""},
			{"space", issued(t, "Ann "), ""},
			{"NUL", issued(t, "Ann\x00"), ""},
			{"disabled", issued(t, "closed"), ""},
		} {
			id, err := f.Authenticate(t.Context(), auth.Proof{Cert: tc.cert, Remote: from})
			if tc.user == "" && !errors.Is(err, auth.ErrBadCredentials) || tc.user != "" && (err != nil || id.User != tc.user) {
				t.Errorf("%s: %q %v", tc.name, id.User, err)
			}
		}
		devices, err := f.ListDevices(t.Context(), "")
		if err != nil || len(devices) != 2 {
			t.Fatalf("%d devices on record, %v", len(devices), err)
		}
	})
}

func TestCertificateSeenForTheFirstTimeCanBeRevoked(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		cert := issued(t, "ann")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := f.Authenticate(t.Context(), auth.Proof{Cert: cert, Remote: from}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		_, ended := f.open(t, f.login(t, auth.Proof{Cert: cert}))
		devices, err := f.ListDevices(t.Context(), "ann")
		if err != nil || len(devices) != 1 || !bytes.Equal(devices[0].Certificate, cert.Raw) || devices[0].Serial != "4d" {
			t.Fatalf("%+v %v", devices, err)
		}
		if err := f.RevokeDevice(t.Context(), devices[0].Fingerprint); err != nil {
			t.Fatal(err)
		}
		if !ended.Load() {
			t.Error("the session goes on")
		}
		if _, err := f.Authenticate(t.Context(), auth.Proof{Cert: cert, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("a revoked one: %v", err)
		}
		// Those of a user who was removed stay shut when the name comes back.
		again := issued(t, "ann")
		f.login(t, auth.Proof{Cert: again})
		if err := f.RemoveUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		f.add(t, "ann")
		if _, err := f.Authenticate(t.Context(), auth.Proof{Cert: again, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("one of a removed user: %v", err)
		}
	})
}

// second sets a second factor up and returns its secret and the recovery codes.
func (f *fixture) second(t *testing.T, user string) (secret string, recovery []string, now auth.Identity) {
	t.Helper()
	secret, uri, err := f.BeginTOTP(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != secret {
		t.Fatalf("%s: %v", uri, err)
	}
	if _, _, err := f.ConfirmTOTP(t.Context(), f.login(t, pass(user)), "000000"); !errors.Is(err, auth.ErrInvalid) {
		t.Fatalf("a wrong code confirms: %v", err)
	}
	recovery, now, err = f.ConfirmTOTP(t.Context(), f.login(t, pass(user)), code(t, secret))
	if err != nil {
		t.Fatal(err)
	}
	return secret, recovery, now
}

func code(t *testing.T, secret string) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSecondFactor(t *testing.T) {
	inBubble(t, cheap(), func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		_, key := f.token(t, "ann", auth.TokenSpec{})
		_, before := f.open(t, f.login(t, pass("ann")))
		secret, recovery, now := f.second(t, "ann")
		if !before.Load() {
			t.Error("a session opened with the password alone goes on")
		}
		if _, err := f.Current(t.Context(), now); err != nil {
			t.Errorf("the login that set it up ends: %v", err)
		}
		time.Sleep(time.Minute)
		c := code(t, secret)
		for _, tc := range []struct {
			name string
			p    auth.Proof
			want error
		}{
			{"a door that cannot ask", auth.Proof{User: "ann", Password: password}, auth.ErrBadCredentials},
			{"a digest", digestProof(t, "ann", password, "SHA-256", "auth"), auth.ErrBadCredentials},
			{"a door that can", auth.Proof{User: "ann", Password: password, AskCode: true}, auth.ErrCodeNeeded},
			{"wrong password", auth.Proof{User: "ann", Password: "wrong", AskCode: true}, auth.ErrBadCredentials},
			{"wrong password, right code", auth.Proof{User: "ann", Password: "wrong", Code: c}, auth.ErrBadCredentials},
			{"wrong code", auth.Proof{User: "ann", Password: password, Code: "123"}, auth.ErrBadCredentials},
			{"a token", auth.Proof{Token: key}, nil},
			{"a token's digest", digestProof(t, "ann", key, "MD5", "auth"), nil},
			{"right code", auth.Proof{User: "ann", Password: password, Code: c}, nil},
			{"the same code again", auth.Proof{User: "ann", Password: password, Code: c}, auth.ErrBadCredentials},
			{"a recovery code", auth.Proof{User: "ann", Password: password, Code: recovery[3]}, nil},
			{"written otherwise", auth.Proof{User: "ann", Password: password, Code: strings.ToUpper(strings.ReplaceAll(recovery[4], "-", " "))}, nil},
			{"a recovery code again", auth.Proof{User: "ann", Password: password, Code: recovery[3]}, auth.ErrBadCredentials},
		} {
			tc.p.Remote = from
			if _, err := f.Authenticate(t.Context(), tc.p); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
			}
			time.Sleep(time.Second) // the limiter slows failures down
		}
		time.Sleep(time.Minute)
		enrolling := auth.Proof{User: "ann", Password: password + code(t, secret), Enrol: true, Remote: from}
		if _, err := f.Authenticate(t.Context(), enrolling); err != nil {
			t.Errorf("with the code behind the password where devices enrol: %v", err)
		}
		if err := f.ResetTOTP(t.Context(), "ANN"); err != nil {
			t.Fatal(err)
		}
		f.login(t, pass("ann"))
	})
}

func TestWrongCodesAreLimited(t *testing.T) {
	inBubble(t, cheap(), func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		secret, _, _ := f.second(t, "ann")
		time.Sleep(time.Hour)
		var limited *auth.LimitedError
		for i := range 100 {
			_, err := f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: password, Code: fmt.Sprintf("x%05d", i), Remote: from})
			if errors.As(err, &limited) {
				break
			}
			// Asking what is missing does not set the count back.
			_, _ = f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: password, AskCode: true, Remote: from})
		}
		if limited == nil {
			t.Fatal("a hundred guesses are not limited")
		}
		time.Sleep(24 * time.Hour)
		f.login(t, auth.Proof{User: "ann", Password: password, Code: code(t, secret)})
	})
}

func TestOneCodeOpensOnce(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		_, recovery, _ := f.second(t, "ann")
		var wg sync.WaitGroup
		opened := make([]error, 4)
		for i := range opened {
			wg.Go(func() {
				_, opened[i] = f.Authenticate(t.Context(), auth.Proof{User: "ann", Password: password, Code: recovery[0], Remote: from})
			})
		}
		wg.Wait()
		n := 0
		for _, err := range opened {
			if err == nil {
				n++
			}
		}
		if n != 1 {
			t.Errorf("one recovery code opened %d times", n)
		}
	})
}

func TestSecretsOfSecondFactorsAreSealed(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		secret, recovery, _ := f.second(t, "ann")
		for _, q := range []string{"SELECT sealed FROM totp", "SELECT code FROM totp_recovery"} {
			var all []string
			if err := f.db.Query().NewRaw(q).Scan(t.Context(), &all); err != nil || len(all) == 0 {
				t.Fatal(err)
			}
			for _, s := range all {
				if strings.Contains(s, secret) || strings.Contains(s, recovery[0]) {
					t.Errorf("readable in the database: %s", s)
				}
			}
		}
		if log := f.log.String(); strings.Contains(log, secret) || strings.Contains(log, recovery[0]) {
			t.Error("readable in the log")
		}
	})
}

func TestAccessTokens(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "Ann")
		tok, text := f.token(t, "ann", auth.TokenSpec{Scope: &auth.Scope{Actions: []auth.Action{auth.Join}}})
		cert := f.device(t, "ann", "phone", time.Now().Add(time.Hour))
		issue := func(id auth.Identity) string {
			s, err := f.IssueAccess(t.Context(), id, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		for _, tc := range []struct {
			name string
			id   auth.Identity
			end  func() error
		}{
			{"logout", f.login(t, pass("ann")), nil},
			{"token revoked", f.login(t, auth.Proof{Token: text}), func() error { return f.RevokeToken(t.Context(), tok.ID) }},
			{"device revoked", f.login(t, auth.Proof{Cert: cert}), nil},
			{"password changed", f.login(t, pass("ann")), func() error { return f.SetPassword(t.Context(), "ann", password+"!") }},
			{"disabled", auth.Identity{}, func() error { return f.SetDisabled(t.Context(), "ann", true) }},
		} {
			t.Run(tc.name, func(t *testing.T) {
				if tc.id.User == "" {
					tc.id = f.login(t, auth.Proof{User: "ann", Password: password + "!"})
				}
				jwt := issue(tc.id)
				id := f.login(t, auth.Proof{Token: jwt})
				if id.User != "Ann" || id.Token != tc.id.Token || id.Device != tc.id.Device || id.Access() == "" || id.Expires().IsZero() {
					t.Fatalf("%+v", id)
				}
				if (auth.Allow(id, auth.Use, auth.Server()) == nil) != (auth.Allow(tc.id, auth.Use, auth.Server()) == nil) {
					t.Error("its rights are not those of the proof behind it")
				}
				ended := false
				ses, err := f.sessions.Open(id, auth.Join, auth.Server(), auth.SessionInfo{}, func(error) { ended = true })
				if err != nil {
					t.Fatal(err)
				}
				defer ses.Close()
				if again, err := f.Resume(t.Context(), id.Handle()); err != nil || again.Access() != id.Access() {
					t.Errorf("resumed: %v", err)
				}
				switch {
				case tc.end != nil:
					err = tc.end()
				case tc.id.Device != "":
					err = f.RevokeDevice(t.Context(), tc.id.Device)
				default:
					err = f.RevokeAccess(t.Context(), id.Access())
				}
				if err != nil {
					t.Fatal(err)
				}
				if !ended {
					t.Error("the session goes on")
				}
				if _, err := f.Authenticate(t.Context(), auth.Proof{Token: jwt, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
					t.Errorf("it still opens: %v", err)
				}
			})
		}
	})
}

func TestAccessTokenExpires(t *testing.T) {
	inBubble(t, cheap(), func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		text, err := f.IssueAccess(t.Context(), f.login(t, pass("ann")), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		_, ended := f.open(t, f.login(t, auth.Proof{Token: text}))
		time.Sleep(61 * time.Second)
		if !ended.Load() {
			t.Error("the session outlives the token")
		}
		if _, err := f.Authenticate(t.Context(), auth.Proof{Token: text, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("after its time: %v", err)
		}
	})
}

func TestAccessTokenHasTheFormOfTAK(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		text, err := f.IssueAccess(t.Context(), f.login(t, pass("ann")), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(text, ".")
		// node-tak decodes the whole text at once: the header must fill its letters.
		if len(parts) != 3 || len(parts[0])%4 != 0 || len(text) > 4<<10 {
			t.Fatalf("%d parts, header of %d letters", len(parts), len(parts[0]))
		}
		for i, part := range parts[:2] {
			b, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil {
				t.Fatal(err)
			}
			var flat map[string]any
			if err := json.Unmarshal(b, &flat); err != nil || bytes.Count(b, []byte("}")) != 1 || bytes.ContainsAny(b, "[") {
				t.Errorf("part %d is not flat: %s", i, b)
			}
			if i == 0 && len(flat) != 2 {
				t.Errorf("header %s", b)
			}
			for _, claim := range []string{"sub", "aud", "nbf", "exp", "iat", "jti"} {
				if _, ok := flat[claim]; i == 1 && !ok {
					t.Errorf("no %s in %s", claim, b)
				}
			}
		}
	})
}

func TestForgedAccessTokens(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		good, err := f.IssueAccess(t.Context(), f.login(t, pass("ann")), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.MapClaims
		if _, _, err := jwt.NewParser().ParseUnverified(good, &claims); err != nil {
			t.Fatal(err)
		}
		own, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		sign := func(m jwt.SigningMethod, key any, header map[string]any) string {
			tok := jwt.NewWithClaims(m, claims)
			for k, v := range header {
				tok.Header[k] = v
			}
			s, err := tok.SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		parts := strings.Split(good, ".")
		for name, text := range map[string]string{
			"alg none":       sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
			"HS256":          sign(jwt.SigningMethodHS256, []byte("secret"), nil),
			"another key":    sign(jwt.SigningMethodRS256, own, nil),
			"key in header":  sign(jwt.SigningMethodRS256, own, map[string]any{"jwk": map[string]any{"kty": "RSA"}, "jku": "https://192.0.2.1/", "kid": "../../x"}),
			"PS256":          sign(jwt.SigningMethodPS256, own, nil),
			"no signature":   parts[0] + "." + parts[1] + ".",
			"other claims":   parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin"}`)) + "." + parts[2],
			"four parts":     good + ".x",
			"five kilobytes": "eyJ" + strings.Repeat("a", 5<<10) + "." + parts[1] + "." + parts[2],
		} {
			if _, err := f.Authenticate(t.Context(), auth.Proof{Token: text, Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: %v", name, err)
			}
		}
		f.login(t, auth.Proof{Token: good})
	})
}

func TestSystemGetsNoAccessToken(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for _, id := range []auth.Identity{auth.System("x"), auth.Anonymous("team"), {User: "ann"}} {
			if _, err := f.IssueAccess(t.Context(), id, time.Hour); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s: %v", id.User, err)
			}
		}
	})
}

package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"muster/internal/auth"
	"muster/internal/auth/directory"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// provider is an OpenID Connect provider that logs everybody in as claims say.
type provider struct {
	*httptest.Server
	caFile string
	key    *rsa.PrivateKey

	mu       sync.Mutex
	claims   map[string]any // of the next ID token, over the usual ones
	metadata map[string]any // over the usual ones
	sign     func(c jwt.MapClaims) (string, error)
	codes    map[string]url.Values // the authorization request of each code
}

var providerKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{key: providerKey(), claims: map[string]any{}, metadata: map[string]any{}, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		m := map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/me",
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for k, v := range p.metadata {
			m[k] = v
		}
		answer(w, m)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"keys": []any{
			map[string]any{"kty": "oct", "k": "c2VjcmV0", "kid": "1"},
			map[string]any{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256",
				"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes())},
		}})
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"sub": "s1", "groups": []string{"tak_red", "/tak_blue_READ", "other"}})
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/token", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/token", p.token)
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	p.caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(p.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = r.ParseForm()
	asked, ok := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	challenge := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	id, escaped, _ := r.BasicAuth()
	secret, _ := url.QueryUnescape(escaped) // RFC 6749 §2.3.1
	if !ok || id != "muster" || secret != "top+secret" || asked.Get("redirect_uri") != r.PostForm.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	c := jwt.MapClaims{
		"iss": p.URL, "aud": "muster", "sub": "s1", "preferred_username": "Olga", "name": "Olga O.", "nonce": asked.Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	for k, v := range p.claims {
		c[k] = v
	}
	sign := p.sign
	if sign == nil {
		sign = func(c jwt.MapClaims) (string, error) {
			tok := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
			tok.Header["kid"] = "1"
			return tok.SignedString(p.key)
		}
	}
	text, err := sign(c)
	if err != nil {
		panic(err)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": text})
}

// visit is what a browser does at the provider: it returns the state and a code.
func (p *provider) visit(t *testing.T, address string) (state, code string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, p.URL+"/auth?") {
		t.Fatalf("sent to %s", address)
	}
	q := u.Query()
	for k, want := range map[string]string{"response_type": "code", "client_id": "muster", "code_challenge_method": "S256", "scope": "openid profile"} {
		if q.Get(k) != want {
			t.Errorf("%s is %q", k, q.Get(k))
		}
	}
	code = rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = q
	return q.Get("state"), code
}

func (p *provider) config() auth.Config {
	cfg := cheap()
	cfg.OIDC = []directory.OIDCConfig{{
		ID: "idp", Name: "Our provider", Issuer: p.URL, ClientID: "muster", ClientSecret: "top+secret", GroupPrefix: "tak_", AdminGroup: "chiefs", CAFile: p.caFile,
	}}
	return cfg
}

const callback = "https://muster.example/api/v1/login/oidc/idp/callback"

// through logs somebody in by way of the provider.
func (f *fixture) through(t *testing.T, p *provider) (auth.Identity, error) {
	t.Helper()
	address, flow, err := f.BeginOIDC(t.Context(), "idp", callback, "/map")
	if err != nil {
		return auth.Identity{}, err
	}
	state, code := p.visit(t, address)
	id, next, err := f.FinishOIDC(t.Context(), "idp", flow, state, code, from)
	if err == nil && next != "/map" {
		t.Errorf("goes on to %q", next)
	}
	return id, err
}

func eachOIDC(t *testing.T, test func(t *testing.T, f *fixture, p *provider)) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		p := newProvider(t)
		f := newFixture(t, storetest.Open(t, cfg), p.config())
		t.Cleanup(f.CloseDirectories)
		test(t, f, p)
	})
}

func TestLoginWithAProvider(t *testing.T) {
	eachOIDC(t, func(t *testing.T, f *fixture, p *provider) {
		id, err := f.through(t, p)
		if err != nil {
			t.Fatal(err)
		}
		if id.User != "Olga" || id.Role != auth.RoleMember || len(id.Groups) != 2 || id.Groups[0] != (auth.Grant{Group: "blue", Out: true}) {
			t.Errorf("%+v", id)
		}
		if again, err := f.Resume(t.Context(), id.Handle()); err != nil || again.User != "Olga" {
			t.Errorf("resumed: %v", err)
		}
		_, ended := f.sessions.Open(id, auth.Use, auth.Server(), auth.SessionInfo{}, func(error) {})
		if ended != nil {
			t.Error(ended)
		}
		// The provider changes what it says; the account stays the same one.
		p.claims = map[string]any{"preferred_username": "olga.new", "groups": []string{"chiefs"}}
		id, err = f.through(t, p)
		if err != nil || id.User != "Olga" || id.Role != auth.RoleAdmin || len(id.Groups) != 0 {
			t.Errorf("%+v %v", id, err)
		}
		if err := f.SetDisabled(t.Context(), "olga", true); err == nil {
			t.Error("the last administrator was disabled")
		}
		f.add(t, "x")
		if err := f.SetRole(t.Context(), "x", auth.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		if err := f.SetDisabled(t.Context(), "olga", true); err != nil {
			t.Fatal(err)
		}
		if _, err := f.through(t, p); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("disabled: %v", err)
		}
		if _, err := f.Authenticate(t.Context(), auth.Proof{User: "olga", Password: "top+secret", Remote: from}); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("a password opens it: %v", err)
		}
	})
}

func TestProviderTakesNobodysName(t *testing.T) {
	eachOIDC(t, func(t *testing.T, f *fixture, p *provider) {
		f.add(t, "olga")
		if _, err := f.through(t, p); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("a local account: %v", err)
		}
		p.claims = map[string]any{"preferred_username": "Zoe"}
		if _, err := f.through(t, p); err != nil {
			t.Fatal(err)
		}
		p.claims = map[string]any{"preferred_username": "Zoe", "sub": "s2", "groups": []string{}}
		if _, err := f.through(t, p); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("another person of the same name: %v", err)
		}
		for _, name := range []string{"anonymous", "a:b", "", "x\x00"} {
			p.claims = map[string]any{"preferred_username": name, "sub": "s3" + name, "groups": []string{}}
			if _, err := f.through(t, p); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

func TestFlowBelongsToOneBrowser(t *testing.T) {
	eachOIDC(t, func(t *testing.T, f *fixture, p *provider) {
		begin := func() (flow, state, code string) {
			address, flow, err := f.BeginOIDC(t.Context(), "idp", callback, "/")
			if err != nil {
				t.Fatal(err)
			}
			state, code = p.visit(t, address)
			return flow, state, code
		}
		flow, state, code := begin()
		otherFlow, otherState, otherCode := begin()
		for name, in := range map[string][3]string{
			"other browser": {otherFlow, state, code}, "other state": {flow, otherState, code}, "no state": {flow, "", code},
			"no flow": {"", state, code}, "flow made up": {flow[:len(flow)-8] + "AAAAAAA=", state, code}, "no code": {flow, state, ""},
			"other code": {flow, state, otherCode},
		} {
			if _, _, err := f.FinishOIDC(t.Context(), "idp", in[0], in[1], in[2], from); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, err := f.FinishOIDC(t.Context(), "idp", flow, state, code, from); err != nil {
			t.Errorf("the right one: %v", err)
		}
		if _, _, err := f.FinishOIDC(t.Context(), "idp", flow, state, code, from); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("again: %v", err)
		}
		if _, _, err := f.BeginOIDC(t.Context(), "none", callback, "/"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("unknown provider: %v", err)
		}
	})
}

func TestBadTokensOfAProvider(t *testing.T) {
	eachOIDC(t, func(t *testing.T, f *fixture, p *provider) {
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		signer := func(m jwt.SigningMethod, key any, kid string) func(jwt.MapClaims) (string, error) {
			return func(c jwt.MapClaims) (string, error) {
				tok := jwt.NewWithClaims(m, c)
				tok.Header["kid"] = kid
				tok.Header["jku"] = p.URL + "/evil"
				return tok.SignedString(key)
			}
		}
		for name, tc := range map[string]struct {
			claims map[string]any
			sign   func(jwt.MapClaims) (string, error)
		}{
			"nonce":            {claims: map[string]any{"nonce": "x"}},
			"no nonce":         {claims: map[string]any{"nonce": nil}},
			"audience":         {claims: map[string]any{"aud": "other"}},
			"two audiences":    {claims: map[string]any{"aud": []string{"muster", "other"}}},
			"authorized party": {claims: map[string]any{"azp": "other"}},
			"issuer":           {claims: map[string]any{"iss": "https://evil.example"}},
			"expired":          {claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}},
			"no end":           {claims: map[string]any{"exp": nil}},
			"from the future":  {claims: map[string]any{"iat": time.Now().Add(time.Hour).Unix()}},
			"nobody":           {claims: map[string]any{"sub": ""}},
			"none":             {sign: signer(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "1")},
			"shared secret":    {sign: signer(jwt.SigningMethodHS256, []byte("secret"), "1")},
			"another key":      {sign: signer(jwt.SigningMethodRS256, other, "1")},
			"unknown key":      {sign: signer(jwt.SigningMethodRS256, other, "2")},
			"other algorithm":  {sign: signer(jwt.SigningMethodRS384, p.key, "1")},
			"garbage":          {sign: func(jwt.MapClaims) (string, error) { return "a.b.c", nil }},
			"long":             {sign: func(jwt.MapClaims) (string, error) { return strings.Repeat("a", 100_000), nil }},
		} {
			p.claims, p.sign = tc.claims, tc.sign
			if id, err := f.through(t, p); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: %q %v", name, id.User, err)
			}
		}
		if users, err := f.ListUsers(t.Context()); err != nil || len(users) != 0 {
			t.Errorf("accounts were made: %v %v", users, err)
		}
	})
}

func TestProviderLeadsNowhereElse(t *testing.T) {
	hit := make(chan string, 10)
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hit <- r.URL.Path }))
	defer inner.Close()
	// The same server by another name, which the configuration does not give.
	elsewhere := func(p *provider, path string) string {
		return strings.Replace(p.URL, "127.0.0.1", "localhost", 1) + path
	}
	for name, change := range map[string]func(p *provider) map[string]any{
		"plain token endpoint": func(*provider) map[string]any { return map[string]any{"token_endpoint": inner.URL + "/token"} },
		"private host":         func(p *provider) map[string]any { return map[string]any{"token_endpoint": elsewhere(p, "/token")} },
		"private keys":         func(p *provider) map[string]any { return map[string]any{"jwks_uri": elsewhere(p, "/keys")} },
		"redirect":             func(p *provider) map[string]any { return map[string]any{"token_endpoint": p.URL + "/redirect"} },
		"file":                 func(*provider) map[string]any { return map[string]any{"jwks_uri": "file:///etc/passwd"} },
		"metadata service":     func(*provider) map[string]any { return map[string]any{"jwks_uri": "https://169.254.169.254/keys"} },
		"other issuer":         func(*provider) map[string]any { return map[string]any{"issuer": "https://evil.example"} },
		"user info elsewhere":  func(p *provider) map[string]any { return map[string]any{"userinfo_endpoint": elsewhere(p, "/me")} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			f := newFixture(t, storetest.Open(t, store.Config{}), p.config())
			defer f.CloseDirectories()
			p.metadata = change(p)
			if id, err := f.through(t, p); err == nil {
				t.Errorf("%+v logged in", id)
			}
		})
	}
	if len(hit) != 0 {
		t.Errorf("%s was asked for", <-hit)
	}
}

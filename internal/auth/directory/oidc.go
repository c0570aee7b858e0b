package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxAnswer    = 1 << 20 // bytes of one answer of a provider
	maxIDToken   = 64 << 10
	discoverFor  = time.Hour        // how long what a provider says of itself is taken for current
	keysAgain    = 10 * time.Second // at the least between two questions for its keys
	clockLeeway  = time.Minute
	flowLife     = 10 * time.Minute
	providerTime = 10 * time.Second // for one login, whatever it needs to ask
)

// algorithms are those of signatures with a public key; a token signed with a
// shared secret, or not at all, is refused (RFC 8725 §3.1).
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Provider is one OpenID Connect provider (OpenID Connect Core 1.0), spoken to by
// authorization code with PKCE (RFC 7636).
type Provider struct {
	cfg   OIDCConfig
	names naming
	http  *http.Client

	mu    sync.Mutex // guards what follows; held while the provider is asked, so that one asks for all
	said  *metadata
	at    time.Time
	keys  *keySet
	asked time.Time
}

// metadata is what a provider says of itself (OpenID Connect Discovery 1.0 §3).
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	Keys          string   `json:"jwks_uri"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
}

// NewProvider returns a client of one provider. It asks it only when somebody
// logs in.
func NewProvider(cfg OIDCConfig) (*Provider, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	cfg = cfg.complete()
	client, err := guarded(cfg)
	if err != nil {
		return nil, fmt.Errorf("oidc %s: %w", cfg.ID, err)
	}
	return &Provider{cfg: cfg, names: naming{prefix: cfg.GroupPrefix, admin: cfg.AdminGroup}, http: client}, nil
}

// ID is the provider's short name in addresses.
func (p *Provider) ID() string { return p.cfg.ID }

// Name is what people call the provider.
func (p *Provider) Name() string { return p.cfg.Name }

// Roles reports whether the provider decides who is an administrator.
func (p *Provider) Roles() bool { return p.cfg.AdminGroup != "" }

// Flow is a login under way. It belongs to one browser and is secret to others.
type Flow struct {
	Provider string    `json:"p"`
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Redirect string    `json:"r"` // the address that the provider sends the browser back to
	Next     string    `json:"x"` // where the browser goes afterwards
	Until    time.Time `json:"u"`
}

// Begin returns a new flow and the address to send the browser to.
func (p *Provider) Begin(ctx context.Context, redirect, next string) (Flow, string, error) {
	ctx, cancel := context.WithTimeout(ctx, providerTime)
	defer cancel()
	m, err := p.metadata(ctx)
	if err != nil {
		return Flow{}, "", fmt.Errorf("oidc %s: %w", p.cfg.ID, err)
	}
	f := Flow{
		Provider: p.cfg.ID, State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(),
		Redirect: redirect, Next: next, Until: time.Now().Add(flowLife),
	}
	challenge := sha256.Sum256([]byte(f.Verifier))
	u, err := url.Parse(m.Authorization)
	if err != nil {
		return Flow{}, "", fmt.Errorf("oidc %s: authorization_endpoint: %w", p.cfg.ID, err)
	}
	q := u.Query()
	for k, v := range map[string]string{
		"response_type": "code", "client_id": p.cfg.ClientID, "redirect_uri": redirect,
		"scope": strings.Join(append([]string{"openid"}, p.cfg.Scopes...), " "), "state": f.State, "nonce": f.Nonce,
		"code_challenge":        base64.RawURLEncoding.EncodeToString(challenge[:]), // RFC 7636 §4.2
		"code_challenge_method": "S256",
	} {
		q.Set(k, v)
	}
	u.RawQuery = q.Encode()
	return f, u.String(), nil
}

// Finish exchanges the code for a token and returns who it is about. The caller
// has compared the state. The error wraps ErrRefused when the provider or its
// token says no.
func (p *Provider) Finish(ctx context.Context, f Flow, code string) (Person, error) {
	ctx, cancel := context.WithTimeout(ctx, providerTime)
	defer cancel()
	person, err := p.finish(ctx, f, code)
	if err != nil {
		return Person{}, fmt.Errorf("oidc %s: %w", p.cfg.ID, err)
	}
	return person, nil
}

func (p *Provider) finish(ctx context.Context, f Flow, code string) (Person, error) {
	if f.Provider != p.cfg.ID || time.Now().After(f.Until) || code == "" {
		return Person{}, fmt.Errorf("%w: the login took too long", ErrRefused)
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return Person{}, err
	}
	answer, err := p.exchange(ctx, m, f, code)
	if err != nil {
		return Person{}, err
	}
	claims, err := p.verify(ctx, m, answer.IDToken, f.Nonce)
	if err != nil {
		return Person{}, err
	}
	_, named := claims[p.cfg.UserClaim].(string)
	_, grouped := claims[p.cfg.GroupClaim]
	if (!named || !grouped) && m.UserInfo != "" && answer.AccessToken != "" {
		if err := p.userInfo(ctx, m, answer.AccessToken, claims); err != nil {
			return Person{}, err
		}
	}
	return p.person(m, claims)
}

// metadata asks the provider about itself, once in a while.
func (p *Provider) metadata(ctx context.Context) (metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said != nil && time.Since(p.at) < discoverFor {
		return *p.said, nil
	}
	var m metadata
	if err := p.get(ctx, strings.TrimSuffix(p.cfg.Issuer, "/")+"/.well-known/openid-configuration", "", &m); err != nil {
		return m, fmt.Errorf("ask the provider about itself: %w", err)
	}
	if m.Issuer != p.cfg.Issuer {
		return m, fmt.Errorf("the provider calls itself %q, not as configured", m.Issuer)
	}
	for name, address := range map[string]string{"authorization_endpoint": m.Authorization, "token_endpoint": m.Token, "jwks_uri": m.Keys} {
		if err := p.checkAddress(address); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
	}
	if m.UserInfo != "" && p.checkAddress(m.UserInfo) != nil {
		m.UserInfo = ""
	}
	p.said, p.at = &m, time.Now()
	return m, nil
}

// tokens is the answer of the token endpoint (RFC 6749 §5.1).
type tokens struct {
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
	Error       string `json:"error"`
}

func (p *Provider) exchange(ctx context.Context, m metadata, f Flow, code string) (tokens, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {f.Redirect}, "code_verifier": {f.Verifier},
		"client_id": {p.cfg.ClientID},
	}
	basic := p.cfg.ClientSecret != "" && (len(m.AuthMethods) == 0 || contains(m.AuthMethods, "client_secret_basic"))
	if p.cfg.ClientSecret != "" && !basic {
		form.Set("client_secret", p.cfg.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return tokens{}, fmt.Errorf("token endpoint: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic { // RFC 6749 §2.3.1: both are form-encoded first
		req.SetBasicAuth(url.QueryEscape(p.cfg.ClientID), url.QueryEscape(p.cfg.ClientSecret))
	}
	var t tokens
	status, err := p.do(req, &t)
	switch {
	case t.Error != "":
		return t, fmt.Errorf("%w: %s", ErrRefused, printable(t.Error))
	case err != nil:
		return t, fmt.Errorf("exchange the code: %w", err)
	case status != http.StatusOK || t.IDToken == "":
		return t, fmt.Errorf("%w: the token endpoint answered %d", ErrRefused, status)
	}
	return t, nil
}

// verify checks an ID token (OpenID Connect Core 1.0 §3.1.3.7) and returns its
// claims.
func (p *Provider) verify(ctx context.Context, m metadata, text, nonce string) (jwt.MapClaims, error) {
	if len(text) > maxIDToken {
		return nil, fmt.Errorf("%w: its token is too long", ErrRefused)
	}
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithIssuer(p.cfg.Issuer), jwt.WithAudience(p.cfg.ClientID), jwt.WithLeeway(clockLeeway))
	_, err := parser.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return p.key(ctx, m, kid, t.Method.Alg())
	})
	if err != nil {
		return nil, fmt.Errorf("%w: its token is not valid: %w", ErrRefused, err)
	}
	if got, _ := claims["nonce"].(string); got != nonce {
		return nil, fmt.Errorf("%w: its token belongs to another login", ErrRefused)
	}
	azp, _ := claims["azp"].(string)
	if aud, _ := claims.GetAudience(); len(aud) > 1 && azp != p.cfg.ClientID || azp != "" && azp != p.cfg.ClientID {
		return nil, fmt.Errorf("%w: its token was made for somebody else", ErrRefused)
	}
	return claims, nil
}

// key returns the provider's key of that id. A key that is not known makes the
// provider be asked again, but not by everybody who makes one up.
func (p *Provider) key(ctx context.Context, m metadata, kid, alg string) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys != nil {
		if k := p.keys.find(kid, alg); k != nil {
			return k, nil
		}
		if time.Since(p.asked) < keysAgain {
			return nil, errors.New("no such key")
		}
	}
	p.asked = time.Now()
	var set keySet
	if err := p.get(ctx, m.Keys, "", &set); err != nil {
		return nil, fmt.Errorf("ask for keys: %w", err)
	}
	p.keys = &set
	if k := set.find(kid, alg); k != nil {
		return k, nil
	}
	return nil, errors.New("no such key")
}

// userInfo adds claims that the ID token does not have (OpenID Connect Core 1.0
// §5.3).
func (p *Provider) userInfo(ctx context.Context, m metadata, access string, claims jwt.MapClaims) error {
	more := map[string]any{}
	if err := p.get(ctx, m.UserInfo, access, &more); err != nil {
		return fmt.Errorf("ask about the user: %w", err)
	}
	if more["sub"] != claims["sub"] {
		return fmt.Errorf("%w: it speaks of somebody else", ErrRefused)
	}
	for k, v := range more {
		if _, known := claims[k]; !known {
			claims[k] = v
		}
	}
	return nil
}

func (p *Provider) person(m metadata, claims jwt.MapClaims) (Person, error) {
	subject, _ := claims["sub"].(string)
	name, _ := claims[p.cfg.UserClaim].(string)
	if subject == "" || name == "" {
		return Person{}, fmt.Errorf("%w: it does not say who logged in (claim %s)", ErrRefused, p.cfg.UserClaim)
	}
	full, _ := claims["name"].(string)
	out := Person{Subject: m.Issuer + " " + subject, Name: name, FullName: full}
	var names []string
	switch v := claims[p.cfg.GroupClaim].(type) {
	case string:
		names = []string{v}
	case []any:
		for _, g := range v {
			if s, ok := g.(string); ok {
				names = append(names, strings.TrimPrefix(s, "/")) // Keycloak writes paths
			}
		}
	}
	out.Groups, out.Admin = p.names.memberships(names, nil)
	for _, g := range p.cfg.Defaults {
		out.Groups = append(out.Groups, Membership{Group: g, In: true, Out: true})
	}
	return out, nil
}

// get reads JSON from an address of the provider.
func (p *Provider) get(ctx context.Context, address, bearer string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	status, err := p.do(req, out)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the answer was %d", status)
	}
	return nil
}

func (p *Provider) do(req *http.Request, out any) (status int, err error) {
	req.Header.Set("Accept", "application/json")
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); !strings.HasSuffix(kind, "json") {
		return resp.StatusCode, fmt.Errorf("the answer (%d) is not JSON", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return resp.StatusCode, err
	}
	if len(b) > maxAnswer {
		return resp.StatusCode, errors.New("the answer is too long")
	}
	return resp.StatusCode, json.Unmarshal(b, out)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// printable keeps a provider's word from doing harm in a log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}

package directory

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	maxAnswer    = 1 << 20 // bytes of one answer of a provider
	maxIDToken   = 64 << 10
	discoverFor  = time.Hour // how long what a provider says of itself is taken for current
	clockLeeway  = time.Minute
	flowLife     = 10 * time.Minute
	providerTime = 10 * time.Second // for one login, whatever it needs to ask
)

// Provider is one OpenID Connect provider (OpenID Connect Core 1.0), spoken to by
// authorization code with PKCE (RFC 7636).
type Provider struct {
	cfg   OIDCConfig
	names naming
	http  *http.Client

	mu   sync.Mutex // guards what follows; held while the provider is asked, so that one asks for all
	said *metadata
	at   time.Time
}

// metadata is what a provider says of itself (OpenID Connect Discovery 1.0 §3),
// made ready for use.
type metadata struct {
	login    oauth2.Config // without the address to return to, which each login has of its own
	tokens   *oidc.IDTokenVerifier
	userInfo string // empty: it has none that may be asked
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
		Provider: p.cfg.ID, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Redirect: redirect, Next: next, Until: time.Now().Add(flowLife),
	}
	address := m.login.AuthCodeURL(f.State, oauth2.SetAuthURLParam("redirect_uri", redirect), oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return f, address, nil
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
	access, text, err := p.exchange(ctx, m, f, code)
	if err != nil {
		return Person{}, err
	}
	claims, err := p.verify(ctx, m, text, f.Nonce)
	if err != nil {
		return Person{}, err
	}
	_, named := claims[p.cfg.UserClaim].(string)
	_, grouped := claims[p.cfg.GroupClaim]
	if (!named || !grouped) && m.userInfo != "" {
		if err := p.addUserInfo(ctx, m, access, claims); err != nil {
			return Person{}, err
		}
	}
	return p.person(claims)
}

// metadata asks the provider about itself, once in a while. Its keys are asked
// for when a token needs one that is not known yet.
func (p *Provider) metadata(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said != nil && time.Since(p.at) < discoverFor {
		return p.said, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the provider about itself: %w", err)
	}
	var more struct {
		Keys        string   `json:"jwks_uri"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, fmt.Errorf("read what the provider says of itself: %w", err)
	}
	end := found.Endpoint()
	for name, address := range map[string]string{"authorization_endpoint": end.AuthURL, "token_endpoint": end.TokenURL, "jwks_uri": more.Keys} {
		if err := p.checkAddress(address); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	end.AuthStyle = oauth2.AuthStyleInParams
	if p.cfg.ClientSecret != "" && (len(more.AuthMethods) == 0 || slices.Contains(more.AuthMethods, "client_secret_basic")) {
		end.AuthStyle = oauth2.AuthStyleInHeader
	}
	m := &metadata{
		login: oauth2.Config{
			ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: end,
			Scopes: append([]string{oidc.ScopeOpenID}, p.cfg.Scopes...),
		},
		// The algorithms are those that the provider names, RS256 if it names none.
		// Those with a shared secret, or without a signature, never count (RFC 8725 §3.1).
		tokens: found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: func() time.Time { return time.Now().Add(-clockLeeway) }}),
	}
	if p.checkAddress(found.UserInfoEndpoint()) == nil {
		m.userInfo = found.UserInfoEndpoint()
	}
	p.said, p.at = m, time.Now()
	return m, nil
}

// exchange returns the access token and the ID token that a code is worth.
func (p *Provider) exchange(ctx context.Context, m *metadata, f Flow, code string) (access, id string, err error) {
	t, err := m.login.Exchange(oidc.ClientContext(ctx, p.http), code, oauth2.SetAuthURLParam("redirect_uri", f.Redirect), oauth2.VerifierOption(f.Verifier))
	if no := (*oauth2.RetrieveError)(nil); errors.As(err, &no) { // its text would hold the whole answer
		if no.ErrorCode == "" {
			return "", "", fmt.Errorf("%w: the token endpoint answered %d", ErrRefused, no.Response.StatusCode)
		}
		return "", "", fmt.Errorf("%w: %s", ErrRefused, printable(no.ErrorCode))
	}
	if err != nil {
		return "", "", fmt.Errorf("exchange the code: %w", err)
	}
	id, _ = t.Extra("id_token").(string)
	if id == "" {
		return "", "", fmt.Errorf("%w: the token endpoint gave no ID token", ErrRefused)
	}
	return t.AccessToken, id, nil
}

// verify checks an ID token (OpenID Connect Core 1.0 §3.1.3.7) and returns its
// claims.
func (p *Provider) verify(ctx context.Context, m *metadata, text, nonce string) (map[string]any, error) {
	if len(text) > maxIDToken {
		return nil, fmt.Errorf("%w: its token is too long", ErrRefused)
	}
	if !soundSignature(text) {
		return nil, fmt.Errorf("%w: its token is signed with a key of a size that is not accepted", ErrRefused)
	}
	token, err := m.tokens.Verify(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("%w: its token is not valid: %s", ErrRefused, printable(err.Error()))
	}
	if token.IssuedAt.After(time.Now().Add(clockLeeway)) {
		return nil, fmt.Errorf("%w: its token is from the future", ErrRefused)
	}
	if token.Nonce != nonce {
		return nil, fmt.Errorf("%w: its token belongs to another login", ErrRefused)
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: its token is not valid: %w", ErrRefused, err)
	}
	azp, _ := claims["azp"].(string)
	if len(token.Audience) > 1 && azp != p.cfg.ClientID || azp != "" && azp != p.cfg.ClientID {
		return nil, fmt.Errorf("%w: its token was made for somebody else", ErrRefused)
	}
	return claims, nil
}

// soundSignature keeps RSA keys between 2048 and 8192 bits, for a signature is as
// long as its key (RFC 8017 §8): smaller ones are weak, larger ones cost too much
// time. The other lengths are those of Ed25519 and of ES256, ES384 and ES512.
func soundSignature(token string) bool {
	n := base64.RawURLEncoding.DecodedLen(len(token) - strings.LastIndexByte(token, '.') - 1)
	return n == 64 || n == 96 || n == 132 || n >= 2048/8 && n <= 8192/8
}

// addUserInfo adds claims that the ID token does not have (OpenID Connect Core
// 1.0 §5.3).
func (p *Provider) addUserInfo(ctx context.Context, m *metadata, access string, claims map[string]any) error {
	more := map[string]any{}
	if err := p.ask(ctx, m.userInfo, access, &more); err != nil {
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

// ask reads JSON that an access token opens.
func (p *Provider) ask(ctx context.Context, address, access string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

func (p *Provider) person(claims map[string]any) (Person, error) {
	subject, _ := claims["sub"].(string)
	name, _ := claims[p.cfg.UserClaim].(string)
	if subject == "" || name == "" {
		return Person{}, fmt.Errorf("%w: it does not say who logged in (claim %s)", ErrRefused, p.cfg.UserClaim)
	}
	full, _ := claims["name"].(string)
	out := Person{Subject: p.cfg.Issuer + " " + subject, Name: name, FullName: full}
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

// printable keeps a provider's word from doing harm in a log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 300)]
}

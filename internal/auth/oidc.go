package auth

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"muster/internal/auth/directory"
)

// maxFlow is the longest text of a login under way.
const maxFlow = 3 << 10

// flowOwner binds the sealed text of a login under way.
const flowOwner = "oidc flow"

// Provider is somebody else whom browsers can log in with.
type Provider struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Providers lists the OpenID Connect providers, as configured.
func (s *Service) Providers() []Provider {
	out := make([]Provider, len(s.oidc))
	for i, p := range s.oidc {
		out[i] = Provider{ID: p.ID(), Name: p.Name()}
	}
	return out
}

func (s *Service) provider(id string) (*directory.Provider, error) {
	for _, p := range s.oidc {
		if p.ID() == id {
			return p, nil
		}
	}
	return nil, fmt.Errorf("a provider of that name %w", ErrNotFound)
}

// BeginOIDC starts a login with a provider. The browser is to be sent to address
// and must keep flow, which is sealed, in a cookie until the provider sends it
// back to redirect. next is where it wants to go afterwards. Nothing is kept
// here.
func (s *Service) BeginOIDC(ctx context.Context, provider, redirect, next string) (address, flow string, err error) {
	p, err := s.provider(provider)
	if err != nil {
		return "", "", err
	}
	f, address, err := p.Begin(ctx, redirect, next)
	if err != nil {
		return "", "", fmt.Errorf("auth: %w", err)
	}
	text, err := json.Marshal(f)
	if err != nil {
		return "", "", fmt.Errorf("auth: %w", err)
	}
	flow = s.keys.seal(flowOwner, text)
	if len(flow) > maxFlow {
		return "", "", fmt.Errorf("%w address: too long", ErrInvalid)
	}
	return address, flow, nil
}

// FinishOIDC ends a login: flow is what the browser kept, state and code what the
// provider sent it back with. It returns who logged in, as with a password, and
// where the browser wanted to go. The error wraps ErrBadCredentials for what the
// provider or we do not accept.
func (s *Service) FinishOIDC(ctx context.Context, provider, flow, state, code string, remote netip.Addr) (id Identity, next string, err error) {
	p, err := s.provider(provider)
	if err != nil {
		return Identity{}, "", err
	}
	var f directory.Flow
	text, err := s.keys.open(flowOwner, flow)
	if err != nil || len(flow) > maxFlow || json.Unmarshal(text, &f) != nil || f.State == "" ||
		subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1 {
		return Identity{}, "", ErrBadCredentials // begun in another browser, or not by us
	}
	proof, c := Proof{Remote: remote, Protocol: "oidc"}, claim{}
	id, err = s.finishOIDC(ctx, p, f, code)
	if errors.Is(err, directory.ErrRefused) || errors.Is(err, errTaken) || errors.Is(err, ErrInvalid) {
		s.log.Warn("a login with a provider was refused", "provider", provider, "remote", remote, "error", err)
		err = ErrBadCredentials
	}
	s.outcome(proof, c, err)
	return id, f.Next, err
}

func (s *Service) finishOIDC(ctx context.Context, p *directory.Provider, f directory.Flow, code string) (Identity, error) {
	epoch := s.sessions.now()
	person, err := p.Finish(ctx, f, code)
	if err != nil {
		return Identity{}, fmt.Errorf("auth: %w", err)
	}
	u, err := s.shadow(ctx, originOIDC+p.ID(), person, p.Roles())
	if err != nil {
		return Identity{}, err
	}
	if u.closed() {
		return Identity{}, ErrBadCredentials
	}
	return s.passwordIdentity(ctx, u, epoch)
}

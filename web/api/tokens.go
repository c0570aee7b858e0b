package api

import (
	"context"
	"net/http"
	"time"

	"muster/internal/auth"
)

// Token describes a token or stream key, without its secret.
type Token struct {
	ID       string         `json:"id" doc:"Public; part of the token's text."`
	User     string         `json:"user"`
	Name     string         `json:"name"`
	Kind     auth.TokenKind `json:"kind" enum:"token,streamkey"`
	Scope    *Scope         `json:"scope,omitempty" doc:"Left out: all its user may."`
	Created  time.Time      `json:"created"`
	Expires  *time.Time     `json:"expires,omitempty" doc:"Left out: never."`
	LastUsed *time.Time     `json:"lastUsed,omitempty"`
}

// Scope narrows what a token is valid for. It never widens its user's rights.
type Scope struct {
	Actions []auth.Action `json:"actions,omitempty" enum:"publish,read,cot,api,operate,admin" doc:"What it may be used for. Left out for a stream key: publish and read."`
	Streams []string      `json:"streams,omitempty" maxItems:"50" doc:"Names of streams, * and ? match within a part; empty: every stream."`
	Groups  []string      `json:"groups,omitempty" maxItems:"50" doc:"Only in these groups; empty: all of the user's."`
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func tokenOf(t auth.Token) Token {
	out := Token{ID: t.ID, User: t.User, Name: t.Name, Kind: t.Kind, Created: t.Created, Expires: timeOf(t.Expires), LastUsed: timeOf(t.Used)}
	if t.Scope != nil {
		out.Scope = &Scope{Actions: t.Scope.Actions, Streams: t.Scope.Streams, Groups: t.Scope.Groups}
	}
	return out
}

type tokensIn struct {
	All bool `query:"all" doc:"Those of all users (administrators)."`
}

type tokensOut struct {
	Body struct {
		Tokens []Token `json:"tokens"`
	}
}

type newTokenIn struct {
	Body struct {
		Name  string         `json:"name" maxLength:"64" doc:"What it is for."`
		Kind  auth.TokenKind `json:"kind" enum:"token,streamkey"`
		Scope *Scope         `json:"scope,omitempty"`
		Days  int            `json:"days" minimum:"0" maximum:"3650" doc:"How long it is valid; 0: until it is revoked."`
		User  string         `json:"user,omitempty" maxLength:"64" doc:"Whose it is (administrators); left out: yours."`
	}
}

type newTokenOut struct {
	Body struct {
		Token  Token  `json:"token"`
		Secret string `json:"secret" doc:"The token itself. It is shown this once."`
	}
}

type tokenID struct {
	ID string `path:"id" maxLength:"64"`
}

// mayHandOut refuses credentials that are themselves limited to hand out
// others, which could be worth more.
func mayHandOut(id auth.Identity) error {
	if id.Scope == nil || auth.Allow(id, auth.Admin, auth.Server()) == nil {
		return nil
	}
	return refuse(http.StatusForbidden, "A token with a limited scope cannot do this. Log in with your password.")
}

func (a *API) tokens() {
	register(a, user, op("listTokens", http.MethodGet, "/tokens", "Your tokens and stream keys"), a.listTokens)
	add := op("addToken", http.MethodPost, "/tokens", "Make a token or stream key")
	add.DefaultStatus = http.StatusCreated
	register(a, user, add, a.addToken)
	register(a, user, op("removeToken", http.MethodDelete, "/tokens/{id}", "Revoke a token and end the sessions opened with it"), a.removeToken)
}

func (a *API) listTokens(ctx context.Context, id auth.Identity, in *tokensIn) (*tokensOut, error) {
	whose := id.User
	if in.All {
		if auth.Allow(id, auth.Admin, auth.Server()) != nil {
			return nil, refuse(http.StatusForbidden, "Only administrators see the tokens of others.")
		}
		whose = ""
	}
	out := &tokensOut{}
	out.Body.Tokens = []Token{}
	if id.System && !in.All {
		return out, nil
	}
	list, err := a.Tokens.ListTokens(ctx, whose)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		out.Body.Tokens = append(out.Body.Tokens, tokenOf(t))
	}
	return out, nil
}

func (a *API) addToken(ctx context.Context, id auth.Identity, in *newTokenIn) (*newTokenOut, error) {
	if err := mayHandOut(id); err != nil {
		return nil, err
	}
	b := in.Body
	whose := id.User
	switch {
	case b.User != "" && b.User != id.User:
		if auth.Allow(id, auth.Admin, auth.Server()) != nil {
			return nil, refuse(http.StatusForbidden, "Only administrators make tokens for others.")
		}
		whose = b.User
	case id.System:
		return nil, refuse(http.StatusUnprocessableEntity, "Say for which user the token is.")
	}
	spec := auth.TokenSpec{Name: b.Name, Kind: b.Kind, Expires: after(b.Days)}
	if b.Scope != nil {
		spec.Scope = &auth.Scope{Actions: b.Scope.Actions, Streams: b.Scope.Streams, Groups: b.Scope.Groups}
	}
	t, secret, err := a.Tokens.CreateToken(ctx, whose, spec)
	if err != nil {
		return nil, err
	}
	out := &newTokenOut{}
	out.Body.Token, out.Body.Secret = tokenOf(t), secret
	return out, nil
}

// after returns the moment in so many days; 0 days: never.
func after(days int) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return time.Now().AddDate(0, 0, days)
}

func (a *API) removeToken(ctx context.Context, id auth.Identity, in *tokenID) (*none, error) {
	if auth.Allow(id, auth.Admin, auth.Server()) != nil {
		own, err := a.Tokens.ListTokens(ctx, id.User)
		if err != nil {
			return nil, err
		}
		found := false
		for _, t := range own {
			found = found || t.ID == in.ID
		}
		if !found {
			return nil, refuse(http.StatusNotFound, "You have no token with that id.")
		}
	}
	return nil, a.Tokens.RevokeToken(ctx, in.ID)
}

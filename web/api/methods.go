package api

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/url"
	"strings"

	"muster/internal/auth"
	"muster/web/login"
)

// flowCookie keeps a login with a provider together: what comes back must come
// back to the browser that went. It is Lax, because the browser comes from the
// provider's page.
const flowCookie = "muster_oidc"

const flowPath = "/api/v1/login/oidc/"

// Method is a provider that pages offer beside name and password.
type Method struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type methodsOut struct {
	Body struct {
		Password bool     `json:"password" doc:"Whether name and password are taken."`
		Reset    bool     `json:"reset" doc:"Whether a link to choose a new password can be asked for."`
		OIDC     []Method `json:"oidc" doc:"Providers to log in with: send the browser to /api/v1/login/oidc/{id}."`
	}
}

type beginIn struct {
	ID   string `path:"id" maxLength:"32"`
	Next string `query:"next" maxLength:"1000" doc:"Path on this server to go to afterwards."`
}

type redirectOut struct {
	Status    int
	Location  string       `header:"Location"`
	SetCookie *http.Cookie `header:"Set-Cookie"`
}

type callbackIn struct {
	ID    string `path:"id" maxLength:"32"`
	State string `query:"state" maxLength:"200"`
	Code  string `query:"code" maxLength:"4096"`
	Error string `query:"error" maxLength:"200"`
}

type pageOut struct {
	Status      int
	Location    string         `header:"Location"`
	SetCookie   []*http.Cookie `header:"Set-Cookie"`
	ContentType string         `header:"Content-Type"`
	CSP         string         `header:"Content-Security-Policy"`
	Referrer    string         `header:"Referrer-Policy"`
	Body        []byte
}

func (a *API) methods() {
	register(a, public, op("loginMethods", http.MethodGet, "/login/methods", "How browsers can log in"),
		func(context.Context, auth.Identity, *none) (*methodsOut, error) {
			out := &methodsOut{}
			out.Body.Password, out.Body.OIDC = true, []Method{}
			out.Body.Reset = a.mails()
			if a.Identity != nil {
				for _, p := range a.Identity.Providers() {
					out.Body.OIDC = append(out.Body.OIDC, Method{p.ID, p.Name})
				}
			}
			return out, nil
		})
	begin := op("beginOIDC", http.MethodGet, "/login/oidc/{id}", "Go to a provider to log in there")
	begin.DefaultStatus = http.StatusSeeOther
	register(a, public, begin, a.beginOIDC)
	register(a, public, binary(op("finishOIDC", http.MethodGet, "/login/oidc/{id}/callback", "Where the provider sends the browser back to"), "text/html"), a.finishOIDC)
}

// localPath returns next if it is a path on this server, else the first page: a
// login must not lead to another site.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

func (a *API) beginOIDC(ctx context.Context, _ auth.Identity, in *beginIn) (*redirectOut, error) {
	if a.Identity == nil || a.Logins == nil {
		return nil, errStopped
	}
	r := requestOf(ctx)
	if !login.PeerFrom(ctx).Secure {
		return nil, refuse(http.StatusForbidden, "Logins are taken over TLS only. Use https.")
	}
	redirect := (&url.URL{Scheme: "https", Host: r.Host, Path: flowPath + in.ID + "/callback"}).String()
	address, flow, err := a.Identity.BeginOIDC(ctx, in.ID, redirect, localPath(in.Next))
	switch {
	case errors.Is(err, auth.ErrNotFound), errors.Is(err, auth.ErrInvalid):
		return nil, err
	case err != nil:
		a.Log.Warn("a provider does not answer", "provider", in.ID, "error", err)
		return nil, refuse(http.StatusBadGateway, "The provider does not answer. Try again, or log in with name and password.")
	}
	return &redirectOut{Status: http.StatusSeeOther, Location: address, SetCookie: oidcCookie(flow, 600)}, nil
}

func oidcCookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: flowCookie, Value: value, Path: flowPath, MaxAge: age, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
}

// finishOIDC answers with a page and not with a redirect: a browser does not send
// a Strict cookie on a redirect that began at another site.
func (a *API) finishOIDC(ctx context.Context, _ auth.Identity, in *callbackIn) (*pageOut, error) {
	if a.Identity == nil || a.Logins == nil {
		return nil, errStopped
	}
	r := requestOf(ctx)
	peer := login.PeerFrom(ctx)
	c, err := r.Cookie(flowCookie)
	if err != nil || in.State == "" || !peer.Secure {
		return refused(), nil
	}
	if in.Error != "" { // given up at the provider
		return refused(), nil
	}
	id, next, err := a.Identity.FinishOIDC(ctx, in.ID, c.Value, in.State, in.Code, peer.Addr.Addr())
	if err == nil {
		var cookie *http.Cookie
		if cookie, err = a.Logins.Open(ctx, r, id); err == nil {
			return landing(localPath(next), cookie, oidcCookie("", -1)), nil
		}
	}
	if !errors.Is(err, auth.ErrBadCredentials) && !errors.Is(err, auth.ErrDenied) && !errors.Is(err, auth.ErrRevoked) {
		a.Log.Warn("a login with a provider failed", "provider", in.ID, "error", err)
	}
	return refused(), nil
}

// refused sends the browser back to the login page, which says that the provider
// was of no help.
func refused() *pageOut {
	return &pageOut{Status: http.StatusSeeOther, Location: "/login?refused=provider", SetCookie: []*http.Cookie{oidcCookie("", -1)}, Referrer: "no-referrer"}
}

// landing is a page that leads on.
func landing(next string, cookies ...*http.Cookie) *pageOut {
	next = html.EscapeString(next)
	return &pageOut{
		Status: http.StatusOK, SetCookie: cookies, ContentType: "text/html; charset=utf-8", Referrer: "no-referrer",
		CSP: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		Body: []byte(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Muster</title><meta http-equiv="refresh" content="0;url=` + next +
			`"></head><body><p>You are logged in.</p><p><a href="` + next + `">Go on</a></p></body></html>`),
	}
}

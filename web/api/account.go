package api

import (
	"context"
	"errors"
	"net/http"

	"muster/internal/auth"
	"muster/web/login"
)

// Me is the caller, as pages need to know them.
type Me struct {
	User       string       `json:"user"`
	Role       auth.Role    `json:"role" enum:"member,operator,admin"`
	Groups     []auth.Grant `json:"groups"`
	CanPublish bool         `json:"canPublish" doc:"Whether there is a group that you may publish to."`
}

type meOut struct{ Body Me }

type loginIn struct {
	Body struct {
		User     string `json:"user" maxLength:"256"`
		Password string `json:"password" maxLength:"1024"`
	}
}

type loginOut struct {
	SetCookie *http.Cookie `header:"Set-Cookie"`
	Body      Me
}

type cookieOut struct {
	SetCookie *http.Cookie `header:"Set-Cookie"`
}

type ownPasswordIn struct {
	Body struct {
		Current  string `json:"current" maxLength:"1024"`
		Password string `json:"password" maxLength:"256"`
	}
}

func meOf(id auth.Identity) Me {
	me := Me{User: id.User, Role: id.Role, Groups: id.Groups, CanPublish: id.IsAdmin() || len(id.WriteGroups()) > 0}
	if me.Groups == nil {
		me.Groups = []auth.Grant{}
	}
	return me
}

func (a *API) account() {
	o := op("login", http.MethodPost, "/login", "Log a browser in")
	o.Errors = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests}
	o.MaxBodyBytes = 16 << 10 // nobody is logged in yet
	register(a, public, o, a.login)
	register(a, public, op("logout", http.MethodPost, "/logout", "Log the browser out"),
		func(ctx context.Context, _ auth.Identity, _ *none) (*cookieOut, error) {
			if a.Logins == nil {
				return nil, errStopped
			}
			return &cookieOut{a.Logins.Logout(requestOf(ctx))}, nil
		})
	register(a, user, op("getMe", http.MethodGet, "/me", "Who you are and what you may do"),
		func(_ context.Context, id auth.Identity, _ *none) (*meOut, error) {
			return &meOut{meOf(id)}, nil
		})
	register(a, user, op("setOwnPassword", http.MethodPut, "/me/password", "Change your password; sessions opened with the old one end, this one goes on"), a.setOwnPassword)
}

func (a *API) login(ctx context.Context, _ auth.Identity, in *loginIn) (*loginOut, error) {
	r := requestOf(ctx)
	switch {
	case a.Logins == nil:
		return nil, errStopped
	case !login.PeerFrom(ctx).Secure:
		return nil, refuse(http.StatusForbidden, "Passwords are taken over TLS only. Use https.")
	case login.CrossSite(r):
		return nil, refuse(http.StatusForbidden, "This request comes from a page of another site. Open the page of this server and try again.")
	case in.Body.User == "" || in.Body.Password == "":
		return nil, refuse(http.StatusUnauthorized, "Give a name and a password.")
	}
	id, cookie, err := a.Logins.Login(ctx, r, in.Body.User, in.Body.Password)
	if errors.Is(err, auth.ErrDenied) {
		return nil, refuse(http.StatusForbidden, whyNot(user))
	}
	if err != nil {
		return nil, err
	}
	return &loginOut{SetCookie: cookie, Body: meOf(id)}, nil
}

func (a *API) setOwnPassword(ctx context.Context, id auth.Identity, in *ownPasswordIn) (*cookieOut, error) {
	if id.Token != "" || id.System {
		return nil, refuse(http.StatusForbidden, "A password can be changed by somebody who is logged in with it only, not with a token.")
	}
	peer := login.PeerFrom(ctx)
	proof := auth.Proof{User: id.User, Password: in.Body.Current, Remote: peer.Addr.Addr(), Protocol: "web"}
	now, err := a.Profiles.Authenticate(ctx, proof)
	if err == nil && (now.User != id.User || now.Token != "") {
		err = auth.ErrBadCredentials
	}
	if errors.Is(err, auth.ErrBadCredentials) || errors.Is(err, auth.ErrNoCredentials) {
		// Not 401: the caller is logged in, and pages would go to the login.
		return nil, refuse(http.StatusForbidden, "The current password is not right.")
	}
	if err != nil {
		return nil, err
	}
	if err := a.Users.SetPassword(ctx, id.User, in.Body.Password); err != nil {
		return nil, err
	}
	caller, _ := login.From(ctx)
	if caller.Over == nil || a.Logins == nil {
		return &cookieOut{}, nil
	}
	_, cookie, err := a.Logins.Login(ctx, requestOf(ctx), id.User, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return &cookieOut{cookie}, nil
}

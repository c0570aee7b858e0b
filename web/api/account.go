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
		Code     string `json:"code,omitempty" maxLength:"64" doc:"Of the second factor, or a recovery code; ask for it when the answer has the type urn:muster:code-needed."`
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
	id, cookie, err := a.Logins.Login(ctx, r, in.Body.User, in.Body.Password, in.Body.Code)
	if errors.Is(err, auth.ErrDenied) {
		return nil, refuse(http.StatusForbidden, whyNot(user))
	}
	if err != nil {
		return nil, err
	}
	return &loginOut{SetCookie: cookie, Body: meOf(id)}, nil
}

func (a *API) setOwnPassword(ctx context.Context, id auth.Identity, in *ownPasswordIn) (*cookieOut, error) {
	if a.Identity == nil {
		return nil, errStopped
	}
	if err := a.proveAgain(ctx, id, in.Body.Current); err != nil {
		return nil, err
	}
	now, err := a.Identity.SetOwnPassword(ctx, id, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return a.goOn(ctx, now)
}

// proveAgain checks the password of somebody who is logged in, before something
// is changed that a thief of the login must not change. It asks for no code: the
// login had one.
func (a *API) proveAgain(ctx context.Context, id auth.Identity, password string) error {
	if id.Token != "" || id.System {
		return refuse(http.StatusForbidden, "This can be done by somebody who is logged in with a password only, not with a token.")
	}
	peer := login.PeerFrom(ctx)
	proof := auth.Proof{User: id.User, Password: password, AskCode: true, Remote: peer.Addr.Addr(), Protocol: "web"}
	now, err := a.Profiles.Authenticate(ctx, proof)
	switch {
	case errors.Is(err, auth.ErrCodeNeeded):
		return nil
	case err == nil && (now.User != id.User || now.Token != ""),
		errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrNoCredentials):
		// Not 401: the caller is logged in, and pages would go to the login.
		return refuse(http.StatusForbidden, "The current password is not right.")
	}
	return err
}

// goOn opens a new login for a browser whose old one ended with a change that its
// user made.
func (a *API) goOn(ctx context.Context, now auth.Identity) (*cookieOut, error) {
	caller, _ := login.From(ctx)
	if caller.Over == nil || a.Logins == nil {
		return &cookieOut{}, nil
	}
	cookie, err := a.Logins.Open(ctx, requestOf(ctx), now)
	if err != nil {
		return nil, err
	}
	return &cookieOut{cookie}, nil
}

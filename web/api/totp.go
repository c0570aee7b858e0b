package api

import (
	"context"
	"errors"
	"net/http"

	"muster/internal/auth"
	"muster/web/login"
)

// codeNeeded is the type of the problem that a login needs a code as well.
const codeNeeded = "urn:muster:code-needed"

type factorOut struct {
	Body struct {
		Enabled bool `json:"enabled" doc:"Whether your password needs a code beside it."`
	}
}

type newFactorIn struct {
	Body struct {
		Password string `json:"password" maxLength:"1024" doc:"Your password, once more."`
	}
}

type newFactorOut struct {
	Body struct {
		Secret string `json:"secret" doc:"To type into a code generator. It counts once it is confirmed."`
		URI    string `json:"uri" doc:"The same for a QR code."`
	}
}

type confirmIn struct {
	Body struct {
		Code string `json:"code" maxLength:"16"`
	}
}

type confirmOut struct {
	SetCookie *http.Cookie `header:"Set-Cookie"`
	Body      struct {
		Recovery []string `json:"recovery" doc:"Each opens the account once without the code generator. They are shown this once."`
	}
}

type dropFactorIn struct {
	Body struct {
		Password string `json:"password" maxLength:"1024" doc:"Your password, once more."`
		Code     string `json:"code" maxLength:"64" doc:"A code of the generator, or a recovery code."`
	}
}

func (a *API) totp() {
	register(a, user, op("getTOTP", http.MethodGet, "/account/totp", "Whether your password needs a code beside it"),
		func(ctx context.Context, id auth.Identity, _ *none) (*factorOut, error) {
			out := &factorOut{}
			if a.Identity == nil {
				return nil, errStopped
			}
			if id.System {
				return out, nil
			}
			var err error
			out.Body.Enabled, err = a.Identity.HasTOTP(ctx, id.User)
			return out, err
		})
	register(a, user, op("beginTOTP", http.MethodPost, "/account/totp", "Make a secret for your code generator"), a.beginTOTP)
	register(a, user, op("confirmTOTP", http.MethodPost, "/account/totp/confirm", "Ask for a code from now on; other sessions opened with the password end, this one goes on"), a.confirmTOTP)
	register(a, user, op("dropTOTP", http.MethodDelete, "/account/totp", "Ask for no code any more"), a.dropTOTP)
	register(a, admin, op("resetTOTP", http.MethodDelete, "/users/{name}/totp", "Take a user's second factor away, when the code generator is lost"),
		func(ctx context.Context, id auth.Identity, in *UserParam) (*none, error) {
			if a.Identity == nil {
				return nil, errStopped
			}
			a.Log.Info("second factor reset", "user", in.Name, "by", id.User)
			return nil, a.Identity.ResetTOTP(ctx, in.Name)
		})
	register(a, admin, op("refreshUser", http.MethodPost, "/users/{name}/refresh", "Look a user of the LDAP directory up now; whoever is gone there is locked out"),
		func(ctx context.Context, _ auth.Identity, in *UserParam) (*none, error) {
			if a.Identity == nil {
				return nil, errStopped
			}
			return nil, a.Identity.RefreshUser(ctx, in.Name)
		})
}

func (a *API) beginTOTP(ctx context.Context, id auth.Identity, in *newFactorIn) (*newFactorOut, error) {
	if a.Identity == nil {
		return nil, errStopped
	}
	if err := a.proveAgain(ctx, id, in.Body.Password); err != nil {
		return nil, err
	}
	out := &newFactorOut{}
	var err error
	out.Body.Secret, out.Body.URI, err = a.Identity.BeginTOTP(ctx, id.User)
	return out, err
}

func (a *API) confirmTOTP(ctx context.Context, id auth.Identity, in *confirmIn) (*confirmOut, error) {
	if a.Identity == nil {
		return nil, errStopped
	}
	if id.Token != "" || id.System {
		return nil, refuse(http.StatusForbidden, "This can be done by somebody who is logged in with a password only, not with a token.")
	}
	recovery, now, err := a.Identity.ConfirmTOTP(ctx, id, in.Body.Code)
	if err != nil {
		return nil, err
	}
	cookie, err := a.goOn(ctx, now)
	if err != nil {
		return nil, err
	}
	out := &confirmOut{SetCookie: cookie.SetCookie}
	out.Body.Recovery = recovery
	return out, nil
}

// dropTOTP takes the whole proof again: a thief of the login must not make the
// account easier to open.
func (a *API) dropTOTP(ctx context.Context, id auth.Identity, in *dropFactorIn) (*none, error) {
	if a.Identity == nil {
		return nil, errStopped
	}
	if id.Token != "" || id.System {
		return nil, refuse(http.StatusForbidden, "This can be done by somebody who is logged in with a password only, not with a token.")
	}
	peer := login.PeerFrom(ctx)
	now, err := a.Profiles.Authenticate(ctx, auth.Proof{User: id.User, Password: in.Body.Password, Code: in.Body.Code, AskCode: true, Remote: peer.Addr.Addr(), Protocol: "web"})
	if err == nil && (now.User != id.User || now.Token != "") {
		err = auth.ErrBadCredentials
	}
	if errors.Is(err, auth.ErrBadCredentials) || errors.Is(err, auth.ErrNoCredentials) || errors.Is(err, auth.ErrCodeNeeded) {
		return nil, refuse(http.StatusForbidden, "The password or the code is not right.")
	}
	if err != nil {
		return nil, err
	}
	return nil, a.Identity.ResetTOTP(ctx, id.User)
}

package enroll

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

const maxForm = 16 << 10

func (a *API) loginRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /oauth/token", a.oauthToken)
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("GET /login/auth", a.loginAuth)
	mux.HandleFunc("GET /login/authserver", a.authServer)
	mux.HandleFunc("GET /login/refresh", a.refreshLogin)
	mux.HandleFunc("GET /logout", a.logout)
	mux.HandleFunc("POST /logout", a.logout)
	mux.HandleFunc("GET /token/access", a.tokenAccess)
}

// credentials are what a password login brings, as a form, as JSON or, because
// node-tak does it so, as a query.
func credentials(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	q := r.URL.Query()
	b, err := reply.Body(w, r, maxForm)
	if err != nil {
		return nil, false
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var form url.Values
	switch {
	case len(b) == 0:
	case kind == "application/json":
		var in map[string]any
		if json.Unmarshal(b, &in) != nil {
			reply.Error(w, http.StatusBadRequest, "The body is not JSON.")
			return nil, false
		}
		form = url.Values{}
		for k, v := range in {
			if s, ok := v.(string); ok {
				form.Set(k, s)
			}
		}
	default:
		if form, err = url.ParseQuery(string(b)); err != nil {
			reply.Error(w, http.StatusBadRequest, "The body is not a form.")
			return nil, false
		}
	}
	for k, v := range form {
		q[k] = v
	}
	return q, true
}

// oauthError answers as RFC 6749 §5.2 says, with 401 because clients look at it.
func oauthError(w http.ResponseWriter, status int, code, text string) {
	reply.JSON(w, status, map[string]string{"error": code, "error_description": text})
}

// passwordLogin checks the name and password in q.
func (a *API) passwordLogin(w http.ResponseWriter, r *http.Request, q url.Values) (auth.Identity, bool) {
	p := auth.Proof{User: q.Get("username"), Password: q.Get("password"), Code: q.Get("code"), AskCode: true, Remote: remote(r), Protocol: "oauth"}
	var id auth.Identity
	err := auth.ErrNoCredentials
	if p.User != "" && p.Password != "" {
		id, err = a.Auth.Authenticate(r.Context(), p)
	}
	if err == nil {
		err = auth.Allow(id, auth.Join, auth.Server())
	}
	switch {
	case err == nil:
		return id, true
	case errors.Is(err, auth.ErrCodeNeeded):
		oauthError(w, http.StatusUnauthorized, "mfa_required", "The password is right. Send the code of your code generator as the parameter code as well.")
	case errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrNoCredentials):
		oauthError(w, http.StatusUnauthorized, "invalid_grant", "Bad credentials")
	default:
		a.refuse(w, r, err)
	}
	return auth.Identity{}, false
}

// oauthToken is the password grant (RFC 6749 §4.3), which is all that TAK clients
// know.
func (a *API) oauthToken(w http.ResponseWriter, r *http.Request) {
	if crossSite(r) {
		reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
		return
	}
	q, ok := credentials(w, r)
	if !ok {
		return
	}
	if g := q.Get("grant_type"); g != "password" {
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "There is the grant type password only.")
		return
	}
	id, ok := a.passwordLogin(w, r, q)
	if !ok {
		return
	}
	token, ok := a.issue(w, r, id)
	if !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply.JSON(w, http.StatusOK, struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
		Scope   string `json:"scope"`
	}{token, "bearer", int(a.cfg.AccessTime.Seconds()) - 1, "read write"})
}

// issue makes an access token for id and puts it into the cookie, too.
func (a *API) issue(w http.ResponseWriter, r *http.Request, id auth.Identity) (string, bool) {
	token, err := a.Auth.IssueAccess(r.Context(), id, a.cfg.AccessTime)
	if err != nil {
		a.fail(w, err)
		return "", false
	}
	http.SetCookie(w, cookie(token, int(a.cfg.AccessTime.Seconds())))
	return token, true
}

func cookie(token string, age int) *http.Cookie {
	return &http.Cookie{Name: accessCookie, Value: token, Path: "/", MaxAge: age, HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode}
}

// login is the form of TAK Server's own page.
func (a *API) login(w http.ResponseWriter, r *http.Request) {
	if crossSite(r) {
		reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
		return
	}
	q, ok := credentials(w, r)
	if !ok {
		return
	}
	id, ok := a.passwordLogin(w, r, q)
	if !ok {
		return
	}
	if _, ok := a.issue(w, r, id); ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// loginAuth begins a login with the first OpenID Connect provider, or at our own
// page where there is none.
func (a *API) loginAuth(w http.ResponseWriter, r *http.Request) {
	to := "/login"
	if p := a.Providers(); len(p) > 0 {
		to = "/api/v1/login/oidc/" + p[0].ID
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (a *API) authServer(w http.ResponseWriter, _ *http.Request) {
	name := ""
	if p := a.Providers(); len(p) > 0 {
		name = p[0].Name
	}
	reply.JSON(w, http.StatusOK, map[string]string{"data": name})
}

// holder says whose access token r brings.
func (a *API) holder(w http.ResponseWriter, r *http.Request) (auth.Identity, bool) {
	id, err := a.Auth.Authenticate(r.Context(), proofOf(r))
	if err == nil {
		err = auth.Allow(id, auth.Join, auth.Server())
	}
	if err != nil {
		a.refuse(w, r, err)
		return auth.Identity{}, false
	}
	return id, true
}

// refreshLogin replaces an access token by a new one.
func (a *API) refreshLogin(w http.ResponseWriter, r *http.Request) {
	if crossSite(r) {
		reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
		return
	}
	id, ok := a.holder(w, r)
	if !ok {
		return
	}
	token, ok := a.issue(w, r, id)
	if !ok {
		return
	}
	if old := id.Access(); old != "" {
		if err := a.Auth.RevokeAccess(r.Context(), old); err != nil {
			a.fail(w, err)
			return
		}
	}
	reply.JSON(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "bearer", "expires_in": int(a.cfg.AccessTime.Seconds()) - 1})
}

// logout ends the access token that r brings, with everything opened with it.
func (a *API) logout(w http.ResponseWriter, r *http.Request) {
	if crossSite(r) {
		reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
		return
	}
	id, err := a.Auth.Authenticate(r.Context(), proofOf(r))
	if err == nil && id.Access() != "" {
		if err := a.Auth.RevokeAccess(r.Context(), id.Access()); err != nil {
			a.fail(w, err)
			return
		}
	}
	http.SetCookie(w, cookie("", -1))
	w.WriteHeader(http.StatusNoContent)
}

// tokenAccess shows a page the token in its cookie, which it cannot read itself.
func (a *API) tokenAccess(w http.ResponseWriter, r *http.Request) {
	if crossSite(r) {
		reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
		return
	}
	id, ok := a.holder(w, r)
	if !ok {
		return
	}
	p := proofOf(r)
	if id.Access() == "" || p.Token == "" {
		reply.Error(w, http.StatusNotFound, "This login has no access token.")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply.Text(w, http.StatusOK, p.Token)
}

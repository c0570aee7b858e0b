package enroll

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

const protocol = "enrol" // what logs call these doors

// accessCookie holds the access token of a browser, as TAK Server names it.
const accessCookie = "access_token"

// proofOf reads what r shows: the Authorization header, the cookie, or the client
// certificate of the door with certificates.
func proofOf(r *http.Request) auth.Proof {
	p := auth.Proof{Remote: remote(r), Protocol: protocol}
	if user, password, ok := r.BasicAuth(); ok {
		p.User, p.Password = user, password
		return p
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		p.Token = strings.TrimSpace(token)
		return p
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		p.Cert = r.TLS.PeerCertificates[0]
		return p
	}
	if c, err := r.Cookie(accessCookie); err == nil && !crossSite(r) {
		p.Token = c.Value
	}
	return p
}

// caller says who sends r, if they may do what, or answers it.
func (a *API) caller(w http.ResponseWriter, r *http.Request, what auth.Action) (auth.Identity, bool) {
	p := proofOf(r)
	p.Enrol = true
	id, err := a.Auth.Authenticate(r.Context(), p)
	if err == nil {
		err = auth.Allow(id, what, auth.Server())
	}
	if err != nil {
		a.refuse(w, r, err)
		return auth.Identity{}, false
	}
	return id, true
}

// refuse answers a request whose credentials were not accepted.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var limited *auth.LimitedError
	switch {
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(limited.RetryAfter.Seconds()))))
		reply.Error(w, http.StatusTooManyRequests, "There were too many failed logins. Wait and try again.")
	case errors.Is(err, auth.ErrNoCredentials), errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrCodeNeeded):
		unauthorized(w)
	case errors.Is(err, auth.ErrDenied):
		reply.Error(w, http.StatusForbidden, "This login is not valid for this.")
	case r.Context().Err() != nil:
		// The client has gone.
	default:
		a.log.Error("a login could not be checked", "error", err)
		reply.Error(w, http.StatusServiceUnavailable, "Logins cannot be checked at the moment. Try again shortly.")
	}
}

func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="`+auth.Realm+`"`)
	reply.Error(w, http.StatusUnauthorized, "The name, the password or the token is wrong, or not valid any more.")
}

func remote(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

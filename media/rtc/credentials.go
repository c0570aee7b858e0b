package rtc

import (
	"fmt"
	"net/http"
	"strings"

	"muster/internal/auth"
	"muster/internal/peer"
)

// proof takes the credentials out of a request: Basic, Bearer, or the query
// forms ?user=&pass=, ?token= and ?jwt=.
func proof(r *http.Request) auth.Proof {
	p := auth.Proof{Remote: peer.Addr(r.RemoteAddr).Addr(), Protocol: "webrtc"}
	if user, pass, ok := r.BasicAuth(); ok {
		p.User, p.Password = user, pass
		return p
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(token)
		if user, pass, ok := strings.Cut(token, ":"); ok {
			p.User, p.Password = user, pass // OBS has one field only
		} else {
			p.Token = token
		}
		return p
	}
	p.Query(r.URL.Query())
	return p
}

// identify says who a request comes from. Credentials in the request go before
// what the surrounding server knows.
func (s *Server) identify(r *http.Request, p auth.Proof) (auth.Identity, error) {
	if p.Empty() && s.deps.IdentityOf != nil {
		if id, ok := s.deps.IdentityOf(r); ok {
			return id, nil
		}
	}
	if p.Empty() {
		return auth.Identity{}, auth.ErrNoCredentials
	}
	return s.deps.Auth.Authenticate(r.Context(), p)
}

// challenge asks for credentials (RFC 9110 §11.6.1).
func challenge(w http.ResponseWriter) {
	w.Header().Add("WWW-Authenticate", fmt.Sprintf("Basic realm=%q, charset=\"UTF-8\"", auth.Realm))
	w.Header().Add("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q", auth.Realm))
}

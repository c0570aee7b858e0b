package enroll

import (
	"net/http"
	"slices"
	"strings"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

const tokenType = "com.bbn.marti.remote.TokenResult"

// tokenInfo is an access token as the list shows it. The token itself is not kept;
// its id takes its place, also for revoking.
type tokenInfo struct {
	Token    string `json:"token"`
	Username string `json:"username"`
	Expired  bool   `json:"expired"`
	Expires  string `json:"expiresAt"`
}

func (a *API) tokenRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /Marti/api/token", a.listTokens)
	mux.HandleFunc("DELETE /Marti/api/token/{tokens}", a.revokeTokens)
	mux.HandleFunc("DELETE /Marti/api/token/revoke/{tokens}", a.revokeTokens)
}

// access returns the access tokens that the caller may see: all for
// administrators, their own for others.
func (a *API) access(r *http.Request) ([]auth.Access, error) {
	id := reply.From(r).Identity
	if auth.Allow(id, auth.Admin, auth.Server()) == nil {
		return a.Auth.ListAccess(r.Context(), "")
	}
	if id.System {
		return nil, nil
	}
	return a.Auth.ListAccess(r.Context(), id.User)
}

func (a *API) listTokens(w http.ResponseWriter, r *http.Request) {
	all, err := a.access(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	out := []tokenInfo{}
	for _, t := range all {
		out = append(out, tokenInfo{Token: t.ID, Username: t.User, Expires: t.Expires.UTC().Format(takTime)})
	}
	a.Node.Envelope(w, tokenType, out)
}

func (a *API) revokeTokens(w http.ResponseWriter, r *http.Request) {
	if crossSite(r) {
		reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
		return
	}
	all, err := a.access(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	ids := strings.Split(r.PathValue("tokens"), ",")
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(t auth.Access) bool { return t.ID == id }) {
			reply.Error(w, http.StatusNotFound, "There is no such token.")
			return
		}
	}
	for _, id := range ids {
		if err := a.Auth.RevokeAccess(r.Context(), id); err != nil {
			a.fail(w, err)
			return
		}
	}
	a.Node.Envelope(w, tokenType, ids)
}

package marti

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

// product is the word that ATAK looks for in the answer to /Marti/api/version.
const product = "TAK Server"

// apiVersion is that of the stream offer and of /version/config.
const apiVersion = "3"

// about serves what the server says of itself.
func (s *Server) about() {
	text := func(path string, f func(r *http.Request) string) {
		s.api.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { reply.Text(w, http.StatusOK, f(r)) })
	}
	text("/Marti/api/version", func(*http.Request) string { return product + " " + s.deps.Version + " (Muster)" })
	text("/Marti/api/ver", func(*http.Request) string { return s.deps.Version })
	text("/Marti/api/node/id", func(*http.Request) string { return s.deps.Node.ID })
	text("/Marti/api/home", func(*http.Request) string { return "/" })
	text("/Marti/api/util/isAdmin", func(r *http.Request) string {
		if isAdmin(r) {
			return "true"
		}
		return "false"
	})
	s.api.HandleFunc("GET /Marti/api/version/config", func(w http.ResponseWriter, r *http.Request) {
		s.deps.Node.Envelope(w, "ServerConfig", struct {
			Version  string `json:"version"`
			API      string `json:"api"`
			Hostname string `json:"hostname"`
		}{s.deps.Version, apiVersion, hostOf(r)})
	})
	s.api.HandleFunc("GET /Marti/api/version/info", func(w http.ResponseWriter, _ *http.Request) {
		n := numbers(s.deps.Version)
		reply.JSON(w, http.StatusOK, struct {
			Major   int    `json:"major"`
			Minor   int    `json:"minor"`
			Patch   int    `json:"patch"`
			Branch  string `json:"branch"`
			Variant string `json:"variant"`
		}{n[0], n[1], n[2], "", "muster"})
	})
	s.api.HandleFunc("GET /Marti/api/util/user/roles", func(w http.ResponseWriter, r *http.Request) {
		roles := []string{"ROLE_WEBTAK"}
		if isAdmin(r) {
			roles = []string{"ROLE_ADMIN", "ROLE_WEBTAK"}
		}
		reply.JSON(w, http.StatusOK, roles)
	})
}

// numbers reads the leading numbers of a version; those it lacks are 0.
func numbers(version string) (out [3]int) {
	for i, part := range strings.SplitN(version, ".", 3) {
		for _, c := range part {
			if c < '0' || c > '9' || out[i] > 1<<20 {
				return out
			}
			out[i] = out[i]*10 + int(c-'0')
		}
	}
	return out
}

func hostOf(r *http.Request) string {
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		return h
	}
	return (&url.URL{Host: r.Host}).Hostname()
}

func isAdmin(r *http.Request) bool {
	return auth.Allow(reply.From(r).Identity, auth.Admin, auth.Server()) == nil
}

// admin lets administrators pass.
func admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !isAdmin(r) {
			reply.Error(w, http.StatusForbidden, "Only administrators may do this.")
			return
		}
		next(w, r)
	}
}

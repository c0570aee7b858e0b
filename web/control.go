package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"

	"muster/internal/auth"
	"muster/web/api"
	"muster/web/problem"
)

// controlPaths are what the door for application servers leads to: rooms, and to
// read what is needed besides.
var (
	controlPaths = []string{"/api/v1/rooms", "/api/v1/invitations"}
	readPaths    = []string{"/api/v1/events", "/api/v1/streams", "/api/v1/recordings", "/api/v1/groups"}
)

// LoadControlToken returns the token in file, which is made on the first start, for
// its owner only to read.
func LoadControlToken(file string) (string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		b = []byte(rand.Text() + "\n")
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("web: control token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if len(token) < 20 {
		return "", fmt.Errorf("web: control token: %s must hold at least 20 characters; remove it and a new one is made", file)
	}
	return token, nil
}

func (s *Server) serveControl(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.hosts.check(s.control()))
}

// control serves an outside application server on this machine: the part of the
// API that is about rooms, for whoever knows the control token, who may do
// everything there; or for users, with their own tokens and rights.
func (s *Server) control() http.Handler {
	inner := s.api.Handler()
	users := s.gate.Identify(inner)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/openapi.json" && r.Method == http.MethodGet {
			s.describeControl(w)
			return
		}
		if !controlled(r.Method, r.URL.Path) {
			problem.Write(w, http.StatusNotFound, "There is nothing at this address. /openapi.json lists what there is.")
			return
		}
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if s.deps.ControlToken != "" && strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(s.deps.ControlToken)) == 1 {
			inner.ServeHTTP(w, r.WithContext(api.WithIdentity(r.Context(), auth.System("control"))))
			return
		}
		users.ServeHTTP(w, r)
	})
}

func controlled(method, path string) bool {
	below := func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") }
	return slices.ContainsFunc(controlPaths, below) || method == http.MethodGet && slices.ContainsFunc(readPaths, below)
}

// describeControl writes the description of what this door leads to: a part of
// that of the whole API.
func (s *Server) describeControl(w http.ResponseWriter) {
	rec := httptest.NewRecorder()
	s.api.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	var doc map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		problem.Write(w, http.StatusInternalServerError, "There is no description.")
		return
	}
	if paths, ok := doc["paths"].(map[string]any); ok {
		for p, v := range paths {
			item, _ := v.(map[string]any)
			for method := range item {
				if !controlled(strings.ToUpper(method), p) {
					delete(item, method)
				}
			}
			if len(item) == 0 {
				delete(paths, p)
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(doc)
}

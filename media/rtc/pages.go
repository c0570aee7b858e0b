package rtc

import (
	"embed"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
)

//go:embed assets
var assets embed.FS

// assetOf returns the embedded script or style called name, or "".
func assetOf(name string) string {
	switch name {
	case "reader.js", "publisher.js", "player-page.js", "publish-page.js", "page.css":
		return "assets/" + name
	}
	return ""
}

func serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	b, err := assets.ReadFile(name)
	if err != nil {
		problem(w, http.StatusNotFound, "there is no such file", nil)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "no-cache")
	write(w, r, b)
}

// page serves one of the two pages to whoever is logged in. What the stream
// allows is decided when the page asks for it.
func (s *Server) page(w http.ResponseWriter, r *http.Request, _ safename.Name, file string) {
	if _, err := s.identify(r, proof(r)); err != nil {
		if errors.Is(err, auth.ErrNoCredentials) || errors.Is(err, auth.ErrBadCredentials) {
			w.Header().Set("Cache-Control", "no-store")
		}
		s.refuse(w, r, err)
		return
	}
	b, err := assets.ReadFile("assets/" + file)
	if err != nil {
		problem(w, http.StatusNotFound, "there is no such page", nil)
		return
	}
	frames := "'self'"
	for _, o := range s.cfg.AllowOrigins {
		if o != "*" {
			frames += " " + o
		}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors %s", frames))
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self)")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	write(w, r, b)
}

func write(w http.ResponseWriter, r *http.Request, b []byte) {
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
}

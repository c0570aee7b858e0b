package hls

import (
	"embed"
	"html/template"
	"net/http"
	"path"

	"muster/internal/safename"
)

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/player.html"))

// serveAsset serves the player's own script and style, which are the same for
// everybody, and reports whether file is one of them or could be.
func serveAsset(w http.ResponseWriter, r *http.Request, file string) bool {
	if ext := path.Ext(file); ext != ".js" && ext != ".css" {
		return false
	}
	b, err := pageFiles.ReadFile("page/" + file)
	if err != nil {
		refuse(w, http.StatusNotFound, "there is no such file")
		return true
	}
	if path.Ext(file) == ".js" {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	} else {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(b)
	return true
}

// servePage serves the player page of a stream to those who may watch it.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, name safename.Name) {
	id, err := s.authenticate(r, r.URL.Query())
	if err == nil {
		_, err = s.deps.Router.Find(id, name)
	}
	if err != nil {
		s.refuse(w, r, name, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")
	_ = pageTemplate.Execute(w, name.String())
}

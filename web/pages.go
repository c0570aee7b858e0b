package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// policy is the Content-Security-Policy of every page. There is no inline
// script and nothing from elsewhere. 'self' in connect-src covers WebSockets to
// the same origin.
// Tiles of maps may be loaded from the servers that the configuration names.
func policy(tiles string) string {
	return "default-src 'self'; img-src 'self' data: blob:" + tiles + "; media-src 'self' blob:; connect-src 'self'" + tiles + "; " +
		"style-src 'self'; worker-src 'self' blob:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
}

// secure adds the headers that make browsers careful.
func secure(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(self), screen-wake-lock=(self), fullscreen=(self), picture-in-picture=(self), autoplay=(self)")
		if r.TLS != nil && isName(r.Host) {
			// Not for addresses and .local names: there, a certificate of our
			// own CA is all there can be, and a browser that does not know it
			// must be able to go on.
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// file is a file of the interface, ready to be sent.
type file struct {
	name  string
	plain []byte
	gz    []byte // nil where compressing gains nothing
	etag  string
}

// pages serves the built interface. Files below assets/ have a hash in their
// name and never change; any other path is the application itself, which looks
// at the path.
type pages struct{ files map[string]*file }

// newPages reads root. It is small: everything is kept in memory.
func newPages(root fs.FS) (*pages, error) {
	p := &pages{files: make(map[string]*file)}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f := &file{name: name}
		if f.plain, err = fs.ReadFile(root, name); err != nil {
			return err
		}
		sum := sha256.Sum256(f.plain)
		f.etag = `"` + hex.EncodeToString(sum[:12]) + `"`
		if f.gz, err = compress(name, f.plain); err != nil {
			return err
		}
		p.files["/"+name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: read the interface: %w", err)
	}
	return p, nil
}

// compress gzips what shrinks by it.
func compress(name string, plain []byte) ([]byte, error) {
	switch path.Ext(name) {
	case ".html", ".js", ".mjs", ".css", ".svg", ".json", ".webmanifest", ".txt":
	default:
		return nil, nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if b.Len() >= len(plain) {
		return nil, nil
	}
	return b.Bytes(), nil
}

// types of files that the standard library or the machine may name otherwise.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json", ".webmanifest": "application/manifest+json",
	".woff2": "font/woff2", ".png": "image/png", ".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8",
}

// ServeHTTP implements http.Handler.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Pages are read with GET.", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	f := p.files[r.URL.Path]
	switch {
	case f == nil && (strings.HasPrefix(r.URL.Path, "/assets/") || path.Ext(r.URL.Path) == ".js"):
		h.Set("Cache-Control", "no-store")
		http.Error(w, "There is no such file. Load the page anew: the server may have been upgraded.", http.StatusNotFound)
		return
	case f == nil:
		f = p.files["/index.html"]
	}
	if f == nil {
		http.Error(w, "This server was built without its pages. The API is at /api/openapi.json.", http.StatusNotFound)
		return
	}
	if strings.HasPrefix(f.name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if t := types[path.Ext(f.name)]; t != "" {
		h.Set("Content-Type", t)
	}
	body := f.plain
	if f.gz != nil && takesGzip(r) {
		body = f.gz
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", strings.TrimSuffix(f.etag, `"`)+`-gz"`)
	}
	http.ServeContent(w, r, f.name, time.Time{}, io.NewSectionReader(bytes.NewReader(body), 0, int64(len(body))))
}

// takesGzip reads Accept-Encoding (RFC 9110 §12.5.3) as browsers write it.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}

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
	"sync"
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

// file is a file of the interface. What is sent along with it is made when it is
// asked for the first time: a server that nobody looks at keeps no pages in memory.
type file struct {
	name string
	once sync.Once
	etag string
	gz   []byte // nil where compressing gains nothing
	err  error
}

// pages serves the built interface. Files below assets/ have a hash in their
// name and never change; any other path is the application itself, which looks
// at the path.
type pages struct {
	root  fs.FS
	files map[string]*file // by path
}

// newPages serves the files of root, which must be files that can seek.
func newPages(root fs.FS) (*pages, error) {
	p := &pages{root: root, files: make(map[string]*file)}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			p.files["/"+name] = &file{name: name}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("web: read the interface: %w", err)
	}
	return p, nil
}

// open returns the content of f.
func (p *pages) open(f *file) (io.ReadSeekCloser, error) {
	r, err := p.root.Open(f.name)
	if err != nil {
		return nil, fmt.Errorf("web: read the interface: %w", err)
	}
	rs, ok := r.(io.ReadSeekCloser)
	if !ok {
		r.Close()
		return nil, fmt.Errorf("web: read the interface: %s cannot seek", f.name)
	}
	return rs, nil
}

// body returns what is sent of f, which is prepared.
func (p *pages) body(f *file, zipped bool) (io.ReadSeekCloser, error) {
	switch {
	case f.err != nil:
		return nil, f.err
	case zipped:
		return memory{bytes.NewReader(f.gz)}, nil
	default:
		return p.open(f)
	}
}

// memory is a content that needs no closing.
type memory struct{ *bytes.Reader }

// Close implements io.Closer.
func (memory) Close() error { return nil }

// prepare makes the entity tag of f and compresses it.
func (p *pages) prepare(f *file) error {
	r, err := p.open(f)
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		return fmt.Errorf("web: read the interface: %w", err)
	}
	f.etag = `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`
	if !compressible[path.Ext(f.name)] {
		return nil
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("web: read the interface: %w", err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err = io.Copy(z, r); err == nil {
		err = z.Close()
	}
	if err != nil {
		return fmt.Errorf("web: compress the interface: %w", err)
	}
	if int64(b.Len()) < n {
		f.gz = bytes.Clone(b.Bytes())
	}
	return nil
}

// compressible are the files that shrink by compression.
var compressible = map[string]bool{
	".html": true, ".js": true, ".mjs": true, ".css": true, ".svg": true, ".json": true, ".webmanifest": true, ".txt": true,
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
	f.once.Do(func() { f.err = p.prepare(f) })
	zipped := f.gz != nil && takesGzip(r)
	body, err := p.body(f, zipped)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer body.Close()
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
	if zipped {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", strings.TrimSuffix(f.etag, `"`)+`-gz"`)
	}
	http.ServeContent(w, r, f.name, time.Time{}, body)
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

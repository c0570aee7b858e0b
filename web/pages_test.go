package web

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRedirects(t *testing.T) {
	h := open(t, func(_ *Config, d *Deps) {
		d.Challenge = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
					io.WriteString(w, "token")
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	})
	_, port, _ := net.SplitHostPort(h.doors.Addr("https"))
	for _, door := range []string{"http", "https"} { // plain HTTP on the TLS port is redirected too
		c := h.client(t, door, false)
		for _, tc := range []struct{ host, path, want string }{
			{"muster.example", "/a?b=c", "https://muster.example:" + port + "/a?b=c"},
			{"192.0.2.1:80", "/", "https://192.0.2.1:" + port + "/"},
			{"[2001:db8::1]", "/", "https://[2001:db8::1]:" + port + "/"},
			{"evil.example", "/", ""},
			{"muster.example@evil.example", "/", ""},
		} {
			req, _ := http.NewRequest("GET", "http://muster.example"+tc.path, nil)
			req.Host = tc.host
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if tc.want == "" {
				if res.StatusCode != http.StatusMisdirectedRequest && res.StatusCode != http.StatusBadRequest {
					t.Errorf("%s: %s %s", tc.host, res.Status, res.Header.Get("Location"))
				}
				continue
			}
			if res.StatusCode != http.StatusPermanentRedirect || res.Header.Get("Location") != tc.want {
				t.Errorf("%s: %s to %s", tc.host, res.Status, res.Header.Get("Location"))
			}
		}
	}
	if a := do(t, h.client(t, "http", false), "GET", "http://muster.example/.well-known/acme-challenge/x", nil, ""); a.text != "token" {
		t.Errorf("ACME: %s %s", a.Status, a.text)
	}
}

func TestRebinding(t *testing.T) {
	h := open(t, func(c *Config, _ *Deps) { c.Names = []string{"extra.example"} })
	for host, ours := range map[string]bool{
		"muster.example": true, "MUSTER.example.:443": true, "a.wild.example": true, "a.b.wild.example": false, "extra.example:8081": true,
		"localhost:8081": true, "127.0.0.1": true, "[::1]:8081": true, "203.0.113.9": true,
		"evil.example": false, "muster.example.evil.example": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "0x7f.1": false,
	} {
		for _, door := range []string{"https", "api", "media-api"} {
			url := "http://muster.example/metrics"
			if door == "https" {
				url = site + "/"
			}
			a := do(t, h.client(t, door, false), "GET", url, http.Header{"Host": {host}}, "")
			if refused := a.StatusCode == http.StatusMisdirectedRequest; refused == ours {
				t.Errorf("%s at %s: %s", host, door, a.Status)
			}
		}
	}
}

func TestHeadersAndPages(t *testing.T) {
	h := open(t, nil)
	c := h.client(t, "https", false)
	a := do(t, c, "GET", site+"/admin/people", nil, "")
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Strict-Transport-Security": "max-age", "Permissions-Policy": "camera=(self)", "Cache-Control": "no-cache", "Content-Type": "text/html",
	} {
		if !strings.Contains(a.Header.Get(name), want) {
			t.Errorf("%s: %q", name, a.Header.Get(name))
		}
	}
	if strings.Contains(a.Header.Get("Content-Security-Policy"), "unsafe") {
		t.Error("the policy lets inline things through")
	}
	if s := do(t, c, "GET", site+"/", http.Header{"Host": {"192.0.2.1"}}, "").Header.Get("Strict-Transport-Security"); s != "" {
		t.Errorf("HSTS for an address: %s", s)
	}
	zipped := do(t, c, "GET", site+"/assets/a-1.js", http.Header{"Accept-Encoding": {"br, gzip"}}, "")
	if zipped.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(zipped.Header.Get("Cache-Control"), "immutable") || len(zipped.text) > 200 {
		t.Errorf("%v, %d bytes", zipped.Header, len(zipped.text))
	}
	again := do(t, c, "GET", site+"/assets/a-1.js", http.Header{"Accept-Encoding": {"gzip"}, "If-None-Match": {zipped.Header.Get("ETag")}}, "")
	if again.StatusCode != http.StatusNotModified {
		t.Error(again.Status)
	}
	if p := do(t, c, "GET", site+"/assets/a-1.js", nil, ""); p.Header.Get("Content-Encoding") != "" || len(p.text) != 1100 {
		t.Errorf("%v, %d bytes", p.Header, len(p.text))
	}
	for path, want := range map[string]int{"/assets/gone-2.js": 404, "/assets/../index.html": 200, "/%2e%2e/%2e%2e/etc/passwd": 200} {
		if a := do(t, c, "GET", site+path, nil, ""); a.StatusCode != want && a.StatusCode != http.StatusTemporaryRedirect || strings.Contains(a.text, "root:") {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if a := do(t, c, "POST", site+"/", nil, "x"); a.StatusCode != http.StatusMethodNotAllowed {
		t.Error(a.Status)
	}
}

func FuzzHostname(f *testing.F) {
	for _, s := range []string{"muster.example:443", "[::1]:8081", "a@b", "", "[", "x..", "127.0.0.1", "a:b:c"} {
		f.Add(s)
	}
	h := newHosts(nil, func() []string { return []string{"muster.example", "*.wild.example"} })
	f.Fuzz(func(t *testing.T, s string) {
		name := hostname(s)
		if strings.ContainsAny(name, "/@?#\\ ") {
			t.Fatalf("%q has the name %q", s, name)
		}
		if h.ours(s) && name == "" {
			t.Fatalf("%q is ours", s)
		}
	})
}

func TestNamesAreNotAskedForEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, names := 0, []string{"one.example"}
		h := newHosts(nil, func() []string { asked++; return names })
		for range 100 {
			if !h.ours("one.example") || h.ours("two.example") {
				t.Fatal("wrong names")
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		names = []string{"two.example"}
		time.Sleep(namesFor)
		if !h.ours("two.example") {
			t.Error("a new name is not known")
		}
	})
}

package rtc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"muster/internal/auth"
	"muster/media/codec"
)

func TestHTTP(t *testing.T) {
	b := newBench(t, func(c *Config, _ *Deps) {
		c.ICEServers = []ICEServer{{URL: "stun:stun.example.org"}, {URL: "turn:turn.example.org", Username: "u", Password: "p"}}
		c.AllowOrigins = []string{"https://app.example.org"}
	})
	b.feed(codec.NewVideo(codec.H264))
	for _, tc := range []struct {
		name, method, path, user, ctype, body string
		status                                int
		detail                                string // part of the problem's text
	}{
		{"options", "OPTIONS", "/site/cam/whep", "", "", "", 204, ""},
		{"get", "GET", "/site/cam/whep", "watch", "", "", 405, "takes OPTIONS, POST"},
		{"head", "HEAD", "/site/cam/whip", "watch", "", "", 405, ""},
		{"put", "PUT", "/site/cam/whip", "watch", "", "", 405, ""},
		{"no credentials", "POST", "/site/cam/whep", "", sdpType, "v=0", 401, "log in"},
		{"unknown user", "POST", "/site/cam/whep", "nobody", sdpType, "v=0", 401, "not right"},
		{"fault of ours", "POST", "/site/cam/whep", "fault", sdpType, "v=0", 500, "could not be started"},
		{"limited", "POST", "/site/cam/whep", "slow", sdpType, "v=0", 429, "too many"},
		{"wrong type", "POST", "/site/cam/whep", "watch", "text/plain", "v=0", 400, "application/sdp"},
		{"not SDP", "POST", "/site/cam/whep", "watch", sdpType, "hello", 400, "not SDP"},
		{"huge", "POST", "/site/cam/whep", "watch", sdpType, strings.Repeat("x", 70000), 413, "65536"},
		{"other's stream", "POST", "/site/cam/whep", "other", sdpType, "v=0", 404, "no stream"},
		{"no stream", "POST", "/site/none/whep", "watch", sdpType, "v=0", 404, "no stream"},
		{"may not publish", "POST", "/site/new/whip", "watch", sdpType, "v=0", 403, "may not publish"},
		{"bad name", "POST", "/a/../b/whep", "watch", sdpType, "v=0", 400, "name"},
		{"no name", "POST", "/whep", "watch", sdpType, "v=0", 404, "names no stream"},
		{"unknown secret", "PATCH", "/site/cam/whep/ABC", "", fragType, "", 404, "no such session"},
		{"unknown secret", "DELETE", "/site/cam/whip/ABC", "", "", "", 404, "no such session"},
		{"get secret", "GET", "/site/cam/whip/ABC", "", "", "", 405, ""},
		{"page without login", "GET", "/site/cam/", "", "", "", 401, "log in"},
		{"page", "GET", "/site/cam/", "watch", "", "", 200, ""},
		{"publish page", "GET", "/site/cam/publish", "watch", "", "", 200, ""},
		{"redirect", "GET", "/site/cam", "watch", "", "", 302, ""},
		{"script", "GET", "/site/cam/reader.js", "", "", "", 200, ""},
		{"script", "GET", "/site/cam/publisher.js", "", "", "", 200, ""},
		{"root", "GET", "/", "", "", "", 404, "names no stream"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := b.do(tc.method, tc.path, tc.user, tc.ctype, tc.body)
			if res.StatusCode != tc.status {
				t.Fatalf("status %d, want %d: %s", res.StatusCode, tc.status, text(res))
			}
			if tc.status == 401 && len(res.Header.Values("WWW-Authenticate")) == 0 {
				t.Error("no challenge")
			}
			if tc.detail == "" {
				return
			}
			var p struct{ Detail string }
			if err := json.NewDecoder(res.Body).Decode(&p); err != nil || !strings.Contains(p.Detail, tc.detail) {
				t.Errorf("problem %q does not say %q (%v)", p.Detail, tc.detail, err)
			}
		})
	}

	t.Run("headers of OPTIONS", func(t *testing.T) {
		res := b.do("OPTIONS", "/site/cam/whip", "", "", "")
		if res.Header.Get("Accept-Post") != sdpType {
			t.Error("Accept-Post", res.Header)
		}
		if links := res.Header.Values("Link"); len(links) != 1 || links[0] != `<stun:stun.example.org>; rel="ice-server"` {
			t.Errorf("a stranger is told %q", links)
		}
		if links := b.do("OPTIONS", "/site/cam/whip", "pilot", "", "").Header.Values("Link"); len(links) != 2 || !strings.Contains(links[1], `credential="p"`) {
			t.Errorf("a user is told %q", links)
		}
	})
	t.Run("redirect stays here", func(t *testing.T) {
		if got := b.do("GET", "/site/cam?token=x", "", "", "").Header.Get("Location"); got != "./cam/?token=x" {
			t.Errorf("Location %q", got)
		}
		if res := b.do("GET", "//example.org", "", "", ""); res.StatusCode == 302 {
			t.Errorf("leads to %q", res.Header.Get("Location"))
		}
	})
	t.Run("content security policy", func(t *testing.T) {
		csp := b.do("GET", "/site/cam/", "watch", "", "").Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'self' https://app.example.org") {
			t.Error(csp)
		}
	})
}

func TestOrigins(t *testing.T) {
	for _, tc := range []struct {
		name                      string
		allowed                   []string
		origin, want, credentials string
	}{
		{"any", []string{"*"}, "https://evil.example", "*", ""},
		{"listed", []string{"https://a.example"}, "https://a.example", "https://a.example", "true"},
		{"not listed", []string{"https://a.example"}, "https://evil.example", "", ""},
		{"listed and any", []string{"*", "https://a.example"}, "https://b.example", "*", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &Server{cfg: Config{AllowOrigins: tc.allowed}}
			r := httptest.NewRequest("OPTIONS", "/cam/whep", nil)
			r.Header.Set("Origin", tc.origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			h := w.Header()
			if h.Get("Access-Control-Allow-Origin") != tc.want || h.Get("Access-Control-Allow-Credentials") != tc.credentials {
				t.Error(h)
			}
		})
	}
}

func TestProof(t *testing.T) {
	for _, tc := range []struct{ name, header, query, user, pass, token string }{
		{"basic", "Basic dTpw", "", "u", "p", ""},
		{"bearer", "Bearer abc", "", "", "", "abc"},
		{"bearer of OBS", "bearer u:p:q", "", "u", "p:q", ""},
		{"query", "", "?user=u&pass=p", "u", "p", ""},
		{"token", "", "?token=t", "", "", "t"},
		{"jwt", "", "?jwt=t", "", "", "t"},
		{"nothing", "", "", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/cam/whep"+tc.query, nil)
			r.RemoteAddr = "[::ffff:192.0.2.7]:55"
			if tc.header != "" {
				r.Header.Set("Authorization", tc.header)
			}
			p := proof(r)
			if p.User != tc.user || p.Password != tc.pass || p.Token != tc.token || p.Remote.String() != "192.0.2.7" {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestStrangersCostNothing(t *testing.T) {
	b := newBench(t)
	b.feed(codec.NewVideo(codec.H264))
	body := &countingReader{}
	req, _ := http.NewRequest("POST", b.base+"/site/cam/whep", body)
	req.Header.Set("Content-Type", sdpType)
	req.Header.Set("Expect", "100-continue")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 || body.n > 0 || b.auth.calls.Load() != 0 {
		t.Errorf("status %d, %d bytes read, %d passwords checked", res.StatusCode, body.n, b.auth.calls.Load())
	}
}

type countingReader struct{ n int }

func (c *countingReader) Read(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

func TestIdentityOfSurroundingServer(t *testing.T) {
	b := newBench(t, func(_ *Config, d *Deps) {
		d.IdentityOf = func(r *http.Request) (auth.Identity, bool) { return watch, r.Header.Get("Cookie") == "session=1" }
	})
	b.feed(codec.NewVideo(codec.H264))
	h := http.StripPrefix("/live", b.srv.Handler())
	c := newClient(t)
	if _, err := c.pc.AddTransceiverFromKind(1); err != nil {
		t.Fatal(err)
	}
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/live/site/cam/whep", strings.NewReader(c.pc.LocalDescription().SDP))
	r.Header.Set("Cookie", "session=1")
	r.Header.Set("Content-Type", sdpType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 406 && w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if loc := w.Header().Get("Location"); w.Code == 201 && !strings.HasPrefix(loc, "/live/site/cam/whep/") {
		t.Errorf("Location %q does not honour the mount", loc)
	}
}

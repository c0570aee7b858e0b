package marti

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/cot/marti/reply"
	"muster/internal/auth"
	"muster/internal/run"
)

// missionToken is what ATAK sends in the place of a login.
var missionToken = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + ".e30.c2ln"

func TestCertificateDoorKnowsItsCallersByTheirCertificate(t *testing.T) {
	h := open(t, func(_ *Config, d *Deps) { d.Parts = []Routes{part{"GET /Marti/api/who": whoCalls}} })
	_, password := as("ann")
	for _, header := range [][]string{nil, {"Authorization", password}, {"Authorization", "Bearer " + missionToken}} {
		if a := h.ask(atCert, "GET", "/Marti/api/who", "", header...); a.StatusCode != 200 || !strings.HasPrefix(a.text, "mike true") {
			t.Errorf("with %q: %s %s", header, a.Status, a.text)
		}
	}
	nobody := &http.Transport{TLSClientConfig: h.trusting(), DialContext: h.transport(atCert).DialContext}
	if a, err := h.try(&http.Client{Transport: nobody}, atCert, "GET", "/Marti/api/version", ""); err == nil {
		t.Errorf("without a certificate: %s %s", a.Status, a.text)
	}
	h.check(h.auth.SetDisabled(t.Context(), "mike", true))
	eventually(t, "the old connection is cut", func() bool { return h.Stats().Open == 0 })
	a := h.ask(atCert, "GET", "/Marti/api/who", "")
	if a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") != "" || !strings.HasPrefix(a.text, `{"status":"UNAUTHORIZED","code":9,"message":"`) {
		t.Errorf("a disabled user: %s %v %s", a.Status, a.Header, a.text)
	}
}

func TestLoginAndPlainDoorsTakePasswordsAndTokens(t *testing.T) {
	var anonymous bool
	var tokens [2]string
	for _, anonymous = range []bool{false, true} {
		h := open(t, func(_ *Config, d *Deps) {
			d.Parts = []Routes{part{"GET /Marti/api/who": whoCalls}}
			if anonymous {
				id := auth.Anonymous("red")
				d.Anonymous = &id
			}
		})
		var err error
		for i, scope := range []*auth.Scope{nil, {Actions: []auth.Action{auth.Read}}} {
			_, tokens[i], err = h.auth.CreateToken(t.Context(), "olga", auth.TokenSpec{Name: "x", Kind: auth.KindToken, Scope: scope})
			h.check(err)
		}
		olga, err := h.auth.Authenticate(t.Context(), auth.Proof{User: "olga", Password: "password of olga", Remote: netip.MustParseAddr("192.0.2.1")})
		h.check(err)
		access, err := h.auth.IssueAccess(t.Context(), olga, time.Hour)
		h.check(err)
		_, right := as("mike")
		nobody := "401"
		if anonymous {
			nobody = "anonymous"
		}
		for _, test := range []struct{ name, key, value, login, plain string }{
			{"nothing", "X", "", "401", nobody},
			{"a password", "Authorization", right, "mike", "mike"},
			{"a wrong one", "Authorization", "Basic bWlrZTpndWVzcw==", "401", "401"},
			{"a token", "Authorization", "Bearer " + tokens[0], "olga", "olga"},
			{"a token, spelt otherwise", "authorization", "bearer  " + tokens[0], "olga", "olga"},
			{"a token in place of a password", "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("olga:"+tokens[0])), "olga", "olga"},
			{"an access token", "Authorization", "Bearer " + access, "olga", "olga"},
			{"an access token as a cookie", "Cookie", "a=b; access_token=" + access, "olga", "olga"},
			{"an empty cookie", "Cookie", "access_token=", "401", nobody},
			{"a wrong cookie", "Cookie", "access_token=x", "401", "401"},
			{"a token for something else", "Authorization", "Bearer " + tokens[1], "403", "403"},
			{"a token of a mission", "Authorization", "Bearer " + missionToken, "401", nobody},
			{"a token of a mission in its own place", "MissionAuthorization", "Bearer " + missionToken, "401", nobody},
			{"garbage", "Authorization", "Bearer", "401", nobody},
			{"another scheme", "Authorization", "Digest x", "401", nobody},
		} {
			for door, want := range map[string]string{atLogin: test.login, atPlain: test.plain} {
				a := h.ask(door, "GET", "/Marti/api/who", "", test.key, test.value)
				got, _, _ := strings.Cut(a.text, " ")
				if a.StatusCode != 200 {
					got = fmt.Sprint(a.StatusCode)
				}
				if got != want {
					t.Errorf("%s at %s (anonymous: %v): %s, want %s", test.name, door, anonymous, got, want)
				}
				if challenge := a.Header.Get("WWW-Authenticate"); (challenge == `Basic realm="`+auth.Realm+`"`) != (want == "401") {
					t.Errorf("%s at %s is answered with the challenge %q", test.name, door, challenge)
				}
			}
		}
		h.stop()
	}
}

func TestPagesOfOtherSitesMayNotCall(t *testing.T) {
	h := open(t, nil)
	id := auth.Anonymous("red")
	h.deps.Anonymous = &id
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200, "": 200} {
		for _, door := range []string{atCert, atLogin, atPlain} {
			k, v := as("mike")
			a := h.ask(door, "GET", "/Marti/api/ver", "", k, v, "Sec-Fetch-Site", site)
			if a.StatusCode != want || want == 403 && !strings.HasPrefix(a.text, `{"status":"FORBIDDEN","code":10,`) {
				t.Errorf("%q at %s: %s %s", site, door, a.Status, a.text)
			}
		}
	}
}

// failing is an authenticator that has only one answer.
type failing struct{ err error }

func (f failing) Authenticate(context.Context, auth.Proof) (auth.Identity, error) {
	return auth.Identity{}, f.err
}

func TestWhyALoginWasNotTaken(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		want  int
		retry string
	}{
		"too many failures": {&auth.LimitedError{RetryAfter: 90 * time.Second}, 429, "90"},
		"a short wait":      {fmt.Errorf("x: %w", &auth.LimitedError{RetryAfter: time.Millisecond}), 429, "1"},
		"bad credentials":   {auth.ErrBadCredentials, 401, ""},
		"denied":            {auth.ErrDenied, 403, ""},
		"revoked":           {auth.ErrRevoked, 403, ""},
		"our own fault":     {errors.New("SELECT secret FROM users"), 503, ""},
	} {
		s, err := New(DefaultConfig(), Deps{Auth: failing{test.err}, Sessions: auth.NewSessions(nil), Router: noRouter{}, Doors: run.NewDoors(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/Marti/api/ver", nil)
		r.SetBasicAuth("mike", "x")
		s.arrive(loginDoor).ServeHTTP(w, r)
		if w.Code != test.want || w.Header().Get("Retry-After") != test.retry || strings.Contains(w.Body.String(), "SELECT") {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
}

func TestWhoCallsIsOnTheRegisterForAsLongAsTheConnection(t *testing.T) {
	h := open(t, nil)
	for _, http2 := range []bool{true, false} {
		tr := h.transport(atCert)
		tr.ForceAttemptHTTP2 = http2
		c := &http.Client{Transport: tr}
		for range 3 {
			if a, err := h.try(c, atCert, "GET", "/Marti/api/ver", "", "User-Agent", strings.Repeat("phone", 100)); err != nil || a.StatusCode != 200 || (a.ProtoMajor == 2) != http2 {
				t.Fatalf("%v %s %s", err, a.Proto, a.Status)
			}
		}
		list := h.sessions.List()
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		s := list[0]
		if s.User != "mike" || s.Protocol != "marti" || s.Action != auth.Join || s.Device != authority().phone.Fingerprint || !s.Remote.IsValid() || len(s.Agent) != 200 {
			t.Errorf("%+v", s)
		}
		if n := h.Stats(); n.Open != 1 {
			t.Errorf("%+v", n)
		}
		tr.CloseIdleConnections()
		eventually(t, "the session is over", func() bool { return len(h.sessions.List()) == 0 && h.Stats().Open == 0 })
	}
	// An administrator ends it: the connection goes, and the next one is as good
	// as ever.
	h.ask(atCert, "GET", "/Marti/api/ver", "")
	h.sessions.Kick(h.sessions.List()[0].ID)
	eventually(t, "the connection is cut", func() bool { return len(h.sessions.List()) == 0 })
	h.ask(atCert, "GET", "/Marti/api/ver", "")
}

func TestOneConnectionBringsOnlySoManyPeople(t *testing.T) {
	h := open(t, nil)
	k, v := as("bea")
	if a := h.ask(atLogin, "GET", "/Marti/api/ver", "", k, v); a.StatusCode != 200 {
		t.Fatal(a.Status)
	}
	for i := range maxPerConn + 1 {
		_, token, err := h.auth.CreateToken(t.Context(), "mike", auth.TokenSpec{Name: "x", Kind: auth.KindToken})
		h.check(err)
		want := 200
		if i >= maxPerConn-1 {
			want = 403
		}
		if a := h.ask(atLogin, "GET", "/Marti/api/ver", "", "Authorization", "Bearer "+token); a.StatusCode != want {
			t.Errorf("%d: %s", i, a.Status)
		}
	}
	if a := h.ask(atLogin, "GET", "/Marti/api/ver", "", k, v); a.StatusCode != 200 { // one of those already here
		t.Error(a.Status)
	}
	if n := len(h.sessions.List()); n != maxPerConn {
		t.Errorf("%d sessions", n)
	}
}

func TestRevocationCutsTransfersUnderWay(t *testing.T) {
	begun, left := make(chan error), make(chan string, 2)
	h := open(t, func(_ *Config, d *Deps) {
		d.Parts = []Routes{part{
			"GET /Marti/sync/content": func(w http.ResponseWriter, r *http.Request) {
				for b := make([]byte, 32<<10); ; {
					if _, err := w.Write(b); err != nil {
						left <- "download"
						return
					}
				}
			},
			"POST /Marti/sync/upload": func(w http.ResponseWriter, r *http.Request) {
				_, err := io.ReadFull(r.Body, make([]byte, 100<<10))
				begun <- err
				_, err = io.Copy(io.Discard, r.Body)
				left <- fmt.Sprint("upload ", err != nil)
			},
		}}
	})
	for _, http2 := range []bool{false, true} {
		tr := h.transport(atCert)
		tr.ForceAttemptHTTP2 = http2
		c := &http.Client{Transport: tr}
		res, err := c.Get("https://muster.example/Marti/sync/content")
		h.check(err)
		if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
			t.Fatal(err)
		}
		body, more := io.Pipe()
		req, err := http.NewRequest("POST", "https://muster.example/Marti/sync/upload", body)
		h.check(err)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if res, err := c.Do(req); err == nil {
				res.Body.Close()
			}
		}()
		_, err = more.Write(make([]byte, 200<<10))
		h.check(err)
		h.check(<-begun)
		h.check(h.auth.SetDisabled(t.Context(), "mike", true))
		if _, err := io.Copy(io.Discard, res.Body); err == nil {
			t.Error("the download came to an end")
		}
		got := []string{<-left, <-left}
		slices.Sort(got)
		if !slices.Equal(got, []string{"download", "upload true"}) {
			t.Errorf("%q", got)
		}
		res.Body.Close()
		more.Close()
		<-ended
		tr.CloseIdleConnections()
		h.check(h.auth.SetDisabled(t.Context(), "mike", false))
	}
}

func TestConnectionsThatNeverSayWhatTheyWantAreCut(t *testing.T) {
	h := open(t, func(c *Config, _ *Deps) { c.HandshakeTime = 100 * time.Millisecond })
	for _, door := range []string{atCert, atLogin, atPlain} {
		c, err := net.Dial("tcp", h.doors.Addr(door))
		h.check(err)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", door, err)
		}
		c.Close()
	}
	c, err := tls.Dial("tcp", h.doors.Addr(atLogin), h.trusting())
	h.check(err)
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\n")
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if b, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("%q %v", b, err)
	}
}

func TestMissionTokensAreKnownByTheirSignature(t *testing.T) {
	header := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for token, want := range map[string]bool{
		missionToken:                      true,
		header(`{"alg": "HS256"}`) + ".x": true,
		header(`{"alg":"RS256"}`) + ".x":  false,
		header(`{"alg":"HS256"}`):         false,
		"mst_id_secret":                   false,
		"%%%.x":                           false,
		"":                                false,
	} {
		if isMissionToken(token) != want {
			t.Errorf("%q: %v", token, !want)
		}
	}
}

func TestRequestsWithoutASocketAreJudgedToo(t *testing.T) {
	h := open(t, nil)
	for scope, want := range map[string]int{"": 200, "api": 403} {
		id := auth.Identity{User: "x", Role: auth.RoleMember}
		if scope != "" {
			id.Scope = &auth.Scope{Actions: []auth.Action{auth.Action(scope)}}
		}
		h.deps.Anonymous = &id
		w := httptest.NewRecorder()
		h.arrive(plainDoor).ServeHTTP(w, httptest.NewRequest("GET", "/Marti/api/util/isAdmin", nil))
		if w.Code != want {
			t.Errorf("%q: %d %s", scope, w.Code, w.Body)
		}
	}
	if c := reply.From(httptest.NewRequest("GET", "/", nil)); c.Identity.User != "" || c.Secure {
		t.Errorf("%+v", c)
	}
}

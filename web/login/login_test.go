package login

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// people is an Authenticator whose password is "right".
type people struct {
	mu    sync.Mutex
	gone  bool
	asked int
}

func (p *people) Authenticate(_ context.Context, proof auth.Proof) (auth.Identity, error) {
	switch {
	case proof.Empty():
		return auth.Identity{}, auth.ErrNoCredentials
	case proof.Password == "slow down":
		return auth.Identity{}, &auth.LimitedError{RetryAfter: 90 * time.Second}
	case proof.Password == "broken":
		return auth.Identity{}, errors.New("the database is away")
	case proof.Password == "right" || proof.Token == "right":
		return auth.Identity{User: "mike", Role: auth.RoleMember}, nil
	}
	return auth.Identity{}, auth.ErrBadCredentials
}

func (p *people) Current(_ context.Context, id auth.Identity) (auth.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.gone {
		return auth.Identity{}, errors.New("gone")
	}
	return id, nil
}

func newGate(t *testing.T) (*Gate, *people, *auth.Sessions) {
	t.Helper()
	p, s := &people{}, auth.NewSessions(nil)
	g, err := New(DefaultConfig(), p, s, Keep{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return g, p, s
}

var home = Peer{Addr: netip.MustParseAddrPort("192.0.2.1:5000"), Secure: true}

func request(method, cookie string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "https://muster.example/x", nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: CookieName, Value: cookie})
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r.WithContext(WithPeer(r.Context(), home))
}

func (g *Gate) logIn(t *testing.T, old string) string {
	t.Helper()
	r := request("POST", old)
	_, c, err := g.Login(r.Context(), r, "mike", "right", "")
	if err != nil {
		t.Fatal(err)
	}
	return c.Value
}

// who sends r through wrap and returns the status and the user it ran as.
func who(wrap func(http.Handler) http.Handler, r *http.Request) (int, string) {
	user := ""
	h := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := From(r.Context())
		user = c.Identity.User
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	io.Copy(io.Discard, w.Body)
	return w.Code, user
}

func TestCrossSiteRequests(t *testing.T) {
	g, _, _ := newGate(t)
	c := g.logIn(t, "")
	const own, other = "https://muster.example", "https://evil.example"
	for _, tc := range []struct {
		name   string
		r      *http.Request
		status int
		user   string
	}{
		{"reading", request("GET", c), 200, "mike"},
		{"changing from an own page", request("POST", c, "Origin", own), 200, "mike"},
		{"a new browser says same-origin", request("DELETE", c, "Sec-Fetch-Site", "same-origin"), 200, "mike"},
		{"changing from another site", request("POST", c, "Origin", other), 403, ""},
		{"same-site is not same-origin", request("PUT", c, "Sec-Fetch-Site", "same-site", "Origin", "https://www.muster.example"), 403, ""},
		{"headers that disagree", request("PUT", c, "Sec-Fetch-Site", "same-origin", "Origin", other), 403, ""},
		{"opened by hand", request("POST", c, "Sec-Fetch-Site", "none"), 403, ""},
		{"plain page of the same name", request("POST", c, "Origin", "http://muster.example"), 403, ""},
		{"a sandbox", request("PATCH", c, "Origin", "null"), 403, ""},
		{"no word on where it comes from", request("POST", c), 403, ""},
		{"an upgrade from another site", request("GET", c, "Upgrade", "websocket", "Origin", other), 403, ""},
		{"an upgrade from an own page", request("GET", c, "Upgrade", "websocket", "Origin", own), 200, "mike"},
		{"a wrong cookie", request("GET", "nonsense"), 200, ""},
		{"no cookie", request("POST", "", "Origin", other), 200, ""},
		{"a header beats the cookie", request("POST", c, "Authorization", "Bearer right"), 200, "mike"},
		{"a wrong header is not saved by the cookie", request("GET", c, "Authorization", "Bearer wrong"), 401, ""},
		{"an unknown scheme", request("GET", "", "Authorization", "Negotiate abc"), 401, ""},
		{"Basic", request("GET", "", "Authorization", "Basic bWlrZTpyaWdodA=="), 200, "mike"},
	} {
		if status, user := who(g.Identify, tc.r); status != tc.status || user != tc.user {
			t.Errorf("%s: %d as %q", tc.name, status, user)
		}
	}
	// Where handlers look at headers themselves the cookie must not mix in.
	if status, user := who(g.Cookies, request("POST", c, "Authorization", "Bearer x")); status != 200 || user != "" {
		t.Errorf("%d as %q", status, user)
	}
}

func TestCredentialsNeedASafeWay(t *testing.T) {
	g, _, _ := newGate(t)
	r := request("GET", "", "Authorization", "Bearer right")
	r = r.WithContext(WithPeer(r.Context(), Peer{Addr: home.Addr}))
	if status, _ := who(g.Identify, r); status != http.StatusForbidden {
		t.Errorf("%d", status)
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		password string
		status   int
		header   string
	}{
		{"wrong", 401, "Www-Authenticate"}, {"slow down", 429, "Retry-After"}, {"broken", 503, ""},
	} {
		g, _, _ := newGate(t)
		r := request("GET", "")
		r.SetBasicAuth("mike", tc.password)
		w := httptest.NewRecorder()
		g.Identify(http.NotFoundHandler()).ServeHTTP(w, r)
		if w.Code != tc.status || tc.header != "" && w.Header().Get(tc.header) == "" {
			t.Errorf("%s: %d %v", tc.password, w.Code, w.Header())
		}
	}
}

func TestLoginRotates(t *testing.T) {
	g, _, s := newGate(t)
	first := g.logIn(t, "")
	second := g.logIn(t, first)
	if first == second {
		t.Fatal("the cookie stays the same")
	}
	if _, user := who(g.Identify, request("GET", first)); user != "" {
		t.Error("the old cookie still counts")
	}
	if n := len(s.List()); n != 1 {
		t.Errorf("%d sessions on the register", n)
	}
	if c := g.Logout(request("POST", second)); c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("%+v", c)
	}
	if len(s.List()) != 0 || len(g.browsers) != 0 {
		t.Error("something is left after the logout")
	}
}

func TestKickEndsTheLogin(t *testing.T) {
	g, _, s := newGate(t)
	c := g.logIn(t, "")
	var over context.Context
	g.Cookies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		caller, _ := From(r.Context())
		over = caller.Over
	})).ServeHTTP(httptest.NewRecorder(), request("GET", c))
	s.Kick(s.List()[0].ID)
	if over.Err() == nil {
		t.Error("its live channels are not told")
	}
	if _, user := who(g.Identify, request("GET", c)); user != "" || len(s.List()) != 0 {
		t.Error("the login outlives its kick")
	}
}

func TestOneUserHasSoManyLogins(t *testing.T) {
	g, _, s := newGate(t)
	first := g.logIn(t, "")
	for range maxPerUser + 3 {
		g.logIn(t, "")
	}
	if _, user := who(g.Identify, request("GET", first)); user != "" || len(s.List()) != maxPerUser {
		t.Errorf("%d logins", len(s.List()))
	}
}

func TestLoginsExpire(t *testing.T) {
	for _, tc := range []struct {
		name  string
		every time.Duration
		until time.Duration
		alive bool
	}{
		{"used once an hour", time.Hour, 6 * 24 * time.Hour, true},
		{"used once an hour for eight days", time.Hour, 8 * 24 * time.Hour, false},
		{"left alone for half a day", 12 * time.Hour, 12 * time.Hour, false},
		{"left alone for less", 11 * time.Hour, 11 * time.Hour, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, _, s := newGate(t)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { defer close(done); g.Run(ctx) }()
				c := g.logIn(t, "")
				user := "mike"
				for passed := time.Duration(0); passed < tc.until; passed += tc.every {
					time.Sleep(tc.every)
					_, user = who(g.Identify, request("GET", c))
				}
				synctest.Wait() // for the sweep of this moment
				if (user == "mike") != tc.alive || len(s.List()) == 1 != tc.alive {
					t.Errorf("as %q, %d sessions", user, len(s.List()))
				}
				cancel()
				<-done
				if len(s.List()) != 0 {
					t.Error("the register still has it after the end")
				}
			})
		})
	}
}

func TestRightsAreReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p, _ := newGate(t)
		c := g.logIn(t, "")
		for range 10 {
			who(g.Identify, request("GET", c))
		}
		if p.asked != 0 {
			t.Errorf("asked %d times at once", p.asked)
		}
		time.Sleep(time.Second)
		who(g.Identify, request("GET", c))
		if p.asked != 1 {
			t.Errorf("asked %d times after a second", p.asked)
		}
		p.gone = true
		time.Sleep(time.Second)
		if _, user := who(g.Identify, request("GET", c)); user != "" {
			t.Error("rights that are gone still count")
		}
	})
}

func TestPeers(t *testing.T) {
	trusted := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tc := range []struct {
		name, remote, forwarded, proto string
		proxies                        Proxies
		tls                            bool
		want                           string
		secure                         bool
	}{
		{"direct", "192.0.2.9:99", "", "", nil, true, "192.0.2.9:99", true},
		{"in the clear", "192.0.2.9:99", "", "", nil, false, "192.0.2.9:99", false},
		{"mapped", "[::ffff:192.0.2.9]:99", "", "", nil, true, "192.0.2.9:99", true},
		{"this machine", "127.0.0.1:99", "", "", nil, false, "127.0.0.1:99", true},
		{"a lie", "192.0.2.9:99", "127.0.0.1", "https", nil, false, "192.0.2.9:99", false},
		{"a lie to a server with proxies", "192.0.2.9:99", "127.0.0.1", "https", trusted, false, "192.0.2.9:99", false},
		{"by proxy", "10.1.1.1:99", "192.0.2.5", "https", trusted, false, "192.0.2.5:0", true},
		{"by proxy in the clear", "10.1.1.1:99", "192.0.2.5", "", trusted, false, "192.0.2.5:0", false},
		{"a lie in front of the proxy", "10.1.1.1:99", "127.0.0.1, 192.0.2.5", "", trusted, false, "192.0.2.5:0", false},
		{"two proxies", "10.1.1.1:99", "192.0.2.5, 10.2.2.2", "https", trusted, false, "192.0.2.5:0", true},
		{"garbage", "10.1.1.1:99", "192.0.2.5, <script>", "", trusted, false, "10.1.1.1:0", false},
		{"a port", "10.1.1.1:99", "[2001:db9::1]:55", "https", trusted, false, "[2001:db9::1]:0", true},
		{"a unix socket", "@", "", "", nil, true, "invalid AddrPort", true},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{}}
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
			r.Header.Set("X-Forwarded-Proto", tc.proto)
		}
		if p := tc.proxies.PeerOf(r, tc.tls); p.Addr.String() != tc.want || p.Secure != tc.secure {
			t.Errorf("%s: %v %v", tc.name, p.Addr, p.Secure)
		}
	}
}

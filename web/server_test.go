package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/pki"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/media"
	"muster/media/codec"
	"muster/web/api"
	"muster/web/front"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

var authority *pki.Authority // making keys takes long: one for all tests

// house is a running server with ann (admin), olga (operator) and mike (member,
// group red).
type house struct {
	*Server
	auth     *auth.Service
	router   *media.Router
	sessions *auth.Sessions
	doors    *run.Doors
	stop     func()
}

func note(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := IdentityOf(r)
		io.WriteString(w, text+" "+r.URL.Path+" "+id.User)
	})
}

func open(t *testing.T, change func(*Config, *Deps)) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.DefaultConfig(), dir, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := bus.New()
	h := &house{doors: run.NewDoors()}
	h.sessions = auth.NewSessions(func(s auth.SessionInfo, open bool) { b.Publish(api.SessionFact(s, open)) })
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	if h.auth, err = auth.New(cfg, db, h.sessions, b, log); err != nil {
		t.Fatal(err)
	}
	for user, role := range map[string]auth.Role{"ann": auth.RoleAdmin, "olga": auth.RoleOperator, "mike": auth.RoleMember} {
		if _, err := h.auth.AddUser(t.Context(), auth.NewUser{Name: user, Role: role, Password: "password of " + user}); err != nil {
			t.Fatal(err)
		}
	}
	if authority == nil {
		if authority, err = pki.Open(pki.Config{Names: []string{"muster.example"}, ClientDays: 1}, dir, log); err != nil {
			t.Fatal(err)
		}
	}
	h.router = media.New(media.DefaultConfig(), h.sessions, b, log)
	c := DefaultConfig()
	c.Address, c.HTTPAddress, c.APIAddress, c.MediaAPIAddress = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	d := Deps{
		Deps: api.Deps{
			Users: h.auth, Profiles: h.auth, Groups: h.auth, Tokens: h.auth, Devices: h.auth, Authority: authority, Sessions: h.sessions,
			Streams: h.router, Bus: b, Doors: h.doors, Backup: db, Name: "test", Version: "1",
			HostNames: func() []string { return []string{"muster.example", "*.wild.example"} }, Log: log,
		},
		TLS: authority.TLSConfig, HLS: note("hls"), RTC: note("rtc"), Metrics: note("metrics"), Healthz: note("healthz"), Readyz: note("readyz"),
		Pages: fstest.MapFS{
			"index.html":       {Data: []byte("<!doctype html><title>Muster</title>" + strings.Repeat(" ", 500))},
			"assets/a-1.js":    {Data: []byte(strings.Repeat("let x = 1;\n", 100))},
			"assets/f-1.woff2": {Data: []byte("font")},
		},
	}
	if change != nil {
		change(&c, &d)
	}
	if h.Server, err = New(c, d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	h.stop = func() {
		cancel()
		select {
		case <-done:
		case <-time.After(8 * time.Second):
			t.Error("Run does not return")
		}
	}
	t.Cleanup(h.stop)
	for deadline := time.Now().Add(5 * time.Second); len(h.doors.List()) < doors(c) && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	return h
}

// doors counts those that c opens, or tries to.
func doors(c Config) int {
	n := 0
	for _, a := range []string{c.Address, c.HTTPAddress, c.APIAddress, c.MediaAPIAddress} {
		if a != "" {
			n++
		}
	}
	return n
}

// client connects to a door whatever the host in the URL, and follows no
// redirect.
func (h *house) client(t *testing.T, door string, http2 bool) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.CACertPEM())
	tr := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", h.doors.Addr(door))
		},
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "muster.example"}, ForceAttemptHTTP2: http2, DisableCompression: true,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	*http.Response
	text string
}

func do(t *testing.T, c *http.Client, method, url string, header http.Header, body string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[http.CanonicalHeaderKey(k)] = v
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(b)}
}

const site = "https://muster.example"

func basic(user string) http.Header {
	r, _ := http.NewRequest("GET", "/", nil)
	r.SetBasicAuth(user, "password of "+user)
	return r.Header
}

func TestProtocolsOnOnePort(t *testing.T) {
	h := open(t, func(_ *Config, d *Deps) {
		d.Front = map[front.Kind]front.Handler{front.RTMPS: func(_ context.Context, c net.Conn) { io.WriteString(c, "rtmps"); c.Close() }}
	})
	for _, http2 := range []bool{true, false} {
		a := do(t, h.client(t, "https", http2), "GET", site+"/video/uas/eo", nil, "")
		if a.StatusCode != 200 || !strings.Contains(a.text, "Muster") || a.ProtoMajor == 2 != http2 {
			t.Errorf("%s %s %.40s", a.Proto, a.Status, a.text)
		}
	}
	// Without ALPN the first byte inside decides; net/http has no *tls.Conn then.
	c, err := tls.Dial("tcp", h.doors.Addr("https"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /api/v1/me HTTP/1.1\r\nHost: muster.example\r\nAuthorization: "+basic("mike").Get("Authorization")+"\r\nConnection: close\r\n\r\n")
	if b, _ := io.ReadAll(c); !bytes.Contains(b, []byte("200 OK")) || !bytes.Contains(b, []byte("Strict-Transport-Security")) {
		t.Errorf("without ALPN: %s", b)
	}
	r, err := tls.Dial("tcp", h.doors.Addr("https"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Write([]byte{3})
	if b, _ := io.ReadAll(r); string(b) != "rtmps" {
		t.Errorf("RTMPS: %q", b)
	}
	if s := h.Stats(); s.HTTPS < 3 || s.OtherProtocols != 1 || s.Requests < 3 {
		t.Errorf("%+v", s)
	}
}

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

func logIn(t *testing.T, c *http.Client, user string) http.Header {
	t.Helper()
	a := do(t, c, "POST", site+"/api/v1/login", http.Header{"Content-Type": {"application/json"}, "Origin": {site}}, `{"user":"`+user+`","password":"password of `+user+`"}`)
	if a.StatusCode != 200 || len(a.Cookies()) != 1 {
		t.Fatalf("%s %s", a.Status, a.text)
	}
	return http.Header{"Cookie": {a.Cookies()[0].Name + "=" + a.Cookies()[0].Value}, "Origin": {site}}
}

func TestLoginAndMounts(t *testing.T) {
	h := open(t, nil)
	c := h.client(t, "https", true)
	who := logIn(t, c, "mike")
	if a := do(t, c, "GET", site+"/hls/uas/eo/index.m3u8", who, ""); a.text != "hls /uas/eo/index.m3u8 mike" {
		t.Error(a.text)
	}
	if a := do(t, c, "POST", site+"/rtc/uas/eo/whip", who, "v=0"); a.text != "rtc /uas/eo/whip mike" {
		t.Error(a.text)
	}
	cross := http.Header{"Cookie": who["Cookie"], "Origin": {"https://evil.example"}}
	if a := do(t, c, "POST", site+"/rtc/uas/eo/whip", cross, "v=0"); a.StatusCode != http.StatusForbidden {
		t.Error(a.Status)
	}
	if a := do(t, c, "POST", site+"/rtc/uas/eo/whip", http.Header{"Origin": {"https://evil.example"}, "Authorization": {"Bearer x"}}, "v=0"); a.text != "rtc /uas/eo/whip " {
		t.Error("a request with its own credentials is the handler's to judge: ", a.text)
	}
	// Wrong name and wrong password get one answer; a login in the name of
	// somebody else's page gets none.
	post := func(origin, body string) answer {
		return do(t, c, "POST", site+"/api/v1/login", http.Header{"Content-Type": {"application/json"}, "Origin": {origin}}, body)
	}
	x, y := post(site, `{"user":"mike","password":"wrong"}`), post(site, `{"user":"nobody","password":"wrong"}`)
	if x.StatusCode != 401 || x.text != y.text || x.StatusCode != y.StatusCode {
		t.Errorf("%s, %s", x.text, y.text)
	}
	if a := post("https://evil.example", `{"user":"mike","password":"password of mike"}`); a.StatusCode != 403 || len(a.Cookies()) != 0 {
		t.Error(a.Status)
	}
	if a := post(site, "user=mike&password=x"); a.StatusCode < 400 {
		t.Error(a.Status)
	}
	// The password can be changed, and the browser stays.
	changed := do(t, c, "PUT", site+"/api/v1/me/password", http.Header{"Cookie": who["Cookie"], "Origin": {site}, "Content-Type": {"application/json"}},
		`{"current":"password of mike","password":"quite another one"}`)
	if changed.StatusCode != 204 || len(changed.Cookies()) != 1 {
		t.Fatalf("%s %s", changed.Status, changed.text)
	}
	if a := do(t, c, "GET", site+"/api/v1/me", who, ""); a.StatusCode != 401 {
		t.Error("the old login goes on: ", a.Status)
	}
	next := http.Header{"Cookie": {changed.Cookies()[0].Name + "=" + changed.Cookies()[0].Value}}
	if a := do(t, c, "GET", site+"/api/v1/me", next, ""); a.StatusCode != 200 {
		t.Error(a.Status)
	}
}

func TestDoorForThisMachine(t *testing.T) {
	h := open(t, nil)
	inside, outside := h.client(t, "api", false), h.client(t, "https", false)
	const local = "http://localhost"
	for path, want := range map[string]string{"/metrics": "olga", "/healthz": "mike", "/readyz": "mike"} {
		if a := do(t, inside, "GET", local+path, nil, ""); a.StatusCode != 200 {
			t.Errorf("%s: %s", path, a.Status)
		}
		if a := do(t, outside, "GET", site+path, nil, ""); a.StatusCode != 401 {
			t.Errorf("%s outside: %s", path, a.Status)
		}
		if a := do(t, outside, "GET", site+path, basic(want), ""); a.StatusCode != 200 {
			t.Errorf("%s outside as %s: %s", path, want, a.Status)
		}
	}
	if a := do(t, outside, "GET", site+"/metrics", basic("mike"), ""); a.StatusCode != 403 {
		t.Error(a.Status)
	}
	// Being on this machine is no identity.
	if a := do(t, inside, "GET", local+"/api/v1/users", nil, ""); a.StatusCode != 401 {
		t.Error(a.Status)
	}
	if a := do(t, inside, "GET", local+"/api/v1/users", basic("ann"), ""); a.StatusCode != 200 {
		t.Error(a.Status)
	}
}

func (h *house) publish(t *testing.T, user, name string) (*media.Publisher, chan error) {
	t.Helper()
	id, err := h.auth.Authenticate(t.Context(), auth.Proof{User: user, Password: "password of " + user})
	if err != nil {
		t.Fatal(err)
	}
	kicked := make(chan error, 1)
	p, err := h.router.Publish(media.PublishRequest{
		Identity: id, Client: media.Client{Protocol: "rtsp", Agent: "test"}, Name: safename.MustParse(name),
		Formats: []*codec.Format{{Codec: codec.VP8, ClockRate: 90000}},
		Kick: func(reason error) {
			select {
			case kicked <- reason:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(nil) })
	return p, kicked
}

func TestMediaAPI(t *testing.T) {
	h := open(t, nil)
	c := h.client(t, "media-api", false)
	const base = "http://localhost/v3"
	_, kicked := h.publish(t, "mike", "uas/eo")
	for user, want := range map[string]int{"mike": 403, "olga": 200, "ann": 200} {
		if a := do(t, c, "GET", base+"/paths/list", basic(user), ""); a.StatusCode != want {
			t.Errorf("%s: %s", user, a.Status)
		}
	}
	if a := do(t, c, "GET", base+"/paths/list", nil, ""); a.StatusCode != 401 {
		t.Error(a.Status)
	}
	var paths struct {
		ItemCount, PageCount int
		Items                []struct {
			Name   string
			Ready  bool
			Tracks []string
			Source struct{ Type, ID string }
		}
	}
	a := do(t, c, "GET", base+"/paths/list?itemsPerPage=1", basic("olga"), "")
	if err := json.Unmarshal([]byte(a.text), &paths); err != nil || paths.ItemCount != 1 || paths.PageCount != 1 {
		t.Fatalf("%s: %v", a.text, err)
	}
	p := paths.Items[0]
	if p.Name != "uas/eo" || !p.Ready || len(p.Tracks) != 1 || p.Source.Type != "rtspSession" || len(p.Source.ID) != 36 {
		t.Errorf("%+v", p)
	}
	for path, want := range map[string]int{
		"/paths/get/uas/eo": 200, "/paths/get/none": 404, "/paths/get/..%2f": 400, "/paths/list?page=5": 200, "/paths/list?itemsPerPage=0": 400,
		"/paths/list?page=x": 400, "/rtspsessions/list": 200, "/rtspsessions/get/" + p.Source.ID: 200, "/srtconns/get/" + p.Source.ID: 404,
		"/webrtcsessions/list": 200, "/hlssessions/list": 200, "/rtmpconns/list": 200, "/srtconns/list": 200, "/info": 200, "/config/global/get": 404,
	} {
		if a := do(t, c, "GET", base+path, basic("ann"), ""); a.StatusCode != want {
			t.Errorf("%s: %s %s", path, a.Status, a.text)
		}
	}
	if a := do(t, c, "POST", base+"/rtspsessions/kick/"+p.Source.ID, basic("olga"), ""); a.StatusCode != 200 {
		t.Error(a.Status, a.text)
	}
	select {
	case <-kicked:
	case <-time.After(time.Second):
		t.Error("the publisher is still there")
	}
}

func TestLocalSocket(t *testing.T) {
	h := open(t, nil)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.ServeLocal(ctx, l) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Addr().String())
	}}
	defer tr.CloseIdleConnections()
	if a := do(t, &http.Client{Transport: tr}, "GET", "http://localhost/api/v1/users", nil, ""); a.StatusCode != 200 || !strings.Contains(a.text, "olga") {
		t.Errorf("%s %s", a.Status, a.text)
	}
}

// TestStopIsOrderly stops the server under a live channel and a slow request.
func TestStopIsOrderly(t *testing.T) {
	begun := make(chan struct{})
	h := open(t, func(_ *Config, d *Deps) {
		d.HLS = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			time.Sleep(300 * time.Millisecond)
			io.WriteString(w, "whole")
		})
	})
	c := h.client(t, "https", false)
	who := logIn(t, c, "mike")
	conn, _, err := websocket.Dial(t.Context(), "wss://muster.example/api/v1/events", &websocket.DialOptions{HTTPClient: &http.Client{Transport: c.Transport}, HTTPHeader: who})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	closed := make(chan error, 1)
	go func() {
		for {
			if _, _, err := conn.Read(context.Background()); err != nil {
				closed <- err
				return
			}
		}
	}()
	slow := make(chan string, 1)
	go func() {
		res, err := c.Get(site + "/hls/x")
		if err != nil {
			slow <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		slow <- string(b)
	}()
	<-begun
	at := time.Now()
	h.stop()
	if d := time.Since(at); d > 5*time.Second {
		t.Errorf("stopped after %s", d)
	}
	if text := <-slow; text != "whole" {
		t.Errorf("a request under way was cut: %s", text)
	}
	if err := <-closed; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the live channel was not told: %v", err)
	}
	if n := len(h.sessions.List()); n != 0 {
		t.Errorf("%d sessions left", n)
	}
}

func TestAPanicCostsOneRequest(t *testing.T) {
	before := run.Panics()
	h := open(t, func(_ *Config, d *Deps) {
		d.RTC = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })
	})
	c := h.client(t, "https", false)
	if res, err := c.Get(site + "/rtc/x"); err == nil {
		res.Body.Close()
		t.Error(res.Status)
	}
	if run.Panics() != before+1 {
		t.Error("not counted")
	}
	if a := do(t, c, "GET", site+"/", nil, ""); a.StatusCode != 200 {
		t.Error(a.Status)
	}
}

// TestABusyPortClosesOneDoor takes the port of the API.
func TestABusyPortClosesOneDoor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := open(t, func(c *Config, _ *Deps) { c.MediaAPIAddress, c.APIAddress = "", l.Addr().String() })
	if a := do(t, h.client(t, "https", false), "GET", site+"/", nil, ""); a.StatusCode != 200 {
		t.Error(a.Status)
	}
	found := false
	for _, d := range h.doors.List() {
		found = found || d.Name == "api" && d.Error != "" && d.Fix != ""
	}
	if !found {
		t.Errorf("%+v", h.doors.List())
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no port":     func(c *Config) { c.Address = "localhost" },
		"a URL":       func(c *Config) { c.Names = []string{"https://x"} },
		"not a proxy": func(c *Config) { c.TrustedProxies = []string{"proxy"} },
		"drain":       func(c *Config) { c.Drain = -1 },
		"idle":        func(c *Config) { c.Login.Idle = 0 },
		"hello":       func(c *Config) { c.Front.HelloTimeout = 0 },
		"connections": func(c *Config) { c.Connections.Total = 0 },
	} {
		c := DefaultConfig()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s passes", name)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
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

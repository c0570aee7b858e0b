package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/pki"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/codec"
	"muster/web/api"
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
	db := storetest.Open(t, store.DefaultConfig())
	b := bus.New()
	h := &house{}
	h.sessions = auth.NewSessions(func(s auth.SessionInfo, open bool) { b.Publish(api.SessionFact(s, open)) })
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	var err error
	if h.auth, err = auth.New(cfg, db, h.sessions, b, log); err != nil {
		t.Fatal(err)
	}
	for user, role := range map[string]auth.Role{"ann": auth.RoleAdmin, "olga": auth.RoleOperator, "mike": auth.RoleMember} {
		if _, err := h.auth.AddUser(t.Context(), auth.NewUser{Name: user, Role: role, Password: "password of " + user}); err != nil {
			t.Fatal(err)
		}
	}
	if authority == nil {
		if authority, err = pki.Open(pki.Config{Names: []string{"muster.example"}, ClientDays: 1}, db.Dir(), log); err != nil {
			t.Fatal(err)
		}
	}
	h.router = media.New(media.DefaultConfig(), h.sessions, b, log)
	c := DefaultConfig()
	c.Address, c.HTTPAddress, c.APIAddress, c.MediaAPIAddress = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.NotifyAddress, c.ControlAddress = "127.0.0.1:0", "127.0.0.1:0"
	d := Deps{
		Deps: api.Deps{
			Users: h.auth, Profiles: h.auth, Groups: h.auth, Tokens: h.auth, Devices: h.auth, Identity: h.auth, Authority: authority, Sessions: h.sessions,
			Streams: h.router, Bus: b, Backup: db, Name: "test", Version: "1",
			HostNames: func() []string { return []string{"muster.example", "*.wild.example"} }, Log: log,
		},
		ControlToken: "control token of the test",
		TLS:          authority.TLSConfig, HLS: note("hls"), RTC: note("rtc"), Metrics: note("metrics"), Healthz: note("healthz"), Readyz: note("readyz"),
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
	h.start(t)
	return h
}

// start runs a new server on what the house has.
func (h *house) start(t *testing.T) {
	t.Helper()
	d := h.Server.deps
	d.Doors = run.NewDoors()
	h.doors = d.Doors
	var err error
	if h.Server, err = New(h.cfg, d); err != nil {
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
	for deadline := time.Now().Add(5 * time.Second); len(h.doors.List()) < doors(h.cfg) && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
}

// doors counts those that c opens, or tries to.
func doors(c Config) int {
	n := 0
	for _, a := range []string{c.Address, c.HTTPAddress, c.APIAddress, c.MediaAPIAddress, c.NotifyAddress, c.ControlAddress} {
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

func logIn(t *testing.T, c *http.Client, user string) http.Header {
	t.Helper()
	a := do(t, c, "POST", site+"/api/v1/login", http.Header{"Content-Type": {"application/json"}, "Origin": {site}}, `{"user":"`+user+`","password":"password of `+user+`"}`)
	if a.StatusCode != 200 || len(a.Cookies()) != 1 {
		t.Fatalf("%s %s", a.Status, a.text)
	}
	return http.Header{"Cookie": {a.Cookies()[0].Name + "=" + a.Cookies()[0].Value}, "Origin": {site}}
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

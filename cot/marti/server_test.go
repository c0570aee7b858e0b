package marti

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/pki"
	"muster/internal/run"
	"muster/internal/store"
)

// panics is how many a test has made on purpose.
var panics int64

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(workDir())
	if n := run.Panics(); n != panics && code == 0 {
		fmt.Fprintln(os.Stderr, n, "panics, not", panics)
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// workDir holds what all tests share.
var workDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "muster-marti-")
	if err != nil {
		panic(err)
	}
	return dir
})

// authority makes its keys, and the one of mike's telephone, once for all tests.
var authority = sync.OnceValue(func() (out struct {
	*pki.Authority
	phone *pki.Issued
}) {
	cfg := pki.DefaultConfig()
	cfg.Names = []string{"muster.example"}
	var err error
	if out.Authority, err = pki.Open(cfg, workDir(), slog.New(slog.DiscardHandler)); err != nil {
		panic(err)
	}
	if out.phone, err = out.IssueClient("mike", "phone", pki.IssueOptions{}); err != nil {
		panic(err)
	}
	return out
})

const nodeID = "0123456789abcdef"

// house is a Marti server in front of a real router, with ann (administrator,
// group red), mike (red and blue; of news only OUT), olga (red) and bea (blue).
type house struct {
	*Server
	t        *testing.T
	auth     *auth.Service
	router   *cot.Router
	sessions *auth.Sessions
	doors    *run.Doors
	stop     func()
	clients  map[string]*http.Client // by door; with mike's certificate at the first
}

func open(t *testing.T, change func(*Config, *Deps)) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	h := &house{t: t, sessions: auth.NewSessions(nil), doors: run.NewDoors(), clients: make(map[string]*http.Client)}
	b := bus.New()
	dir := t.TempDir()
	h.check(os.CopyFS(dir, os.DirFS(people())))
	db, service, err := stand(dir, h.sessions, b)
	h.check(err)
	t.Cleanup(func() { db.Close() })
	h.auth = service
	routing := cot.DefaultConfig()
	routing.DisconnectDelay = 0
	h.router, err = cot.New(t.Context(), routing, cot.Deps{DB: db, Sessions: h.sessions, Bus: b, Log: log})
	h.check(err)
	c := DefaultConfig()
	c.Address, c.EnrolAddress, c.PlainAddress = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	a := authority()
	d := Deps{
		Auth: h.auth, Directory: h.auth, Sessions: h.sessions, Router: h.router, Switch: h.router, Alerts: h.router, Doors: h.doors, Log: log,
		Node: reply.Node{ID: nodeID}, Version: "1.2.3", Hosts: func() []string { return []string{"muster.example"} },
		CertTLS: a.ClientTLSConfig(pki.ClientTLSOptions{OwnCertificate: true}), TLS: a.TLSConfig(),
	}
	if change != nil {
		change(&c, &d)
	}
	h.Server, err = New(c, d)
	h.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		for _, c := range h.clients {
			c.CloseIdleConnections()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
	eventually(t, "the doors are open", func() bool { return len(h.doors.List()) == 3 })
	return h
}

// stand is the register of people on a data directory.
func stand(dir string, sessions *auth.Sessions, b *bus.Bus) (*store.DB, *auth.Service, error) {
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(context.Background(), store.DefaultConfig(), dir, log)
	if err != nil {
		return nil, nil, err
	}
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	service, err := auth.New(cfg, db, sessions, b, log)
	return db, service, err
}

// people is a data directory with all of them. It is made once: each test has a
// copy.
var people = sync.OnceValue(func() string {
	dir := filepath.Join(workDir(), "people")
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	must(os.Mkdir(dir, 0o700))
	db, service, err := stand(dir, auth.NewSessions(nil), bus.New())
	must(err)
	ctx := context.Background()
	for _, g := range []string{"red", "blue", "news"} {
		_, err := service.AddGroup(ctx, g, "all of "+g)
		must(err)
	}
	both := func(g string) auth.Grant { return auth.Grant{Group: g, In: true, Out: true} }
	for _, u := range []auth.NewUser{
		{Name: "ann", Role: auth.RoleAdmin, Groups: []auth.Grant{both("red")}},
		{Name: "mike", Groups: []auth.Grant{both("red"), both("blue"), {Group: "news", Out: true}}},
		{Name: "olga", Groups: []auth.Grant{both("red")}},
		{Name: "bea", Groups: []auth.Grant{both("blue")}},
	} {
		u.Password = "password of " + u.Name
		_, err := service.AddUser(ctx, u)
		must(err)
	}
	p := authority().phone
	must(service.RecordDevice(ctx, auth.Device{Fingerprint: p.Fingerprint, Serial: p.Serial, User: "mike", Name: "phone", Issued: time.Now(), Expires: p.Expires}))
	must(db.Close())
	return dir
})

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("not in time: " + what)
}

// The doors by the names they have in the list.
const (
	atCert  = "marti"
	atLogin = "marti-enrol"
	atPlain = "marti-plain"
)

// client is a browser or telephone for one door.
func (h *house) client(door string) *http.Client {
	c := h.clients[door]
	if c == nil {
		tr := h.transport(door)
		c = &http.Client{Transport: tr, Timeout: 10 * time.Second}
		h.clients[door] = c
	}
	return c
}

func (h *house) transport(door string) *http.Transport {
	cfg := h.trusting()
	if p := authority().phone; door == atCert {
		pair, err := tls.X509KeyPair(p.CertPEM, p.KeyPEM)
		h.check(err)
		cfg.Certificates = []tls.Certificate{pair}
	}
	return &http.Transport{TLSClientConfig: cfg, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", h.doors.Addr(door))
	}}
}

// trusting is the configuration of a client without certificate.
func (h *house) trusting() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority().CACertPEM())
	return &tls.Config{RootCAs: pool, ServerName: "muster.example"}
}

type answer struct {
	*http.Response
	text string
}

// data returns what is in the envelope.
func (a answer) data(t *testing.T, into any) {
	t.Helper()
	out := struct {
		Data any `json:"data"`
	}{into}
	if err := json.Unmarshal([]byte(a.text), &out); err != nil || a.StatusCode != 200 {
		t.Fatalf("%v in %s %s", err, a.Status, a.text)
	}
}

// ask sends a request to a door; header is in pairs.
func (h *house) ask(door, method, path, body string, header ...string) answer {
	h.t.Helper()
	a, err := h.try(h.client(door), door, method, path, body, header...)
	h.check(err)
	return a
}

func (h *house) try(c *http.Client, door, method, path, body string, header ...string) (answer, error) {
	scheme := "https"
	if door == atPlain {
		scheme = "http"
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, scheme+"://muster.example:8443"+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res, string(b)}, err
}

// as is the header of somebody who logs in by name and password.
func as(user string) (string, string) {
	r := &http.Request{Header: make(http.Header)}
	r.SetBasicAuth(user, "password of "+user)
	return "Authorization", r.Header.Get("Authorization")
}

// by sends a request of a user to the door for logins.
func (h *house) by(user, method, path, body string, header ...string) answer {
	h.t.Helper()
	k, v := as(user)
	return h.ask(atLogin, method, path, body, append([]string{k, v}, header...)...)
}

// device is a connected TAK client.
type device struct {
	*cot.Client
	t     *testing.T
	uid   string
	mu    sync.Mutex // guards what follows
	got   []string   // "type uid" or, about another device, "type →uid"
	ended error
}

func (d *device) Send(e *cot.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := e.Type + " " + e.UID
	if link, ok := e.Child("link"); ok && strings.HasPrefix(e.Type, "t-x-") {
		s = e.Type + " →" + link.Attr("uid")
	}
	d.got = append(d.got, s)
}

func (d *device) Queue() cot.QueueState { return cot.QueueState{Events: 3} }

func (d *device) End(reason error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = reason
}

func (d *device) why() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ended
}

// expect fails unless exactly this came since the last time, in any order.
func (d *device) expect(want ...string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	got := d.got
	d.got = nil
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		d.t.Errorf("%s was sent %q, want %q", d.uid, got, want)
	}
}

func (d *device) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = nil
}

// say sends an event; change may be nil.
func (d *device) say(uid, typ string, change func(*wire.Event)) {
	d.t.Helper()
	ev := wire.New(uid, typ, "m-g", time.Now(), time.Minute)
	ev.Point = wire.Point{Lat: 52.5, Lon: 13.4, HAE: 30, CE: 5, LE: 5}
	if change != nil {
		change(ev)
	}
	if err := d.Receive(d.t.Context(), ev); err != nil {
		d.t.Fatal(err)
	}
}

// join connects a device of a user, which reports itself.
func (h *house) join(user, uid, callsign string) *device {
	h.t.Helper()
	id, err := h.auth.Authenticate(h.t.Context(), auth.Proof{User: user, Password: "password of " + user, Remote: netip.MustParseAddr("192.0.2.1")})
	h.check(err)
	d := &device{t: h.t, uid: uid}
	d.Client, err = h.router.Join(cot.Join{Identity: id, Protocol: "tls", Remote: netip.MustParseAddrPort("192.0.2.1:5000"), Subject: "CN=" + user, Sink: d})
	h.check(err)
	h.t.Cleanup(func() { d.Close(nil) })
	d.say(uid, "a-f-G-U-C", func(ev *wire.Event) {
		ev.Contact = wire.Contact{Callsign: callsign, Endpoint: "*:-1:stcp"}
		ev.Group = wire.Group{Name: "Cyan", Role: "Team Member"}
		ev.Takv = wire.Takv{Platform: "ATAK-CIV", Version: "5.4.0"}
		ev.Battery = 81
	})
	return d
}

// TestWhatEveryAnswerLooksLike goes through all reading routes of this package.
func TestWhatEveryAnswerLooksLike(t *testing.T) {
	h := open(t, nil)
	h.join("olga", "OLGA-1", "OLGA")
	const envelope, bare, text = "envelope", "bare", "text"
	for _, test := range []struct{ path, form, literal string }{
		{"/Marti/api/version", text, "TAK Server 1.2.3"},
		{"/Marti/api/ver", text, "1.2.3"},
		{"/Marti/api/node/id", text, nodeID},
		{"/Marti/api/home", text, "/"},
		{"/Marti/api/util/isAdmin", text, "true"},
		{"/Marti/api/util/user/roles", bare, `["ROLE_ADMIN","ROLE_WEBTAK"]`},
		{"/Marti/api/version/config", envelope, `"type":"ServerConfig","data":{"version":"1.2.3","api":"3","hostname":"muster.example"}`},
		{"/Marti/api/version/info", bare, `{"major":1,"minor":2,"patch":3,"branch":"","variant":"muster"}`},
		{"/Marti/api/clientEndPoints", envelope, "com.bbn.marti.remote.ClientEndpoint"},
		{"/Marti/api/contacts/all", bare, `"callsign":"OLGA"`},
		{"/Marti/api/contacts/all/lite", bare, `"callsign":"OLGA"`},
		{"/Marti/api/contacts/all/full", bare, `"callsign":"OLGA"`},
		{"/Marti/api/groups/groupCacheEnabled", envelope, `{"version":"3","type":"java.lang.Boolean","data":true,"nodeId":"` + nodeID + `"}`},
		{"/Marti/api/groups/all", envelope, "com.bbn.marti.remote.groups.Group"},
		{"/Marti/api/groups/all?useCache=true", envelope, "com.bbn.marti.remote.groups.Group"},
		{"/Marti/api/groups", envelope, "com.bbn.marti.remote.groups.Group"},
		{"/Marti/api/groups/red/OUT", envelope, `"direction":"OUT"`},
		{"/Marti/api/groups/members", envelope, `"data":["ann","bea","mike","olga"]`},
		{"/Marti/api/groups/user?username=olga", envelope, "com.bbn.marti.remote.groups.Group"},
		{"/Marti/api/groups/update/olga", envelope, `"data":true`},
		{"/Marti/api/groupprefix", envelope, `"data":""`},
		{"/Marti/api/users/all", envelope, `{"name":"olga","id":"olga"}`},
		{"/Marti/api/subscriptions/all", envelope, `"clientUid":"OLGA-1"`},
		{"/Marti/api/repeater/list", envelope, `"data":[]`},
		{"/Marti/api/repeater/period", envelope, `"data":3000`},
	} {
		t.Run(test.path, func(t *testing.T) {
			a := h.by("ann", "GET", test.path, "")
			mime := "application/json"
			if test.form == text {
				mime = "text/plain"
			}
			if a.StatusCode != 200 || len(a.Header["Content-Type"]) != 1 || a.Header.Get("Content-Type") != mime || !strings.Contains(a.text, test.literal) {
				t.Fatalf("%s %q %s", a.Status, a.Header["Content-Type"], a.text)
			}
			if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v", a.Header)
			}
			if test.form == envelope && !strings.HasPrefix(a.text, `{"version":"3","type":"`) || test.form == envelope && !strings.HasSuffix(a.text, `,"nodeId":"`+nodeID+`"}`) {
				t.Errorf("the envelope is %s", a.text)
			}
			// Clients expect null in these two and nowhere else.
			for _, null := range regexp.MustCompile(`"(\w+)":null`).FindAllStringSubmatch(a.text, -1) {
				if null[1] != "filterGroups" && null[1] != "xpath" {
					t.Errorf("%s is null in %s", null[1], a.text)
				}
			}
			path, query, has := strings.Cut(test.path, "?")
			if has {
				query = "?" + query
			}
			ages := regexp.MustCompile(`"lastReportDiffMilliseconds":\d+`)
			if slashed := h.by("ann", "GET", path+"/"+query, ""); ages.ReplaceAllString(slashed.text, "") != ages.ReplaceAllString(a.text, "") {
				t.Errorf("with a slash behind: %s %s", slashed.Status, slashed.text)
			}
			if head := h.by("ann", "HEAD", test.path, ""); head.StatusCode != 200 || head.text != "" || head.Header.Get("Content-Type") != mime {
				t.Errorf("HEAD: %s %q", head.Status, head.text)
			}
			if post := h.by("ann", "TRACE", test.path, ""); post.StatusCode != 405 || post.Header.Get("Allow") == "" || !strings.Contains(post.text, `{"status":"METHOD_NOT_ALLOWED","code":6,`) {
				t.Errorf("TRACE: %s %s", post.Status, post.text)
			}
		})
	}
}

func TestWhatIsNotThereIsSaidInTheFormOfTAKServer(t *testing.T) {
	h := open(t, nil)
	for path, method := range map[string]string{
		"/Marti/api/nothing": "GET", "/Marti/": "GET", "/Marti": "POST", "/takproto/1": "GET", "/oauth/token": "POST", "/vbm/api/config": "GET",
		"/": "GET", "/index.html": "GET", "/api/v1/me": "GET", "/Martini": "GET", "/Marti/api/groups/red/SIDEWAYS": "GET", "/Marti/api/groups/red%2F/OUT": "GET",
		"/Marti/api/subscriptions/OLGA-1/else": "DELETE",
	} {
		a := h.by("mike", method, path, "")
		if a.StatusCode != 404 || a.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(a.text, `{"status":"NOT_FOUND","code":1,"message":"`) {
			t.Errorf("%s: %s %s", path, a.Status, a.text)
		}
	}
	for _, path := range []string{"/Marti/api/cot/xml/a%00b", "/Marti/sync/content?hash=%00", "/%00"} {
		if a := h.by("mike", "GET", path, ""); a.StatusCode != 400 {
			t.Errorf("%s: %s %s", path, a.Status, a.text)
		}
	}
	// Whoever is not logged in learns nothing of what there is.
	for _, path := range []string{"/Marti/api/nothing", "/Marti/api/version"} {
		if a := h.ask(atLogin, "GET", path, ""); a.StatusCode != 401 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if n := h.Stats(); n.Requests == 0 || n.Refused != 2 || n.Denied != 0 {
		t.Errorf("%+v", n)
	}
}

// part is a route of another package.
type part map[string]http.HandlerFunc

func (p part) Routes(mux *http.ServeMux) {
	for pattern, f := range p {
		mux.HandleFunc(pattern, f)
	}
}

// whoCalls answers with the name of the caller and how they came.
func whoCalls(w http.ResponseWriter, r *http.Request) {
	c := reply.From(r)
	fmt.Fprintf(w, "%s %v %s", c.Identity.User, c.Secure, reply.Origin(r))
}

func TestTheDoorsLeadToDifferentThings(t *testing.T) {
	h := open(t, func(_ *Config, d *Deps) {
		d.Parts = []Routes{part{"GET /Marti/api/part/{name}": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.PathValue("name")) }, "GET /Marti/api/who": whoCalls}}
		d.Open = []Routes{part{"GET /Marti/api/tls/config": whoCalls, "POST /oauth/token": whoCalls}}
		d.Stream = http.HandlerFunc(whoCalls)
		d.Pages = http.HandlerFunc(whoCalls)
	})
	k, v := as("mike")
	for _, test := range []struct {
		door, method, path, header, want string
	}{
		{atCert, "GET", "/Marti/api/who", "", "mike true https://muster.example:8443"},
		{atLogin, "GET", "/Marti/api/who", v, "mike true https://muster.example:8443"},
		{atPlain, "GET", "/Marti/api/who", v, "mike false http://muster.example:8443"},
		{atCert, "GET", "/takproto/1", "", "mike true https://muster.example:8443"},
		{atLogin, "GET", "/takproto/1", "", "401"},
		{atPlain, "GET", "/takproto/1", v, "mike false http://muster.example:8443"},
		{atCert, "GET", "/Marti/api/tls/config", "", " true https://muster.example:8443"},
		{atLogin, "GET", "/Marti/api/tls/config/", "", " true https://muster.example:8443"},
		{atLogin, "POST", "/oauth/token", "", " true https://muster.example:8443"},
		{atPlain, "GET", "/Marti/api/tls/config", v, "404"}, // credentials are not asked for in the clear
		{atCert, "GET", "/video/a", "", "mike true https://muster.example:8443"},
		{atLogin, "GET", "/login/", "", " true https://muster.example:8443"},
		{atLogin, "GET", "/", v, " true https://muster.example:8443"}, // pages log in themselves
		{atPlain, "GET", "/", v, "404"},
		{atLogin, "GET", "/Marti/api/part/a%2Fb%20c+d%C3%BC", v, "a/b c+dü"},
		{atLogin, "GET", "/Marti/api/part/a%2F", v, "a/"},
		{atLogin, "GET", "/Marti/api/part/a%2F/", v, "a/"},
		{atLogin, "GET", "/Marti/api/part/a/", v, "a"},
		{atLogin, "GET", "/Marti/api//part/a", v, "a"}, // by way of a redirect
	} {
		var header []string
		if test.header != "" {
			header = []string{k, v}
		}
		a := h.ask(test.door, test.method, test.path, "", header...)
		if got := a.text; a.StatusCode == 200 && got != test.want || a.StatusCode != 200 && fmt.Sprint(a.StatusCode) != test.want {
			t.Errorf("%s %s at %s: %s %s, want %s", test.method, test.path, test.door, a.Status, got, test.want)
		}
	}
}

func TestDoorsWithoutAnAddressStayShut(t *testing.T) {
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("made of nothing")
	}
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"default":        {func(*Config) {}, ""},
		"all shut":       {func(c *Config) { c.Address, c.EnrolAddress, c.PlainAddress = "", "", "" }, ""},
		"no port":        {func(c *Config) { c.EnrolAddress = "muster.example" }, "enrolAddress"},
		"no stall":       {func(c *Config) { c.StallTimeout = 0 }, "stallTimeout"},
		"no handshake":   {func(c *Config) { c.HandshakeTime = time.Millisecond }, "handshakeTimeout"},
		"negative drain": {func(c *Config) { c.Drain = -1 }, "drain"},
		"endless drain":  {func(c *Config) { c.Drain = time.Hour }, "drain"},
	} {
		c := DefaultConfig()
		test.change(&c)
		if err := c.Validate(); (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

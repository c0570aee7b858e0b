package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/web/front"
	"muster/web/login"
)

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
	go func() { done <- Serve(ctx, l, h.Local(), time.Second, slog.New(slog.DiscardHandler)) }()
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

func TestBrowsersStayLoggedInOverARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logins")
	h := open(t, func(_ *Config, d *Deps) { d.Keep = login.Keep{File: file, Resume: d.Users.(*auth.Service).Resume} })
	stays, leaves := logIn(t, h.client(t, "https", false), "mike"), logIn(t, h.client(t, "https", false), "olga")
	h.stop()
	if n := len(h.sessions.List()); n != 0 {
		t.Errorf("%d sessions while the server is down", n)
	}
	if err := h.auth.SetPassword(t.Context(), "olga", "changed meanwhile"); err != nil {
		t.Fatal(err)
	}
	h.start(t)
	c := h.client(t, "https", false)
	if a := do(t, c, "GET", site+"/api/v1/me", stays, ""); a.StatusCode != 200 || !strings.Contains(a.text, `"mike"`) {
		t.Errorf("%s %s", a.Status, a.text)
	}
	if a := do(t, c, "GET", site+"/api/v1/me", leaves, ""); a.StatusCode != 401 {
		t.Errorf("a password that was changed: %s", a.Status)
	}
}

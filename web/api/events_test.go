package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/media"
	"muster/web/login"
)

// serve puts the API behind its gate on a real socket.
func (h *house) serve(t *testing.T) string {
	t.Helper()
	inner := h.gate.Identify(h.Handler())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := login.Proxies(nil).PeerOf(r, false)
		inner.ServeHTTP(w, r.WithContext(login.WithPeer(r.Context(), peer)))
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(h.shut) // live channels close, or Close above would wait for them
	return srv.URL
}

// cookie logs user in and returns the Cookie header.
func (h *house) cookie(t *testing.T, url, user string) string {
	t.Helper()
	res, err := http.Post(url+"/api/v1/login", "application/json", strings.NewReader(fmt.Sprintf(`{"user":%q,"password":%q}`, user, "password of "+user)))
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || len(res.Cookies()) != 1 {
		t.Fatalf("login: %s", res.Status)
	}
	c := res.Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Fatalf("cookie: %+v", c)
	}
	return c.Name + "=" + c.Value
}

type channel struct {
	*websocket.Conn
	t *testing.T
}

func dial(t *testing.T, url string, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return websocket.Dial(ctx, url+"/api/v1/events", &websocket.DialOptions{HTTPHeader: header})
}

func join(t *testing.T, url string, header http.Header) channel {
	t.Helper()
	c, res, err := dial(t, url, header)
	if err != nil {
		t.Fatalf("%v %v", err, res)
	}
	t.Cleanup(func() { c.CloseNow() })
	return channel{c, t}
}

type message struct {
	Kind string
	Data json.RawMessage
}

func (c channel) next() (message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, b, err := c.Read(ctx)
	if err != nil {
		return message{}, err
	}
	var m message
	return m, json.Unmarshal(b, &m)
}

// until reads up to a message of a kind and returns it, failing on one of the
// kinds that must not come.
func (c channel) until(kind string, not ...string) message {
	c.t.Helper()
	for begun := time.Now(); ; {
		m, err := c.next()
		if err == nil && time.Since(begun) > 5*time.Second {
			err = context.DeadlineExceeded
		}
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if m.Kind == kind {
			return m
		}
		for _, n := range not {
			if m.Kind == n {
				c.t.Fatalf("got %s %s", m.Kind, m.Data)
			}
		}
	}
}

// ends waits for the server to close the channel and returns after how long.
func (c channel) ends() time.Duration {
	c.t.Helper()
	begun := time.Now()
	for {
		if _, err := c.next(); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				c.t.Fatal("the channel stays open")
			}
			return time.Since(begun)
		}
		if time.Since(begun) > 5*time.Second {
			c.t.Fatal("the channel stays open")
		}
	}
}

func TestEvents(t *testing.T) {
	h := openHouse(t)
	url := h.serve(t)
	h.publish(t, "mike", "before")
	mike := join(t, url, http.Header{"Cookie": {h.cookie(t, url, "mike")}, "Origin": {url}})
	nora := join(t, url, http.Header{"Cookie": {h.cookie(t, url, "nora")}, "Origin": {url}})
	ann := join(t, url, http.Header{"Cookie": {h.cookie(t, url, "ann")}, "Origin": {url}})
	var first struct {
		Me      Me
		Streams []Stream
	}
	if m, err := mike.next(); err != nil || m.Kind != "hello" || json.Unmarshal(m.Data, &first) != nil || first.Me.User != "mike" || len(first.Streams) != 1 {
		t.Fatalf("%+v %v", m, err)
	}
	h.publish(t, "mike", "after").Close(nil)
	var s Stream
	mike.until("session.opened")
	if m := mike.until("stream.ready"); json.Unmarshal(m.Data, &s) != nil || s.Name != "after" {
		t.Fatalf("%s", m.Data)
	}
	mike.until("session.closed")
	mike.until("stream.ended")
	ann.until("stream.ended")
	h.auth.Authenticate(t.Context(), auth.Proof{User: "mike", Password: "wrong", Remote: netip.MustParseAddr("192.0.2.7")})
	ann.until("auth.failed")

	// Nora is in another group: nothing of it reaches her, until she joins.
	h.publish(t, "nora", "hers")
	if m := nora.until("stream.ready", "auth.failed", "session.closed"); !strings.Contains(string(m.Data), `"hers"`) {
		t.Fatalf("nora was told of %s", m.Data)
	}
	if err := h.auth.Grant(t.Context(), "nora", "red", false, true); err != nil {
		t.Fatal(err)
	}
	if m := nora.until("hello"); !strings.Contains(string(m.Data), `"before"`) {
		t.Fatalf("her rights are not read anew: %s", m.Data)
	}
	// And is not told any more once she has left.
	if err := h.auth.Revoke(t.Context(), "nora", "red"); err != nil {
		t.Fatal(err)
	}
	if m := nora.until("hello"); strings.Contains(string(m.Data), `"before"`) {
		t.Fatalf("she still sees %s", m.Data)
	}
	if m := mike.until("stream.stats"); !strings.Contains(string(m.Data), `"before"`) {
		t.Fatalf("%s", m.Data)
	}
}

func TestEventsOrigin(t *testing.T) {
	h := openHouse(t)
	url := h.serve(t)
	cookie := h.cookie(t, url, "mike")
	_, token, err := h.auth.CreateToken(t.Context(), "mike", auth.TokenSpec{Name: "x", Kind: auth.KindToken})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"own page", http.Header{"Cookie": {cookie}, "Origin": {url}}, 101},
		{"another site", http.Header{"Cookie": {cookie}, "Origin": {"https://evil.example"}}, 403},
		{"another port of the same host", http.Header{"Cookie": {cookie}, "Origin": {"http://127.0.0.1:1"}}, 403},
		{"a sandboxed frame", http.Header{"Cookie": {cookie}, "Origin": {"null"}}, 403},
		{"a browser says cross-site", http.Header{"Cookie": {cookie}, "Origin": {url}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"a cookie without any origin", http.Header{"Cookie": {cookie}}, 403},
		{"nobody", http.Header{"Origin": {url}}, 401},
		{"a program with a token", http.Header{"Authorization": {"Bearer " + token}}, 101},
		{"a page elsewhere with a token", http.Header{"Authorization": {"Bearer " + token}, "Origin": {"https://evil.example"}}, 403},
	} {
		c, res, err := dial(t, url, tc.header)
		if res == nil || res.StatusCode != tc.want {
			t.Errorf("%s: %v %v", tc.name, res, err)
		}
		if c != nil {
			c.CloseNow()
		}
	}
}

// TestEventsEndWithTheLogin measures that a revocation reaches the socket.
func TestEventsEndWithTheLogin(t *testing.T) {
	h := openHouse(t)
	url := h.serve(t)
	for _, tc := range []struct {
		name string
		end  func(user, cookie, token string) error
	}{
		{"disabled", func(u, _, _ string) error { return h.auth.SetDisabled(t.Context(), u, true) }},
		{"password changed", func(u, _, _ string) error { return h.auth.SetPassword(t.Context(), u, "another one") }},
		{"removed", func(u, _, _ string) error { return h.auth.RemoveUser(t.Context(), u) }},
		{"logged out", func(_, cookie, _ string) error {
			req, err := http.NewRequest("POST", url+"/api/v1/logout", nil)
			if err != nil {
				return err
			}
			req.Header.Set("Cookie", cookie)
			req.Header.Set("Origin", url)
			res, err := http.DefaultClient.Do(req)
			if err == nil {
				res.Body.Close()
				http.DefaultClient.CloseIdleConnections()
			}
			return err
		}},
		{"kicked", func(u, _, _ string) error {
			for _, s := range h.Sessions.List() {
				if s.User == u {
					h.Sessions.Kick(s.ID)
				}
			}
			return nil
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			user := strings.ReplaceAll(tc.name, " ", "-")
			if _, err := h.auth.AddUser(t.Context(), auth.NewUser{Name: user, Password: "password of " + user}); err != nil {
				t.Fatal(err)
			}
			cookie := h.cookie(t, url, user)
			byCookie := join(t, url, http.Header{"Cookie": {cookie}, "Origin": {url}})
			byCookie.until("hello")
			if err := tc.end(user, cookie, ""); err != nil {
				t.Fatal(err)
			}
			if d := byCookie.ends(); d > time.Second {
				t.Errorf("closed after %s", d)
			}
			req, _ := http.NewRequest("GET", url+"/api/v1/me", nil)
			req.Header.Set("Cookie", cookie)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("the cookie still gets %s", res.Status)
			}
		})
	}
	t.Run("token revoked", func(t *testing.T) {
		tok, secret, err := h.auth.CreateToken(t.Context(), "mike", auth.TokenSpec{Name: "x", Kind: auth.KindToken})
		if err != nil {
			t.Fatal(err)
		}
		c := join(t, url, http.Header{"Authorization": {"Bearer " + secret}})
		c.until("hello")
		if err := h.auth.RevokeToken(t.Context(), tok.ID); err != nil {
			t.Fatal(err)
		}
		if d := c.ends(); d > time.Second {
			t.Errorf("closed after %s", d)
		}
	})
}

// TestSlowPageIsToldThatItLagged fills a page's queue.
func TestSlowPageIsToldThatItLagged(t *testing.T) {
	h := openHouse(t)
	url := h.serve(t)
	c := join(t, url, http.Header{"Cookie": {h.cookie(t, url, "ann")}, "Origin": {url}})
	c.until("hello")
	for range 200 * eventQueue {
		h.Bus.Publish(bus.Fact{Kind: "user.changed", Data: auth.UserChanged{User: strings.Repeat("x", 300)}, Admin: true})
	}
	c.until("lagged")
}

func TestPageThatTalksIsClosed(t *testing.T) {
	h := openHouse(t)
	url := h.serve(t)
	for _, said := range []int{1, 10_000} {
		c := join(t, url, http.Header{"Cookie": {h.cookie(t, url, "mike")}, "Origin": {url}})
		c.until("hello")
		c.Write(t.Context(), websocket.MessageText, []byte(strings.Repeat("x", said))) // may be cut off on the way
		c.ends()
	}
}

func TestMeter(t *testing.T) {
	h := openHouse(t)
	p := h.publish(t, "mike", "cam")
	now := time.Now()
	sample := func(at time.Duration) int64 {
		h.meter.sample(now.Add(at), h.router.List(auth.System("test")))
		return h.meter.rate("cam")
	}
	sample(0)
	p.Write(0, media.Sample{AU: [][]byte{make([]byte, 1000)}})
	if r := sample(2 * time.Second); r != 4000 {
		t.Errorf("%d bit/s", r)
	}
	if r := sample(4 * time.Second); r != 0 {
		t.Errorf("%d bit/s of a stream that is silent", r)
	}
	p.Close(nil)
	if r := sample(6 * time.Second); r != 0 || len(h.meter.last) != 0 {
		t.Errorf("a stream that ended is remembered: %d", r)
	}
}

// TestServerSentEvents: what comes over a WebSocket comes as a stream of text as
// well, to who may be told, and for as long as the login lasts.
func TestServerSentEvents(t *testing.T) {
	h := openHouse(t)
	url := h.serve(t)
	cookie := h.cookie(t, url, "mike")
	get := func(header http.Header) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		req.Header.Set("Accept", "text/event-stream")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close(); http.DefaultClient.CloseIdleConnections() })
		return res
	}
	if res := get(http.Header{}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody: %s", res.Status)
	}
	if res := get(http.Header{"Cookie": {cookie}, "Origin": {"https://evil.example"}}); res.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site: %s", res.Status)
	}
	res := get(http.Header{"Cookie": {cookie}})
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	until := func(kind string, not ...string) {
		t.Helper()
		for lines.Scan() {
			text, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var m message
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatal(err)
			}
			if m.Kind == kind {
				return
			}
			for _, n := range not {
				if m.Kind == n {
					t.Fatalf("got %s", m.Kind)
				}
			}
		}
		t.Fatalf("the stream ends before %s: %v", kind, lines.Err())
	}
	until("hello")
	h.Bus.Publish(bus.Fact{Kind: "secret", Data: struct{}{}, Admin: true})
	h.Bus.Publish(bus.Fact{Kind: "open", Data: struct{}{}})
	until("open", "secret")
	if err := h.auth.SetDisabled(t.Context(), "mike", true); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // until the login is over
	}
}

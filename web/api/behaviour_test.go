package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/media"
	"muster/web/login"
)

func decode[T any](t *testing.T, res *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if res.Code >= 300 {
		t.Fatalf("%d %s", res.Code, res.Body)
	}
	if err := json.Unmarshal(res.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestGroupsDoNotSeeEachOther is the path rule of the house through the API.
func TestGroupsDoNotSeeEachOther(t *testing.T) {
	h := openHouse(t)
	h.publish(t, "mike", "cam/red").Write(0, media.Sample{AU: [][]byte{{0, 0, 0, 1}}})
	sees := map[string]bool{"mike": true, "olga": true, "ann": true, "nora": false}
	for user, want := range sees {
		list := decode[struct{ Streams []Stream }](t, h.as(t, user, "GET", "/api/v1/streams", nil))
		if (len(list.Streams) == 1) != want {
			t.Errorf("%s: %d streams", user, len(list.Streams))
		}
		for _, path := range []string{"/api/v1/streams/cam/red", "/api/v1/stills/cam/red"} {
			if ok := h.as(t, user, "GET", path, nil).Code == 200; ok != want {
				t.Errorf("%s: %s: %v", user, path, ok)
			}
		}
		body := h.as(t, user, "GET", "/api/v1/sessions", nil).Body.String()
		if strings.Contains(body, "cam/red") != want {
			t.Errorf("%s sees sessions %s", user, body)
		}
	}
	// The same answer for what is not there and what is not theirs.
	a, b := h.as(t, "nora", "GET", "/api/v1/streams/cam/red", nil), h.as(t, "nora", "GET", "/api/v1/streams/cam/none", nil)
	if a.Body.String() != b.Body.String() || a.Code != b.Code {
		t.Errorf("%s differs from %s", a.Body, b.Body)
	}
	// A viewing key cannot be had for somebody else's stream.
	if res := h.as(t, "nora", "POST", "/api/v1/addresses/cam/red", object{"use": "watch", "days": 1}); res.Code != 404 {
		t.Errorf("%d %s", res.Code, res.Body)
	}
}

func TestStillIsNotSentTwice(t *testing.T) {
	h := openHouse(t)
	p := h.publish(t, "mike", "cam")
	if res := h.as(t, "mike", "GET", "/api/v1/stills/cam", nil); res.Code != 404 {
		t.Fatalf("a still before the first key frame: %d", res.Code)
	}
	p.Write(0, media.Sample{AU: [][]byte{{0, 0, 0, 1}}})
	res := h.as(t, "mike", "GET", "/api/v1/stills/cam", nil)
	if res.Code != 200 || res.Body.String() != "still" || res.Header().Get("Content-Type") != "video/mp4" {
		t.Fatalf("%d %v %s", res.Code, res.Header(), res.Body)
	}
	req := httptest.NewRequest("GET", "/api/v1/stills/cam", nil)
	req.Header.Set("If-None-Match", res.Header().Get("ETag"))
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, req.WithContext(WithIdentity(req.Context(), h.identity(t, "mike"))))
	if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Fatalf("%d %q", w.Code, w.Body)
	}
}

// TestListsHoldNoSecrets reads every list and single thing after secrets of all
// kinds were made.
func TestListsHoldNoSecrets(t *testing.T) {
	h := openHouse(t)
	h.publish(t, "mike", "uas/eo").Write(0, media.Sample{AU: [][]byte{{0, 0, 0, 1}}})
	made := decode[struct{ Secret string }](t, h.as(t, "ann", "POST", "/api/v1/tokens", object{"name": "x", "kind": "token", "days": 3, "scope": object{"actions": []string{"api"}}}))
	keyed := decode[struct{ Addresses []Address }](t, h.as(t, "mike", "POST", "/api/v1/addresses/uas/eo", object{"use": "publish", "days": 3}))
	cert := decode[struct{ P12 string }](t, h.as(t, "ann", "POST", "/api/v1/certificates", object{"user": "mike", "name": "tablet", "days": 5, "password": "atakatak"}))
	if made.Secret == "" || len(keyed.Addresses) == 0 || cert.P12 == "" {
		t.Fatal("nothing was made")
	}
	key := keyed.Addresses[0].URL
	key = key[strings.Index(key, "mst_"):strings.LastIndex(key, "@")]
	secrets := []string{made.Secret, made.Secret[strings.LastIndex(made.Secret, "_")+1:], key, "password of", "argon2", "PRIVATE KEY", cert.P12[:200], "atakatak"}
	for id, o := range h.ops {
		if o.method != "GET" || id == "getBackup" || id == "events" {
			continue
		}
		path := strings.Replace(o.path, "{name}", "uas/eo", 1)
		for _, query := range []string{"", "?all=true"} {
			body := h.as(t, "ann", "GET", path+query, nil).Body.String()
			for _, s := range secrets {
				if strings.Contains(body, s) {
					t.Errorf("%s tells %q", id, s)
				}
			}
		}
	}
}

// TestErrorsDoNotEchoPasswords sends passwords where they do not fit.
func TestErrorsDoNotEchoPasswords(t *testing.T) {
	h := openHouse(t)
	secret := "hunter2-" + strings.Repeat("x", 300)
	for _, tc := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/api/v1/users", object{"name": "new", "password": secret}},
		{"POST", "/api/v1/users", object{"name": secret, "password": "long enough"}},
		{"PUT", "/api/v1/users/mike/password", object{"password": secret}},
		{"PUT", "/api/v1/users/mike/password", object{"password": "hunter2-\x01"}},
		{"PUT", "/api/v1/users/mike/password", object{"password": []string{"hunter2-"}}},
		{"POST", "/api/v1/login", object{"user": "mike", "password": object{"hunter2-": 1}}},
		{"PUT", "/api/v1/me/password", object{"current": secret, "password": secret}},
	} {
		res := h.as(t, "ann", tc.method, tc.path, tc.body)
		if res.Code < 400 || res.Code >= 500 {
			t.Errorf("%s %s: %d", tc.method, tc.path, res.Code)
		}
		checkProblem(t, res)
		if strings.Contains(res.Body.String(), "hunter2-") {
			t.Errorf("%s %s tells the password: %s", tc.method, tc.path, res.Body)
		}
	}
}

// asToken sends a request with a token's identity.
func (h *house) asToken(t *testing.T, secret, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	id, err := h.auth.Authenticate(t.Context(), auth.Proof{Token: secret})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	ctx := login.WithPeer(WithIdentity(req.Context(), id), login.Peer{Secure: true})
	h.Handler().ServeHTTP(w, req.WithContext(ctx))
	return w
}

// TestTokensDoNotGrow holds limited tokens to their scope.
func TestTokensDoNotGrow(t *testing.T) {
	h := openHouse(t)
	h.publish(t, "olga", "cam")
	make := func(user string, actions ...auth.Action) string {
		_, secret, err := h.auth.CreateToken(t.Context(), user, auth.TokenSpec{Name: "x", Kind: auth.KindToken, Scope: &auth.Scope{Actions: actions}})
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	apiOnly, reader, whole := make("ann", auth.Use), make("ann", auth.Read), make("ann", auth.Use, auth.Admin)
	for _, tc := range []struct {
		name, token, method, path, body string
		want                            int
	}{
		{"reads who it is", apiOnly, "GET", "/api/v1/me", "", 200},
		{"is not for administration", apiOnly, "GET", "/api/v1/users", "", 403},
		{"makes no token that is worth more", apiOnly, "POST", "/api/v1/tokens", `{"name":"y","kind":"token","days":0}`, 403},
		{"makes no stream key", apiOnly, "POST", "/api/v1/addresses/cam", `{"use":"watch","days":1}`, 403},
		{"changes no password", apiOnly, "PUT", "/api/v1/me/password", `{"current":"password of ann","password":"something new"}`, 403},
		{"sees no tokens of others", apiOnly, "GET", "/api/v1/tokens?all=true", "", 403},
		{"a key for media is not for the API", reader, "GET", "/api/v1/me", "", 403},
		{"a key for media is not for the API", reader, "GET", "/api/v1/streams", "", 403},
		{"may administrate", whole, "GET", "/api/v1/users", "", 200},
		{"may make tokens", whole, "POST", "/api/v1/tokens", `{"name":"y","kind":"token","days":0}`, 201},
	} {
		if res := h.asToken(t, tc.token, tc.method, tc.path, tc.body); res.Code != tc.want {
			t.Errorf("%s: %d %s", tc.name, res.Code, res.Body)
		}
	}
	list := decode[struct{ Streams []Stream }](t, h.asToken(t, apiOnly, "GET", "/api/v1/streams", ""))
	if len(list.Streams) != 0 {
		t.Error("a token without the action read lists streams")
	}
}

func TestSessionsOfOthers(t *testing.T) {
	h := openHouse(t)
	red, blue := h.publish(t, "mike", "cam/red"), h.publish(t, "nora", "cam/blue")
	for _, tc := range []struct {
		user string
		p    *media.Publisher
		want int
	}{
		{"mike", blue, 404}, {"olga", blue, 404}, {"mike", red, 204}, {"ann", blue, 204},
	} {
		if res := h.as(t, tc.user, "DELETE", "/api/v1/sessions/"+tc.p.Session().Info().ID, nil); res.Code != tc.want {
			t.Errorf("%s: %d", tc.user, res.Code)
		}
	}
	if left := h.Sessions.List(); len(left) != 0 {
		t.Errorf("still open: %+v", left)
	}
}

func TestAddresses(t *testing.T) {
	h := openHouse(t)
	h.publish(t, "mike", "uas/eo")
	out := decode[struct{ Addresses []Address }](t, h.as(t, "mike", "GET", "/api/v1/addresses/uas/eo", nil))
	want := map[string]bool{
		"rtsp://USER:PASSWORD@muster.example:8554/uas/eo":                 false,
		"rtmp://muster.example/uas/eo?user=USER&pass=PASSWORD":            false,
		"srt://muster.example:8890?streamid=read:uas/eo:USER:PASSWORD":    false,
		"srt://muster.example:8890?streamid=publish:uas/eo:USER:PASSWORD": false,
		"https://USER:PASSWORD@muster.example/hls/uas/eo/index.m3u8":      false,
		"http://USER:PASSWORD@muster.example:8888/uas/eo/index.m3u8":      false,
		"https://muster.example/rtc/uas/eo/whep":                          false,
		"https://muster.example/rtc/uas/eo/whip":                          false,
		"https://muster.example/video/uas/eo":                             false,
		"https://muster.example/publish?name=uas%2Feo":                    false,
	}
	for _, a := range out.Addresses {
		if _, ok := want[a.URL]; ok {
			want[a.URL] = true
		}
		if strings.HasPrefix(a.URL, "rtsps") {
			t.Error("an address of a door that is closed")
		}
	}
	for url, found := range want {
		if !found {
			t.Errorf("missing: %s", url)
		}
	}
	keyed := decode[struct {
		Addresses []Address
		TokenID   string
		Expires   time.Time
	}](t, h.as(t, "mike", "POST", "/api/v1/addresses/uas/eo", object{"use": "watch", "days": 2}))
	url := keyed.Addresses[0].URL
	secret := url[strings.Index(url, "mst_"):strings.LastIndex(url, "@")]
	id, err := h.auth.Authenticate(t.Context(), auth.Proof{User: "mike", Password: secret})
	if err != nil || id.User != "mike" {
		t.Fatalf("the key does not work: %v", err)
	}
	if auth.Allow(id, auth.Read, auth.Stream("uas/eo", []string{"red"})) != nil || auth.Allow(id, auth.Publish, auth.Stream("uas/eo", []string{"red"})) == nil ||
		auth.Allow(id, auth.Read, auth.Stream("other", []string{"red"})) == nil {
		t.Errorf("the key is worth something else: %+v", id.Scope)
	}
	if d := time.Until(keyed.Expires); d < 47*time.Hour || d > 49*time.Hour {
		t.Errorf("it ends in %s", d)
	}
}

// TestStoppedServer is the command line at work on the data of a stopped server.
func TestStoppedServer(t *testing.T) {
	h := openHouse(t)
	d := h.Deps
	d.Streams, d.Bus, d.Logins, d.Doors, d.Health, d.Authority, d.Backup = nil, nil, nil, nil, nil, nil, nil
	h.API = New(d)
	call := func(method, path, body string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, req.WithContext(WithIdentity(req.Context(), auth.System("local"))))
		return w
	}
	for _, tc := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/v1/users", `{"name":"zoe","password":"long enough"}`, 201},
		{"GET", "/api/v1/users", "", 200},
		{"POST", "/api/v1/tokens", `{"name":"y","kind":"token","days":0,"user":"zoe"}`, 201},
		{"POST", "/api/v1/tokens", `{"name":"y","kind":"token","days":0}`, 422},
		{"GET", "/api/v1/tokens", "", 200},
		{"GET", "/api/v1/tokens?all=true", "", 200},
		{"GET", "/api/v1/server", "", 200},
		{"GET", "/api/v1/streams", "", 503},
		{"GET", "/api/v1/health", "", 503},
		{"GET", "/api/v1/ca.pem", "", 503},
		{"GET", "/api/v1/backup", "", 503},
		{"POST", "/api/v1/login", `{"user":"a","password":"b"}`, 503},
		{"DELETE", "/api/v1/users/ann", "", 409}, // the last administrator
		{"DELETE", "/api/v1/users/nobody", "", 404},
		{"POST", "/api/v1/users", `{"name":"zoe","password":"long enough"}`, 409},
		{"POST", "/api/v1/users", `{"name":"zo e","password":"long enough"}`, 422},
		{"POST", "/api/v1/users", `{"name":"zoo","password":"long enough","admin":true}`, 422},
		{"POST", "/api/v1/users", `{"name":`, 400},
		{"POST", "/api/v1/users", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
	} {
		res := call(tc.method, tc.path, tc.body)
		if res.Code != tc.want {
			t.Errorf("%s %s %.60s: %d %.300s", tc.method, tc.path, tc.body, res.Code, res.Body)
		}
		if res.Code >= 400 {
			checkProblem(t, res)
		}
	}
}

// brokenBackup fails before or after it has begun to write.
type brokenBackup string

func (b brokenBackup) Backup(_ context.Context, w io.Writer) error {
	if b != "" {
		io.WriteString(w, string(b))
	}
	return errors.New("the disk is full")
}

func TestABackupThatFailsIsSeenToFail(t *testing.T) {
	h := openHouse(t)
	h.API.Backup = brokenBackup("")
	res := h.as(t, "ann", "GET", "/api/v1/backup", nil)
	if res.Code != http.StatusInternalServerError || strings.Contains(res.Body.String(), "disk") {
		t.Errorf("%d %s", res.Code, res.Body)
	}
	checkProblem(t, res)
	h.API.Backup = brokenBackup("the first half")
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the client takes half a backup for a whole one")
		}
	}()
	h.as(t, "ann", "GET", "/api/v1/backup", nil)
}

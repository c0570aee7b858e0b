package api

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"muster/internal/auth"
	"muster/web/login"
)

// browser sends requests with the cookies it was given.
type browser struct {
	h   *house
	jar map[string]*http.Cookie
}

func (b *browser) send(t *testing.T, method, path string, body any, out any) *httptest.ResponseRecorder {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, "https://muster.example"+path, bytes.NewReader(text))
	if body == nil {
		r = httptest.NewRequest(method, "https://muster.example"+path, nil)
	}
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, flowPath) {
		r.Header.Set("Sec-Fetch-Site", "cross-site") // it comes from the provider's page
	} else {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range b.jar {
		r.AddCookie(c)
	}
	peer := login.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:4000"), Secure: true}
	w := httptest.NewRecorder()
	b.h.gate.Cookies(b.h.Handler()).ServeHTTP(w, r.WithContext(login.WithPeer(r.Context(), peer)))
	for _, c := range w.Result().Cookies() {
		b.jar[c.Name] = c
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w
}

func newBrowser(h *house) *browser { return &browser{h: h, jar: map[string]*http.Cookie{}} }

func TestSecondFactorInTheBrowser(t *testing.T) {
	h := openHouse(t)
	b := newBrowser(h)
	me := object{"user": "mike", "password": "password of mike"}
	if w := b.send(t, "POST", "/api/v1/login", me, nil); w.Code != 200 {
		t.Fatal(w.Code)
	}
	if w := b.send(t, "POST", "/api/v1/account/totp", object{"password": "wrong"}, nil); w.Code != 403 {
		t.Errorf("a thief of the login sets one up: %d", w.Code)
	}
	var begun struct{ Secret, URI string }
	b.send(t, "POST", "/api/v1/account/totp", object{"password": "password of mike"}, &begun)
	code := func() string {
		c, err := totp.GenerateCode(begun.Secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	other := newBrowser(h)
	other.send(t, "POST", "/api/v1/login", me, nil)
	if w := b.send(t, "POST", "/api/v1/account/totp/confirm", object{"code": "12345"}, nil); w.Code != 422 || !strings.Contains(w.Body.String(), `"Invalid code: it is not`) {
		t.Errorf("a wrong code: %d %s", w.Code, w.Body)
	}
	var confirmed struct{ Recovery []string }
	if w := b.send(t, "POST", "/api/v1/account/totp/confirm", object{"code": code()}, &confirmed); w.Code != 200 || len(confirmed.Recovery) != 10 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := b.send(t, "GET", "/api/v1/me", nil, nil); w.Code != 200 {
		t.Errorf("the browser that set it up is logged out: %d", w.Code)
	}
	if w := other.send(t, "GET", "/api/v1/me", nil, nil); w.Code != 401 {
		t.Errorf("another one goes on: %d", w.Code)
	}
	var state struct{ Enabled bool }
	if b.send(t, "GET", "/api/v1/account/totp", nil, &state); !state.Enabled {
		t.Error("it does not count")
	}

	var problem struct{ Type string }
	if w := other.send(t, "POST", "/api/v1/login", me, &problem); w.Code != 401 || problem.Type != "urn:muster:code-needed" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	wrong := object{"user": "mike", "password": "wrong", "code": confirmed.Recovery[0]}
	if w := other.send(t, "POST", "/api/v1/login", wrong, &problem); w.Code != 401 || problem.Type != "about:blank" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	me["code"] = confirmed.Recovery[0]
	if w := other.send(t, "POST", "/api/v1/login", me, nil); w.Code != 200 {
		t.Errorf("with a recovery code: %d", w.Code)
	}
	if w := b.send(t, "PUT", "/api/v1/me/password", object{"current": "password of mike", "password": "quite another one"}, nil); w.Code >= 300 {
		t.Errorf("a new password: %d %s", w.Code, w.Body)
	}
	if w := b.send(t, "GET", "/api/v1/me", nil, nil); w.Code != 200 {
		t.Errorf("the browser that changed the password is logged out: %d", w.Code)
	}
	if w := b.send(t, "DELETE", "/api/v1/account/totp", object{"password": "quite another one", "code": "000000"}, nil); w.Code != 403 {
		t.Errorf("dropped with a wrong code: %d", w.Code)
	}
	if w := b.send(t, "DELETE", "/api/v1/account/totp", object{"password": "quite another one", "code": confirmed.Recovery[1]}, nil); w.Code != 204 {
		t.Errorf("drop: %d %s", w.Code, w.Body)
	}
}

func TestEnrolmentsInTheBrowser(t *testing.T) {
	h := openHouse(t)
	var made struct{ ID, Token, ATAKURL, ITAKText, Page string }
	w := h.as(t, "mike", "POST", "/api/v1/enrolments", object{"user": "mike", "device": "phone", "minutes": 5})
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if made.ATAKURL != "tak://com.atakmap.app/enroll?host=localhost&token="+made.Token+"&username=mike" || made.ITAKText != "Muster,localhost,8089,SSL" ||
		made.Page != "https://localhost:8446/enroll/"+made.Token {
		t.Errorf("%+v", made)
	}
	count := func(user string) int {
		var out struct{ Enrolments []Enrolment }
		if err := json.Unmarshal(h.as(t, user, "GET", "/api/v1/enrolments", nil).Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		return len(out.Enrolments)
	}
	if count("mike") != 1 || count("nora") != 0 || count("ann") != 1 {
		t.Errorf("%d %d %d", count("mike"), count("nora"), count("ann"))
	}
	if w := h.as(t, "nora", "DELETE", "/api/v1/enrolments/"+made.ID, nil); w.Code != 404 {
		t.Errorf("another member takes it back: %d", w.Code)
	}
	if w := h.as(t, "mike", "POST", "/api/v1/enrolments", object{"user": "mike", "minutes": 2000}); w.Code != 422 {
		t.Errorf("too long: %d", w.Code)
	}
	if w := h.as(t, "mike", "DELETE", "/api/v1/enrolments/"+made.ID, nil); w.Code != 204 {
		t.Errorf("take back: %d", w.Code)
	}
}

func TestPackageIsAZip(t *testing.T) {
	h := openHouse(t)
	for _, form := range []string{"atak", "itak", "enroll"} {
		w := h.as(t, "ann", "POST", "/api/v1/certificates/package", object{"user": "nora", "device": "phone", "form": form})
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/zip" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
			t.Fatalf("%s: %d %v", form, w.Code, w.Header())
		}
		if _, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len())); err != nil {
			t.Error(err)
		}
	}
}

// somewhere is an Identity with a provider that logs mike in.
type somewhere struct {
	*auth.Service
	h *house
	t *testing.T
}

func (somewhere) Providers() []auth.Provider {
	return []auth.Provider{{ID: "idp", Name: "Our provider"}}
}

func (s somewhere) BeginOIDC(_ context.Context, provider, redirect, next string) (string, string, error) {
	if provider != "idp" || redirect != "https://muster.example/api/v1/login/oidc/idp/callback" {
		s.t.Errorf("%s %s", provider, redirect)
	}
	return "https://idp.example/auth?state=s", "flow " + next, nil
}

func (s somewhere) FinishOIDC(_ context.Context, _, flow, state, code string, _ netip.Addr) (auth.Identity, string, error) {
	next, ok := strings.CutPrefix(flow, "flow ")
	if !ok || state != "s" || code != "c" {
		return auth.Identity{}, "", auth.ErrBadCredentials
	}
	return s.h.identity(s.t, "mike"), next, nil
}

func TestLoginWithAProviderInTheBrowser(t *testing.T) {
	h := openHouse(t)
	h.Identity = somewhere{h.auth, h, t}
	b := newBrowser(h)
	var methods struct {
		Password bool
		OIDC     []Method
	}
	if b.send(t, "GET", "/api/v1/login/methods", nil, &methods); !methods.Password || len(methods.OIDC) != 1 || methods.OIDC[0].Name != "Our provider" {
		t.Errorf("%+v", methods)
	}
	w := b.send(t, "GET", "/api/v1/login/oidc/idp?next=/map", nil, nil)
	c := b.jar[flowCookie]
	if w.Code != 303 || w.Header().Get("Location") != "https://idp.example/auth?state=s" || c == nil || c.SameSite != http.SameSiteLaxMode || !c.HttpOnly || !c.Secure {
		t.Fatalf("%d %v %v", w.Code, w.Header(), c)
	}
	if w := newBrowser(h).send(t, "GET", "/api/v1/login/oidc/idp/callback?state=s&code=c", nil, nil); w.Code != 303 || w.Header().Get("Location") != "/login?refused=provider" {
		t.Errorf("another browser: %d", w.Code)
	}
	w = b.send(t, "GET", "/api/v1/login/oidc/idp/callback?state=s&code=c", nil, nil)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `content="0;url=/map"`) || b.jar[flowCookie] != nil || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("%d %s %v", w.Code, w.Body, b.jar)
	}
	if w := b.send(t, "GET", "/api/v1/me", nil, nil); w.Code != 200 || !strings.Contains(w.Body.String(), `"user":"mike"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	b.send(t, "GET", "/api/v1/login/oidc/idp", nil, nil)
	if w := b.send(t, "GET", "/api/v1/login/oidc/idp/callback?state=s&error=access_denied", nil, nil); w.Code != 303 || len(w.Result().Cookies()) != 1 {
		t.Errorf("given up at the provider: %d %v", w.Code, w.Result().Cookies())
	}
}

func TestLoginLeadsToThisServerOnly(t *testing.T) {
	for next, want := range map[string]string{
		"/map": "/map", "/map?a=b#c": "/map?a=b#c", "": "/", "map": "/", "//evil.example": "/", "/\\evil.example": "/", "https://evil.example": "/",
		"javascript:alert(1)": "/", "/\t/evil.example": "/", "///evil.example": "/",
	} {
		if got := localPath(next); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

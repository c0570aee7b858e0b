package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"muster/internal/mail"
)

// post keeps messages instead of sending them.
type post struct {
	off bool
	url string
	err error

	mu    sync.Mutex
	sent  []mail.Message
	later []func(context.Context) ([]mail.Message, error)
}

func (p *post) On() bool    { return !p.off }
func (p *post) URL() string { return p.url }

func (p *post) Send(m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return p.err
}

func (p *post) Deliver(_ context.Context, m mail.Message) error { return p.Send(m) }

func (p *post) SendLater(write func(context.Context) ([]mail.Message, error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.later = append(p.later, write)
	return p.err
}

// take writes what is to be written later and returns everything sent.
func (p *post) take(t *testing.T) []mail.Message {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, write := range p.later {
		all, err := write(t.Context())
		if err != nil {
			t.Error(err)
		}
		p.sent = append(p.sent, all...)
	}
	sent := p.sent
	p.sent, p.later = nil, nil
	return sent
}

func TestPasswordIsChosenByMail(t *testing.T) {
	h := openHouse(t)
	answers := map[string]bool{}
	for _, who := range []string{"mike", "MIKE@example.org", "nobody", "nobody@example.org"} {
		w := h.as(t, "", "POST", "/api/v1/login/forgotten", object{"who": who})
		answers[http.StatusText(w.Code)+w.Body.String()] = true
	}
	if len(answers) != 1 || !answers["Accepted"] {
		t.Errorf("the answers differ: %v", answers)
	}
	if len(h.post.sent) > 0 {
		t.Error("sent before the answer")
	}
	sent := h.post.take(t)
	if len(sent) != 1 || sent[0].To != "mike@example.org" { // the second within two minutes is none
		t.Fatalf("%+v", sent)
	}
	link := regexp.MustCompile(`(?m)^https://muster\.example/reset#([a-z2-7]{26})$`).FindStringSubmatch(sent[0].Text)
	if link == nil {
		t.Fatal(sent[0].Text)
	}
	w := h.as(t, "", "POST", "/api/v1/login/reset/check", object{"token": link[1]})
	var who struct{ User string }
	if err := json.Unmarshal(w.Body.Bytes(), &who); err != nil || w.Code != 200 || who.User != "mike" {
		t.Fatal(w.Code, w.Body)
	}
	if w := h.as(t, "", "PUT", "/api/v1/login/reset", object{"token": link[1], "password": "short"}); w.Code != 422 {
		t.Error(w.Code, w.Body)
	}
	if w := h.as(t, "", "PUT", "/api/v1/login/reset", object{"token": link[1], "password": "a new password"}); w.Code != 204 {
		t.Fatal(w.Code, w.Body)
	}
	if sent := h.post.take(t); len(sent) != 1 || sent[0].To != "mike@example.org" || !strings.Contains(sent[0].Subject, "changed") {
		t.Errorf("%+v", sent)
	}
	if w := h.as(t, "", "PUT", "/api/v1/login/reset", object{"token": link[1], "password": "a new password"}); w.Code != 410 {
		t.Error(w.Code, w.Body)
	}
	if w := h.as(t, "", "POST", "/api/v1/login", object{"user": "mike", "password": "a new password"}); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
}

func TestLinksAreNotAskedForWithoutEnd(t *testing.T) {
	h := openHouse(t)
	codes := map[int]int{}
	for range 10 {
		codes[h.as(t, "", "POST", "/api/v1/login/forgotten", object{"who": "mike"}).Code]++
	}
	if codes[202] > 4 || codes[429] < 6 {
		t.Errorf("one account: %v", codes)
	}
	for range 40 {
		codes[h.as(t, "", "PUT", "/api/v1/login/reset", object{"token": "guess", "password": "whatever it is"}).Code]++
	}
	if codes[410] > 20 || codes[429] < 20 {
		t.Errorf("guesses: %v", codes)
	}
}

func TestLinksLeadWhereTheConfigurationSays(t *testing.T) {
	h := openHouse(t)
	if got := h.page(); got != "https://muster.example" {
		t.Error(got)
	}
	h.Doors.Bound("https", "tcp", "[::]:9443")
	if got := h.page(); got != "https://muster.example:9443" {
		t.Error(got)
	}
	h.post.url = "https://console.example/"
	if got := h.page(); got != "https://console.example" {
		t.Error(got)
	}
}

func TestInvitations(t *testing.T) {
	h := openHouse(t)
	if w := h.as(t, "ann", "POST", "/api/v1/users", object{"name": "new", "email": "new@example.org"}); w.Code != 201 {
		t.Fatal(w.Code, w.Body)
	}
	if w := h.as(t, "ann", "POST", "/api/v1/users/new/reset", nil); w.Code != 204 {
		t.Fatal(w.Code, w.Body)
	}
	if sent := h.post.take(t); len(sent) != 1 || sent[0].To != "new@example.org" || !strings.Contains(sent[0].Text, "https://muster.example/reset#") {
		t.Errorf("%+v", sent)
	}
	if w := h.as(t, "ann", "POST", "/api/v1/enrolments", object{"user": "nora", "device": "phone", "mail": true}); w.Code != 201 {
		t.Fatal(w.Code, w.Body)
	}
	if sent := h.post.take(t); len(sent) != 1 || sent[0].To != "nora@example.org" || !strings.Contains(sent[0].Text, "/enroll/mst_") {
		t.Errorf("%+v", sent)
	}
	if w := h.as(t, "ann", "PATCH", "/api/v1/users/nora", object{"email": ""}); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	for path, body := range map[string]any{"/api/v1/enrolments": object{"user": "nora", "mail": true}, "/api/v1/users/nora/reset": nil} {
		if w := h.as(t, "ann", "POST", path, body); w.Code != 422 || !strings.Contains(w.Body.String(), "mail address") {
			t.Error(path, w.Code, w.Body)
		}
	}
}

func TestOwnMailAddressNeedsThePassword(t *testing.T) {
	h := openHouse(t)
	for _, test := range []struct {
		current, email string
		code           int
	}{
		{"wrong", "thief@example.org", 403}, {"password of mike", "not an address", 422}, {"password of mike", "mike@example.com", 204},
	} {
		if w := h.as(t, "mike", "PUT", "/api/v1/me/email", object{"current": test.current, "email": test.email}); w.Code != test.code {
			t.Error(test.email, w.Code, w.Body)
		}
	}
	if w := h.as(t, "mike", "GET", "/api/v1/me/email", nil); w.Body.String() != `{"email":"mike@example.com","mail":true}`+"\n" {
		t.Error(w.Body)
	}
}

func TestMailThatCannotBeSent(t *testing.T) {
	h := openHouse(t)
	calls := []struct {
		user, method, path string
		body               any
	}{
		{"", "POST", "/api/v1/login/forgotten", object{"who": "mike"}},
		{"ann", "POST", "/api/v1/users/mike/reset", nil},
		{"ann", "POST", "/api/v1/enrolments", object{"user": "mike", "mail": true}},
		{"ann", "POST", "/api/v1/mail/test", object{"to": "x@example.org"}},
	}
	for err, code := range map[error]int{mail.ErrFull: 503, mail.ErrOff: 409} {
		h.post.err, h.post.off = err, errors.Is(err, mail.ErrOff)
		for _, c := range calls {
			want := code
			if strings.HasSuffix(c.path, "/test") && code == 503 {
				want = 502 // whatever the mail server said
			}
			if w := h.as(t, c.user, c.method, c.path, c.body); w.Code != want {
				t.Error(c.path, w.Code, w.Body)
			}
		}
	}
	h.post.err, h.post.off = errors.New("mail: send through mail.example port 465: 535 wrong password"), false
	if w := h.as(t, "ann", "POST", "/api/v1/mail/test", object{"to": "x@example.org"}); w.Code != 502 || !strings.Contains(w.Body.String(), "Send through mail.example port 465: 535 wrong password.") {
		t.Error(w.Code, w.Body)
	}
}

package sip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/sip/wire"
)

// registration sends a REGISTER of alice for itself.
func (u *ua) register(w *world, fields ...string) *wire.Message {
	u.t.Helper()
	if u.user == "" {
		u.user, u.pass = "alice", "wonder"
	}
	return u.do(wire.Register, "sip:"+u.user+"@"+w.addr.String(), "", fields...)
}

func TestRegistrationLastsAsLongAsAsked(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	r := u.register(w, "Expires: 600")
	if r.Status != 200 || len(r.Contacts) != 1 || r.Contacts[0].Params.Get("expires") != "600" {
		t.Fatalf("%d %v", r.Status, r.All("Contact"))
	}
	if n := len(w.sessions.List()); n != 1 {
		t.Errorf("%d sessions", n)
	}
	if r = u.register(w, "Expires: 5"); r.Status != 423 || r.Get("Min-Expires") != "60" {
		t.Errorf("too brief: %d, Min-Expires %q", r.Status, r.Get("Min-Expires"))
	}
	if r = u.register(w); r.Status != 200 || len(r.Contacts) != 1 || r.Contacts[0].Params.Get("expires") != "3600" {
		t.Errorf("again: %d %v", r.Status, r.All("Contact"))
	}
	if r = u.register(w, "Expires: 0"); r.Status != 200 || w.Stats().Phones != 0 || len(w.sessions.List()) != 0 {
		t.Errorf("taken back: %d, %d phones, %d sessions", r.Status, w.Stats().Phones, len(w.sessions.List()))
	}
}

func TestPhonesThatNeverLeftDoNotKeepOthersOut(t *testing.T) {
	w := serve(t, func(c *Config, _ *Deps) { c.Registrar.Contacts = 2 })
	var first, last *ua
	for range 3 {
		last = newUA(t, w)
		if first == nil {
			first = last
		}
		if r := last.register(w); r.Status != 200 {
			t.Fatalf("%d", r.Status)
		}
	}
	r := last.register(w)
	if n := len(w.sessions.List()); len(r.Contacts) != 2 || n != 2 {
		t.Errorf("%v are registered, in %d sessions", r.All("Contact"), n)
	}
	if strings.Contains(strings.Join(r.All("Contact"), " "), first.local()) {
		t.Errorf("the one that was silent for the longest time is still there: %v", r.All("Contact"))
	}
}

func TestRegistrationEndsWithTheUser(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	u.register(w)
	u.user, u.pass = "alice", "wonder"
	v := newUA(t, w)
	v.user, v.pass = "alice", "wonder"
	v.call(v.room("100"), v.offer("8"), "")
	seat := w.rooms.last(t)
	n := w.sessions.Revalidate(func(auth.SessionInfo) bool { return true }, func(auth.Identity) (auth.Identity, error) {
		return auth.Identity{}, auth.ErrNotFound
	})
	if n != 2 {
		t.Errorf("%d sessions ended, want that of the phone and that of the call", n)
	}
	eventually(t, "the phone is gone", func() bool { return w.Stats().Phones == 0 })
	eventually(t, "the seat is free", seat.isClosed)
	v.expect(wire.Bye)
}

func TestAnswersDoNotTellWhoExists(t *testing.T) {
	w := serve(t, nil)
	shape := func(user, pass string) string {
		u := newUA(t, w)
		u.user, u.pass = user, pass
		r := u.register(w)
		var names []string
		for _, f := range r.Fields {
			names = append(names, f.Name)
		}
		return fmt.Sprint(r.Status, r.Reason, names)
	}
	known, unknown := shape("alice", "wrong"), shape("nobody", "wrong")
	if known != unknown || !strings.HasPrefix(known, "401") {
		t.Errorf("known user: %s\nunknown user: %s", known, unknown)
	}
}

func TestOneUserCannotRegisterForAnother(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	u.user, u.pass = "alice", "wonder"
	if r := u.do(wire.Register, "sip:bob@"+w.addr.String(), ""); r.Status != 403 {
		t.Errorf("%d", r.Status)
	}
}

func TestAnswerToAChallengeIsGoodOnce(t *testing.T) {
	n := newNonces()
	addr := newTestAddr("192.0.2.1")
	now := time.Now()
	nonce := n.make(addr, now)
	take := func(nc string, at time.Time) string {
		ok, stale := n.take(nonce, nc, addr, at)
		return fmt.Sprint(ok, stale)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"first", take("00000001", now), "true false"},
		{"the same again", take("00000001", now), "false true"},
		{"second", take("00000002", now), "true false"},
		{"an earlier one", take("00000001", now), "false true"},
		{"no number", take("x", now), "false false"},
		{"too late", take("00000003", now.Add(nonceLife+time.Second)), "false true"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
	if ok, _ := n.take(n.make(addr, now), "00000001", newTestAddr("192.0.2.2"), now); ok {
		t.Error("a nonce is good for another address")
	}
	if ok, _ := n.take("AAAA", "00000001", addr, now); ok {
		t.Error("a nonce of somebody else is good")
	}
}

func TestOldPhonesAreAskedForMD5Alone(t *testing.T) {
	a := newAlgorithms()
	ask := func(callID, agent string) string {
		m := &wire.Message{Method: wire.Register, CallID: callID, Seq: 1}
		m.From.URI.User = "alice"
		m.Add("User-Agent", agent)
		return strings.Join(a.offer(m, newTestAddr("192.0.2.1"), time.Now()), " ")
	}
	for _, tt := range []struct{ name, got, want string }{
		{"first", ask("1", "phone"), "SHA-256 MD5"},
		{"sent again", ask("1", "phone"), "SHA-256 MD5"},
		{"tries anew without an answer", ask("2", "phone"), "MD5"},
		{"stays so", ask("3", "phone"), "MD5"},
		{"known to be old", ask("4", "baresip v1.0.0 (x86_64/linux)"), "MD5"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

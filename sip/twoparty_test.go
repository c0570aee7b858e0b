package sip

import (
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// user returns a phone of a user, registered.
func registered(t *testing.T, w *world, user, pass string) *ua {
	t.Helper()
	u := newUA(t, w)
	u.user, u.pass = user, pass
	if r := u.register(w); r.Status != 200 {
		t.Fatalf("%s is not registered: %d", user, r.Status)
	}
	u.next(10 * time.Millisecond)
	return u
}

// dialled is the callee's side of a dialog: it answers an INVITE that came.
func (u *ua) dialled(inv *wire.Message, status int, body string, fields ...string) {
	u.t.Helper()
	r := wire.NewResponse(inv, status, "", u.tag)
	r.Add("Contact", "<sip:x"+u.user+"@"+u.local()+">")
	for _, f := range fields {
		name, v, _ := strings.Cut(f, ": ")
		r.Add(name, v)
	}
	r.SetBody("application/sdp", []byte(body))
	u.send(r)
	if len(inv.Body) > 0 {
		s := u.parse(inv)
		u.media = addrPort(s.Media[0].Addr, s.Media[0].Port)
	}
}

// inDialog makes a request of the callee within the call that inv began.
func (u *ua) inDialog(inv *wire.Message, method string, fields ...string) *wire.Message {
	m := wire.NewRequest(method, inv.Contacts[0].URI)
	m.Add("Via", "SIP/2.0/UDP "+u.local()+";rport;branch="+transaction.Branch())
	m.Add("From", inv.Get("To")+";tag="+u.tag)
	m.Add("To", inv.Get("From"))
	m.Add("Call-ID", inv.CallID)
	u.seq += 1000
	m.Addf("CSeq", "%d %s", u.seq, method)
	m.Add("Contact", "<sip:"+u.user+"@"+u.local()+">")
	for _, f := range fields {
		name, v, _ := strings.Cut(f, ": ")
		m.Add(name, v)
	}
	return m
}

// ring has a call bob, who rings and answers.
func ring(t *testing.T, w *world, a, b *ua, formats string) *wire.Message {
	t.Helper()
	done := make(chan struct{})
	var inv *wire.Message
	go func() {
		defer close(done)
		inv = b.expect(wire.Invite)
		b.dialled(inv, 180, "")
		b.dialled(inv, 200, b.offer(formats))
		b.expect(wire.Ack)
	}()
	a.call("sip:bob@"+w.addr.String(), a.offer("8 0"), "")
	<-done
	return inv
}

func TestCallBetweenUsers(t *testing.T) {
	w := serve(t, nil)
	a, b := registered(t, w, "alice", "wonder"), registered(t, w, "bob", "builder")
	inv := ring(t, w, a, b, "0")
	if got := inv.From.URI.Name(); got != "alice" {
		t.Errorf("bob is called by %q", got)
	}
	a.play(0, 10)
	b.play(0, 10)
	for name, u := range map[string]*ua{"alice": a, "bob": b} {
		if n := u.heard(100 * time.Millisecond); n < 8 {
			t.Errorf("%s hears %d packets", name, n)
		}
	}
	b.send(b.inDialog(inv, wire.Bye))
	a.expect(wire.Bye)
}

func TestCallThatIsGivenUp(t *testing.T) {
	w := serve(t, nil)
	a, b := registered(t, w, "alice", "wonder"), registered(t, w, "bob", "builder")
	a.send(a.login(a.request(wire.Invite, "sip:bob@"+w.addr.String(), a.offer("8"))))
	inv := b.expect(wire.Invite)
	b.dialled(inv, 180, "")
	eventually(t, "it rings", func() bool { m := a.next(time.Second); return m != nil && m.Status == 180 })
	a.send(a.request(wire.Cancel, "sip:bob@"+w.addr.String(), ""))
	cancel := b.expect(wire.Cancel)
	b.dialled(cancel, 200, "")
	b.dialled(inv, 487, "")
	b.expect(wire.Ack)
	got := map[int]bool{}
	for range 2 {
		if m := a.next(time.Second); m != nil {
			got[m.Status] = true
		}
	}
	if !got[200] || !got[487] {
		t.Errorf("answers %v, want 200 to CANCEL and 487 to INVITE", got)
	}
}

// login adds credentials to a first INVITE: the test would rather not go through
// the challenge.
func (u *ua) login(m *wire.Message) *wire.Message {
	u.t.Helper()
	u.send(m)
	r := u.final(m.Method)
	u.send(u.request(wire.Ack, m.Target.String(), ""))
	again := u.request(m.Method, m.Target.String(), string(m.Body))
	again.Add("Authorization", u.answer(r, m))
	return again
}

func TestPhoneThatRequiresReliableRinging(t *testing.T) {
	w := serve(t, nil)
	a, b := registered(t, w, "alice", "wonder"), registered(t, w, "bob", "builder")
	m := a.login(a.request(wire.Invite, "sip:bob@"+w.addr.String(), a.offer("8")))
	m.Add("Require", "100rel")
	a.send(m)
	inv := b.expect(wire.Invite)
	b.dialled(inv, 180, "", "Require: 100rel", "RSeq: 7")
	prack := b.expect(wire.Prack)
	if prack.Get("RAck") != "7 "+inv.Get("CSeq") {
		t.Errorf("RAck %q", prack.Get("RAck"))
	}
	b.dialled(prack, 200, "")
	var rings []*wire.Message
	for len(rings) < 2 { // until it is confirmed it comes again
		if m := a.next(3 * time.Second); m == nil {
			t.Fatal("ringing is not sent again")
		} else if m.Status == 180 {
			rings = append(rings, m)
		}
	}
	seq := a.seq
	a.to = rings[0].Get("To")
	a.target = rings[0].Contacts[0].URI
	confirm := a.request(wire.Prack, "sip:bob@"+w.addr.String(), "", "RAck: "+rings[0].Get("RSeq")+" "+rings[0].Get("CSeq"))
	a.send(confirm)
	if r := a.final(wire.Prack); r.Status != 200 {
		t.Errorf("PRACK: %d", r.Status)
	}
	b.dialled(inv, 200, b.offer("8"))
	b.expect(wire.Ack)
	eventually(t, "the call is answered", func() bool { m := a.next(time.Second); return m != nil && m.Status == 200 && m.Seq == seq })
}

func TestForkedCallIsAnsweredOnce(t *testing.T) {
	w := serve(t, nil)
	a, b := registered(t, w, "alice", "wonder"), registered(t, w, "bob", "builder")
	a.send(a.login(a.request(wire.Invite, "sip:bob@"+w.addr.String(), a.offer("8"))))
	inv := b.expect(wire.Invite)
	b.dialled(inv, 200, b.offer("8"))
	b.expect(wire.Ack)
	first := b.tag
	b.tag = "another"
	b.dialled(inv, 200, b.offer("8")) // a proxy on the way has forked the call
	ack := b.expect(wire.Ack)
	bye := b.expect(wire.Bye)
	if ack.To.Tag() != "another" || bye.To.Tag() != "another" || first == "another" {
		t.Errorf("ACK for %q, BYE for %q", ack.To.Tag(), bye.To.Tag())
	}
}

func TestBlindTransferToARoom(t *testing.T) {
	w := serve(t, nil)
	a, b := registered(t, w, "alice", "wonder"), registered(t, w, "bob", "builder")
	ring(t, w, a, b, "8")
	if r := a.do(wire.Refer, "sip:bob@"+w.addr.String(), "", "Refer-To: <sip:100@"+w.addr.String()+">"); r.Status != 202 {
		t.Fatalf("REFER: %d", r.Status)
	}
	seen := a.reports()
	if len(seen) != 2 || !strings.Contains(seen[0], "100") || !strings.Contains(seen[1], "200") {
		t.Errorf("reports %q", seen)
	}
	seat := w.rooms.last(t)
	if seat.request.Identity.User != "bob" || seat.request.By.User != "alice" {
		t.Errorf("in the room is %q by %q", seat.request.Identity.User, seat.request.By.User)
	}
	b.play(8, 10)
	if n := b.heard(100 * time.Millisecond); n < 8 {
		t.Errorf("bob hears %d packets", n)
	}
}

// reports answers NOTIFYs until BYE and returns what they said.
func (u *ua) reports() []string {
	u.t.Helper()
	var out []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		m := u.next(time.Second)
		switch {
		case m == nil:
		case m.Method == wire.Notify:
			u.reply(m, 200, "")
			out = append(out, strings.TrimSpace(string(m.Body)))
		case m.Method == wire.Bye:
			u.reply(m, 200, "")
			return out
		}
	}
	u.t.Fatal("the transfer does not end the call")
	return nil
}

func TestAttendedTransfer(t *testing.T) {
	w := serve(t, func(_ *Config, d *Deps) { d.Auth = users{"alice": "wonder", "bob": "builder", "carol": "singer"} })
	a, b, c := registered(t, w, "alice", "wonder"), registered(t, w, "bob", "builder"), registered(t, w, "carol", "singer")
	ring(t, w, a, b, "8")
	a2 := newUA(t, w)
	a2.user, a2.pass = "alice", "wonder"
	done := make(chan *wire.Message, 1)
	go func() {
		inv := c.expect(wire.Invite)
		c.dialled(inv, 200, c.offer("8"))
		c.expect(wire.Ack)
		done <- inv
	}()
	r := a2.call("sip:carol@"+w.addr.String(), a2.offer("8"), "")
	<-done
	replaces := a2.callID + "%3Bto-tag%3D" + r.To.Tag() + "%3Bfrom-tag%3D" + a2.tag
	if r := a.do(wire.Refer, "sip:bob@"+w.addr.String(), "", "Refer-To: <sip:carol@"+w.addr.String()+"?Replaces="+replaces+">"); r.Status != 202 {
		t.Fatalf("REFER: %d", r.Status)
	}
	a.reports()
	a2.expect(wire.Bye)
	time.Sleep(50 * time.Millisecond)
	b.heard(10 * time.Millisecond)
	c.heard(10 * time.Millisecond)
	b.play(8, 10)
	c.play(8, 10)
	for name, u := range map[string]*ua{"bob": b, "carol": c} {
		if n := u.heard(100 * time.Millisecond); n < 8 {
			t.Errorf("%s hears %d packets", name, n)
		}
	}
}

func TestStrangersCannotTransfer(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "")
	if r := u.do(wire.Refer, u.room("100"), "", "Refer-To: <sip:+15551234@"+w.addr.String()+">"); r.Status != 403 {
		t.Errorf("REFER of a guest: %d", r.Status)
	}
}

func aliceOfStaff() auth.Identity {
	return auth.Identity{User: "alice", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "staff", In: true, Out: true}}}
}

func TestUserGoesOnOnAnotherPhone(t *testing.T) {
	w := serve(t, nil)
	a := registered(t, w, "alice", "wonder")
	r := a.call(a.room("100"), a.offer("8"), "")
	eventually(t, "the call is up", func() bool { c := w.Calls(); return len(c) == 1 && c[0].State == "up" })
	first := w.rooms.last(t)
	replaces := "Replaces: " + a.callID + ";to-tag=" + r.To.Tag() + ";from-tag=" + a.tag
	b := registered(t, w, "bob", "builder")
	if r := b.do(wire.Invite, "sip:alice@"+w.addr.String(), b.offer("8"), replaces); r.Status != 481 {
		t.Errorf("somebody else's call: %d", r.Status)
	}
	c := newUA(t, w)
	c.user, c.pass = "alice", "wonder"
	c.call("sip:alice@"+w.addr.String(), c.offer("8"), "", replaces)
	a.expect(wire.Bye)
	eventually(t, "the first seat is free", first.isClosed)
	eventually(t, "there is another", func() bool { return w.rooms.last(t) != first })
	c.play(8, 10)
	if n := c.heard(100 * time.Millisecond); n < 8 {
		t.Errorf("%d packets come back", n)
	}
}

func TestHoldReachesTheOtherPhone(t *testing.T) {
	w := serve(t, nil)
	a, b := registered(t, w, "alice", "wonder"), registered(t, w, "bob", "builder")
	ring(t, w, a, b, "8")
	for _, tt := range []struct{ from, to, answer string }{{"sendonly", "sendonly", "recvonly"}, {"sendrecv", "sendrecv", "sendrecv"}} {
		a.call("sip:bob@"+w.addr.String(), a.offer("8", tt.from), "")
		inv := b.expect(wire.Invite)
		if !strings.Contains(string(inv.Body), "a="+tt.to+"\r\n") {
			t.Errorf("%s reaches the other phone as\n%s", tt.from, inv.Body)
		}
		b.reply(inv, 200, b.offer("8", tt.answer))
		b.expect(wire.Ack)
	}
	a.play(8, 10)
	b.play(8, 10)
	for name, u := range map[string]*ua{"alice": a, "bob": b} {
		if n := u.heard(100 * time.Millisecond); n < 8 {
			t.Errorf("%s hears %d packets", name, n)
		}
	}
}

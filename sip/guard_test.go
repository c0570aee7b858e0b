package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/sip/wire"
)

func newTestAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// The parser's own test has the messages; here it is that the door answers.
func TestDoorAnswersBrokenMessages(t *testing.T) {
	w := serve(t, nil)
	for _, tt := range []struct {
		name string
		spec func(*wire.Message)
		want int
	}{
		{"unknown method", func(m *wire.Message) { m.Method = "JUGGLE"; m.Set("CSeq", "1 JUGGLE") }, 501},
		{"known method", func(m *wire.Message) { m.Method = "SUBSCRIBE"; m.Set("CSeq", "1 SUBSCRIBE") }, 405},
		{"extension", func(m *wire.Message) { m.Add("Require", "magic") }, 420},
		{"scheme", func(m *wire.Message) { m.Target = wire.URI{Scheme: "http", Opaque: "//x"} }, 416},
		{"no Call-ID", func(m *wire.Message) { m.Del("Call-ID") }, 400},
		{"broken Via", func(m *wire.Message) { m.Set("Via", "SIP/2.0/UDP 127.0.0.1;;,;") }, 400},
		{"sign of life", func(*wire.Message) {}, 200},
		{"no hops left", func(m *wire.Message) { m.Set("Max-Forwards", "0") }, 200},
		{"unknown call", func(m *wire.Message) { m.Set("To", "<sip:x@y>;tag=1"); m.Method = "BYE"; m.Set("CSeq", "1 BYE") }, 481},
		{"CANCEL of nothing", func(m *wire.Message) { m.Method = "CANCEL"; m.Set("CSeq", "1 CANCEL") }, 481},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUA(t, w)
			m := u.request(wire.Options, u.room("100"), "")
			tt.spec(m)
			u.send(m)
			buf := make([]byte, 4096)
			_ = u.c.SetReadDeadline(time.Now().Add(2 * time.Second))
			n, _, err := u.c.ReadFromUDPAddrPort(buf)
			if err != nil {
				t.Fatal("no answer")
			}
			status := int(buf[8]-'0')*100 + int(buf[9]-'0')*10 + int(buf[10]-'0')
			if status != tt.want {
				t.Errorf("%d, want %d\n%s", status, tt.want, buf[:n])
			}
		})
	}
}

func TestStrangerWhoFailsTooOftenIsNotAnswered(t *testing.T) {
	w := serve(t, func(c *Config, _ *Deps) { c.Guard.Failures = 5 })
	u := newUA(t, w)
	for range 10 { // who sends it is not known
		u.send(u.request(wire.Options, u.room("100"), "", "Require: magic"))
		if u.next(time.Second) == nil {
			t.Fatal("an address that may be forged is shut out")
		}
	}
	u.user, u.pass = "alice", "wrong"
	for range 5 {
		if r := u.do(wire.Register, "sip:alice@"+w.addr.String(), ""); r.Status != 401 {
			t.Fatalf("%d before the limit", r.Status)
		}
	}
	u.send(u.request(wire.Options, u.room("100"), ""))
	if m := u.next(100 * time.Millisecond); m != nil {
		t.Errorf("answered with %d", m.Status)
	}
}

func TestSignOfLifeIsNoAmplifier(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	m := u.request(wire.Options, u.room("100"), "")
	u.send(m)
	r := u.next(time.Second)
	if r == nil || r.Has("Allow") || len(r.Append(nil)) > len(m.Append(nil))+32 {
		t.Errorf("%d bytes for %d", len(r.Append(nil)), len(m.Append(nil)))
	}
}

func TestChallengeOfACallIsNoAmplifier(t *testing.T) {
	w := serve(t, nil)
	shut := func(err error) { w.rooms.mu.Lock(); w.rooms.shut = err; w.rooms.mu.Unlock() }
	for room, err := range map[string]error{"100": auth.ErrDenied, "200": ErrNoRoom, "nowhere": nil} {
		shut(err)
		u := newUA(t, w)
		u.send(u.request(wire.Invite, u.room(room), u.offer("8")))
		if r := u.next(time.Second); r == nil || r.Status != 401 {
			t.Fatalf("%s: %v", room, r)
		}
		if r := u.next(1200 * time.Millisecond); r != nil {
			t.Errorf("%s: a forged address is sent %d as well", room, r.Status)
		}
	}
}

func TestCapsEndAtTheirLimit(t *testing.T) {
	now := time.Now()
	c := newCaps(CapsConfig{Calls: 3, PerUser: 2, PerAddress: 1, Outbound: 1, PerUserHour: 2})
	a, b := newTestAddr("192.0.2.1"), newTestAddr("192.0.2.2")
	release, err := c.take("", a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.take("", a); err == nil {
		t.Error("a second call of a stranger")
	}
	release()
	release()
	for range 2 {
		if _, err := c.take("alice", b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.take("alice", b); err == nil {
		t.Error("a third call of a user")
	}
	if _, err := c.take("bob", b); err != nil {
		t.Error(err)
	}
	if _, err := c.take("carol", b); err == nil {
		t.Error("more calls than there may be")
	}
	back, err := c.takeTrunk("t", 1, "alice", true, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.takeTrunk("t", 1, "bob", true, now); err == nil {
		t.Error("more calls over the trunk than it has")
	}
	back()
	back, err = c.takeTrunk("t", 1, "alice", true, now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	back()
	if _, err := c.takeTrunk("t", 1, "alice", true, now.Add(59*time.Minute)); err == nil {
		t.Error("a third call in an hour")
	}
	if _, err := c.takeTrunk("t", 1, "alice", true, now.Add(61*time.Minute)); err != nil {
		t.Error(err)
	}
}

func TestStrangersLeaveRoomForOthers(t *testing.T) {
	c := newCaps(CapsConfig{Calls: 4, PerUser: 1, PerAddress: 1})
	for i, want := range []error{nil, nil, ErrBusy} {
		if _, err := c.take("", newTestAddr(fmt.Sprintf("192.0.2.%d", i+1))); !errors.Is(err, want) {
			t.Errorf("call %d of strangers: %v", i+1, err)
		}
	}
	for range 2 {
		if _, err := c.takeAny(); err != nil { // a trunk is not one user
			t.Error(err)
		}
	}
	if _, err := c.takeAny(); !errors.Is(err, ErrBusy) {
		t.Errorf("more than all calls: %v", err)
	}
}

func TestStrangersDoNotLearnWhoIsThere(t *testing.T) {
	w := serve(t, nil)
	registered(t, w, "bob", "builder")
	for _, number := range []string{"bob", "nobody"} {
		u := newUA(t, w)
		if r := u.do(wire.Invite, u.room(number), u.offer("8")); r.Status != 401 {
			t.Errorf("a stranger calls %s: %d", number, r.Status)
		}
	}
}

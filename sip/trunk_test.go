package sip

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"muster/sip/wire"
)

func addrPort(a netip.Addr, port int) netip.AddrPort { return netip.AddrPortFrom(a, uint16(port)) }

// answer makes the answer to the challenge in r to m.
func (u *ua) answer(r, m *wire.Message) string {
	u.t.Helper()
	chal, err := digest.ParseChallenge(r.Get("WWW-Authenticate"))
	if err != nil {
		u.t.Fatal(err)
	}
	c, err := digest.Digest(chal, digest.Options{Method: m.Method, URI: m.Target.String(), Username: u.user, Password: u.pass, Count: 1})
	if err != nil {
		u.t.Fatal(err)
	}
	return c.String()
}

// provider is a socket that plays a trunk.
func provider(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestTrunkRegistersAndCalls(t *testing.T) {
	sock := provider(t)
	w := serve(t, func(c *Config, _ *Deps) {
		c.UDPAddress = "0.0.0.0:0"
		c.Trunks = []TrunkConfig{{
			Name: "pstn", Address: sock.LocalAddr().String(), Transport: "udp", User: "acct", Password: "pw", Register: true, Number: "5550100",
			Inbound: []RuleConfig{{Prefix: "5550100", To: "room", Target: "100"}},
		}}
		c.DialPlan = []RuleConfig{{Prefix: "0", Strip: 1, Add: "+49", To: "pstn", Groups: []string{"staff"}}}
	})
	w.addr = netip.AddrPortFrom(newTestAddr("127.0.0.1"), w.addr.Port())
	p := newUA(t, w)
	p.c = sock
	challenge := func(m *wire.Message) {
		r := wire.NewResponse(m, 401, "", p.tag)
		r.Add("WWW-Authenticate", `Digest realm="pstn", nonce="n1", algorithm=SHA-256, qop="auth"`)
		p.send(r)
	}
	reg := p.expect(wire.Register)
	challenge(reg)
	reg = p.expect(wire.Register)
	if v := reg.Get("Authorization"); !strings.Contains(v, `username="acct"`) || !strings.Contains(v, "SHA-256") {
		t.Errorf("Authorization: %s", v)
	}
	ok := wire.NewResponse(reg, 200, "", p.tag)
	ok.Add("Contact", reg.Get("Contact")+";expires=600")
	p.send(ok)

	a := registered(t, w, "alice", "wonder")
	a.send(a.login(a.request(wire.Invite, "sip:030123@"+w.addr.String(), a.offer("8"))))
	inv := p.expect(wire.Invite)
	challenge(inv)
	p.expect(wire.Ack)
	inv = p.expect(wire.Invite)
	if inv.Target.User != "+4930123" || inv.From.URI.User != "5550100" || !inv.Has("Authorization") {
		t.Errorf("INVITE %s from %s", inv.Target.String(), inv.From.String())
	}
	p.dialled(inv, 486, "")
	if r := a.final(wire.Invite); r.Status != 486 {
		t.Errorf("busy is told as %d", r.Status)
	}

	p.callID, p.seq = "inbound", 0
	r := p.call("sip:5550100@"+w.addr.String(), p.offer("8"), "")
	if r.Status != 200 {
		t.Errorf("inbound: %d", r.Status)
	}
	if seat := w.rooms.last(t); seat.request.Identity.User != "" || seat.request.Room != "100" {
		t.Errorf("inbound: %+v", seat.request)
	}
	x := newUA(t, w)
	x.c = sock
	if r := x.do(wire.Invite, "sip:030123@"+w.addr.String(), x.offer("8")); r.Status != 404 {
		t.Errorf("the trunk calls itself: %d", r.Status)
	}
}

func TestOnlyWhoMayDialsOut(t *testing.T) {
	sock := provider(t)
	w := serve(t, func(c *Config, _ *Deps) {
		c.Trunks = []TrunkConfig{{Name: "pstn", Address: sock.LocalAddr().String(), Transport: "udp"}}
		c.DialPlan = []RuleConfig{{Prefix: "0", To: "pstn", Groups: []string{"board"}}}
	})
	a := registered(t, w, "alice", "wonder")
	if r := a.do(wire.Invite, "sip:030123@"+w.addr.String(), a.offer("8")); r.Status != 403 {
		t.Errorf("a user without the right: %d", r.Status)
	}
	g := newUA(t, w)
	if r := g.do(wire.Invite, "sip:030123@"+w.addr.String(), g.offer("8")); r.Status != 401 {
		t.Errorf("a stranger: %d", r.Status)
	}
	_ = sock.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, _, err := sock.ReadFromUDP(make([]byte, 2000)); err == nil {
		t.Errorf("the trunk was sent %d bytes", n)
	}
}

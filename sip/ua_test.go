package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	prtp "github.com/pion/rtp"

	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// ua is a user agent of the test's own, which does only what it is told.
type ua struct {
	t      *testing.T
	c      *net.UDPConn
	server netip.AddrPort
	rtp    *net.UDPConn

	callID, tag string
	to          string // with the server's tag, once it is known
	seq         uint32
	target      wire.URI
	branch      string // of the newest INVITE
	media       netip.AddrPort
	out         uint16
	user, pass  string
	sdpVersion  int
}

func newUA(t *testing.T, w *world) *ua {
	t.Helper()
	open := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	return &ua{t: t, c: open(), rtp: open(), server: w.addr, callID: transaction.Tag(), tag: transaction.Tag()}
}

func (u *ua) local() string { return u.c.LocalAddr().String() }

// offer is a description with these formats and attributes.
func (u *ua) offer(formats string, attrs ...string) string {
	u.sdpVersion++
	s := fmt.Sprintf("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n",
		u.sdpVersion, u.rtp.LocalAddr().(*net.UDPAddr).Port, formats)
	for _, a := range attrs {
		s += "a=" + a + "\r\n"
	}
	return s
}

func (u *ua) request(method, target, body string, fields ...string) *wire.Message {
	uri, err := wire.ParseURI(target)
	if err != nil {
		u.t.Fatal(err)
	}
	if u.target.Host != "" {
		uri = u.target
	}
	if method != wire.Ack && method != wire.Cancel {
		u.seq++
		u.branch = transaction.Branch()
	}
	m := wire.NewRequest(method, uri)
	m.Add("Via", "SIP/2.0/UDP "+u.local()+";rport;branch="+u.branch)
	m.Add("Max-Forwards", "70")
	name, home := u.user, u.server.String()
	if name == "" {
		name, home = "guest", u.local()
	}
	m.Add("From", fmt.Sprintf("\"Guest\" <sip:%s@%s>;tag=%s", name, home, u.tag))
	if u.to == "" {
		m.Add("To", "<"+target+">")
	} else {
		m.Add("To", u.to)
	}
	m.Add("Call-ID", u.callID)
	m.Addf("CSeq", "%d %s", u.seq, method)
	m.Add("Contact", "<sip:"+name+"@"+u.local()+">")
	for _, f := range fields {
		name, v, _ := strings.Cut(f, ": ")
		m.Add(name, v)
	}
	kind := "application/sdp"
	if v := m.Get("Content-Type"); v != "" {
		kind = v
	}
	m.SetBody(kind, []byte(body))
	return m
}

func (u *ua) send(m *wire.Message) {
	u.t.Helper()
	if _, err := u.c.WriteToUDPAddrPort(m.Append(nil), u.server); err != nil {
		u.t.Fatal(err)
	}
}

// next returns the next message, or nil when none comes for a while.
func (u *ua) next(wait time.Duration) *wire.Message {
	u.t.Helper()
	buf := make([]byte, 64<<10)
	_ = u.c.SetReadDeadline(time.Now().Add(wait))
	n, _, err := u.c.ReadFromUDPAddrPort(buf)
	if err != nil {
		return nil
	}
	m, err := wire.Parse(buf[:n])
	if err != nil {
		u.t.Fatalf("the server sends what cannot be read: %v\n%s", err, buf[:n])
	}
	return m
}

// final waits for the final answer to a request of method.
func (u *ua) final(method string) *wire.Message {
	u.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		m := u.next(time.Second)
		if m != nil && m.Status >= 200 && m.SeqMethod == method && m.Seq == u.seq {
			return m
		}
	}
	u.t.Fatalf("no answer to %s", method)
	return nil
}

// expect waits for a request of method from the server.
func (u *ua) expect(method string) *wire.Message {
	u.t.Helper()
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); {
		m := u.next(time.Second)
		if m != nil && m.Method == method {
			return m
		}
	}
	u.t.Fatalf("no %s comes", method)
	return nil
}

// do sends a request, logging in if asked for, and returns the final answer.
func (u *ua) do(method, target, body string, fields ...string) *wire.Message {
	u.t.Helper()
	m := u.request(method, target, body, fields...)
	u.send(m)
	r := u.final(method)
	if r.Status != 401 || u.user == "" {
		return r
	}
	if method == wire.Invite {
		u.send(u.request(wire.Ack, target, ""))
	}
	chal, err := digest.ParseChallenge(r.Get("WWW-Authenticate"))
	if err != nil {
		u.t.Fatal(err)
	}
	c, err := digest.Digest(chal, digest.Options{Method: method, URI: m.Target.String(), Username: u.user, Password: u.pass, Count: 1})
	if err != nil {
		u.t.Fatal(err)
	}
	u.send(u.request(method, target, body, append(fields, "Authorization: "+c.String())...))
	return u.final(method)
}

// call calls target and acknowledges the answer with ackBody.
func (u *ua) call(target, body, ackBody string, fields ...string) *wire.Message {
	u.t.Helper()
	r := u.do(wire.Invite, target, body, fields...)
	if r.Status != 200 {
		u.t.Fatalf("%d %s", r.Status, r.Reason)
	}
	u.learn(r)
	u.send(u.request(wire.Ack, target, ackBody))
	return r
}

// learn takes dialog and media address from a 200.
func (u *ua) learn(r *wire.Message) {
	u.t.Helper()
	u.to = r.Get("To")
	if len(r.Contacts) > 0 {
		u.target = r.Contacts[0].URI
	}
	s := u.parse(r)
	u.media = netip.AddrPortFrom(s.Media[0].Addr, uint16(s.Media[0].Port))
}

func (u *ua) parse(m *wire.Message) *sdp.Session {
	u.t.Helper()
	s, err := sdp.Parse(m.Body)
	if err != nil {
		u.t.Fatalf("%v\n%s", err, m.Body)
	}
	return s
}

// play sends n packets of sound.
func (u *ua) play(pt uint8, n int) {
	u.t.Helper()
	for range n {
		u.out++
		p := prtp.Packet{Header: prtp.Header{Version: 2, PayloadType: pt, SequenceNumber: u.out, Timestamp: uint32(u.out) * 160, SSRC: 7}, Payload: make([]byte, 160)}
		b, _ := p.Marshal()
		if _, err := u.rtp.WriteToUDPAddrPort(b, u.media); err != nil {
			u.t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// press sends a key as RFC 4733 has it.
func (u *ua) press(pt uint8, rate int, digits string) {
	u.t.Helper()
	for _, d := range digits {
		code := strings.IndexRune("0123456789*#ABCD", d)
		u.out += 100
		ts := uint32(u.out) * uint32(rate/50)
		for i := range 5 {
			u.out++
			b := []byte{byte(code), 10, 0, byte(i * 20)}
			if i > 2 {
				b[1] |= 0x80
			}
			p := prtp.Packet{Header: prtp.Header{Version: 2, PayloadType: pt, SequenceNumber: u.out, Timestamp: ts, SSRC: 7, Marker: i == 0}, Payload: b}
			raw, _ := p.Marshal()
			if _, err := u.rtp.WriteToUDPAddrPort(raw, u.media); err != nil {
				u.t.Fatal(err)
			}
		}
	}
}

// heard counts packets that come within wait.
func (u *ua) heard(wait time.Duration) int {
	n := 0
	buf := make([]byte, 2048)
	_ = u.rtp.SetReadDeadline(time.Now().Add(wait))
	for {
		size, _, err := u.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return n
		}
		if size > 12 && buf[1]&0x7F < 64 || size > 12 && buf[1]&0x7F >= 96 {
			n++
		}
	}
}

func (u *ua) room(name string) string { return "sip:" + name + "@" + u.server.String() }

func (u *ua) reply(req *wire.Message, status int, body string) {
	u.t.Helper()
	r := wire.NewResponse(req, status, "", u.tag)
	r.Add("Contact", "<sip:guest@"+u.local()+">")
	r.SetBody("application/sdp", []byte(body))
	u.send(r)
}

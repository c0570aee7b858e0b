package sip

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster/sip/wire"
)

func TestPhoneOverTLSIsOfferedEncryption(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	defer web.Close()
	w := serve(t, func(c *Config, d *Deps) {
		c.TLSAddress = "127.0.0.1:0"
		d.TLS = &tls.Config{Certificates: web.TLS.Certificates}
	})
	eventually(t, "the TLS door is open", func() bool { return w.deps.Doors.Addr("sip-tls") != "" })
	c, err := tls.Dial("tcp", w.deps.Doors.Addr("sip-tls"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	u := newUA(t, w)
	m := u.request(wire.Invite, u.room("100"), "")
	m.Set("Via", strings.Replace(m.Get("Via"), "/UDP ", "/TLS ", 1))
	if _, err := c.Write(m.Append(nil)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for {
		_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
		m, err := wire.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if m.Status == 100 {
			continue
		}
		if m.Status != 200 || !strings.Contains(string(m.Body), "RTP/SAVP ") || !strings.Contains(m.Get("Contact"), "transport=tls") {
			t.Errorf("%d, Contact %s\n%s", m.Status, m.Get("Contact"), m.Body)
		}
		return
	}
}

func TestBrokenMessageEndsTheConnectionAndNoOther(t *testing.T) {
	w := serve(t, nil)
	dial := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", w.tcp)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(3 * time.Second))
		return c, bufio.NewReader(c)
	}
	good, in := dial()
	bad, out := dial()
	u := newUA(t, w)
	m := u.request(wire.Options, u.room("100"), "")
	raw := m.Append(nil)
	broken := strings.Replace(string(raw), "Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5", 1)
	if _, err := bad.Write([]byte(broken)); err != nil {
		t.Fatal(err)
	}
	if r, err := wire.Read(out); err != nil || r.Status != 400 {
		t.Errorf("%v %v", r, err)
	}
	if _, err := out.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
	for range 2 {
		if _, err := good.Write(u.request(wire.Options, u.room("100"), "").Append(nil)); err != nil {
			t.Fatal(err)
		}
		if r, err := wire.Read(in); err != nil || r.Status != 200 {
			t.Errorf("the other connection: %v %v", r, err)
		}
	}
	if _, err := good.Write([]byte("\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if b, err := in.ReadByte(); err != nil || b != '\r' {
		t.Errorf("keep-alive: %q %v", b, err)
	}
}

package stream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/limit"
)

// webSocket starts a server whose WebSocket is open to bob, at the returned address.
func webSocket(t *testing.T) (*bed, string) {
	t.Helper()
	b := start(t, func(_ *Config, d *Deps) {
		d.IdentityOf = func(r *http.Request) (auth.Identity, bool) {
			return auth.Identity{User: "bob", Role: auth.RoleMember}, r.Header.Get("Authorization") == "yes"
		}
	})
	web := httptest.NewServer(b.WebSocket())
	t.Cleanup(web.Close)
	return b, "ws" + strings.TrimPrefix(web.URL, "http")
}

func dialWebSocket(t *testing.T, url string, header http.Header) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(4 << 20)
	return ws
}

func readMessage(t *testing.T, ws *websocket.Conn) *wire.Event {
	t.Helper()
	typ, b, err := ws.Read(t.Context())
	if err != nil || typ != websocket.MessageBinary {
		t.Fatalf("%v %v", typ, err)
	}
	r := bufio.NewReader(strings.NewReader(string(b)))
	ev, err := readFrame(r)
	if err != nil || r.Buffered() > 0 {
		t.Fatalf("%v, %d bytes behind the frame", err, r.Buffered())
	}
	return ev
}

func TestWebSocketCarriesOneFramePerMessage(t *testing.T) {
	b, url := webSocket(t)
	yes := http.Header{"Authorization": {"yes"}}
	ws := dialWebSocket(t, url, yes)
	send := func(typ websocket.MessageType, s string) {
		t.Helper()
		if err := ws.Write(t.Context(), typ, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	one := asFrame(t, report("one"))
	send(websocket.MessageText, report("text"))
	send(websocket.MessageBinary, report("xml"))
	send(websocket.MessageBinary, one+one)
	send(websocket.MessageBinary, one[:len(one)-1])
	send(websocket.MessageBinary, one)
	eventually(t, "event", func() bool { return slices.Equal(b.hub.uids(), []string{"one"}) })
	if s := b.Stats(); s.Malformed != 4 {
		t.Fatalf("%+v", s)
	}
	if j := b.hub.joins()[0]; j.Protocol != "ws" || j.Identity.User != "bob" {
		t.Fatalf("%+v", j)
	}
	send(websocket.MessageBinary, asFrame(t, typed("ping", "t-x-c-t")))
	if ev := readMessage(t, ws); ev.Type != "t-x-c-t-r" {
		t.Fatalf("%+v", ev)
	}
	c := b.secure()
	c.write(report("a") + report("b"))
	for _, want := range []string{"a", "b"} {
		if ev := readMessage(t, ws); ev.UID != want {
			t.Fatalf("%+v", ev)
		}
	}
	b.hub.joins()[0].Sink.End(auth.ErrRevoked)
	if _, _, err := ws.Read(t.Context()); err == nil {
		t.Fatal("still open")
	}
	eventually(t, "end", func() bool { return len(b.hub.closed()) == 1 })
	if err := b.hub.closed()[0]; !errors.Is(err, auth.ErrRevoked) {
		t.Fatal(err)
	}
}

func TestWebSocketRefuses(t *testing.T) {
	_, url := webSocket(t)
	for name, h := range map[string]http.Header{
		"nobody":           {},
		"a page elsewhere": {"Authorization": {"yes"}, "Origin": {"https://evil.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, r, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: h})
			if err == nil || r == nil || r.StatusCode < 400 {
				t.Fatalf("%v %v", r, err)
			}
		})
	}
}

func TestQUICCarriesAStream(t *testing.T) {
	for _, alpn := range []string{"takstream", "something"} {
		t.Run(alpn, func(t *testing.T) {
			b := start(t, func(c *Config, _ *Deps) { c.QUICAddress = "127.0.0.1:0" })
			secure := &tls.Config{RootCAs: b.ca, Certificates: []tls.Certificate{b.cert}, NextProtos: []string{alpn}, ServerName: "localhost"}
			qc, err := quic.DialAddr(t.Context(), b.addr("cot-quic"), secure, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = qc.CloseWithError(0, "") }()
			st, err := qc.OpenStreamSync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := st.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			c := &peerConn{t: t, r: bufio.NewReader(st), Conn: quicStream{st, qc}}
			c.write(report("u"))
			eventually(t, "event", func() bool { return slices.Equal(b.hub.uids(), []string{"u"}) })
			if j := b.hub.joins()[0]; j.Protocol != "quic" || j.Identity.User != "bob" || j.Subject != "CN=bob" {
				t.Fatalf("%+v", j)
			}
			offer := c.xml()
			c.write(request(offer.UID, "1"))
			answered(t, c.xml(), offer.UID, "true")
			c.write(asFrame(t, typed("ping", "t-x-c-t")))
			if ev := c.frame(); ev.Type != "t-x-c-t-r" {
				t.Fatalf("%+v", ev)
			}
			b.hub.joins()[0].Sink.End(auth.ErrRevoked)
			if _, err := io.Copy(io.Discard, c.r); err == nil {
				t.Fatal("ended as if by the client")
			}
			eventually(t, "end", func() bool { return len(b.hub.closed()) == 1 })
			if err := b.hub.closed()[0]; !errors.Is(err, auth.ErrRevoked) {
				t.Fatal(err)
			}
		})
	}
}

// quicStream makes a stream look like a connection.
type quicStream struct {
	*quic.Stream
	c *quic.Conn
}

func (s quicStream) LocalAddr() net.Addr  { return s.c.LocalAddr() }
func (s quicStream) RemoteAddr() net.Addr { return s.c.RemoteAddr() }

func TestQUICNeedsACertificate(t *testing.T) {
	b := start(t, func(c *Config, _ *Deps) { c.QUICAddress = "127.0.0.1:0" })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	qc, err := quic.DialAddr(ctx, b.addr("cot-quic"), &tls.Config{RootCAs: b.ca, NextProtos: []string{"takstream"}, ServerName: "localhost"}, nil)
	if err == nil { // the client may be done before the server has looked
		if _, err = qc.AcceptStream(ctx); err == nil || ctx.Err() != nil {
			t.Fatalf("let in: %v", err)
		}
	}
	if n := len(b.hub.joins()); n != 0 {
		t.Fatalf("%d clients", n)
	}
}

func TestDatagramsAreEventsOfOneGroup(t *testing.T) {
	b := start(t, func(c *Config, _ *Deps) { c.UDPAddress, c.UDPGroup = "127.0.0.1:0", "sensors" })
	nc, err := net.Dial("udp", b.addr("cot-udp"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send := func(s string) {
		t.Helper()
		if _, err := io.WriteString(nc, s); err != nil {
			t.Fatal(err)
		}
	}
	frame := asFrame(t, report("mesh"))
	send(`<?xml version="1.0"?>` + "\n" + report("xml"))
	send("\xbf\x01\xbf" + frame[strings.Index(frame, "\x12"):])
	send("nonsense")
	send(typed("ping", "t-x-c-t"))
	send(typed("spot", "b-m-p-s-m"))
	eventually(t, "events", func() bool { return len(b.hub.uids()) == 3 })
	if got := b.hub.uids(); !slices.Equal(got, []string{"xml", "mesh", "spot"}) {
		t.Fatal(got)
	}
	joins := b.hub.joins()
	if len(joins) != 3 { // two devices, and what else comes from the address
		t.Fatalf("%d clients", len(joins))
	}
	for _, j := range joins {
		if j.Sink != nil || j.Protocol != "udp" || !slices.Equal(j.Identity.WriteGroups(), []string{"sensors"}) {
			t.Fatalf("%+v", j)
		}
	}
	if s := b.Stats(); s.Datagrams != 5 || s.DatagramsLost != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestDatagramsAreOffUnlessWished(t *testing.T) {
	if c := DefaultConfig(); c.UDPAddress != "" || len(c.Multicast) != 0 || c.MulticastGateway {
		t.Fatalf("%+v", c)
	}
}

func TestDatagramSourcesAreBounded(t *testing.T) {
	s, h := unstarted(t, func(c *Config, _ *Deps) { c.UDPGroup, c.UDPRate = "sensors", 5 })
	d := newDatagrams(s, nil, nil)
	now := time.Now()
	p := limit.Prefix(netip.MustParseAddr("192.0.2.1"))
	passed := 0
	for i := range 100 { // in one second
		if d.allow(p, now.Add(time.Duration(i)*10*time.Millisecond)) {
			passed++
		}
	}
	if passed < 5 || passed > 10 {
		t.Fatalf("%d of 100 passed", passed)
	}
	for i := range 5000 {
		at := now.Add(2*time.Second + time.Duration(i)*time.Millisecond)
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)
		d.allow(limit.Prefix(from.Addr()), at)
		ev := wire.New(fmt.Sprint(i), "b-m", "m-g", at, time.Minute)
		if _, err := d.clientOf(ev, from, at); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.rates); n > maxSources {
		t.Fatalf("%d rates", n)
	}
	if n := len(h.joins()); n != maxSources || len(d.sources) != n {
		t.Fatalf("%d clients", n)
	}
	d.forget(now.Add(time.Hour))
	if n := len(h.joins()); n != 0 || len(d.sources) != 0 {
		t.Fatalf("%d clients an hour later", n)
	}
}

func TestMulticastIsTakenAndTheGatewaySends(t *testing.T) {
	group := "239.2.3.7:16969"
	b := start(t, func(c *Config, _ *Deps) { c.Multicast, c.MulticastGateway, c.UDPGroup = []string{group}, true, "mesh" })
	eventually(t, "door or a machine without multicast", func() bool { return len(b.deps.Doors.List()) == 3 })
	if b.deps.Doors.Addr("cot-multicast "+group) == "" {
		t.Skip("this machine has no multicast")
	}
	out, err := net.Dial("udp", group)
	if err != nil {
		t.Skip("this machine has no multicast: ", err)
	}
	defer out.Close()
	eventually(t, "client", func() bool { return len(b.hub.joins()) == 1 })
	if j := b.hub.joins()[0]; j.Sink == nil || j.Identity.Groups[0].Group != "mesh" {
		t.Fatalf("%+v", j)
	}
	for end := time.Now().Add(3 * time.Second); len(b.hub.uids()) == 0; time.Sleep(20 * time.Millisecond) {
		if _, err := io.WriteString(out, report("mesh")); err != nil || time.Now().After(end) {
			t.Skip("multicast does not come back on this machine")
		}
	}
	before := b.Stats().BytesOut
	b.hub.send(cot.NewEvent(wire.New("x", "t-x-d-d", "m-g", time.Now(), time.Minute), cot.Sender{}, nil, time.Now()))
	b.hub.send(cot.NewEvent(wire.New("x", "a-f-G", "m-g", time.Now(), time.Minute), cot.Sender{}, nil, time.Now()))
	eventually(t, "datagram", func() bool { return b.Stats().BytesOut > before })
	time.Sleep(50 * time.Millisecond)
	if slices.Contains(b.hub.uids(), "x") {
		t.Fatal("the gateway hears itself")
	}
}

func TestPendingMakesRoom(t *testing.T) {
	p := &pending{limits: limit.ConnsConfig{PerAddress: 2, Total: 3}}
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	open := func(waits bool) *socket {
		nc, _ := net.Pipe()
		k := &socket{Conn: nc}
		k.parked.Store(waits)
		return k
	}
	closed := func(k *socket) bool {
		_ = k.SetDeadline(time.Now())
		_, err := k.Conn.Read(make([]byte, 1))
		return errors.Is(err, io.ErrClosedPipe)
	}
	add := func(k *socket, a netip.Addr, want bool) *candidate {
		t.Helper()
		c, _ := p.add(k, a)
		if (c != nil) != want {
			t.Fatalf("taken: %v", c != nil)
		}
		return c
	}
	busy, waits := open(false), open(true)
	add(busy, one, true)
	add(waits, one, true)
	last := add(open(false), one, true) // the one that waits makes room, not the older busy one
	if closed(busy) || !closed(waits) {
		t.Fatal("another one had to make room")
	}
	add(open(true), one, false) // nobody waits
	add(open(false), two, true)
	add(open(false), two, false) // full in all
	last.done()
	last.done()
	add(open(false), two, true)
	if n := p.len(); n != 3 {
		t.Fatalf("%d pending", n)
	}
}

func TestConfigRefusesWhatCannotWork(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"address":          func(c *Config) { c.TLSAddress = "8089" },
		"no group for UDP": func(c *Config) { c.UDPAddress = ":8087" },
		"no multicast":     func(c *Config) { c.UDPGroup, c.Multicast = "g", []string{"192.0.2.1:6969"} },
		"gateway to none":  func(c *Config) { c.MulticastGateway = true },
		"no rate":          func(c *Config) { c.UDPRate = 0 },
		"no time":          func(c *Config) { c.HandshakeTimeout = 0 },
		"no event time":    func(c *Config) { c.EventTimeout = 0 },
		"endless waiting":  func(c *Config) { c.Coalesce = time.Hour },
		"no connections":   func(c *Config) { c.Connections.Total = 0 },
		"no handshakes":    func(c *Config) { c.Handshakes.PerAddress = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			change(&c)
			if c.Validate() == nil {
				t.Fatal("accepted")
			}
		})
	}
}

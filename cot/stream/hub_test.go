package stream

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// hub is a router in small: everybody receives what anybody else sends.
type hub struct {
	mu       sync.Mutex
	clients  []*hubClient
	welcome  []*cot.Event // queued for whoever joins
	received []*wire.Event
	reasons  []error
	unsent   []*cot.Event // given back
	deny     bool
}

type hubClient struct {
	h *hub
	j cot.Join
}

func (h *hub) join(j cot.Join) (client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.deny {
		return nil, auth.ErrDenied
	}
	c := &hubClient{h, j}
	h.clients = append(h.clients, c)
	for _, e := range h.welcome {
		if j.Sink != nil {
			j.Sink.Send(e)
		}
	}
	return c, nil
}

// greet makes a position of uid the first thing that new clients are sent.
func (h *hub) greet(uid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.welcome = append(h.welcome, cot.NewEvent(wire.New(uid, "a-f-G", "m-g", time.Now(), time.Minute), cot.Sender{}, nil, time.Now()))
}

func (c *hubClient) Receive(_ context.Context, ev *wire.Event) error {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if strings.HasPrefix(ev.UID, "foreign") {
		return cot.ErrForeign
	}
	c.h.received = append(c.h.received, ev)
	e := cot.NewEvent(ev, cot.Sender{Identity: c.j.Identity}, nil, time.Now())
	for _, o := range c.h.clients {
		if o != c && o.j.Sink != nil {
			o.j.Sink.Send(e)
		}
	}
	return nil
}

func (c *hubClient) Close(reason error) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.clients = slices.DeleteFunc(c.h.clients, func(o *hubClient) bool { return o == c })
	c.h.reasons = append(c.h.reasons, reason)
}

func (c *hubClient) Unsent(chat []*cot.Event) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.unsent = append(c.h.unsent, chat...)
}

func (h *hub) joins() []cot.Join {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []cot.Join
	for _, c := range h.clients {
		out = append(out, c.j)
	}
	return out
}

func (h *hub) uids() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, ev := range h.received {
		out = append(out, ev.UID)
	}
	return out
}

func (h *hub) closed() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.reasons)
}

// send hands e to everybody.
func (h *hub) send(e *cot.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.clients {
		if c.j.Sink != nil {
			c.j.Sink.Send(e)
		}
	}
}

// door lets ann in with a password and everybody with a certificate.
type door struct{}

func (door) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	id := auth.Identity{Role: auth.RoleMember}
	switch {
	case p.Cert != nil:
		id.User = p.Cert.Subject.CommonName
	case p.User == "ann" && p.Password == "right":
		id.User = "ann"
	default:
		return id, auth.ErrBadCredentials
	}
	return id, nil
}

type bed struct {
	*Server
	hub  *hub
	t    *testing.T
	cert tls.Certificate // of a client
	ca   *x509.CertPool
}

// start runs a server on free ports until the test ends.
func start(t *testing.T, change ...func(*Config, *Deps)) *bed {
	t.Helper()
	h := &hub{}
	b := &bed{hub: h, t: t}
	cfg := DefaultConfig()
	cfg.Address, cfg.TLSAddress, cfg.QUICAddress = "127.0.0.1:0", "127.0.0.1:0", ""
	cfg.Connections.PerAddress = cfg.Connections.Total
	deps := Deps{Auth: door{}, Doors: run.NewDoors(), Log: quiet, Config: cot.DefaultConfig(), Version: "1.2.3"}
	a := newAuthority(t)
	deps.TLS, b.cert, b.ca = a.server, a.client, a.pool
	for _, c := range change {
		c(&cfg, &deps)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	b.Server = newServer(cfg, deps, h.join)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := run.Panics(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	return b
}

// addr waits for the door called name.
func (b *bed) addr(name string) string {
	b.t.Helper()
	var a string
	eventually(b.t, "the door "+name, func() bool { a = b.deps.Doors.Addr(name); return a != "" })
	return a
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}

// authority has certificates for both sides.
type authority struct {
	server *tls.Config
	client tls.Certificate
	pool   *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	issue := func(cn string, ca *tls.Certificate) tls.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: cn},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			BasicConstraintsValid: true, IsCA: ca == nil,
			KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		}
		parent, signer := c, any(key)
		if ca != nil {
			parent, signer = ca.Leaf, ca.PrivateKey
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	}
	ca := issue("ca", nil)
	a := &authority{client: issue("bob", &ca), pool: x509.NewCertPool()}
	a.pool.AddCert(ca.Leaf)
	a.server = &tls.Config{
		Certificates: []tls.Certificate{issue("server", &ca)}, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		SessionTicketsDisabled: true,
	}
	return a
}

// peerConn is a client of the tests.
type peerConn struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (b *bed) plain() *peerConn {
	b.t.Helper()
	nc, err := net.Dial("tcp", b.addr("cot"))
	return b.client(nc, err)
}

func (b *bed) secure() *peerConn {
	b.t.Helper()
	nc, err := tls.Dial("tcp", b.addr("cots"), &tls.Config{RootCAs: b.ca, Certificates: []tls.Certificate{b.cert}})
	return b.client(nc, err)
}

func (b *bed) client(nc net.Conn, err error) *peerConn {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		b.t.Fatal(err)
	}
	return &peerConn{nc, b.t, bufio.NewReader(nc)}
}

func (p *peerConn) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Fatal(err)
	}
}

// xml reads the next event as XML.
func (p *peerConn) xml() *wire.Event {
	p.t.Helper()
	var b []byte
	for !bytes.HasSuffix(b, []byte("</event>")) {
		part, err := p.r.ReadBytes('>')
		if err != nil {
			p.t.Fatalf("%v after %q", err, b)
		}
		b = append(b, part...)
	}
	ev, err := wire.ParseXML(bytes.TrimSpace(b), wire.DefaultLimits())
	if err != nil {
		p.t.Fatalf("%v in %q", err, b)
	}
	return ev
}

// frame reads the next event as a frame.
func (p *peerConn) frame() *wire.Event {
	p.t.Helper()
	ev, err := readFrame(p.r)
	if err != nil {
		p.t.Fatal(err)
	}
	return ev
}

func readFrame(r *bufio.Reader) (*wire.Event, error) {
	b, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	if b != frameByte {
		rest, _ := r.Peek(20)
		return nil, fmt.Errorf("%q where a frame is due, then %q", b, rest)
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, err
	}
	return wire.ParseProto(payload, wire.DefaultLimits())
}

// gone waits until the server has closed the connection.
func (p *peerConn) gone() {
	p.t.Helper()
	_, err := io.Copy(io.Discard, p.r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Fatal("the connection is still open")
	}
}

// report is a position as XML.
func report(uid string) string {
	return `<event version="2.0" uid="` + uid + `" type="a-f-G-U-C" how="m-g" time="2026-03-01T12:00:05.250Z" ` +
		`start="2026-03-01T12:00:05.250Z" stale="2026-03-01T12:06:20.250Z">` +
		`<point lat="52.5" lon="13.3" hae="78.4" ce="6.1" le="9999999.0"/>` +
		`<detail><contact callsign="` + uid + `" endpoint="*:-1:stcp"/></detail></event>`
}

func typed(uid, typ string) string {
	return strings.Replace(report(uid), "a-f-G-U-C", typ, 1)
}

// framed is an XML event as a frame.
func asFrame(t testing.TB, xml string) string {
	t.Helper()
	ev, err := wire.ParseXML([]byte(xml), wire.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	p := ev.AppendProto(nil)
	return string(append(wire.AppendFrame(nil, len(p)), p...))
}

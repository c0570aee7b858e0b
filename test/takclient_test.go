package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	bits "encoding/binary"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"
)

// patience is how long a client waits for what must come.
const patience = 30 * time.Second

// takEnv makes the server's pauses short.
var takEnv = []string{
	"MUSTER_COT_DISCONNECT_DELAY=200ms", "MUSTER_COT_EMERGENCY_PERIOD=1s", "MUSTER_COT_ENROLL_PER_MINUTE=1000",
}

// startTAK runs a server with short pauses.
func startTAK(t *testing.T, env ...string) *server {
	t.Helper()
	s := start(t, append(slices.Clone(takEnv), env...)...)
	s.opened()
	return s
}

// again runs a server that has ended on the same data.
func (s *server) again() {
	s.t.Helper()
	s.run()
	s.opened()
}

// opened waits until the doors of the TAK server take connections; the server as a
// whole is ready a little earlier.
func (s *server) opened() {
	s.t.Helper()
	for _, door := range []string{"cot", "cot-tls", "marti", "marti-enrol", "marti-plain"} {
		wait(s.t, patience, "the door "+door, func() error {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports[door]))
			if err == nil {
				c.Close()
			}
			return err
		})
	}
}

// member is a user with the certificate of a device.
type member struct {
	s    *server
	name string
	cert tls.Certificate
	http *http.Client // to the door with certificates
}

// member adds a user to groups ("A", "A:in", "A:out") and enrols a device.
func (s *server) member(t *testing.T, name string, groups ...string) *member {
	t.Helper()
	type grant struct {
		Group string `json:"group"`
		In    bool   `json:"in"`
		Out   bool   `json:"out"`
	}
	in := struct {
		Name     string  `json:"name"`
		Password string  `json:"password"`
		Groups   []grant `json:"groups"`
	}{name, passwordOf(name), []grant{}}
	for _, g := range groups {
		name, way, _ := strings.Cut(g, ":")
		in.Groups = append(in.Groups, grant{name, way != "out", way != "in"})
	}
	if code := s.api("admin", "POST", "users", in, nil); code >= 300 {
		t.Fatalf("add user %s: %d", name, code)
	}
	return s.enrolled(t, name)
}

// group adds groups.
func (s *server) group(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if code := s.api("admin", "POST", "groups", map[string]string{"name": name}, nil); code >= 300 {
			t.Fatalf("add group %s: %d", name, code)
		}
	}
}

// enrolled enrols a device of a user.
func (s *server) enrolled(t *testing.T, name string) *member {
	t.Helper()
	return s.holder(t, name, s.enrol(t, name, "TEST-"+name, p256(t)))
}

// holder is a user with a certificate.
func (s *server) holder(t *testing.T, name string, cert tls.Certificate) *member {
	t.Helper()
	m := &member{s: s, name: name, cert: cert}
	m.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: s.trust(t, &m.cert), DisableCompression: true, MaxIdleConnsPerHost: 8,
	}}
	t.Cleanup(m.http.CloseIdleConnections)
	return m
}

func p256(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// request makes a certificate request (PKCS#10, DER) for a subject.
func request(t *testing.T, key crypto.Signer, subject pkix.Name) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// subjectOf is what this server wants in a request of user.
func subjectOf(user string) pkix.Name {
	return pkix.Name{CommonName: user, Organization: []string{"Muster"}, OrganizationalUnit: []string{"TAK"}}
}

// enrol gets a certificate for a key as ATAK does: by name and password.
func (s *server) enrol(t *testing.T, user, clientUID string, key crypto.Signer) tls.Certificate {
	t.Helper()
	a := s.login(t, user, "POST", "/Marti/api/tls/signClient/v2?clientUid="+clientUID+"&version=5.4", csrText(t, key, user))
	return signedFor(t, key, a)
}

// csrText is a certificate request of user in base64.
func csrText(t *testing.T, key crypto.Signer, user string) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString(request(t, key, subjectOf(user)))
}

// signedFor reads the certificates in the answer to an enrolment.
func signedFor(t *testing.T, key crypto.Signer, a told) tls.Certificate {
	t.Helper()
	var out map[string]string
	a.ok(t).json(t, &out)
	cert := tls.Certificate{PrivateKey: key}
	for _, name := range []string{"signedCert", "ca0", "ca1"} {
		if der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(out[name], "\n", "")); err == nil && len(der) > 0 {
			cert.Certificate = append(cert.Certificate, der)
		}
	}
	if len(cert.Certificate) < 2 {
		t.Fatalf("an enrolment brings %d certificates: %s", len(cert.Certificate), a.body)
	}
	return cert
}

// trust is a TLS configuration that believes this server's authority only.
func (s *server) trust(t *testing.T, cert *tls.Certificate) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(s.data, "pki", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("ca.crt holds no certificate")
	}
	c := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	if cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	return c
}

// told is the answer to a call of the Marti API.
type told struct {
	status int
	head   http.Header
	body   string
}

func (a told) json(t *testing.T, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), out); err != nil {
		t.Fatalf("answer %d %.300s: %v", a.status, a.body, err)
	}
}

// ok fails the test unless the call succeeded.
func (a told) ok(t *testing.T) told {
	t.Helper()
	if a.status < 200 || a.status > 299 {
		t.Fatalf("answered %d: %.300s", a.status, a.body)
	}
	return a
}

// dataOf is what the envelope of an answer holds.
func dataOf[T any](t *testing.T, a told) T {
	t.Helper()
	var e struct{ Data T }
	a.ok(t).json(t, &e)
	return e.Data
}

// marti calls the door with certificates. body is text, bytes, nil, or what
// becomes JSON; head are names and values of headers.
func (m *member) marti(t *testing.T, method, path string, body any, head ...string) told {
	t.Helper()
	a, err := m.try(method, path, body, head...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is marti for calls that may fail.
func (m *member) try(method, path string, body any, head ...string) (told, error) {
	return ask(m.http, method, fmt.Sprintf("https://127.0.0.1:%d%s", m.s.ports["marti"], path), body, head...)
}

// login calls the door for enrolment with the password of user, or without any
// where user is "".
func (s *server) login(t *testing.T, user, method, path string, body any, head ...string) told {
	t.Helper()
	a, err := s.tryLogin(t, user, method, path, body, head...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// tryLogin is login for calls that may fail.
func (s *server) tryLogin(t *testing.T, user, method, path string, body any, head ...string) (told, error) {
	c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: s.trust(t, nil), DisableCompression: true, DisableKeepAlives: true}}
	if user != "" {
		head = append(head, "Authorization", basic(user, passwordOf(user)))
	}
	return ask(c, method, fmt.Sprintf("https://127.0.0.1:%d%s", s.ports["marti-enrol"], path), body, head...)
}

func ask(c *http.Client, method, url string, body any, head ...string) (told, error) {
	var r io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	case io.Reader:
		r = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return told{}, err
		}
		r, kind = bytes.NewReader(text), "application/json"
	}
	req, err := http.NewRequest(method, url, r)
	if err != nil {
		return told{}, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return told{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return told{resp.StatusCode, resp.Header, string(text)}, err
}

// device is a TAK client on a stream. It keeps all that it receives.
type device struct {
	t             testing.TB
	uid, callsign string
	out           func([]byte) error // writes as it is
	close         func()
	half          func()      // closes the way to the server only; nil where there is no such thing
	inFrames      atomic.Bool // version 1 both ways

	mu      sync.Mutex
	changed chan struct{} // closed and made anew with each event
	got     []*sighting
	raw     bytes.Buffer // everything received by TCP and TLS
	err     error        // how the connection ended
	ended   bool
}

// ways are the ways onto a stream.
var ways = []string{"tcp", "tls", "v1", "ws", "quic"}

// connect opens a stream. way is one of ways, or "anonymous".
func (m *member) connect(t *testing.T, way, uid, callsign string) *device {
	t.Helper()
	d, err := m.dial(t, way, uid, callsign)
	if err != nil {
		t.Fatalf("%s: %s: %v", callsign, way, err)
	}
	t.Cleanup(d.close)
	if way == "v1" {
		d.negotiate()
	}
	return d
}

func newDevice(t testing.TB, uid, callsign string) *device {
	return &device{t: t, uid: uid, callsign: callsign, changed: make(chan struct{})}
}

// dial is connect for connections that may be refused; the caller closes them.
func (m *member) dial(t *testing.T, way, uid, callsign string) (*device, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d := newDevice(t, uid, callsign)
	switch way {
	case "tls", "v1":
		c, err := (&tls.Dialer{Config: m.s.trust(t, &m.cert)}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", m.s.ports["cot-tls"]))
		if err != nil {
			return nil, err
		}
		d.over(c)
	case "tcp":
		d.over(m.s.plain(t))
		d.raws(fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><auth><cot username="%s" password="%s" uid="%s"/></auth>`, m.name, passwordOf(m.name), uid))
	case "ws":
		ws, _, err := websocket.Dial(ctx, fmt.Sprintf("wss://127.0.0.1:%d/takproto/1", m.s.ports["marti"]), &websocket.DialOptions{HTTPClient: m.http})
		if err != nil {
			return nil, err
		}
		d.overWebSocket(ws)
	case "quic":
		secure := m.s.trust(t, &m.cert)
		secure.NextProtos = []string{"takstream"}
		qc, err := quic.DialAddr(ctx, fmt.Sprintf("127.0.0.1:%d", m.s.ports["cot-quic"]), secure, nil)
		if err != nil {
			return nil, err
		}
		st, err := qc.OpenStreamSync(ctx)
		if err != nil {
			return nil, err
		}
		d.out = func(b []byte) error { _, err := st.Write(b); return err }
		d.close = func() { qc.CloseWithError(0, "") }
		go d.read(st)
		d.ping() // the server learns of the stream from its first byte
	default:
		return nil, fmt.Errorf("there is no way %q", way)
	}
	return d, nil
}

// plain opens a connection to the plain door.
func (s *server) plain(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["cot"]))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// anonymous opens a stream without a login.
func (s *server) anonymous(t *testing.T, uid, callsign string) *device {
	t.Helper()
	d := newDevice(t, uid, callsign)
	d.over(s.plain(t))
	t.Cleanup(d.close)
	return d
}

// over runs the stream over a connection.
func (d *device) over(c net.Conn) {
	d.out = func(b []byte) error { _, err := c.Write(b); return err }
	d.close = func() { c.Close() }
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		d.half = func() { h.CloseWrite() }
	}
	go d.read(c)
}

func (d *device) overWebSocket(ws *websocket.Conn) {
	ws.SetReadLimit(8 << 20)
	d.inFrames.Store(true)
	d.out = func(b []byte) error { return ws.Write(context.Background(), websocket.MessageBinary, b) }
	d.close = func() { ws.CloseNow() }
	go func() {
		for {
			kind, b, err := ws.Read(context.Background())
			if err != nil {
				d.end(err)
				return
			}
			size, n := bits.Uvarint(b[1:])
			if kind != websocket.MessageBinary || b[0] != 0xBF || n <= 0 || uint64(len(b)) != 1+uint64(n)+size {
				d.end(fmt.Errorf("a message that is not one frame: % x", b[:min(len(b), 20)]))
				return
			}
			s, err := parseProto(b[1+n:])
			if err != nil {
				d.end(err)
				return
			}
			d.take(s)
		}
	}()
}

// tee keeps what goes through, without the end of the stream.
type tee struct{ d *device }

func (t tee) Write(b []byte) (int, error) {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	if t.d.raw.Len() < 8<<20 {
		t.d.raw.Write(b)
	}
	return len(b), nil
}

// read takes events until the stream ends. The decoder of XML reads byte by byte
// and never beyond the end of an event, so that frames begin exactly there.
func (d *device) read(r io.Reader) {
	br := bufio.NewReaderSize(io.TeeReader(r, tee{d}), 64<<10)
	dec := xml.NewDecoder(br)
	for {
		var s *sighting
		var err error
		if d.inFrames.Load() {
			s, err = readFrame(br)
		} else {
			s, err = readXML(dec)
		}
		if err != nil {
			d.end(err)
			return
		}
		if s == nil {
			continue
		}
		if s.typ == "t-x-takp-r" && s.detail.child("TakControl", "TakResponse").attr("status") == "true" {
			d.inFrames.Store(true)
		}
		d.take(s)
	}
}

func readFrame(br *bufio.Reader) (*sighting, error) {
	switch b, err := br.ReadByte(); {
	case err != nil:
		return nil, err
	case b != 0xBF:
		return nil, fmt.Errorf("byte %#x where a frame begins", b)
	}
	size, err := bits.ReadUvarint(br)
	if err != nil || size > 8<<20 {
		return nil, fmt.Errorf("frame of %d: %w", size, err)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(br, payload); err != nil {
		return nil, err
	}
	return parseProto(payload)
}

func readXML(dec *xml.Decoder) (*sighting, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case xml.ProcInst:
		return nil, nil
	case xml.CharData:
		if text := strings.TrimSpace(string(tok)); text != "" {
			return nil, fmt.Errorf("%q between events", text)
		}
		return nil, nil
	case xml.StartElement:
		if tok.Name.Local != "event" {
			return nil, fmt.Errorf("a <%s> between events", tok.Name.Local)
		}
		var x xmlEvent
		if err := dec.DecodeElement(&x, &tok); err != nil {
			return nil, err
		}
		return x.sighting()
	}
	return nil, fmt.Errorf("a %T between events", tok)
}

func (d *device) take(s *sighting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, s)
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *device) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.ended = err, true
	close(d.changed)
	d.changed = make(chan struct{})
}

// raws writes text as it is.
func (d *device) raws(text string) {
	d.t.Helper()
	if err := d.out([]byte(text)); err != nil {
		d.t.Errorf("%s: write: %v", d.callsign, err)
	}
}

// send writes events, given as XML, in the form of the connection.
func (d *device) send(events ...string) {
	d.t.Helper()
	for _, e := range events {
		if !d.inFrames.Load() {
			d.raws(e)
		} else if err := d.out(frame(e)); err != nil {
			d.t.Errorf("%s: write: %v", d.callsign, err)
		}
	}
}

// report tells the others of the device and waits until that has happened.
func (d *device) report() *device {
	d.t.Helper()
	d.send(report(d.uid, d.callsign, "Cyan"))
	d.ping()
	return d
}

// ping waits for the answer to a ping. What was sent before has been dealt with
// then.
func (d *device) ping() {
	d.t.Helper()
	n := d.count(typed("t-x-c-t-r"))
	d.send(event(d.uid+"-ping", "t-x-c-t", ""))
	d.until("an answer to a ping", func() bool { return d.count(typed("t-x-c-t-r")) > n })
}

// settle waits until what d has sent has come to all who get it: its own ping is
// answered behind it, and the second one of a receiver behind its queue.
func (d *device) settle(receivers ...*device) {
	d.t.Helper()
	d.ping()
	for _, r := range receivers {
		r.ping()
		r.ping()
	}
}

// negotiate asks for version 1 and waits for it.
func (d *device) negotiate() {
	d.t.Helper()
	offer := d.await("an offer", typed("t-x-takp-v"))
	d.raws(event(offer.uid, "t-x-takp-q", `<TakControl><TakRequest version="1"/></TakControl>`))
	d.await("version 1", typed("t-x-takp-r"))
	if !d.inFrames.Load() {
		d.t.Fatalf("%s: version 1 is refused", d.callsign)
	}
}

// A match picks events.
type match func(*sighting) bool

func of(uid string) match    { return func(s *sighting) bool { return s.uid == uid } }
func typed(typ string) match { return func(s *sighting) bool { return s.typ == typ } }
func about(typ, uid string) match {
	return func(s *sighting) bool { return s.typ == typ && s.detail.child("link").attr("uid") == uid }
}

// all returns the events that were received and match, in their order.
func (d *device) all(m match) (found []*sighting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.got {
		if m(s) {
			found = append(found, s)
		}
	}
	return found
}

func (d *device) count(m match) int { return len(d.all(m)) }

// forget drops what was received.
func (d *device) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = nil
}

// until waits for a condition on what was received.
func (d *device) until(what string, ok func() bool) {
	d.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		d.mu.Lock()
		changed, ended, err := d.changed, d.ended, d.err
		d.mu.Unlock()
		if ok() {
			return
		}
		if ended {
			d.t.Fatalf("%s: the connection ended while it waited for %s: %v", d.callsign, what, err)
		}
		select {
		case <-changed:
		case <-limit.C:
			d.t.Fatalf("%s: waited %s for %s", d.callsign, patience, what)
		}
	}
}

// await returns the first event that matches.
func (d *device) await(what string, m match) *sighting {
	d.t.Helper()
	var found []*sighting
	d.until(what, func() bool { found = d.all(m); return len(found) > 0 })
	return found[0]
}

// leave says that no more will be sent and takes what is still on its way.
func (d *device) leave() {
	d.t.Helper()
	d.half()
	d.gone(patience)
	d.close()
}

// gone waits for the server to end the connection and returns how long it took.
func (d *device) gone(limit time.Duration) time.Duration {
	d.t.Helper()
	began := time.Now()
	for {
		d.mu.Lock()
		changed, ended := d.changed, d.ended
		d.mu.Unlock()
		if ended {
			return time.Since(began)
		}
		select {
		case <-changed:
		case <-time.After(limit - time.Since(began)):
			d.t.Errorf("%s: the connection is open after %s", d.callsign, limit)
			return limit
		}
	}
}

func (d *device) open() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.ended
}

package rtsp

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeAuth knows alice and bob, both with the password "secret: 1", and the
// token "tok" of alice.
type fakeAuth struct {
	limited bool
	fault   error // what every login fails with, if set
}

const password = "secret: 1"

func (f *fakeAuth) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	if f.fault != nil {
		return auth.Identity{}, f.fault
	}
	if f.limited {
		return auth.Identity{}, &auth.LimitedError{RetryAfter: 30 * time.Second}
	}
	if p.Empty() {
		return auth.Identity{}, auth.ErrNoCredentials
	}
	user := p.User
	ok := p.Password == password
	if p.Token == "tok" {
		user, ok = "alice", true
	}
	if d := p.Digest; d != nil {
		h := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
		if d.Algorithm == "SHA-256" {
			h = func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
		}
		ha1, ha2 := h(user+":"+d.Realm+":"+password), h(d.Method+":"+d.URI)
		want := h(ha1 + ":" + d.Nonce + ":" + ha2)
		if d.QOP != "" {
			want = h(ha1 + ":" + d.Nonce + ":" + d.NC + ":" + d.CNonce + ":" + d.QOP + ":" + ha2)
		}
		ok = d.Response == want
	}
	if !ok || user != "alice" && user != "bob" {
		return auth.Identity{}, auth.ErrBadCredentials
	}
	return auth.Identity{User: user, Role: auth.RoleMember,
		Groups: []auth.Grant{{Group: "of " + user, In: true, Out: true}}}, nil
}

// rig is a running server.
type rig struct {
	*Server
	auth     *fakeAuth
	router   *media.Router
	sessions *auth.Sessions
	rtsp     string // host:port
	rtsps    string
}

// start runs a server on ports of 127.0.0.1 until the test ends.
func start(t testing.TB, change func(*Config, *media.Config)) *rig {
	t.Helper()
	cfg, hub := DefaultConfig(), media.DefaultConfig()
	cfg.Address, cfg.TLSAddress = "127.0.0.1:0", "127.0.0.1:0"
	cfg.RTPAddress, cfg.RTCPAddress = udpPair(t)
	if change != nil {
		change(&cfg, &hub)
	}
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	r := &rig{auth: &fakeAuth{}, sessions: auth.NewSessions(nil)}
	r.router = media.New(hub, r.sessions, bus.New(), log)
	doors := run.NewDoors()
	var err error
	impatient := cfg.SessionTimeout // a test may be less patient than an operator
	cfg.SessionTimeout = DefaultConfig().SessionTimeout
	r.Server, err = New(cfg, Deps{Router: r.router, Auth: r.auth, Doors: doors, Log: log, TLS: testTLS(t)})
	if err != nil {
		t.Fatal(err)
	}
	r.cfg.SessionTimeout = impatient
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	before := run.Panics()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := run.Panics() - before; n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	wait(t, 5*time.Second, "the doors", func() bool {
		r.rtsp, r.rtsps = doors.Addr("rtsp"), doors.Addr("rtsps")
		return r.rtsp != "" && r.rtsps != ""
	})
	return r
}

// url returns an address for a player or publisher that logs in as user.
func (r *rig) url(user, path string) string {
	return "rtsp://" + user + ":secret%3A%201@" + r.rtsp + "/" + path
}

// testWriter logs through the test until it is over.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

func wait(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s", limit, what)
		}
	}
}

// udpPair finds a free even port and the one after it, as FFmpeg wants them.
func udpPair(t testing.TB) (rtp, rtcp string) {
	t.Helper()
	for range 100 {
		a, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		b, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+1))
		a.Close()
		if err != nil {
			continue
		}
		b.Close()
		if port%2 == 0 {
			return fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", port+1)
		}
	}
	t.Fatal("no pair of UDP ports")
	return "", ""
}

var testTLS = func() func(testing.TB) *tls.Config {
	make := sync.OnceValues(func() (*tls.Config, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
		return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, err
	})
	return func(t testing.TB) *tls.Config {
		cfg, err := make()
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
}()

// raw is a client that says exactly what a test wants.
type raw struct {
	t    testing.TB
	nc   net.Conn
	br   *bufio.Reader
	base string
	cseq int
	auth string // Authorization header for every request
	sess string
}

func dial(t testing.TB, r *rig) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", r.rtsp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &raw{t: t, nc: nc, br: bufio.NewReader(nc), base: "rtsp://" + r.rtsp + "/"}
}

// login makes all further requests carry alice's password.
func (c *raw) login() *raw {
	c.auth = "Basic " + "YWxpY2U6c2VjcmV0OiAx" // alice:secret: 1
	return c
}

// answer is a response as the raw client sees it.
type answer struct {
	code   int
	reason string
	header map[string][]string
	body   string
}

func (a answer) get(key string) string { return strings.Join(a.header[key], "\n") }

// do sends a request and reads the response, skipping interleaved frames. path
// is relative to the server unless it holds "://".
func (c *raw) do(method, path string, headers ...string) answer {
	c.t.Helper()
	c.send(method, path, "", headers...)
	return c.read()
}

func (c *raw) send(method, path, body string, headers ...string) {
	c.t.Helper()
	c.cseq++
	if !strings.Contains(path, "://") && path != "*" {
		path = c.base + path
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, path, c.cseq)
	if c.auth != "" {
		headers = append(headers, "Authorization: "+c.auth)
	}
	if c.sess != "" {
		headers = append(headers, "Session: "+c.sess)
	}
	if body != "" {
		headers = append(headers, "Content-Type: application/sdp", "Content-Length: "+strconv.Itoa(len(body)))
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body)
	if _, err := io.WriteString(c.nc, b.String()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *raw) read() answer {
	c.t.Helper()
	c.nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		b, err := c.br.Peek(1)
		if err != nil {
			c.t.Fatalf("read response: %v", err)
		}
		if b[0] != '$' {
			break
		}
		c.frame()
	}
	line := func() string {
		s, err := c.br.ReadString('\n')
		if err != nil {
			c.t.Fatalf("read response: %v", err)
		}
		return strings.TrimRight(s, "\r\n")
	}
	a := answer{header: make(map[string][]string)}
	status := strings.SplitN(line(), " ", 3)
	a.code, _ = strconv.Atoi(status[1])
	a.reason = status[2]
	for l := line(); l != ""; l = line() {
		k, v, _ := strings.Cut(l, ": ")
		a.header[k] = append(a.header[k], v)
	}
	if n, _ := strconv.Atoi(a.get("Content-Length")); n > 0 {
		body := make([]byte, n)
		if _, err := io.ReadFull(c.br, body); err != nil {
			c.t.Fatal(err)
		}
		a.body = string(body)
	}
	if s := a.get("Session"); s != "" {
		c.sess, _, _ = strings.Cut(s, ";")
	}
	return a
}

// frame reads one interleaved frame.
func (c *raw) frame() (channel byte, payload []byte) {
	c.t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(c.br, head[:]); err != nil {
		c.t.Fatalf("read frame: %v", err)
	}
	payload = make([]byte, int(head[2])<<8|int(head[3]))
	if _, err := io.ReadFull(c.br, payload); err != nil {
		c.t.Fatalf("read frame: %v", err)
	}
	return head[1], payload
}

// closed reports whether the server ends the connection within limit.
func (c *raw) closed(limit time.Duration) bool {
	c.nc.SetReadDeadline(time.Now().Add(limit))
	_, err := io.Copy(io.Discard, c.br)
	ne, timeout := err.(net.Error)
	return !(timeout && ne.Timeout())
}

package front

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	stun   = []byte{0x00, 0x03, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4}
	framed = append([]byte{0x00, 0x0c}, []byte{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 9, 9}...)
)

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []byte
		kind Kind
		need int
	}{
		{"nothing", nil, Unknown, 1},
		{"TLS, one byte", []byte{0x16}, Unknown, 2},
		{"TLS", []byte{0x16, 0x03}, tlsHello, 0},
		{"SSLv2 or noise", []byte{0x16, 0x80}, Unknown, 0},
		{"RTMP", []byte{0x03}, RTMP, 0},
		{"RTMP with a wrong version", []byte{0x06}, Unknown, 0},
		{"GET", []byte("G"), HTTP, 0},
		{"lower case", []byte("get"), Unknown, 0},
		{"STUN begun", stun[:3], Unknown, 8},
		{"STUN", stun, STUN, 0},
		{"framed, begun", framed[:8], Unknown, 10},
		{"framed", framed, ICETCP, 0},
		{"zeros", make([]byte, 10), Unknown, 0},
		{"channel data first", []byte{0x40, 0, 0, 4}, Unknown, 0},
		{"SSH", []byte("SSH-2.0"), HTTP, 0}, // the HTTP server answers 400
		{"high bytes", []byte{0xff, 0xfe}, Unknown, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			kind, need := Classify(tc.in)
			if kind != tc.kind || need != tc.need {
				t.Fatalf("got %q, need %d", kind, need)
			}
		})
	}
}

func FuzzClassify(f *testing.F) {
	for _, s := range [][]byte{stun, framed, {0x16, 3, 1}, []byte("GET / HTTP/1.1\r\n"), {3}, {}} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		// More bytes are asked for until it is decided, then never decided anew.
		kind, need := Classify(in)
		if need != 0 {
			if need <= len(in) || need > mostNeeded || kind != Unknown {
				t.Fatalf("%x: kind %q, need %d", in, kind, need)
			}
			return
		}
		k, seen, err := peek(readConn{r: bytes.NewReader(in)})
		if err != nil || k != kind || !bytes.HasPrefix(in, seen) {
			t.Fatalf("%x: %q then %q after %x (%v)", in, kind, k, seen, err)
		}
	})
}

// readConn is a connection that only reads.
type readConn struct {
	net.Conn
	r io.Reader
}

func (c readConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: Protocols(), MinVersion: tls.VersionTLS12,
	}, pool
}

type bench struct {
	*Front
	l    net.Listener
	addr string
	pool *x509.CertPool
}

// start serves a front whose handlers answer with their kind and what they read.
func start(t *testing.T, cfg Config, kinds ...Kind) bench {
	t.Helper()
	b := prepare(t, cfg, kinds...)
	b.run(t)
	return b
}

func prepare(t *testing.T, cfg Config, kinds ...Kind) bench {
	t.Helper()
	tlsConfig, pool := certificate(t)
	f, err := New(cfg, tlsConfig, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		f.Handle(k, func(_ context.Context, c net.Conn) {
			defer c.Close()
			c.SetDeadline(time.Now().Add(5 * time.Second))
			b := make([]byte, 64)
			n, _ := c.Read(b)
			io.WriteString(c, string(k)+":")
			c.Write(b[:n])
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return bench{f, l, l.Addr().String(), pool}
}

func (b bench) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, b.l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Serve does not end")
		}
	})
}

func (b bench) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	return c
}

func (b bench) dialTLS(t *testing.T, alpn ...string) net.Conn {
	t.Helper()
	c := tls.Client(b.dial(t), &tls.Config{RootCAs: b.pool, ServerName: "localhost", NextProtos: alpn})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSplit(t *testing.T) {
	b := start(t, DefaultConfig(), HTTP, HTTPS, RTMP, RTMPS, STUN, STUNTLS, ICETCP)
	for _, tc := range []struct {
		name string
		tls  bool
		alpn []string
		send []byte
		want Kind
	}{
		{name: "plain HTTP", send: []byte("GET / HTTP/1.1\r\n\r\n"), want: HTTP},
		{name: "plain RTMP", send: []byte{3, 0, 0, 0, 0}, want: RTMP},
		{name: "plain STUN", send: stun, want: STUN},
		{name: "ICE-TCP", send: framed, want: ICETCP},
		{name: "h2", tls: true, alpn: []string{"h2", "http/1.1"}, send: []byte("PRI * HTTP/2.0\r\n"), want: HTTPS},
		{name: "TURN by ALPN, among others", tls: true, alpn: []string{"http/1.1", "stun.turn"}, send: stun, want: STUNTLS},
		{name: "TURN without ALPN", tls: true, send: stun, want: STUNTLS},
		{name: "RTMPS", tls: true, send: []byte{3, 1, 2, 3}, want: RTMPS},
		{name: "HTTPS without ALPN", tls: true, send: []byte("GET / HTTP/1.0\r\n\r\n"), want: HTTPS},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := b.dial(t)
			if tc.tls {
				c = b.dialTLS(t, tc.alpn...)
			}
			// In two pieces: the decision must not depend on segment borders.
			c.Write(tc.send[:1])
			time.Sleep(5 * time.Millisecond)
			c.Write(tc.send[1:])
			got := make([]byte, len(tc.want)+1)
			if _, err := io.ReadFull(c, got); err != nil {
				t.Fatal(err)
			}
			if string(got) != string(tc.want)+":" {
				t.Fatalf("went to %q", got)
			}
			first := make([]byte, 1)
			if _, err := io.ReadFull(c, first); err != nil || first[0] != tc.send[0] {
				t.Fatalf("the bytes looked at are not replayed: %x, %v", first, err)
			}
		})
	}
}

func closed(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); err == nil || n > 0 {
		t.Fatalf("still open: read %d", n)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Fatal("not closed within 5 s")
	}
}

func TestGarbageIsClosedAndCounted(t *testing.T) {
	b := start(t, DefaultConfig(), HTTPS)
	for _, in := range [][]byte{
		{0xff, 0xff}, make([]byte, 64), {0x16, 0x03, 0x01, 0x00, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x16, 0x99},
	} {
		c := b.dial(t)
		c.Write(in)
		if in[0] == 0x16 && in[1] == 3 {
			io.Copy(io.Discard, c) // an alert, then the end
			continue
		}
		closed(t, c)
	}
	c := b.dialTLS(t)
	c.Write([]byte{0x16, 0x03, 0x01}) // TLS inside TLS
	closed(t, c)
	c = b.dial(t)
	c.Write([]byte{3}) // RTMP, which nobody serves here
	closed(t, c)
	s := b.Stats()
	if s.Unknown != 4 || s.Handshake != 1 || s.Unserved != 1 || len(s.Served) != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestSlowClientsLoseTheirPlace(t *testing.T) {
	cfg := DefaultConfig()
	cfg.HelloTimeout = time.Second
	b := start(t, cfg, HTTPS, STUN)
	silent, dripping, stalled := b.dial(t), b.dial(t), b.dial(t)
	stalled.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01})
	go func() {
		for _, x := range stun[:7] { // never enough to decide
			if _, err := dripping.Write([]byte{x}); err != nil {
				return
			}
			time.Sleep(300 * time.Millisecond)
		}
	}()
	begun := time.Now()
	closed(t, silent)
	closed(t, dripping)
	closed(t, stalled)
	if d := time.Since(begun); d > 4*time.Second {
		t.Fatalf("closed after %s", d)
	}
	if s := b.Stats(); s.Silent != 2 || s.Handshake != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestDawdlersKeepOnlyThemselvesWaiting(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Handshakes.PerAddress, cfg.Handshakes.Total = 2, 4
	b := start(t, cfg, HTTPS)
	for range 2 {
		b.dial(t).Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01})
	}
	for deadline := time.Now().Add(5 * time.Second); b.gate.Open() != 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("handshakes are not counted")
		}
	}
	// Another address has places left.
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	raw, err := d.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(5 * time.Second))
	if err := tls.Client(raw, &tls.Config{RootCAs: b.pool, ServerName: "localhost"}).Handshake(); err != nil {
		t.Fatal(err)
	}
}

func TestQueueFeedsAnHTTPServer(t *testing.T) {
	b := prepare(t, DefaultConfig())
	q := NewQueue(b.l.Addr())
	b.Handle(HTTPS, q.Put)
	b.run(t)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(q) }()
	defer func() { srv.Close(); <-done }()
	for _, http2 := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.pool, ServerName: "localhost"}, ForceAttemptHTTP2: http2}
		res, err := (&http.Client{Transport: tr}).Get("https://" + b.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(res.Body).ReadString('\n')
		res.Body.Close()
		tr.CloseIdleConnections()
		if want := map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"}[http2]; line != want {
			t.Fatalf("got %s, want %s", line, want)
		}
	}
}

package pki

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// certmagic keeps one rate limiter per directory and account for the life
	// of the process, and notices five seconds late that a lock was given up.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

// caFolder is a data folder with a CA, made once: large keys take their time.
var caFolder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pki")
	if err != nil {
		return "", err
	}
	_, err = Open(DefaultConfig(), dir, slog.New(slog.DiscardHandler))
	return dir, err
})

// dataWithCA returns a fresh data folder with that CA in it, and nothing else.
func dataWithCA(t *testing.T) string {
	t.Helper()
	src, err := caFolder()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{caKeyFile, caCertFile, serverFile} {
		b, err := os.ReadFile(filepath.Join(src, folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// world is an environment that a test can change.
type world struct {
	mu   sync.Mutex
	skew time.Duration
	host hostNames
	log  bytes.Buffer
}

func newWorld() *world {
	return &world{host: hostNames{dns: []string{"host"}, addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}}}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.skew)
}

func (w *world) names() hostNames {
	w.mu.Lock()
	defer w.mu.Unlock()
	return hostNames{slices.Clone(w.host.dns), slices.Clone(w.host.addrs)}
}

func (w *world) jump(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.skew += d
}

func (w *world) set(h hostNames) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.host = h
}

func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *world) logged(s string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.log.String(), s)
}

func (w *world) open(cfg Config, dir string) (*Authority, error) {
	return open(cfg, dir, slog.New(slog.NewTextHandler(w, nil)), environment{
		now: w.now, startNames: w.names, names: func(context.Context) hostNames { return w.names() },
	})
}

func (w *world) mustOpen(t *testing.T, cfg Config, dir string) *Authority {
	t.Helper()
	a, err := w.open(cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFirstStart(t *testing.T) {
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.Names = []string{"tak.example.net", "203.0.113.7", "Bücher.example", "*.cams.example.net"}
	w := newWorld()
	a := w.mustOpen(t, cfg, dir)
	for _, name := range []string{caKeyFile, caCertFile, crlFile, serverFile} {
		st, err := os.Stat(filepath.Join(dir, folder, name))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, st.Mode(), err)
		}
	}
	if st, err := os.Stat(filepath.Join(dir, folder)); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v", st.Mode(), err)
	}
	ca, leaf := a.ca.cert, a.server.Load().Leaf
	if k, ok := ca.PublicKey.(*rsa.PublicKey); !ok || k.N.BitLen() != caBits || ca.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Error("CA key or hash")
	}
	if k, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || k.N.BitLen() != leafBits || leaf.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Error("server key or hash")
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 398*24*time.Hour+time.Minute {
		t.Errorf("server certificate is valid for %v", life)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.CACertPEM())
	for _, name := range []string{"tak.example.net", "host", "xn--bcher-kva.example", "a.cams.example.net", "127.0.0.1", "::1", "203.0.113.7"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := w.mustOpen(t, cfg, dir)
	if !again.ca.cert.Equal(ca) || !again.server.Load().Leaf.Equal(leaf) || again.CAFingerprint() != a.CAFingerprint() {
		t.Error("the second start made new certificates")
	}
	if info := a.Certificates(); len(info) != 1 || info[0].Source != "own CA" || len(info[0].Names) < 7 {
		t.Errorf("%+v", info)
	}
}

func TestOpenWithDamagedFolder(t *testing.T) {
	w := newWorld()
	path := func(dir, name string) string { return filepath.Join(dir, folder, name) }
	for name, c := range map[string]struct {
		spoil func(dir string) error
		want  string // part of the error; empty: it opens
	}{
		"CA key lost":      {func(d string) error { return os.Remove(path(d, caKeyFile)) }, "ca.key is missing"},
		"CA cert lost":     {func(d string) error { return os.Remove(path(d, caCertFile)) }, ""},
		"CA key cut":       {func(d string) error { return os.Truncate(path(d, caKeyFile), 100) }, "read the CA key"},
		"CA cert cut":      {func(d string) error { return os.Truncate(path(d, caCertFile), 100) }, "no certificate"},
		"other key":        {func(d string) error { return copyServerKey(d) }, "do not belong together"},
		"server cut":       {func(d string) error { return os.Truncate(path(d, serverFile), 50) }, ""},
		"server lost":      {func(d string) error { return os.Remove(path(d, serverFile)) }, ""},
		"CRL damaged":      {func(d string) error { return os.WriteFile(path(d, crlFile), []byte("x"), 0o600) }, "revocation list"},
		"left-over":        {func(d string) error { return os.WriteFile(path(d, ".ca.key.123"), []byte("x"), 0o600) }, ""},
		"key for everyone": {func(d string) error { return os.Chmod(path(d, caKeyFile), 0o644) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := dataWithCA(t)
			if err := c.spoil(dir); err != nil {
				t.Fatal(err)
			}
			a, err := w.open(DefaultConfig(), dir)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := a.server.Load().Leaf.CheckSignatureFrom(a.ca.cert); err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v", err)
			}
		})
	}
	if w.logged("others on this machine can read") == 0 {
		t.Error("no warning about a readable key")
	}
}

// copyServerKey puts the server's key in the place of the CA's.
func copyServerKey(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, folder, serverFile))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, folder, caKeyFile), b, 0o600)
}

func TestServerCertificateFollows(t *testing.T) {
	dir := dataWithCA(t) // outside: the CA is shared with the other tests
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.jump(time.Until(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))) // a bubble begins in 2000
		a := w.mustOpen(t, DefaultConfig(), dir)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		synctest.Wait()
		step := func(d time.Duration) *x509.Certificate {
			if d > 3*time.Minute { // sleeping through every tick of months takes minutes
				w.jump(d - 3*time.Minute)
				d = 3 * time.Minute
			}
			time.Sleep(d)
			synctest.Wait()
			return a.server.Load().Leaf
		}
		first := step(time.Hour)
		samePub := func(x, y *x509.Certificate) bool { return x.PublicKey.(*rsa.PublicKey).Equal(y.PublicKey) }

		w.set(hostNames{dns: []string{"host"}, addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.168.7.7")}})
		second := step(namesEvery + time.Second)
		if second.Equal(first) || !samePub(first, second) || second.VerifyHostname("192.168.7.7") != nil {
			t.Error("a new address did not give a new certificate with the old key")
		}
		w.set(hostNames{dns: []string{"host"}})
		if c := step(time.Hour); !c.Equal(second) {
			t.Error("an address that went gave a new certificate")
		}
		if c := step(200 * 24 * time.Hour); !c.Equal(second) {
			t.Error("renewed too early")
		}
		third := step(90 * 24 * time.Hour)
		if third.Equal(second) || samePub(second, third) {
			t.Error("not renewed with a new key after two thirds of its life")
		}
		crl := a.CRL()
		w.jump(-100 * 24 * time.Hour)
		fourth := step(2 * time.Minute)
		if fourth.Equal(third) || !fourth.NotBefore.Before(w.now()) {
			t.Error("a certificate of the future is kept after the clock went back")
		}
		if bytes.Equal(crl, a.CRL()) {
			t.Error("a list of the future is kept after the clock went back")
		}
		w.jump(20 * 365 * 24 * time.Hour) // past the end of the CA: nothing is issued, nothing breaks
		if c := step(24 * time.Hour); !c.Equal(fourth) {
			t.Error("an expired CA issued")
		}
		if n := w.logged("at its end or the clock is wrong"); n < 1 || n > 2 {
			t.Errorf("%d warnings about the CA in a day", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestCAOfAMachineWithoutClock(t *testing.T) {
	w := newWorld()
	w.jump(time.Until(time.Date(1970, 1, 1, 0, 5, 0, 0, time.UTC)))
	dir := dataWithCA(t)
	for _, f := range []string{caCertFile, serverFile} {
		if err := os.Remove(filepath.Join(dir, folder, f)); err != nil {
			t.Fatal(err)
		}
	}
	w.mustOpen(t, DefaultConfig(), dir)
	w.skew = 0
	a := w.mustOpen(t, DefaultConfig(), dir)
	if now := time.Now(); a.ca.cert.NotAfter.Before(now.AddDate(5, 0, 0)) || a.server.Load().Leaf.NotAfter.Before(now) {
		t.Error(a.ca.cert.NotAfter, a.server.Load().Leaf.NotAfter)
	}
}

func TestServesOnWithAFullDisk(t *testing.T) {
	w := newWorld()
	dir := dataWithCA(t)
	a := w.mustOpen(t, DefaultConfig(), dir)
	a.dir = filepath.Join(dir, "gone") // stands for every write that fails
	w.set(hostNames{dns: []string{"other"}})
	_ = a.Reload(t.Context())
	if a.server.Load().Leaf.VerifyHostname("other") != nil {
		t.Error("the new certificate is not in use")
	}
	if err := a.Revoke("ab"); err == nil {
		t.Error("Revoke said it is on disk")
	}
	if !a.crlUnsaved {
		t.Error("the list is taken for saved")
	}
	a.dir = filepath.Join(dir, folder)
	if err := a.Reload(t.Context()); err != nil || a.crlUnsaved {
		t.Error("the list was not saved later", err)
	}
	if b := w.mustOpen(t, DefaultConfig(), dir); len(b.revoked) != 1 {
		t.Error("the revocation is lost")
	}
}

func TestMachineNames(t *testing.T) {
	h := wanted(nil, machineNames(t.Context()))
	if !slices.Contains(h.dns, "localhost") || !slices.Contains(h.addrs, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("%+v", h)
	}
	many := hostNames{dns: []string{"ok", "not a name", "OK.", "a:b"}}
	for i := range 300 {
		many.addrs = append(many.addrs, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	h = wanted([]string{"10.9.9.9", "[::1]", "10.9.9.9"}, many)
	if !slices.Equal(h.dns, []string{"ok"}) || len(h.addrs) != maxNames || h.addrs[0] != netip.MustParseAddr("10.9.9.9") {
		t.Errorf("%v %d", h.dns, len(h.addrs))
	}
}

func TestValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := DefaultConfig().ACME.Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		"names":      func(c *Config) { c.Names = []string{"a b"} },
		"certFile":   func(c *Config) { c.CertFile = "x" },
		"clientDays": func(c *Config) { c.ClientDays = 0 },
		"name":       func(c *Config) { c.Name = strings.Repeat("x", 65) },
		"domains":    func(c *Config) { c.ACME.Domains = []string{"10.0.0.1"} },
		"full host":  func(c *Config) { c.ACME.Domains = []string{"*.example.net"} },
		"directory":  func(c *Config) { c.ACME.Directory = "http://x" },
		"httpPort":   func(c *Config) { c.ACME.HTTPPort = 0 },
	} {
		c := DefaultConfig()
		change(&c)
		err := c.Validate()
		if err == nil {
			err = c.ACME.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// openssl runs the openssl program and returns what it prints.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestOpenSSL has another implementation read everything we make.
func TestOpenSSL(t *testing.T) {
	dir := dataWithCA(t)
	a := newWorld().mustOpen(t, DefaultConfig(), dir)
	c, err := a.IssueClient("falke2", "ANDROID-1", IssueOptions{Channels: true})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := a.IssueClient("gone", "", IssueOptions{Days: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(strings.ToUpper(gone.Serial)); err != nil {
		t.Fatal(err)
	}
	p12, err := c.P12("atakatak")
	if err != nil {
		t.Fatal(err)
	}
	trust, err := a.TrustStoreP12("atakatak")
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	ca, client := file("ca.pem", a.CACertPEM()), file("c.pem", c.CertPEM)
	crl := file("crl.der", a.CRL())
	openssl(t, "verify", "-x509_strict", "-CAfile", ca, "-purpose", "sslserver", "-verify_ip", "127.0.0.1", filepath.Join(dir, folder, serverFile))
	openssl(t, "verify", "-x509_strict", "-CAfile", ca, "-purpose", "sslclient", client)
	if out := openssl(t, "crl", "-inform", "DER", "-in", crl, "-CAfile", ca, "-noout", "-text"); !strings.Contains(out, "verify OK") || !strings.Contains(out, strings.ToUpper(gone.Serial)) {
		t.Error(out)
	}
	crlPEM := filepath.Join(dir, "crl.pem")
	openssl(t, "crl", "-inform", "DER", "-in", crl, "-out", crlPEM)
	openssl(t, "verify", "-CAfile", ca, "-CRLfile", crlPEM, "-crl_check", client)
	out, err := exec.CommandContext(t.Context(), "openssl", "verify", "-CAfile", ca, "-CRLfile", crlPEM, "-crl_check", file("gone.pem", gone.CertPEM)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "certificate revoked") {
		t.Errorf("%v %s", err, out)
	}
	info := openssl(t, "pkcs12", "-info", "-legacy", "-nodes", "-in", file("c.p12", p12), "-passin", "pass:atakatak")
	for _, want := range []string{"pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1", "BEGIN PRIVATE KEY", "CN = falke2", "OU = ANDROID-1"} {
		if !strings.Contains(info, want) {
			t.Errorf("p12: no %q in\n%s", want, info)
		}
	}
	if strings.Count(info, "BEGIN CERTIFICATE") != 2 {
		t.Error("p12: not two certificates")
	}
	info = openssl(t, "pkcs12", "-info", "-legacy", "-nodes", "-in", file("t.p12", trust), "-passin", "pass:atakatak")
	if strings.Count(info, "BEGIN CERTIFICATE") != 1 || strings.Contains(info, "PRIVATE KEY") || !strings.Contains(info, "friendlyName: ca0") {
		t.Error(info)
	}
	text := openssl(t, "x509", "-in", client, "-noout", "-text")
	for _, want := range []string{"TLS Web Client Authentication, challengePassword", "CA:FALSE", "sha256WithRSAEncryption", "2048 bit"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

package pki

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/run/runtest"
)

const acmeName = "tak.example.net"

// start runs a program until the test ends.
func start(t *testing.T, env []string, name string, args ...string) *bytes.Buffer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", name, out.String())
		}
	})
	return &out
}

// pebble starts Let's Encrypt's test authority, which resolves every name to
// 127.0.0.1 and validates at the two ports. It returns its directory and the
// root certificate that the certificates it issues lead to.
func pebble(t *testing.T, dir string, httpPort, tlsPort int) (directory string, root func() *x509.CertPool) {
	t.Helper()
	for _, p := range []string{"pebble", "pebble-challtestsrv"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed (apt install pebble)", p)
		}
	}
	dns, api, mgmt := runtest.Port(t), runtest.Port(t), runtest.Port(t)
	start(t, nil, "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
		"-dns01", fmt.Sprintf("127.0.0.1:%d", dns), "-management", fmt.Sprintf("127.0.0.1:%d", runtest.Port(t)),
		"-http01", "", "-https01", "", "-tlsalpn01", "")
	pem := filepath.Join(dir, folder, serverFile)
	conf, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", api), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", mgmt),
		"certificate": pem, "privateKey": pem, "httpPort": httpPort, "tlsPort": tlsPort,
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0"},
		"pebble", "-config", file, "-dnsserver", fmt.Sprintf("127.0.0.1:%d", dns))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	get := func(url string) ([]byte, error) {
		resp, err := client.Get(url)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	}
	directory = fmt.Sprintf("https://127.0.0.1:%d/dir", api)
	waitFor(t, "pebble", func() bool { _, err := get(directory); return err == nil })
	return directory, func() *x509.CertPool {
		b, err := get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", mgmt))
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(b) {
			t.Fatalf("pebble's root: %v %s", err, b)
		}
		return pool
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// TestACME gets a certificate from a real ACME server, by each challenge.
func TestACME(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			dir := dataWithCA(t)
			w := newWorld()
			issuer := w.mustOpen(t, DefaultConfig(), dir) // its certificate is pebble's own

			cfg := DefaultConfig()
			cfg.ACME.Domains = []string{"TAK.example.net"}
			cfg.ACME.Email = "admin@example.net"
			cfg.ACME.CAFile = filepath.Join(dir, folder, caCertFile)
			var a *Authority
			// The two doors that the authority's validation comes to; each test
			// leaves one of them deaf.
			plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if challenge != "http-01" {
					http.NotFound(rw, r)
					return
				}
				a.HTTPChallenge(http.NotFoundHandler()).ServeHTTP(rw, r)
			}))
			defer plain.Close()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			cfg.ACME.HTTPPort = plain.Listener.Addr().(*net.TCPAddr).Port
			cfg.ACME.TLSPort = l.Addr().(*net.TCPAddr).Port
			directory, root := pebble(t, dir, cfg.ACME.HTTPPort, cfg.ACME.TLSPort)
			cfg.ACME.Directory = directory
			a = w.mustOpen(t, cfg, dir)
			conf := a.TLSConfig("h2", "http/1.1")
			if challenge == "http-01" {
				conf.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return issuer.server.Load(), nil }
			}
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_ = tls.Server(c, conf).Handshake()
					_ = c.Close()
				}
			}()

			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			waitFor(t, "the certificate", func() bool { return len(a.Certificates()) == 2 })
			roots := root()
			client := &tls.Config{RootCAs: roots, ServerName: acmeName, NextProtos: []string{"h2"}}
			if cs, err := shake(t, a.TLSConfig("h2"), client); err != nil || cs.PeerCertificates[0].VerifyHostname(acmeName) != nil {
				t.Error(err)
			}
			// Other names and addresses: our own CA. So does a door for devices.
			for _, name := range []string{"host", "127.0.0.1"} {
				if _, err := shake(t, a.TLSConfig("h2"), &tls.Config{RootCAs: a.pool, ServerName: name}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			own := a.ClientTLSConfig(ClientTLSOptions{Optional: true, OwnCertificate: true})
			if cs, _ := shake(t, own, &tls.Config{InsecureSkipVerify: true, ServerName: acmeName}); !cs.PeerCertificates[0].Equal(a.server.Load().Leaf) {
				t.Error("a door for devices shows the ACME certificate")
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if strings.Contains(w.log.String(), "PRIVATE") {
				t.Error("a key is in the log")
			}
		})
	}
}

// TestACMEWithoutAuthority: the name is answered by the own CA, and Run ends
// at once when asked to.
func TestACMEWithoutAuthority(t *testing.T) {
	w := newWorld()
	cfg := DefaultConfig()
	cfg.ACME.Domains = []string{acmeName}
	cfg.ACME.Directory = fmt.Sprintf("https://127.0.0.1:%d/dir", runtest.Port(t))
	cfg.Names = []string{acmeName}
	a := w.mustOpen(t, cfg, dataWithCA(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	waitFor(t, "ACME to begin", func() bool { return a.acme.Load() != nil })
	if _, err := shake(t, a.TLSConfig(), &tls.Config{RootCAs: a.pool, ServerName: acmeName}); err != nil {
		t.Error(err)
	}
	cancel()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("Run does not end")
	}
}

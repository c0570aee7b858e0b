package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shake runs one handshake over loopback and returns the server's error and
// what the client saw.
func shake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	result := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			result <- err
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		s := tls.Server(c, server)
		err = s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		result <- err
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
	c := tls.Client(raw, client)
	if c.Handshake() == nil {
		_, _ = c.Read(make([]byte, 1)) // also takes a session ticket, if one comes
	}
	cs := c.ConnectionState()
	_ = raw.Close()
	return cs, <-result
}

func pairOf(t *testing.T, i *Issued) tls.Certificate {
	t.Helper()
	c, err := tls.X509KeyPair(i.CertPEM, i.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// forge signs a leaf with any CA, outside of all our rules.
func forge(t *testing.T, ca *caPair, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(4711), Subject: pkix.Name{CommonName: "falke2"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	change(tmpl)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// foreignCA has our CA's name and another key.
func foreignCA(t *testing.T, like *x509.Certificate) *caPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: like.Subject, NotBefore: like.NotBefore, NotAfter: like.NotAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: like.KeyUsage, SubjectKeyId: like.SubjectKeyId,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &caPair{cert: c, chain: []*x509.Certificate{c}, key: key}
}

func TestClientHandshakes(t *testing.T) {
	w := newWorld()
	a := w.mustOpen(t, DefaultConfig(), dataWithCA(t))
	good, err := a.IssueClient("falke2", "d", IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := a.IssueClient("falke2", "d", IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(revoked.Serial); err != nil {
		t.Fatal(err)
	}
	csr, csrKey := makeCSR(t, "whoever")
	signed, err := a.SignCSR(csr, "falke2", "d", IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	goodPair := pairOf(t, good)
	long := goodPair
	long.Certificate = append([][]byte{}, goodPair.Certificate...)
	for range maxPeerChain {
		long.Certificate = append(long.Certificate, a.ca.cert.Raw)
	}
	same := func(*x509.Certificate) {}
	asCA := tls.Certificate{Certificate: [][]byte{a.ca.cert.Raw}, PrivateKey: a.ca.key}
	cases := []struct {
		name string
		cert *tls.Certificate
		want string // in the server's error; empty: let in
	}{
		{"good", &goodPair, ""},
		{"by request", &tls.Certificate{Certificate: [][]byte{signed.Cert.Raw}, PrivateKey: csrKey}, ""},
		{"none", nil, "didn't provide a certificate"},
		{"revoked", ptr(pairOf(t, revoked)), "revoked"},
		{"expired", ptr(forge(t, a.ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })), "expired"},
		{"not yet valid", ptr(forge(t, a.ca, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })), "not yet valid"},
		{"other CA of our name", ptr(forge(t, foreignCA(t, a.ca.cert), same)), "unknown authority"},
		{"no usage", ptr(forge(t, a.ca, func(c *x509.Certificate) { c.ExtKeyUsage = nil })), "not made for clients"},
		{"for servers", ptr(forge(t, a.ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })), "incompatible key usage"},
		{"CA:TRUE leaf", ptr(forge(t, a.ca, func(c *x509.Certificate) { c.IsCA = true })), "authority"},
		{"the CA itself", &asCA, "authority"},
		{"long chain", &long, "chain of 6"},
		{"refused by Check", ptr(forge(t, a.ca, func(c *x509.Certificate) { c.Subject.CommonName = "disabled" })), "disabled user"},
	}
	server := a.ClientTLSConfig(ClientTLSOptions{NextProtos: []string{"h2"}, Check: func(c *x509.Certificate) error {
		if c.Subject.CommonName == "disabled" {
			return errors.New("disabled user")
		}
		return nil
	}})
	optional := a.ClientTLSConfig(ClientTLSOptions{Optional: true})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				client := &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", MaxVersion: version}
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if c.cert == nil {
						return &tls.Certificate{}, nil
					}
					return c.cert, nil
				}
				_, err := shake(t, server, client)
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("TLS %x: %v", version, err)
				}
				if c.name == "refused by Check" {
					return
				}
				_, err = shake(t, optional, client)
				if letIn := c.want == "" || c.cert == nil; letIn != (err == nil) {
					t.Errorf("optional, TLS %x: %v", version, err)
				}
			})
		}
	}
	t.Run("old TLS", func(t *testing.T) {
		_, err := shake(t, a.TLSConfig(), &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		if err == nil {
			t.Error("TLS 1.1 is let in")
		}
	})
}

func ptr[T any](v T) *T { return &v }

// TestRevokedWithSessionCache: a client that keeps sessions is refused all the
// same on its next connection.
func TestRevokedWithSessionCache(t *testing.T) {
	a := newWorld().mustOpen(t, DefaultConfig(), dataWithCA(t))
	c, err := a.IssueClient("falke2", "d", IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	server := a.ClientTLSConfig(ClientTLSOptions{OwnCertificate: true})
	client := &tls.Config{
		RootCAs: a.pool, ServerName: "127.0.0.1", Certificates: []tls.Certificate{pairOf(t, c)},
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
	}
	for range 2 {
		if cs, err := shake(t, server, client); err != nil || cs.DidResume {
			t.Fatal(err, cs.DidResume)
		}
	}
	if err := a.Revoke(c.Serial); err != nil {
		t.Fatal(err)
	}
	if _, err := shake(t, server, client); !errors.Is(err, ErrRevoked) {
		t.Fatal(err)
	}
}

// ownPair writes certificate files of another CA.
func ownPair(t *testing.T, ca *caPair, certFile, keyFile string, names ...string) {
	t.Helper()
	c := forge(t, ca, func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage = names, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.SerialNumber = big.NewInt(time.Now().UnixNano())
	})
	key, err := keyPEM(c.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	for path, b := range map[string][]byte{certFile: cert, keyFile: key} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOwnFiles(t *testing.T) {
	w := newWorld()
	dir := dataWithCA(t)
	cfg := DefaultConfig()
	cfg.CertFile, cfg.KeyFile = filepath.Join(dir, "own.crt"), filepath.Join(dir, "own.key")
	if _, err := w.open(cfg, dir); err == nil || !strings.Contains(err.Error(), "certFile") {
		t.Fatalf("missing files: %v", err)
	}
	other := foreignCA(t, w.mustOpen(t, DefaultConfig(), dir).ca.cert)
	ownPair(t, other, cfg.CertFile, cfg.KeyFile, "www.example.net")
	a := w.mustOpen(t, cfg, dir)
	serves := func(name string, o *tls.Config) *x509.Certificate {
		t.Helper()
		cs, err := shake(t, o, &tls.Config{InsecureSkipVerify: true, ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		return cs.PeerCertificates[0]
	}
	own, server := a.own.Load().cert.Leaf, a.server.Load().Leaf
	conf, tak := a.TLSConfig("h2"), a.ClientTLSConfig(ClientTLSOptions{Optional: true, OwnCertificate: true})
	for name, want := range map[string]*x509.Certificate{"www.example.net": own, "nobody.example.org": own, "host": server, "": server} {
		if got := serves(name, conf); !got.Equal(want) {
			t.Errorf("%q gets %v", name, got.DNSNames)
		}
		if got := serves(name, tak); !got.Equal(server) {
			t.Errorf("own certificate only: %q gets %v", name, got.DNSNames)
		}
	}

	if err := os.WriteFile(cfg.CertFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = a.reloadOwn(false)
	_ = a.reloadOwn(false)
	if got := serves("www.example.net", conf); !got.Equal(own) || w.logged("the one before is still served") != 1 {
		t.Error("a bad file is served, or not logged once")
	}
	if err := a.Reload(t.Context()); err == nil {
		t.Error("Reload keeps quiet about a bad file")
	}
	ownPair(t, other, cfg.CertFile, cfg.KeyFile, "www.example.net", "new.example.net")
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := serves("new.example.net", conf); got.Equal(own) || got.VerifyHostname("new.example.net") != nil {
		t.Error("the new file is not served")
	}
	if info := a.Certificates(); len(info) != 2 || info[1].Source != "file" {
		t.Errorf("%+v", info)
	}
}

package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

func makeCSR(t testing.TB, cn string) ([]byte, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return csrFor(t, cn, key), key
}

func csrFor(t testing.TB, cn string, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: cn, Organization: []string{"Evil"}}, DNSNames: []string{"bank.example"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestSignCSR(t *testing.T) {
	a := newWorld().mustOpen(t, DefaultConfig(), dataWithCA(t))
	der, key := makeCSR(t, "root")
	text := base64.StdEncoding.EncodeToString(der)
	for name, form := range map[string][]byte{
		"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
		"base64": []byte(text), "base64 lines": []byte(text[:64] + "\r\n" + text[64:] + "\n"),
	} {
		i, err := a.SignCSR(form, "falke2", "dev", IssueOptions{Days: 3})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c := i.Cert
		if c.Subject.String() != "CN=falke2,OU=dev" || len(c.DNSNames) != 0 || c.IsCA || i.KeyPEM != nil || !samePublic(c, key) {
			t.Errorf("%s: %v %v", name, c.Subject, c.DNSNames)
		}
		if life := time.Until(i.Expires); life > 3*24*time.Hour || life < 71*time.Hour {
			t.Errorf("%s: %v", name, life)
		}
		p12, err := i.P12("atakatak")
		if err != nil {
			t.Fatal(err)
		}
		certs, err := pkcs12.DecodeTrustStore(p12, "atakatak")
		if err != nil || len(certs) != 2 {
			t.Errorf("%s: %d, %v", name, len(certs), err)
		}
	}
	if s, err := RequestSubject(der); err != nil || s.CommonName != "root" {
		t.Error(s, err)
	}

	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bent := bytes.Clone(der)
	bent[len(bent)-1] ^= 1
	for name, bad := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "large": bytes.Repeat([]byte("A"), maxCSRBytes+1), "signature": bent,
		"RSA 1024": csrFor(t, "x", small), "P-521": csrFor(t, "x", p521), "Ed25519": csrFor(t, "x", ed),
	} {
		if _, err := a.SignCSR(bad, "falke2", "", IssueOptions{}); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
}

func TestIssueClient(t *testing.T) {
	a := newWorld().mustOpen(t, DefaultConfig(), dataWithCA(t))
	for _, c := range []struct{ user, device string }{{"", "d"}, {strings.Repeat("x", 65), ""}, {"a\nb", ""}, {"a", "\x00"}, {"\xff", ""}} {
		if _, err := a.IssueClient(c.user, c.device, IssueOptions{}); err == nil {
			t.Errorf("%q %q is issued", c.user, c.device)
		}
	}
	if _, err := a.IssueClient("a", "", IssueOptions{Days: -1}); err == nil {
		t.Error("a validity of -1 days")
	}
	i, err := a.IssueClient("Jürgen, O=x", "", IssueOptions{Days: 36500})
	if err != nil {
		t.Fatal(err)
	}
	if i.Cert.Subject.CommonName != "Jürgen, O=x" || len(i.Cert.Subject.Names) != 1 || !i.Expires.Equal(a.ca.cert.NotAfter) {
		t.Error(i.Cert.Subject, i.Expires)
	}
	if i.Serial != Serial(i.Cert) || i.Fingerprint != Fingerprint(i.Cert) || len(i.Fingerprint) != 64 {
		t.Error(i.Serial, i.Fingerprint)
	}
	if err := a.Revoke("not hex"); err == nil {
		t.Error("revoked nonsense")
	}
	if err := a.Revoke(i.Serial); err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(i.Serial); err != nil || !a.Revoked(i.Cert) {
		t.Error(err)
	}
	list, err := x509.ParseRevocationList(a.CRL())
	if err != nil || len(list.RevokedCertificateEntries) != 1 || list.Number.Int64() != 3 {
		t.Error(list.Number, err)
	}
}

func FuzzCSR(f *testing.F) {
	der, _ := makeCSR(f, "x")
	f.Add(der)
	f.Add([]byte(base64.StdEncoding.EncodeToString(der)))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if req, err := parseCSR(data); err == nil && checkKey(req.PublicKey) != nil {
			t.Fatal("a bad key came through")
		}
	})
}

func FuzzParseName(f *testing.F) {
	f.Add("tak.example.net")
	f.Add("[::1%eth0]")
	f.Add("*.Bücher.example")
	f.Add("\x97")
	f.Fuzz(func(t *testing.T, s string) {
		dns, addr, err := parseName(s)
		if err == nil && (dns == "") != addr.IsValid() {
			t.Fatalf("%q: %q %v", s, dns, addr)
		}
		if err == nil && dns != "" {
			if again, _, err := parseName(dns); err != nil || again != dns {
				t.Fatalf("%q: %q is not stable: %q %v", s, dns, again, err)
			}
		}
	})
}

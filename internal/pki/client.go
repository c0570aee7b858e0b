package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

const (
	maxCSRBytes = 16 << 10
	maxRSABits  = 8192 // larger keys only cost the server time in every handshake
)

// oidChannels, PKCS#9 challengePassword, is how TAK marks the certificate of a
// client that can choose its groups.
var oidChannels = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 7}

// IssueOptions change what a device certificate says.
type IssueOptions struct {
	Days     int  // of validity; 0: as configured. Never past the end of the CA
	Channels bool // for a TAK client that can choose among its groups
}

// Issued is a device certificate just made. Nothing of it is kept here: the
// caller records Serial, Fingerprint, user and device.
type Issued struct {
	Cert        *x509.Certificate
	CertPEM     []byte
	KeyPEM      []byte // PKCS#8; nil when the device made its key itself
	Fingerprint string // as by Fingerprint
	Serial      string // as by Serial
	Expires     time.Time

	key   crypto.Signer
	chain []*x509.Certificate
}

// IssueClient makes a key and a certificate for a user's device. The subject is
// CN=user, OU=device. It costs about 0.1 s of computing: the caller limits who
// may ask for it and how often.
func (a *Authority) IssueClient(user, device string, o IssueOptions) (*Issued, error) {
	if err := checkSubject(user, device); err != nil {
		return nil, fmt.Errorf("pki: issue: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, leafBits)
	if err != nil {
		return nil, fmt.Errorf("pki: issue: make a key: %w", err)
	}
	out, err := a.issue(user, device, key.Public(), o)
	if err != nil {
		return nil, fmt.Errorf("pki: issue: %w", err)
	}
	out.key = key
	if out.KeyPEM, err = keyPEM(key); err != nil {
		return nil, fmt.Errorf("pki: issue: %w", err)
	}
	return out, nil
}

// SignCSR makes a certificate for the key in a certificate request, which is
// DER, PEM, or base64 with or without line breaks, as TAK clients send it. Only
// the key is taken from the request: the subject is CN=user, OU=device, and
// wished-for extensions are ignored. The key must be RSA of at least 2048 bits
// or P-256 or P-384. The request's subject is the caller's to compare
// (RequestSubject).
func (a *Authority) SignCSR(csr []byte, user, device string, o IssueOptions) (*Issued, error) {
	if err := checkSubject(user, device); err != nil {
		return nil, fmt.Errorf("pki: sign request: %w", err)
	}
	req, err := parseCSR(csr)
	if err != nil {
		return nil, fmt.Errorf("pki: sign request: %w", err)
	}
	out, err := a.issue(user, device, req.PublicKey, o)
	if err != nil {
		return nil, fmt.Errorf("pki: sign request: %w", err)
	}
	return out, nil
}

// RequestSubject returns the subject of a certificate request in any of the
// forms that SignCSR takes, after the same checks.
func RequestSubject(csr []byte) (pkix.Name, error) {
	req, err := parseCSR(csr)
	if err != nil {
		return pkix.Name{}, fmt.Errorf("pki: read request: %w", err)
	}
	return req.Subject, nil
}

func parseCSR(data []byte) (*x509.CertificateRequest, error) {
	if len(data) > maxCSRBytes {
		return nil, fmt.Errorf("the request is larger than %d KiB", maxCSRBytes>>10)
	}
	der := data
	if b, _ := pem.Decode(data); b != nil {
		der = b.Bytes
	} else if len(data) > 0 && data[0] != 0x30 { // not a DER sequence: base64 without header lines
		text := bytes.Join(bytes.Fields(data), nil)
		der = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, err := base64.StdEncoding.Decode(der, text)
		if err != nil {
			return nil, errors.New("the request is neither DER nor PEM nor base64")
		}
		der = der[:n]
	}
	req, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("the request cannot be read: %w", err)
	}
	// The key is checked before it is computed with.
	if err := checkKey(req.PublicKey); err != nil {
		return nil, err
	}
	if err := req.CheckSignature(); err != nil {
		return nil, errors.New("the request is not signed by its own key")
	}
	return req, nil
}

func checkKey(pub any) error {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < leafBits || bits > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits is refused; make one of %d to %d", bits, leafBits, maxRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return nil
		}
	}
	return errors.New("this kind of key is refused; make an RSA key of 2048 bits or a P-256 key")
}

// checkSubject refuses what cannot stand in a subject or would mislead there.
func checkSubject(user, device string) error {
	if user == "" {
		return errors.New("a user name is needed")
	}
	for _, s := range []string{user, device} {
		if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxCommonName || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("user and device must be printable and have at most %d characters", maxCommonName)
		}
	}
	return nil
}

func (a *Authority) issue(user, device string, pub crypto.PublicKey, o IssueOptions) (*Issued, error) {
	days := o.Days
	if days == 0 {
		days = a.cfg.ClientDays
	}
	if days < 1 || days > 36500 {
		return nil, fmt.Errorf("%d days is not a validity", days)
	}
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: user},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if device != "" {
		t.Subject.OrganizationalUnit = []string{device}
	}
	if o.Channels {
		t.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidChannels}
	}
	c, err := a.sign(t, pub, time.Duration(days)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	return &Issued{
		Cert: c, CertPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}),
		Fingerprint: Fingerprint(c), Serial: Serial(c), Expires: c.NotAfter, chain: a.ca.chain,
	}, nil
}

// P12 returns certificate, key and CA as PKCS#12 with the old algorithms (3DES,
// SHA-1) that ATAK, iTAK, WinTAK and old Android read. Their protection is
// weak whatever the password: the file is to travel over TLS only. Without a
// key of ours it holds the certificate under the alias signedCert and the CA
// under ca0, ca1, …, which is the answer of TAK's first enrolment call.
func (i *Issued) P12(password string) ([]byte, error) {
	var out []byte
	var err error
	if i.key != nil {
		out, err = pkcs12.LegacyDES.Encode(i.key, i.Cert, i.chain, password)
	} else {
		entries := append([]pkcs12.TrustStoreEntry{{Cert: i.Cert, FriendlyName: "signedCert"}}, caEntries(i.chain)...)
		out, err = pkcs12.LegacyDES.EncodeTrustStoreEntries(entries, password)
	}
	if err != nil {
		return nil, fmt.Errorf("pki: make PKCS#12: %w", err)
	}
	return out, nil
}

// TrustStoreP12 returns the CA as a PKCS#12 trust store for TAK clients, with
// the same old algorithms as Issued.P12.
func (a *Authority) TrustStoreP12(password string) ([]byte, error) {
	out, err := pkcs12.LegacyDES.EncodeTrustStoreEntries(caEntries(a.ca.chain), password)
	if err != nil {
		return nil, fmt.Errorf("pki: make trust store: %w", err)
	}
	return out, nil
}

func caEntries(chain []*x509.Certificate) []pkcs12.TrustStoreEntry {
	out := make([]pkcs12.TrustStoreEntry, len(chain))
	for i, c := range chain {
		out[i] = pkcs12.TrustStoreEntry{Cert: c, FriendlyName: fmt.Sprintf("ca%d", i)}
	}
	return out
}

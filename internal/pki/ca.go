package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	caBits   = 3072 // lives ten years
	leafBits = 2048 // what every TAK client takes, and cheap in a handshake
	caYears  = 10

	// backdate is how far before its making a certificate begins to be valid:
	// the clocks of devices in the field are wrong.
	backdate = 24 * time.Hour

	maxCommonName = 64 // X.520 ub-common-name
)

// clockFloor is a time before which no clock of a running server can be. A
// machine without a battery clock makes its CA in 1970, and must not find it
// expired once it has learnt the time.
var clockFloor = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// loadCA reads the CA, or makes one in an empty folder.
func (a *Authority) loadCA() error {
	keyData, err := readFile(filepath.Join(a.dir, caKeyFile))
	if err != nil {
		return fmt.Errorf("read the CA key: %w", err)
	}
	certData, err := readFile(filepath.Join(a.dir, caCertFile))
	if err != nil {
		return fmt.Errorf("read the CA certificate: %w", err)
	}
	if keyData == nil && certData != nil {
		return fmt.Errorf("%s is there but %s is missing; bring it back from a backup, or move %s away to begin with a new CA (every device must then enrol again)",
			filepath.Join(a.dir, caCertFile), caKeyFile, caCertFile)
	}
	var key crypto.Signer
	if keyData == nil {
		if key, err = a.makeCAKey(); err != nil {
			return err
		}
	} else {
		if key, err = parseKey(keyData); err != nil {
			return fmt.Errorf("read the CA key %s: %w", filepath.Join(a.dir, caKeyFile), err)
		}
		a.warnIfReadable(caKeyFile)
	}
	if certData == nil {
		if certData, err = a.makeCACert(key); err != nil {
			return err
		}
	}
	return a.adoptCA(certData, key)
}

// warnIfReadable says so when others than the owner may read a key.
func (a *Authority) warnIfReadable(name string) {
	path := filepath.Join(a.dir, name)
	if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o077 != 0 {
		a.log.Warn("others on this machine can read a private key; run chmod 600 on it", "file", path)
	}
}

func (a *Authority) makeCAKey() (crypto.Signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, caBits)
	if err != nil {
		return nil, fmt.Errorf("make the CA key: %w", err)
	}
	data, err := keyPEM(key)
	if err != nil {
		return nil, fmt.Errorf("make the CA key: %w", err)
	}
	// The key first: a certificate without its key is an error, a key without
	// its certificate is a start that was cut short.
	return key, writeFile(a.dir, caKeyFile, data)
}

func (a *Authority) makeCACert(key crypto.Signer) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("make the CA certificate: %w", err)
	}
	sum := sha256.Sum256(spki)
	name := a.cfg.Name
	if name == "" {
		// Two servers must not have CAs of the same name: clients that know
		// both look issuers up by it.
		name = "Muster CA " + hex.EncodeToString(sum[:3])
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := a.now()
	t := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name, Organization: []string{"Muster"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              later(now, clockFloor).AddDate(caYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          sum[:20],
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the CA certificate: %w", err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := writeFile(a.dir, caCertFile, data); err != nil {
		return nil, err
	}
	a.log.Info("made a certificate authority", "name", name, "until", t.NotAfter)
	return data, nil
}

// adoptCA checks that certificate and key can do the work of a CA; they may
// have been brought along from another server.
func (a *Authority) adoptCA(certData []byte, key crypto.Signer) error {
	path := filepath.Join(a.dir, caCertFile)
	chain, err := parseCerts(certData)
	if err != nil {
		return fmt.Errorf("read the CA certificate %s: %w", path, err)
	}
	c := chain[0]
	switch {
	case !samePublic(c, key):
		return fmt.Errorf("%s and %s do not belong together; the certificate of the key must come first", path, caKeyFile)
	case !c.IsCA || !c.BasicConstraintsValid:
		return fmt.Errorf("%s is not the certificate of an authority (basicConstraints CA:TRUE)", path)
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("%s may not sign certificates (keyUsage keyCertSign)", path)
	case c.KeyUsage&x509.KeyUsageCRLSign == 0 || len(c.SubjectKeyId) == 0:
		return fmt.Errorf("%s cannot sign a revocation list (keyUsage cRLSign and a subjectKeyIdentifier are needed)", path)
	}
	a.ca = &caPair{cert: c, chain: chain, key: key}
	return nil
}

// errCAExpired is returned while nothing signed by the CA would be valid.
var errCAExpired = errors.New("the certificate of the authority is not valid at this time; check the clock of this machine, or begin with a new CA")

// sign completes t and signs it with the CA: serial, validity of at most life
// and never past the CA's own, and the public key.
func (a *Authority) sign(t *x509.Certificate, pub crypto.PublicKey, life time.Duration) (*x509.Certificate, error) {
	now := a.now()
	if now.After(a.ca.cert.NotAfter) || now.Before(a.ca.cert.NotBefore) {
		return nil, errCAExpired
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial
	t.NotBefore = later(now.Add(-backdate), a.ca.cert.NotBefore)
	t.NotAfter = later(now, clockFloor).Add(life)
	if t.NotAfter.After(a.ca.cert.NotAfter) {
		t.NotAfter = a.ca.cert.NotAfter
	}
	t.BasicConstraintsValid = true // CA:FALSE
	t.KeyUsage = x509.KeyUsageDigitalSignature
	if _, ok := pub.(*rsa.PublicKey); ok {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.ca.cert, pub, a.ca.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newSerial is 127 random bits and never zero (RFC 5280 §4.1.2.2).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

package pki

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// crlLife is how long a list is valid; it is signed anew at half of that.
const crlLife = 30 * 24 * time.Hour

// revocation is one entry of the list.
type revocation struct {
	serial *big.Int
	at     time.Time
}

// ErrRevoked is returned from the handshake of a revoked certificate.
var ErrRevoked = errors.New("the certificate is revoked")

// loadCRL reads the revocation list, which is also the only record of what was
// revoked. A damaged one stops the start: going on without it would let revoked
// devices in.
func (a *Authority) loadCRL() error {
	path := filepath.Join(a.dir, crlFile)
	data, err := readFile(path)
	if err != nil {
		return fmt.Errorf("read the revocation list: %w", err)
	}
	if data == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.signCRL()
	}
	list, err := x509.ParseRevocationList(data)
	if err == nil {
		err = list.CheckSignatureFrom(a.ca.cert)
	}
	if err != nil {
		return fmt.Errorf("the revocation list %s is damaged or of another authority (%w); bring it back from a backup, or move it away, after which certificates revoked so far are valid again", path, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.crl = list
	for _, e := range list.RevokedCertificateEntries {
		a.revoked[serialText(e.SerialNumber)] = revocation{e.SerialNumber, e.RevocationTime}
	}
	return nil
}

// refreshCRL signs the list anew before it runs out, and stores it if that went
// wrong the last time.
func (a *Authority) refreshCRL() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if !a.crlUnsaved && now.After(a.crl.ThisUpdate) && now.Before(a.crl.ThisUpdate.Add(crlLife/2)) {
		return
	}
	if err := a.signCRL(); err != nil {
		a.log.Error("the revocation list could not be renewed", "err", err)
	}
}

// signCRL makes the list of a.revoked and stores it. a.mu is held. The list is
// in force even if it could not be stored, which the error then says.
func (a *Authority) signCRL() error {
	number := big.NewInt(1)
	if a.crl != nil {
		number.Add(a.crl.Number, number)
	}
	entries := make([]x509.RevocationListEntry, 0, len(a.revoked))
	for _, r := range a.revoked {
		entries = append(entries, x509.RevocationListEntry{SerialNumber: r.serial, RevocationTime: r.at})
	}
	slices.SortFunc(entries, func(x, y x509.RevocationListEntry) int { return x.SerialNumber.Cmp(y.SerialNumber) })
	// The beginning lies back like that of certificates: for slow clocks.
	now := a.now()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: number, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(crlLife), RevokedCertificateEntries: entries,
	}, a.ca.cert, a.ca.key)
	if err != nil {
		return fmt.Errorf("sign the revocation list: %w", err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return fmt.Errorf("sign the revocation list: %w", err)
	}
	a.crl = list
	err = writeFile(a.dir, crlFile, der)
	a.crlUnsaved = err != nil
	return err
}

// CRL returns the current revocation list, DER. It is not to be changed.
func (a *Authority) CRL() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.crl.Raw
}

// Revoke puts a serial number (hex, as Serial gives it; colons are ignored) on
// the revocation list, from when on handshakes with it fail. When it returns
// without error the list is on disk. Open connections are the caller's to close.
// Revoking twice is no error.
func (a *Authority) Revoke(serial string) error {
	n, ok := new(big.Int).SetString(strings.ReplaceAll(strings.TrimSpace(serial), ":", ""), 16)
	if !ok || n.Sign() <= 0 || n.BitLen() > 160 {
		return fmt.Errorf("pki: revoke: %q is not a serial number", serial)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, done := a.revoked[serialText(n)]; !done {
		a.revoked[serialText(n)] = revocation{n, a.now()}
	}
	if err := a.signCRL(); err != nil {
		return fmt.Errorf("pki: revoke: %w", err)
	}
	return nil
}

// Revoked reports whether the serial number of c is on the revocation list.
func (a *Authority) Revoked(c *x509.Certificate) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, yes := a.revoked[serialText(c.SerialNumber)]
	return yes
}

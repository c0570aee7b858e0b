package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// serverLife is what browsers still accept of a public certificate; Apple's
// systems refuse more than 825 days even from an authority the user installed.
const serverLife = 397 * 24 * time.Hour

// loadServer takes the stored server certificate if it still serves, else
// issues one. It does not ask the resolver, so a start never waits for DNS; the
// first refresh does.
func (a *Authority) loadServer() error {
	if data, err := readFile(filepath.Join(a.dir, serverFile)); err == nil && data != nil {
		if c, err := parsePair(data, data); err == nil {
			a.server.Store(c)
		} else {
			a.log.Warn("the stored server certificate is unusable; issuing another", "err", err)
		}
	}
	_, err := a.reissue(wanted(a.cfg.Names, a.startNames()))
	if err != nil && a.server.Load() == nil {
		return fmt.Errorf("issue the server certificate: %w", err)
	}
	if err != nil {
		a.log.Error("the server certificate could not be renewed", "err", err)
	}
	return nil
}

// refreshServer issues a new server certificate when one is due.
func (a *Authority) refreshServer(h hostNames) {
	a.warnCA()
	reason, err := a.reissue(wanted(a.cfg.Names, h))
	switch {
	case errors.Is(err, errCAExpired):
		// warnCA has said it.
	case err != nil:
		a.log.Error("the server certificate could not be renewed", "why", reason, "err", err)
	}
}

// warnCA says once a day that the CA itself nears its end.
func (a *Authority) warnCA() {
	a.issuing.Lock()
	defer a.issuing.Unlock()
	now := a.now()
	left := a.ca.cert.NotAfter.Sub(now)
	since := now.Sub(a.caWarned)
	if left > warnBefore && !now.Before(a.ca.cert.NotBefore) || since >= 0 && since < 24*time.Hour {
		return
	}
	a.caWarned = now
	a.log.Error("the certificate authority is at its end or the clock is wrong; devices must enrol with a new one",
		"notBefore", a.ca.cert.NotBefore, "notAfter", a.ca.cert.NotAfter)
}

// reissue issues a server certificate if the present one does not do for want,
// and returns why it does not. A certificate that cannot be stored is used all
// the same: a full disk must not end the service.
func (a *Authority) reissue(want hostNames) (string, error) {
	a.issuing.Lock()
	defer a.issuing.Unlock()
	cur := a.server.Load()
	reason, newKey := a.due(cur, want)
	if reason == "" {
		return "", nil
	}
	var key crypto.Signer
	if cur != nil && !newKey {
		key, _ = cur.PrivateKey.(crypto.Signer)
	}
	if key == nil {
		k, err := rsa.GenerateKey(rand.Reader, leafBits)
		if err != nil {
			return reason, fmt.Errorf("make a key: %w", err)
		}
		key = k
	}
	leaf, err := a.sign(serverTemplate(want), key.Public(), serverLife)
	if err != nil {
		return reason, err
	}
	c := &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, ca := range a.ca.chain {
		c.Certificate = append(c.Certificate, ca.Raw)
	}
	a.server.Store(c)
	a.log.Info("issued a server certificate", "why", reason, "until", leaf.NotAfter, "names", len(leaf.DNSNames)+len(leaf.IPAddresses))
	return reason, a.storeServer(c)
}

func (a *Authority) storeServer(c *tls.Certificate) error {
	var data []byte
	for _, der := range c.Certificate {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := keyPEM(c.PrivateKey.(crypto.Signer))
	if err != nil {
		return err
	}
	return writeFile(a.dir, serverFile, append(data, key...))
}

// due says why cur must be replaced, "" if it need not be, and whether the new
// one gets a new key. A name that is gone is no reason: interfaces come and go,
// and every new certificate costs somebody a question in a browser.
func (a *Authority) due(cur *tls.Certificate, want hostNames) (reason string, newKey bool) {
	if cur == nil {
		return "there is none", true
	}
	c, now := cur.Leaf, a.now()
	if c.CheckSignatureFrom(a.ca.cert) != nil {
		return "it is of another authority", true
	}
	if now.Before(c.NotBefore) || now.After(c.NotAfter) {
		return "it is not valid at this time", true
	}
	if now.After(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 3 * 2)) {
		return "it is due for renewal", true
	}
	for _, n := range want.dns {
		if !slices.ContainsFunc(c.DNSNames, func(have string) bool { return strings.EqualFold(have, n) }) {
			return "it lacks the name " + n, false
		}
	}
	for _, n := range want.addrs {
		if !slices.ContainsFunc(c.IPAddresses, func(ip net.IP) bool { return ip.Equal(n.AsSlice()) }) {
			return "it lacks the address " + n.String(), false
		}
	}
	return "", false
}

func serverTemplate(want hostNames) *x509.Certificate {
	cn := "Muster server"
	if len(want.dns) > 0 && len(want.dns[0]) <= maxCommonName {
		cn = want.dns[0]
	}
	// Prefer a name that means something outside this machine.
	for _, n := range want.dns {
		if n != "localhost" && len(n) <= maxCommonName {
			cn = n
			break
		}
	}
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: cn, Organization: []string{"Muster"}},
		DNSNames:    want.dns,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, ip := range want.addrs {
		t.IPAddresses = append(t.IPAddresses, addrIP(ip))
	}
	return t
}

func addrIP(a netip.Addr) net.IP { return net.IP(a.AsSlice()) }

// parsePair makes a TLS certificate of PEM data and checks that certificate and
// key belong together. Leaf is set.
func parsePair(certData, keyData []byte) (*tls.Certificate, error) {
	chain, err := parseCerts(certData)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(keyData)
	if err != nil {
		return nil, err
	}
	if !samePublic(chain[0], key) {
		return nil, errors.New("certificate and key do not belong together; the server's certificate must come first")
	}
	c := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, x := range chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return c, nil
}

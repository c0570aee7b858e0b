// Package pki is the server's certificate authority and its certificates.
//
// On first start it makes a CA; from it come the server certificate, which
// follows the names and addresses of the machine and is renewed without a
// restart, the certificates of devices, and the revocation list. A site can add
// certificate files of its own or ACME; the CA's certificate then still answers
// for every other name and for addresses.
//
// Keys are RSA and hashes SHA-256 because ATAK on old Android takes nothing
// else.
package pki

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/run"
)

const (
	folder     = "pki" // under the data folder
	caKeyFile  = "ca.key"
	caCertFile = "ca.crt"
	crlFile    = "ca.crl"
	serverFile = "server.pem" // certificate, chain and key in one file: they cannot disagree after a crash

	filesEvery = 10 * time.Second // how often certificate files are looked at
	namesEvery = time.Minute      // how often names, expiry and the CRL are looked at
	warnBefore = 90 * 24 * time.Hour
)

// Authority is the CA with all that hangs on it. Its methods may be called from
// any goroutine.
type Authority struct {
	cfg Config
	dir string
	log *slog.Logger
	environment

	ca   *caPair // set by Open, then read-only
	pool *x509.CertPool

	server atomic.Pointer[tls.Certificate] // of the own CA, Leaf set
	own    atomic.Pointer[ownFiles]        // nil without CertFile
	acme   atomic.Pointer[acmeManager]     // nil until Run, and without ACME

	issuing  sync.Mutex // held while the server certificate or the own files are replaced
	caWarned time.Time  // guarded by issuing

	mu         sync.Mutex            // guards the fields below
	revoked    map[string]revocation // by serialText
	crl        *x509.RevocationList
	crlUnsaved bool // crl is in force but not on disk
}

// caPair is the issuing certificate, what stands above it, and its key.
type caPair struct {
	cert  *x509.Certificate
	chain []*x509.Certificate // cert first, root last
	key   crypto.Signer
}

// Open loads the authority from dataDir/pki, making what is missing. It starts
// nothing; Run does. Files are written with mode 0600, atomically, and are on
// disk when it returns.
func Open(cfg Config, dataDir string, log *slog.Logger) (*Authority, error) {
	return open(cfg, dataDir, log, environment{time.Now, localNames, machineNames})
}

// environment is what an Authority learns from outside; tests bring their own.
type environment struct {
	now        func() time.Time
	startNames func() hostNames                    // of the machine, without waiting for anybody
	names      func(ctx context.Context) hostNames // of the machine, thoroughly
}

func open(cfg Config, dataDir string, log *slog.Logger, env environment) (*Authority, error) {
	a := &Authority{
		cfg: cfg, dir: filepath.Join(dataDir, folder), log: log.With("part", "pki"), environment: env,
		revoked: make(map[string]revocation),
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return nil, fmt.Errorf("pki: make folder: %w", err)
	}
	if err := a.loadCA(); err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	a.pool = x509.NewCertPool()
	// Only the issuing certificate is trusted: what a root above it also
	// signed is not ours.
	a.pool.AddCert(a.ca.cert)
	if err := a.loadCRL(); err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	if err := a.loadServer(); err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	if cfg.CertFile != "" {
		if err := a.loadOwn(); err != nil {
			return nil, fmt.Errorf("pki: %w", err)
		}
	}
	return a, nil
}

// Run keeps the certificates current until ctx ends: new names of the machine,
// renewal, changed files, the CRL, ACME. It always returns nil, after
// everything that it started has ended.
func (a *Authority) Run(ctx context.Context) error {
	g := run.NewGroup(ctx, a.log, "pki")
	g.Go(a.watch)
	if len(a.cfg.ACME.Domains) > 0 {
		g.Go(a.runACME)
	}
	<-ctx.Done()
	g.Wait()
	return nil
}

func (a *Authority) watch(ctx context.Context) {
	a.refresh(ctx)
	files, names := time.NewTicker(filesEvery), time.NewTicker(namesEvery)
	defer files.Stop()
	defer names.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-files.C:
			a.reloadOwn(false)
		case <-names.C:
			a.refresh(ctx)
		}
	}
}

// refresh issues what is due.
func (a *Authority) refresh(ctx context.Context) {
	defer run.Recover(a.log, "pki")
	a.refreshServer(a.names(ctx))
	a.refreshCRL()
}

// Reload looks at once at everything that Run looks at from time to time. It is
// for SIGHUP. The error says which certificate file was bad; the one before is
// still served.
func (a *Authority) Reload(ctx context.Context) error {
	a.refresh(ctx)
	return a.reloadOwn(true)
}

// CACertPEM returns the certificate of the authority, followed by those above
// it where an existing CA was brought along.
func (a *Authority) CACertPEM() []byte {
	var out []byte
	for _, c := range a.ca.chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// CACertificates returns the chain of the authority, the issuing certificate
// first and the root last. It is not to be changed.
func (a *Authority) CACertificates() []*x509.Certificate { return a.ca.chain }

// CAFingerprint is the Fingerprint of the issuing certificate, for people to
// compare.
func (a *Authority) CAFingerprint() string { return Fingerprint(a.ca.cert) }

// Info describes one certificate that the server shows.
type Info struct {
	Source      string    `json:"source"` // "own CA", "file" or "acme"
	Names       []string  `json:"names"`  // host names and addresses
	Issuer      string    `json:"issuer"`
	Fingerprint string    `json:"fingerprint"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
}

// Certificates lists what the server shows to clients at present.
func (a *Authority) Certificates() []Info {
	out := []Info{infoOf("own CA", a.server.Load().Leaf)}
	if o := a.own.Load(); o != nil {
		out = append(out, infoOf("file", o.cert.Leaf))
	}
	if m := a.acme.Load(); m != nil {
		for _, leaf := range m.leaves() {
			out = append(out, infoOf("acme", leaf))
		}
	}
	return out
}

func infoOf(source string, c *x509.Certificate) Info {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return Info{
		Source: source, Names: names, Issuer: c.Issuer.CommonName,
		Fingerprint: Fingerprint(c), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
	}
}

// Fingerprint is the SHA-256 of the whole certificate in lower-case hex. It
// names a device: the same subject with another key has another one.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Serial is the serial number of c in the form that Revoke takes and Issued
// holds: lower-case hex.
func Serial(c *x509.Certificate) string { return serialText(c.SerialNumber) }

func serialText(n *big.Int) string { return n.Text(16) }

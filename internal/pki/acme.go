package pki

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The wait between attempts to get a certificate. Let's Encrypt allows five
// failures an hour.
const (
	acmeRetryFirst = time.Minute
	acmeRetryMax   = time.Hour
)

// acmeManager is ACME while Run runs.
type acmeManager struct {
	domains []string
	cache   *certmagic.Cache
	magic   *certmagic.Config
	issuer  *certmagic.ACMEIssuer
}

// runACME gets the certificates and keeps them current until ctx ends.
func (a *Authority) runACME(ctx context.Context) {
	m, stop, err := a.newACME()
	if err != nil {
		a.log.Error("ACME is off", "err", err)
		return
	}
	defer stop()
	a.acme.Store(m)
	defer a.acme.Store(nil)
	wait := acmeRetryFirst
	missing := m.domains
	for {
		var failed []string
		for _, d := range missing {
			// One name after the other: one that fails must not hold up the rest.
			if err := m.magic.ManageSync(ctx, []string{d}); err != nil && ctx.Err() == nil {
				failed = append(failed, d)
				a.log.Warn("no certificate by ACME yet; the own CA answers for the name meanwhile", "name", d, "err", err, "retry", wait)
			}
		}
		missing = failed
		if len(missing) == 0 {
			<-ctx.Done() // renewals are certmagic's, until stop
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, acmeRetryMax)
		}
	}
}

// newACME builds certmagic for our domains; stop ends its maintenance.
func (a *Authority) newACME() (m *acmeManager, stop func(), err error) {
	c := a.cfg.ACME
	var roots *x509.CertPool
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, nil, fmt.Errorf("read acme.caFile: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(data) {
			return nil, nil, fmt.Errorf("acme.caFile %s holds no certificate", c.CAFile)
		}
	}
	m = &acmeManager{}
	for _, d := range c.Domains {
		dns, _, err := parseName(d)
		if err != nil {
			return nil, nil, err
		}
		m.domains = append(m.domains, strings.ToLower(dns))
	}
	log := zap.New(zapCore{log: a.log})
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil },
		Logger:           log,
	})
	m.magic = certmagic.New(m.cache, certmagic.Config{
		Storage:   &certmagic.FileStorage{Path: filepath.Join(a.dir, "acme")},
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.RSA2048},
		Logger:    log,
	})
	m.issuer = certmagic.NewACMEIssuer(m.magic, certmagic.ACMEIssuer{
		CA: c.Directory, Email: c.Email, Agreed: true, TrustedRoots: roots, Logger: log,
		// Doors of ours listen there; certmagic then leaves the ports alone.
		AltHTTPPort: c.HTTPPort, AltTLSALPNPort: c.TLSPort,
	})
	m.magic.Issuers = []certmagic.Issuer{m.issuer}
	return m, m.cache.Stop, nil
}

// certificate is the certificate for the name in hello, or the answer to a
// TLS-ALPN challenge; nil when the name is not ours or has no certificate yet.
func (m *acmeManager) certificate(hello *tls.ClientHelloInfo) *tls.Certificate {
	if !slices.Contains(m.domains, strings.ToLower(hello.ServerName)) {
		return nil
	}
	c, err := m.magic.GetCertificate(hello)
	if err != nil {
		return nil
	}
	return c
}

// leaves are the certificates obtained so far.
func (m *acmeManager) leaves() []*x509.Certificate {
	var out []*x509.Certificate
	for _, d := range m.domains {
		for _, c := range m.cache.AllMatchingCertificates(d) {
			if c.Leaf != nil {
				out = append(out, c.Leaf)
			}
		}
	}
	return out
}

// HTTPChallenge answers HTTP challenges of ACME (RFC 8555 §8.3) and leaves
// every other request to next. It belongs at the front of the door that the
// internet's port 80 leads to, before any redirect.
func (a *Authority) HTTPChallenge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := a.acme.Load(); m != nil && m.issuer.HandleHTTPChallenge(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// zapCore hands certmagic's log lines to slog. Its Info is our Debug.
type zapCore struct {
	log    *slog.Logger
	fields []zapcore.Field
}

func (z zapCore) level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelWarn // an unreachable authority is the outside's fault
	case l >= zapcore.WarnLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// Enabled implements zapcore.Core.
func (z zapCore) Enabled(l zapcore.Level) bool {
	return z.log.Enabled(context.Background(), z.level(l))
}

// With implements zapcore.Core.
func (z zapCore) With(f []zapcore.Field) zapcore.Core {
	return zapCore{z.log, append(slices.Clone(z.fields), f...)}
}

// Check implements zapcore.Core.
func (z zapCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(e.Level) {
		return ce.AddCore(e, z)
	}
	return ce
}

// Write implements zapcore.Core.
func (z zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range append(slices.Clone(z.fields), fields...) {
		f.AddTo(enc)
	}
	attrs := make([]slog.Attr, 0, len(enc.Fields))
	for k, v := range enc.Fields {
		attrs = append(attrs, slog.Any(k, v))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	z.log.LogAttrs(context.Background(), z.level(e.Level), "acme: "+e.Message, attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (z zapCore) Sync() error { return nil }

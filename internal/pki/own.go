package pki

import (
	"crypto/tls"
	"fmt"
	"os"
)

// ownFiles is a certificate of the site's own.
type ownFiles struct {
	cert  *tls.Certificate
	stamp string // of the files it came from
	bad   string // stamp of files that were refused, so that it is said once
}

// loadOwn reads the configured files for the first time.
func (a *Authority) loadOwn() error {
	stamp := a.ownStamp()
	c, err := a.readOwn()
	if err != nil {
		return err
	}
	a.own.Store(&ownFiles{cert: c, stamp: stamp})
	return nil
}

// reloadOwn takes the files if they have changed. A bad file leaves the
// certificate before in place and is logged once; with again it is looked at
// and reported even if it was refused before.
func (a *Authority) reloadOwn(again bool) error {
	a.issuing.Lock()
	defer a.issuing.Unlock()
	cur := a.own.Load()
	if cur == nil {
		return nil
	}
	stamp := a.ownStamp()
	if stamp == cur.stamp || stamp == cur.bad && !again {
		return nil
	}
	c, err := a.readOwn()
	if err != nil {
		a.log.Warn("the new certificate is unusable; the one before is still served", "err", err)
		a.own.Store(&ownFiles{cert: cur.cert, stamp: cur.stamp, bad: stamp})
		return fmt.Errorf("pki: %w", err)
	}
	a.own.Store(&ownFiles{cert: c, stamp: stamp})
	a.log.Info("took a new certificate from its file", "file", a.cfg.CertFile, "until", c.Leaf.NotAfter)
	return nil
}

func (a *Authority) readOwn() (*tls.Certificate, error) {
	certData, err := os.ReadFile(a.cfg.CertFile)
	if err != nil {
		return nil, fmt.Errorf("read certFile: %w", err)
	}
	keyData, err := os.ReadFile(a.cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read keyFile: %w", err)
	}
	c, err := parsePair(certData, keyData)
	if err != nil {
		return nil, fmt.Errorf("certFile %s, keyFile %s: %w", a.cfg.CertFile, a.cfg.KeyFile, err)
	}
	switch now := a.now(); {
	case now.After(c.Leaf.NotAfter):
		a.log.Warn("the certificate in certFile has expired", "file", a.cfg.CertFile, "notAfter", c.Leaf.NotAfter)
	case now.Before(c.Leaf.NotBefore):
		a.log.Warn("the certificate in certFile is not valid yet", "file", a.cfg.CertFile, "notBefore", c.Leaf.NotBefore)
	}
	return c, nil
}

// ownStamp changes whenever one of the files does. Links are followed, since
// orchestrators replace certificates by turning a link.
func (a *Authority) ownStamp() string {
	s := ""
	for _, path := range []string{a.cfg.CertFile, a.cfg.KeyFile} {
		st, err := os.Stat(path)
		if err != nil {
			s += "|" + err.Error()
			continue
		}
		s += fmt.Sprintf("|%d %d", st.ModTime().UnixNano(), st.Size())
	}
	return s
}

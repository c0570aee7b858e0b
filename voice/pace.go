package voice

import (
	"crypto"
	"crypto/tls"
	"io"
	"runtime"
)

// paced lets the signatures of logins have all processors but one: when a whole
// unit connects at one time, voice does not wait for them.
func paced(c *tls.Config) *tls.Config {
	slots := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))
	if get := c.GetCertificate; get != nil {
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := get(hello)
			if err != nil || cert == nil {
				return cert, err
			}
			return pacedCertificate(cert, slots), nil
		}
	}
	certs := make([]tls.Certificate, 0, len(c.Certificates))
	for i := range c.Certificates {
		certs = append(certs, *pacedCertificate(&c.Certificates[i], slots))
	}
	c.Certificates = certs
	return c
}

func pacedCertificate(cert *tls.Certificate, slots chan struct{}) *tls.Certificate {
	signer, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return cert
	}
	out := *cert
	out.PrivateKey = pacedKey{signer, slots}
	return &out
}

type pacedKey struct {
	crypto.Signer
	slots chan struct{}
}

// Sign implements crypto.Signer.
func (k pacedKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.slots <- struct{}{}
	defer func() { <-k.slots }()
	return k.Signer.Sign(rand, digest, opts)
}

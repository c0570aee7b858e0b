package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// maxPeerChain is the longest chain taken from a client.
const maxPeerChain = 5

// acmeALPN is the protocol of the TLS-ALPN challenge (RFC 8737 §6.2).
const acmeALPN = "acme-tls/1"

// TLSConfig returns the configuration of a door without client certificates.
// Renewals and reloads take effect on the next handshake.
func (a *Authority) TLSConfig(nextProtos ...string) *tls.Config {
	protos := slices.Clone(nextProtos)
	// Without other names there is no ALPN at this door: offering only this one
	// would turn away every client that offers another.
	if len(a.cfg.ACME.Domains) > 0 && len(protos) > 0 {
		protos = append(protos, acmeALPN)
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     protos,
		Time:           a.now,
		GetCertificate: a.certificate,
	}
}

// ClientTLSOptions say how a door treats client certificates.
type ClientTLSOptions struct {
	// Optional lets clients in that show no certificate; one that is shown is
	// verified all the same.
	Optional bool
	// OwnCertificate shows only the server certificate of the own CA. Clients
	// that were enrolled here trust that CA and often nothing else.
	OwnCertificate bool
	// Check is asked last, on every handshake, about the verified certificate;
	// an error refuses it. Nil allows every valid one.
	Check func(leaf *x509.Certificate) error
	// NextProtos are the ALPN names, in order of preference.
	NextProtos []string
}

// ClientTLSConfig returns the configuration of a door that asks for a
// certificate of our CA. There is no session resumption: every connection is
// verified in full, so a revocation holds from the next handshake on.
func (a *Authority) ClientTLSConfig(o ClientTLSOptions) *tls.Config {
	c := a.TLSConfig(o.NextProtos...)
	c.ClientCAs = a.pool
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if o.Optional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	c.SessionTicketsDisabled = true
	if o.OwnCertificate {
		c.NextProtos = slices.Clone(o.NextProtos)
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.server.Load(), nil }
	}
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 && o.Optional {
			return nil
		}
		if err := a.VerifyClient(cs.PeerCertificates); err != nil {
			return err
		}
		if o.Check != nil {
			return o.Check(cs.PeerCertificates[0])
		}
		return nil
	}
	return c
}

// VerifyClient checks a client's certificates, the leaf first: at most five of
// them, the leaf no CA and made for clients, signed by our CA, valid now and
// not revoked.
func (a *Authority) VerifyClient(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("pki: a client certificate is needed")
	}
	if len(chain) > maxPeerChain {
		return fmt.Errorf("pki: a chain of %d certificates is refused", len(chain))
	}
	leaf := chain[0]
	if leaf.IsCA {
		return errors.New("pki: the certificate of an authority is not one of a client")
	}
	// The standard library takes a leaf without any extended key usage for one
	// of every use.
	if !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return errors.New("pki: the certificate is not made for clients")
	}
	// No intermediates: our CA signs leaves itself.
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: a.pool, CurrentTime: a.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if a.Revoked(leaf) {
		return fmt.Errorf("pki: %w", ErrRevoked)
	}
	return nil
}

// certificate chooses what to show: ACME for its names; the site's own files
// for the names in them and for names that nothing else covers; the
// certificate of our CA for the rest. A client that sends no name has an
// address in its hands, and addresses are in the certificate of our CA.
func (a *Authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if m := a.acme.Load(); m != nil {
		if c := m.certificate(hello); c != nil {
			return c, nil
		}
	}
	server := a.server.Load()
	o := a.own.Load()
	if o == nil {
		return server, nil
	}
	name := hello.ServerName
	if name == "" {
		name = localHost(hello.Conn)
	}
	if covers(o.cert, name) || name != "" && !covers(server, name) {
		return o.cert, nil
	}
	return server, nil
}

func covers(c *tls.Certificate, name string) bool {
	return name != "" && c.Leaf.VerifyHostname(name) == nil
}

// localHost is the address that the client connected to.
func localHost(c net.Conn) string {
	if c == nil {
		return ""
	}
	ap, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().WithZone("").String()
}

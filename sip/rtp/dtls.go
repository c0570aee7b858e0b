package rtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"

	"muster/sip/sdp"
)

// Certificate is what the server shows in DTLS handshakes. Nobody checks its
// name: the fingerprint in the session description is what counts (RFC 5763).
type Certificate struct{ cert tls.Certificate }

// NewCertificate makes a certificate for as long as the process runs.
func NewCertificate(now time.Time) (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("rtp: make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("rtp: make serial: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "muster"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("rtp: make certificate: %w", err)
	}
	return &Certificate{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// Fingerprint returns the value of a=fingerprint.
func (c *Certificate) Fingerprint() string { return "sha-256 " + fingerprint(c.cert.Certificate[0]) }

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(parts, ":")
}

// handshakeTimeout bounds a DTLS handshake.
const handshakeTimeout = 20 * time.Second

// handshake is the DTLS side of a stream: a connection made of the datagrams
// that the stream's socket hands over.
type handshake struct {
	print  string
	active bool
	s      *Stream
	in     chan []byte // full: dropped; DTLS sends again
	done   chan struct{}
	once   sync.Once
}

func (h *handshake) close() { h.once.Do(func() { close(h.done) }) }

// startDTLS begins a handshake, unless one with that certificate is under way
// or over. The caller holds mu.
func (s *Stream) startDTLS(plan *sdp.Stream) error {
	if s.cert == nil {
		return errors.New("rtp: no certificate for DTLS")
	}
	if s.dtls != nil && s.dtls.print == plan.Fingerprint {
		return nil
	}
	if s.dtls != nil {
		s.dtls.close()
	}
	s.in, s.out = nil, nil
	h := &handshake{print: plan.Fingerprint, active: plan.Active, s: s, in: make(chan []byte, 16), done: make(chan struct{})}
	s.dtls = h
	if s.group != nil && !s.group.Go(h.run) { // before Start it is Start that begins
		return errors.New("rtp: the call is over")
	}
	return nil
}

// handshakePacket hands a DTLS packet over, if it comes from where media may
// come from.
func (s *Stream) handshakePacket(b []byte, from netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dtls == nil || !s.from.allowed(from) || !s.from.ice && s.from.count >= strict && from != s.from.learnt {
		return false
	}
	if !s.from.ice {
		s.from.learnt = from
	}
	select {
	case s.dtls.in <- append([]byte(nil), b...):
		return true
	default:
		return false
	}
}

// run does the handshake, puts its keys into force and stays for what is sent
// again, until the call is over.
func (h *handshake) run(ctx context.Context) {
	defer h.close()
	defer context.AfterFunc(ctx, h.close)()
	conn, err := h.connection()
	if err != nil {
		h.s.log.Info("media cannot be encrypted", "error", err)
		return
	}
	defer conn.Close()
	in, out, err := h.keys(ctx, conn)
	if err != nil {
		h.s.log.Info("media cannot be encrypted", "error", err)
		return
	}
	h.s.mu.Lock()
	if h.s.dtls == h {
		h.s.in, h.s.out = in, out
	}
	h.s.mu.Unlock()
	<-h.done
}

// connection returns the connection, whose handshake is still due.
func (h *handshake) connection() (*dtls.Conn, error) {
	opts := []dtls.Option{
		dtls.WithCertificates(h.s.cert.cert),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is checked instead
		dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithVerifyPeerCertificate(h.verify),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
	}
	if h.active {
		client := make([]dtls.ClientOption, 0, len(opts))
		for _, o := range opts {
			client = append(client, o)
		}
		conn, err := dtls.ClientWithOptions(h, h.RemoteAddr(), client...)
		if err != nil {
			return nil, fmt.Errorf("rtp: dtls: %w", err)
		}
		return conn, nil
	}
	server := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
	for _, o := range opts {
		server = append(server, o)
	}
	conn, err := dtls.ServerWithOptions(h, h.RemoteAddr(), server...)
	if err != nil {
		return nil, fmt.Errorf("rtp: dtls: %w", err)
	}
	return conn, nil
}

// keys does the handshake and returns the transforms of both directions.
func (h *handshake) keys(ctx context.Context, conn *dtls.Conn) (in, out *srtp.Context, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, nil, fmt.Errorf("rtp: dtls handshake: %w", err)
	}
	profile, ok := conn.SelectedSRTPProtectionProfile()
	state, stateOK := conn.ConnectionState()
	if !ok || !stateOK {
		return nil, nil, errors.New("rtp: dtls: no SRTP profile in common")
	}
	c := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := c.ExtractSessionKeysFromDTLS(&state, h.active); err != nil {
		return nil, nil, fmt.Errorf("rtp: dtls keys: %w", err)
	}
	opts := []srtp.ContextOption{srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow)}
	if in, err = srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, c.Profile, opts...); err != nil {
		return nil, nil, fmt.Errorf("rtp: dtls keys: %w", err)
	}
	if out, err = srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, c.Profile, opts...); err != nil {
		return nil, nil, fmt.Errorf("rtp: dtls keys: %w", err)
	}
	return in, out, nil
}

// verify compares the other side's certificate with what signalling promised.
func (h *handshake) verify(certs [][]byte, _ [][]*x509.Certificate) error {
	algorithm, want, _ := strings.Cut(h.print, " ")
	if !strings.EqualFold(algorithm, "sha-256") || len(certs) == 0 {
		return errors.New("rtp: no sha-256 fingerprint")
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToUpper(want)), []byte(fingerprint(certs[0]))) != 1 {
		return errors.New("rtp: the certificate is not the promised one")
	}
	return nil
}

// ReadFrom implements net.PacketConn for the DTLS library.
func (h *handshake) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-h.in:
		return copy(b, p), h.RemoteAddr(), nil
	case <-h.done:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn. The address is that of the stream.
func (h *handshake) WriteTo(b []byte, _ net.Addr) (int, error) {
	h.s.mu.Lock()
	to, ok := h.s.from.target(h.s.trusted)
	h.s.mu.Unlock()
	if !ok {
		return len(b), nil // lost; DTLS sends again
	}
	return h.s.pair.RTP.WriteToUDPAddrPort(b, to)
}

// Close implements net.PacketConn.
func (h *handshake) Close() error { h.close(); return nil }

// LocalAddr implements net.PacketConn.
func (h *handshake) LocalAddr() net.Addr { return h.s.pair.RTP.LocalAddr() }

// RemoteAddr returns the address the library believes to speak to.
func (h *handshake) RemoteAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4zero, Port: 9} }

// SetDeadline implements net.PacketConn; the library's context ends reading.
func (h *handshake) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline implements net.PacketConn.
func (h *handshake) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (h *handshake) SetWriteDeadline(time.Time) error { return nil }

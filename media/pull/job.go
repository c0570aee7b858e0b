package pull

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// Scheme is how the streams of one kind of address are fetched.
type Scheme struct {
	// Check reports what is wrong with an address. It does not connect, and its
	// error does not hold the address, which may have a password in it.
	Check func(u *url.URL) error
	// Fetch connects to where the job says and publishes what comes until ctx or
	// the stream ends. Everything it started has returned then. The error is never
	// nil and holds neither the address nor a password.
	Fetch func(ctx context.Context, j *Job) error
}

// Job is one attempt to fetch a stream.
type Job struct {
	URL         *url.URL      // with the login in it: not for the log
	Timeout     time.Duration // to connect, for each answer, and from one piece of media to the next
	Fingerprint []byte        // SHA-256 of the certificate; nil: it must be valid for the host
	Log         *slog.Logger

	// Resolve returns the addresses of a host that may be connected to. Nothing
	// else may be: names can change their meaning between two questions.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)

	router   *media.Router
	identity auth.Identity
	name     safename.Name
	groups   []string // nil: those of the path
	since    atomic.Pointer[time.Time]
	live     *atomic.Int64
}

// Addresses returns where the source may be connected to, the preferred one
// first. port is used when the address names none.
func (j *Job) Addresses(ctx context.Context, port uint16) ([]netip.AddrPort, error) {
	if p := j.URL.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, errors.New("the address has no valid port")
		}
		port = uint16(n)
	}
	addrs, err := j.Resolve(ctx, j.URL.Hostname())
	if err != nil {
		return nil, err
	}
	out := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		out[i] = netip.AddrPortFrom(a, port)
	}
	if len(out) == 0 {
		return nil, errors.New("the host has no address")
	}
	return out, nil
}

// maxTried is how many addresses of a host are tried in one attempt.
const maxTried = 4

// Dial connects by TCP, and by TLS on top if secure. It is done, or gives up,
// within Timeout for each address.
func (j *Job) Dial(ctx context.Context, port uint16, secure bool) (net.Conn, error) {
	addrs, err := j.Addresses(ctx, port)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, a := range addrs[:min(len(addrs), maxTried)] {
		c, err := j.dial(ctx, a, secure)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (j *Job) dial(ctx context.Context, a netip.AddrPort, secure bool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, j.Timeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", a.String())
	if err != nil || !secure {
		return c, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: j.URL.Hostname()}
	if j.Fingerprint != nil {
		// The certificate is known; who has signed it and for what name do not matter.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = j.verify
	}
	tc := tls.Client(c, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("TLS: %w", err), c.Close())
	}
	return tc, nil
}

func (j *Job) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 || string(digest(s.PeerCertificates[0].Raw)) != string(j.Fingerprint) {
		return errors.New("the source shows another certificate than sourceFingerprint says")
	}
	return nil
}

func digest(b []byte) []byte {
	d := sha256.Sum256(b)
	return d[:]
}

// Publish makes the stream live. kick ends the job and must not block. The
// errors are those of media.Router.Publish.
func (j *Job) Publish(c media.Client, formats []*codec.Format, kick func(reason error)) (*media.Publisher, error) {
	p, err := j.router.Publish(media.PublishRequest{Identity: j.identity, Client: c, Name: j.name, Groups: j.groups, Formats: formats, Kick: kick})
	if err == nil {
		if now := time.Now(); j.since.CompareAndSwap(nil, &now) {
			j.live.Add(1)
		}
	}
	return p, err
}

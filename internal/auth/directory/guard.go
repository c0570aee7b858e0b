package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"muster/internal/peer"
)

// guarded returns a client that follows no redirects and reaches private
// addresses only at hosts that the configuration names: what a provider says of
// itself must not lead into our own network.
func guarded(cfg OIDCConfig) (*http.Client, error) {
	pool, err := roots(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	named := []string{strings.ToLower(hostOf(cfg.Issuer))}
	for _, h := range cfg.Hosts {
		named = append(named, strings.ToLower(h))
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: 5 * time.Second}
		if slices.Contains(named, strings.ToLower(host)) {
			return d.DialContext(ctx, network, address)
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		err = errors.New("no address")
		for _, a := range addrs { // the address that was checked is the one that is used
			if !peer.Public(a) {
				err = fmt.Errorf("%s is a private address; name the host in allowedHosts if it is right", host)
				continue
			}
			var c net.Conn
			if c, err = d.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
				return c, nil
			}
		}
		return nil, err
	}
	return &http.Client{
		Transport: answers{&http.Transport{
			DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: providerTime, MaxResponseHeaderBytes: 64 << 10,
			MaxConnsPerHost: 8, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a redirect is not followed") },
		Timeout:       providerTime,
	}, nil
}

// answers takes nothing but JSON of a bounded length, and no errors but those of
// a POST, which the token endpoint explains (RFC 6749 §5.2).
type answers struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept", "application/json")
	resp, err := a.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case !strings.HasSuffix(kind, "json"):
		err = fmt.Errorf("the answer (%d) is not JSON", resp.StatusCode)
	case req.Method == http.MethodGet && resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("the answer was %d", resp.StatusCode)
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// Close closes idle connections.
func (p *Provider) Close() { p.http.CloseIdleConnections() }

// checkAddress refuses addresses that a provider must not send us to.
func (p *Provider) checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("not an address")
	}
	plain := u.Scheme == "http" && strings.HasPrefix(p.cfg.Issuer, "http:") && strings.EqualFold(u.Hostname(), hostOf(p.cfg.Issuer))
	if u.Scheme != "https" && !plain {
		return errors.New("not an https address")
	}
	return nil
}

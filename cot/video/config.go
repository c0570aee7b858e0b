package video

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"muster/internal/peer"
)

// Config is the section cot.video.
type Config struct {
	Pull        bool     `yaml:"pull" doc:"Whether the server itself fetches streams that clients add to the list, so that everybody can play them from here."`
	PullPrivate []string `yaml:"pullPrivate" doc:"Private networks (such as 192.168.8.0/24) that such streams may be fetched from; all others must be on public addresses."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config { return Config{} }

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	for _, n := range c.PullPrivate {
		if _, err := netip.ParsePrefix(n); err != nil {
			return fmt.Errorf("pullPrivate: %q is not a network, such as 192.168.8.0/24", n)
		}
	}
	return nil
}

// ErrTarget refuses an address that the server must not connect to.
var ErrTarget = errors.New("the server does not fetch from this address")

// Guard says which addresses the server may fetch from: known protocols, and
// public addresses or those of networks that the configuration names.
type Guard struct {
	private []netip.Prefix
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// NewGuard returns the guard that cfg asks for. cfg must be valid.
func NewGuard(cfg Config) *Guard {
	g := &Guard{lookup: net.DefaultResolver.LookupNetIP}
	for _, n := range cfg.PullPrivate {
		if p, err := netip.ParsePrefix(n); err == nil {
			g.private = append(g.private, p.Masked())
		}
	}
	return g
}

// pulled are the protocols that the server can fetch, and whether their addresses
// must name a port.
var pulled = map[string]bool{"rtsp": false, "rtsps": false, "rtmp": false, "rtmps": false, "srt": true}

// Check reports what is wrong with an address without asking anybody what its name
// means, which Resolve does each time that a connection is made. The error wraps
// ErrTarget.
func (g *Guard) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%w: it is not a whole address", ErrTarget)
	}
	port, ok := pulled[u.Scheme]
	switch {
	case !ok:
		return fmt.Errorf("%w: the protocol is not one of %s", ErrTarget, strings.Join(slices.Sorted(maps.Keys(pulled)), ", "))
	case port && u.Port() == "":
		return fmt.Errorf("%w: it names no port", ErrTarget)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || numeric(u.Hostname()) {
		_, err := g.Resolve(context.Background(), u.Hostname())
		return err
	}
	return nil
}

// Resolve returns the addresses of a host, all of which the server may connect to.
// Who connects uses them, and not the name, so that nobody can make it mean
// another machine in between. The error wraps ErrTarget.
func (g *Guard) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if !g.allowed(a) {
			return nil, fmt.Errorf("%w: it is on a private network", ErrTarget)
		}
	}
	return addrs, nil
}

// numeric reports whether host may be one of the old ways to write an IPv4 address.
func numeric(host string) bool { return strings.Trim(host, "0123456789.xX") == "" }

func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap().WithZone("")}, nil
	}
	if numeric(host) {
		return nil, fmt.Errorf("%w: write the address of the host in full", ErrTarget)
	}
	addrs, err := g.lookup(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return nil, fmt.Errorf("%w: its name is not known", ErrTarget)
	}
	out := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		out[i] = a.Unmap().WithZone("")
	}
	return out, nil
}

func (g *Guard) allowed(a netip.Addr) bool {
	in := func(p netip.Prefix) bool { return p.Contains(a) }
	if slices.ContainsFunc(g.private, in) {
		return true
	}
	return peer.Public(a)
}

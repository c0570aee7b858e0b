package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"muster/cot/video"
	"muster/media"
	"muster/media/pull"
	"muster/media/rtmp"
	"muster/media/rtsp"
	"muster/media/srt"
	"muster/media/ts"
)

// schemes are the kinds of addresses that streams are fetched from. Here the
// protocols meet.
func schemes() map[string]pull.Scheme {
	return map[string]pull.Scheme{
		"rtsp": rtsp.Pull(), "rtsps": rtsp.Pull(), "rtmp": rtmp.Pull(), "rtmps": rtmp.Pull(), "srt": srt.Pull(),
	}
}

// checkSource reports what is wrong with the source of a path.
func checkSource(p media.PathConfig) error {
	if ts.Mine(p.Source) {
		if p.SourceFingerprint != "" {
			return errors.New("sourceFingerprint is for sources on TLS")
		}
		return ts.CheckSource(p.Source)
	}
	all := schemes()
	err := pull.Check(all, p)
	if !errors.Is(err, pull.ErrScheme) {
		return err
	}
	names := []string{ts.Scheme + "://"}
	for name := range all {
		names = append(names, name+"://")
	}
	slices.Sort(names)
	return fmt.Errorf("the source does not begin with any of %s", strings.Join(names, ", "))
}

// newPulls makes what fetches streams.
func (h *house) newPulls(cfg *config) (*pull.Manager, error) {
	m, err := pull.New(cfg.Media.Pull, pull.Deps{
		Router: h.router, Schemes: schemes(), Log: h.log,
		Resolve: resolve, Guard: video.NewGuard(cfg.Cot.Video).Resolve,
	})
	if err != nil {
		return nil, err
	}
	return m, m.SetPaths(cfg.Media.Paths)
}

// resolve returns the addresses of a host.
func resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look the host up: %w", err)
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs, nil
}

package login

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Peer is where a request came from.
type Peer struct {
	Addr   netip.AddrPort // the client's; canonical (Unmap). Zero on a unix socket
	Secure bool           // nobody on the way can read it: TLS, or it never left the machine
}

// Proxies lists reverse proxies whose word on the client's address is taken.
// It is empty unless the configuration says otherwise: anybody can send
// X-Forwarded-For.
type Proxies []netip.Prefix

func (p Proxies) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// PeerOf says where r came from. tls is whether it came inside TLS.
func (p Proxies) PeerOf(r *http.Request, tls bool) Peer {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return Peer{Secure: tls}
	}
	ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	peer := Peer{Addr: ap, Secure: tls || ap.Addr().IsLoopback()}
	if !p.trusted(ap.Addr()) || r.Header.Get("X-Forwarded-For") == "" {
		return peer
	}
	peer.Addr = netip.AddrPortFrom(p.client(r.Header.Values("X-Forwarded-For"), ap.Addr()), 0)
	peer.Secure = tls || r.Header.Get("X-Forwarded-Proto") == "https" || peer.Addr.Addr().IsLoopback()
	return peer
}

// client walks the list of hops from the nearest one outwards, for as long as
// the hop that vouches for the next is one of ours.
func (p Proxies) client(headers []string, nearest netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(headers, ","), ",")
	client := nearest
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if host, _, err := net.SplitHostPort(hop); err == nil {
			hop = host
		}
		a, err := netip.ParseAddr(strings.Trim(hop, "[]"))
		if err != nil {
			return client
		}
		client = a.Unmap().WithZone("")
		if !p.trusted(client) {
			return client
		}
	}
	return client
}

type peerKey struct{}

// WithPeer returns ctx with the peer of the request it belongs to.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerFrom returns the peer that WithPeer put into ctx.
func PeerFrom(ctx context.Context) Peer {
	p, _ := ctx.Value(peerKey{}).(Peer)
	return p
}

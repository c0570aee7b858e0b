package turn

import (
	"fmt"
	"net/netip"

	"muster/internal/peer"
)

// policy says which addresses may be peers. It is asked with canonical addresses
// only (see canonical).
type policy struct{ allow, deny []netip.Prefix }

// nat64 is the prefix of RFC 6052 §2.1. It is judged by the address it carries.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func newPolicy(allow, deny []string) (p policy, err error) {
	if p.allow, err = parseNetworks("allowPeers", allow); err == nil {
		p.deny, err = parseNetworks("denyPeers", deny)
	}
	return p, err
}

func parseNetworks(key string, list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		n, err := netip.ParsePrefix(text)
		if err == nil && n.Addr().Is4In6() {
			err = fmt.Errorf("an IPv4 network in the form of IPv6")
		}
		if err == nil && n != n.Masked() {
			err = fmt.Errorf("the network is %s", n.Masked())
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a network such as 192.168.0.0/16 or fd00::/8: %w", key, text, err)
		}
		out = append(out, n)
	}
	return out, nil
}

// canonical returns the one form of an address that everything here compares.
func canonical(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// allows reports whether a may be a peer.
func (p policy) allows(a netip.Addr) bool {
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || in(p.deny, a) {
		return false
	}
	if nat64.Contains(a) {
		b := a.As16()
		carried := netip.AddrFrom4([4]byte(b[12:]))
		return p.allows(carried)
	}
	if in(p.allow, a) {
		return a != broadcast
	}
	return peer.Public(a)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func in(list []netip.Prefix, a netip.Addr) bool {
	for _, n := range list {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

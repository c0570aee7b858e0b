package turn

import (
	"fmt"
	"net/netip"
)

// policy says which addresses may be peers. It is asked with canonical addresses
// only (see canonical).
type policy struct{ allow, deny []netip.Prefix }

// special are the networks of which no address is a peer unless the operator
// names it (IANA special-purpose address registries), beyond those that netip
// knows by itself. Forms of IPv6 that carry an IPv4 address are among them, as
// each of them would be a second name for a refused address; the one that is of
// use, NAT64, is judged by what it carries.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.31.196.0/24"), netip.MustParsePrefix("192.52.193.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("192.175.48.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// nat64 is the prefix of RFC 6052 §2.1.
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
	return a.IsGlobalUnicast() && !a.IsPrivate() && !in(special, a)
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

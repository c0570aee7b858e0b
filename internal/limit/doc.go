// Package limit holds what keeps strangers from using the server up: counters
// of failed logins, a gate for password hashes, and limits on connections.
//
// Nothing here reads packets or knows protocols, and nothing runs on its own:
// there are no goroutines, and old entries go when newer ones need their place.
package limit

import "net/netip"

// Prefix is the block of addresses that counts as one source: a single IPv4
// address, or the /64 that an IPv6 subscriber gets. Mapped IPv4 addresses count
// as IPv4, and zones do not count.
func Prefix(a netip.Addr) netip.Prefix { return block(a, 32, 64) }

// Network is the larger block that one customer may command: /24 and /48.
func Network(a netip.Addr) netip.Prefix { return block(a, 24, 48) }

func block(a netip.Addr, v4, v6 int) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := v6
	if a.Is4() {
		bits = v4
	}
	p, err := a.Prefix(bits)
	if err != nil { // the zero Addr: all that come without an address are one source
		return netip.Prefix{}
	}
	return p
}

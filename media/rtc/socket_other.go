//go:build !linux

package rtc

import "net/netip"

// sendSegmented is for Linux; elsewhere datagrams go one by one.
func (s *mediaSocket) sendSegmented(netip.AddrPort, []byte, int) bool { return false }

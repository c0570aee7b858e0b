//go:build !linux

package peer

import "net"

// LimitUnsent bounds how far a slow viewer falls behind unnoticed, where the
// system can; here a small send buffer has to do.
func LimitUnsent(c net.Conn) {
	if s, ok := Socket(c).(interface{ SetWriteBuffer(int) error }); ok {
		_ = s.SetWriteBuffer(256 << 10)
	}
}

//go:build !linux

package rtsp

import "net"

// limitUnsent bounds the delay of slow links where the system can; here a small
// send buffer has to do.
func limitUnsent(nc net.Conn) {
	if tc, ok := nc.(interface{ SetWriteBuffer(int) error }); ok {
		_ = tc.SetWriteBuffer(256 << 10)
	}
}

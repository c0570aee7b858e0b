package rtmp

import (
	"net"

	"golang.org/x/sys/unix"
)

// maxUnsent is how much may wait in the kernel for a viewer. Without a bound the
// kernel swallows many seconds of video before a slow link is noticed.
const maxUnsent = 128 << 10

// boundSendQueue makes writes to nc wait once maxUnsent bytes are unsent, so
// that a slow viewer falls behind in the hub, which skips to a key frame for it.
func boundSendQueue(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // an optimisation: without it viewers lag, no more
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
}

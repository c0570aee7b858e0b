package peer

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsentLimit is how many bytes the kernel takes beyond what is on its way. A
// link that is too slow for a stream of 2 Mbit/s is so noticed within half a
// second; without it the kernel swallows many seconds of video first. What is on
// its way is not limited, so long fast links are not slowed.
const unsentLimit = 128 << 10

// LimitUnsent makes writes to c wait soon when the peer is slow, so that a slow
// viewer falls behind in the hub, which skips to a key frame for it. It works on
// the socket below all layers and does nothing where there is none.
func LimitUnsent(c net.Conn) {
	sc, ok := Socket(c).(syscall.Conn) // *net.TCPConn, or what wraps one
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	// It is an optimization: a kernel without it still serves.
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
	})
}

package rtsp

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsentLimit is how many bytes the kernel takes beyond what is on its way. A
// link that is too slow for the stream is so noticed within half a second at
// 2 Mbit/s, and the reader's place in the hub decides what is skipped; without
// it the kernel hides many seconds of delay. What is on its way is not limited,
// so long fast links are not slowed.
const unsentLimit = 128 << 10

func limitUnsent(nc net.Conn) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return
	}
	// It is an optimization: a kernel without it still serves.
	_ = rc.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
	})
}

package peer

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLimitUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tcp := c.(*net.TCPConn)
	LimitUnsent(layer{&wrapped{tcp}})
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	var optErr error
	if err := raw.Control(func(fd uintptr) {
		got, optErr = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
	}); err != nil || optErr != nil {
		t.Fatal(err, optErr)
	}
	if got != unsentLimit {
		t.Errorf("%d bytes may wait, not %d", got, unsentLimit)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	LimitUnsent(a) // no socket: nothing happens
}

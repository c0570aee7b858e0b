package voice

import (
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"muster/internal/mmsg"
)

// datagrams is the UDP socket.
type datagrams struct {
	pc  *net.UDPConn
	raw syscall.RawConn // nil: packets are sent one by one
	six bool            // an IPv6 socket, on which IPv4 addresses are mapped
}

func newDatagrams(pc *net.UDPConn) *datagrams {
	d := &datagrams{pc: pc}
	raw, err := pc.SyscallConn()
	if err != nil {
		return d
	}
	err = raw.Control(func(fd uintptr) {
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		d.six = domain == unix.AF_INET6
		if err == nil && (d.six || domain == unix.AF_INET) {
			d.raw = raw
		}
	})
	if err != nil {
		d.raw = nil
	}
	return d
}

// batchSys is what the system is told. It points into itself and into the buffers
// of its batch, and so never moves or is copied.
type batchSys struct {
	messages [batchSize]mmsg.Message
	parts    [batchSize]unix.Iovec
	names    [batchSize]mmsg.Name
	n        int
	call     func(fd uintptr) // sends the first n messages; made once
}

// set puts packet, which stays where it is, to be sent to addr as number i. ok is
// false when it has to be sent by itself.
func (b *batchSys) set(d *datagrams, i int, addr netip.AddrPort, packet []byte) (ok bool) {
	if d.raw == nil {
		return false
	}
	if b.names[i], ok = mmsg.NewName(addr, d.six); !ok {
		return false
	}
	b.parts[i].Base = &packet[0]
	b.parts[i].SetLen(len(packet))
	b.messages[i].To(&b.names[i], &b.parts[i], 1)
	return true
}

// send sends the first n.
func (b *batchSys) send(d *datagrams, n int) {
	if b.call == nil {
		b.call = func(fd uintptr) { b.sendTo(int(fd)) }
	}
	b.n = n
	// Control and not Write: nothing is waited for.
	_ = d.raw.Control(b.call)
}

func (b *batchSys) sendTo(fd int) {
	for rest := b.messages[:b.n]; len(rest) > 0; {
		n, err := mmsg.Send(fd, rest)
		if err == nil || err == unix.EAGAIN {
			return // what the socket does not take is dropped
		}
		rest = rest[n+1:] // not to this one
	}
}

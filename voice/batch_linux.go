package voice

import (
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
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

// message is struct mmsghdr of sendmmsg(2).
type message struct {
	head unix.Msghdr
	sent uint32
}

// batchSys is what sendmmsg is told. It points into itself and into the buffers of
// its batch, and so never moves or is copied.
type batchSys struct {
	messages [batchSize]message
	parts    [batchSize]unix.Iovec
	four     [batchSize]unix.RawSockaddrInet4
	six      [batchSize]unix.RawSockaddrInet6
	from, to int
	call     func(fd uintptr) // sends messages[from:to]; made once
}

// set puts packet, which stays where it is, to be sent to addr as number i. ok is
// false when it has to be sent by itself.
func (b *batchSys) set(d *datagrams, i int, addr netip.AddrPort, packet []byte) (ok bool) {
	if d.raw == nil || addr.Addr().Zone() != "" {
		return false
	}
	m := &b.messages[i]
	switch {
	case d.six:
		b.six[i] = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: networkOrder(addr.Port()), Addr: addr.Addr().As16()}
		m.head.Name, m.head.Namelen = (*byte)(unsafe.Pointer(&b.six[i])), unix.SizeofSockaddrInet6
	case addr.Addr().Is4():
		b.four[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: networkOrder(addr.Port()), Addr: addr.Addr().As4()}
		m.head.Name, m.head.Namelen = (*byte)(unsafe.Pointer(&b.four[i])), unix.SizeofSockaddrInet4
	default:
		return false
	}
	b.parts[i].Base = &packet[0]
	b.parts[i].SetLen(len(packet))
	m.head.Iov = &b.parts[i]
	m.head.SetIovlen(1)
	return true
}

// networkOrder is a port as the system wants it, on any machine.
func networkOrder(port uint16) uint16 {
	var v uint16
	b := (*[2]byte)(unsafe.Pointer(&v))
	b[0], b[1] = byte(port>>8), byte(port)
	return v
}

// send sends the first n.
func (b *batchSys) send(d *datagrams, n int) {
	if b.call == nil {
		b.call = func(fd uintptr) { b.sendmmsg(fd) }
	}
	b.from, b.to = 0, n
	// Control and not Write: nothing is waited for.
	_ = d.raw.Control(b.call)
}

func (b *batchSys) sendmmsg(fd uintptr) {
	for b.from < b.to {
		n, _, err := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.messages[b.from])), uintptr(b.to-b.from), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return // the rest is dropped
		case err != 0 || n == 0:
			b.from++ // not to this one
		default:
			b.from += int(n)
		}
	}
}

package mmsg

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// MaxSegments is UDP_MAX_SEGMENTS of older kernels.
	MaxSegments = 64
	// MaxBurst is the size of the largest message that is cut into segments, bytes.
	MaxBurst = 65000
)

// Name is an address in the form of the kernel.
type Name struct {
	sa unix.RawSockaddrInet6 // or the smaller one of IPv4 in its place
	n  uint32
}

// NewName returns a for a socket of IPv6, where IPv4 addresses are mapped, or of
// IPv4. ok is false for an address that such a socket cannot send to, and for one
// whose zone is not the number of an interface.
func NewName(a netip.AddrPort, six bool) (n Name, ok bool) {
	if !six {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&n.sa))
		sa.Family, sa.Port = unix.AF_INET, networkOrder(a.Port())
		n.n = unix.SizeofSockaddrInet4
		if !a.Addr().Is4() {
			return n, false
		}
		sa.Addr = a.Addr().As4()
		return n, true
	}
	n.sa.Family, n.sa.Port, n.sa.Addr = unix.AF_INET6, networkOrder(a.Port()), a.Addr().As16()
	n.n = unix.SizeofSockaddrInet6
	if z := a.Addr().Zone(); z != "" {
		id, err := strconv.ParseUint(z, 10, 32)
		if err != nil {
			return n, false
		}
		n.sa.Scope_id = uint32(id)
	}
	return n, true
}

// AddrPort returns the canonical address. A link-local one keeps its interface, as
// a number.
func (n *Name) AddrPort() netip.AddrPort {
	port := networkOrder(n.sa.Port)
	if n.sa.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&n.sa)).Addr), port)
	}
	a := netip.AddrFrom16(n.sa.Addr).Unmap()
	if n.sa.Scope_id != 0 && a.Is6() {
		a = a.WithZone(strconv.Itoa(int(n.sa.Scope_id)))
	}
	return netip.AddrPortFrom(a, port)
}

// networkOrder converts between a port and how the system wants it, either way.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// Message is struct mmsghdr: a datagram to send, or room for one to receive.
type Message struct {
	head unix.Msghdr
	n    uint32
}

// To makes m a message for name with n parts, of which v is the first.
func (m *Message) To(name *Name, v *unix.Iovec, n int) {
	m.head = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&name.sa)), Namelen: name.n, Iov: v}
	m.head.SetIovlen(n)
}

// From makes m room for a message in v, whose sender is written to name.
func (m *Message) From(name *Name, v *unix.Iovec) {
	m.head = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&name.sa)), Iov: v}
	m.head.SetIovlen(1)
}

// Parts returns what m consists of.
func (m *Message) Parts() []unix.Iovec { return unsafe.Slice(m.head.Iov, int(m.head.Iovlen)) }

// Received returns the size of what was received, bytes; whole is false when it was
// longer than the room for it.
func (m *Message) Received() (n int, whole bool) {
	return int(m.n), m.head.Flags&unix.MSG_TRUNC == 0
}

// Segments is space for the control message that names a size of segments.
type Segments [unix.SizeofCmsghdr + 8]byte

// Size is the control message for segments of that size, in s.
func (s *Segments) Size(size int) []byte {
	m := (*unix.Cmsghdr)(unsafe.Pointer(s))
	m.Level, m.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	m.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(s[unix.CmsgLen(0):], uint16(size))
	return s[:unix.CmsgSpace(2)]
}

// More makes the part behind the last one of m another of its datagrams, each of
// which has that size but the last, which may be smaller.
func (m *Message) More(s *Segments, size int) {
	m.head.SetIovlen(int(m.head.Iovlen) + 1)
	m.segment(s, size)
}

func (m *Message) segment(s *Segments, size int) {
	b := s.Size(size)
	m.head.Control = &b[0]
	m.head.SetControllen(len(b))
}

// Unsegmented reports whether err, of a message with segments, says that the
// kernel or the interface takes none. Other errors are of one message, such as
// EINVAL for segments that are larger than its path takes.
func Unsegmented(err error) bool {
	return err == unix.EIO || err == unix.EOPNOTSUPP || err == unix.ENOPROTOOPT
}

// Send sends messages from the first on and returns how many were. An error is of
// the one after them, unless it is EAGAIN: the socket takes no more now.
func Send(fd int, ms []Message) (n int, err error) {
	for len(ms) > n {
		k, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&ms[n])), uintptr(len(ms)-n), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			n += int(k)
		case unix.EINTR:
		default:
			return n, errno
		}
	}
	return n, nil
}

// SendBurst sends parts to name as datagrams of size bytes each; the last may be
// smaller. s is space for it.
func SendBurst(fd int, name *Name, parts []unix.Iovec, s *Segments, size int) error {
	var m Message
	m.To(name, &parts[0], len(parts))
	m.segment(s, size)
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.head)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return errno
	}
	return nil
}

// SendTo sends one datagram.
func SendTo(fd int, name *Name, b []byte) error {
	var p unsafe.Pointer
	if len(b) > 0 {
		p = unsafe.Pointer(&b[0])
	}
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(p), uintptr(len(b)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&name.sa)), uintptr(name.n))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}

// Receive receives into ms and returns how many messages there were. There are
// none when nothing has come, and after an error of a packet sent before.
func Receive(fd int, ms []Message) int {
	for i := range ms {
		ms[i].head.Namelen = unix.SizeofSockaddrInet6
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&ms[0])), uintptr(len(ms)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

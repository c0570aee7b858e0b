package rtc

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendSegmented sends buf as datagrams of size bytes with one system call
// (UDP_SEGMENT, Linux 4.18). False means that nothing was sent and the datagrams
// have to go one by one.
func (s *mediaSocket) sendSegmented(to netip.AddrPort, buf []byte, size int) bool {
	var oob [unix.SizeofCmsghdr + 8]byte // the value, 2 bytes, padded to 8
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(oob[unix.CmsgLen(0):], uint16(size))
	_, _, err := s.WriteMsgUDPAddrPort(buf, oob[:unix.CmsgSpace(2)], to)
	switch {
	case err == nil:
		return true
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EINVAL),
		errors.Is(err, syscall.ENOPROTOOPT), errors.Is(err, syscall.EOPNOTSUPP):
		s.noGSO.Store(true)
	}
	return false
}

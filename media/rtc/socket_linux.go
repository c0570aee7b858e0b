package rtc

import (
	"errors"
	"net/netip"
	"syscall"

	"muster/internal/mmsg"
)

// sendSegmented sends buf as datagrams of size bytes with one system call
// (UDP_SEGMENT, Linux 4.18). False means that nothing was sent and the datagrams
// have to go one by one.
func (s *mediaSocket) sendSegmented(to netip.AddrPort, buf []byte, size int) bool {
	var seg mmsg.Segments
	_, _, err := s.WriteMsgUDPAddrPort(buf, seg.Size(size), to)
	if err == nil {
		return true
	}
	var errno syscall.Errno
	if errors.As(err, &errno) && mmsg.Unsegmented(errno) {
		s.noGSO.Store(true)
	}
	return false
}

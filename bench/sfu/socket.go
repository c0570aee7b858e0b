package main

import (
	"net"
	"net/netip"
	"syscall"
	"time"
)

// pollEvery is how often a receiver's socket is emptied.
const pollEvery = 10 * time.Millisecond

// patientConn is a socket that nobody waits on: a reader that is woken by each
// packet is charged to the server that sends it.
type patientConn struct {
	*net.UDPConn
	raw syscall.RawConn
}

func listen() (*patientConn, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(8 << 20)
	raw, err := c.SyscallConn()
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &patientConn{c, raw}, nil
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (c *patientConn) ReadFromAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	for {
		var sa syscall.Sockaddr
		ctl := c.raw.Control(func(fd uintptr) { n, sa, err = syscall.Recvfrom(int(fd), b, syscall.MSG_DONTWAIT) })
		if ctl != nil {
			return 0, from, net.ErrClosed
		}
		switch {
		case err == nil:
			if v4, ok := sa.(*syscall.SockaddrInet4); ok {
				return n, netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)), nil
			}
		case err == syscall.EAGAIN:
			time.Sleep(pollEvery)
		case err != syscall.EINTR:
			return 0, from, err
		}
	}
}

// ReadFrom implements net.PacketConn.
func (c *patientConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (c *patientConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.WriteToUDPAddrPort(b, to)
}

package ts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// Scheme is how the addresses of this package begin.
const Scheme = "udp+mpegts"

// source is where a stream comes from.
type source struct {
	listen netip.AddrPort // local or group address
	ifname string         // interface to join the group on; empty: the system's choice
	from   netip.Addr     // the only sender that counts; zero: see session
}

// CheckSource reports what is wrong with a source address of this package:
//
//	udp+mpegts://ADDRESS:PORT[?interface=NAME&source=ADDRESS]
//
// ADDRESS is one of this machine (or 0.0.0.0 for all) or a multicast group.
func CheckSource(address string) error {
	_, err := parseSource(address)
	return err
}

// Mine reports whether address is for this package.
func Mine(address string) bool { return strings.HasPrefix(address, Scheme+"://") }

func parseSource(address string) (source, error) {
	var s source
	u, err := url.Parse(address)
	if err != nil || u.Scheme != Scheme {
		return s, fmt.Errorf("ts: source %q is not of the form %s://ADDRESS:PORT", address, Scheme)
	}
	if u.User != nil || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return s, fmt.Errorf("ts: source %q: only an address, a port and a query are expected", address)
	}
	host := u.Host
	if strings.HasPrefix(host, ":") {
		host = "0.0.0.0" + host
	}
	if s.listen, err = netip.ParseAddrPort(host); err != nil {
		return s, fmt.Errorf("ts: source %q: %w", address, err)
	}
	s.listen = netip.AddrPortFrom(s.listen.Addr().Unmap(), s.listen.Port())
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s, fmt.Errorf("ts: source %q: %w", address, err)
	}
	for key, values := range q {
		switch {
		case len(values) != 1:
			return s, fmt.Errorf("ts: source %q: %s is given twice", address, key)
		case key == "interface":
			s.ifname = values[0]
		case key == "source":
			if s.from, err = netip.ParseAddr(values[0]); err != nil {
				return s, fmt.Errorf("ts: source %q: %w", address, err)
			}
			s.from = s.from.Unmap()
		default:
			return s, fmt.Errorf("ts: source %q: unknown setting %q; there are interface and source", address, key)
		}
	}
	if s.ifname != "" && !s.multicast() {
		return s, fmt.Errorf("ts: source %q: interface is for multicast groups", address)
	}
	if s.from.IsValid() && s.from.Is4() != s.listen.Addr().Is4() {
		return s, fmt.Errorf("ts: source %q: the two addresses are of different kinds", address)
	}
	return s, nil
}

func (s source) multicast() bool { return s.listen.Addr().IsMulticast() }

// joinGroup opens a socket that receives what is sent to a multicast group.
// Several programs may have it open.
func (s source) joinGroup(ctx context.Context) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		}), err)
	}}
	// Bound to the group's address the socket gets nothing that was sent elsewhere.
	pc, err := lc.ListenPacket(ctx, "udp", s.listen.String())
	if err != nil {
		return nil, err
	}
	conn := pc.(*net.UDPConn)
	if err := s.join(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("ts: join %s: %w", s.listen.Addr(), err)
	}
	return conn, nil
}

func (s source) join(conn *net.UDPConn) error {
	var ifi *net.Interface
	if s.ifname != "" {
		var err error
		if ifi, err = net.InterfaceByName(s.ifname); err != nil {
			return err
		}
	}
	group := &net.UDPAddr{IP: s.listen.Addr().AsSlice()}
	from := &net.UDPAddr{IP: s.from.AsSlice()}
	switch {
	case s.listen.Addr().Is4() && s.from.IsValid():
		return ipv4.NewPacketConn(conn).JoinSourceSpecificGroup(ifi, group, from)
	case s.listen.Addr().Is4():
		return ipv4.NewPacketConn(conn).JoinGroup(ifi, group)
	case s.from.IsValid():
		return ipv6.NewPacketConn(conn).JoinSourceSpecificGroup(ifi, group, from)
	}
	return ipv6.NewPacketConn(conn).JoinGroup(ifi, group)
}

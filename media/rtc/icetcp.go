package rtc

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"muster/internal/limit"
	"muster/internal/peer"
	"muster/internal/run"
)

// Bounds of ICE over TCP.
const (
	firstFrame     = 5 * time.Second  // for the STUN request that says whose connection it is
	tcpStall       = 10 * time.Second // a peer that takes no byte for this long is given up
	maxTCPPerUfrag = 4                // connections of one peer and address family; the one silent the longest goes
	maxTCPQueue    = 1 << 20          // bytes that wait for one connection; packets over that are dropped, as by UDP
	tcpInbound     = 64               // packets of one peer that wait for its agent; then its connections are not read
)

// tcpConns bounds the connections that carry media: one address may be a site
// behind a NAT.
func tcpConns() limit.ConnsConfig { return limit.ConnsConfig{PerAddress: 200, Total: 4000} }

var (
	errFrame   = errors.New("webrtc: a frame is longer than any packet")
	errNoCheck = errors.New("webrtc: the first frame is no connectivity check of a known peer")
)

// tcpDoor sorts connections in the framing of RFC 4571 by the ICE user fragment
// that their first packet names (RFC 6544 §8). Unlike the library's it keeps
// nothing for fragments that it has not given out.
type tcpDoor struct {
	conns *limit.Conns

	mu    sync.Mutex // guards what follows
	peers map[tcpKey]*tcpPeer
}

type tcpKey struct {
	ufrag string
	v6    bool
}

func newTCPDoor() *tcpDoor {
	return &tcpDoor{conns: limit.NewConns(tcpConns()), peers: make(map[tcpKey]*tcpPeer)}
}

// ServeConn serves one connection in the framing of ICE over TCP and closes it.
// It is for doors that share a port: Deps.TCP says which. It returns when either
// side has closed the connection or ctx has ended.
func (s *Server) ServeConn(ctx context.Context, c net.Conn) {
	defer run.Recover(s.log, part)
	defer c.Close()
	release, ok := s.tcp.conns.Acquire(peer.Of(c).Addr())
	if !ok {
		s.count.refused.Add(1)
		return
	}
	defer release()
	s.count.tcp.Add(1)
	defer s.count.tcp.Add(-1)
	stop := context.AfterFunc(ctx, func() { peer.Socket(c).Close() })
	defer stop()
	err := s.tcp.serve(c)
	if errors.Is(err, errFrame) || errors.Is(err, errNoCheck) {
		s.count.malformed.Add(1)
	}
	s.log.Debug("connection of ICE over TCP ended", "remote", c.RemoteAddr().String(), "reason", err)
}

func (d *tcpDoor) serve(c net.Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(firstFrame)); err != nil {
		return err
	}
	r := bufio.NewReaderSize(c, 8<<10)
	buf := make([]byte, receiveMTU)
	n, err := readFrame(r, buf)
	if err != nil {
		return err
	}
	from := peer.Of(c)
	ufrag, ok := checkedUfrag(buf[:n])
	if !ok || !from.IsValid() {
		return errNoCheck
	}
	d.mu.Lock()
	p := d.peers[tcpKey{ufrag, from.Addr().Is6()}]
	d.mu.Unlock()
	if p == nil {
		return errNoCheck
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	l := &tcpLink{c: c, from: from, heard: time.Now(), wake: make(chan struct{}, 1), end: make(chan struct{})}
	if !p.add(l) {
		return net.ErrClosed
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		l.write()
	}()
	defer func() {
		p.drop(l)
		<-written
	}()
	for err == nil {
		if n > 0 && !p.deliver(l, buf[:n]) {
			return net.ErrClosed
		}
		n, err = readFrame(r, buf)
	}
	return err
}

// readFrame reads one packet behind its length (RFC 4571 §2). A length of zero
// is a null packet.
func readFrame(r io.Reader, b []byte) (int, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if n > len(b) {
		return 0, errFrame
	}
	return io.ReadFull(r, b[:n])
}

// checkedUfrag returns our user fragment of a connectivity check. Whether it is
// signed with the password is for the agent to see.
func checkedUfrag(b []byte) (string, bool) {
	if !stun.IsMessage(b) {
		return "", false
	}
	m := &stun.Message{Raw: b}
	if m.Decode() != nil || m.Type != stun.BindingRequest {
		return "", false
	}
	name, err := m.Get(stun.AttrUsername)
	if err != nil {
		return "", false
	}
	ours, _, ok := strings.Cut(string(name), ":")
	return ours, ok
}

// tcpPeer is all connections of one peer, which its agent takes for a socket.
type tcpPeer struct {
	door *tcpDoor
	key  tcpKey
	in   chan tcpPacket
	end  chan struct{}

	mu    sync.Mutex // guards what follows
	links map[netip.AddrPort]*tcpLink
	ended bool
}

type tcpPacket struct {
	from netip.AddrPort
	b    *[]byte
}

// packetBuffers hold packets of up to receiveMTU bytes on their way to an agent.
var packetBuffers = sync.Pool{New: func() any { b := make([]byte, 0, receiveMTU); return &b }}

func (p *tcpPeer) add(l *tcpLink) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	if old := p.links[l.from]; old != nil { // its end has not been noticed yet
		old.cut()
	} else if len(p.links) >= maxTCPPerUfrag {
		for _, other := range p.links {
			if old == nil || other.heard.Before(old.heard) {
				old = other
			}
		}
		old.cut()
		delete(p.links, old.from)
	}
	p.links[l.from] = l
	return true
}

func (p *tcpPeer) drop(l *tcpLink) {
	l.cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[l.from] == l {
		delete(p.links, l.from)
	}
}

// deliver gives a packet to the agent; false when there is none any more.
func (p *tcpPeer) deliver(l *tcpLink, pkt []byte) bool {
	p.mu.Lock()
	l.heard = time.Now()
	p.mu.Unlock()
	b := packetBuffers.Get().(*[]byte)
	*b = append((*b)[:0], pkt...)
	select {
	case p.in <- tcpPacket{l.from, b}:
		return true
	case <-p.end:
	case <-l.end:
	}
	packetBuffers.Put(b)
	return false
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (p *tcpPeer) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case pkt := <-p.in:
		n := copy(b, *pkt.b)
		packetBuffers.Put(pkt.b)
		return n, pkt.from, nil
	case <-p.end:
		return 0, netip.AddrPort{}, io.EOF
	}
}

// WriteToAddrPort implements ice.AddrPortReaderWriter. It never waits for the
// peer: what does not fit is lost, as with UDP.
func (p *tcpPeer) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	p.mu.Lock()
	l := p.links[netip.AddrPortFrom(to.Addr().Unmap(), to.Port())]
	p.mu.Unlock()
	if l == nil {
		return 0, net.ErrClosed
	}
	l.queue(b)
	return len(b), nil
}

// ReadFrom implements net.PacketConn.
func (p *tcpPeer) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.TCPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (p *tcpPeer) WriteTo(b []byte, to net.Addr) (int, error) {
	return p.WriteToAddrPort(b, peer.Addr(to.String()))
}

// LocalAddr implements net.PacketConn. The agent wants a port for a candidate that
// is never told to anybody; see tcpMux.
func (p *tcpPeer) LocalAddr() net.Addr { return &net.TCPAddr{Port: 9} }

// Close implements net.PacketConn.
func (p *tcpPeer) Close() error {
	p.door.mu.Lock()
	if p.door.peers[p.key] == p {
		delete(p.door.peers, p.key)
	}
	p.door.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended = true
		close(p.end)
		for _, l := range p.links {
			l.cut()
		}
	}
	return nil
}

// SetDeadline implements net.PacketConn; the agent ends its reads by Close.
func (p *tcpPeer) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (p *tcpPeer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (p *tcpPeer) SetWriteDeadline(time.Time) error { return nil }

// tcpLink is one connection of a peer.
type tcpLink struct {
	c     net.Conn
	from  netip.AddrPort
	heard time.Time // guarded by the peer's mu
	wake  chan struct{}
	end   chan struct{}
	once  sync.Once

	mu  sync.Mutex // guards buf
	buf []byte     // framed packets; at most maxTCPQueue bytes
}

// cut ends the link without waiting for anything.
func (l *tcpLink) cut() {
	l.once.Do(func() {
		close(l.end)
		peer.Socket(l.c).Close()
	})
}

func (l *tcpLink) queue(b []byte) {
	if len(b) > 0xffff {
		return
	}
	l.mu.Lock()
	if len(l.buf)+2+len(b) > maxTCPQueue {
		l.mu.Unlock()
		return
	}
	l.buf = append(binary.BigEndian.AppendUint16(l.buf, uint16(len(b))), b...)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write sends what waits, all of it at a time.
func (l *tcpLink) write() {
	defer l.cut()
	var spare []byte
	for {
		select {
		case <-l.wake:
		case <-l.end:
			return
		}
		l.mu.Lock()
		out := l.buf
		l.buf = spare[:0]
		l.mu.Unlock()
		if l.c.SetWriteDeadline(time.Now().Add(tcpStall)) != nil {
			return
		}
		if _, err := l.c.Write(out); err != nil {
			return
		}
		if spare = out; cap(spare) > 64<<10 { // a burst is over
			spare = nil
		}
	}
}

// tcpMux is one agent's view of the door. The agent gathers a candidate for
// loopback of each family, so that it listens; what the client is told instead are
// the addresses and the port of the door.
type tcpMux struct{ door *tcpDoor }

// GetConnByUfrag implements ice.TCPMux.
func (m tcpMux) GetConnByUfrag(ufrag string, v6 bool, _ net.IP) (net.PacketConn, error) {
	p := &tcpPeer{door: m.door, key: tcpKey{ufrag, v6}, in: make(chan tcpPacket, tcpInbound), end: make(chan struct{}), links: make(map[netip.AddrPort]*tcpLink)}
	m.door.mu.Lock()
	defer m.door.mu.Unlock()
	if m.door.peers[p.key] != nil {
		return nil, errors.New("webrtc: this agent listens on TCP already")
	}
	m.door.peers[p.key] = p
	return p, nil
}

// RemoveConnByUfrag implements ice.TCPMux.
func (m tcpMux) RemoveConnByUfrag(ufrag string) {
	for _, v6 := range []bool{false, true} {
		m.door.mu.Lock()
		p := m.door.peers[tcpKey{ufrag, v6}]
		m.door.mu.Unlock()
		if p != nil {
			_ = p.Close()
		}
	}
}

// Close implements ice.TCPMux; the door outlives its peers.
func (m tcpMux) Close() error { return nil }

// onlyLoopback is the agent's filter of addresses for TCP; those for UDP do not go
// through it.
func onlyLoopback(ip net.IP) bool { return ip.IsLoopback() }

// tcpCandidates are the candidates for a client at remote that connects to the
// door at at (RFC 6544 §4.5): lines of SDP, without "a=candidate:".
func tcpCandidates(at netip.AddrPort, configured []netip.Addr, remote netip.Addr) []string {
	if at.Port() == 0 {
		return nil
	}
	var out []string
	for i, h := range hostsFor(at.Addr(), configured, remote) {
		// Type preference of host candidates less 27, as the others rank TCP below
		// UDP; direction preference 4 for passive host candidates (§4.2).
		priority := uint32(126-27)<<24 | uint32(4<<13|8191-i)<<8 | 255
		out = append(out, fmt.Sprintf("tcp%d 1 tcp %d %s %d typ host tcptype passive", i+1, priority, h.WithZone(""), at.Port()))
	}
	return out
}

var (
	_ ice.TCPMux               = tcpMux{}
	_ ice.AddrPortReaderWriter = (*tcpPeer)(nil)
)

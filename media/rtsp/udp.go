package rtsp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"

	"muster/media"
)

const (
	maxDatagram   = 64 << 10
	udpBuffer     = 2 << 20              // bytes of kernel buffer wanted for the shared sockets
	burstPackets  = 32                   // sent to one client with one call; after that,
	burstPause    = 2 * time.Millisecond // this is waited if there are more
	udpErrorPause = 10 * time.Millisecond
)

// udpDoor is the pair of sockets that all clients with UDP transport share.
// Packets are told apart by where they come from; what comes from an address
// that no session has set up is dropped unseen.
type udpDoor struct {
	srv               *Server
	media, reports    *net.UDPConn
	batch             *ipv4.PacketConn // media
	rtpPort, rtcpPort int

	mu    sync.RWMutex // guards peers
	peers map[peerKey]*udpPeer
}

// peerKey is an address of a client as seen by one of the two sockets.
type peerKey struct {
	addr netip.AddrPort
	rtcp bool
}

type udpPeer struct {
	conn  *conn
	track *track
	pub   *publication // nil unless it records
}

func openUDP(ctx context.Context, s *Server) (*udpDoor, error) {
	u := &udpDoor{srv: s, peers: make(map[peerKey]*udpPeer)}
	var err error
	if u.media, err = s.doors.ListenPacket(ctx, "rtsp-rtp", s.cfg.RTPAddress); err != nil {
		return nil, err
	}
	if u.reports, err = s.doors.ListenPacket(ctx, "rtsp-rtcp", s.cfg.RTCPAddress); err != nil {
		u.media.Close()
		return nil, err
	}
	// The system may grant less than is wanted; that is no error.
	_ = u.media.SetReadBuffer(udpBuffer)
	_ = u.media.SetWriteBuffer(udpBuffer)
	u.batch = ipv4.NewPacketConn(u.media)
	u.rtpPort = u.media.LocalAddr().(*net.UDPAddr).Port
	u.rtcpPort = u.reports.LocalAddr().(*net.UDPAddr).Port
	return u, nil
}

func (u *udpDoor) close() {
	u.media.Close()
	u.reports.Close()
}

func (u *udpDoor) readRTP(ctx context.Context)  { u.read(ctx, u.media, false) }
func (u *udpDoor) readRTCP(ctx context.Context) { u.read(ctx, u.reports, true) }

func (u *udpDoor) read(ctx context.Context, sock *net.UDPConn, rtcp bool) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := sock.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return
		}
		if err != nil {
			time.Sleep(udpErrorPause)
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		u.mu.RLock()
		peer := u.peers[peerKey{from, rtcp}]
		u.mu.RUnlock()
		if peer == nil {
			continue
		}
		now := time.Now()
		peer.conn.alive.Store(now.UnixMilli())
		if peer.pub != nil {
			peer.pub.enqueue(datagram{track: peer.track, isRTCP: rtcp, data: bytes.Clone(buf[:n]), at: now})
		}
	}
}

func key(a *net.UDPAddr, rtcp bool) peerKey {
	ap := a.AddrPort()
	return peerKey{netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), rtcp}
}

// register notes the addresses of a track, unless another session has them.
func (u *udpDoor) register(c *conn, t *track) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.peers[key(t.rtp, false)] != nil || u.peers[key(t.rtcp, true)] != nil {
		return false
	}
	peer := &udpPeer{conn: c, track: t}
	u.peers[key(t.rtp, false)], u.peers[key(t.rtcp, true)] = peer, peer
	return true
}

// record makes what comes for the tracks go to p.
func (u *udpDoor) record(tracks []*track, p *publication) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range tracks {
		peer := &udpPeer{conn: p.conn, track: t, pub: p}
		u.peers[key(t.rtp, false)], u.peers[key(t.rtcp, true)] = peer, peer
	}
}

func (u *udpDoor) unregister(tracks []*track) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range tracks {
		delete(u.peers, key(t.rtp, false))
		delete(u.peers, key(t.rtcp, true))
	}
}

// writeRTCP sends a report; one that is lost is followed by another.
func (u *udpDoor) writeRTCP(b []byte, t *track) {
	if len(b) > 0 {
		_, _ = u.reports.WriteToUDP(b, t.rtcp)
	}
}

// datagrams collects packets to be sent with one call.
type datagrams struct {
	msgs [burstPackets]ipv4.Message
	one  [burstPackets][1][]byte // the buffers of msgs
	n    int
}

func (m *datagrams) add(b []byte, to net.Addr) {
	m.one[m.n][0] = b
	m.msgs[m.n] = ipv4.Message{Buffers: m.one[m.n][:], Addr: to}
	m.n++
}

// flush sends what was collected. A packet that the system refuses is left out:
// over UDP nobody counts on every one.
func (u *udpDoor) flush(m *datagrams) error {
	for from := 0; from < m.n; {
		sent, err := u.batch.WriteBatch(m.msgs[from:m.n], 0)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			sent = max(sent, 0) + 1
		}
		from += sent
	}
	m.n = 0
	return nil
}

// sendUDP sends a batch. Large ones, such as the group of pictures with which a
// player starts, are spread a little, or they would overrun the small socket
// buffers that players have.
func (p *player) sendUDP(batch []media.Delivery, buf []byte) error {
	if p.msgs == nil {
		p.msgs = &datagrams{}
	}
	sent := 0
	for i := range batch {
		d := &batch[i]
		t := p.tracks[d.Track.Index]
		pkts, err := d.Packets()
		if err != nil {
			p.conn.srv.stats.packetsBad.Add(1)
			continue
		}
		p.note(d)
		shift := uint32(d.At - d.PTS)
		for k := range pkts.Len() {
			pkt := pkts.At(k)
			if p.msgs.n == burstPackets || len(buf)+len(pkt) > cap(buf) {
				if err := p.s.udp.flush(p.msgs); err != nil {
					return err
				}
				buf = buf[:0]
				if sent >= burstPackets {
					time.Sleep(burstPause)
				}
			}
			if len(pkt) > cap(buf) {
				continue // larger than any datagram
			}
			buf = append(buf, pkt...)
			own := buf[len(buf)-len(pkt):]
			t.number(own, shift)
			p.msgs.add(own, t.rtp)
			sent++
		}
	}
	p.conn.srv.stats.packetsOut.Add(int64(sent))
	if err := p.s.udp.flush(p.msgs); err != nil {
		return err
	}
	if p.reportDue() {
		for _, t := range p.s.tracks {
			p.s.udp.writeRTCP(p.appendReport(nil, t), t)
		}
	}
	return nil
}

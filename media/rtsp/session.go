package rtsp

import (
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"muster/internal/safename"
	"muster/media"
)

// timeoutMargin is by how much the advertised session timeout is shorter than
// the real one, so that a client that reports at the last moment is in time.
const timeoutMargin = 5 * time.Second

// session is what a connection is doing: playing, or recording. Its states are
// those of RFC 2326 appendix A.2: Init is no session; Ready has neither player
// nor pub; Playing has a player; Recording has a pub.
type session struct {
	id     string
	name   safename.Name
	udp    *udpDoor // nil: interleaved. Valid once there are tracks
	tracks []*track

	// Playing.
	stream *media.Stream
	player *player

	// Recording.
	record    bool
	announced []announced
	pub       *publication
}

// track is one track that was set up.
type track struct {
	index    int          // in the stream when playing, in announced when recording
	channels [2]byte      // RTP and RTCP, interleaved
	rtp      *net.UDPAddr // of the client, over UDP
	rtcp     *net.UDPAddr
	url      string // as in the SETUP, for RTP-Info

	seq             uint16 // playing: number of the next packet; skipping leaves no gap
	packets, octets uint32 // playing: for sender reports
}

func newSession(name safename.Name) *session { return &session{id: rand.Text(), name: name} }

// header returns the value of the Session header.
func (s *session) header(timeout time.Duration) string {
	return s.id + ";timeout=" + strconv.Itoa(int((timeout-timeoutMargin)/time.Second))
}

func (s *session) byChannel(channel byte) (t *track, isRTCP bool) {
	for _, t := range s.tracks {
		switch channel {
		case t.channels[0]:
			return t, false
		case t.channels[1]:
			return t, true
		}
	}
	return nil, false
}

func (s *session) byIndex(index int) *track {
	for _, t := range s.tracks {
		if t.index == index {
			return t
		}
	}
	return nil
}

// setup adds a track by the first transport that can be served and returns the
// Transport header that says so.
func (c *conn) setup(s *session, index int, header, url string) (string, *response) {
	alternatives, err := parseTransports(header)
	if err != nil {
		return "", &response{code: 400, reason: "Bad Request: " + err.Error()}
	}
	t := &track{index: index, url: url, seq: uint16(mrand.Uint32())}
	for _, a := range alternatives {
		if a.multicast || a.secure || len(s.tracks) > 0 && a.tcp != (s.udp == nil) {
			continue
		}
		if a.tcp {
			if !t.interleave(s, a.channels) {
				return "", &response{code: 400, reason: "Bad Request: interleaved channels are in use"}
			}
			s.tracks = append(s.tracks, t)
			return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", t.channels[0], t.channels[1]), nil
		}
		// Plain RTP beside an encrypted RTSP would betray what TLS hides.
		u := c.srv.udp.Load()
		if u == nil || c.secure || a.ports == [2]int{} {
			continue
		}
		t.rtp = c.peer(a.ports[0])
		t.rtcp = c.peer(a.ports[1])
		if !u.register(c, t) {
			return "", &response{code: 461, reason: "Unsupported Transport: client_port is in use"}
		}
		s.udp, s.tracks = u, append(s.tracks, t)
		return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d",
			a.ports[0], a.ports[1], u.rtpPort, u.rtcpPort), nil
	}
	return "", &response{code: 461}
}

// peer returns an address for media: always the one the requests come from.
func (c *conn) peer(port int) *net.UDPAddr {
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.remote.Addr(), uint16(port)))
}

// interleave takes the wanted channels, or the next free pair.
func (t *track) interleave(s *session, want [2]int) bool {
	if want[0] < 0 {
		want = [2]int{0, 1}
		for used := true; used; {
			_, a := s.channel(want[0])
			_, b := s.channel(want[1])
			if used = a || b; used {
				want[0], want[1] = want[0]+2, want[1]+2
			}
		}
	}
	for _, ch := range want {
		if _, used := s.channel(ch); used || ch > 255 {
			return false
		}
	}
	t.channels = [2]byte{byte(want[0]), byte(want[1])}
	return true
}

func (s *session) channel(ch int) (*track, bool) {
	if ch > 255 {
		return nil, false
	}
	t, _ := s.byChannel(byte(ch))
	return t, t != nil
}

// endSession ends what is played or recorded and forgets the session.
func (c *conn) endSession(reason error) {
	s := c.session
	if s == nil {
		return
	}
	c.session = nil
	if s.player != nil {
		s.player.stop(reason)
	}
	if s.udp != nil {
		s.udp.unregister(s.tracks)
	}
	if s.pub != nil {
		s.pub.close(reason)
	}
}

// sessionMatches reports whether a request's Session header, if it has one,
// names the session of this connection.
func (c *conn) sessionMatches(req *request) bool {
	want := req.get("Session")
	if want == "" {
		return true
	}
	id, _, _ := strings.Cut(want, ";")
	return c.session != nil && strings.TrimSpace(id) == c.session.id
}

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

	// Recording with the secure profile; nil without.
	in, out    *cipher
	reportSSRC uint32

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
// response that says so.
func (c *conn) setup(s *session, index int, req *request) *response {
	alternatives, err := parseTransports(req.get("Transport"))
	if err != nil {
		return &response{code: 400, reason: "Bad Request: " + err.Error()}
	}
	t := &track{index: index, url: strings.TrimRight(req.url, "/"), seq: uint16(mrand.Uint32())}
	for _, a := range alternatives {
		if !c.serves(s, a) {
			continue
		}
		res := &response{code: 200}
		if a.secure {
			if res, err = t.secure(s.announced[index].keys, req); err != nil {
				c.log.Info("secure profile refused", "stream", s.name.String(), "reason", err)
				return &response{code: 461, reason: "Unsupported Transport: no usable keys"}
			}
		}
		profile := "RTP/AVP"
		if a.secure {
			profile = "RTP/SAVP"
		}
		if a.tcp {
			if !t.interleave(s, a.channels) {
				return &response{code: 400, reason: "Bad Request: interleaved channels are in use"}
			}
			s.tracks = append(s.tracks, t)
			return res.add("Transport", fmt.Sprintf("%s/TCP;unicast;interleaved=%d-%d", profile, t.channels[0], t.channels[1])+ssrc(s, t))
		}
		t.rtp, t.rtcp = c.peer(a.ports[0]), c.peer(a.ports[1])
		u := c.srv.udp.Load()
		if u == nil || !u.register(c, t) {
			return &response{code: 461, reason: "Unsupported Transport: client_port is in use"}
		}
		s.udp, s.tracks = u, append(s.tracks, t)
		return res.add("Transport", fmt.Sprintf("%s;unicast;client_port=%d-%d;server_port=%d-%d",
			profile, a.ports[0], a.ports[1], u.rtpPort, u.rtcpPort)+ssrc(s, t))
	}
	return &response{code: 461}
}

// serves reports whether the session can use a transport.
func (c *conn) serves(s *session, a transport) bool {
	switch {
	case a.multicast:
		return false
	case len(s.tracks) > 0 && a.tcp != (s.udp == nil):
		return false // all tracks go the same way
	case a.secure && (!c.secure || !s.record):
		return false
	case a.tcp:
		return true
	}
	// Plain RTP beside an encrypted RTSP would betray what TLS hides.
	return a.ports != [2]int{} && c.srv.udp.Load() != nil && a.secure == c.secure
}

// secure sets up the keys of a track: the publisher's by the KeyMgmt header or
// the announcement, and ours for reports, which go into the response.
func (t *track) secure(announced string, req *request) (*response, error) {
	msg, err := parseKeyMgmt(req.get("Keymgmt"))
	if err != nil {
		if msg, err = parseKeyAttribute(announced); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	in, err := cipherFrom(msg, now)
	if err != nil {
		return nil, err
	}
	t.reportSSRC = mrand.Uint32()
	out, header, err := makeCipher(t.url, t.reportSSRC, now)
	if err != nil {
		return nil, err
	}
	t.in, t.out = &in, &out
	return (&response{code: 200}).add("KeyMgmt", header), nil
}

// ssrc returns the Transport parameter that tells a player what it will get.
func ssrc(s *session, t *track) string {
	if s.stream == nil {
		return ""
	}
	return fmt.Sprintf(";ssrc=%08X", s.stream.Tracks[t.index].SSRC())
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

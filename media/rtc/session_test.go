package rtc

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"muster/internal/auth"
	"muster/media/codec"
)

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(d)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", d, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestKeyFrameWishReachesPublisher(t *testing.T) {
	b := newBench(t, func(c *Config, _ *Deps) { c.KeyFrameInterval = time.Hour })
	s := newSender(t, b, webrtc.MimeTypeVP8)
	s.stream(codec.VP8)
	c := newClient(t)
	within(t, 5*time.Second, "first key frame", func() bool {
		st, err := b.router.Find(watch, cam)
		return err == nil && st.LastKeyFrame() != nil
	})
	st, _ := b.router.Find(watch, cam)
	if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
		t.Fatal(got)
	}
	ssrc := c.take(1)[0].SSRC
	for _, r := range c.pc.GetReceivers() {
		if tr := r.Track(); tr != nil && tr.Kind() == webrtc.RTPCodecTypeVideo {
			ssrc = uint32(tr.SSRC())
		}
	}
	time.Sleep(time.Second) // more than the hub's merging of wishes
	before := st.LastKeyFrame()
	start := time.Now()
	if err := c.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}); err != nil {
		t.Fatal(err)
	}
	within(t, time.Second, "a new key frame", func() bool { return st.LastKeyFrame() != before })
	t.Logf("key frame after %v", time.Since(start))
}

// TestRetransmission drops packets on their way to the reader and counts that
// all of them come in the end, through RTX.
func TestRetransmission(t *testing.T) {
	b := newBench(t)
	p := b.feed(codec.NewVideo(codec.VP8))
	pump(t, p, codec.VP8, 30, 6000)
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	reg := &interceptor.Registry{}
	loss := &lossy{}
	reg.Add(loss) // the first is nearest to the network
	if err := webrtc.RegisterDefaultInterceptors(m, reg); err != nil {
		t.Fatal(err)
	}
	se := webrtc.SettingEngine{}
	se.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(reg), webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	c := &client{t: t, pc: pc, packets: make(chan *rtp.Packet, 10000)}
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			c.packets <- p
		}
	})
	if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
		t.Fatal(got, text(c.res))
	}
	if answer := c.pc.RemoteDescription().SDP; !strings.Contains(answer, "rtx/90000") || !strings.Contains(answer, "ssrc-group:FID") {
		t.Errorf("the answer has no RTX:\n%s", answer)
	}
	seen := make(map[uint16]bool)
	var first, last uint16
	for i, pkt := range c.take(600) {
		if i == 0 {
			first = pkt.SequenceNumber
		}
		if int16(pkt.SequenceNumber-last) > 0 || i == 0 {
			last = pkt.SequenceNumber
		}
		seen[pkt.SequenceNumber] = true
	}
	missing := 0
	for seq := first; seq != last-100; seq++ { // the newest may still be under way
		if !seen[seq] {
			missing++
		}
	}
	dropped := loss.dropped.Load()
	if missing > 0 || dropped == 0 || b.srv.Stats().PacketsResent == 0 {
		t.Errorf("%d of %d dropped packets are missing; %d resent", missing, dropped, b.srv.Stats().PacketsResent)
	}
}

func TestTrickleAndRestart(t *testing.T) {
	b := newBench(t)
	pump(t, b.feed(codec.NewVideo(codec.VP8)), codec.VP8, 30, 2000)
	c := newClient(t)
	if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
		t.Fatal(got)
	}
	h := c.res.Header
	if h.Get("ETag") != "*" || h.Get("ID") == "" || h.Get("Accept-Patch") != fragType || !strings.HasPrefix(c.resource, "/site/cam/whep/") {
		t.Errorf("headers %v", h)
	}
	c.take(10)
	own := c.pc.LocalDescription().SDP
	ufrag := regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(own)[1]
	pwd := regexp.MustCompile(`a=ice-pwd:(\S+)`).FindStringSubmatch(own)[1]
	frag := fmt.Sprintf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n", ufrag, pwd)
	if res := b.do("PATCH", c.resource, "", fragType, frag); res.StatusCode != http.StatusNoContent {
		t.Fatalf("trickle: %d %s", res.StatusCode, text(res))
	}
	if res := b.do("PATCH", c.resource, "", "text/plain", frag); res.StatusCode != http.StatusBadRequest {
		t.Errorf("wrong type: %d", res.StatusCode)
	}
	if res := b.do("PATCH", c.resource, "", fragType, "a=ice-ufrag:newufrag\r\n"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("restart without password: %d", res.StatusCode)
	}

	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	ufrag = regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(offer.SDP)[1]
	pwd = regexp.MustCompile(`a=ice-pwd:(\S+)`).FindStringSubmatch(offer.SDP)[1]
	res := b.do("PATCH", c.resource, "", fragType, "a=ice-ufrag:"+ufrag+"\r\na=ice-pwd:"+pwd+"\r\n")
	body := text(res)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != fragType {
		t.Fatalf("restart: %d %s", res.StatusCode, body)
	}
	old := c.pc.CurrentRemoteDescription().SDP
	newUfrag := regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(body)
	newPwd := regexp.MustCompile(`a=ice-pwd:(\S+)`).FindStringSubmatch(body)
	if newUfrag == nil || newPwd == nil || !strings.Contains(body, "a=candidate:") || strings.Contains(old, newUfrag[1]) {
		t.Fatalf("fragment: %s", body)
	}
	ans := regexp.MustCompile(`a=ice-ufrag:\S+`).ReplaceAllString(old, newUfrag[0])
	ans = regexp.MustCompile(`a=ice-pwd:\S+`).ReplaceAllString(ans, newPwd[0])
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: ans}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	for len(c.packets) > 0 {
		<-c.packets
	}
	c.take(100) // media go on over the new pair

	if res := b.do("DELETE", c.resource, "", "", ""); res.StatusCode != http.StatusOK {
		t.Errorf("DELETE: %d", res.StatusCode)
	}
	within(t, time.Second, "the session is gone", func() bool {
		return b.do("DELETE", c.resource, "", "", "").StatusCode == http.StatusNotFound
	})
	within(t, time.Second, "the peer is closed", func() bool { return c.pc.ConnectionState() == webrtc.PeerConnectionStateClosed })
}

func TestKickAndRevoke(t *testing.T) {
	b := newBench(t)
	s := newSender(t, b, webrtc.MimeTypeVP8)
	s.stream(codec.VP8)
	within(t, 5*time.Second, "live", func() bool { st, err := b.router.Find(watch, cam); return err == nil && st.LastKeyFrame() != nil })
	c := newClient(t)
	if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
		t.Fatal(got)
	}
	c.take(10)

	start := time.Now()
	for _, i := range b.sessions.List() {
		if i.Protocol == "whep" && !b.sessions.Kick(i.ID) {
			t.Fatal("no such session")
		}
	}
	within(t, time.Second, "kicked reader is closed", func() bool { return c.pc.ConnectionState() == webrtc.PeerConnectionStateClosed })
	t.Logf("reader kicked in %v", time.Since(start))

	start = time.Now()
	gone := func(auth.Identity) (auth.Identity, error) { return auth.Identity{}, auth.ErrBadCredentials }
	if n := b.sessions.Revalidate(func(i auth.SessionInfo) bool { return i.User == "pilot" }, gone); n != 1 {
		t.Fatalf("%d sessions ended", n)
	}
	within(t, time.Second, "revoked publisher is closed", func() bool { return s.pc.ConnectionState() == webrtc.PeerConnectionStateClosed })
	t.Logf("publisher revoked in %v", time.Since(start))
	within(t, time.Second, "everything is gone", func() bool {
		st := b.srv.Stats()
		return st.Publishers == 0 && st.Readers == 0 && len(b.sessions.List()) == 0
	})
}

func TestTooManyPeers(t *testing.T) {
	b := newBench(t, func(c *Config, _ *Deps) { c.MaxPeersPerUser = 1 })
	b.feed(codec.NewVideo(codec.VP8))
	if got := newClient(t).watch(b, "/site/cam/whep", "watch"); got != 201 {
		t.Fatal(got)
	}
	if got := newClient(t).watch(b, "/site/cam/whep", "watch"); got != 503 {
		t.Errorf("second peer: %d", got)
	}
	if got := newClient(t).watch(b, "/site/cam/whep", "pilot"); got != 201 {
		t.Errorf("another user's peer: %d", got)
	}
}

func TestSilentPeers(t *testing.T) {
	b := newBench(t, func(c *Config, _ *Deps) { c.HandshakeTimeout = time.Second })
	b.feed(codec.NewVideo(codec.VP8))
	c := newClient(t)
	if _, err := c.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	offer, _ := c.pc.CreateOffer(nil)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	if res := b.do("POST", "/site/cam/whep", "watch", sdpType, c.pc.LocalDescription().SDP); res.StatusCode != 201 {
		t.Fatal(res.StatusCode)
	}
	within(t, 3*time.Second, "a peer that never connects is dropped", func() bool { return b.srv.Stats().Readers == 0 && len(b.sessions.List()) == 1 }) // the feed stays
}

// TestPeerThatVanishes takes a peer's socket away, as a dead network does.
func TestPeerThatVanishes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	t.Parallel()
	b := newBench(t)
	pump(t, b.feed(codec.NewVideo(codec.VP8)), codec.VP8, 30, 1000)
	sock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	mux := webrtc.NewICEUDPMux(nil, sock)
	c := newClient(t, func(se *webrtc.SettingEngine) { se.SetICEUDPMux(mux) })
	if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
		t.Fatal(got)
	}
	c.take(10)
	sock.Close()
	// The reader goes first; the session is counted when all of it has gone.
	within(t, 15*time.Second, "the session is given up and counted as lost", func() bool {
		now := b.srv.Stats()
		return now.Readers == 0 && now.Lost == 1
	})
}

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
	"muster/media"
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

// sender publishes over WHIP with packets of one codec.
type sender struct {
	*client
	video, audio *webrtc.TrackLocalStaticRTP
	plis         chan struct{}
}

func newSender(t *testing.T, b *bench, mime string, change ...func(string) string) *sender {
	t.Helper()
	s := &sender{client: newClient(t), plis: make(chan struct{}, 100)}
	var err error
	s.video, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, "v", "s")
	if err != nil {
		t.Fatal(err)
	}
	s.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "a", "s")
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range []*webrtc.TrackLocalStaticRTP{s.video, s.audio} {
		rs, err := s.pc.AddTrack(tr)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				pkts, _, err := rs.ReadRTCP()
				if err != nil {
					return
				}
				for _, p := range pkts {
					if _, ok := p.(*rtcp.PictureLossIndication); ok {
						s.plis <- struct{}{}
					}
				}
			}
		}()
	}
	if got := s.call(b, "/site/cam/whip", "pilot", change...); got != http.StatusCreated {
		t.Fatalf("status %d: %s", got, text(s.res))
	}
	return s
}

// stream sends frames, with a key frame only when asked, until the test ends.
func (s *sender) stream(id codec.ID) {
	p, err := codec.NewPacketizer(codec.NewVideo(id), 96, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for n, key := 1, false; ; n++ {
			gop := 1 << 20
			if key {
				gop = 1
			}
			key = false
			pkts, _ := p.Packetize(frame(id, n, gop, 3000), uint32(n*3000))
			for i := range pkts.Len() {
				var pkt rtp.Packet
				_ = pkt.Unmarshal(pkts.At(i))
				_ = s.video.WriteRTP(&pkt)
			}
			_ = s.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n * 1600)}, Payload: filled(100, 0xFC)})
			select {
			case <-stop:
				return
			case <-s.plis:
				key = true
				<-tick.C
			case <-tick.C:
			}
		}
	}()
	s.t.Cleanup(func() { close(stop); <-done })
}

func TestPublishAndReadEachCodec(t *testing.T) {
	for mime, id := range map[string]codec.ID{
		webrtc.MimeTypeH264: codec.H264, webrtc.MimeTypeH265: codec.H265, webrtc.MimeTypeVP8: codec.VP8,
		webrtc.MimeTypeVP9: codec.VP9, webrtc.MimeTypeAV1: codec.AV1,
	} {
		t.Run(string(id), func(t *testing.T) {
			b := newBench(t)
			s := newSender(t, b, mime)
			s.stream(id)
			within(t, 5*time.Second, "stream is live with a key frame", func() bool {
				st, err := b.router.Find(watch, cam)
				return err == nil && st.LastKeyFrame() != nil && len(st.Tracks) == 2
			})
			c := newClient(t)
			if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
				t.Fatalf("status %d: %s", got, text(c.res))
			}
			c.take(60)
			if st := b.srv.Stats(); st.Publishers != 1 || st.Readers != 1 || st.PacketsIn == 0 || st.PacketsOut == 0 {
				t.Errorf("%+v", st)
			}
		})
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

// TestSenderReports checks that frame and sound of the same moment have the same
// wall clock time by the reports.
func TestSenderReports(t *testing.T) {
	b := newBench(t)
	pump(t, b.feed(codec.NewVideo(codec.VP8), codec.NewOpus(2)), codec.VP8, 30, 1000)
	c := newClient(t)
	reports := make(chan *rtcp.SenderReport, 100)
	if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
		t.Fatal(got)
	}
	for _, r := range c.pc.GetReceivers() {
		go func() {
			for {
				pkts, _, err := r.ReadRTCP()
				if err != nil {
					return
				}
				for _, p := range pkts {
					if sr, ok := p.(*rtcp.SenderReport); ok {
						reports <- sr
					}
				}
			}
		}()
	}
	type moment struct {
		ts   uint32
		rate int
	}
	at := make(map[uint32]map[byte]moment) // by SSRC, by frame number
	for _, p := range c.take(200) {
		m := at[p.SSRC]
		if m == nil {
			m = make(map[byte]moment)
			at[p.SSRC] = m
		}
		switch {
		case p.Payload[0] == 0xFC:
			m[p.Payload[1]] = moment{p.Timestamp, 48000}
		case p.Payload[1] == 0x11:
			m[p.Payload[2]] = moment{p.Timestamp, 90000}
		}
	}
	newest := make(map[uint32]*rtcp.SenderReport)
	within(t, 5*time.Second, "two reports", func() bool {
		for len(reports) > 0 {
			sr := <-reports
			newest[sr.SSRC] = sr
		}
		return len(newest) == 2
	})
	wall := func(ssrc uint32, m moment) time.Time {
		sr := newest[ssrc]
		return fromNTP(sr.NTPTime).Add(media.Seconds(int64(int32(m.ts-sr.RTPTime)), m.rate))
	}
	var ssrcs []uint32
	for s := range at {
		ssrcs = append(ssrcs, s)
	}
	compared := 0
	for n, m := range at[ssrcs[0]] {
		if o, both := at[ssrcs[1]][n]; both {
			compared++
			if d := wall(ssrcs[0], m).Sub(wall(ssrcs[1], o)); d.Abs() > 5*time.Millisecond {
				t.Fatalf("frame and sound %d are %v apart", n, d)
			}
			if age := time.Since(wall(ssrcs[0], m)); age < 0 || age > 30*time.Second {
				t.Fatalf("frame %d is %v old", n, age)
			}
		}
	}
	if compared < 20 {
		t.Errorf("only %d compared", compared)
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

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name    string
		formats []*codec.Format
		before  func(*media.Publisher)
		status  int
		want    string // in the problem, or in the Warning
	}{
		{"codec that browsers lack", []*codec.Format{codec.NewVideo(codec.MJPEG)}, nil, 406, "M-JPEG"},
		{"sound left out", []*codec.Format{codec.NewVideo(codec.VP8), {Codec: codec.AC3, ClockRate: 48000, Channels: 2}}, nil, 201, "AC-3 audio is left out"},
		{"nothing but such sound", []*codec.Format{{Codec: codec.AC3, ClockRate: 48000, Channels: 2}}, nil, 406, "HLS"},
		{"B-frames", []*codec.Format{codec.NewVideo(codec.H264)}, func(p *media.Publisher) {
			p.Write(0, media.Sample{PTS: 6000, DTS: 0, HasDTS: true, AU: frame(codec.H264, 0, 1, 100)})
		}, 406, "B-frames"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			p := b.feed(tc.formats...)
			if tc.before != nil {
				tc.before(p)
			}
			c := newClient(t)
			got := c.watch(b, "/site/cam/whep", "watch")
			said := c.res.Header.Get("Warning")
			if got != 201 {
				said = text(c.res)
			}
			if got != tc.status || !strings.Contains(said, tc.want) {
				t.Errorf("status %d, said %q", got, said)
			}
		})
	}
}

func TestMetadataOverDataChannel(t *testing.T) {
	b := newBench(t)
	p := b.feed(codec.NewVideo(codec.VP8), &codec.Format{Codec: codec.KLV, ClockRate: 90000})
	c := newClient(t)
	if _, err := c.pc.CreateDataChannel("", nil); err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 10)
	c.pc.OnDataChannel(func(d *webrtc.DataChannel) {
		if d.Label() == "KLV" {
			d.OnMessage(func(m webrtc.DataChannelMessage) {
				select {
				case got <- m.Data:
				default:
				}
			})
		}
	})
	if status := c.watch(b, "/site/cam/whep", "watch"); status != http.StatusCreated {
		t.Fatal(status, text(c.res))
	}
	packet := filled(300, 6, 0xE, 0x2B, 0x34)
	for n := 0; ; n++ {
		p.Write(0, media.Sample{PTS: int64(n) * 3000, AU: frame(codec.VP8, n, 10, 500)})
		p.Write(1, media.Sample{PTS: int64(n) * 3000, AU: [][]byte{packet}})
		select {
		case m := <-got:
			if string(m) != string(packet) {
				t.Errorf("%x", m)
			}
			return
		case <-time.After(33 * time.Millisecond):
			if n > 200 {
				t.Fatal("no metadata came")
			}
		}
	}
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
	within(t, 15*time.Second, "the session is given up", func() bool { return b.srv.Stats().Readers == 0 })
	if b.srv.Stats().Lost != 1 {
		t.Errorf("%+v", b.srv.Stats())
	}
}

func TestPublisherReplacedAndBusy(t *testing.T) {
	b := newBench(t)
	b.feed(codec.NewVideo(codec.VP8))
	c := newClient(t)
	if _, err := c.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	admin := auth.Identity{User: "watch", Role: auth.RoleAdmin}
	b.srv.deps.IdentityOf = func(*http.Request) (auth.Identity, bool) { return admin, true }
	if got := c.call(b, "/site/cam/whip", ""); got != http.StatusConflict {
		t.Errorf("another user's name: %d", got)
	}
}

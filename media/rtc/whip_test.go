package rtc

import (
	"net/http"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"muster/internal/auth"
	"muster/media/codec"
)

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

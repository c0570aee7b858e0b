package rtc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	pilot = auth.Identity{User: "pilot", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
	watch = auth.Identity{User: "watch", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", Out: true}}}
	other = auth.Identity{User: "other", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "B", In: true, Out: true}}}
	cam   = safename.MustParse("site/cam")
)

// fakeAuth knows three users with the password "secret", and their names as tokens.
type fakeAuth struct{ calls atomic.Int64 }

func (f *fakeAuth) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	f.calls.Add(1)
	for _, id := range []auth.Identity{pilot, watch, other} {
		if p.User == id.User && p.Password == "secret" || p.Token == id.User {
			return id, nil
		}
	}
	if p.User == "slow" {
		return auth.Identity{}, &auth.LimitedError{RetryAfter: 30 * time.Second}
	}
	if p.User == "fault" {
		return auth.Identity{}, errors.New("the database is away") // the door has to hide that
	}
	return auth.Identity{}, auth.ErrBadCredentials
}

type bench struct {
	t        *testing.T
	srv      *Server
	auth     *fakeAuth
	router   *media.Router
	sessions *auth.Sessions
	base     string // http://127.0.0.1:port
}

func newBench(t *testing.T, change ...func(*Config, *Deps)) *bench {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if os.Getenv("RTC_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b := &bench{t: t, auth: &fakeAuth{}, sessions: auth.NewSessions(nil)}
	b.router = media.New(media.DefaultConfig(), b.sessions, bus.New(), log)
	doors := run.NewDoors()
	cfg := DefaultConfig()
	cfg.Address, cfg.MediaAddress = "127.0.0.1:0", "127.0.0.1:0"
	deps := Deps{Router: b.router, Auth: b.auth, Doors: doors, Log: log}
	for _, c := range change {
		c(&cfg, &deps)
	}
	var err error
	b.srv, err = New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			buf := make([]byte, 1<<20)
			t.Errorf("Run does not return: %s", buf[:runtime.Stack(buf, true)])
		}
		http.DefaultClient.CloseIdleConnections()
		if n := run.Panics(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	select {
	case <-b.srv.ready:
	case err := <-done:
		t.Fatal(err)
	}
	b.base = "http://" + doors.Addr("webrtc")
	return b
}

// feed publishes from within.
func (b *bench) feed(formats ...*codec.Format) *media.Publisher {
	b.t.Helper()
	p, err := b.router.Publish(media.PublishRequest{
		Identity: pilot, Client: media.Client{Protocol: "test"}, Name: cam, Formats: formats, Kick: func(error) {},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.Close(nil) })
	return p
}

// do sends a request with the user's password.
func (b *bench) do(method, path, user, contentType, body string) *http.Response {
	b.t.Helper()
	req, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, "secret")
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	tr := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := tr.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res
}

func text(res *http.Response) string {
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

// client is a WebRTC peer made of the same library with its default behaviour.
type client struct {
	t        *testing.T
	pc       *webrtc.PeerConnection
	resource string
	res      *http.Response
	packets  chan *rtp.Packet // video and audio alike
	closed   chan struct{}
}

// newClient makes a peer with all default codecs and H265.
func newClient(t *testing.T, change ...func(*webrtc.SettingEngine)) *client {
	t.Helper()
	c := &client{t: t, packets: make(chan *rtp.Packet, 10000), closed: make(chan struct{})}
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	se := webrtc.SettingEngine{}
	se.SetIncludeLoopbackCandidate(true)
	se.SetICETimeouts(2*time.Second, 3*time.Second, 500*time.Millisecond)
	for _, ch := range change {
		ch(&se)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c.pc = pc
	var once atomic.Bool
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if (s == webrtc.PeerConnectionStateClosed || s == webrtc.PeerConnectionStateFailed) && once.CompareAndSwap(false, true) {
			close(c.closed)
		}
	})
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			select {
			case c.packets <- p:
			default:
			}
		}
	})
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return c
}

// call posts an offer to url and, when it is answered, connects.
func (c *client) call(b *bench, path, user string, edit ...func(string) string) int {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	<-gathered
	sdp := c.pc.LocalDescription().SDP
	for _, e := range edit {
		sdp = e(sdp)
	}
	c.res = b.do("POST", path, user, sdpType, sdp)
	if c.res.StatusCode == http.StatusCreated {
		c.resource = c.res.Header.Get("Location")
		ans := text(c.res)
		if os.Getenv("RTC_TEST_LOG") != "" {
			c.t.Logf("%s\n---\n%s", sdp, ans)
		}
		if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: ans}); err != nil {
			c.t.Fatal(err)
		}
	}
	return c.res.StatusCode
}

func (c *client) watch(b *bench, path, user string) int {
	c.t.Helper()
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := c.pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			c.t.Fatal(err)
		}
	}
	return c.call(b, path, user)
}

// frames for tests: what Normalize and the depacketizers need to believe them.
func filled(n int, first ...byte) []byte {
	return append(first, bytes.Repeat([]byte{0xAB}, n-len(first))...)
}

var (
	testSPS = []byte{0x67, 0x42, 0xC0, 0x28, 0xD9, 0x00, 0x78, 0x02, 0x27, 0xE5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xF0, 0x3C, 0x60, 0xC9, 0x20}
	testPPS = []byte{0x68, 0xCB, 0x83, 0xCB, 0x20}
)

// frame returns access unit n of a stream with a key frame every gop frames.
func frame(id codec.ID, n, gop, size int) [][]byte {
	key := n%gop == 0
	switch id {
	case codec.H264:
		if key {
			return [][]byte{testSPS, testPPS, filled(size, 0x65, 0x88, byte(n))}
		}
		return [][]byte{filled(size, 0x41, 0x9A, byte(n))}
	case codec.VP8:
		if key {
			return [][]byte{filled(size, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0)}
		}
		return [][]byte{filled(size, 0x11, byte(n))}
	case codec.VP9:
		if key {
			return [][]byte{filled(size, 0x82, 0x49, 0x83, 0x42, 0, 0x27, 0xF0, 0x1D, 0xF6)}
		}
		return [][]byte{filled(size, 0x86, byte(n))}
	case codec.AV1:
		if key {
			return [][]byte{{0x08, 0, 0, 0, 0x42, 0xa7, 0xbf, 0xe4, 0x60, 0x0d, 0x00, 0x40}, filled(size, 0x30, byte(n))}
		}
		return [][]byte{filled(size, 0x30, byte(n))}
	case codec.H265:
		if key {
			return [][]byte{{0x40, 1, 0x0c}, {0x42, 1, 1, 1}, {0x44, 1, 0xc0}, filled(size, 0x26, 1, byte(n))}
		}
		return [][]byte{filled(size, 0x02, 1, byte(n))}
	}
	return [][]byte{filled(min(size, 160), 0xFC, byte(n))}
}

// pump writes 30 frames per second on track 0, and sound on track 1 if there is
// one, until the test ends.
func pump(t *testing.T, p *media.Publisher, id codec.ID, gop, size int) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	hasAudio := len(p.Stream().Tracks) > 1
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for n := 0; ; n++ {
			p.Write(0, media.Sample{PTS: int64(n) * 3000, DTS: int64(n) * 3000, HasDTS: true, AU: frame(id, n, gop, size)})
			if hasAudio {
				a := p.Stream().Tracks[1].Format()
				p.Write(1, media.Sample{PTS: int64(n) * int64(a.ClockRate) / 30, AU: [][]byte{filled(160, 0xFC, byte(n))}})
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// take waits for n packets.
func (c *client) take(n int) []*rtp.Packet {
	c.t.Helper()
	var out []*rtp.Packet
	deadline := time.After(8 * time.Second)
	for len(out) < n {
		select {
		case p := <-c.packets:
			out = append(out, p)
		case <-deadline:
			c.t.Fatalf("%d of %d packets came", len(out), n)
		}
	}
	return out
}

func TestReadEachCodec(t *testing.T) {
	for _, id := range []codec.ID{codec.H264, codec.H265, codec.VP8, codec.VP9, codec.AV1} {
		t.Run(string(id), func(t *testing.T) {
			b := newBench(t)
			p := b.feed(codec.NewVideo(id), codec.NewOpus(2))
			pump(t, p, id, 30, 4000)
			time.Sleep(300 * time.Millisecond)
			c := newClient(t)
			if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
				t.Fatalf("status %d: %s", got, text(c.res))
			}
			var video, audio int
			lastSeq := map[uint32]uint16{}
			for _, pkt := range c.take(200) {
				if last, ok := lastSeq[pkt.SSRC]; ok && pkt.SequenceNumber != last+1 {
					t.Fatalf("sequence %d after %d", pkt.SequenceNumber, last)
				}
				lastSeq[pkt.SSRC] = pkt.SequenceNumber
				if len(pkt.Payload) > 200 {
					video++
				} else {
					audio++
				}
			}
			if video < 50 || audio < 5 {
				t.Fatalf("%d video, %d audio packets", video, audio)
			}
		})
	}
}

func TestReadAudioOnly(t *testing.T) {
	for _, f := range []*codec.Format{
		codec.NewOpus(2), {Codec: codec.G722, ClockRate: 8000, Channels: 1},
		{Codec: codec.G711, ClockRate: 8000, Channels: 1, MULaw: true}, {Codec: codec.G711, ClockRate: 8000, Channels: 1},
	} {
		t.Run(f.String(), func(t *testing.T) {
			b := newBench(t)
			pump(t, b.feed(f), codec.Opus, 1, 100)
			c := newClient(t)
			if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
				t.Fatalf("status %d: %s", got, text(c.res))
			}
			c.take(20)
		})
	}
}

var _ = rtcp.Unmarshal

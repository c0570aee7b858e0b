package rtc

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"muster/media"
	"muster/media/codec"
)

// lossy drops one media packet in eight on its way in, but no retransmission.
type lossy struct {
	interceptor.NoOp
	dropped atomic.Int64
}

func (l *lossy) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *lossy) BindRemoteStream(info *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	if strings.HasSuffix(info.MimeType, "rtx") {
		return r
	}
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attr, err := r.Read(b, a)
			if err != nil || rand.IntN(8) != 0 {
				return n, attr, err
			}
			l.dropped.Add(1)
		}
	})
}

func TestReceiveClockFollowsSenderReports(t *testing.T) {
	var c receiveClock
	c.init([]int{90000, 48000})
	start := time.Now()
	wall := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // the sender's
	// Sound is captured at the same time as the picture and arrives 80 ms later.
	c.pts(0, 1000, start)
	c.pts(1, 5000, start.Add(80*time.Millisecond))
	c.report(0, ntp(wall), 1000)
	c.report(1, ntp(wall), 5000)
	var v, a int64
	last := int64(-1)
	for i := 1; i <= 150; i++ {
		v = c.pts(0, uint32(1000+i*1800), start)
		a = c.pts(1, uint32(5000+i*960), start)
		if a <= last {
			t.Fatal("time ran backwards")
		}
		last = a
	}
	off := time.Duration(v*int64(time.Second)/90000 - a*int64(time.Second)/48000)
	if off.Abs() > inStep {
		t.Errorf("sound is off by %v", off)
	}
}

// sink is a webrtc.TrackLocalWriter that counts.
type sink struct{ headers []rtp.Header }

func (s *sink) WriteRTP(h *rtp.Header, _ []byte) (int, error) {
	s.headers = append(s.headers, *h)
	return 0, nil
}

func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

func TestResendIsBounded(t *testing.T) {
	s := &sink{}
	o := &outTrack{bound: true, stream: s, ssrc: 1, rtxSSRC: 2, rtxPT: 97, codec: offeredCodec{pt: 96}, past: newHistory[timedPacket](videoHistory)}
	p, err := codec.NewPacketizer(codec.NewVideo(codec.VP8), 96, 9)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		pkts, err := p.Packetize([][]byte{{1, 2, 3}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		o.send(pkts.At(0), 0)
	}
	now := time.Now()
	one := []rtcp.NackPair{{PacketID: 1999}}
	times := 0
	for i := range 10 {
		sent, _ := o.resend(one, now.Add(time.Duration(i)*time.Second))
		times += sent
	}
	if times != resendTimes {
		t.Errorf("the same packet was resent %d times", times)
	}
	if sent, missed := o.resend([]rtcp.NackPair{{PacketID: 1}}, now); sent != 0 || missed != 1 {
		t.Error("a packet that is long gone was resent")
	}
	sent := 0
	for seq := 1000; seq < 1990; seq += 17 {
		n, _ := o.resend([]rtcp.NackPair{{PacketID: uint16(seq), LostPackets: 0xFFFF}}, now)
		sent += n
	}
	if sent+times != resendSaved {
		t.Errorf("%d were resent at a time", sent+times)
	}
	if last := s.headers[len(s.headers)-1]; last.SSRC != 2 || last.PayloadType != 97 {
		t.Errorf("retransmission has the header %+v", last)
	}
}

func TestSenderClockTakesTheEarliest(t *testing.T) {
	f := codec.NewVideo(codec.VP8)
	start := time.Now()
	var c senderClock
	for i := range 300 { // every tenth frame is on time, the others up to 90 ms late
		late := time.Duration(i%10) * 10 * time.Millisecond
		c.saw(media.Delivery{Unit: &media.Unit{Format: f}, At: int64(i) * 3000}, start.Add(time.Duration(i)*time.Second/30+late))
	}
	if off := c.zero.Sub(start); off < 0 || off > 15*time.Millisecond {
		t.Errorf("off by %v", off)
	}
	c.saw(media.Delivery{Unit: &media.Unit{Format: f}, At: 0}, start.Add(time.Minute))
	if off := c.zero.Sub(start); off != time.Minute {
		t.Errorf("after a jump off by %v", off)
	}
}

func TestNTPRoundTrip(t *testing.T) {
	now := time.Now()
	if d := fromNTP(ntp(now)).Sub(now); d.Abs() > time.Microsecond {
		t.Error(d)
	}
}

func TestParseFragment(t *testing.T) {
	for _, tc := range []struct {
		name, in   string
		ok         bool
		candidates int
	}{
		{"empty", "", true, 0},
		{"usual", "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n", true, 1},
		{"bare newlines", "a=candidate:1\na=candidate:2\n", true, 2},
		{"not lines", "hello", false, 0},
		{"bad characters", "a=ice-ufrag:a b c d\r\n", false, 0},
		{"short", "a=ice-ufrag:ab\r\n", false, 0},
		{"too many candidates", strings.Repeat("a=candidate:1\r\n", 101), false, 101},
		{"too many sections", strings.Repeat("m=audio\r\n", 65), false, 0},
		{"too long", strings.Repeat("a=x\r\n", 20000), false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := parseFragment([]byte(tc.in))
			if (err == nil) != tc.ok || f.candidates != tc.candidates {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

func FuzzFragment(f *testing.F) {
	f.Add([]byte("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := parseFragment(b); err == nil && (len(g.ufrag) > maxICEValue || g.candidates > maxCandidates) {
			t.Fatalf("%+v", g)
		}
	})
}

const smallOffer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rid:h send\r\na=simulcast:send h\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"

func TestParseOffer(t *testing.T) {
	o, err := parseOffer([]byte(smallOffer))
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"simulcast", "a=rid", "candidate"} {
		if strings.Contains(o.String(), gone) {
			t.Errorf("%q is still there", gone)
		}
	}
	if o.media[0].rtx[96] != 97 {
		t.Errorf("%+v", o.media)
	}
	for name, bad := range map[string]string{
		"no media":          smallOffer[:strings.Index(smallOffer, "m=")],
		"no credentials":    strings.Replace(smallOffer, "a=ice-pwd", "a=x", 1),
		"1000 media":        smallOffer + strings.Repeat("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", 1000),
		"clock rate 0":      strings.Replace(smallOffer, "H264/90000", "H264/0", 1),
		"payload type 4096": strings.Replace(smallOffer, "SAVPF 96", "SAVPF 4096", 1),
		"empty":             "",
	} {
		if _, err := parseOffer([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzOffer(f *testing.F) {
	f.Add([]byte(smallOffer))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parseOffer(b)
		if err != nil {
			return
		}
		_, _ = publishEngine(o)
		if _, err := parseOffer([]byte(o.String())); err != nil && len(o.String()) <= maxSDP {
			t.Fatalf("own form is not accepted: %v", err)
		}
	})
}

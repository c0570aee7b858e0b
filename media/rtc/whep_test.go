package rtc

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"muster/media"
	"muster/media/codec"
)

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
		{"nothing but such sound", []*codec.Format{{Codec: codec.AC3, ClockRate: 48000, Channels: 2}}, nil, 406, "RTSP"},
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

// TestEveryAddress reads over IPv4 and IPv6 through a socket that is bound to all
// addresses, which is the default.
func TestEveryAddress(t *testing.T) {
	for _, n := range []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6} {
		t.Run(n.String(), func(t *testing.T) {
			if c, err := net.ListenPacket("udp6", "[::1]:0"); err != nil {
				t.Skip("no IPv6 here")
			} else {
				c.Close()
			}
			b := newBench(t, func(c *Config, _ *Deps) { c.MediaAddress, c.AdditionalHosts = ":0", []string{"192.0.2.99"} })
			pump(t, b.feed(codec.NewVideo(codec.VP8)), codec.VP8, 30, 6000)
			c := newClient(t, func(se *webrtc.SettingEngine) { se.SetNetworkTypes([]webrtc.NetworkType{n}) })
			if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
				t.Fatal(got)
			}
			if answer := c.pc.RemoteDescription().SDP; !strings.Contains(answer, " 192.0.2.99 ") {
				t.Errorf("the additional host is not among the candidates:\n%s", answer)
			}
			c.take(100)
		})
	}
}

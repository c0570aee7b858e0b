package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/url"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// split takes the packets out of interleaved framing.
func split(t *testing.T, b []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for len(b) > 0 {
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if b[0] != '$' || len(b) < n {
			t.Fatalf("framing is broken at % x", b[:4])
		}
		out = append(out, b[4:n])
		b = b[n:]
	}
	return out
}

func TestFramesCarryTheirTime(t *testing.T) {
	before := time.Since(epoch)
	p := packer{pt: videoPT}
	var c counter
	c.win = &window{}
	c.win.open.Store(true)
	c.begin = time.Now()
	for n := range gop + 1 {
		for _, pkt := range split(t, p.addH264(nil, 0, videoFrame(n))) {
			c.packet(pkt)
			if len(pkt) > 12+maxRTP {
				t.Fatalf("a packet of %d bytes", len(pkt))
			}
			if sent, ok := sentAt(pkt[12:]); len(pkt) > 12+2*stamped+2 && (!ok || sent < before || sent > time.Since(epoch)) {
				t.Fatalf("sent at %v, %v", sent, ok)
			}
		}
	}
	if c.frames != gop+1 || c.lost != 0 || c.join == 0 || len(c.late) != gop+1 {
		t.Fatalf("%+v", c.tally)
	}
	if rate := float64(c.bytes*8*fps) / gop; rate < 0.97*bitrate || rate > 1.3*bitrate { // one key frame more than a group has
		t.Fatalf("%.0f bit/s", rate)
	}
	if f := videoFrame(0); bytes.Contains(f, []byte{0, 0}) || f[0]&0x1F != 5 {
		t.Fatal("the key frame is none, or needs protection against start codes")
	}
}

func TestCounterSeesLossAndIgnoresReordering(t *testing.T) {
	var c counter
	c.win = &window{}
	c.win.open.Store(true)
	p := packer{pt: videoPT, seq: math.MaxUint16 - 1}
	var all [][]byte
	for n := range 5 {
		all = append(all, split(t, p.addH264(nil, uint32(n), videoFrame(1)))...)
	}
	for i, pkt := range all {
		if i%4 != 2 {
			c.packet(pkt)
		}
	}
	if want := len(all) / 4; c.lost < want-1 || c.lost > want+1 {
		t.Fatalf("%d lost, not %d", c.lost, want)
	}
	lost := c.lost
	c.packet(all[0])
	if c.lost != lost {
		t.Fatal("an old packet counts as loss")
	}
}

func TestIsKey(t *testing.T) {
	for name, tc := range map[string]struct {
		p    []byte
		want bool
	}{
		"empty":       {nil, false},
		"IDR":         {[]byte{0x65, 1}, true},
		"slice":       {[]byte{0x41, 1}, false},
		"FU-A begin":  {[]byte{0x7C, 0x85}, true},
		"FU-A middle": {[]byte{0x7C, 0x05}, false},
		"STAP-A":      {[]byte{0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 1}, true},
		"STAP-A odd":  {[]byte{0x78, 0xFF, 0xFF, 0x67}, false},
	} {
		if isKey(tc.p) != tc.want {
			t.Errorf("%s: not %v", name, tc.want)
		}
	}
}

func TestParameterSetsHaveNoReordering(t *testing.T) {
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		t.Fatal(err)
	}
	if s.Width() != 1280 || s.Height() != 720 || s.PicOrderCntType != 2 {
		t.Fatalf("%dx%d, order count type %d", s.Width(), s.Height(), s.PicOrderCntType)
	}
}

func TestMedianAndQuantiles(t *testing.T) {
	rounds := []figureSet{{"x": 3}, {"x": 1}, {"y": 9}, {"x": 2}}
	if m := median(rounds, "x"); m != 2 {
		t.Errorf("median %v", m)
	}
	if m := median(rounds, "z"); !math.IsNaN(m) {
		t.Errorf("median of nothing %v", m)
	}
	var d []time.Duration
	for i := range 100 {
		d = append(d, time.Duration(i)*time.Millisecond)
	}
	if at(d, 0.5) != 50 || at(d, 0.99) != 99 || !math.IsNaN(at(nil, 0.5)) {
		t.Errorf("quantiles %v %v", at(d, 0.5), at(d, 0.99))
	}
}

func TestControls(t *testing.T) {
	a := answer{body: "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=0\r\nm=audio 0 RTP/AVP 97\r\na=control:rtsp://h/x/1\r\n"}
	got := controls(a, "rtsp://h/x")
	if len(got) != 2 || got[0] != "rtsp://h/x/trackID=0" || got[1] != "rtsp://h/x/1" {
		t.Fatalf("%q", got)
	}
}

func TestPlaylists(t *testing.T) {
	base := &url.URL{Scheme: "http", Host: "h", Path: "/bench/index.m3u8"}
	index := "#EXTM3U\n#EXT-X-MEDIA:TYPE=\"AUDIO\",URI=\"audio2_stream.m3u8?session=x\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo1_stream.m3u8?session=x\n"
	if got := addresses(index, base, false); len(got) != 2 || got[1].String() != "http://h/bench/video1_stream.m3u8?session=x" {
		t.Errorf("%v", got)
	}
	media := "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2,\ns7.mp4\n#EXT-X-PART:DURATION=0.2,URI=\"p1.mp4\"\n#EXTINF:2,\ns8.mp4\n" +
		"#EXT-X-PART:DURATION=0.2,URI=\"p2.mp4\"\n#EXT-X-PART:DURATION=0.2,URI=\"p3.mp4\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4.mp4\"\n"
	if got := addresses(media, base, true); len(got) != 3 || got[2].Path != "/bench/p3.mp4" {
		t.Errorf("%v", got)
	}
	if next, err := following(media); err != nil || next != "_HLS_msn=9&_HLS_part=2" {
		t.Errorf("%q %v", next, err)
	}
	if _, err := following("#EXTM3U\n"); err == nil {
		t.Error("a playlist without sequence numbers is followed")
	}
}

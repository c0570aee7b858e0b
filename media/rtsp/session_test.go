package rtsp

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// feed publishes a VP8 stream of frames of size bytes, every interval, each
// gop-th a key frame, until the test ends or stop is called.
func feed(t testing.TB, router *media.Router, name string, size, gop int, interval time.Duration) (stop func()) {
	t.Helper()
	id, _ := (&fakeAuth{}).Authenticate(t.Context(), auth.Proof{Token: "tok"})
	p, err := router.Publish(media.PublishRequest{Identity: id, Name: safename.MustParse(name),
		Formats: []*codec.Format{codec.NewVideo(codec.VP8), codec.NewOpus(2)}, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	put := func(i int) {
		frame := make([]byte, size)
		if i%gop != 0 {
			frame[0] = 1
		}
		at := time.Duration(i) * interval
		p.Write(0, media.Sample{PTS: media.Ticks(at, 90000), AU: [][]byte{frame}})
		p.Write(1, media.Sample{PTS: media.Ticks(at, 48000), AU: [][]byte{{0xfc, 1, 2}}})
	}
	put(0)
	go func() {
		defer close(done)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for i := 1; ; i++ {
			select {
			case <-ctx.Done():
				p.Close(nil)
				return
			case <-tick.C:
				put(i)
			}
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

const sdpVP8 = "v=0\r\no=nonsense\r\nc=\r\nt=now\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=control:streamid=0\r\n" +
	"m=audio 0 RTP/AVP 0\r\na=control:streamid=1\r\n"

const (
	tcp01 = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
	tcp23 = "Transport: RTP/AVP/TCP;unicast;interleaved=2-3"
)

// TestStates walks through the session's states, in and out of order.
func TestStates(t *testing.T) {
	r := start(t, func(_ *Config, hub *media.Config) {
		hub.Paths["reserved"] = media.PathConfig{Groups: []string{"of bob"}}
		hub.Paths["full"] = media.PathConfig{MaxReaders: 1}
	})
	feed(t, r.router, "cam", 100, 10, 20*time.Millisecond)
	feed(t, r.router, "full", 100, 10, 20*time.Millisecond)
	one := dial(t, r).login()
	one.do("SETUP", "full/trackID=0", tcp01)
	one.do("PLAY", "full")

	type step struct {
		method, path string
		code         int
		headers      string // separated by |
	}
	for _, tc := range []struct {
		name  string
		anon  bool
		steps []step
	}{
		{"options without login", true, []step{{"OPTIONS", "*", 200, ""}, {"OPTIONS", "cam", 200, ""}}},
		{"nothing else without login", true, []step{{"DESCRIBE", "cam", 401, ""}, {"SETUP", "cam/trackID=0", 401, tcp01}, {"ANNOUNCE", "x", 401, ""}}},
		{"play and record before setup", false, []step{{"PLAY", "cam", 455, ""}, {"RECORD", "cam", 455, ""}, {"PAUSE", "cam", 455, ""}, {"TEARDOWN", "cam", 455, ""}}},
		{"no stream", false, []step{{"DESCRIBE", "none", 404, ""}, {"SETUP", "none/trackID=0", 404, tcp01}}},
		{"bad names", false, []step{{"DESCRIBE", "a//b", 400, ""}, {"DESCRIBE", "../etc/passwd", 400, ""}, {"DESCRIBE", "%2e%2e/x", 400, ""}, {"DESCRIBE", "", 400, ""}, {"DESCRIBE", "%zz", 400, ""}}},
		{"bad URLs", false, []step{{"DESCRIBE", "http://h/cam", 400, ""}, {"SETUP", "cam/trackID=x", 400, tcp01}, {"SETUP", "cam/trackID=300", 400, tcp01}}},
		{"unknown method", false, []step{{"REDIRECT", "cam", 501, ""}, {"FOO", "cam", 501, ""}}},
		{"parameters", false, []step{{"GET_PARAMETER", "cam", 200, ""}, {"SET_PARAMETER", "cam", 200, ""}}},
		{"required option", false, []step{{"DESCRIBE", "cam", 551, "Require: www.onvif.org/ver20/backchannel"}, {"DESCRIBE", "cam", 200, ""}}},
		{"play", false, []step{
			{"DESCRIBE", "cam", 200, ""}, {"SETUP", "cam/trackID=0", 200, tcp01}, {"SETUP", "cam/trackID=0", 455, tcp23},
			{"SETUP", "cam/trackID=1", 400, tcp01}, {"SETUP", "cam/trackID=1", 200, tcp23}, {"SETUP", "cam/trackID=2", 404, tcp23},
			{"RECORD", "cam", 455, ""}, {"ANNOUNCE", "cam", 455, ""}, {"PLAY", "cam", 200, ""}, {"PLAY", "cam", 200, ""},
			{"SETUP", "cam/trackID=1", 455, tcp23}, {"PAUSE", "cam", 200, ""}, {"PAUSE", "cam", 200, ""}, {"PLAY", "cam", 200, ""},
			{"GET_PARAMETER", "cam", 200, ""}, {"TEARDOWN", "cam", 200, ""}, {"PLAY", "cam", 454, ""},
		}},
		{"another stream in the same session", false, []step{{"SETUP", "cam/trackID=0", 200, tcp01}, {"SETUP", "full/trackID=1", 459, tcp23}}},
		{"track does not exist", false, []step{{"SETUP", "cam/trackID=7", 404, tcp01}, {"PLAY", "cam", 455, ""}}},
		{"the stream's URL instead of the tracks'", false, []step{{"SETUP", "cam", 200, tcp01}, {"SETUP", "cam/", 200, tcp23}, {"SETUP", "cam", 404, "Transport: RTP/AVP/TCP"}, {"PLAY", "cam/", 200, ""}}},
		{"foreign session", false, []step{{"GET_PARAMETER", "cam", 454, "Session: 123"}, {"SETUP", "cam/trackID=0", 200, tcp01}, {"PLAY", "cam", 200, ""}}},
		{"transports", false, []step{
			{"SETUP", "cam/trackID=0", 461, ""}, {"SETUP", "cam/trackID=0", 461, "Transport: RTP/AVP;multicast"},
			{"SETUP", "cam/trackID=0", 461, "Transport: RTP/SAVP;unicast;client_port=5000-5001"}, {"SETUP", "cam/trackID=0", 461, "Transport: RAW/RAW/UDP"},
			{"SETUP", "cam/trackID=0", 461, "Transport: RTP/AVP;unicast"}, {"SETUP", "cam/trackID=0", 400, "Transport: RTP/AVP;unicast;client_port=1-70000"},
			{"SETUP", "cam/trackID=0", 400, "Transport: RTP/AVP/TCP;interleaved=255"}, {"SETUP", "cam/trackID=0", 400, "Transport: RTP/AVP/TCP;interleaved=-1-0"},
			{"SETUP", "cam/trackID=0", 200, "Transport: RTP/AVP;multicast,RTP/AVP/TCP;unicast"}, {"SETUP", "cam/trackID=1", 461, "Transport: RTP/AVP;unicast;client_port=50000-50001"},
		}},
		{"full", false, []step{{"SETUP", "full/trackID=0", 200, tcp01}, {"PLAY", "full", 453, ""}}},
		{"announce what may not be", false, []step{{"ANNOUNCE", "reserved", 403, ""}, {"ANNOUNCE", "x", 400, ""}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, r)
			if !tc.anon {
				c.login()
			}
			for i, s := range tc.steps {
				var headers []string
				if s.headers != "" {
					headers = strings.Split(s.headers, "|")
				}
				if got := c.do(s.method, s.path, headers...); got.code != s.code {
					t.Fatalf("step %d, %s %s: %d %s, want %d", i, s.method, s.path, got.code, got.reason, s.code)
				}
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	r := start(t, nil)
	feed(t, r.router, "a/cam", 100, 10, 20*time.Millisecond)
	c := dial(t, r)
	if got := c.do("OPTIONS", "a/cam").get("Public"); got != "DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN" {
		t.Errorf("Public: %s", got)
	}
	c.login()
	d := c.do("DESCRIBE", "a/cam?token=tok")
	if got := d.get("Content-Base"); got != c.base+"a/cam/" {
		t.Errorf("Content-Base: %s", got)
	}
	for _, want := range []string{"m=video 0 RTP/AVP 96\r\n", "a=rtpmap:96 VP8/90000\r\n", "a=control:trackID=0\r\n", "m=audio 0 RTP/AVP 97\r\n", "a=control:trackID=1\r\n"} {
		if !strings.Contains(d.body, want) {
			t.Errorf("no %q in the SDP:\n%s", want, d.body)
		}
	}
	s := c.do("SETUP", "a/cam/trackID=1", "Transport: RTP/AVP/TCP;unicast;interleaved=4-5")
	if got := s.get("Transport"); !regexp.MustCompile(`^RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=[0-9A-F]{8}$`).MatchString(got) {
		t.Errorf("Transport: %s", got)
	}
	if got := s.get("Session"); !regexp.MustCompile(`^[A-Z2-7]+;timeout=55$`).MatchString(got) {
		t.Errorf("Session: %s", got)
	}
	if got := c.do("PLAY", "a/cam/").get("Range"); got != "npt=now-" {
		t.Errorf("Range: %s", got)
	}
}

// TestPlay looks at the packets a player gets: its own numbers without gaps, the
// times that RTP-Info announces, and a sender report at once.
func TestPlay(t *testing.T) {
	r := start(t, nil)
	stop := feed(t, r.router, "cam", 3000, 10, 10*time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	c := dial(t, r).login()
	c.do("SETUP", "cam/trackID=0", tcp01)
	c.do("SETUP", "cam/trackID=1", tcp23)
	info := regexp.MustCompile(`^url=(\S+);seq=(\d+);rtptime=(\d+),url=(\S+);seq=(\d+);rtptime=(\d+)$`)
	var next, last [4]uint16
	for round := range 2 { // play, pause, play: the numbers go on
		m := info.FindStringSubmatch(c.do("PLAY", "cam/").get("RTP-Info"))
		if m == nil || m[1] != c.base+"cam/trackID=0" || m[4] != c.base+"cam/trackID=1" {
			t.Fatalf("RTP-Info: %q", m)
		}
		for ch, at := range map[int]int{0: 2, 2: 5} {
			n, _ := strconv.Atoi(m[at])
			next[ch] = uint16(n)
			if round == 1 && next[ch] != last[ch] {
				t.Errorf("channel %d goes on with %d after %d", ch, n, last[ch])
			}
		}
		rtptime, _ := strconv.ParseUint(m[3], 10, 32)
		var first uint32
		reports := 0
		for range 200 {
			ch, p := c.frame()
			if ch == 1 || ch == 3 {
				if sr := senderReports(p); len(sr) != 1 || time.Since(fromNTP(sr[0].ntp)).Abs() > 5*time.Second {
					t.Errorf("sender reports: %+v", sr)
				}
				reports++
				continue
			}
			if seq := binary.BigEndian.Uint16(p[2:]); seq != next[ch] {
				t.Fatalf("channel %d: packet %d, want %d", ch, seq, next[ch])
			}
			next[ch]++
			if ch == 0 && first == 0 {
				first = codec.PacketTimestamp(p)
			}
		}
		if first != uint32(rtptime) {
			t.Errorf("the first timestamp is %d, announced was %d", first, rtptime)
		}
		if reports < 2 {
			t.Errorf("%d sender reports", reports)
		}
		c.send("PAUSE", "cam", "")
		for { // what was on its way
			if b, _ := c.br.Peek(1); b[0] != '$' {
				break
			}
			ch, p := c.frame()
			if ch == 0 || ch == 2 {
				next[ch] = binary.BigEndian.Uint16(p[2:]) + 1
			}
		}
		c.read()
		last = next
	}
	c.do("PLAY", "cam")
	stop()
	bye := 0
	for {
		if b, err := c.br.Peek(1); err != nil || b[0] != '$' {
			break
		}
		if ch, p := c.frame(); ch%2 == 1 && p[1] == rtcpBye {
			bye++
		}
	}
	if bye != 2 || !c.closed(time.Second) {
		t.Errorf("the stream ended: %d BYEs", bye)
	}
}

// TestRecord publishes by hand: wrong SDP lines, media in a channel that was not
// set up, what is no RTP; then takeover by another user, kick and end.
func TestRecord(t *testing.T) {
	r := start(t, nil)
	c := dial(t, r).login()
	announce := func(c *raw, path string) answer {
		c.send("ANNOUNCE", path, sdpVP8)
		return c.read()
	}
	if res := announce(c, "cam"); res.code != 200 {
		t.Fatalf("ANNOUNCE: %d %s", res.code, res.reason)
	}
	if res := c.do("RECORD", "cam"); res.code != 455 {
		t.Errorf("RECORD before SETUP: %d", res.code)
	}
	if res := c.do("PLAY", "cam"); res.code != 455 {
		t.Errorf("PLAY of an announcement: %d", res.code)
	}
	if res := c.do("SETUP", "cam/streamid=1", tcp23+";mode=record"); res.code != 200 {
		t.Errorf("SETUP: %d %s", res.code, res.reason)
	}
	if res := c.do("SETUP", "cam/streamid=0", tcp01+`;mode="RECORD"`); res.code != 200 {
		t.Errorf("SETUP: %d %s", res.code, res.reason)
	}
	if res := c.do("RECORD", "cam"); res.code != 200 {
		t.Fatalf("RECORD: %d %s", res.code, res.reason)
	}
	id, _ := r.auth.Authenticate(t.Context(), auth.Proof{Token: "tok"})
	s, err := r.router.Find(id, safename.MustParse("cam"))
	if err != nil || len(s.Tracks) != 2 {
		t.Fatalf("the stream: %v", err)
	}
	rd, _ := r.router.Tap(s, media.StartNextKey)
	defer rd.Close(nil)
	frame := func(ch byte, p string) { fmt.Fprintf(c.nc, "$%c%c%c%s", ch, len(p)>>8, len(p), p) }
	frame(9, "not set up")
	frame(0, "no RTP")
	frame(0, "")
	frame(1, "no RTCP")
	frame(0, "\x80\xe0\x00\x01\x00\x00\x10\x00\x00\x00\x00\x01\x10\x00\x00key frame")
	var batch [8]media.Delivery
	n, err := rd.Pull(batch[:])
	if err != nil || n != 1 || !batch[0].Key || string(batch[0].AU[0][2:]) != "key frame" {
		t.Fatalf("pulled %d units, %v, %+v", n, err, batch[0].Unit)
	}
	if res := c.do("GET_PARAMETER", "cam"); res.code != 200 {
		t.Errorf("GET_PARAMETER while recording: %d", res.code)
	}
	if res := c.do("PAUSE", "cam"); res.code != 455 {
		t.Errorf("PAUSE while recording: %d", res.code)
	}

	other := dial(t, r)
	other.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte("bob:"+password))
	announce(other, "cam")
	other.do("SETUP", "cam/streamid=0", tcp01)
	if res := other.do("RECORD", "cam"); res.code != 403 || !strings.Contains(res.reason, "somebody else") {
		t.Errorf("a second publisher: %d %s", res.code, res.reason)
	}
	if res := dialAs(t, r, "bob").do("DESCRIBE", "cam"); res.code != 404 {
		t.Errorf("DESCRIBE by another group: %d", res.code)
	}
	if res := c.do("TEARDOWN", "cam"); res.code != 200 {
		t.Errorf("TEARDOWN: %d", res.code)
	}
	c.sess = ""
	if res := c.do("DESCRIBE", "cam"); res.code != 404 {
		t.Errorf("DESCRIBE after TEARDOWN: %d", res.code)
	}
}

func dialAs(t testing.TB, r *rig, user string) *raw {
	c := dial(t, r)
	c.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	return c
}

func TestNothingUsable(t *testing.T) {
	r := start(t, nil)
	c := dial(t, r).login()
	c.send("ANNOUNCE", "cam", "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:x\r\n")
	if res := c.read(); res.code != 415 {
		t.Errorf("a payload type without a name: %d", res.code)
	}
	c.send("ANNOUNCE", "cam", "v=0\r\n"+strings.Repeat("m=video 0 RTP/AVP 96\r\n", 17))
	if res := c.read(); res.code != 400 {
		t.Errorf("17 media: %d", res.code)
	}
}

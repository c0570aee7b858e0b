package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/mikey"
	"github.com/pion/rtp"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

var discard = slog.New(slog.NewTextHandler(io.Discard, nil))

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

// feedQuietly publishes a stream with one key frame and nothing after it.
func feedQuietly(t testing.TB, router *media.Router, name string) {
	id, _ := (&fakeAuth{}).Authenticate(t.Context(), auth.Proof{Token: "tok"})
	p, err := router.Publish(media.PublishRequest{Identity: id, Name: safename.MustParse(name),
		Formats: []*codec.Format{codec.NewVideo(codec.VP8)}, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(nil) })
	p.Write(0, media.Sample{AU: [][]byte{{0, 1, 2}}})
}

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]struct {
		path, base, user, token string
		track                   int
	}{
		"rtsp://h:8554/cam":                     {"cam", "rtsp://h:8554/cam", "", "", -1},
		"rtsp://h/a/b/":                         {"a/b", "rtsp://h/a/b", "", "", -1},
		"RTSPS://u:p@h/cam/trackID=3":           {"cam", "rtsps://h/cam", "", "", 3},
		"rtsp://h/cam?user=u&pass=p/trackID=1/": {"cam", "rtsp://h/cam", "u", "", 1},
		"rtsp://h/cam?token=t%2Fx/streamid=0":   {"cam", "rtsp://h/cam", "", "t/x", -1},
		"rtsp://h/cam/?jwt=j":                   {"cam", "rtsp://h/cam", "", "j", -1},
		"rtsp://h":                              {"", "rtsp://h/", "", "", -1},
		"rtsp://[::1]:8554/caf%C3%A9?a=b":       {"café", "rtsp://[::1]:8554/caf%C3%A9", "", "", -1},
	} {
		got, err := parseTarget(in)
		var p auth.Proof
		p.Query(got.query)
		if err != nil || got.path != want.path || got.base != want.base || got.track != want.track || p.User != want.user || p.Token != want.token {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "*", "/cam", "http://h/cam", "rtsp://h/%", "rtsp://h/cam/trackID=", "rtsp://h/cam/trackID=-1", "rtsp://h/cam/trackID=999"} {
		if got, err := parseTarget(in); err == nil {
			t.Errorf("%s: %+v", in, got)
		}
	}
}

func TestControlMatches(t *testing.T) {
	for _, tc := range []struct {
		url, control string
		want         bool
	}{
		{"rtsp://h/cam/streamid=0", "streamid=0", true},
		{"rtsp://h/cam/streamid=10", "streamid=0", false},
		{"rtsp://h/cam?user=u&pass=p/streamid=0", "streamid=0", true},
		{"rtsp://u@h/cam/track1", "rtsp://other/cam/track1", true},
		{"rtsp://h/cam/stream=0", "/stream=0", true},
		{"rtsp://h/cam?ctype=video", "?ctype=video", true},
		{"rtsp://h/cam", "*", false},
		{"rtsp://h/cam", "", false},
	} {
		if got := controlMatches(tc.url, tc.control); got != tc.want {
			t.Errorf("%s, %s: %v", tc.url, tc.control, got)
		}
	}
}

func TestParseTransports(t *testing.T) {
	free := [2]int{-1, -1}
	for in, want := range map[string][]transport{
		"RTP/AVP/TCP;unicast;interleaved=0-1":                                 {{tcp: true, channels: [2]int{0, 1}}},
		"RTP/AVP;unicast;client_port=5000-5001;mode=record":                   {{channels: free, ports: [2]int{5000, 5001}}},
		"RTP/AVP/UDP;unicast;client_port=5000;destination=10.0.0.1;source=no": {{channels: free, ports: [2]int{5000, 5001}}},
		"RTP/AVP;multicast, rtp/avp/tcp; interleaved=6":                       {{channels: free, multicast: true}, {tcp: true, channels: [2]int{6, 7}}},
		"RTP/SAVP/TCP;unicast":                                                {{tcp: true, secure: true, channels: free}},
		"RAW/RAW/UDP;unicast":                                                 nil,
		"":                                                                    nil,
	} {
		if got, err := parseTransports(in); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"RTP/AVP;client_port=x", "RTP/AVP;client_port=0-1", "RTP/AVP;client_port=65535", "RTP/AVP/TCP;interleaved=256-257",
		"RTP/AVP/TCP;interleaved=3-3", "RTP/AVP/TCP;interleaved=+1-2", "RTP/AVP;client_port=99999999999999999999-1"} {
		if got, err := parseTransports(in); err == nil {
			t.Errorf("%s: %+v", in, got)
		}
	}
}

func TestParseAuthorization(t *testing.T) {
	a, ok := parseAuthorization("basic YWxpY2U6c2VjcmV0OiAx")
	if !ok || a.user != "alice" || a.password != password {
		t.Errorf("a password with a colon: %+v", a)
	}
	a, ok = parseAuthorization(`Digest username="a\"b, c", realm="muster",nonce="n",uri="rtsp://h/x?a=b,c" , response="ABCDEF", algorithm=sha-256, qop=auth, nc=00000001, cnonce="q"`)
	want := auth.Digest{Algorithm: "SHA-256", Realm: "muster", Nonce: "n", URI: "rtsp://h/x?a=b,c", QOP: "auth", NC: "00000001", CNonce: "q", Response: "abcdef"}
	if !ok || a.user != `a"b, c` || *a.digest != want || a.method != methodDigestSHA256 {
		t.Errorf("digest: %+v %+v", a, a.digest)
	}
	for _, in := range []string{"", "Basic", "Basic !", "Basic YQ==", "Bearer ", "Negotiate x", "Digest", `Digest username="a"`,
		`Digest username="a", realm="other", nonce="n", response="00"`, `Digest username="a", realm="muster", algorithm=MD5-sess, response="00"`} {
		if _, ok := parseAuthorization(in); ok {
			t.Errorf("%q was taken", in)
		}
	}
}

func TestParseSDP(t *testing.T) {
	in := "v=1\no=- x y IN\nc=IN IP4\nt=\na=control:*\nm=video 0 RTP/AVP 96 97\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1; sprop-parameter-sets=%%%\na=control:track1\n" +
		"m=audio 0 RTP/AVP 8\nm=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\nm=text 0 RTP/AVP 99\nm=audio 0 RTP/AVP nonsense\n"
	got, err := parseSDP([]byte(in))
	if err != nil || len(got) != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got[0].codec.Codec != codec.H264 || got[0].control != "track1" || got[1].codec.Codec != codec.G711 || got[2].codec.Codec != codec.Opaque ||
		got[3].format != nil || got[4].format != nil {
		t.Errorf("%+v", got)
	}
	if _, err := parseSDP([]byte("v=0\r\n")); err == nil {
		t.Error("an SDP without media was taken")
	}
}

// packets makes RTP packets with these numbers.
func packets(seqs ...uint16) []*rtp.Packet {
	var out []*rtp.Packet
	for _, s := range seqs {
		out = append(out, &rtp.Packet{Header: rtp.Header{SequenceNumber: s, SSRC: 1, Timestamp: uint32(s) * 3000}, Payload: []byte{1}})
	}
	return out
}

func TestReceiverOrder(t *testing.T) {
	far := make([]uint16, reorderPackets)
	for i := range far {
		far[i] = uint16(102 + i)
	}
	past := make([]uint16, restartAfter)
	for i := range past {
		past[i] = uint16(5000 + i)
	}
	for _, tc := range []struct {
		name     string
		reorders bool
		in, out  []uint16
		lost     uint64
	}{
		{"in order, over the top", true, []uint16{65534, 65535, 0, 1}, []uint16{65534, 65535, 0, 1}, 0},
		{"swapped", true, []uint16{1, 3, 2, 4}, []uint16{1, 2, 3, 4}, 0},
		{"swapped over the top", true, []uint16{65534, 0, 1, 65535, 2}, []uint16{65534, 65535, 0, 1, 2}, 0},
		{"twice", true, []uint16{1, 2, 2, 4, 4, 3}, []uint16{1, 2, 3, 4}, 0},
		{"lost for good", true, append([]uint16{100}, far...), append([]uint16{100}, far...), 1},
		{"sender starts anew", true, append([]uint16{10000}, past...), []uint16{10000, past[restartAfter-1]}, 0},
		{"reliable, gap", false, []uint16{1, 2, 5, 6}, []uint16{1, 2, 5, 6}, 2},
		{"reliable, back", false, []uint16{7, 3, 4}, []uint16{7, 3, 4}, 0},
	} {
		r := receiver{rate: 90000, reorders: tc.reorders}
		var out []uint16
		for _, p := range packets(tc.in...) {
			in, _ := r.push(p, time.Unix(1000, 0))
			for _, p := range in {
				out = append(out, p.SequenceNumber)
			}
		}
		if !reflect.DeepEqual(out, tc.out) || r.lost != tc.lost {
			t.Errorf("%s: %v, %d lost; want %v, %d", tc.name, out, r.lost, tc.out, tc.lost)
		}
	}
}

func TestReceiverGivesUpInTime(t *testing.T) {
	r := receiver{rate: 90000, reorders: true}
	now := time.Unix(1000, 0)
	for _, p := range packets(1, 3, 4) {
		r.push(p, now)
	}
	out, lost := r.push(packets(5)[0], now.Add(reorderTime+1))
	if len(out) != 3 || lost != 1 {
		t.Errorf("%d packets, %d lost", len(out), lost)
	}
}

func TestReport(t *testing.T) {
	r := receiver{rate: 90000}
	now := time.Unix(1000, 0)
	if b := r.appendReport(nil, 7, now); b != nil {
		t.Errorf("a report on nothing: %x", b)
	}
	for _, p := range packets(65534, 65535, 0, 3) {
		r.push(p, now)
		now = now.Add(time.Second / 30)
	}
	r.senderReport(senderReport{ntp: 0x0102030405060708}, now)
	got := r.appendReport(nil, 7, now.Add(time.Second/2))
	want := []byte{0x81, 201, 0, 7, 0, 0, 0, 7, 0, 0, 0, 1, 2 * 256 / 6, 0, 0, 2, 0, 1, 0, 3}
	if len(got) != 32 || !bytes.Equal(got[:20], want) || !bytes.Equal(got[24:], []byte{3, 4, 5, 6, 0, 0, 0x80, 0}) {
		t.Errorf("% x", got)
	}
}

func TestKeys(t *testing.T) {
	out, header, err := makeCipher("rtsps://h/cam/trackID=0", 7, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := parseKeyMgmt(header)
	if err != nil {
		t.Fatal(err)
	}
	in, err := cipherFrom(msg, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := out.EncryptRTCP(nil, appendBye(nil, 7), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := in.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(got, appendBye(nil, 7)) {
		t.Errorf("% x, %v", got, err)
	}
	if _, err := cipherFrom(msg, time.Now().Add(2*mikeyAge)); err == nil {
		t.Error("an old message was taken")
	}
	for i, p := range msg.Payloads {
		if sp, ok := p.(*mikey.PayloadSP); ok {
			sp.PolicyParams = sp.PolicyParams[1:]
			msg.Payloads[i] = sp
		}
	}
	if _, err := cipherFrom(msg, time.Now()); err == nil {
		t.Error("a policy without a cipher was taken")
	}
	for _, bad := range []string{"", "prot=mikey", `prot=mikey;uri="x";data="AAAA"`, "mikey", "mikey !", "sdes AAAA"} {
		if _, err := parseKeyMgmt(bad); err == nil {
			t.Errorf("KeyMgmt %q was taken", bad)
		}
		if _, err := parseKeyAttribute(bad); err == nil {
			t.Errorf("key-mgmt %q was taken", bad)
		}
	}
}

func TestNTP(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC)
	if d := fromNTP(toNTP(at)).Sub(at); d.Abs() > time.Nanosecond {
		t.Errorf("off by %s", d)
	}
	b := appendSenderReport(nil, senderReport{ssrc: 9, ntp: toNTP(at), rtp: 77}, 1, 2, "name")
	if got := senderReports(b); len(got) != 1 || got[0].rtp != 77 || len(b)%4 != 0 || b[28+3] != byte((len(b)-28)/4-1) {
		t.Errorf("%+v from % x", got, b)
	}
}

func TestTimeline(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	sr := func(at time.Duration, rtp uint32) senderReport {
		return senderReport{ntp: toNTP(begin.Add(at)), rtp: rtp}
	}
	sec := time.Second

	t.Run("arrival", func(t *testing.T) {
		var tl timeline
		v, a := &trackClock{rate: 90000}, &trackClock{rate: 48000}
		if got := tl.decode(v, 0xffffff00, begin, true); got != 0 {
			t.Errorf("starts at %d", got)
		}
		if got := tl.decode(v, 90000-0x100, begin.Add(sec), true); got != 90000 { // over the top
			t.Errorf("after a second: %d", got)
		}
		if got := tl.decode(a, 5, begin.Add(2*sec), true); got != 96000 {
			t.Errorf("sound starts at %d", got)
		}
	})
	t.Run("reports before the first packet", func(t *testing.T) {
		var tl timeline
		v, a := &trackClock{rate: 90000}, &trackClock{rate: 48000}
		tl.report(v, sr(0, 1000))
		tl.decode(v, 1000, begin, true)
		tl.report(a, sr(0, 777))
		// It comes 400 ms late but was captured at the same moment.
		if got := tl.decode(a, 777, begin.Add(400*time.Millisecond), true); got != 0 {
			t.Errorf("sound starts at %d", got)
		}
	})
	t.Run("reports later", func(t *testing.T) {
		var tl timeline
		v, a := &trackClock{rate: 90000}, &trackClock{rate: 48000}
		tl.decode(v, 0, begin, true)
		tl.decode(a, 0, begin.Add(200*time.Millisecond), true)
		tl.report(v, sr(0, 0))
		tl.report(a, sr(0, 0))
		last := int64(-1)
		for i := range 1000 {
			at := time.Duration(i) * 20 * time.Millisecond
			tl.decode(v, uint32(i*1800), begin.Add(at), true)
			pts := tl.decode(a, uint32(i*960), begin.Add(at+200*time.Millisecond), true)
			if pts <= last && i > 0 {
				t.Fatalf("time runs backwards: %d after %d", pts, last)
			}
			last = pts
		}
		if last != 999*960 {
			t.Errorf("sound is off by %d ticks", last-999*960)
		}
	})
	t.Run("a jump", func(t *testing.T) {
		var tl timeline
		v := &trackClock{rate: 90000}
		tl.decode(v, 0, begin, true)
		if got := tl.decode(v, 90000*3600, begin.Add(sec), true); got != 90000 {
			t.Errorf("after an hour's jump: %d", got)
		}
	})
	t.Run("wall clock", func(t *testing.T) {
		v := &trackClock{rate: 90000}
		var tl timeline
		tl.report(v, sr(0, 0))
		if got := v.wall(90000, begin.Add(sec)); got.Sub(begin.Add(sec)).Abs() > time.Microsecond {
			t.Errorf("%s", got)
		}
		if got := v.wall(90000, begin.Add(time.Hour)); !got.IsZero() {
			t.Errorf("an hour off: %s", got)
		}
	})
}

// bytesConn is a connection whose client sends data and then nothing more.
type bytesConn struct {
	io.Reader
	out bytes.Buffer
}

func (c *bytesConn) Write(b []byte) (int, error)    { return c.out.Write(b) }
func (*bytesConn) Close() error                     { return nil }
func (*bytesConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (*bytesConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (*bytesConn) SetDeadline(time.Time) error      { return nil }
func (*bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (*bytesConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzConn feeds a connection whatever; it must neither panic nor hang.
func FuzzConn(f *testing.F) {
	login := "CSeq: 1\r\nAuthorization: Basic YWxpY2U6c2VjcmV0OiAx\r\n"
	f.Add([]byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
	f.Add([]byte("DESCRIBE rtsp://h/cam RTSP/1.0\r\n" + login + "\r\nSETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 2\r\n" + tcp01 + "\r\n\r\n" +
		"PLAY rtsp://h/cam RTSP/1.0\r\nCSeq: 3\r\n\r\n$\x01\x00\x04aaaaPAUSE rtsp://h/cam RTSP/1.0\r\nCSeq: 4\r\n\r\n"))
	f.Add([]byte("ANNOUNCE rtsp://h/new RTSP/1.0\r\n" + login + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(sdpVP8)) + sdpVP8 + "SETUP rtsp://h/new/streamid=0 RTSP/1.0\r\nCSeq: 2\r\n" + tcp01 +
		"\r\n\r\nRECORD rtsp://h/new RTSP/1.0\r\nCSeq: 3\r\n\r\n$\x00\x00\x11\x80\xe0\x00\x01\x00\x00\x10\x00\x00\x00\x00\x01\x10\x00\x00ke$\x01\x00\x04aaaaTEARDOWN rtsp://h/new RTSP/1.0\r\nCSeq: 4\r\n\r\n"))
	f.Add([]byte("SETUP rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Digest username=\"a\", realm=\"muster\"\r\nTransport: RTP/AVP;client_port=1\r\n\r\n"))
	sessions := auth.NewSessions(nil)
	router := media.New(media.DefaultConfig(), sessions, bus.New(), discard)
	feedQuietly(f, router, "cam")
	s, err := New(DefaultConfig(), Deps{Router: router, Auth: &fakeAuth{}, Doors: run.NewDoors(), Log: discard})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		before := run.Panics()
		s.ServeConn(context.Background(), &bytesConn{Reader: bytes.NewReader(in)})
		if n := len(sessions.List()); n > 1 { // the one being fed
			t.Fatalf("%d sessions are left", n)
		}
		if n := run.Panics() - before; n != 0 {
			t.Fatalf("%d panics", n)
		}
	})
}

func FuzzParts(f *testing.F) {
	f.Add(sdpVP8)
	f.Add("RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;client_port=5000-5001")
	f.Add(`Digest username="a", realm="muster", nonce="n", uri="u", response="r"`)
	f.Add("rtsp://u:p@h/cam?token=x/trackID=0")
	f.Add("\x80\xc8\x00\x06aaaabbbbbbbbccccddddeeee")
	if _, header, err := makeCipher("rtsps://h/cam", 1, time.Now()); err == nil {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, parse := range []func(string) (*mikey.Message, error){parseKeyMgmt, parseKeyAttribute} {
			if msg, err := parse(in); err == nil {
				cipherFrom(msg, time.Now())
			}
		}
		if medias, err := parseSDP([]byte(in)); err == nil && len(medias) > maxMedias {
			t.Error("too many media")
		}
		parseTransports(in)
		parseAuthorization(in)
		senderReports([]byte(in))
		if target, err := parseTarget(in); err == nil && strings.HasPrefix(target.path, "/") {
			t.Errorf("path %q", target.path)
		}
		var pkt rtp.Packet
		if pkt.Unmarshal([]byte(in)) == nil {
			r := receiver{rate: 90000, reorders: true}
			r.push(&pkt, time.Unix(1, 0))
		}
	})
}

package test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// answer is what came of an HTTP request.
type answer struct {
	status int // 0: the connection ended without an answer
	head   http.Header
	body   string
}

// http sends a request exactly as written and reads the answer. head are header
// lines with their ends; Host and Connection are added unless there is a Host.
func (s *siege) http(t *testing.T, door, from, method, target, head, body string) answer {
	t.Helper()
	c := s.dial(t, door, from)
	if c == nil {
		return answer{}
	}
	defer c.Close()
	if door == "https" {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if !strings.Contains(head, "Host:") {
		head += "Host: 127.0.0.1\r\n"
	}
	if body != "" && !strings.Contains(head, "Content-Length:") {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	req := fmt.Sprintf("%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n%s", method, target, head, body)
	go io.WriteString(c, req) // the server may answer before it has read all
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // cut short is what it is
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// refused checks for a plain refusal: neither success nor a fault of the server.
func (a answer) refused(t *testing.T, what string) {
	t.Helper()
	if a.status < 400 || a.status >= 500 {
		t.Errorf("%.120s: answered %d: %.200s", what, a.status, a.body)
	}
}

func as(user string) string {
	return "Authorization: " + basic(user, passwordOf(user)) + "\r\n"
}

// names that lead out of where names belong, in the forms that they come in.
var wrongNames = []string{
	"..", "../..", "../../../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/etc/passwd",
	"a/../cam", "a/%2e%2e/cam", "cam%00", "%00", "cam\x00", ".ssh", "a/.ssh/b", "..;/cam", "%c0%ae%c0%ae/etc/passwd", `..\..\etc\passwd`,
	"%5c..%5c..%5cetc", "/etc/passwd", "//evil.example/x", "cam%20x", "cam%0d%0aSet-Cookie:%20a=b", "%252e%252e/cam", "c\u00e4m", "cam:x", "~root/..",
	strings.Repeat("a", 10<<10), strings.Repeat("a/", 200) + "a", strings.Repeat("../", 500) + "etc/passwd",
}

// badNames tries them as streams and as files, at every door.
func badNames(t *testing.T, s *siege) {
	type way struct{ door, method, before, after, head, body string }
	sdp := "Content-Type: application/sdp\r\n"
	ways := []way{
		{"hls", "GET", "/", "/index.m3u8", as("pilot"), ""},
		{"hls", "GET", "/", "/", as("pilot"), ""},
		{"webrtc", "POST", "/", "/whip", as("pilot") + sdp, "v=0\r\n"},
		{"webrtc", "POST", "/", "/whep", as("pilot") + sdp, "v=0\r\n"},
		{"webrtc", "DELETE", "/cam/whep/", "", "", ""},
		{"webrtc", "GET", "/", "/publish", "", ""},
		{"api", "GET", "/api/v1/streams/", "", as("pilot"), ""},
		{"api", "GET", "/api/v1/stills/", "", as("pilot"), ""},
		{"api", "DELETE", "/api/v1/users/", "", as("admin"), ""},
		{"media-api", "GET", "/v3/paths/get/", "", as("admin"), ""},
		{"https", "GET", "/hls/", "/index.m3u8", as("pilot"), ""},
		{"https", "POST", "/rtc/", "/whep", as("pilot") + sdp, "v=0\r\n"},
		{"https", "GET", "/assets/", "", "", ""},
		{"https", "GET", "/", "", "", ""},
		{"http", "GET", "/", "", "", ""},
	}
	page := s.http(t, "https", attacker, "GET", "/", "", "").body
	var wg sync.WaitGroup
	for _, w := range ways {
		wg.Go(func() {
			for _, name := range wrongNames {
				what := w.door + " " + w.method + " " + w.before + name + w.after
				a := s.http(t, w.door, attacker, w.method, w.before+name+w.after, w.head, w.body)
				to := a.head.Get("Location")
				switch {
				case strings.Contains(a.body, "root:") || a.head.Get("Set-Cookie") != "":
					t.Errorf("%.120s: answered %d %v %.200s", what, a.status, a.head, a.body)
				case a.status >= 500 || a.status == 0:
					t.Errorf("%.120s: answered %d: %.200s", what, a.status, a.body)
				case a.status >= 300 && a.status < 400:
					if strings.HasPrefix(to, "//") || strings.HasPrefix(to, "http") && !strings.HasPrefix(to, fmt.Sprintf("https://127.0.0.1:%d/", s.ports["https"])) {
						t.Errorf("%.120s: leads to %.120s", what, to)
					}
				case a.status < 300 && (w.door != "https" || a.body != page):
					t.Errorf("%.120s: answered %d: %.200s", what, a.status, a.body)
				}
			}
		})
	}
	wg.Go(func() { s.badNamesElsewhere(t) })
	wg.Wait()
	var list struct{ Streams []streamInfo }
	s.api("admin", "GET", "streams", nil, &list)
	if len(list.Streams) != 1 || list.Streams[0].Name != "cam" {
		t.Errorf("there are streams %+v", list.Streams)
	}
}

// slashed are names that are good without the slashes before them, which RTSP
// and RTMP take for the end of the address.
func slashed(name string) bool { return name == "/etc/passwd" || name == "//evil.example/x" }

// badNamesElsewhere is for the doors that are not HTTP.
func (s *siege) badNamesElsewhere(t *testing.T) {
	login := basic("pilot", passwordOf("pilot"))
	for i, name := range wrongNames {
		c := s.camera(t, attacker)
		url := fmt.Sprintf("rtsp://127.0.0.1:%d/%s", s.ports["rtsp"], name)
		for method, body := range map[string]string{"DESCRIBE": "", "ANNOUNCE": oneTrack, "SETUP": ""} {
			if code, _ := c.ask(method, url, login, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", body); code != 0 && (code < 400 || code >= 500) && !slashed(name) {
				t.Errorf("rtsp: %s %.80q is answered %d", method, name, code)
			}
		}
		c.Close()
		if len(name) > 4096 {
			continue
		}
		key := name + "?user=pilot&pass=" + passwordOf("pilot")
		if got := s.rtmpOpen(t, attacker, "publish", "", key); strings.Contains(got, "Publish.Start") {
			if !slashed(name) {
				t.Errorf("rtmp: may publish %.80q", name)
			}
		}
		for _, id := range []string{"publish:" + name + ":pilot:" + passwordOf("pilot"), "#!::m=publish,r=" + name + ",u=pilot,s=" + passwordOf("pilot")} {
			if len(id) > 512 {
				continue
			}
			if code := s.srtCode(t, attacker, id, uint32(100_000+i)); code == "0" {
				t.Errorf("srt: may publish %.80q", id)
			}
		}
	}
}

// attackHLS goes for segments without a right.
func attackHLS(t *testing.T, s *siege) {
	master := s.http(t, "hls", elsewhere, "GET", "/cam/index.m3u8", as("watcher"), "")
	uri := firstURI(master.body)
	if master.status != 200 || uri == "" {
		t.Fatalf("a viewer gets %d: %s", master.status, master.body)
	}
	var media answer
	wait(t, 10*time.Second, "segments", func() error {
		media = s.http(t, "hls", elsewhere, "GET", "/cam/"+uri, "", "")
		if !strings.Contains(media.body, ".mp4") {
			return fmt.Errorf("%d: %s", media.status, media.body)
		}
		return nil
	})
	segment := "/cam/" + firstURI(media.body)
	if a := s.http(t, "hls", elsewhere, "GET", segment, "", ""); a.status != 200 {
		t.Fatalf("a viewer gets %d for %s", a.status, segment)
	}
	bare, _, _ := strings.Cut(segment, "?")
	_, secret, _ := strings.Cut(segment, "session=")
	for _, target := range []string{
		bare, bare + "?session=", bare + "?session=" + strings.Repeat("A", 26), bare + "?session=" + secret[:len(secret)-1],
		bare + "?session=" + strings.ToLower(secret), bare + "?session=" + secret + "%00", "/cam/index.m3u8", "/cam/" + strings.Split(uri, "?")[0],
		strings.Replace(segment, "/cam/", "/other/", 1), "/cam/index.m3u8?session[]=x", "/cam/index.m3u8?user=watcher",
	} {
		if a := s.http(t, "hls", attacker, "GET", target, "", ""); a.status != 401 {
			t.Errorf("%s: answered %d to who has shown nothing: %.200s", target, a.status, a.body)
		}
	}
	for name, ranges := range map[string]string{"20 ranges": strings.Repeat("0-1,", 19) + "0-1", "far out": "99999999999-", "not ranges": "x"} {
		if a := s.http(t, "hls", attacker, "GET", segment, "Range: bytes="+ranges+"\r\n", ""); a.status != 416 {
			t.Errorf("%s: answered %d", name, a.status)
		}
	}
	for _, q := range []string{"_HLS_msn=-1", "_HLS_msn=99999999999999999999", "_HLS_msn=4294967295", "_HLS_part=x&_HLS_msn=1", "_HLS_skip=maybe", "_HLS_msn=100000000"} {
		a := s.http(t, "hls", attacker, "GET", "/cam/"+uri+"&"+q, "", "")
		if a.status != 400 {
			t.Errorf("%s: answered %d: %.100s", q, a.status, a.body)
		}
	}
	// Many that wait for what comes next, and go away.
	for range 100 {
		if c := s.dial(t, "hls", attacker); c != nil {
			fmt.Fprintf(c, "GET /cam/%s&_HLS_msn=1000000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", uri)
			c.Close()
		}
	}
	s.http(t, "hls", attacker, "POST", "/cam/index.m3u8", as("pilot"), "x").refused(t, "POST of a playlist")
}

// firstURI is the first address in a playlist, in a line or an attribute.
func firstURI(playlist string) string {
	for line := range strings.Lines(playlist) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return ""
}

// attackWebRTC sends offers that are not, and packets from nobody.
func attackWebRTC(t *testing.T, s *siege) {
	start := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
		"a=fingerprint:sha-256 " + strings.Repeat("AA:", 31) + "AA\r\na=setup:actpass\r\n"
	line := "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\na=rtpmap:96 H264/90000\r\n"
	sdp := "Content-Type: application/sdp\r\n"
	for name, offer := range map[string]string{
		"nothing":        "",
		"not SDP":        "{}",
		"70 KiB":         start + strings.Repeat("a=x:y\r\n", 10_000),
		"1000 lines":     start + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 1000),
		"rate 0":         start + strings.Replace(line, "90000", "0", 1),
		"negative rate":  start + strings.Replace(line, "90000", "-1", 1),
		"no ICE":         strings.Replace(start, "a=ice", "a=xxx", 2) + line,
		"no fingerprint": strings.Replace(start, "a=fingerprint", "a=xxx", 1) + line,
		"long ufrag":     strings.Replace(start, "abcd\r", strings.Repeat("a", 5000)+"\r", 1) + line,
	} {
		for _, kind := range []string{"whip", "whep"} {
			path := "/new/whip"
			if kind == "whep" {
				path = "/cam/whep"
			}
			s.http(t, "webrtc", attacker, "POST", path, as("pilot")+sdp, offer).refused(t, name+" by "+kind)
		}
	}
	good := start + line
	for name, a := range map[string]answer{
		"stranger":         s.http(t, "webrtc", attacker, "POST", "/cam/whep", sdp, good),
		"content type":     s.http(t, "webrtc", attacker, "POST", "/cam/whep", as("pilot")+"Content-Type: text/plain\r\n", good),
		"no content type":  s.http(t, "webrtc", attacker, "POST", "/cam/whep", as("pilot"), good),
		"takeover":         s.http(t, "webrtc", attacker, "POST", "/cam/whip", as("owner")+sdp, good),
		"no right":         s.http(t, "webrtc", attacker, "POST", "/new/whip", as("watcher")+sdp, good),
		"PATCH of nobody":  s.http(t, "webrtc", attacker, "PATCH", "/cam/whep/"+strings.Repeat("A", 26), "Content-Type: application/trickle-ice-sdpfrag\r\n", "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"),
		"DELETE of nobody": s.http(t, "webrtc", attacker, "DELETE", "/cam/whep/x", as("pilot"), ""),
		"PUT":              s.http(t, "webrtc", attacker, "PUT", "/cam/whep", as("pilot")+sdp, good),
	} {
		a.refused(t, name)
	}
	// Offers that are good and never followed by media: their places come back.
	for _, offer := range []string{good, strings.Replace(good, "AA:AA", "zz", 1), start + "a=\x00\r\n" + line} {
		for range 7 {
			if a := s.http(t, "webrtc", attacker, "POST", "/new/whip", as("pilot")+sdp, offer); a.status != 201 {
				t.Errorf("an offer is answered %d: %s", a.status, a.body)
			}
		}
	}
	strangers(t, s)
}

// strangers sends packets of WebRTC from an address that no ICE has validated.
func strangers(t *testing.T, s *siege) {
	c := s.dialUDP(t, "webrtc-media", attacker)
	sent, got := 0, 0
	for i := range 200 {
		for _, b := range [][]byte{dtlsHello(), stunRequest(fmt.Sprintf("nobody%d:abcd", i)), stunRequest(strings.Repeat("u", 200)), bytes.Repeat([]byte{0x80, 96}, 600)} {
			n, _ := c.Write(b)
			sent += n
		}
	}
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	for {
		n, err := c.Read(make([]byte, 2000))
		if err != nil {
			if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
				t.Error(err)
			}
			break
		}
		got += n
	}
	if got > 0 {
		t.Errorf("%d bytes were answered to a stranger who sent %d", got, sent)
	}
}

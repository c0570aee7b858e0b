package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const jsonType = "Content-Type: application/json\r\n"

// attackRequests sends requests that are wrong as HTTP.
func attackRequests(t *testing.T, s *siege) {
	big := strings.Repeat("x", 70<<10)
	for _, door := range []string{"http", "https", "api", "media-api", "hls", "webrtc"} {
		for name, a := range map[string]answer{
			"70 KiB of header":      s.http(t, door, attacker, "GET", "/", "X: "+big+"\r\n", ""),
			"70 KiB of address":     s.http(t, door, attacker, "GET", "/"+big, "", ""),
			"10,000 headers":        s.http(t, door, attacker, "GET", "/", strings.Repeat("X: yyy\r\n", 10_000), ""),
			"two lengths":           s.http(t, door, attacker, "POST", "/", "Content-Length: 1\r\nContent-Length: 2\r\n", ""),
			"length and chunks":     s.http(t, door, attacker, "POST", "/", "Content-Length: 1\r\nTransfer-Encoding: x\r\n", ""),
			"space before the ':'":  s.http(t, door, attacker, "GET", "/", "X : y\r\n", ""),
			"control in the method": s.http(t, door, attacker, "G\x01T", "/", "", ""),
			"two hosts":             s.http(t, door, attacker, "GET", "/", "Host: 127.0.0.1\r\nHost: evil.example\r\n", ""),
		} {
			if a.status == 0 || a.status >= 400 && a.status < 500 || a.status == 501 || door == "http" && a.status == 308 {
				continue // refused, with or without words
			}
			t.Errorf("%s: %s: answered %d", door, name, a.status)
		}
		for _, method := range []string{"TRACE", "TRACK", "PROPFIND", "CONNECT", "get", "DEBUG", "PUT", "DELETE"} {
			a := s.http(t, door, attacker, method, "/", "X-Secret: hidden\r\n", "")
			if a.status >= 200 && a.status < 300 || a.status >= 500 && a.status != 501 || strings.Contains(a.body, "hidden") {
				t.Errorf("%s: %s is answered %d: %.200s", door, method, a.status, a.body)
			}
		}
	}
	for _, door := range []string{"api", "https"} {
		huge := `{"name":"` + strings.Repeat("x", 2<<20) + `"}`
		s.http(t, door, attacker, "POST", "/api/v1/users", jsonType+as("admin"), huge).refused(t, "2 MiB of body")
		s.http(t, door, attacker, "POST", "/api/v1/login", jsonType, huge).refused(t, "2 MiB of login")
		s.http(t, door, attacker, "POST", "/api/v1/users", jsonType, huge).refused(t, "2 MiB of a stranger")
		s.http(t, door, attacker, "POST", "/api/v1/users", jsonType+as("admin"), strings.Repeat("[", 100_000)).refused(t, "deep JSON")
		s.http(t, door, attacker, "POST", "/api/v1/login", jsonType, `{"user":"a","password":{"$ne":1}}`).refused(t, "an object for a password")
	}
	for _, page := range []string{"/metrics", "/healthz", "/readyz", "/api/v1/users", "/api/v1/sessions", "/api/v1/events", "/debug/pprof/"} {
		a := s.http(t, "https", attacker, "GET", page, "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n", "")
		if a.status != 401 && !(page == "/debug/pprof/" && !strings.Contains(a.body, "goroutine")) {
			t.Errorf("%s: answered %d to a stranger", page, a.status)
		}
	}
}

// attackBrowsers is what pages of other sites do with the browser of somebody
// who is logged in.
func attackBrowsers(t *testing.T, s *siege) {
	body := fmt.Sprintf(`{"user":"admin","password":%q}`, adminPassword)
	in := s.http(t, "https", elsewhere, "POST", "/api/v1/login", jsonType, body)
	cookie, flags, _ := strings.Cut(in.head.Get("Set-Cookie"), ";")
	for _, want := range []string{"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(flags, want) {
			t.Errorf("the cookie of a login lacks %s: %q", want, flags)
		}
	}
	with := "Cookie: " + cookie + "\r\n"
	if a := s.http(t, "https", elsewhere, "GET", "/api/v1/me", with, ""); a.status != 200 {
		t.Fatalf("the cookie is answered %d: %s", a.status, a.body)
	}
	add := `{"name":"mallory","password":"a-long-enough-password"}`
	for name, head := range map[string]string{
		"no origin":     "",
		"other origin":  "Origin: https://evil.example\r\n",
		"null origin":   "Origin: null\r\n",
		"other port":    "Origin: https://127.0.0.1:1\r\n",
		"plain origin":  "Origin: http://127.0.0.1\r\n",
		"cross site":    "Origin: https://127.0.0.1\r\nSec-Fetch-Site: cross-site\r\n",
		"same site":     "Sec-Fetch-Site: same-site\r\n",
		"forged suffix": "Origin: https://127.0.0.1.evil.example\r\n",
	} {
		for _, target := range []string{"POST /api/v1/users", "DELETE /api/v1/users/pilot", "POST /api/v1/logout", "POST /rtc/cam/whep", "DELETE /hls/cam/index.m3u8"} {
			method, path, _ := strings.Cut(target, " ")
			if a := s.http(t, "https", elsewhere, method, path, with+head+"Content-Type: text/plain\r\n", add); a.status != 403 {
				t.Errorf("%s: %s is answered %d: %.200s", name, target, a.status, a.body)
			}
		}
		upgrade := "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		if a := s.http(t, "https", elsewhere, "GET", "/api/v1/events", with+head+upgrade, ""); a.status != 403 {
			t.Errorf("%s: a WebSocket is answered %d", name, a.status)
		}
	}
	for _, door := range []string{"https", "api", "media-api", "http"} {
		for _, host := range []string{"evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "localhost.evil.example", ""} {
			a := s.http(t, door, elsewhere, "GET", "/api/v1/me", with+"Host: "+host+"\r\nX-Forwarded-Host: 127.0.0.1\r\n", "")
			if a.status != 421 && a.status != 400 {
				t.Errorf("%s: a request for %q is answered %d", door, host, a.status)
			}
		}
	}
	floodEvents(t, s)
	headers := s.http(t, "https", attacker, "GET", "/", "", "").head
	for _, key := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"} {
		if headers.Get(key) == "" {
			t.Errorf("pages come without %s", key)
		}
	}
	if a := s.http(t, "https", elsewhere, "POST", "/api/v1/logout", with+fmt.Sprintf("Host: 127.0.0.1:%d\r\nOrigin: https://127.0.0.1:%[1]d\r\n", s.ports["https"]), ""); a.status >= 300 {
		t.Errorf("the way out is answered %d: %s", a.status, a.body)
	}
	if a := s.http(t, "https", elsewhere, "GET", "/api/v1/me", with, ""); a.status != 401 {
		t.Errorf("the cookie is answered %d after it was given back", a.status)
	}
}

// floodEvents sends more into the channel of live events than anybody would.
func floodEvents(t *testing.T, s *siege) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ws := s.events(t, "watcher")
	go ws.Write(ctx, websocket.MessageBinary, make([]byte, 4<<20)) // the server closes before it has read all
	for {
		if _, _, err := ws.Read(ctx); err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("the live events take a message of 4 MiB")
	}
}

// attackTLS: old versions, garbage, handshakes that never end.
func attackTLS(t *testing.T, s *siege) {
	for _, door := range []string{"https", "rtsps", "rtmps"} {
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			c := s.dial(t, door, attacker)
			if c == nil {
				return
			}
			if tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}).Handshake() == nil {
				t.Errorf("%s: takes TLS version %x", door, version)
			}
			c.Close()
		}
		for name, b := range map[string][]byte{
			"record of 64 KiB": append([]byte{22, 3, 1, 0xff, 0xff}, make([]byte, 70_000)...),
			"message of 16 MB": append([]byte{22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff}, make([]byte, 16380)...),
			"data first":       append([]byte{23, 3, 3, 0, 16}, make([]byte, 16)...),
			"SSLv2":            append([]byte{0x80, 46, 1, 0, 2}, make([]byte, 43)...),
		} {
			if _, open := s.throw(t, door, b, 3*time.Second); open && name != "message of 16 MB" {
				t.Errorf("%s: %s: open after 3 s", door, name)
			}
		}
		half := hello(t)
		var conns []net.Conn
		for range 200 {
			if c := s.dial(t, door, attacker); c != nil {
				c.Write(half[:len(half)/2])
				conns = append(conns, c)
			}
		}
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		s.greet(t, door, elsewhere)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: beside 200 unfinished handshakes a client waits %s", door, took)
		}
		for _, c := range conns {
			c.Close()
		}
	}
}

// dawdle drips bytes into every door, one a while. After the time that a first
// message may take the server has ended it.
func dawdle(t *testing.T, s *siege) {
	good := beginnings(t)
	drips := map[string][]byte{
		"rtsp": bytes.Repeat([]byte("X"), 100), "rtmp": good["rtmp"], "rtsps": good["tls"], "rtmps": good["tls"], "https": good["tls"],
		"http": good["http"], "api": good["http"], "media-api": good["http"], "hls": good["http"], "webrtc": good["http"],
	}
	var wg sync.WaitGroup
	for door, b := range drips {
		for _, after := range []int{0, 1, len(b) / 3} { // silent at once, after a byte, dripping from the middle
			wg.Go(func() {
				c := s.dial(t, door, attacker)
				if c == nil {
					return
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(14 * time.Second))
				c.Write(b[:after])
				if after > 1 {
					go func() {
						for _, x := range b[after:] {
							if _, err := c.Write([]byte{x}); err != nil {
								return
							}
							time.Sleep(500 * time.Millisecond)
						}
					}()
				}
				_, err := io.Copy(io.Discard, c)
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Errorf("%s: open 14 s after %d bytes", door, after)
				}
			})
		}
	}
	// After C1 the server has spoken; it waits for C2 no longer than for C0.
	wg.Go(func() {
		if _, open := s.throw(t, "rtmp", good["rtmp"], 14*time.Second); open {
			t.Error("rtmp: open 14 s after C1")
		}
	})
	wg.Wait()
}

// enumerate compares what a wrong password and an unknown user are told.
func enumerate(t *testing.T, s *siege) {
	login := func(door, user string) answer {
		body, _ := json.Marshal(map[string]string{"user": user, "password": guess})
		return s.http(t, door, "127.0.0.4", "POST", "/api/v1/login", jsonType, string(body))
	}
	header := func(door, path string) func(string) answer {
		return func(user string) answer {
			return s.http(t, door, "127.0.0.4", "GET", path, "Authorization: "+basic(user, guess)+"\r\n", "")
		}
	}
	for name, ask := range map[string]func(user string) answer{
		"login":     func(user string) answer { return login("https", user) },
		"api":       header("https", "/api/v1/me"),
		"media-api": header("media-api", "/v3/paths/list"),
		"hls":       header("hls", "/cam/index.m3u8"),
		"hls query": func(user string) answer {
			return s.http(t, "hls", "127.0.0.4", "GET", "/cam/index.m3u8?user="+user+"&pass="+guess, "", "")
		},
		"webrtc": func(user string) answer {
			return s.http(t, "webrtc", "127.0.0.4", "POST", "/cam/whep", "Content-Type: application/sdp\r\nAuthorization: "+basic(user, guess)+"\r\n", "v=0\r\n")
		},
		"rtsp": func(user string) answer {
			c := s.camera(t, "127.0.0.4")
			defer c.Close()
			code, head := c.ask("DESCRIBE", fmt.Sprintf("rtsp://127.0.0.1:%d/cam", s.ports["rtsp"]), basic(user, guess), "", "")
			return answer{code, nil, fmt.Sprint(len(head), len(head["Www-Authenticate"]))}
		},
		"rtmp": func(user string) answer {
			got := s.rtmpOpen(t, "127.0.0.5", "publish", "new", "?user="+user+"&pass="+guess)
			if !strings.Contains(got, "wrong credentials") {
				t.Errorf("rtmp: says %q", got)
			}
			return answer{401, nil, got}
		},
		"srt": func(user string) answer {
			return answer{401, nil, s.srtCode(t, "127.0.0.5", "read:cam:"+user+":"+guess, 300_000)}
		},
	} {
		known, unknown := ask("owner"), ask("nobody")
		if known.status != unknown.status || known.body != unknown.body || known.status != 401 {
			t.Errorf("%s: a wrong password is answered %d %q, an unknown user %d %q", name, known.status, known.body, unknown.status, unknown.body)
		}
		for _, h := range []http.Header{known.head, unknown.head} {
			h.Del("Date")
		}
		if a, b := fmt.Sprint(known.head), fmt.Sprint(unknown.head); a != b {
			t.Errorf("%s: the headers differ: %s and %s", name, a, b)
		}
	}
}

// bruteForce guesses until the server has had enough. The owner, elsewhere, is
// not concerned.
func bruteForce(t *testing.T, s *siege) {
	const from = "127.0.0.6"
	try := func(from, user, password, head string) int {
		return s.http(t, "https", from, "GET", "/api/v1/me", "Authorization: "+basic(user, password)+"\r\n"+head, "").status
	}
	tries := 0
	for try(from, "owner", guess, "") != 429 {
		if tries++; tries > 40 {
			t.Fatalf("%d guesses and no end", tries)
		}
	}
	t.Logf("limited after %d guesses", tries)
	for name, head := range map[string]string{
		"X-Forwarded-For": "X-Forwarded-For: 10.1.2.3\r\n", "Forwarded": "Forwarded: for=10.1.2.3\r\n", "X-Real-IP": "X-Real-IP: 10.1.2.3\r\n",
	} {
		if code := try(from, "owner", guess, head); code != 429 {
			t.Errorf("with %s a guess is answered %d", name, code)
		}
	}
	if code := try(from, "owner", passwordOf("owner"), ""); code != 429 {
		t.Errorf("the right password is answered %d to who is limited: guessing goes on", code)
	}
	if code := try(from, "OWNER", guess, ""); code != 429 {
		t.Errorf("in capitals a guess is answered %d", code)
	}
	// The doors share one count.
	if a := s.http(t, "hls", from, "GET", "/cam/index.m3u8", "Authorization: "+basic("owner", passwordOf("owner"))+"\r\n", ""); a.status != 429 {
		t.Errorf("hls answers %d to who is limited", a.status)
	}
	c := s.camera(t, from)
	if code, _ := c.ask("DESCRIBE", fmt.Sprintf("rtsp://127.0.0.1:%d/cam", s.ports["rtsp"]), basic("owner", passwordOf("owner")), "", ""); code == 200 {
		t.Error("rtsp lets in who is limited")
	}
	if code := s.srtCode(t, from, "read:cam:owner:"+passwordOf("owner"), 400_000); code == "0" {
		t.Error("srt lets in who is limited")
	}
	if code := try(elsewhere, "owner", passwordOf("owner"), ""); code != 200 {
		t.Errorf("the owner is answered %d", code)
	}
	// Many accounts from one address count together.
	limited := false
	for i := range 80 {
		if limited = try("127.0.0.7", fmt.Sprintf("user%d", i), guess, "") == 429; limited {
			break
		}
	}
	if !limited {
		t.Error("80 guesses at 80 accounts from one address are not limited")
	}
}

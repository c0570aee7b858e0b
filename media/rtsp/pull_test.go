package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
	"muster/media/pull"
)

// client is a hub into which streams are fetched.
type client struct {
	*pull.Manager
	router   *media.Router
	sessions *auth.Sessions
	log      *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fetching fetches the paths until the test ends.
func fetching(t *testing.T, paths map[string]media.PathConfig) *client {
	t.Helper()
	c := &client{sessions: auth.NewSessions(nil), log: &lockedBuffer{}}
	log := slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := media.DefaultConfig()
	cfg.Paths = paths
	c.router = media.New(cfg, c.sessions, bus.New(), log)
	resolve := func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	settings := pull.DefaultConfig()
	settings.Timeout = 2 * time.Second
	var err error
	c.Manager, err = pull.New(settings, pull.Deps{Router: c.router, Log: log, Resolve: resolve, Guard: resolve,
		Schemes: map[string]pull.Scheme{"rtsp": Pull(), "rtsps": Pull()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetPaths(paths); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	before := run.Panics()
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if run.Panics() != before {
			t.Error("something panicked")
		}
		if strings.Contains(c.log.String(), password) || strings.Contains(c.log.String(), url.QueryEscape(password)) {
			t.Error("a password is in the log")
		}
		if t.Failed() {
			t.Log(c.log.String())
		}
	})
	return c
}

func (c *client) find(name string) *media.Stream {
	s, err := c.router.Find(auth.System("test"), safename.MustParse(name))
	if err != nil {
		return nil
	}
	return s
}

func (c *client) await(t *testing.T, name string) *media.Stream {
	t.Helper()
	wait(t, 20*time.Second, name+" to be live", func() bool { return c.find(name) != nil })
	return c.find(name)
}

func (c *client) says(t *testing.T, what string) {
	t.Helper()
	wait(t, 10*time.Second, fmt.Sprintf("%q in the log", what), func() bool { return strings.Contains(c.log.String(), what) })
}

// TestPullCarriesEveryCodec fetches what FFmpeg has published elsewhere, and
// reads frames of all tracks.
func TestPullCarriesEveryCodec(t *testing.T) {
	r := start(t, nil)
	for i, pair := range [][2]string{{"H264", "AAC"}, {"H265", "Opus"}, {"VP8", "G711"}, {"MJPEG", "MP3"}, {"H264 with B-frames", "LPCM"}, {"", "G722"}} {
		t.Run(pair[0]+" "+pair[1], func(t *testing.T) {
			t.Parallel()
			name := fmt.Sprintf("cam%d", i)
			publish(t, r, name, publishArgs(pair[0], pair[1], "-f", "rtsp", "-rtsp_transport", "tcp", r.url("alice", name))...)
			c := fetching(t, map[string]media.PathConfig{name: {Source: r.url("bob", name), Groups: []string{"red"}}})
			if strings.HasPrefix(pair[0], "H264") { // bob may not read what is alice's
				c.says(t, "404")
			}
			if err := c.SetPaths(map[string]media.PathConfig{name: {Source: r.url("alice", name), Groups: []string{"red"}}}); err != nil {
				t.Fatal(err)
			}
			s := c.await(t, name)
			rd, err := c.router.Tap(s, media.StartCatchup)
			if err != nil {
				t.Fatal(err)
			}
			defer rd.Close(nil)
			seen := make(map[int]int)
			batch := make([]media.Delivery, 64)
			for deadline := time.Now().Add(15 * time.Second); ; {
				n, err := rd.Pull(batch)
				if err != nil || time.Now().After(deadline) {
					t.Fatalf("saw %v, then %v", seen, err)
				}
				done := true
				for _, d := range batch[:n] {
					seen[d.Unit.Track.Index]++
				}
				for i := range s.Tracks {
					done = done && seen[i] >= 20
				}
				if done {
					break
				}
			}
		})
	}
}

// TestPullComesBack ends the stream at the source, and the source.
func TestPullComesBack(t *testing.T) {
	r := start(t, nil)
	stop := feed(t, r.router, "cam", 1000, 10, 20*time.Millisecond)
	c := fetching(t, map[string]media.PathConfig{"cam": {Source: "rtsp://alice:secret%3A%201@" + r.rtsp + "/cam", Groups: []string{"red"}}})
	s := c.await(t, "cam")
	if got := s.Info(); got.Protocol != "rtsp" || got.User != "source" || len(got.Groups) != 1 || got.Groups[0] != "red" {
		t.Errorf("%+v", got)
	}
	if st := c.Stats(); st.Live != 1 || st.Configured != 1 {
		t.Errorf("%+v", st)
	}
	stop()
	wait(t, 5*time.Second, "the end", func() bool { return c.find("cam") != s })
	feed(t, r.router, "cam", 1000, 10, 20*time.Millisecond)
	again := c.await(t, "cam")
	wait(t, 5*time.Second, "a viewer at the source", func() bool { return r.Stats().Readers == 1 })

	for _, ses := range c.sessions.List() {
		if !c.sessions.Kick(ses.ID) {
			t.Fatal("nobody was kicked")
		}
	}
	wait(t, 5*time.Second, "the end", func() bool { return c.find("cam") != again })
	c.await(t, "cam")
	if err := c.SetPaths(nil); err != nil {
		t.Fatal(err)
	}
	wait(t, 5*time.Second, "nobody at the source", func() bool { return c.find("cam") == nil && r.Stats().Conns == 0 })
}

func TestPullRefusesWrongLoginsAndCertificates(t *testing.T) {
	r := start(t, nil)
	feed(t, r.router, "cam", 1000, 10, 20*time.Millisecond)
	print := sha256.Sum256(testTLS(t).Certificates[0].Certificate[0])
	for _, c := range []struct{ name, source, fingerprint, want string }{
		{"no login", "rtsp://" + r.rtsp + "/cam", "", "wants a user and a password"},
		{"wrong password", "rtsp://alice:wrong@" + r.rtsp + "/cam", "", "refuses the user or the password"},
		{"no such stream", r.url("alice", "none"), "", "404"},
		{"nobody there", "rtsp://127.0.0.1:1/cam", "", "connection refused"},
		{"unknown authority", "rtsps://alice:secret%3A%201@" + r.rtsps + "/cam", "", "certificate"},
		{"another certificate", "rtsps://alice:secret%3A%201@" + r.rtsps + "/cam", strings.Repeat("ab", 32), "another certificate"},
		{"known certificate", "rtsps://alice:secret%3A%201@" + r.rtsps + "/cam", hex.EncodeToString(print[:]), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			into := fetching(t, map[string]media.PathConfig{"cam": {Source: c.source, SourceFingerprint: c.fingerprint}})
			if c.want == "" {
				if p := into.await(t, "cam").Info().Protocol; p != "rtsps" {
					t.Errorf("fetched by %s", p)
				}
				return
			}
			into.says(t, c.want)
			if into.find("cam") != nil || into.Stats().Failures == 0 {
				t.Error("it is live")
			}
		})
	}
}

// TestPullLogsInByEveryMethod holds each kind of login against the server's own
// check of it.
func TestPullLogsInByEveryMethod(t *testing.T) {
	for _, method := range []string{methodBasic, methodDigestMD5, methodDigestSHA256} {
		t.Run(method, func(t *testing.T) {
			r := start(t, func(c *Config, _ *media.Config) { c.AuthMethods = []string{method} })
			feed(t, r.router, "cam", 1000, 10, 20*time.Millisecond)
			fetching(t, map[string]media.PathConfig{"cam": {Source: r.url("alice", "cam")}}).await(t, "cam")
		})
	}
}

// odd answers the first connection with what a test says, one text per request.
func odd(t *testing.T, answers ...string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for i := 0; ; i++ {
					req, err := readRequest(br)
					if err != nil {
						return
					}
					text := answers[min(i, len(answers)-1)]
					text = strings.ReplaceAll(text, "CSEQ", req.cseq)
					if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestPullSurvivesOddSources(t *testing.T) {
	ok := "RTSP/1.0 200 OK\nCSeq: CSEQ\n\n"
	sdp := "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:trackID=0\n"
	described := fmt.Sprintf("RTSP/1.0 200 OK\nCSeq: CSEQ\nContent-Base: http://169.254.169.254/\nContent-Length: %d\n\n%s", len(sdp)+4, sdp)
	setUp := "RTSP/1.0 200 OK\nCSeq: CSEQ\nTransport: RTP/AVP/TCP;interleaved=0-1\nSession: a;timeout=1\n\n"
	for _, c := range []struct {
		name    string
		answers []string
		want    string
	}{
		{"another protocol", []string{"HTTP/1.1 400 Bad Request\n\n"}, "malformed"},
		{"a redirection", []string{ok, "RTSP/1.0 302 Moved\nCSeq: CSEQ\nLocation: rtsp://169.254.169.254/\n\n"}, "it has moved"},
		{"no media", []string{ok, ok}, "no media in the SDP"},
		{"an endless header", []string{ok, "RTSP/1.0 200 OK\n" + strings.Repeat("A: "+strings.Repeat("x", 9000)+"\n", 20)}, "malformed"},
		{"a giant body", []string{ok, "RTSP/1.0 200 OK\nCSeq: CSEQ\nContent-Length: 4000000000\n\n"}, "malformed"},
		{"an endless login", []string{"RTSP/1.0 401 No\nCSeq: CSEQ\nWWW-Authenticate: Digest realm=\"a\", nonce=\"CSEQ\", stale=true\n\n"}, "refuses the user"},
		{"a login nobody knows", []string{"RTSP/1.0 401 No\nCSeq: CSEQ\nWWW-Authenticate: Negotiate\n\n"}, "knows none of the logins"},
		{"media by UDP only", []string{ok, described, "RTSP/1.0 461 No\nCSeq: CSEQ\n\n"}, "461"},
		{"another transport than asked for", []string{ok, described, strings.Replace(setUp, "/TCP", "", 1)}, "does not send media over the connection"},
		{"silence", []string{""}, "does not answer"},
		{"silence after PLAY", []string{ok, described, setUp, ok}, "sends nothing"},
		{"answers to other questions", []string{"RTSP/1.0 200 OK\nCSeq: 9\n\n"}, "does not answer"},
		{"media nobody asked for", []string{"$\x00\x00\x04abcd" + ok, described, setUp, "$\x07\x00\x01a" + ok + "$\x00\x00\x01a" + "$\x00\x00\x0c\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02"}, "a source ended"},
		{"a question of its own", []string{ok, "OPTIONS * RTSP/1.0\nCSeq: 1\n\n" + described, setUp, "GARBAGE"}, "closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			into := fetching(t, map[string]media.PathConfig{"cam": {Source: "rtsp://alice:secret%3A%201@" + odd(t, c.answers...) + "/cam"}})
			into.says(t, c.want)
		})
	}
}

func TestPullChecksAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"rtsp://h/a": true, "rtsps://u:p@h:1/a?b=c": true, "rtsp:h": false, "http://h/a": false, "rtsp://h/a#b": false,
		"rtsp://h/" + strings.Repeat("x", 3000): false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkSource(u); (err == nil) != ok {
			t.Errorf("%.40s: %v", address, err)
		}
	}
	p := &puller{base: "rtsp://h/a/"}
	for in, want := range map[string]string{"": p.base, "*": p.base, "trackID=1": "rtsp://h/a/trackID=1", "/x": "rtsp://h/a/x", "rtsp://h/b": "rtsp://h/b", "?x": "rtsp://h/a/?x"} {
		if got := p.control(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
	if p.base = "rtsp://h/a"; p.control("t") != "rtsp://h/a/t" {
		t.Error(p.control("t"))
	}
}

// FuzzPull feeds a client with what a source might say.
func FuzzPull(f *testing.F) {
	f.Add([]byte("RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: GET_PARAMETER\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 52\r\n\r\nv=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\r\n" +
		"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: a;timeout=9\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n$\x00\x00\x0e\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02\x65\x88"))
	f.Add([]byte("RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\nRTSP/1.0 401 No\r\nCSeq: 2\r\n\r\n"))
	router := media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), discard)
	f.Fuzz(func(t *testing.T, data []byte) {
		nc := &bytesConn{Reader: bytes.NewReader(data)}
		p := &puller{job: &pull.Job{Timeout: time.Second, Log: discard}, nc: nc, br: newReader(nc),
			url: "rtsp://h/a", session: &session{record: true}, login: newChallenge(url.UserPassword("u", "p"))}
		p.publish = func(c media.Client, formats []*codec.Format, kick func(error)) (*media.Publisher, error) {
			return router.Publish(media.PublishRequest{Identity: auth.System("source"), Client: c, Name: safename.MustParse("cam"), Formats: formats, Kick: kick})
		}
		if p.play() == nil {
			t.Fatal("it ended without a reason")
		}
		if p.live {
			p.in.close(nil)
		}
	})
}

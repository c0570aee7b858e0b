package rtmp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
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

// fetching fetches one stream into a hub of its own until the test ends.
func fetching(t *testing.T, address, fingerprint string) (*media.Router, *syncBuffer) {
	t.Helper()
	out := &syncBuffer{}
	log := slog.New(slog.NewTextHandler(out, nil))
	cfg := media.DefaultConfig()
	cfg.Paths = map[string]media.PathConfig{"cam": {Source: address, SourceFingerprint: fingerprint, Groups: []string{"red"}}}
	router := media.New(cfg, auth.NewSessions(nil), bus.New(), log)
	resolve := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	settings := pull.DefaultConfig()
	settings.Timeout = 2 * time.Second
	m, err := pull.New(settings, pull.Deps{Router: router, Log: log, Resolve: resolve, Guard: resolve, Schemes: map[string]pull.Scheme{"rtmp": Pull(), "rtmps": Pull()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetPaths(cfg.Paths); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	panics := run.Panics()
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if run.Panics() != panics {
			t.Error("something panicked")
		}
		if strings.Contains(out.String(), "p1lot") || strings.Contains(out.String(), "tok\"") {
			t.Error("a secret is in the log")
		}
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return router, out
}

func find(r *media.Router) *media.Stream {
	s, err := r.Find(auth.System("test"), safename.MustParse("cam"))
	if err != nil {
		return nil
	}
	return s
}

// count reads until every track has brought n units.
func count(t *testing.T, r *media.Router, n int) {
	t.Helper()
	var s *media.Stream
	eventually(t, "the stream", func() bool { s = find(r); return s != nil })
	rd, err := r.Tap(s, media.StartCatchup)
	if err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(20*time.Second, func() { rd.Close(errors.New("too slow")) })
	defer stop.Stop()
	defer rd.Close(nil)
	seen, batch := make(map[int]int), make([]media.Delivery, 64)
	for enough := false; !enough; {
		got, err := rd.Pull(batch)
		if err != nil {
			t.Fatalf("saw %v, then: %v", seen, err)
		}
		for _, d := range batch[:got] {
			seen[d.Unit.Track.Index]++
		}
		enough = true
		for i := range s.Tracks {
			enough = enough && seen[i] >= n
		}
	}
}

// TestPullFromOurselves fetches streams that are published at a server, which
// come back when their publisher does.
func TestPullFromOurselves(t *testing.T) {
	h := newHouse(t)
	cert := sha256.Sum256(h.deps.TLS.Certificates[0].Certificate[0])
	stop := publishAs(t, h, "live/cam")
	for _, c := range []struct{ name, address, fingerprint, wrong string }{
		{"user and password", "rtmp://pilot:p1lot%26%3D@" + h.addr + "/live/cam", "", ""},
		{"a token", "rtmp://" + h.addr + "/live/cam?token=tok", "", ""},
		{"TLS", "rtmps://" + h.secure + "/live/cam?token=tok", hex.EncodeToString(cert[:]), ""},
		{"an unknown certificate", "rtmps://" + h.secure + "/live/cam?token=tok", "", "certificate"},
		{"wrong password", "rtmp://pilot:wrong@" + h.addr + "/live/cam", "", "NetStream.Play"},
		{"no such stream", "rtmp://" + h.addr + "/live/none?token=tok", "", "NetStream.Play.StreamNotFound"},
		{"nobody there", "rtmp://127.0.0.1:1/live/cam", "", "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			router, log := fetching(t, c.address, c.fingerprint)
			if c.wrong != "" {
				eventually(t, "the reason", func() bool { return strings.Contains(log.String(), c.wrong) })
				return
			}
			count(t, router, 60)
			if in := find(router).Info(); !strings.HasPrefix(c.address, in.Protocol+"://") || len(in.Tracks) != 2 || in.Groups[0] != "red" {
				t.Errorf("%+v", in)
			}
		})
	}
	router, log := fetching(t, "rtmp://"+h.addr+"/live/cam?token=tok", "")
	count(t, router, 10)
	stop()
	eventually(t, "the end", func() bool {
		return find(router) == nil && strings.Contains(log.String(), "the stream ended at the source")
	})
	publishAs(t, h, "live/cam")
	count(t, router, 10)
}

// publishAs has FFmpeg publish picture and sound until stop is called.
func publishAs(t *testing.T, h *house, name string) (stop func()) {
	t.Helper()
	p := ffmpeg(t, "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac", "-f", "flv", "rtmp://"+h.addr+"/"+name+"?token=tok")
	eventually(t, "the publisher", func() bool {
		s, err := h.router.Find(auth.System("test"), safename.MustParse(name))
		return err == nil && s.LastKeyFrame() != nil
	})
	return func() { p.Process.Kill(); p.Wait() }
}

func TestPullAddresses(t *testing.T) {
	for _, c := range []struct{ address, tcURL, app, key string }{
		{"rtmp://h/live/cam", "rtmp://h/live", "live", "cam"}, {"rtmp://h:1/a/b/c?x=y", "rtmp://h:1/a", "a", "b/c?x=y"},
		{"rtmp://h/cam?x=y", "rtmp://h/cam?x=y", "cam?x=y", ""}, {"rtmp://u:p%26@h/a/b?x=y", "rtmp://h/a", "a", "b?x=y&pass=p%26&user=u"}, {"rtmps://u:p@h/a/b", "rtmps://h/a", "a", "b?pass=p&user=u"},
		{"rtmp://h", "", "", ""}, {"rtmp://h/", "", "", ""}, {"rtsp://h/a", "", "", ""}, {"rtmp://h/a#b", "", "", ""}, {"rtmp://h/" + strings.Repeat("x", 10_000), "", "", ""},
	} {
		u, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		if err := Pull().Check(u); (err == nil) != (c.app != "") {
			t.Errorf("%.40s: %v", c.address, err)
		}
		if tcURL, app, key := splitAddress(u); c.app != "" && (tcURL != c.tcURL || app != c.app || key != c.key) {
			t.Errorf("%s: %s %s %s", c.address, tcURL, app, key)
		}
	}
}

// script is a connection on which the source says what is in it.
type script struct{ *bytes.Reader }

func (script) Write(b []byte) (int, error)      { return len(b), nil }
func (script) Close() error                     { return nil }
func (script) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (script) SetDeadline(time.Time) error      { return nil }
func (script) SetReadDeadline(time.Time) error  { return nil }
func (script) SetWriteDeadline(time.Time) error { return nil }

// FuzzPull lets a source answer whatever after the handshake.
func FuzzPull(f *testing.F) {
	var answers []byte
	chunk := func(body []byte) {
		answers = append(append(answers, 3, 0, 0, 0, 0, 0, byte(len(body)), typeCommandAMF0, 0, 0, 0, 0), body...)
	}
	chunk([]byte("\x02\x00\x07_result\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x05\x05"))
	chunk([]byte("\x02\x00\x07_result\x00\x40\x00\x00\x00\x00\x00\x00\x00\x05\x00\x3f\xf0\x00\x00\x00\x00\x00\x00"))
	chunk([]byte("\x02\x00\x08onStatus\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x03\x00\x05level\x02\x00\x05error\x00\x00\x09"))
	f.Add(answers)
	f.Add([]byte{2, 0, 0, 0, 0, 0, 6, typeUserControl, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4})
	log := slog.New(slog.DiscardHandler)
	router := media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), log)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newConn(&Server{cfg: DefaultConfig(), log: log}, script{bytes.NewReader(data)})
		u := &url.URL{Scheme: "rtmp", Host: "h", Path: "/a/b"}
		if c.request(u) != nil {
			return
		}
		c.in.limit = maxMessageAfter
		src := &source{log: log, tracks: make(map[trackID]*inTrack), publish: func(formats []*codec.Format) (*media.Publisher, error) {
			return router.Publish(media.PublishRequest{Identity: auth.System("source"), Name: safename.MustParse("cam"), Formats: formats, Kick: func(error) {}})
		}}
		if c.receive(src, played) == nil {
			t.Fatal("it ended without a reason")
		}
		if src.out != nil {
			src.out.Close(nil)
		}
	})
}

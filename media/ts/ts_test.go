package ts

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/ipv4"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cam = safename.MustParse("cam")

type house struct {
	*Server
	t        *testing.T
	router   *media.Router
	sessions *auth.Sessions
	doors    *run.Doors
	paths    map[string]media.PathConfig
}

type syncWriter struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func newHouse(t *testing.T, paths map[string]media.PathConfig) *house {
	t.Helper()
	w := &syncWriter{}
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := &house{t: t, sessions: auth.NewSessions(nil), doors: run.NewDoors(), paths: paths}
	mcfg := media.DefaultConfig()
	mcfg.Paths = paths
	h.router = media.New(mcfg, h.sessions, bus.New(), log)
	cfg := DefaultConfig()
	cfg.Timeout = 500 * time.Millisecond
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.Server, err = New(cfg, Deps{Router: h.router, Doors: h.doors, Log: log}); err != nil {
		t.Fatal(err)
	}
	if err := h.SetPaths(paths); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(3 * time.Second):
			t.Error("Run did not return")
		}
		if t.Failed() {
			w.mu.Lock()
			t.Log(w.b.String())
			w.mu.Unlock()
		}
	})
	return h
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func (h *house) addr(stream string) string {
	h.t.Helper()
	eventually(h.t, "the door", func() bool { return h.doors.Addr("ts "+stream) != "" })
	return h.doors.Addr("ts " + stream)
}

func (h *house) stream() *media.Stream {
	s, err := h.router.Find(auth.System("test"), cam)
	if err != nil {
		return nil
	}
	return s
}

func (h *house) live() *media.Stream {
	h.t.Helper()
	eventually(h.t, "the stream to be live", func() bool { return h.stream() != nil })
	return h.stream()
}

func ffmpeg(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error",
		"-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "15", "-c:a", "aac", "-f", "mpegts", url)
	if err := cmd.Start(); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// pull reads n units of the live stream.
func (h *house) pull(n int) {
	h.t.Helper()
	rd, err := h.router.Read(media.ReadRequest{Identity: auth.System("test"), Name: cam, Kick: func(error) {}})
	if err != nil {
		h.t.Fatal(err)
	}
	defer rd.Close(nil)
	batch := make([]media.Delivery, 16)
	for got := 0; got < n; {
		k, err := rd.Pull(batch)
		if err != nil {
			h.t.Fatalf("after %d units: %v", got, err)
		}
		got += k
	}
}

func TestFFmpegIsReceived(t *testing.T) {
	h := newHouse(t, map[string]media.PathConfig{"cam": {Source: "udp+mpegts://127.0.0.1:0", Groups: []string{"A"}}, "~x": {}, "pub": {}})
	cmd := ffmpeg(t, "udp://"+h.addr("cam")+"?pkt_size=1316")
	s := h.live()
	if len(s.Tracks) != 2 || s.User != "source" || s.Groups[0] != "A" {
		t.Errorf("%+v", s.Info())
	}
	h.pull(60)

	// A stranger's datagrams, and some that are no transport stream, change nothing.
	c, err := net.Dial("udp", h.addr("cam"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := h.Stats().Dropped
	for range 20 {
		c.Write(append([]byte{0x47}, make([]byte, 187)...))
		c.Write([]byte("hello"))
	}
	eventually(t, "the strangers to be counted", func() bool { return h.Stats().Dropped == before+40 })
	h.pull(30)
	if h.stream() != s {
		t.Error("the stream is another now")
	}

	cmd.Process.Kill()
	cmd.Wait()
	eventually(t, "the stream to end", func() bool { return h.stream() == nil && h.Stats().Live == 0 })
	ffmpeg(t, "udp://"+h.addr("cam")+"?pkt_size=1316")
	if h.live() == s {
		t.Error("the old stream came back")
	}
}

func TestReload(t *testing.T) {
	h := newHouse(t, map[string]media.PathConfig{"cam": {Source: "udp+mpegts://127.0.0.1:0"}})
	ffmpeg(t, "udp://"+h.addr("cam")+"?pkt_size=1316")
	s := h.live()
	second := "udp+mpegts://127.0.0.1:0"
	err := h.SetPaths(map[string]media.PathConfig{
		"cam": {Source: "udp+mpegts://127.0.0.1:0", MaxReaders: 3}, "two": {Source: second},
		"three": {Source: "udp+mpegts://example.org:1"}, "four": {Source: "rtsp://elsewhere"},
	})
	if err == nil || !strings.Contains(err.Error(), "three") || strings.Contains(err.Error(), "four") {
		t.Error(err)
	}
	h.addr("two")
	time.Sleep(100 * time.Millisecond)
	if h.stream() != s || h.Stats().Sources != 2 {
		t.Error("an unchanged source was disturbed")
	}
	if err := h.SetPaths(nil); err != nil {
		t.Error(err)
	}
	eventually(t, "the source to end", func() bool { return h.stream() == nil })
}

func TestKick(t *testing.T) {
	h := newHouse(t, map[string]media.PathConfig{"cam": {Source: "udp+mpegts://127.0.0.1:0"}})
	ffmpeg(t, "udp://"+h.addr("cam")+"?pkt_size=1316")
	h.live()
	start := time.Now()
	h.sessions.Kick(h.sessions.List()[0].ID)
	eventually(t, "the stream to end", func() bool { return h.stream() == nil && h.Stats().Live == 0 })
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %s", d)
	}
}

func TestMulticast(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip(err)
	}
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.LocalAddr().String())
	free.Close()
	group := "239.255.77.1:" + port
	h := newHouse(t, map[string]media.PathConfig{"cam": {Source: "udp+mpegts://" + group + "?interface=lo"}})
	h.addr("cam")

	out, err := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=30:duration=2",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-f", "mpegts", "-").Output()
	if err != nil {
		t.Skip(err)
	}
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := ipv4.NewPacketConn(c)
	if err := p.SetMulticastInterface(lo); err != nil {
		t.Skip(err)
	}
	to, _ := net.ResolveUDPAddr("udp", group)
	for len(out) > 0 {
		n := min(len(out), 7*188)
		if _, err := p.WriteTo(out[:n], nil, to); err != nil {
			t.Skip(err)
		}
		out = out[n:]
		time.Sleep(500 * time.Microsecond)
	}
	h.live()
}

func TestSources(t *testing.T) {
	for _, ok := range []string{
		"udp+mpegts://0.0.0.0:5000", "udp+mpegts://:5000", "udp+mpegts://[::]:5000",
		"udp+mpegts://10.0.0.1:5000?source=10.0.0.2", "udp+mpegts://239.1.2.3:5000?interface=eth0&source=10.0.0.2",
	} {
		if err := CheckSource(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "udp+mpegts://", "udp+mpegts://host:1", "udp+mpegts://1.2.3.4", "udp+mpegts://1.2.3.4:99999", "udp://1.2.3.4:5",
		"udp+mpegts://1.2.3.4:5/path", "udp+mpegts://1.2.3.4:5?interface=eth0", "udp+mpegts://1.2.3.4:5?source=::1",
		"udp+mpegts://1.2.3.4:5?source=x", "udp+mpegts://1.2.3.4:5?what=x", "udp+mpegts://u:p@1.2.3.4:5",
	} {
		if err := CheckSource(bad); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func FuzzSource(f *testing.F) {
	f.Add("udp+mpegts://239.1.2.3:5000?interface=eth0&source=10.0.0.2")
	f.Fuzz(func(t *testing.T, s string) {
		if src, err := parseSource(s); err == nil && !src.listen.IsValid() {
			t.Fatal("no address and no error")
		}
	})
}

package srt

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
)

func TestMain(m *testing.M) {
	// The library's client, which only these tests use, leaves a goroutine behind
	// when it is refused twice.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/datarhei/gosrt.Dial.func1"))
}

var (
	pilot = auth.Identity{User: "pilot", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
	other = auth.Identity{User: "other", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "B", In: true, Out: true}}}
	rival = auth.Identity{User: "rival", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
	watch = auth.Identity{User: "watch", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", Out: true}}}
)

// fakeAuth knows users whose password is their name, and the token "s3cret" of pilot.
type fakeAuth struct{ slow time.Duration }

func (f fakeAuth) Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error) {
	if p.User == "slow" {
		select {
		case <-ctx.Done():
			return auth.Identity{}, ctx.Err()
		case <-time.After(f.slow):
		}
	}
	if p.Empty() {
		return auth.Identity{}, auth.ErrNoCredentials
	}
	if p.Token == "s3cret" {
		return pilot, nil
	}
	for _, id := range []auth.Identity{pilot, other, rival, watch} {
		if p.User == id.User && p.Password == id.User {
			return id, nil
		}
	}
	return auth.Identity{}, auth.ErrBadCredentials
}

type house struct {
	*Server
	router   *media.Router
	sessions *auth.Sessions
	log      *syncBuffer
	addr     string
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

type oneAddress struct{ max int }

func (o oneAddress) Acquire(netip.Addr) (func(), bool) { return func() {}, o.max > 0 }

func newHouse(t *testing.T, paths map[string]media.PathConfig, change ...func(*Config, *Deps)) *house {
	t.Helper()
	return tunedHouse(t, paths, func(*Server) {}, change...)
}

// tunedHouse lets tune change the server before it runs.
func tunedHouse(t *testing.T, paths map[string]media.PathConfig, tune func(*Server), change ...func(*Config, *Deps)) *house {
	t.Helper()
	h := &house{sessions: auth.NewSessions(nil), log: &syncBuffer{}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	mcfg := media.DefaultConfig()
	mcfg.Paths = paths
	h.router = media.New(mcfg, h.sessions, bus.New(), log)
	cfg := DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	doors := run.NewDoors()
	deps := Deps{Router: h.router, Auth: fakeAuth{slow: time.Second}, Doors: doors, Log: log, Conns: oneAddress{1}}
	for _, c := range change {
		c(&cfg, &deps)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.Server, err = New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	tune(h.Server)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	panics := run.Panics()
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run did not return")
		}
		if run.Panics() != panics {
			t.Error("something panicked")
		}
		if t.Failed() {
			t.Log(h.log.String())
		}
		if strings.Contains(h.log.String(), "s3cret") {
			t.Error("a secret is in the log")
		}
	})
	eventually(t, "the door to open", func() bool { return doors.Addr("srt") != "" })
	h.addr = doors.Addr("srt")
	return h
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func (h *house) live(t *testing.T, name string) *media.Stream {
	t.Helper()
	var s *media.Stream
	eventually(t, name+" to be live", func() bool {
		var err error
		s, err = h.router.Find(auth.System("test"), safename.MustParse(name))
		return err == nil
	})
	return s
}

func (h *house) url(streamID string, more ...string) string {
	return "srt://" + h.addr + "?streamid=" + streamID + strings.Join(more, "")
}

func ffmpeg(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-loglevel", "warning", "-nostdin"}, args...)...)
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

var (
	picture = []string{"-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30"}
	tone    = []string{"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}
	x264    = []string{"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "60"}
	bframes = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-pix_fmt", "yuv420p", "-g", "30"}
	x265    = []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-g", "30"}
	aac     = []string{"-c:a", "aac", "-b:a", "64k"}
)

func cat(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func decoded(t *testing.T, url string) (video, audio int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-analyzeduration", "1500000", "-i", url, "-t", "1.5", "-f", "framecrc", "-")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("ffmpeg: %v: %s", err, stderr.String())
	}
	kinds := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "#media_type "); ok {
			n, kind, _ := strings.Cut(s, ": ")
			kinds[n] = kind
		} else if n, _, ok := strings.Cut(line, ","); ok && kinds[n] == "video" {
			video++
		} else if ok && kinds[n] == "audio" {
			audio++
		}
	}
	return video, audio
}

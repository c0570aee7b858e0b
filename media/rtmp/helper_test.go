package rtmp

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
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

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	pilot = auth.Identity{User: "pilot", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
	other = auth.Identity{User: "other", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "B", In: true, Out: true}}}
	rival = auth.Identity{User: "rival", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
)

// fakeAuth knows pilot/p1lot&=, other/other and rival/rival, and the token "tok" of pilot.
type fakeAuth struct{}

func (fakeAuth) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	switch {
	case p.Empty():
		return auth.Identity{}, auth.ErrNoCredentials
	case p.User == "pilot" && p.Password == "p1lot&=", p.Token == "tok":
		return pilot, nil
	case p.User == "other" && p.Password == "other":
		return other, nil
	case p.User == "rival" && p.Password == "rival":
		return rival, nil
	}
	return auth.Identity{}, auth.ErrBadCredentials
}

type house struct {
	*Server
	router   *media.Router
	sessions *auth.Sessions
	log      *syncBuffer
	addr     string // RTMP
	secure   string // RTMPS
}

// syncBuffer collects log lines.
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

// newHouse runs a server on ports that the kernel chooses.
func newHouse(t *testing.T, change ...func(*Config)) *house {
	t.Helper()
	h := &house{sessions: auth.NewSessions(nil), log: &syncBuffer{}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.router = media.New(media.DefaultConfig(), h.sessions, bus.New(), log)
	cfg := DefaultConfig()
	cfg.Address, cfg.TLSAddress = "127.0.0.1:0", "127.0.0.1:0"
	for _, c := range change {
		c(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	doors := run.NewDoors()
	var err error
	h.Server, err = New(cfg, Deps{Router: h.router, Auth: fakeAuth{}, Doors: doors, Log: log, TLS: testTLS(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	panics := run.Panics()
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
		if strings.Contains(h.log.String(), "p1lot") || strings.Contains(h.log.String(), "tok\"") {
			t.Error("a secret is in the log")
		}
	})
	eventually(t, "the doors to open", func() bool { return doors.Addr("rtmp") != "" && doors.Addr("rtmps") != "" })
	h.addr, h.secure = doors.Addr("rtmp"), doors.Addr("rtmps")
	return h
}

func testTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
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

// live waits for the stream and returns it.
func (h *house) live(t *testing.T, name string) *media.Stream {
	t.Helper()
	var s *media.Stream
	eventually(t, name+" to be live", func() bool {
		var err error
		s, err = h.router.Find(pilot, safename.MustParse(name))
		return err == nil
	})
	return s
}

// ffmpeg starts ffmpeg and ends it with the test.
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
	aac     = []string{"-c:a", "aac", "-b:a", "64k"}
)

func cat(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// decoded reads url with ffmpeg for a second and a half of media and returns
// how many video frames and audio frames were decoded.
func decoded(t *testing.T, url string) (video, audio int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-i", url, "-t", "1.5", "-f", "framecrc", "-")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("ffmpeg: %v: %s", err, stderr.String())
	}
	kinds := map[string]string{}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if s, ok := strings.CutPrefix(line, "#media_type "); ok {
			n, kind, _ := strings.Cut(s, ": ")
			kinds[n] = kind
			continue
		}
		if n, _, ok := strings.Cut(line, ","); ok && !strings.HasPrefix(line, "#") {
			switch kinds[n] {
			case "video":
				video++
			case "audio":
				audio++
			}
		}
	}
	if video+audio == 0 || strings.Contains(stderr.String(), "non mono") {
		t.Logf("ffmpeg says: %s", stderr.String())
	}
	return video, audio
}

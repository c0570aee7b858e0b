// Package test holds the end-to-end tests: the real program, real peers.
package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/internal/run/runtest"
)

const adminPassword = "correct-horse-battery"

// binary is the program under test, built once with the race detector when the
// tests themselves have it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "muster-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "muster")
	args := []string{"build", "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
	}
	if codecsEnabled {
		args = append(args, "-tags", "codecs")
	}
	build := exec.Command("go", append(args, "../cmd/muster")...)
	build.Stderr = os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

var need = runtest.Need

// server is a running muster on loopback ports of its own.
type server struct {
	t     *testing.T
	data  string
	ports map[string]int // by door
	log   *lockedBuffer
	cmd   *exec.Cmd
	ended chan struct{}
	env   []string
}

// lockedBuffer collects output that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// doorKeys are the doors and the variables that set their addresses.
var doorKeys = []struct{ door, env, network string }{
	{"http", "MUSTER_WEB_HTTP_ADDRESS", "tcp"},
	{"https", "MUSTER_WEB_ADDRESS", "tcp"},
	{"api", "MUSTER_WEB_API_ADDRESS", "tcp"},
	{"media-api", "MUSTER_WEB_MEDIA_API_ADDRESS", "tcp"},
	{"sip-udp", "MUSTER_SIP_UDP_ADDRESS", "udp"},
	{"sip-tcp", "MUSTER_SIP_TCP_ADDRESS", "tcp"},
	{"sip-tls", "MUSTER_SIP_TLS_ADDRESS", "tcp"},
	{"notify", "MUSTER_WEB_NOTIFY_ADDRESS", "tcp"},
	{"control", "MUSTER_WEB_CONTROL_ADDRESS", "tcp"},
	{"rtsp", "MUSTER_MEDIA_RTSP_ADDRESS", "tcp"},
	{"rtsps", "MUSTER_MEDIA_RTSP_TLS_ADDRESS", "tcp"},
	{"rtsp-rtp", "MUSTER_MEDIA_RTSP_RTP_ADDRESS", "udp"},
	{"rtsp-rtcp", "MUSTER_MEDIA_RTSP_RTCP_ADDRESS", "udp"},
	{"rtmp", "MUSTER_MEDIA_RTMP_ADDRESS", "tcp"},
	{"rtmps", "MUSTER_MEDIA_RTMP_TLS_ADDRESS", "tcp"},
	{"srt", "MUSTER_MEDIA_SRT_ADDRESS", "udp"},
	{"hls", "MUSTER_MEDIA_HLS_ADDRESS", "tcp"},
	{"webrtc", "MUSTER_MEDIA_WEBRTC_ADDRESS", "tcp"},
	{"webrtc-media", "MUSTER_MEDIA_WEBRTC_MEDIA_ADDRESS", "udp"},
	{"turn", "MUSTER_TURN_ADDRESS", "udp"},
	{"voice", "MUSTER_VOICE_ADDRESS", "tcp"},
	{"cot", "MUSTER_COT_STREAM_ADDRESS", "tcp"},
	{"cot-tls", "MUSTER_COT_STREAM_TLS_ADDRESS", "tcp"},
	{"cot-quic", "MUSTER_COT_STREAM_QUIC_ADDRESS", "udp"},
	{"marti", "MUSTER_COT_MARTI_ADDRESS", "tcp"},
	{"marti-enrol", "MUSTER_COT_MARTI_ENROL_ADDRESS", "tcp"},
	{"marti-plain", "MUSTER_COT_MARTI_PLAIN_ADDRESS", "tcp"},
}

// environ is the environment of a server under test: without settings that were
// meant for another one, or for the tests.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MUSTER_") })
}

// start runs a server with a data folder of its own until the test ends. env
// are further variables, "MUSTER_…=…".
func start(t *testing.T, env ...string) *server {
	t.Helper()
	return startIn(t, t.TempDir(), env...)
}

func startIn(t *testing.T, data string, env ...string) *server {
	t.Helper()
	s := &server{t: t, data: data, ports: map[string]int{}}
	s.env = append(s.env, "MUSTER_ADMIN_PASSWORD="+adminPassword, "MUSTER_LOG_LEVEL=debug")
	for _, d := range doorKeys {
		s.ports[d.door] = runtest.Port(t)
		s.env = append(s.env, fmt.Sprintf("%s=127.0.0.1:%d", d.env, s.ports[d.door]))
	}
	s.env = append(s.env, env...)
	s.run()
	t.Cleanup(s.checkLog)
	t.Cleanup(s.stop)
	return s
}

// run starts the process and waits until it is ready.
func (s *server) run() {
	s.t.Helper()
	s.log = &lockedBuffer{}
	s.ended = make(chan struct{})
	s.cmd = exec.Command(binary, "serve", "--data", s.data)
	s.cmd.Env = append(environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
	wait(s.t, time.Minute, "the server to be ready", func() error {
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended:\n%s", s.log)
		default:
		}
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", s.ports["api"]))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			b, _ := io.ReadAll(resp.Body)
			return fmt.Errorf("%s: %s", resp.Status, b)
		}
		return nil
	})
}

// stop ends the process as systemd would and waits for it.
func (s *server) stop() {
	select {
	case <-s.ended:
		return
	default:
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.ended
		s.t.Errorf("the server did not stop:\n%s", s.log)
	}
}

// checkLog fails the test if the log holds a panic, a data race or a secret.
func (s *server) checkLog() {
	log := s.log.String()
	for _, bad := range []string{"panic", "DATA RACE", adminPassword, "mst_"} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the log contains %q:\n%s", bad, around(log, bad))
		}
	}
	if s.t.Failed() {
		s.t.Logf("end of the log:\n%s", log[max(0, len(log)-8000):])
	}
}

func around(s, what string) string {
	i := strings.Index(s, what)
	return s[max(0, i-500):min(len(s), i+3000)]
}

// wait polls f until it returns nil.
func wait(t *testing.T, limit time.Duration, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %v", limit, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// muster runs one management command and returns what it printed.
func (s *server) muster(stdin string, args ...string) (string, error) {
	cmd := exec.Command(binary, append(args, "--data", s.data)...)
	cmd.Env = append(environ(), s.env...)
	cmd.Stdin = strings.NewReader(stdin)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("muster %s: %w: %s", strings.Join(args, " "), err, errOut.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// must runs a management command that has to succeed.
func (s *server) must(stdin string, args ...string) string {
	s.t.Helper()
	out, err := s.muster(stdin, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// user adds somebody with a password made from the name.
func (s *server) user(name string, groups ...string) {
	s.t.Helper()
	args := []string{"user", "add", name, "--password-stdin"}
	for _, g := range groups {
		args = append(args, "--group", g)
	}
	s.must(passwordOf(name), args...)
}

func passwordOf(name string) string {
	if name == "admin" {
		return adminPassword
	}
	return "password-of-" + name
}

// api calls the REST API as user and decodes the answer into out. It returns
// the status code.
func (s *server) api(user, method, path string, in, out any) int {
	s.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			s.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d/api/v1/%s", s.ports["api"], path), body)
	if err != nil {
		s.t.Fatal(err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		req.SetBasicAuth(user, passwordOf(user))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if out != nil && resp.StatusCode < 300 {
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			s.t.Fatal(err)
		}
	}
	return resp.StatusCode
}

type streamInfo struct {
	Name, Protocol, User string
	Groups               []string
	Tracks               []struct{ Codec, Detail string }
	BytesIn              int64
	Readers              map[string]int
}

// live waits until a stream is live and has received something.
func (s *server) live(name string) streamInfo {
	s.t.Helper()
	var info streamInfo
	wait(s.t, 30*time.Second, "stream "+name, func() error {
		if code := s.api("admin", "GET", "streams/"+name, nil, &info); code != 200 {
			return fmt.Errorf("status %d", code)
		}
		if info.BytesIn == 0 {
			return errors.New("nothing received yet")
		}
		return nil
	})
	return info
}

// background starts a program that runs until the test ends and whose output is
// shown if the test fails.
func background(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{out: &lockedBuffer{}, ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	p.kill = cancel
	t.Cleanup(func() {
		cancel()
		<-p.ended
		if t.Failed() {
			out := p.out.String()
			t.Logf("%s %s:\n%s", name, strings.Join(args, " "), out[max(0, len(out)-2000):])
		}
	})
	return p
}

// process is a program in the background.
type process struct {
	out   *lockedBuffer
	ended chan struct{}
	err   error // valid once ended is closed
	kill  func()
}

package test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFirstStart(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, "MUSTER_ADMIN_PASSWORD=")
	s.stop()
	welcome := s.log.String()
	pass, err := os.ReadFile(filepath.Join(s.data, "admin-password"))
	if err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(filepath.Join(s.data, "admin-password")); st.Mode().Perm() != 0o600 {
		t.Errorf("admin-password has mode %o", st.Mode().Perm())
	}
	secret := strings.TrimSpace(string(pass))
	if !strings.Contains(welcome, secret) {
		t.Error("the welcome does not show the generated password")
	}
	for _, want := range []string{"https://", "admin", "ffmpeg", "ffplay"} {
		if !strings.Contains(welcome, want) {
			t.Errorf("the welcome does not mention %s:\n%s", want, welcome)
		}
	}
	// The second start does not print it again.
	s.run()
	s.stop()
	if strings.Contains(s.log.String(), secret) {
		t.Error("the password is printed again")
	}
}

func TestBusyPortIsExplainedAndTheRestRuns(t *testing.T) {
	need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := start(t, "MUSTER_MEDIA_RTMP_ADDRESS="+l.Addr().String())
	wait(t, 5*time.Second, "the explanation", func() error {
		if log := s.log.String(); !strings.Contains(log, "another program") || !strings.Contains(log, l.Addr().String()) {
			return fmt.Errorf("log: %s", log)
		}
		return nil
	})
	if code := s.api("admin", "GET", "streams", nil, nil); code != 200 {
		t.Errorf("the API answers %d", code)
	}
	// The port becomes free: the door opens by itself.
	l.Close()
	wait(t, 20*time.Second, "RTMP", func() error {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			c.Close()
		}
		return err
	})
}

func TestReloadKeepsSessions(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	config := writeConfig(t, "media:\n  maxLag: 3s\n")
	s := start(t, "MUSTER_CONFIG="+config)
	s.user("pilot")
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "cam"))...)
	before := s.live("cam")
	// A changed HLS setting restarts HLS and nothing else.
	if err := os.WriteFile(config, []byte("media:\n  maxLag: 3s\n  hls:\n    segmentCount: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Signal(syscall.SIGHUP)
	wait(t, 10*time.Second, "the reload", func() error {
		if !strings.Contains(s.log.String(), "reloaded") {
			return fmt.Errorf("log: %s", s.log)
		}
		return nil
	})
	after := s.live("cam")
	if after.BytesIn < before.BytesIn {
		t.Error("the stream was dropped")
	}
	if frames, _, out := decode([]string{"-i", s.hls("cam")}); frames < 20 {
		t.Errorf("HLS after the reload: %d frames: %s", frames, out)
	}
	// A bad file changes nothing and says where the mistake is.
	if err := os.WriteFile(config, []byte("media:\n  maxLagg: 3s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Signal(syscall.SIGHUP)
	wait(t, 10*time.Second, "the refusal", func() error {
		if !strings.Contains(s.log.String(), "maxLagg") {
			return fmt.Errorf("not in the log")
		}
		return nil
	})
	if s.live("cam").BytesIn < after.BytesIn {
		t.Error("the stream was dropped")
	}
}

func TestBackupWhileRunningRestoresOnACleanMachine(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t)
	s.must("", "group", "add", "uas")
	s.user("pilot", "uas:in")
	file := filepath.Join(t.TempDir(), "backup.tar.gz")
	s.must("", "backup", file)
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("backup file: %v %v", st, err)
	}
	s.must("", "user", "remove", "pilot")
	s.stop()

	clean := filepath.Join(t.TempDir(), "data")
	s2 := &server{t: t, data: clean, env: s.env, ports: s.ports}
	s2.must("", "restore", file)
	s2.run()
	t.Cleanup(s2.checkLog)
	t.Cleanup(s2.stop)
	if out := s2.must("", "user", "list"); !regexp.MustCompile(`pilot +member +enabled +uas:in`).MatchString(out) {
		t.Errorf("after the restore:\n%s", out)
	}
	if code := s2.api("pilot", "GET", "me", nil, nil); code != 200 {
		t.Errorf("pilot's password: status %d", code)
	}
	if _, err := s2.muster("", "restore", file); err == nil {
		t.Error("a restore over existing data is not refused")
	}
}

func TestManagementWorksWhileStopped(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t)
	s.stop()
	s.must("", "group", "add", "uas")
	s.user("pilot", "uas")
	if out := s.must("", "user", "list"); !strings.Contains(out, "pilot") {
		t.Errorf("list while stopped: %s", out)
	}
	s.run()
	if code := s.api("pilot", "GET", "me", nil, nil); code != 200 {
		t.Errorf("added while stopped: status %d", code)
	}
	if out, err := s.muster("", "user", "passwd", "pilot"); err == nil || !strings.Contains(err.Error(), "--password-stdin") {
		t.Errorf("without a terminal: %s %v", out, err)
	}
	s.must("another-password", "user", "passwd", "pilot", "--password-stdin")
	if code := s.api("pilot", "GET", "me", nil, nil); code != http.StatusUnauthorized {
		t.Errorf("the old password: status %d", code)
	}
	if st, err := os.Stat(filepath.Join(s.data, "muster.sock")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", st, err)
	}
}

func TestSeen(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t)
	get := func(path string) (int, string) {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.ports["api"], path))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if code, body := get("/metrics"); code != 200 || !strings.Contains(body, "muster_") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("/metrics: %d %.300s", code, body)
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("/healthz: %d", code)
	}
	if code, _ := get("/api/openapi.json"); code != 200 {
		t.Errorf("/api/openapi.json: %d", code)
	}
	if code, _ := get("/api/v1/streams"); code != http.StatusUnauthorized {
		t.Errorf("the API without login: %d", code)
	}
}

func TestHTTPS(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t)
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/", s.ports["https"]))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != 200 || !strings.Contains(string(body), "<html") {
		t.Errorf("%s %s %.200s", resp.Proto, resp.Status, body)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); csp == "" || strings.Contains(csp, "script-src 'unsafe-inline'") {
		t.Errorf("Content-Security-Policy: %q", csp)
	}
	resp, err = client.Get(fmt.Sprintf("http://127.0.0.1:%d/video?x=1", s.ports["http"]))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if loc := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect || !strings.HasPrefix(loc, "https://127.0.0.1") || !strings.HasSuffix(loc, "/video?x=1") {
		t.Errorf("port 80: %s to %q", resp.Status, loc)
	}
}

// TestStopsQuickly: SIGTERM with clients on every door drains in at most 5 s.
func TestStopsQuickly(t *testing.T) {
	need(t, "ffmpeg")
	s := start(t)
	s.user("pilot")
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "cam"))...)
	s.live("cam")
	for _, input := range s.as("pilot", "cam") {
		background(t, "ffmpeg", append(append([]string{"-nostdin", "-v", "error"}, input...), "-f", "null", "-")...)
	}
	s.events(t, "pilot")
	time.Sleep(2 * time.Second)
	began := time.Now()
	s.stop()
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

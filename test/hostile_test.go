package test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Addresses that attacks come from. Those who watch, and who own accounts, are
// elsewhere.
const (
	attacker  = "127.0.0.2"
	elsewhere = "127.0.0.3"
)

// guess is a password that is always wrong; like a right one it must not reach
// the log.
const guess = "a-guess-of-the-attacker"

// siege is a server under attack, with people who watch a stream meanwhile.
type siege struct {
	*server
	watchers []*watcher
	began    time.Time
}

// watcher is an ffmpeg that receives the stream cam for as long as the test runs.
type watcher struct {
	name  string
	early int // frames that had come when the attack began
	*process
}

// frames is how many frames have arrived.
func (w *watcher) frames() int {
	out := w.out.String()
	i := strings.LastIndex(out, "frame=")
	if i < 0 {
		return 0
	}
	line, _, ended := strings.Cut(out[i+len("frame="):], "\n")
	if !ended { // not written whole yet: take the one before
		return (&watcher{process: &process{out: bufferOf(out[:i])}}).frames()
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line))
	return n
}

func bufferOf(s string) *lockedBuffer {
	b := &lockedBuffer{}
	b.b.WriteString(s)
	return b
}

// TestHostile attacks every door from outside. After each attack the server is
// alive and whole, and those who watched did not notice.
func TestHostile(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	s := besiege(t)
	goroutines, files := s.load(t)
	t.Logf("before: %.0f goroutines, %.0f files", goroutines, files)
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *siege)
	}{
		{"garbage by TCP", garbageTCP},
		{"garbage by UDP", garbageUDP},
		{"cut short", cutShort},
		{"idle connections", idleConnections},
		{"names", badNames},
		{"rtsp", attackRTSP},
		{"rtmp", attackRTMP},
		{"srt", attackSRT},
		{"takeover", takeOver},
		{"hls", attackHLS},
		{"webrtc", attackWebRTC},
		{"web requests", attackRequests},
		{"web browsers", attackBrowsers},
		{"tls", attackTLS},
		{"enumeration", enumerate},
		{"brute force", bruteForce},
		{"dawdling", dawdle},
	} {
		ok := t.Run(attack.name, func(t *testing.T) {
			began := time.Now()
			attack.run(t, s)
			took := time.Since(began)
			s.whole(t)
			t.Logf("the attack took %s, the check after it %s", took.Round(time.Millisecond), (time.Since(began) - took).Round(time.Millisecond))
		})
		if !ok && !s.alive() {
			t.Fatalf("the server is gone:\n%s", around(s.log.String(), "goroutine "))
		}
	}
	s.watchedAll(t)
	s.calm(t, goroutines, files)
	for _, secret := range []string{guess, passwordOf("pilot"), passwordOf("watcher"), "?session=", "Basic "} {
		if log := s.log.String(); strings.Contains(log, secret) {
			t.Errorf("the log contains %q: %s", secret, around(log, secret))
		}
	}
}

// besiege starts the server, its stream and those who watch it.
func besiege(t *testing.T) *siege {
	t.Helper()
	s := &siege{server: start(t)}
	s.must("", "group", "add", "uas")
	s.user("pilot", "uas")
	s.user("watcher", "uas:out")
	s.user("owner", "uas")
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "cam"))...)
	s.live("cam")
	for name, input := range s.as("watcher", "cam") {
		args := append([]string{"-nostdin", "-v", "error", "-progress", "pipe:1", "-stats_period", "0.25"}, input...)
		s.watchers = append(s.watchers, &watcher{name: name, process: background(t, "ffmpeg", append(args, "-map", "0:v", "-c", "copy", "-f", "null", "-")...)})
	}
	for _, w := range s.watchers {
		wait(t, 30*time.Second, w.name+" to play", func() error {
			if w.frames() < 15 {
				return fmt.Errorf("%d frames", w.frames())
			}
			return nil
		})
	}
	for _, w := range s.watchers {
		w.early = w.frames()
	}
	s.began = time.Now()
	return s
}

func (s *siege) alive() bool {
	select {
	case <-s.ended:
		return false
	case <-time.After(100 * time.Millisecond): // which the end of a process takes
		return true
	}
}

// whole checks that nothing is broken: the process, its parts, those who watch.
func (s *siege) whole(t *testing.T) {
	t.Helper()
	if !s.alive() {
		t.Fatal("the process has ended")
	}
	if status := s.get(t, "readyz"); status != http.StatusOK {
		t.Errorf("/readyz answers %d", status)
	}
	if n := s.metric(t, "muster_panics_total"); n != 0 {
		t.Errorf("%.0f panics: %s", n, around(s.log.String(), "panic"))
	}
	before := make([]int, len(s.watchers))
	for i, w := range s.watchers {
		before[i] = w.frames()
	}
	for i, w := range s.watchers {
		wait(t, 8*time.Second, w.name+" to receive more", func() error {
			if n := w.frames(); n <= before[i] {
				return fmt.Errorf("still at %d frames: %s", n, ending(w.out.String()))
			}
			return nil
		})
	}
}

func ending(s string) string { return s[max(0, len(s)-300):] }

// watchedAll checks that over the whole attack nobody missed much.
func (s *siege) watchedAll(t *testing.T) {
	t.Helper()
	due := time.Since(s.began).Seconds() * 15
	for _, w := range s.watchers {
		n := w.frames() - w.early
		t.Logf("%s: %d frames of %.0f", w.name, n, due)
		if float64(n) < 0.9*due-30 { // 2 s may be on the way
			t.Errorf("%s received %d frames in a time of %.0f", w.name, n, due)
		}
	}
}

// load returns how many goroutines and files the process has.
func (s *siege) load(t *testing.T) (goroutines, files float64) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	time.Sleep(500 * time.Millisecond)
	return s.metric(t, "go_goroutines"), s.metric(t, "process_open_fds")
}

// calm waits until the process needs no more than before the attack. The room
// is for connections that those who watch by HLS open and close.
func (s *siege) calm(t *testing.T, goroutines, files float64) {
	t.Helper()
	wait(t, 20*time.Second, "the server to be as before", func() error {
		g, f := s.load(t)
		if g > goroutines+12 || f > files+8 {
			return fmt.Errorf("%.0f goroutines, were %.0f; %.0f files, were %.0f", g, goroutines, f, files)
		}
		return nil
	})
}

// get reads a page of the door for this machine and returns the status.
func (s *siege) get(t *testing.T, path string) int {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", s.ports["api"], path))
	if err != nil {
		t.Errorf("GET /%s: %v", path, err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// metric sums a metric over its labels.
func (s *siege) metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", s.ports["api"]))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key, _, _ = strings.Cut(key, "{"); key == name {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// dial connects to a TCP door from an address of this machine. The connection
// has 10 s to be used.
func (s *siege) dial(t *testing.T, door, from string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.ports[door]))
	if err != nil {
		t.Errorf("%s: %v", door, err)
		return nil
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// dialUDP connects to a UDP door.
func (s *siege) dialUDP(t *testing.T, door, from string) net.Conn {
	t.Helper()
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.ports[door]})
	if err != nil {
		t.Fatalf("%s: %v", door, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// throw sends b and returns what comes back until the server closes. open is
// true when it did not within the time.
func (s *siege) throw(t *testing.T, door string, b []byte, within time.Duration) (answer []byte, open bool) {
	t.Helper()
	c := s.dial(t, door, attacker)
	if c == nil {
		return nil, false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(within))
	go c.Write(b) // the server may close before it has read all
	answer, err := io.ReadAll(io.LimitReader(c, 1<<20))
	ne, ok := err.(net.Error)
	return answer, ok && ne.Timeout()
}

// takeOver publishes under the name of a live stream of somebody else.
func takeOver(t *testing.T, s *siege) {
	as := strings.NewReplacer(passwordOf("pilot"), passwordOf("owner"), "pilot", "owner")
	file := clipFile(t, "h264-aac")
	try := func(out ...string) error {
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		args := append(loop(file, "-t", "1", "-f"), out...)
		args[len(args)-1] = as.Replace(args[len(args)-1])
		return exec.CommandContext(ctx, "ffmpeg", args...).Run()
	}
	var wg sync.WaitGroup
	for protocol, f := range map[string]func(name string) error{
		"rtsp": func(name string) error { return try("rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", name)) },
		"rtmp": func(name string) error { return try("flv", s.rtmp("rtmp", name)) },
		"srt":  func(name string) error { return try("mpegts", s.srt("publish", name)) },
	} {
		wg.Go(func() {
			if f("cam") == nil {
				t.Errorf("%s: was let publish", protocol)
			}
			if err := f("free-" + protocol); err != nil {
				t.Errorf("%s: is not let publish under a free name: %v", protocol, err)
			}
		})
	}
	wg.Wait()
	if info := s.live("cam"); info.User != "pilot" {
		t.Errorf("the stream is now of %s", info.User)
	}
}

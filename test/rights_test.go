package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// as returns ffmpeg input options that read stream name as user, by protocol.
func (s *server) as(user, name string) map[string][]string {
	swap := func(url string) string {
		url = strings.ReplaceAll(url, passwordOf("pilot"), passwordOf(user))
		url = strings.ReplaceAll(url, "pilot", user)
		return url
	}
	return map[string][]string{
		"rtsp":  {"-rtsp_transport", "tcp", "-i", swap(s.rtsp("rtsp", name))},
		"rtsps": {"-rtsp_transport", "tcp", "-i", swap(s.rtsp("rtsps", name))},
		"udp":   {"-rtsp_transport", "udp", "-i", swap(s.rtsp("rtsp", name))},
		"rtmp":  {"-i", swap(s.rtmp("rtmp", name))},
		"srt":   {"-i", swap(s.srt("read", name))},
		"hls":   {"-i", swap(s.hls(name))},
	}
}

// TestOnlyTheGroupSees is the rule of the house: a stream published by a user of
// group A is visible to A and to nobody of B, by any protocol or page.
func TestOnlyTheGroupSees(t *testing.T) {
	need(t, "ffmpeg", "chromium")
	t.Parallel()
	s := start(t)
	s.must("", "group", "add", "A")
	s.must("", "group", "add", "B")
	s.user("pilot", "A")
	s.user("friend", "A:out")
	s.user("enemy", "B")
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "cam"))...)
	s.live("cam")

	var wg sync.WaitGroup
	for protocol, input := range s.as("friend", "cam") {
		wg.Go(func() {
			if frames, _, out := decode(input); frames < 20 {
				t.Errorf("%s: somebody of the group decodes %d frames: %s", protocol, frames, out)
			}
		})
	}
	wg.Wait()
	for protocol, input := range s.as("enemy", "cam") {
		wg.Go(func() {
			if frames, _, _ := decode(input); frames > 0 {
				t.Errorf("%s: somebody of another group decodes %d frames", protocol, frames)
			}
		})
	}
	wg.Wait()

	b := startBrowser(t)
	if frames, _, refusal := b.open(t, s.web("cam")).whep(s.rtc("cam", "whep"), "friend", 2); frames == 0 {
		t.Errorf("whep: somebody of the group decodes nothing: %s", refusal)
	}
	if _, _, refusal := b.open(t, s.web("cam")).whep(s.rtc("cam", "whep"), "enemy", 1); !strings.HasPrefix(refusal, "404") {
		t.Errorf("whep: somebody of another group gets %q, wants 404", refusal)
	}
	// To the stranger the stream does not exist: the same answer as for any name.
	for _, path := range []string{"streams/", "stills/", "addresses/"} {
		there, nowhere := s.api("enemy", "GET", path+"cam", nil, nil), s.api("enemy", "GET", path+"nothing", nil, nil)
		if there != nowhere || there != http.StatusNotFound && path != "addresses/" {
			t.Errorf("GET %scam answers %d to a stranger, a free name %d", path, there, nowhere)
		}
	}
	var list struct{ Streams []streamInfo }
	s.api("enemy", "GET", "streams", nil, &list)
	if len(list.Streams) != 0 {
		t.Errorf("a stranger is told of %+v", list.Streams)
	}
	s.api("friend", "GET", "streams", nil, &list)
	if len(list.Streams) != 1 {
		t.Errorf("a friend is told of %+v", list.Streams)
	}
}

// TestPublishNeedsTheRight: nobody publishes without it, by any protocol.
func TestPublishNeedsTheRight(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	s := start(t)
	s.must("", "group", "add", "A")
	s.user("pilot", "A")
	s.user("friend", "A:out")
	key := s.must("", "token", "create", "pilot", "drone", "--publish", "uas/drone1")
	file := clipFile(t, "h264-aac")
	try := func(format, url string) error {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		args := loop(file, "-t", "2", "-f", format)
		if format == "rtsp" {
			args = append(args, "-rtsp_transport", "tcp")
		}
		out, err := exec.CommandContext(ctx, "ffmpeg", append(args, url)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	rtsp := func(user, pass, name string) string {
		return fmt.Sprintf("rtsp://%s:%s@127.0.0.1:%d/%s", user, pass, s.ports["rtsp"], name)
	}
	for _, tc := range []struct {
		name, format, url string
		ok                bool
	}{
		{"rtsp password", "rtsp", rtsp("pilot", passwordOf("pilot"), "x1"), true},
		{"rtsp wrong password", "rtsp", rtsp("pilot", "wrong", "x2"), false},
		{"rtsp unknown user", "rtsp", rtsp("nobody", "wrong", "x3"), false},
		{"rtsp reader", "rtsp", rtsp("friend", passwordOf("friend"), "x4"), false},
		{"rtsp stream key", "rtsp", rtsp("pilot", key, "uas/drone1"), true},
		{"rtsp stream key, other stream", "rtsp", rtsp("pilot", key, "uas/drone2"), false},
		{"rtmp stream key", "flv", fmt.Sprintf("rtmp://127.0.0.1:%d/uas/drone1?token=%s", s.ports["rtmp"], key), true},
		{"rtmp nothing", "flv", fmt.Sprintf("rtmp://127.0.0.1:%d/x5", s.ports["rtmp"]), false},
		{"srt stream key", "mpegts", fmt.Sprintf("srt://127.0.0.1:%d?streamid=publish:uas/drone1:pilot:%s", s.ports["srt"], key), true},
		{"srt nothing", "mpegts", fmt.Sprintf("srt://127.0.0.1:%d?streamid=publish:x6", s.ports["srt"]), false},
		{"srt reader", "mpegts", fmt.Sprintf("srt://127.0.0.1:%d?streamid=publish:x7:friend:%s", s.ports["srt"], passwordOf("friend")), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := try(tc.format, tc.url); (err == nil) != tc.ok {
				t.Errorf("allowed %v, wants %v: %v", err == nil, tc.ok, err)
			}
		})
	}
}

// TestRevocation disables a user who watches and publishes by every protocol and
// measures how long each session lives on.
func TestRevocation(t *testing.T) {
	need(t, "ffmpeg", "chromium")
	s := start(t)
	s.user("pilot")
	s.user("victim")
	file := clipFile(t, "h264-aac")
	background(t, "ffmpeg", loop(file, "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "cam"))...)
	s.live("cam")

	var inputs = s.as("victim", "cam")
	procs := map[string]*process{}
	for protocol, input := range inputs {
		procs["watch "+protocol] = background(t, "ffmpeg", append(append([]string{"-nostdin", "-v", "error"}, input...), "-f", "null", "-")...)
	}
	for protocol, out := range map[string][]string{
		"rtsp": {"-f", "rtsp", "-rtsp_transport", "tcp", strings.ReplaceAll(s.rtsp("rtsp", "v1"), "pilot", "victim")},
		"rtmp": {"-f", "flv", strings.ReplaceAll(s.rtmp("rtmp", "v2"), "pilot", "victim")},
		"srt":  {"-f", "mpegts", strings.ReplaceAll(s.srt("publish", "v3"), "pilot", "victim")},
	} {
		procs["publish "+protocol] = background(t, "ffmpeg", loop(file, out...)...)
	}
	b := startBrowser(t)
	p := b.open(t, s.web("v4"))
	p.whip(s.rtc("v4", "whip"), "victim", "VP8")
	p.eval(fmt.Sprintf(`(async () => {
		const pc = window.reader = new RTCPeerConnection();
		pc.addTransceiver('video', {direction: 'recvonly'});
		await pc.setLocalDescription();
		const r = await fetch(%q, {method: 'POST', body: pc.localDescription.sdp,
			headers: {'Content-Type': 'application/sdp', 'Authorization': 'Basic ' + btoa('victim:%s')}});
		await pc.setRemoteDescription({type: 'answer', sdp: await r.text()});
	})()`, s.rtc("cam", "whep"), passwordOf("victim")))
	events := s.events(t, "victim")

	sessions := func() map[string]int {
		var list struct {
			Sessions []struct{ User, Protocol, Action string }
		}
		s.api("admin", "GET", "sessions", nil, &list)
		open := map[string]int{}
		for _, x := range list.Sessions {
			if x.User == "victim" {
				open[x.Action+" "+x.Protocol]++
			}
		}
		return open
	}
	wait(t, 40*time.Second, "all sessions of the victim", func() error {
		if open := sessions(); len(open) < 11 {
			return fmt.Errorf("open: %v", open)
		}
		return nil
	})
	t.Logf("open before: %v", sessions())

	began := time.Now()
	s.must("", "user", "disable", "victim")
	wait(t, time.Second, "the register to be empty of the victim", func() error {
		if open := sessions(); len(open) > 0 {
			return fmt.Errorf("open: %v", open)
		}
		return nil
	})
	t.Logf("the register was empty after %s", time.Since(began).Round(time.Millisecond))
	for name, proc := range procs {
		if name == "watch hls" || name == "watch udp" {
			continue // ffmpeg goes on asking, or waits for packets; the register has told
		}
		select {
		case <-proc.ended:
		case <-time.After(3 * time.Second):
			t.Errorf("%s: the client's connection is still open", name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for {
		if _, _, err := events.Read(ctx); err != nil {
			if ctx.Err() != nil {
				t.Error("the WebSocket is still open")
			}
			break
		}
	}
	if code := s.api("victim", "GET", "me", nil, nil); code != http.StatusUnauthorized {
		t.Errorf("the API answers %d", code)
	}
	if frames, _, _ := decode(inputs["rtsp"]); frames > 0 {
		t.Error("the victim can come back")
	}
	s.must("", "user", "enable", "victim")
	// The player of HLS has gone on asking: until it is gone and its failed logins
	// are forgiven, this address is told to wait.
	for _, proc := range procs {
		proc.kill()
	}
	wait(t, time.Minute, "the victim to see again", func() error {
		if frames, _, out := decode(inputs["rtsp"]); frames == 0 {
			return errors.New(out)
		}
		return nil
	})
}

// events opens the WebSocket of live events.
func (s *server) events(t *testing.T, user string) *websocket.Conn {
	t.Helper()
	req, _ := http.NewRequest("GET", "http://x/", nil)
	req.SetBasicAuth(user, passwordOf(user))
	ws, _, err := websocket.Dial(context.Background(), fmt.Sprintf("ws://127.0.0.1:%d/api/v1/events", s.ports["api"]),
		&websocket.DialOptions{HTTPHeader: req.Header})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	t.Cleanup(func() { ws.CloseNow() })
	return ws
}

package test

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// probe returns the codecs that ffprobe finds at url, sorted by track.
func probe(url string) (string, error) {
	out, err := exec.Command("ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-timeout", "10000000", "-show_entries", "stream=codec_name", "-of", "csv=p=0", url).CombinedOutput()
	return strings.Join(strings.Fields(string(out)), " "), err
}

// TestVideoListIsFetched puts the address of a stream at one server on the video
// list of another, which fetches it and shows it to the members of the group.
func TestVideoListIsFetched(t *testing.T) {
	need(t, "ffmpeg", "ffprobe")
	t.Parallel()
	a := start(t)
	a.must("", "group", "add", "flyers")
	a.user("pilot", "flyers")
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", a.rtsp("rtsp", "drone"))...)
	a.live("drone")

	b := startTAK(t, "MUSTER_COT_VIDEO_PULL=true", "MUSTER_COT_VIDEO_PULL_PRIVATE=127.0.0.0/8", "MUSTER_MEDIA_PULL_TIMEOUT=2s")
	b.group(t, "red", "blue")
	ann, eve := b.member(t, "ann", "red"), b.member(t, "eve", "blue")
	list := fmt.Sprintf(`<?xml version="1.0"?><videoConnections><feed><uuid>drone-1</uuid><active>true</active><alias>Drone 1</alias>`+
		`<protocol>rtsp</protocol><address>pilot:%s@127.0.0.1</address><port>%d</port><path>/drone</path><rtspReliable>1</rtspReliable></feed></videoConnections>`,
		passwordOf("pilot"), a.ports["rtsp"])
	if got := ann.marti(t, "POST", "/Marti/vcm", list); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}

	fetched := func() streamInfo {
		t.Helper()
		var all struct{ Streams []streamInfo }
		var found streamInfo
		wait(t, patience, "the stream to be fetched", func() error {
			if code := b.api("admin", "GET", "streams", nil, &all); code != http.StatusOK {
				return fmt.Errorf("status %d", code)
			}
			for _, s := range all.Streams {
				if strings.HasPrefix(s.Name, "tak/drone-1-") && s.BytesIn > 0 {
					found = s
					return nil
				}
			}
			return fmt.Errorf("live are %v", all)
		})
		return found
	}
	s := fetched()
	if len(s.Groups) != 1 || s.Groups[0] != "red" || s.Protocol != "rtsp" {
		t.Errorf("%+v", s)
	}
	url := func(user string) string {
		return fmt.Sprintf("rtsp://%s:%s@127.0.0.1:%d/%s", user, passwordOf(user), b.ports["rtsp"], s.Name)
	}
	if got, err := probe(url("ann")); err != nil || !strings.Contains(got, "h264") || !strings.Contains(got, "aac") {
		t.Errorf("ann sees %q, %v", got, err)
	}
	if got, err := probe(url("eve")); err == nil {
		t.Errorf("eve sees %q", got)
	}
	if got := ann.marti(t, "GET", "/Marti/vcm", nil); !strings.Contains(string(got.body), s.Name) {
		t.Errorf("ann's list has no address of it here: %s", got.body)
	}
	if got := eve.marti(t, "GET", "/Marti/vcm", nil); strings.Contains(string(got.body), "Drone 1") {
		t.Error("eve's list has it")
	}

	a.stop() // it comes back when the source does
	a.run()
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", a.rtsp("rtsp", "drone"))...)
	fetched()

	if got := ann.marti(t, "DELETE", "/Marti/api/video/drone-1", nil); got.status >= 300 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	wait(t, 10*time.Second, "the stream to be let go", func() error {
		if code := b.api("admin", "GET", "streams/"+s.Name, nil, nil); code != http.StatusNotFound {
			return fmt.Errorf("status %d", code)
		}
		return nil
	})
	for i, forbidden := range []string{"169.254.169.254", "10.0.0.1"} {
		moved := strings.Replace(list, "@127.0.0.1", "@"+forbidden, 1)
		if got := ann.marti(t, "POST", "/Marti/vcm", moved); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		wait(t, patience, "a line in the log about "+forbidden, func() error {
			if n := strings.Count(b.log.String(), "the server does not fetch from this address"); n != i+1 {
				return fmt.Errorf("%d refusals", n)
			}
			return nil
		})
	}
	if strings.Contains(b.log.String(), passwordOf("pilot")) {
		t.Error("the password is in the log")
	}
}

// TestPathsAreFetched has one server fetch a stream of another by every protocol,
// as its configuration says, and take up changes of that.
func TestPathsAreFetched(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	a := start(t)
	a.must("", "group", "add", "flyers")
	a.user("pilot", "flyers")
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", a.rtsp("rtsp", "drone"))...)
	a.live("drone")
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", a.ports["rtsps"]), &tls.Config{InsecureSkipVerify: true}) // it is what the fingerprint is taken of
	if err != nil {
		t.Fatal(err)
	}
	print := sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)
	c.Close()

	text := "media:\n  pull:\n    timeout: 2s\n  paths:\n"
	sources := map[string]string{"rtsp": a.rtsp("rtsp", "drone"), "rtsps": a.rtsp("rtsps", "drone"), "rtmp": a.rtmp("rtmp", "drone"), "srt": a.srt("read", "drone")}
	for name, source := range sources {
		text += fmt.Sprintf("    %s:\n      source: \"%s\"\n      groups: [red]\n", name, source)
		if name == "rtsps" {
			text += fmt.Sprintf("      sourceFingerprint: \"%x\"\n", print)
		}
	}
	config := writeConfig(t, text)
	b := start(t, "MUSTER_CONFIG="+config)
	b.must("", "group", "add", "red")
	b.user("pilot", "red")
	for name := range sources {
		if in := b.live(name); in.Protocol != name || len(in.Tracks) != 2 || len(in.Groups) != 1 || in.Groups[0] != "red" {
			t.Errorf("%+v", in)
		}
		if video, audio, out := decode([]string{"-rtsp_transport", "tcp", "-i", b.rtsp("rtsp", name)}); video < 20 || audio < 20 {
			t.Errorf("%s: %d pictures and %d pieces of sound: %s", name, video, audio, out)
		}
	}

	before := b.live("srt")
	changed := strings.Replace(text, "    rtsp:\n", "    other:\n", 1)
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	b.cmd.Process.Signal(syscall.SIGHUP)
	b.live("other")
	wait(t, 10*time.Second, "the old name to be let go", func() error {
		if code := b.api("admin", "GET", "streams/rtsp", nil, nil); code != http.StatusNotFound {
			return fmt.Errorf("status %d", code)
		}
		return nil
	})
	if b.live("srt").BytesIn < before.BytesIn {
		t.Error("a source that did not change was disturbed")
	}
}

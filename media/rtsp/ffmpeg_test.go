package rtsp

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/media"
)

// publish starts FFmpeg publishing to url until the test ends, and waits until
// the stream is live.
func publish(t *testing.T, r *rig, path string, args ...string) {
	t.Helper()
	all := append([]string{"-nostdin", "-hide_banner", "-loglevel", "warning"}, args...)
	process(t, "ffmpeg", all...)
	alive(t, r, path)
}

func alive(t *testing.T, r *rig, path string) {
	t.Helper()
	wait(t, 15*time.Second, "the stream "+path, func() bool {
		for _, s := range r.sessions.List() {
			if s.Resource == path {
				return true
			}
		}
		return false
	})
}

// process runs a program until the test ends and logs what it wrote if the test
// failed.
func process(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skipf("%s: %v", name, err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, out.String())
		}
	})
}

var source = map[string][]string{
	"video": {"-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"},
	"audio": {"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"},
}

var encode = map[string][]string{
	"H264":               {"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p"},
	"H264 with B-frames": {"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"},
	"H265":               {"-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none"},
	"VP8":                {"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"},
	"VP9":                {"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-strict", "experimental"},
	"MJPEG":              {"-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-huffman", "default"},
	"AAC":                {"-c:a", "aac"},
	"Opus":               {"-c:a", "libopus", "-ac", "2"},
	"G711":               {"-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"},
	"MP3":                {"-c:a", "libmp3lame"},
	"LPCM":               {"-c:a", "pcm_s16be"},
	"G722":               {"-c:a", "g722", "-ar", "16000", "-ac", "1"},
}

func publishArgs(video, audio string, out ...string) []string {
	var a []string
	if video != "" {
		a = append(a, source["video"]...)
	}
	if audio != "" {
		a = append(a, source["audio"]...)
	}
	if video != "" {
		a = append(a, encode[video]...)
	}
	if audio != "" {
		a = append(a, encode[audio]...)
	}
	return append(a, out...)
}

var frameCount = regexp.MustCompile(`(\d+) frames decoded|frame=\s*(\d+)`)

// watch decodes seconds of url with FFmpeg and returns how many video and audio
// frames it decoded and what it complained about.
func watch(t *testing.T, url string, seconds int, options ...string) (video, audio int, complaints string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds+20)*time.Second)
	defer cancel()
	args := append([]string{"-nostdin", "-hide_banner", "-loglevel", "verbose"}, options...)
	args = append(args, "-i", url, "-t", strconv.Itoa(seconds), "-f", "null", "-")
	out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput()
	text := string(out)
	if err != nil {
		t.Errorf("ffmpeg: %v\n%s", err, text)
	}
	for line := range strings.Lines(text) {
		switch m := frameCount.FindStringSubmatch(line); {
		case strings.Contains(line, "(video)") && m != nil && m[1] != "":
			video, _ = strconv.Atoi(m[1])
		case strings.Contains(line, "(audio)") && m != nil && m[1] != "":
			audio, _ = strconv.Atoi(m[1])
		case strings.Contains(line, "error") || strings.Contains(line, "missed") || strings.Contains(line, "corrupt") || strings.Contains(line, "non-monoton"):
			complaints += line
		}
	}
	return video, audio, complaints
}

func TestFFmpegCodecs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs FFmpeg")
	}
	r := start(t, nil)
	for _, tc := range []struct{ video, audio string }{
		{"H264", "AAC"}, {"H264", "Opus"}, {"H264 with B-frames", "AAC"}, {"H265", "AAC"}, {"VP8", "Opus"}, {"VP9", "Opus"},
		{"MJPEG", "G711"}, {"", "MP3"}, {"", "LPCM"}, {"", "G722"},
	} {
		name := strings.Trim(tc.video+"+"+tc.audio, "+")
		t.Run(name, func(t *testing.T) {
			path := strings.ReplaceAll(name, " ", "_")
			path = strings.ReplaceAll(path, "+", "-")
			publish(t, r, path, publishArgs(tc.video, tc.audio, "-f", "rtsp", "-rtsp_transport", "tcp", r.url("alice", path))...)
			video, audio, complaints := watch(t, r.url("alice", path), 3, "-rtsp_transport", "tcp")
			t.Logf("%d video, %d audio frames; %s", video, audio, complaints)
			if tc.video != "" && video < 50 || tc.audio != "" && audio < 40 {
				t.Errorf("decoded %d video and %d audio frames in 3 s", video, audio)
			}
			if complaints != "" {
				t.Errorf("FFmpeg complained: %s", complaints)
			}
		})
	}
	if s := r.Stats(); s.PacketsBad != 0 || s.PacketsLost != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestFFmpegTransports publishes and watches over every transport, logging in by
// every method FFmpeg knows.
func TestFFmpegTransports(t *testing.T) {
	if testing.Short() {
		t.Skip("runs FFmpeg")
	}
	ways := []string{"tcp", "udp", "tls"}
	for _, methods := range [][]string{{"digest-sha256", "digest-md5", "basic"}, {"basic"}} {
		r := start(t, func(c *Config, _ *media.Config) { c.AuthMethods = methods })
		for _, in := range ways {
			t.Run(methods[0]+"/from "+in, func(t *testing.T) {
				path := "cam-" + in
				publish(t, r, path, publishArgs("H264", "AAC", append([]string{"-f", "rtsp"}, r.by(in, path)...)...)...)
				for _, out := range ways {
					to := r.by(out, path)
					video, audio, complaints := watch(t, to[len(to)-1], 2, to[:len(to)-1]...)
					t.Logf("to %s: %d video, %d audio frames; %s", out, video, audio, complaints)
					if video < 35 || audio < 60 {
						t.Errorf("to %s: decoded %d video and %d audio frames in 2 s", out, video, audio)
					}
					if complaints != "" {
						t.Errorf("to %s: FFmpeg complained: %s", out, complaints)
					}
				}
			})
		}
		if s := r.Stats(); s.PacketsBad != 0 || s.PacketsLost != 0 || s.Drops != 0 {
			t.Errorf("stats: %+v", s)
		}
		ways = ways[:1] // the other logins take the same ways
	}
}

// by returns FFmpeg's options and URL for a transport.
func (r *rig) by(transport, path string) []string {
	if transport == "tls" {
		return []string{"rtsps://alice:secret%3A%201@" + r.rtsps + "/" + path}
	}
	return []string{"-rtsp_transport", transport, r.url("alice", path)}
}

// TestFFmpegQuery logs in by the query of the URL, as players without a login
// dialogue do.
func TestFFmpegQuery(t *testing.T) {
	if testing.Short() {
		t.Skip("runs FFmpeg")
	}
	r := start(t, nil)
	base := "rtsp://" + r.rtsp + "/some/cam"
	publish(t, r, "some/cam", publishArgs("H264", "AAC", "-f", "rtsp", base+"?user=alice&pass=secret:%201")...)
	for _, query := range []string{"?user=alice&pass=secret:%201", "?token=tok", "?jwt=tok"} {
		if video, _, _ := watch(t, base+query, 1, "-rtsp_transport", "tcp"); video < 20 {
			t.Errorf("%s: decoded %d frames", query, video)
		}
	}
}

func TestGStreamer(t *testing.T) {
	if testing.Short() {
		t.Skip("runs GStreamer")
	}
	r := start(t, nil)
	for _, transport := range []string{"tcp", "udp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			path, scheme, host := "gst-"+transport, "rtsp", r.rtsp
			protocols := transport
			if transport == "tls" {
				scheme, host, protocols = "rtsps", r.rtsps, "tcp"
			}
			location := scheme + "://" + host + "/" + path
			sink := []string{"rtspclientsink", "name=s", "location=" + location, "user-id=alice", "user-pw=" + password, "protocols=" + protocols, "tls-validation-flags=0"}
			process(t, "gst-launch-1.0", append(strings.Fields(
				"-q videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse ! s."+
					" audiotestsrc is-live=true ! audioconvert ! opusenc ! s."), sink...)...)
			alive(t, r, path)
			if video, audio, complaints := watch(t, r.url("alice", path), 2, "-rtsp_transport", "tcp"); video < 35 || audio < 60 {
				t.Errorf("FFmpeg decoded %d video and %d audio frames in 2 s; %s", video, audio, complaints)
			}
			if transport == "tls" { // the player tries UDP first, is refused, and takes TCP
				protocols = "udp+tcp"
			}
			src := []string{"rtspsrc", "location=" + location, "user-id=alice", "user-pw=" + password, "protocols=" + protocols, "tls-validation-flags=0", "latency=100", "name=r"}
			args := append(src, strings.Fields("r. ! application/x-rtp,media=video ! rtph264depay ! avdec_h264 ! fakesink num-buffers=50 r. ! application/x-rtp,media=audio ! rtpopusdepay ! opusdec ! fakesink num-buffers=100")...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			// The player says so when it has all. On its way out it may still fail: now and
			// then it pauses a session that it has taken down already.
			out, err := exec.CommandContext(ctx, "gst-launch-1.0", args...).CombinedOutput()
			if err != nil && !bytes.Contains(out, []byte("Got EOS from element")) {
				t.Errorf("gst-launch-1.0 got no 50 pictures and 100 pieces of sound: %v\n%s", err, out)
			}
		})
	}
}

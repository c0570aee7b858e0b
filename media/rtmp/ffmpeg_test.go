package rtmp

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
)

const cred = "user=pilot&pass=p1lot%26%3D"

func TestFFmpegPublishesAndReads(t *testing.T) {
	for _, tc := range []struct {
		name         string
		args         []string
		video, audio bool
	}{
		{"h264 aac", cat(picture, tone, x264, aac), true, true},
		{"b-frames", cat(picture, tone, bframes, aac), true, true},
		{"video only", cat(picture, x264), true, false},
		{"audio only", cat(tone, aac), false, true},
		{"mp3", cat(picture, tone, x264, []string{"-c:a", "libmp3lame", "-ar", "44100"}), true, true},
		{"mu-law", cat(picture, tone, x264, []string{"-c:a", "pcm_mulaw", "-ar", "8000"}), true, true},
		{"lpcm", cat(picture, tone, x264, []string{"-c:a", "pcm_s16le", "-ar", "44100"}), true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			ffmpeg(t, append(tc.args, "-f", "flv", "rtmp://"+h.addr+"/live/cam?"+cred)...)
			s := h.live(t, "live/cam")
			for _, tr := range s.Tracks {
				t.Log(tr.Format())
			}
			video, audio := decoded(t, "rtmp://"+h.addr+"/live/cam?token=tok")
			t.Logf("%d video, %d audio frames; %s", video, audio, line(h.log.String(), "publisher ready"))
			if tc.video && video < 30 || tc.audio && audio < 8 || !tc.video && video > 0 || !tc.audio && audio > 0 {
				t.Fatalf("%d video and %d audio frames decoded", video, audio)
			}
		})
	}
}

// line returns the first line of s that contains part.
func line(s, part string) string {
	for l := range strings.Lines(s) {
		if strings.Contains(l, part) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

func TestFFmpegOverTLS(t *testing.T) {
	h := newHouse(t)
	ffmpeg(t, cat(picture, tone, x264, aac, []string{"-f", "flv", "rtmps://" + h.secure + "/cam?" + cred})...)
	s := h.live(t, "cam")
	if s.Source.Protocol != "rtmps" {
		t.Errorf("protocol %q", s.Source.Protocol)
	}
	if video, audio := decoded(t, "rtmps://"+h.secure+"/cam?"+cred); video < 30 || audio < 8 {
		t.Fatalf("%d video and %d audio frames decoded", video, audio)
	}
}

// TestFFmpegIsToldWhy checks that refusals reach the user of a real client.
func TestFFmpegIsToldWhy(t *testing.T) {
	h := newHouse(t)
	ffmpeg(t, cat(picture, x264, []string{"-f", "flv", "rtmp://" + h.addr + "/cam?" + cred})...)
	h.live(t, "cam")
	for _, tc := range []struct {
		name, url string
		publish   bool
		want      string
	}{
		{"publish without credentials", "/new", true, "credentials needed"},
		{"publish with a wrong password", "/new?user=pilot&pass=x", true, "wrong credentials"},
		{"publish as an unknown user", "/new?user=nobody&pass=x", true, "wrong credentials"},
		{"publish what another publishes", "/cam?user=rival&pass=rival", true, "somebody else is publishing"},
		{"publish under a bad name", "/a/..%2f../b?" + cred, true, "name cannot be used"},
		{"play without credentials", "/cam", false, "credentials needed"},
		{"play what belongs to others", "/cam?user=other&pass=other", false, "no stream of that name"},
		{"play what is not there", "/none?" + cred, false, "no stream of that name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			url := "rtmp://" + h.addr + tc.url
			args := []string{"-nostdin", "-i", url, "-f", "null", "-"}
			if tc.publish {
				args = cat([]string{"-nostdin"}, picture, x264, []string{"-t", "3", "-f", "flv", url})
			}
			out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput()
			if err == nil || ctx.Err() != nil || !bytes.Contains(out, []byte(tc.want)) {
				t.Fatalf("%v: %s", err, out)
			}
		})
	}
}

func TestKick(t *testing.T) {
	h := newHouse(t)
	pub := ffmpeg(t, cat(picture, x264, []string{"-f", "flv", "rtmp://" + h.addr + "/cam?" + cred})...)
	s := h.live(t, "cam")
	reader := ffmpeg(t, "-i", "rtmp://"+h.addr+"/cam?"+cred, "-f", "null", "-")
	eventually(t, "the reader", func() bool { return s.Info().Readers["rtmp"] == 1 })
	for _, ses := range h.sessions.List() {
		if ses.Action == auth.Read {
			h.sessions.Kick(ses.ID)
		}
	}
	start := time.Now()
	eventually(t, "the reader to end", func() bool { return s.Info().Readers["rtmp"] == 0 })
	reader.Wait()
	h.sessions.Kick(h.sessions.List()[0].ID)
	eventually(t, "the publisher to end", func() bool { return len(h.sessions.List()) == 0 })
	pub.Wait()
	eventually(t, "the connections to end", func() bool { return h.Stats().Open == 0 })
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %s", d)
	}
}

func TestGStreamerPublishes(t *testing.T) {
	for _, sink := range []string{"rtmpsink", "rtmp2sink"} {
		t.Run(sink, func(t *testing.T) {
			if exec.Command("gst-inspect-1.0", sink).Run() != nil || exec.Command("gst-inspect-1.0", "voaacenc").Run() != nil {
				t.Skip("GStreamer is not installed with all it takes")
			}
			h := newHouse(t)
			cmd := exec.Command("gst-launch-1.0", "-q",
				"videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=240,framerate=30/1", "!",
				"x264enc", "tune=zerolatency", "speed-preset=ultrafast", "key-int-max=30", "!", "h264parse", "!", "flvmux", "name=m", "streamable=true", "!",
				sink, "location=rtmp://"+h.addr+"/live/cam?token=tok",
				"audiotestsrc", "is-live=true", "!", "audioconvert", "!", "voaacenc", "!", "aacparse", "!", "m.")
			if testing.Verbose() {
				cmd.Stderr = os.Stderr
			}
			if err := cmd.Start(); err != nil {
				t.Skip(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			h.live(t, "live/cam")
			video, audio := decoded(t, "rtmp://"+h.addr+"/live/cam?token=tok")
			t.Logf("%d video, %d audio frames; %s", video, audio, line(h.log.String(), "publisher ready"))
			if video < 30 || audio < 8 {
				t.Fatalf("%d video and %d audio frames decoded", video, audio)
			}
		})
	}
}

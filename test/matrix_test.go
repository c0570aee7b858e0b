package test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/run/runtest"
)

// publishers are the ways into the server. Each returns the command that sends
// a clip to the stream name.
var publishers = []struct {
	name    string
	program string
	clips   []string
	args    func(s *server, file, name string) []string
}{
	{"rtsp-tcp", "ffmpeg", []string{"h264-aac", "h264-opus", "h265-aac", "vp8-opus", "vp9", "h264-bframes"}, func(s *server, f, n string) []string {
		return loop(f, "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", n))
	}},
	{"rtsp-udp", "ffmpeg", []string{"h264-aac"}, func(s *server, f, n string) []string {
		return loop(f, "-f", "rtsp", "-rtsp_transport", "udp", s.rtsp("rtsp", n))
	}},
	{"rtsps", "ffmpeg", []string{"h264-opus"}, func(s *server, f, n string) []string {
		return loop(f, "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsps", n))
	}},
	{"rtmp", "ffmpeg", []string{"h264-aac", "h264-bframes"}, func(s *server, f, n string) []string {
		return loop(f, "-f", "flv", s.rtmp("rtmp", n))
	}},
	{"rtmps", "ffmpeg", []string{"h264-aac"}, func(s *server, f, n string) []string {
		return loop(f, "-f", "flv", s.rtmp("rtmps", n))
	}},
	{"srt", "ffmpeg", []string{"h264-aac", "h264-opus", "h265-aac"}, func(s *server, f, n string) []string {
		return loop(f, "-f", "mpegts", s.srt("publish", n))
	}},
	{"srt-passphrase", "ffmpeg", []string{"h264-aac"}, func(s *server, f, n string) []string {
		return loop(f, "-f", "mpegts", s.srt("publish", n)+"&passphrase="+srtSecret)
	}},
	{"mpegts-udp", "ffmpeg", []string{"h264-aac"}, func(s *server, f, _ string) []string {
		return loop(f, "-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", s.ports["mpegts-udp"]))
	}},
	{"gstreamer", "gst-launch-1.0", []string{"h264-opus"}, func(s *server, f, n string) []string {
		return []string{"filesrc", "location=" + long(f), "!", "matroskademux", "!", "h264parse", "!", "identity", "sync=true", "!",
			"rtspclientsink", "protocols=tcp", "location=" + s.rtsp("rtsp", n)}
	}},
	{"whip", "chromium", []string{"H264", "VP8", "VP9", "AV1"}, nil},
}

// long is the clip of a minute for a program that cannot loop.
func long(file string) string { return strings.TrimSuffix(file, ".mkv") + "-long.mkv" }

const srtSecret = "a-passphrase-of-srt"

// loop are the options that send a file again and again in real time.
func loop(file string, out ...string) []string {
	return append([]string{"-v", "error", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-strict", "experimental"}, out...)
}

func (s *server) rtsp(scheme, name string) string {
	return fmt.Sprintf("%s://pilot:%s@127.0.0.1:%d/%s", scheme, passwordOf("pilot"), s.ports[scheme], name)
}

func (s *server) rtmp(scheme, name string) string {
	return fmt.Sprintf("%s://127.0.0.1:%d/%s?user=pilot&pass=%s", scheme, s.ports[scheme], name, passwordOf("pilot"))
}

func (s *server) srt(mode, name string) string {
	return fmt.Sprintf("srt://127.0.0.1:%d?streamid=%s:%s:pilot:%s", s.ports["srt"], mode, name, passwordOf("pilot"))
}

func (s *server) hls(name string) string {
	return fmt.Sprintf("http://pilot:%s@127.0.0.1:%d/%s/index.m3u8", passwordOf("pilot"), s.ports["hls"], name)
}

// readers are the ways out that ffmpeg takes. carries says which codecs fit
// through the protocol and this ffmpeg; what does not must be refused, or
// arrive without the track, with the reason.
var readers = []struct {
	name    string
	carries map[string]bool
	args    func(s *server, name, secret string) []string
}{
	{"rtsp-tcp", codecs("H264 H265 VP8 VP9 AAC Opus"), func(s *server, n, _ string) []string {
		return []string{"-rtsp_transport", "tcp", "-i", s.rtsp("rtsp", n)}
	}},
	{"rtsp-udp", codecs("H264 H265 VP8 VP9 AAC Opus"), func(s *server, n, _ string) []string {
		return []string{"-rtsp_transport", "udp", "-i", s.rtsp("rtsp", n)}
	}},
	{"rtsps", codecs("H264 H265 VP8 VP9 AAC Opus"), func(s *server, n, _ string) []string {
		return []string{"-rtsp_transport", "tcp", "-i", s.rtsp("rtsps", n)}
	}},
	{"rtmp", codecs("H264 AAC"), func(s *server, n, _ string) []string {
		return []string{"-i", s.rtmp("rtmp", n)}
	}},
	{"srt", codecs("H264 H265 AAC Opus"), func(s *server, n, secret string) []string {
		if secret != "" {
			secret = "&passphrase=" + secret
		}
		return []string{"-i", s.srt("read", n) + secret}
	}},
	{"hls", codecs("H264 H265 VP9 AV1 AAC Opus"), func(s *server, n, _ string) []string {
		return []string{"-i", s.hls(n)}
	}},
}

func codecs(list string) map[string]bool {
	m := map[string]bool{}
	for _, c := range strings.Fields(list) {
		m[c] = true
	}
	return m
}

// TestMatrix sends every kind of stream in by every protocol and takes it out by
// every other: frames are decoded and counted.
func TestMatrix(t *testing.T) {
	need(t, "ffmpeg", "gst-launch-1.0", "chromium")
	t.Parallel()
	ts := runtest.Port(t)
	config := writeConfig(t, fmt.Sprintf(`
media:
  paths:
    srt-passphrase-h264-aac:
      publishPassphrase: %[1]s
      readPassphrase: %[1]s
    mpegts-udp-h264-aac:
      groups: [uas]
      source: udp+mpegts://127.0.0.1:%[2]d
`, srtSecret, ts))
	s := start(t, "MUSTER_CONFIG="+config)
	s.ports["mpegts-udp"] = ts
	s.must("", "group", "add", "uas")
	s.user("pilot", "uas")
	chromium := startBrowser(t)

	for _, pub := range publishers {
		for _, c := range pub.clips {
			name := pub.name + "-" + c
			t.Run(name, func(t *testing.T) {
				if pub.args == nil {
					chromium.open(t, s.web(name)).whip(s.rtc(name, "whip"), "pilot", c)
				} else {
					p := background(t, pub.program, pub.args(s, clipFile(t, c), name)...)
					defer func() { p.kill(); <-p.ended }()
				}
				info := s.live(name)
				secret := ""
				if pub.name == "srt-passphrase" {
					secret = srtSecret
				}
				var wg sync.WaitGroup
				for _, r := range readers {
					wg.Go(func() { checkReader(t, r.name, r.carries, r.args(s, name, secret), info) })
				}
				checkWHEP(t, s, chromium, info)
				wg.Wait()
			})
		}
	}
}

// web is an address of the server's WebRTC door that needs no login, for a page
// of the test's own to stand on.
func (s *server) web(name string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/%s/reader.js", s.ports["webrtc"], name)
}

func (s *server) rtc(name, kind string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/%s/%s", s.ports["webrtc"], name, kind)
}

// checkReader decodes for a few seconds and compares what came with what the
// protocol, and this ffmpeg, carry. Where that is nothing the client must be
// sent away at once and not be left waiting.
func checkReader(t *testing.T, name string, carries map[string]bool, input []string, info streamInfo) {
	wantVideo, wantAudio := false, false
	for _, tr := range info.Tracks {
		if isVideo(tr.Codec) {
			wantVideo = carries[tr.Codec]
		} else {
			wantAudio = carries[tr.Codec]
		}
	}
	if name == "rtmp" && !wantVideo {
		return // goes out as enhanced RTMP, which this ffmpeg does not read
	}
	if !wantVideo && !wantAudio {
		began := time.Now()
		if frames, packets, _ := decode(input); frames+packets > 0 || time.Since(began) > 15*time.Second {
			t.Errorf("%s: %d frames and %d audio frames of codecs that it cannot carry, after %s", name, frames, packets, time.Since(began))
		}
		return
	}
	var maps []string
	if wantVideo {
		maps = append(maps, "-map", "0:v")
	}
	if wantAudio {
		maps = append(maps, "-map", "0:a")
	}
	frames, packets, out := decode(input, maps...)
	switch {
	case wantVideo && frames < 20:
		t.Errorf("%s: %d video frames decoded in 3 s, wants at least 20\n%s", name, frames, out)
	case wantAudio && packets < 40:
		t.Errorf("%s: %d audio frames decoded in 3 s, wants at least 40\n%s", name, packets, out)
	default:
		t.Logf("%s: %d video frames, %d audio frames", name, frames, packets)
	}
}

func isVideo(codec string) bool {
	return strings.Contains("H264 H265 VP8 VP9 AV1", codec)
}

// decode runs ffmpeg on an input for 3 s of media (25 s of time at most) and
// counts decoded frames of the mapped streams, of all by default.
func decode(input []string, maps ...string) (video, audio int, output string) {
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	if maps == nil {
		maps = []string{"-map", "0:v?", "-map", "0:a?"}
	}
	args := append([]string{"-hide_banner", "-nostdin", "-v", "error", "-t", "3"}, input...)
	args = append(append(args, maps...), "-fps_mode", "passthrough", "-f", "framecrc", "-")
	cmd := exec.CommandContext(ctx, "ffmpeg", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Run() // a refusal is an exit status; the counts tell
	kinds := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if f := strings.Fields(line); strings.HasPrefix(line, "#media_type") && len(f) == 3 {
			kinds[strings.TrimSuffix(f[1], ":")] = f[2]
		} else if index, _, ok := strings.Cut(line, ","); ok && !strings.HasPrefix(line, "#") {
			if _, err := strconv.Atoi(strings.TrimSpace(index)); err != nil {
				continue
			}
			if kinds[strings.TrimSpace(index)] == "video" {
				video++
			} else {
				audio++
			}
		}
	}
	return video, audio, errs.String()
}

// checkWHEP plays the stream in Chromium.
func checkWHEP(t *testing.T, s *server, b *browser, info streamInfo) {
	t.Helper()
	p := b.open(t, s.web(info.Name))
	defer p.ws.CloseNow()
	frames, audio, refusal := p.whep(s.rtc(info.Name, "whep"), "pilot", 3)
	video := ""
	for _, tr := range info.Tracks {
		if isVideo(tr.Codec) {
			video = tr.Codec
		}
	}
	switch {
	case strings.HasSuffix(info.Name, "bframes"), video == "H265" && refusal != "":
		if !strings.Contains(refusal, "HLS") {
			t.Errorf("whep: a stream that this browser cannot play is refused with %q, which names no way out", refusal)
		}
	case refusal != "":
		t.Errorf("whep: refused: %s", refusal)
	case frames < 20:
		t.Errorf("whep: %v frames decoded in 3 s, wants at least 20", frames)
	default:
		t.Logf("whep: %v video frames, %v audio packets", frames, audio)
	}
}

package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

type recording struct {
	ID, Stream, User string
	Groups           []string
	Duration         float64
	Bytes            int64
	Open             bool
}

// recordings are those that user sees, the oldest first.
func (s *server) recordings(user, stream string) []recording {
	s.t.Helper()
	var page struct{ Recordings []recording }
	if code := s.api(user, "GET", "recordings?stream="+stream, nil, &page); code != 200 {
		s.t.Fatalf("recordings: status %d", code)
	}
	var out []recording
	for _, r := range page.Recordings {
		out = append([]recording{r}, out...)
	}
	return out
}

// content fetches a recording, or a range of it.
func (s *server) content(user, id, ranges string) (int, []byte) {
	s.t.Helper()
	return s.fetch(user, "recordings/"+id+"/content", ranges)
}

// fetch reads what is at a path of the API, or a range of it.
func (s *server) fetch(user, path, ranges string) (int, []byte) {
	s.t.Helper()
	req, err := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d/api/v1/%s", s.ports["api"], path), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(user, passwordOf(user))
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, b
}

// pictures returns the codecs, the length and the times of all pictures of a file.
func pictures(t *testing.T, content []byte) (codecs string, length float64, times []float64) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "recording.mp4")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration", "-of", "default=nw=1:nk=1", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v: %s", err, out)
	}
	for field := range strings.FieldsSeq(string(out)) {
		if f, err := strconv.ParseFloat(field, 64); err == nil {
			length = f
		} else {
			codecs = strings.TrimSpace(codecs + " " + field)
		}
	}
	out, err = exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v: %s", err, out)
	}
	for field := range strings.FieldsSeq(string(out)) {
		f, err := strconv.ParseFloat(strings.Trim(field, ","), 64)
		if err != nil {
			t.Fatalf("ffprobe: %s", out)
		}
		times = append(times, f)
	}
	return codecs, length, times
}

// TestStreamsAreRecorded records a stream into several files, fetches them and counts
// their pictures; then kills the server while it records.
func TestStreamsAreRecorded(t *testing.T) {
	need(t, "ffmpeg", "ffprobe")
	t.Parallel()
	config := writeConfig(t, "media:\n  record:\n    segment: 3s\n  paths:\n    uas/cam:\n      record: true\n")
	s := start(t, "MUSTER_CONFIG="+config)
	s.must("", "group", "add", "uas")
	s.must("", "group", "add", "fire")
	s.user("pilot", "uas")
	s.user("stranger", "fire")
	ctx := t.Context()
	send := func(seconds string) *exec.Cmd {
		return exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-f", "lavfi", "-i", "sine=440:r=48000",
			"-t", seconds, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac",
			"-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "uas/cam"))
	}
	if out, err := send("8").CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	var list []recording
	wait(t, 20*time.Second, "the recordings to be complete", func() error {
		list = s.recordings("pilot", "uas/cam")
		for _, r := range list {
			if r.Open {
				return fmt.Errorf("%+v is open", r)
			}
		}
		if len(list) < 2 {
			return fmt.Errorf("%d recordings", len(list))
		}
		return nil
	})
	total, sum := 0, 0.0
	for i, r := range list {
		if r.User != "pilot" || len(r.Groups) != 1 || r.Groups[0] != "uas" {
			t.Errorf("%+v", r)
		}
		code, content := s.content("pilot", r.ID, "")
		if code != 200 || int64(len(content)) != r.Bytes {
			t.Fatalf("status %d, %d bytes of %d", code, len(content), r.Bytes)
		}
		if code, part := s.content("pilot", r.ID, "bytes=100-299"); code != 206 || !bytes.Equal(part, content[100:300]) {
			t.Errorf("a range: status %d, %d bytes", code, len(part))
		}
		codecs, length, times := pictures(t, content)
		if codecs != "h264 aac" || length < r.Duration-0.3 || length > r.Duration+0.3 {
			t.Errorf("file %d: %s, %.2f s, the index says %.2f", i, codecs, length, r.Duration)
		}
		for j := 1; j < len(times); j++ {
			if d := times[j] - times[j-1]; d < 0.02 || d > 0.09 {
				t.Errorf("file %d: %.3f s between pictures %d and %d", i, d, j-1, j)
			}
		}
		total, sum = total+len(times), sum+r.Duration
		if code, _ := s.content("stranger", r.ID, ""); code != 404 {
			t.Errorf("a stranger gets %d", code)
		}
	}
	if total < 190 || total > 200 || sum < 7.5 || sum > 8.3 {
		t.Errorf("%d pictures of 200 in %.2f s", total, sum)
	}
	if got := s.recordings("stranger", ""); len(got) != 0 {
		t.Errorf("a stranger sees %+v", got)
	}
	if code := s.api("pilot", "DELETE", "recordings/"+list[0].ID, nil, nil); code != 403 {
		t.Errorf("a member deletes: %d", code)
	}
	if code := s.api("admin", "DELETE", "recordings/"+list[0].ID, nil, nil); code != 204 {
		t.Errorf("an administrator deletes: %d", code)
	}
	if code, _ := s.content("pilot", list[0].ID, ""); code != 404 {
		t.Errorf("it is still there: %d", code)
	}
	s.killedWhileRecording(t, send("60"), len(list)-1)
}

// killedWhileRecording: what was written before is there after the next start.
func (s *server) killedWhileRecording(t *testing.T, ffmpeg *exec.Cmd, before int) {
	if err := ffmpeg.Start(); err != nil {
		t.Fatal(err)
	}
	defer ffmpeg.Wait()
	defer ffmpeg.Process.Kill()
	var last recording
	wait(t, 30*time.Second, "something to be written", func() error {
		list := s.recordings("pilot", "uas/cam")
		if len(list) <= before {
			return fmt.Errorf("%d recordings", len(list))
		}
		if last = list[len(list)-1]; !last.Open || last.Duration < 1.5 {
			return fmt.Errorf("%+v", last)
		}
		return nil
	})
	s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.ended
	ffmpeg.Process.Kill()
	s.run()
	var got recording
	for _, r := range s.recordings("pilot", "uas/cam") {
		if r.ID == last.ID {
			got = r
		}
	}
	if got.Open || got.Duration < last.Duration || got.Bytes < last.Bytes {
		t.Fatalf("%+v has become %+v", last, got)
	}
	_, content := s.content("pilot", got.ID, "")
	if _, _, times := pictures(t, content); len(times) < int(last.Duration*25)-1 {
		t.Errorf("%d pictures in %.2f s", len(times), got.Duration)
	}
}

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// clip is a test recording that publishers send in a loop without encoding.
type clip struct {
	name  string
	video []string // ffmpeg options; nil: no video
	audio []string
}

var clips = []clip{
	{"h264-aac", x264, aac},
	{"h264-opus", x264, opus},
	{"h265-aac", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=15:bframes=0"}, aac},
	{"vp8-opus", []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "15", "-b:v", "300k"}, opus},
	{"vp9", []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "15", "-b:v", "300k"}, nil},
	{"av1", []string{"-c:v", "libsvtav1", "-preset", "12", "-g", "15"}, nil},
	{"h264-bframes", []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "15"}, aac},
}

var (
	x264 = []string{"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-g", "15"}
	aac  = []string{"-c:a", "aac", "-b:a", "64k"}
	opus = []string{"-c:a", "libopus", "-b:a", "64k"}
)

var clipFolder = struct {
	sync.Mutex
	dir string
}{}

// clipFile returns the file of a clip: 4 s of 320x240 at 15 frames a second with
// a key frame each second, made on first use.
func clipFile(t *testing.T, name string) string {
	t.Helper()
	clipFolder.Lock()
	defer clipFolder.Unlock()
	if clipFolder.dir == "" {
		clipFolder.dir = filepath.Join(filepath.Dir(binary), "clips")
		if err := os.MkdirAll(clipFolder.dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(clipFolder.dir, name+".mkv")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	for _, c := range clips {
		if c.name != name {
			continue
		}
		args := []string{"-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15",
			"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "4", "-pix_fmt", "yuv420p"}
		args = append(args, c.video...)
		if c.audio == nil {
			args = append(args, "-an")
		}
		args = append(append(args, c.audio...), file)
		if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
			t.Fatalf("making %s: %v: %s", name, err, out)
		}
		args = []string{"-v", "error", "-y", "-stream_loop", "14", "-i", file, "-c", "copy", long(file)}
		if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
			t.Fatalf("making the long %s: %v: %s", name, err, out)
		}
		return file
	}
	t.Fatal(fmt.Errorf("there is no clip %s", name))
	return ""
}

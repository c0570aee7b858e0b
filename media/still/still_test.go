package still

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// clips are the codecs and how ffmpeg makes a second of each.
var clips = []struct {
	id   codec.ID
	args []string
}{
	{codec.H264, []string{"-c:v", "libx264", "-preset", "veryfast", "-f", "h264"}},
	{codec.H265, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:pools=1", "-f", "hevc"}},
	{codec.VP9, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-f", "ivf"}},
	{codec.AV1, []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-f", "ivf"}},
}

// keyFrame encodes a second of a coloured picture and returns the key frame as
// the hub holds it.
func keyFrame(t *testing.T, id codec.ID, args []string) *media.Unit {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", slices.Concat([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=1", "-pix_fmt", "yuv420p"}, args, []string{"-"})...)
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v %s", err, stderr.String())
	}
	return held(t, id, firstUnit(t, id, data))
}

// firstUnit takes the first access unit out of a raw or IVF file.
func firstUnit(t *testing.T, id codec.ID, data []byte) [][]byte {
	t.Helper()
	if id == codec.H264 || id == codec.H265 {
		var au h264.AnnexB
		if err := au.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		for i, nalu := range au { // up to and with the first picture
			isPicture := id == codec.H264 && nalu[0]&0x1F == 5 || id == codec.H265 && (nalu[0]>>1)&0x3F < 32
			if isPicture {
				return au[:i+1]
			}
		}
		t.Fatal("no picture")
	}
	frame := data[32+12:]
	frame = frame[:binary.LittleEndian.Uint32(data[32:])]
	if id == codec.VP9 {
		return [][]byte{frame}
	}
	var tu av1.Bitstream
	if err := tu.Unmarshal(frame); err != nil {
		t.Fatal(err)
	}
	return tu
}

// held publishes one unit and returns the key frame that the stream then holds.
func held(t *testing.T, id codec.ID, au [][]byte) *media.Unit {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	r := media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), log)
	p, err := r.Publish(media.PublishRequest{
		Identity: auth.System("test"), Name: safename.MustParse("cam"),
		Formats: []*codec.Format{codec.NewVideo(id)}, Kick: func(error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(nil)
	p.Write(0, media.Sample{AU: au})
	return p.Stream().LastKeyFrame()
}

func TestPlayerDecodesOneFrame(t *testing.T) {
	for _, c := range clips {
		t.Run(string(c.id), func(t *testing.T) {
			b, err := MP4(keyFrame(t, c.id, c.args))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "still.mp4")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-f", "framecrc", "-").CombinedOutput()
			if err != nil {
				t.Fatalf("ffmpeg: %v\n%s", err, out)
			}
			if n := strings.Count(string(out), "\n0,"); n != 1 || !strings.Contains(string(out), "#dimensions 0: 320x240") {
				t.Fatalf("%d frames:\n%s", n, out)
			}
		})
	}
}

func TestRefusesWhatIsNoPicture(t *testing.T) {
	for name, u := range map[string]*media.Unit{
		"nothing":             nil,
		"inter frame":         {Format: codec.NewVideo(codec.VP9), AU: [][]byte{{1}}},
		"sound":               {Format: codec.NewOpus(2), Key: true, AU: [][]byte{{1}}},
		"unknown parameters":  {Format: codec.NewVideo(codec.H264), Key: true, AU: [][]byte{{0x65}}},
		"no browser shows it": {Format: codec.NewVideo(codec.MPEG4Video), Key: true, AU: [][]byte{{1}}},
	} {
		if _, err := MP4(u); !errors.Is(err, media.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	garbage := &media.Unit{Format: codec.NewVideo(codec.VP9), Key: true, AU: [][]byte{{0xff}}}
	if _, err := MP4(garbage); err == nil {
		t.Error("garbage makes a picture")
	}
}

const showPage = `<!doctype html><video id="v" muted preload="auto" src="/still.mp4"></video><script>
const v = document.getElementById('v');
const look = () => {
  const c = document.createElement('canvas');
  c.width = 32; c.height = 32;
  const g = c.getContext('2d');
  g.drawImage(v, 0, 0, 32, 32);
  const lit = g.getImageData(0, 0, 32, 32).data.some((x, i) => i % 4 < 3 && x > 100);
  fetch('/report', { method: 'POST', body: [v.videoWidth, v.currentTime, v.paused, lit].join(' ') });
};
v.addEventListener('error', () => fetch('/report', { method: 'POST', body: v.error.message }));
v.addEventListener('loadeddata', () => setInterval(look, 200));
</script>`

func TestChromiumShowsIt(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	for _, c := range clips {
		if c.id == codec.H265 {
			continue // Chromium has no H265 decoder of its own
		}
		t.Run(string(c.id), func(t *testing.T) {
			b, err := MP4(keyFrame(t, c.id, c.args))
			if err != nil {
				t.Fatal(err)
			}
			report := make(chan string, 100)
			mux := http.NewServeMux()
			mux.HandleFunc("/show", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, showPage)
			})
			mux.HandleFunc("/still.mp4", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", Type)
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
			})
			mux.HandleFunc("/report", func(_ http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body)
				select {
				case report <- string(text):
				default:
				}
			})
			srv := httptest.NewServer(mux)
			defer srv.Close()
			browse(t, chromium, srv.URL+"/show")
			last, limit := "nothing", time.After(20*time.Second)
			for last != "320 0 true true" { // the first reports may come before the first paint
				select {
				case last = <-report:
				case <-limit:
					t.Fatalf("width, time, paused and whether there is a picture: %s", last)
				}
			}
		})
	}
}

// browse opens an address in a headless Chromium until the test ends.
func browse(t *testing.T, chromium, url string) {
	t.Helper()
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio",
		"--autoplay-policy=no-user-gesture-required", "--user-data-dir="+profile, url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its helpers end with it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = os.RemoveAll(profile)
	})
}

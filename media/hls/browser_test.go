package hls

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const watchPage = `<!doctype html><iframe id="f" src="/hls/uas/cam/?token=t0ken" width="640" height="480"></iframe><script>
setInterval(() => {
  const doc = document.getElementById('f').contentDocument;
  const v = doc && doc.getElementById('video');
  if (!v || v.currentTime < 3) return;
  const c = document.createElement('canvas');
  c.width = 32; c.height = 32;
  const g = c.getContext('2d');
  g.drawImage(v, 0, 0, 32, 32);
  const lit = g.getImageData(0, 0, 32, 32).data.some((x, i) => i % 4 < 3 && x > 40);
  fetch('/report', { method: 'POST', body: v.videoWidth + ' ' + lit });
}, 200);
</script>`

func TestPagePlaysInChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	t.Run("H264 and AAC", func(t *testing.T) {
		playInChromium(t, chromium, makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"))
	})
	t.Run("VP9", func(t *testing.T) {
		playInChromium(t, chromium, makeClip(t, "ivf", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"))
	})
}

func playInChromium(t *testing.T, chromium string, c *clip) {
	h := start(t)
	h.air(t, c)

	report := make(chan string, 100)
	mux := http.NewServeMux()
	mux.Handle("/hls/", http.StripPrefix("/hls", h.Handler()))
	mux.HandleFunc("/watch", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, watchPage)
	})
	mux.HandleFunc("/report", func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		select {
		case report <- string(b):
		default:
		}
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	browse(t, chromium, srv.URL+"/watch")
	last, limit := "nothing", time.After(40*time.Second)
	for last != "320 true" { // the first reports may come before the first paint
		select {
		case last = <-report:
		case <-limit:
			t.Fatalf("width and whether there is a picture: %s", last)
		}
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

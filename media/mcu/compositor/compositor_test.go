//go:build codecs && cgo

package compositor

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/media/mcu/layout"
)

const childEnv = "MUSTER_COMPOSITOR_CHILD"

// TestMain is the child as well: the tests start their own executable.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := Child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// rig is a running Compositor whose child the test can reach.
type rig struct {
	*Compositor
	child atomic.Pointer[exec.Cmd]
	log   *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t testing.TB) *rig {
	t.Helper()
	r := &rig{log: &logBuffer{}}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r.Compositor, err = New(Deps{
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
		Command: func() *exec.Cmd {
			cmd := exec.Command(exe)
			cmd.Env = []string{childEnv + "=1"}
			r.child.Store(cmd)
			return cmd
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(r.log)
		}
	})
	return r
}

// frame is one of a clip.
type frame struct {
	au  [][]byte
	key bool
}

// clips remembers what clip made: tests share them.
var clips sync.Map

// clip makes a second of video with ffmpeg, which is only read.
func clip(t testing.TB, codec, source string, options ...string) []frame {
	t.Helper()
	key := fmt.Sprint(codec, source, options)
	if made, ok := clips.Load(key); ok {
		return made.([]frame)
	}
	frames := encodeClip(t, codec, source, options...)
	clips.Store(key, frames)
	return frames
}

func encodeClip(t testing.TB, codec, source string, options ...string) []frame {
	t.Helper()
	args := []string{"-v", "error", "-f", "lavfi", "-i", source + ":r=25:d=1", "-pix_fmt", "yuv420p"}
	if codec == H264 {
		args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25")
		args = append(append(args, options...), "-f", "h264", "-")
	} else {
		args = append(args, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k", "-g", "25")
		args = append(append(args, options...), "-f", "ivf", "-")
	}
	cmd := exec.Command("ffmpeg", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v %s", err, stderr.Bytes())
	}
	if codec == VP8 {
		return splitIVF(out)
	}
	return splitH264(out)
}

func splitH264(b []byte) (frames []frame) {
	var f frame
	for _, unit := range bytes.Split(bytes.ReplaceAll(b, []byte{0, 0, 0, 1}, []byte{0, 0, 1}), []byte{0, 0, 1}) {
		if len(unit) == 0 {
			continue
		}
		f.au = append(f.au, unit)
		kind := unit[0] & 0x1f
		if kind == 5 {
			f.key = true
		}
		if kind == 5 || kind == 1 {
			frames, f = append(frames, f), frame{}
		}
	}
	return frames
}

func splitIVF(b []byte) (frames []frame) {
	for b = b[32:]; len(b) > 12; {
		n := binary.LittleEndian.Uint32(b)
		data := b[12 : 12+n]
		frames = append(frames, frame{[][]byte{data}, data[0]&1 == 0})
		b = b[12+n:]
	}
	return frames
}

// feed plays a clip into an input of the rig, round and round.
func (r *rig) feed(t testing.TB, id, codec string, frames []frame) *Input {
	t.Helper()
	var restart atomic.Bool
	in, err := r.Input(id, codec, func() { restart.Store(true) })
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			if restart.Swap(false) || i == len(frames) {
				i = 0
			}
			in.Write(frames[i].au, frames[i].key)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() { close(stop); wg.Wait(); in.Close() })
	return in
}

// watcher collects what an output gives.
type watcher struct {
	*Output
	mu     sync.Mutex
	frames []Frame
}

func (r *rig) watch(t testing.TB, cfg OutputConfig) *watcher {
	t.Helper()
	w := &watcher{}
	o, err := r.Output(cfg, func(f Frame) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.frames = append(w.frames, f)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Output = o
	t.Cleanup(o.Close)
	return w
}

func (w *watcher) all() []Frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.frames[:len(w.frames):len(w.frames)]
}

// eventually waits until ok, for half a minute at most.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within half a minute: %s", what)
}

// last decodes frames with ffmpeg and returns the last picture in RGB.
func last(t testing.TB, codec string, frames []Frame, w, h int) []byte {
	t.Helper()
	for len(frames) > 0 && !frames[0].Key {
		frames = frames[1:]
	}
	var in bytes.Buffer
	format := "h264"
	if codec == VP8 {
		format = "ivf"
		in.WriteString("DKIF\x00\x00\x20\x00VP80")
		_ = binary.Write(&in, binary.LittleEndian, []uint16{uint16(w), uint16(h)})
		_ = binary.Write(&in, binary.LittleEndian, []uint32{25, 1, uint32(len(frames)), 0})
	}
	for i, f := range frames {
		if codec == VP8 {
			_ = binary.Write(&in, binary.LittleEndian, uint32(len(f.AU[0])))
			_ = binary.Write(&in, binary.LittleEndian, uint64(i))
			in.Write(f.AU[0])
			continue
		}
		for _, unit := range f.AU {
			in.Write(startCode)
			in.Write(unit)
		}
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", format, "-i", "-", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	size := w * h * 3
	if err != nil || stderr.Len() > 0 || len(out) < size {
		t.Fatalf("ffmpeg: %v, %d bytes of %d, %s", err, len(out), size, stderr.Bytes())
	}
	if path := os.Getenv("MUSTER_TEST_PICTURE"); path != "" {
		ppm := append(fmt.Appendf(nil, "P6 %d %d 255\n", w, h), out[len(out)-size:]...)
		_ = os.WriteFile(path+"/"+strings.ReplaceAll(t.Name(), "/", "-")+".ppm", ppm, 0o644)
	}
	return out[len(out)-size:]
}

var colours = []struct {
	name    string
	r, g, b int
}{{"red", 255, 0, 0}, {"blue", 0, 0, 255}, {"yellow", 255, 255, 0}, {"white", 255, 255, 255}}

// near tells whether the picture has a colour at x, y.
func near(rgb []byte, width, x, y, r, g, b int) bool {
	at := rgb[(y*width+x)*3:]
	for i, want := range []int{r, g, b} {
		if d := int(at[i]) - want; d < -40 || d > 40 {
			return false
		}
	}
	return true
}

// quad is a scene of four in a grid.
func quad(w, h int) Scene {
	s := Scene{Width: w, Height: h, Background: 0x101418, Recording: true}
	for i, r := range layout.Grid(4, w, h) {
		s.Tiles = append(s.Tiles, Tile{
			Input: colours[i].name, Rect: r, Muted: i == 1, Speaking: i == 2,
			Name: []string{"Zoë Müller", "Олександр Шевченко", "Ελένη Παπαδοπούλου", "Drone 1"}[i],
		})
	}
	return s
}

func isQuad(rgb []byte, w, h int) error {
	for i, c := range colours {
		x, y := w/4+i%2*w/2, h/4+i/2*h/2
		if !near(rgb, w, x, y, c.r, c.g, c.b) {
			return fmt.Errorf("the tile of %s has % d in its middle", c.name, rgb[(y*w+x)*3:][:3])
		}
	}
	return nil
}

func TestEachInputIsSeenInItsTile(t *testing.T) {
	t.Parallel()
	r := start(t)
	for i, c := range colours {
		codec, options := []string{H264, VP8}[i%2], []string(nil)
		if i == 0 { // as cameras send it
			options = []string{"-preset", "medium", "-profile:v", "high", "-bf", "2"}
		}
		r.feed(t, c.name, codec, clip(t, codec, "color=c="+c.name+":s=320x180", options...))
	}
	if err := r.SetScene("", quad(640, 360)); err != nil {
		t.Fatal(err)
	}
	watchers := map[string]*watcher{}
	for _, codec := range []string{H264, VP8} {
		watchers[codec] = r.watch(t, OutputConfig{Codec: codec, Width: 640, Height: 360, FPS: 25, Bitrate: 800_000})
	}
	for codec, w := range watchers {
		t.Run(codec, func(t *testing.T) {
			eventually(t, "25 frames", func() bool { return len(w.all()) >= 25 })
			frames := w.all()
			if !frames[0].Key {
				t.Error("does not begin with a key frame")
			}
			for i := 1; i < len(frames); i++ {
				if frames[i].PTS <= frames[i-1].PTS {
					t.Fatalf("time goes from %v to %v", frames[i-1].PTS, frames[i].PTS)
				}
			}
			rgb := last(t, codec, frames, 640, 360)
			if err := isQuad(rgb, 640, 360); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestACrashCostsAMomentOfPicture(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range colours {
		r.feed(t, c.name, VP8, clip(t, VP8, "color=c="+c.name+":s=320x180"))
	}
	if err := r.SetScene("", quad(320, 180)); err != nil {
		t.Fatal(err)
	}
	w := r.watch(t, OutputConfig{Codec: VP8, Width: 320, Height: 180, FPS: 25, Bitrate: 500_000})
	eventually(t, "frames", func() bool { return len(w.all()) >= 5 })
	before := len(w.all())
	_ = r.child.Load().Process.Kill()
	eventually(t, "a restart", func() bool { return r.Stats().Restarts == 1 })
	eventually(t, "frames after it", func() bool { return len(w.all()) >= before+15 })
	frames := w.all()
	restart := 0
	for i := 1; i < len(frames); i++ {
		if frames[i].PTS <= frames[i-1].PTS {
			t.Errorf("time goes from %v to %v", frames[i-1].PTS, frames[i].PTS)
		}
		if frames[i].Key {
			restart = i
		}
	}
	if restart == 0 {
		t.Fatal("no key frame after the crash")
	}
	if err := isQuad(last(t, VP8, frames[restart:], 320, 180), 320, 180); err != nil {
		t.Error(err)
	}
}

func TestOneEncoderServesAllWhoWatchTheSame(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.feed(t, "test", H264, clip(t, H264, "testsrc2=s=320x180"))
	scene := Scene{Width: 320, Height: 180, Tiles: []Tile{{Input: "test", Rect: layout.Rect{W: 320, H: 180}}}}
	if err := r.SetScene("stage", scene); err != nil {
		t.Fatal(err)
	}
	cfg := OutputConfig{Scene: "stage", Codec: H264, Width: 320, Height: 180, FPS: 25, Bitrate: 600_000, MaxUnit: 1000}
	first := r.watch(t, cfg)
	eventually(t, "frames", func() bool { return len(first.all()) >= 20 })
	second := r.watch(t, cfg)
	eventually(t, "frames for both", func() bool { return len(second.all()) >= 20 })
	one, other := first.all(), second.all()
	match := false
	for _, f := range one {
		match = match || &f.AU[0][0] == &other[10].AU[0][0]
	}
	if !match {
		t.Error("the two do not share their frames")
	}
	keys := 0
	for i, f := range other {
		if f.Key {
			keys++
		}
		for _, unit := range f.AU {
			if len(unit) > 1000 {
				t.Errorf("frame %d has a unit of %d bytes", i, len(unit))
			}
		}
	}
	if keys == 0 {
		t.Error("the second got no key frame")
	}
	r.mu.Lock()
	n := len(r.encodes)
	r.mu.Unlock()
	if n != 1 {
		t.Errorf("%d encoders", n)
	}
	// Many requests at once are one key frame.
	seen := len(first.all())
	for range 20 {
		first.RequestKeyFrame()
		second.RequestKeyFrame()
	}
	eventually(t, "more frames", func() bool { return len(first.all()) >= seen+25 })
	keys = 0
	for _, f := range first.all()[seen : seen+25] {
		if f.Key {
			keys++
		}
	}
	if keys < 1 || keys > 2 {
		t.Errorf("%d key frames in a second after 40 requests", keys)
	}
}

func TestNothingIsDecodedThatNobodySees(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.feed(t, "red", H264, clip(t, H264, "color=c=red:s=320x180"))
	r.feed(t, "blue", H264, clip(t, H264, "color=c=blue:s=320x180"))
	r.mu.Lock()
	running := r.up
	r.mu.Unlock()
	if running || r.child.Load() != nil {
		t.Error("there is a child and nobody watches")
	}
	scene := Scene{Width: 320, Height: 180, Tiles: []Tile{{Input: "red", Rect: layout.Rect{W: 320, H: 180}}}}
	if err := r.SetScene("", scene); err != nil {
		t.Fatal(err)
	}
	w := r.watch(t, OutputConfig{Codec: VP8, Width: 320, Height: 180, FPS: 10, Bitrate: 300_000})
	eventually(t, "reports", func() bool { return r.Stats().Encoded >= 10 })
	s := r.Stats()
	// One input of 25 frames a second, two outputs would be 50.
	if s.Decoded > s.Encoded*25/10+30 {
		t.Errorf("%d frames decoded while %d were encoded", s.Decoded, s.Encoded)
	}
	if !near(last(t, VP8, w.all(), 320, 180), 320, 160, 60, 255, 0, 0) {
		t.Error("the picture is not red")
	}
	// The other one is decoded as soon as it is on the stage.
	scene.Tiles[0].Input = "blue"
	if err := r.SetScene("", scene); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		seen := len(w.all())
		eventually(t, "more frames", func() bool { return len(w.all()) >= seen+10 })
		if near(last(t, VP8, w.all(), 320, 180), 320, 160, 60, 0, 0, 255) {
			return
		}
	}
	t.Error("the picture does not become blue")
}

func TestWhatCannotBeShownSaysSo(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range []struct {
		name, codec, want string
		frames            []frame
	}{
		{"interlaced", H264, problemInterlaced, clip(t, H264, "color=c=red:s=320x180", "-flags", "+ildct+ilme", "-x264opts", "interlaced")},
		{"4:4:4", H264, problemFormat, clip(t, H264, "color=c=red:s=320x180", "-pix_fmt", "yuv444p")},
		{"too large", VP8, problemSize, []frame{{[][]byte{{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f}}, true}}},
		{"H265", "H265", "H265 video cannot be shown here", []frame{{[][]byte{{1, 2, 3}}, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := r.feed(t, c.name, c.codec, c.frames)
			scene := Scene{Width: 320, Height: 180, Tiles: []Tile{{Input: c.name, Name: "Camera", Rect: layout.Rect{W: 320, H: 180}}}}
			if err := r.SetScene(c.name, scene); err != nil {
				t.Fatal(err)
			}
			w := r.watch(t, OutputConfig{Scene: c.name, Codec: VP8, Width: 320, Height: 180, FPS: 10, Bitrate: 200_000})
			eventually(t, "the problem", func() bool { return in.Problem() == c.want })
			eventually(t, "frames", func() bool { return len(w.all()) > 8 })
			rgb := last(t, VP8, w.all(), 320, 180)
			if !near(rgb, 320, 20, 20, int(cardColor.R), int(cardColor.G), int(cardColor.B)) {
				t.Errorf("no card, but % d", rgb[(20*320+20)*3:][:3])
			}
		})
	}
	if n := r.Stats().Restarts; n != 0 {
		t.Errorf("%d restarts", n)
	}
}

func TestAnInputThatTheChildEndsOverIsLeftOut(t *testing.T) {
	c, err := New(Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	bad, _ := c.Input("bad", H264, nil)
	good, _ := c.Input("good", H264, nil)
	for i, want := range []string{"", problemBroken} {
		c.suspect = bad.number
		c.crashed(io.ErrUnexpectedEOF)
		if got := bad.Problem(); got != want {
			t.Errorf("after %d ends: %q, want %q", i+1, got, want)
		}
	}
	if bad.look([][]byte{{0x65}}) || !good.look([][]byte{{0x65}}) {
		t.Error("the wrong one is left out")
	}
	// A while apart they are no pattern.
	for range 3 {
		good.struck = time.Now().Add(-time.Minute)
		c.suspect = good.number
		c.crashed(io.ErrUnexpectedEOF)
	}
	if got := good.Problem(); got != "" {
		t.Errorf("after three ends a minute apart: %q", got)
	}
}

func TestTheChildEndsWhenNobodyWatches(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.mu.Lock()
	r.idle = time.Second
	r.mu.Unlock()
	if err := r.SetScene("", Scene{Width: 320, Height: 180}); err != nil {
		t.Fatal(err)
	}
	cfg := OutputConfig{Codec: VP8, Width: 320, Height: 180, FPS: 10, Bitrate: 100_000}
	w := r.watch(t, cfg)
	eventually(t, "a frame", func() bool { return len(w.all()) > 0 })
	w.Close()
	eventually(t, "the end of the child", func() bool { return !r.Stats().Running })
	again := r.watch(t, cfg)
	eventually(t, "a frame of the next child", func() bool { return len(again.all()) > 0 })
	if n := r.Stats().Restarts; n != 0 {
		t.Errorf("%d crashes are counted", n)
	}
}

func TestGarbageHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range colours[1:] {
		r.feed(t, c.name, H264, clip(t, H264, "color=c="+c.name+":s=320x180"))
	}
	broken := encodeClip(t, H264, "testsrc=s=320x180")
	noise := uint32(1)
	for _, f := range broken[1:] {
		for _, unit := range f.au {
			for i := 5; i < len(unit); i += 7 {
				noise = noise*1664525 + 1013904223
				unit[i] = byte(noise >> 24)
			}
		}
	}
	r.feed(t, "red", H264, broken)
	if err := r.SetScene("", quad(320, 180)); err != nil {
		t.Fatal(err)
	}
	w := r.watch(t, OutputConfig{Codec: H264, Width: 320, Height: 180, FPS: 25, Bitrate: 500_000})
	eventually(t, "frames", func() bool { return len(w.all()) >= 30 })
	rgb := last(t, H264, w.all(), 320, 180)
	for i, c := range colours[1:] {
		x, y := 80+(i+1)%2*160, 45+(i+1)/2*90
		if !near(rgb, 320, x, y, c.r, c.g, c.b) {
			t.Errorf("%s has gone", c.name)
		}
	}
}

func TestTheChildHasNoFilesAndNoNetwork(t *testing.T) {
	t.Parallel()
	r := start(t)
	if err := r.SetScene("", Scene{Width: 320, Height: 180}); err != nil {
		t.Fatal(err)
	}
	r.watch(t, OutputConfig{Codec: VP8, Width: 320, Height: 180, FPS: 5, Bitrate: 100_000})
	eventually(t, "a child", func() bool { return r.Stats().Running && r.Stats().Encoded > 0 })
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.child.Load().Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("its status does not have %q", want)
		}
	}
}

func TestImpossibleScenesAndOutputsAreRefused(t *testing.T) {
	c, err := New(Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Scene{
		"no size":            {},
		"tile outside":       {Width: 320, Height: 180, Tiles: []Tile{{Rect: layout.Rect{X: 300, W: 40, H: 40}}}},
		"tile without width": {Width: 320, Height: 180, Tiles: []Tile{{Rect: layout.Rect{H: 40}}}},
		"too many tiles":     {Width: 320, Height: 180, Tiles: make([]Tile, MaxTiles+1)},
	} {
		if err := c.SetScene("", s); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	good := OutputConfig{Codec: VP8, Width: 320, Height: 180, FPS: 25, Bitrate: 300_000}
	for name, change := range map[string]func(*OutputConfig){
		"codec":      func(o *OutputConfig) { o.Codec = "H265" },
		"odd width":  func(o *OutputConfig) { o.Width = 321 },
		"too high":   func(o *OutputConfig) { o.Height = 4000 },
		"no rate":    func(o *OutputConfig) { o.FPS = 0 },
		"60 fps":     func(o *OutputConfig) { o.FPS = 60 },
		"bit rate":   func(o *OutputConfig) { o.Bitrate = 1 },
		"tiny units": func(o *OutputConfig) { o.Codec, o.MaxUnit = H264, 10 },
	} {
		bad := good
		change(&bad)
		if _, err := c.Output(bad, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for i := range MaxInputs + 1 {
		if _, err := c.Input(fmt.Sprint(i), VP8, nil); (err != nil) != (i == MaxInputs) {
			t.Errorf("input %d: %v", i, err)
		}
	}
}

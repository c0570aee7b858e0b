package record

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/conf"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/codec"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener")); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

var (
	pilot = auth.Identity{User: "pilot", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
	watch = auth.Identity{User: "watch", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", Out: true}}}
	other = auth.Identity{User: "other", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "B", In: true, Out: true}}}
	admin = auth.Identity{User: "ann", Role: auth.RoleAdmin}
)

// clip is some seconds of encoded media.
type clip struct {
	formats []*codec.Format
	units   []clipUnit // in the order of sending
}

type clipUnit struct {
	track int
	at    time.Duration // decoding time
	media.Sample
}

// makeClip encodes 4 s with ffmpeg, 30 frames/s with a key frame every second; the
// arguments choose the codecs.
func makeClip(t testing.TB, container string, args ...string) *clip {
	t.Helper()
	for _, p := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(p + " is not installed")
		}
	}
	out := filepath.Join(t.TempDir(), "clip."+container)
	cmd := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=4"}
	if container != "ivf" {
		cmd = append(cmd, "-f", "lavfi", "-i", "sine=440:r=48000:d=4")
	}
	cmd = append(append(cmd, "-g", "30", "-pix_fmt", "yuv420p"), args...)
	if b, err := exec.Command("ffmpeg", append(cmd, out)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, b)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	c := &clip{}
	switch container {
	case "ivf":
		c.readIVF(t, data)
	case "ac3":
		c.readAC3(t, data)
	default:
		c.readTS(t, data)
	}
	slices.SortStableFunc(c.units, func(a, b clipUnit) int { return int(a.at - b.at) })
	return c
}

func (c *clip) add(track, rate int, pts, dts int64, au [][]byte) {
	c.units = append(c.units, clipUnit{track, media.Seconds(dts, rate), media.Sample{PTS: pts, DTS: dts, HasDTS: true, AU: au}})
}

func (c *clip) readTS(t testing.TB, data []byte) {
	r := &mpegts.Reader{R: bytes.NewReader(data)}
	if err := r.Initialize(); err != nil {
		t.Fatal(err)
	}
	for i, track := range r.Tracks() {
		video := func(pts, dts int64, au [][]byte) error { c.add(i, 90000, pts, dts, au); return nil }
		switch cd := track.Codec.(type) {
		case *codecs.H264:
			c.formats = append(c.formats, codec.NewVideo(codec.H264))
			r.OnDataH264(track, video)
		case *codecs.H265:
			c.formats = append(c.formats, codec.NewVideo(codec.H265))
			r.OnDataH265(track, video)
		case *codecs.MPEG4Audio:
			conf := cd.Config
			c.formats = append(c.formats, codec.NewAAC(&conf))
			r.OnDataMPEG4Audio(track, func(pts int64, aus [][]byte) error {
				pts = rescale(pts, 90000, conf.SampleRate)
				c.add(i, conf.SampleRate, pts, pts, aus)
				return nil
			})
		case *codecs.Opus:
			c.formats = append(c.formats, codec.NewOpus(2))
			r.OnDataOpus(track, func(pts int64, packets [][]byte) error {
				pts = rescale(pts, 90000, 48000)
				c.add(i, 48000, pts, pts, packets)
				return nil
			})
		case *codecs.MPEG1Audio:
			c.formats = append(c.formats, &codec.Format{Codec: codec.MP3, ClockRate: 90000, Channels: 1})
			r.OnDataMPEG1Audio(track, func(pts int64, frames [][]byte) error { c.add(i, 90000, pts, pts, frames); return nil })
		default:
			t.Fatalf("unexpected codec %T", cd)
		}
	}
	for r.Read() == nil { // until the file's end
	}
}

func (c *clip) readIVF(t testing.TB, data []byte) {
	id := codec.VP9
	if string(data[8:12]) == "AV01" {
		id = codec.AV1
	}
	c.formats = []*codec.Format{codec.NewVideo(id)}
	data = data[32:]
	for n := int64(0); len(data) >= 12; n++ {
		size := binary.LittleEndian.Uint32(data)
		frame := data[12 : 12+size]
		data = data[12+size:]
		au := [][]byte{frame}
		if id == codec.AV1 {
			var tu av1.Bitstream
			if err := tu.Unmarshal(frame); err != nil {
				t.Fatal(err)
			}
			au = tu
		}
		c.add(0, 90000, n*3000, n*3000, au)
	}
}

func (c *clip) readAC3(t testing.TB, data []byte) {
	c.formats = []*codec.Format{{Codec: codec.AC3, ClockRate: 48000, Channels: 1}}
	for n := int64(0); len(data) > 0; n++ {
		var s ac3.SyncInfo
		if err := s.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		c.add(0, 48000, n*1536, n*1536, [][]byte{data[:s.FrameSize()]})
		data = data[s.FrameSize():]
	}
}

// frames returns how many pictures the clip has.
func (c *clip) frames() int {
	n := 0
	for _, u := range c.units {
		if c.formats[u.track].Kind() == codec.Video {
			n++
		}
	}
	return n
}

// send publishes the units, moved on by shift.
func (c *clip) send(p *media.Publisher, shift time.Duration) {
	for _, u := range c.units {
		s := u.Sample
		ticks := media.Ticks(shift, c.formats[u.track].ClockRate)
		s.PTS, s.DTS = s.PTS+ticks, s.DTS+ticks
		s.AU = slices.Clone(s.AU)
		p.Write(u.track, s)
	}
}

// house is a manager and what it stands on.
type house struct {
	*Manager
	router *media.Router
	bus    *bus.Bus
	db     *store.DB
	stop   func() // ends Run
}

func testConfig() Config {
	c := DefaultConfig()
	c.Part, c.MinFree = 500*time.Millisecond, conf.MiB
	return c
}

// openHouse makes a manager that does not run.
func openHouse(t *testing.T, db *store.DB, cfg Config, free func(*os.File) (int64, error)) *house {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	b := bus.New()
	mc := media.DefaultConfig()
	mc.Paths = map[string]media.PathConfig{"rec/cam": {Record: true}}
	h := &house{bus: b, db: db, router: media.New(mc, auth.NewSessions(nil), b, log)}
	m, err := New(cfg, Deps{Router: h.router, DB: db, Bus: b, Log: log, Free: free})
	if err != nil {
		t.Fatal(err)
	}
	h.Manager = m
	t.Cleanup(func() { m.Close() })
	return h
}

// run runs the manager until stop or the end of the test.
func (h *house) run(t *testing.T) {
	ctx, cancel := contextOf(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Run(ctx)
	}()
	h.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(h.stop)
}

func (h *house) publish(t *testing.T, name string, formats ...*codec.Format) *media.Publisher {
	t.Helper()
	p, err := h.router.Publish(media.PublishRequest{Identity: pilot, Client: media.Client{Protocol: "test"}, Name: safename.MustParse(name), Formats: formats, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(nil) })
	return p
}

// until polls f.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
	}
}

// recording waits until n streams are being recorded.
func (h *house) recording(t *testing.T, n int64) {
	t.Helper()
	until(t, "the recorder", func() bool { return h.Stats().Recorders == n })
}

// finished waits until there are n recordings and none is open; the oldest first.
func (h *house) finished(t *testing.T, n int) []Recording {
	t.Helper()
	var list []Recording
	until(t, "recordings", func() bool {
		page, err := h.List(t.Context(), admin, Query{})
		if err != nil {
			t.Fatal(err)
		}
		list = page.Recordings
		return len(list) == n && !slices.ContainsFunc(list, func(r Recording) bool { return r.Open })
	})
	slices.Reverse(list)
	return list
}

func (h *house) file(r Recording) string {
	return filepath.Join(h.db.Dir(), folder, filepath.FromSlash(r.path))
}

// probed is what ffprobe says of a file.
type probed struct {
	codecs   []string
	frames   int // pictures, or else frames of sound
	duration time.Duration
	ordered  bool // presentation times only grow
}

func probe(t testing.TB, file string) probed {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration", "-of", "csv=p=0", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	var p probed
	for line := range strings.Lines(string(out)) {
		line = strings.Trim(line, ", \n")
		if s, err := strconv.ParseFloat(line, 64); err == nil {
			p.duration = time.Duration(s * float64(time.Second))
		} else if line != "" && line != "N/A" {
			p.codecs = append(p.codecs, line)
		}
	}
	sel := "v:0"
	if len(p.codecs) == 1 && slices.Contains([]string{"aac", "opus", "mp3", "ac3"}, p.codecs[0]) {
		sel = "a:0"
	}
	out, err = exec.Command("ffprobe", "-v", "error", "-select_streams", sel, "-show_entries", "frame=pts", "-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatal("ffprobe:", err)
	}
	p.ordered = true
	last := int64(-1 << 62)
	for line := range strings.FieldsSeq(string(out)) {
		pts, err := strconv.ParseInt(strings.Trim(line, ","), 10, 64)
		if err != nil {
			t.Fatalf("ffprobe says %q", line)
		}
		p.ordered = p.ordered && pts > last
		last = pts
		p.frames++
	}
	return p
}

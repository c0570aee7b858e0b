package mpegts

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// encode makes a transport stream with ffmpeg.
func encode(t testing.TB, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-loglevel", "error"}, args...), "-f", "mpegts", "-")...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("ffmpeg is not installed")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return out
}

// decode counts the frames that ffmpeg gets out of a transport stream, and
// returns its complaints.
func decode(t *testing.T, data []byte) (video, audio int, complaints string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", "-loglevel", "warning", "-f", "mpegts", "-i", "-", "-map", "0:v?", "-map", "0:a?", "-f", "framecrc", "-")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	kinds := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "#media_type "); ok {
			n, kind, _ := strings.Cut(s, ": ")
			kinds[n] = kind
		} else if n, _, ok := strings.Cut(line, ","); ok && kinds[n] == "video" {
			video++
		} else if ok && kinds[n] == "audio" {
			audio++
		}
	}
	return video, audio, stderr.String()
}

// run is one transport stream on its way through the hub.
type result struct {
	formats [][]*codec.Format // of each publisher in turn
	out     []bytes.Buffer    // what a muxer made of each
	units   [][]media.Delivery
	err     error
}

func through(t *testing.T, r io.Reader) *result {
	t.Helper()
	cfg := media.DefaultConfig()
	router := media.New(cfg, auth.NewSessions(nil), bus.New(), quiet)
	name := safename.MustParse("cam")
	res := &result{out: make([]bytes.Buffer, 8), units: make([][]media.Delivery, 8)}
	var wg sync.WaitGroup
	res.err = Receive(r, func(formats []*codec.Format) (*media.Publisher, error) {
		p, err := router.Publish(media.PublishRequest{Identity: auth.System("source"), Name: name, Formats: formats, Kick: func(error) {}})
		if err != nil {
			return nil, err
		}
		n := len(res.formats)
		res.formats = append(res.formats, formats)
		rd, err := router.Read(media.ReadRequest{Identity: auth.System("test"), Name: name, Start: media.StartLastKey, Kick: func(error) {}})
		if err != nil {
			t.Error(err)
			return p, nil
		}
		chosen, left := Choose(rd.Stream().Tracks)
		if len(left) > 0 {
			t.Errorf("left out: %v", left)
		}
		m, err := NewMuxer(&res.out[n], rd.Stream(), chosen)
		if err != nil {
			t.Error(err)
		}
		wg.Go(func() {
			defer rd.Close(nil)
			batch := make([]media.Delivery, 16)
			for {
				got, err := rd.Pull(batch)
				if err != nil {
					return
				}
				for _, d := range batch[:got] {
					res.units[n] = append(res.units[n], d)
					if err := m.Write(d); err != nil {
						t.Error(err)
					}
				}
				m.Flush()
			}
		})
		return p, nil
	}, quiet)
	wg.Wait()
	return res
}

var (
	picture = []string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=30:duration=3"}
	tone    = []string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=3"}
	x264    = []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30"}
	bframes = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-pix_fmt", "yuv420p", "-g", "30"}
	aac     = []string{"-c:a", "aac"}
)

func cat(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func TestCodecs(t *testing.T) {
	for _, tc := range []struct {
		name   string
		args   []string
		codecs string
		video  int
		audio  int
	}{
		{"h264 aac", cat(picture, tone, x264, aac), "H264 AAC", 90, 140},
		{"b-frames", cat(picture, tone, bframes, aac), "H264 AAC", 90, 140},
		{"h265 aac", cat(picture, tone, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-g", "30"}, aac), "H265 AAC", 90, 140},
		{"h264 opus", cat(picture, tone, x264, []string{"-c:a", "libopus"}), "H264 Opus", 90, 148},
		{"h264 mp3", cat(picture, tone, x264, []string{"-c:a", "libmp3lame"}), "H264 MPEG-1/2 Audio", 90, 120},
		{"h264 ac3", cat(picture, tone, x264, []string{"-c:a", "ac3"}), "H264 AC-3", 90, 90},
		{"mpeg4", cat(picture, []string{"-c:v", "mpeg4", "-g", "15"}), "MPEG-4 Video", 75, 0},
		{"mpeg2 mp2", cat(picture, tone, []string{"-c:v", "mpeg2video", "-c:a", "mp2"}), "MPEG-1/2 Video MPEG-1/2 Audio", 85, 120},
		{"mpeg1", cat(picture, []string{"-c:v", "mpeg1video"}), "MPEG-1/2 Video", 85, 0},
		{"audio only", cat(tone, aac), "AAC", 0, 140},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			data := encode(t, tc.args...)
			res := through(t, bytes.NewReader(data))
			if !errors.Is(res.err, io.EOF) || len(res.formats) != 1 {
				t.Fatalf("%v, published %d times", res.err, len(res.formats))
			}
			var names []string
			for _, f := range res.formats[0] {
				names = append(names, string(f.Codec))
			}
			if got := strings.Join(names, " "); got != tc.codecs {
				t.Fatalf("tracks %q", got)
			}
			video, audio, complaints := decode(t, res.out[0].Bytes())
			if video < tc.video-2 || audio < tc.audio-3 {
				t.Errorf("%d video and %d audio frames of %d and %d; %s", video, audio, tc.video, tc.audio, complaints)
			}
		})
	}
}

// TestAlignmentAndGarbage reads in pieces that fit no packet, with bytes between
// packets that belong to none.
func TestAlignmentAndGarbage(t *testing.T) {
	data := encode(t, cat(picture, tone, x264, aac)...)
	var dirty bytes.Buffer
	dirty.WriteString("some text before it\x47\x47")
	for n := 0; len(data) > 0; n++ {
		k := min(len(data), PacketSize)
		dirty.Write(data[:k])
		data = data[k:]
		if n%100 == 99 {
			dirty.Write(make([]byte, n%57))
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	r := readerFunc(func(p []byte) (int, error) { return dirty.Read(p[:min(len(p), 1+rnd.IntN(700))]) })
	res := through(t, iotest.DataErrReader(r))
	// What stands before garbage may be mistaken for chance, so a few are lost.
	if video, audio, complaints := decode(t, res.out[0].Bytes()); video < 60 || audio < 100 {
		t.Fatalf("%d video and %d audio frames; %s", video, audio, complaints)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestProgramChangeIsFollowed(t *testing.T) {
	both := encode(t, cat(picture, tone, x264, aac)...)
	video := encode(t, cat(picture, x264)...)
	res := through(t, io.MultiReader(bytes.NewReader(both), bytes.NewReader(video)))
	if len(res.formats) != 2 || len(res.formats[0]) != 2 || len(res.formats[1]) != 1 {
		t.Fatalf("published %d times", len(res.formats))
	}
	for i, want := range []int{85, 85} {
		if n, _, complaints := decode(t, res.out[i].Bytes()); n < want {
			t.Errorf("program %d: %d frames; %s", i, n, complaints)
		}
	}
}

// TestTimeGoesOn plays a stream over the wrap of the timestamps and then again
// from its beginning: readers see one running count.
func TestTimeGoesOn(t *testing.T) {
	data := encode(t, cat(picture, tone, bframes, aac, []string{"-output_ts_offset", "95442"})...)
	res := through(t, io.MultiReader(bytes.NewReader(data), bytes.NewReader(data)))
	if len(res.formats) != 1 {
		t.Fatalf("published %d times", len(res.formats))
	}
	last := map[int]int64{}
	n := map[int]int{}
	for _, u := range res.units[0] {
		i := u.Track.Index
		if n[i] > 0 && (u.DTS <= last[i] || u.DTS-last[i] > int64(u.Format.ClockRate)/2) {
			t.Errorf("track %d: %d after %d", i, u.DTS, last[i])
		}
		last[i] = u.DTS
		n[i]++
		if i == 1 {
			n[i] += len(u.AU) - 1
		}
	}
	if n[0] < 175 || n[1] < 270 {
		t.Errorf("%v frames", n)
	}
}

// TestLoss drops packets: units are lost, nothing else.
func TestLoss(t *testing.T) {
	data := encode(t, cat(picture, tone, x264, aac)...)
	var out bytes.Buffer
	for i := 0; i+PacketSize <= len(data); i += PacketSize {
		if i/PacketSize%50 != 49 {
			out.Write(data[i : i+PacketSize])
		}
	}
	res := through(t, &out)
	if len(res.formats) != 1 || len(res.units[0]) < 60 {
		t.Fatalf("published %d times, %d units", len(res.formats), len(res.units[0]))
	}
}

func TestKLV(t *testing.T) {
	unit := append([]byte{0x06, 0x0E, 0x2B, 0x34, 0x02, 0x0B, 0x01, 0x01, 0x0E, 0x01, 0x03, 0x01, 0x01, 0, 0, 0}, 4, 1, 2, 3, 4)
	router := media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), quiet)
	name := safename.MustParse("cam")
	p, err := router.Publish(media.PublishRequest{Identity: auth.System("x"), Name: name, Kick: func(error) {}, Formats: []*codec.Format{
		{Codec: codec.H264, ClockRate: 90000}, {Codec: codec.KLV, ClockRate: 90000},
	}})
	if err != nil {
		t.Fatal(err)
	}
	rd, err := router.Read(media.ReadRequest{Identity: auth.System("x"), Name: name, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	m, err := NewMuxer(&out, p.Stream(), []int{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	sps := []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}
	for i := range 10 {
		p.Write(0, media.Sample{PTS: int64(i) * 3000, AU: [][]byte{sps, {0x68, 0xce, 0x3c, 0x80}, {0x65, byte(i)}}})
		p.Write(1, media.Sample{PTS: int64(i) * 3000, AU: [][]byte{unit}})
	}
	p.Close(nil)
	batch := make([]media.Delivery, 8)
	for {
		n, err := rd.Pull(batch)
		if err != nil {
			break
		}
		for _, d := range batch[:n] {
			if err := m.Write(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.Flush()
	res := through(t, &out)
	got := 0
	for _, u := range res.units[0] {
		if u.Format.Codec == codec.KLV && bytes.Equal(u.AU[0], unit) {
			got++
		}
	}
	if got < 9 {
		t.Fatalf("%d KLV units of 10 came through", got)
	}
}

func TestClock(t *testing.T) {
	const v, a = 0, 1
	var c clock
	var tracks [2]trackClock
	jump := int64(wrap+3000) + seam
	for i, step := range []struct {
		track    int
		in, want int64
	}{
		{v, wrap - 100, wrap - 100},
		{v, 0, wrap},              // over the wrap
		{a, wrap - 50, wrap - 50}, // sound comes after pictures
		{v, 3000, wrap + 3000},
		{v, 90_000_000, jump},  // a new time base
		{a, 1000, wrap + 1000}, // the old one, under way
		{v, 90_003_000, jump + 3000},
		{a, 90_001_000, jump + 1000}, // sound has changed over too
		{a, 90_002_000, jump + 2000},
		{v, 90_000_000 - 90_000, jump + 3000 + seam}, // looped
		{a, 90_000_000 - 90_000 - 10, jump + 3000 + seam - 10},
		{v, 90_000_000, jump + 3000 + seam + 90_000},
	} {
		if got := c.extend(&tracks[step.track], step.in); got != step.want {
			t.Errorf("step %d: %d becomes %d, want %d", i, step.in, got-wrap, step.want-wrap)
		}
	}
}

func FuzzDemux(f *testing.F) {
	for _, args := range [][]string{
		cat(picture, tone, x264, aac, []string{"-t", "0.2"}),
		cat(tone, []string{"-c:a", "libopus", "-t", "0.1"}),
		cat(tone, []string{"-c:a", "ac3", "-t", "0.1"}),
		cat(tone, []string{"-c:a", "mp2", "-t", "0.1"}),
	} {
		b := encode(f, args...)
		f.Add(b[:min(len(b), 40*PacketSize)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		router := media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), quiet)
		_ = Receive(bytes.NewReader(b), func(formats []*codec.Format) (*media.Publisher, error) {
			for _, f := range formats {
				if f.ClockRate <= 0 {
					t.Fatal("clock rate")
				}
			}
			return router.Publish(media.PublishRequest{Identity: auth.System("x"), Name: safename.MustParse("cam"), Formats: formats, Kick: func(error) {}})
		}, quiet)
	})
}

package record

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/conf"
	"muster/internal/store"
	"muster/internal/store/storetest"
	"muster/media/codec"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// TestWhatIsRecordedPlays records each codec and lets ffmpeg decode the file.
func TestWhatIsRecordedPlays(t *testing.T) {
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast"}
	for _, tc := range []struct {
		name, container string
		args            []string
		codecs          []string
	}{
		{"H264 and AAC", "ts", append(slices.Clone(x264), "-c:a", "aac"), []string{"h264", "aac"}},
		{"H264 with B-frames", "ts", []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-c:a", "aac"}, []string{"h264", "aac"}},
		{"H265 and Opus", "ts", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-c:a", "libopus"}, []string{"hevc", "opus"}},
		{"H264 and MP3", "ts", append(slices.Clone(x264), "-c:a", "libmp3lame"), []string{"h264", "mp3"}},
		{"AC-3 alone", "ac3", []string{"-vn", "-map", "1:a", "-c:a", "ac3"}, []string{"ac3"}},
		{"VP9", "ivf", []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"}, []string{"vp9"}},
		{"AV1", "ivf", []string{"-c:v", "libsvtav1", "-preset", "12"}, []string{"av1"}},
		{"AAC alone", "ts", []string{"-vn", "-map", "1:a", "-c:a", "aac"}, []string{"aac"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := makeClip(t, tc.container, tc.args...)
			h := openHouse(t, storetest.Open(t, store.Config{}), testConfig(), nil)
			h.run(t)
			p := h.publish(t, "rec/cam", c.formats...)
			h.recording(t, 1)
			c.send(p, 0)
			p.Close(nil)
			r := h.finished(t, 1)[0]
			if r.Stream != "rec/cam" || r.User != "pilot" || !slices.Equal(r.Groups, []string{"A"}) || time.Since(r.Start) > time.Minute {
				t.Errorf("the index says %+v", r)
			}
			if r.Duration < 3900*time.Millisecond || r.Duration > 4100*time.Millisecond {
				t.Errorf("it lasts %s", r.Duration)
			}
			if st, err := os.Stat(h.file(r)); err != nil || st.Size() != r.Bytes || st.Mode().Perm() != 0o600 {
				t.Errorf("file %v, %v, index %d bytes", st, err, r.Bytes)
			}
			got := probe(t, h.file(r))
			if !slices.Equal(got.codecs, tc.codecs) || !got.ordered {
				t.Errorf("ffprobe finds %v, in order: %v", got.codecs, got.ordered)
			}
			if diff := got.duration - r.Duration; diff < -100*time.Millisecond || diff > 400*time.Millisecond { // sound that begins late counts twice
				t.Errorf("ffprobe says it lasts %s, the index %s", got.duration, r.Duration)
			}
			if want := c.frames(); want > 0 && got.frames != want {
				t.Errorf("%d pictures of %d", got.frames, want)
			}
			out, err := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", h.file(r), "-f", "null", "-").CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("ffmpeg: %v\n%s", err, out)
			}
		})
	}
}

// TestPlayersJump: a player finds a late picture by the table of contents.
func TestPlayersJump(t *testing.T) {
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	h := openHouse(t, storetest.Open(t, store.Config{}), testConfig(), nil)
	h.run(t)
	p := h.publish(t, "rec/cam", c.formats...)
	h.recording(t, 1)
	for i := range 5 {
		c.send(p, time.Duration(i)*4*time.Second)
	}
	p.Close(nil)
	r := h.finished(t, 1)[0]
	out, err := exec.Command("ffprobe", "-v", "error", "-read_intervals", "15%+#1", "-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", h.file(r)).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "15.") && !strings.HasPrefix(string(out), "14.") || !strings.Contains(string(out), "K") {
		t.Fatalf("%v %s", err, out)
	}
}

// TestFilesEndAtKeyFrames cuts a stream into several files without losing a picture.
func TestFilesEndAtKeyFrames(t *testing.T) {
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	cfg := testConfig()
	cfg.Segment = 1500 * time.Millisecond
	h := openHouse(t, storetest.Open(t, store.Config{}), cfg, nil)
	h.run(t)
	p := h.publish(t, "rec/cam", c.formats...)
	h.recording(t, 1)
	c.send(p, 0)
	p.Close(nil)
	frames := 0
	for i, r := range h.finished(t, 2) {
		got := probe(t, h.file(r))
		if !got.ordered || got.frames != 60 {
			t.Errorf("file %d has %d pictures, in order: %v", i, got.frames, got.ordered)
		}
		frames += got.frames
	}
	if frames != c.frames() {
		t.Errorf("%d pictures of %d", frames, c.frames())
	}
}

// TestBreaksBeginAFile: gaps, steps of the clock and new parameters never end a
// recording.
func TestBreaksBeginAFile(t *testing.T) {
	small := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	large := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-s", "640x480", "-c:a", "aac")
	for _, tc := range []struct {
		name   string
		second *clip
		shift  time.Duration
		files  int
	}{
		{"nothing", small, 4 * time.Second, 1},
		{"a short pause", small, 8 * time.Second, 1},
		{"a gap", small, time.Minute, 2},
		{"the clock begins anew", small, 0, 2},
		{"far back", small, -time.Hour, 2},
		{"another size", large, 4 * time.Second, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := openHouse(t, storetest.Open(t, store.Config{}), testConfig(), nil)
			h.run(t)
			p := h.publish(t, "rec/cam", small.formats...)
			h.recording(t, 1)
			small.send(p, 0)
			tc.second.send(p, tc.shift)
			p.Close(nil)
			frames := 0
			for _, r := range h.finished(t, tc.files) {
				frames += probe(t, h.file(r)).frames
			}
			if frames != 2*small.frames() {
				t.Errorf("%d pictures of %d", frames, 2*small.frames())
			}
		})
	}
}

// TestSwitch: an operator's wish holds until the stream ends, then the configuration
// decides again.
func TestSwitch(t *testing.T) {
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	h := openHouse(t, storetest.Open(t, store.Config{}), testConfig(), nil)
	sub := h.bus.Subscribe(100)
	defer sub.Close()
	h.run(t)
	p := h.publish(t, "other", c.formats...)
	if h.Recorded(p.Stream()) {
		t.Error("recorded without being asked for")
	}
	if err := h.Switch(p.Stream(), true, "olga"); err != nil || !h.Recorded(p.Stream()) {
		t.Fatal(err)
	}
	h.recording(t, 1)
	c.send(p, 0)
	until(t, "something written", func() bool { return h.Stats().Bytes > 0 })
	if err := h.Switch(p.Stream(), false, "olga"); err != nil || h.Recorded(p.Stream()) {
		t.Fatal(err)
	}
	h.finished(t, 1)
	h.recording(t, 0)
	p.Close(nil)
	if p = h.publish(t, "other", c.formats...); h.Recorded(p.Stream()) {
		t.Error("the switch outlives the stream")
	}
	var told []string
	for len(told) < 4 {
		select {
		case f := <-sub.C:
			if d, ok := f.Data.(Changed); ok {
				if told = append(told, d.Change); !slices.Equal(f.Groups, []string{"A"}) || d.Stream != "other" {
					t.Errorf("fact %+v", f)
				}
			}
		case <-time.After(10 * time.Second):
			t.Fatal("told only", told)
		}
	}
	if told[0] != "on" || told[3] != "off" {
		t.Error("told", told)
	}
}

// TestUnfitStreams are said so and cost nothing.
func TestUnfitStreams(t *testing.T) {
	h := openHouse(t, storetest.Open(t, store.Config{}), testConfig(), nil)
	h.run(t)
	p := h.publish(t, "rec/cam", codec.NewVideo(codec.VP8), &codec.Format{Codec: codec.G711, ClockRate: 8000})
	until(t, "the verdict", func() bool { return !h.Recorded(p.Stream()) })
	if err := h.Switch(p.Stream(), true, "olga"); !errors.Is(err, ErrUnfit) {
		t.Error(err)
	}
}

// TestKilledServerKeepsWhatWasWritten: the file has no end, the index does not know
// its length; the next start mends both.
func TestKilledServerKeepsWhatWasWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
		db := storetest.Open(t, cfg)
		h := openHouse(t, db, testConfig(), nil)
		h.run(t)
		p := h.publish(t, "rec/cam", c.formats...)
		h.recording(t, 1)
		c.send(p, 0)
		p.Close(nil)
		r := h.finished(t, 1)[0]
		h.stop()
		// As if it had been killed in the middle of the last part.
		whole, err := os.ReadFile(h.file(r))
		if err != nil {
			t.Fatal(err)
		}
		head, empty := whole[:boxAt(whole, "sidx")], contents(nil)
		cut := append(append(slices.Clone(head), empty...), whole[len(head)+len(empty):len(whole)-100]...)
		if err := os.WriteFile(h.file(r), cut, 0o600); err != nil {
			t.Fatal(err)
		}
		reopen(t, h.index, r)
		lost := r
		lost.ID, lost.path, lost.Open = newID(), "rec/cam/gone.mp4", true
		if err := h.index.add(t.Context(), lost); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(h.file(r)), "20260102T030405.000Z.mp4"), whole, 0o600); err != nil {
			t.Fatal(err)
		}
		forever := testConfig()
		forever.Keep = 0
		h2 := openHouse(t, db, forever, nil)
		h2.run(t)
		list := h2.finished(t, 2)
		if got := list[1]; got.ID != r.ID || got.Duration < 3*time.Second || got.Duration >= r.Duration || got.Bytes >= r.Bytes {
			t.Errorf("mended %+v of %+v", got, r)
		}
		if got := probe(t, h2.file(list[1])); !got.ordered || got.frames < 90 || got.duration < 3*time.Second {
			t.Errorf("%+v", got)
		}
		// A file of which the index knew nothing is for administrators.
		if got := list[0]; len(got.Groups) != 0 || got.Stream != "rec/cam" || got.Start.Year() != 2026 {
			t.Errorf("adopted %+v", got)
		}
		if _, err := h2.Find(t.Context(), watch, list[0].ID); !errors.Is(err, ErrNotFound) {
			t.Error("a stranger sees it:", err)
		}
	})
}

// TestRightsOfRecordings are those of the stream.
func TestRightsOfRecordings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		h := openHouse(t, storetest.Open(t, cfg), testConfig(), nil)
		ctx := t.Context()
		base := time.Now().UTC().Truncate(time.Second)
		var ids []string
		for i := range 7 {
			r := h.fake(t, "cam", base.Add(time.Duration(i)*time.Minute), 1000)
			ids = append(ids, r.ID)
		}
		scoped := watch
		scoped.Scope = &auth.Scope{Actions: []auth.Action{auth.Read}, Streams: []string{"other"}}
		for who, want := range map[string]struct {
			id auth.Identity
			n  int
		}{"reader": {watch, 7}, "admin": {admin, 7}, "stranger": {other, 0}, "nobody": {auth.Identity{}, 0}, "token for another stream": {scoped, 0}} {
			page, err := h.List(ctx, want.id, Query{})
			if err != nil || len(page.Recordings) != want.n {
				t.Errorf("%s sees %d: %v", who, len(page.Recordings), err)
			}
			_, f, err := h.Open(ctx, want.id, ids[0])
			if (err == nil) != (want.n > 0) || err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("%s opens it: %v", who, err)
			}
			if f != nil {
				f.Close()
			}
		}
		var got []string
		q := Query{Limit: 3}
		for pages := 0; ; pages++ {
			page, err := h.List(ctx, watch, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Recordings {
				got = append(got, r.ID)
			}
			if q.After = page.Next; q.After == "" {
				if pages != 2 {
					t.Errorf("%d pages", pages+1)
				}
				break
			}
		}
		slices.Reverse(ids)
		if !slices.Equal(got, ids) {
			t.Errorf("pages hold %v, want %v", got, ids)
		}
		page, err := h.List(ctx, watch, Query{Stream: "cam", From: base.Add(2 * time.Minute), To: base.Add(3 * time.Minute)})
		if err != nil || len(page.Recordings) != 2 {
			t.Errorf("%d in two minutes: %v", len(page.Recordings), err)
		}
		if err := h.Delete(ctx, other, ids[0]); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if err := h.Delete(ctx, watch, ids[0]); err != nil {
			t.Error(err)
		}
		if _, err := h.Find(ctx, watch, ids[0]); !errors.Is(err, ErrNotFound) {
			t.Error("still there:", err)
		}
	})
}

// fake enters a finished recording with a file of some bytes.
func (h *house) fake(t *testing.T, stream string, start time.Time, size int) Recording {
	t.Helper()
	r := Recording{ID: newID(), Stream: stream, Groups: []string{"A"}, User: "pilot", Start: start, Duration: time.Minute - time.Second, Bytes: int64(size),
		path: stream + "/" + start.Format(stamp) + extension}
	if err := h.root.MkdirAll(stream, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.file(r), make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.index.add(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOldestGoFirst: by age, by size together, by free space.
func TestOldestGoFirst(t *testing.T) {
	const mib = 1 << 20
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		change func(*Config)
		free   int64
		left   int
		full   bool
	}{
		{"nothing to do", func(*Config) {}, 100 * mib, 10, false},
		{"age", func(c *Config) { c.Keep = 5*time.Hour + time.Minute }, 100 * mib, 5, false},
		{"age without end", func(c *Config) { c.Keep = 0 }, 100 * mib, 10, false},
		{"size", func(c *Config) { c.MaxSize = 3*conf.MiB + conf.MiB/2 }, 100 * mib, 3, false},
		{"free space", func(c *Config) { c.MinFree = 20 * conf.MiB }, 16 * mib, 6, false},
		{"others fill the disk", func(c *Config) { c.MinFree = 100 * conf.MiB }, 0, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.MinFree = conf.MiB
			tc.change(&cfg)
			var h *house
			free := func(*os.File) (int64, error) { return tc.free + h.n.removed.Load()*mib, nil }
			h = openHouse(t, storetest.Open(t, store.Config{}), cfg, free)
			var ids []string
			for i := range 10 {
				ids = append(ids, h.fake(t, "cam", now.Add(time.Duration(i-10)*time.Hour), mib).ID)
			}
			h.sweep(t.Context(), now)
			page, err := h.List(t.Context(), admin, Query{})
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, r := range page.Recordings {
				left = append(left, r.ID)
				if _, err := os.Stat(h.file(r)); err != nil {
					t.Error(err)
				}
			}
			slices.Reverse(left)
			if !slices.Equal(left, ids[10-tc.left:]) {
				t.Errorf("%d are left: %v", len(left), left)
			}
			if h.full.Load() != tc.full || (h.Ready(t.Context()) != nil) != tc.full {
				t.Errorf("full: %v", h.full.Load())
			}
			if _, err := os.Stat(h.db.Dir() + "/" + folder + "/cam"); (err == nil) != (tc.left > 0) {
				t.Errorf("the folder of the stream: %v", err)
			}
		})
	}
}

// TestFullDiskStopsRecordingUntilThereIsRoom.
func TestFullDiskStopsRecordingUntilThereIsRoom(t *testing.T) {
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	var free atomic.Int64
	free.Store(1 << 40)
	h := openHouse(t, storetest.Open(t, store.Config{}), testConfig(), func(*os.File) (int64, error) { return free.Load(), nil })
	h.run(t)
	p := h.publish(t, "rec/cam", c.formats...)
	h.recording(t, 1)
	c.send(p, 0)
	until(t, "something written", func() bool { return h.Stats().Bytes > 0 })
	free.Store(0)
	c.send(p, 4*time.Second)
	until(t, "the stop", func() bool { return h.Stats().Full == 1 })
	// What was recorded had to go, for others need the room.
	until(t, "the removal", func() bool {
		page, err := h.List(t.Context(), admin, Query{})
		return err == nil && len(page.Recordings) == 0
	})
	free.Store(1 << 40)
	notify(h.clear)
	until(t, "room", func() bool { return h.Stats().Full == 0 })
	c.send(p, 8*time.Second)
	p.Close(nil)
	if r := h.finished(t, 1)[0]; probe(t, h.file(r)).frames != c.frames() {
		t.Error("not all of it is recorded after that")
	}
}

// TestOpenFilesMakeRoom: when all that could go is still being written, it ends.
func TestOpenFilesMakeRoom(t *testing.T) {
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-c:a", "aac")
	cfg := testConfig()
	cfg.MaxSize = conf.MiB
	h := openHouse(t, storetest.Open(t, store.Config{}), cfg, nil)
	h.run(t)
	p := h.publish(t, "rec/cam", c.formats...)
	h.recording(t, 1)
	for i := range 10 {
		c.send(p, time.Duration(i)*4*time.Second)
		time.Sleep(50 * time.Millisecond)
	}
	until(t, "removals", func() bool { return h.Stats().Removed > 0 })
	p.Close(nil)
	until(t, "room", func() bool {
		page, err := h.List(t.Context(), admin, Query{})
		var n int64
		for _, r := range page.Recordings {
			n += r.Bytes
			if r.Open {
				return false
			}
		}
		return err == nil && n <= int64(cfg.MaxSize)
	})
}

// reopen makes a recording look as a killed server leaves it.
func reopen(t *testing.T, x index, r Recording) {
	t.Helper()
	err := x.db.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*row)(nil)).Where("id = ?", r.ID).Set("is_open = ?", true).Set("duration = 0").Set("bytes = 0").Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"muster/cot/history"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// holder is a shelf of files outside.
type holder struct {
	kind    string
	limits  []history.Limit
	removed atomic.Int64
}

func (h *holder) Kind() string { return h.kind }
func (h *holder) Excess(_ context.Context, l history.Limit) (history.Usage, error) {
	h.limits = append(h.limits, l)
	return history.Usage{Count: 3, Bytes: 30}, nil
}
func (h *holder) Remove(_ context.Context, l history.Limit) (history.Usage, error) {
	h.removed.Add(1)
	return history.Usage{Count: 3, Bytes: 30}, nil
}

// counts turns usages into "kind:count".
func counts(u []history.Usage) []string {
	out := []string{}
	for _, k := range u {
		if k.Count > 0 {
			out = append(out, fmt.Sprintf("%s:%d", k.Kind, k.Count))
		}
	}
	return out
}

func TestCleanRemovesWhatPreviewSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		files := &holder{kind: "file"}
		deps := func(_ *history.Config, d *history.Deps) { d.Holders, d.Missions = []history.Holder{files}, missions{} }
		f := start(t, cfg, deps)
		now := time.Now()
		held := from(ann)
		held.UID = "DEV-held"
		for _, age := range []int{60, 40, 20, 1} {
			at := now.AddDate(0, 0, -age)
			f.record(t, report(t, from(ann), at, 1, 1), report(t, held, at, 1, 1), marker(t, from(ann), "M", at, time.Hour, ""),
				marker(t, from(ann), "held", at, time.Hour, ""), say(t, from(ann), at, fmt.Sprint("c", age), "All Chat Rooms", "", "x", ""))
		}
		old := from(bob)
		f.record(t, report(t, old, now.AddDate(0, 0, -50), 1, 1)) // the only one of its device
		f.stop()                                                  // which writes the newest positions
		f.run(t, deps)
		err := f.SetRules(t.Context(), []history.Rule{{Kind: "position", Days: 30}, {Kind: "marker", Days: 50}, {Kind: "chat", Count: 1}, {Kind: "alert"}, {Kind: "file", Days: 7, Megabytes: 5}})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"position:3", "marker:1", "chat:3", "file:3"}
		u, err := f.Preview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "preview", counts(u), want)
		if d := now.AddDate(0, 0, -60).Sub(u[0].Oldest); d.Abs() > time.Second {
			t.Errorf("the oldest position: %v", u[0].Oldest)
		}
		u, err = f.Clean(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "clean-up", counts(u), want)
		if files.removed.Load() != 1 || len(files.limits) != 1 || files.limits[0].Bytes != 5e6 || now.Sub(files.limits[0].Before).Round(time.Hour) != 7*24*time.Hour {
			t.Errorf("files: %d, %+v", files.removed.Load(), files.limits)
		}
		f.afterClean(t)
	})
}

// afterClean checks what TestCleanRemovesWhatPreviewSays must have left.
func (f *fixture) afterClean(t *testing.T) {
	t.Helper()
	for uid, want := range map[string]int{"DEV-ann": 2, "DEV-held": 4, "DEV-bob": 0} {
		if track, err := f.Track(t.Context(), ann, uid, time.Time{}, time.Time{}); err != nil || len(track) != want {
			t.Errorf("track of %s: %d points, %v, want %d", uid, len(track), err, want)
		}
	}
	for uid, want := range map[string]int{"M": 3, "held": 4} {
		if all, err := f.All(t.Context(), ann, uid, time.Time{}, time.Time{}); err != nil || len(all) != want {
			t.Errorf("events of %s: %d, %v, want %d", uid, len(all), err, want)
		}
	}
	if _, err := f.Newest(t.Context(), ann, "DEV-bob"); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("an item without a track: %v", err)
	}
	equal(t, "chat", f.texts(t, ann, "All Chat Rooms"), []string{"x sent"})
	u, err := f.Preview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "preview afterwards", counts(u), []string{"file:3"})
	last, err := f.LastClean(t.Context())
	if err != nil || time.Since(last.Time) > time.Minute {
		t.Fatalf("the last clean-up: %+v, %v", last, err)
	}
	equal(t, "the last clean-up", counts(last.Removed), []string{"position:3", "marker:1", "chat:3", "file:3"})
	// An item that was removed comes back whole.
	f.record(t, report(t, from(bob), time.Now(), 2, 2))
	if r, err := f.Newest(t.Context(), ann, "DEV-bob"); err != nil || r.Point.Lat != 2 {
		t.Errorf("it came back: %+v, %v", r, err)
	}
}

func TestSizeAndNumberAreLimits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now()
		for i := range 30 {
			at := now.Add(-time.Duration(30-i) * 20 * time.Minute)
			f.record(t, report(t, from(ann), at, 1, 1), marker(t, from(ann), "M", at, time.Hour, ""))
		}
		if err := f.SetRules(t.Context(), []history.Rule{{Kind: "position", Count: 10}, {Kind: "marker", Count: 7}}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		track, err := f.Track(t.Context(), ann, "DEV-ann", time.Time{}, time.Time{})
		if err != nil || len(track) != 10 || !time.UnixMilli(track[9].Time).Equal(now.Add(-20*time.Minute).Truncate(time.Millisecond)) {
			t.Errorf("%d points stay, %v", len(track), err)
		}
		if all, err := f.All(t.Context(), ann, "M", time.Time{}, time.Time{}); err != nil || len(all) != 7 {
			t.Errorf("%d events stay, %v", len(all), err)
		}
	})
}

func TestRulesAreChecked(t *testing.T) {
	f := start(t, store.Config{})
	for _, r := range []history.Rule{{Kind: "nonsense"}, {Kind: "chat", Days: -1}, {Kind: "chat", Megabytes: -1}, {Kind: "chat", Count: -1}, {Kind: "chat", Days: 1e9}} {
		if err := f.SetRules(t.Context(), []history.Rule{r}); !errors.Is(err, history.ErrInvalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	rules, err := f.Rules(t.Context())
	if err != nil || len(rules) != 4 || rules[0] != (history.Rule{Kind: "position", Days: 30}) {
		t.Errorf("the defaults: %+v, %v", rules, err)
	}
	if err := f.SetSchedule(t.Context(), "whenever"); !errors.Is(err, history.ErrInvalid) {
		t.Errorf("schedule: %v", err)
	}
}

// TestCleanUpRunsOnTime moves a clock to the scheduled time.
func TestCleanUpRunsOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &holder{kind: "file"}
		f := start(t, store.Config{}, func(c *history.Config, d *history.Deps) { c.Schedule, d.Holders = "every 6h", []history.Holder{h} })
		runs := func(after time.Duration) int {
			time.Sleep(after)
			synctest.Wait()
			return int(h.removed.Load())
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{6*time.Hour - time.Second, 0}, {2 * time.Second, 1}, {6 * time.Hour, 2}} {
			if got := runs(c.after); got != c.want {
				t.Fatalf("after %v: %d clean-ups, want %d", c.after, got, c.want)
			}
		}
		if err := f.SetSchedule(t.Context(), "-"); err != nil {
			t.Fatal(err)
		}
		if got := runs(48 * time.Hour); got != 2 {
			t.Errorf("switched off: %d clean-ups", got)
		}
		if err := f.SetSchedule(t.Context(), "every 1h"); err != nil {
			t.Fatal(err)
		}
		if got := runs(time.Hour + time.Second); got != 3 {
			t.Errorf("switched on again: %d clean-ups", got)
		}
		f.stop()
	})
}

func TestSchedules(t *testing.T) {
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) // a Sunday
	for _, c := range []struct{ schedule, want string }{
		{"-", ""}, {"", ""}, {"03:30", "2026-03-02 03:30:00"}, {"12:00", "2026-03-02 12:00:00"}, {"12:01", "2026-03-01 12:01:00"},
		{"every 90m", "2026-03-01 13:30:00"}, {"0 1 * * *", "2026-03-02 01:00:00"}, {"0 0 1 * * *", "2026-03-02 01:00:00"},
		{"30 */20 * * * *", "2026-03-01 12:00:30"}, {"*/15 * * * *", "2026-03-01 12:15:00"}, {"0 0 * * MON", "2026-03-02 00:00:00"},
		{"0 0 * * 7", "2026-03-08 00:00:00"}, {"0 0 29 FEB ?", "2028-02-29 00:00:00"}, {"0 0 13 * FRI", "2026-03-06 00:00:00"},
		{"0 8-10/2,20 * * *", "2026-03-01 20:00:00"}, {"0 0 31 2 *", ""},
	} {
		s, err := history.ParseSchedule(c.schedule)
		if err != nil {
			t.Errorf("%q: %v", c.schedule, err)
			continue
		}
		got := ""
		if next := s.Next(from); !next.IsZero() {
			got = next.Format(time.DateTime)
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.schedule, got, c.want)
		}
	}
	for _, bad := range []string{"24:00", "3pm", "every", "every 1s", "* * *", "60 * * * *", "* * * * * * *", "*/0 * * * *", "5-1 * * * *", "a b c d e"} {
		if _, err := history.ParseSchedule(bad); !errors.Is(err, history.ErrInvalid) {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	s, _ := history.ParseSchedule("02:30")
	if got := s.Next(time.Date(2026, 3, 28, 12, 0, 0, 0, berlin)); got.Day() != 30 {
		t.Errorf("the hour that summer time leaves out: %v", got)
	}
}

func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"03:30", "every 6h", "0 0 1 * * *", "*/5 1-3,7 ? JAN MON-FRI", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := history.ParseSchedule(text)
		if err != nil {
			return
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if next := s.Next(now); !next.IsZero() && !next.After(now) {
			t.Errorf("%q: %v", text, next)
		}
	})
}

func TestImport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now().Truncate(time.Second)
		f.record(t, report(t, from(ann), now, 1, 1))
		var points []history.TrackPoint
		for i := range 1200 {
			points = append(points, history.TrackPoint{Time: now.Add(time.Duration(i-5000) * time.Second).UnixMilli(), Lat: float64(i) / 100, Lon: 8})
		}
		points = append(points, history.TrackPoint{Lat: 1}, history.TrackPoint{Time: now.Add(time.Hour).UnixMilli()}, history.TrackPoint{Time: now.UnixMilli() - 1e6, Lat: 91})
		rec := history.Recording{UID: "DEV-ann", Callsign: "ANN", Points: points}
		n, err := f.Import(t.Context(), ann, rec, nil)
		if err != nil || n != 1200 {
			t.Fatalf("%d points, %v", n, err)
		}
		track, err := f.Track(t.Context(), bob, "DEV-ann", time.Time{}, time.Time{})
		if err != nil || len(track) != 1201 {
			t.Errorf("the track has %d points, %v", len(track), err)
		}
		equal(t, "in the past", f.latest(t, bob, now.Add(-4500*time.Second)), []string{"DEV-ann"})
		rec.UID = "new"
		if _, err := f.Import(t.Context(), ann, rec, []string{"red"}); err != nil {
			t.Error(err)
		}
		for _, c := range []struct {
			name   string
			by     auth.Identity
			uid    string
			groups []string
			want   error
		}{
			{"somebody else's device", bob, "DEV-ann", nil, auth.ErrDenied}, {"somebody else's import", bob, "new", nil, auth.ErrDenied},
			{"another group", ann, "DEV-ann", []string{"blue"}, auth.ErrDenied}, {"no right to write", member("x", "red>"), "DEV-x", nil, auth.ErrDenied},
			{"no uid", ann, "", nil, history.ErrInvalid},
		} {
			rec.UID = c.uid
			if _, err := f.Import(t.Context(), c.by, rec, c.groups); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		f.record(t, report(t, from(ann), now.Add(time.Second), 1, 1))
		sel := history.Selection{From: now.Add(-6000 * time.Second), Interval: time.Minute}
		var tracks []string
		whole, err := f.Tracks(t.Context(), bob, sel, func(tr history.Track) error {
			tracks = append(tracks, fmt.Sprintf("%s %d", tr.UID, len(tr.Points)))
			return nil
		})
		slices.Sort(tracks)
		if err != nil || !whole {
			t.Error(whole, err)
		}
		equal(t, "tracks", tracks, []string{"DEV-ann 21", "new 20"})
	})
}

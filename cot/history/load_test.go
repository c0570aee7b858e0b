package history_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"muster/cot"
	"muster/cot/history"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// stuck is a history whose database is busy until release is called.
func stuck(t *testing.T, change func(*history.Config, *history.Deps)) (f *fixture, release func()) {
	f = start(t, store.Config{}, change)
	busy, free, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- f.db.Tx(context.Background(), func(context.Context, bun.Tx) error {
			close(busy)
			<-free
			return nil
		})
	}()
	<-busy
	return f, sync.OnceFunc(func() {
		close(free)
		if err := <-held; err != nil {
			t.Error(err)
		}
		if err := f.Sync(t.Context()); err != nil {
			t.Error(err)
		}
		st := f.Stats()
		if st.Written+st.DroppedOthers+st.DroppedPositions != st.Recorded || st.Failed != 0 || st.Waiting != 0 {
			t.Errorf("not every event is accounted for: %+v", st)
		}
	})
}

func TestRecordDropsOldPositionsFirst(t *testing.T) {
	f, release := stuck(t, func(c *history.Config, _ *history.Deps) { c.QueueEvents = 1000 })
	defer release()
	now := time.Now()
	for i := range 4000 {
		at := now.Add(time.Duration(i) * time.Millisecond)
		f.Record(report(t, from(ann), at, 50, 8))
		if i%10 == 0 {
			f.Record(say(t, from(ann), at, fmt.Sprint("m", i), "All Chat Rooms", "", "x", ""))
		}
	}
	if st := f.Stats(); st.DroppedPositions < 2000 || st.DroppedOthers != 0 || st.Recorded != 4400 || st.Waiting > 1000 {
		t.Errorf("while the database is busy: %+v", st)
	}
	release()
	got, _, err := f.Chat(t.Context(), ann, "All Chat Rooms", time.Time{}, 500)
	if err != nil || len(got) != 400 {
		t.Errorf("%d of 400 messages were kept, %v", len(got), err)
	}
	track, err := f.Track(t.Context(), ann, "DEV-ann", time.Time{}, time.Time{})
	if err != nil || len(track) == 0 || track[len(track)-1].Time != now.Add(3999*time.Millisecond).UnixMilli() {
		t.Errorf("the newest position is not kept: %d points, %v", len(track), err)
	}
}

func TestRecordIsBoundedWithoutPositions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*history.Config, *history.Deps)
		detail string
	}{
		{"in events", func(c *history.Config, _ *history.Deps) { c.QueueEvents = 1000 }, ""},
		{"in bytes", func(c *history.Config, _ *history.Deps) { c.QueueSize = 4 << 20 }, "<remarks>" + strings.Repeat("x", 10_000) + "</remarks>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, release := stuck(t, c.change)
			defer release()
			for i := range 2000 {
				f.Record(marker(t, from(ann), fmt.Sprint("k", i), time.Now(), time.Hour, c.detail))
			}
			if st := f.Stats(); st.DroppedOthers == 0 || st.DroppedPositions != 0 || st.Waiting > 1000 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now()
		var wg sync.WaitGroup
		for s := range 4 {
			who := member(fmt.Sprint("u", s), "red")
			wg.Go(func() {
				for i := range 150 {
					at := now.Add(time.Duration(i) * time.Millisecond)
					f.Record(report(t, from(who), at, float64(i)/10, 8))
					f.Record(marker(t, from(who), fmt.Sprint("k", i%7), at, time.Hour, ""))
					f.Record(say(t, from(who), at, fmt.Sprint(i), "All Chat Rooms", "", "x", ""))
				}
			})
			wg.Go(func() {
				for range 10 {
					if _, err := f.Latest(t.Context(), who, history.Bounds{}, time.Time{}); err != nil {
						t.Error(err)
					}
					if _, err := f.Rooms(t.Context(), who); err != nil {
						t.Error(err)
					}
					if _, err := f.Track(t.Context(), who, "DEV-u0", time.Time{}, time.Time{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := f.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if st := f.Stats(); st.Written != 4*450 || st.Failed != 0 {
			t.Errorf("%+v", st)
		}
		all, err := f.All(t.Context(), ann, "k0", time.Time{}, time.Time{})
		if err != nil || len(all) != 4*22 {
			t.Errorf("%d versions of a marker, %v", len(all), err)
		}
		var open int
		if err := f.db.Query().NewSelect().TableExpr("history_events").ColumnExpr("count(*)").Where("valid_to > ?", now.Add(time.Minute).UnixMilli()).Scan(t.Context(), &open); err != nil || open != 7 {
			t.Errorf("%d events count at present, %v, want one for each marker", open, err)
		}
	})
}

// BenchmarkRecord tells how many events a second reach the disk.
func BenchmarkRecord(b *testing.B) {
	for _, kind := range []string{"positions", "markers"} {
		b.Run(kind, func(b *testing.B) {
			db, err := store.Open(b.Context(), store.Config{}, b.TempDir(), discard())
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			cfg := history.DefaultConfig()
			cfg.QueueEvents, cfg.QueueSize = 1_000_000, 1<<40
			s, err := history.New(b.Context(), cfg, history.Deps{DB: db, Log: discard()})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			events := make([]*cot.Event, b.N)
			now := time.Now()
			for i := range events {
				who := from(member(fmt.Sprint("u", i%500), "red"))
				at := now.Add(time.Duration(i) * time.Millisecond)
				if events[i] = report(b, who, at, 50, 8); kind == "markers" {
					events[i] = marker(b, who, fmt.Sprint("k", i%500), at, time.Hour, "")
				}
			}
			b.ResetTimer()
			for _, e := range events {
				s.Record(e)
			}
			if err := s.Sync(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

package mission_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/mission"
	"muster/cot/mission/missiontest"
	"muster/cot/wire"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestRetention(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, _ = make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	l := history.Limit{Before: time.Now().Add(time.Minute)}
	if u, err := w.Excess(ctx, l); err != nil || u.Count != 1 {
		t.Fatal(u, err)
	}
	if u, err := w.Remove(ctx, history.Limit{Count: 1}); err != nil || u.Count != 0 {
		t.Fatal(u, err)
	}
	if u, err := w.Remove(ctx, l); err != nil || u.Count != 1 {
		t.Fatal(u, err)
	}
	if gone, err := w.Deleted(ctx, on(missiontest.Admin(), "")); err != nil || len(gone) != 0 {
		t.Error("it is forgotten, too:", gone, err)
	}
}

func TestMissionsExpire(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	w := missiontest.On(t, db)
	past := time.Now().Unix() - 10
	_, _ = make1(t, w, on(anna, "A1"), "short", mission.Spec{Expiration: &past})
	_, _ = make1(t, w, on(anna, "A1"), "long", mission.Spec{})
	w.Expire(t.Context())
	_, err := w.Get(t.Context(), on(ben, "B1"), by("short"), mission.Want{})
	wantErr(t, err, mission.ErrGone)
	if _, err := w.Get(t.Context(), on(ben, "B1"), by("long"), mission.Want{}); err != nil {
		t.Error(err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsAcknowledgedIsThereAfterAStop(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	open := func() *store.DB {
		db, err := store.Open(ctx, store.Config{}, dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	w := missiontest.On(t, db)
	m, c := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	d := wire.Dest{Mission: "m"}
	if err := w.Contribute(ctx, missiontest.Marker(t, "x", "X", cot.Sender{Identity: anna, UID: "A1"}, []string{"fire"}, d), d); err != nil {
		t.Fatal(err)
	}
	db.Close()
	db = open()
	defer db.Close()
	w = missiontest.On(t, db)
	if r, err := w.RoleOf(ctx, c, mission.Ref{GUID: m.GUID}); err != nil || r != mission.RoleOwner {
		t.Error("tokens outlive the server:", r, err)
	}
	if ev, err := w.CoT(ctx, c, by("m"), ""); err != nil || len(ev) != 1 {
		t.Error(ev, err)
	}
}

func TestFeeds(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	dora := missiontest.Member("dora", "fire", "police")
	w.SetUser(dora)
	_, c := make1(t, w, on(dora, "D1"), "m", mission.Spec{Groups: []string{"fire"}})
	if _, err := w.Subscribe(ctx, on(ben, "B1"), by("m"), "B1", "", nil); err != nil {
		t.Fatal(err)
	}
	w.Router.Connect("B1", "B", "", ben)
	w.Router.Connect("D1", "D", "", dora)
	for _, tc := range []struct {
		name string
		c    mission.Caller
		f    mission.Feed
		err  error
	}{
		{"no source", c, mission.Feed{}, mission.ErrInvalid},
		{"a group that one is not in", c, mission.Feed{DataFeedUID: "army"}, mission.ErrNotFound},
		{"an area that is none", c, mission.Feed{DataFeedUID: "police", FilterPolygon: "POLYGON((1 2))"}, mission.ErrInvalid},
		{"no owner", on(dora, "D2"), mission.Feed{DataFeedUID: "police"}, mission.ErrDenied},
	} {
		_, err := w.AddFeed(ctx, tc.c, by("m"), tc.f)
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	f, err := w.AddFeed(ctx, c, by("m"), mission.Feed{DataFeedUID: "police", FilterPolygon: "POLYGON((13 52, 14 52, 14 53, 13 53, 13 52))", FilterCotTypes: []string{"a-h"}, FilterCallsign: "Sperre"})
	if err != nil {
		t.Fatal(err)
	}
	w.Router.Take()
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.Run(run) }()
	from := cot.Sender{Identity: carla, UID: "C1"}
	away := missiontest.Marker(t, "far", "Sperre 9", from, []string{"police"})
	away.Point.Lat = 10
	for _, e := range []*cot.Event{
		away, missiontest.Marker(t, "other", "Tor", from, []string{"police"}), missiontest.Marker(t, "own", "Sperre 5", from, []string{"fire"}),
		missiontest.Marker(t, "in", "Sperre 4", from, []string{"police"}),
	} {
		w.Observe(e)
	}
	var sent []missiontest.Sent
	for range 500 {
		if sent = append(sent, w.Router.Take()...); len(sent) > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-done
	if len(sent) != 1 || !strings.Contains(sent[0].XML, `uid="in"`) || !slices.Equal(sent[0].To, []string{"B1"}) {
		t.Errorf("%+v", sent)
	}
	m, err := w.Get(ctx, c, by("m"), mission.Want{Changes: true})
	if err != nil || len(m.Feeds) != 1 || (*m.Changes)[0].Type != mission.CreateDataFeed {
		t.Errorf("%+v %v", m, err)
	}
	if err := w.RemoveFeed(ctx, c, by("m"), f.UID); err != nil {
		t.Error(err)
	}
	wantErr(t, w.RemoveFeed(ctx, c, by("m"), f.UID), mission.ErrNotFound)
}

func TestParallelChangesAllCount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		w := missiontest.New(t, cfg)
		ctx := t.Context()
		names := []string{"m", "n", "o", "p"}
		for _, n := range names {
			_, _ = make1(t, w, on(anna, "A1"), n, mission.Spec{})
		}
		c := on(anna, "A1")
		errs := make(chan error, 40)
		for i := range 40 {
			go func() {
				_, err := w.AddContents(ctx, c, by(names[i%4]), mission.Addition{UIDs: []string{strings.Repeat("u", i+1)}})
				errs <- err
			}()
		}
		for range 40 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		for _, n := range names {
			m, err := w.Get(ctx, c, by(n), mission.Want{Changes: true})
			if err != nil || len(m.UIDs) != 10 || len(*m.Changes) != 11 {
				t.Error(n, len(m.UIDs), err)
			}
		}
	})
}

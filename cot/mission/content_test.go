package mission_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/mission"
	"muster/cot/mission/missiontest"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestFilesAndUidsAreWhatTheCallerMayRead(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, owner := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	secret := w.File(t, carla, "secret.jpg", "police")
	_, err := w.AddContents(ctx, owner, by("m"), mission.Addition{Hashes: []string{secret}})
	wantErr(t, err, mission.ErrNotFound)
	for _, bad := range []string{"", "../../x", strings.Repeat("A", 64), strings.Repeat("a", 63)} {
		_, err := w.AddContents(ctx, owner, by("m"), mission.Addition{Hashes: []string{bad}})
		wantErr(t, err, mission.ErrInvalid)
	}
	// An event that only the police may read does not come in by its uid.
	w.History.Record(missiontest.Marker(t, "raid", "RAID", cot.Sender{Identity: carla, UID: "C1"}, []string{"police"}))
	w.History.Record(missiontest.Marker(t, "fire", "FEUER 1", cot.Sender{Identity: ben, UID: "B1"}, []string{"fire"}))
	runHistory(t, w)
	m, err := w.AddContents(ctx, owner, by("m"), mission.Addition{UIDs: []string{"raid", "fire"}})
	if err != nil || len(m.UIDs) != 2 {
		t.Fatal(m.UIDs, err)
	}
	for _, i := range m.UIDs {
		if known := i.Details != nil; known != (i.UID == "fire") || known && i.Details.Callsign != "FEUER 1" {
			t.Errorf("%s: %+v", i.UID, i.Details)
		}
	}
	events, err := w.CoT(ctx, owner, by("m"), "")
	if err != nil || len(events) != 1 || events[0].UID != "fire" {
		t.Error(events, err)
	}
	mine := w.File(t, ben, "bild.jpg", "fire")
	if _, err := w.AddContents(ctx, owner, by("m"), mission.Addition{Hashes: []string{mine}}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		id   auth.Identity
		want bool
	}{{ben, true}, {carla, false}} {
		if ok, err := w.Holds(ctx, on(tc.id, ""), mine); err != nil || ok != tc.want {
			t.Error(tc.id.User, ok, err)
		}
	}
	if h, err := w.Hashes(ctx, ben, "m"); err != nil || !slices.Equal(h, []string{mine}) {
		t.Error(h, err)
	}
	if uids, err := w.HeldUIDs(ctx); err != nil || len(uids) != 2 {
		t.Error(uids, err)
	}
}

// runHistory lets the history write down what it has.
func runHistory(t *testing.T, w *missiontest.World) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.History.Run(ctx) }()
	for range 500 {
		if n, err := w.History.Count(ctx); err == nil && n > 0 {
			break
		}
		if _, err := w.History.Newest(ctx, ben, "fire"); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestContribute(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		w := missiontest.New(t, cfg)
		ctx := t.Context()
		m, owner := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
		readOnly := mission.RoleReadOnly
		_, _ = make1(t, w, on(anna, "A1"), "watch", mission.Spec{DefaultRole: &readOnly})
		_, _ = make1(t, w, on(anna, "A1"), "shut", mission.Spec{Password: mission.TextOf("p")})
		if _, err := w.AddLayer(ctx, owner, by("m"), mission.NewLayer{Name: "Sperren", Type: "UID", UID: "layer-1"}); err != nil {
			t.Fatal(err)
		}
		for _, d := range []struct {
			id  auth.Identity
			uid string
		}{{anna, "A1"}, {ben, "B1"}} {
			w.Router.Connect(d.uid, d.uid, "", d.id)
		}
		if _, err := w.Subscribe(ctx, on(ben, "B1"), by("m"), "B1", "", nil); err != nil {
			t.Fatal(err)
		}
		w.Router.Take()
		from := cot.Sender{Identity: ben, UID: "B1", Callsign: "BUSSARD 1"}
		for _, d := range []wire.Dest{{Mission: "m"}, {MissionGUID: m.GUID}, {Mission: "m", Path: "layer-1"}} {
			if err := w.Contribute(ctx, missiontest.Marker(t, "x-1", "Sperre 4", from, []string{"fire"}, d), d); err != nil {
				t.Fatal(err)
			}
			sent := wantSent(t, w, "deliver a-h-G A1", "notify t-x-m-c A1,B1")
			if strings.Contains(sent[0].XML, "marti") || !strings.Contains(sent[1].XML,
				`<details type="a-h-G" callsign="Sperre 4" color="-65536" iconsetPath="COT_MAPPING_2525B/a-h/a-h-G"><location lat="52.5" lon="13.4"/></details>`) {
				t.Error(sent[0].XML, sent[1].XML)
			}
		}
		layers, err := w.Layers(ctx, owner, by("m"))
		if err != nil || len(layers) != 1 || len(layers[0].UIDs) != 1 || layers[0].UIDs[0].UID != "x-1" {
			t.Error(layers, err)
		}
		got, err := w.Get(ctx, owner, by("m"), mission.Want{Changes: true})
		if err != nil || len(got.UIDs) != 1 || got.UIDs[0].CreatorUID != "B1" || len(*got.Changes) != 2 {
			t.Errorf("%+v %v", got, err)
		}
		for _, tc := range []struct {
			name string
			from cot.Sender
			d    wire.Dest
			err  error
		}{
			{"no such mission", from, wire.Dest{Mission: "nothing"}, mission.ErrNotFound},
			{"read-only", from, wire.Dest{Mission: "watch"}, mission.ErrDenied},
			{"password", from, wire.Dest{Mission: "shut"}, mission.ErrDenied},
			{"owner by subscription", cot.Sender{Identity: anna, UID: "A1"}, wire.Dest{Mission: "shut"}, nil},
			{"stranger", cot.Sender{Identity: carla, UID: "C1"}, wire.Dest{Mission: "m"}, mission.ErrNotFound},
			{"another's subscription", cot.Sender{Identity: missiontest.Member("eve", "fire"), UID: "A1"}, wire.Dest{Mission: "shut"}, mission.ErrDenied},
			{"no such layer", from, wire.Dest{Mission: "m", Path: "nothing"}, mission.ErrNotFound},
		} {
			t.Run(tc.name, func(t *testing.T) {
				wantErr(t, w.Contribute(ctx, missiontest.Marker(t, "x-2", "y", tc.from, []string{"fire"}, tc.d), tc.d), tc.err)
			})
		}
		if st := w.Stats(); st.Contributed != 4 || st.Refused != 6 {
			t.Errorf("%+v", st)
		}
	})
}

func TestPackages(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, c := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	hash := w.File(t, anna, "bild.jpg", "fire")
	from := cot.Sender{Identity: anna, UID: "A1"}
	d := wire.Dest{Mission: "m"}
	if err := w.Contribute(ctx, missiontest.Marker(t, "old", "alt", from, []string{"fire"}, d), d); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddContents(ctx, c, by("m"), mission.Addition{Hashes: []string{hash}}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := w.Archive(ctx, c, by("m"), func(string) io.Writer { return &out }); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil || len(z.File) != 4 {
		t.Fatal(z, err)
	}
	_, c2 := make1(t, w, on(anna, "A1"), "again", mission.Spec{})
	conflicts, err := w.AddPackage(ctx, c2, by("again"), out.Bytes())
	if err != nil || len(conflicts) != 0 {
		t.Fatal(conflicts, err)
	}
	m, err := w.Get(ctx, c2, by("again"), mission.Want{})
	if err != nil || len(m.UIDs) != 1 || m.UIDs[0].Details.Callsign != "alt" || len(m.Contents) != 2 {
		t.Fatalf("%+v %v", m, err)
	}
	// What is newer in the mission stays and is named.
	newer := missiontest.Marker(t, "old", "neu", from, []string{"fire"}, d)
	newer.Time += 60_000
	if err := w.Contribute(ctx, newer, d); err != nil {
		t.Fatal(err)
	}
	conflicts, err = w.AddPackage(ctx, c, by("m"), out.Bytes())
	wantErr(t, err, mission.ErrConflict)
	if len(conflicts) != 1 || conflicts[0].ContentUID != "old" {
		t.Error(conflicts)
	}
	for _, bad := range [][]byte{nil, []byte("PK"), out.Bytes()[:out.Len()-30]} {
		_, err := w.AddPackage(ctx, c, by("m"), bad)
		wantErr(t, err, mission.ErrInvalid)
	}
	w.Router.Connect("B1", "B", "", ben)
	w.Router.Connect("C1", "C", "", carla)
	w.Router.Take()
	to, err := w.Send(ctx, c, by("m"), []string{"B1", "C1", "gone"}, func(h string) string { return "https://h/Marti/sync/content?hash=" + h })
	if err != nil || !slices.Equal(to, []string{"B1"}) {
		t.Error(to, err)
	}
	if sent := wantSent(t, w, "notify b-f-t-r B1"); !strings.Contains(sent[0].XML, `senderUrl="https://h/Marti/sync/content?hash=`) {
		t.Error(sent)
	}
}

package mission_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/cot/mission"
	"muster/cot/mission/missiontest"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	os.Exit(code)
}

var (
	anna  = missiontest.Member("anna", "fire")
	ben   = missiontest.Member("ben", "fire")
	carla = missiontest.Member("carla", "police")
)

// on returns a caller with a device.
func on(id auth.Identity, uid string) mission.Caller { return mission.Caller{Identity: id, UID: uid} }

func by(name string) mission.Ref { return mission.Ref{Name: name} }

// make1 creates a mission and returns it with a caller that holds its token.
func make1(t *testing.T, w *missiontest.World, c mission.Caller, name string, spec mission.Spec) (mission.Mission, mission.Caller) {
	t.Helper()
	m, created, err := w.Put(t.Context(), c, name, spec)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	c.Token = m.Token
	return m, c
}

func kinds(sent []missiontest.Sent) string {
	var out []string
	for _, s := range sent {
		to := append(slices.Clone(s.To), s.Groups...)
		slices.Sort(to)
		out = append(out, s.Way+" "+s.Type+" "+strings.Join(to, ","))
	}
	return strings.Join(out, "; ")
}

func wantSent(t *testing.T, w *missiontest.World, want ...string) []missiontest.Sent {
	t.Helper()
	sent := w.Router.Take()
	if got := kinds(sent); got != strings.Join(want, "; ") {
		t.Errorf("sent  %s\nwanted %s", got, strings.Join(want, "; "))
	}
	return sent
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, wanted %v", err, want)
	}
}

func TestLifeOfAMission(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		w := missiontest.New(t, cfg)
		ctx := t.Context()
		w.Router.Connect("A1", "ADLER 1", "Cyan", anna)
		w.Router.Connect("B1", "BUSSARD 1", "Red", ben)
		m, a := make1(t, w, on(anna, "A1"), " Flut Ost. Süd ", mission.Spec{Description: mission.TextOf("test")})
		if m.Name != "Flut Ost. Süd" || m.Token == "" || m.OwnerRole != mission.RoleOwner || m.Tool != "public" || m.Expiration != -1 || !slices.Equal(m.Groups, []string{"fire"}) {
			t.Fatalf("%+v", m)
		}
		sent := wantSent(t, w, "announce t-x-m-n fire")
		if x := sent[0].XML; !strings.Contains(x, `<mission type="CREATE" tool="public" name="Flut Ost. Süd" guid="`+m.GUID+`" authorUid="A1"/>`) {
			t.Error(x)
		}

		// Ben subscribes, adds a file and leaves it again.
		sub, err := w.Subscribe(ctx, on(ben, "B1"), by(m.Name), "B1", "", nil)
		if err != nil || sub.Role != mission.RoleSubscriber || sub.Token == "" {
			t.Fatalf("%+v %v", sub, err)
		}
		hash := w.File(t, ben, "bild.jpg", "fire")
		got, err := w.AddContents(ctx, on(ben, "B1"), by(m.Name), mission.Addition{Hashes: []string{hash}, UIDs: []string{"marker-1"}})
		if err != nil || len(got.Contents) != 1 || len(got.UIDs) != 1 || got.Contents[0].File.Submitter != "ben" {
			t.Fatalf("%+v %v", got, err)
		}
		sent = wantSent(t, w, "notify t-x-m-c A1,B1")
		for _, part := range []string{"<MissionChanges>", "<contentUid>marker-1</contentUid>", "<contentResource>", "<hash>" + hash + "</hash>", "<type>ADD_CONTENT</type>", "<isFederatedChange>false</isFederatedChange>"} {
			if !strings.Contains(sent[0].XML, part) {
				t.Errorf("no %s in %s", part, sent[0].XML)
			}
		}
		if _, err := w.RemoveContents(ctx, on(ben, "B1"), by(m.Name), hash, ""); err != nil {
			t.Fatal(err)
		}
		_, err = w.RemoveContents(ctx, on(ben, "B1"), by(m.Name), hash, "")
		wantErr(t, err, mission.ErrNotFound)
		wantSent(t, w, "notify t-x-m-c A1,B1")
		changes, err := w.Changes(ctx, on(ben, "B1"), by(m.Name), mission.Span{}, false)
		var types []string
		for _, c := range changes {
			types = append(types, c.Type.String())
		}
		if err != nil || strings.Join(types, " ") != "REMOVE_CONTENT ADD_CONTENT ADD_CONTENT CREATE_MISSION" {
			t.Fatal(types, err)
		}
		squashed, err := w.Changes(ctx, on(ben, "B1"), by(m.Name), mission.Span{}, true)
		if err != nil || len(squashed) != 3 {
			t.Fatal(squashed, err)
		}

		// Update, then deletion by the owner only.
		up, created, err := w.Put(ctx, a, m.Name, mission.Spec{Description: mission.TextOf("new")})
		if err != nil || created || up.Description != "new" || up.Tool != "public" {
			t.Fatalf("%v %v %v", up, created, err)
		}
		wantSent(t, w, "announce t-x-m-c-m fire")
		_, err = w.Delete(ctx, on(ben, "B1"), by(m.Name), false)
		wantErr(t, err, mission.ErrDenied)
		if _, err := w.Delete(ctx, a, by(m.Name), false); err != nil {
			t.Fatal(err)
		}
		wantSent(t, w, "announce t-x-m-d fire")
		_, err = w.Get(ctx, on(ben, "B1"), by(m.Name), mission.Want{})
		wantErr(t, err, mission.ErrGone)
		_, err = w.Get(ctx, on(ben, "B1"), mission.Ref{GUID: m.GUID}, mission.Want{})
		wantErr(t, err, mission.ErrGone)
		_, err = w.Get(ctx, on(carla, "C1"), by(m.Name), mission.Want{})
		wantErr(t, err, mission.ErrNotFound)

		// The package is kept, and the mission can come back.
		gone, err := w.Deleted(ctx, on(missiontest.Admin(), ""))
		if err != nil || len(gone) != 1 || !w.Files.Has(gone[0].Archive) {
			t.Fatal(gone, err)
		}
		if _, err := w.Restore(ctx, on(missiontest.Admin(), ""), m.GUID); err != nil {
			t.Fatal(err)
		}
		back, err := w.Get(ctx, on(ben, "B1"), by(m.Name), mission.Want{})
		if err != nil || len(back.UIDs) != 1 {
			t.Fatal(back, err)
		}
		// The same name again after a deletion is a new mission.
		if _, err := w.Delete(ctx, a, by(m.Name), false); err != nil {
			t.Fatal(err)
		}
		again, _ := make1(t, w, on(anna, "A1"), m.Name, mission.Spec{})
		if again.GUID == m.GUID {
			t.Fatal("the old mission came back")
		}
		if n, err := w.Purge(ctx, time.Now().Add(time.Second)); err != nil || n != 1 {
			t.Fatal(n, err)
		}
	})
}

func TestNothingIsNull(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, c := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	_, err := w.AddContents(ctx, c, by("m"), mission.Addition{UIDs: []string{"u"}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.Get(ctx, c, by("m"), mission.Want{Changes: true, Logs: true})
	b, err2 := json.Marshal(m)
	if err != nil || err2 != nil || bytes.Contains(b, []byte("null")) {
		t.Error(string(b), err, err2)
	}
}

func TestEnsureMakesAMissionOnce(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	first, err := w.Ensure(ctx, on(anna, "A1"), "citrap", "citrap")
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Ensure(ctx, on(ben, "B1"), "citrap", "citrap")
	if err != nil || again.GUID != first.GUID {
		t.Error(again.GUID, err)
	}
	other, err := w.Ensure(ctx, on(carla, "C1"), "citrap", "citrap")
	if err != nil || other.GUID == first.GUID {
		t.Error(other.GUID, err)
	}
}

package mission_test

import (
	"slices"
	"strings"
	"testing"

	"muster/cot/mission"
	"muster/cot/mission/missiontest"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestLayers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		w := missiontest.New(t, cfg)
		ctx := t.Context()
		_, c := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
		add := func(name, parent, after string) {
			t.Helper()
			if _, err := w.AddLayer(ctx, c, by("m"), mission.NewLayer{Name: name, Type: "GROUP", UID: name, Parent: parent, After: after}); err != nil {
				t.Fatal(name, err)
			}
		}
		shape := func() string {
			t.Helper()
			all, err := w.Layers(ctx, c, by("m"))
			if err != nil {
				t.Fatal(err)
			}
			return shapeOf(all)
		}
		add("a", "", "")
		add("b", "", "")
		add("c", "", "a")
		add("a1", "a", "")
		if _, err := w.AddContents(ctx, c, by("m"), mission.Addition{Paths: map[string][]mission.Filing{"a1": {{UIDs: []string{"u1", "u2"}}, {UIDs: []string{"u3"}, After: "u1"}}}}); err != nil {
			t.Fatal(err)
		}
		if got := shape(); got != "a(a1(u1 u3 u2)) c b" {
			t.Fatal(got)
		}
		for _, s := range []struct {
			name string
			do   func() error
			want string
		}{
			{"first", func() error { return w.MoveLayer(ctx, c, by("m"), "b", "") }, "b a(a1(u1 u3 u2)) c"},
			{"behind", func() error { return w.MoveLayer(ctx, c, by("m"), "b", "a") }, "a(a1(u1 u3 u2)) b c"},
			{"into another", func() error { return w.SetLayerParent(ctx, c, by("m"), []string{"b", "u3"}, "c", "") }, "a(a1(u1 u2)) c(b u3)"},
			{"out", func() error { return w.SetLayerParent(ctx, c, by("m"), []string{"u3"}, "", "") }, "a(a1(u1 u2)) c(b)"},
			{"rename", func() error { return w.RenameLayer(ctx, c, by("m"), "b", "B") }, "a(a1(u1 u2)) c(B)"},
			{"remove", func() error { return w.RemoveLayers(ctx, c, by("m"), []string{"a"}) }, "c(B)"},
		} {
			if err := s.do(); err != nil {
				t.Fatal(s.name, err)
			}
			if got := shape(); got != s.want {
				t.Errorf("%s: %s", s.name, got)
			}
		}
		wantErr(t, w.SetLayerParent(ctx, c, by("m"), []string{"c"}, "b", ""), mission.ErrInvalid)
		wantErr(t, w.SetLayerParent(ctx, c, by("m"), []string{"c"}, "nothing", ""), mission.ErrNotFound)
		wantErr(t, w.RemoveLayers(ctx, c, by("m"), []string{"nothing"}), mission.ErrNotFound)
		_, err := w.AddLayer(ctx, c, by("m"), mission.NewLayer{Name: "x", Type: "WRONG"})
		wantErr(t, err, mission.ErrInvalid)
		if m, err := w.Get(ctx, c, by("m"), mission.Want{}); err != nil || len(m.UIDs) != 3 {
			t.Error("what was in a layer stays in the mission:", m.UIDs, err)
		}
	})
}

func shapeOf(all []mission.Layer) string {
	var out []string
	for _, l := range all {
		s := l.Name
		var in []string
		if sub := shapeOf(l.Layers); sub != "" {
			in = append(in, sub)
		}
		for _, u := range l.UIDs {
			in = append(in, u.UID)
		}
		if len(in) > 0 {
			s += "(" + strings.Join(in, " ") + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestLogs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		w := missiontest.New(t, cfg)
		ctx := t.Context()
		_, c := make1(t, w, on(anna, "A1"), "one", mission.Spec{})
		_, _ = make1(t, w, on(anna, "A1"), "two", mission.Spec{})
		l, err := w.AddLog(ctx, c, []mission.Ref{by("one"), by("two")}, mission.LogEntry{Content: "Damm hält", EntryUID: "u", Keywords: []string{"k"}})
		if err != nil || l.ID == "" || !slices.Equal(l.MissionNames, []string{"one", "two"}) || l.CreatorUID != "A1" || l.DTG == 0 {
			t.Fatalf("%+v %v", l, err)
		}
		l.Content = "Damm bricht"
		if up, err := w.UpdateLog(ctx, c, []mission.Ref{by("one")}, l); err != nil || up.Created != l.Created || up.Content != "Damm bricht" {
			t.Errorf("%+v %v", up, err)
		}
		for name, n := range map[string]int{"one": 1, "two": 0} {
			if got, err := w.Logs(ctx, on(ben, "B1"), by(name), mission.Span{}); err != nil || len(got) != n {
				t.Error(name, got, err)
			}
		}
		if got, err := w.AllLogs(ctx, on(ben, "B1"), mission.Span{}); err != nil || len(got) != 1 {
			t.Error(got, err)
		}
		if got, err := w.AllLogs(ctx, on(carla, "C1"), mission.Span{}); err != nil || len(got) != 0 {
			t.Error(got, err)
		}
		_, err = w.Log(ctx, on(carla, "C1"), l.ID)
		wantErr(t, err, mission.ErrNotFound)
		wantErr(t, w.RemoveLog(ctx, on(carla, "C1"), l.ID), mission.ErrNotFound)
		_, err = w.AddLog(ctx, on(carla, "C1"), []mission.Ref{by("one")}, mission.LogEntry{Content: "x"})
		wantErr(t, err, mission.ErrNotFound)
		if err := w.RemoveLog(ctx, c, l.ID); err != nil {
			t.Error(err)
		}
		_, err = w.Log(ctx, c, l.ID)
		wantErr(t, err, mission.ErrNotFound)
	})
}

func TestCopyAndFamily(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		w := missiontest.New(t, cfg)
		ctx := t.Context()
		_, c := make1(t, w, on(anna, "A1"), "m", mission.Spec{Description: mission.TextOf("d"), Keywords: []string{"k"}})
		hash := w.File(t, anna, "a.jpg", "fire")
		if _, err := w.AddLayer(ctx, c, by("m"), mission.NewLayer{Name: "l", Type: "UID", UID: "l"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddContents(ctx, c, by("m"), mission.Addition{Hashes: []string{hash}, Paths: map[string][]mission.Filing{"l": {{UIDs: []string{"u"}}}}}); err != nil {
			t.Fatal(err)
		}
		got, err := w.Copy(ctx, on(ben, "B1"), by("m"), "copy", mission.Spec{})
		if err != nil || got.Description != "d" || len(got.Contents) != 1 || len(got.UIDs) != 1 || got.Token == "" || !slices.Equal(got.Keywords, []string{"k"}) {
			t.Fatalf("%+v %v", got, err)
		}
		b := mission.Caller{Identity: ben, UID: "B1", Token: got.Token}
		if layers, err := w.Layers(ctx, b, by("copy")); err != nil || shapeOf(layers) != "l(u)" {
			t.Error(layers, err)
		}
		_, err = w.Copy(ctx, on(ben, "B1"), by("m"), "copy", mission.Spec{})
		wantErr(t, err, mission.ErrConflict)

		if err := w.SetParent(ctx, b, by("copy"), by("m")); err != nil {
			t.Fatal(err)
		}
		wantErr(t, w.SetParent(ctx, c, by("m"), by("copy")), mission.ErrInvalid)
		if p, err := w.ParentOf(ctx, b, by("copy")); err != nil || p.Name != "m" {
			t.Error(p.Name, err)
		}
		if kids, err := w.ChildrenOf(ctx, c, by("m")); err != nil || len(kids) != 1 {
			t.Error(kids, err)
		}
		if err := w.ClearParent(ctx, b, by("copy")); err != nil {
			t.Error(err)
		}
		_, err = w.ParentOf(ctx, b, by("copy"))
		wantErr(t, err, mission.ErrNotFound)
	})
}

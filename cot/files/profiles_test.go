package files

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/cot/pack"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func ptr[T any](v T) *T { return &v }

func entries(t *testing.T, b *pack.Builder) []string {
	t.Helper()
	if b == nil {
		return nil
	}
	z, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	a, err := pack.Open(bytes.NewReader(z), int64(len(z)), pack.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return a.Names()
}

func TestProfileLife(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		p := s.Profiles
		made, err := p.Create(t.Context(), boss, ProfileChange{Name: ptr("Default"), Groups: &[]string{"red", "blue", "red"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Create(t.Context(), boss, ProfileChange{Name: ptr("DEFAULT")}); !errors.Is(err, ErrExists) {
			t.Fatal("the same name:", err)
		}
		prefs := []Preference{{"", pack.Text("a", "ä")}, {"cot_streams", pack.Number("count", 1)}}
		if _, err := p.Update(t.Context(), boss, made.ID, ProfileChange{ApplyOnConnect: ptr(true), Tool: ptr("maps"), Preferences: &prefs}); err != nil {
			t.Fatal(err)
		}
		file, err := p.AddFile(t.Context(), boss, made.ID, `maps\a.xml`, strings.NewReader("one"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.AddFile(t.Context(), boss, made.ID, "maps/a.xml", strings.NewReader("two"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Open(file.Hash); !errors.Is(err, ErrNotFound) {
			t.Fatal("the replaced file stays:", err)
		}
		got, err := p.Find(t.Context(), boss, "default")
		if err != nil {
			t.Fatal(err)
		}
		prefs[0].Name = pack.PrefsApp
		want := Profile{ID: made.ID, Name: "Default", Active: true, ApplyOnConnect: true, Tool: "maps", Groups: []string{"blue", "red"},
			Files: []ProfileFile{again}, Preferences: prefs, Updated: got.Updated}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		all, err := p.List(t.Context(), boss)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		if err := p.RemoveFile(t.Context(), boss, made.ID, file.ID); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		if err := p.RemoveFile(t.Context(), boss, made.ID, again.ID); err != nil {
			t.Fatal(err)
		}
		nothingLeft(t, s)
		if _, err := p.AddFile(t.Context(), boss, made.ID, "b", strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		if err := p.Delete(t.Context(), boss, made.ID); err != nil {
			t.Fatal(err)
		}
		nothingLeft(t, s)
		if err := p.Delete(t.Context(), boss, made.ID); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := p.AddFile(t.Context(), boss, made.ID, "b", strings.NewReader("x")); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	})
}

func TestProfilesAreForAdministrators(t *testing.T) {
	p := service(t, store.Config{}, nil).Profiles
	made, err := p.Create(t.Context(), boss, ProfileChange{Name: ptr("x")})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"list":   second(p.List(t.Context(), ann)),
		"get":    second(p.Get(t.Context(), ann, made.ID)),
		"find":   second(p.Find(t.Context(), ann, "x")),
		"create": second(p.Create(t.Context(), ann, ProfileChange{Name: ptr("y")})),
		"update": second(p.Update(t.Context(), ann, made.ID, ProfileChange{})),
		"delete": p.Delete(t.Context(), ann, made.ID),
		"add":    second(p.AddFile(t.Context(), ann, made.ID, "f", unread{t})),
		"remove": p.RemoveFile(t.Context(), ann, made.ID, 1),
	} {
		if !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestProfileChangeRefuses(t *testing.T) {
	p := service(t, store.Config{}, nil).Profiles
	made, err := p.Create(t.Context(), boss, ProfileChange{Name: ptr("x")})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]ProfileChange{
		"empty name":     {Name: ptr("")},
		"slash":          {Name: ptr("a/b")},
		"space":          {Name: ptr(" a")},
		"long":           {Name: ptr(strings.Repeat("x", 200))},
		"no text":        {Tool: ptr("\xff")},
		"empty group":    {Groups: &[]string{""}},
		"bad preference": {Preferences: &[]Preference{{"", pack.Entry{Key: "k", Type: pack.Boolean, Value: "maybe"}}}},
		"bad type":       {Preferences: &[]Preference{{"", pack.Entry{Key: "k", Type: "object", Value: "x"}}}},
	} {
		if _, err := p.Update(t.Context(), boss, made.ID, c); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []string{"", "../x", "/x", "a//b", "a\x00"} {
		if _, err := p.AddFile(t.Context(), boss, made.ID, n, unread{t}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", n, err)
		}
	}
}

// TestWhoGetsWhichProfiles checks groups, occasions and time.
func TestWhoGetsWhichProfiles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		p := service(t, cfg, nil).Profiles
		ids := make(map[string]int64)
		add := func(name string, c ProfileChange) {
			c.Name = &name
			made, err := p.Create(t.Context(), boss, c)
			if err != nil {
				t.Fatal(err)
			}
			ids[name] = made.ID
			if _, err := p.AddFile(t.Context(), boss, made.ID, "f.txt", strings.NewReader(name)); err != nil {
				t.Fatal(err)
			}
		}
		red := &[]string{"red"}
		yes := ptr(true)
		add("everybody", ProfileChange{ApplyOnEnrollment: yes, ApplyOnConnect: yes})
		add("red", ProfileChange{Groups: red, ApplyOnConnect: yes, Tool: ptr("t")})
		add("green", ProfileChange{Groups: &[]string{"green"}, ApplyOnConnect: yes})
		add("off", ProfileChange{ApplyOnConnect: yes, ApplyOnEnrollment: yes, Active: ptr(false)})
		add("never", ProfileChange{})
		connect, enrol := Occasion{Connection: true}, Occasion{Enrollment: true}
		later := Occasion{Connection: true, Since: time.Now().Add(time.Hour)}
		limited := bob
		limited.Scope = &auth.Scope{Actions: []auth.Action{auth.Join}} // an enrolment token
		for _, tc := range []struct {
			name string
			id   auth.Identity
			o    Occasion
			want []string
		}{
			{"red connects", bob, connect, []string{"everybody", "red"}},
			{"with a token", limited, connect, []string{"everybody", "red"}},
			{"green connects", eve, connect, []string{"everybody", "green"}},
			{"who only sends", dan, connect, []string{"everybody"}},
			{"an administrator of no group", boss, connect, []string{"everybody"}},
			{"enrolment", bob, enrol, []string{"everybody"}},
			{"tool", bob, Occasion{Tool: "t"}, []string{"red"}},
			{"other tool", bob, Occasion{Tool: "u"}, nil},
			{"no tool", bob, Occasion{}, nil},
			{"nothing new", bob, later, nil},
			{"new since", bob, Occasion{Connection: true, Since: time.Now().Add(-time.Hour)}, []string{"everybody", "red"}},
		} {
			b, modified, err := p.Package(t.Context(), tc.id, tc.o)
			if err != nil {
				t.Fatal(tc.name, err)
			}
			want := []string(nil)
			if tc.want != nil {
				want = []string{pack.ManifestName}
				for _, n := range tc.want {
					want = append(want, fmt.Sprint(ids[n], "/files/f.txt"))
				}
			}
			got := entries(t, b)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || modified.IsZero() != (want == nil) {
				t.Errorf("%s: %q, not %q", tc.name, got, want)
			}
		}
		if _, _, err := p.Package(t.Context(), auth.Identity{}, connect); !errors.Is(err, auth.ErrDenied) {
			t.Fatal(err)
		}
		files, err := p.ToolFiles(t.Context(), bob, "t", []string{"f.txt", "../x"})
		if err != nil || len(files) != 1 || files[0].Hash != hashOf("red") {
			t.Fatal(files, err)
		}
		if files, err := p.ToolFiles(t.Context(), eve, "t", []string{"f.txt"}); err != nil || len(files) != 0 {
			t.Fatal(files, err)
		}
	})
}

func TestUpdates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, func(c *Config) { c.Repositories = []string{"https://a.example/u", "https://b.example/u"} })
		u := s.Updates
		apk := Update{File: "example.apk", Platform: "Android", Type: "plugin", Package: "com.example.plugin", Name: "Example", Version: "1.2.0", Revision: 12,
			Icon: "example.png", Description: "Does things, well\nand more", OS: "21", TAK: "com.atakmap.app@5.4.0.CIV"}
		for _, step := range []struct {
			u       Update
			content string
		}{{apk, "old"}, {apk, "APK"}, {Update{File: "example.png"}, "PNG"}, {Update{File: "unused.png"}, "U"}} {
			if _, err := u.Put(t.Context(), boss, step.u, strings.NewReader(step.content)); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := s.Open(hashOf("old")); !errors.Is(err, ErrNotFound) {
			t.Fatal("the replaced one stays:", err)
		}
		want := "Android,plugin,com.example.plugin,Example,1.2.0,12,example.apk,example.png,Does things; well and more," + hashOf("APK") + ",21,com.atakmap.app@5.4.0.CIV,3\n"
		for _, v := range []string{"", "5.4.0"} {
			list, err := u.Index(t.Context(), may, v)
			if err != nil || string(list) != want {
				t.Fatal(string(list), err)
			}
			z, err := u.Infz(t.Context(), may, v)
			if err != nil {
				t.Fatal(err)
			}
			a, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
			if err != nil || len(a.File) != 2 || a.File[0].Name != "product.inf" || a.File[1].Name != "example.png" {
				t.Fatal(a.File, err)
			}
		}
		if _, err := u.Index(t.Context(), may, "5.5.0"); !errors.Is(err, ErrNotFound) {
			t.Fatal("ATAK does not fall back:", err)
		}
		if string(u.Repositories()) != "https://a.example/u\nhttps://b.example/u\n" {
			t.Fatal(string(u.Repositories()))
		}
		for name, tc := range map[string]struct{ err, want error }{
			"member puts":    {second(u.Put(t.Context(), ann, apk, unread{t})), auth.ErrDenied},
			"member deletes": {u.Delete(t.Context(), ann, "example.apk"), auth.ErrDenied},
			"nobody lists":   {second(u.List(t.Context(), auth.Identity{})), auth.ErrDenied},
			"missing":        {u.Delete(t.Context(), boss, "x"), ErrNotFound},
			"traversal":      {second(u.Put(t.Context(), boss, Update{File: "../x"}, unread{t})), ErrInvalid},
			"comma":          {second(u.Put(t.Context(), boss, Update{File: "a,b"}, unread{t})), ErrInvalid},
			"list's name":    {second(u.Put(t.Context(), boss, Update{File: "product.inf"}, unread{t})), ErrInvalid},
			"half":           {second(u.Put(t.Context(), boss, Update{File: "a.apk", Type: "app"}, unread{t})), ErrInvalid},
			"comma in text":  {second(u.Put(t.Context(), boss, Update{File: "a.apk", Name: "a,b"}, unread{t})), ErrInvalid},
		} {
			if !errors.Is(tc.err, tc.want) {
				t.Errorf("%s: %v", name, tc.err)
			}
		}
		for _, f := range []string{"example.apk", "example.png", "unused.png"} {
			if err := u.Delete(t.Context(), boss, f); err != nil {
				t.Fatal(err)
			}
		}
		nothingLeft(t, s)
	})
}

func iconSet(t *testing.T, uid string, names ...string) io.Reader {
	t.Helper()
	b := pack.Builder{Plain: true}
	b.Add("set/iconset.xml", []byte(`<?xml version="1.0"?><iconset name="Fire &amp; co" uid="`+uid+`" version="1"><icon name="truck.png" type2525b="a-f-G"/></iconset>`))
	for _, n := range names {
		b.Add("set/"+n, []byte("PNG "+n))
	}
	z, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(z)
}

func TestIcons(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		set, err := s.Icons.Put(t.Context(), ann, iconSet(t, "u-1", "Cars/truck.png", "Cars/evil.svg", "deep/er/x.png", "top.png", "Cars/bus.JPG"))
		if err != nil || set.UID != "u-1" || set.Name != "Fire & co" || set.Icons != 2 {
			t.Fatal(set, err)
		}
		b, mime, err := s.Icons.Read(t.Context(), IconRef{UID: "u-1", Group: "Cars", Name: "truck.png"})
		if err != nil || string(b) != "PNG Cars/truck.png" || mime != "image/png" {
			t.Fatal(string(b), mime, err)
		}
		for _, ref := range []IconRef{{UID: "u-1", Group: "Cars", Name: "evil.svg"}, {UID: "u-1", Group: "..", Name: "iconset.xml"}, {UID: "u-2", Group: "Cars", Name: "truck.png"}} {
			if _, _, err := s.Icons.Read(t.Context(), ref); !errors.Is(err, ErrNotFound) {
				t.Errorf("%v: %v", ref, err)
			}
		}
		if refs, err := s.Icons.For(t.Context(), "a-f-G"); err != nil || len(refs) != 1 || refs[0].Name != "truck.png" {
			t.Fatal(refs, err)
		}
		if _, err := s.Icons.Put(t.Context(), bob, iconSet(t, "u-1", "Cars/other.png")); !errors.Is(err, auth.ErrDenied) {
			t.Fatal("bob replaces ann's:", err)
		}
		if _, err := s.Icons.Put(t.Context(), ann, iconSet(t, "u-1", "Cars/other.png")); err != nil {
			t.Fatal(err)
		}
		if refs, err := s.Icons.Of(t.Context(), "u-1"); err != nil || len(refs) != 1 || refs[0].Name != "other.png" {
			t.Fatal(refs, err)
		}
		if all, err := s.Icons.List(t.Context()); err != nil || len(all) != 1 || all[0].Icons != 1 || all[0].Submitter != "ann" {
			t.Fatal(all, err)
		}
		if err := s.Icons.Delete(t.Context(), bob, "u-1"); !errors.Is(err, auth.ErrDenied) {
			t.Fatal(err)
		}
		if err := s.Icons.Delete(t.Context(), boss, "u-1"); err != nil {
			t.Fatal(err)
		}
		if err := s.Icons.Delete(t.Context(), boss, "u-1"); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{
			"no zip": strings.NewReader("x"), "empty": strings.NewReader(""), "bad uid": iconSet(t, "../x", "a/b.png"), "no uid": iconSet(t, "", "a/b.png"),
			"no icons": iconSet(t, "u"), "markup in uid": iconSet(t, `&quot;&gt;`, "a/b.png"),
		} {
			if _, err := s.Icons.Put(t.Context(), ann, r); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.Icons.Put(t.Context(), may, unread{t}); !errors.Is(err, auth.ErrDenied) {
			t.Fatal(err)
		}
		nothingLeft(t, s)
	})
}

package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func service(t *testing.T, cfg store.Config, change func(*Config)) *Service {
	t.Helper()
	return on(t, storetest.Open(t, cfg), change)
}

func on(t *testing.T, db *store.DB, change func(*Config)) *Service {
	t.Helper()
	c := DefaultConfig()
	if change != nil {
		change(&c)
	}
	s, err := New(t.Context(), c, Deps{DB: db, Bus: bus.New(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func member(name string, grants ...string) auth.Identity {
	id := auth.Identity{User: name, Role: auth.RoleMember}
	for _, g := range grants {
		name, dir, _ := strings.Cut(g, ":")
		id.Groups = append(id.Groups, auth.Grant{Group: name, In: dir != "out", Out: dir != "in"})
	}
	return id
}

var (
	ann  = member("ann", "red", "blue")
	bob  = member("bob", "red")
	eve  = member("eve", "green")
	dan  = member("dan", "red:in")
	may  = member("may", "red:out")
	boss = auth.Identity{User: "boss", Role: auth.RoleAdmin}
)

func put(t *testing.T, s *Service, id auth.Identity, m Meta, content string) File {
	t.Helper()
	f, err := s.Put(t.Context(), id, m, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func found(t *testing.T, s *Service, id auth.Identity, q Query) []string {
	t.Helper()
	all, n, err := s.Search(t.Context(), id, q)
	if err != nil {
		t.Fatal(err)
	}
	if q.Limit == 0 && n != len(all) {
		t.Fatalf("%d of %d", len(all), n)
	}
	names := []string{}
	for _, f := range all {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

func TestPutAndLookup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		facts := s.bus.Subscribe(10)
		defer facts.Close()
		m := Meta{
			UID: "u", Name: "../../bild ä.jpg", MIME: "image/jpeg; charset=x", Keywords: []string{" b", "a", "b", ""}, Tool: Private, CreatorUID: "ANDROID-1",
			Expires: time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC(), Place: &Place{52.5, 13.25, 78.5}, Remarks: "r", Contributor: "c",
		}
		got := put(t, s, ann, m, "hello")
		want := m
		want.Name, want.Filename, want.MIME, want.Keywords, want.Groups = "bild ä.jpg", "bild ä.jpg", "image/jpeg", []string{"b", "a"}, []string{"blue", "red"}
		file := File{ID: got.ID, Hash: hashOf("hello"), Size: 5, Submitter: "ann", Submitted: got.Submitted, Meta: want}
		if d := cmp.Diff(file, got); d != "" {
			t.Fatal(d)
		}
		for name, look := range map[string]func() (File, error){
			"hash":       func() (File, error) { return s.Lookup(t.Context(), bob, got.Hash) },
			"upper case": func() (File, error) { return s.Lookup(t.Context(), bob, strings.ToUpper(got.Hash)) },
			"uid":        func() (File, error) { return s.LookupUID(t.Context(), bob, "u") },
			"record":     func() (File, error) { return s.LookupID(t.Context(), bob, got.ID) },
			"describe":   func() (File, error) { return s.Describe(t.Context(), got.Hash) },
			"admin":      func() (File, error) { return s.Lookup(t.Context(), boss, got.Hash) },
		} {
			f, err := look()
			if err != nil {
				t.Fatal(name, err)
			}
			if d := cmp.Diff(file, f, cmpopts.EquateApproxTime(time.Millisecond)); d != "" {
				t.Fatal(name, d)
			}
		}
		f, size, err := s.Open(got.Hash)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if b, err := io.ReadAll(f); string(b) != "hello" || size != 5 {
			t.Fatal(string(b), err)
		}
		fact := <-facts.C
		if fact.Kind != FactChanged || !slices.Equal(fact.Groups, []string{"blue", "red"}) || fact.User != "ann" ||
			fact.Data != (Changed{What: "file", Change: "created", ID: got.ID, Hash: got.Hash, Name: got.Name}) {
			t.Fatalf("%+v", fact)
		}
		if _, err := s.Lookup(t.Context(), boss, hashOf("other")); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		if _, _, err := s.Open("../../secret"); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	})
}

func TestPutFillsInWhatIsNotSaid(t *testing.T) {
	s := service(t, store.Config{}, nil)
	f := put(t, s, ann, Meta{}, "x")
	h := hashOf("x")
	if f.UID != h || f.Name != h || f.Filename != h || f.MIME != "application/octet-stream" || f.Tool != Public || f.Place != nil || !f.Expires.IsZero() {
		t.Fatalf("%+v", f)
	}
}

func TestPutRefuses(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, tc := range []struct {
		name string
		id   auth.Identity
		m    Meta
		want error
	}{
		{"nobody", auth.Identity{}, Meta{}, auth.ErrDenied},
		{"reader only", may, Meta{}, auth.ErrDenied},
		{"foreign group", bob, Meta{Groups: []string{"green"}}, auth.ErrDenied},
		{"one foreign group of two", bob, Meta{Groups: []string{"red", "green"}}, auth.ErrDenied},
		{"group it only reads", may, Meta{Groups: []string{"red"}}, auth.ErrDenied},
		{"empty group", boss, Meta{Groups: []string{""}}, ErrInvalid},
		{"long uid", bob, Meta{UID: long}, ErrInvalid},
		{"binary uid", bob, Meta{UID: "\xff"}, ErrInvalid},
		{"control characters", bob, Meta{CreatorUID: "a\x00b"}, ErrInvalid},
		{"long keyword", bob, Meta{Keywords: []string{long}}, ErrInvalid},
		{"many keywords", bob, Meta{Keywords: strings.Split(strings.TrimSpace(long2()), " ")}, ErrInvalid},
		{"long remarks", bob, Meta{Remarks: long}, ErrInvalid},
		{"latitude", bob, Meta{Place: &Place{91, 0, 0}}, ErrInvalid},
		{"too large", bob, Meta{}, ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := service(t, store.Config{}, func(c *Config) { c.MaxSize = 10 })
			var r io.Reader = strings.NewReader("12345678901")
			if !errors.Is(tc.want, ErrTooLarge) {
				r = unread{t}
			}
			if _, err := s.Put(t.Context(), tc.id, tc.m, r); !errors.Is(err, tc.want) {
				t.Fatal(err)
			}
			nothingLeft(t, s)
		})
	}
}

func long2() string {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "k%d ", i)
	}
	return b.String()
}

// unread fails the test when a refused upload is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("it is read before the rights are known")
	return 0, io.EOF
}

func nothingLeft(t *testing.T, s *Service) {
	t.Helper()
	err := s.blobs.Walk(t.Context(), func(b store.Blob, _ time.Time) error {
		t.Error("left over:", b.Hash)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestQuota(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, func(c *Config) { c.MaxTotal = 12 })
		put(t, s, ann, Meta{}, "123456")
		put(t, s, bob, Meta{}, "123456") // the same content counts once
		if _, err := s.Put(t.Context(), ann, Meta{}, strings.NewReader("abcdefg")); !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		put(t, s, ann, Meta{}, "abcdef")
		if _, err := s.Put(t.Context(), ann, Meta{}, strings.NewReader("x")); !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), ann, hashOf("abcdef")); err != nil {
			t.Fatal(err)
		}
		put(t, s, ann, Meta{}, "x")
	})
}

// TestVisibility is the matrix of who sees and fetches a file of group red.
func TestVisibility(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		for _, tool := range []string{Public, Private} {
			f := put(t, s, bob, Meta{Name: tool, Tool: tool}, tool)
			for _, tc := range []struct {
				id   auth.Identity
				sees bool
			}{{ann, true}, {bob, true}, {may, true}, {boss, true}, {dan, false}, {eve, false}, {auth.Identity{}, false}} {
				_, err := s.Lookup(t.Context(), tc.id, f.Hash)
				if (err == nil) != tc.sees || err != nil && !errors.Is(err, auth.ErrDenied) {
					t.Errorf("%s looks up %s: %v", tc.id.User, tool, err)
				}
				if got := found(t, s, tc.id, Query{Hash: f.Hash}); (len(got) == 1) != tc.sees {
					t.Errorf("%s finds %q", tc.id.User, got)
				}
			}
		}
		// Of a public search private files are no part.
		if got := found(t, s, ann, Query{Tool: Public}); !slices.Equal(got, []string{Public}) {
			t.Fatal(got)
		}
	})
}

func TestSearch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		put(t, s, ann, Meta{Name: "Alpha_1.zip", UID: "a", Keywords: []string{KeywordPackage, "Fire"}, MIME: "application/zip", Place: &Place{52, 13, 100}, CreatorUID: "c1"}, "a")
		put(t, s, bob, Meta{Name: "beta%.jpg", UID: "b", Filename: "Ω.jpg", Keywords: []string{"fire"}, MIME: "image/jpeg", Place: &Place{-10, 179.9, -5}}, "bb")
		put(t, s, ann, Meta{Name: "gamma", UID: "c", Tool: Private, Keywords: []string{KeywordPackage}, Expires: time.Now().Add(-time.Hour)}, "ccc")
		put(t, s, ann, Meta{Name: "delta", UID: "d", Tool: Private, Keywords: []string{KeywordPackage}}, "dddd")
		h, l := 50.0, 0.0
		hour := time.Hour
		for _, tc := range []struct {
			name string
			q    Query
			want string
		}{
			{"all that has not expired", Query{}, "Alpha_1.zip beta%.jpg delta"},
			{"hash", Query{Hash: strings.ToUpper(hashOf("bb"))}, "beta%.jpg"},
			{"hashes", Query{Hashes: []string{hashOf("bb"), hashOf("dddd")}}, "beta%.jpg delta"},
			{"no hashes", Query{Hashes: []string{}}, ""},
			{"uid", Query{UID: "a"}, "Alpha_1.zip"},
			{"part of a name", Query{Name: "ALPHA"}, "Alpha_1.zip"},
			{"underscore is no wildcard", Query{Name: "a_1"}, "Alpha_1.zip"},
			{"underscore alone", Query{Name: "b_ta"}, ""},
			{"percent is no wildcard", Query{Name: "%.j"}, "beta%.jpg"},
			{"tilde", Query{Name: "~"}, ""},
			{"file name", Query{Filename: "ω"}, "beta%.jpg"},
			{"keyword", Query{Keywords: []string{"FIRE"}}, "Alpha_1.zip beta%.jpg"},
			{"two keywords", Query{Keywords: []string{"fire", KeywordPackage}}, "Alpha_1.zip"},
			{"packages", Query{Packages: true}, "Alpha_1.zip delta"},
			{"as ATAK asks", Query{Keywords: []string{KeywordPackage}, Tool: Public}, "Alpha_1.zip"},
			{"tool", Query{Tool: "PRIVATE"}, "delta"},
			{"type", Query{MIME: "image/JPEG"}, "beta%.jpg"},
			{"submitter", Query{Submitter: "BOB"}, "beta%.jpg"},
			{"creator", Query{CreatorUID: "c1"}, "Alpha_1.zip"},
			{"text in a keyword", Query{Text: "fir"}, "Alpha_1.zip beta%.jpg"},
			{"text in a submitter", Query{Text: "bo"}, "beta%.jpg"},
			{"from", Query{From: time.Now().Add(hour)}, ""},
			{"to", Query{To: time.Now().Add(-hour)}, ""},
			{"between", Query{From: time.Now().Add(-hour), To: time.Now().Add(hour)}, "Alpha_1.zip beta%.jpg delta"},
			{"lowest", Query{MinAlt: &h}, "Alpha_1.zip"},
			{"highest", Query{MaxAlt: &l}, "beta%.jpg"},
			{"box", Query{Box: &Box{12, 51, 14, 53}}, "Alpha_1.zip"},
			{"box over the date line", Query{Box: &Box{170, -20, -170, 0}}, "beta%.jpg"},
			{"circle", Query{Circle: &Circle{52.01, 13, 2000}}, "Alpha_1.zip"},
			{"circle that misses", Query{Circle: &Circle{52.015, 13.02, 2000}}, ""},
			{"circle over the date line", Query{Circle: &Circle{-10, -179.9, 30_000}}, "beta%.jpg"},
			{"circle round the pole", Query{Circle: &Circle{89, 0, 11_000_000}}, "Alpha_1.zip"},
			{"circle round everything", Query{Circle: &Circle{0, 0, 30_000_000}}, "Alpha_1.zip beta%.jpg"},
			{"injection", Query{Name: "' OR 1=1 --", Sort: "id; DROP TABLE files"}, ""},
		} {
			if got := strings.Join(found(t, s, ann, tc.q), " "); got != tc.want {
				t.Errorf("%s: %q, not %q", tc.name, got, tc.want)
			}
		}
		for _, tc := range []struct {
			q     Query
			want  string
			total int
		}{
			{Query{Sort: "name", Ascending: true}, "Alpha_1.zip beta%.jpg delta", 3},
			{Query{Sort: "size"}, "delta beta%.jpg Alpha_1.zip", 3},
			{Query{Sort: "name", Ascending: true, Offset: 1, Limit: 1}, "beta%.jpg", 3},
			{Query{Sort: "name", Ascending: true, Offset: 9, Limit: 1}, "", 3},
			{Query{Sort: "name", Ascending: true, Offset: 1, Limit: 1, Circle: &Circle{0, 0, 30_000_000}}, "beta%.jpg", 2},
		} {
			all, n, err := s.Search(t.Context(), ann, tc.q)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range all {
				names = append(names, f.Name)
			}
			if got := strings.Join(names, " "); got != tc.want || n != tc.total {
				t.Errorf("%+v: %q of %d", tc.q, got, n)
			}
		}
		if _, err := s.Lookup(t.Context(), ann, hashOf("ccc")); !errors.Is(err, ErrNotFound) {
			t.Error("expired:", err)
		}
	})
}

func TestSameUploadRenewsItsRecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		a := put(t, s, bob, Meta{Name: "n", Keywords: []string{"old"}}, "x")
		b := put(t, s, bob, Meta{Name: "n", Tool: Private, Keywords: []string{"new"}}, "x")
		if a.ID != b.ID {
			t.Fatal("two records")
		}
		f, err := s.Lookup(t.Context(), bob, a.Hash)
		if err != nil || f.Tool != Private || !slices.Equal(f.Keywords, []string{"new"}) {
			t.Fatal(f, err)
		}
		put(t, s, ann, Meta{Name: "n"}, "x")
		put(t, s, bob, Meta{Name: "other"}, "x")
		if got := found(t, s, boss, Query{Hash: a.Hash}); len(got) != 3 {
			t.Fatal(got)
		}
	})
}

func TestChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		h := put(t, s, bob, Meta{Name: "n"}, "x").Hash
		soon := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
		for _, err := range []error{
			s.SetTool(t.Context(), bob, h, " private\n"), s.SetKeywords(t.Context(), bob, h, []string{"k", "k"}),
			s.SetExpiration(t.Context(), bob, h, soon), s.SetName(t.Context(), bob, h, "/tmp/new.zip"), s.SetGroups(t.Context(), boss, h, []string{"red", "green"}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		f, err := s.Lookup(t.Context(), eve, h)
		if err != nil || f.Tool != Private || !slices.Equal(f.Keywords, []string{"k"}) || !f.Expires.Equal(soon) || f.Name != "new.zip" || !slices.Equal(f.Groups, []string{"green", "red"}) {
			t.Fatal(f, err)
		}
		for name, tc := range map[string]struct{ err, want error }{
			"foreign":        {s.SetKeywords(t.Context(), ann, h, nil), auth.ErrDenied},
			"invisible":      {s.SetKeywords(t.Context(), dan, h, nil), ErrNotFound},
			"missing":        {s.SetKeywords(t.Context(), bob, hashOf("y"), nil), ErrNotFound},
			"foreign group":  {s.SetGroups(t.Context(), bob, h, []string{"green"}), auth.ErrDenied},
			"no group":       {s.SetGroups(t.Context(), bob, h, nil), ErrInvalid},
			"empty tool":     {s.SetTool(t.Context(), bob, h, " "), ErrInvalid},
			"empty name":     {s.SetName(t.Context(), bob, h, ".."), ErrInvalid},
			"delete foreign": {s.Delete(t.Context(), ann, h), auth.ErrDenied},
			"delete hidden":  {s.Delete(t.Context(), dan, h), ErrNotFound},
			"delete missing": {s.DeleteID(t.Context(), boss, 1), ErrNotFound},
		} {
			if !errors.Is(tc.err, tc.want) {
				t.Errorf("%s: %v", name, tc.err)
			}
		}
	})
}

// TestToolOfSomebodyElsesFile is what ATAK does when it sends a package that is
// on the server already.
func TestToolOfSomebodyElsesFile(t *testing.T) {
	s := service(t, store.Config{}, nil)
	f := put(t, s, bob, Meta{Name: "n", Tool: Private}, "x")
	if err := s.SetTool(t.Context(), ann, f.Hash, Private); err != nil {
		t.Fatal(err)
	}
	if got := found(t, s, boss, Query{}); len(got) != 1 {
		t.Fatal("a record for nothing:", got)
	}
	if err := s.SetTool(t.Context(), may, f.Hash, Public); !errors.Is(err, auth.ErrDenied) {
		t.Fatal("a reader publishes:", err)
	}
	for range 2 {
		if err := s.SetTool(t.Context(), ann, f.Hash, Public); err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Search(t.Context(), ann, Query{Tool: Public})
		if err != nil || len(got) != 1 || got[0].Submitter != "ann" || !slices.Equal(got[0].Groups, []string{"blue", "red"}) {
			t.Fatal(got, err)
		}
	}
	if f, err := s.LookupID(t.Context(), bob, f.ID); err != nil || f.Tool != Private {
		t.Fatal("bob's has changed:", f, err)
	}
}

func TestContentGoesWithTheLastRecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		facts := s.bus.Subscribe(10)
		defer facts.Close()
		a, b := put(t, s, ann, Meta{}, "x"), put(t, s, bob, Meta{}, "x")
		if err := s.Delete(t.Context(), ann, a.Hash); err != nil {
			t.Fatal(err)
		}
		if c, _, err := s.Open(a.Hash); err != nil {
			t.Fatal("gone with the first:", err)
		} else {
			c.Close()
		}
		if err := s.DeleteID(t.Context(), boss, b.ID); err != nil {
			t.Fatal(err)
		}
		nothingLeft(t, s)
		var last []bool
		for range 4 {
			if c := (<-facts.C).Data.(Changed); c.Change == "deleted" {
				last = append(last, c.Last)
			}
		}
		if !slices.Equal(last, []bool{false, true}) {
			t.Fatal(last)
		}
	})
}

func TestManyUploadAndDeleteTheSame(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		var wg sync.WaitGroup
		for i := range 4 {
			id := member(fmt.Sprint("u", i), "red")
			wg.Go(func() {
				for range 8 {
					f, err := s.Put(t.Context(), id, Meta{Name: "n"}, strings.NewReader("same"))
					if err != nil {
						t.Error(err)
						return
					}
					if c, _, err := s.Open(f.Hash); err != nil {
						t.Error("a record without content:", err)
					} else {
						c.Close()
					}
					if err := s.Delete(t.Context(), id, f.Hash); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if _, err := s.orphans(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestBlobBeforeRow breaks uploads at the row: nothing may be left of them, and
// an older record of the same content keeps it.
func TestBlobBeforeRow(t *testing.T) {
	s := service(t, store.Config{}, nil)
	broken := errors.New("broken")
	fail := func() error {
		return s.keep(t.Context(), strings.NewReader("x"), 10, nil, func(_ context.Context, _ bun.Tx, b store.Blob) error {
			f, _, err := s.Open(b.Hash)
			if err != nil {
				t.Error("the row comes before the content:", err)
				return err
			}
			f.Close()
			return broken
		})
	}
	if err := fail(); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	nothingLeft(t, s)
	f := put(t, s, ann, Meta{}, "x")
	if err := fail(); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if c, _, err := s.Open(f.Hash); err != nil {
		t.Fatal(err)
	} else {
		c.Close()
	}
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service(t, store.Config{}, nil)
		put(t, s, ann, Meta{Name: "old", Expires: time.Now().Add(-time.Second)}, "old")
		put(t, s, ann, Meta{Name: "later", Expires: time.Now().Add(30 * time.Minute)}, "later")
		put(t, s, ann, Meta{Name: "never"}, "never")
		// A crash between blob and row leaves a blob that nothing names.
		for _, c := range []string{"orphan", "fresh"} {
			b, err := s.blobs.Put(t.Context(), strings.NewReader(c), 100)
			if err != nil {
				t.Fatal(err)
			}
			s.blobs.Unpin(b.Hash)
		}
		for _, c := range []string{"orphan", "never", "fresh"} {
			when := time.Now()
			if c != "fresh" {
				when = when.Add(-2 * orphanAge)
			}
			h := hashOf(c)
			if err := os.Chtimes(s.db.Dir()+"/blobs/"+h[:2]+"/"+h, when, when); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		have := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, c := range []string{"old", "later", "never", "orphan", "fresh"} {
				if f, _, err := s.Open(hashOf(c)); err == nil {
					f.Close()
					got = append(got, c)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("there are %q, not %q", got, want)
			}
		}
		have("later", "never", "fresh")
		time.Sleep(31 * time.Minute)
		have("never", "fresh")
		time.Sleep(2 * time.Hour)
		have("never")
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

func TestPrune(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		for i := range 4 {
			put(t, s, ann, Meta{Name: fmt.Sprint("p", i), Keywords: []string{"MissionPackage"}}, strings.Repeat("p", i+1))
			put(t, s, ann, Meta{Name: fmt.Sprint("f", i)}, strings.Repeat("f", i+1))
		}
		if u, err := s.Usage(t.Context(), true); err != nil || u.Count != 4 || u.Bytes != 10 {
			t.Fatal(u, err)
		}
		rule := Prune{Packages: true, KeepSize: 7, Keep: func(h string) bool { return h == hashOf("p") }, DryRun: true}
		for range 2 {
			got, err := s.Prune(t.Context(), rule)
			if err != nil || got.Count != 1 || got.Bytes != 2 || got.Oldest.IsZero() {
				t.Fatalf("%+v %v", got, err)
			}
			rule.DryRun = false
		}
		if got := found(t, s, boss, Query{Packages: true}); !slices.Equal(got, []string{"p0", "p2", "p3"}) {
			t.Fatal(got)
		}
		if got, err := s.Prune(t.Context(), Prune{Packages: true, KeepMost: 1, DryRun: true}); err != nil || got.Count != 2 || got.Bytes != 4 {
			t.Fatal(got, err)
		}
		if got, err := s.Prune(t.Context(), Prune{Before: time.Now().Add(time.Hour)}); err != nil || got.Count != 4 || got.Bytes != 10 {
			t.Fatal(got, err)
		}
		if got := found(t, s, boss, Query{}); !slices.Equal(got, []string{"p0", "p2", "p3"}) {
			t.Fatal(got)
		}
	})
}

func TestSequence(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := service(t, cfg, nil)
		for want := int64(1); want < 4; want++ {
			if n, err := s.Sequence(t.Context(), may, "k"); n != want || err != nil {
				t.Fatal(n, err)
			}
		}
		if n, err := s.Sequence(t.Context(), may, "other"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := s.Sequence(t.Context(), auth.Identity{}, "k"); !errors.Is(err, auth.ErrDenied) {
			t.Fatal(err)
		}
		if _, err := s.Sequence(t.Context(), may, strings.Repeat("x", 999)); !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	})
}

func TestIDsAreNotGivenAgain(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	s := on(t, db, nil)
	f := put(t, s, ann, Meta{}, "x")
	s.next.Store(f.ID + 1000)
	g := put(t, s, ann, Meta{}, "y")
	again := on(t, db, nil)
	if h := put(t, again, ann, Meta{}, "z"); h.ID <= g.ID {
		t.Fatal(h.ID, g.ID)
	}
}

func TestConfigValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Config)
		ok     bool
	}{
		{"default", func(*Config) {}, true},
		{"small", func(c *Config) { c.MaxSize = 1 }, false},
		{"huge", func(c *Config) { c.MaxSize = 1 << 50 }, false},
		{"total below one file", func(c *Config) { c.MaxTotal = c.MaxSize - 1 }, false},
		{"total", func(c *Config) { c.MaxTotal = 2 * c.MaxSize }, true},
	} {
		c := DefaultConfig()
		tc.change(&c)
		if err := c.Validate(); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestShare(t *testing.T) {
	s := service(t, store.Config{}, nil)
	f := put(t, s, ann, Meta{Name: `a"<b>.zip`, Place: &Place{1, 2, 3}}, "x")
	e := Share(f, "https://h:8443/Marti/sync/content?hash="+f.Hash, "S-1", "HQ & co", time.Now())
	el, ok := e.Child("fileshare")
	if e.Type != "b-f-t-r" || !ok || el.Attr("sha256") != f.Hash || el.Attr("sizeInBytes") != "1" || el.Attr("filename") != f.Filename ||
		el.Attr("senderCallsign") != "HQ & co" || el.Attr("senderUrl") != "https://h:8443/Marti/sync/content?hash="+f.Hash || e.Point.Lat != 1 {
		t.Fatal(string(e.AppendXML(nil)))
	}
	if ack, ok := e.Child("ackrequest"); !ok || ack.Attr("ackrequested") != "true" {
		t.Fatal(string(e.AppendXML(nil)))
	}
	if bytes.Contains(e.AppendXML(nil), []byte("<b>")) {
		t.Fatal("not escaped")
	}
}

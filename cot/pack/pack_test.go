package pack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/cot/wire"
)

func open(t *testing.T, b []byte) *Archive {
	t.Helper()
	a, err := Open(bytes.NewReader(b), int64(len(b)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPackageRoundTrip(t *testing.T) {
	b := Builder{UID: "u-1", Name: `obs "3" <ä>`, OnReceiveDelete: true, Params: []Param{{"remarks", "a\nb"}}}
	b.Add("a/a.cot", []byte("<event/>"), Param{"uid", "a"}, Param{"isCoT", "true"})
	b.AddFile("b/bild ä.jpg", func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat("x", 100_000))), nil
	})
	zip1, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	zip2, err := b.Bytes()
	if err != nil || !bytes.Equal(zip1, zip2) {
		t.Fatal("the same content gives other bytes", err)
	}
	a := open(t, zip1)
	if want := []string{ManifestName, "a/a.cot", "b/bild ä.jpg"}; !slices.Equal(a.Names(), want) {
		t.Fatal(a.Names())
	}
	if got, err := a.Read("b/bild ä.jpg", 1<<20); err != nil || len(got) != 100_000 || a.Size("b/bild ä.jpg") != 100_000 {
		t.Fatal(len(got), err)
	}
	if _, err := a.Read("b/bild ä.jpg", 99_999); !errors.Is(err, ErrArchive) {
		t.Fatal("over the limit:", err)
	}
	if _, err := a.Read("c", 1); !errors.Is(err, ErrNoEntry) {
		t.Fatal(err)
	}
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	want := Manifest{
		UID: "u-1", Name: `obs "3" <ä>`, OnReceiveDelete: true, OnReceiveImport: true,
		Params:   []Param{{"uid", "u-1"}, {"name", `obs "3" <ä>`}, {"onReceiveDelete", "true"}, {"onReceiveImport", "true"}, {"remarks", "a\nb"}},
		Contents: []Content{{Path: "a/a.cot", Params: []Param{{"uid", "a"}, {"isCoT", "true"}}}, {Path: "b/bild ä.jpg"}},
	}
	if d := cmp.Diff(want, m); d != "" {
		t.Fatal(d)
	}
	if m.Contents[0].Param("isCoT") != "true" || m.Contents[1].Param("uid") != "" {
		t.Fatal("Param")
	}
}

func TestEmptyUIDIsMadeFromTheContent(t *testing.T) {
	uid := func(name, file string) string {
		b := Builder{Name: name}
		b.Add(file, nil)
		z, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		m, err := open(t, z).Manifest()
		if err != nil {
			t.Fatal(err)
		}
		return m.UID
	}
	first := uid("a", "x")
	if again := uid("a", "x"); first != again || first == uid("b", "x") || first == uid("a", "y") || len(first) != 36 {
		t.Fatal(first, again)
	}
}

func TestBuilderRefusesNames(t *testing.T) {
	for _, name := range []string{"", "/a", "../a", "a/../../b", "a//b", `a\b`, "a\x00", "a\nb", ".", "a/", "C:a", strings.Repeat("a", 600), "\xff"} {
		b := Builder{}
		b.Add(name, nil)
		if _, err := b.Bytes(); err == nil {
			t.Errorf("%q", name)
		}
	}
	b := Builder{}
	b.Add("a", nil)
	b.Add("a", nil)
	if _, err := b.Bytes(); err == nil {
		t.Error("twice")
	}
}

// raw makes a zip whose headers are as given.
func raw(t testing.TB, headers []*zip.FileHeader, bodies []string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i, h := range headers {
		w, err := z.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, bodies[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func stored(name, data string) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(data)), CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data))}
}

func deflated(t testing.TB, data []byte) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOpenRefuses(t *testing.T) {
	link := stored("link", "/etc/passwd")
	link.SetMode(fs.ModeSymlink | 0o777)
	device := stored("dev", "")
	device.SetMode(fs.ModeDevice)
	secret := stored("a", "x")
	secret.Flags |= 1
	lzma := stored("a", "x")
	lzma.Method = 14
	bomb := deflated(t, make([]byte, 16<<20))
	huge := stored("a", "x")
	huge.UncompressedSize64 = 1 << 40
	many, none := make([]*zip.FileHeader, 2001), make([]string, 2001)
	for i := range many {
		many[i] = stored(fmt.Sprint(i), "")
	}
	for _, tc := range []struct {
		name    string
		headers []*zip.FileHeader
		bodies  []string
	}{
		{"parent", []*zip.FileHeader{stored("../../x", "x")}, []string{"x"}},
		{"parent inside", []*zip.FileHeader{stored("a/../../x", "x")}, []string{"x"}},
		{"parent by backslash", []*zip.FileHeader{stored(`..\x`, "x")}, []string{"x"}},
		{"absolute", []*zip.FileHeader{stored("/etc/passwd", "x")}, []string{"x"}},
		{"drive", []*zip.FileHeader{stored(`C:\x`, "x")}, []string{"x"}},
		{"empty name", []*zip.FileHeader{stored("", "x")}, []string{"x"}},
		{"null in a name", []*zip.FileHeader{stored("a\x00b", "x")}, []string{"x"}},
		{"line break in a name", []*zip.FileHeader{stored("a\nb", "x")}, []string{"x"}},
		{"no UTF-8", []*zip.FileHeader{stored("a\xff", "x")}, []string{"x"}},
		{"long name", []*zip.FileHeader{stored(strings.Repeat("a", 1000), "x")}, []string{"x"}},
		{"twice", []*zip.FileHeader{stored("a", "x"), stored("a", "x")}, []string{"x", "x"}},
		{"twice by backslash", []*zip.FileHeader{stored("a/b", "x"), stored(`a\b`, "x")}, []string{"x", "x"}},
		{"symlink", []*zip.FileHeader{link}, []string{"/etc/passwd"}},
		{"device", []*zip.FileHeader{device}, []string{""}},
		{"encrypted", []*zip.FileHeader{secret}, []string{"x"}},
		{"other method", []*zip.FileHeader{lzma}, []string{"x"}},
		{"bomb", []*zip.FileHeader{{Name: "a", Method: zip.Deflate, CompressedSize64: uint64(len(bomb)), UncompressedSize64: 16 << 20}}, []string{bomb}},
		{"huge by its word", []*zip.FileHeader{huge}, []string{"x"}},
		{"too many", many, none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := raw(t, tc.headers, tc.bodies)
			if _, err := Open(bytes.NewReader(b), int64(len(b)), DefaultLimits()); !errors.Is(err, ErrArchive) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestOpenRefusesFoldersWithContent(t *testing.T) {
	b := bytes.ReplaceAll(raw(t, []*zip.FileHeader{stored("a_", "x")}, []string{"x"}), []byte("a_"), []byte("a/"))
	if _, err := Open(bytes.NewReader(b), int64(len(b)), DefaultLimits()); !errors.Is(err, ErrArchive) {
		t.Fatal(err)
	}
}

func TestOpenRefusesTooMuchInAll(t *testing.T) {
	b := raw(t, []*zip.FileHeader{stored("a", "12345"), stored("b", "12345")}, []string{"12345", "12345"})
	l := DefaultLimits()
	l.Total = 9
	if _, err := Open(bytes.NewReader(b), int64(len(b)), l); !errors.Is(err, ErrArchive) {
		t.Fatal(err)
	}
	l.Total = 10
	if _, err := Open(bytes.NewReader(b), int64(len(b)), l); err != nil {
		t.Fatal(err)
	}
}

// TestOverlap points two directory entries at the same data.
func TestOverlap(t *testing.T) {
	b := raw(t, []*zip.FileHeader{stored("aa", "12345"), stored("bb", "12345")}, []string{"12345", "12345"})
	// The directory entry of bb gets the offset of aa's header.
	i := bytes.LastIndex(b, []byte("PK\x01\x02"))
	copy(b[i+42:], []byte{0, 0, 0, 0})
	if _, err := Open(bytes.NewReader(b), int64(len(b)), DefaultLimits()); !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), "overlap") {
		t.Fatal(err)
	}
}

// counting counts what is read.
type counting struct {
	io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// TestLongDirectoryIsNotRead has 60,000 entries more than the end of the archive
// says, which a reader finds out only when it has read them.
func TestLongDirectoryIsNotRead(t *testing.T) {
	const n = 65536 + 10
	dir := new(bytes.Buffer)
	entry := append([]byte("PK\x01\x02"), make([]byte, 42)...)
	entry[28] = 200 // length of the name
	entry = append(entry, bytes.Repeat([]byte("n"), 200)...)
	for range n {
		dir.Write(entry)
	}
	size := dir.Len()
	end := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	end[8], end[10] = 10, 10
	for i := range 4 {
		end[12+i] = byte(size >> (8 * i))
	}
	dir.Write(end)
	c := &counting{ReaderAt: bytes.NewReader(dir.Bytes())}
	if _, err := Open(c, int64(dir.Len()), DefaultLimits()); !errors.Is(err, ErrArchive) {
		t.Fatal(err)
	}
	if c.n > 4<<20 {
		t.Fatalf("%d bytes were read", c.n)
	}
}

func TestReadFindsWhatDirectoriesLieAbout(t *testing.T) {
	body := deflated(t, bytes.Repeat([]byte("a"), 1000))
	for _, tc := range []struct {
		name string
		size uint64
		crc  uint32
	}{
		{"shorter than it is", 500, crc32.ChecksumIEEE(bytes.Repeat([]byte("a"), 500))},
		{"longer than it is", 2000, crc32.ChecksumIEEE(bytes.Repeat([]byte("a"), 1000))},
		{"wrong checksum", 1000, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &zip.FileHeader{Name: "a", Method: zip.Deflate, CRC32: tc.crc, CompressedSize64: uint64(len(body)), UncompressedSize64: tc.size}
			if _, err := open(t, raw(t, []*zip.FileHeader{h}, []string{body})).Read("a", 1<<20); !errors.Is(err, ErrArchive) {
				t.Fatal(err)
			}
		})
	}
}

func TestBackslashesOfWindowsAreSlashes(t *testing.T) {
	m := `<MissionPackageManifest version="2"><Configuration/><Contents><Content ignore="true" zipEntry="a\b.cot"/></Contents></MissionPackageManifest>`
	a := open(t, raw(t, []*zip.FileHeader{stored(`manifest\Manifest.XML`, m), stored(`a\b.cot`, "x")}, []string{m, "x"}))
	got, err := a.Manifest()
	if err != nil || len(got.Contents) != 1 || !got.Contents[0].Ignore || got.Contents[0].Path != "a/b.cot" {
		t.Fatal(got, err)
	}
	if _, err := a.Read("a/b.cot", 10); err != nil {
		t.Fatal(err)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"empty":           "",
		"no XML":          "MANIFEST",
		"other root":      "<a/>",
		"DOCTYPE":         `<!DOCTYPE x [<!ENTITY a "b">]><MissionPackageManifest/>`,
		"traversal":       `<MissionPackageManifest><Contents><Content zipEntry="../../x"/></Contents></MissionPackageManifest>`,
		"absolute":        `<MissionPackageManifest><Contents><Content zipEntry="/x"/></Contents></MissionPackageManifest>`,
		"no path":         `<MissionPackageManifest><Contents><Content/></Contents></MissionPackageManifest>`,
		"not closed":      `<MissionPackageManifest>`,
		"unknown entity":  `<MissionPackageManifest>&a;</MissionPackageManifest>`,
		"deep":            strings.Repeat("<MissionPackageManifest>", 100) + strings.Repeat("</MissionPackageManifest>", 100),
		"many attributes": "<MissionPackageManifest" + strings.Repeat(` a="b"`, 100) + "/>",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseManifest([]byte(s)); !errors.Is(err, ErrArchive) {
				t.Fatal(err)
			}
		})
	}
}

func TestFileName(t *testing.T) {
	for in, want := range map[string]string{
		"obs-3.zip": "obs-3.zip", "../../x": "x", `..\..\x.zip`: "x.zip", "/etc/passwd": "passwd", "a\x00b\r\n.zip": "ab.zip", "": "", "..": "", "a/": "",
		`a"b.zip`: "ab.zip", "bild ä.jpg": "bild ä.jpg", ".htaccess": "htaccess", strings.Repeat("ä", 200): strings.Repeat("ä", 100), "a\u202egpj.exe": "agpj.exe",
	} {
		if got := FileName(in); got != want {
			t.Errorf("%q: %q, not %q", in, got, want)
		}
	}
}

func TestEntryCheck(t *testing.T) {
	for _, tc := range []struct {
		e  Entry
		ok bool
	}{
		{Text("k", "ä"), true}, {Flag("k", true), true}, {Number("k", -5), true}, {Entry{"k", Long, "9223372036854775807"}, true}, {Entry{"k", Float, "1.5"}, true},
		{Entry{"", String, "x"}, false}, {Entry{"k", "set", "x"}, false}, {Entry{"k", Boolean, "yes"}, false}, {Entry{"k", Integer, "2147483648"}, false},
		{Entry{"k", Long, "x"}, false}, {Entry{"k", Float, "x"}, false}, {Entry{"k", String, "\xff"}, false},
	} {
		if err := tc.e.Check(); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc.e, err)
		}
	}
}

// values reads the entries of a preference file.
func values(t *testing.T, b []byte) map[string]string {
	t.Helper()
	root, err := wire.ParseElement(b, wire.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b {
		if c > '~' {
			t.Fatal("it is not ASCII")
		}
	}
	out := make(map[string]string)
	for p := range root.Children() {
		for e := range p.Children() {
			out[p.Attr("name")+" "+e.Attr("key")] = strings.TrimPrefix(e.Attr("class"), "class java.lang.") + " " + e.Text()
		}
	}
	return out
}

func TestConnectionPackages(t *testing.T) {
	c := Connection{
		Host: "tak.example.net", Description: "Übung & Co", Callsign: "FALKE 2 <ä>", Team: "Cyan", Role: "Team Member",
		ClientName: "falke2", Client: []byte("CLIENT"), ClientPassword: "atakatak", Trust: []byte("TRUST"), TrustPassword: "pw",
		Extra: []Entry{Flag("deviceProfileEnableOnConnect", true)},
	}
	const s, p = PrefsServers + " ", PrefsApp + " "
	common := map[string]string{
		s + "count": "Integer 1", s + "description0": "String Übung & Co", s + "enabled0": "Boolean true",
		s + "connectString0": "String tak.example.net:8089:ssl", s + "caLocation0": "String cert/truststore.p12", s + "caPassword0": "String pw",
		s + "cacheCreds0": "String Cache credentials", p + "displayServerConnectionWidget": "Boolean true",
		p + "caLocation": "String cert/truststore.p12", p + "caPassword": "String pw", p + "locationCallsign": "String FALKE 2 <ä>",
		p + "locationTeam": "String Cyan", p + "atakRoleType": "String Team Member", p + "deviceProfileEnableOnConnect": "Boolean true",
	}
	certificate := map[string]string{
		s + "certificateLocation0": "String cert/falke2.p12", s + "clientPassword0": "String atakatak", s + "useAuth0": "Boolean false",
		s + "enrollForCertificateWithTrust0": "Boolean false", p + "certificateLocation": "String cert/falke2.p12", p + "clientPassword": "String atakatak",
	}
	enrol := map[string]string{s + "useAuth0": "Boolean true", s + "enrollForCertificateWithTrust0": "Boolean true"}
	for _, tc := range []struct {
		name    string
		make    func() ([]byte, error)
		entries []string
		prefs   string
		more    map[string]string
	}{
		{"ATAK", c.ATAK, []string{ManifestName, "certs/connection.pref", "certs/truststore.p12", "certs/falke2.p12"}, "certs/connection.pref", certificate},
		{"iTAK", c.ITAK, []string{"config.pref", "cert/truststore.p12", "cert/falke2.p12"}, "config.pref", certificate},
		{"enrolment", c.Enroll, []string{ManifestName, "certs/enrolment.pref", "certs/truststore.p12"}, "certs/enrolment.pref", enrol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := tc.make()
			if err != nil {
				t.Fatal(err)
			}
			again, err := tc.make()
			if err != nil || !bytes.Equal(b, again) {
				t.Fatal("it is not the same twice", err)
			}
			a := open(t, b)
			if !slices.Equal(a.Names(), tc.entries) {
				t.Fatal(a.Names())
			}
			text, err := a.Read(tc.prefs, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]string)
			for _, m := range []map[string]string{common, tc.more} {
				for k, v := range m {
					want[k] = v
				}
			}
			if d := cmp.Diff(want, values(t, text)); d != "" {
				t.Fatal(d)
			}
			if m, err := a.Manifest(); err == nil && len(m.Contents) != len(tc.entries)-1 {
				t.Fatal("the manifest does not list all entries:", m)
			}
		})
	}
}

func TestConnectionRefuses(t *testing.T) {
	good := Connection{Host: "h", Client: []byte("c"), Trust: []byte("t")}
	for name, change := range map[string]func(*Connection){
		"no host":        func(c *Connection) { c.Host = "" },
		"space in host":  func(c *Connection) { c.Host = "a b" },
		"no client":      func(c *Connection) { c.Client = nil },
		"no trust":       func(c *Connection) { c.Trust = nil },
		"bad preference": func(c *Connection) { c.Extra = []Entry{{"k", Boolean, "x"}} },
	} {
		c := good
		change(&c)
		if _, err := c.ATAK(); err == nil {
			t.Error(name)
		}
	}
	good.ClientName = "../../evil"
	b, err := good.ATAK()
	if err != nil || open(t, b).Size("certs/evil.p12") != 1 {
		t.Fatal(err)
	}
	good.Host = "2001:db8::1"
	b, err = good.Enroll()
	if err != nil {
		t.Fatal(err)
	}
	text, err := open(t, b).Read("certs/enrolment.pref", 1<<20)
	if err != nil || !strings.Contains(string(text), "[2001:db8::1]:8089:ssl") {
		t.Fatal(string(text), err)
	}
}

func FuzzArchive(f *testing.F) {
	b := Builder{Name: "n"}
	b.Add("a/a.cot", []byte("<event/>"), Param{"uid", "a"})
	good, err := b.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(raw(f, []*zip.FileHeader{stored("../x", "x")}, []string{"x"}))
	f.Add(raw(f, []*zip.FileHeader{stored("a", "x"), stored("b/c", "yy")}, []string{"x", "yy"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Entries: 20, Entry: 1 << 16, Total: 1 << 18, Ratio: 100})
		if err != nil {
			if !errors.Is(err, ErrArchive) {
				t.Fatal(err)
			}
			return
		}
		var total int
		for _, n := range a.Names() {
			if !LocalName(n) || !filepath.IsLocal(n) {
				t.Fatalf("%q", n)
			}
			data, err := a.Read(n, 1<<16)
			if err == nil && int64(len(data)) != a.Size(n) {
				t.Fatal("size")
			}
			total += len(data)
		}
		if total > 1<<18 {
			t.Fatal("too much")
		}
		_, _ = a.Manifest() // must not panic
	})
}

func FuzzManifest(f *testing.F) {
	b := Builder{Name: "n"}
	b.Add("a/a.cot", nil, Param{"uid", "a"})
	f.Add(b.manifest())
	f.Add([]byte(`<MissionPackageManifest><Contents><Content zipEntry="a\b" ignore="TRUE"/></Contents></MissionPackageManifest>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		for _, c := range m.Contents {
			if !LocalName(c.Path) {
				t.Fatalf("%q", c.Path)
			}
		}
	})
}

func FuzzFileName(f *testing.F) {
	f.Add("../../x")
	f.Add("a\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		n := FileName(s)
		if n == "" {
			return
		}
		if len(n) > 200 || !LocalName(n) || strings.ContainsRune(n, os.PathSeparator) {
			t.Fatalf("%q", n)
		}
		if FileName(n) != n {
			t.Fatalf("%q is %q the second time", n, FileName(n))
		}
	})
}

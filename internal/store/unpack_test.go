package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// archive builds a backup whose manifest lists files and whose tar has body.
func archive(t testing.TB, m manifest, body []*tar.Header, data []string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	arc := tar.NewWriter(zip)
	head, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	write := func(h *tar.Header, b string) {
		if err := arc.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := arc.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	write(&tar.Header{Name: manifestName, Size: int64(len(head)), Mode: 0o600}, string(head))
	for i, h := range body {
		h.Size = int64(len(data[i]))
		write(h, data[i])
	}
	if err := errors.Join(arc.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func sum(s string) string {
	b := sha256.Sum256([]byte(s))
	return hex.EncodeToString(b[:])
}

func listing(name, data string) manifest {
	return manifest{Format: formatName, Version: 1, Schema: 1, Files: []entry{{Name: name, Size: int64(len(data)), SHA256: sum(data)}}}
}

func TestUnpackRefuses(t *testing.T) {
	const data = "hello"
	for _, tc := range []struct {
		name string
		m    manifest
		body []*tar.Header
		ok   bool
	}{
		{"good file", listing("files/pki/ca.pem", data), []*tar.Header{{Name: "files/pki/ca.pem"}}, true},
		{"good table", listing("tables/users.jsonl", data), []*tar.Header{{Name: "tables/users.jsonl"}}, true},
		{"parent", listing("files/../../x", data), []*tar.Header{{Name: "files/../../x"}}, false},
		{"parent inside pki", listing("files/pki/../../../x", data), []*tar.Header{{Name: "files/pki/../../../x"}}, false},
		{"absolute", listing("/etc/x", data), []*tar.Header{{Name: "/etc/x"}}, false},
		{"other file", listing("files/muster.db", data), []*tar.Header{{Name: "files/muster.db"}}, false},
		{"file as directory", listing("files/secret.key/x", data), []*tar.Header{{Name: "files/secret.key/x"}}, false},
		{"directory as file", listing("files/pki", data), []*tar.Header{{Name: "files/pki"}}, false},
		{"nested table", listing("tables/a/b.jsonl", data), []*tar.Header{{Name: "tables/a/b.jsonl"}}, false},
		{"backslash", listing(`files/pki\x`, data), []*tar.Header{{Name: `files/pki\x`}}, false},
		{"symlink", listing("files/pki/a", ""), []*tar.Header{{Name: "files/pki/a", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, false},
		{"name differs", listing("files/pki/a", data), []*tar.Header{{Name: "files/pki/b"}}, false},
		{"checksum differs", listing("files/pki/a", "HELLO"), []*tar.Header{{Name: "files/pki/a"}}, false},
		{"good blob", listing("files/blobs/2c/"+sum(data), data), []*tar.Header{{Name: "files/blobs/2c/" + sum(data)}}, true},
		{"blob in the wrong folder", listing("files/blobs/2d/"+sum(data), data), []*tar.Header{{Name: "files/blobs/2d/" + sum(data)}}, false},
		{"blob with another name", listing("files/blobs/2c/"+sum("x"), data), []*tar.Header{{Name: "files/blobs/2c/" + sum("x")}}, false},
		{"blob above its folder", listing("files/blobs/../"+sum(data), data), []*tar.Header{{Name: "files/blobs/../" + sum(data)}}, false},
		{"blob folder as file", listing("files/blobs", data), []*tar.Header{{Name: "files/blobs"}}, false},
		{"other file among blobs", listing("files/blobs/x", data), []*tar.Header{{Name: "files/blobs/x"}}, false},
		{"missing", listing("files/pki/a", data), nil, false},
		{"not listed", manifest{Format: formatName, Version: 1, Schema: 1}, []*tar.Header{{Name: "files/pki/a"}}, false},
		{"other format", manifest{Format: "zip", Version: 1, Schema: 1}, nil, false},
		{"newer format", manifest{Format: formatName, Version: 99, Schema: 1}, nil, false},
		{"negative size", manifest{Format: formatName, Version: 1, Schema: 1, Files: []entry{{Name: "files/pki/a", Size: -1}}}, nil, false},
		{"huge size", manifest{Format: formatName, Version: 1, Schema: 1, Files: []entry{{Name: "files/pki/a", Size: 1 << 40}}}, nil, false},
		{"twice", manifest{Format: formatName, Version: 1, Schema: 1, Files: []entry{{Name: "files/pki/a"}, {Name: "files/pki/a"}}}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			contents := []string{data}
			if len(tc.body) > 0 && tc.body[0].Typeflag == tar.TypeSymlink {
				contents = []string{""}
			}
			arc := archive(t, tc.m, tc.body, contents)
			top := t.TempDir()
			dir := filepath.Join(top, "in")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			_, err = unpack(t.Context(), bytes.NewReader(arc), root)
			if (err == nil) != tc.ok {
				t.Fatalf("got %v", err)
			}
			if found, _ := os.ReadDir(top); len(found) != 1 {
				t.Fatalf("written outside: %v", found)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, listing("files/pki/a", "x"), []*tar.Header{{Name: "files/pki/a"}}, []string{"x"}))
	f.Add(archive(f, listing("tables/users.jsonl", "{}\n"), []*tar.Header{{Name: "tables/users.jsonl"}}, []string{"{}\n"}))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		top := t.TempDir()
		root, err := os.OpenRoot(top)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		m, err := unpack(t.Context(), bytes.NewReader(b), root)
		if err != nil {
			return
		}
		n := 0
		filepath.WalkDir(top, func(_ string, e fs.DirEntry, _ error) error {
			if !e.IsDir() {
				n++
			}
			return nil
		})
		if n != len(m.Files) {
			t.Fatalf("%d files for %d entries", n, len(m.Files))
		}
	})
}

func FuzzParseRow(f *testing.F) {
	cols := []column{{"a", "text"}, {"b", "bigint"}, {"c", "boolean"}, {"d", "double precision"}}
	f.Add([]byte(`{"a":"x","b":1,"c":true,"d":1.5}`))
	f.Add([]byte(`{"a":null,"b":1e3,"c":0,"d":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseRow(b, cols)
		if err == nil && len(v) != len(cols) {
			t.Fatal("wrong number of values")
		}
	})
}

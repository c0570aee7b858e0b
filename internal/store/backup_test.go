package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/internal/store"
	"muster/internal/store/storetest"
)

func populate(t *testing.T, db *store.DB) {
	t.Helper()
	for i, name := range []string{"ann", "bö\"b';--\n", "数據\u2028", ""} {
		id := fmt.Sprint("u", i)
		exec1(t, db, "INSERT INTO users (id, name, name_key, full_name, notes, role, disabled, password, stamp, created) VALUES (?, ?, ?, ?, '', 'member', ?, 'h', ?, ?)", id, name, id, name, i%2 == 0, int64(1)<<60+int64(i), -1)
		exec1(t, db, "INSERT INTO devices (fingerprint, serial, user_id, user_name, name, issued, expires, revoked) VALUES (?, 's', ?, ?, '', 1, 2, 0)", "f"+id, id, name)
		exec1(t, db, "INSERT INTO digests VALUES (?, 'x')", id)
	}
	exec1(t, db, "INSERT INTO devices (fingerprint, serial, user_id, user_name, name, issued, expires, revoked) VALUES ('orphan', 's', NULL, 'gone', '', 1, 2, 3)")
	if _, err := db.Key("x"); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"pki/ca.key": "KEY", "pki/issued/ann.pem": "CERT", "recordings/a.mp4": "not for the backup"} {
		path := filepath.Join(db.Dir(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(db.Dir(), "pki", "link")); err != nil {
		t.Fatal(err)
	}
}

// content reads back what populate wrote, in a form both databases share.
func content(t *testing.T, db *store.DB) []string {
	t.Helper()
	var out []string
	rows, err := db.Query().Query("SELECT u.id, u.name, u.disabled, u.stamp, u.created, x.sealed FROM users u JOIN digests x ON x.user_id = u.id ORDER BY u.id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, name, sealed string
		var disabled bool
		var stamp, created int64
		if err := rows.Scan(&id, &name, &disabled, &stamp, &created, &sealed); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %q %v %d %d %s", id, name, disabled, stamp, created, sealed))
	}
	devices, err := db.Query().Query("SELECT fingerprint, user_id IS NULL, revoked FROM devices ORDER BY fingerprint")
	if err != nil {
		t.Fatal(err)
	}
	defer devices.Close()
	for devices.Next() {
		var fp string
		var orphan bool
		var revoked int64
		if err := devices.Scan(&fp, &orphan, &revoked); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(fp, orphan, revoked))
	}
	err = filepath.WalkDir(db.Dir(), func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(db.Dir(), path)
		if err != nil || !e.Type().IsRegular() || filepath.Dir(rel) == "." && rel != "secret.key" || filepath.Dir(rel) == "recordings" {
			return err
		}
		b, err := os.ReadFile(path)
		out = append(out, fmt.Sprintf("%s %x", rel, b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBackupRestore(t *testing.T) {
	for _, from := range storetest.Dialects() {
		for _, to := range storetest.Dialects() {
			t.Run(from+" to "+to, func(t *testing.T) {
				src := storetest.Open(t, storetest.Config(t, from))
				populate(t, src)
				var arc bytes.Buffer
				if err := src.Backup(t.Context(), &arc); err != nil {
					t.Fatal(err)
				}
				backup := arc.Bytes()

				cfg, dir := storetest.Config(t, to), filepath.Join(t.TempDir(), "new")
				if err := store.Restore(t.Context(), bytes.NewReader(backup), cfg, dir, quiet); err != nil {
					t.Fatal(err)
				}
				again := store.Restore(t.Context(), bytes.NewReader(backup), cfg, dir, quiet)
				if !errors.Is(again, store.ErrNotEmpty) {
					t.Fatalf("restored over data: %v", again)
				}
				if cfg.DSN != "" {
					err := store.Restore(t.Context(), bytes.NewReader(backup), cfg, t.TempDir(), quiet)
					if !errors.Is(err, store.ErrNotEmpty) {
						t.Fatalf("restored over a database: %v", err)
					}
				}
				db, err := store.Open(t.Context(), cfg, dir, quiet)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				want, got := content(t, src), content(t, db)
				if d := cmp.Diff(want, got); d != "" {
					t.Fatal(d)
				}
				if len(want) != 4+5+3 {
					t.Fatalf("test looks at too little: %q", want)
				}
				for _, leftover := range []string{".restore-*", ".backup-*", "running"} {
					found, _ := filepath.Glob(filepath.Join(dir, leftover))
					if len(found) > 0 && leftover != "running" {
						t.Fatalf("left over: %q", found)
					}
				}
			})
		}
	}
}

func TestRestoreWhileOpen(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	err := store.Restore(t.Context(), bytes.NewReader(nil), store.Config{}, db.Dir(), quiet)
	if !errors.Is(err, store.ErrInUse) {
		t.Fatal(err)
	}
}

// TestRestoreAfterCut runs out of archive at many places; each time nothing must
// be left that stops the next try.
func TestRestoreAfterCut(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	populate(t, db)
	var arc bytes.Buffer
	if err := db.Backup(t.Context(), &arc); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	whole := arc.Bytes()
	for n := 0; n < len(whole); n += 97 {
		if err := store.Restore(t.Context(), bytes.NewReader(whole[:n]), store.Config{}, dir, quiet); err == nil {
			t.Fatalf("%d of %d bytes are accepted", n, len(whole))
		}
	}
	for _, at := range []int{len(whole) / 2, len(whole) - 5} {
		bad := bytes.Clone(whole)
		bad[at] ^= 0xff // all of it: single bits may be padding between deflate blocks
		if err := store.Restore(t.Context(), bytes.NewReader(bad), store.Config{}, dir, quiet); err == nil {
			t.Fatalf("byte %d of %d is wrong and accepted", at, len(whole))
		}
	}
	if err := store.Restore(t.Context(), bytes.NewReader(whole), store.Config{}, dir, quiet); err != nil {
		t.Fatal(err)
	}
}

func TestBackupInTheMiddleOfWrites(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprint(i)
				if _, err := db.Query().Exec("SELECT 1"); err != nil {
					t.Error(err)
				}
				exec1(t, db, "INSERT INTO users (id, name, name_key, full_name, notes, role, disabled, password, stamp, created) VALUES (?, ?, ?, '', '', 'member', ?, '', 0, 0)", id, id, id, false)
				exec1(t, db, "INSERT INTO digests VALUES (?, 'x')", id)
			}
		}()
		for range 3 {
			var arc bytes.Buffer
			if err := db.Backup(t.Context(), &arc); err != nil {
				t.Fatal(err)
			}
			// A backup of two moments would break the foreign key.
			if err := store.Restore(t.Context(), &arc, store.Config{}, t.TempDir(), quiet); err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		<-ended
	})
}

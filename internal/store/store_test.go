package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"muster/internal/store"
	"muster/internal/store/storetest"
)

const childEnv = "MUSTER_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		writeForever(dir)
	}
	code := m.Run()
	storetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var quiet = slog.New(slog.DiscardHandler)

func addUser(ctx context.Context, tx bun.Tx, id string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO users (id, name, name_key, full_name, notes, role, disabled, password, stamp, created) VALUES (?, ?, ?, '', '', 'member', ?, '', 0, 1)",
		id, id, id, false)
	return err
}

func exec1(t *testing.T, db *store.DB, query string, args ...any) {
	t.Helper()
	err := db.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// eachEmpty runs test once per database, which has no tables.
func eachEmpty(t *testing.T, test func(t *testing.T, cfg store.Config)) {
	for _, name := range storetest.Dialects() {
		t.Run(name, func(t *testing.T) { test(t, storetest.Config(t, name)) })
	}
}

func TestOpenAgain(t *testing.T) {
	eachEmpty(t, func(t *testing.T, cfg store.Config) {
		dir := filepath.Join(t.TempDir(), "data")
		for i := range 3 {
			db, err := store.Open(t.Context(), cfg, dir, quiet)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Open(t.Context(), cfg, dir, quiet); !errors.Is(err, store.ErrInUse) {
				t.Fatalf("opened twice: %v", err)
			}
			if err := db.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			err = db.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error { return addUser(ctx, tx, fmt.Sprint("u", i)) })
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "running")); !os.IsNotExist(err) {
			t.Fatalf("the mark is left: %v", err)
		}
		if cfg.DSN == "" {
			fi, err := os.Stat(filepath.Join(dir, "muster.db"))
			if err != nil || fi.Mode().Perm() != 0o600 {
				t.Fatalf("%v %v", fi.Mode(), err)
			}
		}
	})
}

func TestWritersDoNotCollide(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		err := db.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error { return addUser(ctx, tx, "u") })
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		const writers, each = 4, 10
		for range writers {
			wg.Go(func() {
				for range each {
					err := db.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
						var n int64
						if err := tx.QueryRowContext(ctx, "SELECT stamp FROM users WHERE id = 'u'").Scan(&n); err != nil {
							return err
						}
						_, err := tx.ExecContext(ctx, "UPDATE users SET stamp = ? WHERE id = 'u'", n+1)
						return err
					})
					if err != nil {
						t.Error(err)
					}
					if err := db.Ping(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var n int64
		if err := db.Query().QueryRow("SELECT stamp FROM users").Scan(&n); err != nil || n != writers*each {
			t.Fatalf("%d, %v", n, err)
		}
	})
}

func TestUniqueAndRollback(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		err := db.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			return errors.Join(addUser(ctx, tx, "a"), addUser(ctx, tx, "a"))
		})
		if !store.IsUnique(err) {
			t.Fatalf("%v is not recognised", err)
		}
		var n int
		if err := db.Query().QueryRow("SELECT count(*) FROM users").Scan(&n); err != nil || n != 0 {
			t.Fatalf("%d rows, %v", n, err)
		}
		if store.IsUnique(sql.ErrNoRows) {
			t.Fatal("IsUnique of something else")
		}
	})
}

func TestQueryCannotWriteSQLite(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	if _, err := db.Query().Exec("DELETE FROM users"); err == nil {
		t.Fatal("it can")
	}
}

func TestKey(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	a, err := db.Key("a")
	if err != nil || len(a) != 32 {
		t.Fatal(err)
	}
	again, _ := db.Key("a")
	b, _ := db.Key("b")
	if string(a) != string(again) || string(a) == string(b) {
		t.Fatal("keys")
	}
	path := filepath.Join(db.Dir(), "secret.key")
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatal(fi, err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Key("a"); err == nil {
		t.Fatal("a broken key file is accepted")
	}
}

func TestConfigValidate(t *testing.T) {
	for _, tc := range []struct {
		dsn string
		ok  bool
	}{
		{"", true},
		{"postgres://u:p@localhost/muster", true},
		{"mysql://u:hunter2@localhost/muster", false},
		{"postgres://u:hunter2@localhost:port/muster", false},
	} {
		err := store.Config{DSN: tc.dsn}.Validate()
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.dsn, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
	}
}

// TestDamaged breaks the file of a server that was killed.
func TestDamaged(t *testing.T) {
	for _, tc := range []struct {
		name    string
		at      int64
		unclean bool
		damaged bool
	}{
		{"inside, after a crash", 9000, true, true},
		{"header, after a crash", 0, true, true},
		{"header, after a clean stop", 0, false, true},
		{"whole, after a crash", -1, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			db, err := store.Open(t.Context(), store.Config{}, dir, quiet)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				exec1(t, db, "INSERT INTO user_groups (id, name, name_key, description, created, bit) VALUES (?, ?, ?, ?, 1, ?)", fmt.Sprint(i), "g", fmt.Sprint(i), strings.Repeat("x", 1000), i+2)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if tc.unclean {
				if err := os.WriteFile(filepath.Join(dir, "running"), []byte("1\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tc.at >= 0 {
				f, err := os.OpenFile(filepath.Join(dir, "muster.db"), os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteAt([]byte(strings.Repeat("\xa5", 9000)), tc.at); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
			for range 2 { // it stays refused
				db, err = store.Open(t.Context(), store.Config{}, dir, quiet)
				if !tc.damaged {
					if err != nil {
						t.Fatal(err)
					}
					db.Close()
					return
				}
				if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "muster restore") {
					t.Fatalf("got %v", err)
				}
			}
		})
	}
}

// writeForever is the child of TestKill: it prints the number of each user that
// the database has confirmed.
func writeForever(dir string) {
	db, err := store.Open(context.Background(), store.Config{}, dir, quiet)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d-%d", os.Getpid(), i)
		err := db.Tx(context.Background(), func(ctx context.Context, tx bun.Tx) error { return addUser(ctx, tx, id) })
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(id)
	}
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]bool{}
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acked[lines.Text()] = true
			if n == 20 {
				time.AfterFunc(time.Duration(round)*7*time.Millisecond, func() { cmd.Process.Kill() })
			}
		}
		cmd.Wait()
	}
	db, err := store.Open(t.Context(), store.Config{}, dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lost := 0
	for id := range acked {
		var n int
		if err := db.Query().QueryRow("SELECT 1 FROM users WHERE id = ?", id).Scan(&n); err != nil {
			lost++
		}
	}
	if lost > 0 || len(acked) < 100 {
		t.Fatalf("%d of %d confirmed users are lost", lost, len(acked))
	}
	t.Logf("5 kills, %d confirmed, none lost", len(acked))
}

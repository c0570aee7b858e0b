// Package storetest gives tests databases to work on: a fresh SQLite file, and a
// fresh database on a PostgreSQL server that the test starts itself. The tables are
// made once in a test process and copied from then on: making them takes longer
// than most tests.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"muster/internal/store"
)

// Dialects names the databases that Each tests on.
func Dialects() []string { return []string{"sqlite", "postgres"} }

// Each runs test once per database, which has tables and no rows. TestMain of the
// package calls Stop.
func Each(t *testing.T, test func(t *testing.T, cfg store.Config)) {
	for _, name := range Dialects() {
		t.Run(name, func(t *testing.T) {
			if name == "sqlite" {
				test(t, store.Config{})
			} else {
				test(t, store.Config{DSN: postgres(t, "TEMPLATE "+template)})
			}
		})
	}
}

// Config returns the configuration of a fresh database without tables.
func Config(t *testing.T, dialect string) store.Config {
	t.Helper()
	if dialect == "sqlite" {
		return store.Config{}
	}
	return store.Config{DSN: postgres(t, "")}
}

// Open opens a database on a data directory of its own and closes it with the
// test.
func Open(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	dir := t.TempDir()
	if cfg.DSN == "" {
		file, err := sqlite()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, sqliteFile), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := store.Open(context.Background(), cfg, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

const (
	sqliteFile = "muster.db" // in a data directory
	template   = "tables"    // the database of PostgreSQL that is copied
)

// sqlite returns the file of a database that has tables and no rows.
var sqlite = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "muster-tables-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := makeTables(store.Config{}, dir); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, sqliteFile))
})

func makeTables(cfg store.Config, dir string) error {
	db, err := store.Open(context.Background(), cfg, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return db.Close()
}

// server is the PostgreSQL of this test process; tests share it.
var server struct {
	once sync.Once
	err  error
	dir  string // its socket is here
	stop func()
	n    atomic.Int64 // databases made
}

var errMissing = errors.New("PostgreSQL is not installed (apt install postgresql)")

// Stop ends PostgreSQL if a test has started it. TestMain calls it at its end.
func Stop() {
	if server.stop != nil {
		server.stop()
		server.stop = nil
	}
}

// postgres returns the address of a database made for t, as how says.
func postgres(t *testing.T, how string) string {
	t.Helper()
	server.once.Do(func() {
		if server.err = start(); server.err == nil {
			server.err = makeTemplate()
		}
	})
	if errors.Is(server.err, errMissing) && os.Getenv("CI") == "" {
		t.Skip(server.err)
	}
	if server.err != nil {
		t.Fatal(server.err)
	}
	name := fmt.Sprintf("t%d", server.n.Add(1))
	if err := createDatabase(name, how); err != nil {
		t.Fatal(err)
	}
	return dsn(name)
}

func makeTemplate() error {
	dir, err := os.MkdirTemp("", "muster-tables-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := createDatabase(template, ""); err != nil {
		return err
	}
	return makeTables(store.Config{DSN: dsn(template)}, dir)
}

func createDatabase(name, how string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "CREATE DATABASE "+name+" "+how)
	return err
}

func dsn(name string) string {
	return "postgres://postgres@/" + name + "?host=" + server.dir
}

func start() (err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return errMissing
	}
	bin := filepath.Dir(found[len(found)-1])
	// Not t.TempDir: its parents are closed to the user postgres.
	dir, err := os.MkdirTemp("", "muster-pg-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	attr, err := identity(dir)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	attr.Pdeathsig = syscall.SIGQUIT // not even a killed test leaves it behind
	cmd.Dir, cmd.SysProcAttr = dir, attr
	ended := make(chan struct{})
	started := make(chan error)
	go func() {
		// The death signal is tied to the thread that starts the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = cmd.Wait() // ended by our signal
	}()
	if err := <-started; err != nil {
		return err
	}
	server.dir = dir
	server.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // fast shutdown; gone already is as good
		<-ended
		os.RemoveAll(dir)
	}
	return ready(ended)
}

// identity returns how to run PostgreSQL, which refuses to be root.
func identity(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{}
	if os.Getuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, int(uid), int(gid))
}

func ready(ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, dsn("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ended:
			return errors.New("PostgreSQL ended right away")
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

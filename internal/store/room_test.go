package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestPutKeepsRoomForTheDatabase lets the disk fill up while a file arrives.
func TestPutKeepsRoomForTheDatabase(t *testing.T) {
	dir := t.TempDir()
	b, err := OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	free := int64(reserve + 10<<20)
	b.free = func(*os.File) (int64, error) {
		free -= 6 << 20
		return free, nil
	}
	put := func(n int) error {
		blob, err := b.Put(t.Context(), strings.NewReader(strings.Repeat("x", n)), 1<<30)
		if err == nil {
			b.Unpin(blob.Hash)
		}
		return err
	}
	if err := put(100); err != nil {
		t.Fatal(err)
	}
	if err := put(10 << 20); !errors.Is(err, ErrDiskFull) {
		t.Fatal(err)
	}
	files, err := fs.ReadDir(b.root.FS(), blobTempDir)
	if err != nil || len(files) != 0 {
		t.Fatal("left over:", files, err)
	}
	free = 1 << 40
	if err := put(10 << 20); err != nil {
		t.Fatal(err)
	}
	if got, err := freeBytes(mustOpen(t, dir)); err != nil || got <= 0 {
		t.Fatal(got, err)
	}
}

func mustOpen(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/store"
	"muster/internal/store/storetest"
)

func openBlobs(t *testing.T, dir string) *store.Blobs {
	t.Helper()
	b, err := store.OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func putBlob(t *testing.T, b *store.Blobs, s string) store.Blob {
	t.Helper()
	blob, err := b.Put(t.Context(), strings.NewReader(s), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	b.Unpin(blob.Hash)
	return blob
}

func readBlob(t *testing.T, b *store.Blobs, hash string) string {
	t.Helper()
	f, size, err := b.Open(hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil || int64(len(data)) != size {
		t.Fatal(err, size)
	}
	return string(data)
}

func unused() (bool, error) { return false, nil }

func TestPutStoresUnderTheHash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	b := openBlobs(t, dir)
	for _, s := range []string{"", "a", strings.Repeat("x", 1<<20)} {
		blob := putBlob(t, b, s)
		if blob.Hash != hashOf(s) || blob.Size != int64(len(s)) {
			t.Fatalf("%+v", blob)
		}
		if readBlob(t, b, blob.Hash) != s {
			t.Fatal("content differs")
		}
		if _, err := os.Stat(filepath.Join(dir, blob.Hash[:2], blob.Hash)); err != nil {
			t.Fatal(err)
		}
	}
	// The same once more, over a file that was damaged.
	path := filepath.Join(dir, hashOf("a")[:2], hashOf("a"))
	if err := os.WriteFile(path, []byte("b"), 0o600); err != nil {
		t.Fatal(err)
	}
	putBlob(t, b, "a")
	if readBlob(t, b, hashOf("a")) != "a" {
		t.Fatal("a damaged blob is kept")
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "incoming")); len(left) != 0 {
		t.Fatal("left over:", left)
	}
}

type failing struct{ r io.Reader }

var errBroken = errors.New("the connection broke")

func (f failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = errBroken
	}
	return n, err
}

func TestPutLeavesNothingOfWhatIsRefused(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name  string
		ctx   context.Context
		r     io.Reader
		limit int64
		want  error
	}{
		{"too large by one byte", t.Context(), strings.NewReader("12345"), 4, store.ErrBlobSize},
		{"without end", t.Context(), rand.Reader, 1 << 20, store.ErrBlobSize},
		{"cut short", t.Context(), failing{strings.NewReader("123")}, 10, errBroken},
		{"cancelled", ended, strings.NewReader("123"), 10, context.Canceled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			b := openBlobs(t, dir)
			if _, err := b.Put(tc.ctx, tc.r, tc.limit); !errors.Is(err, tc.want) {
				t.Fatalf("got %v", err)
			}
			err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
				if !e.IsDir() {
					t.Error("left over:", p)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOnlyHashesNameBlobs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := openBlobs(t, filepath.Join(dir, "blobs"))
	h := putBlob(t, b, "x").Hash
	for _, name := range []string{"", "..", "../secret", h[:63], h + "0", strings.ToUpper(h), "../" + h, h[:2] + "/" + h, strings.Repeat("z", 64), h[:63] + "/", strings.Repeat("../", 21) + "a"} {
		if _, _, err := b.Open(name); !errors.Is(err, store.ErrNoBlob) {
			t.Errorf("%q: %v", name, err)
		}
		if err := b.Pin(t.Context(), name); !errors.Is(err, store.ErrNoBlob) {
			t.Errorf("pin %q: %v", name, err)
		}
		if err := b.Remove(name, unused); err != nil {
			t.Errorf("remove %q: %v", name, err)
		}
	}
	if readBlob(t, b, h) != "x" {
		t.Fatal("gone")
	}
}

func TestCrashedUploadsAreRemovedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	b := openBlobs(t, dir)
	h := putBlob(t, b, "kept").Hash
	left := filepath.Join(dir, "incoming", "HALF")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = openBlobs(t, dir)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Fatal("it is there:", err)
	}
	if readBlob(t, b, h) != "kept" {
		t.Fatal("gone")
	}
}

func TestRemoveLeavesWhatIsPinnedUsedOrHeld(t *testing.T) {
	b := openBlobs(t, t.TempDir())
	h := putBlob(t, b, "x").Hash
	if err := b.Pin(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(h, unused); err != nil {
		t.Fatal(err)
	}
	readBlob(t, b, h)
	b.Unpin(h)
	if err := b.Remove(h, func() (bool, error) { return true, nil }); err != nil {
		t.Fatal(err)
	}
	readBlob(t, b, h)
	if err := b.Remove(h, func() (bool, error) { return false, errBroken }); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	readBlob(t, b, h)
	if err := b.Remove(h, unused); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Open(h); !errors.Is(err, store.ErrNoBlob) {
		t.Fatal(err)
	}
	if err := b.Remove(h, unused); err != nil {
		t.Fatal("a second time:", err)
	}
}

// TestPutDuringRemove lets an upload arrive while the removal of the same content
// asks whether it is used: the content must be there afterwards.
func TestPutDuringRemove(t *testing.T) {
	b := openBlobs(t, t.TempDir())
	h := putBlob(t, b, "x").Hash
	var wg sync.WaitGroup
	err := b.Remove(h, func() (bool, error) {
		wg.Go(func() {
			if _, err := b.Put(t.Context(), strings.NewReader("x"), 10); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Millisecond) // let it come as far as it can; no outcome depends on it
		return false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if readBlob(t, b, h) != "x" {
		t.Fatal("what was put is gone")
	}
}

func TestManyPutAndRemoveTheSame(t *testing.T) {
	b := openBlobs(t, t.TempDir())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 30 {
				blob, err := b.Put(t.Context(), strings.NewReader("same"), 10)
				if err != nil {
					t.Error(err)
					return
				}
				if f, _, err := b.Open(blob.Hash); err != nil {
					t.Error("pinned, but not there:", err)
				} else {
					f.Close()
				}
				b.Unpin(blob.Hash)
				if err := b.Remove(blob.Hash, unused); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestWalkFindsEveryBlobAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	b := openBlobs(t, dir)
	want := make(map[string]int64)
	for i := range 20 {
		blob := putBlob(t, b, fmt.Sprint(i))
		want[blob.Hash] = blob.Size
	}
	for _, junk := range []string{"junk", "incoming/x", hashOf("0")[:2] + "/junk"} {
		if err := os.WriteFile(filepath.Join(dir, junk), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := b.Walk(t.Context(), func(blob store.Blob, stored time.Time) error {
		if size, ok := want[blob.Hash]; !ok || size != blob.Size || stored.IsZero() {
			t.Errorf("%+v %v", blob, stored)
		}
		delete(want, blob.Hash)
		return nil
	})
	if err != nil || len(want) != 0 {
		t.Fatal(err, want)
	}
}

func TestBackupCarriesBlobs(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	var want []string
	for i := range 5 {
		want = append(want, putBlob(t, db.Blobs(), strings.Repeat(fmt.Sprint(i), i*100_000)).Hash)
	}
	var arc bytes.Buffer
	if err := db.Backup(t.Context(), &arc); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := store.Restore(t.Context(), bytes.NewReader(arc.Bytes()), store.Config{}, dir, quiet); err != nil {
		t.Fatal(err)
	}
	again, err := store.Open(t.Context(), store.Config{}, dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for i, h := range want {
		if readBlob(t, again.Blobs(), h) != strings.Repeat(fmt.Sprint(i), i*100_000) {
			t.Error(i)
		}
	}
	// What was stored may be removed again once the backup is through.
	if err := db.Blobs().Remove(want[0], unused); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Blobs().Open(want[0]); !errors.Is(err, store.ErrNoBlob) {
		t.Fatal(err)
	}
}

func TestBackupRefusesDamagedBlobs(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	h := putBlob(t, db.Blobs(), "good").Hash
	if err := os.WriteFile(filepath.Join(db.Dir(), "blobs", h[:2], h), []byte("baad"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := db.Backup(t.Context(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), h) {
		t.Fatal(err)
	}
}

// removingWriter removes blobs as soon as the archive begins.
type removingWriter struct {
	bytes.Buffer
	remove func()
}

func (w *removingWriter) Write(p []byte) (int, error) {
	if w.remove != nil {
		w.remove()
		w.remove = nil
	}
	return w.Buffer.Write(p)
}

func TestBackupKeepsWhatIsDeletedMeanwhile(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	h := putBlob(t, db.Blobs(), "x").Hash
	w := &removingWriter{remove: func() {
		if err := db.Blobs().Remove(h, unused); err != nil {
			t.Error(err)
		}
	}}
	if err := db.Backup(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(t.Context(), bytes.NewReader(w.Bytes()), store.Config{}, t.TempDir(), quiet); err != nil {
		t.Fatal(err)
	}
}

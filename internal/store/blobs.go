package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"
)

// The errors of Blobs that a caller may want to tell apart.
var (
	ErrNoBlob   = errors.New("there is no file with this hash")
	ErrBlobSize = errors.New("the file is larger than allowed")
	ErrDiskFull = errors.New("the disk is full")
)

const (
	blobDir     = "blobs"
	blobTempDir = "incoming" // uploads that are not complete; emptied at the start
	blobBuffer  = 128 << 10

	// reserve is left to the rest of the server, whose database cannot write on a
	// full disk: uploads are refused before.
	reserve   = 64 << 20
	roomCheck = 8 << 20 // bytes between two looks at what is left
)

// Blobs keeps files by what they hold: blobs/ab/<SHA-256 in lower-case hex>.
// A file is never changed, so readers need no lock. What a blob is for stands in
// the tables of package cot/files, which is the only one to put or remove any.
//
// A blob is written before the row that names it and removed after the last such
// row. Between the two it is pinned, so that a removal at the same time cannot
// take away what somebody has just put again.
type Blobs struct {
	root *os.Root
	free func(*os.File) (int64, error) // bytes left on the disk of a file

	mu       sync.Mutex // guards what follows; never held while the disk works
	pins     map[string]int
	removing map[string]chan struct{} // closed when the removal has ended
	holds    int                      // backups under way: nothing is removed

	dirs  sync.Mutex      // guards known and the making of folders
	known map[string]bool // folders whose own name is on the disk
}

// Blob is a stored file.
type Blob struct {
	Hash string // SHA-256, 64 lower-case hex digits
	Size int64  // bytes
}

// OpenBlobs opens the store in dir, making it if there is none, and removes what
// uploads that were cut short have left.
func OpenBlobs(dir string) (*Blobs, error) {
	b, err := openBlobs(dir)
	if err != nil {
		return nil, fmt.Errorf("store: open the files: %w", err)
	}
	return b, nil
}

func openBlobs(dir string) (*Blobs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	b := &Blobs{root: root, free: freeBytes, pins: make(map[string]int), removing: make(map[string]chan struct{}), known: make(map[string]bool)}
	err = errors.Join(root.RemoveAll(blobTempDir), root.Mkdir(blobTempDir, 0o700), b.syncDir("."))
	if err != nil {
		root.Close()
		return nil, err
	}
	return b, nil
}

// Close gives the folder back. Files that were opened stay readable.
func (b *Blobs) Close() error { return b.root.Close() }

// IsHash reports whether s is a SHA-256 as blobs are named by it. Nothing else
// ever becomes part of a path.
func IsHash(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func blobPath(hash string) string { return path.Join(hash[:2], hash) }

// Put stores what r holds, up to limit bytes, and pins it: the caller calls
// Unpin once the row that names it is committed or given up. When Put returns
// nil the file and its name are on the disk. The error wraps ErrBlobSize or
// ErrDiskFull, or is that of r or ctx.
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (Blob, error) {
	blob, temp, err := b.receive(ctx, r, limit)
	if err == nil {
		err = b.pin(ctx, blob.Hash)
	}
	if err != nil {
		b.discard(temp)
		return Blob{}, fmt.Errorf("store: take a file: %w", diskFull(err))
	}
	// An older file with this name is replaced even though it holds the same:
	// so one that was damaged is whole again.
	if err := b.keep(temp, blob.Hash); err != nil {
		b.Unpin(blob.Hash)
		b.discard(temp)
		return Blob{}, fmt.Errorf("store: take a file: %w", diskFull(err))
	}
	return blob, nil
}

// receive writes r into a file of its own, on the disk when it returns. The name
// is returned in any case where there is one.
func (b *Blobs) receive(ctx context.Context, r io.Reader, limit int64) (_ Blob, temp string, err error) {
	temp = path.Join(blobTempDir, rand.Text())
	f, err := b.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return Blob{}, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	in := io.LimitReader(contextReader{ctx, r}, limit+1)
	out := io.MultiWriter(&roomWriter{f: f, free: b.free}, sum)
	n, err := io.CopyBuffer(out, struct{ io.Reader }{in}, make([]byte, blobBuffer))
	if err != nil {
		return Blob{}, temp, err
	}
	if n > limit {
		return Blob{}, temp, ErrBlobSize
	}
	if err := f.Sync(); err != nil {
		return Blob{}, temp, err
	}
	return Blob{Hash: hex.EncodeToString(sum.Sum(nil)), Size: n}, temp, nil
}

// contextReader ends when its context does, so that a server that stops does not
// wait for a slow upload.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// roomWriter writes to f as long as the disk has room for more than this.
type roomWriter struct {
	f    *os.File
	free func(*os.File) (int64, error)
	left int64 // until the next look
}

func (w *roomWriter) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left <= 0 {
		free, err := w.free(w.f)
		if err != nil {
			return 0, err
		}
		if free < reserve {
			return 0, ErrDiskFull
		}
		w.left = roomCheck
	}
	return w.f.Write(p)
}

func freeBytes(f *os.File) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &st); err != nil {
		return 0, fmt.Errorf("measure the disk: %w", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

func (b *Blobs) discard(temp string) {
	if temp != "" {
		_ = b.root.Remove(temp) // the next start removes it otherwise
	}
}

// keep gives a received file its name, for good.
func (b *Blobs) keep(temp, hash string) error {
	dir := hash[:2]
	if err := b.makeDir(dir); err != nil {
		return err
	}
	if err := b.root.Rename(temp, blobPath(hash)); err != nil {
		return err
	}
	return b.syncDir(dir)
}

// makeDir makes a folder whose own name is on the disk when it returns.
func (b *Blobs) makeDir(dir string) error {
	b.dirs.Lock()
	defer b.dirs.Unlock()
	if b.known[dir] {
		return nil
	}
	if err := b.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := b.syncDir("."); err != nil {
		return err
	}
	b.known[dir] = true
	return nil
}

func (b *Blobs) syncDir(name string) error {
	f, err := b.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open opens a blob for reading; the caller closes it. The error wraps ErrNoBlob
// if there is none, also where hash is no hash.
func (b *Blobs) Open(hash string) (*os.File, int64, error) {
	if !IsHash(hash) {
		return nil, 0, fmt.Errorf("store: %w", ErrNoBlob)
	}
	f, err := b.root.Open(blobPath(hash))
	if err != nil {
		return nil, 0, fmt.Errorf("store: open a file: %w", noBlob(err))
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("store: open a file: %w", err)
	}
	return f, st.Size(), nil
}

// Walk calls f for each blob, in the order of the hashes, until f returns an
// error, which Walk returns. Blobs that come or go meanwhile may be left out.
func (b *Blobs) Walk(ctx context.Context, f func(blob Blob, stored time.Time) error) error {
	dirs, err := fs.ReadDir(b.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("store: list the files: %w", err)
	}
	for _, dir := range dirs {
		if !dir.IsDir() || len(dir.Name()) != 2 {
			continue
		}
		files, err := fs.ReadDir(b.root.FS(), dir.Name())
		if err != nil {
			return fmt.Errorf("store: list the files: %w", err)
		}
		for _, e := range files {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !IsHash(e.Name()) || e.Name()[:2] != dir.Name() || !e.Type().IsRegular() {
				continue
			}
			st, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("store: list the files: %w", err)
			}
			if err := f(Blob{Hash: e.Name(), Size: st.Size()}, st.ModTime()); err != nil {
				return err
			}
		}
	}
	return nil
}

func noBlob(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoBlob
	}
	return err
}

func diskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

package record

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// open enters g in the index and makes its file. The row comes first: a row
// without a file is easily known for what it is, a file without a row is not.
func (m *Manager) open(ctx context.Context, g *segment) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir := filepath.FromSlash(g.Stream)
	if err := m.root.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the stream: %w", err)
	}
	for at := g.Start; ; at = at.Add(time.Millisecond) {
		g.path = path.Join(g.Stream, at.Format(stamp)+extension)
		if _, err := m.root.Lstat(filepath.FromSlash(g.path)); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return fmt.Errorf("choose a file: %w", err)
		}
	}
	m.mu.Lock()
	m.writing[g.ID] = g
	m.mu.Unlock()
	if err := m.create(ctx, g, dir); err != nil {
		m.mu.Lock()
		delete(m.writing, g.ID)
		m.mu.Unlock()
		return err
	}
	m.n.files.Add(1)
	return nil
}

func (m *Manager) create(ctx context.Context, g *segment, dir string) error {
	if err := m.index.add(ctx, g.Recording); err != nil {
		return err
	}
	f, err := m.root.OpenFile(filepath.FromSlash(g.path), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		if err = m.syncDir(dir); err != nil {
			err = errors.Join(err, f.Close(), m.root.Remove(filepath.FromSlash(g.path)))
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make a file: %w", err), m.index.remove(ctx, g.ID))
	}
	g.file = f
	return nil
}

func (m *Manager) syncDir(dir string) error {
	f, err := m.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// close enters in the index what has become of g, whose file is closed.
func (m *Manager) close(ctx context.Context, g *segment) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	g.Duration, g.Bytes, g.Open = time.Duration(g.lasts.Load()), g.written.Load(), false
	err := m.index.finish(ctx, g.Recording)
	m.mu.Lock()
	delete(m.writing, g.ID)
	m.mu.Unlock()
	if err != nil { // the next sweep looks at the file
		m.log.Error("the index does not know yet that a file has ended", "stream", g.Stream, "error", err)
	}
	m.tell(g.Recording, "ended")
	notify(m.clear)
}

func newID() string { return strings.ToLower(rand.Text()) }

func freeBytes(dir *os.File) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, fmt.Errorf("measure the disk: %w", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

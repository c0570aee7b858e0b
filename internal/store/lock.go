package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// runningFile is there while a process has the data directory open, and stays
// behind when that process ends without closing it.
const runningFile = "running"

// dirLock is the hold on a data directory.
type dirLock struct {
	f    *os.File
	path string
}

// lockDir takes the data directory for this process. unclean says that the last
// holder did not release it. The kernel drops the lock with the process, so a
// file left behind never keeps anybody out.
func lockDir(dir string) (l *dirLock, unclean bool, err error) {
	path := filepath.Join(dir, runningFile)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, false, fmt.Errorf("take the data directory: %w", err)
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			return nil, false, inUse(f, dir, err)
		}
		if !samePath(f, path) { // the holder before us removed it just now
			f.Close()
			continue
		}
		l := &dirLock{f: f, path: path}
		unclean, err := l.mark(dir)
		if err != nil {
			f.Close()
			return nil, false, fmt.Errorf("mark the data directory as open: %w", err)
		}
		return l, unclean, nil
	}
}

// mark writes our process id, on the disk before any data is touched.
func (l *dirLock) mark(dir string) (unclean bool, err error) {
	fi, err := l.f.Stat()
	if err != nil {
		return false, err
	}
	if err := l.f.Truncate(0); err != nil {
		return false, err
	}
	if _, err := l.f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		return false, err
	}
	if err := l.f.Sync(); err != nil {
		return false, err
	}
	return fi.Size() > 0, syncDir(dir)
}

// release gives the directory back. Unless clean, the mark stays.
func (l *dirLock) release(clean bool) error {
	var err error
	if clean {
		err = os.Remove(l.path)
	}
	return errors.Join(err, l.f.Close())
}

func inUse(f *os.File, dir string, err error) error {
	defer f.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	pid, _ := io.ReadAll(io.LimitReader(f, 20)) // only for the message
	return fmt.Errorf("%w: process %s has %s open; stop it, or give each server a directory of its own",
		ErrInUse, strings.TrimSpace(string(pid)), dir)
}

func samePath(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// syncDir makes names that were added to or removed from dir durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

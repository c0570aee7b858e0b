package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"muster/internal/safename"
)

const sweepBatch = 100 // recordings looked at in one query

// room reports whether there is enough free space to go on; the error is errRoom.
func (m *Manager) room() error {
	if m.full.Load() {
		return errRoom
	}
	free, err := m.deps.Free(m.dir)
	if err != nil {
		return err
	}
	if free < int64(m.cfg.MinFree)/2 { // the sweep is not fast enough
		return errRoom
	}
	if free < int64(m.cfg.MinFree) {
		notify(m.clear)
	}
	return nil
}

// Ready returns why nothing is recorded at present, for the report of the server's
// health; nil: recording works.
func (m *Manager) Ready(context.Context) error {
	if m.full.Load() {
		return fmt.Errorf("recording has stopped: %w", errRoom)
	}
	return nil
}

// stopForRoom makes all recorders wait until a sweep finds room.
func (m *Manager) stopForRoom() {
	if !m.full.Swap(true) {
		m.log.Error("recording stops: " + errRoom.Error())
	}
	notify(m.clear)
}

// grew counts n bytes that were written.
func (m *Manager) grew(n int64) {
	m.n.bytes.Add(n)
	if m.total.Add(n) > int64(m.cfg.MaxSize) {
		notify(m.clear)
	}
}

// sweepLoop makes room from time to time, and when it is asked to.
func (m *Manager) sweepLoop(ctx context.Context) {
	for {
		wait := sweepEvery
		if m.full.Load() {
			wait = sweepFull
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-m.clear:
			t.Reset(sweepPause)
			select {
			case <-ctx.Done():
			case <-t.C:
			}
		}
		t.Stop()
		if ctx.Err() != nil {
			return
		}
		m.sweep(ctx, time.Now())
	}
}

// sweep removes what is too old or too much at the time now, and finds out whether
// there is room.
func (m *Manager) sweep(ctx context.Context, now time.Time) {
	err := m.repair(ctx)
	if err == nil {
		err = m.prune(ctx, now)
	}
	free, ferr := m.deps.Free(m.dir)
	if err = errors.Join(err, ferr); err != nil && ctx.Err() == nil {
		m.log.Error("make room for recordings", "error", err)
	}
	if ferr != nil {
		return
	}
	if free < int64(m.cfg.MinFree) {
		m.full.Store(true)
		m.log.Warn("there is no room to record", "free", free, "minFree", int64(m.cfg.MinFree))
	} else if m.full.Swap(false) {
		m.log.Info("there is room to record again", "free", free)
	}
}

// prune removes recordings by age, size and free space, the oldest first.
func (m *Manager) prune(ctx context.Context, now time.Time) error {
	total, err := m.index.size(ctx)
	if err != nil {
		return err
	}
	free, err := m.deps.Free(m.dir)
	if err != nil {
		return err
	}
	total += m.openFiles().bytes
	over, short := total-int64(m.cfg.MaxSize), int64(m.cfg.MinFree)-free
	defer func() { m.total.Store(over + int64(m.cfg.MaxSize)) }()
	removed := 0
	defer func() {
		if removed > 0 {
			m.log.Info("removed old recordings", "count", removed)
		}
	}()
	for {
		list, err := m.index.oldest(ctx, false, sweepBatch)
		if err != nil {
			return err
		}
		for _, r := range list {
			old := m.cfg.Keep > 0 && now.Sub(r.End()) > m.cfg.Keep
			if !old && over <= 0 && short <= 0 {
				return nil
			}
			if err := m.remove(ctx, r); err != nil {
				return err
			}
			over, short = over-r.Bytes, short-r.Bytes
			removed++
			m.n.removed.Add(1)
		}
		if len(list) == 0 {
			break
		}
	}
	if oldest := m.openFiles().oldest; over > 0 && oldest != nil {
		oldest.cut.Store(true) // it can be removed once it has ended
	}
	return nil
}

// opened sums up the files that are being written.
type opened struct {
	bytes  int64
	oldest *segment
}

func (m *Manager) openFiles() opened {
	var o opened
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.writing {
		o.bytes += g.written.Load()
		if o.oldest == nil || g.Start.Before(o.oldest.Start) {
			o.oldest = g
		}
	}
	return o
}

// remove removes the file, then the row: a row without a file is harmless.
func (m *Manager) remove(ctx context.Context, r Recording) error {
	name := filepath.FromSlash(r.path)
	if err := m.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("record: remove a recording: %w", err)
	}
	// Folders that are empty now go, too; others refuse.
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		if m.root.Remove(dir) != nil {
			break
		}
	}
	if err := m.index.remove(ctx, r.ID); err != nil {
		return err
	}
	m.tell(r, "deleted")
	return nil
}

// repair ends recordings that the index has as open though nobody writes them: the
// server was killed, or the database away.
func (m *Manager) repair(ctx context.Context) error {
	list, err := m.index.oldest(ctx, true, sweepBatch)
	if err != nil {
		return err
	}
	for _, r := range list {
		m.mu.Lock()
		_, busy := m.writing[r.ID]
		m.mu.Unlock()
		if busy {
			continue
		}
		if err := m.mend(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// mend cuts off what is not whole at the end of a file and enters its length, or
// removes it when nothing of it can be played.
func (m *Manager) mend(ctx context.Context, r Recording) error {
	found, err := m.inspect(r)
	if errors.Is(err, errNoPart) || errors.Is(err, fs.ErrNotExist) {
		m.log.Warn("a recording was cut off before anything of it was written", "stream", r.Stream, "file", r.path)
		return m.remove(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("record: look at %s: %w", r.path, err)
	}
	r.Bytes, r.Duration, r.Open = found.end, found.length, false
	m.log.Info("a recording that was cut off is kept", "stream", r.Stream, "file", r.path, "length", r.Duration.Round(time.Millisecond).String())
	if err := m.index.finish(ctx, r); err != nil {
		return err
	}
	m.tell(r, "ended")
	return nil
}

// inspect scans the file of r and cuts off what is not whole.
func (m *Manager) inspect(r Recording) (survey, error) {
	f, err := m.root.OpenFile(filepath.FromSlash(r.path), os.O_RDWR, 0)
	if err != nil {
		return survey{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return survey{}, err
	}
	if !st.Mode().IsRegular() {
		return survey{}, errNoPart
	}
	s, err := scan(f, st.Size())
	if err != nil {
		return s, err
	}
	stampMovie(s.head, r.Start, s.length)
	if _, err = f.WriteAt(s.head, 0); err == nil {
		err = f.Truncate(s.end)
	}
	return s, errors.Join(err, f.Sync())
}

// adopt enters files in the index that it does not know, such as after the database
// was restored from a backup. Whose they were is not known: administrators see them.
func (m *Manager) adopt(ctx context.Context) error {
	known, err := m.index.paths(ctx)
	if err != nil {
		return err
	}
	return fs.WalkDir(m.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if known[name] || !e.Type().IsRegular() {
			return nil
		}
		stream := path.Dir(name)
		start, err := time.Parse(stamp+extension, path.Base(name))
		if _, nerr := safename.Parse(stream); err != nil || nerr != nil {
			return nil // not ours
		}
		r := Recording{ID: newID(), Stream: stream, Groups: []string{}, Start: start, path: name}
		found, err := m.inspect(r)
		if err != nil {
			m.log.Warn("a file in the folder of recordings cannot be played", "file", name, "error", err)
			return nil
		}
		r.Bytes, r.Duration = found.end, found.length
		m.log.Info("a recording that the index did not know is kept for administrators", "stream", stream, "file", name)
		return m.index.add(ctx, r)
	})
}

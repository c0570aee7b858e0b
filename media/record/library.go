package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"muster/internal/auth"
)

// List returns a page of the recordings that id may see, the newest first.
func (m *Manager) List(ctx context.Context, id auth.Identity, q Query) (Page, error) {
	limit := q.Limit
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	page := Page{Recordings: []Recording{}}
	groups := readGroups(id)
	if groups != nil && len(groups) == 0 {
		return page, nil
	}
	at := parseCursor(q.After)
	for {
		list, err := m.index.list(ctx, q, groups, at, maxPage)
		if err != nil {
			return Page{}, err
		}
		for _, r := range list {
			if len(page.Recordings) == limit {
				page.Next = at.String()
				return page, nil
			}
			at = cursor{r.Start.UnixMilli(), r.ID}
			if r.readable(id) { // a token may be for some streams only
				page.Recordings = append(page.Recordings, m.present(r))
			}
		}
		if len(list) < maxPage {
			return page, nil
		}
	}
}

// present adds what there is by now of a recording that is being written.
func (m *Manager) present(r Recording) Recording {
	m.mu.Lock()
	g := m.writing[r.ID]
	m.mu.Unlock()
	if g != nil {
		r.Bytes, r.Duration = g.written.Load(), time.Duration(g.lasts.Load())
	}
	return r
}

// Find returns one recording if id may see it, else ErrNotFound.
func (m *Manager) Find(ctx context.Context, id auth.Identity, rec string) (Recording, error) {
	r, err := m.index.get(ctx, rec)
	if err != nil {
		return Recording{}, err
	}
	if !r.readable(id) {
		return Recording{}, ErrNotFound
	}
	return m.present(r), nil
}

// Open returns a recording and its file, which the caller closes. The error is
// ErrNotFound if id may not see it.
func (m *Manager) Open(ctx context.Context, id auth.Identity, rec string) (Recording, *os.File, error) {
	r, err := m.Find(ctx, id, rec)
	if err != nil {
		return Recording{}, nil, err
	}
	f, err := m.root.Open(filepath.FromSlash(r.path))
	if errors.Is(err, fs.ErrNotExist) {
		return Recording{}, nil, ErrNotFound
	}
	if err != nil {
		return Recording{}, nil, fmt.Errorf("record: open a recording: %w", err)
	}
	return r, f, nil
}

// Delete deletes a recording that id may see, for a caller who has made sure that
// they may delete. The errors are ErrNotFound and ErrOpen.
func (m *Manager) Delete(ctx context.Context, id auth.Identity, rec string) error {
	r, err := m.Find(ctx, id, rec)
	if err != nil {
		return err
	}
	if r.Open {
		return ErrOpen
	}
	if err := m.remove(ctx, r); err != nil {
		return err
	}
	m.log.Info("a recording was deleted by hand", "stream", r.Stream, "file", r.path, "user", id.User)
	notify(m.clear)
	return nil
}

package files

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/pack"
	"muster/internal/auth"
)

// The changes below concern every record of hash that is id's own (or every
// record, for admins). The errors wrap ErrNotFound, auth.ErrDenied or ErrInvalid.

// SetTool makes a file Public or Private, or gives it to another tool. Clients do
// so with every file they send, also with one that somebody else has uploaded
// before: that one's record stays as it is, and id gets a record of its own where
// it takes one to have the file listed.
func (s *Service) SetTool(ctx context.Context, id auth.Identity, hash, tool string) error {
	tool = strings.TrimSpace(tool)
	if err := checkText("tool", tool, maxText); err != nil || tool == "" {
		return fmt.Errorf("files: %w tool", ErrInvalid)
	}
	err := s.change(ctx, id, hash, func(ctx context.Context, tx bun.Tx, f *File) error {
		f.Tool = tool
		return set(ctx, tx, f.ID, "tool = ?", tool)
	})
	if errors.Is(err, auth.ErrDenied) {
		return s.adopt(ctx, id, hash, tool)
	}
	return err
}

// adopt gives id a record of a file of somebody else that it may read.
func (s *Service) adopt(ctx context.Context, id auth.Identity, hash, tool string) error {
	f, err := s.Lookup(ctx, id, hash)
	if err != nil {
		return err
	}
	if f.Groups, err = writable(id, f.Name, nil); err != nil {
		return err
	}
	if tool == Private {
		return nil // nothing is listed in its name, and it can be fetched already
	}
	listed, _, err := s.Search(ctx, id, Query{Hash: hash, Tool: tool, Limit: 1})
	if err != nil || len(listed) > 0 {
		return err
	}
	if err := s.blobs.Pin(ctx, f.Hash); err != nil {
		return fmt.Errorf("files: %w", ErrNotFound)
	}
	defer s.blobs.Unpin(f.Hash)
	f.ID, f.Submitter, f.Submitted, f.Tool, f.Expires = s.next.Add(1), id.User, time.Now(), tool, time.Time{}
	if err := s.tx(ctx, func(ctx context.Context, tx bun.Tx) error { return insert(ctx, tx, f) }); err != nil {
		return fmt.Errorf("files: share anew: %w", err)
	}
	s.fact(f.Groups, f.Submitter, Changed{What: "file", Change: "created", ID: f.ID, Hash: f.Hash, Name: f.Name})
	return nil
}

// SetKeywords replaces the keywords.
func (s *Service) SetKeywords(ctx context.Context, id auth.Identity, hash string, keywords []string) error {
	words, err := cleanKeywords(keywords)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return s.change(ctx, id, hash, func(ctx context.Context, tx bun.Tx, f *File) error {
		return replaceKeywords(ctx, tx, f.ID, words)
	})
}

// SetExpiration says when a file is removed; the zero Time is never.
func (s *Service) SetExpiration(ctx context.Context, id auth.Identity, hash string, t time.Time) error {
	return s.change(ctx, id, hash, func(ctx context.Context, tx bun.Tx, f *File) error {
		return set(ctx, tx, f.ID, "expires = ?", millis(t))
	})
}

// SetGroups gives a file to other groups, which id must be allowed to write to.
func (s *Service) SetGroups(ctx context.Context, id auth.Identity, hash string, groups []string) error {
	if groups == nil {
		groups = []string{}
	}
	if len(groups) == 0 {
		return fmt.Errorf("files: %w groups: name at least one", ErrInvalid)
	}
	groups, err := writable(id, hash, groups)
	if err != nil {
		return err
	}
	return s.change(ctx, id, hash, func(ctx context.Context, tx bun.Tx, f *File) error {
		f.Groups = groups // those who see it now are told
		return replaceGroups(ctx, tx, f.ID, groups)
	})
}

// SetName renames a file.
func (s *Service) SetName(ctx context.Context, id auth.Identity, hash, name string) error {
	if name = pack.FileName(name); name == "" {
		return fmt.Errorf("files: %w name", ErrInvalid)
	}
	return s.change(ctx, id, hash, func(ctx context.Context, tx bun.Tx, f *File) error {
		f.Name = name
		return set(ctx, tx, f.ID, "name = ?, name_key = ?", name, strings.ToLower(name))
	})
}

func set(ctx context.Context, tx bun.Tx, id int64, what string, args ...any) error {
	_, err := tx.NewUpdate().Model((*fileRow)(nil)).Set(what, args...).Where("id = ?", id).Exec(ctx)
	return err
}

// change calls f for each record of hash that id may change.
func (s *Service) change(ctx context.Context, id auth.Identity, hash string, f func(ctx context.Context, tx bun.Tx, f *File) error) error {
	var changed []File
	told := make(map[int64][]string) // groups before the change
	err := s.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if changed, err = s.own(ctx, tx, id, "hash = ?", strings.ToLower(hash)); err != nil {
			return err
		}
		for i := range changed {
			told[changed[i].ID] = changed[i].Groups
			if err := f(ctx, tx, &changed[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("files: change: %w", err)
	}
	for _, c := range changed {
		groups := append(append([]string{}, told[c.ID]...), c.Groups...)
		s.fact(groups, c.Submitter, Changed{What: "file", Change: "changed", ID: c.ID, Hash: c.Hash, Name: c.Name})
	}
	return nil
}

// own returns the records that id may change; none is an error.
func (s *Service) own(ctx context.Context, tx bun.Tx, id auth.Identity, where string, arg any) ([]File, error) {
	all, err := s.records(ctx, tx, where, arg)
	if err != nil {
		return nil, err
	}
	var own []File
	refusal := ErrNotFound
	for _, f := range all {
		err := mayChange(id, f)
		if err == nil {
			own = append(own, f)
		} else if mayRead(id, f) == nil { // of what it may not see it learns nothing
			refusal = err
		}
	}
	if len(own) == 0 {
		return nil, refusal
	}
	return own, nil
}

// Delete removes the records of hash; with the last one the content goes, too.
func (s *Service) Delete(ctx context.Context, id auth.Identity, hash string) error {
	return s.remove(ctx, id, "hash = ?", strings.ToLower(hash))
}

// DeleteID removes one record.
func (s *Service) DeleteID(ctx context.Context, id auth.Identity, record int64) error {
	return s.remove(ctx, id, "id = ?", record)
}

func (s *Service) remove(ctx context.Context, id auth.Identity, where string, arg any) error {
	var gone []File
	err := s.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if gone, err = s.own(ctx, tx, id, where, arg); err != nil {
			return err
		}
		return deleteRows(ctx, tx, gone)
	})
	if err != nil {
		return fmt.Errorf("files: delete: %w", err)
	}
	s.deleted(ctx, gone)
	return nil
}

func deleteRows(ctx context.Context, tx bun.Tx, gone []File) error {
	for _, f := range gone {
		if _, err := tx.NewDelete().Model((*fileRow)(nil)).Where("id = ?", f.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// deleted tells of removed records and removes what nothing names any more.
func (s *Service) deleted(ctx context.Context, gone []File) {
	last := make(map[string]bool)
	for _, f := range gone {
		if _, seen := last[f.Hash]; !seen {
			n, err := s.db.Query().NewSelect().Model((*fileRow)(nil)).Where("hash = ?", f.Hash).Count(context.WithoutCancel(ctx))
			last[f.Hash] = err == nil && n == 0
			s.collect(ctx, f.Hash)
		}
		s.fact(f.Groups, f.Submitter, Changed{What: "file", Change: "deleted", ID: f.ID, Hash: f.Hash, Name: f.Name, Last: last[f.Hash]})
	}
}

package files

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/store"
)

// Put stores what r holds. The rights are checked before r is read. A record
// with the same hash, UID, name, creator and submitter is renewed instead of
// doubled. The error wraps auth.ErrDenied, ErrTooLarge, ErrFull or ErrInvalid, or
// is that of r.
func (s *Service) Put(ctx context.Context, id auth.Identity, m Meta, r io.Reader) (File, error) {
	m, err := m.clean()
	if err != nil {
		return File{}, fmt.Errorf("files: %w", err)
	}
	if m.Groups, err = writable(id, m.Name, m.Groups); err != nil {
		return File{}, err
	}
	fresh := s.next.Add(1)
	now := time.Now()
	var f File
	renewed := false
	err = s.keep(ctx, r, s.MaxSize(), nil, func(ctx context.Context, tx bun.Tx, b store.Blob) error {
		f = File{ID: fresh, Hash: b.Hash, Size: b.Size, Submitter: id.User, Submitted: now, Meta: m.named(b.Hash)}
		old, err := sameRecord(ctx, tx, f)
		if renewed = err == nil; renewed {
			f.ID = old
			if _, err := tx.NewDelete().Model((*fileRow)(nil)).Where("id = ?", old).Exec(ctx); err != nil {
				return err
			}
		} else if !missing(err) {
			return err
		}
		return insert(ctx, tx, f)
	})
	if err != nil {
		return File{}, fmt.Errorf("files: put: %w", err)
	}
	change := "created"
	if renewed {
		change = "changed"
	}
	s.fact(f.Groups, f.Submitter, Changed{What: "file", Change: change, ID: f.ID, Hash: f.Hash, Name: f.Name})
	return f, nil
}

// sameRecord returns the id of the record that f renews.
func sameRecord(ctx context.Context, tx bun.Tx, f File) (int64, error) {
	var id int64
	err := tx.NewSelect().Model((*fileRow)(nil)).Column("id").
		Where("hash = ? AND uid = ? AND name = ? AND creator_uid = ? AND submitter = ?", f.Hash, f.UID, f.Name, f.CreatorUID, f.Submitter).
		OrderBy("id", bun.OrderDesc).Limit(1).Scan(ctx, &id)
	return id, err
}

package files

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/store"
)

const (
	expiryPeriod = time.Minute
	orphanPeriod = time.Hour
	orphanAge    = time.Hour // younger blobs may be waiting for their row
	sweepBatch   = 200       // records removed in one transaction
)

// Run removes files whose time is over and blobs that nothing names, until ctx
// ends.
func (s *Service) Run(ctx context.Context) error {
	expiry, orphans := time.NewTicker(expiryPeriod), time.NewTicker(orphanPeriod)
	defer expiry.Stop()
	defer orphans.Stop()
	s.sweep(ctx, "files that have expired", s.expire)
	s.sweep(ctx, "content that nothing names", s.orphans)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-expiry.C:
			s.sweep(ctx, "files that have expired", s.expire)
		case <-orphans.C:
			s.sweep(ctx, "content that nothing names", s.orphans)
		}
	}
}

func (s *Service) sweep(ctx context.Context, what string, f func(context.Context) (int, error)) {
	n, err := f(ctx)
	if err != nil && ctx.Err() == nil {
		s.log.Error("remove "+what, "error", err)
	}
	if n > 0 {
		s.log.Info("removed "+what, "count", n)
	}
}

// expire removes the records whose time is over.
func (s *Service) expire(ctx context.Context) (int, error) {
	n := 0
	for {
		gone, err := s.take(ctx, func(q *bun.SelectQuery) {
			q.Where("expires > 0 AND expires <= ?", time.Now().UnixMilli()).OrderBy("expires", bun.OrderAsc)
		})
		n += len(gone)
		if err != nil || len(gone) < sweepBatch {
			return n, err
		}
	}
}

// take removes up to sweepBatch records.
func (s *Service) take(ctx context.Context, which func(*bun.SelectQuery)) ([]File, error) {
	var gone []File
	err := s.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		gone = nil
		var rows []fileRow
		q := tx.NewSelect().Model(&rows).Limit(sweepBatch)
		which(q)
		err := q.Scan(ctx)
		if err != nil {
			return err
		}
		if gone, err = complete(ctx, tx, rows); err != nil {
			return err
		}
		return deleteRows(ctx, tx, gone)
	})
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	s.deleted(ctx, gone)
	return gone, nil
}

// orphans removes blobs whose rows were never committed or are gone.
func (s *Service) orphans(ctx context.Context) (int, error) {
	named := make(map[string]bool)
	rows, err := s.db.Query().QueryContext(ctx, referenced)
	if err != nil {
		return 0, fmt.Errorf("files: list what is named: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b store.Blob
		if err := rows.Scan(&b.Hash, &b.Size); err != nil {
			return 0, fmt.Errorf("files: list what is named: %w", err)
		}
		named[b.Hash] = true
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("files: list what is named: %w", err)
	}
	n := 0
	err = s.blobs.Walk(ctx, func(b store.Blob, stored time.Time) error {
		if !named[b.Hash] && time.Since(stored) > orphanAge {
			s.collect(ctx, b.Hash)
			n++
		}
		return nil
	})
	return n, err
}

// Prune says which files a retention rule removes.
type Prune struct {
	Packages bool                   // mission packages; otherwise all other files
	Before   time.Time              // those submitted earlier; zero: none for their age
	KeepSize int64                  // the newest up to this many bytes together; 0: no limit
	KeepMost int64                  // the newest up to this many; 0: no limit
	DryRun   bool                   // only count
	Keep     func(hash string) bool // those that must stay, because a mission has them; nil: none
}

// Pruned is what a rule removed, or would.
type Pruned struct {
	Count  int
	Bytes  int64
	Oldest time.Time // of them
}

// Prune removes files by age and size, oldest first, as a part of the server: no
// rights are asked for.
func (s *Service) Prune(ctx context.Context, rule Prune) (Pruned, error) {
	var rows []fileRow
	not := "NOT "
	if rule.Packages {
		not = ""
	}
	err := s.db.Query().NewSelect().Model(&rows).Column("id", "hash", "size", "submitted").
		Where(not+"EXISTS (SELECT 1 FROM file_keywords AS k WHERE k.file_id = f.id AND k.keyword_key = ?)", KeywordPackage).
		OrderBy("submitted", bun.OrderDesc).OrderBy("id", bun.OrderDesc).Scan(ctx)
	if err != nil {
		return Pruned{}, fmt.Errorf("files: prune: %w", err)
	}
	var out Pruned
	var doomed []int64
	var size, count int64 // of those that stay
	for _, r := range rows {
		size, count = size+r.Size, count+1
		over := !rule.Before.IsZero() && r.Submitted < rule.Before.UnixMilli() ||
			rule.KeepSize > 0 && size > rule.KeepSize || rule.KeepMost > 0 && count > rule.KeepMost
		if !over || rule.Keep != nil && rule.Keep(r.Hash) {
			continue
		}
		size, count = size-r.Size, count-1
		doomed = append(doomed, r.ID)
		out.Count, out.Bytes, out.Oldest = out.Count+1, out.Bytes+r.Size, fromMillis(r.Submitted)
	}
	if rule.DryRun {
		return out, nil
	}
	for len(doomed) > 0 {
		n := min(len(doomed), sweepBatch)
		ids := doomed[len(doomed)-n:] // the oldest first
		doomed = doomed[:len(doomed)-n]
		if _, err := s.take(ctx, func(q *bun.SelectQuery) { q.Where("id IN (?)", bun.List(ids)) }); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Usage is how much a kind of files takes.
type Usage struct {
	Count  int
	Bytes  int64 // of the records; content that several share counts for each
	Oldest time.Time
}

// Usage measures mission packages, or all other files.
func (s *Service) Usage(ctx context.Context, packages bool) (Usage, error) {
	p, err := s.Prune(ctx, Prune{Packages: packages, Before: time.Now().Add(time.Hour), DryRun: true})
	return Usage(p), err
}

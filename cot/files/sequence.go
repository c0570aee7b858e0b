package files

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

const maxSequences = 10_000

// Sequence returns the next number, from 1, of the count called name. Everybody
// who may use the server shares the counts.
func (s *Service) Sequence(ctx context.Context, id auth.Identity, name string) (int64, error) {
	if err := auth.Allow(id, auth.Join, auth.Server()); err != nil {
		return 0, fmt.Errorf("files: %w", err)
	}
	if err := checkText("key", name, maxText); err != nil || name == "" {
		return 0, fmt.Errorf("files: %w key", ErrInvalid)
	}
	var n int64
	err := s.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		n = 0
		err := tx.NewRaw("SELECT value FROM file_sequences WHERE name = ?", name).Scan(ctx, &n)
		if err != nil && !missing(err) {
			return err
		}
		if n++; n > 1 {
			_, err = tx.NewRaw("UPDATE file_sequences SET value = ? WHERE name = ?", n, name).Exec(ctx)
			return err
		}
		var have int
		if err := tx.NewRaw("SELECT COUNT(*) FROM file_sequences").Scan(ctx, &have); err != nil {
			return err
		}
		if have >= maxSequences {
			return fmt.Errorf("%w key: there are %d already", ErrInvalid, have)
		}
		_, err = tx.NewRaw("INSERT INTO file_sequences (name, value) VALUES (?, ?)", name, n).Exec(ctx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("files: count: %w", err)
	}
	return n, nil
}

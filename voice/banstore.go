package voice

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/store"
)

type banRow struct {
	bun.BaseModel `bun:"table:voice_bans,alias:b"`

	Seq    int64  `bun:"seq,pk"`
	Login  string `bun:"login"`
	Hash   string `bun:"hash"`
	Name   string `bun:"name"`
	Reason string `bun:"reason"`
	Began  int64  `bun:"began"` // Unix ms
	Lasts  int64  `bun:"lasts"` // ms
}

// storedBans keeps bans in the database.
type storedBans struct{ db *store.DB }

// NewBanList returns a BanList that keeps bans in the database.
func NewBanList(db *store.DB) BanList { return storedBans{db} }

// LoadBans implements BanList.
func (s storedBans) LoadBans(ctx context.Context) ([]Ban, error) {
	var rows []banRow
	if err := s.db.Query().NewSelect().Model(&rows).Order("seq").Scan(ctx); err != nil {
		return nil, fmt.Errorf("voice: read bans: %w", err)
	}
	out := make([]Ban, 0, len(rows))
	for _, r := range rows {
		out = append(out, Ban{
			User: r.Login, Hash: r.Hash, Name: r.Name, Reason: r.Reason, Start: time.UnixMilli(r.Began).UTC(),
			Length: time.Duration(r.Lasts) * time.Millisecond,
		})
	}
	return out, nil
}

// SaveBans implements BanList.
func (s storedBans) SaveBans(ctx context.Context, all []Ban) error {
	rows := make([]banRow, 0, len(all))
	for i, b := range all {
		rows = append(rows, banRow{
			Seq: int64(i + 1), Login: b.User, Hash: b.Hash, Name: b.Name, Reason: b.Reason, Began: b.Start.UnixMilli(), Lasts: b.Length.Milliseconds(),
		})
	}
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*banRow)(nil)).Where("seq > 0").Exec(ctx); err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		_, err := tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("voice: store bans: %w", err)
	}
	return nil
}

package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

type messageRow struct {
	bun.BaseModel `bun:"table:webhook_messages,alias:m"`

	Hook     string `bun:"hook,pk"`
	Seq      int64  `bun:"seq,pk"`
	ID       string `bun:"id"`
	Type     string `bun:"type"`
	Body     string `bun:"body"`
	At       int64  `bun:"at"` // Unix ms
	Attempts int64  `bun:"attempts"`
	Due      int64  `bun:"due"` // Unix ms
}

type stateRow struct {
	bun.BaseModel `bun:"table:webhook_states,alias:s"`

	Hook      string `bun:"hook,pk"`
	OffSince  int64  `bun:"off_since"` // Unix ms; 0: on
	Delivered int64  `bun:"delivered"` // likewise; 0: never
	Failed    int64  `bun:"failed"`
	LastError string `bun:"last_error"`
	Dropped   int64  `bun:"dropped"`
}

// State is how one hook does.
type State struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Events    []string  `json:"events" doc:"Types that are sent to it."`
	Waiting   int       `json:"waiting" doc:"Messages that wait."`
	Off       bool      `json:"off" doc:"Whether its server has said that it is gone; a test switches it on again."`
	Delivered time.Time `json:"delivered,omitzero" doc:"When the last message was taken."`
	Failed    time.Time `json:"failed,omitzero" doc:"When the last attempt failed."`
	LastError string    `json:"lastError" doc:"What was wrong then."`
	Dropped   int64     `json:"dropped" doc:"Messages that were given up."`
	Next      time.Time `json:"next,omitzero" doc:"When the first of those that wait is sent."`
}

// begin brings the tables in line with the configuration: what waits for a hook
// that is not there any more goes.
func (s *Sender) begin(ctx context.Context) error {
	ids := []string{""} // an empty list is no SQL
	for _, h := range s.hooks {
		ids = append(ids, h.id)
	}
	var waiting int64
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*messageRow)(nil)).Where("hook NOT IN ?", bun.Tuple(ids)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*stateRow)(nil)).Where("hook NOT IN ?", bun.Tuple(ids)).Exec(ctx); err != nil {
			return err
		}
		for _, h := range s.hooks {
			if _, err := tx.NewInsert().Model(&stateRow{Hook: h.id}).On("CONFLICT (hook) DO NOTHING").Exec(ctx); err != nil {
				return err
			}
		}
		var err error
		waiting, err = tx.NewSelect().Model((*messageRow)(nil)).Count(ctx)
		return err
	})
	s.count.waiting.Store(waiting)
	return err
}

// store keeps messages and wakes their hooks. A hook that is switched off gets
// none. Where more wait than may, the oldest go.
func (s *Sender) store(ctx context.Context, all map[*hook][]messageRow) error {
	var added, dropped int64
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		added, dropped = 0, 0
		for h, rows := range all {
			off, err := tx.NewSelect().Model((*stateRow)(nil)).Where("hook = ? AND off_since <> 0", h.id).Exists(ctx)
			if err != nil {
				return err
			}
			if off {
				continue
			}
			if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
				return err
			}
			n, err := tx.NewSelect().Model((*messageRow)(nil)).Where("hook = ?", h.id).Count(ctx)
			if err != nil {
				return err
			}
			added += int64(len(rows))
			if n <= s.most {
				continue
			}
			gone, err := s.trim(ctx, tx, h.id, n-s.most)
			if err != nil {
				return err
			}
			dropped += gone
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store messages: %w", err)
	}
	s.count.waiting.Add(added - dropped)
	s.count.dropped.Add(dropped)
	for h := range all {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// trim drops the oldest excess messages of a hook.
func (s *Sender) trim(ctx context.Context, tx bun.Tx, id string, excess int64) (int64, error) {
	var seq []int64
	err := tx.NewSelect().Model((*messageRow)(nil)).Column("seq").Where("hook = ?", id).Order("seq").Limit(excess).Scan(ctx, &seq)
	if err != nil || len(seq) == 0 {
		return 0, err
	}
	if _, err := tx.NewDelete().Model((*messageRow)(nil)).Where("hook = ? AND seq <= ?", id, seq[len(seq)-1]).Exec(ctx); err != nil {
		return 0, err
	}
	_, err = tx.NewUpdate().Model((*stateRow)(nil)).Set("dropped = dropped + ?", len(seq)).Where("hook = ?", id).Exec(ctx)
	return int64(len(seq)), err
}

// next returns the message of a hook that is to be sent first; nil: none waits.
func (s *Sender) next(ctx context.Context, id string) (*messageRow, error) {
	var rows []messageRow
	err := s.deps.DB.Query().NewSelect().Model(&rows).Where("hook = ?", id).Order("seq").Limit(1).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// done takes a message off the list: delivered, or given up.
func (s *Sender) done(ctx context.Context, m *messageRow, delivered bool, why string) error {
	now := time.Now().UnixMilli()
	var gone int64
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewDelete().Model((*messageRow)(nil)).Where("hook = ? AND seq = ?", m.Hook, m.Seq).Exec(ctx)
		if err != nil {
			return err
		}
		if gone, err = res.RowsAffected(); err != nil {
			return err
		}
		q := tx.NewUpdate().Model((*stateRow)(nil)).Where("hook = ?", m.Hook)
		if delivered {
			q = q.Set("delivered = ?", now).Set("last_error = ''")
		} else {
			q = q.Set("failed = ?", now).Set("last_error = ?", why).Set("dropped = dropped + 1")
		}
		_, err = q.Exec(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.count.waiting.Add(-gone)
	if delivered {
		s.count.delivered.Add(1)
	} else {
		s.count.dropped.Add(gone)
	}
	return nil
}

// later puts a message off until due.
func (s *Sender) later(ctx context.Context, m *messageRow, due time.Time, why string) error {
	return s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*messageRow)(nil)).Set("attempts = attempts + 1").Set("due = ?", due.UnixMilli()).
			Where("hook = ? AND seq = ?", m.Hook, m.Seq).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model((*stateRow)(nil)).Set("failed = ?", time.Now().UnixMilli()).Set("last_error = ?", why).
			Where("hook = ?", m.Hook).Exec(ctx)
		return err
	})
}

// switchOff ends a hook whose server is gone, with all that waits for it.
func (s *Sender) switchOff(ctx context.Context, id, why string) error {
	now := time.Now().UnixMilli()
	var gone int64
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewDelete().Model((*messageRow)(nil)).Where("hook = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		if gone, err = res.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model((*stateRow)(nil)).Set("off_since = ?", now).Set("failed = ?", now).Set("last_error = ?", why).
			Set("dropped = dropped + ?", gone).Where("hook = ?", id).Exec(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.count.waiting.Add(-gone)
	s.count.dropped.Add(gone)
	return nil
}

func (s *Sender) switchOn(ctx context.Context, id string) error {
	return s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*stateRow)(nil)).Set("off_since = 0").Where("hook = ?", id).Exec(ctx)
		return err
	})
}

// States says how each hook does, in the order of the configuration.
func (s *Sender) States(ctx context.Context) ([]State, error) {
	out := []State{}
	for _, h := range s.hooks {
		st := State{ID: h.id, URL: h.URL, Events: append([]string{}, h.Events...)}
		var rows []stateRow
		if err := s.deps.DB.Query().NewSelect().Model(&rows).Where("hook = ?", h.id).Scan(ctx); err != nil {
			return nil, fmt.Errorf("webhooks: read states: %w", err)
		}
		if len(rows) > 0 {
			r := rows[0]
			st.Off, st.LastError, st.Dropped = r.OffSince != 0, r.LastError, r.Dropped
			st.Delivered, st.Failed = at(r.Delivered), at(r.Failed)
		}
		n, err := s.deps.DB.Query().NewSelect().Model((*messageRow)(nil)).Where("hook = ?", h.id).Count(ctx)
		if err != nil {
			return nil, fmt.Errorf("webhooks: count messages: %w", err)
		}
		st.Waiting = int(n)
		if first, err := s.next(ctx, h.id); err == nil && first != nil {
			st.Next = at(first.Due)
		}
		out = append(out, st)
	}
	return out, nil
}

func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

package mission

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/run"
)

const (
	pruneTick  = time.Hour
	maxExpired = 20 // missions deleted in one go
)

// Run deletes missions whose time is over, forgets the oldest history and passes
// on what feeds let through, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g := run.NewGroup(ctx, s.log, "mission")
	g.Go(s.feed)
	g.Go(func(ctx context.Context) {
		expiry, prune := time.NewTicker(expiryTick), time.NewTicker(pruneTick)
		defer expiry.Stop()
		defer prune.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-expiry.C:
				s.expire(ctx)
			case <-prune.C:
				s.prune(ctx)
			}
		}
	})
	<-ctx.Done()
	g.Wait()
	return nil
}

// expire deletes the missions whose time is over. One that cannot be deleted is
// tried again at the next tick.
func (s *Service) expire(ctx context.Context) {
	var due []missionRow
	err := s.db.Query().NewSelect().Model(&due).Where("deleted = 0 AND expires <> 0 AND expires <= ?", s.time()).Limit(maxExpired).Scan(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("missions that are over could not be found", "error", err)
		}
		return
	}
	for _, m := range due {
		c := Caller{Identity: auth.System("mission"), UID: m.CreatorUID}
		if _, err := s.Delete(ctx, c, Ref{GUID: m.GUID}, false); err != nil && ctx.Err() == nil {
			s.log.Error("a mission that is over could not be deleted", "mission", m.GUID, "error", err)
		}
	}
}

// prune keeps histories bounded.
func (s *Service) prune(ctx context.Context) {
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var long []struct {
			Mission string `bun:"mission"`
			Last    int64  `bun:"last_seq"`
		}
		err := tx.NewSelect().TableExpr("mission_changes").ColumnExpr("mission, MAX(seq) AS last_seq").
			Group("mission").Having("MAX(seq) - MIN(seq) >= ?", s.cfg.KeepChanges).Scan(ctx, &long)
		if err != nil {
			return err
		}
		for _, l := range long {
			_, err := tx.NewDelete().Model((*changeRow)(nil)).Where("mission = ? AND seq <= ?", l.Mission, l.Last-int64(s.cfg.KeepChanges)).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.log.Error("old changes of missions could not be removed", "error", err)
	}
}

// Gone is a deleted mission that can be brought back.
type Gone struct {
	GUID    string   `json:"guid"`
	Name    string   `json:"name"`
	Creator string   `json:"creatorUid"`
	Created Time     `json:"createTime"`
	Deleted Time     `json:"deleteTime"`
	Archive string   `json:"hash"` // of the package that was kept
	Groups  []string `json:"groups"`
}

// Deleted returns the deleted missions, for administrators.
func (s *Service) Deleted(ctx context.Context, c Caller) ([]Gone, error) {
	if auth.Allow(c.Identity, auth.Admin, auth.Server()) != nil {
		return nil, refuse(ErrDenied, "Forbidden: this is for administrators.")
	}
	var rows []missionRow
	if err := s.db.Query().NewSelect().Model(&rows).Where("deleted <> 0").OrderExpr("deleted DESC, guid").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: list deleted missions: %w", err)
	}
	out := make([]Gone, len(rows))
	for i, m := range rows {
		out[i] = Gone{m.GUID, m.Name, m.CreatorUID, Time(m.Created), Time(m.Deleted), m.Archive, full(m.Groups.V)}
	}
	return out, nil
}

// Restore brings a deleted mission back, for administrators. The error wraps
// ErrConflict while another mission has its name.
func (s *Service) Restore(ctx context.Context, c Caller, guid string) (Mission, error) {
	if auth.Allow(c.Identity, auth.Admin, auth.Server()) != nil {
		return Mission{}, refuse(ErrDenied, "Forbidden: this is for administrators.")
	}
	defer s.lock(guid).Unlock()
	var done *edit
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		m, err := byGUID(ctx, tx, guid)
		if err != nil {
			return err
		}
		if m.Deleted == 0 {
			return refuse(ErrConflict, "The mission is not deleted.")
		}
		e := &edit{ctx: ctx, tx: tx, c: c, now: s.time(), m: m, role: RoleOwner}
		if err := s.checkFree(e, Spec{}); err != nil {
			return err
		}
		e.m.Deleted = 0
		if e.m.Expires != 0 && e.m.Expires <= e.now {
			e.m.Expires = 0 // else it would go again at once
		}
		e.add(CreateMission, "", changeContent{})
		done = e
		return s.finish(e)
	})
	if err != nil {
		return Mission{}, err
	}
	s.told(done, func(e *edit) { s.announce(e, eventNew) })
	if err := s.loadFeeds(ctx); err != nil {
		return Mission{}, fmt.Errorf("mission: read the feeds: %w", err)
	}
	return whole(ctx, s.db.Query(), done.m, RoleOwner)
}

// Purge forgets for good the missions that were deleted before a time, and
// returns how many. With that their names answer "not found" again.
func (s *Service) Purge(ctx context.Context, before time.Time) (int, error) {
	var n int64
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewDelete().Model((*missionRow)(nil)).Where("deleted <> 0 AND deleted < ?", before.UnixMilli()).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*logRow)(nil)).Where("id NOT IN (SELECT log FROM mission_log_refs)").Exec(ctx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("mission: purge: %w", err)
	}
	return int(n), nil
}

package mission

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
)

// Contribute implements cot.Missions: e becomes content of the mission that d
// names, and goes to the connected subscribers but the sender, followed by the
// change. A subscription of the sender says what he may; without one the role is
// that of anybody without a token.
func (s *Service) Contribute(ctx context.Context, e *cot.Event, d wire.Dest) error {
	err := s.contribute(ctx, e, d)
	if err != nil {
		s.n.refused.Add(1)
		return fmt.Errorf("mission: contribute: %w", err)
	}
	s.n.contributed.Add(1)
	return nil
}

func (s *Service) contribute(ctx context.Context, event *cot.Event, d wire.Dest) error {
	ev, err := own(event)
	if err != nil {
		return err
	}
	if err := errors.Join(checkUID(ev.UID), checkText(d.Path, d.After)); err != nil {
		return err
	}
	c := Caller{Identity: event.From.Identity, UID: event.From.UID}
	if c.UID == "" {
		c.UID = c.Identity.User
	}
	m, err := find(ctx, s.db.Query(), c.Identity, Ref{Name: d.Mission, GUID: d.MissionGUID})
	if err != nil {
		return err
	}
	defer s.lock(m.GUID).Unlock()
	var done *edit
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		e := &edit{ctx: ctx, tx: tx, c: c, now: s.time()}
		var err error
		if e.m, err = find(ctx, tx, c.Identity, Ref{GUID: m.GUID}); err != nil {
			return err
		}
		if e.role, err = s.senderRole(ctx, tx, c, e.m); err != nil {
			return err
		}
		if err := permit(c.Identity, e.m, e.role, Write); err != nil {
			return err
		}
		if err := s.addUID(e, ev.UID, ev); err != nil {
			return err
		}
		if d.Path != "" || d.After != "" {
			if err := e.needLayer(d.Path); err != nil {
				return err
			}
			if err := e.place(d.Path, d.After, []string{ev.UID}); err != nil {
				return err
			}
		}
		done = e
		return s.finish(e)
	})
	if err != nil {
		return err
	}
	if to := s.audience(done.m, done.subs); len(to) > 0 {
		s.router.Deliver(event, to)
	}
	s.told(done, func(e *edit) { s.tellChanges(e) })
	return nil
}

// senderRole is the role of a stream's client.
func (s *Service) senderRole(ctx context.Context, tx bun.Tx, c Caller, m missionRow) (Role, error) {
	var subs []subRow
	err := tx.NewSelect().Model(&subs).Where("mission = ? AND client_uid = ? AND username = ?", m.GUID, c.UID, c.Identity.User).Scan(ctx)
	if err != nil {
		return RoleNone, fmt.Errorf("mission: read a subscription: %w", err)
	}
	if len(subs) > 0 {
		return subs[0].Role, nil
	}
	return s.role(ctx, tx, c, m)
}

// Seen implements cot.Missions: the stored subscriptions of a device that has
// come back are live again, and it is told of invitations that wait for it.
func (s *Service) Seen(ctx context.Context, from cot.Sender) {
	if from.UID == "" {
		return
	}
	if err := s.revive(ctx, from); err != nil {
		s.log.Error("subscriptions could not be made live", "uid", from.UID, "error", err)
	}
	self := s.self(from.Identity, from.UID)
	if self.Callsign == "" {
		self.Callsign = from.Callsign
	}
	list, err := s.pending(ctx, from.Identity, self)
	if err != nil {
		s.log.Error("invitations could not be read", "uid", from.UID, "error", err)
		return
	}
	for _, p := range list {
		s.sendInvitation(p.m, p.row, []string{from.UID})
	}
}

// revive writes only where something is asleep: most connections change nothing.
func (s *Service) revive(ctx context.Context, from cot.Sender) error {
	where := func(q bun.QueryBuilder) bun.QueryBuilder {
		return q.Where("client_uid = ? AND username = ? AND NOT live", from.UID, from.Identity.User)
	}
	n, err := s.db.Query().NewSelect().Model((*subRow)(nil)).ApplyQueryBuilder(where).Count(ctx)
	if err != nil || n == 0 {
		return err
	}
	return s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*subRow)(nil)).Set("live = ?", true).ApplyQueryBuilder(where).Exec(ctx)
		return err
	})
}

// waiting is an invitation with its mission.
type waiting struct {
	row invitationRow
	m   missionRow
}

// pending returns the invitations for a client, of missions it may see.
func (s *Service) pending(ctx context.Context, id auth.Identity, self client) ([]waiting, error) {
	var rows []invitationRow
	if err := s.db.Query().NewSelect().Model(&rows).Order("created", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read invitations: %w", err)
	}
	var out []waiting
	for _, r := range rows {
		if !self.invited(r) {
			continue
		}
		m, err := find(ctx, s.db.Query(), id, Ref{GUID: r.Mission})
		switch {
		case err == nil:
			out = append(out, waiting{r, m})
		case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrGone):
			return nil, err
		}
	}
	return out, nil
}

package mission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"muster/cot"
	"muster/internal/auth"
)

const maxSubscribers = 10_000 // of a mission

// Subscribe stores that the device uid of the caller wants to be told of a
// mission's changes. A mission with a password takes that, an invitation or a
// token; one by invitation takes an invitation or a token. Who is subscribed
// already keeps his role. want says what Mission of the result holds; nil: there
// is none.
func (s *Service) Subscribe(ctx context.Context, c Caller, ref Ref, uid, password string, want *Want) (Subscription, error) {
	if err := checkUID(uid); err != nil {
		return Subscription{}, err
	}
	m, err := find(ctx, s.db.Query(), c.Identity, ref)
	if err != nil {
		return Subscription{}, err
	}
	if password != "" {
		if err := s.checkPassword(ctx, m, password); err != nil {
			return Subscription{}, err
		}
	}
	self := s.self(c.Identity, uid)
	defer s.lock(m.GUID).Unlock()
	var sub subRow
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		// As it is now: the password was right for what was read before.
		checked := m.Password
		if m, err = find(ctx, tx, c.Identity, Ref{GUID: m.GUID}); err != nil {
			return err
		}
		sub, err = s.subscribe(ctx, tx, c, m, uid, self, password != "" && checked == m.Password)
		return err
	})
	if err != nil {
		return Subscription{}, err
	}
	out := sub.public(m)
	if out.Token, err = s.token(subscriptionToken, sub.ID, m); err != nil || want == nil {
		return out, err
	}
	whole, err := whole(ctx, s.db.Query(), m, sub.Role)
	if err != nil {
		return out, err
	}
	out.Mission = &whole
	return out, s.addHistory(ctx, s.db.Query(), m, &whole, *want)
}

func (s *Service) subscribe(ctx context.Context, tx bun.Tx, c Caller, m missionRow, uid string, self client, opened bool) (subRow, error) {
	var subs []subRow
	if err := tx.NewSelect().Model(&subs).Where("mission = ?", m.GUID).Scan(ctx); err != nil {
		return subRow{}, fmt.Errorf("mission: read subscriptions: %w", err)
	}
	have := slices.IndexFunc(subs, func(r subRow) bool { return r.ClientUID == uid && r.Username == c.Identity.User })
	invited, err := s.invitedRole(ctx, tx, c, m, self)
	if err != nil {
		return subRow{}, err
	}
	if have >= 0 {
		row := subs[have]
		row.Live = true
		if invited.covers(row.Role) {
			row.Role = invited
		}
		_, err := tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return row, errors.Join(err, dropInvitations(ctx, tx, m, self))
	}
	role, err := s.role(ctx, tx, c, m)
	if err != nil {
		return subRow{}, err
	}
	if role == RoleNone && invited == RoleNone && (!opened || m.InviteOnly) {
		if m.InviteOnly {
			return subRow{}, refuse(ErrDenied, "Forbidden: the mission is by invitation only.")
		}
		return subRow{}, refuse(ErrDenied, "Forbidden: the mission has a password.")
	}
	if len(subs) >= maxSubscribers {
		return subRow{}, refuse(ErrInvalid, "The mission has too many subscribers.")
	}
	row := subRow{ID: newID(), Mission: m.GUID, ClientUID: uid, Username: c.Identity.User, Role: m.defaultRole(), Live: true, Created: s.time()}
	if invited != RoleNone {
		row.Role = invited
	}
	for _, old := range subs {
		// Who owns the mission owns it on a new device, too.
		if old.Username == c.Identity.User && old.Role == RoleOwner {
			row.Role = RoleOwner
		}
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return subRow{}, fmt.Errorf("mission: write a subscription: %w", err)
	}
	return row, dropInvitations(ctx, tx, m, self)
}

// Unsubscribe ends the live delivery to a device of the caller; keep leaves the
// subscription with its role for later. Owners may unsubscribe others.
func (s *Service) Unsubscribe(ctx context.Context, c Caller, ref Ref, uid string, keep bool) error {
	return s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		m, err := find(ctx, tx, c.Identity, ref)
		if err != nil {
			return err
		}
		role, err := s.role(ctx, tx, c, m)
		if err != nil {
			return err
		}
		where := func(q bun.QueryBuilder) bun.QueryBuilder {
			q = q.Where("mission = ? AND client_uid = ?", m.GUID, uid)
			if !role.Has(SetRole) {
				q = q.Where("username = ?", c.Identity.User)
			}
			return q
		}
		n, err := tx.NewSelect().Model((*subRow)(nil)).ApplyQueryBuilder(where).Count(ctx)
		if err == nil && n == 0 {
			return refuse(ErrNotFound, "Not Found: there is no such subscription.")
		}
		if err == nil && keep {
			_, err = tx.NewUpdate().Model((*subRow)(nil)).Set("live = ?", false).ApplyQueryBuilder(where).Exec(ctx)
		} else if err == nil {
			_, err = tx.NewDelete().Model((*subRow)(nil)).ApplyQueryBuilder(where).Exec(ctx)
		}
		if err != nil {
			return fmt.Errorf("mission: end a subscription: %w", err)
		}
		return nil
	})
}

// SubscriptionOf returns the caller's own subscription of a device, with its
// token.
func (s *Service) SubscriptionOf(ctx context.Context, c Caller, ref Ref, uid string) (Subscription, error) {
	q := s.db.Query()
	m, err := find(ctx, q, c.Identity, ref)
	if err != nil {
		return Subscription{}, err
	}
	var rows []subRow
	err = q.NewSelect().Model(&rows).Where("mission = ? AND client_uid = ? AND username = ?", m.GUID, uid, c.Identity.User).Scan(ctx)
	if err != nil {
		return Subscription{}, fmt.Errorf("mission: read a subscription: %w", err)
	}
	if len(rows) == 0 {
		return Subscription{}, refuse(ErrNotFound, "Not Found: there is no such subscription.")
	}
	out := rows[0].public(m)
	out.Token, err = s.token(subscriptionToken, rows[0].ID, m)
	return out, err
}

// Subscriptions returns who is subscribed to a mission, without tokens.
func (s *Service) Subscriptions(ctx context.Context, c Caller, ref Ref) ([]Subscription, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return nil, err
	}
	var rows []subRow
	if err := q.NewSelect().Model(&rows).Where("mission = ?", m.GUID).Order("created", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read subscriptions: %w", err)
	}
	online := s.online()
	out := make([]Subscription, len(rows))
	for i, r := range rows {
		out[i] = r.public(m)
		if who, ok := online.find(r); ok {
			out[i].Connected, out[i].Callsign = true, who.Callsign
		}
	}
	return out, nil
}

// ContactsOf returns the connected devices that are subscribed to a mission.
func (s *Service) ContactsOf(ctx context.Context, c Caller, ref Ref) ([]cot.Contact, error) {
	subs, err := s.Subscriptions(ctx, c, ref)
	if err != nil {
		return nil, err
	}
	out := []cot.Contact{}
	for _, d := range s.router.Subscriptions(auth.System("mission")) {
		if slices.ContainsFunc(subs, func(sub Subscription) bool {
			return sub.ClientUID == d.UID && strings.EqualFold(sub.Username, d.User)
		}) {
			out = append(out, d.Contact)
		}
	}
	return out, nil
}

// AllSubscriptions returns the live subscriptions of every mission c may read.
func (s *Service) AllSubscriptions(ctx context.Context, c Caller) ([]Subscription, error) {
	rows, err := s.readable(ctx, c)
	if err != nil {
		return nil, err
	}
	var subs []subRow
	if err := s.db.Query().NewSelect().Model(&subs).Where("live").Order("created", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read subscriptions: %w", err)
	}
	out := []Subscription{}
	for _, r := range subs {
		if m, ok := rows[r.Mission]; ok {
			out = append(out, r.public(m))
		}
	}
	return out, nil
}

// readable returns the missions in which c may read, by guid.
func (s *Service) readable(ctx context.Context, c Caller) (map[string]missionRow, error) {
	var rows []missionRow
	if err := s.db.Query().NewSelect().Model(&rows).Where("deleted = 0").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: list missions: %w", err)
	}
	own, err := s.ownRoles(ctx, s.db.Query(), c)
	if err != nil {
		return nil, err
	}
	out := make(map[string]missionRow)
	for _, m := range rows {
		if auth.Allow(c.Identity, auth.Read, m.resource()) != nil {
			continue
		}
		r, err := s.listRole(ctx, s.db.Query(), c, m, own)
		if err != nil {
			return nil, err
		}
		if r.Has(Read) {
			out[m.GUID] = m
		}
	}
	return out, nil
}

// RoleChange gives a subscription another role. ClientUID or Username may be
// empty: then all that fit the other are meant.
type RoleChange struct {
	ClientUID string `json:"clientUid"`
	Username  string `json:"username"`
	Role      Role   `json:"role"`
}

// SetRoles changes roles of subscriptions. Nobody may give what he does not have.
func (s *Service) SetRoles(ctx context.Context, c Caller, ref Ref, list []RoleChange) error {
	if len(list) == 0 || len(list) > maxSubscribers {
		return refuse(ErrInvalid, "Name the subscriptions that get a role.")
	}
	var changed []subRow
	_, err := s.change(ctx, c, ref, SetRole, func(e *edit) error {
		changed = nil
		var subs []subRow
		if err := e.tx.NewSelect().Model(&subs).Where("mission = ?", e.m.GUID).Scan(e.ctx); err != nil {
			return fmt.Errorf("mission: read subscriptions: %w", err)
		}
		for _, want := range list {
			if want.Role == RoleNone || want.ClientUID == "" && want.Username == "" {
				return refuse(ErrInvalid, "Name a role, and the clientUid or username that gets it.")
			}
			if !e.role.covers(want.Role) {
				return refuse(ErrDenied, "Forbidden: nobody may give a role with more rights than his own.")
			}
			found := false
			for _, sub := range subs {
				if want.ClientUID != "" && sub.ClientUID != want.ClientUID || want.Username != "" && !strings.EqualFold(sub.Username, want.Username) {
					continue
				}
				found = true
				sub.Role = want.Role
				if _, err := e.tx.NewUpdate().Model(&sub).WherePK().Exec(e.ctx); err != nil {
					return fmt.Errorf("mission: write a role: %w", err)
				}
				changed = append(changed, sub)
			}
			if !found {
				return refuse(ErrNotFound, "Not Found: there is no such subscription.")
			}
		}
		return nil
	}, func(e *edit) {
		for _, sub := range changed {
			s.tellRole(e, sub)
		}
	})
	return err
}

// AccessToken returns a token with the default role of a mission: for its
// password, or for those whose role lets them read anyway.
func (s *Service) AccessToken(ctx context.Context, c Caller, ref Ref, password string) (string, error) {
	m, err := find(ctx, s.db.Query(), c.Identity, ref)
	if err != nil {
		return "", err
	}
	if password != "" {
		if err := s.checkPassword(ctx, m, password); err != nil {
			return "", err
		}
		if m.InviteOnly {
			return "", refuse(ErrDenied, "Forbidden: the mission is by invitation only.")
		}
	} else if _, _, err := s.may(ctx, s.db.Query(), c, ref, Read); err != nil {
		return "", err
	}
	return s.token(accessToken, accessID(m), m)
}

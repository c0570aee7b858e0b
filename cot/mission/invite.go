package mission

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// The types of invitations: what their invitee names.
const (
	ByClient   = "clientUid"
	ByCallsign = "callsign"
	ByUser     = "userName"
	ByGroup    = "group"
	ByTeam     = "team"
)

// InviteTypes lists the types of invitations.
func InviteTypes() []string { return []string{ByClient, ByCallsign, ByUser, ByGroup, ByTeam} }

const maxInvitations = 5000 // of a mission

// Invitee is who is invited, and to what role; RoleNone is the mission's default.
type Invitee struct {
	Type    string `json:"type"`
	Invitee string `json:"invitee"`
	Role    Role   `json:"role"`
}

func (i Invitee) check() error {
	if !slices.Contains(InviteTypes(), i.Type) {
		return refuse(ErrInvalid, "The type of the invitation is none of clientUid, callsign, userName, group and team.")
	}
	return checkUID(i.Invitee)
}

// Invite invites people and tells those who are connected. An invitation that
// exists gets the new role.
func (s *Service) Invite(ctx context.Context, c Caller, ref Ref, list []Invitee) error {
	if len(list) == 0 || len(list) > maxWords {
		return refuse(ErrInvalid, "Name whom to invite.")
	}
	for _, i := range list {
		if err := i.check(); err != nil {
			return err
		}
	}
	online := s.online()
	owners, err := s.owners(ctx, list)
	if err != nil {
		return err
	}
	var made []invitationRow
	_, err = s.change(ctx, c, ref, Write, func(e *edit) error {
		made = nil
		n, err := e.tx.NewSelect().Model((*invitationRow)(nil)).Where("mission = ?", e.m.GUID).Count(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: count invitations: %w", err)
		}
		if int(n)+len(list) > maxInvitations {
			return refuse(ErrInvalid, "The mission has too many invitations.")
		}
		for _, i := range list {
			row, err := e.invite(i, owners[i.Invitee])
			if err != nil {
				return err
			}
			made = append(made, row)
		}
		return nil
	}, func(e *edit) {
		for _, row := range made {
			s.tellInvited(e.m, row, online)
		}
	})
	return err
}

func (e *edit) invite(i Invitee, owner string) (invitationRow, error) {
	role := i.Role
	if role == RoleNone {
		role = e.m.defaultRole()
	}
	if !e.role.covers(role) {
		return invitationRow{}, refuse(ErrDenied, "Forbidden: nobody may invite to a role with more rights than his own.")
	}
	row := invitationRow{ID: newID(), Mission: e.m.GUID, Type: i.Type, Invitee: i.Invitee, CreatorUID: e.c.UID, Role: role, Created: e.now}
	if i.Type == ByClient {
		row.Username = owner
	}
	_, err := e.tx.NewInsert().Model(&row).On("CONFLICT (mission, type, invitee) DO UPDATE").
		Set("role = EXCLUDED.role").Set("creator_uid = EXCLUDED.creator_uid").Exec(e.ctx)
	if err == nil { // an old one keeps its id, and its tokens
		err = e.tx.NewSelect().Model(&row).Where("mission = ? AND type = ? AND invitee = ?", e.m.GUID, i.Type, i.Invitee).Scan(e.ctx)
	}
	if err != nil {
		return row, fmt.Errorf("mission: write an invitation: %w", err)
	}
	return row, nil
}

// Uninvite takes an invitation back.
func (s *Service) Uninvite(ctx context.Context, c Caller, ref Ref, i Invitee) error {
	if err := i.check(); err != nil {
		return err
	}
	_, err := s.change(ctx, c, ref, Write, func(e *edit) error {
		_, err := e.tx.NewDelete().Model((*invitationRow)(nil)).
			Where("mission = ? AND type = ? AND invitee = ?", e.m.GUID, i.Type, i.Invitee).Exec(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: remove an invitation: %w", err)
		}
		return nil
	}, nil)
	return err
}

// InvitationsOf returns who is invited to a mission, without tokens.
func (s *Service) InvitationsOf(ctx context.Context, c Caller, ref Ref) ([]Invitation, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return nil, err
	}
	var rows []invitationRow
	if err := q.NewSelect().Model(&rows).Where("mission = ?", m.GUID).Order("created", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read invitations: %w", err)
	}
	out := make([]Invitation, len(rows))
	for i, r := range rows {
		out[i] = r.public(m)
	}
	return out, nil
}

// Invitations returns the invitations to the caller and his device uid ("" if
// there is none), with tokens to subscribe with.
func (s *Service) Invitations(ctx context.Context, c Caller, uid string) ([]Invitation, error) {
	list, err := s.pending(ctx, c.Identity, s.self(c.Identity, uid))
	if err != nil {
		return nil, err
	}
	out := make([]Invitation, len(list))
	for i, w := range list {
		out[i] = w.row.public(w.m)
		if out[i].Token, err = s.token(invitationToken, w.row.ID, w.m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// invitedRole returns the role that a stored invitation or an invitation token
// gives the caller in a mission; the highest, if there are several.
func (s *Service) invitedRole(ctx context.Context, tx bun.Tx, c Caller, m missionRow, self client) (Role, error) {
	var rows []invitationRow
	if err := tx.NewSelect().Model(&rows).Where("mission = ?", m.GUID).Scan(ctx); err != nil {
		return RoleNone, fmt.Errorf("mission: read invitations: %w", err)
	}
	g, ok := s.readToken(c.Token)
	ok = ok && g.kind == invitationToken && g.guid == m.GUID
	best := RoleNone
	for _, r := range rows {
		if (ok && r.ID == g.id || self.invited(r)) && r.Role.covers(best) {
			best = r.Role
		}
	}
	return best, nil
}

// dropInvitations removes the invitations that were for this one client; those of
// a group or team are for others, too.
func dropInvitations(ctx context.Context, tx bun.Tx, m missionRow, self client) error {
	var rows []invitationRow
	err := tx.NewSelect().Model(&rows).Where("mission = ?", m.GUID).Scan(ctx)
	for _, r := range rows {
		if err == nil && r.Type != ByGroup && r.Type != ByTeam && self.invited(r) {
			_, err = tx.NewDelete().Model(&r).WherePK().Exec(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("mission: use up invitations: %w", err)
	}
	return nil
}

// client is a device as invitations and deliveries see it.
type client struct {
	UID, User, Callsign, Team string
	Reads                     []string // groups
	foreign                   bool     // UID is connected, as somebody else's
}

// self returns what is known of a caller with the device uid. Callsign and team
// count only while the device is connected as his.
func (s *Service) self(id auth.Identity, uid string) client {
	me := client{UID: uid, User: id.User, Reads: id.ReadGroups()}
	for _, c := range s.router.Subscriptions(auth.System("mission")) {
		switch {
		case c.UID != uid || uid == "":
		case strings.EqualFold(c.User, id.User):
			me.Callsign, me.Team, me.foreign = c.Callsign, c.Team, false
			return me
		default:
			me.foreign = true
		}
	}
	return me
}

// invited reports whether an invitation is for the client.
func (c client) invited(r invitationRow) bool {
	switch r.Type {
	case ByClient:
		return c.UID != "" && r.Invitee == c.UID && !c.foreign && (r.Username == "" || strings.EqualFold(r.Username, c.User))
	case ByCallsign:
		return c.Callsign != "" && r.Invitee == c.Callsign
	case ByUser:
		return strings.EqualFold(r.Invitee, c.User)
	case ByGroup:
		return slices.Contains(c.Reads, r.Invitee)
	case ByTeam:
		return c.Team != "" && r.Invitee == c.Team
	}
	return false
}

// clients are the connected devices, by uid. Two connections may have one.
type clients map[string][]client

// online returns the connected devices with what they may read now.
func (s *Service) online() clients {
	conns := s.router.Subscriptions(auth.System("mission"))
	out := make(clients, len(conns))
	for _, c := range conns {
		if c.UID != "" {
			out[c.UID] = append(out[c.UID], client{UID: c.UID, User: c.User, Callsign: c.Callsign, Team: c.Team, Reads: c.OutGroups})
		}
	}
	return out
}

// owners returns whose devices the invited uids are, as far as they were ever
// seen: an invitation to a device is not for somebody else who names its uid.
func (s *Service) owners(ctx context.Context, list []Invitee) (map[string]string, error) {
	out := make(map[string]string)
	if !slices.ContainsFunc(list, func(i Invitee) bool { return i.Type == ByClient }) {
		return out, nil
	}
	seen, err := s.router.Endpoints(ctx, auth.System("mission"), time.Time{})
	if err != nil {
		return nil, fmt.Errorf("mission: look up devices: %w", err)
	}
	for _, c := range seen {
		out[c.UID] = c.User
	}
	return out, nil
}

// find returns the connected device of a subscription.
func (all clients) find(r subRow) (client, bool) {
	for _, c := range all[r.ClientUID] {
		if strings.EqualFold(c.User, r.Username) {
			return c, true
		}
	}
	return client{}, false
}

// reads asks the house whether a connection may read what belongs to a mission,
// by the groups that are switched on for it.
func (c client) reads(m missionRow) bool {
	id := auth.Identity{User: c.User, Role: auth.RoleMember}
	for _, g := range c.Reads {
		id.Groups = append(id.Groups, auth.Grant{Group: g, Out: true})
	}
	return auth.Allow(id, auth.Read, m.resource()) == nil
}

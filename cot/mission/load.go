package mission

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

const chunk = 500 // missions whose parts are read with one query

// fill adds what other tables hold of missions. shut names those of which the
// caller may not see the contents.
func fill(ctx context.Context, q bun.IDB, all []Mission, shut map[string]bool) error {
	byGUID := make(map[string]*Mission, len(all))
	var guids []string
	for i := range all {
		byGUID[all[i].GUID] = &all[i]
		if !shut[all[i].GUID] {
			guids = append(guids, all[i].GUID)
		}
	}
	for part := range slices.Chunk(guids, chunk) {
		if err := fillPart(ctx, q, byGUID, part); err != nil {
			return err
		}
	}
	return nil
}

func fillPart(ctx context.Context, q bun.IDB, byGUID map[string]*Mission, guids []string) error {
	var (
		items    []itemRow
		contents []contentRow
		external []externalRow
		feeds    []feedRow
		layers   []mapLayerRow
	)
	for _, rows := range []any{&items, &contents, &external, &feeds, &layers} {
		if err := q.NewSelect().Model(rows).Where("mission IN (?)", bun.List(guids)).Order("time").Scan(ctx); err != nil {
			return fmt.Errorf("mission: read contents: %w", err)
		}
	}
	for _, r := range items {
		m := byGUID[r.Mission]
		m.UIDs = append(m.UIDs, r.public())
	}
	for _, r := range contents {
		m := byGUID[r.Mission]
		m.Contents = append(m.Contents, r.public())
	}
	for _, r := range external {
		m := byGUID[r.Mission]
		m.ExternalData = append(m.ExternalData, r.Data.V)
	}
	for _, r := range feeds {
		m := byGUID[r.Mission]
		m.Feeds = append(m.Feeds, r.public())
	}
	for _, r := range layers {
		m := byGUID[r.Mission]
		m.MapLayers = append(m.MapLayers, r.public())
	}
	var counts []struct {
		Mission string `bun:"mission"`
		N       int    `bun:"n"`
	}
	err := q.NewSelect().TableExpr("mission_subscriptions").ColumnExpr("mission, count(*) AS n").
		Where("mission IN (?)", bun.List(guids)).Group("mission").Scan(ctx, &counts)
	if err != nil {
		return fmt.Errorf("mission: count subscriptions: %w", err)
	}
	for _, c := range counts {
		byGUID[c.Mission].Subscribers = c.N
	}
	return nil
}

// whole returns one mission with its parts.
func whole(ctx context.Context, q bun.IDB, row missionRow, r Role) (Mission, error) {
	all := []Mission{row.public()}
	all[0].Role = r
	err := fill(ctx, q, all, nil)
	return all[0], err
}

// Filter narrows List. The zero Filter lists the missions without password and
// without a default role of their own, as Marti does.
type Filter struct {
	Protected   bool   // also those with a password
	DefaultRole bool   // also those with a default role of their own
	Tool        string // only of this tool; "" any
	Name        string // only those whose name has this in it, case does not count
	UID         string // only those that this uid is in or subscribed to
	Sort        string // "name" (also ""), "creatorUid", "createTime", "lastEdited"
	Descending  bool
	Offset      int
	Limit       int // 0: all
}

// List returns the missions c may know of. Of those it has no right to read in,
// for want of a password or an invitation, the contents are left out.
func (s *Service) List(ctx context.Context, c Caller, f Filter) ([]Mission, error) {
	out, shut, err := s.list(ctx, c, f)
	if err != nil {
		return nil, err
	}
	out = out[min(max(f.Offset, 0), len(out)):]
	if f.Limit > 0 {
		out = out[:min(f.Limit, len(out))]
	}
	return out, fill(ctx, s.db.Query(), out, shut)
}

// Count returns how many missions List finds without Offset and Limit.
func (s *Service) Count(ctx context.Context, c Caller, f Filter) (int, error) {
	out, _, err := s.list(ctx, c, f)
	return len(out), err
}

func (s *Service) list(ctx context.Context, c Caller, f Filter) ([]Mission, map[string]bool, error) {
	q := s.db.Query()
	var rows []missionRow
	sel := q.NewSelect().Model(&rows).Where("deleted = 0")
	if f.Tool != "" {
		sel.Where("tool = ?", f.Tool)
	}
	if !f.Protected {
		sel.Where("password = ''")
	}
	if !f.DefaultRole {
		sel.Where("default_role = ''")
	}
	if f.UID != "" {
		sel.Where("(guid IN (SELECT mission FROM mission_uids WHERE uid = ?) OR guid IN (SELECT mission FROM mission_subscriptions WHERE client_uid = ?))", f.UID, f.UID)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("mission: list missions: %w", err)
	}
	own, err := s.ownRoles(ctx, q, c)
	if err != nil {
		return nil, nil, err
	}
	out := make([]Mission, 0, len(rows))
	shut := make(map[string]bool)
	for _, row := range rows {
		if auth.Allow(c.Identity, auth.Read, row.resource()) != nil ||
			!strings.Contains(strings.ToLower(row.Name), strings.ToLower(f.Name)) {
			continue
		}
		m := row.public()
		if m.Role, err = s.listRole(ctx, q, c, row, own); err != nil {
			return nil, nil, err
		}
		if !m.Role.Has(Read) {
			shut[m.GUID] = true
		}
		out = append(out, m)
	}
	sortMissions(out, f)
	return out, shut, nil
}

// ownRoles reads the roles of a caller without token in all missions at once.
func (s *Service) ownRoles(ctx context.Context, q bun.IDB, c Caller) (map[string]Role, error) {
	if !c.Own {
		return nil, nil
	}
	var subs []subRow
	if err := q.NewSelect().Model(&subs).Where("username = ?", c.Identity.User).Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read subscriptions: %w", err)
	}
	own := make(map[string]Role)
	for _, sub := range subs {
		if sub.Role.covers(own[sub.Mission]) {
			own[sub.Mission] = sub.Role
		}
	}
	return own, nil
}

// listRole is role without a query per mission.
func (s *Service) listRole(ctx context.Context, q bun.IDB, c Caller, row missionRow, own map[string]Role) (Role, error) {
	if r := own[row.GUID]; r != RoleNone && !c.Identity.IsAdmin() {
		return r, nil
	}
	c.Own = false
	return s.role(ctx, q, c, row)
}

func sortMissions(all []Mission, f Filter) {
	slices.SortFunc(all, func(a, b Mission) int {
		var n int
		switch f.Sort {
		case "creatorUid":
			n = cmp.Compare(a.CreatorUID, b.CreatorUID)
		case "createTime":
			n = cmp.Compare(a.Created, b.Created)
		case "lastEdited":
			n = cmp.Compare(a.Edited, b.Edited)
		default:
			n = cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Name, b.Name))
		}
		if f.Descending {
			n = -n
		}
		return cmp.Or(n, cmp.Compare(a.GUID, b.GUID))
	})
}

// Span narrows a history in time: milliseconds since 1970, 0 is open.
type Span struct{ From, To int64 }

// Want says what Get adds to a mission.
type Want struct {
	Password string
	Changes  bool
	Logs     bool
	Span     Span // of both
}

// Get returns a mission with its contents. A mission with a password is also
// opened by that.
func (s *Service) Get(ctx context.Context, c Caller, ref Ref, w Want) (Mission, error) {
	q := s.db.Query()
	row, err := find(ctx, q, c.Identity, ref)
	if err != nil {
		return Mission{}, err
	}
	r, err := s.role(ctx, q, c, row)
	if err != nil {
		return Mission{}, err
	}
	if r == RoleNone && row.Password != "" && w.Password != "" {
		if err := s.checkPassword(ctx, row, w.Password); err != nil {
			return Mission{}, err
		}
		r = row.defaultRole()
	}
	if err := permit(c.Identity, row, r, Read); err != nil {
		return Mission{}, err
	}
	m, err := whole(ctx, q, row, r)
	if err != nil {
		return m, err
	}
	return m, s.addHistory(ctx, q, row, &m, w)
}

// addHistory adds changes and logs to m as far as they are wanted.
func (s *Service) addHistory(ctx context.Context, q bun.IDB, row missionRow, m *Mission, w Want) error {
	if w.Changes {
		all, err := changes(ctx, q, row, w.Span, true)
		if err != nil {
			return err
		}
		m.Changes = &all
	}
	if w.Logs {
		all, err := logsOf(ctx, q, []missionRow{row}, w.Span)
		if err != nil {
			return err
		}
		m.Logs = &all
	}
	return nil
}

// Changes returns the history of a mission, newest first; squashed leaves only
// the last change of each item.
func (s *Service) Changes(ctx context.Context, c Caller, ref Ref, span Span, squashed bool) ([]Change, error) {
	q := s.db.Query()
	row, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return nil, err
	}
	return changes(ctx, q, row, span, squashed)
}

func changes(ctx context.Context, q bun.IDB, m missionRow, span Span, squashed bool) ([]Change, error) {
	var rows []changeRow
	sel := q.NewSelect().Model(&rows).Where("mission = ?", m.GUID).OrderExpr("seq DESC")
	if span.From != 0 {
		sel.Where("time >= ?", span.From)
	}
	if span.To != 0 {
		sel.Where("time <= ?", span.To)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read changes: %w", err)
	}
	out := make([]Change, 0, len(rows))
	seen := make(map[string]bool)
	for _, r := range rows {
		if squashed && r.Item != "" {
			if seen[r.Item] {
				continue
			}
			seen[r.Item] = true
		}
		out = append(out, r.public(m))
	}
	return out, nil
}

// RoleOf returns what c is in a mission.
func (s *Service) RoleOf(ctx context.Context, c Caller, ref Ref) (Role, error) {
	q := s.db.Query()
	row, err := find(ctx, q, c.Identity, ref)
	if err != nil {
		return RoleNone, err
	}
	r, err := s.role(ctx, q, c, row)
	if err == nil && r == RoleNone {
		err = permit(c.Identity, row, r, Read)
	}
	return r, err
}

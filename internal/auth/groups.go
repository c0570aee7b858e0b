package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/store"
)

// Group is a set of users who share streams.
type Group struct {
	Name        string    `json:"name"`
	Bit         int       `json:"bit"` // at least 2; no other group has it while this one exists
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	Members     []Member  `json:"members"` // sorted by user
}

// Member is one user's right in a group; see Grant for the directions.
type Member struct {
	User string `json:"user"`
	In   bool   `json:"in"`
	Out  bool   `json:"out"`
}

// AddGroup adds a group without members. The error wraps ErrInvalid or ErrExists.
func (s *Service) AddGroup(ctx context.Context, name, description string) (Group, error) {
	if err := errors.Join(checkGroupName(name), checkText("description", description)); err != nil {
		return Group{}, err
	}
	row := newGroup(name, description)
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := findGroup(ctx, tx, name)
		if err == nil {
			return fmt.Errorf("group %s %w", name, ErrExists)
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		return insertGroup(ctx, tx, &row)
	})
	if store.IsUnique(err) || errors.Is(err, ErrExists) {
		return Group{}, fmt.Errorf("group %s %w", name, ErrExists)
	}
	if err != nil {
		return Group{}, fmt.Errorf("auth: add group %s: %w", name, err)
	}
	s.fact(FactGroupChanged, GroupChanged{Group: name, Change: "added"})
	return row.public(nil), nil
}

func newGroup(name, description string) groupRow {
	return groupRow{ID: rand.Text(), Name: name, NameKey: nameKey(name), Description: description, Created: time.Now().UnixMilli()}
}

// firstBit is the first bit that a group can have; TAK Server keeps the lower
// ones for itself.
const firstBit = 2

// insertGroup gives the group its bit and writes it.
func insertGroup(ctx context.Context, tx bun.Tx, row *groupRow) error {
	var highest int
	if err := tx.NewSelect().Model((*groupRow)(nil)).ColumnExpr("COALESCE(MAX(bit), 0)").Scan(ctx, &highest); err != nil {
		return err
	}
	row.Bit = max(firstBit, highest+1)
	_, err := tx.NewInsert().Model(row).Exec(ctx)
	return err
}

func (g groupRow) public(m []Member) Group {
	if m == nil {
		m = []Member{}
	}
	return Group{Name: g.Name, Bit: g.Bit, Description: g.Description, Created: fromMillis(g.Created), Members: m}
}

// ensureGroup makes a group unless it exists.
func (s *Service) ensureGroup(ctx context.Context, tx bun.Tx, name string) error {
	_, err := findGroup(ctx, tx, name)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	row := newGroup(name, "")
	return insertGroup(ctx, tx, &row)
}

// ListGroups returns all groups with their members, by name.
func (s *Service) ListGroups(ctx context.Context) ([]Group, error) {
	var rows []groupRow
	if err := s.db.Query().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("auth: list groups: %w", err)
	}
	all, err := members(ctx, s.db.Query(), func(q *bun.SelectQuery) *bun.SelectQuery { return q })
	if err != nil {
		return nil, err
	}
	of := make(map[string][]Member)
	for _, m := range all {
		of[m.GroupName] = append(of[m.GroupName], Member{User: m.UserName, In: m.In, Out: m.Out})
	}
	slices.SortFunc(rows, func(a, b groupRow) int { return strings.Compare(a.NameKey, b.NameKey) })
	out := make([]Group, len(rows))
	for i, g := range rows {
		out[i] = g.public(of[g.Name])
	}
	return out, nil
}

// RemoveGroup removes a group; sessions that were allowed through it alone end.
func (s *Service) RemoveGroup(ctx context.Context, name string) error {
	var w who
	var g groupRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		w = who{}
		if g, err = findGroup(ctx, tx, name); err != nil {
			return err
		}
		in, err := members(ctx, tx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("m.group_id = ?", g.ID) })
		if err != nil {
			return err
		}
		for _, m := range in {
			w.add(m.UserID, m.UserName)
		}
		_, err = tx.NewDelete().Model(&g).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("auth: remove group: %w", err)
	}
	s.changed(w)
	s.fact(FactGroupChanged, GroupChanged{Group: g.Name, Change: "removed"})
	return nil
}

// Grant gives a user exactly these rights in a group, whatever they were. At
// least one of in and out must be set; Revoke takes both away.
func (s *Service) Grant(ctx context.Context, user, group string, in, out bool) error {
	if !in && !out {
		return fmt.Errorf("%w grant: name IN, OUT or both", ErrInvalid)
	}
	return s.changeMember(ctx, user, group, "granted", func(ctx context.Context, tx bun.Tx, m memberRow) error {
		m.In, m.Out = in, out
		return putMember(ctx, tx, m)
	})
}

// Revoke takes a user out of a group. It is no error if the user was not in it.
func (s *Service) Revoke(ctx context.Context, user, group string) error {
	return s.changeMember(ctx, user, group, "revoked", func(ctx context.Context, tx bun.Tx, m memberRow) error {
		_, err := tx.NewDelete().Model(&m).WherePK().Exec(ctx)
		return err
	})
}

func (s *Service) changeMember(ctx context.Context, user, group, fact string, change func(context.Context, bun.Tx, memberRow) error) error {
	var w who
	var u userRow
	var g groupRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		w = who{}
		if u, err = findUser(ctx, tx, user); err != nil {
			return err
		}
		if g, err = findGroup(ctx, tx, group); err != nil {
			return err
		}
		w.add(u.ID, u.Name)
		return change(ctx, tx, memberRow{UserID: u.ID, GroupID: g.ID})
	})
	if err != nil {
		return fmt.Errorf("auth: change membership: %w", err)
	}
	s.changed(w)
	s.fact(FactGroupChanged, GroupChanged{Group: g.Name, User: u.Name, Change: fact})
	return nil
}

func putMember(ctx context.Context, tx bun.Tx, m memberRow) error {
	_, err := tx.NewInsert().Model(&m).On("CONFLICT (user_id, group_id) DO UPDATE").
		Set("can_in = EXCLUDED.can_in").Set("can_out = EXCLUDED.can_out").Set("origin = EXCLUDED.origin").Exec(ctx)
	return err
}

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

// User is an account.
type User struct {
	Name     string    `json:"name"`
	FullName string    `json:"fullName,omitempty"`
	Notes    string    `json:"notes,omitempty"`
	Email    string    `json:"email,omitempty"`
	Role     Role      `json:"role"`
	Disabled bool      `json:"disabled"`
	Password bool      `json:"password"`         // whether one is set
	Origin   string    `json:"origin,omitempty"` // empty: kept here; "ldap", or "oidc:" and the provider
	Created  time.Time `json:"created"`
	Groups   []Grant   `json:"groups"` // sorted by group
}

// NewUser is what AddUser needs to know.
type NewUser struct {
	Name     string // see checkUserName; must differ from others in more than case
	FullName string
	Notes    string
	Email    string
	Role     Role    // empty: member
	Password string  // empty: only tokens and certificates open the account
	Groups   []Grant // nil: the default group, IN and OUT; empty: none
}

// AddUser adds a user. The error wraps ErrInvalid, ErrExists, or ErrNotFound
// for a group that does not exist.
func (s *Service) AddUser(ctx context.Context, n NewUser) (User, error) {
	if n.Role == "" {
		n.Role = RoleMember
	}
	if err := s.checkNewUser(n); err != nil {
		return User{}, err
	}
	u := userRow{
		ID: rand.Text(), Name: n.Name, NameKey: nameKey(n.Name), FullName: n.FullName, Notes: n.Notes, Email: n.Email,
		Role: n.Role, Created: time.Now().UnixMilli(),
	}
	if n.Password != "" {
		hash, err := s.hashPassword(ctx, n.Password)
		if err != nil {
			return User{}, err
		}
		u.Password = hash
	}
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.insertUser(ctx, tx, u, n) })
	if store.IsUnique(err) {
		return User{}, fmt.Errorf("user %s %w", n.Name, ErrExists)
	}
	if err != nil {
		return User{}, fmt.Errorf("auth: add user %s: %w", n.Name, err)
	}
	s.fact(FactUserChanged, UserChanged{User: u.Name, Change: "added"})
	return s.User(ctx, n.Name)
}

func (s *Service) checkNewUser(n NewUser) error {
	if err := checkNewName(n.Name); err != nil {
		return err
	}
	if !n.Role.Valid() {
		return fmt.Errorf("%w role %q: there are member, operator and admin", ErrInvalid, n.Role)
	}
	if n.Password != "" {
		if err := s.checkPassword(n.Password); err != nil {
			return err
		}
	}
	for _, g := range n.Groups {
		if !g.In && !g.Out {
			return fmt.Errorf("%w grant in %s: neither IN nor OUT", ErrInvalid, g.Group)
		}
	}
	return errors.Join(checkText("full name", n.FullName), checkText("notes", n.Notes), checkEmail(n.Email))
}

// insertUser writes u with its digest hash and memberships.
func (s *Service) insertUser(ctx context.Context, tx bun.Tx, u userRow, n NewUser) error {
	if _, err := tx.NewInsert().Model(&u).Exec(ctx); err != nil {
		return err
	}
	if n.Password != "" {
		if err := s.putDigest(ctx, tx, u, n.Password); err != nil {
			return err
		}
	}
	want := n.Groups
	if want == nil {
		if err := s.ensureGroup(ctx, tx, s.cfg.DefaultGroup); err != nil {
			return err
		}
		want = []Grant{{Group: s.cfg.DefaultGroup, In: true, Out: true}}
	}
	for _, g := range want {
		row, err := findGroup(ctx, tx, g.Group)
		if err != nil {
			return err
		}
		if err := putMember(ctx, tx, memberRow{UserID: u.ID, GroupID: row.ID, In: g.In, Out: g.Out}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) putDigest(ctx context.Context, tx bun.Tx, u userRow, password string) error {
	row := digestRow{UserID: u.ID, Sealed: s.seals.seal(u.ID, newHA1(u.Name, password))}
	_, err := tx.NewInsert().Model(&row).On("CONFLICT (user_id) DO UPDATE").Set("sealed = EXCLUDED.sealed").Exec(ctx)
	return err
}

// User returns one user, by name in any case. The error wraps ErrNotFound.
func (s *Service) User(ctx context.Context, name string) (User, error) {
	u, err := findUser(ctx, s.db.Query(), name)
	if err != nil {
		return User{}, err
	}
	g, err := grants(ctx, s.db.Query(), u.ID)
	if err != nil {
		return User{}, err
	}
	return u.public(g), nil
}

func (u userRow) public(g []Grant) User {
	if g == nil {
		g = []Grant{}
	}
	return User{
		Name: u.Name, FullName: u.FullName, Notes: u.Notes, Email: u.Email, Role: u.Role, Disabled: u.closed(),
		Origin: u.Origin, Password: u.Password != "", Created: fromMillis(u.Created), Groups: g,
	}
}

// ListUsers returns all users, by name.
func (s *Service) ListUsers(ctx context.Context) ([]User, error) {
	var rows []userRow
	if err := s.db.Query().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("auth: list users: %w", err)
	}
	all, err := members(ctx, s.db.Query(), func(q *bun.SelectQuery) *bun.SelectQuery { return q })
	if err != nil {
		return nil, err
	}
	of := make(map[string][]Grant)
	for _, m := range all {
		of[m.UserID] = append(of[m.UserID], Grant{Group: m.GroupName, In: m.In, Out: m.Out})
	}
	slices.SortFunc(rows, func(a, b userRow) int { return strings.Compare(a.NameKey, b.NameKey) })
	out := make([]User, len(rows))
	for i, u := range rows {
		out[i] = u.public(of[u.ID])
	}
	return out, nil
}

// updateUser changes a user's row in a transaction and makes the change count.
// change is handed the row as it is and returns the columns it has set.
func (s *Service) updateUser(ctx context.Context, name, fact string, change func(ctx context.Context, tx bun.Tx, u *userRow) ([]string, error)) error {
	var w who
	var u userRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		w = who{}
		if u, err = findUser(ctx, tx, name); err != nil {
			return err
		}
		before := u.Stamp
		columns, err := change(ctx, tx, &u)
		if err != nil {
			return err
		}
		if u.Stamp != before {
			if err := s.dropViewers(ctx, tx, u.ID, viewerPassword(before)); err != nil {
				return err
			}
		}
		w.add(u.ID, u.Name)
		_, err = tx.NewUpdate().Model(&u).Column(columns...).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("auth: change user: %w", err)
	}
	s.changed(w)
	s.fact(FactUserChanged, UserChanged{User: u.Name, Change: fact})
	return nil
}

// SetPassword sets a user's password and ends all sessions that were opened
// with the old one; tokens and devices stay valid. An empty password leaves the
// account to tokens and devices.
func (s *Service) SetPassword(ctx context.Context, name, password string) error {
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return err
	}
	return s.updateUser(ctx, name, "password", func(ctx context.Context, tx bun.Tx, u *userRow) ([]string, error) {
		u.Password = hash
		u.Stamp++
		return []string{"password", "stamp"}, s.replacePassword(ctx, tx, *u, password)
	})
}

// SetOwnPassword is SetPassword for id, who has just proven themself again. It
// returns the identity that goes on.
func (s *Service) SetOwnPassword(ctx context.Context, id Identity, password string) (Identity, error) {
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return Identity{}, err
	}
	return s.renew(ctx, id, "password", func(ctx context.Context, tx bun.Tx, u *userRow) error {
		if err := s.replacePassword(ctx, tx, *u, password); err != nil {
			return err
		}
		_, err := tx.NewUpdate().Model((*userRow)(nil)).Set("password = ?", hash).Where("id = ?", u.ID).Exec(ctx)
		u.Password = hash
		return err
	})
}

// newHash checks a new password and returns its hash; "" for none.
func (s *Service) newHash(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if err := s.checkPassword(password); err != nil {
		return "", err
	}
	return s.hashPassword(ctx, password)
}

// replacePassword brings what hangs on u's password in line with a new one.
func (s *Service) replacePassword(ctx context.Context, tx bun.Tx, u userRow, password string) error {
	if u.Origin != "" {
		return fmt.Errorf("%w password: %s comes from a directory, which keeps the password", ErrInvalid, u.Name)
	}
	if err := dropReset(ctx, tx, u.ID); err != nil {
		return err
	}
	if password != "" {
		return s.putDigest(ctx, tx, u, password)
	}
	_, err := tx.NewDelete().Model((*digestRow)(nil)).Where("user_id = ?", u.ID).Exec(ctx)
	return err
}

// SetProfile sets what people may write freely about a user.
func (s *Service) SetProfile(ctx context.Context, name, fullName, notes string) error {
	if err := errors.Join(checkText("full name", fullName), checkText("notes", notes)); err != nil {
		return err
	}
	return s.updateUser(ctx, name, "profile", func(_ context.Context, _ bun.Tx, u *userRow) ([]string, error) {
		u.FullName, u.Notes = fullName, notes
		return []string{"full_name", "notes"}, nil
	})
}

// SetEmail sets the address that a user's mail goes to; empty: none. Links that
// were sent to the old one are void.
func (s *Service) SetEmail(ctx context.Context, name, email string) error {
	if err := checkEmail(email); err != nil {
		return err
	}
	return s.updateUser(ctx, name, "profile", func(ctx context.Context, tx bun.Tx, u *userRow) ([]string, error) {
		u.Email = email
		return []string{"email"}, dropReset(ctx, tx, u.ID)
	})
}

// SetDisabled closes an account, with all its sessions, or opens it again. The
// error is ErrLastAdmin when nobody could administer the server any more.
func (s *Service) SetDisabled(ctx context.Context, name string, disabled bool) error {
	fact := "enabled"
	if disabled {
		fact = "disabled"
	}
	return s.updateUser(ctx, name, fact, func(ctx context.Context, tx bun.Tx, u *userRow) ([]string, error) {
		if disabled && !u.Disabled {
			if err := keepAdmin(ctx, tx, *u); err != nil {
				return nil, err
			}
			u.Stamp++ // a browser's login must not come back with the account
		}
		u.Disabled = disabled
		return []string{"disabled", "stamp"}, nil
	})
}

// SetRole changes what a user is to the server. The error wraps ErrInvalid,
// ErrNotFound or ErrLastAdmin.
func (s *Service) SetRole(ctx context.Context, name string, role Role) error {
	if !role.Valid() {
		return fmt.Errorf("%w role %q: there are member, operator and admin", ErrInvalid, role)
	}
	return s.updateUser(ctx, name, "role", func(ctx context.Context, tx bun.Tx, u *userRow) ([]string, error) {
		if role != RoleAdmin {
			if err := keepAdmin(ctx, tx, *u); err != nil {
				return nil, err
			}
		}
		u.Role = role
		return []string{"role"}, nil
	})
}

// RemoveUser removes a user with tokens, memberships and sessions. Devices are
// kept as revoked, for the revocation list.
func (s *Service) RemoveUser(ctx context.Context, name string) error {
	var w who
	var u userRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		w = who{}
		if u, err = findUser(ctx, tx, name); err != nil {
			return err
		}
		if err := keepAdmin(ctx, tx, u); err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model((*deviceRow)(nil)).Set("revoked = ?", time.Now().UnixMilli()).
			Where("user_id = ? AND revoked = 0", u.ID).Exec(ctx)
		if err != nil {
			return err
		}
		w.add(u.ID, u.Name)
		_, err = tx.NewDelete().Model(&u).WherePK().Exec(ctx) // the rest follows by foreign keys
		return err
	})
	if err != nil {
		return fmt.Errorf("auth: remove user: %w", err)
	}
	s.changed(w)
	s.fact(FactUserChanged, UserChanged{User: u.Name, Change: "removed"})
	return nil
}

// keepAdmin refuses to take the last enabled administrator away.
func keepAdmin(ctx context.Context, tx bun.Tx, u userRow) error {
	if u.Role != RoleAdmin || u.closed() {
		return nil
	}
	n, err := tx.NewSelect().Model((*userRow)(nil)).
		Where("role = ? AND NOT disabled AND NOT gone AND id <> ?", RoleAdmin, u.ID).Count(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLastAdmin
	}
	return nil
}

// EnsureAdmin makes the user admin, in the default group, if there are no users
// at all. Where password is empty it generates one and returns it; it is the
// only time that it can be read.
func (s *Service) EnsureAdmin(ctx context.Context, password string) (created bool, generated string, err error) {
	n, err := s.db.Query().NewSelect().Model((*userRow)(nil)).Count(ctx)
	if err != nil {
		return false, "", fmt.Errorf("auth: count users: %w", err)
	}
	if n > 0 {
		return false, "", nil
	}
	if password == "" {
		generated = generatePassword()
		password = generated
	}
	_, err = s.AddUser(ctx, NewUser{Name: "admin", Role: RoleAdmin, Password: password})
	if errors.Is(err, ErrExists) { // another node was faster
		return false, "", nil
	}
	if err != nil {
		return false, "", err
	}
	return true, generated, nil
}

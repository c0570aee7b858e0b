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

	"muster/internal/auth/directory"
)

// The origins of users and memberships that are not kept here.
const (
	OriginLDAP = "ldap"
	originOIDC = "oidc:" // and the provider's id
)

// errTaken says that somebody of a directory has the name of another user here.
var errTaken = errors.New("the name belongs to another user of this server")

// shadow brings the row of somebody whom a directory knows in step with what it
// says, making it if there is none, and returns it. Memberships given here stay
// as they are. roles says whether the directory decides who is an administrator.
func (s *Service) shadow(ctx context.Context, origin string, p directory.Person, roles bool) (userRow, error) {
	if err := errors.Join(checkNewName(p.Name), checkText("subject", p.Subject)); err != nil {
		return userRow{}, err
	}
	if checkText("full name", p.FullName) != nil {
		p.FullName = ""
	}
	p.Groups = slices.DeleteFunc(p.Groups, func(m directory.Membership) bool { return checkGroupName(m.Group) != nil })
	if u, ok, err := s.inStep(ctx, origin, p, roles); err != nil || ok {
		return u, err
	}
	var u userRow
	var fact string
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		u, fact, err = s.putShadow(ctx, tx, origin, p, roles)
		return err
	})
	if err != nil {
		return userRow{}, fmt.Errorf("auth: take over %s from a directory: %w", p.Name, err)
	}
	if fact != "added" {
		s.changed(who{ids: []string{u.ID}, names: []string{u.Name}})
	}
	s.fact(FactUserChanged, UserChanged{User: u.Name, Change: fact})
	return u, nil
}

// findShadow reads the user of a directory: by subject where the directory gives
// one that lasts, else by name.
func findShadow(ctx context.Context, q bun.IDB, origin string, p directory.Person) (userRow, error) {
	var u userRow
	if origin != OriginLDAP { // a DN changes when somebody moves, a name can be given away at a provider
		err := q.NewSelect().Model(&u).Where("origin = ? AND subject = ?", origin, p.Subject).Limit(1).Scan(ctx)
		if err == nil {
			return u, nil
		}
		if !isNoRows(err) {
			return userRow{}, err
		}
	}
	u, err := findUser(ctx, q, p.Name)
	if err != nil {
		return userRow{}, err
	}
	if u.Origin != origin || origin != OriginLDAP {
		return userRow{}, errTaken
	}
	return u, nil
}

// inStep reports whether nothing is to be written, which is so at most logins.
func (s *Service) inStep(ctx context.Context, origin string, p directory.Person, roles bool) (userRow, bool, error) {
	u, err := findShadow(ctx, s.db.Query(), origin, p)
	if errors.Is(err, ErrNotFound) {
		return userRow{}, false, nil
	}
	if err != nil {
		return userRow{}, false, err
	}
	have, err := members(ctx, s.db.Query(), func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("m.user_id = ?", u.ID) })
	if err != nil {
		return userRow{}, false, err
	}
	now := u
	now.follow(p, roles)
	put, drop := difference(have, origin, p.Groups)
	return u, now == u && len(put) == 0 && len(drop) == 0, nil
}

// follow sets what a directory decides about a user.
func (u *userRow) follow(p directory.Person, roles bool) {
	u.Subject, u.FullName, u.Gone = p.Subject, p.FullName, false
	switch {
	case p.Admin:
		u.Role = RoleAdmin
	case roles && u.Role == RoleAdmin:
		u.Role = RoleMember
	}
}

// difference compares memberships with what the directory says: put are to be
// made or changed, drop are groups that the directory gave and gives no more.
func difference(have []memberOf, origin string, want []directory.Membership) (put []directory.Membership, drop []string) {
	old := make(map[string]memberOf)
	for _, m := range have {
		old[nameKey(m.GroupName)] = m
	}
	wanted := make(map[string]bool)
	for _, w := range want {
		key := nameKey(w.Group)
		if wanted[key] {
			continue
		}
		wanted[key] = true
		m, ok := old[key]
		if ok && (m.Origin != origin || m.In == w.In && m.Out == w.Out) {
			continue
		}
		put = append(put, w)
	}
	for key, m := range old {
		if m.Origin == origin && !wanted[key] {
			drop = append(drop, m.GroupName)
		}
	}
	return put, drop
}

// putShadow writes what shadow has to.
func (s *Service) putShadow(ctx context.Context, tx bun.Tx, origin string, p directory.Person, roles bool) (u userRow, fact string, err error) {
	u, err = findShadow(ctx, tx, origin, p)
	fact = "directory"
	switch {
	case errors.Is(err, ErrNotFound):
		fact = "added"
		u = userRow{ID: rand.Text(), Name: p.Name, NameKey: nameKey(p.Name), Role: RoleMember, Created: time.Now().UnixMilli(), Origin: origin}
		u.follow(p, roles)
		_, err = tx.NewInsert().Model(&u).Exec(ctx)
	case err == nil:
		u.follow(p, roles)
		_, err = tx.NewUpdate().Model(&u).Column("subject", "full_name", "gone", "role").WherePK().Exec(ctx)
	}
	if err != nil {
		return userRow{}, "", err
	}
	have, err := members(ctx, tx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("m.user_id = ?", u.ID) })
	if err != nil {
		return userRow{}, "", err
	}
	put, drop := difference(have, origin, p.Groups)
	for _, m := range put {
		if err := s.ensureGroup(ctx, tx, m.Group); err != nil {
			return userRow{}, "", err
		}
		g, err := findGroup(ctx, tx, m.Group)
		if err != nil {
			return userRow{}, "", err
		}
		if err := putMember(ctx, tx, memberRow{UserID: u.ID, GroupID: g.ID, In: m.In, Out: m.Out, Origin: origin}); err != nil {
			return userRow{}, "", err
		}
	}
	for _, name := range drop {
		g, err := findGroup(ctx, tx, name)
		if err != nil {
			return userRow{}, "", err
		}
		if _, err := tx.NewDelete().Model(&memberRow{UserID: u.ID, GroupID: g.ID}).WherePK().Exec(ctx); err != nil {
			return userRow{}, "", err
		}
	}
	return u, fact, nil
}

// openDirectories makes the clients of the configured directories. They connect
// when they are asked something.
func (s *Service) openDirectories() error {
	if s.cfg.LDAP.URL != "" {
		l, err := directory.NewLDAP(s.cfg.LDAP)
		if err != nil {
			return err
		}
		s.ldap = l
	}
	for _, c := range s.cfg.OIDC {
		p, err := directory.NewProvider(c)
		if err != nil {
			return err
		}
		s.oidc = append(s.oidc, p)
	}
	return nil
}

func (s *Service) closeDirectories() {
	if s.ldap != nil {
		s.ldap.Close()
	}
	for _, p := range s.oidc {
		p.Close()
	}
}

// ldapPassword checks a password with the directory and returns the account it
// opens. u is what is known of it here, or the zero row.
func (s *Service) ldapPassword(ctx context.Context, u userRow, user, password string) (userRow, error) {
	if checkNewName(user) != nil {
		return userRow{}, ErrBadCredentials
	}
	key := s.proofs.key(account(user), password)
	if u.ID != "" && !u.closed() && s.proofs.holds(key, u) {
		return u, nil
	}
	p, err := s.ldap.Login(ctx, user, password)
	switch {
	case errors.Is(err, directory.ErrUnknown):
		return userRow{}, ErrBadCredentials
	case err != nil:
		return userRow{}, fmt.Errorf("auth: %w", err)
	case !strings.EqualFold(p.Name, user): // found by something else than the name, such as a wildcard of the directory's own
		s.log.Warn("the directory answers with another name", "user", user)
		return userRow{}, ErrBadCredentials
	}
	now, err := s.shadow(ctx, OriginLDAP, p, s.cfg.LDAP.AdminGroup != "")
	if errors.Is(err, errTaken) || errors.Is(err, ErrInvalid) {
		s.log.Warn("somebody of the directory cannot log in", "user", user, "error", err)
		return userRow{}, ErrBadCredentials
	}
	if err != nil {
		return userRow{}, err
	}
	if now.closed() {
		return userRow{}, ErrBadCredentials
	}
	s.proofs.add(key, now)
	return now, nil
}

// refresh looks everybody who came from the directory up, from time to time.
func (s *Service) refresh(ctx context.Context) {
	t := time.NewTicker(s.cfg.LDAP.Refresh)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := s.refreshAll(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("the directory could not be asked; people stay as they are", "error", err)
			}
		}
	}
}

// refreshAll stops at the first failure: a directory that is down must not be
// asked once per user.
func (s *Service) refreshAll(ctx context.Context) error {
	var rows []userRow
	err := s.db.Query().NewSelect().Model(&rows).Where("origin = ?", OriginLDAP).Order("name_key").Scan(ctx)
	if err != nil {
		return fmt.Errorf("auth: list people of the directory: %w", err)
	}
	for _, u := range rows {
		if err := s.refreshUser(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// RefreshUser looks one user up in the directory now. Whoever is not found there
// any more is locked out at once.
func (s *Service) RefreshUser(ctx context.Context, name string) error {
	u, err := findUser(ctx, s.db.Query(), name)
	if err != nil {
		return err
	}
	if u.Origin != OriginLDAP || s.ldap == nil {
		return fmt.Errorf("%w: %s does not come from the LDAP directory", ErrInvalid, u.Name)
	}
	return s.refreshUser(ctx, u)
}

func (s *Service) refreshUser(ctx context.Context, u userRow) error {
	p, err := s.ldap.Lookup(ctx, u.Name)
	switch {
	case errors.Is(err, directory.ErrUnknown):
		if u.Gone {
			return nil
		}
		s.log.Info("somebody is not in the directory any more", "user", u.Name)
		return s.updateUser(ctx, u.Name, "directory", func(_ context.Context, _ bun.Tx, row *userRow) ([]string, error) {
			row.Gone = true
			row.Stamp++ // a browser's login must not come back with the account
			return []string{"gone", "stamp"}, nil
		})
	case err != nil:
		return fmt.Errorf("auth: %w", err)
	}
	p.Name = u.Name
	_, err = s.shadow(ctx, OriginLDAP, p, s.cfg.LDAP.AdminGroup != "")
	if errors.Is(err, errTaken) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotFound) {
		s.log.Warn("somebody of the directory is not brought in step", "user", u.Name, "error", err)
		return nil
	}
	return err
}

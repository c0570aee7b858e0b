package mission

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// Put creates the mission name, or updates it if the caller sees one of that name
// already; created says which. A creator becomes owner and subscriber with
// c.UID; Token and OwnerRole of the result are his then. The error wraps
// ErrConflict if the name is taken where the caller cannot see it.
func (s *Service) Put(ctx context.Context, c Caller, name string, spec Spec) (m Mission, created bool, err error) {
	if name, err = ParseName(name); err != nil {
		return m, false, err
	}
	if err := spec.check(); err != nil {
		return m, false, err
	}
	if !spec.AllowDupe {
		row, err := find(ctx, s.db.Query(), c.Identity, Ref{Name: name})
		switch {
		case err == nil:
			m, err = s.update(ctx, c, row.GUID, spec)
			return m, false, err
		case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrGone):
			return m, false, err
		}
	}
	m, err = s.create(ctx, c, name, spec, c.Identity.User)
	return m, true, err
}

// create makes a mission. creator is its owner; nobody owns one with "".
func (s *Service) create(ctx context.Context, c Caller, name string, spec Spec, creator string) (Mission, error) {
	groups, err := spec.groups(c.Identity)
	if err != nil {
		return Mission{}, err
	}
	if c.UID == "" {
		c.UID = c.Identity.User
	}
	if err := checkUID(c.UID); err != nil {
		return Mission{}, err
	}
	password := ""
	if spec.Password != nil && *spec.Password != "" {
		if password, err = s.hashPassword(ctx, *spec.Password); err != nil {
			return Mission{}, err
		}
	}
	guid := newID()
	defer s.lock(guid).Unlock()
	var done *edit
	var sub subRow
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		e := &edit{ctx: ctx, tx: tx, c: c, now: s.time(), role: RoleOwner}
		e.m = missionRow{GUID: guid, Name: name, Tool: "public", CreatorUID: c.UID, Creator: creator, Created: e.now,
			Groups: doc[[]string]{groups}, Keywords: doc[[]string]{[]string{}}, Password: password}
		spec.apply(&e.m)
		if err := s.checkFree(e, spec); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&e.m).Exec(ctx); err != nil {
			return fmt.Errorf("mission: write a mission: %w", err)
		}
		if creator != "" {
			sub = subRow{ID: newID(), Mission: guid, ClientUID: c.UID, Username: creator, Role: RoleOwner, Live: true, Created: e.now}
			if _, err := tx.NewInsert().Model(&sub).Exec(ctx); err != nil {
				return fmt.Errorf("mission: write a subscription: %w", err)
			}
		}
		e.add(CreateMission, "", changeContent{})
		done = e
		return s.finish(e)
	})
	if err != nil {
		return Mission{}, err
	}
	s.told(done, func(e *edit) { s.announce(e, eventNew) })
	m, err := whole(ctx, s.db.Query(), done.m, RoleOwner)
	if err != nil || creator == "" {
		return m, err
	}
	m.OwnerRole = RoleOwner
	m.Token, err = s.token(subscriptionToken, sub.ID, done.m)
	return m, err
}

// checkFree refuses a name that is taken. That somebody else took it between
// find and now, in groups the caller sees, is met here, too.
func (s *Service) checkFree(e *edit, spec Spec) error {
	if spec.AllowDupe {
		return nil
	}
	var rows []missionRow
	err := e.tx.NewSelect().Model(&rows).Where("name = ? AND deleted = 0", e.m.Name).Scan(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: read missions: %w", err)
	}
	for _, m := range rows {
		if !spec.AllowHidden || auth.Allow(e.c.Identity, auth.Read, m.resource()) == nil {
			return refuse(ErrConflict, "The name of the mission is taken.")
		}
	}
	return nil
}

// update changes an existing mission.
func (s *Service) update(ctx context.Context, c Caller, guid string, spec Spec) (Mission, error) {
	password := ""
	if spec.Password != nil && *spec.Password != "" {
		var err error
		if password, err = s.hashPassword(ctx, *spec.Password); err != nil {
			return Mission{}, err
		}
	}
	return s.change(ctx, c, Ref{GUID: guid}, Write, func(e *edit) error {
		if err := s.regroup(e, spec); err != nil {
			return err
		}
		if spec.Password != nil {
			if err := permit(c.Identity, e.m, e.role, SetPassword); err != nil {
				return err
			}
			e.m.Password = password
		}
		if spec.guards(e.m) {
			if err := permit(c.Identity, e.m, e.role, SetRole); err != nil {
				return err
			}
		}
		if spec.Expiration != nil && expiry(*spec.Expiration) != e.m.Expires {
			if err := permit(c.Identity, e.m, e.role, Delete); err != nil {
				return err
			}
		}
		spec.apply(&e.m)
		return nil
	}, func(e *edit) { s.announce(e, eventMeta) })
}

// regroup gives the mission other groups, if the caller said so and may.
func (s *Service) regroup(e *edit, spec Spec) error {
	if spec.Groups == nil {
		return nil
	}
	groups, err := spec.groups(e.c.Identity)
	if err != nil {
		return err
	}
	have := slices.Sorted(slices.Values(e.m.Groups.V))
	if slices.Equal(groups, have) || spec.Groups[0] == allGroups {
		return nil
	}
	if !spec.AllowGroups {
		return refuse(ErrDenied, "Forbidden: the groups of a mission are changed only with allowGroupChange.")
	}
	if err := permit(e.c.Identity, e.m, e.role, UpdateGroups); err != nil {
		return err
	}
	e.m.Groups.V = groups
	return nil
}

// Delete deletes a mission and returns it as it was. A package of everything in
// it is kept as a file. deep deletes the content files, too, as far as the caller
// may. The error of a mission deleted before wraps ErrGone.
func (s *Service) Delete(ctx context.Context, c Caller, ref Ref, deep bool) (Mission, error) {
	row, r, err := s.may(ctx, s.db.Query(), c, ref, Delete)
	if err != nil {
		return Mission{}, err
	}
	was, err := whole(ctx, s.db.Query(), row, r)
	if err != nil {
		return was, err
	}
	archive, err := s.keep(ctx, was)
	if err != nil {
		return was, fmt.Errorf("mission: keep a package of %s: %w", row.GUID, err)
	}
	_, err = s.change(ctx, c, Ref{GUID: row.GUID}, Delete, func(e *edit) error {
		e.m.Deleted, e.m.Archive = e.now, archive
		e.add(DeleteMission, "", changeContent{})
		_, err := e.tx.NewUpdate().Model((*missionRow)(nil)).Set("parent = ''").Where("parent = ?", e.m.GUID).Exec(e.ctx)
		return err
	}, func(e *edit) { s.announce(e, eventDeleted) })
	if err != nil {
		return was, err
	}
	s.feeds.drop(row.GUID)
	if deep {
		for _, f := range was.Contents {
			if err := s.files.Delete(ctx, c.Identity, f.File.Hash); err != nil {
				s.log.Warn("a file of a deleted mission stays", "mission", row.GUID, "hash", f.File.Hash, "error", err)
			}
		}
	}
	return was, nil
}

// SetPassword sets the password of a mission; "" takes it away.
func (s *Service) SetPassword(ctx context.Context, c Caller, ref Ref, password string) error {
	if err := checkText(password); err != nil {
		return err
	}
	// The right is asked for first: a hash is costly.
	if _, _, err := s.may(ctx, s.db.Query(), c, ref, SetPassword); err != nil {
		return err
	}
	hash := ""
	if password != "" {
		var err error
		if hash, err = s.hashPassword(ctx, password); err != nil {
			return err
		}
	}
	_, err := s.change(ctx, c, ref, SetPassword, func(e *edit) error {
		e.m.Password = hash
		return nil
	}, func(e *edit) { s.announce(e, eventMeta) })
	return err
}

// SetExpiration says when a mission is deleted by itself: seconds since 1970, or
// -1 for never.
func (s *Service) SetExpiration(ctx context.Context, c Caller, ref Ref, seconds int64) error {
	if err := (Spec{Expiration: &seconds}).check(); err != nil {
		return err
	}
	_, err := s.change(ctx, c, ref, Delete, func(e *edit) error {
		e.m.Expires = expiry(seconds)
		return nil
	}, func(e *edit) { s.announce(e, eventMeta) })
	return err
}

// SetKeywords replaces the keywords of a mission.
func (s *Service) SetKeywords(ctx context.Context, c Caller, ref Ref, keywords []string) (Mission, error) {
	if err := checkWords(keywords); err != nil {
		return Mission{}, err
	}
	return s.change(ctx, c, ref, Write, func(e *edit) error {
		e.m.Keywords.V = words(keywords)
		return nil
	}, func(e *edit) { s.announce(e, eventKeywords) })
}

// RemoveKeyword takes one keyword off a mission.
func (s *Service) RemoveKeyword(ctx context.Context, c Caller, ref Ref, keyword string) (Mission, error) {
	return s.change(ctx, c, ref, Write, func(e *edit) error {
		e.m.Keywords.V = slices.DeleteFunc(full(e.m.Keywords.V), func(k string) bool { return k == keyword })
		return nil
	}, func(e *edit) { s.announce(e, eventKeywords) })
}

// Ensure returns the mission name of a tool that c sees, and makes one that nobody
// owns if there is none. Clients expect some missions (citrap, exchecktemplates)
// to be there.
func (s *Service) Ensure(ctx context.Context, c Caller, name, tool string) (Mission, error) {
	row, err := find(ctx, s.db.Query(), c.Identity, Ref{Name: name})
	switch {
	case err == nil:
		return whole(ctx, s.db.Query(), row, row.defaultRole())
	case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrGone):
		return Mission{}, err
	}
	c.UID = "muster"
	m, err := s.create(ctx, c, name, Spec{Tool: &tool, AllowHidden: true}, "")
	if errors.Is(err, ErrConflict) { // somebody was faster
		if row, err = find(ctx, s.db.Query(), c.Identity, Ref{Name: name}); err != nil {
			return m, err
		}
		return whole(ctx, s.db.Query(), row, row.defaultRole())
	}
	return m, err
}

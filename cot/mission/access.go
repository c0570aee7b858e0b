package mission

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

const (
	maxMissionName = 255  // characters
	maxText        = 8192 // bytes of a description and the like
	maxUID         = 255  // bytes of a uid, callsign or user name
)

var (
	guidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// newID returns a random UUID (RFC 9562 version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// time is now, in the unit of the database.
func (s *Service) time() int64 { return time.Now().UnixMilli() }

// ParseName trims and checks the name of a mission.
func ParseName(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", refuse(ErrInvalid, "The mission has no name.")
	case s == "." || s == "..":
		return "", refuse(ErrInvalid, "The name of the mission cannot be in an address.")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return "", refuse(ErrInvalid, "The name of the mission holds characters that cannot be used.")
	case strings.Contains(s, "/"):
		return "", refuse(ErrInvalid, "The name of a mission must not hold a slash.")
	case utf8.RuneCountInString(s) > maxMissionName:
		return "", refuse(ErrInvalid, "The name of the mission is too long.")
	}
	return s, nil
}

// checkUID accepts what may be the uid of a device or event, or a layer's.
func checkUID(s string) error {
	if s == "" || len(s) > maxUID || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return refuse(ErrInvalid, "A uid is empty, too long or holds characters that cannot be used.")
	}
	return nil
}

// checkText accepts free text that may be empty.
func checkText(texts ...string) error {
	for _, s := range texts {
		if len(s) > maxText {
			return refuse(ErrInvalid, "A text is too long.")
		}
		if err := checkChars(s); err != nil {
			return err
		}
	}
	return nil
}

// checkChars refuses what the databases and XML cannot hold.
func checkChars(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return refuse(ErrInvalid, "A text holds characters that cannot be used.")
	}
	return nil
}

func (m missionRow) resource() auth.Resource { return auth.Data("mission "+m.Name, m.Groups.V) }

// find returns the mission that ref names, if id may know of it. Several may have
// one name in different groups; the oldest that id sees is meant. The error wraps
// ErrNotFound or ErrGone.
func find(ctx context.Context, q bun.IDB, id auth.Identity, ref Ref) (missionRow, error) {
	rows, err := named(ctx, q, ref)
	if err != nil {
		return missionRow{}, err
	}
	err = refuse(ErrNotFound, "Not Found: there is no such mission.")
	for _, m := range rows {
		switch {
		case auth.Allow(id, auth.Read, m.resource()) != nil:
		case m.Deleted != 0:
			err = refuse(ErrGone, "The mission was deleted.")
		default:
			return m, nil
		}
	}
	return missionRow{}, err
}

// named returns the missions that ref can mean. Clients write a guid where a name
// belongs, and a name where a guid does; a name that looks like a guid is first of
// all a name.
func named(ctx context.Context, q bun.IDB, ref Ref) ([]missionRow, error) {
	guid, name := strings.Trim(strings.ToLower(ref.GUID), "{}"), ref.Name
	if guid != "" && !guidForm.MatchString(guid) {
		guid, name = "", ref.GUID
	}
	if guid == "" {
		var err error
		if name, err = ParseName(name); err != nil {
			return nil, err
		}
	}
	read := func(column, value string) ([]missionRow, error) {
		var rows []missionRow
		err := q.NewSelect().Model(&rows).Where("? = ?", bun.Ident(column), value).Order("created", "guid").Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("mission: read a mission: %w", err)
		}
		return rows, nil
	}
	if guid != "" {
		return read("guid", guid)
	}
	rows, err := read("name", name)
	if g := strings.Trim(strings.ToLower(name), "{}"); err == nil && len(rows) == 0 && guidForm.MatchString(g) {
		return read("guid", g)
	}
	return rows, err
}

// byGUID reads a mission that is known to exist.
func byGUID(ctx context.Context, q bun.IDB, guid string) (missionRow, error) {
	var m missionRow
	err := q.NewSelect().Model(&m).Where("guid = ?", guid).Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return m, refuse(ErrNotFound, "Not Found: there is no such mission.")
	}
	if err != nil {
		return m, fmt.Errorf("mission: read a mission: %w", err)
	}
	return m, nil
}

// role says what c is in a mission that c may see: by a valid token of it, else
// owner for administrators, else nothing where the mission has a password or is
// by invitation, else the mission's default role.
func (s *Service) role(ctx context.Context, q bun.IDB, c Caller, m missionRow) (Role, error) {
	if g, ok := s.readToken(c.Token); ok && g.guid == m.GUID {
		r, ok, err := tokenRole(ctx, q, g, m)
		if err != nil || ok {
			return r, err
		}
	}
	if c.Identity.IsAdmin() && auth.Allow(c.Identity, auth.Publish, m.resource()) == nil {
		return RoleOwner, nil
	}
	if c.Own {
		r, err := ownRole(ctx, q, c.Identity.User, m.GUID)
		if err != nil || r != RoleNone {
			return r, err
		}
	}
	if m.protected() {
		return RoleNone, nil
	}
	return m.defaultRole(), nil
}

// tokenRole returns the role behind a token; ok is false where there is nothing
// behind it any more. An invitation is good only for subscribing.
func tokenRole(ctx context.Context, q bun.IDB, g grant, m missionRow) (Role, bool, error) {
	switch g.kind {
	case subscriptionToken:
		var sub subRow
		err := q.NewSelect().Model(&sub).Where("id = ? AND mission = ?", g.id, m.GUID).Limit(1).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return RoleNone, false, nil
		}
		if err != nil {
			return RoleNone, false, fmt.Errorf("mission: read a subscription: %w", err)
		}
		return sub.Role, true, nil
	case accessToken:
		return m.defaultRole(), g.id == accessID(m), nil
	}
	return RoleNone, false, nil
}

// ownRole returns the highest role of a user's subscriptions.
func ownRole(ctx context.Context, q bun.IDB, user, guid string) (Role, error) {
	var subs []subRow
	if err := q.NewSelect().Model(&subs).Where("mission = ? AND username = ?", guid, user).Scan(ctx); err != nil {
		return RoleNone, fmt.Errorf("mission: read subscriptions: %w", err)
	}
	best := RoleNone
	for _, sub := range subs {
		if sub.Role.covers(best) {
			best = sub.Role
		}
	}
	return best, nil
}

// may finds the mission that ref names and refuses unless c has the permission.
func (s *Service) may(ctx context.Context, q bun.IDB, c Caller, ref Ref, p Permission) (missionRow, Role, error) {
	m, err := find(ctx, q, c.Identity, ref)
	if err != nil {
		return m, RoleNone, err
	}
	r, err := s.role(ctx, q, c, m)
	if err != nil {
		return m, r, err
	}
	return m, r, permit(c.Identity, m, r, p)
}

// permit is the rule of both sides: the role in the mission, and the right in its
// groups.
func permit(id auth.Identity, m missionRow, r Role, p Permission) error {
	if !r.Has(p) {
		if r == RoleNone && m.Password != "" {
			return refuse(ErrDenied, "Forbidden: the mission has a password.")
		}
		return refuse(ErrDenied, "Forbidden: your role in the mission does not allow this.")
	}
	if p != Read && auth.Allow(id, auth.Publish, m.resource()) != nil {
		return refuse(ErrDenied, "Forbidden: you may not write to the groups of the mission.")
	}
	return nil
}

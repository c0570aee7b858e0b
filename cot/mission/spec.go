package mission

import (
	"slices"
	"strings"

	"muster/internal/auth"
)

// Spec says what a mission is to be. Nil fields are left as they are when a
// mission is updated, and get their defaults when it is created.
type Spec struct {
	Description     *string
	ChatRoom        *string
	BaseLayer       *string
	BBox            *string
	BoundingPolygon *string
	Path            *string
	Classification  *string
	Tool            *string // default "public"
	Password        *string // "" is none
	DefaultRole     *Role   // RoleNone: MISSION_SUBSCRIBER
	InviteOnly      *bool
	Expiration      *int64   // seconds since 1970; -1 never
	Keywords        []string // nil: unchanged
	Groups          []string // nil: all groups the caller may write to

	AllowGroups bool // Groups may differ from those of the existing mission
	AllowHidden bool // the name may be taken in groups the caller cannot see
	AllowDupe   bool // a new mission even if the caller sees one of that name
}

// TextOf returns a pointer to s, for Spec.
func TextOf(s string) *string { return &s }

// allGroups is how clients ask for the groups of everybody when they know none.
const allGroups = "__ANON__"

func (p Spec) check() error {
	for _, t := range []*string{p.Description, p.ChatRoom, p.BaseLayer, p.BBox, p.BoundingPolygon, p.Path, p.Classification, p.Tool, p.Password} {
		if t == nil {
			continue
		}
		if err := checkText(*t); err != nil {
			return err
		}
	}
	if p.Expiration != nil && (*p.Expiration < -1 || *p.Expiration > 1<<40) {
		return refuse(ErrInvalid, "The expiration is not a time in seconds.")
	}
	return checkWords(p.Keywords)
}

const maxWords = 500 // keywords, groups, hashes of one thing

// checkWords accepts a list of keywords.
func checkWords(words []string) error {
	if len(words) > maxWords {
		return refuse(ErrInvalid, "There are too many keywords.")
	}
	return checkText(words...)
}

// groups returns those a new or changed mission gets: what was asked for, as far
// as the caller may publish there.
func (p Spec) groups(id auth.Identity) ([]string, error) {
	var want []string
	for _, g := range p.Groups {
		for name := range strings.SplitSeq(g, ",") { // node-tak joins them
			if name = strings.TrimSpace(name); name != "" {
				want = append(want, name)
			}
		}
	}
	want = slices.DeleteFunc(want, func(g string) bool { return g == allGroups && !slices.Contains(id.WriteGroups(), g) })
	if len(want) == 0 {
		want = id.WriteGroups()
	}
	slices.Sort(want)
	want = slices.Compact(want)
	r := auth.Data("a mission", want)
	r.Every = true
	if len(want) == 0 {
		return nil, refuse(ErrDenied, "Forbidden: there is no group that you may write to; name one.")
	}
	if len(want) > maxWords {
		return nil, refuse(ErrInvalid, "There are too many groups.")
	}
	if auth.Allow(id, auth.Publish, r) != nil {
		return nil, refuse(ErrDenied, "Forbidden: you may not write to all of these groups.")
	}
	return want, nil
}

// apply writes the fields that p has into m. The password is set by its caller.
func (p Spec) apply(m *missionRow) {
	for _, f := range []struct {
		to   *string
		from *string
	}{
		{&m.Description, p.Description}, {&m.ChatRoom, p.ChatRoom}, {&m.BaseLayer, p.BaseLayer}, {&m.BBox, p.BBox},
		{&m.BoundingPolygon, p.BoundingPolygon}, {&m.Path, p.Path}, {&m.Classification, p.Classification}, {&m.Tool, p.Tool},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.DefaultRole != nil {
		m.DefaultRole = special(*p.DefaultRole)
	}
	if p.InviteOnly != nil {
		m.InviteOnly = *p.InviteOnly
	}
	if p.Expiration != nil {
		m.Expires = expiry(*p.Expiration)
	}
	if p.Keywords != nil {
		m.Keywords.V = words(p.Keywords)
	}
}

func expiry(seconds int64) int64 {
	if seconds <= 0 {
		return 0
	}
	return seconds * 1000
}

// words returns keywords trimmed, without doubles, in their order.
func words(in []string) []string {
	out := make([]string, 0, len(in))
	for _, w := range in {
		if w = strings.TrimSpace(w); w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// guards reports whether p changes who gets into m, or with what role.
func (p Spec) guards(m missionRow) bool {
	return p.InviteOnly != nil && *p.InviteOnly != m.InviteOnly || p.DefaultRole != nil && special(*p.DefaultRole) != m.DefaultRole
}

// special returns a default role as it is stored: what every mission has is none
// of its own. Clients send it back with the mission.
func special(r Role) Role {
	if r == RoleSubscriber {
		return RoleNone
	}
	return r
}

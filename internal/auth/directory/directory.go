// Package directory asks others who somebody is: an LDAP server, or an OpenID
// Connect provider. It returns what they say and decides nothing; package auth
// makes accounts of it.
package directory

import (
	"errors"
	"slices"
	"strings"
)

// The errors that a caller tells apart. All others mean that the directory could
// not be asked, which says nothing about the person.
var (
	ErrUnknown = errors.New("unknown to the directory, or the password is wrong")
	ErrRefused = errors.New("the provider did not confirm the login")
)

// Person is somebody as a directory describes them.
type Person struct {
	Subject  string // what the directory calls them for ever: a DN, or issuer and subject
	Name     string // login name
	FullName string
	Admin    bool // member of the group of administrators
	Groups   []Membership
}

// Membership is a right in one group, with the directions of auth.Grant.
type Membership struct {
	Group   string
	In, Out bool
}

const maxGroups = 500 // of one person; the rest is ignored

// naming turns names of groups in the directory into memberships.
type naming struct{ prefix, admin string }

// The suffixes by which TAK Server gives a direction to a group of a directory.
const (
	suffixRead  = "_READ"  // only receives
	suffixWrite = "_WRITE" // only publishes
)

// memberships reads the names of a person's groups: those without the prefix do
// not count, the prefix and a suffix _READ or _WRITE are taken off. full names
// the group as a whole where it has a longer name, such as a DN.
func (n naming) memberships(names []string, full []string) (groups []Membership, admin bool) {
	found := make(map[string]Membership)
	for i, name := range names {
		if n.admin != "" && (strings.EqualFold(name, n.admin) || i < len(full) && strings.EqualFold(full[i], n.admin)) {
			admin = true
		}
		if len(name) < len(n.prefix) || !strings.EqualFold(name[:len(n.prefix)], n.prefix) {
			continue
		}
		m := Membership{Group: name[len(n.prefix):], In: true, Out: true}
		if base, ok := cutSuffix(m.Group, suffixRead); ok {
			m.Group, m.In = base, false
		} else if base, ok := cutSuffix(m.Group, suffixWrite); ok {
			m.Group, m.Out = base, false
		}
		if m.Group == "" || len(found) >= maxGroups {
			continue
		}
		key := strings.ToLower(m.Group)
		if old, ok := found[key]; ok {
			m = Membership{Group: old.Group, In: old.In || m.In, Out: old.Out || m.Out}
		}
		found[key] = m
	}
	for _, m := range found {
		groups = append(groups, m)
	}
	slices.SortFunc(groups, func(a, b Membership) int { return strings.Compare(a.Group, b.Group) })
	return groups, admin
}

// cutSuffix is strings.CutSuffix in which case does not count.
func cutSuffix(s, suffix string) (string, bool) {
	at := len(s) - len(suffix)
	if at < 0 || !strings.EqualFold(s[at:], suffix) {
		return s, false
	}
	return s[:at], true
}

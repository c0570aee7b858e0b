package voice

import (
	"slices"
	"strings"

	"muster/internal/auth"
	"muster/voice/wire"
)

// Limits of the access list of a temporary channel.
const (
	maxRules   = 64
	maxMembers = 256
)

// acl is the access list of a temporary channel. It narrows what the house allows
// there and makes some users its managers; it never lets anybody in whom the house
// does not.
type acl struct {
	groups []aclGroup
	rules  []wire.ACLRule
}

type aclGroup struct {
	name    string
	members []uint32 // user ids
}

// aclOf is the list a temporary channel begins with: who made it manages it.
func aclOf(creator uint32) *acl {
	return &acl{
		groups: []aclGroup{{name: "admin", members: []uint32{creator}}},
		rules: []wire.ACLRule{{
			Here: new(true), Below: new(true), Group: new("admin"), Grant: new(uint32(wire.Write)), Deny: new(uint32(0)),
		}},
	}
}

const (
	// openly is what everybody may do in a temporary channel before its list is
	// asked.
	openly = entered | wire.Speak | wire.Whisper | wire.Text | wire.Listen
	// managed is what comes with Write.
	managed = wire.Write | entered | wire.MuteDeafen | wire.Move | wire.LinkChannel | wire.Text
)

// permissions returns what u may do in ch: what the house allows, narrowed by the
// channel's list if it has one. A nil u is the server itself. The caller holds mu.
func (s *Server) permissions(u *user, ch *channel) uint32 {
	if u == nil {
		return ^uint32(0)
	}
	if u.class == nil { // a seat
		if ch == u.ch {
			return entered | wire.Speak
		}
		return 0
	}
	house := u.class.in(ch)
	if ch.acl == nil || house == 0 || house&wire.Write != 0 {
		return house
	}
	p := uint32(openly)
	for _, r := range ch.acl.rules {
		if !isTrue(r.Here) || !ch.acl.matches(r, u, ch) {
			continue
		}
		p |= value(r.Grant)
		p &^= value(r.Deny)
	}
	manages := p & wire.Write
	p &= house
	if manages != 0 {
		p |= managed
	}
	return p | house&hear
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func isTrue(p *bool) bool { return p != nil && *p }

func (a *acl) matches(r wire.ACLRule, u *user, ch *channel) bool {
	if r.UserID != nil {
		return *r.UserID == u.userID
	}
	return a.member(value(r.Group), u, ch)
}

// member reports whether u is in a group, by the names that Mumble gives them.
func (a *acl) member(name string, u *user, ch *channel) bool {
	want := true
	for strings.HasPrefix(name, "!") {
		want, name = !want, name[1:]
	}
	name = strings.TrimPrefix(name, "~") // there is one list only to look in
	is := false
	switch {
	case name == "all", name == "auth":
		is = true
	case name == "none", name == "":
	case name == "strong":
		is = u.strong
	case name == "in":
		is = u.ch == ch
	case name == "out":
		is = u.ch != ch
	case strings.HasPrefix(name, "#"):
		is = slices.Contains(u.tokens, name[1:])
	case strings.HasPrefix(name, "$"):
		is = u.hash != "" && strings.EqualFold(u.hash, name[1:])
	default:
		is = u.joined(name, ch)
		// A group of its own hides that of the house: there may be one called admin.
		if a.has(name) {
			is = is || slices.ContainsFunc(a.groups, func(g aclGroup) bool {
				return strings.EqualFold(g.name, name) && slices.Contains(g.members, u.userID)
			})
		} else {
			is = is || slices.ContainsFunc(u.id.Groups, func(g auth.Grant) bool { return strings.EqualFold(cleanName(g.Group), name) })
		}
	}
	return is == want
}

// changesNothing reports whether m is what the desktop client sends when its dialog
// is closed without a change: no group and no rule but what is inherited.
func changesNothing(m *wire.ACL) bool {
	own := slices.ContainsFunc(m.Rules, func(r wire.ACLRule) bool { return !isTrue(r.Inherited) })
	return isTrue(m.Inherit) && !own && len(m.Groups) == 0
}

// tellACL answers the question of the desktop client's dialog. The caller holds mu.
func (s *Server) tellACL(u *user, ch *channel) {
	m := s.list(ch)
	names := &wire.QueryUsers{}
	add := func(ids []uint32) {
		for _, id := range ids {
			if name := s.ids[id]; name != "" && !slices.Contains(names.IDs, id) {
				names.IDs, names.Names = append(names.IDs, id), append(names.Names, name)
			}
		}
	}
	for _, g := range m.Groups {
		add(g.Add)
		add(g.InheritedMembers)
	}
	for _, r := range m.Rules {
		if r.UserID != nil {
			add([]uint32{*r.UserID})
		}
	}
	u.c.send(wire.AppendFrame(wire.AppendFrame(nil, m), names))
}

// list is what the house allows in ch, as far as such a list can say it and as
// inherited, then the channel's own. The caller holds mu.
func (s *Server) list(ch *channel) *wire.ACL {
	m := &wire.ACL{Channel: new(ch.id), Inherit: new(true)}
	house := func(group string, grant, deny uint32) {
		m.Rules = append(m.Rules, wire.ACLRule{
			Here: new(true), Below: new(ch != s.root), Inherited: new(true), Group: new(group), Grant: new(grant), Deny: new(deny),
		})
	}
	const most = openly | wire.MakeTemporary
	switch {
	case ch == s.root:
		house("all", most&^(wire.Speak|wire.Listen), wire.Speak|wire.Listen)
	case ch.res.Kind == auth.KindServer:
		house("all", most&^wire.MakeTemporary, 0)
	default:
		// Clients put a rule before all others that lets everybody speak.
		house("all", 0, most)
	}
	for _, g := range ch.res.Groups {
		name := cleanName(g)
		m.Groups = append(m.Groups, wire.ACLGroup{
			Name: new(name), Inherited: new(true), Inherit: new(true), Inheritable: new(true), InheritedMembers: s.present(g),
		})
		house(name, most, 0)
	}
	if ch.acl != nil {
		ch.acl.describe(m)
	}
	return m
}

// present returns the accounts in a group of the house that are logged in. The
// caller holds mu.
func (s *Server) present(group string) (ids []uint32) {
	for _, u := range s.users {
		in := slices.ContainsFunc(u.id.Groups, func(g auth.Grant) bool { return g.Group == group })
		if in && u.c != nil && !slices.Contains(ids, u.userID) {
			ids = append(ids, u.userID)
		}
	}
	slices.Sort(ids)
	return ids
}

// has reports whether the list has a group of that name of its own.
func (a *acl) has(name string) bool {
	return slices.ContainsFunc(a.groups, func(g aclGroup) bool { return strings.EqualFold(g.name, name) })
}

// describe puts the list into m.
func (a *acl) describe(m *wire.ACL) {
	m.Groups = slices.DeleteFunc(m.Groups, func(g wire.ACLGroup) bool { return a.has(value(g.Name)) })
	for _, g := range a.groups {
		m.Groups = append(m.Groups, wire.ACLGroup{
			Name: new(g.name), Inherited: new(false), Inherit: new(false), Inheritable: new(true), Add: g.members,
		})
	}
	for _, r := range a.rules {
		r.Inherited = new(false)
		m.Rules = append(m.Rules, r)
	}
}

// readACL takes the list that a client sets; ok is false when it is too long.
func readACL(m *wire.ACL) (a *acl, ok bool) {
	if len(m.Groups) > maxRules || len(m.Rules) > maxRules {
		return nil, false
	}
	a = &acl{}
	for _, g := range m.Groups {
		if isTrue(g.Inherited) {
			continue // of the house
		}
		name := cleanName(value(g.Name))
		if name == "" || len(g.Add) > maxMembers {
			return nil, false
		}
		a.groups = append(a.groups, aclGroup{name: name, members: g.Add})
	}
	for _, r := range m.Rules {
		if isTrue(r.Inherited) {
			continue // of the house
		}
		rule := wire.ACLRule{
			Here: new(r.Here == nil || *r.Here), Below: new(r.Below == nil || *r.Below), UserID: r.UserID,
			Grant: new(value(r.Grant)), Deny: new(value(r.Deny)),
		}
		if r.UserID == nil {
			rule.Group = new(cleanName(value(r.Group)))
		}
		a.rules = append(a.rules, rule)
	}
	return a, true
}

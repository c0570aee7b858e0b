package attach

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"muster/internal/auth"
	"muster/voice/murmur"
)

// The names of groups at murmurd. They all begin with a prefix, because murmurd
// gives some names a meaning of its own ("admin", "all", "!x"), which a group
// here could have.
const (
	prefix      = "tak."
	inPrefix    = prefix + "in."  // may send to the group
	outPrefix   = prefix + "out." // may hear the group
	adminGroup  = prefix + "admin"
	serverGroup = prefix + "server" // sessions of this server itself
)

// right is the resource of talking and hearing in a group.
func right(group string) auth.Resource { return auth.Data("voice", []string{group}) }

// groupsOf returns the groups that somebody has at murmurd, sorted.
func groupsOf(id auth.Identity) []string {
	if id.System {
		return []string{serverGroup}
	}
	var out []string
	for _, g := range id.Groups {
		if auth.Allow(id, auth.Publish, right(g.Group)) == nil {
			out = append(out, inPrefix+g.Group)
		}
		if auth.Allow(id, auth.Read, right(g.Group)) == nil {
			out = append(out, outPrefix+g.Group)
		}
	}
	if auth.Allow(id, auth.Admin, auth.Server()) == nil {
		out = append(out, adminGroup)
	}
	slices.Sort(out)
	return out
}

// What may be done, as ATAK's plugins and Mumble clients need it.
const (
	talk  = murmur.PermissionSpeak | murmur.PermissionWhisper | murmur.PermissionTextMessage
	come  = murmur.PermissionTraverse | murmur.PermissionEnter
	admin = 0x7ff | murmur.PermissionKick | murmur.PermissionBan | murmur.PermissionRegister
)

// listen is the right to listen to a channel without being in it. Before 1.4
// murmurd drops it from a list, which would then never be as it shall be.
func (l *link) listen() int32 {
	if v := l.meta.Version(); v.Major == 1 && v.Minor < 4 {
		return 0
	}
	return murmur.PermissionListen
}

func acl(group string, here, subs bool, allow, deny int32) murmur.ACL {
	return murmur.ACL{ApplyHere: here, ApplySubs: subs, UserID: -1, Group: group, Allow: allow, Deny: deny}
}

// rootRules let everybody come in and call others in temporary channels, and let
// nobody talk in the root, where all groups are together.
func (l *link) rootRules() []murmur.ACL {
	return []murmur.ACL{
		acl("all", true, false, come|murmur.PermissionTextMessage|murmur.PermissionMakeTempChannel, murmur.PermissionSpeak|murmur.PermissionWhisper|l.listen()),
		acl("all", false, true, come|talk, murmur.PermissionMakeTempChannel|l.listen()),
		acl(adminGroup, true, true, admin|l.listen(), 0),
	}
}

// rules let those who hear a group enter its channel and those who may send to it
// speak.
func (l *link) rules(c Channel) []murmur.ACL {
	out := []murmur.ACL{acl("all", true, true, 0, murmur.PermissionEnter|talk|murmur.PermissionMakeTempChannel|l.listen())}
	for _, g := range c.Groups {
		out = append(out,
			acl(outPrefix+g, true, true, come|l.listen(), 0),
			acl(inPrefix+g, true, true, talk, 0),
			acl(inPrefix+g, true, false, murmur.PermissionMakeTempChannel, 0))
	}
	return append(out,
		acl(serverGroup, true, true, come|talk, 0),
		acl(adminGroup, true, true, admin|l.listen(), 0))
}

// carryOut makes murmurd's channels be those of the plan. A channel of a group
// that is no more is removed; channels that are not ours stay as they are.
func (l *link) carryOut(ctx context.Context) error {
	plan, err := l.a.deps.Plan.Channels(ctx)
	if err != nil { // our own fault, which must not keep sessions from being ended
		l.a.log.Warn("murmurd's channels stay as they are", "error", err)
		return nil
	}
	have, err := l.server.Channels(ctx)
	if err != nil {
		return err
	}
	if err := l.setRules(ctx, 0, l.rootRules()); err != nil {
		return err
	}
	top := make(map[string]int32) // by name, which murmurd compares without regard to case
	for _, c := range have {
		if c.Parent == 0 && c.ID != 0 && !c.Temporary {
			top[strings.ToLower(c.Name)] = c.ID
		}
	}
	named, below := make(map[string]int32), make(map[int32]Channel)
	for _, c := range plan {
		id, ok := top[strings.ToLower(c.Name)]
		if !ok {
			if id, err = l.server.AddChannel(ctx, c.Name, 0); errors.Is(err, murmur.InvalidChannel) {
				l.a.log.Warn("murmurd does not take this name for a channel", "channel", c.Name)
				continue
			} else if err != nil {
				return err
			}
			top[strings.ToLower(c.Name)] = id
		}
		if _, twice := below[id]; twice { // names that differ in case only; the first stands
			continue
		}
		if err := l.setRules(ctx, id, l.rules(c)); err != nil {
			return err
		}
		named[c.Key], below[id] = id, c
	}
	if err := l.removeOthers(ctx, top, below); err != nil {
		return err
	}
	l.below = below
	l.a.mu.Lock()
	l.a.channels = maps.Clone(named)
	l.a.mu.Unlock()
	return nil
}

// setRules replaces the rules of a channel unless they are as they shall be.
func (l *link) setRules(ctx context.Context, channel int32, want []murmur.ACL) error {
	have, err := l.server.Rules(ctx, channel)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(slices.Clone(have.ACLs), func(a murmur.ACL) bool { return a.Inherited })
	if have.Inherit && slices.Equal(own, want) {
		return nil
	}
	return l.replaceRules(ctx, channel, have.Groups, want)
}

// replaceRules keeps the groups that somebody made at murmurd itself.
func (l *link) replaceRules(ctx context.Context, channel int32, have []murmur.Group, want []murmur.ACL) error {
	groups := slices.DeleteFunc(have, func(g murmur.Group) bool { return g.Inherited || strings.HasPrefix(g.Name, prefix) })
	if err := l.server.SetRules(ctx, channel, murmur.Rules{ACLs: want, Groups: groups, Inherit: true}); err != nil {
		return err
	}
	if channel == 0 {
		return l.joinAll(ctx)
	}
	return nil
}

// dropGroups takes everybody out of the groups of their login and puts them into
// those of now. murmurd has no other way: it takes a session out only of groups
// that it was put into by a call, not out of those that a login gave.
func (l *link) dropGroups(ctx context.Context) error {
	have, err := l.server.Rules(ctx, 0)
	if err != nil {
		return err
	}
	return l.replaceRules(ctx, 0, have.Groups, l.rootRules())
}

// joinAll puts everybody into their groups again: new rules of the root drop the
// groups that last as long as a session.
func (l *link) joinAll(ctx context.Context) error {
	groups := make(map[int32][]string)
	for _, s := range l.a.seats.list() {
		groups[s.session] = groupsOf(s.identity)
	}
	return l.join(ctx, groups)
}

// removeOthers removes channels that were made here and are not in the plan.
func (l *link) removeOthers(ctx context.Context, top map[string]int32, planned map[int32]Channel) error {
	for _, id := range top {
		if _, ok := planned[id]; ok {
			continue
		}
		r, err := l.server.Rules(ctx, id)
		if errors.Is(err, murmur.InvalidChannel) {
			continue
		}
		if err != nil {
			return err
		}
		ours := slices.ContainsFunc(r.ACLs, func(a murmur.ACL) bool { return !a.Inherited && a.Group == serverGroup })
		if !ours {
			continue
		}
		if err := l.server.RemoveChannel(ctx, id); err != nil && !errors.Is(err, murmur.InvalidChannel) {
			return err
		}
	}
	return nil
}

// room returns the channel of the plan that a channel is or is below.
func (l *link) room(all map[int32]murmur.Channel, id int32) (Channel, bool) {
	for range len(all) {
		if c, ok := l.below[id]; ok {
			return c, true
		}
		c, ok := all[id]
		if !ok {
			break
		}
		id = c.Parent
	}
	return Channel{}, false
}

package voice

import (
	"maps"
	"slices"

	"muster/internal/auth"
	"muster/voice/wire"
)

// channelState makes or changes a channel. Those of the house are changed where
// they come from and can only be linked here. The caller holds mu.
func (s *Server) channelState(u *user, m *wire.ChannelState) error {
	if m.ID == nil {
		return s.makeChannel(u, m)
	}
	ch := s.visible(u, *m.ID)
	if ch == nil {
		return nil
	}
	if m.Name != nil || m.Description != nil || m.Position != nil || m.MaxUsers != nil || m.Parent != nil {
		if err := s.editChannel(u, ch, m); err != nil {
			return err
		}
	}
	return s.linkChannels(u, ch, m)
}

// makeChannel makes a temporary channel: its maker is its manager and is moved
// into it, and it is gone when it is empty.
func (s *Server) makeChannel(u *user, m *wire.ChannelState) error {
	parent := s.visible(u, value(m.Parent))
	name := cleanName(value(m.Name))
	switch {
	case parent == nil:
		return nil
	case parent.temporary:
		return &denied{code: wire.DeniedTemporary, channel: parent}
	case s.permissions(u, parent)&wire.MakeTemporary == 0:
		return lacks(wire.MakeTemporary, parent)
	case !isTrue(m.Temporary):
		return deny("channels that stay are the server's groups and rooms; make a temporary one here")
	case name == "" || parent.named(name, nil):
		return &denied{code: wire.DeniedChannelName, name: name}
	case s.temporaries >= s.cfg.TemporaryChannels:
		return &denied{code: wire.DeniedChannelCount}
	case len(value(m.Description)) > s.cfg.CommentLength:
		return &denied{code: wire.DeniedTextTooLong}
	}
	ch := newChannel(s.newChannelID(), parent, name)
	ch.temporary = true
	ch.res = parent.res
	if parent == s.root {
		// Of those whom its maker shares a group with.
		var groups []string
		for _, g := range u.id.Groups {
			groups = append(groups, g.Group)
		}
		ch.res = auth.Data("voice", groups)
	}
	ch.description = plainText(value(m.Description))
	ch.position, ch.maxUsers = value(m.Position), value(m.MaxUsers)
	ch.acl = aclOf(u.userID)
	if u.class.in(ch) == 0 || s.permissions(u, ch)&wire.Enter == 0 {
		return lacks(wire.MakeTemporary, parent)
	}
	s.temporaries++
	s.addChannel(ch)
	s.move(u, ch, u.session)
	return s.linkChannels(u, ch, m)
}

// addChannel puts ch into the tree and shows it. The caller holds mu.
func (s *Server) addChannel(ch *channel) {
	s.channels[ch.id] = ch
	ch.parent.kids[ch.id] = ch
	if ch.key != "" {
		s.byKey[ch.key] = ch
	}
	s.changedTree()
	s.showChannel(ch, ch.state())
	s.happenedTo(ChannelMade, ch)
}

// newChannelID returns a number that no channel has. The caller holds mu.
func (s *Server) newChannelID() uint32 {
	s.lastChannel++
	return s.lastChannel
}

// showChannel tells those who see ch about it. The caller holds mu.
func (s *Server) showChannel(ch *channel, m wire.Message) {
	frame := wire.AppendFrame(nil, m)
	for _, a := range s.users {
		if a.c != nil && a.class.in(ch) != 0 {
			a.c.send(frame)
		}
	}
}

// editChannel changes a temporary channel.
func (s *Server) editChannel(u *user, ch *channel, m *wire.ChannelState) error {
	if s.permissions(u, ch)&wire.Write == 0 {
		return lacks(wire.Write, ch)
	}
	if !ch.temporary {
		return deny("this channel is a group or room of the server and is changed there")
	}
	if m.Parent != nil && *m.Parent != ch.parent.id {
		return &denied{code: wire.DeniedTemporary, channel: ch}
	}
	d := &wire.ChannelState{ID: new(ch.id)}
	if m.Name != nil {
		name := cleanName(*m.Name)
		if name == "" || ch.parent.named(name, ch) {
			return &denied{code: wire.DeniedChannelName, name: name}
		}
		ch.name, d.Name = name, new(name)
	}
	if m.Description != nil {
		text := plainText(*m.Description)
		if len(text) > s.cfg.CommentLength {
			return &denied{code: wire.DeniedTextTooLong}
		}
		ch.description = text
		ch.describe(d)
	}
	if m.Position != nil {
		ch.position, d.Position = *m.Position, m.Position
	}
	if m.MaxUsers != nil {
		ch.maxUsers, d.MaxUsers = *m.MaxUsers, m.MaxUsers
	}
	s.changedTree()
	s.showChannel(ch, d)
	s.happenedTo(ChannelAltered, ch)
	return nil
}

// linkChannels links ch with others and unlinks it. Voice crosses a link where
// the one who speaks may speak on the other side, and those there may hear it.
func (s *Server) linkChannels(u *user, ch *channel, m *wire.ChannelState) error {
	add, remove := m.LinksAdd, m.LinksRemove
	if m.Links != nil {
		for id := range ch.links {
			if !slices.Contains(m.Links, id) {
				remove = append(remove, id)
			}
		}
		add = append(add, m.Links...)
	}
	if len(add)+len(remove) == 0 {
		return nil
	}
	if s.permissions(u, ch)&wire.LinkChannel == 0 {
		return lacks(wire.LinkChannel, ch)
	}
	var fresh []*channel
	for _, id := range add {
		l := s.visible(u, id)
		switch {
		case l == nil || l == ch || ch.links[id] != nil && !slices.Contains(remove, id):
			continue
		case ch == s.root || l == s.root:
			return deny("the root channel cannot be linked")
		case s.permissions(u, l)&wire.LinkChannel == 0:
			return lacks(wire.LinkChannel, l)
		}
		fresh = append(fresh, l)
	}
	for _, id := range remove {
		if l := ch.links[id]; l != nil {
			delete(ch.links, id)
			delete(l.links, ch.id)
			s.showLink(ch, l, false)
		}
	}
	for _, l := range fresh {
		ch.links[l.id], l.links[ch.id] = l, ch
		s.showLink(ch, l, true)
	}
	s.changedTree()
	s.happenedTo(ChannelAltered, ch)
	return nil
}

// showLink tells of a link to those who see both ends.
func (s *Server) showLink(a, b *channel, on bool) {
	m := &wire.ChannelState{ID: new(a.id)}
	if on {
		m.LinksAdd = []uint32{b.id}
	} else {
		m.LinksRemove = []uint32{b.id}
	}
	frame := wire.AppendFrame(nil, m)
	for _, u := range s.users {
		if u.c != nil && u.class.in(a) != 0 && u.class.in(b) != 0 {
			u.c.send(frame)
		}
	}
}

// channelRemove removes a temporary channel. The caller holds mu.
func (s *Server) channelRemove(u *user, m *wire.ChannelRemove) error {
	ch := s.visible(u, value(m.ID))
	switch {
	case ch == nil:
		return nil
	case !ch.temporary:
		return deny("this channel is a group or room of the server and is removed there")
	case s.permissions(u, ch)&wire.Write == 0:
		return lacks(wire.Write, ch)
	}
	s.removeChannel(ch)
	return nil
}

// removeChannel takes ch with all below it off the tree. Who is in it goes to its
// parent, or to the root where that is not for everybody in it. The caller holds
// mu.
func (s *Server) removeChannel(ch *channel) {
	if s.channels[ch.id] != ch {
		return
	}
	for _, k := range slices.Collect(maps.Values(ch.kids)) {
		s.removeChannel(k)
	}
	for _, u := range slices.Collect(maps.Values(ch.users)) {
		switch {
		case u.seat != nil:
			s.remove(u, &wire.UserRemove{Session: new(u.session)})
		case s.permissions(u, ch.parent)&wire.Enter != 0 && !s.full(ch.parent):
			s.move(u, ch.parent, 0)
		default:
			s.move(u, s.root, 0)
		}
	}
	if s.channels[ch.id] != ch { // it was temporary, and the last one to leave took it down
		return
	}
	for _, l := range ch.links {
		delete(l.links, ch.id)
	}
	for _, u := range ch.listeners {
		delete(u.listens, ch.id)
		u.full = nil
	}
	s.showChannel(ch, &wire.ChannelRemove{ID: new(ch.id)})
	delete(s.channels, ch.id)
	delete(ch.parent.kids, ch.id)
	if s.byKey[ch.key] == ch {
		delete(s.byKey, ch.key)
	}
	if ch.temporary {
		s.temporaries--
	}
	s.forget(ch)
	s.changedTree()
	s.happenedTo(ChannelRemoved, ch)
}

// accessList tells or sets the access list of a channel. That of the house is
// shown and kept. The caller holds mu.
func (s *Server) accessList(u *user, m *wire.ACL) error {
	ch := s.visible(u, value(m.Channel))
	switch {
	case ch == nil:
		return nil
	case s.permissions(u, ch)&wire.Write == 0:
		return lacks(wire.Write, ch)
	case isTrue(m.Query):
		s.tellACL(u, ch)
		return nil
	case !ch.temporary && changesNothing(m):
		return nil // the dialog sends what it was shown, too
	case !ch.temporary:
		return deny("who may do what in this channel is decided by the server's groups")
	}
	a, ok := readACL(m)
	if !ok {
		return deny("the access list is too long")
	}
	ch.acl = a
	if s.permissions(u, ch)&wire.Write == 0 { // nobody locks himself out
		a.rules = append(a.rules, wire.ACLRule{Here: new(true), Below: new(true), UserID: new(u.userID), Grant: new(uint32(wire.Write)), Deny: new(uint32(0))})
	}
	s.changedRoutes()
	flush := wire.AppendFrame(nil, &wire.PermissionQuery{Flush: new(true)})
	for _, o := range s.users {
		if o.c == nil || o.class.in(ch) == 0 {
			continue
		}
		o.c.news(flush)
		if o.ch == ch {
			s.mayNowSpeak(o)
		}
	}
	return nil
}

// reconsider makes true for u what follows from other rights in its channel. The
// caller holds mu.
func (s *Server) reconsider(u *user) {
	u.c.reply(&wire.PermissionQuery{Flush: new(true)})
	if s.permissions(u, u.ch)&wire.Enter == 0 {
		s.move(u, s.root, 0)
		return
	}
	s.mayNowSpeak(u)
}

// mayNowSpeak lets u speak in its channel, or not. The caller holds mu.
func (s *Server) mayNowSpeak(u *user) {
	suppress := s.suppressed(u, u.ch)
	if suppress == u.suppress {
		return
	}
	u.suppress = suppress
	u.quiet()
	s.spread(u, &wire.UserState{Session: new(u.session), Suppress: new(suppress)})
}

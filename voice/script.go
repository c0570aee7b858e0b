package voice

import (
	"errors"
	"slices"
	"strings"

	"muster/internal/auth"
	"muster/voice/wire"
)

// What scripts may do is in this file: everything that the house allows anybody,
// asked for by nobody in particular. Whether they may is the caller's to ask. Not
// even they lead anybody where the house does not let him, nor change what comes
// from it.

// Refused is the error of what is not done, and says why to whoever asked.
type Refused string

func (r Refused) Error() string { return "voice: " + string(r) }

// refusedBy makes an error for scripts out of one for clients.
func refusedBy(err error) error {
	var d *denied
	if !errors.As(err, &d) {
		return err
	}
	if d.text != "" {
		return Refused(d.text)
	}
	if text := denials[d.code]; text != "" {
		return Refused(text)
	}
	return Refused("the rights in the channel do not allow it")
}

// denials are the texts that clients have of their own.
var denials = map[uint32]string{
	wire.DeniedChannelName:  "another channel has that name, or it cannot be shown",
	wire.DeniedTextTooLong:  "the text is too long",
	wire.DeniedTemporary:    "temporary channels stay where they are, and have none below",
	wire.DeniedChannelFull:  "the channel is full",
	wire.DeniedChannelCount: "there are too many channels",
	wire.DeniedUserName:     "that name cannot be shown",
}

// Settings returns what the server was made with.
func (s *Server) Settings() Config { return s.cfg }

// Everybody returns all sessions, in order.
func (s *Server) Everybody() []Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Session, 0, len(s.users))
	for _, u := range s.users {
		out = append(out, s.session(u))
	}
	slices.SortFunc(out, func(a, b Session) int { return int(a.Number) - int(b.Number) })
	return out
}

// Tree returns all channels, parents first; the first is the root.
func (s *Server) Tree() []*wire.ChannelState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*wire.ChannelState
	for _, ch := range s.root.below() {
		out = append(out, ch.describeAll())
	}
	return out
}

// Alter changes what m says about the session m.Session: mute, deaf, suppress,
// priority speaker, name, comment, texture, channel. Of seats only mute can be
// changed, if the room does so. The error is ErrGone, ErrNoChannel or Refused.
func (s *Server) Alter(m *wire.UserState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[value(m.Session)]
	if u == nil {
		return ErrGone
	}
	if u.c == nil && (m.Channel != nil || m.Name != nil || m.Comment != nil || m.Texture != nil) {
		return Refused("this user is not in Mumble; change it in the room")
	}
	if m.Name != nil && cleanName(*m.Name) == "" {
		return Refused(denials[wire.DeniedUserName])
	}
	if m.Channel != nil {
		if s.channels[*m.Channel] == nil {
			return ErrNoChannel
		}
		if *m.Channel != u.ch.id {
			if err := s.askMove(nil, u, *m.Channel); err != nil {
				return refusedBy(err)
			}
		}
	}
	d := &wire.UserState{Session: m.Session}
	if err := s.own(u, m, d); err != nil {
		return refusedBy(err)
	}
	if m.Name != nil {
		s.rename(u, *m.Name)
		d.Name = new(u.name)
	}
	if d.Comment != nil || d.CommentHash != nil || d.Texture != nil || d.TextureHash != nil || d.Name != nil {
		s.spread(u, d)
	}
	return refusedBy(s.moderate(nil, u, &wire.UserState{Mute: m.Mute, Deaf: m.Deaf, Suppress: m.Suppress, PrioritySpeaker: m.PrioritySpeaker}))
}

// rename gives u another name. The caller holds mu.
func (s *Server) rename(u *user, name string) {
	if s.names[strings.ToLower(u.name)] == u {
		delete(s.names, strings.ToLower(u.name))
	}
	u.name = s.freeName(name, "", u.id.User)
	s.names[strings.ToLower(u.name)] = u
}

// Send sends a text of the server itself to sessions, channels, and channels with
// all below them. Who may not hear a channel does not get it. The error is ErrGone,
// ErrNoChannel or Refused.
func (s *Server) Send(m *wire.TextMessage) error {
	text := plainText(value(m.Text))
	if len(text) > s.cfg.TextLength || len(m.Sessions)+len(m.Channels)+len(m.Trees) > maxReceivers {
		return Refused(denials[wire.DeniedTextTooLong])
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	to := make(map[*conn]bool)
	for _, session := range m.Sessions {
		u, err := s.client(session)
		if err != nil {
			return err
		}
		to[u.c] = true
	}
	for _, top := range slices.Concat(m.Channels, m.Trees) {
		ch := s.channels[top]
		if ch == nil {
			return ErrNoChannel
		}
		all := []*channel{ch}
		if slices.Contains(m.Trees, top) {
			all = ch.below()
		}
		for _, ch := range all {
			for _, u := range ch.users {
				if u.c != nil && s.reads(u, ch) {
					to[u.c] = true
				}
			}
		}
	}
	frame := wire.AppendFrame(nil, &wire.TextMessage{Sessions: m.Sessions, Channels: m.Channels, Trees: m.Trees, Text: new(text)})
	for c := range to {
		c.send(frame)
	}
	return nil
}

// Certificates returns what a session showed, DER, the leaf first. The error is
// ErrGone.
func (s *Server) Certificates(session uint32) ([][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u := s.users[session]
	if u == nil {
		return nil, ErrGone
	}
	var out [][]byte
	if u.c != nil {
		for _, c := range u.c.certs {
			out = append(out, c.Raw)
		}
	}
	return out, nil
}

// Texture returns the picture of a session; nil: none. It must not be changed.
func (s *Server) Texture(session uint32) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u := s.users[session]
	if u == nil {
		return nil, ErrGone
	}
	return u.texture, nil
}

// both returns a session and a channel. The caller holds mu.
func (s *Server) both(session, channel uint32) (*user, *channel, error) {
	u, ch := s.users[session], s.channels[channel]
	switch {
	case u == nil:
		return nil, nil, ErrGone
	case ch == nil:
		return nil, nil, ErrNoChannel
	}
	return u, ch, nil
}

// Permissions returns what a session may do in a channel, as clients know it. The
// error is ErrGone or ErrNoChannel.
func (s *Server) Permissions(session, channel uint32) (uint32, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, ch, err := s.both(session, channel)
	if err != nil {
		return 0, err
	}
	return told(s.permissions(u, ch)), nil
}

// AccessList returns the access list of a channel, as the dialog of clients shows
// it. The error is ErrNoChannel.
func (s *Server) AccessList(channel uint32) (*wire.ACL, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ch := s.channels[channel]
	if ch == nil {
		return nil, ErrNoChannel
	}
	return s.list(ch), nil
}

// SetAccessList sets the access list of a channel that is not of the house. The
// error is ErrNoChannel or Refused.
func (s *Server) SetAccessList(m *wire.ACL) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[value(m.Channel)] == nil {
		return ErrNoChannel
	}
	m.Query = nil
	return refusedBy(s.accessList(nil, m))
}

const (
	// maxGroups is how many groups one session may be put into, and maxRedirects
	// how many of its whispers go elsewhere.
	maxGroups    = 64
	maxRedirects = 64
	maxActions   = 64
)

// membership is a group that a session was put into: of a channel and all below.
type membership struct {
	channel uint32
	group   string // in lower case
}

// JoinGroup puts a session into a group of a channel and of all below it, for as
// long as it lasts: the lists of temporary channels and shouts know it then. It
// gives no right of the house. The error is ErrGone, ErrNoChannel or Refused.
func (s *Server) JoinGroup(session, channel uint32, group string) error {
	return s.changeGroups(session, channel, func(u *user) error { return u.join(channel, group) })
}

// LeaveGroup takes a session out of a group that it was put into. The error is
// ErrGone or ErrNoChannel.
func (s *Server) LeaveGroup(session, channel uint32, group string) error {
	return s.changeGroups(session, channel, func(u *user) error {
		m := membership{channel, strings.ToLower(group)}
		u.groups = slices.DeleteFunc(u.groups, func(o membership) bool { return o == m })
		return nil
	})
}

func (s *Server) changeGroups(session, channel uint32, change func(u *user) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, _, err := s.both(session, channel)
	if err != nil {
		return err
	}
	if err := change(u); err != nil {
		return err
	}
	s.changedRoutes()
	if u.c != nil {
		s.reconsider(u)
	}
	return nil
}

func (u *user) join(channel uint32, group string) error {
	m := membership{channel, strings.ToLower(cleanName(group))}
	switch {
	case m.group == "":
		return Refused("that is no name of a group")
	case slices.Contains(u.groups, m):
		return nil
	case len(u.groups) >= maxGroups:
		return Refused("the user is in too many groups")
	}
	u.groups = append(u.groups, m)
	return nil
}

// joined reports whether u was put into a group of ch or of one above it.
func (u *user) joined(group string, ch *channel) bool {
	if len(u.groups) == 0 {
		return false
	}
	group = strings.ToLower(group)
	for ; ch != nil; ch = ch.parent {
		if slices.Contains(u.groups, membership{ch.id, group}) {
			return true
		}
	}
	return false
}

// Redirect makes shouts of a session to the group source go to the group target;
// an empty target ends that. The error is ErrGone or Refused.
func (s *Server) Redirect(session uint32, source, target string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.client(session)
	switch {
	case err != nil:
		return err
	case target == "":
		delete(u.redirects, source)
	case len(u.redirects) >= maxRedirects || len(source) > maxName || len(target) > maxName:
		return Refused("too many shouts are redirected, or a name is too long")
	default:
		if u.redirects == nil {
			u.redirects = make(map[string]string)
		}
		u.redirects[source] = target
	}
	s.changedRoutes()
	return nil
}

// shouts returns the group that a shout to group goes to.
func (u *user) shouts(group string) string {
	if to := u.redirects[group]; to != "" {
		return to
	}
	return group
}

// AddAction puts an entry into the menus of a session's client. places are
// wire.Menu…, or-ed. What is chosen comes as an Event. The error is ErrGone or
// Refused.
func (s *Server) AddAction(session uint32, action, text string, places uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.client(session)
	switch {
	case err != nil:
		return err
	case action == "" || len(action) > maxName || len(u.actions) >= maxActions:
		return Refused("the menus of the user are full, or the action has no fitting name")
	}
	if !slices.Contains(u.actions, action) {
		u.actions = append(u.actions, action)
	}
	u.c.reply(&wire.ContextModify{
		Action: new(action), Text: new(cut(plainText(text), maxName)), Places: new(places), Operation: new(uint32(wire.MenuAdd)),
	})
	return nil
}

// RemoveAction takes an entry out of all menus.
func (s *Server) RemoveAction(action string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frame := wire.AppendFrame(nil, &wire.ContextModify{Action: new(action), Operation: new(uint32(wire.MenuRemove))})
	for _, u := range s.users {
		if i := slices.Index(u.actions, action); i >= 0 {
			u.actions = slices.Delete(u.actions, i, i+1)
			u.c.send(frame)
		}
	}
}

// contextAction tells what a user has chosen in a menu. The caller holds mu.
func (s *Server) contextAction(u *user, m *wire.ContextAction) error {
	w := s.watcher.Load()
	switch {
	case w == nil || !slices.Contains(u.actions, value(m.Action)),
		m.Session != nil && s.seen(u, *m.Session) == nil,
		m.Channel != nil && s.visible(u, *m.Channel) == nil:
		return nil
	}
	(*w)(Event{Kind: ActionChosen, Session: s.session(u), Action: m})
	return nil
}

// SetBans replaces the bans. An entry that names neither a certificate nor a user
// that was banned before is left out; the error is Refused then.
func (s *Server) SetBans(all []wire.BanEntry) error {
	if !s.bans.set(all) {
		return Refused(onlyPeople)
	}
	return nil
}

// maxDepth is how deep channels of scripts may lie.
const maxDepth = 10

// ErrTooDeep says that a channel would lie too deep.
var ErrTooDeep = errors.New("voice: the channel would lie too deep")

// AddChannel makes a channel that stays until it is removed, its parent is, or the
// server ends. Who may be in its parent may be in it; in one below the root may be
// everybody, and hears those whom he shares a group with. The error is
// ErrNoChannel, ErrTooDeep or Refused.
func (s *Server) AddChannel(name string, parent uint32) (uint32, error) {
	name = cleanName(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.channels[parent]
	switch {
	case p == nil:
		return 0, ErrNoChannel
	case p.temporary && !p.stays:
		return 0, Refused(denials[wire.DeniedTemporary])
	case name == "" || p.named(name, nil):
		return 0, Refused(denials[wire.DeniedChannelName])
	case s.temporaries >= s.cfg.TemporaryChannels:
		return 0, Refused(denials[wire.DeniedChannelCount])
	case p.depth() >= maxDepth:
		return 0, ErrTooDeep
	}
	ch := newChannel(s.newChannelID(), p, name)
	ch.temporary, ch.stays, ch.res = true, true, p.res
	if p == s.root {
		ch.res = auth.Server()
	}
	s.temporaries++
	s.addChannel(ch)
	return ch.id, nil
}

func (ch *channel) depth() (n int) {
	for ; ch.parent != nil; ch = ch.parent {
		n++
	}
	return n
}

// EditChannel changes what m says about the channel m.ID. Those of the house can
// only be linked. The error is ErrNoChannel or Refused.
func (s *Server) EditChannel(m *wire.ChannelState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[value(m.ID)] == nil {
		return ErrNoChannel
	}
	return refusedBy(s.channelState(nil, m))
}

// RemoveChannel removes a channel that is not of the house, with all below it. The
// error is ErrNoChannel or Refused.
func (s *Server) RemoveChannel(id uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[id] == nil {
		return ErrNoChannel
	}
	return refusedBy(s.channelRemove(nil, &wire.ChannelRemove{ID: new(id)}))
}

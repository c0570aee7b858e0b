package voice

import (
	"strings"
	"time"

	"muster/internal/auth"
	"muster/voice/wire"
)

// newcomer is a client that has proven who it is.
type newcomer struct {
	id     auth.Identity
	name   string
	strong bool
	agent  string
	tokens []string

	// Of the gate.
	shown  string // empty: name
	groups []string
}

// maxTokens is how many access tokens of a client are kept.
const maxTokens = 32

// someTokens returns those that are kept.
func someTokens(all []string) []string {
	var out []string
	for _, t := range all[:min(len(all), maxTokens)] {
		if len(t) <= maxName {
			out = append(out, t)
		}
	}
	return out
}

// enter makes a client a user: it takes the place of the same device's older
// session, is told all it may know, and others are told of it.
func (s *Server) enter(c *conn, n newcomer) error {
	callsign, slot := splitName(n.name)
	p := place{user: strings.ToLower(n.id.User), device: n.id.Device, slot: slot}
	if p.device == "" {
		p.device = c.hash()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(p)
	if s.clients >= s.cfg.MaxUsers {
		return &refusal{wire.RejectServerFull, "the server is full", nil}
	}
	u := &user{
		session: s.newSession(), place: p, userID: AccountID(n.id.User), hash: c.hash(), strong: n.strong, agent: n.agent, c: c,
		begun: time.Now(), id: n.id, class: s.classOf(n.id), ch: s.root, tokens: someTokens(n.tokens),
		listens: make(map[uint32]*channel),
	}
	if n.shown != "" {
		callsign, _ = splitName(n.shown)
	}
	u.name = s.freeName(callsign, slot, n.id.User)
	for _, g := range n.groups {
		_ = u.join(0, g) // what does not fit is left out
	}
	if last := s.last[p]; last != "" && s.byKey[last] != nil && u.class.in(s.byKey[last])&wire.Enter != 0 && !s.full(s.byKey[last]) {
		u.ch = s.byKey[last]
	}
	u.held = s.admit(u.ch)
	u.suppress = s.suppressed(u, u.ch)
	u.quiet()
	c.u = u
	c.sock.async.Store(true)
	s.users[u.session], s.names[strings.ToLower(u.name)] = u, u
	s.places[p] = u
	u.ch.users[u.session] = u
	s.clients++
	s.udpRemember(c)
	s.welcome(u)
	frame := u.frame()
	for _, other := range s.users {
		if other.c != nil && other != u && s.sees(other, u) {
			other.c.news(frame)
		}
	}
	s.ids[u.userID] = n.id.User
	s.changedRoutes()
	s.tell(u)
	s.happened(Connected, u)
	return nil
}

// makeRoom ends the session that p replaces and, where the device has too many,
// its oldest. The caller holds mu.
func (s *Server) makeRoom(p place) {
	if old := s.places[p]; old != nil {
		s.replace(old)
	}
	var oldest *user
	n := 0
	for q, u := range s.places {
		if q.user == p.user && q.device == p.device {
			n++
			if oldest == nil || u.begun.Before(oldest.begun) {
				oldest = u
			}
		}
	}
	if n >= s.cfg.PerDevice {
		s.replace(oldest)
	}
}

func (s *Server) replace(old *user) {
	frame := wire.AppendFrame(nil, &wire.UserRemove{Session: new(old.session), Reason: new("you have logged in from elsewhere")})
	old.c.finish(frame, errReplaced)
	s.remove(old, &wire.UserRemove{Session: new(old.session)})
}

// newSession returns a number that no session has had for long. The caller holds
// mu.
func (s *Server) newSession() uint32 {
	for {
		s.lastSession = (s.lastSession + 1) & (1<<31 - 1)
		if _, taken := s.users[s.lastSession]; s.lastSession != 0 && !taken {
			return s.lastSession
		}
	}
}

// freeName returns the name a user is shown with: what it calls itself, with the
// login name where another user has that already, for a callsign proves nothing.
// The caller holds mu.
func (s *Server) freeName(callsign, slot, login string) string {
	taken := func(name string) bool { return s.names[strings.ToLower(name)] != nil }
	tail := ""
	if slot = cleanName(slot); slot != "" {
		tail = slotMark + slot
	}
	name := cleanName(callsign)
	if name == "" {
		name = login
	}
	if !taken(name + tail) {
		return name + tail
	}
	if login != "" && !strings.EqualFold(name, login) {
		name += " (" + cleanName(login) + ")"
	}
	return unique(name+tail, taken)
}

// welcome tells u everything it may know. The caller holds mu.
func (s *Server) welcome(u *user) {
	b := append([]byte(nil), s.treeOf(u.class)...)
	for _, other := range s.users {
		if other != u && s.sees(u, other) {
			b = append(b, other.frame()...)
		}
	}
	b = append(b, u.frame()...)
	b = wire.AppendFrame(b, &wire.ServerSync{
		Session: new(u.session), MaxBandwidth: new(uint32(s.cfg.Bandwidth)), Welcome: new(s.cfg.Welcome),
		Permissions: new(uint64(told(s.permissions(u, s.root)))),
	})
	b = wire.AppendFrame(b, &wire.ServerConfig{
		AllowHTML: new(false), MessageLength: new(uint32(s.cfg.TextLength)), ImageLength: new(uint32(s.cfg.TextureLength)),
		MaxUsers: new(uint32(s.cfg.MaxUsers)), RecordingAllowed: new(true),
	})
	if s.cfg.PushToTalk {
		b = wire.AppendFrame(b, &wire.SuggestConfig{PushToTalk: new(true)})
	}
	u.c.send(b)
}

// told is the part of permissions that clients know.
func told(p uint32) uint32 { return p &^ hear }

// treeOf returns the frames of all channels that a class sees. The caller holds
// mu for writing.
func (s *Server) treeOf(c *class) []byte {
	if t := s.trees[c]; t != nil {
		return t
	}
	var b []byte
	var linked []*channel
	var walk func(ch *channel)
	walk = func(ch *channel) {
		if c.in(ch) == 0 {
			return
		}
		b = wire.AppendFrame(b, ch.state())
		if len(ch.links) > 0 {
			linked = append(linked, ch)
		}
		for _, k := range sorted(ch.kids) {
			walk(k)
		}
	}
	walk(s.root)
	for _, ch := range linked {
		m := &wire.ChannelState{ID: new(ch.id)}
		for _, l := range ch.links {
			if c.in(l) != 0 {
				m.Links = append(m.Links, l.id)
			}
		}
		b = wire.AppendFrame(b, m)
	}
	s.trees[c] = b
	return b
}

// changedTree forgets what clients that come are told of the channels. The caller
// holds mu for writing.
func (s *Server) changedTree() {
	clear(s.trees)
	s.changedRoutes()
}

// sees reports whether a is told of b. The caller holds mu.
func (s *Server) sees(a, b *user) bool {
	switch {
	case a == b:
		return true
	case a.class.in(b.ch) == 0:
		return false
	}
	return b.ch.house() || a.class.knows(b.class)
}

// shift changes something about u that may alter who sees it, and tells everybody
// what it means to them: delta, all of u, or that it is gone. The caller holds mu.
func (s *Server) shift(u *user, change func(), delta func() *wire.UserState) {
	s.round++
	for _, a := range s.users {
		if a.c != nil && s.sees(a, u) {
			a.mark = s.round
		}
	}
	change()
	u.full = nil
	var changed, gone []byte
	if m := delta(); m != nil {
		changed = wire.AppendFrame(nil, m)
	}
	for _, a := range s.users {
		if a.c == nil {
			continue
		}
		was, is := a.mark == s.round, s.sees(a, u)
		switch {
		case was && is && len(changed) > 0:
			a.c.send(changed)
		case !was && is:
			a.c.send(u.frame())
		case was && !is:
			if gone == nil {
				gone = wire.AppendFrame(nil, &wire.UserRemove{Session: new(u.session)})
			}
			a.c.send(gone)
		}
	}
	s.changedRoutes()
	s.tell(u)
	s.happened(Altered, u)
}

// spread tells all who see u of a change that does not alter who does. The caller
// holds mu.
func (s *Server) spread(u *user, m *wire.UserState) {
	u.full = nil
	frame := wire.AppendFrame(nil, m)
	for _, a := range s.users {
		if a.c != nil && s.sees(a, u) {
			a.c.send(frame)
		}
	}
	s.changedRoutes()
	s.tell(u)
	s.happened(Altered, u)
}

// move puts u into ch. actor is the session that did it; 0: the server. The caller
// holds mu.
func (s *Server) move(u *user, ch *channel, actor uint32) {
	if u.ch == ch {
		return
	}
	from := u.ch
	s.shift(u, func() {
		delete(from.users, u.session)
		ch.users[u.session] = u
		u.ch = ch
		u.held, u.visit = s.admit(ch), u.visit+1
	}, func() *wire.UserState {
		m := &wire.UserState{Session: new(u.session), Channel: new(ch.id)}
		if actor != 0 {
			m.Actor = new(actor)
		}
		if suppress := s.suppressed(u, ch); suppress != u.suppress {
			u.suppress = suppress
			m.Suppress = new(suppress)
		}
		u.quiet()
		return m
	})
	if u.c != nil {
		s.remember(u)
	}
	s.tidy(from)
}

// remember notes where u is to be when it comes back: voice plugins drop and
// reconnect every few minutes. The caller holds mu.
func (s *Server) remember(u *user) {
	if u.ch.key == "" && u.ch != s.root {
		return
	}
	if _, known := s.last[u.place]; !known && len(s.last) >= 2*s.cfg.MaxUsers {
		for p := range s.last { // any: it costs somebody a click
			delete(s.last, p)
			break
		}
	}
	s.last[u.place] = u.ch.key
}

// tidy removes a temporary channel that nobody is in any more. The caller holds
// mu.
func (s *Server) tidy(ch *channel) {
	if ch.temporary && !ch.stays && len(ch.users) == 0 {
		s.removeChannel(ch)
	}
}

// leave takes u off when its connection is over. by may be nil.
func (s *Server) leave(u *user, by *wire.UserRemove) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if by == nil {
		by = &wire.UserRemove{Session: new(u.session)}
	}
	s.remove(u, by)
}

// remove takes u off, unless it is off already, and tells the others. The caller
// holds mu.
func (s *Server) remove(u *user, by *wire.UserRemove) {
	if s.users[u.session] != u {
		return
	}
	frame := wire.AppendFrame(nil, by)
	for _, a := range s.users {
		if a.c != nil && a != u && s.sees(a, u) {
			a.c.news(frame)
		}
	}
	delete(s.users, u.session)
	if s.names[strings.ToLower(u.name)] == u {
		delete(s.names, strings.ToLower(u.name))
	}
	delete(u.ch.users, u.session)
	for _, ch := range u.listens {
		delete(ch.listeners, u.session)
	}
	if u.c != nil {
		s.clients--
		if s.places[u.place] == u {
			delete(s.places, u.place)
		}
		s.udpForget(u.c)
		s.release(u.class)
	}
	s.changedRoutes()
	s.tell(u)
	s.happened(Disconnected, u)
	s.tidy(u.ch)
}

// expel ends the session of c with a word to its user. It reports whether there
// was one.
func (s *Server) expel(c *conn, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.u == nil || s.users[c.u.session] != c.u {
		return false
	}
	m := &wire.UserRemove{Session: new(c.u.session), Reason: new(text)}
	c.finish(wire.AppendFrame(nil, m), auth.ErrKicked)
	s.remove(c.u, m)
	return true
}

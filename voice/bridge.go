package voice

import (
	"context"
	"errors"
	"time"

	"muster/internal/auth"
	"muster/voice/wire"
)

// maxTexts is how many texts wait for the bridge; what comes then is dropped.
const maxTexts = 256

// said is a text for the bridge.
type said struct {
	m    Member
	text string
}

// tell notes that u has changed, for the bridge. The caller holds mu.
func (s *Server) tell(u *user) {
	if s.deps.Bridge == nil || u.c == nil {
		return
	}
	s.altered[u.session] = u // bounded by the users there are and those told of
	select {
	case s.bridgeWake <- struct{}{}:
	default:
	}
}

// tellText notes a text for the bridge.
func (s *Server) tellText(m Member, text string) {
	if s.deps.Bridge == nil {
		return
	}
	select {
	case s.texts <- said{m, text}:
	default:
		s.n.textsDropped.Add(1)
	}
}

// runBridge tells the bridge what has changed, until ctx ends.
func (s *Server) runBridge(ctx context.Context) {
	for {
		select {
		case <-s.bridgeWake:
			s.tellBridge()
		case t := <-s.texts:
			s.tellBridge() // who says it has joined
			s.deps.Bridge.Text(t.m, t.text)
		case <-ctx.Done():
			s.tellBridge()
			return
		}
	}
}

// tellBridge brings the bridge up to date: what a member went through since the
// last time is left out.
func (s *Server) tellBridge() {
	type step struct {
		u   *user
		now *Member
	}
	var steps []step
	s.mu.Lock()
	for session, u := range s.altered {
		var now *Member
		if s.users[session] == u {
			now = u.member()
		}
		steps = append(steps, step{u, now})
		delete(s.altered, session)
	}
	s.mu.Unlock()
	b := s.deps.Bridge
	for _, st := range steps {
		was := st.u.told
		st.u.told = st.now
		switch {
		case was == nil && st.now == nil:
		case was == nil:
			b.Joined(*st.now)
		case st.now == nil:
			b.Left(*was)
		case was.Channel != st.now.Channel, was.visit != st.now.visit:
			b.Left(*was)
			b.Joined(*st.now)
		case !was.same(st.now):
			b.Changed(*st.now)
		}
	}
}

func (m *Member) same(o *Member) bool {
	return m.Name == o.Name && m.Comment == o.Comment && m.Muted == o.Muted && m.Deaf == o.Deaf && m.Priority == o.Priority &&
		classKey(m.Identity) == classKey(o.Identity)
}

// ErrGone says that a session is over.
var ErrGone = errors.New("voice: there is no such session")

// client returns the user of a client's session. The caller holds mu.
func (s *Server) client(session uint32) (*user, error) {
	u := s.users[session]
	if u == nil || u.c == nil {
		return nil, ErrGone
	}
	return u, nil
}

// Mute makes a Mumble user heard or not, as a host of its room wants it. Whether
// somebody may is the caller's to ask. The error is ErrGone.
func (s *Server) Mute(session uint32, muted bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.client(session)
	if err != nil || u.mute == muted {
		return err
	}
	u.mute = muted
	u.quiet()
	s.spread(u, &wire.UserState{Session: new(session), Mute: new(muted)})
	return nil
}

// Hold keeps a Mumble user back, as a room wants it, for as long as it stays in the
// permanent channel with that Entry.Key; the zero Held lets it in. The error is
// ErrGone.
func (s *Server) Hold(session uint32, channel string, h Held) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.client(session)
	if err == nil && u.ch.key == channel {
		s.hold(u, h)
	}
	return err
}

// hold is Hold. The caller holds mu.
func (s *Server) hold(u *user, h Held) {
	if u.held == h {
		return
	}
	u.held = h
	u.quiet()
	s.changedRoutes()
	s.mayNowSpeak(u)
	s.tell(u)
}

// admit is what a user is held back with who comes into ch.
func (s *Server) admit(ch *channel) Held { return Held{Waits: ch.closed && s.deps.Bridge != nil} }

// suppressed reports whether u may not speak in ch. The caller holds mu.
func (s *Server) suppressed(u *user, ch *channel) bool {
	return s.permissions(u, ch)&wire.Speak == 0 || u.held != Held{}
}

// Dismiss puts a Mumble user out of its channel, into the root. The error is ErrGone.
func (s *Server) Dismiss(session uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.client(session)
	if err != nil {
		return err
	}
	s.move(u, s.root, 0)
	return nil
}

// Kick ends a Mumble user's session; reason is shown to the user. Of a seat it asks
// the room. The error is ErrGone or Refused.
func (s *Server) Kick(session uint32, reason string) error {
	s.mu.RLock()
	u := s.users[session]
	s.mu.RUnlock()
	switch {
	case u == nil:
		return ErrGone
	case u.seat != nil:
		return refusedBy(u.seat.askKick(reason))
	}
	if !s.expel(u.c, escaped(reason)) {
		return ErrGone
	}
	return nil
}

// ChannelInfo describes a channel to people.
type ChannelInfo struct {
	Key       string     `json:"key,omitempty"` // Entry.Key; empty: the root or a temporary channel
	Name      string     `json:"name"`
	Temporary bool       `json:"temporary,omitempty"`
	Users     []UserInfo `json:"users"`
	// Resource is what rights in it are asked for; the caller decides whom it shows
	// the channel to.
	Resource auth.Resource `json:"-"`
}

// UserInfo describes a session to people.
type UserInfo struct {
	Session uint32    `json:"session"`
	Name    string    `json:"name"`
	User    string    `json:"user,omitempty"` // login name; empty: a seat
	Agent   string    `json:"agent,omitempty"`
	Seat    bool      `json:"seat,omitempty"`
	Muted   bool      `json:"muted,omitempty"`
	Deaf    bool      `json:"deaf,omitempty"`
	Talks   bool      `json:"talks,omitempty"`
	Since   time.Time `json:"since"`
}

// talks is how long after a packet one still talks.
const talks = 300 * time.Millisecond

// Channels returns all channels and who is in them, in the order in which clients
// show them.
func (s *Server) Channels() []ChannelInfo {
	now := time.Now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []ChannelInfo
	var walk func(ch *channel)
	walk = func(ch *channel) {
		i := ChannelInfo{Key: ch.key, Name: ch.name, Temporary: ch.temporary, Resource: ch.res, Users: []UserInfo{}}
		for _, u := range ch.users {
			i.Users = append(i.Users, UserInfo{
				Session: u.session, Name: u.name, User: u.id.User, Agent: u.agent, Seat: u.seat != nil,
				Muted: u.mute || u.selfMute || u.suppress, Deaf: !u.hears(),
				Talks: now.Sub(time.Unix(0, u.spoke.Load())) < talks, Since: u.begun,
			})
		}
		sortUsers(i.Users)
		out = append(out, i)
		for _, k := range sorted(ch.kids) {
			walk(k)
		}
	}
	walk(s.root)
	return out
}

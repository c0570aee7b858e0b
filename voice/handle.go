package voice

import (
	"context"
	"time"

	"muster/voice/wire"
)

// denied refuses a request and says so to the client.
type denied struct {
	code       uint32
	permission uint32
	channel    *channel
	text       string
	name       string
}

func (d *denied) Error() string { return "voice: denied: " + d.text }

func (d *denied) message(u *user) *wire.PermissionDenied {
	m := &wire.PermissionDenied{Denied: new(d.code), Session: new(u.session)}
	if d.permission != 0 {
		m.Permission = new(d.permission)
	}
	if d.channel != nil {
		m.Channel = new(d.channel.id)
	}
	if d.text != "" {
		m.Reason = new(d.text)
	}
	if d.name != "" {
		m.Name = new(d.name)
	}
	return m
}

// lacks refuses for want of a permission.
func lacks(permission uint32, ch *channel) error {
	return &denied{code: wire.DeniedPermission, permission: permission, channel: ch}
}

func deny(text string) error { return &denied{code: wire.DeniedText, text: text} }

// handle acts on one message. An error ends the connection.
func (c *conn) handle(ctx context.Context, t wire.Type, body []byte) error {
	switch t {
	case wire.TypePing:
		return c.handlePing(body)
	case wire.TypeCryptSetup:
		var m wire.CryptSetup
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		c.cryptSetup(&m, time.Now())
		return nil
	case wire.TypePermissionQuery:
		var m wire.PermissionQuery
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		c.handlePermissions(&m)
		return nil
	case wire.TypeTextMessage:
		var m wire.TextMessage
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		c.handleText(&m)
		return nil
	case wire.TypeRequestBlob:
		var m wire.RequestBlob
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		return c.handleBlobs(ctx, &m)
	case wire.TypeBanList:
		var m wire.BanList
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		return c.handleBans(ctx, &m)
	case wire.TypeUserList:
		var m wire.UserList
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		c.handleUserList(ctx, &m)
		return nil
	case wire.TypeQueryUsers:
		var m wire.QueryUsers
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		c.handleQueryUsers(ctx, &m)
		return nil
	}
	return c.change(ctx, t, body)
}

// change handles the messages that alter something others are told of.
func (c *conn) change(ctx context.Context, t wire.Type, body []byte) error {
	var m wire.Message
	var act func(s *Server, u *user) error
	quiet := false
	switch t {
	case wire.TypeUserState:
		v := new(wire.UserState)
		m, act = v, func(s *Server, u *user) error { return s.userState(u, v) }
	case wire.TypeUserRemove:
		v := new(wire.UserRemove)
		m, act = v, func(s *Server, u *user) error { return s.userRemove(u, v) }
	case wire.TypeChannelState:
		v := new(wire.ChannelState)
		m, act = v, func(s *Server, u *user) error { return s.channelState(u, v) }
	case wire.TypeChannelRemove:
		v := new(wire.ChannelRemove)
		m, act = v, func(s *Server, u *user) error { return s.channelRemove(u, v) }
	case wire.TypeACL:
		v := new(wire.ACL)
		m, act = v, func(s *Server, u *user) error { return s.accessList(u, v) }
	case wire.TypeContextAction:
		v := new(wire.ContextAction)
		m, act = v, func(s *Server, u *user) error { return s.contextAction(u, v) }
	case wire.TypeVoiceTarget:
		v := new(wire.VoiceTarget)
		m, act, quiet = v, func(s *Server, u *user) error { return s.voiceTarget(u, v) }, true
	case wire.TypeUserStats:
		v := new(wire.UserStats)
		m, act, quiet = v, func(s *Server, u *user) error { return s.userStats(u, v) }, true
	default:
		c.s.n.unknown.Add(1)
		return nil
	}
	if err := wire.Parse(body, m); err != nil {
		return err
	}
	if !quiet {
		if err := c.limits.change(ctx, c); err != nil {
			return err
		}
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u := c.u
	if s.users[u.session] != u {
		return nil // expelled; the connection is about to end
	}
	if err, ok := act(s, u).(*denied); ok {
		s.n.denied.Add(1)
		c.reply(err.message(u))
	}
	return nil
}

// handlePing answers a ping and keeps what it says about the connection.
func (c *conn) handlePing(body []byte) error {
	var m wire.Ping
	if err := wire.Parse(body, &m); err != nil {
		return err
	}
	c.statMu.Lock()
	c.ping = m
	c.statMu.Unlock()
	n, resync := c.counts()
	c.reply(&wire.Ping{
		Timestamp: m.Timestamp, Good: new(n.Good), Late: new(n.Late), Lost: new(n.Lost), Resync: new(resync),
	})
	return nil
}

// handlePermissions tells a client its permissions in a channel. Voice plugins ask
// for each channel in turn.
func (c *conn) handlePermissions(m *wire.PermissionQuery) {
	if m.Channel == nil {
		return
	}
	s := c.s
	s.mu.RLock()
	ch := s.channels[*m.Channel]
	var p uint32
	if ch != nil {
		p = s.permissions(c.u, ch)
	}
	s.mu.RUnlock()
	c.reply(&wire.PermissionQuery{Channel: m.Channel, Permissions: new(told(p))})
}

// visible returns the channel with that number if u sees it, as a nil u, the server
// itself, does. The caller holds mu.
func (s *Server) visible(u *user, id uint32) *channel {
	ch := s.channels[id]
	if ch == nil || u != nil && u.class.in(ch) == 0 {
		return nil
	}
	return ch
}

// seen returns the user with that session if u sees it. The caller holds mu.
func (s *Server) seen(u *user, session uint32) *user {
	o := s.users[session]
	if o == nil || !s.sees(u, o) {
		return nil
	}
	return o
}

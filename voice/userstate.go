package voice

import (
	"muster/internal/auth"
	"muster/voice/wire"
)

// userState handles what a client wants changed about itself or another. The
// caller holds mu.
func (s *Server) userState(u *user, m *wire.UserState) error {
	o := u
	if m.Session != nil {
		if o = s.seen(u, *m.Session); o == nil {
			return nil // just gone
		}
	}
	if o == u {
		if err := s.aboutSelf(u, m); err != nil {
			return err
		}
	} else if m.SelfMute != nil || m.SelfDeaf != nil || len(m.ListenAdd) > 0 || m.Recording != nil {
		return deny("only the user can change that")
	}
	if err := s.moderate(u, o, m); err != nil {
		return err
	}
	if m.Channel != nil && *m.Channel != o.ch.id {
		return s.askMove(u, o, *m.Channel)
	}
	return nil
}

// aboutSelf handles what a user may change about itself only.
func (s *Server) aboutSelf(u *user, m *wire.UserState) error {
	d := &wire.UserState{Session: new(u.session), Actor: new(u.session)}
	if err := s.own(u, m, d); err != nil {
		return err
	}
	any := false
	if m.SelfMute != nil && *m.SelfMute != u.selfMute {
		u.selfMute, d.SelfMute, any = *m.SelfMute, m.SelfMute, true
		if !u.selfMute && u.selfDeaf { // who speaks hears
			u.selfDeaf, d.SelfDeaf = false, new(false)
		}
	}
	if m.SelfDeaf != nil && *m.SelfDeaf != u.selfDeaf {
		u.selfDeaf, d.SelfDeaf, any = *m.SelfDeaf, m.SelfDeaf, true
		if u.selfDeaf && !u.selfMute {
			u.selfMute, d.SelfMute = true, new(true)
		}
	}
	if m.Recording != nil && *m.Recording != u.recording {
		u.recording, d.Recording, any = *m.Recording, m.Recording, true
	}
	if m.PluginContext != nil {
		u.context = string(m.PluginContext[:min(len(m.PluginContext), maxContext)])
		s.changedRoutes()
	}
	if m.Tokens != nil {
		u.tokens = someTokens(m.Tokens)
		s.changedRoutes()
	}
	refused := s.listen(u, m, d)
	any = any || d.Comment != nil || d.CommentHash != nil || d.TextureHash != nil || len(d.ListenAdd)+len(d.ListenRemove) > 0
	u.quiet()
	if any {
		s.spread(u, d)
	}
	return refused
}

// maxContext is how much of a game plugin's context is compared.
const maxContext = 1024

// own handles comment and picture.
func (s *Server) own(u *user, m, d *wire.UserState) error {
	if m.Comment != nil {
		text := plainText(*m.Comment)
		if len(text) > s.cfg.CommentLength {
			return &denied{code: wire.DeniedTextTooLong}
		}
		if text != u.comment {
			u.comment = text
			u.describe(d)
		}
	}
	if m.Texture != nil {
		if len(m.Texture) > s.cfg.TextureLength {
			return &denied{code: wire.DeniedTextTooLong}
		}
		u.texture = m.Texture
		d.TextureHash = hashOf(u.texture)
		if len(u.texture) == 0 {
			d.TextureHash = nil
			d.Texture = []byte{}
		}
	}
	return nil
}

// listen handles the channels a user listens to without being there. The error is
// why one of them is not listened to.
func (s *Server) listen(u *user, m, d *wire.UserState) (refused error) {
	for _, id := range m.ListenRemove {
		if ch := u.listens[id]; ch != nil {
			delete(u.listens, id)
			delete(ch.listeners, u.session)
			d.ListenRemove = append(d.ListenRemove, id)
		}
	}
	for _, id := range m.ListenAdd {
		ch := s.visible(u, id)
		switch {
		case ch == nil: // just gone
		case s.permissions(u, ch)&wire.Listen == 0, ch.closed:
			refused = lacks(wire.Listen, ch)
		case u.listens[id] != nil:
			d.ListenAdd = append(d.ListenAdd, id)
		case len(u.listens) < s.cfg.Listeners:
			u.listens[id] = ch
			ch.listeners[u.session] = u
			d.ListenAdd = append(d.ListenAdd, id)
		default:
			refused = &denied{code: wire.DeniedListenerLimit}
		}
	}
	return refused
}

// moderate handles what one may change about others, with the right to it. A nil u
// is the server itself, here and in askMove.
func (s *Server) moderate(u, o *user, m *wire.UserState) error {
	changes := m.Mute != nil || m.Deaf != nil || m.Suppress != nil || m.PrioritySpeaker != nil
	if changes && s.permissions(u, o.ch)&wire.MuteDeafen == 0 {
		return lacks(wire.MuteDeafen, o.ch)
	}
	if m.UserID != nil {
		return deny("users are registered by the server's administration, not here")
	}
	if u != nil && o != u && (m.Comment != nil || m.Texture != nil) {
		return s.resetContent(u, o, m)
	}
	if !changes {
		return nil
	}
	if o.seat != nil {
		return o.seat.askMute(m)
	}
	d := &wire.UserState{Session: new(o.session)}
	if u != nil {
		d.Actor = new(u.session)
	}
	set := func(have *bool, want *bool, told **bool) {
		if want != nil && *want != *have {
			*have, *told = *want, want
		}
	}
	if m.Deaf != nil && *m.Deaf && m.Mute == nil {
		m.Mute = new(true)
	}
	if m.Mute != nil && !*m.Mute && m.Deaf == nil {
		m.Deaf = new(false)
	}
	set(&o.mute, m.Mute, &d.Mute)
	set(&o.deaf, m.Deaf, &d.Deaf)
	set(&o.priority, m.PrioritySpeaker, &d.PrioritySpeaker)
	if m.Suppress != nil && !*m.Suppress && s.permissions(o, o.ch)&wire.Speak == 0 {
		return lacks(wire.Speak, o.ch) // speaking is a right of the house
	}
	if m.Suppress != nil && !*m.Suppress && o.held != (Held{}) {
		return deny("who is let in and may speak here is decided in the room")
	}
	set(&o.suppress, m.Suppress, &d.Suppress)
	o.quiet()
	s.spread(o, d)
	return nil
}

// resetContent takes a user's comment or picture away.
func (s *Server) resetContent(u, o *user, m *wire.UserState) error {
	if s.permissions(u, s.root)&wire.ResetUserContent == 0 {
		return lacks(wire.ResetUserContent, s.root)
	}
	if value(m.Comment) != "" || len(m.Texture) > 0 {
		return deny("another's comment or picture can be removed only")
	}
	d := &wire.UserState{Session: new(o.session), Actor: new(u.session)}
	if m.Comment != nil {
		o.comment, d.Comment = "", new("")
	}
	if m.Texture != nil {
		o.texture, d.Texture = nil, []byte{}
	}
	s.spread(o, d)
	return nil
}

// askMove moves o into a channel if u may do that.
func (s *Server) askMove(u, o *user, id uint32) error {
	ch := s.visible(u, id)
	if ch == nil {
		return nil // just gone
	}
	if o.seat != nil {
		return deny("this user is not in Mumble and cannot be moved")
	}
	if o != u && s.permissions(u, o.ch)&wire.Move == 0 {
		return lacks(wire.Move, o.ch)
	}
	if s.permissions(u, ch)&(wire.Move|wire.Enter) == 0 || o == u && s.permissions(u, ch)&wire.Enter == 0 {
		return lacks(wire.Enter, ch)
	}
	if s.permissions(o, ch)&wire.Enter == 0 {
		return lacks(wire.Enter, ch) // nobody is led where the house does not let him
	}
	if s.full(ch) {
		return &denied{code: wire.DeniedChannelFull, channel: ch}
	}
	actor := uint32(0)
	if u != nil {
		actor = u.session
	}
	s.move(o, ch, actor)
	return nil
}

// userRemove kicks or bans. The caller holds mu.
func (s *Server) userRemove(u *user, m *wire.UserRemove) error {
	o := s.seen(u, value(m.Session))
	if o == nil {
		return nil
	}
	need := uint32(wire.Kick)
	if isTrue(m.Ban) {
		need = wire.BanUsers
	}
	if s.permissions(u, s.root)&need == 0 {
		return lacks(need, s.root)
	}
	reason := cut(plainText(value(m.Reason)), maxReason)
	switch {
	case o.seat != nil:
		return o.seat.askKick(reason)
	case o.class.admin && !u.class.admin:
		return &denied{code: wire.DeniedSuperUser, text: "administrators cannot be removed"}
	}
	if isTrue(m.Ban) {
		s.bans.add(Ban{User: o.id.User, Hash: o.hash, Name: o.name, Reason: reason})
	}
	s.log.Info("user removed by another", "user", o.id.User, "by", u.id.User, "ban", isTrue(m.Ban))
	by := &wire.UserRemove{Session: new(o.session), Actor: new(u.session), Reason: new(reason), Ban: new(isTrue(m.Ban))}
	o.c.finish(wire.AppendFrame(nil, by), auth.ErrKicked)
	s.remove(o, by)
	return nil
}

// maxReason is the longest reason of a kick or ban, in bytes.
const maxReason = 512

// voiceTarget keeps where a user whispers to. The caller holds mu.
func (s *Server) voiceTarget(u *user, m *wire.VoiceTarget) error {
	id := value(m.ID)
	if id < 1 || id > 30 {
		return nil
	}
	n := 0
	for _, t := range m.Targets {
		n += 1 + len(t.Sessions) + len(value(t.Group))/maxName
	}
	if n > maxTargets {
		return deny("too many targets")
	}
	u.targets[id] = nil
	if len(m.Targets) > 0 {
		u.targets[id] = m
	}
	u.routes[id].Store(nil)
	return nil
}

// maxTargets is how many channels and sessions a voice target may have.
const maxTargets = 512

package voice

import (
	"muster/internal/auth"
	"muster/voice/wire"
)

// changed is what the register of sessions calls when rights may be other ones.
func (c *conn) changed(id auth.Identity) { c.s.setRights(c, id) }

// setRights gives the user of c the rights of id, and makes true for it and for
// others what follows from that.
func (s *Server) setRights(c *conn, id auth.Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := c.u
	if u == nil || s.users[u.session] != u {
		return
	}
	u.id = id
	if classKey(id) == u.class.key {
		return
	}
	old, now := u.class, s.classOf(id)
	defer s.release(old)
	had, has := s.view(old, u), s.view(now, u)
	u.c.send(s.appear(now, had, has))
	s.shift(u, func() { u.class = now }, func() *wire.UserState { return nil })
	if s.permissions(u, u.ch)&wire.Enter == 0 {
		s.move(u, s.root, 0)
	} else {
		s.mayNowSpeak(u)
	}
	var deaf []uint32
	for id, ch := range u.listens {
		if now.in(ch)&wire.Listen == 0 {
			delete(u.listens, id)
			delete(ch.listeners, u.session)
			deaf = append(deaf, id)
		}
	}
	if deaf != nil {
		s.spread(u, &wire.UserState{Session: new(u.session), ListenRemove: deaf})
	}
	b := s.vanish(had, has)
	u.c.send(wire.AppendFrame(b, &wire.PermissionQuery{Flush: new(true)}))
	s.changedRoutes()
}

// view is what a class is told of.
type view struct {
	channels map[*channel]bool
	users    map[*user]bool
}

// view returns what class c sees, without self. The caller holds mu.
func (s *Server) view(c *class, self *user) view {
	v := view{make(map[*channel]bool), make(map[*user]bool)}
	for _, ch := range s.channels {
		if c.in(ch) != 0 {
			v.channels[ch] = true
		}
	}
	probe := &user{class: c}
	for _, u := range s.users {
		if u != self && s.sees(probe, u) {
			v.users[u] = true
		}
	}
	return v
}

// appear returns the frames of what is in has and was not in had.
func (s *Server) appear(c *class, had, has view) (b []byte) {
	fresh := false
	for ch := range has.channels {
		fresh = fresh || !had.channels[ch]
	}
	if fresh {
		b = append(b, s.treeOf(c)...) // what is known changes nothing
	}
	for u := range has.users {
		if !had.users[u] {
			b = append(b, u.frame()...)
		}
	}
	return b
}

// vanish returns the frames that take away what was in had and is not in has.
func (s *Server) vanish(had, has view) (b []byte) {
	for u := range had.users {
		if !has.users[u] {
			b = wire.AppendFrame(b, &wire.UserRemove{Session: new(u.session)})
		}
	}
	var gone []*channel
	for ch := range had.channels {
		if !has.channels[ch] && (ch.parent == nil || has.channels[ch.parent]) {
			gone = append(gone, ch) // clients drop what is below it
		}
	}
	for _, ch := range gone {
		b = wire.AppendFrame(b, &wire.ChannelRemove{ID: new(ch.id)})
	}
	return b
}

package voice

import (
	"muster/internal/auth"
	"muster/voice/wire"
)

// Say shows plain text of the server's own to all in the permanent channel with
// that Entry.Key; where there is none, to nobody.
func (s *Server) Say(channel, text string) {
	if text = escaped(text); text == "" {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if ch := s.byKey[channel]; ch != nil {
		s.spreadText(ch, wire.AppendFrame(nil, &wire.TextMessage{Channels: []uint32{ch.id}, Text: new(text)}))
	}
}

// spreadText sends a frame to those in ch who hear it. The caller holds mu.
func (s *Server) spreadText(ch *channel, frame []byte) {
	for _, o := range ch.users {
		if o.c != nil && s.reads(o, ch) {
			o.c.send(frame)
		}
	}
}

// inTouch returns the Mumble users who are in a permanent channel and may read
// about. The caller holds mu.
func (s *Server) inTouch(about auth.Resource) []*user {
	var out []*user
	for _, u := range s.users {
		if u.c != nil && u.ch.key != "" && auth.Allow(u.id, auth.Read, about) == nil {
			out = append(out, u)
		}
	}
	return out
}

// Alert shows plain text of the server's own to the Mumble users who are in a
// permanent channel and may read about, and returns how many those are.
func (s *Server) Alert(about auth.Resource, text string) int {
	if text = escaped(text); text == "" {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := s.inTouch(about)
	for _, u := range all {
		u.c.send(wire.AppendFrame(nil, &wire.TextMessage{Sessions: []uint32{u.session}, Text: new(text)}))
	}
	return len(all)
}

// Summon moves the Mumble users who are in a permanent channel and may read about
// into the one with that Entry.Key, as far as they may enter it and there is room,
// and returns how many were moved. The error is ErrNoChannel.
func (s *Server) Summon(about auth.Resource, channel string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.byKey[channel]
	if ch == nil {
		return 0, ErrNoChannel
	}
	n := 0
	for _, u := range s.inTouch(about) {
		if u.ch != ch && s.permissions(u, ch)&wire.Enter != 0 && !s.full(ch) {
			s.move(u, ch, 0)
			n++
		}
	}
	return n, nil
}

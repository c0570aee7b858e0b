package voice

import (
	"time"

	"muster/media/codec/opus"
	"muster/voice/wire"
)

// route is where the voice of one user with one target goes. It is made anew when
// anything has changed that could matter, and read without a lock.
type route struct {
	epoch uint64
	to    []hop
	key   string // of the channel that a bridge hears it in; empty: none
	floor bool   // the bridge says whether it is heard in that channel
}

// hop is one receiver.
type hop struct {
	c      *conn
	target byte // as the receiver is told
	place  bool // may know where the talker is in the game
}

// changedRoutes makes every route stale. The caller holds mu for writing.
func (s *Server) changedRoutes() { s.epoch.Add(1) }

// routeOf returns u's present route for target.
func (s *Server) routeOf(u *user, target byte) *route {
	if r := u.routes[target].Load(); r != nil && r.epoch == s.epoch.Load() {
		return r
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := &route{epoch: s.epoch.Load()}
	switch {
	case s.users[u.session] != u: // gone
	case target == wire.TargetNormal:
		s.routeChannel(r, u)
	case u.targets[target] != nil:
		s.routeTarget(r, u, u.targets[target])
	}
	u.routes[target].Store(r)
	return r
}

// routeChannel is the way of what is said to a channel: to those who are in it, in
// what is linked to it, and to those who listen from elsewhere.
func (s *Server) routeChannel(r *route, u *user) {
	if u.suppress {
		return
	}
	if s.permissions(u, u.ch)&wire.Speak != 0 {
		r.key, r.floor = u.ch.key, u.ch.floor
	}
	add := s.adder(r, u)
	var listeners []*channel
	for _, ch := range u.ch.linked() {
		if s.permissions(u, ch)&wire.Speak == 0 || ch != u.ch && (ch.floor || ch.closed || u.ch.closed) {
			continue // where one speaks at a time, only from within
		}
		for _, to := range ch.users {
			add(to, ch, wire.TargetNormal)
		}
		if len(ch.listeners) > 0 && !ch.closed {
			listeners = append(listeners, ch)
		}
	}
	for _, ch := range listeners { // nobody gets a packet twice
		for _, to := range ch.listeners {
			add(to, ch, wire.TargetListen)
		}
	}
}

// routeTarget is the way of a whisper. Only who sees each other can whisper.
func (s *Server) routeTarget(r *route, u *user, t *wire.VoiceTarget) {
	add := s.adder(r, u)
	for _, part := range t.Targets {
		for _, session := range part.Sessions {
			if to := s.users[session]; to != nil && to.c != nil && s.sees(u, to) && s.permissions(u, to.ch)&wire.Whisper != 0 {
				add(to, nil, wire.TargetWhisper)
			}
		}
		if part.Channel == nil {
			continue
		}
		ch := s.channels[*part.Channel]
		if ch == nil {
			continue
		}
		group := u.shouts(value(part.Group))
		for _, ch := range s.shouted(ch, part) {
			if s.permissions(u, ch)&wire.Whisper == 0 || ch == s.root || ch.floor || ch.closed && ch != u.ch { // a shout would go past the floor
				continue
			}
			if ch == u.ch && u.held != (Held{}) {
				continue
			}
			for _, to := range ch.users {
				if inGroup(group, to, ch) {
					add(to, ch, wire.TargetShout)
				}
			}
			for _, to := range ch.listeners {
				if !ch.closed && inGroup(group, to, ch) {
					add(to, ch, wire.TargetListen)
				}
			}
		}
	}
}

func inGroup(name string, u *user, ch *channel) bool {
	if name == "" {
		return true
	}
	if u.c == nil {
		return false
	}
	a := ch.acl
	if a == nil {
		a = &acl{}
	}
	return a.member(name, u, ch)
}

// shouted returns the channels that a part of a VoiceTarget means.
func (s *Server) shouted(ch *channel, part wire.Target) []*channel {
	all := []*channel{ch}
	if isTrue(part.Children) {
		all = ch.below()
	}
	if !isTrue(part.Links) {
		return all
	}
	seen := make(map[*channel]bool)
	var out []*channel
	for _, c := range all {
		for _, l := range c.linked() {
			if !seen[l] {
				seen[l] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// adder returns what adds a receiver to r, if the receiver may hear u there and
// is not in it yet. A whisper to one user has no channel.
func (s *Server) adder(r *route, u *user) func(to *user, ch *channel, target byte) {
	seen := map[*user]bool{u: true}
	return func(to *user, ch *channel, target byte) {
		if to.c == nil || seen[to] || !to.hears() || !s.sees(to, u) {
			return
		}
		if ch != nil && s.permissions(to, ch)&hear == 0 {
			return
		}
		seen[to] = true
		r.to = append(r.to, hop{to.c, target, u.context != "" && to.context == u.context})
	}
}

// relayer is the memory it takes to pass a packet on.
type relayer struct {
	packets [8][wire.HeaderSize + wire.MaxVoice + 16]byte // by target and with or without place
	batch   batch
}

// heardVoice takes a voice packet of c.
func (s *Server) heardVoice(c *conn, b []byte, now time.Time) {
	v, err := wire.ParseVoice(b)
	if err != nil {
		s.n.badVoice.Add(1)
		return
	}
	c.openMu.Lock()
	ok := c.rate.allow(now, len(b), s.cfg.Bandwidth)
	c.openMu.Unlock()
	if !ok {
		s.n.tooMuch.Add(1)
		return
	}
	u := c.u
	if u.silent.Load() {
		if u.onAir.Load() && v.Target != wire.TargetLoop {
			s.cutOff(u, s.routeOf(u, v.Target), v.Seq)
		}
		return
	}
	if !playable(v.Opus) {
		s.n.badVoice.Add(1)
		return
	}
	s.n.voiceIn.Add(1)
	u.spoke.Store(now.UnixNano())
	if v.Target == wire.TargetLoop {
		s.pass(&route{to: []hop{{c, wire.TargetNormal, true}}}, u, v)
		return
	}
	to := s.routeOf(u, v.Target)
	bridged := to.key != "" && s.deps.Bridge != nil
	p := Packet{Seq: v.Seq, Opus: v.Opus, Last: v.Last}
	if to.floor && bridged {
		if s.deps.Bridge.Voice(u.session, to.key, p) {
			u.onAir.Store(!v.Last)
			s.pass(to, u, v)
		} else {
			s.cutOff(u, to, v.Seq)
		}
		return
	}
	u.onAir.Store(!v.Last)
	s.pass(to, u, v)
	if bridged {
		s.deps.Bridge.Voice(u.session, to.key, p)
	}
}

// cutOff ends a burst that others have heard the beginning of, in place of a packet
// that they do not hear: what ends it at the talker is not heard either.
func (s *Server) cutOff(u *user, to *route, seq uint64) {
	if !u.onAir.Swap(false) {
		return
	}
	var end [16]byte
	s.pass(to, u, wire.Voice{Body: wire.AppendBody(end[:0], seq, nil, true)})
}

// Tell lets a Mumble user alone hear a packet, as if it came from itself, which
// clients play: such as a tone that says that it is not heard. seq counts units of
// 10 ms. It does not block. The error is ErrGone.
func (s *Server) Tell(session uint32, seq uint64, opus []byte, last bool) error {
	s.mu.RLock()
	u, err := s.client(session)
	hears := err == nil && u.hears()
	s.mu.RUnlock()
	if !hears || len(opus) > wire.MaxVoice-32 || !playable(opus) {
		return err
	}
	var body [wire.MaxVoice]byte
	s.pass(&route{to: []hop{{u.c, wire.TargetNormal, false}}}, u, wire.Voice{Body: wire.AppendBody(body[:0], seq, opus, last)})
	return nil
}

// Refuse says to a Mumble user alone why something that it does has no effect. It
// does not block. The error is ErrGone.
func (s *Server) Refuse(session uint32, why string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, err := s.client(session)
	if err != nil {
		return err
	}
	s.n.denied.Add(1)
	u.c.reply((&denied{code: wire.DeniedText, text: cut(plainText(why), maxReason)}).message(u))
	return nil
}

// tenMS is 10 ms in samples.
const tenMS = 480

// playable reports whether clients can play a packet: some end when its length is
// not a multiple of 10 ms. None at all ends a burst.
func playable(packet []byte) bool {
	if len(packet) == 0 {
		return true
	}
	n, err := opus.Samples(packet)
	return err == nil && n%tenMS == 0 && n <= 6*tenMS
}

// pass sends a packet along a route. It is encoded once for each way in which
// receivers are addressed, and encrypted once for each that has UDP.
func (s *Server) pass(to *route, u *user, v wire.Voice) {
	if len(to.to) == 0 {
		return
	}
	r := s.relayers.Get().(*relayer)
	defer s.relayers.Put(r)
	var frames [8][]byte
	r.batch.start(s)
	for _, h := range to.to {
		i := h.target
		if h.place && v.Position != nil {
			i += 4
		}
		if frames[i] == nil {
			frames[i] = r.encode(i, u.session, v)
		}
		frame := frames[i]
		if addr := h.c.udpAddr(); addr != nil {
			r.batch.add(h.c, *addr, frame[wire.HeaderSize:])
			continue
		}
		if h.c.out.speech(frame) {
			h.c.ready()
		} else {
			s.n.shed.Add(1)
		}
	}
	r.batch.flush()
	s.n.voiceOut.Add(int64(len(to.to)))
}

// encode makes the frame of a packet for receivers of kind i: the target, and four
// more with the place.
func (r *relayer) encode(i byte, session uint32, v wire.Voice) []byte {
	b := wire.AppendHeader(r.packets[i][:0], wire.TypeUDPTunnel, 0)
	b = wire.AppendVoice(b, i&3, session)
	b = append(b, v.Body...)
	if i >= 4 {
		b = append(b, v.Position...)
	}
	wire.AppendHeader(b[:0], wire.TypeUDPTunnel, len(b)-wire.HeaderSize)
	return b
}

package voice

import (
	"context"
	"errors"
	"strings"
	"time"

	"muster/voice/wire"
)

// ErrNoChannel says that there is no permanent channel with that key.
var ErrNoChannel = errors.New("voice: there is no such channel")

// VirtualUser is somebody who is in a channel without a Mumble client.
type VirtualUser struct {
	Name    string // as shown; made unique where it is not
	Comment string // plain text
	Muted   bool   // cannot be heard
	Deaf    bool

	// Mute and Kick are called when a moderator in Mumble asks for it, from
	// another goroutine, and must not block; nil refuses it. Muting takes effect
	// with SetState, a kick with Close.
	Mute func(muted bool)
	Kick func(reason string)
}

// Seat is the place of a VirtualUser in a channel. Its methods may be called from
// any goroutine. It ends with Close, or when its channel is removed; then they do
// nothing.
type Seat struct {
	s *Server
	u *user
	v VirtualUser // Mute and Kick of it; never changed
}

// Seat puts a virtual user into the permanent channel with that Entry.Key. It
// works once Run runs. The error is ErrNoChannel.
func (s *Server) Seat(channel string, v VirtualUser) (*Seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.byKey[channel]
	if ch == nil {
		return nil, ErrNoChannel
	}
	st := &Seat{s: s, v: v}
	st.u = &user{
		session: s.newSession(), seat: st, agent: release, begun: time.Now(), comment: escaped(v.Comment),
		selfMute: v.Muted, selfDeaf: v.Deaf, ch: ch, name: s.freeName(v.Name, "", ""),
	}
	s.seat(st.u, ch)
	return st, nil
}

// seat puts the user of a seat into ch. The caller holds mu.
func (s *Server) seat(u *user, ch *channel) {
	u.ch, u.full = ch, nil
	u.quiet()
	s.users[u.session], s.names[strings.ToLower(u.name)] = u, u
	ch.users[u.session] = u
	for _, a := range s.users {
		if a.c != nil && s.sees(a, u) {
			a.c.news(u.frame())
		}
	}
	s.changedRoutes()
	s.happened(Connected, u)
}

// Session is the number that Mumble clients know the seat by.
func (st *Seat) Session() uint32 { return st.u.session }

// Voice says a packet into the channel. seq counts units of 10 ms; opus is 10, 20,
// 40 or 60 ms long, or empty with last, which ends the burst. It does not block
// and keeps nothing of opus; what a client cannot take in time is dropped. Other
// seats do not get it, and the bridge is not told of it.
func (st *Seat) Voice(seq uint64, opus []byte, last bool) {
	if len(opus) > wire.MaxVoice-32 || st.u.silent.Load() || !playable(opus) {
		return
	}
	to := st.s.routeOf(st.u, wire.TargetNormal)
	st.u.spoke.Store(time.Now().UnixNano())
	if len(to.to) == 0 {
		return
	}
	var body [wire.MaxVoice]byte
	st.s.pass(to, st.u, wire.Voice{Body: wire.AppendBody(body[:0], seq, opus, last)})
}

// SetState shows the seat as muted or deaf. A muted one is not heard.
func (st *Seat) SetState(muted, deaf bool) {
	s, u := st.s, st.u
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[u.session] != u || u.selfMute == muted && u.selfDeaf == deaf {
		return
	}
	u.selfMute, u.selfDeaf = muted, deaf
	u.quiet()
	s.spread(u, &wire.UserState{Session: new(u.session), SelfMute: new(muted), SelfDeaf: new(deaf)})
}

// SetComment changes what is told about the virtual user.
func (st *Seat) SetComment(comment string) {
	s, u := st.s, st.u
	comment = escaped(comment)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[u.session] != u || u.comment == comment {
		return
	}
	u.comment = comment
	m := &wire.UserState{Session: new(u.session)}
	u.describe(m)
	s.spread(u, m)
}

// Say sends plain text to all in the channel.
func (st *Seat) Say(text string) {
	s, u := st.s, st.u
	if text = escaped(text); text == "" {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.users[u.session] != u {
		return
	}
	s.spreadText(u.ch, wire.AppendFrame(nil, &wire.TextMessage{Actor: new(u.session), Channels: []uint32{u.ch.id}, Text: new(text)}))
}

// Close takes the virtual user out of the channel. Closing twice is harmless.
func (st *Seat) Close() { st.s.leave(st.u, nil) }

// askMute hands the wish of a moderator on.
func (st *Seat) askMute(m *wire.UserState) error {
	if m.Mute == nil || st.v.Mute == nil {
		return deny("this user is not in Mumble; change it in the room")
	}
	mute, muted := st.v.Mute, *m.Mute
	if !st.s.group().Go(func(context.Context) { mute(muted) }) {
		return deny("the server stops")
	}
	return nil
}

func (st *Seat) askKick(reason string) error {
	kick := st.v.Kick
	if kick == nil {
		return deny("this user is not in Mumble; remove it in the room")
	}
	if !st.s.group().Go(func(context.Context) { kick(reason) }) {
		return deny("the server stops")
	}
	return nil
}

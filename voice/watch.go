package voice

import (
	"net/netip"
	"time"

	"muster/voice/wire"
)

// Session is all that is known of a session: of a Mumble client, or of a seat.
type Session struct {
	Number  uint32
	Account uint32 // AccountID of Login; 0: a seat
	Login   string
	Name    string // as shown
	Comment string // as clients are sent it
	Channel uint32
	Hash    string // SHA-1 of the client's certificate, in hex

	Mute, Deaf, Suppress, PrioritySpeaker, SelfMute, SelfDeaf, Recording bool

	Since       time.Time
	Spoke       time.Time // zero: never
	BytesPerSec int       // of voice, within the present second

	// Of clients only.
	Version          wire.Version
	Remote           netip.Addr
	TCPOnly          bool
	UDPPing, TCPPing time.Duration
	PluginContext    string
}

// session describes u. The caller holds mu.
func (s *Server) session(u *user) Session {
	i := Session{
		Number: u.session, Account: u.userID, Login: u.id.User, Name: u.name, Comment: u.comment, Channel: u.ch.id, Hash: u.hash,
		Mute: u.mute, Deaf: u.deaf, Suppress: u.suppress, PrioritySpeaker: u.priority,
		SelfMute: u.selfMute, SelfDeaf: u.selfDeaf, Recording: u.recording,
		Since: u.begun, PluginContext: u.context,
	}
	if t := u.spoke.Load(); t != 0 {
		i.Spoke = time.Unix(0, t)
	}
	c := u.c
	if c == nil {
		return i
	}
	i.Version, i.Remote, i.TCPOnly = c.version, c.remote.Addr(), c.udpAddr() == nil
	c.openMu.Lock()
	if time.Since(c.rate.begun) < time.Second {
		i.BytesPerSec = c.rate.bytes
	}
	c.openMu.Unlock()
	ms := func(f *float32) time.Duration { return time.Duration(value(f) * float32(time.Millisecond)) }
	c.statMu.Lock()
	i.UDPPing, i.TCPPing = ms(c.ping.UDPPingAvg), ms(c.ping.TCPPingAvg)
	c.statMu.Unlock()
	return i
}

// EventKind says what has happened.
type EventKind int

// The kinds of events, and what is set in them.
const (
	Connected      EventKind = iota // Session
	Disconnected                    // Session
	Altered                         // Session
	Texted                          // Session, Text
	ActionChosen                    // Session, Action
	ChannelMade                     // Channel
	ChannelRemoved                  // Channel
	ChannelAltered                  // Channel
)

// Event is something that happened. What it points to is not changed any more.
type Event struct {
	Kind    EventKind
	Session Session
	Text    *wire.TextMessage
	Action  *wire.ContextAction
	Channel *wire.ChannelState
}

// Watch calls tell for each event from now on, in place of whoever watched
// before; nil ends it. tell must neither block nor call the server, and is called
// from several goroutines, in order for each user and channel.
func (s *Server) Watch(tell func(Event)) {
	if tell == nil {
		s.watcher.Store(nil)
		return
	}
	s.watcher.Store(&tell)
}

// happened tells of something about u. The caller holds mu.
func (s *Server) happened(kind EventKind, u *user) {
	if w := s.watcher.Load(); w != nil {
		(*w)(Event{Kind: kind, Session: s.session(u)})
	}
}

// happenedTo tells of something about ch. The caller holds mu.
func (s *Server) happenedTo(kind EventKind, ch *channel) {
	if w := s.watcher.Load(); w != nil {
		(*w)(Event{Kind: kind, Channel: ch.describeAll()})
	}
}

// describeAll is all there is to know of ch.
func (ch *channel) describeAll() *wire.ChannelState {
	m := ch.state()
	m.DescriptionHash, m.Description = nil, new(ch.description)
	for id := range ch.links {
		m.Links = append(m.Links, id)
	}
	return m
}

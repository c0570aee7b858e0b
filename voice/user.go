package voice

import (
	"strings"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/voice/wire"
)

// place is who a session belongs to: one that comes again with the same takes the
// place of the older one.
type place struct{ user, device, slot string }

// user is one session: a Mumble client, or a seat. All of it is guarded by
// Server.mu, but for what never changes and the atomics.
type user struct {
	session uint32
	place   place
	userID  uint32 // of the account; 0: a seat
	hash    string // SHA-1 of the client's certificate, in hex
	strong  bool   // the certificate is of our authority
	agent   string
	c       *conn // nil: a seat
	seat    *Seat // nil: a client
	begun   time.Time

	id     auth.Identity
	class  *class // nil: a seat
	ch     *channel
	name   string
	tokens []string

	mute, deaf, suppress, selfMute, selfDeaf, priority, recording bool

	held  Held   // by the bridge, in the present channel
	visit uint64 // Member.visit

	comment string
	texture []byte
	context string // of the game plugin: positions go to equals only
	listens map[uint32]*channel
	targets [31]*wire.VoiceTarget

	groups    []membership      // bounded by maxGroups
	redirects map[string]string // of shouts, by group; bounded by maxRedirects
	actions   []string          // in the client's menus; bounded by maxActions

	full []byte // the frame with all of the above, for clients that come later; nil: stale
	mark uint64 // last round in which the user was counted: see shift
	told *Member

	silent atomic.Bool               // what it says is dropped
	onAir  atomic.Bool               // it was heard, and the burst is not over
	routes [31]atomic.Pointer[route] // where its voice goes, by target
	spoke  atomic.Int64              // when it said something last, ns since 1970
}

// state is all that a client needs to know of u.
func (u *user) state() *wire.UserState {
	m := &wire.UserState{Session: new(u.session), Name: new(u.name), Channel: new(u.ch.id)}
	if u.userID != 0 {
		m.UserID = new(u.userID)
	}
	for _, f := range []struct {
		on bool
		p  **bool
	}{
		{u.mute, &m.Mute}, {u.deaf, &m.Deaf}, {u.suppress, &m.Suppress}, {u.selfMute, &m.SelfMute},
		{u.selfDeaf, &m.SelfDeaf}, {u.priority, &m.PrioritySpeaker}, {u.recording, &m.Recording},
	} {
		if f.on {
			*f.p = new(true)
		}
	}
	if u.hash != "" {
		m.Hash = new(u.hash)
	}
	if u.comment != "" {
		u.describe(m)
	}
	if len(u.texture) > 0 {
		m.TextureHash = hashOf(u.texture)
	}
	for id := range u.listens {
		m.ListenAdd = append(m.ListenAdd, id)
	}
	return m
}

// describe puts the comment into m, or its hash.
func (u *user) describe(m *wire.UserState) {
	if len(u.comment) >= hashFrom {
		m.CommentHash = hashOf(u.comment)
	} else {
		m.Comment = new(u.comment)
	}
}

// frame returns the frame that introduces u.
func (u *user) frame() []byte {
	if u.full == nil {
		u.full = wire.AppendFrame(nil, u.state())
	}
	return u.full
}

// quiet works out whether u's voice is dropped, after a change. One that is
// suppressed may still whisper, unless it waits to be let in.
func (u *user) quiet() { u.silent.Store(u.mute || u.selfMute || u.held.Waits) }

// hears reports whether u is sent what is said.
func (u *user) hears() bool { return !u.deaf && !u.selfDeaf && !u.held.Waits }

// member describes u to the bridge; nil when it is in no channel of the house.
func (u *user) member() *Member {
	if u.c == nil || u.ch == nil || u.ch.key == "" {
		return nil
	}
	return &Member{
		Session: u.session, Channel: u.ch.key, Name: u.name, Identity: u.id, Comment: unescaped(u.comment), Agent: u.agent,
		Muted: u.mute || u.suppress || u.selfMute, Deaf: !u.hears(), Priority: u.priority,
		visit: u.visit,
	}
}

// slotMark stands between the callsign and the slot in the name of a voice plugin.
const slotMark = "---"

// splitName takes a name as clients log in with it apart.
func splitName(name string) (callsign, slot string) {
	if i := strings.LastIndex(name, slotMark); i > 0 {
		return name[:i], name[i+len(slotMark):]
	}
	return name, ""
}

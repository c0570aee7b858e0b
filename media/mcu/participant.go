package mcu

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/auth"
	"muster/media/mcu/layout"
)

// Kind says how somebody takes part.
type Kind string

// The kinds of participants.
const (
	Browser Kind = "browser"
	SIP     Kind = "sip"
	Feed    Kind = "stream" // a media path on stage
	Mumble  Kind = "mumble"
)

// Participant is somebody in a room. Its methods may be called from any
// goroutine; after Leave they do nothing or return ErrGone.
type Participant struct {
	ID string // unguessable; the others know it

	rooms *Rooms
	kind  Kind
	name  string // for people
	user  string // account; empty: none
	via   string // see JoinRequest
	leg   Leg
	log   *slog.Logger

	outside bool // a Moderator: not in the room, and a host of it
	over    sync.Once

	session *auth.Session // set before the participant is in the room

	in atomic.Pointer[Room] // nil until it has entered

	rank atomic.Uint32 // floor.Rank; follows from role, emergency and priority
	busy atomic.Bool   // talks in vain

	// Guarded by the room's mu, once in the room.
	who     auth.Identity
	role    Role
	owner   bool // host by right, which nobody can take
	waiting bool // in the lobby
	muted   bool
	hand    time.Time
	since   time.Time
	given   bool   // role was given by a host, and goes along to breakout rooms
	passed  bool   // came by a pass, which doors do not stop
	group   string // breakout room that it was sent to; empty: none
	listens bool   // wants to hear only, whatever its role

	emergency bool // goes before everybody where one speaks at a time
	priority  bool // goes before other speakers there

	voice struct { // guarded by room.sound.mu
		in  *AudioIn
		out *AudioOut
		tap *Tap
	}
}

// maxName bounds what a participant calls itself.
const maxName = 64 // characters

func newParticipant(r *Rooms, s *Settings, req JoinRequest, host bool) *Participant {
	p := &Participant{
		ID: rand.Text(), rooms: r, kind: req.Kind, name: cleanName(req.Name), via: req.Via, leg: req.Leg,
		who: req.Identity, role: Listener, owner: host, muted: true, listens: req.Listen,
	}
	if !req.Identity.System {
		p.user = req.Identity.User
	}
	if p.name == "" {
		p.name = cleanName(strings.TrimPrefix(req.Identity.User, "guest:"))
	}
	switch {
	case host:
		p.role = Host
	case auth.Allow(req.Identity, auth.Publish, resource(s)) == nil:
		p.role = s.Entry
	}
	p.log = r.log.With("room", req.Room, "conn", p.ID, "user", req.Identity.User, "remote", req.Remote, "kind", string(req.Kind))
	return p
}

// cleanName makes a name that can be shown anywhere out of what a client sent.
func cleanName(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }), " ")
	for utf8.RuneCountInString(s) > maxName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.TrimSpace(s)
}

// Name returns what to call the participant.
func (p *Participant) Name() string { return p.name }

// Kind returns how the participant takes part.
func (p *Participant) Kind() Kind { return p.kind }

// Identity returns whose rights the participant has now.
func (p *Participant) Identity() auth.Identity {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.who
}

// Room returns the room the participant is in.
func (p *Participant) Room() *Room { return p.in.Load() }

// Role returns what the participant may do now, and whether it waits in the
// lobby.
func (p *Participant) Role() (role Role, waiting bool) {
	p.Room().mu.Lock()
	defer p.Room().mu.Unlock()
	return p.role, p.waiting
}

// Member describes the participant as others see it; false once it has left.
func (p *Participant) Member() (Member, bool) {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.member(), m.people[p.ID] == p
}

// member is the participant as others see it. room.mu is held.
func (p *Participant) member() Member {
	return Member{ID: p.ID, Name: p.name, User: p.user, Kind: p.kind, Role: p.role, Waiting: p.waiting, Listens: p.listens, Muted: p.muted, Hand: p.hand, Since: p.since, Emergency: p.emergency, Via: p.via}
}

// Leave takes the participant out of its room; its leg is not ended. Leaving
// twice is harmless.
func (p *Participant) Leave(reason error) {
	p.over.Do(func() {
		p.Room().leave(p, reason)
		p.session.Close()
		p.log.Info("participant left", "after", time.Since(p.since).Round(time.Millisecond), "reason", reason)
	})
}

// end shows the participant out: the leg is ended, and leaves.
func (p *Participant) end(reason error) { p.leg.End(reason) }

// changed is told of the user's rights of now.
func (p *Participant) changed(id auth.Identity) {
	m := p.Room()
	if m == nil {
		return // on its way in
	}
	s := m.settings()
	m.mu.Lock()
	p.who = id
	m.entitle(p, s)
	if p.role == Speaker && auth.Allow(id, auth.Publish, resource(s)) != nil {
		m.give(p, Listener)
	}
	quiet := p.role == Listener
	m.show(p)
	m.mu.Unlock()
	if quiet {
		p.hush()
	}
}

// entitle makes p a host if it is one by right under the settings s, and takes
// that from who is not any more; it reports whether either was so. mu is held.
func (m *Room) entitle(p *Participant, s *Settings) bool {
	owner := p.kind != Feed && HostOf(p.who, s)
	if owner == p.owner {
		return false
	}
	p.owner = owner
	switch {
	case owner:
		m.give(p, Host)
	case auth.Allow(p.who, auth.Publish, resource(s)) == nil:
		m.give(p, Speaker)
	default:
		m.give(p, Listener)
	}
	return true
}

// give gives p a role, and lets it see what hosts see and nobody else: the PIN,
// and who waits in the lobby. Who becomes a host waits no more. mu is held.
func (m *Room) give(p *Participant, role Role) {
	was := p.role
	p.role = role
	p.muted = p.muted || role == Listener
	p.setRank()
	switch {
	case m.people[p.ID] != p:
		return
	case role == Host:
		m.admit(p)
	}
	if p.waiting {
		return
	}
	p.leg.Notify(Event{EventRoom, m.view(p)})
	if (role == Host) == (was == Host) {
		return
	}
	for _, other := range m.members(true) {
		switch {
		case !other.Waiting:
		case role == Host:
			p.leg.Notify(Event{EventParticipant, other})
		default:
			p.leg.Notify(Event{EventLeft, Left{ID: other.ID}})
		}
	}
}

// hush takes away what a listener may not send.
func (p *Participant) hush() {
	p.silence()
	p.Room().dropTracks(p)
}

// sends reports whether the participant may be heard and seen. room.mu is held.
func (p *Participant) sends() bool { return p.role != Listener && !p.listens }

// Listen says whether the participant wants to hear only, whatever its role: as
// somebody who follows several channels and talks in one of them. Its pictures go,
// and its microphone is off then. The error is ErrGone.
func (p *Participant) Listen(on bool) error {
	m := p.Room()
	m.mu.Lock()
	switch {
	case m.people[p.ID] != p:
		m.mu.Unlock()
		return ErrGone
	case p.listens == on:
		m.mu.Unlock()
		return nil
	}
	p.listens = on
	if on && !p.muted {
		p.muted = true
		m.sound.mute(p, true)
	}
	m.show(p)
	m.mu.Unlock()
	if on {
		p.hush()
	}
	return nil
}

// SetMuted says whether the participant's microphone is off.
func (p *Participant) SetMuted(muted bool) error {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.mute(m, muted)
}

// mute is SetMuted with m.mu held.
func (p *Participant) mute(m *Room, muted bool) error {
	switch {
	case m.people[p.ID] != p:
		return ErrGone
	case !muted && !p.sends():
		return ErrListener
	case p.muted == muted:
		return nil
	}
	p.muted = muted
	m.sound.mute(p, muted)
	m.show(p)
	return nil
}

// SetHand raises or lowers the participant's hand.
func (p *Participant) SetHand(up bool) error {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.people[p.ID] != p || p.waiting {
		return ErrGone
	}
	if up == !p.hand.IsZero() {
		return nil
	}
	p.hand = time.Time{}
	if up {
		p.hand = time.Now()
	}
	m.show(p)
	m.rooms.stir(m.settings())
	return nil
}

// Say sends a message to everybody in the room, or to the participant to.
func (p *Participant) Say(to, text string) (Chat, error) { return p.Room().say(p, to, text) }

var errChat = fmt.Errorf("%w: a message has 1 to %d printable characters", ErrInvalid, maxChat)

func chatText(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxChat &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }) < 0
}

// asHost runs f with the room locked if p is a host of it, and the participant
// that id names.
func (p *Participant) asHost(id string, f func(m *Room, other *Participant) error) error {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case p.outside && id == p.ID:
		return f(m, p)
	case p.outside:
	case m.people[p.ID] != p:
		return ErrGone
	case p.role != Host:
		return ErrHost
	}
	other, err := m.find(id)
	if err != nil {
		return err
	}
	return f(m, other)
}

// mustHost returns nil if p is a host who is in the room, or decides from outside.
func (p *Participant) mustHost() error {
	return p.asHost(p.ID, func(*Room, *Participant) error { return nil })
}

// Mute switches another's microphone off, or asks it to switch it on.
func (p *Participant) Mute(id string, muted bool) error {
	return p.asHost(id, func(m *Room, other *Participant) error {
		other.leg.Notify(Event{EventMuted, Muted{Muted: muted}})
		if muted && !other.muted {
			other.muted = true
			m.sound.mute(other, true)
			m.show(other)
		}
		return nil
	})
}

// Admit lets another in from the lobby, or refuses it.
func (p *Participant) Admit(id string, in bool) error {
	return p.asHost(id, func(m *Room, other *Participant) error {
		switch {
		case !other.waiting:
			return nil
		case in:
			m.admit(other)
		default:
			other.end(ErrRefused)
		}
		return nil
	})
}

// Kick shows another out.
func (p *Participant) Kick(id string) error {
	return p.asHost(id, func(m *Room, other *Participant) error {
		if other.owner && other != p {
			return fmt.Errorf("%w: the room's own hosts stay", auth.ErrDenied)
		}
		m.rooms.passes.drop(other.ID)
		other.end(ErrKicked)
		return nil
	})
}

// SetRole makes another a listener, speaker or host. Who may not publish to the
// room's groups stays a listener unless a host of the room lets it speak.
func (p *Participant) SetRole(id string, role Role) error {
	if !role.Valid() {
		return fmt.Errorf("%w: the role is %s, %s or %s", ErrInvalid, Listener, Speaker, Host)
	}
	var quiet *Participant
	err := p.asHost(id, func(m *Room, other *Participant) error {
		switch {
		case other.owner && role != Host:
			return fmt.Errorf("%w: the room's own hosts stay hosts", auth.ErrDenied)
		case role == Host && other.who.IsGuest():
			return fmt.Errorf("%w: guests cannot be hosts", auth.ErrDenied)
		}
		other.given = true
		other.hand = time.Time{}
		if role == Listener {
			quiet = other
		}
		m.give(other, role)
		m.show(other)
		return nil
	})
	if quiet != nil {
		quiet.hush()
	}
	return err
}

// Change changes the settings of the room for a host who is in it, also one
// that another host has made one.
func (p *Participant) Change(ctx context.Context, edit func(*Settings)) error {
	if err := p.mustHost(); err != nil {
		return err
	}
	s := p.Room().Settings()
	edit(&s)
	if err := s.Validate(); err != nil {
		return err
	}
	return p.rooms.put(ctx, &s, true)
}

// SetLayout arranges the room's composite. cells are those of LayoutCustom, at
// most layout.MaxTiles; the other layouts have none.
func (p *Participant) SetLayout(l Layout, cells []Cell) error {
	switch {
	case !l.Valid():
		return fmt.Errorf("%w: the layout is %s, %s, %s or %s", ErrInvalid, LayoutGrid, LayoutSpeaker, LayoutPresenter, LayoutCustom)
	case (l == LayoutCustom) != (len(cells) > 0), len(cells) > layout.MaxTiles:
		return fmt.Errorf("%w: %s has 1 to %d cells, and the others have none", ErrInvalid, LayoutCustom, layout.MaxTiles)
	case slices.ContainsFunc(cells, func(c Cell) bool { return !c.valid() }):
		return fmt.Errorf("%w: a cell shows somebody, lies within 100 percent, and is at least %d percent wide and high", ErrInvalid, minCell)
	}
	return p.asHost(p.ID, func(m *Room, _ *Participant) error {
		m.layout, m.cells = l, slices.Clone(cells)
		m.showRoom()
		return nil
	})
}

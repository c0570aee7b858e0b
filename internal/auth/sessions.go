package auth

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// The reasons a session is ended for, handed to its kick function.
var (
	ErrRevoked = errors.New("access was taken away")
	ErrKicked  = errors.New("ended by an administrator")
	ErrExpired = errors.New("the token or certificate has expired")
)

// SessionInfo describes a live session to people.
type SessionInfo struct {
	ID       string         `json:"id"`
	User     string         `json:"user"`
	Protocol string         `json:"protocol"` // "rtsp", "whep", "web", …
	Action   Action         `json:"action"`   // what it does
	Resource string         `json:"resource"` // stream name, or empty
	Remote   netip.AddrPort `json:"remote"`
	Agent    string         `json:"agent,omitempty"`  // what the client calls itself
	Token    string         `json:"token,omitempty"`  // public id of the token it was opened with
	Device   string         `json:"device,omitempty"` // certificate it was opened with
	Started  time.Time      `json:"started"`
}

// Session is one entry of the registry. Its owner must Close it when the
// client leaves.
type Session struct {
	info SessionInfo
	id   Identity
	act  Action
	res  Resource
	kick func(reason error)
	news func(Identity) // told of changed rights; may be nil
	reg  *Sessions

	ended bool // kicked by expire; its owner has yet to Close it
}

// Sessions is the register of everything that is open, on every protocol. It
// is what makes a revocation reach the sockets.
//
// A login and a revocation that cross each other leave nothing open: who
// revokes first changes the data, then advances the epoch, then looks through
// the register; a session is registered first and then compared with the epoch
// its identity was read under. Whichever comes second sees the other.
type Sessions struct {
	changed func(SessionInfo, bool)

	mu      sync.Mutex // guards what follows, and Session.id and Session.ended
	live    map[string]*Session
	epoch   uint64                           // changes of anybody's rights so far
	current func(Identity) (Identity, error) // set by Service; nil without one
	expiry  time.Time                        // no session ends by itself before; zero: none does
}

// NewSessions returns an empty register. changed, if not nil, is told of each
// session that opens (true) and closes (false); it must not block.
func NewSessions(changed func(s SessionInfo, open bool)) *Sessions {
	return &Sessions{changed: changed, live: make(map[string]*Session)}
}

// Open registers a session of id that does a to r, if Allow permits. kick ends
// the client's connection; it is called at most a few times, from another
// goroutine, must not block, must be safe after the session is over and may be
// called before Open returns. info's ID, User, Token, Device, Action, Resource
// and Started are filled in here. The error wraps ErrDenied, or ErrRevoked when
// the rights of id were taken away since it was proven.
func (s *Sessions) Open(id Identity, a Action, r Resource, info SessionInfo, kick func(reason error)) (*Session, error) {
	return s.Follow(id, a, r, info, kick, nil)
}

// Follow is Open for a session that goes on with other rights while Allow still
// permits it: news is told of the identity of now after each change of the
// user's rights, under the same rules as kick. It may be told of one that is no
// different.
func (s *Sessions) Follow(id Identity, a Action, r Resource, info SessionInfo, kick func(reason error), news func(Identity)) (*Session, error) {
	if err := Allow(id, a, r); err != nil {
		return nil, err
	}
	info.ID = rand.Text()
	info.User, info.Token, info.Device = id.User, id.Token, id.Device
	info.Action, info.Resource, info.Started = a, r.Name, time.Now()
	ses := &Session{info: info, id: id, act: a, res: r, kick: kick, news: news, reg: s}
	s.mu.Lock()
	s.live[info.ID] = ses
	s.expiresAt(id.expires)
	stale := id.epoch != s.epoch && !id.System && s.current != nil
	current := s.current
	s.mu.Unlock()
	if stale {
		if err := ses.recheck(current); err != nil {
			s.mu.Lock()
			delete(s.live, info.ID)
			s.mu.Unlock()
			return nil, err
		}
	}
	if s.changed != nil {
		s.changed(info, true)
	}
	return ses, nil
}

// recheck replaces the session's identity with the present one, or says why the
// session may not stay.
func (ses *Session) recheck(current func(Identity) (Identity, error)) error {
	s := ses.reg
	s.mu.Lock()
	id := ses.id
	s.mu.Unlock()
	now, err := current(id)
	if err == nil {
		err = Allow(now, ses.act, ses.res)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRevoked, err)
	}
	s.mu.Lock()
	ses.id = now
	s.expiresAt(now.expires)
	s.mu.Unlock()
	if ses.news != nil {
		ses.news(now)
	}
	return nil
}

// bind gives the register the way to today's rights.
func (s *Sessions) bind(current func(Identity) (Identity, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = current
}

// now returns the present epoch. Rights read after it are at least that new.
func (s *Sessions) now() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// advance makes every identity handed out so far be checked again when a
// session is opened with it.
func (s *Sessions) advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
}

// expiresAt notes that a session ends at t. The caller holds mu.
func (s *Sessions) expiresAt(t time.Time) {
	if !t.IsZero() && (s.expiry.IsZero() || t.Before(s.expiry)) {
		s.expiry = t
	}
}

// expire ends the sessions whose token or certificate is past its time, and
// returns how many. It costs next to nothing while none is.
func (s *Sessions) expire(now time.Time) int {
	s.mu.Lock()
	if s.expiry.IsZero() || now.Before(s.expiry) {
		s.mu.Unlock()
		return 0
	}
	s.expiry = time.Time{}
	var due []*Session
	for _, ses := range s.live {
		switch {
		case ses.ended || ses.id.expires.IsZero():
		case now.Before(ses.id.expires):
			s.expiresAt(ses.id.expires)
		default:
			ses.ended = true
			due = append(due, ses)
		}
	}
	s.mu.Unlock()
	for _, ses := range due {
		ses.kick(ErrExpired)
	}
	return len(due)
}

// Info describes the session.
func (ses *Session) Info() SessionInfo { return ses.info }

// Close takes the session off the register. It does not call kick. Closing
// twice is harmless.
func (ses *Session) Close() {
	s := ses.reg
	s.mu.Lock()
	_, was := s.live[ses.info.ID]
	delete(s.live, ses.info.ID)
	s.mu.Unlock()
	if was && s.changed != nil {
		s.changed(ses.info, false)
	}
}

// List returns what is open, oldest first.
func (s *Sessions) List() []SessionInfo {
	s.mu.Lock()
	out := make([]SessionInfo, 0, len(s.live))
	for _, ses := range s.live {
		out = append(out, ses.info)
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b SessionInfo) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Kick ends the session with that id and reports whether there was one.
func (s *Sessions) Kick(id string) bool {
	s.mu.Lock()
	ses := s.live[id]
	s.mu.Unlock()
	if ses == nil {
		return false
	}
	ses.kick(ErrKicked)
	return true
}

// Revalidate asks current for the present identity of every live session that
// match selects, and ends those that have none any more or whose present
// identity may not do what the session does. It returns how many were ended.
// System sessions are never asked about.
func (s *Sessions) Revalidate(match func(SessionInfo) bool, current func(Identity) (Identity, error)) int {
	s.mu.Lock()
	var due []*Session
	for _, ses := range s.live {
		if !ses.id.System && match(ses.info) {
			due = append(due, ses)
		}
	}
	s.mu.Unlock()

	ended := 0
	for _, ses := range due {
		if err := ses.recheck(current); err != nil {
			ended++
			ses.kick(err)
		}
	}
	return ended
}

// Identity returns who the session belongs to, with the rights of now.
func (ses *Session) Identity() Identity {
	ses.reg.mu.Lock()
	defer ses.reg.mu.Unlock()
	return ses.id
}

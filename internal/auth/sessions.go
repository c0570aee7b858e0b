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
	reg  *Sessions
}

// Sessions is the register of everything that is open, on every protocol. It
// is what makes a revocation reach the sockets.
type Sessions struct {
	changed func(SessionInfo, bool)

	mu   sync.Mutex // guards live
	live map[string]*Session
}

// NewSessions returns an empty register. changed, if not nil, is told of each
// session that opens (true) and closes (false); it must not block.
func NewSessions(changed func(s SessionInfo, open bool)) *Sessions {
	return &Sessions{changed: changed, live: make(map[string]*Session)}
}

// Open registers a session of id that does a to r, if Allow permits. kick ends
// the client's connection; it is called at most a few times, from another
// goroutine, must not block and must be safe after the session is over. info's
// ID, User, Token, Device, Action, Resource and Started are filled in here.
func (s *Sessions) Open(id Identity, a Action, r Resource, info SessionInfo, kick func(reason error)) (*Session, error) {
	if err := Allow(id, a, r); err != nil {
		return nil, err
	}
	info.ID = rand.Text()
	info.User, info.Token, info.Device = id.User, id.Token, id.Device
	info.Action, info.Resource, info.Started = a, r.Name, time.Now()
	ses := &Session{info: info, id: id, act: a, res: r, kick: kick, reg: s}
	s.mu.Lock()
	s.live[info.ID] = ses
	s.mu.Unlock()
	if s.changed != nil {
		s.changed(info, true)
	}
	return ses, nil
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
		now, err := current(ses.id)
		if err == nil {
			err = Allow(now, ses.act, ses.res)
		}
		if err != nil {
			ended++
			ses.kick(fmt.Errorf("%w: %w", ErrRevoked, err))
			continue
		}
		s.mu.Lock()
		ses.id = now
		s.mu.Unlock()
	}
	return ended
}

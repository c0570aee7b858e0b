package attach

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/voice/murmur"
)

const (
	maxSlots    = 8                // connections of one device at a time; ATAK's plugins use two
	maxSeats    = 10_000           // logins let in that are connected or about to be
	seatPending = 30 * time.Second // from the login to its session
	firstID     = 1 << 20          // below are murmurd's own users; 0 is SuperUser
)

// place is who sits where: murmurd ends the older of two sessions with the same
// number, so each connection of each device has a number of its own.
type place struct {
	user, device string
	slot         int
}

// seat is a login that was let in.
type seat struct {
	id       int32 // the user's number at murmurd
	place    place
	suffix   string // what the client wrote behind its name, by which it is known again
	name     string // as it is shown
	identity auth.Identity
	until    time.Time // while it is not connected

	session int32 // 0: not connected yet
	ses     *auth.Session
}

func (s *seat) close() {
	if s.ses != nil {
		s.ses.Close()
	}
}

// seats is who was let in.
type seats struct {
	key []byte
	now func() time.Time

	mu        sync.Mutex // guards what follows
	byID      map[int32]*seat
	bySession map[int32]*seat
}

func newSeats(key []byte) *seats {
	return &seats{key: key, now: time.Now, byID: make(map[int32]*seat), bySession: make(map[int32]*seat)}
}

// number derives the number of a place. try tells places apart that would have
// the same.
func (s *seats) number(p place, try int) int32 {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%q %q %d %d", p.user, p.device, p.slot, try)
	n := binary.BigEndian.Uint32(mac.Sum(nil)) & 0x7fffffff
	return firstID + int32(n%(1<<31-firstID))
}

// take gives a login a seat: the one it had if it comes again, else a free one of
// its device. ok is false if there is none.
func (s *seats) take(id auth.Identity, device string, n name) (id32 int32, shown string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	var used [maxSlots]bool
	var mine *seat
	for _, t := range s.byID {
		if t.place.user == id.User && t.place.device == device {
			used[t.place.slot] = true
			if t.suffix == n.slot {
				mine = t
			}
		}
	}
	if mine == nil {
		mine = s.add(id.User, device, n.slot, used)
	}
	if mine == nil {
		return 0, "", false
	}
	if mine.session == 0 {
		mine.identity = id
		mine.until = s.now().Add(seatPending)
		mine.name = s.unused(n.shown, mine.id)
		return mine.id, mine.name, true
	}
	// It comes again while its old session is there: that one keeps its entry
	// until murmurd says that it has ended.
	next := &seat{id: mine.id, place: mine.place, suffix: n.slot, identity: id, until: s.now().Add(seatPending)}
	next.name = s.unused(n.shown, mine.id)
	s.byID[mine.id] = next
	return next.id, next.name, true
}

// add makes a seat in a free slot. The caller holds mu.
func (s *seats) add(user, device, suffix string, used [maxSlots]bool) *seat {
	if len(s.byID) >= maxSeats {
		return nil
	}
	for slot, taken := range used {
		if taken {
			continue
		}
		p := place{user, device, slot}
		for try := 0; ; try++ {
			n := s.number(p, try)
			if s.byID[n] == nil {
				t := &seat{id: n, place: p, suffix: suffix}
				s.byID[n] = t
				return t
			}
		}
	}
	return nil
}

// unused returns a name that nobody else has: murmurd would end the other's
// session. The caller holds mu.
func (s *seats) unused(want string, id int32) string {
	got := want
	for n := 2; ; n++ {
		free := true
		for _, all := range []map[int32]*seat{s.byID, s.bySession} {
			for _, t := range all {
				free = free && (t.id == id || !strings.EqualFold(t.name, got))
			}
		}
		if free {
			return got
		}
		got = fmt.Sprintf("%s(%d)", want, n)
	}
}

// expire frees seats whose session never came. The caller holds mu.
func (s *seats) expire() {
	now := s.now()
	for id, t := range s.byID {
		if t.session == 0 && now.After(t.until) {
			delete(s.byID, id)
		}
	}
}

// sit notes that the session of a login is there, and returns a copy of its seat;
// nil if there is no such login. old ends the session that had the number before.
func (s *seats) sit(u murmur.User) (_ *seat, old func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.byID[u.UserID]
	if t == nil || t.session != 0 {
		return nil, nil
	}
	t.session = u.Session
	if o := s.bySession[u.Session]; o != nil { // of an earlier murmurd
		old = o.close
	}
	s.bySession[u.Session] = t
	c := *t
	return &c, old
}

// resume makes a seat for a session from before, if its number is one that its
// identity can have.
func (s *seats) resume(u murmur.User, id auth.Identity, suffix string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[u.UserID] != nil || len(s.byID) >= maxSeats {
		return false
	}
	for slot := range maxSlots {
		p := place{id.User, id.Device, slot}
		if s.number(p, 0) == u.UserID {
			s.byID[u.UserID] = &seat{id: u.UserID, place: p, suffix: suffix, name: u.Name, identity: id, until: s.now().Add(seatPending)}
			return true
		}
	}
	return false
}

// keep gives a session its entry in the register. It returns false if the session
// has ended.
func (s *seats) keep(session int32, ses *auth.Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.bySession[session]
	if t == nil {
		return false
	}
	t.ses = ses
	return true
}

// leave takes a session out and returns it; nil if it was none of ours.
func (s *seats) leave(session int32) *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(session)
}

// remove is leave for callers that hold mu.
func (s *seats) remove(session int32) *seat {
	t := s.bySession[session]
	if t == nil {
		return nil
	}
	delete(s.bySession, session)
	if s.byID[t.id] == t {
		delete(s.byID, t.id)
	}
	return t
}

// gone takes out the sessions that are not among users, and returns them.
func (s *seats) gone(users map[int32]murmur.User) []*seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*seat
	for session, t := range s.bySession {
		if u, ok := users[session]; !ok || u.UserID != t.id {
			out = append(out, s.remove(session))
		}
	}
	return out
}

// has reports whether a session is known under that number.
func (s *seats) has(session, id int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.bySession[session]
	return t != nil && t.id == id
}

// of returns a copy of a session's seat, or nil.
func (s *seats) of(session int32) *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.bySession[session]
	if t == nil {
		return nil
	}
	c := *t
	return &c
}

// rights notes what a session has at murmurd now.
func (s *seats) rights(session int32, id auth.Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.bySession[session]; t != nil {
		t.identity = id
	}
}

// list returns copies of the seats that are connected.
func (s *seats) list() []seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]seat, 0, len(s.bySession))
	for _, t := range s.bySession {
		out = append(out, *t)
	}
	return out
}

func (s *seats) connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bySession)
}

// clear takes everybody out and ends their entries in the register.
func (s *seats) clear() {
	s.mu.Lock()
	all := s.bySession
	s.byID, s.bySession = make(map[int32]*seat), make(map[int32]*seat)
	s.mu.Unlock()
	for _, t := range all {
		t.close()
	}
}

// byName returns the number of somebody who is there under that name.
func (s *seats) byName(n string) (int32, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.byID {
		if strings.EqualFold(t.name, n) {
			return id, true
		}
	}
	return 0, false
}

// nameOf returns the name of a number, or "".
func (s *seats) nameOf(id int32) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.byID[id]; t != nil {
		return t.name
	}
	return ""
}

// names returns the names that contain filter, by number.
func (s *seats) names(filter string) map[int32]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[int32]string)
	for id, t := range s.byID {
		if strings.Contains(strings.ToLower(t.name), strings.ToLower(filter)) {
			out[id] = t.name
		}
	}
	return out
}

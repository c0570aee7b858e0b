package voice

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/voice/wire"
)

// ID names a ban among the others, for who lifts it.
func (b Ban) ID() string {
	sum := sha256.Sum256([]byte(b.User + "\x00" + b.Hash))
	return hex.EncodeToString(sum[:8])
}

// Bans returns who is kept out now, the oldest first.
func (s *Server) Bans() []Ban { return s.bans.list(time.Now()) }

// Ban keeps the account b.User out and ends its sessions; Start is set to now. A
// ban that it has already is replaced.
func (s *Server) Ban(b Ban) Ban {
	b.Name, b.Reason = cleanName(b.Name), cut(plainText(b.Reason), maxReason)
	s.bans.lift(b.ID())
	b = s.bans.add(b)
	var out []*conn
	s.mu.RLock()
	for _, u := range s.users {
		if u.c != nil && strings.EqualFold(u.id.User, b.User) {
			out = append(out, u.c)
		}
	}
	s.mu.RUnlock()
	for _, c := range out {
		s.expel(c, escaped(b.Reason))
	}
	return b
}

// Unban lifts the ban of that ID. It reports whether there was one.
func (s *Server) Unban(id string) bool { return s.bans.lift(id) }

func (b *bans) lift(id string) bool {
	b.mu.Lock()
	n := len(b.all)
	b.all = slices.DeleteFunc(b.all, func(x Ban) bool { return x.ID() == id })
	lifted := len(b.all) < n
	b.mu.Unlock()
	if lifted {
		b.changed()
	}
	return lifted
}

// Move puts a Mumble user into the permanent channel with that Entry.Key. Whether
// somebody may is the caller's to ask, but nobody is led where the house does not
// let him. The error is ErrGone, ErrNoChannel or wraps auth.ErrDenied.
func (s *Server) Move(session uint32, channel string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.client(session)
	if err != nil {
		return err
	}
	ch := s.byKey[channel]
	switch {
	case ch == nil:
		return ErrNoChannel
	case s.permissions(u, ch)&wire.Enter == 0:
		return fmt.Errorf("%w: the user may not enter that channel", auth.ErrDenied)
	}
	s.move(u, ch, 0)
	return nil
}

package notify

import (
	"crypto/rand"
	"slices"

	"muster/media/mcu"
)

// ringing is a call that a client has not answered.
type ringing struct {
	id   string
	room string
	by   *session // who is told when it is declined; nil: nobody
}

// maxRinging is how many calls a client remembers; of the oldest nobody is told any
// more.
const maxRinging = 8

// Call calls a user who is connected into a room, in the name of from. It returns
// how many clients of the user were told: none of one who may not enter.
func (s *Server) Call(user, room, from string) int { return s.call(s.of(user), room, from, nil) }

// CallAll calls everybody who is connected and may enter a room into it.
func (s *Server) CallAll(room, from string) int {
	return s.call(slices.DeleteFunc(s.all(), func(c *session) bool { return !c.known }), room, from, nil)
}

func (s *Server) call(sessions []*session, room, from string, by *session) (n int) {
	id := rand.Text()
	for _, c := range sessions {
		set, err := s.deps.Rooms.Find(c.who, room)
		if err != nil {
			continue
		}
		c.mu.Lock()
		if len(c.ringing) == maxRinging {
			c.ringing = slices.Delete(c.ringing, 0, 1)
		}
		c.ringing = append(c.ringing, ringing{id, set.Name.String(), by})
		c.mu.Unlock()
		c.tell(typeCall, call{ID: id, Room: set.Name.String(), Title: set.Title, From: from})
		n++
	}
	return n
}

// silence takes the calls that is says from the client, and returns them.
func (c *session) silence(is func(ringing) bool) (off []ringing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ringing = slices.DeleteFunc(c.ringing, func(r ringing) bool {
		if is(r) {
			off = append(off, r)
			return true
		}
		return false
	})
	return off
}

// answered ends calls at all clients of c's user; those of the others are told.
func (c *session) answered(is func(ringing) bool) (off []ringing) {
	off = c.silence(is)
	for _, other := range c.srv.of(c.who.User) {
		if other == c {
			continue
		}
		for _, r := range other.silence(is) {
			other.tell(typeCallOver, callOver{ID: r.id})
		}
	}
	return off
}

// decline says to who has called that the user does not come.
func (c *session) decline(d declineData) error {
	off := c.answered(func(r ringing) bool { return r.id == d.ID })
	if len(off) == 0 {
		return mcu.ErrNotFound
	}
	if by := off[0].by; by != nil {
		by.tell(typeDeclined, declined{User: c.who.User, Room: off[0].room})
	}
	return nil
}

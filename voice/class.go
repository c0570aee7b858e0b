package voice

import (
	"fmt"
	"sync"

	"muster/internal/auth"
	"muster/voice/wire"
)

// hear is a permission of our own: to be sent what is said in a channel. Mumble
// takes it for granted.
const hear = 1 << 31

// entered are the permissions that make a channel worth entering.
const entered = wire.Traverse | wire.Enter

// class is what a set of rights allows everywhere. Users with equal rights share
// one, so that a thousand of them cost no more than a few.
type class struct {
	id  auth.Identity // of one of them
	key string

	operates, admin bool
	people          auth.Resource // those who hear what such a user says

	users int // guarded by Server.mu

	mu    sync.Mutex        // guards what follows; a leaf
	perms map[uint32]uint32 // by channel
	meets map[*class]bool
}

// classKey tells identities apart by all that auth.Allow looks at.
func classKey(id auth.Identity) string {
	scope := ""
	if id.Scope != nil {
		scope = fmt.Sprintf("%q", *id.Scope)
	}
	return fmt.Sprintf("%s|%t|%t|%q|%s", id.Role, id.System, id.IsGuest(), fmt.Sprint(id.Groups), scope)
}

func newClass(key string, id auth.Identity) *class {
	return &class{
		id: id, key: key,
		operates: auth.Allow(id, auth.Operate, auth.Server()) == nil,
		admin:    auth.Allow(id, auth.Admin, auth.Server()) == nil,
		people:   auth.Data("voice", id.WriteGroups()),
		perms:    make(map[uint32]uint32), meets: make(map[*class]bool),
	}
}

// classOf returns the class of id and counts one more user of it. The caller
// holds mu for writing.
func (s *Server) classOf(id auth.Identity) *class {
	key := classKey(id)
	c := s.classes[key]
	if c == nil {
		c = newClass(key, id)
		s.classes[key] = c
	}
	c.users++
	return c
}

// release counts one user of c less. The caller holds mu for writing.
func (s *Server) release(c *class) {
	if c == nil {
		return
	}
	if c.users--; c.users > 0 {
		return
	}
	delete(s.classes, c.key)
	delete(s.trees, c)
	for _, other := range s.classes {
		other.mu.Lock()
		delete(other.meets, c)
		other.mu.Unlock()
	}
}

// forget drops what is known about the permissions in a channel that has changed.
func (s *Server) forget(ch *channel) {
	for _, c := range s.classes {
		c.mu.Lock()
		delete(c.perms, ch.id)
		c.mu.Unlock()
	}
}

// in returns what the house allows in ch; nothing at all means that the channel
// is not seen.
func (c *class) in(ch *channel) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, known := c.perms[ch.id]
	if !known {
		p = c.decide(ch)
		c.perms[ch.id] = p
	}
	return p
}

func (c *class) decide(ch *channel) uint32 {
	if ch.parent == nil {
		return c.root()
	}
	var p uint32
	if ch.res.Kind == auth.KindServer && auth.Allow(c.id, auth.Join, ch.res) == nil {
		p |= entered | wire.Listen | hear | wire.Speak | wire.Whisper | wire.Text
	}
	if auth.Allow(c.id, auth.Read, ch.res) == nil {
		p |= entered | wire.Listen | hear
	}
	if auth.Allow(c.id, auth.Publish, ch.res) == nil {
		p |= entered | wire.Speak | wire.Whisper | wire.Text
		if !ch.temporary {
			p |= wire.MakeTemporary
		}
	}
	if p == 0 {
		return 0
	}
	if c.operates || c.admin {
		p |= wire.MuteDeafen | wire.Move | wire.LinkChannel
	}
	if c.admin {
		p |= wire.Write
	}
	return p
}

// root is what the house allows in the root channel, where everybody begins and
// nobody speaks: those who are in it may share no group.
func (c *class) root() uint32 {
	p := uint32(entered | wire.Whisper | wire.Text | wire.MakeTemporary)
	if c.operates || c.admin {
		p |= wire.MuteDeafen | wire.Move | wire.Kick
	}
	if c.admin {
		p |= wire.Write | wire.BanUsers | wire.Register | wire.ResetUserContent
	}
	return p
}

// knows reports whether users of class c receive something that those of class o
// send: outside of the channels of the house only those see each other.
func (c *class) knows(o *class) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	yes, known := c.meets[o]
	if !known {
		yes = auth.Allow(c.id, auth.Read, o.people) == nil
		c.meets[o] = yes
	}
	return yes
}

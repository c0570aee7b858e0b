package voice

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"muster/voice/ocb2"
	"muster/voice/wire"
)

// client is a Mumble client that shows everything it is sent.
type client struct {
	t       testing.TB
	s       *server
	nc      *tls.Conn
	session uint32

	mu       sync.Mutex
	got      []wire.Message
	voice    [][]byte // packets, whichever way they came
	byUDP    int
	users    map[uint32]*wire.UserState
	channels map[uint32]*wire.ChannelState
	over     error

	udp    net.Conn
	sealer *ocb2.Sealer
	opener *ocb2.Opener
	setup  *wire.CryptSetup
}

type credentials struct {
	name, password string
	cert           *tls.Certificate
	opus           bool
	release        string
}

// dial connects and logs in; the error is what the server said.
func (s *server) dial(c credentials) (*client, error) {
	s.t.Helper()
	cfg := &tls.Config{InsecureSkipVerify: true}
	if c.cert != nil {
		cfg.Certificates = []tls.Certificate{*c.cert}
	}
	nc, err := tls.Dial("tcp", s.addr, cfg)
	if err != nil {
		return nil, err
	}
	cl := &client{t: s.t, s: s, nc: nc, users: make(map[uint32]*wire.UserState), channels: make(map[uint32]*wire.ChannelState)}
	release := c.release
	if release == "" {
		release = "test"
	}
	cl.send(&wire.Version{V1: new(uint32(1<<16 | 3<<8 | 4)), Release: new(release)})
	a := &wire.Authenticate{Username: new(c.name), Opus: new(c.opus)}
	if c.password != "" {
		a.Password = new(c.password)
	}
	cl.send(a)
	for {
		m, err := cl.read()
		if err != nil {
			nc.Close()
			return nil, err
		}
		switch m := m.(type) {
		case *wire.Reject:
			nc.Close()
			return nil, errors.New(value(m.Reason))
		case *wire.ServerSync:
			cl.session = *m.Session
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					if _, err := cl.read(); err != nil {
						cl.mu.Lock()
						cl.over = err
						cl.mu.Unlock()
						return
					}
				}
			}()
			s.t.Cleanup(func() { cl.close(); <-done })
			return cl, nil
		}
	}
}

// login logs in with a password.
func (s *server) login(name string) *client {
	s.t.Helper()
	user, _ := splitName(name)
	c, err := s.dial(credentials{name: name, password: "pw " + user, opus: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// joined logs in and goes to a channel.
func (s *server) joined(name, channel string) *client {
	s.t.Helper()
	c := s.login(name)
	c.join(channel)
	return c
}

func (c *client) close() {
	c.nc.Close()
	if c.udp != nil {
		c.udp.Close()
	}
}

func (c *client) send(m wire.Message) {
	if _, err := c.nc.Write(wire.AppendFrame(nil, m)); err != nil {
		c.t.Log("send:", err)
	}
}

func (c *client) read() (wire.Message, error) {
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(c.nc, head[:]); err != nil {
		return nil, err
	}
	t, n := wire.Header(head)
	body := make([]byte, n)
	if _, err := io.ReadFull(c.nc, body); err != nil {
		return nil, err
	}
	if t == wire.TypeUDPTunnel {
		c.mu.Lock()
		c.voice = append(c.voice, body)
		c.mu.Unlock()
		return nil, nil
	}
	m := newMessage(t)
	if m == nil {
		return nil, nil
	}
	if err := wire.Parse(body, m); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, m)
	c.apply(m)
	return m, nil
}

func newMessage(t wire.Type) wire.Message {
	for _, m := range []wire.Message{
		new(wire.Version), new(wire.Ping), new(wire.Reject), new(wire.ServerSync), new(wire.ChannelRemove), new(wire.ChannelState),
		new(wire.UserRemove), new(wire.UserState), new(wire.BanList), new(wire.TextMessage), new(wire.PermissionDenied), new(wire.ACL),
		new(wire.QueryUsers), new(wire.CryptSetup), new(wire.UserList), new(wire.PermissionQuery), new(wire.CodecVersion),
		new(wire.UserStats), new(wire.ServerConfig), new(wire.SuggestConfig), new(wire.ContextModify),
	} {
		if m.Type() == t {
			return m
		}
	}
	return nil
}

// apply keeps the state that clients keep, and complains about what they would.
func (c *client) apply(m wire.Message) {
	switch m := m.(type) {
	case *wire.ChannelState:
		ch := c.channels[*m.ID]
		if ch == nil {
			if m.Parent != nil && c.channels[*m.Parent] == nil {
				c.t.Errorf("channel %q is below one that is not known", value(m.Name))
			}
			c.channels[*m.ID] = m
			return
		}
		if m.Name != nil {
			ch.Name = m.Name
		}
		ch.Links = append(ch.Links, m.LinksAdd...)
	case *wire.ChannelRemove:
		delete(c.channels, *m.ID)
		for _, u := range c.users {
			if value(u.Channel) == *m.ID {
				c.t.Errorf("a channel was removed with %q in it", value(u.Name))
			}
		}
	case *wire.UserState:
		u := c.users[*m.Session]
		if u == nil {
			if m.Name == nil {
				c.t.Errorf("a change of a user that is not known: %+v", m)
				return
			}
			u = &wire.UserState{Session: m.Session}
			c.users[*m.Session] = u
		}
		merge(u, m)
		if c.channels[value(u.Channel)] == nil {
			c.t.Errorf("user %q is in a channel that is not known", value(u.Name))
		}
	case *wire.UserRemove:
		delete(c.users, *m.Session)
	case *wire.CryptSetup:
		if m.Key != nil {
			c.setup = m
		}
	}
}

func merge(u, m *wire.UserState) {
	for _, f := range []struct{ to, from **bool }{
		{&u.Mute, &m.Mute}, {&u.Deaf, &m.Deaf}, {&u.Suppress, &m.Suppress}, {&u.SelfMute, &m.SelfMute}, {&u.SelfDeaf, &m.SelfDeaf},
		{&u.PrioritySpeaker, &m.PrioritySpeaker},
	} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	if m.Name != nil {
		u.Name = m.Name
	}
	if m.Channel != nil {
		u.Channel = m.Channel
	}
	if m.Comment != nil {
		u.Comment = m.Comment
	}
	if m.CommentHash != nil {
		u.CommentHash = m.CommentHash
	}
	if m.TextureHash != nil {
		u.TextureHash = m.TextureHash
	}
	if m.UserID != nil {
		u.UserID = m.UserID
	}
	if m.Hash != nil {
		u.Hash = m.Hash
	}
}

// sees reports whether the client knows a user of that name, and where.
func (c *client) user(name string) *wire.UserState {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.users {
		if value(u.Name) == name {
			v := *u
			return &v
		}
	}
	return nil
}

func (c *client) channel(name string) (uint32, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, ch := range c.channels {
		if value(ch.Name) == name {
			return id, true
		}
	}
	return 0, false
}

func (c *client) where(name string) string {
	u := c.user(name)
	if u == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch := c.channels[value(u.Channel)]; ch != nil {
		return value(ch.Name)
	}
	return "?"
}

func (c *client) me() *wire.UserState {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := *c.users[c.session]
	return &v
}

func (c *client) join(channel string) {
	c.t.Helper()
	var id uint32
	eventually(c.t, "the channel "+channel+" is known", func() (ok bool) { id, ok = c.channel(channel); return ok })
	c.send(&wire.UserState{Channel: new(id)})
	eventually(c.t, "is in "+channel, func() bool { return value(c.me().Channel) == id })
}

// await waits for a message for which ok holds.
func await[M wire.Message](c *client, what string, ok func(M) bool) M {
	c.t.Helper()
	var found M
	eventually(c.t, what, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, m := range c.got {
			if v, is := m.(M); is && ok(v) {
				found = v
				return true
			}
		}
		return false
	})
	return found
}

// settle waits until the server has answered all that was sent so far.
func (c *client) settle() {
	c.t.Helper()
	stamp := uint64(time.Now().UnixNano())
	c.send(&wire.Ping{Timestamp: new(stamp)})
	await(c, "an answer to a ping", func(m *wire.Ping) bool { return value(m.Timestamp) == stamp })
}

// frame20 is Opus of 20 ms: CELT, one frame.
func frame20(n byte) []byte { return []byte{0xf8, n, n, n} }

func speechPacket(target byte, seq uint64, opus []byte, last bool) []byte {
	return wire.AppendBody([]byte{wire.KindOpus<<5 | target}, seq, opus, last)
}

// say sends a voice packet by TCP.
func (c *client) say(target byte, seq uint64, opus []byte) {
	p := speechPacket(target, seq, opus, false)
	if _, err := c.nc.Write(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, len(p)), p...)); err != nil {
		c.t.Error(err)
	}
}

// stay sends pings, without which a client that says nothing is taken for gone.
func (c *client) stay() {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				c.send(&wire.Ping{})
			case <-stop:
				return
			}
		}
	}()
	c.t.Cleanup(func() { close(stop); <-done })
}

// spoken returns the voice of a session that came with that target.
func (c *client) spoken(session uint32, target byte) (out []wire.Voice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.voice {
		from, n, err := wire.Varint(p[1:])
		if err != nil {
			c.t.Fatal(err)
		}
		if uint32(from) != session || p[0]&31 != target {
			continue
		}
		v, err := wire.ParseVoice(append([]byte{p[0]}, p[1+n:]...))
		if err != nil {
			c.t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// heard returns the packets with that Opus in them: targets and senders.
func (c *client) heard(opus []byte) (out []struct {
	target  byte
	session uint64
}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.voice {
		if !bytes.Contains(p, opus) {
			continue
		}
		session, _, err := wire.Varint(p[1:])
		if err != nil {
			c.t.Error(err)
		}
		out = append(out, struct {
			target  byte
			session uint64
		}{p[0] & 31, session})
	}
	return out
}

func (c *client) hears(opus []byte) {
	c.t.Helper()
	eventually(c.t, "the packet is heard", func() bool { return len(c.heard(opus)) > 0 })
}

func (c *client) denied() *wire.PermissionDenied {
	c.t.Helper()
	return await(c, "a refusal", func(*wire.PermissionDenied) bool { return true })
}

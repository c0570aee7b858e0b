package murmur

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"muster/voice/ice"
)

// MetaID names the object that everything starts from.
var MetaID = ice.Identity{Name: "Meta"}

// Version is what a server says it is.
type Version struct {
	Major, Minor, Patch int32
	Text                string
}

// Meta calls a server's Meta object.
type Meta struct {
	c       *ice.Client
	secret  string
	dialect Dialect
	version Version
}

// Connect finds out which dialect the server behind c speaks. secret is what it
// wants to see in each call; empty: nothing. c stays the caller's. Each call, now
// and later, takes 5 s at the most.
func Connect(ctx context.Context, c *ice.Client, secret string) (*Meta, error) {
	m := &Meta{c: c, secret: secret, dialect: Murmur}
	for _, d := range []Dialect{Murmur, MumbleServer} {
		var e ice.Encoder
		e.String(d.Type("Meta"))
		r, err := m.call(ctx, MetaID, "ice_isA", ice.Idempotent, &e)
		if err != nil {
			return nil, err
		}
		yes := r.Bool()
		if err := r.End(); err != nil {
			return nil, fmt.Errorf("ice_isA: %w", err)
		}
		if !yes {
			continue
		}
		m.dialect = d
		if m.version, err = m.readVersion(ctx); err != nil {
			return nil, err
		}
		v := m.version
		m.dialect.Version2 = v.Major > 1 || v.Major == 1 && v.Minor >= 5
		return m, nil
	}
	return nil, errors.New("murmur: what answers there is no Mumble server")
}

// Dialect returns how the server speaks.
func (m *Meta) Dialect() Dialect { return m.dialect }

// Version returns what the server says it is.
func (m *Meta) Version() Version { return m.version }

// callTimeout is how long one call may take.
const callTimeout = 5 * time.Second

// call calls an operation with the secret.
func (m *Meta) call(ctx context.Context, id ice.Identity, op string, mode ice.Mode, e *ice.Encoder) (*ice.Decoder, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r := ice.Request{Object: id, Op: op, Mode: mode}
	if m.secret != "" {
		r.Context = map[string]string{"secret": m.secret}
	}
	if e == nil {
		e = &ice.Encoder{}
	}
	d, err := m.c.Call(ctx, r, e.Bytes())
	return d, exception(err)
}

func (m *Meta) readVersion(ctx context.Context) (Version, error) {
	r, err := m.call(ctx, MetaID, "getVersion", ice.Idempotent, nil)
	if err != nil {
		return Version{}, err
	}
	v := Version{Major: r.Int(), Minor: r.Int(), Patch: r.Int(), Text: r.String()}
	if err := r.End(); err != nil {
		return Version{}, fmt.Errorf("getVersion: %w", err)
	}
	return v, nil
}

// Server returns the virtual server with that number. The error is InvalidServer
// if there is none.
func (m *Meta) Server(ctx context.Context, id int32) (*Server, error) {
	var e ice.Encoder
	e.Int(id)
	r, err := m.call(ctx, MetaID, "getServer", ice.Idempotent, &e)
	if err != nil {
		return nil, err
	}
	p := r.Proxy()
	switch err := r.End(); {
	case err != nil:
		return nil, fmt.Errorf("getServer: %w", err)
	case p.ID.IsZero():
		return nil, fmt.Errorf("server %d: %w", id, InvalidServer)
	}
	// Its endpoints are what its configuration says; this connection works.
	return &Server{m: m, id: p.ID}, nil
}

// AddCallback makes cb, a MetaCallback, be told of servers that start and stop.
func (m *Meta) AddCallback(ctx context.Context, cb ice.Proxy) error {
	var e ice.Encoder
	e.Proxy(cb)
	return done(m.call(ctx, MetaID, "addCallback", ice.Normal, &e))
}

// RemoveCallback makes cb be told no more.
func (m *Meta) RemoveCallback(ctx context.Context, cb ice.Proxy) error {
	var e ice.Encoder
	e.Proxy(cb)
	return done(m.call(ctx, MetaID, "removeCallback", ice.Normal, &e))
}

// done is for operations that return nothing.
func done(r *ice.Decoder, err error) error {
	if err != nil {
		return err
	}
	return r.End()
}

// Server calls a virtual server. Errors of its methods wrap an Exception where the
// server threw one.
type Server struct {
	m  *Meta
	id ice.Identity
}

func (s *Server) call(ctx context.Context, op string, mode ice.Mode, e *ice.Encoder) (*ice.Decoder, error) {
	return s.m.call(ctx, s.id, op, mode, e)
}

// Running reports whether it is started.
func (s *Server) Running(ctx context.Context) (bool, error) {
	r, err := s.call(ctx, "isRunning", ice.Idempotent, nil)
	if err != nil {
		return false, err
	}
	yes := r.Bool()
	return yes, r.End()
}

// Start starts it. The error is ServerBooted if it is started already.
func (s *Server) Start(ctx context.Context) error {
	return done(s.call(ctx, "start", ice.Normal, nil))
}

// Stop stops it and ends every session.
func (s *Server) Stop(ctx context.Context) error { return done(s.call(ctx, "stop", ice.Normal, nil)) }

// SetConf sets a key of its configuration, for good.
func (s *Server) SetConf(ctx context.Context, key, value string) error {
	var e ice.Encoder
	e.String(key)
	e.String(value)
	return done(s.call(ctx, "setConf", ice.Idempotent, &e))
}

// Conf returns a key of its configuration; empty: the default.
func (s *Server) Conf(ctx context.Context, key string) (string, error) {
	var e ice.Encoder
	e.String(key)
	r, err := s.call(ctx, "getConf", ice.Idempotent, &e)
	if err != nil {
		return "", err
	}
	v := r.String()
	return v, r.End()
}

// SetAuthenticator makes p decide who logs in. The server asks p for its type
// before it answers.
func (s *Server) SetAuthenticator(ctx context.Context, p ice.Proxy) error {
	var e ice.Encoder
	e.Proxy(p)
	return done(s.call(ctx, "setAuthenticator", ice.Normal, &e))
}

// AddCallback makes cb, a ServerCallback, be told of what happens.
func (s *Server) AddCallback(ctx context.Context, cb ice.Proxy) error {
	var e ice.Encoder
	e.Proxy(cb)
	return done(s.call(ctx, "addCallback", ice.Normal, &e))
}

// RemoveCallback makes cb be told no more.
func (s *Server) RemoveCallback(ctx context.Context, cb ice.Proxy) error {
	var e ice.Encoder
	e.Proxy(cb)
	return done(s.call(ctx, "removeCallback", ice.Normal, &e))
}

// Users returns who is connected, by session. Should the fields of users be other
// than the server's version lets expect, those that fit are found.
func (s *Server) Users(ctx context.Context) (map[int32]User, error) {
	r, err := s.call(ctx, "getUsers", ice.Idempotent, nil)
	if err != nil {
		return nil, err
	}
	d := s.m.dialect
	again := r.Fork()
	if users, err := d.readUsers(r); err == nil {
		return users, nil
	}
	d.Version2 = !d.Version2
	users, err := d.readUsers(again)
	if err != nil {
		return nil, fmt.Errorf("getUsers: %w", err)
	}
	return users, nil
}

func (d Dialect) readUsers(r *ice.Decoder) (map[int32]User, error) {
	users := ice.Dict(r, leastUser+4, (*ice.Decoder).Int, d.ReadUser)
	return users, r.End()
}

// Channels returns the channels by number.
func (s *Server) Channels(ctx context.Context) (map[int32]Channel, error) {
	r, err := s.call(ctx, "getChannels", ice.Idempotent, nil)
	if err != nil {
		return nil, err
	}
	out := ice.Dict(r, leastChannel, (*ice.Decoder).Int, ReadChannel)
	return out, r.End()
}

// AddChannel makes a channel and returns its number.
func (s *Server) AddChannel(ctx context.Context, name string, parent int32) (int32, error) {
	var e ice.Encoder
	e.String(name)
	e.Int(parent)
	r, err := s.call(ctx, "addChannel", ice.Normal, &e)
	if err != nil {
		return 0, err
	}
	id := r.Int()
	return id, r.End()
}

// RemoveChannel removes a channel and those below it.
func (s *Server) RemoveChannel(ctx context.Context, id int32) error {
	var e ice.Encoder
	e.Int(id)
	return done(s.call(ctx, "removeChannel", ice.Normal, &e))
}

// Rules are who may do what in a channel.
type Rules struct {
	ACLs    []ACL
	Groups  []Group
	Inherit bool // takes the ACLs of the channels above
}

// Rules returns the rules of a channel, with those it inherits.
func (s *Server) Rules(ctx context.Context, channel int32) (Rules, error) {
	var e ice.Encoder
	e.Int(channel)
	r, err := s.call(ctx, "getACL", ice.Idempotent, &e)
	if err != nil {
		return Rules{}, err
	}
	out := ReadRules(r)
	return out, r.End()
}

// ReadRules reads rules.
func ReadRules(r *ice.Decoder) Rules {
	return Rules{ACLs: ice.Seq(r, leastACL, ReadACL), Groups: ice.Seq(r, leastGroup, ReadGroup), Inherit: r.Bool()}
}

// Write writes r.
func (r Rules) Write(e *ice.Encoder) {
	WriteSeq(e, r.ACLs)
	WriteSeq(e, r.Groups)
	e.Bool(r.Inherit)
}

// SetRules replaces the rules of a channel.
func (s *Server) SetRules(ctx context.Context, channel int32, rules Rules) error {
	var e ice.Encoder
	e.Int(channel)
	rules.Write(&e)
	return done(s.call(ctx, "setACL", ice.Idempotent, &e))
}

// Kick ends a session; reason is shown to its user.
func (s *Server) Kick(ctx context.Context, session int32, reason string) error {
	var e ice.Encoder
	e.Int(session)
	e.String(reason)
	return done(s.call(ctx, "kickUser", ice.Normal, &e))
}

// Permissions returns what a session may do in a channel.
func (s *Server) Permissions(ctx context.Context, session, channel int32) (int32, error) {
	var e ice.Encoder
	e.Int(session)
	e.Int(channel)
	r, err := s.call(ctx, "effectivePermissions", ice.Idempotent, &e)
	if err != nil {
		return 0, err
	}
	may := r.Int()
	return may, r.End()
}

// SetState moves, mutes and renames a user.
func (s *Server) SetState(ctx context.Context, u User) error {
	var e ice.Encoder
	u.Write(&e, s.m.dialect)
	return done(s.call(ctx, "setState", ice.Idempotent, &e))
}

// SendMessage sends a text of the server to a session.
func (s *Server) SendMessage(ctx context.Context, session int32, text string) error {
	var e ice.Encoder
	e.Int(session)
	e.String(text)
	return done(s.call(ctx, "sendMessage", ice.Normal, &e))
}

// Join adds a session to a group of a channel, for as long as it lasts.
func (s *Server) Join(ctx context.Context, channel, session int32, group string) error {
	return s.member(ctx, "addUserToGroup", channel, session, group)
}

// Leave takes a session out of a group it was added to.
func (s *Server) Leave(ctx context.Context, channel, session int32, group string) error {
	return s.member(ctx, "removeUserFromGroup", channel, session, group)
}

func (s *Server) member(ctx context.Context, op string, channel, session int32, group string) error {
	var e ice.Encoder
	e.Int(channel)
	e.Int(session)
	e.String(group)
	return done(s.call(ctx, op, ice.Idempotent, &e))
}

// Certificates returns the certificates that a session showed, the leaf first.
func (s *Server) Certificates(ctx context.Context, session int32) ([][]byte, error) {
	var e ice.Encoder
	e.Int(session)
	r, err := s.call(ctx, "getCertificateList", ice.Idempotent, &e)
	if err != nil {
		return nil, err
	}
	out := ice.Seq(r, 1, (*ice.Decoder).Blob)
	return out, r.End()
}

// Update changes what is known of a registered user.
func (s *Server) Update(ctx context.Context, id int32, info UserInfo) error {
	var e ice.Encoder
	e.Int(id)
	info.Write(&e)
	return done(s.call(ctx, "updateRegistration", ice.Idempotent, &e))
}

// UserNames returns the names of registered users; empty: unknown.
func (s *Server) UserNames(ctx context.Context, ids ...int32) (map[int32]string, error) {
	var e ice.Encoder
	e.Ints(ids)
	r, err := s.call(ctx, "getUserNames", ice.Idempotent, &e)
	if err != nil {
		return nil, err
	}
	out := ice.Dict(r, 5, (*ice.Decoder).Int, (*ice.Decoder).String)
	return out, r.End()
}

// UserIDs returns the numbers of registered users; negative: unknown.
func (s *Server) UserIDs(ctx context.Context, names ...string) (map[string]int32, error) {
	var e ice.Encoder
	e.Strings(slices.Clone(names))
	r, err := s.call(ctx, "getUserIds", ice.Idempotent, &e)
	if err != nil {
		return nil, err
	}
	out := ice.Dict(r, 5, (*ice.Decoder).String, (*ice.Decoder).Int)
	return out, r.End()
}

// WriteIDs writes numbers by name.
func WriteIDs(e *ice.Encoder, m map[string]int32) {
	e.Size(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.String(k)
		e.Int(m[k])
	}
}

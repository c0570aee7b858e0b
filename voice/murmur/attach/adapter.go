package attach

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"time"

	"muster/internal/limit"
	"muster/internal/peer"
	"muster/internal/run"
	"muster/voice/ice"
	"muster/voice/murmur"
)

// doorName is the listening socket for callbacks.
const doorName = "murmurd-callbacks"

// The objects that murmurd calls.
var (
	authObject   = ice.Identity{Name: "authenticator", Category: "muster"}
	serverObject = ice.Identity{Name: "server", Category: "muster"}
	metaObject   = ice.Identity{Name: "meta", Category: "muster"}
)

const (
	maxCallback = 1 << 20 // bytes of a callback: a list of certificates, a picture
	idleAfter   = 5 * time.Minute
	maxConns    = 32
)

// errNoDoor says that our side is not ready. The door itself says why.
var errNoDoor = errors.New("the address for callbacks is not open yet")

// adapter returns where murmurd reaches us.
func (a *Attachment) adapter() (ice.Endpoint, error) {
	at := peer.Addr(a.deps.Doors.Addr(doorName))
	if !at.IsValid() {
		return ice.Endpoint{}, errNoDoor
	}
	return ice.Endpoint{Host: at.Addr().String(), Port: int(at.Port())}, nil
}

// proxy returns what murmurd reaches an object of ours with.
func (l *link) proxy(id ice.Identity) ice.Proxy {
	return ice.Proxy{ID: id, Endpoints: []ice.Endpoint{l.adapter}}
}

// serve serves callbacks until l is closed.
func (a *Attachment) serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, a.log, "murmurd")
	defer g.Wait()
	defer cancel()
	conns := limit.NewConns(limit.ConnsConfig{PerAddress: maxConns, Total: maxConns})
	for {
		nc, err := l.Accept()
		if err != nil {
			return fmt.Errorf("attach: accept: %w", err)
		}
		from := peer.Of(nc).Addr()
		release, ok := conns.Acquire(from)
		if !ok || !from.IsLoopback() {
			nc.Close()
			if ok {
				release()
			}
			continue
		}
		g.Go(func(ctx context.Context) {
			defer release()
			defer nc.Close()
			if err := ice.Serve(ctx, nc, ice.Serving{MaxMessage: maxCallback, Idle: idleAfter}, a.callback); err != nil {
				a.n.malformed.Add(1)
				a.log.Info("a connection for callbacks ended", "remote", peer.Of(nc), "error", err)
			}
		})
	}
}

// callback answers what murmurd asks. Nothing here calls murmurd, and nothing is
// answered with an error: murmurd would drop its authenticator.
func (a *Attachment) callback(ctx context.Context, r *ice.Request) (reply ice.Reply) {
	types := map[ice.Identity][]string{
		authObject:   murmur.Murmur.Types("ServerUpdatingAuthenticator", "ServerAuthenticator"),
		serverObject: murmur.Murmur.Types("ServerCallback"),
		metaObject:   murmur.Murmur.Types("MetaCallback"),
	}[r.Object]
	if types == nil {
		return ice.NoObject(r)
	}
	if r.Facet != "" {
		return ice.NoFacet(r)
	}
	if reply, ok := ice.ReplyIsA(r, types); ok {
		return reply
	}
	if subtle.ConstantTimeCompare([]byte(r.Context["secret"]), []byte(a.cfg.Secret)) != 1 {
		a.n.forged.Add(1)
		return ice.Throw(murmur.Murmur.Throw(murmur.InvalidSecret))
	}
	switch r.Object {
	case authObject:
		return a.authenticator(ctx, r)
	case serverObject:
		return a.happened(r)
	}
	switch r.Op {
	case "started":
		a.notes.start()
	case "stopped":
		a.notes.stop()
	default:
		return ice.NoOperation(r)
	}
	return ice.OK(nil)
}

// The answers of an authenticator.
const (
	refused     = -1
	unknownName = -2 // of nameToId
	notMine     = -1 // of setInfo: murmurd is to do it itself
)

// authenticator answers one question about users.
func (a *Attachment) authenticator(ctx context.Context, r *ice.Request) ice.Reply {
	answer, ok := map[string]func(*ice.Decoder, *ice.Encoder){
		"authenticate":       func(d *ice.Decoder, e *ice.Encoder) { a.authenticate(ctx, d, e) },
		"getInfo":            a.getInfo,
		"nameToId":           a.nameToID,
		"idToName":           func(d *ice.Decoder, e *ice.Encoder) { e.String(a.seats.nameOf(d.Int())) },
		"idToTexture":        func(_ *ice.Decoder, e *ice.Encoder) { e.Blob(nil) },
		"registerUser":       func(_ *ice.Decoder, e *ice.Encoder) { e.Int(refused) },
		"unregisterUser":     func(_ *ice.Decoder, e *ice.Encoder) { e.Int(0) },
		"getRegisteredUsers": a.registered,
		"setInfo":            a.setInfo,
		"setTexture":         a.setTexture,
	}[r.Op]
	if !ok {
		return ice.NoOperation(r)
	}
	var e ice.Encoder
	func() {
		defer run.Recover(a.log, "murmurd")
		answer(r.Params, &e)
	}()
	if r.Params.Err() != nil {
		a.n.malformed.Add(1)
	}
	return ice.OK(&e)
}

// authenticate decides a login. Its answer is a number above zero, or -1: 0 is
// SuperUser, -2 would let murmurd decide, and -3 makes it damage its database.
func (a *Attachment) authenticate(ctx context.Context, d *ice.Decoder, e *ice.Encoder) {
	l := login{name: d.String(), password: d.String()}
	certs := ice.Seq(d, 1, (*ice.Decoder).Blob)
	l.hash = d.String()
	_ = d.Bool() // "strong", which it also says of no certificate at all
	if len(certs) > 0 {
		l.leaf = certs[0]
	}
	v := verdict{}
	if d.Err() == nil {
		func() {
			defer run.Recover(a.log, "murmurd")
			v = a.decide(ctx, l)
		}()
	}
	if !v.ok || v.id < firstID {
		a.n.refused.Add(1)
		e.String("")
		e.Strings(nil)
		e.Int(refused)
		return
	}
	a.n.accepted.Add(1)
	e.String(v.name)
	e.Strings(v.groups)
	e.Int(v.id)
}

func (a *Attachment) getInfo(d *ice.Decoder, e *ice.Encoder) {
	name := a.seats.nameOf(d.Int())
	info := murmur.UserInfo{}
	if name != "" {
		info[murmur.InfoName] = name
	}
	info.Write(e)
	e.Bool(name != "")
}

func (a *Attachment) nameToID(d *ice.Decoder, e *ice.Encoder) {
	id, ok := a.seats.byName(d.String())
	if !ok {
		id = unknownName
	}
	e.Int(id)
}

func (a *Attachment) registered(d *ice.Decoder, e *ice.Encoder) {
	murmur.WriteDict(e, a.seats.names(d.String()), e.String)
}

// setInfo takes comments for as long as the session lasts. Names, passwords and
// addresses are not murmurd's to change. Users of murmurd's own are left to it.
func (a *Attachment) setInfo(d *ice.Decoder, e *ice.Encoder) {
	id := d.Int()
	info := murmur.ReadUserInfo(d)
	_, comment := info[murmur.InfoComment]
	switch {
	case id < firstID:
		e.Int(notMine)
	case d.Err() == nil && comment && len(info) == 1:
		e.Int(1)
	default:
		e.Int(0)
	}
}

// setTexture takes pictures for as long as the session lasts.
func (a *Attachment) setTexture(d *ice.Decoder, e *ice.Encoder) {
	if d.Int() < firstID {
		e.Int(notMine)
		return
	}
	e.Int(1)
}

// happened notes what happens at murmurd.
func (a *Attachment) happened(r *ice.Request) ice.Reply {
	switch r.Op {
	case "userConnected":
		if u, ok := a.user(r); ok && !a.arrived(u) {
			a.notes.stranger()
		}
	case "userDisconnected":
		if u, ok := a.user(r); ok {
			a.left(u.Session)
		}
	case "userStateChanged", "userTextMessage", "channelCreated", "channelStateChanged":
	case "channelRemoved":
		a.notes.refresh()
	default:
		return ice.NoOperation(r)
	}
	return ice.OK(nil)
}

// user reads the user that something happened to, whatever fields it has.
func (a *Attachment) user(r *ice.Request) (murmur.User, bool) {
	for _, d := range []murmur.Dialect{murmur.Murmur, murmur.MumbleServer} {
		p := r.Params.Fork()
		u := d.ReadUser(p)
		if p.End() == nil {
			return u, true
		}
	}
	a.n.malformed.Add(1)
	return murmur.User{}, false
}

func (a *Attachment) left(session int32) {
	if s := a.seats.leave(session); s != nil {
		s.close()
	}
	a.notes.gone(session)
}

package sip

import (
	"context"
	"errors"
	"net/netip"
	"strconv"

	"muster/internal/auth"
	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// caller is who an INVITE comes from.
type caller struct {
	id    auth.Identity // zero: a stranger, or a trunk
	trunk *trunk
}

// invite takes an INVITE that begins a call.
func (s *Server) invite(ctx context.Context, tx *transaction.Server) {
	req := tx.Request()
	who, err := s.caller(ctx, tx)
	if err != nil {
		return
	}
	if req.Has("Replaces") {
		s.replace(tx, who)
		return
	}
	dest, err := s.destination(ctx, who, req)
	switch {
	case err == nil:
	case errors.Is(err, auth.ErrDenied) && who.id.User == "" && who.trunk == nil:
		s.challenge(tx, false)
		return
	case errors.Is(err, auth.ErrDenied):
		s.n.refused.Add(1)
		s.reply(tx, 403, "")
		return
	case who.id.User == "" && who.trunk == nil: // who is there is told to people with a login
		s.suspect(tx.Flow())
		s.challenge(tx, false)
		return
	default:
		s.failed(tx.Flow().Remote().Addr())
		s.reply(tx, 404, "")
		return
	}
	if who.id.User == "" && who.trunk == nil && dest.room == nil {
		s.challenge(tx, false) // strangers reach rooms only
		return
	}
	l, err := s.accepted(tx, who)
	if err != nil {
		s.reply(tx, 486, "")
		return
	}
	s.begin(l, tx, func() {
		if dest.room != nil {
			l.intoRoom(*dest.room, req)
		} else {
			l.connect(dest)
		}
	})
}

// begin starts the leg of a call that came in. Who has shown who they are is told
// that they need not ask again; strangers are not, see transaction.Server.Respond.
func (s *Server) begin(l *leg, tx *transaction.Server, then func()) {
	if l.id.User != "" || l.trunk != nil {
		_ = tx.Respond(wire.NewResponse(tx.Request(), 100, "", "")) // the next answer says more
	}
	if !l.start(func() { l.incoming(tx, then) }) {
		l.unadmit()
		s.reply(tx, 503, "")
	}
}

// caller finds out who calls. A trunk is known by its address, a user by the
// login. Who claims to be a user, or calls from a phone that is registered
// here, is asked for it; who shows nothing otherwise is a stranger.
func (s *Server) caller(ctx context.Context, tx *transaction.Server) (caller, error) {
	req, from := tx.Request(), tx.Flow().Remote()
	if t := s.trunkOf(from.Addr()); t != nil && credentials(req) == nil {
		return caller{trunk: t}, nil
	}
	if credentials(req) == nil && s.cfg.Guard.Guests && !s.claims(req) && !s.registered(req.From.URI, tx.Flow()) {
		return caller{}, nil
	}
	id, err := s.login(ctx, tx)
	return caller{id: id}, err
}

// claims reports whether the caller's address is one of ours.
func (s *Server) claims(req *wire.Message) bool {
	from := req.From.URI
	return from.User != "" && (s.cfg.Domain != "" && from.Host == s.cfg.Domain || from.Host == req.Target.Host && from.Port == req.Target.Port)
}

// registered reports whether the phone behind f has registered as u.
func (s *Server) registered(u wire.URI, f transaction.Flow) bool {
	for _, b := range s.reg.find(u.Name()) {
		if b.flow.Remote() == f.Remote() {
			return true
		}
	}
	return false
}

// destination finds out where the call leads.
func (s *Server) destination(ctx context.Context, who caller, req *wire.Message) (destination, error) {
	number := req.Target.Name()
	if who.trunk == nil {
		if !s.ours(req.Target) && req.Target.Scheme != "tel" {
			return destination{}, ErrNowhere
		}
		return s.route(ctx, who.id, number)
	}
	for _, r := range who.trunk.cfg.Inbound {
		if len(number) >= len(r.Prefix) && number[:len(r.Prefix)] == r.Prefix {
			return s.apply(ctx, r, number)
		}
	}
	return destination{}, ErrNowhere
}

// accepted makes the leg of a call that may be made, within the limits.
func (s *Server) accepted(tx *transaction.Server, who caller) (*leg, error) {
	req := tx.Request()
	addr := tx.Flow().Remote().Addr()
	l := s.newLeg(tx.Flow(), req.CallID)
	if who.trunk != nil {
		release, err := s.caps.takeTrunk(who.trunk.cfg.Name, who.trunk.cfg.Calls, "", false, l.started)
		if err != nil {
			s.n.overload.Add(1)
			return nil, err
		}
		l.release = append(l.release, release)
	}
	release, err := s.count(who.id.User, who.trunk, addr)
	if err != nil {
		for _, f := range l.release {
			f()
		}
		s.n.overload.Add(1)
		return nil, err
	}
	l.release = append(l.release, release)
	l.id, l.trunk, l.trusted = who.id, who.trunk, who.trunk != nil || who.id.User != ""
	if who.id.User != "" {
		if l.session, err = s.deps.Sessions.Open(who.id, auth.Use, auth.Server(),
			auth.SessionInfo{Protocol: "sip-call", Remote: tx.Flow().Remote(), Agent: req.Get("User-Agent")}, l.Kick); err != nil {
			for _, f := range l.release {
				f()
			}
			return nil, err
		}
		l.log = l.log.With("user", who.id.User)
	}
	return l, nil
}

// count counts a call against the limits of who it is for.
func (s *Server) count(user string, t *trunk, addr netip.Addr) (release func(), err error) {
	if t != nil {
		return s.caps.takeAny()
	}
	return s.caps.take(user, addr)
}

// incoming is the first event of a leg that a phone begins. then goes on with
// the INVITE at hand.
func (l *leg) incoming(tx *transaction.Server, then func()) {
	req := tx.Request()
	l.local = req.To
	l.local.Params = l.local.Params.With("tag", l.dialog.local)
	l.remote = req.From
	l.dialog.remote = req.From.Tag()
	l.remSeq = req.Seq
	l.routes = req.List("Record-Route")
	l.learn(req)
	if n, err := strconv.Atoi(req.Get("Max-Forwards")); err == nil {
		l.hops = min(n, maxHops)
	}
	l.s.n.incoming.Add(1)
	l.s.remember(l)
	l.setState(stateRinging)
	l.note(func(c *CallInfo) {
		c.User, c.From, c.To = l.id.User, req.From.URI.String(), req.Target.String()
		if l.trunk != nil {
			c.Trunk = l.trunk.cfg.Name
		}
	})
	l.uas = &uasInvite{l: l, tx: tx, first: true}
	tx.OnCancel(func() { l.post(l.cancelled) })
	if !l.timer.negotiate(l, req) {
		return
	}
	if len(req.Body) > 0 {
		offer, err := sdp.Parse(req.Body)
		if err != nil {
			l.s.n.malformed.Add(1)
			l.refuse(400, "Malformed session description")
			l.end("malformed offer")
			return
		}
		l.uas.offer = offer
	}
	then()
}

// learn takes what a message of the phone says about itself.
func (l *leg) learn(m *wire.Message) {
	if len(m.Contacts) > 0 && m.Contacts[0].URI.SIP() {
		l.target = m.Contacts[0].URI
	} else if l.target.Host == "" {
		l.target = l.remote.URI
	}
	if m.Has("Allow") {
		l.allow = m.List("Allow")
	}
}

// cancelled is a CANCEL of the call.
func (l *leg) cancelled() {
	if l.uas == nil || l.uas.answered {
		return
	}
	l.refuse(487, "")
	if l.uas != nil && l.uas.first || l.state != stateUp {
		l.end("cancelled")
	}
}

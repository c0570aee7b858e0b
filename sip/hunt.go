package sip

import (
	"context"
	"errors"
	"slices"
	"sync"

	"muster/internal/auth"
	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// hunt rings one or more phones until the first answers. The leg that has
// answered is given away with then, which is called once, from any goroutine;
// the others stop ringing.
type hunt struct {
	s       *Server
	log     *callLog
	audio   []sdp.Format // what may be agreed on; nil: everything
	video   []sdp.Format
	silent  bool // no pictures
	hops    int  // Max-Forwards of the calls; 0: as for a call of our own
	ringing func(status int)
	then    func(l *leg, plan sdp.Plan, err error)
	release []func() // caps, passed on to the leg that answers

	mu    sync.Mutex // guards what follows; never held while posting
	calls []*leg
	begun bool // all phones ring
	worst int
	over  bool
}

// callLog is who asks for a call and as whom they are shown.
type callLog struct {
	id      auth.Identity // zero: a trunk
	trunk   bool          // the call comes over a trunk
	from    wire.Address
	exclude transaction.Flow // a phone that is not rung: the one that calls
}

// errMedia is the failure of a call whose media cannot be set up.
var errMedia = errors.New("sip: no media")

// start rings where dest leads. After an error then is not called.
func (h *hunt) start(dest destination) error {
	if dest.trunk != nil {
		return h.callTrunk(dest)
	}
	return h.callUser(dest.user)
}

// mayCall says whether id may call the user of a phone: who may write to a group
// that the user reads.
func mayCall(id auth.Identity, phone *binding) error {
	return auth.Allow(id, auth.Publish, auth.Data("the phone of "+phone.user, phone.session.Identity().ReadGroups()))
}

// callUser rings all phones of a user.
func (h *hunt) callUser(user string) error {
	phones := h.s.reg.find(user)
	if x := h.log.exclude; x != nil && h.log.id.User == user {
		phones = slices.DeleteFunc(phones, func(p *binding) bool { return p.flow.Remote() == x.Remote() })
	}
	if len(phones) == 0 {
		return ErrNowhere
	}
	owner := phones[0].session.Identity()
	if !h.log.trunk {
		if err := mayCall(h.log.id, phones[0]); err != nil {
			return err
		}
	}
	rung := 0
	for _, p := range phones {
		from := h.log.from
		from.URI.Host = hostOf(h.s.facing(p.flow.Remote().Addr()))
		if h.s.cfg.Domain != "" {
			from.URI.Host = h.s.cfg.Domain
		}
		to := wire.Address{URI: wire.URI{Scheme: "sip", User: wire.Escape(user), Host: from.URI.Host}}
		if h.dial(p.flow, p.contact, from, to, owner, nil) {
			rung++
		}
	}
	if rung == 0 {
		return errMedia
	}
	h.mu.Lock()
	h.begun = true
	left := len(h.calls)
	h.mu.Unlock()
	if left == 0 {
		h.failed(nil, nil) // all of them at once
	}
	return nil
}

// callTrunk calls a number over a trunk, which its user pays for.
func (h *hunt) callTrunk(dest destination) error {
	s, t := h.s, dest.trunk
	release, err := s.caps.takeTrunk(t.cfg.Name, t.cfg.Calls, h.log.id.User, true, s.now())
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.release = append(h.release, release)
	h.begun = true
	h.mu.Unlock()
	s.log.Info("call over a trunk", "trunk", t.cfg.Name, "number", dest.number, "user", h.log.id.User)
	// Looking a name up and connecting take time.
	ok := s.group.Go(func(ctx context.Context) {
		flow, err := s.reach(ctx, t)
		if err != nil {
			s.log.Warn("a trunk cannot be reached", "trunk", t.cfg.Name, "error", err)
			h.finish(nil, sdp.Plan{}, err)
			return
		}
		from := h.log.from
		if t.cfg.Number != "" {
			from.URI.User = wire.Escape(t.cfg.Number)
		}
		from.URI.Host = t.domain()
		target := wire.URI{Scheme: "sip", User: wire.Escape(dest.number), Host: t.domain()}
		if !h.dial(flow, target, from, wire.Address{URI: target}, auth.Identity{}, t) {
			h.finish(nil, sdp.Plan{}, errMedia)
		}
	})
	if !ok {
		release()
		return errMedia
	}
	return nil
}

// dial begins one call and reports whether it could. owner is whose phone it
// is, t the trunk it goes over.
func (h *hunt) dial(flow transaction.Flow, target wire.URI, from, to wire.Address, owner auth.Identity, t *trunk) bool {
	l := h.s.newLeg(flow, transaction.Tag()+transaction.Tag())
	l.id, l.trunk, l.trusted = owner, t, true
	l.target, l.remote, l.local = target, to, from
	l.local.Params = l.local.Params.With("tag", l.dialog.local)
	l.party = &rung{h: h, l: l}
	if h.hops > 0 {
		l.hops = h.hops
	}
	if !l.admit(owner) {
		return false
	}
	h.mu.Lock()
	if h.over {
		h.mu.Unlock()
		l.unadmit()
		return false
	}
	h.calls = append(h.calls, l)
	h.mu.Unlock()
	return l.start(func() {
		if err := l.openMedia(!h.silent, flow.Network() == "tls"); err != nil {
			l.end("no media")
			return
		}
		if h.audio != nil || h.video != nil {
			l.neg.Restrict(h.audio, h.video)
		}
		l.call(h.ringing, func(err error) {
			if err != nil {
				h.failed(l, err)
			}
		})
	})
}

// admit counts an outgoing leg and puts it on the register of sessions.
func (l *leg) admit(owner auth.Identity) bool {
	release, err := l.s.count(owner.User, l.trunk, l.flow.Remote().Addr())
	if err != nil {
		l.s.n.overload.Add(1)
		return false
	}
	l.release = append(l.release, release)
	if owner.User == "" {
		return true
	}
	l.session, err = l.s.deps.Sessions.Open(owner, auth.Use, auth.Server(), auth.SessionInfo{Protocol: "sip-call", Remote: l.flow.Remote()}, l.Kick)
	if err != nil {
		release()
		return false
	}
	return true
}

// unadmit takes admit back, for a leg that does not start.
func (l *leg) unadmit() {
	for _, f := range l.release {
		f()
	}
	if l.session != nil {
		l.session.Close()
	}
}

// failed takes one leg off the list. When none is left the hunt has failed, with
// the most telling of the reasons.
func (h *hunt) failed(l *leg, err error) {
	h.mu.Lock()
	h.calls = slices.DeleteFunc(h.calls, func(o *leg) bool { return o == l })
	var r *refused
	if errors.As(err, &r) && (h.worst == 0 || r.status < h.worst || r.status >= 600) {
		h.worst = r.status
	}
	status, wait := h.worst, len(h.calls) > 0 || !h.begun
	h.mu.Unlock()
	if wait {
		return
	}
	switch status {
	case 0, 300, 301, 302, 305, 380: // where a phone sends its calls is not followed
		status = 480
	case 401, 407, 408, 422, 481:
		status = 503 // between us and them; it says nothing to the one who calls
	}
	h.finish(nil, sdp.Plan{}, &refused{status, wire.ReasonOf(status)})
}

// finish settles the hunt.
func (h *hunt) finish(won *leg, plan sdp.Plan, err error) bool {
	h.mu.Lock()
	if h.over {
		h.mu.Unlock()
		return false
	}
	h.over = true
	calls, release := h.calls, h.release
	h.calls, h.release = nil, nil
	h.mu.Unlock()
	reason := "answered elsewhere"
	if won == nil {
		reason = "given up"
	}
	for _, l := range calls {
		if l != won {
			l.hangUp(reason)
		}
	}
	if won != nil {
		won.release = append(won.release, release...) // in its own goroutine
	} else {
		for _, f := range release {
			f()
		}
	}
	h.then(won, plan, err)
	return true
}

// stop gives the hunt up; then is told errCancelled.
func (h *hunt) stop() { h.finish(nil, sdp.Plan{}, errCancelled) }

// rung is the party of a leg that rings.
type rung struct {
	h *hunt
	l *leg
}

// up implements party.
func (r *rung) up(plan sdp.Plan) {
	if !r.h.finish(r.l, plan, nil) {
		r.l.bye("answered elsewhere")
	}
}

// key implements party.
func (r *rung) key(byte) {}

// keyFrame implements party.
func (r *rung) keyFrame() {}

// down implements party.
func (r *rung) down(string) { r.h.failed(r.l, errCancelled) }

package sip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// uacInvite is an INVITE of ours until it is settled.
type uacInvite struct {
	l        *leg
	tx       *transaction.Client
	first    bool // it begins the call
	msg      *wire.Message
	heard    bool              // a provisional answer came: CANCEL may be sent
	quitting bool              // CANCEL as soon as it may
	early    map[string]*early // by tag; at most maxForks
	authed   bool
	tries    int
	ring     *time.Timer
	then     func(error) // the outcome, in the leg's goroutine; called once
	ringing  func(status int)
}

// early is a dialog that a provisional answer made; a call that is forked on
// its way has several (RFC 3261 §13.2.2.1).
type early struct {
	target wire.URI
	routes []string
	seq    uint32 // of PRACK, after that of INVITE
	rseq   uint32 // the newest reliable answer
	answer *sdp.Session
}

const maxForks = 8

// refused is the failure of a call with the status the other side gave.
type refused struct {
	status int
	reason string
}

func (e *refused) Error() string { return fmt.Sprintf("sip: %d %s", e.status, e.reason) }

var errCancelled = errors.New("sip: cancelled")

func (u *uacInvite) stop() {
	if u.ring != nil {
		u.ring.Stop()
	}
}

// call begins a call of ours to target. openMedia has been called, and to and
// from are set. then is told the outcome; the leg is over after a failure.
func (l *leg) call(ringing func(int), then func(error)) {
	l.outbound = true
	l.s.n.outgoing.Add(1)
	l.setState(stateRinging)
	l.note(func(c *CallInfo) {
		c.User, c.From, c.To, c.Outbound = l.id.User, l.local.URI.String(), l.remote.URI.String(), true
		if l.trunk != nil {
			c.Trunk = l.trunk.cfg.Name
		}
	})
	l.localSeq = rand.Uint32N(1 << 20)
	u := &uacInvite{l: l, first: true, early: make(map[string]*early), then: then, ringing: ringing}
	l.uac = u
	l.s.remember(l) // for what comes before the answer, under an empty tag
	u.ring = l.after(l.s.cfg.Session.Ring, func() {
		if l.uac == u {
			l.bye("nobody answers")
		}
	})
	u.invite("")
}

// reoffer sends a re-INVITE with the streams in force. then may be nil.
func (l *leg) reoffer(then func(error)) {
	if l.state != stateUp || l.uac != nil || l.uas != nil {
		if then != nil {
			then(errors.New("sip: the call is busy"))
		}
		return
	}
	u := &uacInvite{l: l, then: then}
	l.uac = u
	u.invite("")
}

// invite sends the INVITE, with credentials when they were asked for.
func (u *uacInvite) invite(credentials string) {
	l := u.l
	m := l.request(wire.Invite)
	if credentials != "" {
		name, v, _ := strings.Cut(credentials, ": ")
		m.Add(name, v)
	}
	l.timer.ask(l, m)
	m.SetBody("application/sdp", []byte(l.neg.Offer().String()))
	u.msg = m
	s := l.s
	flow := l.flow
	tx, err := s.layer.Request(flow, m, func(r *wire.Message, err error) {
		ok := l.post(func() { u.take(m, r, err) })
		if !ok && r != nil && r.Status/100 == 2 {
			s.reject(flow, m, r) // the call was given up meanwhile
		}
	})
	if err != nil {
		u.over(err)
		return
	}
	u.tx = tx
}

// take takes an answer to m, which is u's newest INVITE or an older one.
func (u *uacInvite) take(m, r *wire.Message, err error) {
	l := u.l
	if l.uac != u || m != u.msg {
		if r != nil && r.Status/100 == 2 && r.To.Tag() != l.dialog.remote {
			l.s.reject(l.flow, m, r) // another branch of a fork answered, too
		}
		return
	}
	switch {
	case err != nil:
		u.over(err)
	case r.Status < 200:
		u.provisional(r)
	case r.Status < 300:
		u.success(r)
	default:
		u.failure(r)
	}
}

// provisional takes a 1xx, and acknowledges it where that is asked for (RFC
// 3262).
func (u *uacInvite) provisional(r *wire.Message) {
	u.heard = true
	if u.quitting {
		u.tx.Cancel()
		return
	}
	if tag := r.To.Tag(); tag != "" && u.first {
		e := u.early[tag]
		if e == nil && len(u.early) < maxForks {
			e = &early{seq: u.l.localSeq}
			u.early[tag] = e
		}
		if e != nil {
			u.reliable(e, r)
		}
	}
	if r.Status > 100 && u.ringing != nil {
		u.ringing(r.Status)
	}
}

func (u *uacInvite) reliable(e *early, r *wire.Message) {
	l := u.l
	if len(r.Contacts) > 0 {
		e.target = r.Contacts[0].URI
	}
	e.routes = r.List("Record-Route")
	slices.Reverse(e.routes)
	rseq, err := strconv.ParseUint(r.Get("RSeq"), 10, 32)
	if !r.Names("Require", "100rel") || err != nil || !e.target.SIP() {
		return
	}
	if e.rseq != 0 && uint32(rseq) != e.rseq+1 {
		return // seen, or one is missing: it is sent again
	}
	e.rseq = uint32(rseq)
	if len(r.Body) > 0 && e.answer == nil {
		if answer, err := sdp.Parse(r.Body); err == nil {
			e.answer = answer
		}
	}
	l.localSeq++
	m := wire.NewRequest(wire.Prack, e.target)
	m.Add("Max-Forwards", "70")
	for _, route := range e.routes {
		m.Add("Route", route)
	}
	m.Add("From", l.local.String())
	m.Add("To", r.Get("To"))
	m.Add("Call-ID", l.dialog.callID)
	m.Addf("CSeq", "%d PRACK", l.localSeq)
	m.Addf("RAck", "%d %d INVITE", rseq, r.Seq)
	l.send(m, nil)
}

// success takes a 200.
func (u *uacInvite) success(r *wire.Message) {
	l := u.l
	var stored *sdp.Session
	if u.first {
		l.s.forget(l)
		l.dialog.remote = r.To.Tag()
		l.remote = r.To
		l.routes = r.List("Record-Route")
		slices.Reverse(l.routes)
		l.s.remember(l)
		if e := u.early[r.To.Tag()]; e != nil {
			stored = e.answer
		}
	}
	l.learn(r)
	u.stop()
	l.uac = nil
	l.acked = u.acknowledge(r)
	_ = l.flow.Send(l.acked) // sent again when the 200 is
	err := u.accept(r, stored)
	if u.first {
		l.setState(stateUp)
	}
	if err != nil {
		u.tell(err)
		l.bye("the answer cannot be used")
		return
	}
	l.timer.granted(l, r)
	l.timer.restart(l)
	if u.first {
		l.s.n.answered.Add(1)
		l.watch()
	}
	u.tell(nil)
	if l.party != nil && l.state == stateUp {
		l.party.up(l.neg.Plan())
	}
	if u.first {
		l.startMedia()
	}
}

func (u *uacInvite) accept(r *wire.Message, stored *sdp.Session) error {
	answer := stored
	if len(r.Body) > 0 || answer == nil {
		var err error
		if answer, err = sdp.Parse(r.Body); err != nil {
			return err
		}
	}
	plan, err := u.l.neg.Accept(answer)
	if err != nil {
		return err
	}
	return u.l.applyPlan(plan)
}

// acknowledge makes the ACK of a 200.
func (u *uacInvite) acknowledge(r *wire.Message) []byte {
	l := u.l
	m := l.request(wire.Ack)
	l.localSeq--
	m.Set("CSeq", strconv.FormatUint(uint64(r.Seq), 10)+" ACK")
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if v := u.msg.Get(name); v != "" {
			m.Add(name, v)
		}
	}
	transaction.Stamp(l.flow, m)
	return m.Append(nil)
}

// ackAgain answers a 200 that was sent again.
func (l *leg) ackAgain(m *wire.Message) {
	if l.acked != nil && m.To.Tag() == l.dialog.remote {
		_ = l.flow.Send(l.acked) // asked again if lost
	}
}

// failure takes a final answer that is no success.
func (u *uacInvite) failure(r *wire.Message) {
	l := u.l
	u.tries++
	switch {
	case u.quitting || u.tries > 4:
	case (r.Status == 401 || r.Status == 407) && l.trunk != nil && l.trunk.cfg.User != "" && !u.authed:
		u.authed = true
		v, err := l.trunk.answer(r, u.msg)
		if err == nil {
			name := "Authorization: "
			if r.Status == 407 {
				name = "Proxy-Authorization: "
			}
			u.invite(name + v)
			return
		}
	case r.Status == 422:
		if v, ok := seconds(r.Get("Min-SE")); ok && v <= 24*time.Hour {
			l.timer.interval = max(l.s.cfg.Session.Interval, v)
			u.invite("")
			return
		}
	case (r.Status == 488 || r.Status == 415 || r.Status == 606) && u.first && l.neg.Refused():
		u.tries-- // the list of what is offered has an end
		u.invite("")
		return
	case r.Status == 491 && !u.first:
		u.retry()
		return
	case (r.Status == 481 || r.Status == 408) && !u.first:
		l.uac = nil
		u.tell(&refused{r.Status, r.Reason})
		l.bye("the phone has forgotten the call")
		return
	}
	u.over(&refused{r.Status, r.Reason})
}

// retry tries again after glare, at a time that depends on who made the call
// (RFC 3261 §14.1).
func (u *uacInvite) retry() {
	l := u.l
	l.uac = nil
	wait := rand.N(2 * time.Second)
	if l.outbound {
		wait = 2100*time.Millisecond + rand.N(1900*time.Millisecond)
	}
	l.after(wait, func() { l.reoffer(u.then) })
}

// over settles the INVITE with a failure.
func (u *uacInvite) over(err error) {
	l := u.l
	u.stop()
	l.uac = nil
	if u.first {
		l.s.n.failed.Add(1)
		l.end(err.Error())
	}
	u.tell(err)
}

func (u *uacInvite) tell(err error) {
	if u.then != nil {
		then := u.then
		u.then = nil
		then(err)
	}
}

// cancel gives the call up.
func (u *uacInvite) cancel() {
	u.quitting = true
	if u.heard && u.tx != nil {
		u.tx.Cancel()
	} else if u.tx != nil {
		u.l.s.cancelLater(u)
	}
	u.stop()
	u.tell(errCancelled)
}

// cancelLater keeps watching an INVITE whose leg is over until it may be
// cancelled.
func (s *Server) cancelLater(u *uacInvite) {
	u.tx.OnProvisional(u.tx.Cancel)
}

// reject ends a call that was answered although it is not wanted any more.
func (s *Server) reject(f transaction.Flow, invite, r *wire.Message) {
	target := invite.Target
	if len(r.Contacts) > 0 && r.Contacts[0].URI.SIP() {
		target = r.Contacts[0].URI
	}
	routes := r.List("Record-Route")
	slices.Reverse(routes)
	make := func(method string, seq uint32) *wire.Message {
		m := wire.NewRequest(method, target)
		m.Add("Max-Forwards", "70")
		for _, route := range routes {
			m.Add("Route", route)
		}
		m.Add("From", r.Get("From"))
		m.Add("To", r.Get("To"))
		m.Add("Call-ID", r.CallID)
		m.Addf("CSeq", "%d %s", seq, method)
		return m
	}
	ack := make(wire.Ack, r.Seq)
	transaction.Stamp(f, ack)
	_ = f.Send(ack.Append(nil)) // the 200 is sent again
	_, _ = s.layer.Request(f, make(wire.Bye, r.Seq+1), func(*wire.Message, error) {})
}

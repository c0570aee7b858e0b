package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// dialogID names a dialog as we see it (RFC 3261 §12).
type dialogID struct{ callID, local, remote string }

// state is where a leg is in its life.
type state int

const (
	stateNew     state = iota
	stateRinging       // the other side has not answered, or we have not
	stateUp
	stateOver
)

var stateNames = map[state]string{stateNew: "new", stateRinging: "ringing", stateUp: "up", stateOver: "over"}

// party is what a leg is connected to: a seat in a room, or another leg. Its
// methods are called from the leg's own goroutine.
type party interface {
	// up says that the leg is answered and plan is in force. It is called again
	// when the plan changes.
	up(plan sdp.Plan)
	// key is a key that was pressed.
	key(digit byte)
	// keyFrame says that the phone needs a picture.
	keyFrame()
	// down says that the leg is over; it is called once.
	down(reason string)
}

// leg is one call to or from a phone: a dialog, its offers and answers, and its
// media. One goroutine owns everything below "owned"; others post to it.
type leg struct {
	s       *Server
	log     *slog.Logger
	events  chan func() // full: the event is dropped, and what it is about sent again or refused
	ends    chan string // reasons to hang up; full: there is one already
	quit    chan struct{}
	started time.Time

	id       auth.Identity // who pays; zero for strangers
	trunk    *trunk        // nil: a phone of ours or a stranger
	trusted  bool          // media may be anywhere it says
	outbound bool
	release  []func() // caps to give back at the end

	// owned by the goroutine of run
	state    state
	dialog   dialogID
	flow     transaction.Flow
	local    wire.Address // with our tag
	remote   wire.Address // with theirs
	target   wire.URI     // of requests to the phone
	routes   []string
	hops     int // of Max-Forwards, for the next INVITE that this call causes
	localSeq uint32
	remSeq   uint32
	allow    []string // methods the phone takes
	neg      *sdp.Negotiator
	media    media
	party    party
	session  *auth.Session
	timer    refresh
	heard    time.Time  // when the phone last had no reason to send
	uas      *uasInvite // an INVITE of the phone that is not settled
	uac      *uacInvite // an INVITE of ours that is not settled
	acked    []byte     // our newest ACK, for a 200 that is sent again
	reason   string
	leaving  string // why the call ends as soon as its ACK is there

	infoMu sync.Mutex // guards info
	info   CallInfo
}

const (
	legEvents = 64
	maxHops   = 70 // RFC 3261 §8.1.1.6
)

func (s *Server) newLeg(flow transaction.Flow, callID string) *leg {
	l := &leg{
		s: s, events: make(chan func(), legEvents), ends: make(chan string, 1), quit: make(chan struct{}),
		started: time.Now(), flow: flow, hops: maxHops,
		dialog: dialogID{callID: callID, local: transaction.Tag()},
	}
	l.log = s.log.With("remote", flow.Remote(), "call", callID)
	l.info = CallInfo{ID: l.dialog.local, Started: l.started, State: stateNames[stateNew]}
	return l
}

// start runs the leg; first is its first event. It reports false when the
// server stops.
func (l *leg) start(first func()) bool {
	l.events <- first
	return l.s.group.Go(l.run)
}

// run is the leg's goroutine.
func (l *leg) run(ctx context.Context) {
	defer l.finish()
	for l.state != stateOver {
		select {
		case f := <-l.events:
			f()
		case reason := <-l.ends:
			l.bye(reason)
		case <-ctx.Done():
			l.end("the server stops")
		}
	}
}

// post has f run by the leg's goroutine. It does not block; it reports false
// where the leg is over or drowned in events.
func (l *leg) post(f func()) bool {
	select {
	case <-l.quit:
		return false
	default:
	}
	select {
	case l.events <- f:
		return true
	default:
		return false
	}
}

// after posts f after d. The timer has to be stopped by whoever asked for it.
func (l *leg) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { l.post(f) })
}

// deliver posts f, or calls lost where f will never be run. It is for what
// would be left over otherwise.
func (l *leg) deliver(f, lost func()) {
	taken := make(chan struct{})
	if !l.post(func() { close(taken); f() }) {
		lost()
		return
	}
	l.s.group.Go(func(context.Context) {
		select {
		case <-taken:
		case <-l.quit: // all that was run was run before
			select {
			case <-taken:
			default:
				lost()
			}
		}
	})
}

// hangUp ends the call from any goroutine. It has a way of its own: a full queue
// must not keep a revoked user's call alive.
func (l *leg) hangUp(reason string) {
	select {
	case l.ends <- reason:
	default:
	}
}

// Kick implements Leg.
func (l *leg) Kick(reason error) { l.hangUp(reason.Error()) }

// RequestKeyFrame implements Leg.
func (l *leg) RequestKeyFrame() { l.post(l.askPicture) }

// finish gives back all the leg has.
func (l *leg) finish() {
	l.state = stateOver
	close(l.quit)
	l.timer.stop()
	l.s.forget(l)
	l.media.close()
	if l.uas != nil {
		l.uas.stop()
	}
	if l.uac != nil {
		l.uac.stop()
	}
	if l.party != nil {
		l.party.down(l.reason)
	}
	if l.session != nil {
		l.session.Close()
	}
	for _, f := range l.release {
		f()
	}
	if l.reason == "" {
		l.reason = "ended"
	}
	l.log.Info("call over", "reason", l.reason, "duration", time.Since(l.started).Round(time.Millisecond))
}

// end ends the leg without a word to the phone.
func (l *leg) end(reason string) {
	if l.reason == "" {
		l.reason = reason
	}
	l.state = stateOver
}

// bye ends the call in the way its state wants.
func (l *leg) bye(reason string) {
	switch {
	case l.state == stateOver:
		return
	case l.uac != nil && l.uac.first && l.state != stateUp:
		l.uac.cancel()
	case l.uas != nil && l.uas.first && !l.uas.answered:
		l.refuse(480, "")
	case l.uas != nil && l.uas.first:
		// Answered, but the phone has not confirmed it: BYE has to wait for the ACK
		// (RFC 3261 §15). Everybody else is done with the call.
		if l.leaving == "" {
			l.leaving = reason
			if l.party != nil {
				l.party.down(reason)
			}
			l.party = &released{}
		}
		return
	case l.state == stateUp:
		m := l.request(wire.Bye)
		if reason != "" {
			m.Add("Reason", `Q.850;cause=16;text=`+wire.Quote(reason))
		}
		l.send(m, nil)
	}
	l.end(reason)
}

// setState notes where the leg is.
func (l *leg) setState(st state) {
	l.state = st
	l.infoMu.Lock()
	l.info.State = stateNames[st]
	l.infoMu.Unlock()
}

func (l *leg) describe() CallInfo {
	l.infoMu.Lock()
	defer l.infoMu.Unlock()
	info := l.info
	info.Duration = time.Since(info.Started).Round(time.Second)
	return info
}

func (l *leg) note(f func(*CallInfo)) {
	l.infoMu.Lock()
	defer l.infoMu.Unlock()
	f(&l.info)
}

// request makes a request within the dialog.
func (l *leg) request(method string) *wire.Message {
	m := wire.NewRequest(method, l.target)
	hops := maxHops
	if method == wire.Invite {
		hops = l.hops
	}
	m.Addf("Max-Forwards", "%d", hops)
	for _, r := range l.routes {
		m.Add("Route", r)
	}
	m.Add("From", l.local.String())
	m.Add("To", l.remote.String())
	m.Add("Call-ID", l.dialog.callID)
	l.localSeq++
	m.Add("CSeq", strconv.FormatUint(uint64(l.localSeq), 10)+" "+method)
	l.common(m)
	return m
}

// common adds what all our messages of a call say.
func (l *leg) common(m *wire.Message) {
	m.Add("Contact", l.contact())
	m.Add("Allow", allow)
	m.Add("Supported", supported)
	m.Add("User-Agent", agent)
}

const (
	allow     = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, REGISTER"
	supported = "timer, 100rel, replaces, norefersub"
	agent     = "Muster"
)

func (l *leg) contact() string { return l.s.contact(l.flow, l.local.URI.User) }

// contact is where a phone sends its next requests.
func (s *Server) contact(f transaction.Flow, user string) string {
	u := wire.URI{Scheme: "sip", User: user, Host: hostOf(s.facing(f.Remote().Addr())), Port: int(f.Local().Port())}
	if n := f.Network(); n != "udp" {
		u.Params = wire.Params{{Name: "transport", Value: n}}
	}
	return "<" + u.String() + ">"
}

// hostOf writes an address as the host of a URI.
func hostOf(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// send sends a request in the dialog. then is told the final answer, in the
// leg's goroutine; it may be nil. A dialog that the other side does not know any
// more is over (RFC 3261 §12.2.1.2).
func (l *leg) send(m *wire.Message, then func(*wire.Message, error)) {
	_, err := l.s.layer.Request(l.flow, m, func(r *wire.Message, err error) {
		if r != nil && r.Status < 200 {
			return
		}
		l.post(func() {
			if r != nil && (r.Status == 481 || r.Status == 408) && l.state == stateUp && m.Method != wire.Info {
				l.bye("the phone has forgotten the call")
			}
			if then != nil {
				then(r, err)
			}
		})
	})
	if err != nil && then != nil {
		then(nil, err)
	}
}

// register makes the dialog known, so that requests find the leg.
func (s *Server) remember(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legs[l.dialog] = l
}

func (s *Server) forget(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.legs[l.dialog] == l {
		delete(s.legs, l.dialog)
	}
}

func (s *Server) find(id dialogID) *leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.legs[id]
}

// allows reports whether the phone takes requests of a method.
func (l *leg) allows(method string) bool {
	for _, m := range l.allow {
		if strings.EqualFold(m, method) {
			return true
		}
	}
	return false
}

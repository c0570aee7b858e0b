package transaction

import (
	"sync"
	"time"

	"muster/sip/wire"
)

// The states of both kinds of server transaction.
const (
	proceeding = iota
	accepted   // a 2xx to INVITE was sent (RFC 6026 §7.1)
	completed
	confirmed
	over
)

// Server is one request and its answers.
type Server struct {
	layer      *Layer
	key        string
	flow       Flow
	req        *wire.Message
	unreliable bool

	mu       sync.Mutex // guards what follows
	state    int
	last     []byte // the newest answer, for when the request comes again
	trying   bool   // a provisional answer was sent
	resend   *time.Timer
	expire   *time.Timer
	interval time.Duration
	onCancel func()
	canceled bool
}

// Request returns the request; it is read-only.
func (s *Server) Request() *wire.Message { return s.req }

// Flow returns the way the request came.
func (s *Server) Flow() Flow { return s.flow }

// OnCancel has f called when the request, an INVITE, is cancelled before its
// final answer. If that has happened already it is called at once.
func (s *Server) OnCancel(f func()) {
	s.mu.Lock()
	s.onCancel = f
	now := s.canceled
	s.mu.Unlock()
	if now {
		f()
	}
}

// cancels answers s, a CANCEL, and passes it on to the INVITE it is about.
func (s *Server) cancels(invite *Server) {
	if invite == nil {
		s.Respond(wire.NewResponse(s.req, 481, "", Tag()))
		return
	}
	s.Respond(wire.NewResponse(s.req, 200, "", Tag()))
	invite.mu.Lock()
	if invite.state != proceeding || invite.canceled {
		invite.mu.Unlock()
		return
	}
	invite.canceled = true
	f := invite.onCancel
	invite.mu.Unlock()
	if f != nil {
		f()
	}
}

// Respond sends an answer. After a final one further calls do nothing, except
// that a 2xx to INVITE may be sent again: that is the caller's duty until the
// ACK comes. A refusal is sent until the ACK only after a provisional answer:
// without one the client asks again, and whose address is forged by others is
// not sent more than was asked for (RFC 3261 §26.3.2.4).
func (s *Server) Respond(m *wire.Message) error {
	b := m.Append(make([]byte, 0, 1024))
	s.mu.Lock()
	invite := s.req.Method == wire.Invite
	t := s.layer.timers
	switch {
	case s.state == accepted && m.Status/100 == 2:
	case s.state != proceeding:
		s.mu.Unlock()
		return nil
	case m.Status < 200:
		s.trying = true
	case invite && m.Status < 300:
		s.state = accepted
		s.expire = time.AfterFunc(64*t.T1, s.end) // timer L
	case invite:
		s.state = completed
		s.expire = time.AfterFunc(64*t.T1, s.end) // timer H
		if s.unreliable && s.trying {
			s.interval = t.T1
			s.resend = time.AfterFunc(s.interval, s.timerG)
		}
	default:
		s.state = completed
		wait := 64 * t.T1 // timer J
		if !s.unreliable {
			wait = 0
		}
		s.expire = time.AfterFunc(wait, s.end)
	}
	s.last = b
	// Sent under the lock of this one transaction, so that answers leave in their
	// order: a flow queues, it does not wait.
	defer s.mu.Unlock()
	return s.flow.Send(b)
}

// again answers a request that came again.
func (s *Server) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	silent := s.state == accepted || s.state == confirmed || s.state == over
	if s.last != nil && !silent {
		_ = s.flow.Send(s.last) // lost like any datagram: the request comes once more
	}
}

// ack takes the ACK of a final answer that was no 2xx, and reports false for
// one of a 2xx, which has the same branch with some clients.
func (s *Server) ack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case completed:
		s.state = confirmed
		s.stop()
		wait := s.layer.timers.T4 // timer I
		if !s.unreliable {
			wait = 0
		}
		s.expire = time.AfterFunc(wait, s.end)
	case accepted, proceeding:
		return false
	}
	return true
}

func (s *Server) timerG() {
	s.mu.Lock()
	if s.state != completed {
		s.mu.Unlock()
		return
	}
	s.interval = min(2*s.interval, s.layer.timers.T2)
	s.resend.Reset(s.interval)
	b := s.last
	s.mu.Unlock()
	_ = s.flow.Send(b) // sent again until timer H
}

// stop stops the timers. The caller holds mu.
func (s *Server) stop() {
	for _, t := range []*time.Timer{s.resend, s.expire} {
		if t != nil {
			t.Stop()
		}
	}
}

func (s *Server) end() {
	s.mu.Lock()
	s.state = over
	s.stop()
	s.mu.Unlock()
	s.layer.dropServer(s)
}

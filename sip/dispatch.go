package sip

import (
	"context"
	"net/netip"

	"muster/internal/run"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// Request implements transaction.User.
func (s *Server) Request(tx *transaction.Server) {
	defer run.Recover(s.log, "sip")
	req := tx.Request()
	if req.To.Tag() != "" {
		s.inDialog(tx)
		return
	}
	switch req.Method {
	case wire.Invite:
		s.work(tx, s.invite)
	case wire.Register:
		s.work(tx, s.register)
	case wire.Options:
		s.options(tx)
	case wire.Refer:
		s.work(tx, func(ctx context.Context, tx *transaction.Server) { // only within calls
			if _, err := s.login(ctx, tx); err == nil {
				s.reply(tx, 403, "")
			}
		})
	case wire.Bye, wire.Info, wire.Prack, wire.Update, wire.Notify:
		s.reply(tx, 481, "")
	case "MESSAGE", "SUBSCRIBE", "PUBLISH":
		s.reply(tx, 405, "")
	default:
		s.reply(tx, 501, "")
	}
}

// inDialog passes a request on to the call it belongs to. Its tags are not to
// be guessed; that they come from the phone's address is asked for as well,
// because over UDP they can be overheard.
func (s *Server) inDialog(tx *transaction.Server) {
	req := tx.Request()
	l := s.find(dialogID{callID: req.CallID, local: req.To.Tag(), remote: req.From.Tag()})
	if l == nil {
		s.reply(tx, 481, "")
		return
	}
	if !l.post(func() { l.receive(tx) }) {
		s.reply(tx, 503, "")
	}
}

// Ack implements transaction.User.
func (s *Server) Ack(_ transaction.Flow, m *wire.Message) {
	if l := s.find(dialogID{callID: m.CallID, local: m.To.Tag(), remote: m.From.Tag()}); l != nil {
		l.post(func() { l.ack(m) })
	}
}

// Stray implements transaction.User. A 2xx that is sent again wants our ACK
// again.
func (s *Server) Stray(_ transaction.Flow, m *wire.Message) {
	if m.SeqMethod != wire.Invite || m.Status/100 != 2 {
		return
	}
	if l := s.find(dialogID{callID: m.CallID, local: m.From.Tag(), remote: m.To.Tag()}); l != nil {
		l.post(func() { l.ackAgain(m) })
	}
}

// work runs f for a request that may take time. When too many are at work the
// request is refused.
func (s *Server) work(tx *transaction.Server, f func(context.Context, *transaction.Server)) {
	select {
	case s.workers <- struct{}{}:
	default:
		s.n.overload.Add(1)
		r := wire.NewResponse(tx.Request(), 503, "", transaction.Tag())
		r.Add("Retry-After", "2")
		_ = tx.Respond(r) // asked again if lost
		return
	}
	ok := s.group.Go(func(ctx context.Context) {
		defer func() { <-s.workers }()
		f(ctx, tx)
	})
	if !ok {
		<-s.workers
	}
}

// reply answers a request outside of calls.
func (s *Server) reply(tx *transaction.Server, status int, reason string) {
	r := wire.NewResponse(tx.Request(), status, reason, transaction.Tag())
	if status == 405 || status == 501 {
		r.Add("Allow", allow)
	}
	_ = tx.Respond(r) // asked again if lost
}

// options answers a sign of life. Strangers learn nothing but that somebody is
// there, and get no more bytes than they sent.
func (s *Server) options(tx *transaction.Server) {
	r := wire.NewResponse(tx.Request(), 200, "", transaction.Tag())
	from := tx.Flow().Remote().Addr()
	if s.reg.knows(from) || s.trunkOf(from) != nil {
		r.Add("Allow", allow)
		r.Add("Accept", "application/sdp")
		r.Add("Supported", supported)
	}
	_ = tx.Respond(r) // asked again if lost
}

// ours reports whether an address is one of the server's.
func (s *Server) ours(u wire.URI) bool {
	if !u.SIP() {
		return false
	}
	return s.cfg.Domain == "" || u.Host == s.cfg.Domain || isAddress(u.Host)
}

func isAddress(host string) bool {
	if len(host) > 1 && host[0] == '[' {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

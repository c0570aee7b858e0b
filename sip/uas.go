package sip

import (
	"strings"
	"time"

	"muster/sip/sdp"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// uasInvite is an INVITE of the phone from its arrival to its ACK.
type uasInvite struct {
	l        *leg
	tx       *transaction.Server
	first    bool         // it begins the call
	offer    *sdp.Session // nil: the offer is ours, in the 200
	answered bool
	ok       *wire.Message // the 200, sent again until the ACK comes
	resend   *time.Timer
	interval time.Duration
	until    time.Time
	rel      *reliable180 // nil: nothing waits for a PRACK
}

func (u *uasInvite) stop() {
	if u.rel != nil {
		u.rel.timer.Stop()
	}
	if u.resend != nil {
		u.resend.Stop()
	}
}

// openMedia opens the sockets of the leg and makes its negotiator.
func (l *leg) openMedia(video, secure bool) error {
	s := l.s
	var err error
	if l.media.audio, err = s.ports.OpenStream(l.log, s.cert, false); err != nil {
		return err
	}
	local := sdp.Local{
		Addr: s.facing(l.flow.Remote().Addr()), ID: uint64(l.started.UnixNano() / 1000), Audio: sdp.Audio(),
		AudioPort: l.media.audio.Port(), Fingerprint: s.cert.Fingerprint(), Secure: secure,
		Browser: l.flow.Network() == "wss",
	}
	if local.Browser && local.Addr.IsLoopback() {
		local.Others = hostAddrs()
	}
	if video {
		if l.media.video, err = s.ports.OpenStream(l.log, s.cert, true); err != nil {
			return err
		}
		local.Video, local.VideoPort, local.Bandwidth = sdp.Video(), l.media.video.Port(), videoBandwidth
	}
	l.neg = sdp.New(local)
	return nil
}

// videoBandwidth is what phones are told that they may send.
const videoBandwidth = 2_000_000

// startMedia begins to read; not before it is known that the phone is there.
func (l *leg) startMedia() {
	l.heard = time.Now()
	l.media.audio.Start(l.s.group)
	if l.media.video != nil {
		l.media.video.Start(l.s.group)
	}
}

// applyPlan puts an agreement into force.
func (l *leg) applyPlan(p sdp.Plan) error {
	peer := l.flow.Remote().Addr()
	if err := l.media.audio.Apply(p.Audio, peer, l.trusted); err != nil {
		return err
	}
	if l.media.video != nil {
		if err := l.media.video.Apply(p.Video, peer, l.trusted); err != nil {
			return err
		}
	}
	l.note(func(c *CallInfo) {
		c.Audio, c.Video = "", ""
		if p.Audio != nil {
			c.Audio, c.Secure = p.Audio.Format.Name, p.Audio.Secure()
		}
		if p.Video != nil {
			c.Video = p.Video.Format.Name
		}
	})
	return nil
}

// wantsVideo reports whether an offer has pictures, or may get them.
func wantsVideo(offer *sdp.Session) bool {
	if offer == nil {
		return true
	}
	for _, m := range offer.Media {
		if m.Kind == "video" && m.Port != 0 {
			return true
		}
	}
	return false
}

// answer answers the INVITE at hand with 200 and our half of the negotiation.
func (l *leg) answer() error {
	u := l.uas
	r := l.response(u.tx.Request(), 200)
	body, err := l.half(u.offer)
	if err != nil {
		return err
	}
	r.SetBody("application/sdp", []byte(body.String()))
	l.timer.answer(l, u.tx.Request(), r)
	u.answered, u.ok = true, r
	if err := u.tx.Respond(r); err != nil {
		l.log.Debug("an answer is lost", "error", err)
	}
	u.interval = transaction.DefaultTimers().T1
	u.until = time.Now().Add(64 * u.interval)
	u.resend = l.after(u.interval, u.again)
	return nil
}

// half is the answer to offer, or our own offer where there is none.
func (l *leg) half(offer *sdp.Session) (*sdp.Session, error) {
	if offer == nil {
		return l.neg.Offer(), nil
	}
	body, plan, err := l.neg.Answer(offer)
	if err != nil {
		return nil, err
	}
	return body, l.applyPlan(plan)
}

// again sends the 200 again until the ACK comes (RFC 3261 §13.3.1.4). Over TCP
// as well: the ACK may come another way.
func (u *uasInvite) again() {
	l := u.l
	if l.uas != u {
		return
	}
	if time.Now().After(u.until) {
		l.uas = nil
		l.setState(stateUp) // so that the call ends with BYE
		l.bye("no ACK")
		return
	}
	_ = u.tx.Respond(u.ok) // and again
	u.interval = min(2*u.interval, transaction.DefaultTimers().T2)
	u.resend = l.after(u.interval, u.again)
}

// refuse answers the INVITE at hand with a failure. The call goes on if it is
// a re-INVITE.
func (l *leg) refuse(status int, reason string) {
	u := l.uas
	if u == nil || u.answered {
		return
	}
	u.answered = true
	r := l.response(u.tx.Request(), status)
	if reason != "" {
		r.Reason = reason
	}
	if status == 500 {
		r.Add("Retry-After", "2")
	}
	_ = u.tx.Respond(r) // the transaction sends it again
	u.stop()
	if u.first {
		l.s.n.failed.Add(1)
	}
	l.uas = nil
}

// response makes an answer within the dialog.
func (l *leg) response(req *wire.Message, status int) *wire.Message {
	r := wire.NewResponse(req, status, "", l.dialog.local)
	if status > 100 && status < 300 {
		l.common(r)
	}
	return r
}

// reply answers a request within the dialog.
func (l *leg) reply(tx *transaction.Server, status int) {
	_ = tx.Respond(l.response(tx.Request(), status)) // asked again if lost
}

// ack is the ACK of a 200 of ours.
func (l *leg) ack(m *wire.Message) {
	u := l.uas
	if u == nil || !u.answered || m.Seq != u.tx.Request().Seq {
		return
	}
	u.stop()
	l.uas = nil
	if l.leaving != "" {
		l.setState(stateUp)
		l.bye(l.leaving)
		return
	}
	plan := l.neg.Plan()
	if u.offer == nil {
		answer, err := sdp.Parse(m.Body)
		if err == nil {
			plan, err = l.neg.Accept(answer)
		}
		if err == nil {
			err = l.applyPlan(plan)
		}
		if err != nil {
			l.setState(stateUp)
			l.bye("the answer in ACK cannot be used")
			return
		}
	}
	if u.first {
		l.setState(stateUp)
		l.s.n.answered.Add(1)
		l.timer.start(l)
		l.watch()
	}
	l.party.up(plan)
	if u.first { // what has come before now is heard, too
		l.startMedia()
	}
}

// receive takes a request of the phone within the dialog.
func (l *leg) receive(tx *transaction.Server) {
	req := tx.Request()
	if l.state == stateOver {
		l.reply(tx, 481)
		return
	}
	if tx.Flow().Remote().Addr() != l.flow.Remote().Addr() {
		l.s.suspect(tx.Flow())
		l.reply(tx, 481) // nobody learns that there is such a call
		return
	}
	if req.Seq < l.remSeq { // RFC 3261 §12.2.2
		l.reply(tx, 500)
		return
	}
	l.remSeq = req.Seq
	l.flow = tx.Flow() // a phone may come back over another connection or port
	switch req.Method {
	case wire.Bye:
		l.reply(tx, 200)
		l.refuse(487, "")
		l.end("the phone hung up")
	case wire.Invite:
		l.reinvite(tx)
	case wire.Update:
		l.update(tx)
	case wire.Info:
		l.takeInfo(tx)
	case wire.Prack:
		l.prack(tx)
	case wire.Refer:
		l.refer(tx)
	case wire.Notify:
		l.notify(tx)
	case wire.Options:
		r := l.response(req, 200)
		r.Add("Accept", "application/sdp")
		_ = tx.Respond(r) // asked again if lost
	default:
		r := l.response(req, 405)
		r.Add("Allow", allow)
		_ = tx.Respond(r) // asked again if lost
	}
}

// reinvite takes an INVITE within the call: hold, another address, other
// codecs, or a sign of life (RFC 3261 §14.2).
func (l *leg) reinvite(tx *transaction.Server) {
	switch {
	case l.uac != nil:
		l.reply(tx, 491) // glare
		return
	case l.uas != nil:
		r := l.response(tx.Request(), 500)
		r.Add("Retry-After", "2")
		_ = tx.Respond(r) // the transaction sends it again
		return
	}
	req := tx.Request()
	l.learn(req)
	l.uas = &uasInvite{l: l, tx: tx}
	if !l.timer.negotiate(l, req) {
		return
	}
	if len(req.Body) > 0 {
		offer, err := sdp.Parse(req.Body)
		if err != nil {
			l.refuse(400, "Malformed session description")
			return
		}
		l.uas.offer = offer
	}
	if err := l.answer(); err != nil {
		l.refuse(488, "")
		return
	}
	l.timer.restart(l)
	tx.OnCancel(func() {}) // it is answered already
}

// update takes an UPDATE: a sign of life, or an offer (RFC 3311).
func (l *leg) update(tx *transaction.Server) {
	req := tx.Request()
	switch {
	case len(req.Body) == 0:
	case l.uac != nil || l.uas != nil && l.uas.offer == nil: // our offer has no answer yet
		l.reply(tx, 491)
		return
	case l.uas != nil && !l.uas.answered: // nor has theirs (RFC 3311 §5.2)
		r := l.response(req, 500)
		r.Add("Retry-After", "2")
		_ = tx.Respond(r) // asked again if lost
		return
	}
	l.learn(req)
	r := l.response(req, 200)
	if !l.timer.acceptable(l, req, tx) {
		return
	}
	if len(req.Body) > 0 {
		offer, err := sdp.Parse(req.Body)
		if err != nil {
			l.reply(tx, 400)
			return
		}
		if l.neg == nil {
			l.reply(tx, 491)
			return
		}
		body, err := l.half(offer)
		if err != nil {
			l.reply(tx, 488)
			return
		}
		r.SetBody("application/sdp", []byte(body.String()))
	}
	l.timer.answer(l, req, r)
	_ = tx.Respond(r) // asked again if lost
	l.timer.restart(l)
	if len(req.Body) > 0 && l.state == stateUp {
		l.party.up(l.neg.Plan())
	}
}

// takeInfo takes keys and requests for a picture (RFC 5168).
func (l *leg) takeInfo(tx *transaction.Server) {
	req := tx.Request()
	kind, _, _ := strings.Cut(strings.ToLower(req.Get("Content-Type")), ";")
	switch strings.TrimSpace(kind) {
	case "application/dtmf-relay":
		for line := range strings.Lines(string(req.Body)) {
			if name, v, ok := strings.Cut(line, "="); ok && strings.EqualFold(strings.TrimSpace(name), "signal") {
				l.keyed(strings.TrimSpace(v))
			}
		}
	case "application/dtmf":
		l.keyed(strings.TrimSpace(string(req.Body)))
	case "application/media_control+xml":
		if strings.Contains(string(req.Body), "picture_fast_update") && l.party != nil {
			l.party.keyFrame()
		}
	case "":
	default:
		r := l.response(req, 415)
		r.Add("Accept", "application/dtmf-relay, application/dtmf, application/media_control+xml")
		_ = tx.Respond(r) // asked again if lost
		return
	}
	l.reply(tx, 200)
}

// keyed takes a key by its name in INFO.
func (l *leg) keyed(name string) {
	const codes = "0123456789*#ABCD"
	switch {
	case name == "10":
		name = "*"
	case name == "11":
		name = "#"
	}
	if len(name) == 1 && strings.Contains(codes, strings.ToUpper(name)) && l.party != nil {
		l.party.key(strings.ToUpper(name)[0])
	}
}

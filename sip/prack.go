package sip

import (
	"strconv"
	"time"

	"muster/sip/transaction"
	"muster/sip/wire"
)

// reliable180 is a provisional answer that waits for its PRACK (RFC 3262 §3).
type reliable180 struct {
	msg      *wire.Message
	rseq     uint32
	timer    *time.Timer
	interval time.Duration
	until    time.Time
}

// ring tells the phone that the other side rings. Phones that require it get an
// answer that is sent until they confirm it.
func (l *leg) ring() {
	u := l.uas
	r := l.response(u.tx.Request(), 180)
	if u.tx.Request().Names("Require", "100rel") {
		u.rel = &reliable180{msg: r, rseq: 1, interval: transaction.DefaultTimers().T1}
		u.rel.until = time.Now().Add(64 * u.rel.interval)
		r.Add("Require", "100rel")
		r.Add("RSeq", strconv.FormatUint(uint64(u.rel.rseq), 10))
		u.rel.timer = l.after(u.rel.interval, u.ringAgain)
	}
	_ = u.tx.Respond(r) // not reliable, or sent again
}

func (u *uasInvite) ringAgain() {
	l := u.l
	if l.uas != u || u.answered || u.rel == nil {
		return
	}
	if time.Now().After(u.rel.until) {
		l.fail(504)
		return
	}
	_ = u.tx.Respond(u.rel.msg) // and again
	u.rel.interval *= 2
	u.rel.timer = l.after(u.rel.interval, u.ringAgain)
}

// prack takes the confirmation of a reliable answer.
func (l *leg) prack(tx *transaction.Server) {
	u := l.uas
	if u == nil || u.rel == nil || tx.Request().Get("RAck") != strconv.FormatUint(uint64(u.rel.rseq), 10)+" "+
		strconv.FormatUint(uint64(u.tx.Request().Seq), 10)+" "+wire.Invite {
		l.reply(tx, 481)
		return
	}
	u.rel.timer.Stop()
	u.rel = nil
	l.reply(tx, 200)
}

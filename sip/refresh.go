package sip

import (
	"strconv"
	"strings"
	"time"

	"muster/sip/transaction"
	"muster/sip/wire"
)

// refresh is the session timer of a leg (RFC 4028): somebody gives a sign of
// life before the interval is over, or the call is.
type refresh struct {
	interval time.Duration // 0: no timer
	ours     bool          // we give the sign
	timer    *time.Timer
}

func (t *refresh) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}

// acceptable refuses a request whose interval is too short, and reports whether
// it may go on.
func (t *refresh) acceptable(l *leg, req *wire.Message, tx *transaction.Server) bool {
	v, _, ok := sessionExpires(req)
	least := l.s.cfg.Session.MinInterval
	if !ok || v >= least || !req.Names("Supported", "timer") {
		return true
	}
	r := l.response(req, 422)
	r.Add("Min-SE", strconv.Itoa(int(least/time.Second)))
	_ = tx.Respond(r) // the transaction sends it again
	return false
}

// negotiate is acceptable for the INVITE at hand. A call that is refused this
// way is over.
func (t *refresh) negotiate(l *leg, req *wire.Message) bool {
	u := l.uas
	if t.acceptable(l, req, u.tx) {
		return true
	}
	l.uas = nil
	if u.first {
		l.s.n.failed.Add(1)
		l.end("session interval too small")
	}
	return false
}

// sessionExpires parses Session-Expires.
func sessionExpires(m *wire.Message) (interval time.Duration, refresher string, ok bool) {
	v, params, _ := strings.Cut(m.Get("Session-Expires"), ";")
	interval, ok = seconds(strings.TrimSpace(v))
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(value))
		}
	}
	return interval, refresher, ok
}

// answer writes into the 200 r what holds from now on. A phone that does not
// know session timers is refreshed by us.
func (t *refresh) answer(l *leg, req, r *wire.Message) {
	asked, refresher, ok := sessionExpires(req)
	knows := req.Names("Supported", "timer")
	t.interval = l.s.cfg.Session.Interval
	if ok {
		t.interval = min(t.interval, asked)
	}
	if min, has := seconds(req.Get("Min-SE")); has {
		t.interval = max(t.interval, min)
	}
	t.ours = !knows || refresher == "uas"
	if refresher == "" {
		refresher = "uac"
		if t.ours {
			refresher = "uas"
		}
	}
	r.Add("Session-Expires", strconv.Itoa(int(t.interval/time.Second))+";refresher="+refresher)
	if knows && refresher == "uac" {
		r.Add("Require", "timer")
	}
}

// ask writes into a request of ours what we want.
func (t *refresh) ask(l *leg, m *wire.Message) {
	interval := l.s.cfg.Session.Interval
	if t.interval > 0 {
		interval = t.interval
	}
	v := strconv.Itoa(int(interval / time.Second))
	if l.state == stateUp {
		who := "uas"
		if t.ours {
			who = "uac"
		}
		v += ";refresher=" + who
	}
	m.Add("Session-Expires", v)
	m.Add("Min-SE", strconv.Itoa(int(l.s.cfg.Session.MinInterval/time.Second)))
}

// granted takes what a 200 to a request of ours says. Without a word we
// refresh, so that a dead phone is noticed.
func (t *refresh) granted(l *leg, r *wire.Message) {
	v, refresher, ok := sessionExpires(r)
	t.ours = true
	t.interval = l.s.cfg.Session.Interval
	if ok && v >= l.s.cfg.Session.MinInterval {
		t.interval, t.ours = v, refresher != "uas"
	}
}

// start begins to count.
func (t *refresh) start(l *leg) { t.restart(l) }

// restart begins anew after a sign of life.
func (t *refresh) restart(l *leg) {
	t.stop()
	if t.interval == 0 || l.state != stateUp {
		return
	}
	if t.ours {
		t.timer = l.after(t.interval/2, func() { l.refreshSession() })
		return
	}
	// RFC 4028 §10: a little before the time is over.
	t.timer = l.after(t.interval-min(32*time.Second, t.interval/3), func() { l.bye("the session timer ran out") })
}

// refreshSession gives a sign of life: an UPDATE, or a re-INVITE for phones that
// do not know it.
func (l *leg) refreshSession() {
	if l.state != stateUp {
		return
	}
	if !l.allows(wire.Update) {
		l.reoffer(nil)
		return
	}
	m := l.request(wire.Update)
	l.timer.ask(l, m)
	l.send(m, func(r *wire.Message, err error) {
		switch {
		case l.state != stateUp:
		case err != nil:
			l.bye("no answer to a sign of life")
		case r.Status/100 == 2:
			l.timer.granted(l, r)
			l.timer.restart(l)
		case r.Status == 422:
			if v, ok := seconds(r.Get("Min-SE")); ok && v > l.timer.interval && v <= 24*time.Hour {
				l.timer.interval = v
				l.refreshSession()
				return
			}
			l.bye("the phone agrees to no session interval")
		default:
			l.reoffer(nil)
		}
	})
}

// watch ends a call whose phone has fallen silent, looking a few times in the
// interval.
func (l *leg) watch() {
	silence := l.s.cfg.Session.Silence
	if silence == 0 || l.state != stateUp {
		return
	}
	l.after(silence/4, func() {
		if l.state != stateUp {
			return
		}
		plan := l.neg.Plan()
		last := l.media.audio.Stats().LastReceived
		if last.Before(l.heard) {
			last = l.heard
		}
		if plan.Audio == nil || !plan.Audio.Receive {
			l.heard = time.Now() // on hold nothing has to come
		} else if time.Since(last) > silence {
			l.bye("no media")
			return
		}
		l.watch()
	})
}

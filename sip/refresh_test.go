package sip

import (
	"strings"
	"testing"
	"time"

	"muster/sip/wire"
)

func brief(s *Server) { s.cfg.Session.Interval, s.cfg.Session.MinInterval = 2*time.Second, time.Second }

func TestSessionIntervalIsAgreedOn(t *testing.T) {
	w := serve(t, nil)
	for _, tt := range []struct {
		name   string
		fields []string
		status int
		want   string
	}{
		{"the phone knows no timers", nil, 200, "1800;refresher=uas"},
		{"it knows them and asks for nothing", []string{"Supported: timer"}, 200, "1800;refresher=uac"},
		{"it asks for less", []string{"Supported: timer", "Session-Expires: 120;refresher=uas"}, 200, "120;refresher=uas"},
		{"it asks for more", []string{"Supported: timer", "Session-Expires: 7200"}, 200, "1800;refresher=uac"},
		{"somebody on the way wants more", []string{"Supported: timer", "Session-Expires: 120", "Min-SE: 300"}, 200, "300;refresher=uac"},
		{"it asks for too little", []string{"Supported: timer", "Session-Expires: 30"}, 422, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUA(t, w)
			r := u.do(wire.Invite, u.room("100"), u.offer("8"), tt.fields...)
			if r.Status != tt.status || r.Get("Session-Expires") != tt.want {
				t.Errorf("%d, Session-Expires %q", r.Status, r.Get("Session-Expires"))
			}
			if tt.status == 422 && r.Get("Min-SE") != "90" {
				t.Errorf("Min-SE %q", r.Get("Min-SE"))
			}
			if strings.HasSuffix(tt.want, "uac") != r.Names("Require", "timer") {
				t.Errorf("Require %q", r.Get("Require"))
			}
		})
	}
}

func TestDeadPhoneIsNoticed(t *testing.T) {
	w := serve(t, nil, brief)
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "", "Supported: timer", "Session-Expires: 2;refresher=uac")
	seat := w.rooms.last(t)
	if r := u.do(wire.Update, u.room("100"), "", "Supported: timer", "Session-Expires: 2;refresher=uac"); r.Status != 200 {
		t.Fatalf("sign of life: %d", r.Status)
	}
	bye := u.expect(wire.Bye)
	if !strings.Contains(bye.Get("Reason"), "session timer") {
		t.Errorf("Reason %q", bye.Get("Reason"))
	}
	eventually(t, "the seat is free", seat.isClosed)
}

func TestServerGivesSignsOfLife(t *testing.T) {
	for name, fields := range map[string][]string{
		wire.Update: {"Allow: INVITE, ACK, BYE, UPDATE"},
		wire.Invite: {"Allow: INVITE, ACK, BYE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, nil, brief)
			u := newUA(t, w)
			u.call(u.room("100"), u.offer("8"), "", fields...)
			body := ""
			for range 2 {
				m := u.expect(name)
				if name == wire.Invite {
					body = u.offer("8")
				}
				u.reply(m, 200, body)
				if name == wire.Invite {
					u.expect(wire.Ack)
				}
			}
			u.reply(u.expect(name), 481, "")
			eventually(t, "the call is over", func() bool { return w.Stats().Calls == 0 })
		})
	}
}

func TestAPhoneThatAgreesToNoIntervalIsHungUpOn(t *testing.T) {
	w := serve(t, nil, brief)
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "", "Allow: INVITE, ACK, BYE, UPDATE")
	for _, least := range []string{"3", "3"} {
		m := u.expect(wire.Update)
		r := wire.NewResponse(m, 422, "", u.tag)
		r.Add("Min-SE", least)
		u.send(r)
	}
	u.expect(wire.Bye)
}

func TestSilentPhoneIsHungUpOn(t *testing.T) {
	w := serve(t, nil, func(s *Server) { s.cfg.Session.Silence = 200 * time.Millisecond })
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "")
	u.expect(wire.Bye)
	v := newUA(t, w)
	v.call(v.room("100"), v.offer("8", "inactive"), "")
	time.Sleep(400 * time.Millisecond)
	if w.Stats().Calls != 1 {
		t.Error("a call on hold is ended for its silence")
	}
}

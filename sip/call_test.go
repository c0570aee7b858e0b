package sip

import (
	"strings"
	"testing"
	"time"

	"muster/sip/wire"
)

func TestCallWithAnOfferIsConnected(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	r := u.call(u.room("100"), u.offer("8 0 101", "rtpmap:101 telephone-event/8000", "fmtp:101 0-15"), "")
	s := u.parse(r)
	if got := strings.Join(s.Media[0].Formats, " "); got != "8 101" {
		t.Errorf("agreed on %q", got)
	}
	u.play(8, 20)
	if n := u.heard(200 * time.Millisecond); n < 15 {
		t.Errorf("%d packets come back", n)
	}
	u.press(101, 8000, "12#")
	seat := w.rooms.last(t)
	eventually(t, "the keys are heard", func() bool { seat.mu.Lock(); defer seat.mu.Unlock(); return string(seat.keys) == "12#" })
	if r := u.do(wire.Bye, u.room("100"), ""); r.Status != 200 {
		t.Errorf("BYE: %d", r.Status)
	}
	eventually(t, "the seat is free", seat.isClosed)
}

func TestLateOfferIsAnsweredInAck(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	r := u.do(wire.Invite, u.room("100"), "")
	if r.Status != 200 || len(r.Body) == 0 {
		t.Fatalf("%d without an offer", r.Status)
	}
	offer := u.parse(r)
	if len(offer.Media) != 2 || offer.Media[0].Kind != "audio" || offer.Media[1].Kind != "video" {
		t.Fatalf("offered %v", offer.Media)
	}
	u.learn(r)
	answer := u.offer("0 101", "rtpmap:101 telephone-event/8000") + "m=video 0 RTP/AVP 97\r\n"
	u.send(u.request(wire.Ack, u.room("100"), answer))
	seat := w.rooms.last(t)
	eventually(t, "the codec is that of the answer", func() bool { seat.mu.Lock(); defer seat.mu.Unlock(); return seat.audio.Name == "PCMU" })
	u.play(0, 20)
	if n := u.heard(200 * time.Millisecond); n < 15 {
		t.Errorf("%d packets come back", n)
	}
}

func TestLateOfferWithoutAnAnswerEndsTheCall(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	r := u.do(wire.Invite, u.room("100"), "")
	u.learn(r)
	u.send(u.request(wire.Ack, u.room("100"), ""))
	u.expect(wire.Bye)
}

func TestHoldAndResume(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "")
	u.play(8, 10)
	u.heard(100 * time.Millisecond)
	for _, tt := range []struct {
		name, offer, want string
		sent              bool
	}{
		{"sendonly", u.offer("8", "sendonly"), "recvonly", false},
		{"inactive", u.offer("8", "inactive"), "inactive", false},
		{"unspecified address", strings.Replace(u.offer("8"), "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1), "sendrecv", false},
		{"back", u.offer("8", "sendrecv"), "sendrecv", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := u.call(u.room("100"), tt.offer, "")
			if !strings.Contains(string(r.Body), "a="+tt.want+"\r\n") {
				t.Errorf("answered\n%s", r.Body)
			}
			time.Sleep(30 * time.Millisecond)
			u.heard(20 * time.Millisecond)
			u.play(8, 10)
			if n := u.heard(100 * time.Millisecond); (n > 0) != tt.sent {
				t.Errorf("%d packets come", n)
			}
		})
	}
}

func TestReinviteWithoutOfferGetsOne(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8 101", "rtpmap:101 telephone-event/8000"), "")
	r := u.do(wire.Invite, u.room("100"), "")
	s := u.parse(r)
	if r.Status != 200 || len(s.Media) != 1 || s.Media[0].Formats[0] == "" {
		t.Fatalf("%d\n%s", r.Status, r.Body)
	}
	u.send(u.request(wire.Ack, u.room("100"), u.offer("0")))
	seat := w.rooms.last(t)
	eventually(t, "the new codec is in force", func() bool { seat.mu.Lock(); defer seat.mu.Unlock(); return seat.audio.Name == "PCMU" })
	u.play(0, 10)
	if n := u.heard(100 * time.Millisecond); n < 5 {
		t.Errorf("%d packets come back", n)
	}
}

func TestBothSidesOfferAtATime(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "")
	var l *leg
	eventually(t, "the call is up", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, l = range w.legs {
		}
		return l != nil && l.describe().State == "up"
	})
	l.post(func() { l.reoffer(nil) })
	theirs := u.expect(wire.Invite)
	if r := u.do(wire.Invite, u.room("100"), u.offer("8")); r.Status != 491 {
		t.Fatalf("glare is answered with %d", r.Status)
	}
	u.send(u.request(wire.Ack, u.room("100"), ""))
	u.reply(theirs, 491, "")
	u.expect(wire.Ack)
	again := u.expect(wire.Invite) // after a while of its choice
	if again.Seq <= theirs.Seq {
		t.Errorf("the second try has CSeq %d after %d", again.Seq, theirs.Seq)
	}
	u.reply(again, 200, u.offer("8"))
	u.expect(wire.Ack)
}

func TestRoomWithPIN(t *testing.T) {
	const events = "rtpmap:101 telephone-event/8000"
	t.Run("by RFC 4733", func(t *testing.T) {
		w := serve(t, nil)
		u := newUA(t, w)
		u.call(u.room("200"), u.offer("8 101", events), "")
		u.play(8, 3)
		u.press(101, 8000, "99*4711#")
		w.rooms.last(t)
	})
	t.Run("by RFC 4733 beside opus", func(t *testing.T) {
		w := serve(t, nil)
		u := newUA(t, w)
		r := u.call(u.room("200"), u.offer("96 102 101", "rtpmap:96 opus/48000/2", events, "rtpmap:102 telephone-event/48000"), "")
		if got := strings.Join(u.parse(r).Media[0].Formats, " "); got != "96 102" {
			t.Errorf("agreed on %q", got)
		}
		u.play(96, 3)
		u.press(102, 48000, "4711#")
		w.rooms.last(t)
	})
	t.Run("by INFO", func(t *testing.T) {
		w := serve(t, nil)
		u := newUA(t, w)
		u.call(u.room("200"), u.offer("8"), "")
		for _, d := range "4711#" {
			if r := u.do(wire.Info, u.room("200"), "Signal="+string(d)+"\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay"); r.Status != 200 {
				t.Fatalf("INFO: %d", r.Status)
			}
		}
		w.rooms.last(t)
	})
	t.Run("wrong three times", func(t *testing.T) {
		w := serve(t, nil)
		u := newUA(t, w)
		u.call(u.room("200"), u.offer("8 101", events), "")
		u.play(8, 3)
		u.press(101, 8000, "1#2#3#")
		u.expect(wire.Bye)
		if w.rooms.joins != 0 {
			t.Error("somebody got in")
		}
	})
}

func TestMediaOfAStrangerIsNotHeard(t *testing.T) {
	w := serve(t, nil)
	u, v := newUA(t, w), newUA(t, w)
	u.call(u.room("100"), u.offer("8"), "")
	u.play(8, 10)
	seat := w.rooms.last(t)
	eventually(t, "sound comes", func() bool { n, _ := seat.count(); return n == 10 })
	v.media = u.media
	v.play(8, 10)
	time.Sleep(50 * time.Millisecond)
	if n, _ := seat.count(); n != 10 {
		t.Errorf("%d packets, 10 of them the caller's", n)
	}
	if n := v.heard(50 * time.Millisecond); n != 0 {
		t.Errorf("the stranger hears %d packets", n)
	}
}

func TestUnknownLinesAreAnsweredInTheirOrder(t *testing.T) {
	w := serve(t, nil)
	u := newUA(t, w)
	offer := strings.Replace(u.offer("8"), "m=audio", "m=application 5000 UDP/BFCP *\r\nm=audio", 1) + "m=text 6000 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"
	r := u.do(wire.Invite, u.room("100"), offer)
	s := u.parse(r)
	if len(s.Media) != 3 || s.Media[0].Port != 0 || s.Media[1].Port == 0 || s.Media[2].Port != 0 || s.Media[0].Kind != "application" {
		t.Errorf("answered\n%s", r.Body)
	}
}

func TestWhatCannotBeConnected(t *testing.T) {
	w := serve(t, nil)
	for _, tt := range []struct {
		name, target, body string
		want               int
	}{
		{"no such room, for a stranger", "999", "8", 401},
		{"nothing in common", "100", "18", 488},
		{"broken description", "100", "broken", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUA(t, w)
			body := u.offer(tt.body)
			if tt.body == "broken" {
				body = "v=0\r\nm=audio x\r\n"
			}
			if r := u.do(wire.Invite, u.room(tt.target), body); r.Status != tt.want {
				t.Errorf("%d, want %d", r.Status, tt.want)
			}
		})
	}
}

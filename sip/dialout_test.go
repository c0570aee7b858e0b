package sip

import (
	"errors"
	"slices"
	"testing"

	"muster/internal/auth"
	"muster/sip/wire"
)

func TestRoomCallsAUser(t *testing.T) {
	w := serve(t, nil)
	b := registered(t, w, "bob", "builder")
	alice := aliceOfStaff()
	d, err := w.Dial(t.Context(), alice, "200", "bob")
	if err != nil || d.State != DialCalling || d.By != "alice" || d.To != "bob" {
		t.Fatalf("%+v %v", d, err)
	}
	inv := b.expect(wire.Invite)
	b.dialled(inv, 180, "")
	w.dialIs(t, "200", DialRinging, "")
	offer := b.parse(inv)
	if offer.Media[0].Kind != "audio" || len(offer.Media[0].Formats) < 4 {
		t.Errorf("offered\n%s", inv.Body)
	}
	b.dialled(inv, 200, b.offer("8")+"m=video 0 RTP/AVP 97\r\n")
	b.expect(wire.Ack)
	// The fake room asks everybody for the PIN: who was called by alice is not in.
	b.reply(b.expect(wire.Bye), 200, "")
	w.dialIs(t, "200", DialOver, "ended")
	if got, want := w.told(), []DialState{DialRinging, DialUp, DialOver}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

// dialIs waits until the newest call of a room is in a state.
func (w *world) dialIs(t *testing.T, room string, state DialState, reason string) {
	t.Helper()
	eventually(t, "the call is "+string(state)+" "+reason, func() bool {
		all := w.DialOuts(room)
		return len(all) > 0 && all[len(all)-1].State == state && all[len(all)-1].Reason == reason
	})
}

func TestAPhoneThatRefusesAProfileIsOfferedTheNext(t *testing.T) {
	w := serve(t, nil)
	b := registered(t, w, "bob", "builder")
	if _, err := w.Dial(t.Context(), aliceOfStaff(), "100", "bob"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 3 {
		inv := b.expect(wire.Invite)
		got = append(got, b.parse(inv).Media[0].Proto)
		b.dialled(inv, 488, "")
		b.expect(wire.Ack)
	}
	w.dialIs(t, "100", DialOver, "failed")
	if want := []string{"RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF"}; !slices.Equal(got, want) {
		t.Errorf("offered %v, want %v", got, want)
	}
}

func TestWhyACallFromARoomFailsIsTold(t *testing.T) {
	w := serve(t, nil)
	b := registered(t, w, "bob", "builder")
	for _, c := range []struct {
		status int
		reason string
	}{{486, "busy"}, {603, "declined"}, {480, "no-answer"}, {404, "unknown"}, {500, "failed"}} {
		if _, err := w.Dial(t.Context(), aliceOfStaff(), "100", "bob"); err != nil {
			t.Fatal(err)
		}
		b.dialled(b.expect(wire.Invite), c.status, "")
		w.dialIs(t, "100", DialOver, c.reason)
		b.expect(wire.Ack)
	}
}

func TestCallFromARoomIsEndedByHostAndByRevocation(t *testing.T) {
	w := serve(t, nil)
	b := registered(t, w, "bob", "builder")
	alice := aliceOfStaff()
	ring := func() (DialOut, *wire.Message) {
		d, err := w.Dial(t.Context(), alice, "100", "bob")
		if err != nil {
			t.Fatal(err)
		}
		inv := b.expect(wire.Invite)
		b.dialled(inv, 180, "")
		w.dialIs(t, "100", DialRinging, "")
		return d, inv
	}
	d, _ := ring()
	if w.EndDialOut("200", d.ID) {
		t.Error("a call of another room was ended")
	}
	if !w.EndDialOut("100", d.ID) {
		t.Error("the call is not there")
	}
	b.expect(wire.Cancel)
	w.dialIs(t, "100", DialOver, "cancelled")
	if w.EndDialOut("100", d.ID) {
		t.Error("a call was ended twice")
	}
	ring()
	w.sessions.Revalidate(func(i auth.SessionInfo) bool { return i.User == "alice" }, func(auth.Identity) (auth.Identity, error) {
		return auth.Identity{}, auth.ErrDenied
	})
	b.expect(wire.Cancel)
	w.dialIs(t, "100", DialOver, "cancelled")

	d, inv := ring()
	b.dialled(inv, 200, b.offer("8")+"m=video 0 RTP/AVP 97\r\n")
	b.expect(wire.Ack)
	w.dialIs(t, "100", DialUp, "")
	if !w.EndDialOut("100", d.ID) {
		t.Error("the call is not there")
	}
	b.expect(wire.Bye)
	w.dialIs(t, "100", DialOver, "ended")
}

func TestARoomRingsSoManyAndNoMore(t *testing.T) {
	w := serve(t, func(c *Config, _ *Deps) { c.Caps.PerUser = 100 })
	registered(t, w, "bob", "builder")
	var err error
	for range maxRinging + 1 {
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Dial(t.Context(), aliceOfStaff(), "100", "bob")
	}
	if !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
}

func TestRoomCallsNobodyItMayNot(t *testing.T) {
	w := serve(t, func(c *Config, _ *Deps) { c.Domain = "here.example" })
	registered(t, w, "bob", "builder")
	stranger := auth.Identity{User: "eve", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "other", In: true, Out: true}}}
	for _, target := range []string{"bob", "nobody"} { // eve cannot tell them apart
		if _, err := w.Dial(t.Context(), stranger, "100", target); !errors.Is(err, ErrNowhere) {
			t.Errorf("eve calls %s: %v", target, err)
		}
	}
	for _, target := range []string{"sip:bob@elsewhere.example", "200", "carol", ""} {
		if _, err := w.Dial(t.Context(), aliceOfStaff(), "100", target); !errors.Is(err, ErrNowhere) {
			t.Errorf("alice calls %q: %v", target, err)
		}
	}
	if all := w.DialOuts("100"); len(all) != 0 {
		t.Errorf("%v", all)
	}
}

func TestWhatTheServerKnowsOfPhonesAndCallsIsTold(t *testing.T) {
	sock := provider(t)
	w := serve(t, func(c *Config, _ *Deps) {
		c.Trunks = []TrunkConfig{{Name: "pstn", Address: sock.LocalAddr().String(), Transport: "udp"}}
	})
	b := registered(t, w, "bob", "builder")
	b.call(b.room("100"), b.offer("8"), "")
	regs := w.Registrations()
	if len(regs) != 1 || regs[0].User != "bob" || regs[0].Remote != b.local() || regs[0].Transport != "udp" || regs[0].Expires.IsZero() {
		t.Errorf("%+v", regs)
	}
	eventually(t, "the call is up", func() bool {
		c := w.Calls()
		return len(c) == 1 && c[0].State == "up" && c[0].User == "bob" && c[0].Room == "100" && c[0].Audio == "PCMA" && !c[0].Secure
	})
	if tr := w.Trunks(); len(tr) != 1 || tr[0].Name != "pstn" || tr[0].Registers || tr[0].Registered || tr[0].Calls != 0 {
		t.Errorf("%+v", tr)
	}
}

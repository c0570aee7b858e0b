package mcu

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/internal/store/storetest"
	"muster/media/codec"
)

func TestWhoGetsIn(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.PIN, s.Hosts = "4711", []string{"hanna"} })
	guest := auth.Guest("Gast", "rooms/briefing", []string{"red"})
	stranger := auth.Identity{User: "nora", Role: auth.RoleMember, System: true, Groups: []auth.Grant{{Group: "blue", In: true, Out: true}}}
	for _, c := range []struct {
		name string
		id   auth.Identity
		edit func(*JoinRequest)
		err  error
		role Role
	}{
		{"who may write speaks", member("mike", true), nil, nil, Speaker},
		{"who may only read listens", member("lisa", false), nil, nil, Listener},
		{"the owner hosts", admin, nil, nil, Host},
		{"a named host hosts", member("hanna", true), nil, nil, Host},
		{"another group finds nothing", stranger, nil, ErrNotFound, ""},
		{"nobody finds nothing", auth.Identity{}, nil, ErrNotFound, ""},
		{"a room that is not there", admin, func(r *JoinRequest) { r.Room = "none" }, ErrNotFound, ""},
		{"a guest without PIN", guest, nil, ErrPIN, ""},
		{"a guest with a wrong PIN", guest, func(r *JoinRequest) { r.PIN = "0815" }, ErrPIN, ""},
		{"a guest with the PIN", guest, func(r *JoinRequest) { r.PIN = "4711" }, nil, Speaker},
		{"a guest with an invitation", guest, func(r *JoinRequest) { r.Invited = true }, nil, Speaker},
		{"a guest of another room", auth.Guest("x", "rooms/other", []string{"red"}), func(r *JoinRequest) { r.Invited = true }, ErrNotFound, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, e, err := h.join(t, c.id, c.edit)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if role, waiting := p.Role(); role != c.role || waiting {
				t.Errorf("role %s, waiting %v, want %s", role, waiting, c.role)
			}
			if e.events[0].Type != EventState {
				t.Errorf("first told of %s", e.events[0].Type)
			}
		})
	}
}

func TestPINsCannotBeGuessed(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.PIN = "4711" })
	guest := auth.Guest("Gast", "rooms/briefing", []string{"red"})
	var limited *limit.ExceededError
	for range 50 {
		_, _, err := h.join(t, guest, func(r *JoinRequest) { r.PIN = "0000" })
		if errors.As(err, &limited) {
			return
		}
		if !errors.Is(err, ErrPIN) {
			t.Fatal(err)
		}
	}
	t.Error("50 wrong PINs from one address were looked at")
}

func TestDoors(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	update := func(edit func(*Settings)) {
		t.Helper()
		if _, err := h.Update(t.Context(), admin, "briefing", edit); err != nil {
			t.Fatal(err)
		}
	}
	try := func(id auth.Identity) error {
		p, _, err := h.join(t, id, nil)
		if err == nil {
			p.Leave(nil)
		}
		return err
	}
	update(func(s *Settings) { s.Locked = true })
	if err := try(member("mike", true)); !errors.Is(err, ErrLocked) {
		t.Errorf("locked: %v", err)
	}
	if err := try(admin); err != nil {
		t.Errorf("a host is locked out: %v", err)
	}
	update(func(s *Settings) { s.Locked, s.Capacity = false, 1 })
	h.mustJoin(t, member("first", true))
	if err := try(member("mike", true)); !errors.Is(err, ErrFull) {
		t.Errorf("full: %v", err)
	}
	update(func(s *Settings) { s.Capacity, s.Starts = 0, time.Now().Add(time.Hour) })
	var early *NotOpenError
	if err := try(member("mike", true)); !errors.As(err, &early) {
		t.Errorf("an hour early: %v", err)
	}
	update(func(s *Settings) { s.Starts, s.Ends = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour) })
	if err := try(member("mike", true)); !errors.Is(err, ErrOver) {
		t.Errorf("over: %v", err)
	}
}

func TestLobby(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Lobby = true })
	host, hostEar := h.mustJoin(t, admin)
	mike, mikeEar := h.mustJoin(t, member("mike", true))
	if _, waiting := mike.Role(); !waiting {
		t.Fatal("mike does not wait")
	}
	state := mikeEar.events[0].Data.(State)
	if !state.Waiting || len(state.Participants) != 1 || state.Room.PIN != "" {
		t.Errorf("who waits is told %+v", state)
	}
	if e, _ := hostEar.last(EventParticipant); !e.Data.(Member).Waiting {
		t.Error("the host is not told that mike waits")
	}
	if _, err := mike.OpenAudio(AudioFormat{Codec: "Opus"}); !errors.Is(err, ErrGone) {
		t.Errorf("sound from the lobby: %v", err)
	}
	if _, err := mike.Say("", "hello?"); !errors.Is(err, ErrGone) {
		t.Errorf("chat from the lobby: %v", err)
	}
	if err := mike.Admit(mike.ID, true); !errors.Is(err, ErrHost) {
		t.Errorf("mike lets himself in: %v", err)
	}
	if err := host.Admit(mike.ID, true); err != nil {
		t.Fatal(err)
	}
	e, _ := mikeEar.last(EventState)
	if s := e.Data.(State); s.Waiting || len(s.Participants) != 2 {
		t.Errorf("after being let in: %+v", s)
	}
	lisa, lisaEar := h.mustJoin(t, member("lisa", true))
	if err := host.Admit(lisa.ID, false); err != nil {
		t.Fatal(err)
	}
	wait(t, "lisa to be sent away", func() bool { return errors.Is(lisaEar.ended(), ErrRefused) })
	if mikeEar.count(EventLeft) != 0 {
		t.Error("mike was told of somebody who was never in")
	}
}

// TestOnlyHostsKnowTheLobby: whatever those do who wait in it.
func TestOnlyHostsKnowTheLobby(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Lobby, s.PIN = true, "471123" })
	host, hostEar := h.mustJoin(t, admin)
	mike, mikeEar := h.mustJoin(t, member("mike", true))
	if err := host.Admit(mike.ID, true); err != nil {
		t.Fatal(err)
	}
	lisa, lisaEar := h.mustJoin(t, member("lisa", true))
	told := func(e *ear) (of []bool) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, ev := range e.events {
			if m, ok := ev.Data.(Member); ok && m.ID == lisa.ID {
				of = append(of, m.Waiting)
			}
			if l, ok := ev.Data.(Left); ok && l.ID == lisa.ID {
				of = nil
			}
		}
		return of
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"unmutes", func() error { return lisa.SetMuted(false) }},
		{"is muted", func() error { return host.Mute(lisa.ID, true) }},
		{"may speak", func() error { return host.SetRole(lisa.ID, Speaker) }},
		{"listens", func() error { return lisa.Listen(true) }},
		{"has other rights", func() error { lisa.changed(member("lisa", false)); return nil }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("lisa %s: %v", step.name, err)
		}
		if len(told(mikeEar)) != 0 {
			t.Errorf("mike learns that lisa waits, when she %s", step.name)
		}
	}
	if n := len(told(hostEar)); n < 4 {
		t.Errorf("the host is told of lisa %d times", n)
	}
	if _, ok := lisaEar.last(EventRoom); ok {
		t.Error("who waits is told of the room")
	}
	if err := host.SetRole(mike.ID, Host); err != nil {
		t.Fatal(err)
	}
	if of := told(mikeEar); len(of) != 1 || !of[0] {
		t.Errorf("who has become a host is not told who waits: %v", of)
	}
	if err := host.SetRole(mike.ID, Speaker); err != nil {
		t.Fatal(err)
	}
	if of := told(mikeEar); of != nil {
		t.Errorf("who is no host any more still sees the lobby: %v", of)
	}
	if e, _ := mikeEar.last(EventRoom); e.Data.(View).PIN != "" {
		t.Error("who is no host any more is told the PIN")
	}
	if err := host.SetRole(lisa.ID, Host); err != nil {
		t.Fatal(err)
	}
	if e, _ := lisaEar.last(EventState); e.Data.(State).Waiting {
		t.Error("a host waits in the lobby")
	}
}

// TestHostsByRightAreHostsAtOnce when the room's settings name them, or do not any
// more, while they are in it.
func TestHostsByRightAreHostsAtOnce(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	mike, ear := h.mustJoin(t, member("mike", true))
	name := func(hosts ...string) {
		t.Helper()
		if _, err := h.Update(t.Context(), admin, "briefing", func(s *Settings) { s.Hosts = hosts }); err != nil {
			t.Fatal(err)
		}
	}
	name("mike")
	if r, _ := mike.Role(); r != Host {
		t.Errorf("named a host, he is a %s", r)
	}
	if e, _ := ear.last(EventParticipant); e.Data.(Member).Role != Host {
		t.Error("he is not told")
	}
	name()
	if r, _ := mike.Role(); r != Speaker {
		t.Errorf("no host any more, he is a %s", r)
	}
}

func TestHostsDecide(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	host, _ := h.mustJoin(t, admin)
	mike, mikeEar := h.mustJoin(t, member("mike", true))
	lisa, _ := h.mustJoin(t, member("lisa", false))
	for name, try := range map[string]func() error{
		"mute":   func() error { return mike.Mute(lisa.ID, true) },
		"kick":   func() error { return mike.Kick(host.ID) },
		"role":   func() error { return mike.SetRole(mike.ID, Host) },
		"layout": func() error { return mike.SetLayout(LayoutSpeaker, nil) },
		"lock":   func() error { return mike.Change(t.Context(), func(s *Settings) { s.Locked = true }) },
	} {
		if err := try(); !errors.Is(err, ErrHost) {
			t.Errorf("%s by somebody who is no host: %v", name, err)
		}
	}
	if _, err := lisa.OpenAudio(AudioFormat{Codec: "Opus"}); !errors.Is(err, ErrListener) {
		t.Errorf("a listener speaks: %v", err)
	}
	if err := lisa.SetMuted(false); !errors.Is(err, ErrListener) {
		t.Errorf("a listener switches its microphone on: %v", err)
	}
	if err := host.SetRole(lisa.ID, Speaker); err != nil {
		t.Fatal(err)
	}
	in, err := lisa.OpenAudio(AudioFormat{Codec: "Opus"})
	if err != nil {
		t.Fatalf("a listener who was let speak: %v", err)
	}
	if err := host.SetRole(lisa.ID, Listener); err != nil {
		t.Fatal(err)
	}
	if !in.Closed() {
		t.Error("a speaker who was made a listener is still heard")
	}
	if err := mike.SetMuted(false); err != nil {
		t.Fatal(err)
	}
	if err := host.Mute(mike.ID, true); err != nil {
		t.Fatal(err)
	}
	if e, ok := mikeEar.last(EventMuted); !ok || !e.Data.(Muted).Muted {
		t.Error("mike was not told that he is muted")
	}
	if err := host.SetRole(mike.ID, Host); err != nil {
		t.Fatal(err)
	}
	if err := mike.Kick(host.ID); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("the owner was shown out by a host of his making: %v", err)
	}
	if err := host.Kick(mike.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, "mike to be shown out", func() bool { return errors.Is(mikeEar.ended(), ErrKicked) })
}

func TestWhoListensSendsNothing(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	host, _ := h.mustJoin(t, admin)
	sends := func() error {
		in, err := host.OpenAudio(AudioFormat{Codec: codec.Opus})
		if err == nil {
			in.Close()
		}
		_, pictures := host.OpenTrack(TrackSpec{Source: Camera, Codec: codec.VP8, Layers: make([]LayerInfo, 1)})
		return errors.Join(err, pictures, host.SetMuted(false))
	}
	listen := func(on bool) {
		t.Helper()
		if err := host.Listen(on); err != nil {
			t.Fatal(err)
		}
	}
	listen(true)
	if err := sends(); !errors.Is(err, ErrListener) {
		t.Errorf("who listens sends: %v", err)
	}
	listen(false)
	if err := sends(); err != nil {
		t.Errorf("who changed over does not send: %v", err)
	}
	listen(true)
	if m, _ := host.Member(); m.Role != Host || !m.Listens || !m.Muted {
		t.Errorf("who listens is %+v", m)
	}
	host.Room().mu.Lock()
	defer host.Room().mu.Unlock()
	for _, tr := range host.Room().tracks {
		if tr.owner == host {
			t.Error("who listens is seen")
		}
	}
}

func TestLosingTheRightToSpeakSilences(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	mike, _ := h.mustJoin(t, member("mike", true))
	in, err := mike.OpenAudio(AudioFormat{Codec: "Opus"})
	if err != nil {
		t.Fatal(err)
	}
	mike.changed(member("mike", false))
	if role, _ := mike.Role(); role != Listener || !in.Closed() {
		t.Errorf("role %s, closed %v", role, in.Closed())
	}
}

func TestChatReachesWhomItShould(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	a, aEar := h.mustJoin(t, member("anna", true))
	b, bEar := h.mustJoin(t, member("bert", true))
	_, cEar := h.mustJoin(t, member("carl", true))
	if _, err := a.Say("", "hello all"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Say(b.ID, "only you"); err != nil {
		t.Fatal(err)
	}
	if aEar.count(EventChat) != 2 || bEar.count(EventChat) != 2 || cEar.count(EventChat) != 1 {
		t.Errorf("told %d, %d, %d times", aEar.count(EventChat), bEar.count(EventChat), cEar.count(EventChat))
	}
	_, late := h.mustJoin(t, member("doris", true))
	if chat := late.events[0].Data.(State).Chat; len(chat) != 1 || chat[0].Text != "hello all" {
		t.Errorf("who comes later sees %+v", chat)
	}
	for _, bad := range []string{"", strings.Repeat("x", maxChat+1), "a\x00b", "\xff"} {
		if _, err := a.Say("", bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
}

func TestRoomsAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		h := open(t, DefaultConfig(), cfg)
		want := h.make(t, func(s *Settings) {
			s.Title, s.PIN, s.Number, s.Hosts, s.Lobby, s.Capacity = "Morning briefing", "123456", "100", []string{"hanna"}, true, 25
			s.Starts, s.Ends = time.Now().UTC().Truncate(time.Second), time.Now().UTC().Add(time.Hour).Truncate(time.Second)
		})
		_, secret, err := h.Invite(t.Context(), admin, "briefing", "the press", time.Hour, 1)
		if err != nil {
			t.Fatal(err)
		}
		again, err := New(context.Background(), DefaultConfig(), h.deps)
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Find(admin, "briefing")
		if err != nil {
			t.Fatal(err)
		}
		if got.Title != want.Title || got.PIN != want.PIN || got.Number != want.Number || len(got.Hosts) != 1 || !got.Lobby || got.Capacity != 25 ||
			!got.Starts.Equal(want.Starts) || !got.Ends.Equal(want.Ends) || !got.Permanent || got.Owner != "admin" {
			t.Errorf("kept %+v", got)
		}
		if s, ok := again.Dial("100"); !ok || s.Name != want.Name {
			t.Error("the number is not known")
		}
		if s, err := again.Peek(t.Context(), secret); err != nil || s.Name != want.Name {
			t.Errorf("the invitation: %v", err)
		}
		id, _, err := again.Redeem(t.Context(), secret, "Clark")
		if err != nil || !id.IsGuest() {
			t.Fatalf("redeemed: %v, %v", id, err)
		}
		if _, _, err := again.Redeem(t.Context(), secret, "Lois"); !errors.Is(err, ErrNotFound) {
			t.Errorf("an invitation for one let in two: %v", err)
		}
		if err := again.Unredeem(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if _, _, err := again.Redeem(t.Context(), secret, "Lois"); err != nil {
			t.Errorf("an invitation that let nobody in is used up: %v", err)
		}
		if err := h.Remove(t.Context(), admin, "briefing"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Find(admin, "briefing"); !errors.Is(err, ErrNotFound) {
			t.Errorf("removed: %v", err)
		}
	})
}

func TestWhoMayMakeAndChangeRooms(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Number = "100" })
	room := func(name string, edit func(*Settings)) Settings {
		s := Settings{Name: safename.MustParse(name), Groups: []string{"red"}, Entry: Speaker}
		if edit != nil {
			edit(&s)
		}
		return s
	}
	for _, c := range []struct {
		name string
		id   auth.Identity
		s    Settings
		err  error
	}{
		{"who may write to its groups", member("mike", true), room("own", nil), nil},
		{"who may only read", member("lisa", false), room("other", nil), auth.ErrDenied},
		{"a group of others", member("mike", true), room("blue", func(s *Settings) { s.Groups = []string{"blue"} }), auth.ErrDenied},
		{"a name that is taken", admin, room("briefing", nil), ErrTaken},
		{"a number that is taken", admin, room("second", func(s *Settings) { s.Number = "100" }), ErrTaken},
		{"a number that is a name", admin, room("100", nil), ErrTaken},
		{"a name with a slash", admin, room("a/b", nil), ErrInvalid},
		{"a PIN with letters", admin, room("pin", func(s *Settings) { s.PIN = "12ab" }), ErrInvalid},
		{"no groups", admin, room("none", func(s *Settings) { s.Groups = nil }), ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := h.Create(t.Context(), c.id, c.s); !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
		})
	}
	if _, err := h.Update(t.Context(), member("mike", true), "briefing", func(*Settings) {}); !errors.Is(err, ErrHost) {
		t.Errorf("changed by somebody who is no host: %v", err)
	}
	if err := h.Remove(t.Context(), member("mike", true), "briefing"); !errors.Is(err, ErrHost) {
		t.Errorf("removed by somebody who is no host: %v", err)
	}
	if _, _, err := h.Invite(t.Context(), member("mike", true), "briefing", "", time.Hour, 1); !errors.Is(err, ErrHost) {
		t.Errorf("invited by somebody who is no host: %v", err)
	}
}

func TestAdHocRoomsGo(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Linger = 0
	h := open(t, cfg, storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Permanent = false })
	p, _ := h.mustJoin(t, admin)
	h.sweep(t.Context(), time.Now().Add(time.Hour))
	if _, err := h.Find(admin, "briefing"); err != nil {
		t.Fatal("a room with somebody in was removed")
	}
	p.Leave(nil)
	h.sweep(t.Context(), time.Now().Add(time.Second))
	if _, err := h.Find(admin, "briefing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a room that nobody uses stays: %v", err)
	}
}

func TestARemovedRoomShowsEverybodyOut(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, e := h.mustJoin(t, member("mike", true))
	if err := h.Remove(t.Context(), admin, "briefing"); err != nil {
		t.Fatal(err)
	}
	wait(t, "mike to be shown out", func() bool { return errors.Is(e.ended(), ErrClosed) })
}

func TestARevokedUserIsShownOut(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	p, e := h.mustJoin(t, member("mike", true))
	if !h.sessions.Kick(p.session.Info().ID) {
		t.Fatal("the session is not on the register")
	}
	wait(t, "mike to be shown out", func() bool { return errors.Is(e.ended(), auth.ErrKicked) })
}

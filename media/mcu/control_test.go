package mcu

import (
	"errors"
	"testing"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/internal/store/storetest"
)

func TestHostsDecideFromOutside(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Lobby = true })
	name := "briefing"
	for _, s := range h.List(admin) {
		name = s.Name.String()
	}
	if _, err := h.Moderator(admin, name); !errors.Is(err, ErrGone) {
		t.Errorf("an empty room: %v", err)
	}
	mike, ear := h.mustJoin(t, member("mike", true))
	if _, err := h.Moderator(member("mike", true), name); !errors.Is(err, ErrHost) {
		t.Errorf("no host: %v", err)
	}
	if _, err := h.Moderator(admin, "other"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no room: %v", err)
	}
	m, err := h.Moderator(admin, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Admit(mike.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := mike.SetMuted(false); err != nil {
		t.Fatal(err)
	}
	if err := mike.SetHand(true); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Mute(mike.ID, true), m.LowerHand(mike.ID), m.SetLayout(LayoutSpeaker, nil), m.SetRole(mike.ID, Listener)); err != nil {
		t.Fatal(err)
	}
	if got, _ := mike.Member(); !got.Muted || !got.Hand.IsZero() || got.Role != Listener || h.Live(name).Layout() != LayoutSpeaker {
		t.Errorf("%+v", got)
	}
	if n := len(h.Live(name).Members()); n != 1 {
		t.Errorf("%d are in: the moderator is not", n)
	}
	if err := m.Mute("nobody", true); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if err := m.SetLayout("heap", nil); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if err := m.Transfer(mike.ID, "other"); !errors.Is(err, ErrNotFound) {
		t.Errorf("to no room: %v", err)
	}
	for room, group := range map[string]string{"next": "red", "theirs": "blue"} {
		if _, err := h.Create(t.Context(), admin, Settings{Name: safename.MustParse(room), Groups: []string{group}, Entry: Speaker, Locked: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Transfer(mike.ID, "theirs"); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("where mike may not be: %v", err)
	}
	if err := m.Transfer(mike.ID, "next"); err != nil {
		t.Fatal(err)
	}
	e, ok := ear.last(EventMove)
	if !ok {
		t.Fatal("mike was not told to move")
	}
	if p, _, err := h.join(t, member("mike", true), func(r *JoinRequest) { r.Room, r.Pass = "next", e.Data.(Move).Pass }); err != nil {
		t.Errorf("through the lock: %v", err)
	} else if p.Room().name != "next" {
		t.Errorf("mike is in %s", p.Room().name)
	}
	if err := m.Kick(mike.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, "mike to be shown out", func() bool { return errors.Is(ear.ended(), ErrKicked) })
}

package mcu

import (
	"errors"
	"testing"

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
	if err := m.Kick(mike.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, "mike to be shown out", func() bool { return errors.Is(ear.ended(), ErrKicked) })
}

package main

import (
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"

	"muster/internal/auth"
	"muster/media/mcu"
	"muster/voice"
)

// kept is a Mumble server that remembers whom it was to keep back.
type kept struct {
	mu    sync.Mutex
	held  []voice.Held
	notes []string
}

func (k *kept) Mute(uint32, bool) error   { return nil }
func (k *kept) Move(uint32, string) error { return nil }
func (k *kept) Dismiss(uint32) error      { return nil }

func (k *kept) Note(_ uint32, text string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.notes = append(k.notes, text)
	return nil
}

func (k *kept) Hold(session uint32, room string, h voice.Held) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if session == 7 && room == "briefing" {
		k.held = append(k.held, h)
	}
	return nil
}

func (k *kept) last() (h voice.Held, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.held); n > 0 {
		return k.held[n-1], true
	}
	return h, false
}

// TestTheLobbyHoldsForMumbleUsers and so do roles.
func TestTheLobbyHoldsForMumbleUsers(t *testing.T) {
	rooms := openPhones(t).rooms
	if _, err := rooms.Update(t.Context(), auth.System("test"), "briefing", func(s *mcu.Settings) { s.Lobby = true }); err != nil {
		t.Fatal(err)
	}
	side := &kept{}
	l := &listener{side: side, log: slog.New(slog.DiscardHandler), session: 7, user: "carl"}
	id := auth.Identity{User: "carl", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}}
	eventually(t, "the rooms to run", func() bool {
		return l.enter(rooms, mcu.JoinRequest{Identity: id, Room: "briefing", Name: "carl", Via: viaMumble}) == nil
	})
	defer l.leave()
	becomes := func(want voice.Held) {
		t.Helper()
		eventually(t, "the word of the room", func() bool { h, ok := side.last(); return ok && h == want })
	}
	becomes(voice.Held{Waits: true})
	host, err := rooms.Moderator(auth.System("test"), "briefing")
	if err != nil {
		t.Fatal(err)
	}
	self := l.p.Load().ID
	if err := host.Admit(self, true); err != nil {
		t.Fatal(err)
	}
	becomes(voice.Held{})
	for _, role := range []mcu.Role{mcu.Listener, mcu.Speaker} {
		if err := host.SetRole(self, role); err != nil {
			t.Fatal(err)
		}
		becomes(voice.Held{Listens: role == mcu.Listener})
	}
}

func TestMumbleUsersAreToldThatTheRoomIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		side := &kept{}
		l := &listener{side: side, log: slog.New(slog.DiscardHandler), session: 7}
		for _, step := range []struct {
			recording bool
			told      int
		}{{false, 0}, {true, 1}, {true, 1}, {false, 1}, {true, 2}} {
			l.Notify(mcu.Event{Type: mcu.EventRoom, Data: mcu.View{Recording: step.recording}})
			synctest.Wait()
			if len(side.notes) != step.told {
				t.Fatalf("%+v: told %q", step, side.notes)
			}
		}
	})
}

package mcu

import (
	"fmt"
	"testing"

	"muster/internal/auth"
	"muster/internal/store/storetest"
	"muster/media/codec"
)

func TestWhoIsInAndWhoTalks(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	s := h.make(t, func(s *Settings) { s.Lobby = true })
	if len(h.LiveRooms()) != 0 {
		t.Error("somebody is in an empty room")
	}
	phone := admin
	phone.Device = "fingerprint"
	host, _, err := h.join(t, phone, func(r *JoinRequest) { r.Name = "Falke 2" })
	if err != nil {
		t.Fatal(err)
	}
	h.mustJoin(t, member("lisa", true)) // waits in the lobby
	room := h.LiveRooms()[0]
	people := room.People()
	if len(people) != 1 || people[0].Device != "fingerprint" || people[0].Name != "Falke 2" || people[0].ID != host.ID {
		t.Errorf("%+v", people)
	}
	if r := room.Resource(); r.Kind != auth.KindRoom || r.Name != s.Stream() || fmt.Sprint(r.Groups) != "[red]" {
		t.Errorf("%+v", r)
	}
	if got := room.Talking(); len(got) != 0 {
		t.Errorf("%v talk", got)
	}
	v := speak(t, host, AudioFormat{Codec: codec.Opus}, 440)
	wait(t, "the talker to be heard", func() bool {
		v.say(t, true)
		got := room.Talking()
		return len(got) == 1 && got[0] == host.ID
	})
	if err := host.SetMuted(true); err != nil {
		t.Fatal(err)
	}
	if got := room.Talking(); len(got) != 0 {
		t.Errorf("%v talk, muted", got)
	}
}

func TestTheServerSaysSomething(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, lisa := h.mustJoin(t, member("lisa", true))
	h.Live("briefing").Tell("911 Alert: FALKE 2", Notice{NoticeEmergency, "911 Alert", "FALKE 2"})
	_, mike := h.mustJoin(t, member("mike", true))
	e, _ := lisa.last(EventChat)
	c, _ := e.Data.(Chat)
	if c.Text != "911 Alert: FALKE 2" || c.From != "" || c.Notice == nil || c.Notice.Callsign != "FALKE 2" {
		t.Errorf("%+v", c)
	}
	st, _ := mike.last(EventState)
	if all := st.Data.(State).Chat; len(all) != 1 || all[0].Notice == nil {
		t.Errorf("who comes later is shown %+v", all)
	}
}

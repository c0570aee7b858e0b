package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media/mcu"
	"muster/voice/alarm"
)

func TestTheRoomOfAnEmergency(t *testing.T) {
	p := openPhones(t)
	r := (*responder)(&house{rooms: p.rooms})
	e := &cot.Emergency{UID: "A-9-1-1", Kind: "911 Alert", Callsign: "Falke/2 Соколов", Groups: []string{"red"}}
	rule := &alarm.Rule{Users: []string{"lead", alarm.Everybody}}
	if _, _, err := r.Open(t.Context(), e, rule, true); !errors.Is(err, mcu.ErrNotFound) {
		t.Errorf("an old one: %v", err)
	}
	name, title, err := r.Open(t.Context(), e, rule, false)
	if err != nil || title != "911 Alert: Falke/2 Соколов" || !strings.HasPrefix(name, "sos-falke-2-") || name != emergencyRoom(e) {
		t.Fatalf("%q %q %v", name, title, err)
	}
	self := auth.System("test")
	set, err := p.rooms.Find(self, name)
	if err != nil || fmt.Sprint(set.Groups, set.Hosts, set.Permanent) != "[red] [lead] false" {
		t.Errorf("%+v %v", set, err)
	}
	// The same device needs help again, and is in other groups now.
	e.Groups = []string{"blue"}
	if again, _, err := r.Open(t.Context(), e, rule, false); again != name || err != nil {
		t.Errorf("%q %v", again, err)
	}
	if set, _ = p.rooms.Find(self, name); fmt.Sprint(set.Groups) != "[blue]" {
		t.Errorf("%+v", set)
	}
	if again, _, err := r.Open(t.Context(), e, rule, true); again != name || err != nil {
		t.Errorf("after a restart: %q %v", again, err)
	}
	long := &cot.Emergency{UID: "C", Kind: strings.Repeat("x", 48), Callsign: strings.Repeat("Ю", 48), Groups: []string{"red"}}
	if _, title, err := r.Open(t.Context(), long, rule, false); err != nil || len([]rune(title)) != 98 {
		t.Errorf("as long as it can be: %q %v", title, err)
	}
	other := &cot.Emergency{UID: "B", Kind: strings.Repeat("x", 48), Callsign: strings.Repeat("Ю", 48), Groups: []string{"red"}}
	if _, err := p.rooms.Create(t.Context(), self, mcu.Settings{Name: safename.MustParse(emergencyRoom(other)), Groups: []string{"red"}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Open(t.Context(), other, rule, false); !errors.Is(err, mcu.ErrTaken) {
		t.Errorf("a room of somebody else's: %v", err)
	}
	if name, _, err := r.Open(t.Context(), e, &alarm.Rule{Room: "briefing"}, false); name != "briefing" || err != nil {
		t.Errorf("%q %v", name, err)
	}
	if _, _, err := r.Open(t.Context(), e, &alarm.Rule{Room: "nowhere"}, false); !errors.Is(err, mcu.ErrNotFound) {
		t.Errorf("a room that is not there: %v", err)
	}
}

func TestWhatIsSaidOfAnEmergency(t *testing.T) {
	e := &cot.Emergency{Kind: "911 Alert", Callsign: "FALKE 2", Point: wire.Point{Lat: 52.5, Lon: 13.25}}
	if got := notice(e, mcu.NoticeEmergency); got != "911 Alert: FALKE 2, at 52.50000 13.25000" {
		t.Error(got)
	}
	if got := notice(e, mcu.NoticeCancelled); got != "911 Alert: FALKE 2, cancelled" {
		t.Error(got)
	}
}

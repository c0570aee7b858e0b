package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAnEmergencyOpensARoom is an alert of a TAK client: a telephone is called and
// answers into the room, a browser is called, and a Mumble user in the channel of
// the group is told; on the map of the browser one sees who is in and talks.
func TestAnEmergencyOpensARoom(t *testing.T) {
	need(t, "baresip")
	t.Parallel()
	hooked := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		hooked <- string(b)
	}))
	t.Cleanup(hook.Close)
	s := startTAK(t, "MUSTER_CONFIG="+writeConfig(t, `
voice:
  emergencies:
    - {groups: [red], types: ["911"], users: [anna], numbers: [bert], owner: anna, mumble: text, record: true}
web:
  webhooks:
    - {url: "`+hook.URL+`", secret: "a secret of twenty-four characters", private: true, events: [emergency.room]}
`))
	s.group(t, "red", "blue")
	for _, u := range []string{"anna", "carl"} {
		s.user(u, "red")
	}
	bert, dora, erik := s.member(t, "bert", "red"), s.member(t, "dora", "red"), s.member(t, "erik", "blue")
	bert.connect(t, "tls", "E-B", "BERT").report()
	phone := s.phone(t, "bert", "H264")
	carl := s.radio(t, "carl", "red")
	anna := s.notified(t, "anna")
	situation := s.situation(t, "anna")
	// A registration that gets no answer is tried again only after a minute.
	wait(t, 2*time.Minute, "the phone to register", func() error {
		var out struct{ Registrations []any }
		if code := s.api("admin", http.MethodGet, "sip/registrations", nil, &out); code != http.StatusOK || len(out.Registrations) == 0 {
			return errors.New("it is not there")
		}
		return nil
	})

	// The alert of a group that the rule is not about comes first, so that it would
	// be seen.
	other := erik.connect(t, "tls", "E-E", "EULE").report()
	other.send(event("E-E-9-1-1", "b-a-o-tbl", `<emergency type="911 Alert">EULE</emergency>`))
	other.ping()
	falke := dora.connect(t, "tls", "E-D", "FALKE 2").report()
	alarm := event("E-D-9-1-1", "b-a-o-tbl", `<link uid="E-D" type="a-f-G-U-C" relation="p-p"/><emergency type="911 Alert">FALKE 2</emergency>`)
	falke.send(alarm)

	var call struct{ Room, Title, From string }
	anna.await("call", &call, func() bool { return true })
	if call.Title != "911 Alert: FALKE 2" || call.From != "FALKE 2" {
		t.Errorf("called %+v", call)
	}
	carl.awaitText("911 Alert: FALKE 2, at 52.5162")
	wait(t, patience, "the phone to be in the room", func() error {
		phone.do("accept", "")
		if in := s.present(t, call.Room); !strings.Contains(in, "sip bert") {
			return fmt.Errorf("in the room: %q", in)
		}
		return nil
	})
	anna.ask("join", map[string]any{"room": call.Room})
	wait(t, patience, "the recording", func() error {
		if on, _ := anna.sees(); !on {
			return errors.New("the room is not recorded")
		}
		return nil
	})
	situation.await("the phone on the map, which sends a tone", func(m shown) bool {
		return m.where["bert"] == call.Room && m.uids["bert"] == "E-B" && m.talks["bert"]
	})

	falke.send(alarm) // as ATAK does now and then: it opens no other room
	falke.send(event("E-D-9-1-1", "b-a-o-can", `<emergency cancel="true">FALKE 2</emergency>`))
	var said struct {
		Text   string
		Notice struct{ Type string }
	}
	anna.await("chat", &said, func() bool { return said.Notice.Type == "cancelled" })
	if said.Text != "911 Alert: FALKE 2, cancelled" {
		t.Errorf("said %q", said.Text)
	}
	carl.awaitText("911 Alert: FALKE 2, cancelled")
	for _, want := range []string{"opened", "cancelled"} {
		var m struct {
			Type string
			Data struct {
				State, Room, Callsign string
				Invited, Called       int
			}
		}
		if err := json.Unmarshal([]byte(<-hooked), &m); err != nil || m.Type != "emergency.room" || m.Data.State != want || m.Data.Room != call.Room {
			t.Errorf("the webhook was told %+v, %v", m, err)
		} else if want == "opened" && (m.Data.Invited != 1 || m.Data.Called != 1) {
			t.Errorf("the webhook was told %+v", m)
		}
	}
	var rooms struct{ Rooms []struct{ Name string } }
	s.api("admin", http.MethodGet, "rooms", nil, &rooms)
	n := 0
	for _, r := range rooms.Rooms {
		if strings.HasPrefix(r.Name, "sos-") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d rooms were made: %+v", n, rooms)
	}
}

// awaitText waits until the Mumble client was sent a text.
func (r *radio) awaitText(want string) {
	r.t.Helper()
	wait(r.t, patience, "the text "+want, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !strings.Contains(strings.Join(r.texts, "\n"), want) {
			return fmt.Errorf("told %q", r.texts)
		}
		return nil
	})
}

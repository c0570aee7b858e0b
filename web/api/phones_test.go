package api

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"muster/internal/auth"
	"muster/sip"
)

// exchange is one where nora can be called, "1" is beyond the rights of
// everybody, "2" is one call too many, and the call CALL goes on.
type exchange struct{}

func (exchange) Dial(_ context.Context, id auth.Identity, room, target string) (sip.DialOut, error) {
	switch target {
	case "nora":
		return sip.DialOut{ID: "CALL", Room: room, To: target, By: id.User, State: sip.DialCalling}, nil
	case "1":
		return sip.DialOut{}, fmt.Errorf("sip: call 1: %w", auth.ErrDenied)
	case "2":
		return sip.DialOut{}, fmt.Errorf("sip: call 2: %w", sip.ErrBusy)
	}
	return sip.DialOut{}, sip.ErrNowhere
}

func (exchange) DialOuts(room string) []sip.DialOut {
	return []sip.DialOut{{ID: "CALL", Room: room, State: sip.DialRinging}}
}

func (exchange) EndDialOut(room, id string) bool   { return room == "briefing" && id == "CALL" }
func (exchange) Calls() []sip.CallInfo             { return []sip.CallInfo{{ID: "x"}} }
func (exchange) Registrations() []sip.Registration { return nil }
func (exchange) Trunks() []sip.TrunkInfo           { return []sip.TrunkInfo{{Name: "pstn"}} }

func TestOnlyHostsHaveARoomCall(t *testing.T) {
	h := openHouse(t)
	h.as(t, "mike", "POST", "/api/v1/rooms", object{"name": "own", "groups": []string{"red"}})
	for _, c := range []struct {
		user, room, to string
		want           int
	}{
		{"mike", "own", "nora", http.StatusCreated},
		{"mike", "own", "1", http.StatusForbidden},
		{"mike", "own", "2", http.StatusTooManyRequests},
		{"mike", "own", "3", http.StatusNotFound},
		{"mike", "own", "", http.StatusUnprocessableEntity},
		{"olga", "own", "nora", http.StatusForbidden}, // of the group, but no host
		{"nora", "own", "nora", http.StatusNotFound},  // of another group
		{"nora", "none", "nora", http.StatusNotFound},
	} {
		res := h.as(t, c.user, "POST", "/api/v1/rooms/"+c.room+"/calls", object{"to": c.to})
		if res.Code != c.want {
			t.Errorf("%s has %s call %q: %d, want %d", c.user, c.room, c.to, res.Code, c.want)
		}
	}
	list := decode[struct{ Calls []sip.DialOut }](t, h.as(t, "mike", "GET", "/api/v1/rooms/own/calls", nil))
	if len(list.Calls) != 1 || list.Calls[0].Room != "own" || list.Calls[0].State != sip.DialRinging {
		t.Errorf("%+v", list)
	}
	if res := h.as(t, "mike", "DELETE", "/api/v1/rooms/own/calls/CALL", nil); res.Code != http.StatusNotFound {
		t.Errorf("the call of another room is ended: %d", res.Code)
	}
	h.Dialer = nil
	if res := h.as(t, "mike", "POST", "/api/v1/rooms/own/calls", object{"to": "nora"}); res.Code != http.StatusServiceUnavailable {
		t.Errorf("without telephones: %d", res.Code)
	}
}

package api

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBreakoutRooms(t *testing.T) {
	h := openHouse(t)
	type list struct {
		Rooms []ConferenceRoom `json:"rooms"`
	}
	path := "/api/v1/rooms/briefing/breakouts"
	var made list
	res := h.as(t, "ann", "POST", path, object{"rooms": []object{{"title": "Medics"}, {}}, "minutes": 5, "free": true})
	if err := json.Unmarshal(res.Body.Bytes(), &made); res.Code != 201 || err != nil || len(made.Rooms) != 2 {
		t.Fatalf("%d %s", res.Code, res.Body)
	}
	if r := made.Rooms[0]; r.Name != "briefing-1" || r.Title != "Medics" || r.Parent != "briefing" || !r.Free || r.Ends.IsZero() {
		t.Errorf("%+v", r)
	}
	if res := h.as(t, "ann", "POST", path, object{"rooms": []object{{}}}); res.Code != 409 || !strings.Contains(res.Body.String(), "already") {
		t.Errorf("split twice: %d %s", res.Code, res.Body)
	}
	var seen list
	res = h.as(t, "mike", "GET", path, nil)
	if err := json.Unmarshal(res.Body.Bytes(), &seen); err != nil || len(seen.Rooms) != 2 {
		t.Errorf("mike sees %s", res.Body)
	}
	if res := h.as(t, "ann", "POST", path, object{"rooms": []object{}}); res.Code != 422 {
		t.Errorf("into none: %d", res.Code)
	}
	if res := h.as(t, "ann", "DELETE", path, nil); res.Code != 204 {
		t.Errorf("merge: %d %s", res.Code, res.Body)
	}
	if res := h.as(t, "ann", "DELETE", "/api/v1/rooms/none/breakouts", nil); res.Code != 404 {
		t.Errorf("no room: %d", res.Code)
	}
}

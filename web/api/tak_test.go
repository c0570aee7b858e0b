package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/files"
	"muster/cot/history"
	"muster/cot/mission"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
	"muster/web/situation"
)

// openTAK makes a TAK server without doors; its history runs until the test ends.
func openTAK(t *testing.T, db *store.DB, sessions *auth.Sessions, b *bus.Bus, log *slog.Logger) *TAK {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	k := &TAK{Map: func() Map { return Map{Layers: []MapLayer{}} }}
	k.Files, err = files.New(ctx, files.DefaultConfig(), files.Deps{DB: db, Bus: b, Log: log})
	check(err)
	cfg := history.DefaultConfig()
	cfg.FlushInterval = 10 * time.Millisecond
	k.History, err = history.New(ctx, cfg, history.Deps{DB: db, Log: log, Owner: situation.Owner})
	check(err)
	k.Router, err = cot.New(ctx, cot.DefaultConfig(), cot.Deps{DB: db, Sessions: sessions, Bus: b, Log: log, Recorder: k.History})
	check(err)
	k.Missions, err = mission.New(ctx, mission.DefaultConfig(), mission.Deps{DB: db, Log: log, Bus: b, Router: k.Router, Files: k.Files, Events: k.History})
	check(err)
	k.Router.SetMissions(k.Missions)
	k.History.SetMissions(k.Missions)
	k.Hub = situation.NewHub(k.Router, k.History, b, log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := k.History.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return k
}

// deaf is a client that takes everything and does nothing with it.
type deaf struct{}

func (deaf) Send(*cot.Event)       {}
func (deaf) Queue() cot.QueueState { return cot.QueueState{} }
func (deaf) End(error)             {}

// takRights are the operations on the situation; see rights.
var takRights = map[string]asked{
	"situation":         {"GET", "/api/v1/situation", nil, 401, 426, 426, 426},
	"listContacts":      {"GET", "/api/v1/contacts", nil, 401, 200, 200, 200},
	"releaseDevice":     {"DELETE", "/api/v1/contacts/DEVICE-1", nil, 401, 403, 403, 204},
	"getMap":            {"GET", "/api/v1/map", nil, 401, 200, 200, 200},
	"listConnections":   {"GET", "/api/v1/devices", nil, 401, 200, 200, 200},
	"endConnection":     {"DELETE", "/api/v1/devices/CONNECTION", nil, 401, 403, 204, 204},
	"listEmergencies":   {"GET", "/api/v1/emergencies", nil, 401, 200, 200, 200},
	"cancelEmergency":   {"DELETE", "/api/v1/emergencies/none", nil, 401, 403, 404, 404},
	"getItem":           {"GET", "/api/v1/items/none", nil, 401, 404, 404, 404},
	"getTrack":          {"GET", "/api/v1/items/none/track", nil, 401, 200, 200, 200},
	"getSituationAt":    {"GET", "/api/v1/situation/at?time=2026-11-01T00:00:00Z", nil, 401, 200, 200, 200},
	"getSituationSpan":  {"GET", "/api/v1/situation/span", nil, 401, 200, 200, 200},
	"putItem":           {"POST", "/api/v1/items", object{"type": "a-h-G", "lat": 1, "lon": 2, "callsign": "x"}, 401, 201, 201, 403},
	"removeItem":        {"DELETE", "/api/v1/items/none", nil, 401, 404, 404, 404},
	"listChatRooms":     {"GET", "/api/v1/chat/rooms", nil, 401, 200, 200, 200},
	"listMessages":      {"GET", "/api/v1/chat?room=Cyan", nil, 401, 200, 200, 200},
	"say":               {"POST", "/api/v1/chat", object{"room": "All Chat Rooms", "text": "hello"}, 401, 201, 201, 403},
	"markRead":          {"POST", "/api/v1/chat/read", object{"room": "Cyan"}, 401, 204, 204, 204},
	"listPackages":      {"GET", "/api/v1/packages", nil, 401, 200, 200, 200},
	"addPackage":        {"POST", "/api/v1/packages?name=x.zip", object{}, 401, 201, 201, 201},
	"changePackage":     {"PATCH", "/api/v1/packages/HASH", object{"name": "y.zip"}, 401, 403, 200, 200},
	"removePackage":     {"DELETE", "/api/v1/packages/HASH", nil, 401, 403, 204, 204},
	"getPackageContent": {"GET", "/api/v1/packages/HASH/content", nil, 401, 200, 200, 200},
	"sendPackage":       {"POST", "/api/v1/packages/HASH/send", object{"uids": []string{"none"}}, 401, 404, 404, 404},
	"listMissions":      {"GET", "/api/v1/missions", nil, 401, 200, 200, 200},
	"getMission":        {"GET", "/api/v1/missions/MISSION", nil, 401, 200, 200, 200},
	"addMission":        {"POST", "/api/v1/missions", object{"name": "new"}, 401, 200, 200, 403},
	"changeMission":     {"PATCH", "/api/v1/missions/MISSION", object{"password": "s3cret"}, 401, 403, 200, 200},
	"removeMission":     {"DELETE", "/api/v1/missions/MISSION", nil, 401, 403, 204, 204},
	"addContents":       {"POST", "/api/v1/missions/MISSION/contents", object{"uids": []string{"none"}}, 401, 200, 200, 200},
	"removeContents":    {"DELETE", "/api/v1/missions/MISSION/contents?uid=none", nil, 401, 404, 404, 404},
	"addLog":            {"POST", "/api/v1/missions/MISSION/logs", object{"content": "x"}, 401, 200, 200, 200},
	"setMissionRole":    {"PUT", "/api/v1/missions/MISSION/roles", object{"clientUid": "none", "username": "mike", "role": "MISSION_OWNER"}, 401, 403, 404, 404},
	"inviteToMission":   {"POST", "/api/v1/missions/MISSION/invite", object{"uids": []string{"none"}, "role": "MISSION_SUBSCRIBER"}, 401, 200, 200, 200},
	"listProfiles":      {"GET", "/api/v1/profiles", nil, 401, 403, 403, 200},
	"addProfile":        {"POST", "/api/v1/profiles", object{"name": "new"}, 401, 403, 403, 201},
	"changeProfile":     {"PATCH", "/api/v1/profiles/PROFILE", object{"active": false}, 401, 403, 403, 200},
	"removeProfile":     {"DELETE", "/api/v1/profiles/PROFILE", nil, 401, 403, 403, 204},
	"addProfileFile":    {"POST", "/api/v1/profiles/PROFILE/files?name=a.pref", object{}, 401, 403, 403, 201},
	"removeProfileFile": {"DELETE", "/api/v1/profiles/PROFILE/files/FILE", nil, 401, 403, 403, 204},
	"getRetention":      {"GET", "/api/v1/retention", nil, 401, 403, 403, 200},
	"setRetention":      {"PUT", "/api/v1/retention", object{"rules": []object{{"kind": "chat", "days": 10, "megabytes": 0}}, "schedule": "04:00"}, 401, 403, 403, 200},
	"previewRetention":  {"POST", "/api/v1/retention/preview", nil, 401, 403, 403, 200},
	"runRetention":      {"POST", "/api/v1/retention/run", nil, 401, 403, 403, 200},
}

// fillTAK puts real ids of the situation into path: olga's, in the group red.
func (h *house) fillTAK(t *testing.T, path string) string {
	t.Helper()
	olga, ann := h.identity(t, "olga"), h.identity(t, "ann")
	put := func(word string, id func() (string, error)) {
		t.Helper()
		if !strings.Contains(path, word) {
			return
		}
		with, err := id()
		if err != nil {
			t.Fatal(err)
		}
		path = strings.Replace(path, word, with, 1)
	}
	put("HASH", func() (string, error) {
		f, err := h.TAK.Files.Put(t.Context(), olga, files.Meta{Name: "x.zip"}, bytes.NewReader([]byte("content")))
		return f.Hash, err
	})
	put("MISSION", func() (string, error) {
		m, _, err := h.TAK.Missions.Put(t.Context(), h.inMission(olga), "flood", mission.Spec{})
		return m.GUID, err
	})
	put("CONNECTION", func() (string, error) {
		_, err := h.join(t, olga)
		return h.TAK.Router.Subscriptions(ann)[0].ID, err
	})
	put("DEVICE-1", func() (string, error) {
		_, err := h.join(t, olga)
		return "DEVICE-1", err
	})
	if !strings.Contains(path, "PROFILE") {
		return path
	}
	name := "field"
	p, err := h.TAK.Files.Profiles.Create(t.Context(), ann, files.ProfileChange{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	f, err := h.TAK.Files.Profiles.AddFile(t.Context(), ann, p.ID, "a.pref", strings.NewReader("<preferences/>"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("PROFILE", strconv.FormatInt(p.ID, 10), "FILE", strconv.FormatInt(f.ID, 10)).Replace(path)
}

// join connects a device that has reported itself.
func (h *house) join(t *testing.T, id auth.Identity) (*cot.Client, error) {
	t.Helper()
	c, err := h.TAK.Router.Join(cot.Join{Identity: id, Protocol: "tls", Remote: netip.MustParseAddrPort("192.0.2.1:4000"), Sink: deaf{}})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close(nil) })
	ev := wire.New("DEVICE-1", "a-f-G-U-C", "m-g", time.Now(), time.Minute)
	ev.Contact = wire.Contact{Callsign: "ONE", Endpoint: "*:-1:stcp"}
	return c, c.Receive(t.Context(), ev)
}

package missions

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/cot/mission/missiontest"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/run"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if run.Panics() > 0 && code == 0 {
		code = 1
	}
	os.Exit(code)
}

var (
	anna  = missiontest.Member("anna", "fire")
	ben   = missiontest.Member("ben", "fire")
	carla = missiontest.Member("carla", "police")
	admin = missiontest.Admin()
)

// site is a server with a memory of which routes were used.
type site struct {
	*missiontest.World
	t    *testing.T
	mux  *http.ServeMux
	used map[string]bool
}

func newSite(t *testing.T) *site {
	t.Helper()
	w := missiontest.New(t, store.Config{})
	a, err := New(Deps{Missions: w.Service, Node: reply.Node{ID: "0123456789abcdef"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{World: w, t: t, mux: http.NewServeMux(), used: make(map[string]bool)}
	a.Routes(s.mux)
	return s
}

// call sends a request and checks what holds for every answer.
func (s *site) call(id auth.Identity, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	r = r.WithContext(reply.With(r.Context(), reply.Caller{Identity: id, Secure: true}))
	w := httptest.NewRecorder()
	s.note(r.URL, method)
	s.mux.ServeHTTP(w, r)
	if w.Header().Get("Content-Type") == "application/json" {
		var v any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			s.t.Errorf("%s %s: %v in %s", method, path, err, w.Body)
		}
		if at, ok := null(v, "answer"); ok {
			s.t.Errorf("%s %s: %s is null", method, path, at)
		}
	}
	return w
}

// note remembers the route of a request.
func (s *site) note(u *url.URL, method string) {
	parts, ok := split(u)
	if !ok || len(parts) == 0 || !strings.HasPrefix(u.Path, base+"/") {
		return
	}
	mark := func(table []route, parts []string) bool {
		for _, rt := range table {
			if _, ok := fits(rt.path, parts); ok && rt.method == method {
				s.used[rt.method+" "+rt.path] = true
				return true
			}
		}
		return false
	}
	if mark(fixed, parts) {
		return
	}
	if parts[0] == "guid" && len(parts) > 1 {
		parts = parts[1:]
	}
	mark(routes, parts[1:])
}

// null finds a JSON null.
func null(v any, at string) (string, bool) {
	switch v := v.(type) {
	case nil:
		return at, true
	case []any:
		for _, e := range v {
			if p, ok := null(e, at+"[]"); ok {
				return p, true
			}
		}
	case map[string]any:
		for k, e := range v {
			if p, ok := null(e, at+"."+k); ok {
				return p, true
			}
		}
	}
	return "", false
}

// envelope reads the data of an answer into v and checks the rest.
func envelope(t *testing.T, w *httptest.ResponseRecorder, typ string, v any) {
	t.Helper()
	var e struct {
		Version string          `json:"version"`
		Type    string          `json:"type"`
		Data    json.RawMessage `json:"data"`
		NodeID  string          `json:"nodeId"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("%v in %d %s", err, w.Code, w.Body)
	}
	if e.Version != "3" || e.NodeID == "" || typ != "" && e.Type != typ || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("envelope %s, content type %q", w.Body, w.Header().Get("Content-Type"))
	}
	if v != nil {
		if err := json.Unmarshal(e.Data, v); err != nil {
			t.Fatalf("%v in %s", err, e.Data)
		}
	}
}

type object = map[string]any

// TestEveryRoute goes through the life of a mission as clients do.
func TestEveryRoute(t *testing.T) {
	s := newSite(t)
	s.SetUser(anna)
	s.Router.Connect("A1", "ADLER 1", "Cyan", anna)
	s.Router.Connect("B1", "BUSSARD 1", "Red", ben)

	w := s.call(anna, "PUT", "/Marti/api/missions/Flut%20Ost.%20S%C3%BCd?creatorUid=A1&group=fire&description=x&tool=public", "")
	var list []object
	envelope(t, w, "Mission", &list)
	if w.Code != 201 || len(list) != 1 || list[0]["name"] != "Flut Ost. Süd" {
		t.Fatal(w.Code, w.Body)
	}
	for _, f := range []string{"description", "chatRoom", "baseLayer", "bbox", "boundingPolygon", "path", "classification", "tool", "keywords", "creatorUid",
		"createTime", "lastEdited", "externalData", "feeds", "mapLayers", "defaultRole", "inviteOnly", "expiration", "guid", "uids", "contents",
		"passwordProtected", "groups", "token", "ownerRole"} {
		if _, ok := list[0][f]; !ok {
			t.Errorf("the new mission has no %s", f)
		}
	}
	guid, token := list[0]["guid"].(string), list[0]["token"].(string)
	name := "/Marti/api/missions/Flut%20Ost.%20S%C3%BCd"
	byGUID := "/Marti/api/missions/guid/" + guid
	hash := s.File(t, anna, "bild.jpg", "fire")
	if err := s.Contribute(t.Context(), missiontest.Marker(t, "m-1", "Sperre 4", cot.Sender{Identity: anna, UID: "A1"}, []string{"fire"}, wire.Dest{MissionGUID: guid}), wire.Dest{MissionGUID: guid}); err != nil {
		t.Fatal(err)
	}
	s.call(anna, "PUT", "/Marti/api/missions/Other?creatorUid=A1", "")
	asJSON := []string{"Content-Type", "application/json"}
	v3 := []string{"API_VERSION", "3"}
	for _, st := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		has                      string // in the answer
	}{
		{"list", "GET", "/Marti/api/missions?passwordProtected=true&defaultRole=true", "", nil, 200, `"name":"Flut Ost. Süd"`},
		{"list of a tool", "GET", "/Marti/api/missions?tool=nothing", "", nil, 200, `"data":[]`},
		{"get", "GET", name, "", nil, 200, `"details":{"type":"a-h-G","callsign":"Sperre 4","color":"-65536"`},
		{"get, slash", "GET", name + "/", "", nil, 200, guid},
		{"get, guid", "GET", byGUID + "?changes=true&logs=true&secago=60", "", nil, 200, `"missionChanges":[{"isFederatedChange":false,"type":"ADD_CONTENT","missionName":"Flut Ost. Süd","missionGuid":"` + guid + `"`},
		{"get, upper case and braces", "GET", "/Marti/api/missions/guid/%7B" + strings.ToUpper(guid) + "%7D", "", nil, 200, guid},
		{"update", "PUT", name + "?creatorUid=A1&description=new", "", nil, 200, `"description":"new"`},
		{"update by POST", "POST", name + "?description=newer&group=fire&allowDupe=false&expiration=-1&inviteOnly=false", "", nil, 200, `"description":"newer"`},
		{"update by JSON", "PUT", name, `{"description":"json","keywords":["a"],"name":"ignored","contents":null}`, asJSON, 200, `"description":"json"`},
		{"contents", "PUT", name + "/contents?creatorUid=A1", `{"hashes":["` + hash + `"],"uids":["m-2"]}`, asJSON, 200, `"mimeType":"image/jpeg","name":"bild.jpg"`},
		{"contents, guid", "PUT", byGUID + "/contents", `{"uids":["m-3"]}`, asJSON, 200, `"data":"m-3"`},
		{"contents that are no hash", "PUT", name + "/contents", `{"hashes":["../x"]}`, asJSON, 400, `"status":"BAD_REQUEST"`},
		{"contents that are not there", "PUT", name + "/contents", `{"hashes":["` + strings.Repeat("a", 64) + `"]}`, asJSON, 404, `"code":1`},
		{"contents that are no JSON", "PUT", name + "/contents", `{`, asJSON, 400, "JSON"},
		{"remove contents", "DELETE", name + "/contents?uid=m-3&creatorUid=A1", "", nil, 200, guid},
		{"remove again", "DELETE", byGUID + "/contents?uid=m-3", "", nil, 404, ""},
		{"changes", "GET", name + "/changes?secago=100&squashed=true", "", nil, 200, `"type":"REMOVE_CONTENT"`},
		{"changes, guid, span", "GET", byGUID + "/changes?start=2020-01-01T00:00:00Z&end=2021-01-01T00:00:00.000Z", "", nil, 200, `"data":[]`},
		{"changes, no time", "GET", byGUID + "/changes?start=yesterday", "", nil, 400, ""},
		{"keywords", "PUT", name + "/keywords?creatorUid=A1", `["a","b","a"]`, asJSON, 200, `"keywords":["a","b"]`},
		{"one off", "DELETE", name + "/keywords/a", "", nil, 200, `"keywords":["b"]`},
		{"keywords off", "DELETE", name + "/keywords", "", nil, 200, `"keywords":[]`},
		{"of a uid", "PUT", name + "/uid/m-1/keywords", `["u"]`, asJSON, 200, `"keywords":["u"]`},
		{"of a uid off", "DELETE", name + "/uid/m-1/keywords", "", nil, 200, guid},
		{"of a file", "PUT", name + "/content/" + hash + "/keywords", `["f"]`, asJSON, 200, `"keywords":["f"]`},
		{"of a file off", "DELETE", name + "/content/" + hash + "/keywords", "", nil, 200, guid},
		{"archive", "GET", name + "/archive", "", nil, 200, "PK"},
		{"send", "POST", name + "/send?contacts=B1", "", nil, 200, ""},
		{"copy", "PUT", name + "/copy?copyName=Kopie&creatorUid=A1&copyPath=p", "", nil, 201, `"path":"p"`},
		{"cot", "GET", name + "/cot", "", nil, 200, `<events><event `},
		{"kml", "GET", byGUID + "/kml?download=true", "", nil, 200, `<coordinates>13.4,52.5</coordinates>`},
		{"token", "GET", name + "/token?password=", "", nil, 200, `"data":"ey`},
		{"subscribe", "PUT", name + "/subscription?uid=A1", "", nil, 201, `"username":"anna"`},
		{"subscribe, v3", "PUT", byGUID + "/subscription?uid=A2", "", v3, 201, `"missionChanges":[`},
		{"subscribe without uid", "PUT", byGUID + "/subscription", "", nil, 400, ""},
		{"contacts", "GET", name + "/contacts", "", nil, 200, `[{"notes":"anna","callsign":"ADLER 1"`},
		{"subscription", "GET", name + "/subscription?uid=A1", "", nil, 200, `com.bbn.marti.sync.model.MissionSubscription`},
		{"no subscription", "GET", name + "/subscription?uid=B7", "", nil, 404, ""},
		{"subscriptions", "GET", name + "/subscriptions", "", nil, 200, `"data":["A1","A2"]`},
		{"roles", "GET", byGUID + "/subscriptions/roles", "", nil, 200, `"clientUid":"A1","username":"anna","createTime":"`},
		{"all subscriptions", "GET", "/Marti/api/missions/all/subscriptions", "", nil, 200, `{"Flut Ost. Süd":"A1"}`},
		{"all subscriptions, guid", "GET", "/Marti/api/missions/all/subscriptions/guid", "", nil, 200, `{"` + guid + `":"A1"}`},
		{"bulk roles", "POST", name + "/subscription?creatorUid=A1", `[{"clientUid":"A2","username":"anna","role":{"type":"MISSION_READONLY_SUBSCRIBER"}}]`, asJSON, 200, ""},
		{"set role", "PUT", name + "/role?clientUid=A2&username=anna&role=MISSION_OWNER", "", nil, 200, ""},
		{"no role", "PUT", name + "/role?clientUid=A2&username=anna&role=KING", "", nil, 400, ""},
		{"role", "GET", name + "/role", "", nil, 200, `"data":{"permissions":["MISSION_READ","MISSION_WRITE","MISSION_DELETE","MISSION_SET_ROLE","MISSION_SET_PASSWORD","MISSION_UPDATE_GROUPS","MISSION_MANAGE_FEEDS","MISSION_MANAGE_LAYERS"],"type":"MISSION_OWNER"}`},
		{"unsubscribe", "DELETE", name + "/subscription?uid=A2&disconnectOnly=false", "", nil, 200, ""},
		{"invite", "PUT", name + "/invite/userName/ben?creatorUid=A1&role=MISSION_SUBSCRIBER", "", nil, 200, ""},
		{"invite, wrong type", "PUT", name + "/invite/dog/ben", "", nil, 400, ""},
		{"invite many, form", "POST", name + "/invite?creatorUid=A1", "contacts=B1&contacts=B2", []string{"Content-Type", "application/x-www-form-urlencoded"}, 200, ""},
		{"invite many, JSON", "POST", byGUID + "/invite", `[{"type":"clientUid","invitee":"B3","role":{"type":"MISSION_SUBSCRIBER"}}]`, append(v3, asJSON...), 200, ""},
		{"invitations of it", "GET", name + "/invitations", "", nil, 200, `"invitee":"B3","type":"clientUid"`},
		{"uninvite", "DELETE", byGUID + "/invite/clientUid/B3", "", nil, 200, ""},
		{"my invitations", "GET", "/Marti/api/missions/invitations?clientUid=A1", "", nil, 200, `"data":[]`},
		{"names of them", "GET", "/Marti/api/missions/all/invitations?clientUid=A1", "", nil, 200, `"data":[]`},
		{"log", "GET", name + "/log?secago=60", "", nil, 200, `"data":[]`},
		{"all logs", "GET", "/Marti/api/missions/all/logs", "", nil, 200, `"data":[]`},
		{"parent", "PUT", name + "/parent/Other", "", nil, 200, ""},
		{"of it", "GET", name + "/parent", "", nil, 200, `"name":"Other"`},
		{"children", "GET", "/Marti/api/missions/Other/children", "", nil, 200, guid},
		{"no parent", "DELETE", byGUID + "/parent", "", nil, 200, ""},
		{"parent, guid", "PUT", byGUID + "/parent/guid/" + guid, "", nil, 400, "below itself"},
		{"external data", "POST", name + "/externaldata?creatorUid=A1", `{"name":"n","tool":"t","urlData":"d","urlView":"v","notes":"","uid":"u","id":"ext"}`, asJSON, 201, `"externalData":[{"id":"ext","name":"n","tool":"t"`},
		{"external data changed", "POST", byGUID + "/externaldata/ext/change?creatorUid=A1", "token", nil, 200, ""},
		{"external data off", "DELETE", name + "/externaldata/ext", "", nil, 200, ""},
		{"map layer", "POST", name + "/maplayers?creatorUid=A1", `{"uid":"ml","name":"Karte","type":"WMS","minZoom":3,"description":null}`, asJSON, 200, `"minZoom":3`},
		{"map layer anew", "PUT", byGUID + "/maplayers", `{"uid":"ml","name":"Karte 2"}`, asJSON, 200, `"name":"Karte 2"`},
		{"map layer off", "DELETE", "/Marti/api/missions/" + guid + "/maplayers/ml", "", nil, 200, ""},
		{"feed", "POST", name + "/feed?creatorUid=A1&dataFeedUid=fire&filterCotTypes=a-h", "", nil, 200, `"dataFeedUid":"fire"`},
		{"feed off", "DELETE", name + "/feed/fire?creatorUid=A1", "", nil, 200, ""},
		{"layer", "PUT", name + "/layers?name=Eins&type=UID&uid=L1&creatorUid=A1", "", nil, 200, `"data":{"name":"Eins","type":"UID","uid":"L1"}`},
		{"layer in it", "PUT", byGUID + "/layers?name=Zwei&type=GROUP&uid=L2&parentUid=L1&creatorUid=A1", "", nil, 200, `"parentUid":"L1"`},
		{"filed", "PUT", name + "/contents?creatorUid=A1", `{"paths":{"L1":[{"uids":["m-1","m-2"]}]}}`, asJSON, 200, guid},
		{"layers", "GET", name + "/layers", "", nil, 200, `"mission_layers":[{"name":"Zwei"`},
		{"cot of a layer", "GET", byGUID + "/cot?path=L1", "", nil, 200, `<events><event `},
		{"one", "GET", byGUID + "/layers/L1", "", nil, 200, `"uids":[{"data":"m-1"`},
		{"renamed", "PUT", name + "/layers/L1/name?name=Neu&creatorUid=A1", "", nil, 200, ""},
		{"moved", "PUT", "/Marti/api/missions/guid/Flut%20Ost.%20S%C3%BCd/layers/L1/position?creatorUid=A1", "", nil, 200, ""},
		{"elsewhere", "PUT", name + "/layers/parent?layerUid=L2&layerUid=m-1&creatorUid=A1", "", nil, 200, ""},
		{"layers off", "DELETE", name + "/layers?uid=L1,L2&creatorUid=A1", "", nil, 200, ""},
		{"password", "PUT", name + "/password?password=geheim&creatorUid=A1", "", nil, 200, ""},
		{"password off", "DELETE", byGUID + "/password", "", nil, 200, ""},
		{"expiration", "PUT", name + "/expiration?expiration=4102444800", "", nil, 200, ""},
		{"expiration that is none", "PUT", name + "/expiration?expiration=soon", "", nil, 400, ""},
		{"retention's way", "PUT", "/Marti/api/retention/mission/Flut%20Ost.%20S%C3%BCd/expiry/-1", "", nil, 200, ""},
		{"paged", "GET", "/Marti/api/pagedmissions?page=0&pagesize=1&nameFilter=flut&sort=name&ascending=false", "", nil, 200, guid},
		{"second page", "GET", "/Marti/api/pagedmissions?page=7&pagesize=10", "", nil, 200, `"data":[]`},
		{"count", "GET", "/Marti/api/missioncount", "", nil, 200, `"data":3`},
		{"cops", "GET", "/Marti/api/cops?offset=0&size=10", "", nil, 200, `"data":[]`},
		{"tree of cops", "GET", "/Marti/api/cops/hierarchy", "", nil, 200, `"data":[]`},
		{"not there", "GET", "/Marti/api/missions/nothing", "", nil, 404, `"status":"NOT_FOUND","code":1`},
		{"no such route", "GET", name + "/nonsense", "", nil, 404, ""},
		{"wrong method", "POST", name + "/changes", "", nil, 405, ""},
		{"bad query", "GET", name + "?a=%zz", "", nil, 400, ""},
		{"too much", "PUT", name + "/keywords", strings.Repeat("x", 1<<20+1), asJSON, 413, ""},
		{"no package", "PUT", name + "/contents/missionpackage?creatorUid=A1", "nonsense", nil, 400, ""},
	} {
		t.Run(st.name, func(t *testing.T) {
			w := s.call(anna, st.method, st.path, st.body, append(st.headers, "MissionAuthorization", "Bearer "+token, "Authorization", "Bearer mst_login")...)
			if w.Code != st.status || !strings.Contains(w.Body.String(), st.has) {
				t.Errorf("%d, wanted %d with %s: %s", w.Code, st.status, st.has, w.Body)
			}
		})
	}
	logs(t, s, token)
	for _, tc := range []struct {
		path   string
		id     auth.Identity
		header []string
		status int
	}{
		{name, ben, nil, 403}, // no owner
		{byGUID, carla, []string{"Authorization", "Bearer " + token}, 405},
		{"/Marti/api/missions?guid=" + guid, anna, []string{"Authorization", "Bearer " + token}, 200}, // as ATAK sends it
		{name, anna, []string{"Authorization", "Bearer " + token}, 410},
	} {
		method := "DELETE"
		if tc.status == 405 {
			method = "PATCH"
		}
		if w := s.call(tc.id, method, tc.path, "", tc.header...); w.Code != tc.status {
			t.Errorf("delete %s: %d %s", tc.path, w.Code, w.Body)
		}
	}
	if w := s.call(anna, "GET", name, ""); w.Code != 410 || !strings.Contains(w.Body.String(), `"status":"GONE","code":8`) {
		t.Error(w.Code, w.Body)
	}
	if w := s.call(ben, "GET", "/Marti/api/retention/missionarchive", ""); w.Code != 403 {
		t.Error(w.Code, w.Body)
	}
	if w := s.call(admin, "GET", "/Marti/api/retention/missionarchive", ""); w.Code != 200 || !strings.Contains(w.Body.String(), guid) {
		t.Error(w.Code, w.Body)
	}
	if w := s.call(admin, "POST", "/Marti/api/retention/restoremission", guid); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
	for _, table := range [][]route{routes, fixed} {
		for _, rt := range table {
			if !s.used[rt.method+" "+rt.path] {
				t.Errorf("no test calls %s %s", rt.method, rt.path)
			}
		}
	}
}

// logs goes through the notes of a mission.
func logs(t *testing.T, s *site, token string) {
	t.Helper()
	auth := []string{"Content-Type", "application/json", "MissionAuthorization", "Bearer " + token}
	w := s.call(anna, "POST", "/Marti/api/missions/logs/entries", `{"content":"c","creatorUid":"A1","dtg":"2026-03-01T12:00:00Z","missionNames":["Flut Ost. Süd"]}`, auth...)
	var l object
	envelope(t, w, "com.bbn.marti.sync.model.LogEntry", &l)
	if w.Code != 201 || l["id"] == "" || l["dtg"] != "2026-03-01T12:00:00.000Z" {
		t.Fatal(w.Code, w.Body)
	}
	id := l["id"].(string)
	if w := s.call(anna, "PUT", "/Marti/api/missions/logs/entries", `{"id":"`+id+`","content":"d","creatorUid":"A1","missionNames":["Flut Ost. Süd"]}`, auth...); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
	var one []object
	envelope(t, s.call(anna, "GET", "/Marti/api/missions/logs/entries/"+id, "", auth...), "", &one)
	if len(one) != 1 || one[0]["content"] != "d" {
		t.Error(one)
	}
	if w := s.call(carla, "DELETE", "/Marti/api/missions/logs/entries/"+id, "", auth...); w.Code != 404 {
		t.Error(w.Code, w.Body)
	}
	if w := s.call(anna, "DELETE", "/Marti/api/missions/logs/entries/"+id, "", auth...); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
}

func TestClientsFindTheMissionsTheyExpect(t *testing.T) {
	s := newSite(t)
	for range 2 {
		if w := s.call(anna, "PUT", "/Marti/api/missions/citrap/subscription?uid=A1", ""); w.Code != 201 {
			t.Fatal(w.Code, w.Body)
		}
	}
	if w := s.call(anna, "PUT", "/Marti/api/missions/exchecktemplates/subscription?uid=A1", ""); w.Code != 201 {
		t.Fatal(w.Code, w.Body)
	}
	if w := s.call(anna, "PUT", "/Marti/api/missions/whatever/subscription?uid=A1", ""); w.Code != 404 {
		t.Fatal(w.Code, w.Body)
	}
}

func TestNamesAreTheirOwn(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"all", "logs", "invitations x", "100%", "a.b", "ä ö", "x+y", "?", "#", "4d7c2a80-41ec-4a11-8b1c-8a2c5d1f3e99"} {
		path := "/Marti/api/missions/" + url.PathEscape(name)
		if w := s.call(anna, "PUT", path+"?creatorUid=A1", ""); w.Code != 201 {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
		}
		var list []object
		envelope(t, s.call(anna, "GET", path, ""), "Mission", &list)
		if len(list) != 1 || list[0]["name"] != name {
			t.Errorf("%q: %v", name, list)
		}
	}
	for _, path := range []string{"/Marti/api/missions/a%2Fb", "/Marti/api/missions/%20", "/Marti/api/missions/a%00b", "/Marti/api/missions/" + strings.Repeat("x", 300)} {
		if w := s.call(anna, "PUT", path, ""); w.Code != 400 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestAPackageFillsAMission(t *testing.T) {
	s := newSite(t)
	s.call(anna, "PUT", "/Marti/api/missions/from?creatorUid=A1", "")
	d := wire.Dest{Mission: "from"}
	from := cot.Sender{Identity: anna, UID: "A1"}
	if err := s.Contribute(t.Context(), missiontest.Marker(t, "m-1", "x", from, []string{"fire"}, d), d); err != nil {
		t.Fatal(err)
	}
	zip := s.call(anna, "GET", "/Marti/api/missions/from/archive", "").Body.String()
	w := s.call(anna, "PUT", "/Marti/api/missions/to?creatorUid=A1", zip, "Content-Type", "application/x-zip-compressed")
	var list []object
	envelope(t, w, "Mission", &list)
	if w.Code != 201 || len(list[0]["uids"].([]any)) != 1 || list[0]["token"] == "" {
		t.Error(w.Code, w.Body)
	}
	if w := s.call(anna, "PUT", "/Marti/api/missions/from/contents/missionpackage?creatorUid=A1", zip); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
	newer := missiontest.Marker(t, "m-1", "y", from, []string{"fire"}, d)
	newer.Time += 60_000
	if err := s.Contribute(t.Context(), newer, d); err != nil {
		t.Fatal(err)
	}
	w = s.call(anna, "PUT", "/Marti/api/missions/from/contents/missionpackage?creatorUid=A1", zip)
	if w.Code != 409 || !bytes.Contains(w.Body.Bytes(), []byte(`"contentUid":"m-1"`)) {
		t.Error(w.Code, w.Body)
	}
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"/Marti/api/missions/a/contents", "/Marti/api/missions/guid/x", "/Marti/api/missions/%", "/Marti/api/missions//a//", "/Marti/api/missions/a%2Fb/keywords/%2e%2e"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		u, err := url.Parse(p)
		if err != nil {
			return
		}
		parts, ok := split(u)
		for _, part := range parts {
			if ok && part == "" {
				t.Errorf("an empty part in %q", p)
			}
		}
		if ok && len(parts) > 0 {
			match(routes, "GET", parts[1:])
		}
	})
}

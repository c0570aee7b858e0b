package vcm_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/cot/marti/vcm"
	"muster/cot/video"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func member(user string, groups ...string) auth.Identity {
	id := auth.Identity{User: user, Role: auth.RoleMember}
	for _, g := range groups {
		id.Groups = append(id.Groups, auth.Grant{Group: g, In: true, Out: true})
	}
	return id
}

var ann, bob, eve = member("ann", "red"), member("bob", "red"), member("eve", "blue")

// air has one stream with a login for whoever asks.
type air struct{}

func (air) Live(_ context.Context, id auth.Identity, host string) ([]video.Stream, error) {
	return []video.Stream{{Name: "red/cam", Title: "Cam <1>", Groups: []string{"red"}, Addresses: []video.Address{
		{URL: "rtsp://" + id.User + ":tok@" + host + ":8554/red/cam", Reliable: true}, {URL: "https://" + host + "/hls/red/cam/index.m3u8", Alias: "HLS"},
		{URL: "srt://" + host + ":8890?streamid=read:red/cam:" + id.User + ":tok", Alias: "SRT"},
	}}}, nil
}

type sent struct{ events []*wire.Event }

func (s *sent) Publish(_ context.Context, _ cot.Sender, ev *wire.Event, _ []string) error {
	s.events = append(s.events, ev)
	return nil
}

func start(t *testing.T) (*http.ServeMux, *sent) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := video.New(video.Config{}, video.Deps{DB: storetest.Open(t, store.Config{}), Log: log, Live: air{}})
	if err != nil {
		t.Fatal(err)
	}
	mux, out := http.NewServeMux(), &sent{}
	vcm.New(vcm.Deps{Video: s, Publish: out, Log: log}).Routes(mux)
	return mux, out
}

func do(t *testing.T, mux *http.ServeMux, as auth.Identity, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "https://tak.example.net:8443"+target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r.WithContext(reply.With(r.Context(), reply.Caller{Identity: as, Secure: true})))
	return w
}

type listXML struct {
	Feeds []struct {
		ID       string `xml:"id"`
		UUID     string `xml:"uuid"`
		Active   string `xml:"active"`
		Alias    string `xml:"alias"`
		Protocol string `xml:"protocol"`
		Address  string `xml:"address"`
		Port     string `xml:"port"`
		Path     string `xml:"path"`
		Reliable string `xml:"rtspReliable"`
		FOV      string `xml:"fov"`
	} `xml:"feed"`
}

func listed(t *testing.T, w *httptest.ResponseRecorder) (l listXML) {
	t.Helper()
	if err := xml.Unmarshal(w.Body.Bytes(), &l); err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "application/xml" {
		t.Fatalf("%d %v: %v: %s", w.Code, w.Header(), err, w.Body)
	}
	return l
}

const drone = `<?xml version="1.0" encoding="UTF-8"?><videoConnections><feed><uuid>d-1</uuid><active>true</active><alias>Drone &amp; 1</alias><protocol>rtsp</protocol>` +
	`<address>pilot:x@10.0.0.9</address><port>554</port><path>live</path><rtspReliable>1</rtspReliable><fov>60</fov></feed></videoConnections>`

func TestFirstInterface(t *testing.T) {
	mux, out := start(t)
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"a feed", drone, 200}, {"an entity", "<!DOCTYPE a [<!ENTITY b 'c'>]>" + drone[38:], 400}, {"no list", "<feed/>", 400}, {"nothing", "", 400}, {"empty", "<videoConnections/>", 400},
		{"a file of the client", strings.Replace(drone, ">rtsp<", ">file<", 1), 400},
	} {
		if w := do(t, mux, ann, "POST", "/Marti/vcm", c.body); w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	l := listed(t, do(t, mux, bob, "GET", "/Marti/vcm", ""))
	if len(l.Feeds) != 4 {
		t.Fatalf("%+v", l)
	}
	live, srt, stored := l.Feeds[0], l.Feeds[2], l.Feeds[3]
	if live.Address != "bob:tok@tak.example.net" || live.Port != "8554" || live.Path != "/red/cam" || live.Protocol != "rtsp" || live.Reliable != "1" || live.Alias != "Cam <1>" {
		t.Errorf("live: %+v", live)
	}
	if srt.Protocol != "srt" || srt.Path != "?streamid=read:red/cam:bob:tok" || srt.Alias != "Cam <1> (SRT)" {
		t.Errorf("srt: %+v", srt)
	}
	if stored.UUID != "d-1" || stored.Address != "pilot:x@10.0.0.9" || stored.Port != "554" || stored.Path != "/live" || stored.Alias != "Drone & 1" || stored.FOV != "60" || stored.Active != "true" {
		t.Errorf("stored: %+v", stored)
	}
	if l := listed(t, do(t, mux, bob, "GET", "/Marti/vcm", "", "User-Agent", "iTAK/2.9")); l.Feeds[0].Address != "rtsp://bob:tok@tak.example.net:8554/red/cam" {
		t.Errorf("for iTAK: %+v", l.Feeds[0])
	}
	if l := listed(t, do(t, mux, eve, "GET", "/Marti/vcm", "")); len(l.Feeds) != 0 {
		t.Errorf("for another group: %+v", l)
	}
	id := stored.ID
	for _, c := range []struct {
		by             auth.Identity
		method, target string
		status         int
	}{
		{bob, "POST", "?action=setActive&id=" + id + "&active=false", 403}, {eve, "POST", "?action=setActive&id=" + id + "&active=false", 404},
		{ann, "POST", "?action=setActive&id=" + id + "&active=x", 400}, {ann, "POST", "?action=setActive&id=" + id + "&active=false", 200},
		{bob, "DELETE", "?id=" + id, 403}, {ann, "DELETE", "?id=-1", 404}, {ann, "DELETE", "?id=" + live.ID, 404},
	} {
		if w := do(t, mux, c.by, c.method, "/Marti/vcm"+c.target, ""); w.Code != c.status {
			t.Errorf("%s %s by %s: %d %s", c.method, c.target, c.by.User, w.Code, w.Body)
		}
	}
	if l := listed(t, do(t, mux, bob, "GET", "/Marti/vcm", "")); l.Feeds[3].Active != "false" {
		t.Errorf("switched off: %+v", l.Feeds[3])
	}
	w := do(t, mux, bob, "POST", "/Marti/vcs", "feedId="+id+"&contacts=DEV-ann,DEV-cat", "Content-Type", "application/x-www-form-urlencoded")
	if w.Code != 200 || len(out.events) != 1 {
		t.Fatalf("send: %d %s", w.Code, w.Body)
	}
	v, _ := out.events[0].Child("__video")
	entry, _ := v.Child("ConnectionEntry")
	if d := wire.Dests(out.events[0].Cut("marti")); len(d) != 2 || d[1].UID != "DEV-cat" || out.events[0].Type != "b-i-v" || entry.Attr("address") != "pilot:x@10.0.0.9" {
		t.Errorf("sent: %s to %+v", out.events[0].AppendXML(nil), d)
	}
	if w := do(t, mux, ann, "DELETE", "/Marti/vcm?id="+id, ""); w.Code != 200 {
		t.Errorf("removed: %d %s", w.Code, w.Body)
	}
}

func TestSecondInterface(t *testing.T) {
	mux, _ := start(t)
	body := `{"videoConnections":[{"uuid":"c-1","active":true,"alias":"Drone","feeds":[{"uuid":"f-1","active":true,"alias":"Drone","url":"rtsp://10.0.0.9:554/live","rtspReliable":1,"latitude":52.5,"ignoreEmbeddedKLV":false}]}]}`
	if w := do(t, mux, ann, "POST", "/Marti/api/video?group=red", body); w.Code != 200 || w.Header().Get("Content-Type") == "application/json" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	w := do(t, mux, bob, "GET", "/Marti/api/video/c-1", "")
	var c map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v: %s", w.Code, err, w.Body)
	}
	feed := c["feeds"].([]any)[0].(map[string]any)
	for key, want := range map[string]any{"uuid": "f-1", "url": "rtsp://10.0.0.9:554/live", "roverPort": "-1", "ignoreEmbeddedKLV": "false", "networkTimeout": "12000",
		"bufferTime": "-1", "rtspReliable": "1", "latitude": "52.5", "order": nil, "source": nil, "macAddress": "", "width": nil} {
		if got, ok := feed[key]; !ok || got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if got := do(t, mux, bob, "GET", "/Marti/api/video?protocol=rtsp", "").Body.String(); !strings.Contains(got, `"c-1"`) || !strings.Contains(got, "Cam <1>") {
		t.Errorf("list: %s", got)
	}
	live := struct {
		VideoConnections []struct{ UUID, Alias string }
	}{}
	if err := json.Unmarshal(do(t, mux, bob, "GET", "/Marti/api/video", "").Body.Bytes(), &live); err != nil || len(live.VideoConnections) != 2 {
		t.Fatalf("%v %+v", err, live)
	}
	for _, r := range []struct {
		by                   auth.Identity
		method, target, body string
		status               int
	}{
		{eve, "GET", "/c-1", "", 404}, {eve, "PUT", "/c-1", `{"alias":"x","feeds":[{"url":"rtsp://h/x"}]}`, 404}, {bob, "PUT", "/c-1", `{"alias":"x","feeds":[{"url":"rtsp://h/x"}]}`, 403},
		{ann, "PUT", "/c-1", `{"alias":"x","feeds":[{"url":"javascript:alert(1)"}]}`, 400}, {ann, "PUT", "/c-1", `{"uuid":"other","alias":"New","feeds":[{"url":"rtsp://h/x"}]}`, 200},
		{ann, "PUT", "/" + live.VideoConnections[0].UUID, `{"alias":"x","feeds":[{"url":"rtsp://h/x"}]}`, 403}, {ann, "POST", "", `[]`, 400}, {ann, "POST", "", `{"videoConnections":[]}`, 400},
		{ann, "POST", "?group=blue", body, 403}, {eve, "DELETE", "/c-1", "", 404}, {bob, "DELETE", "/c-1", "", 403}, {bob, "GET", "/" + live.VideoConnections[0].UUID, "", 200},
		{eve, "GET", "/" + live.VideoConnections[0].UUID, "", 404}, {ann, "DELETE", "/c-1", "", 200}, {ann, "GET", "/c-1", "", 404},
	} {
		if w := do(t, mux, r.by, r.method, "/Marti/api/video"+r.target, r.body); w.Code != r.status {
			b, _ := io.ReadAll(w.Body)
			t.Errorf("%s %s %s by %s: %d %s", r.method, r.target, r.body, r.by.User, w.Code, b)
		}
	}
}

package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/marti/events"
	"muster/cot/marti/reply"
	"muster/cot/pack"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	os.Exit(code)
}

func member(user string, groups ...string) auth.Identity {
	id := auth.Identity{User: user, Role: auth.RoleMember}
	for _, g := range groups {
		id.Groups = append(id.Groups, auth.Grant{Group: g, In: true, Out: true})
	}
	return id
}

var (
	ann  = member("ann", "red")
	eve  = member("eve", "blue")
	root = auth.Identity{User: "root", Role: auth.RoleAdmin}
)

type fixture struct {
	*history.Service
	mux *http.ServeMux
}

// expiry notes what should go when.
type expiry map[string]time.Time

func (e expiry) ExpireFile(_ context.Context, by auth.Identity, hash string, at time.Time) error {
	if by.User != "root" {
		return auth.ErrDenied
	}
	if hash == "none" {
		return history.ErrNotFound
	}
	e["file "+hash] = at
	return nil
}

func start(t *testing.T) *fixture {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	c := history.DefaultConfig()
	c.FlushInterval = 10 * time.Millisecond
	h, err := history.New(t.Context(), c, history.Deps{DB: storetest.Open(t, store.Config{}), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	f := &fixture{Service: h, mux: http.NewServeMux()}
	events.New(events.Deps{History: h, Node: reply.Node{ID: "0123456789abcdef"}, Log: log, Expiry: expiry{}}).Routes(f.mux)
	return f
}

func (f *fixture) record(t *testing.T, by auth.Identity, uid, typ, how string, at time.Time, detail string) {
	t.Helper()
	ts := wire.FormatTime(at.UnixMilli())
	w, err := wire.ParseXML(fmt.Appendf(nil, `<event version="2.0" uid="%s" type="%s" how="%s" time="%s" start="%s" stale="%s"><point lat="50.5" lon="8.25" hae="10" ce="5" le="9999999.0"/><detail>%s</detail></event>`,
		uid, typ, how, ts, ts, wire.FormatTime(at.Add(time.Hour).UnixMilli()), detail), wire.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	from := cot.Sender{Identity: by, UID: "DEV-" + by.User, Callsign: strings.ToUpper(by.User)}
	f.Record(cot.NewEvent(w, from, by.WriteGroups(), at))
	if err := f.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// fill records what most tests ask for.
func (f *fixture) fill(t *testing.T) {
	now := time.Now()
	for i := range 4 {
		f.record(t, ann, "DEV-ann", "a-f-G-U-C", "m-g", now.Add(time.Duration(i-4)*20*time.Minute), `<contact callsign="A &amp; B &lt;1&gt;" endpoint="*:-1:stcp"/><__group name="Cyan" role="HQ"/>`)
	}
	f.record(t, ann, "M/1 ü", "b-m-p-s-m", "h-e", now.Add(-time.Second), `<contact callsign="Marker"/><remarks>&lt;script&gt;</remarks>`)
	f.record(t, eve, "M2", "b-m-p-s-m", "h-e", now.Add(-time.Second), "")
}

func (f *fixture) do(t *testing.T, as auth.Identity, method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, body)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r = r.WithContext(reply.With(r.Context(), reply.Caller{Identity: as, Secure: true}))
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, r)
	return w
}

// wellFormed reads all of an XML document.
func wellFormed(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		switch _, err := d.Token(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func TestQuestions(t *testing.T) {
	f := start(t)
	f.fill(t)
	day := time.Now().UTC().Format(time.DateOnly)
	for _, c := range []struct {
		name, method, target, body string
		as                         auth.Identity
		status                     int
		has, hasNot                []string
	}{
		{"newest", "GET", "/Marti/api/cot/xml/DEV-ann", "", ann, 200, []string{"<?xml", "<event ", `uid="DEV-ann"`, "A &amp; B &lt;1&gt;"}, nil},
		{"a name that must be escaped", "GET", "/Marti/api/cot/xml/M%2F1%20%C3%BC", "", ann, 200, []string{"<event ", "&lt;script&gt;"}, nil},
		{"newest of another group", "GET", "/Marti/api/cot/xml/DEV-ann", "", eve, 404, []string{`"code":1`}, []string{"DEV-ann"}},
		{"newest of nothing", "GET", "/Marti/api/cot/xml/none", "", ann, 404, nil, nil},
		{"all", "GET", "/Marti/api/cot/xml/DEV-ann/all", "", ann, 200, []string{"<events>", "<event ", "</events>"}, nil},
		{"all of another group", "GET", "/Marti/api/cot/xml/DEV-ann/all", "", eve, 200, []string{"<events></events>"}, nil},
		{"all since", "GET", "/Marti/api/cot/xml/DEV-ann/all?secago=60", "", ann, 200, []string{"<events></events>"}, nil},
		{"all with a bad time", "GET", "/Marti/api/cot/xml/DEV-ann/all?start=yesterday", "", ann, 400, nil, nil},
		{"several by comma", "POST", "/Marti/api/cot", "DEV-ann,M2,none", ann, 200, []string{`uid="DEV-ann"`}, []string{"M2"}},
		{"several by XML", "POST", "/Marti/api/cot", "<uids><uid>DEV-ann</uid><uid>M/1 ü</uid></uids>", ann, 200, []string{`uid="DEV-ann"`, `uid="M/1 ü"`}, nil},
		{"several by JSON", "POST", "/Marti/api/cot", `["M2"]`, eve, 200, []string{`uid="M2"`}, nil},
		{"several that nobody is called", "POST", "/Marti/api/cot", "DEV-ann,a\x00b", ann, 200, []string{`uid="DEV-ann"`}, nil},
		{"several by query", "GET", "/Marti/api/cot?uid=M2", "", eve, 200, []string{`uid="M2"`}, nil},
		{"several by a bomb", "POST", "/Marti/api/cot", `<!DOCTYPE x [<!ENTITY a "b">]><uids><uid>&a;</uid></uids>`, ann, 400, nil, nil},
		{"too many", "POST", "/Marti/api/cot", strings.Repeat("x,y,", 600), ann, 400, nil, nil},
		{"situation", "GET", "/Marti/api/cot/sa", "", ann, 200, []string{"<events>"}, []string{"M/1"}},
		{"situation elsewhere", "GET", "/Marti/api/cot/sa?left=0&bottom=0&right=1&top=1", "", ann, 200, []string{"<events></events>"}, nil},
		{"situation with half a box", "GET", "/Marti/api/cot/sa?left=0", "", ann, 400, nil, nil},
		{"match", "GET", "/Marti/api/cot/matchUid?search=DEV", "", ann, 200, []string{`"data":["DEV-ann"]`}, nil},
		{"match in another group", "GET", "/Marti/api/cot/matchUid?search=DEV", "", eve, 200, []string{`"data":[]`}, nil},
		{"wildcards are letters", "GET", "/Marti/api/cot/matchUid?search=%25", "", ann, 200, []string{`"data":[]`}, nil},
		{"searches", "GET", "/Marti/api/cot/search", "", ann, 200, []string{`"data":[]`}, nil},
		{"names", "GET", "/Marti/api/uidsearch?startDate=" + day + "&endDate=" + day, "", eve, 200, []string{`"uid":"M2"`}, []string{"DEV-ann"}},
		{"names without dates", "GET", "/Marti/api/uidsearch", "", ann, 400, nil, nil},
		{"the older way", "GET", "/Marti/GetCotData?uid=M2", "", eve, 200, []string{`uid="M2"`}, nil},
		{"the older way without a uid", "GET", "/Marti/GetCotData", "", eve, 400, nil, nil},
		{"count", "GET", "/Marti/api/database/cotCount", "", root, 200, []string{`"cotEvents":6`}, nil},
		{"count for members", "GET", "/Marti/api/database/cotCount", "", ann, 403, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := f.do(t, c.as, c.method, c.target, strings.NewReader(c.body))
			if w.Code != c.status {
				t.Fatalf("%d: %s", w.Code, w.Body)
			}
			for _, s := range c.has {
				if !strings.Contains(w.Body.String(), s) {
					t.Errorf("%q is missing in %s", s, w.Body)
				}
			}
			for _, s := range c.hasNot {
				if strings.Contains(w.Body.String(), s) {
					t.Errorf("%q is in %s", s, w.Body)
				}
			}
			if strings.HasSuffix(w.Header().Get("Content-Type"), "xml") {
				if err := wellFormed(w.Body.Bytes()); err != nil {
					t.Errorf("%v: %s", err, w.Body)
				}
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Error("a browser may guess the type")
			}
		})
	}
	w := f.do(t, ann, "GET", "/Marti/api/cot/xml/DEV-ann/all", nil)
	if n := strings.Count(w.Body.String(), "<event "); n != 4 {
		t.Errorf("%d events: %s", n, w.Body)
	}
}

func TestKMLExport(t *testing.T) {
	f := start(t)
	f.fill(t)
	form := url.Values{"startTime": {wire.FormatTime(time.Now().Add(-2 * time.Hour).UnixMilli())}, "endTime": {wire.FormatTime(time.Now().UnixMilli())}, "format": {"kmz"}, "groups": {"red,blue"}}
	w := f.do(t, ann, "POST", "/Marti/ExportMissionKML", strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/vnd.google-earth.kmz" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	ar, err := pack.Open(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()), pack.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	kmz, err := ar.Read("doc.kml", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	plain := f.do(t, ann, "GET", "/Marti/ExportMissionKML?format=kml&multiTrackThreshold=10", nil).Body.Bytes()
	joined := f.do(t, ann, "GET", "/Marti/ExportMissionKML?format=kml&multiTrackThreshold=30&extendedData=false", nil).Body.Bytes()
	latest := f.do(t, ann, "GET", "/Marti/LatestKML", nil).Body.Bytes()
	master := f.do(t, ann, "GET", "https://tak.example.net:8443/Marti/KmlMasterSA", nil).Body.Bytes()
	for name, c := range map[string]struct {
		doc  []byte
		has  []string
		gone string
	}{
		"kmz":    {kmz, []string{"<gx:coord>8.2500000 50.5000000 10.0</gx:coord>", "A &amp; B &lt;1&gt;", "Marker", `name="groupName"`}, "M2"},
		"kml":    {plain, []string{"</gx:Track><gx:Track>"}, "M2"},
		"joined": {joined, []string{"<gx:Track>"}, "</gx:Track><gx:Track>"},
		"latest": {latest, []string{"<Point>", "8.2500000,50.5000000,10.0", "Marker"}, "M2"},
		"master": {master, []string{"https://tak.example.net:8443/Marti/LatestKML"}, "Marker"},
	} {
		if err := wellFormed(c.doc); err != nil {
			t.Errorf("%s: %v: %s", name, err, c.doc)
		}
		for _, s := range c.has {
			if !bytes.Contains(c.doc, []byte(s)) {
				t.Errorf("%s: %q is missing in %s", name, s, c.doc)
			}
		}
		if bytes.Contains(c.doc, []byte(c.gone)) {
			t.Errorf("%s: %q is in %s", name, c.gone, c.doc)
		}
	}
	if w := f.do(t, eve, "GET", "/Marti/ExportMissionKML?format=kml&uid=DEV-ann", nil); w.Code != 200 || strings.Contains(w.Body.String(), "gx:coord") {
		t.Errorf("eve exports ann's track: %s", w.Body)
	}
	if w := f.do(t, ann, "GET", "/Marti/ExportMissionKML?interval=x", nil); w.Code != 400 {
		t.Errorf("a bad interval: %d", w.Code)
	}
}

func TestTrackUpload(t *testing.T) {
	f := start(t)
	f.fill(t)
	base := time.Now().Add(-3 * time.Hour).Truncate(time.Second)
	at := func(n int) string { return wire.FormatTime(base.Add(time.Duration(n) * time.Second).UnixMilli()) }
	track := `<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document><Folder><Placemark><gx:MultiTrack><gx:Track>` +
		`<when>` + at(0) + `</when><when>` + at(1) + `</when><gx:coord>8 50 100</gx:coord><gx:coord>8.1 50.1</gx:coord></gx:Track></gx:MultiTrack></Placemark></Folder></Document></kml>`
	line := `<kml><Document><Placemark><TimeSpan><begin>` + at(10) + `</begin><end>` + at(20) + `</end></TimeSpan><LineString><coordinates>8,50,1 8.1,50.1,2 8.2,50.2,3</coordinates></LineString></Placemark></Document></kml>`
	point := `<kml><Placemark><TimeStamp><when>` + at(30) + `</when></TimeStamp><Point><coordinates>8,50</coordinates></Point></Placemark></kml>`
	b := pack.Builder{Plain: true}
	b.Add("doc.kml", []byte(track))
	kmz, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, query, body string
		as                auth.Identity
		status, points    int // points of the track afterwards
	}{
		{"track", "uid=NEW&callsign=X&cotType=a-f-G&groupName=Cyan", track, ann, 200, 2}, {"the same, zipped", "uid=NEW", string(kmz), ann, 200, 2},
		{"line", "uid=NEW", line, ann, 200, 5}, {"point", "uid=NEW", point, ann, 200, 6},
		{"somebody else's", "uid=NEW", track, eve, 403, 6}, {"somebody else's device", "uid=DEV-ann", track, eve, 403, 6},
		{"without a uid", "", track, ann, 400, 6}, {"no KML", "uid=NEW", "nothing", ann, 400, 6}, {"no zip", "uid=NEW", "PK\x03\x04....", ann, 400, 6},
		{"no times", "uid=NEW", "<kml><Placemark><Point><coordinates>8,50</coordinates></Point></Placemark></kml>", ann, 400, 6},
		{"entities", "uid=NEW", `<!DOCTYPE kml [<!ENTITY a "b">]>` + track[21:], ann, 400, 6}, {"a type that moves nothing", "uid=NEW&cotType=t-x-d-d", track, ann, 400, 6},
	} {
		w := f.do(t, c.as, "POST", "/Marti/TracksKML?"+c.query, strings.NewReader(c.body))
		got, err := f.Track(t.Context(), ann, "NEW", time.Time{}, time.Time{})
		if w.Code != c.status || err != nil || len(got) != c.points {
			t.Errorf("%s: %d %s, %d points, %v", c.name, w.Code, w.Body, len(got), err)
		}
	}
}

func TestRetentionIsForAdministrators(t *testing.T) {
	f := start(t)
	for _, c := range []struct {
		method, target, body string
		as                   auth.Identity
		status               int
		has                  string
	}{
		{"GET", "policy", "", ann, 403, ""}, {"PUT", "policy", "{}", ann, 403, ""}, {"GET", "service/schedule", "", ann, 403, ""}, {"PUT", "service/schedule", "-", ann, 403, ""},
		{"GET", "policy", "", root, 200, `"cot":7776000`}, {"GET", "policy", "", root, 200, `"type":"RetentionPolicies"`},
		{"PUT", "policy", `{"cot":86400,"geochat":null}`, root, 200, `"geochat":null`}, {"GET", "policy", "", root, 200, `"cot":86400`},
		{"PUT", "policy", `{"cot":-1}`, root, 400, ""}, {"PUT", "policy", `{"nonsense":1}`, root, 400, ""}, {"PUT", "policy", `[]`, root, 400, ""},
		{"GET", "service/schedule", "", root, 200, `"data":"03:30"`}, {"PUT", "service/schedule", `"0 0 1 * * *"`, root, 200, `"data":"0 0 1 * * *"`},
		{"PUT", "service/schedule", "-", root, 200, `"data":"-"`}, {"PUT", "service/schedule", "x", root, 400, ""},
		{"PUT", "resource/Flood/expiry/1900000000", "", root, 200, "true"}, {"PUT", "resource/Flood/expiry/1900000000", "", ann, 403, ""},
		{"PUT", "resource/Flood/expiry/soon", "", root, 400, ""}, {"PUT", "resource/none/expiry/-1", "", root, 404, ""}, {"PUT", "resource/ab/expiry/-1", "", root, 200, "true"},
	} {
		w := f.do(t, c.as, c.method, "/Marti/api/retention/"+c.target, strings.NewReader(c.body))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s %s by %s: %d %s", c.method, c.target, c.as.User, w.Code, w.Body)
		}
		if w.Code == 200 && (!json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json") {
			t.Errorf("%s: %v %s", c.target, w.Header(), w.Body)
		}
	}
	rules, err := f.Rules(t.Context())
	if err != nil || rules[0].Days != 1 || rules[1].Days != 1 || rules[2].Days != 0 {
		t.Errorf("%+v, %v", rules, err)
	}
}

package excheck_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"muster/cot/marti/excheck"
	"muster/cot/marti/reply"
	"muster/cot/mission/missiontest"
	"muster/cot/pack"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	os.Exit(code)
}

var (
	anna  = missiontest.Member("anna", "fire")
	ben   = missiontest.Member("ben", "fire")
	carla = missiontest.Member("carla", "police")
)

type site struct {
	*missiontest.World
	t   *testing.T
	mux *http.ServeMux
}

func newSite(t *testing.T, cfg store.Config) *site {
	t.Helper()
	w := missiontest.New(t, cfg)
	a, err := excheck.New(excheck.Deps{Missions: w.Service, Files: w.Files, DB: w.DB, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{w, t, http.NewServeMux()}
	a.Routes(s.mux)
	return s
}

// call sends a request and returns the body of an answer with that status.
func (s *site) call(id auth.Identity, method, path, body string, status int, has ...string) string {
	s.t.Helper()
	r := httptest.NewRequest(method, "/Marti/api/"+path, strings.NewReader(body))
	r = r.WithContext(reply.With(r.Context(), reply.Caller{Identity: id, Secure: true}))
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	if w.Code != status {
		s.t.Errorf("%s %s: %d, wanted %d: %s", method, path, w.Code, status, w.Body)
	}
	for _, h := range has {
		if !strings.Contains(w.Body.String(), h) {
			s.t.Errorf("%s %s: no %s in %s", method, path, h, w.Body)
		}
	}
	return w.Body.String()
}

const template = `<?xml version="1.0" encoding="UTF-8"?><checklist><checklistDetails><name>Damm</name><uid>T1</uid><other a="b">kept</other></checklistDetails>` +
	`<checklistColumns><checklistColumn><columnName>Was</columnName><columnType>LongString</columnType></checklistColumn></checklistColumns>` +
	`<checklistTasks><checklistTask><number>2</number><uid>t-b</uid><value>zwei</value><status>Pending</status></checklistTask>` +
	`<checklistTask><number>1</number><uid>t-a</uid><value>eins</value></checklistTask></checklistTasks></checklist>`

func TestLifeOfAChecklist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := newSite(t, cfg)
		s.Router.Connect("B1", "BUSSARD 1", "", ben)
		if got := s.call(anna, "POST", "excheck/template?clientUid=A1&callsign=ADLER&name=Damm+Ost", template, 200); got != "T1" {
			t.Error(got)
		}
		s.call(ben, "GET", "excheck/template/T1?clientUid=B1", "", 200, "<name>Damm Ost</name>", `<other a="b">kept</other>`, "<value>zwei</value>", "<columnName>Was</columnName>")
		s.call(carla, "GET", "excheck/template/T1?clientUid=C1", "", 404)
		s.call(anna, "PUT", "excheck/template/T1/task/t-c?clientUid=A1", "<checklistTask><number>3</number><value>drei</value></checklistTask>", 200)
		s.call(anna, "GET", "excheck/template/T1/task/t-c?clientUid=A1", "", 200, "<value>drei</value>", "<uid>t-c</uid>")
		s.call(anna, "DELETE", "excheck/template/T1/task/t-c?clientUid=A1", "", 200)
		s.call(anna, "GET", "excheck/template/T1/task/t-c?clientUid=A1", "", 404)

		run := s.call(anna, "POST", "excheck/T1/start?clientUid=A1&callsign=ADLER&name=Lauf&description=d&startTime=2026-03-01T12:00:00.000Z", "", 200, "<templateName>Damm Ost</templateName>", "<startTime>2026-03-01T12:00:00.000Z</startTime>")
		ids := regexp.MustCompile(`<uid>([^<]+)</uid>`).FindAllStringSubmatch(run, -1)
		if len(ids) != 3 || ids[0][1] == "T1" || ids[1][1] == "t-b" {
			t.Fatal(run)
		}
		uid, task := ids[0][1], ids[1][1]
		s.call(ben, "GET", "excheck/checklist/active?clientUid=B1", "", 200, "<checklists><checklist>", "<name>Lauf</name>")
		if got := s.call(carla, "GET", "excheck/checklist/active?clientUid=C1", "", 200); !strings.Contains(got, "<checklists/>") {
			t.Error(got)
		}
		list := s.call(ben, "GET", "excheck/checklist/"+uid+"?clientUid=B1", "", 200)
		if strings.Index(list, "eins") > strings.Index(list, "zwei") {
			t.Error("the tasks are not in order:", list)
		}
		if _, err := s.Subscribe(t.Context(), caller(ben, "B1"), ref(uid), "B1", "", nil); err != nil {
			t.Fatal(err)
		}
		s.Router.Take()
		s.call(ben, "PUT", "excheck/checklist/"+uid+"/task/"+task+"?clientUid=B1", "<checklistTask><number>2</number><status>Complete</status></checklistTask>", 200)
		if sent := s.Router.Take(); len(sent) == 0 || sent[0].Type != "t-x-m-c" {
			t.Error(sent)
		}
		s.call(ben, "GET", "excheck/checklist/"+uid+"/task/"+task+"?clientUid=B1", "", 200, "<status>Complete</status>")
		s.call(ben, "PUT", "excheck/checklist/"+uid+"/task/neu?clientUid=B1", "<checklistTask><number>9</number></checklistTask>", 201)
		s.call(ben, "GET", "excheck/checklist/"+uid+"/status?clientUid=B1", "", 200, `<checklistStatus checklistUid="`+uid+`" checklistName="Lauf">`,
			`<statusCount status="Complete" count="1"/>`, `<statusCount status="Pending" count="2"/>`)
		s.call(ben, "DELETE", "excheck/checklist/"+uid+"/task/neu?clientUid=B1", "", 200)
		s.call(ben, "DELETE", "excheck/checklist/"+uid+"/task/neu?clientUid=B1", "", 404)
		s.call(ben, "PUT", "excheck/checklist/"+uid+"/mission/nothing?clientUid=B1", "", 404)
		s.call(ben, "PUT", "excheck/checklist/"+uid+"/mission/exchecktemplates?clientUid=B1", "", 200)
		s.call(ben, "GET", "excheck/checklist/"+uid+"?clientUid=B1", "", 200, "<missions><mission>exchecktemplates</mission></missions>")
		s.call(ben, "DELETE", "excheck/checklist/"+uid+"/mission/exchecktemplates?clientUid=B1", "", 200)
		s.call(ben, "POST", "excheck/"+uid+"/stop?clientUid=B1", "", 403)
		s.call(anna, "POST", "excheck/"+uid+"/stop?clientUid=A1", "", 200)
		s.call(ben, "GET", "excheck/checklist/"+uid+"?clientUid=B1", "", 410)
		s.call(anna, "DELETE", "excheck/template/T1?clientUid=A1", "", 200)
		s.call(anna, "GET", "excheck/template/T1?clientUid=A1", "", 404)
	})
}

func TestChecklistsThatComeWhole(t *testing.T) {
	s := newSite(t, store.Config{})
	s.call(anna, "POST", "excheck/checklist?clientUid=A1", template, 200, "<uid>T1</uid>")
	s.call(anna, "POST", "excheck/checklist?clientUid=A1", template, 409)
	s.call(anna, "DELETE", "excheck/checklist/T1?clientUid=A1", "", 200)
	uid := s.call(anna, "POST", "excheck/template?clientUid=A1&name=Tabelle", "Was,Wer\nSand,Anna\nSchaufel,Ben\n", 200)
	s.call(anna, "GET", "excheck/template/"+uid, "", 200, "<name>Tabelle</name>", "<columnName>Wer</columnName>", "<value>Schaufel</value>")
	for name, bad := range map[string]string{
		"another element": "<x/>", "not whole": "<checklist>", "doctype": `<!DOCTYPE a [<!ENTITY x "y">]><checklist/>`, "nothing": "",
		"a uid that is none": "<checklist><checklistDetails><uid>a/b</uid></checklistDetails></checklist>",
	} {
		t.Run(name, func(t *testing.T) { s.call(anna, "POST", "excheck/checklist?clientUid=A1", bad, 400) })
	}
}

// report makes the package of a report.
func report(t *testing.T, xml string) string {
	t.Helper()
	b := &pack.Builder{Name: "r"}
	b.Add("report.xml", []byte(xml))
	zip, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(zip)
}

func TestReports(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := newSite(t, cfg)
		if got := s.call(anna, "GET", "citrap?subscribe=true&clientUid=A1", "", 200); !strings.HasSuffix(got, "<reports/>") {
			t.Error(got)
		}
		zip := report(t, `<report id="r1" type="flood" title="Damm" userCallsign="ADLER" dateTime="2026-03-01T12:00:00Z" location="POINT(13.4 52.5)" tags="Wasser,Ost" evil="x"><section>s</section></report>`)
		if got := s.call(anna, "POST", "citrap?clientUid=A1", zip, 200); got != "r1" {
			t.Error(got)
		}
		s.call(anna, "POST", "citrap?clientUid=A1", zip, 409)
		s.call(anna, "POST", "citrap?clientUid=A1", report(t, "<other/>"), 400)
		for _, tc := range []struct {
			query string
			id    auth.Identity
			found bool
		}{
			{"", ben, true}, {"", carla, false}, {"keywords=wasser", ben, true}, {"keywords=wasser,feuer", ben, false}, {"type=flood", ben, true}, {"type=fire", ben, false},
			{"callsign=ADLER", ben, true}, {"bbox=13,52,14,53", ben, true}, {"bbox=14,52,15,53", ben, false}, {"startTime=2026-03-01T11:00:00Z&endTime=2026-03-01T13:00:00Z", ben, true},
			{"startTime=2026-03-02T11:00:00Z", ben, false}, {"maxReportCount=1", ben, true},
		} {
			if got := s.call(tc.id, "GET", "citrap?"+tc.query, "", 200); strings.Contains(got, `<report id="r1" type="flood"`) != tc.found {
				t.Errorf("%s: %s", tc.query, got)
			}
		}
		for _, bad := range []string{"bbox=1,2", "startTime=x", "maxReportCount=-1"} {
			s.call(ben, "GET", "citrap?"+bad, "", 400)
		}
		if got := s.call(ben, "GET", "citrap/r1?clientUid=B1", "", 200); got != zip {
			t.Error("another package came back")
		}
		s.call(carla, "GET", "citrap/r1?clientUid=C1", "", 404)
		s.call(ben, "PUT", "citrap/r1?clientUid=B1", zip, 403)
		s.call(anna, "PUT", "citrap/r1?clientUid=A1", report(t, `<report id="other" type="fire"/>`), 200)
		s.call(ben, "GET", "citrap?type=fire", "", 200, `<report id="r1" type="fire"/>`)
		hash := s.call(anna, "POST", "citrap/r1/attachment?clientUid=A1&filename=..%2Fbild.jpg", "jpeg", 200)
		if !s.Files.Has(hash) {
			t.Error(hash)
		}
		s.call(ben, "DELETE", "citrap/r1?clientUid=B1", "", 403)
		s.call(anna, "DELETE", "citrap/r1?clientUid=A1", "", 200)
		s.call(anna, "GET", "citrap/r1?clientUid=A1", "", 404)
	})
}

package reply

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"muster/internal/auth"
)

func TestAnswersHaveTheExactFormThatClientsCompare(t *testing.T) {
	node := Node{ID: "0123456789abcdef"}
	for _, test := range []struct {
		name       string
		write      func(w http.ResponseWriter)
		status     int
		mime, body string
	}{
		{"envelope", func(w http.ResponseWriter) { node.Envelope(w, "x.Y", []string{}) }, 200, "application/json", `{"version":"3","type":"x.Y","data":[],"nodeId":"0123456789abcdef"}`},
		{"envelope of something new", func(w http.ResponseWriter) { node.Status(w, 201, "x.Y", 7) }, 201, "application/json", `{"version":"3","type":"x.Y","data":7,"nodeId":"0123456789abcdef"}`},
		{"JSON", func(w http.ResponseWriter) { JSON(w, 200, map[string]string{"xml": "<event a='b'>&"}) }, 200, "application/json", `{"xml":"<event a='b'>&"}`},
		{"text JSON", func(w http.ResponseWriter) { TextJSON(w, 200, map[string]int{"resultCount": 0}) }, 200, "text/json", `{"resultCount":0}`},
		{"no JSON", func(w http.ResponseWriter) { JSON(w, 200, make(chan int)) }, 500, "application/json", `{"status":"INTERNAL_SERVER_ERROR","code":6,"message":"The answer could not be written."}`},
		{"text", func(w http.ResponseWriter) { Text(w, 200, "TAK Server") }, 200, "text/plain", "TAK Server"},
		{"XML", func(w http.ResponseWriter) { XML(w, 200, []byte("<events/>")) }, 200, "application/xml", `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n<events/>"},
		{"bytes", func(w http.ResponseWriter) { Bytes(w, 200, "application/zip", []byte("PK")) }, 200, "application/zip", "PK"},
		{"invalid", func(w http.ResponseWriter) { Error(w, 400, "No.") }, 400, "application/json", `{"status":"BAD_REQUEST","code":2,"message":"No."}`},
		{"not valid", func(w http.ResponseWriter) { Error(w, 422, "No.") }, 400, "application/json", `{"status":"BAD_REQUEST","code":5,"message":"No."}`},
		{"unauthorized", func(w http.ResponseWriter) { Error(w, 401, "No.") }, 401, "application/json", `{"status":"UNAUTHORIZED","code":9,"message":"No."}`},
		{"forbidden", func(w http.ResponseWriter) { Error(w, 403, "No.") }, 403, "application/json", `{"status":"FORBIDDEN","code":10,"message":"No."}`},
		{"not found", func(w http.ResponseWriter) { Error(w, 404, `No "x".`) }, 404, "application/json", `{"status":"NOT_FOUND","code":1,"message":"No \"x\"."}`},
		{"conflict", func(w http.ResponseWriter) { Error(w, 409, "No.") }, 409, "application/json", `{"status":"CONFLICT","code":4,"message":"No."}`},
		{"gone", func(w http.ResponseWriter) { Error(w, 410, "No.") }, 410, "application/json", `{"status":"GONE","code":8,"message":"No."}`},
		{"our fault", func(w http.ResponseWriter) { Error(w, 500, "No.") }, 500, "application/json", `{"status":"INTERNAL_SERVER_ERROR","code":6,"message":"No."}`},
		{"too many", func(w http.ResponseWriter) { Error(w, 429, "No.") }, 429, "application/json", `{"status":"TOO_MANY_REQUESTS","code":6,"message":"No."}`},
	} {
		w := httptest.NewRecorder()
		test.write(w)
		h := w.Header()
		if w.Code != test.status || h.Get("Content-Type") != test.mime || w.Body.String() != test.body || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", test.name, w.Code, h, w.Body)
		}
		if test.mime == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s is no JSON", test.name)
		}
	}
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "max-age=60")
	Bytes(w, 200, "text/plain", nil)
	if got := w.Header().Get("Cache-Control"); got != "max-age=60" {
		t.Error(got)
	}
}

func TestBodiesAreReadUpToTheirLimit(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name   string
		body   io.Reader
		length int64
		want   string
		status int
		err    error
	}{
		{"none", http.NoBody, 0, "", 200, nil},
		{"as much as may be", strings.NewReader("0123456789"), 10, "0123456789", 200, nil},
		{"as much, in pieces", iotest.OneByteReader(strings.NewReader("0123456789")), -1, "0123456789", 200, nil},
		{"too much, and it says so", iotest.ErrReader(broken), 11, "", 413, ErrTooLarge},
		{"too much, and it does not say", strings.NewReader("0123456789a"), -1, "", 413, ErrTooLarge},
		{"cut off", io.MultiReader(strings.NewReader("01"), iotest.ErrReader(broken)), 10, "", 400, broken},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/", test.body)
		r.ContentLength = test.length
		b, err := Body(w, r, 10)
		if string(b) != test.want || !errors.Is(err, test.err) || w.Code != test.status || test.status == 200 && w.Body.Len() > 0 || strings.Contains(w.Body.String(), "broken") {
			t.Errorf("%s: %q %v, answered %d %s", test.name, b, err, w.Code, w.Body)
		}
	}
}

func TestParametersOfSyncHaveNoCase(t *testing.T) {
	r := httptest.NewRequest("GET", "/Marti/sync/search?CreatorUid=a&creatoruid=b&HASH=c", nil)
	q := Fold(r)
	if len(q["creatoruid"]) != 2 || q.Get("hash") != "c" || q.Get("HASH") != "" {
		t.Errorf("%v", q)
	}
}

func TestMissionTokenIsFoundWhereverClientsPutIt(t *testing.T) {
	for _, test := range []struct{ name, mission, login, want string }{
		{"nothing", "", "", ""},
		{"ATAK", "", "Bearer a.b.c", "a.b.c"},
		{"WebTAK", "Bearer a.b.c", "Basic eDp5", "a.b.c"},
		{"both", "Bearer a.b.c", "Bearer d.e.f", "a.b.c"},
		{"without a scheme", "a.b.c", "", "a.b.c"},
		{"only a login", "", "Basic eDp5", ""},
		{"in any case", "bearer  a.b.c ", "", "a.b.c"},
		{"far too long", "Bearer " + strings.Repeat("a", maxTokenHeader), "Bearer d", "d"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for k, v := range map[string]string{"MissionAuthorization": test.mission, "Authorization": test.login} {
			if v != "" {
				r.Header.Set(k, v)
			}
		}
		if got := MissionToken(r); got != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestOriginIsWhatTheClientUsed(t *testing.T) {
	r := httptest.NewRequest("GET", "http://tak.example.net:8080/Marti/sync/content", nil)
	if got := Origin(r); got != "http://tak.example.net:8080" {
		t.Error(got)
	}
	r = r.WithContext(With(r.Context(), Caller{Identity: auth.Identity{User: "x"}, Secure: true}))
	if got := Origin(r); got != "https://tak.example.net:8080" {
		t.Error(got)
	}
	if c := From(r); c.Identity.User != "x" {
		t.Errorf("%+v", c)
	}
}

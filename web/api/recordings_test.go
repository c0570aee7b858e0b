package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/media"
	"muster/media/record"
	"muster/web/login"
)

// recorder is a stand-in for record.Manager with one recording, of the group red.
type recorder struct {
	file string
	gone bool
	on   map[*media.Stream]bool
}

const recorded = "0123456789"

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{file: filepath.Join(t.TempDir(), "one.mp4"), on: make(map[*media.Stream]bool)}
	if err := os.WriteFile(r.file, []byte(recorded), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *recorder) one(id auth.Identity, rec string) (record.Recording, error) {
	one := record.Recording{ID: "one", Stream: "uas/eo", Groups: []string{"red"}, User: "olga", Start: time.Unix(1_700_000_000, 0), Duration: 1500 * time.Millisecond, Bytes: 10}
	if r.gone || rec != one.ID || auth.Allow(id, auth.Read, auth.Stream(one.Stream, one.Groups)) != nil {
		return record.Recording{}, record.ErrNotFound
	}
	return one, nil
}

func (r *recorder) List(_ context.Context, id auth.Identity, _ record.Query) (record.Page, error) {
	one, err := r.one(id, "one")
	if err != nil {
		return record.Page{}, nil
	}
	return record.Page{Recordings: []record.Recording{one}, Next: "more"}, nil
}

func (r *recorder) Open(_ context.Context, id auth.Identity, rec string) (record.Recording, *os.File, error) {
	one, err := r.one(id, rec)
	if err != nil {
		return one, nil, err
	}
	f, err := os.Open(r.file)
	return one, f, err
}

func (r *recorder) Delete(_ context.Context, id auth.Identity, rec string) error {
	_, err := r.one(id, rec)
	r.gone = r.gone || err == nil
	return err
}

func (r *recorder) Switch(s *media.Stream, on bool, by string) error {
	if by == "" {
		return errors.New("nobody")
	}
	r.on[s] = on
	return nil
}

func (r *recorder) Recorded(s *media.Stream) bool { return r.on[s] }

func TestRecordings(t *testing.T) {
	h := openHouse(t)
	h.publish(t, "olga", "uas/eo")
	type pageOf struct {
		Recordings []Recording
		Next       string
	}
	page := decode[pageOf](t, h.as(t, "mike", "GET", "/api/v1/recordings?stream=uas/eo&from=2026-11-25T12:00:00Z&limit=10", nil))
	if len(page.Recordings) != 1 || page.Next != "more" || page.Recordings[0].Duration != 1.5 || page.Recordings[0].Groups[0] != "red" {
		t.Errorf("%+v", page)
	}
	if page = decode[pageOf](t, h.as(t, "nora", "GET", "/api/v1/recordings", nil)); len(page.Recordings) != 0 {
		t.Error("a stranger sees", page)
	}
	for _, c := range []struct{ user, method, path string }{
		{"nora", "GET", "/api/v1/recordings/one/content"}, {"mike", "GET", "/api/v1/recordings/two/content"}, {"olga", "DELETE", "/api/v1/recordings/two"},
		{"olga", "PUT", "/api/v1/recorders/none"},
	} {
		if res := h.as(t, c.user, c.method, c.path, nil); res.Code != http.StatusNotFound {
			t.Errorf("%+v: %d", c, res.Code)
		}
	}
}

func TestRecordingContent(t *testing.T) {
	h := openHouse(t)
	get := func(query, ranges string) *httptest.ResponseRecorder {
		req := httptest.NewRequest("GET", "/api/v1/recordings/one/content"+query, nil)
		if ranges != "" {
			req.Header.Set("Range", ranges)
		}
		ctx := login.WithPeer(WithIdentity(req.Context(), h.identity(t, "mike")), login.Peer{Secure: true})
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, req.WithContext(ctx))
		return w
	}
	res := get("", "")
	head := res.Header()
	if res.Body.String() != recorded || head.Get("Content-Type") != "video/mp4" || head.Get("X-Content-Type-Options") != "nosniff" ||
		head.Get("Accept-Ranges") != "bytes" || head.Get("Content-Disposition") != "" {
		t.Errorf("%q %v", res.Body, head)
	}
	if res = get("", "bytes=3-5"); res.Code != http.StatusPartialContent || res.Body.String() != "345" {
		t.Errorf("%d %s", res.Code, res.Body)
	}
	if res = get("", "bytes=30-"); res.Code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("%d", res.Code)
	}
	if res = get("?download=1", ""); !strings.Contains(res.Header().Get("Content-Disposition"), "attachment; filename=uas-eo-20231114T221320Z.mp4") {
		t.Errorf("%q", res.Header().Get("Content-Disposition"))
	}
	for _, s := range h.Sessions.List() {
		if s.Action == auth.Read {
			t.Errorf("session left: %+v", s)
		}
	}
}

func TestRecordingIsSwitched(t *testing.T) {
	h := openHouse(t)
	h.publish(t, "olga", "uas/eo")
	for _, step := range []struct {
		method string
		want   bool
	}{{"GET", false}, {"PUT", true}, {"DELETE", false}} {
		if step.method != "GET" {
			if res := h.as(t, "olga", step.method, "/api/v1/recorders/uas/eo", nil); res.Code != http.StatusNoContent {
				t.Fatalf("%s: %d %s", step.method, res.Code, res.Body)
			}
		}
		if s := decode[Stream](t, h.as(t, "mike", "GET", "/api/v1/streams/uas/eo", nil)); s.Recording != step.want {
			t.Errorf("after %s: recording is %v", step.method, s.Recording)
		}
	}
}

package enterprise

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/pack"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/conf"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var people = map[string]auth.Identity{
	"ann":  {User: "ann", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "blue", In: true, Out: true}, {Group: "red", In: true, Out: true}}},
	"bob":  {User: "bob", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}},
	"eve":  {User: "eve", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "green", In: true, Out: true}}},
	"may":  {User: "may", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", Out: true}}},
	"boss": {User: "boss", Role: auth.RoleAdmin, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}},
}

type notified struct {
	mu   sync.Mutex
	ev   *wire.Event
	uids []string
}

func (n *notified) Notify(ev *wire.Event, uids ...string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ev, n.uids = ev, uids
	return uids[:1]
}

type missions struct{}

func (missions) Hashes(_ context.Context, _ auth.Identity, mission string) ([]string, error) {
	if mission != "m 1" {
		return nil, files.ErrNotFound
	}
	return []string{hashOf("in the mission")}, nil
}

func (missions) Holds(_ context.Context, c mission.Caller, hash string) (bool, error) {
	return c.Token == "a mission token" && hash == hashOf("secret"), nil
}

// server is the API behind a gate that believes the header User.
type server struct {
	*httptest.Server
	files    *files.Service
	notified *notified
}

const maxSize = 2 << 20

func newServer(t *testing.T, cfg store.Config) *server {
	t.Helper()
	c := files.DefaultConfig()
	c.MaxSize = conf.Size(maxSize)
	log := slog.New(slog.DiscardHandler)
	f, err := files.New(t.Context(), c, files.Deps{DB: storetest.Open(t, cfg), Bus: bus.New(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	n := &notified{}
	a, err := New(Deps{Files: f, Notifier: n, Missions: missions{}, Node: reply.Node{ID: "0123456789abcdef"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	a.Routes(mux)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(reply.With(r.Context(), reply.Caller{Identity: people[r.Header.Get("User")], Secure: true})))
	}))
	t.Cleanup(s.Close)
	return &server{s, f, n}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (s *server) do(t *testing.T, user, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User", user)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func (s *server) get(t *testing.T, user, path string, headers ...string) answer {
	t.Helper()
	return s.do(t, user, http.MethodGet, path, nil, headers...)
}

func (a answer) must(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("%d instead of %d: %s", a.status, status, a.body)
	}
	return a
}

func decode[T any](t *testing.T, s string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(s, err)
	}
	return v
}

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func form(t *testing.T, part, filename, content string) (body io.Reader, contentType string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if err := m.WriteField("hash", "ignored"); err != nil {
		t.Fatal(err)
	}
	w, err := m.CreateFormFile(part, filename)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, m.FormDataContentType()
}

func (s *server) upload(t *testing.T, user, path, part, filename, content string) answer {
	t.Helper()
	b, ct := form(t, part, filename, content)
	return s.do(t, user, http.MethodPost, path, b, "Content-Type", ct)
}

// TestSendingAPackage is what ATAK does, step by step.
func TestSendingAPackage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := newServer(t, cfg)
		const content = "PK the package"
		h := hashOf(content)
		host := []string{"Host", "tak.example.net:8443"}
		s.get(t, "ann", "/Marti/sync/missionquery?hash="+h).must(t, http.StatusNotFound)
		b, ct := form(t, "assetfile", "x.zip", content)
		up := s.do(t, "ann", http.MethodPost, "/Marti/sync/missionupload?hash="+strings.Repeat("0", 64)+"&filename=obs-3.zip&creatorUid=ANDROID-1", b,
			append(host, "Content-Type", ct)...).must(t, http.StatusOK)
		url := "https://tak.example.net:8443/Marti/sync/content?hash=" + h
		if up.body != url || up.header.Get("Content-Type") != "text/plain" {
			t.Fatal(up)
		}
		if q := s.get(t, "ann", "/Marti/sync/missionquery?HASH="+h, host...).must(t, http.StatusOK); q.body != url || q.header.Get("Content-Type") != "text/plain" {
			t.Fatal(q)
		}
		s.do(t, "ann", http.MethodPut, "/Marti/api/sync/metadata/"+h+"/tool", strings.NewReader("private")).must(t, http.StatusOK)

		list := func(user string) []map[string]any {
			a := s.get(t, user, "/Marti/sync/search?keywords=missionpackage&tool=public").must(t, http.StatusOK)
			if a.header.Get("Content-Type") != "text/json" || !strings.Contains(a.body, "resultCount") {
				t.Fatal(a)
			}
			got := decode[struct {
				ResultCount int
				Results     []map[string]any
			}](t, a.body)
			if got.ResultCount != len(got.Results) || got.Results == nil {
				t.Fatal(a.body)
			}
			return got.Results
		}
		if got := list("bob"); len(got) != 0 {
			t.Fatal("a private package is listed:", got)
		}
		// The receiver, who shares one group, fetches it nonetheless.
		got := s.get(t, "bob", "/Marti/sync/content?hash="+h).must(t, http.StatusOK)
		if got.body != content || got.header.Get("Content-Disposition") != `attachment; filename="obs-3.zip"` ||
			got.header.Get("Content-Type") != "application/x-zip-compressed" || got.header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") {
			t.Fatal(got)
		}
		s.get(t, "eve", "/Marti/sync/content?hash="+h).must(t, http.StatusForbidden)
		s.get(t, "eve", "/Marti/sync/missionquery?hash="+h).must(t, http.StatusNotFound)

		s.do(t, "ann", http.MethodPut, "/Marti/api/sync/metadata/"+h+"/tool", strings.NewReader("public\n")).must(t, http.StatusOK)
		all := list("bob")
		if len(all) != 1 {
			t.Fatal(all)
		}
		for key, want := range map[string]any{
			"UID": h, "Name": "obs-3.zip", "Hash": h, "SubmissionUser": "ann", "CreatorUid": "ANDROID-1", "MIMEType": "application/x-zip-compressed",
			"Size": fmt.Sprint(len(content)), "EXPIRATION": "-1", "Tool": "public",
		} {
			if all[0][key] != want {
				t.Errorf("%s is %v", key, all[0][key])
			}
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", all[0]["SubmissionDateTime"].(string)); err != nil {
			t.Error(err)
		}
		if k := all[0]["PrimaryKey"]; k == "" || k == nil {
			t.Error(k)
		}
	})
}

func TestMissionQueryOfFewerGroups(t *testing.T) {
	s := newServer(t, store.Config{})
	h := hashOf("x")
	s.upload(t, "bob", "/Marti/sync/missionupload?filename=n.zip", "assetfile", "n", "x").must(t, http.StatusOK)
	// ann also writes to blue, whose people could not fetch bob's.
	s.get(t, "ann", "/Marti/sync/missionquery?hash="+h).must(t, http.StatusNotFound)
	s.upload(t, "ann", "/Marti/sync/missionupload?filename=n.zip", "assetfile", "n", "x").must(t, http.StatusOK)
	s.get(t, "ann", "/Marti/sync/missionquery?hash="+h).must(t, http.StatusOK)
	s.get(t, "bob", "/Marti/sync/missionquery?hash="+h).must(t, http.StatusOK)
	s.get(t, "may", "/Marti/sync/missionquery?hash="+h).must(t, http.StatusOK)
	s.get(t, "ann", "/Marti/sync/missionquery").must(t, http.StatusBadRequest)
}

func TestUploadForms(t *testing.T) {
	s := newServer(t, store.Config{})
	for _, tc := range []struct {
		name, path, part, filename, want string // want: the name it gets
	}{
		{"ATAK", "/Marti/sync/missionupload?filename=a.zip", "assetfile", "x", "a.zip"},
		{"browser", "/Marti/sync/missionupload?filename=b.zip", "resource", "x", "b.zip"},
		{"name of the part", "/Marti/sync/missionupload", "whatever", "c.zip", "c.zip"},
		{"traversal", "/Marti/sync/missionupload?filename=../../etc/d.zip", "assetfile", "x", "d.zip"},
		{"traversal in the part", "/Marti/sync/missionupload", "assetfile", `..\..\e.zip`, "e.zip"},
		{"header injection", "/Marti/sync/missionupload?filename=f%0d%0aSet-Cookie:x%22.zip", "assetfile", "x", "fSet-Cookiex.zip"},
		{"other letters", "/Marti/sync/missionupload?filename=bild%20%C3%A4.zip", "assetfile", "x", "bild ä.zip"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.upload(t, "ann", tc.path, tc.part, tc.filename, tc.name).must(t, http.StatusOK)
			got := s.get(t, "ann", "/Marti/sync/content?hash="+hashOf(tc.name)).must(t, http.StatusOK)
			_, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
			if err != nil || params["filename"] != tc.want && !strings.Contains(got.header.Get("Content-Disposition"), "filename*=UTF-8''bild%20%C3%A4.zip") {
				t.Fatal(got.header.Get("Content-Disposition"), err)
			}
			if got.header.Get("Set-Cookie") != "" {
				t.Fatal("a header of the client's")
			}
		})
	}
}

func TestUpload(t *testing.T) {
	s := newServer(t, store.Config{})
	a := s.do(t, "ann", http.MethodPost, "/Marti/sync/upload?name=bild.jpg&keywords=foto&keywords=fire&CreatorUid=IOS-1&latitude=52.5&longitude=13.25&remarks=r&groups=red&expiration=4102444800",
		strings.NewReader("jpeg"), "Content-Type", "image/jpeg").must(t, http.StatusOK)
	if a.header.Get("Content-Type") != "text/json" {
		t.Fatal(a.header)
	}
	got := decode[map[string]any](t, a.body)
	for key, want := range map[string]any{
		"Hash": hashOf("jpeg"), "Name": "bild.jpg", "MIMEType": "image/jpeg", "SubmissionUser": "ann", "CreatorUid": "IOS-1", "Size": "4",
		"Latitude": "52.5", "Longitude": "13.25", "Remarks": "r", "EXPIRATION": "4102444800", "Tool": "public",
	} {
		if got[key] != want {
			t.Errorf("%s is %v", key, got[key])
		}
	}
	if fmt.Sprint(got["Keywords"]) != "[foto fire]" {
		t.Error(got["Keywords"])
	}
	if m := s.get(t, "bob", "/Marti/sync/"+hashOf("jpeg")+"/metadata").must(t, http.StatusOK); decode[map[string]any](t, m.body)["Name"] != "bild.jpg" || m.header.Get("Content-Type") != "application/json" {
		t.Fatal(m)
	}
	s.upload(t, "ann", "/Marti/sync/upload?name=n", "file", "n", "in a form").must(t, http.StatusOK)
	s.get(t, "bob", "/Marti/sync/content?uid="+hashOf("in a form")).must(t, http.StatusOK)
	for name, tc := range map[string]struct {
		user, query string
		status      int
	}{
		"foreign group":  {"bob", "Groups=green", http.StatusForbidden},
		"some foreign":   {"bob", "Groups=red,green", http.StatusForbidden},
		"reader":         {"may", "name=x", http.StatusForbidden},
		"nobody":         {"", "name=x", http.StatusForbidden},
		"latitude":       {"bob", "latitude=x&longitude=1", http.StatusBadRequest},
		"off the earth":  {"bob", "latitude=99&longitude=1", http.StatusBadRequest},
		"not a number":   {"bob", "latitude=NaN&longitude=1", http.StatusBadRequest},
		"expiration":     {"bob", "expiration=soon", http.StatusBadRequest},
		"far expiration": {"bob", "expiration=99999999999999", http.StatusBadRequest},
		"long uid":       {"bob", "uid=" + strings.Repeat("x", 999), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(t, tc.user, http.MethodPost, "/Marti/sync/upload?"+tc.query, strings.NewReader("x")).must(t, tc.status)
			if !strings.Contains(a.body, `"message"`) || strings.Contains(a.body, "files:") {
				t.Fatal(a.body)
			}
		})
	}
}

// endless is a body of unknown length.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	e.left -= n
	return n, nil
}

func TestTooLargeIs413(t *testing.T) {
	s := newServer(t, store.Config{})
	s.do(t, "ann", http.MethodPost, "/Marti/sync/upload", bytes.NewReader(make([]byte, maxSize))).must(t, http.StatusOK)
	s.do(t, "ann", http.MethodPost, "/Marti/sync/upload", bytes.NewReader(make([]byte, maxSize+1))).must(t, http.StatusRequestEntityTooLarge)
	s.do(t, "ann", http.MethodPost, "/Marti/sync/upload", io.MultiReader(&endless{maxSize + 1})).must(t, http.StatusRequestEntityTooLarge)
	s.upload(t, "ann", "/Marti/sync/missionupload?filename=n", "assetfile", "n", strings.Repeat("x", maxSize+1)).must(t, http.StatusRequestEntityTooLarge)
	all, _, err := s.files.Search(t.Context(), people["boss"], files.Query{})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if a := s.get(t, "ann", "/files/api/config").must(t, http.StatusOK); a.body != `{"uploadSizeLimit":2}` {
		t.Fatal(a.body)
	}
}

func TestBrokenForms(t *testing.T) {
	s := newServer(t, store.Config{})
	for name, body := range map[string]string{
		"empty":          "",
		"no file":        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n",
		"cut short":      "--b\r\nContent-Disposition: form-data; name=\"assetfile\"; filename=\"a\"\r\n\r\nx",
		"no end of head": "--b\r\nContent-Disposition: form-data; name=\"assetfile\"",
		"many parts":     strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			s.do(t, "ann", http.MethodPost, "/Marti/sync/missionupload?filename=n", strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=b").must(t, http.StatusBadRequest)
		})
	}
	s.do(t, "ann", http.MethodPost, "/Marti/sync/missionupload?filename=n", strings.NewReader("x"), "Content-Type", "multipart/form-data").must(t, http.StatusBadRequest)
	all, _, err := s.files.Search(t.Context(), people["boss"], files.Query{})
	if err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
}

func TestContent(t *testing.T) {
	s := newServer(t, store.Config{})
	const content = "0123456789"
	h := hashOf(content)
	s.do(t, "ann", http.MethodPost, "/Marti/sync/upload?name=n&uid=u", strings.NewReader(content)).must(t, http.StatusOK)
	path := "/Marti/sync/content?hash=" + h
	tag := s.get(t, "bob", path).header.Get("Etag")
	for _, tc := range []struct {
		name, method, path string
		headers            []string
		status             int
		body               string
	}{
		{"whole", "GET", path, nil, 200, content},
		{"by uid", "GET", "/Marti/sync/content?uid=u", nil, 200, content},
		{"parameter in other case", "GET", "/Marti/sync/content?Hash=" + h, nil, 200, content},
		{"hash in other case", "GET", "/Marti/sync/content?hash=" + strings.ToUpper(h), nil, 200, content},
		{"HEAD", "HEAD", path, nil, 200, ""},
		{"range", "GET", path, []string{"Range", "bytes=2-4"}, 206, "234"},
		{"end", "GET", path, []string{"Range", "bytes=-2"}, 206, "89"},
		{"range beyond", "GET", path, []string{"Range", "bytes=20-"}, 416, "*"},
		{"offset", "GET", path + "&offset=7", nil, 200, "789"},
		{"offset and length", "GET", path + "&offset=2&length=3", nil, 200, "234"},
		{"offset beyond", "GET", path + "&offset=99&length=99", nil, 200, ""},
		{"bad offset", "GET", path + "&offset=-1", nil, 400, "*"},
		{"known", "GET", path, []string{"If-None-Match", tag}, 304, ""},
		{"manager", "GET", "/Marti/api/files/" + h, nil, 200, content},
		{"no hash", "GET", "/Marti/sync/content", nil, 400, "*"},
		{"unknown", "GET", "/Marti/sync/content?hash=" + hashOf("y"), nil, 404, "*"},
		{"traversal", "GET", "/Marti/sync/content?hash=../../../../etc/passwd", nil, 404, "*"},
		{"traversal by uid", "GET", "/Marti/sync/content?uid=../../secret.key", nil, 404, "*"},
		{"traversal in a path", "GET", "/Marti/api/files/..%2f..%2fsecret.key", nil, 404, "*"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := s.do(t, "bob", tc.method, tc.path, nil, tc.headers...).must(t, tc.status)
			if tc.body != "*" && a.body != tc.body {
				t.Fatal(a.body)
			}
			if tc.name == "HEAD" && a.header.Get("Content-Length") != "10" {
				t.Fatal(a.header)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	s := newServer(t, store.Config{})
	up := func(user, content string) (hash, key string) {
		a := s.do(t, user, http.MethodPost, "/Marti/sync/upload", strings.NewReader(content)).must(t, http.StatusOK)
		m := decode[map[string]any](t, a.body)
		return m["Hash"].(string), m["PrimaryKey"].(string)
	}
	a, _ := up("bob", "a")
	_, b := up("bob", "b")
	c, _ := up("bob", "c")
	d, _ := up("bob", "d")
	s.do(t, "ann", http.MethodDelete, "/Marti/sync/delete?hash="+a, nil).must(t, http.StatusForbidden)
	s.do(t, "eve", http.MethodDelete, "/Marti/sync/delete?hash="+a, nil).must(t, http.StatusNotFound)
	s.do(t, "bob", http.MethodDelete, "/Marti/sync/delete?Hash="+a, nil).must(t, http.StatusOK)
	s.get(t, "bob", "/Marti/sync/delete?PrimaryKey="+b).must(t, http.StatusOK)
	s.do(t, "boss", http.MethodPost, "/Marti/sync/delete?hash="+c, nil).must(t, http.StatusOK)
	s.do(t, "bob", http.MethodDelete, "/Marti/api/files/"+d, nil).must(t, http.StatusOK)
	s.do(t, "bob", http.MethodDelete, "/Marti/sync/delete?hash="+a, nil).must(t, http.StatusNotFound)
	s.do(t, "bob", http.MethodDelete, "/Marti/sync/delete?PrimaryKey=x", nil).must(t, http.StatusBadRequest)
	s.do(t, "bob", http.MethodDelete, "/Marti/sync/delete", nil).must(t, http.StatusBadRequest)
	all, _, err := s.files.Search(t.Context(), people["boss"], files.Query{})
	if err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
}

func TestMetadata(t *testing.T) {
	s := newServer(t, store.Config{})
	s.do(t, "bob", http.MethodPost, "/Marti/sync/upload?name=n.jpg", strings.NewReader("x"), "Content-Type", "image/jpeg").must(t, http.StatusOK)
	path := "/Marti/api/sync/metadata/" + hashOf("x")
	putBody := func(user, path, body string) answer {
		return s.do(t, user, http.MethodPut, path, strings.NewReader(body))
	}
	putBody("bob", path+"/keywords", `["a","b"]`).must(t, http.StatusOK)
	putBody("bob", path+"/expiration?expiration=4102444800", "").must(t, http.StatusOK)
	putBody("bob", path+"/tool", `"private"`).must(t, http.StatusOK)
	putBody("bob", path+"/name", "new.jpg").must(t, http.StatusOK)
	for name, tc := range map[string]struct {
		a    answer
		want int
	}{
		"foreign":    {putBody("ann", path+"/keywords", `[]`), http.StatusForbidden},
		"missing":    {putBody("bob", "/Marti/api/sync/metadata/"+hashOf("y")+"/tool", "public"), http.StatusNotFound},
		"invisible":  {putBody("eve", path+"/tool", "public"), http.StatusNotFound},
		"expiration": {putBody("bob", path+"/expiration?expiration=x", ""), http.StatusBadRequest},
		"keywords":   {putBody("bob", path+"/keywords", `{}`), http.StatusBadRequest},
		"unknown":    {putBody("bob", path+"/hash", "x"), http.StatusBadRequest},
		"large":      {putBody("bob", path+"/tool", strings.Repeat("x", 1<<17)), http.StatusRequestEntityTooLarge},
	} {
		if tc.a.status != tc.want {
			t.Errorf("%s: %d %s", name, tc.a.status, tc.a.body)
		}
	}
	a := s.get(t, "ann", "/Marti/api/resources/"+hashOf("x")).must(t, http.StatusOK)
	want := map[string]any{
		"filename": "n.jpg", "keywords": []any{"a", "b"}, "mimeType": "image/jpeg", "name": "new.jpg", "submitter": "bob", "creatorUid": "", "uid": hashOf("x"),
		"hash": hashOf("x"), "size": 1.0, "expiration": 4102444800.0, "tool": "private", "latitude": 0.0, "longitude": 0.0, "altitude": 0.0,
	}
	got := decode[[]map[string]any](t, a.body)[0]
	delete(got, "submissionTime")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%v", got)
	}
	putBody("bob", "/Marti/api/files/"+hashOf("x")+"/metadata?keywords=k&expiration=-1", "").must(t, http.StatusOK)
	f, err := s.files.Lookup(t.Context(), people["bob"], hashOf("x"))
	if err != nil || !slices.Equal(f.Keywords, []string{"k"}) || !f.Expires.IsZero() {
		t.Fatal(f, err)
	}
}

func TestSearchParameters(t *testing.T) {
	s := newServer(t, store.Config{})
	s.do(t, "bob", http.MethodPost, "/Marti/sync/upload?name=near&latitude=52&longitude=13&altitude=100&keywords=k", strings.NewReader("near")).must(t, http.StatusOK)
	s.do(t, "bob", http.MethodPost, "/Marti/sync/upload?name=mission", strings.NewReader("in the mission")).must(t, http.StatusOK)
	for _, tc := range []struct {
		query  string
		status int
		want   string
	}{
		{"", 200, "mission near"},
		{"keyword=k", 200, "near"},
		{"bbox=12,51,14,53", 200, "near"},
		{"box=0,0,1,1", 200, ""},
		{"circle=13,52,1000", 200, "near"},
		{"minAltitude=50&maxAltitude=150", 200, "near"},
		{"startTime=2020-01-01T00:00:00Z&endTime=2099-01-01T00:00:00.000Z", 200, "mission near"},
		{"endTime=2020-01-01T00:00:00Z", 200, ""},
		{"mission=m%201", 200, "mission"},
		{"mission=other", 404, ""},
		{"submissionUser=ann", 200, ""},
		{"bbox=1,2,3", 400, ""},
		{"bbox=1,2,3,NaN", 400, ""},
		{"circle=1,2,Inf", 400, ""},
		{"startTime=yesterday", 400, ""},
		{"maxAltitude=high", 400, ""},
		{"bbox=" + strings.Repeat("1", 9999), 400, ""},
	} {
		a := s.get(t, "bob", "/Marti/api/sync/search?"+tc.query)
		if a.status != tc.status {
			t.Errorf("%s: %d %s", tc.query, a.status, a.body)
			continue
		}
		if a.status != http.StatusOK {
			continue
		}
		got := decode[struct {
			Version, Type, NodeID string
			Data                  []struct{ Name string }
		}](t, a.body)
		var names []string
		for _, d := range got.Data {
			names = append(names, d.Name)
		}
		slices.Sort(names)
		if strings.Join(names, " ") != tc.want || got.Version != "3" || got.NodeID != "0123456789abcdef" || got.Type != "Resource" {
			t.Errorf("%s: %s", tc.query, a.body)
		}
	}
	for query, want := range map[string]int{"": 2, "?page=0&limit=1&sort=name": 1, "?page=1&limit=1": 1, "?page=9&limit=5": 0, "?name=nea": 1, "?missionPackage=true": 0, "?page=-1&limit=-1": 2} {
		a := s.get(t, "bob", "/Marti/api/files/metadata"+query).must(t, http.StatusOK)
		if got := decode[struct{ Data []map[string]any }](t, a.body); len(got.Data) != want {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	if a := s.get(t, "bob", "/Marti/api/files/metadata/count?page=0&limit=1").must(t, http.StatusOK); !strings.Contains(a.body, `"data":2`) {
		t.Fatal(a.body)
	}
	s.get(t, "bob", "/Marti/api/files/metadata?page=x").must(t, http.StatusBadRequest)
	for want := range 3 {
		if a := s.get(t, "bob", "/Marti/api/sync/sequence/k").must(t, http.StatusOK); a.body != fmt.Sprint(want+1) {
			t.Fatal(a.body)
		}
	}
}

func TestConcurrentUploadsOfOneFile(t *testing.T) {
	s := newServer(t, store.Config{})
	content := strings.Repeat("same", 50_000)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			user := []string{"ann", "bob"}[i%2]
			a := s.upload(t, user, "/Marti/sync/missionupload?filename=n.zip", "assetfile", "n", content)
			if a.status != http.StatusOK {
				t.Error(a)
			}
			if a := s.get(t, user, "/Marti/sync/content?hash="+hashOf(content)); a.status == http.StatusOK && a.body != content {
				t.Error("the content differs")
			}
			if i%3 == 0 {
				s.do(t, user, http.MethodDelete, "/Marti/sync/delete?hash="+hashOf(content), nil)
			}
		})
	}
	wg.Wait()
	s.upload(t, "ann", "/Marti/sync/missionupload?filename=n.zip", "assetfile", "n", content).must(t, http.StatusOK)
	if a := s.get(t, "ann", "/Marti/sync/content?hash="+hashOf(content)).must(t, http.StatusOK); a.body != content {
		t.Fatal("the content differs")
	}
}

func unzip(t *testing.T, s string) *pack.Archive {
	t.Helper()
	a, err := pack.Open(strings.NewReader(s), int64(len(s)), pack.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestProfilesOfADevice(t *testing.T) {
	s := newServer(t, store.Config{})
	for _, p := range []string{"/Marti/api/tls/profile/enrollment?clientUid=x", "/Marti/api/device/profile/connection?syncSecago=-1&clientUid=x", "/Marti/api/device/profile/tool/t", "/Marti/api/device/profile/tool/t/file?relativePath=a", "/Marti/api/tls/profile/tool/t/file?relativePath=a"} {
		if a := s.get(t, "bob", p).must(t, http.StatusNoContent); a.body != "" {
			t.Fatal(a)
		}
	}
	s.do(t, "boss", http.MethodPost, "/Marti/api/device/profile/Red%20team?group=red", nil).must(t, http.StatusOK)
	s.do(t, "boss", http.MethodPost, "/Marti/api/device/profile/Red%20team", nil).must(t, http.StatusConflict)
	a := s.do(t, "boss", http.MethodPut, "/Marti/api/device/profile/Red%20team", strings.NewReader(`{"id":99,"applyOnEnrollment":true,"applyOnConnect":true,"tool":"t","type":null,
		"preferences":[{"key":"a","type":"boolean","value":"true"}],"unknown":1}`)).must(t, http.StatusOK)
	p := decode[struct{ Data profileJSON }](t, a.body).Data
	if p.Name != "Red team" || !p.Active || !p.ApplyOnConnect || p.Type != nil || *p.Tool != "t" || !slices.Equal(p.Groups, []string{"red"}) || p.ID == 99 {
		t.Fatal(a.body)
	}
	var ids []int64
	for _, name := range []string{"a.xml", "maps/b.xml"} {
		a := s.do(t, "boss", http.MethodPut, "/Marti/api/device/profile/Red%20team/file?filename="+name, strings.NewReader("content of "+name)).must(t, http.StatusOK)
		ids = append(ids, decode[struct{ Data files.ProfileFile }](t, a.body).Data.ID)
	}
	for _, path := range []string{"/Marti/api/tls/profile/enrollment", "/Marti/api/device/profile/connection?syncSecago=60", "/Marti/api/device/profile/tool/t"} {
		s.get(t, "eve", path).must(t, http.StatusNoContent)
		a := s.get(t, "bob", path).must(t, http.StatusOK)
		if a.header.Get("Content-Type") != "application/zip" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Fatal(a.header)
		}
		z := unzip(t, a.body)
		m, err := z.Manifest()
		if err != nil || len(m.Contents) != 3 || len(z.Names()) != 4 {
			t.Fatal(z.Names(), m, err)
		}
		b, err := z.Read(fmt.Sprint(p.ID, "/files/maps/b.xml"), 100)
		if err != nil || string(b) != "content of maps/b.xml" {
			t.Fatal(string(b), err)
		}
	}
	s.get(t, "bob", "/Marti/api/device/profile/connection?syncSecago=x").must(t, http.StatusBadRequest)

	tool := "/Marti/api/device/profile/tool/t/file?relativePath=a.xml"
	one := s.get(t, "bob", tool).must(t, http.StatusOK)
	if one.body != "content of a.xml" || one.header.Get("Last-Modified") == "" {
		t.Fatal(one)
	}
	s.get(t, "bob", tool, "If-Modified-Since", one.header.Get("Last-Modified")).must(t, http.StatusNotModified)
	s.get(t, "bob", tool, "If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT").must(t, http.StatusOK)
	if two := s.get(t, "bob", tool+"&relativePath=/maps/./b.xml").must(t, http.StatusOK); !slices.Equal(unzip(t, two.body).Names(), []string{"a.xml", "maps/b.xml"}) {
		t.Fatal(two)
	}
	s.get(t, "bob", "/Marti/api/device/profile/tool/t/file?relativePath=../../secret").must(t, http.StatusNoContent)

	admin := "/Marti/api/device/profile"
	if a := s.get(t, "boss", admin).must(t, http.StatusOK); !strings.Contains(a.body, `"type":"Profile"`) || !strings.Contains(a.body, "Red team") {
		t.Fatal(a.body)
	}
	s.get(t, "boss", admin+"/red%20team").must(t, http.StatusOK)
	s.get(t, "boss", admin+"/x").must(t, http.StatusNotFound)
	if a := s.get(t, "boss", admin+"/Red%20team/files").must(t, http.StatusOK); !strings.Contains(a.body, "maps/b.xml") {
		t.Fatal(a.body)
	}
	if a := s.get(t, "boss", fmt.Sprint(admin, "/Red%20team/file/", ids[0])).must(t, http.StatusOK); a.body != "content of a.xml" {
		t.Fatal(a)
	}
	s.do(t, "boss", http.MethodHead, admin+"/Red%20team/missionpackage", nil).must(t, http.StatusOK)
	unzip(t, s.get(t, "boss", admin+"/Red%20team/missionpackage").must(t, http.StatusOK).body)
	s.get(t, "boss", admin+"/directories").must(t, http.StatusOK)
	s.get(t, "boss", admin+"/Red%20team/directories").must(t, http.StatusOK)
	s.get(t, "boss", admin+"/Red%20team/other").must(t, http.StatusNotFound)

	a = s.do(t, "boss", http.MethodPost, admin+"/Red%20team/send", strings.NewReader(`["U-1","U-2"]`)).must(t, http.StatusOK)
	share, ok := s.notified.ev.Child("fileshare")
	if !ok || !slices.Equal(s.notified.uids, []string{"U-1", "U-2"}) || !strings.Contains(a.body, `"data":["U-1"]`) {
		t.Fatal(a.body)
	}
	if got := s.get(t, "bob", "/Marti/sync/content?hash="+share.Attr("sha256")).must(t, http.StatusOK); unzip(t, got.body).Size(pack.ManifestName) < 0 {
		t.Fatal("not the package")
	}
	s.do(t, "boss", http.MethodPost, admin+"/Red%20team/send", strings.NewReader(`{}`)).must(t, http.StatusBadRequest)

	for _, path := range []string{"", "/Red%20team", "/Red%20team/files", "/directories", "/Red%20team/missionpackage", fmt.Sprint("/Red%20team/file/", ids[0])} {
		s.get(t, "bob", admin+path).must(t, http.StatusForbidden)
	}
	s.do(t, "bob", http.MethodPost, admin+"/x", nil).must(t, http.StatusForbidden)
	s.do(t, "bob", http.MethodPut, admin+"/Red%20team/file?filename=x", strings.NewReader("x")).must(t, http.StatusForbidden)
	s.do(t, "bob", http.MethodDelete, fmt.Sprint(admin, "/", p.ID), nil).must(t, http.StatusForbidden)

	s.do(t, "boss", http.MethodDelete, fmt.Sprint(admin, "/Red%20team/file/", ids[1]), nil).must(t, http.StatusOK)
	s.do(t, "boss", http.MethodDelete, admin+"/Red%20team/file/x", nil).must(t, http.StatusBadRequest)
	s.do(t, "boss", http.MethodDelete, fmt.Sprint(admin, "/", p.ID), nil).must(t, http.StatusOK)
	s.get(t, "bob", "/Marti/api/device/profile/connection").must(t, http.StatusNoContent)
}

// TestLargeProfile is sent while it is made.
func TestLargeProfile(t *testing.T) {
	s := newServer(t, store.Config{})
	p, err := s.files.Profiles.Create(t.Context(), people["boss"], files.ProfileChange{Name: new("big")})
	if err != nil {
		t.Fatal(err)
	}
	on := true
	if _, err := s.files.Profiles.Update(t.Context(), people["boss"], p.ID, files.ProfileChange{ApplyOnConnect: &on}); err != nil {
		t.Fatal(err)
	}
	seed := sha256.Sum256([]byte("seed"))
	noise := func(n int) []byte { // that no compression makes smaller
		var b []byte
		for len(b) < n {
			seed = sha256.Sum256(seed[:])
			b = append(b, seed[:]...)
		}
		return b
	}
	for i := range 10 {
		if _, err := s.files.Profiles.AddFile(t.Context(), people["boss"], p.ID, fmt.Sprint(i), bytes.NewReader(noise(maxSize-100))); err != nil {
			t.Fatal(err)
		}
	}
	a := s.get(t, "bob", "/Marti/api/device/profile/connection").must(t, http.StatusOK)
	if len(a.body) < maxBuffered || len(unzip(t, a.body).Names()) != 11 {
		t.Fatal(len(a.body))
	}
}

func TestUpdateServer(t *testing.T) {
	s := newServer(t, store.Config{})
	q := "?platform=Android&type=plugin&package=com.example&name=Example&version=1.2.0&revision=12&icon=e.png&description=Good&os=21&tak=com.atakmap.app@5.4.0.CIV"
	s.do(t, "bob", http.MethodPut, "/update/e.apk"+q, strings.NewReader("APK")).must(t, http.StatusForbidden)
	s.do(t, "boss", http.MethodPut, "/update/e.apk?revision=x", strings.NewReader("APK")).must(t, http.StatusBadRequest)
	s.do(t, "boss", http.MethodPut, "/update/product.inf", strings.NewReader("x")).must(t, http.StatusBadRequest)
	s.do(t, "boss", http.MethodPut, "/update/e.apk"+q, strings.NewReader("APK")).must(t, http.StatusOK)
	s.do(t, "boss", http.MethodPut, "/update/e.png", strings.NewReader("PNG")).must(t, http.StatusOK)
	for _, dir := range []string{"/update/", "/update/5.4.0/"} {
		if a := s.get(t, "may", dir+"product.inf").must(t, http.StatusOK); a.body != "Android,plugin,com.example,Example,1.2.0,12,e.apk,e.png,Good,"+hashOf("APK")+",21,com.atakmap.app@5.4.0.CIV,3\n" {
			t.Fatal(a.body)
		}
		if a := s.get(t, "may", dir+"product.infz").must(t, http.StatusOK); !slices.Equal(unzip(t, a.body).Names(), []string{"product.inf", "e.png"}) {
			t.Fatal("icons")
		}
		if a := s.get(t, "may", dir+"e.apk").must(t, http.StatusOK); a.body != "APK" || a.header.Get("Content-Type") != "application/vnd.android.package-archive" {
			t.Fatal(a)
		}
	}
	s.get(t, "may", "/update/5.9.0/product.infz").must(t, http.StatusNotFound)
	s.get(t, "may", "/update/repositories.inf").must(t, http.StatusOK)
	s.get(t, "may", "/update/other.apk").must(t, http.StatusNotFound)
	s.get(t, "", "/update/product.inf").must(t, http.StatusForbidden)
	s.do(t, "bob", http.MethodDelete, "/update/e.apk", nil).must(t, http.StatusForbidden)
	s.do(t, "boss", http.MethodDelete, "/update/e.apk", nil).must(t, http.StatusOK)
	s.do(t, "boss", http.MethodDelete, "/update/e.apk", nil).must(t, http.StatusNotFound)
}

func TestIconRoutes(t *testing.T) {
	s := newServer(t, store.Config{})
	b := pack.Builder{Plain: true}
	b.Add("iconset.xml", []byte(`<iconset name="n" uid="u-1"><icon name="truck 1.png" type2525b="a-f-G"/></iconset>`))
	b.Add("Cars/truck 1.png", []byte("PNG"))
	z, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s.upload(t, "ann", "/Marti/api/iconset", "file", "set.zip", "no zip").must(t, http.StatusBadRequest)
	s.upload(t, "may", "/Marti/api/iconset", "file", "set.zip", string(z)).must(t, http.StatusForbidden)
	if a := s.upload(t, "ann", "/Marti/api/iconset", "file", "set.zip", string(z)).must(t, http.StatusOK); !strings.Contains(a.body, `"data":"u-1"`) {
		t.Fatal(a.body)
	}
	const path = "/Marti/api/icon/u-1/Cars/truck%201.png"
	if a := s.get(t, "eve", "/Marti/api/iconset/all/uid").must(t, http.StatusOK); !strings.Contains(a.body, `"data":["u-1"]`) {
		t.Fatal(a.body)
	}
	for _, p := range []string{"/Marti/api/iconset/u-1", "/Marti/api/iconseturl/u-1"} {
		if a := s.get(t, "eve", p, "Host", "h:8443").must(t, http.StatusOK); !strings.Contains(a.body, `"data":["https://h:8443`+path+`"]`) {
			t.Fatal(a.body)
		}
	}
	for _, p := range []string{path, "/Marti/api/iconimage?iconsetpath=u-1/Cars/truck%201.png", "/Marti/api/iconimage?cotType=a-f-G"} {
		if a := s.get(t, "eve", p).must(t, http.StatusOK); a.body != "PNG" || a.header.Get("Content-Type") != "image/png" {
			t.Fatal(p, a)
		}
	}
	if a := s.get(t, "eve", "/Marti/api/iconurl?cotType=a-f-G&relative=true").must(t, http.StatusOK); a.body != path {
		t.Fatal(a.body)
	}
	if a := s.get(t, "eve", "/Marti/api/iconurl?cotType=a-f-G", "Host", "h:8443").must(t, http.StatusOK); a.body != "https://h:8443"+path {
		t.Fatal(a.body)
	}
	for _, p := range []string{"/Marti/api/icon/u-1/Cars/other.png", "/Marti/api/icon/u-1/..%2f/x.png", "/Marti/api/iconurl?cotType=b", "/Marti/api/iconimage", "/Marti/api/iconset/x"} {
		s.get(t, "eve", p).must(t, http.StatusNotFound)
	}
	s.do(t, "eve", http.MethodDelete, "/Marti/api/iconset/u-1", nil).must(t, http.StatusForbidden)
	s.do(t, "ann", http.MethodDelete, "/Marti/api/iconset/u-1", nil).must(t, http.StatusOK)
}

func TestContentOfAMissionIsReadByItsMembers(t *testing.T) {
	s := newServer(t, store.Config{})
	hash := hashOf("secret")
	if a := s.upload(t, "ann", "/Marti/sync/missionupload?filename=secret.zip&Groups=red", "assetfile", "secret.zip", "secret"); a.status != http.StatusOK {
		t.Fatal(a)
	}
	path := "/Marti/sync/content?hash=" + hash
	if a := s.get(t, "eve", path); a.status != http.StatusForbidden {
		t.Error("without a mission:", a)
	}
	if a := s.get(t, "eve", path, "MissionAuthorization", "Bearer a mission token"); a.status != http.StatusOK || a.body != "secret" {
		t.Error("with the token of a mission that has it:", a)
	}
}

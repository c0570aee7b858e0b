package web

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
)

const tiles = "https://tiles.example/{z}/{x}/{y}.png"

func TestMapSettingsAreChecked(t *testing.T) {
	layers := func(list ...LayerConfig) func(*MapConfig) { return func(c *MapConfig) { c.Layers = list } }
	url := func(u string) func(*MapConfig) { return layers(LayerConfig{Name: "x", URL: u}) }
	for _, test := range []struct {
		name   string
		change func(*MapConfig)
		want   string // in the error; empty: there is none
	}{
		{"default", func(*MapConfig) {}, ""},
		{"corners", func(c *MapConfig) { c.Latitude, c.Longitude, c.Zoom = -85, 180, 22 }, ""},
		{"north of the map", func(c *MapConfig) { c.Latitude = 85.1 }, "latitude"},
		{"south of the map", func(c *MapConfig) { c.Latitude = -85.1 }, "latitude"},
		{"east of the world", func(c *MapConfig) { c.Longitude = 181 }, "longitude"},
		{"no latitude", func(c *MapConfig) { c.Latitude = math.NaN() }, "latitude"},
		{"no longitude", func(c *MapConfig) { c.Longitude = math.Inf(-1) }, "longitude"},
		{"too near", func(c *MapConfig) { c.Zoom = 23 }, "zoom"},
		{"no zoom", func(c *MapConfig) { c.Zoom = math.NaN() }, "zoom"},
		{"layers", layers(LayerConfig{Name: "a", URL: tiles}, LayerConfig{Name: "b", URL: "http://192.0.2.1:8080/{z}/{y}/{x}?k=v", MinZoom: 5, MaxZoom: 22}), ""},
		{"without a name", layers(LayerConfig{URL: tiles}), "layers[0]: a name"},
		{"twice the same name", layers(LayerConfig{Name: "a", URL: tiles}, LayerConfig{Name: "a", URL: tiles}), "layers[1]: another"},
		{"without an address", url(""), "https://"},
		{"path only", url("/tiles/{z}/{x}/{y}"), "https://"},
		{"other scheme", url("ftp://tiles.example/{z}/{x}/{y}"), "https://"},
		{"script", url("javascript:alert('{z}{x}{y}')"), "https://"},
		{"variable host", url("https://{s}.tiles.example/{z}/{x}/{y}"), "https://"},
		{"no address at all", url("https://%zz/{z}/{x}/{y}"), "https://"},
		{"one tile", url("https://tiles.example/0/0/0.png"), "{z}"},
		{"a column of tiles", url("https://tiles.example/{z}/{y}"), "{z}"},
		{"negative zoom", layers(LayerConfig{Name: "x", URL: tiles, MinZoom: -1}), "minZoom"},
		{"negative end", layers(LayerConfig{Name: "x", URL: tiles, MaxZoom: -1}), "maxZoom"},
		{"zoom beyond", layers(LayerConfig{Name: "x", URL: tiles, MaxZoom: 23}), "maxZoom"},
		{"zoom backwards", layers(LayerConfig{Name: "x", URL: tiles, MinZoom: 10, MaxZoom: 5}), "minZoom"},
		{"zoom behind the usual end", layers(LayerConfig{Name: "x", URL: tiles, MinZoom: 20}), "minZoom"},
	} {
		c := DefaultMap()
		test.change(&c)
		if err := c.Validate(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	whole := DefaultConfig()
	whole.Map.Zoom = -1
	if err := whole.Validate(); err == nil || !strings.HasPrefix(err.Error(), "map: ") {
		t.Errorf("%v", err)
	}
}

// TestHostsOfTilesAddNothingElseToThePolicy gives addresses that try to end the
// list they stand in.
func TestHostsOfTilesAddNothingElseToThePolicy(t *testing.T) {
	for address, want := range map[string]string{
		tiles:                                       " https://tiles.example",
		"http://192.0.2.1:8080/{z}/{x}/{y}":         " http://192.0.2.1:8080",
		"https://[2001:db8::1]:8443/{z}/{x}/{y}":    " https://[2001:db8::1]:8443",
		"https://user:secret@tiles.example/{z}":     " https://tiles.example",
		"https://tiles.example;script-src/{z}":      "",
		"https://tiles.example,x/{z}":               "",
		"https://'unsafe-inline'/{z}":               "",
		"https://\"x\"/{z}":                         "",
		"https://[fe80::1%25%20'unsafe-eval']/{z}":  "",
		"https://[fe80::1%25%20script-src%20*]/{z}": "",
		"https://a b/{z}":                           "",
		"https://a\r\nX-Evil: 1/{z}":                "",
		"/{z}/{x}/{y}":                              "",
		"https:///{z}":                              "",
	} {
		c := MapConfig{Layers: []LayerConfig{{Name: "x", URL: address}}}
		if got := c.origins(); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
	p := policy(MapConfig{Layers: []LayerConfig{{URL: tiles}, {URL: "https://b.example/"}}}.origins())
	for _, want := range []string{"img-src 'self' data: blob: https://tiles.example https://b.example;", "connect-src 'self' https://tiles.example https://b.example;", "default-src 'self';", "object-src 'none'"} {
		if !strings.Contains(p, want) {
			t.Errorf("%s lacks %s", p, want)
		}
	}
}

// mapFolder holds archives and what is none.
func mapFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	folder := filepath.Join(dir, "maps")
	for name, content := range map[string]string{
		"maps/berlin.pmtiles": "PMTiles 0123456789", "maps/.hidden.pmtiles": "secret", "maps/notes.txt": "secret", "maps/with space.pmtiles": "secret",
		"maps/folder.pmtiles/x.pmtiles": "nested", "secret.pmtiles": "secret", "maps/big.PMTILES": "secret", "maps/alps.pmtiles": "PMTiles",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.pmtiles", filepath.Join(folder, "link.pmtiles")); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestArchivesAreLayersWithoutBeingNamed(t *testing.T) {
	c := MapConfig{Latitude: 52.5, Longitude: 13.4, Zoom: 11, Layers: []LayerConfig{{Name: "Streets", URL: tiles, Attribution: "© x", MinZoom: 3}, {Name: "Air", URL: tiles, MaxZoom: 17}}}
	b, err := json.Marshal(c.Start(mapFolder(t)))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"layers":[` +
		`{"id":"file:alps","name":"alps","kind":"pmtiles","url":"/maps/alps.pmtiles","attribution":"","minZoom":0,"maxZoom":22},` +
		`{"id":"file:berlin","name":"berlin","kind":"pmtiles","url":"/maps/berlin.pmtiles","attribution":"","minZoom":0,"maxZoom":22},` +
		`{"id":"url:Streets","name":"Streets","kind":"raster","url":"https://tiles.example/{z}/{x}/{y}.png","attribution":"© x","minZoom":3,"maxZoom":19},` +
		`{"id":"url:Air","name":"Air","kind":"raster","url":"https://tiles.example/{z}/{x}/{y}.png","attribution":"","minZoom":0,"maxZoom":17}],"center":[52.5,13.4],"zoom":11}`
	if string(b) != want {
		t.Errorf("%s", b)
	}
	for _, folder := range []string{"", filepath.Join(t.TempDir(), "none")} {
		if m := DefaultMap().Start(folder); m.Layers == nil || len(m.Layers) > 0 {
			t.Errorf("%q: %+v", folder, m)
		}
	}
}

func TestArchivesAreServedByRangesAndNothingElseIs(t *testing.T) {
	folder := mapFolder(t)
	h := archives(folder)
	get := func(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, "/maps/x", nil)
		r.URL.Path = path
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		h.ServeHTTP(w, r)
		return w
	}
	whole := get(h, "GET", "/maps/berlin.pmtiles")
	tag := whole.Header().Get("ETag")
	if whole.Code != 200 || whole.Body.String() != "PMTiles 0123456789" || whole.Header().Get("Content-Type") != "application/octet-stream" || whole.Header().Get("Accept-Ranges") != "bytes" ||
		tag == "" || whole.Header().Get("Cache-Control") != "private, max-age=3600" {
		t.Errorf("%d %v %q", whole.Code, whole.Header(), whole.Body)
	}
	for _, test := range []struct {
		name, method, key, value string
		code                     int
		body                     string
	}{
		{"range", "GET", "Range", "bytes=8-11", 206, "0123"},
		{"end", "GET", "Range", "bytes=-2", 206, "89"},
		{"beyond the end", "GET", "Range", "bytes=100-200", 416, ""},
		{"HEAD", "HEAD", "X", "", 200, ""},
		{"known", "GET", "If-None-Match", tag, 304, ""},
	} {
		w := get(h, test.method, "/maps/berlin.pmtiles", test.key, test.value)
		if w.Code != test.code || test.code < 400 && w.Body.String() != test.body {
			t.Errorf("%s: %d %q", test.name, w.Code, w.Body)
		}
	}
	if w := get(h, "GET", "/maps/berlin.pmtiles", "Range", "bytes=0-1", "If-Range", tag); w.Code != 206 {
		t.Error(w.Code)
	}
	if err := os.Chtimes(filepath.Join(folder, "berlin.pmtiles"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if w := get(h, "GET", "/maps/berlin.pmtiles", "Range", "bytes=0-1", "If-Range", tag); w.Code != 200 {
		t.Errorf("a range of another file than the client knows: %d", w.Code)
	}
	for _, path := range []string{
		"/maps/", "/maps", "/", "/maps/none.pmtiles", "/maps/.hidden.pmtiles", "/maps/notes.txt", "/maps/with space.pmtiles", "/maps/folder.pmtiles", "/maps/big.PMTILES",
		"/maps/../secret.pmtiles", "/maps/..", "/maps/..\\secret.pmtiles", "/maps/link.pmtiles", "/maps/folder.pmtiles/x.pmtiles", "/maps/berlin.pmtiles\x00", "/maps/.pmtiles", "/maps/" + strings.Repeat("a", 300) + ".pmtiles",
	} {
		if w := get(h, "GET", path); w.Code != 404 || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v %q", path, w.Code, w.Header(), w.Body)
		}
	}
	for _, folder := range []string{"", filepath.Join(t.TempDir(), "none")} {
		if w := get(archives(folder), "GET", "/maps/berlin.pmtiles"); w.Code != 404 {
			t.Errorf("%q: %d", folder, w.Code)
		}
	}
}

func TestMapsAreForThoseWhoHaveLoggedIn(t *testing.T) {
	h := open(t, func(c *Config, d *Deps) {
		d.Maps = mapFolder(t)
		c.Map.Layers = []LayerConfig{{Name: "x", URL: tiles}}
	})
	c := h.client(t, "https", true)
	const path = site + "/maps/berlin.pmtiles"
	if a := do(t, c, "GET", path, nil, ""); a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") == "" || strings.Contains(a.text, "PMTiles") {
		t.Errorf("%s %s", a.Status, a.text)
	}
	header := logIn(t, c, "mike")
	header.Set("Range", "bytes=8-9")
	if a := do(t, c, "GET", path, header, ""); a.StatusCode != 206 || a.text != "01" || a.Header.Get("Content-Encoding") != "" {
		t.Errorf("%s %v %s", a.Status, a.Header, a.text)
	}
	if a := do(t, c, "GET", path, basic("mike"), ""); a.StatusCode != 200 || !strings.Contains(a.Header.Get("Content-Security-Policy"), "connect-src 'self' https://tiles.example;") {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	if a := do(t, c, "PUT", path, basic("ann"), "x"); a.StatusCode < 400 {
		t.Errorf("PUT: %s", a.Status)
	}
	if a := do(t, c, "GET", site+"/maps/%2e%2e%2fsecret.pmtiles", basic("mike"), ""); strings.Contains(a.text, "secret\n") || a.text == "secret" {
		t.Errorf("%s %s", a.Status, a.text)
	}
	_, token, err := h.auth.CreateToken(t.Context(), "mike", auth.TokenSpec{Name: "x", Kind: auth.KindToken, Scope: &auth.Scope{Actions: []auth.Action{auth.Read}}})
	if err != nil {
		t.Fatal(err)
	}
	if a := do(t, c, "GET", path, http.Header{"Authorization": {"Bearer " + token}}, ""); a.StatusCode != 403 {
		t.Errorf("a token for something else: %s", a.Status)
	}
}

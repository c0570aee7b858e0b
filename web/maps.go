package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"muster/internal/safename"
	"muster/web/api"
	"muster/web/problem"
)

// MapConfig is the section web.map: what the map of the console starts with.
// Archives of tiles (*.pmtiles) in DATA/maps are layers too, without being named
// here; they work without any network.
type MapConfig struct {
	Layers    []LayerConfig `yaml:"layers" doc:"Sources of map tiles that browsers may load from other servers."`
	Latitude  float64       `yaml:"latitude" doc:"Where the map starts when nothing is on it."`
	Longitude float64       `yaml:"longitude" doc:"Likewise."`
	Zoom      float64       `yaml:"zoom" doc:"How near it starts: 0 is the world, 18 a house."`
}

// LayerConfig is one source of map tiles.
type LayerConfig struct {
	Name        string `yaml:"name" doc:"What people choose it by."`
	URL         string `yaml:"url" doc:"Address of a tile with {z}, {x} and {y} in it."`
	Attribution string `yaml:"attribution" doc:"Whom its terms want named."`
	MinZoom     int    `yaml:"minZoom" doc:"Farthest zoom that it has tiles for."`
	MaxZoom     int    `yaml:"maxZoom" doc:"Nearest zoom that it has tiles for; 0 is 19."`
}

const (
	maxZoom   = 22
	usualZoom = 19 // of servers that do not say how far they go
)

// DefaultMap shows the world, with nothing from elsewhere.
func DefaultMap() MapConfig {
	return MapConfig{Layers: []LayerConfig{}, Latitude: 30, Longitude: 10, Zoom: 2}
}

// Validate reports the first setting that cannot work.
func (c MapConfig) Validate() error {
	// YAML has a number that is none, and compares with nothing.
	switch {
	case !(c.Latitude >= -85 && c.Latitude <= 85 && c.Longitude >= -180 && c.Longitude <= 180):
		return errors.New("latitude must be from -85 to 85, longitude from -180 to 180")
	case !(c.Zoom >= 0 && c.Zoom <= maxZoom):
		return errors.New("zoom must be from 0 to 22")
	}
	names := make(map[string]bool)
	for i, l := range c.Layers {
		u, err := url.Parse(l.URL)
		switch {
		case l.Name == "":
			return fmt.Errorf("layers[%d]: a name is needed", i)
		case names[l.Name]:
			return fmt.Errorf("layers[%d]: another layer is called %s", i, l.Name)
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			return fmt.Errorf("layers[%d]: url must begin with https:// or http://", i)
		case !strings.Contains(l.URL, "{z}") || !strings.Contains(l.URL, "{x}") || !strings.Contains(l.URL, "{y}"):
			return fmt.Errorf("layers[%d]: url must have {z}, {x} and {y} in it", i)
		case l.MinZoom < 0 || l.MaxZoom < 0 || l.MaxZoom > maxZoom || l.MinZoom > cmp.Or(l.MaxZoom, usualZoom):
			return fmt.Errorf("layers[%d]: minZoom and maxZoom must be from 0 to 22, the smaller one first", i)
		}
		names[l.Name] = true
	}
	return nil
}

// origins are the servers that pages may load tiles from.
func (c MapConfig) origins() string {
	var out strings.Builder
	for _, l := range c.Layers {
		if u, err := url.Parse(l.URL); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'\"{}") {
			out.WriteString(" " + u.Scheme + "://" + u.Host)
		}
	}
	return out.String()
}

const archive = ".pmtiles"

// Start is what the map of a server with that folder of archives starts with.
func (c MapConfig) Start(folder string) api.Map {
	m := api.Map{Layers: []api.MapLayer{}, Center: [2]float64{c.Latitude, c.Longitude}, Zoom: c.Zoom}
	found, err := os.ReadDir(folder)
	if err != nil {
		found = nil // there is no such folder, most often
	}
	for _, f := range found {
		name := f.Name()
		if _, err := safename.Parse(name); err == nil && f.Type().IsRegular() && strings.HasSuffix(name, archive) {
			title := strings.TrimSuffix(name, archive)
			m.Layers = append(m.Layers, api.MapLayer{ID: "file:" + title, Name: title, Kind: "pmtiles", URL: "/maps/" + name, MaxZoom: maxZoom})
		}
	}
	for _, l := range c.Layers {
		m.Layers = append(m.Layers, api.MapLayer{ID: "url:" + l.Name, Name: l.Name, Kind: "raster", URL: l.URL, Attribution: l.Attribution, MinZoom: l.MinZoom, MaxZoom: cmp.Or(l.MaxZoom, usualZoom)})
	}
	return m
}

// archives serves the files of folder, by ranges, as readers of PMTiles ask.
func archives(folder string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Path)
		if _, err := safename.Parse(name); err != nil || folder == "" || !strings.HasSuffix(name, archive) {
			problem.Write(w, http.StatusNotFound, "There is no such map.")
			return
		}
		root, err := os.OpenRoot(folder)
		if err != nil {
			problem.Write(w, http.StatusNotFound, "There is no such map.")
			return
		}
		defer root.Close()
		f, err := root.Open(name)
		if err != nil {
			problem.Write(w, http.StatusNotFound, "There is no such map.")
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			problem.Write(w, http.StatusNotFound, "There is no such map.")
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "private, max-age=3600")
		w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
}

package enterprise

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/wire"
)

// search lists files for ATAK's list of packages on the server, and others.
func (a *API) search(w http.ResponseWriter, r *http.Request) {
	q, bad1 := query(reply.Fold(r))
	if bad1 != "" {
		bad(w, bad1)
		return
	}
	found, _, err := a.Files.Search(r.Context(), caller(r), q)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.TextJSON(w, http.StatusOK, struct {
		Count   int        `json:"resultCount"`
		Results []metadata `json:"results"`
	}{len(found), convert(found, newMetadata)})
}

// searchResources is search in the form of the newer interface.
func (a *API) searchResources(w http.ResponseWriter, r *http.Request) {
	v := reply.Fold(r)
	q, wrong := query(v)
	if wrong != "" {
		bad(w, wrong)
		return
	}
	if !a.ofMission(w, r, v.Get("mission"), &q) {
		return
	}
	found, _, err := a.Files.Search(r.Context(), caller(r), q)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "Resource", convert(found, newResource))
}

// ofMission narrows q to the files of a mission.
func (a *API) ofMission(w http.ResponseWriter, r *http.Request, mission string, q *files.Query) bool {
	if mission == "" {
		return true
	}
	if a.Missions == nil {
		a.fail(w, r, files.ErrNotFound)
		return false
	}
	hashes, err := a.Missions.Hashes(r.Context(), caller(r), mission)
	if err != nil {
		a.fail(w, r, err)
		return false
	}
	q.Hashes = append([]string{}, hashes...)
	return true
}

// query reads the parameters of a search, under lower-case names; wrong names the
// first that cannot be read.
func query(v url.Values) (q files.Query, wrong string) {
	q = files.Query{
		Hash: v.Get("hash"), UID: v.Get("uid"), Name: v.Get("name"), Filename: v.Get("filename"), MIME: v.Get("mimetype"), Tool: v.Get("tool"),
		Submitter: first(v, "submissionuser", "submitter"), CreatorUID: v.Get("creatoruid"),
		Keywords: words(v["keyword"], v["keywords"]),
	}
	for _, p := range []struct {
		names []string
		read  func(string) error
	}{
		{[]string{"starttime"}, func(s string) error { return moment(s, &q.From) }},
		{[]string{"stoptime", "endtime"}, func(s string) error { return moment(s, &q.To) }},
		{[]string{"minaltitude"}, func(s string) error { return height(s, &q.MinAlt) }},
		{[]string{"maxaltitude"}, func(s string) error { return height(s, &q.MaxAlt) }},
		{[]string{"bbox", "box"}, func(s string) error {
			n, err := numbers(s, 4)
			if err == nil {
				q.Box = &files.Box{West: n[0], South: n[1], East: n[2], North: n[3]}
			}
			return err
		}},
		{[]string{"circle"}, func(s string) error {
			n, err := numbers(s, 3)
			if err == nil {
				q.Circle = &files.Circle{Lon: n[0], Lat: n[1], Radius: n[2]}
			}
			return err
		}},
	} {
		if s := first(v, p.names...); s != "" && p.read(s) != nil {
			return q, p.names[0]
		}
	}
	return q, ""
}

func words(all ...[]string) []string {
	var out []string
	for _, s := range slices.Concat(all...) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func moment(s string, to *time.Time) error {
	ms, err := wire.ParseTime(s)
	*to = time.UnixMilli(ms)
	return err
}

func height(s string, to **float64) error {
	n, err := numbers(s, 1)
	if err == nil {
		*to = &n[0]
	}
	return err
}

var errNumbers = errors.New("these are not the numbers that are needed")

// numbers reads n finite numbers joined by commas: longitude before latitude, as
// in the corners of a box (west, south, east, north) and a circle (longitude,
// latitude, radius in metres).
func numbers(s string, n int) ([]float64, error) {
	if len(s) > 256 {
		return nil, errNumbers
	}
	parts := strings.Split(s, ",")
	if len(parts) != n {
		return nil, errNumbers
	}
	out := make([]float64, n)
	for i, p := range parts {
		f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || f-f != 0 { // NaN and the infinities
			return nil, errNumbers
		}
		out[i] = f
	}
	return out, nil
}

package events

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/cot/history"
	"muster/cot/marti/reply"
	"muster/cot/pack"
)

// upload takes a track that a device has recorded, as KML or KMZ.
func (a *API) upload(w http.ResponseWriter, r *http.Request) {
	q := reply.Fold(r)
	rec := history.Recording{UID: q.Get("uid"), Callsign: q.Get("callsign"), Type: q.Get("cottype"), Team: q.Get("groupname"), Role: q.Get("grouprole")}
	if rec.UID == "" {
		reply.Error(w, http.StatusBadRequest, "The uid of the device is missing.")
		return
	}
	for _, s := range []string{rec.Callsign, rec.Type, rec.Team, rec.Role} {
		if len(s) > 200 {
			reply.Error(w, http.StatusBadRequest, "A parameter is too long.")
			return
		}
	}
	if rec.Type != "" && !strings.HasPrefix(rec.Type, "a-") {
		reply.Error(w, http.StatusBadRequest, "A track is of something whose type begins with a-.")
		return
	}
	body, err := reply.Body(w, r, maxKMZ)
	if err != nil {
		return
	}
	if body, err = unzipped(body); err != nil {
		reply.Error(w, http.StatusBadRequest, "The file is no usable KMZ.")
		return
	}
	if rec.Points, err = readKML(body); err != nil {
		reply.Error(w, http.StatusBadRequest, "The file is not well-formed KML.")
		return
	}
	n, err := a.deps.History.Import(r.Context(), reply.From(r).Identity, rec, nil)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.Info("a recorded track was taken", "user", reply.From(r).Identity.User, "uid", rec.UID, "points", n)
	reply.Text(w, http.StatusOK, fmt.Sprintf("%d points", n))
}

// errNoKML says that an archive holds no document.
var errNoKML = errors.New("no KML in the archive")

// unzipped returns the document of a KMZ, or b itself.
func unzipped(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return b, nil
	}
	ar, err := pack.Open(bytes.NewReader(b), int64(len(b)), pack.Limits{Entries: 1000, Entry: maxKML, Total: 4 * maxKML, Ratio: 200})
	if err != nil {
		return nil, err
	}
	doc := ar.Find("doc.kml")
	if doc == "" {
		i := slices.IndexFunc(ar.Names(), func(n string) bool { return strings.HasSuffix(strings.ToLower(n), ".kml") })
		if i < 0 {
			return nil, errNoKML
		}
		doc = ar.Names()[i]
	}
	return ar.Read(doc, maxKML)
}

// parameters are those of the query, and of the form that was posted.
func parameters(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if r.Method != http.MethodPost {
		return r.URL.Query(), true
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			reply.Error(w, http.StatusBadRequest, "The form cannot be read.")
			return nil, false
		}
	}
	if err := r.ParseForm(); err != nil {
		reply.Error(w, http.StatusBadRequest, "The form cannot be read.")
		return nil, false
	}
	for _, values := range r.Form {
		if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "\x00") }) {
			reply.Error(w, http.StatusBadRequest, "The form holds a character that cannot be used.")
			return nil, false
		}
	}
	return r.Form, true
}

// list reads a parameter that may come several times, or with commas.
func list(q url.Values, names ...string) []string {
	var out []string
	for _, n := range names {
		for _, v := range q[n] {
			for _, s := range strings.Split(v, ",") {
				if s = strings.TrimSpace(s); s != "" {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// export answers with tracks and things on the map.
func (a *API) export(w http.ResponseWriter, r *http.Request) {
	q, ok := parameters(w, r)
	if !ok {
		return
	}
	from, to, ok := period(w, r, "startTime", "endTime")
	if !ok {
		return
	}
	sel := history.Selection{UIDs: list(q, "uid", "uids"), Groups: list(q, "groups", "group"), From: from, To: to}
	if len(sel.UIDs) > maxUIDs {
		reply.Error(w, http.StatusBadRequest, fmt.Sprintf("At most %d uids can be asked for at a time.", maxUIDs))
		return
	}
	gap := 10 * time.Minute
	for _, p := range []struct {
		name string
		to   *time.Duration
		unit time.Duration
	}{{"interval", &sel.Interval, time.Second}, {"multiTrackThreshold", &gap, time.Minute}} {
		s := q.Get(p.name)
		if s == "" {
			continue
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(n >= 0 && n <= 1e6) {
			reply.Error(w, http.StatusBadRequest, p.name+" is a number.")
			return
		}
		*p.to = time.Duration(n * float64(p.unit))
	}
	if gap == 0 {
		gap = 1 << 62
	}
	doc, err := a.exported(r, sel, gap, q.Get("extendedData") != "false")
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.sendKML(w, r, doc.bytes(), "export", strings.EqualFold(q.Get("format"), "kml"))
}

func (a *API) exported(r *http.Request, sel history.Selection, gap time.Duration, extended bool) (*document, error) {
	id := reply.From(r).Identity
	doc := newDocument("Export")
	doc.raw("<Folder><name>Tracks</name>")
	whole, err := a.deps.History.Tracks(r.Context(), id, sel, func(t history.Track) error {
		doc.track(t, gap, extended)
		return nil
	})
	if err != nil {
		return nil, err
	}
	doc.raw("</Folder><Folder><name>Markers</name>")
	recs, err := a.deps.History.Latest(r.Context(), id, history.Bounds{}, sel.To)
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		if rec.Kind != history.KindPosition && wanted(rec, sel) {
			doc.place(rec, extended)
		}
	}
	doc.raw("</Folder>")
	if !whole {
		doc.text("description", "There are more tracks or points than one export holds. Choose a shorter time or an interval.")
	}
	return doc, nil
}

func wanted(rec history.Record, sel history.Selection) bool {
	if len(sel.UIDs) > 0 && !slices.Contains(sel.UIDs, rec.UID) {
		return false
	}
	return len(sel.Groups) == 0 || slices.ContainsFunc(rec.Groups, func(g string) bool { return slices.Contains(sel.Groups, g) })
}

// sendKML answers with a document, zipped unless plain.
func (a *API) sendKML(w http.ResponseWriter, r *http.Request, b []byte, name string, plain bool) {
	if plain {
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.kml"`)
		reply.Bytes(w, http.StatusOK, kmlType, b)
		return
	}
	z := pack.Builder{Plain: true}
	z.Add("doc.kml", b)
	out, err := z.Bytes()
	if err != nil {
		a.fail(w, r, fmt.Errorf("events: write a KMZ: %w", err))
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.kmz"`)
	reply.Bytes(w, http.StatusOK, kmzType, out)
}

// latestKML answers with what is on the map now.
func (a *API) latestKML(w http.ResponseWriter, r *http.Request) {
	recs, err := a.deps.History.Latest(r.Context(), reply.From(r).Identity, history.Bounds{}, time.Time{})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	doc := newDocument("Situation")
	for _, rec := range recs {
		doc.place(rec, true)
	}
	a.sendKML(w, r, doc.bytes(), "latest", true)
}

// masterKML is a document that fetches the situation again and again.
func (a *API) masterKML(w http.ResponseWriter, r *http.Request) {
	doc := newDocument("Situation")
	doc.raw("<NetworkLink><name>Latest</name><Link>")
	doc.text("href", reply.Origin(r)+"/Marti/LatestKML")
	doc.raw("<refreshMode>onInterval</refreshMode><refreshInterval>10</refreshInterval></Link></NetworkLink>")
	a.sendKML(w, r, doc.bytes(), "situation", true)
}

// Package events is the part of the Marti API that speaks of the past: events by
// uid, the situation, tracks as KML in and out, and the rules of how long things
// are kept.
package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/cot/history"
	"muster/cot/marti/reply"
	"muster/cot/wire"
	"muster/internal/auth"
)

// Expiry sets when single files go; missions have their own API. The errors wrap auth.ErrDenied, or
// history.ErrNotFound.
type Expiry interface {
	ExpireFile(ctx context.Context, by auth.Identity, hash string, at time.Time) error
}

// Deps is what the API needs of the house.
type Deps struct {
	History *history.Service
	Node    reply.Node
	Log     *slog.Logger
	Expiry  Expiry // nil: the routes are not there
}

// API answers.
type API struct {
	deps Deps
	log  *slog.Logger
}

// New returns the API.
func New(d Deps) *API { return &API{deps: d, log: d.Log.With("part", "marti")} }

// Routes adds the routes.
func (a *API) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /Marti/api/cot/xml/{uid}", a.newest)
	mux.HandleFunc("GET /Marti/api/cot/xml/{uid}/all", a.all)
	mux.HandleFunc("GET /Marti/api/cot", a.several)
	mux.HandleFunc("POST /Marti/api/cot", a.several)
	mux.HandleFunc("GET /Marti/api/cot/sa", a.situation)
	mux.HandleFunc("GET /Marti/api/cot/matchUid", a.match)
	mux.HandleFunc("GET /Marti/api/cot/search", a.searches)
	mux.HandleFunc("GET /Marti/api/uidsearch", a.names)
	mux.HandleFunc("GET /Marti/GetCotData", a.data)
	mux.HandleFunc("GET /Marti/api/database/cotCount", a.count)

	mux.HandleFunc("POST /Marti/TracksKML", a.upload)
	mux.HandleFunc("GET /Marti/ExportMissionKML", a.export)
	mux.HandleFunc("POST /Marti/ExportMissionKML", a.export)
	mux.HandleFunc("GET /Marti/LatestKML", a.latestKML)
	mux.HandleFunc("GET /Marti/KmlMasterSA", a.masterKML)

	mux.HandleFunc("GET /Marti/api/retention/policy", a.policy)
	mux.HandleFunc("PUT /Marti/api/retention/policy", a.setPolicy)
	mux.HandleFunc("GET /Marti/api/retention/service/schedule", a.schedule)
	mux.HandleFunc("PUT /Marti/api/retention/service/schedule", a.setSchedule)
	if a.deps.Expiry != nil {
		mux.HandleFunc("PUT /Marti/api/retention/resource/{name}/expiry/{time}", a.expireFile)
	}
}

// fail answers for an error of the history.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil: // the client has gone
	case errors.Is(err, history.ErrNotFound):
		reply.Error(w, http.StatusNotFound, "There is nothing of that name.")
	case errors.Is(err, auth.ErrDenied):
		reply.Error(w, http.StatusForbidden, "You are not allowed to do this.")
	case errors.Is(err, history.ErrInvalid):
		reply.Error(w, http.StatusBadRequest, sentence(err))
	default:
		a.log.Error("a request failed", "path", r.URL.Path, "user", reply.From(r).Identity.User, "error", err)
		reply.Error(w, http.StatusInternalServerError, "The server could not do this. Try again later.")
	}
}

// sentence makes an error of ours, which says nothing of the inside, one.
func sentence(err error) string {
	s := strings.TrimPrefix(err.Error(), "history: ")
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// admin answers those who may not administer, and reports whether r may.
func admin(w http.ResponseWriter, r *http.Request) bool {
	if auth.Allow(reply.From(r).Identity, auth.Admin, auth.Server()) == nil {
		return true
	}
	reply.Error(w, http.StatusForbidden, "Only administrators may do this.")
	return false
}

func (a *API) newest(w http.ResponseWriter, r *http.Request) { a.one(w, r, r.PathValue("uid")) }

// data is an older way to ask for the newest event of a uid.
func (a *API) data(w http.ResponseWriter, r *http.Request) {
	uid := reply.Fold(r).Get("uid")
	if uid == "" {
		reply.Error(w, http.StatusBadRequest, "Name a uid.")
		return
	}
	a.one(w, r, uid)
}

func (a *API) one(w http.ResponseWriter, r *http.Request, uid string) {
	rec, err := a.deps.History.Newest(r.Context(), reply.From(r).Identity, uid)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	b, err := rec.XML()
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.XML(w, http.StatusOK, b)
}

func (a *API) all(w http.ResponseWriter, r *http.Request) {
	from, to, ok := period(w, r, "start", "end")
	if !ok {
		return
	}
	recs, err := a.deps.History.All(r.Context(), reply.From(r).Identity, r.PathValue("uid"), from, to)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.events(w, r, recs)
}

// maxUIDs is how many uids one request may name.
const maxUIDs = 1000

func (a *API) several(w http.ResponseWriter, r *http.Request) {
	uids, ok := uidsOf(w, r)
	if !ok {
		return
	}
	var recs []history.Record
	for _, uid := range uids {
		rec, err := a.deps.History.Newest(r.Context(), reply.From(r).Identity, uid)
		if errors.Is(err, history.ErrNotFound) {
			continue
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		recs = append(recs, rec)
	}
	a.events(w, r, recs)
}

// uidsOf reads a list of uids: XML, JSON, or separated by commas or lines; from
// the query where there is no body.
func uidsOf(w http.ResponseWriter, r *http.Request) ([]string, bool) {
	body, err := reply.Body(w, r, 1<<20)
	if err != nil {
		return nil, false
	}
	text := strings.TrimSpace(string(body))
	var uids []string
	switch {
	case text == "":
		for _, key := range []string{"uid", "uids"} {
			for _, v := range reply.Fold(r)[key] {
				uids = append(uids, split(v)...)
			}
		}
	case text[0] == '<':
		root, err := wire.ParseElement([]byte(text), wire.DefaultLimits())
		if err != nil {
			reply.Error(w, http.StatusBadRequest, "The list is not well-formed XML.")
			return nil, false
		}
		uids = leaves(root, nil)
	case text[0] == '[':
		if json.Unmarshal([]byte(text), &uids) != nil {
			reply.Error(w, http.StatusBadRequest, "The list is not a JSON list of texts.")
			return nil, false
		}
	default:
		uids = split(text)
	}
	if len(uids) > maxUIDs {
		reply.Error(w, http.StatusBadRequest, fmt.Sprintf("At most %d uids can be asked for at a time.", maxUIDs))
		return nil, false
	}
	// Nothing is called so, and the database would take it for the end of the text.
	uids = slices.DeleteFunc(uids, func(uid string) bool { return strings.Contains(uid, "\x00") })
	slices.Sort(uids)
	return slices.Compact(uids), true
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' || r == ';' })
}

// leaves collects the text of elements without children.
func leaves(el wire.Element, out []string) []string {
	leaf := true
	for c := range el.Children() {
		leaf = false
		out = leaves(c, out)
	}
	if t := strings.TrimSpace(el.Text()); leaf && t != "" {
		out = append(out, split(t)...)
	}
	return out
}

// events answers with whole events, written one after the other: a list may be
// long.
func (a *API) events(w http.ResponseWriter, r *http.Request, recs []history.Record) {
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	write := func(b []byte) bool { _, err := w.Write(b); return err == nil }
	if !write([]byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n<events>")) {
		return
	}
	for _, rec := range recs {
		b, err := rec.XML()
		if err != nil {
			a.log.Error("a stored event was left out", "uid", rec.UID, "error", err)
			continue
		}
		if !write(b) {
			return
		}
	}
	write([]byte("</events>"))
}

func (a *API) situation(w http.ResponseWriter, r *http.Request) {
	from, to, ok := period(w, r, "start", "end")
	if !ok {
		return
	}
	b, ok := bounds(w, r)
	if !ok {
		return
	}
	recs, err := a.deps.History.Latest(r.Context(), reply.From(r).Identity, b, to)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	recs = slices.DeleteFunc(recs, func(rec history.Record) bool {
		return rec.Kind != history.KindPosition || !from.IsZero() && rec.Received < from.UnixMilli()
	})
	a.events(w, r, recs)
}

func (a *API) match(w http.ResponseWriter, r *http.Request) {
	names, err := a.deps.History.Names(r.Context(), reply.From(r).Identity, r.URL.Query().Get("search"), time.Time{}, time.Time{})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n.UID
	}
	a.deps.Node.Envelope(w, "java.lang.String", out)
}

// searches lists stored searches: there are none, because events are found at
// once.
func (a *API) searches(w http.ResponseWriter, r *http.Request) {
	a.deps.Node.Envelope(w, "CotSearch", []string{})
}

func (a *API) names(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, err1 := moment(q.Get("startDate"), false)
	to, err2 := moment(q.Get("endDate"), true)
	if err1 != nil || err2 != nil || from.IsZero() || to.IsZero() {
		reply.Error(w, http.StatusBadRequest, "startDate and endDate are needed, as 2026-03-01 or 2026-03-01T12:00:00.000Z.")
		return
	}
	names, err := a.deps.History.Names(r.Context(), reply.From(r).Identity, "", from, to)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if names == nil {
		names = []history.Name{}
	}
	a.deps.Node.Envelope(w, "com.bbn.marti.remote.UIDResult", names)
}

func (a *API) count(w http.ResponseWriter, r *http.Request) {
	if !admin(w, r) {
		return
	}
	n, err := a.deps.History.Count(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.deps.Node.Envelope(w, "java.util.Map", map[string]int64{"cotEvents": n, "cotImages": 0})
}

// moment reads a time of a parameter; "" is none. A day alone is its beginning,
// or its end.
func moment(s string, end bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		if end {
			t = t.Add(24*time.Hour - time.Millisecond)
		}
		return t, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(n).UTC(), nil
	}
	ms, err := wire.ParseTime(s)
	return time.UnixMilli(ms).UTC(), err
}

// period reads from when to when: two times, or secago seconds back from now.
func period(w http.ResponseWriter, r *http.Request, start, end string) (from, to time.Time, ok bool) {
	q := r.URL.Query()
	if r.Method == http.MethodPost && r.Form != nil {
		q = r.Form
	}
	from, err1 := moment(q.Get(start), false)
	to, err2 := moment(q.Get(end), true)
	if err1 != nil || err2 != nil {
		reply.Error(w, http.StatusBadRequest, "A time is written like 2026-03-01T12:00:00.000Z.")
		return from, to, false
	}
	if s := q.Get("secago"); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 0 {
			reply.Error(w, http.StatusBadRequest, "secago is a number of seconds.")
			return from, to, false
		}
		from = time.Now().Add(-time.Duration(n) * time.Second)
	}
	return from, to, true
}

// bounds reads left, bottom, right and top: all of them or none.
func bounds(w http.ResponseWriter, r *http.Request) (history.Bounds, bool) {
	q := r.URL.Query()
	var b history.Bounds
	n := 0
	for _, p := range []struct {
		name string
		to   *float64
	}{{"left", &b.West}, {"bottom", &b.South}, {"right", &b.East}, {"top", &b.North}} {
		s := q.Get(p.name)
		if s == "" {
			continue
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v >= -180 && v <= 180) {
			reply.Error(w, http.StatusBadRequest, "left, bottom, right and top are degrees.")
			return b, false
		}
		*p.to = v
		n++
	}
	if n != 0 && n != 4 {
		reply.Error(w, http.StatusBadRequest, "Give all of left, bottom, right and top, or none of them.")
		return b, false
	}
	return b, true
}

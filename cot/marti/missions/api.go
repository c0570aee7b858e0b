// Package missions serves the HTTP side of Data Sync: everything below
// /Marti/api/missions, and the lists that read the same data. It turns requests
// into calls of mission.Service and its results into the forms that TAK clients
// check; what is allowed is decided there.
package missions

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/wire"
	"muster/internal/auth"
)

// Deps is what the routes need.
type Deps struct {
	Missions *mission.Service
	Node     reply.Node
	Log      *slog.Logger
}

// API answers for missions.
type API struct {
	s    *mission.Service
	node reply.Node
	log  *slog.Logger
	many chan struct{} // packages that are read in memory at a time
}

const (
	maxJSON    = 1 << 20  // bytes of a body that is no package
	maxPackage = 64 << 20 // bytes of a package
	atOnce     = 2        // packages in memory
	base       = "/Marti/api/missions"
)

// The types of envelopes.
const (
	typeMission      = "Mission"
	typeChange       = "MissionChange"
	typeSubscription = "com.bbn.marti.sync.model.MissionSubscription"
	typeRole         = "com.bbn.marti.sync.model.MissionRole"
	typeInvitation   = "MissionInvitation"
	typeLog          = "com.bbn.marti.sync.model.LogEntry"
	typeLayer        = "com.bbn.marti.sync.model.MissionLayer"
	typeMapLayer     = "com.bbn.marti.maplayer.model.MapLayer"
	typeFeed         = "MissionFeed"
	typeText         = "java.lang.String"
	typeNumber       = "java.lang.Long"
)

// New returns the routes.
func New(d Deps) (*API, error) {
	if d.Missions == nil || d.Log == nil {
		return nil, errors.New("missions: the service and the log are needed")
	}
	return &API{s: d.Missions, node: d.Node, log: d.Log.With("part", "marti"), many: make(chan struct{}, atOnce)}, nil
}

// Routes adds the routes to mux. All expect a caller who has logged in. A mux
// cannot tell /missions/{name}/contents from /missions/guid/{guid}, so the
// subtree is one handler.
func (a *API) Routes(mux *http.ServeMux) {
	mux.HandleFunc(base, a.root)
	mux.HandleFunc(base+"/", a.below)
	mux.HandleFunc("GET /Marti/api/pagedmissions", a.paged)
	mux.HandleFunc("GET /Marti/api/missioncount", a.count)
	mux.HandleFunc("GET /Marti/api/cops", a.cops)
	mux.HandleFunc("GET /Marti/api/cops/hierarchy", a.hierarchy)
	mux.HandleFunc("GET /Marti/api/retention/missionarchive", a.deleted)
	mux.HandleFunc("POST /Marti/api/retention/restoremission", a.restore)
	mux.HandleFunc("PUT /Marti/api/retention/mission/{name}/expiry/{time}", a.retire)
}

// request is one request for a mission.
type request struct {
	w    http.ResponseWriter
	r    *http.Request
	q    url.Values
	c    mission.Caller
	ref  mission.Ref
	args []string // what stood in place of each * of the pattern
}

func (r *request) ctx() context.Context { return r.r.Context() }

// text returns a query parameter.
func (r *request) text(name string) string { return r.q.Get(name) }

// flag returns a query parameter that is true or false.
func (r *request) flag(name string, otherwise bool) bool {
	switch strings.ToLower(r.q.Get(name)) {
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	return otherwise
}

// newRequest reads what all requests share; ok is false when it was answered.
func (a *API) newRequest(w http.ResponseWriter, r *http.Request) (*request, bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		reply.Error(w, http.StatusBadRequest, "The query of the address cannot be read.")
		return nil, false
	}
	uid := q.Get("creatorUid")
	if len(uid) > 255 {
		reply.Error(w, http.StatusBadRequest, "The creatorUid is too long.")
		return nil, false
	}
	return &request{w: w, r: r, q: q, c: mission.Caller{Identity: reply.From(r).Identity, UID: uid, Token: reply.MissionToken(r)}}, true
}

// version is the API version that the client speaks.
func (r *request) version() int {
	v, err := strconv.Atoi(strings.TrimSpace(r.r.Header.Get("API_VERSION")))
	if err != nil {
		return 2
	}
	return v
}

// handler answers a request; an error it returns is answered by the caller.
type handler func(a *API, r *request) error

// serve runs h and answers its error.
func (a *API) serve(r *request, h handler) {
	if err := h(a, r); err != nil {
		a.fail(r, err)
	}
}

// fail answers an error.
func (a *API) fail(r *request, err error) {
	status := statusOf(err)
	var say *mission.Refusal
	switch {
	case errors.Is(err, errAnswered), r.ctx().Err() != nil:
	case errors.As(err, &say):
		reply.Error(r.w, status, say.Say)
	case status != http.StatusInternalServerError:
		reply.Error(r.w, status, words[status])
	default:
		a.log.Error("a mission request", "path", r.r.URL.Path, "error", err)
		reply.Error(r.w, status, "The request could not be carried out.")
	}
}

// errAnswered says that the request has been answered.
var errAnswered = errors.New("missions: answered")

var words = map[int]string{
	http.StatusForbidden: "Forbidden.", http.StatusNotFound: "Not Found.", http.StatusRequestEntityTooLarge: "That is too large.",
	http.StatusInsufficientStorage: "There is no room left.", http.StatusBadRequest: "That cannot be used.",
}

func statusOf(err error) int {
	for _, e := range []struct {
		err    error
		status int
	}{
		{mission.ErrNotFound, http.StatusNotFound}, {mission.ErrGone, http.StatusGone}, {mission.ErrDenied, http.StatusForbidden},
		{mission.ErrConflict, http.StatusConflict}, {mission.ErrInvalid, http.StatusBadRequest}, {mission.ErrBusy, http.StatusServiceUnavailable},
		{files.ErrTooLarge, http.StatusRequestEntityTooLarge}, {files.ErrFull, http.StatusInsufficientStorage},
		{files.ErrInvalid, http.StatusBadRequest}, {files.ErrNotFound, http.StatusNotFound}, {auth.ErrDenied, http.StatusForbidden},
	} {
		if errors.Is(err, e.err) {
			return e.status
		}
	}
	return http.StatusInternalServerError
}

// list answers with one mission as a list, which is what Marti does.
func (a *API) list(r *request, status int, m mission.Mission) error {
	a.node.Status(r.w, status, typeMission, []mission.Mission{m})
	return nil
}

// done answers 200 without a body.
func done(r *request) error {
	reply.Text(r.w, http.StatusOK, "")
	return nil
}

// body reads a body that is no package.
func (r *request) body() ([]byte, error) {
	b, err := reply.Body(r.w, r.r, maxJSON)
	if err != nil {
		return nil, errAnswered
	}
	return b, nil
}

// json reads a JSON body into v.
func (r *request) json(v any) error {
	b, err := r.body()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		reply.Error(r.w, http.StatusBadRequest, "The body is not the JSON that is expected here.")
		return errAnswered
	}
	return nil
}

// words reads a JSON list of texts.
func (r *request) words() ([]string, error) {
	out := []string{}
	return out, r.json(&out)
}

// isJSON reports whether the body says it is JSON.
func (r *request) isJSON() bool {
	t, _, err := mime.ParseMediaType(r.r.Header.Get("Content-Type"))
	return err == nil && t == "application/json"
}

// span reads secago, start and end.
func (r *request) span() (mission.Span, error) {
	var out mission.Span
	bad := func(name string) error {
		reply.Error(r.w, http.StatusBadRequest, "The parameter "+name+" cannot be read.")
		return errAnswered
	}
	if v := r.text("secago"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || n > 1<<33 {
			return out, bad("secago")
		}
		out.From = time.Now().UnixMilli() - n*1000
	}
	for _, p := range []struct {
		name string
		to   *int64
	}{{"start", &out.From}, {"end", &out.To}} {
		if v := r.text(p.name); v != "" {
			t, err := wire.ParseTime(v)
			if err != nil {
				return out, bad(p.name)
			}
			*p.to = t
		}
	}
	return out, nil
}

// number reads an integer parameter.
func (r *request) number(name string, otherwise int64) (int64, error) {
	v := r.text(name)
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		reply.Error(r.w, http.StatusBadRequest, "The parameter "+name+" is not a number.")
		return 0, errAnswered
	}
	return n, nil
}

// Package excheck serves two small parts of Marti that keep their data in
// missions: ExCheck, the checklists of WinTAK and of a plugin of ATAK, and
// CI-TRAP, reports that ATAK asks for at its start.
//
// A template is a file and a content of the mission exchecktemplates. A running
// checklist is a mission of its own, named by its uid, whose contents are the
// checklist without its tasks and a file for each task; so its users are told of
// each change as of any mission's. A CI-TRAP report is a package, a content of the
// mission citrap. Who may do what is decided by the missions.
package excheck

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
)

// Files is the part of files.Service that is needed.
type Files interface {
	Put(ctx context.Context, id auth.Identity, m files.Meta, r io.Reader) (files.File, error)
	Open(hash string) (*os.File, int64, error)
}

// Deps is what the routes need.
type Deps struct {
	Missions *mission.Service
	Files    Files
	DB       *store.DB
	Log      *slog.Logger
}

// API answers for checklists and reports.
type API struct {
	missions *mission.Service
	files    Files
	db       *store.DB
	log      *slog.Logger
	many     chan struct{} // packages that are read in memory at a time
}

const (
	maxXML     = 4 << 20  // bytes of a checklist
	maxPackage = 32 << 20 // bytes of a report or an attachment
	atOnce     = 2
	maxText    = 4096 // bytes of a parameter
)

// limits leave room for what is put around a body of the largest size.
var limits = wire.Limits{Event: 2 * maxXML, Depth: 32, Attrs: 64}

// New returns the routes.
func New(d Deps) (*API, error) {
	if d.Missions == nil || d.Files == nil || d.DB == nil || d.Log == nil {
		return nil, errors.New("excheck: missions, files, db and log are needed")
	}
	return &API{missions: d.Missions, files: d.Files, db: d.DB, log: d.Log.With("part", "marti"), many: make(chan struct{}, atOnce)}, nil
}

// Routes adds the routes to mux. All expect a caller who has logged in.
func (a *API) Routes(mux *http.ServeMux) {
	const ex, trap = "/Marti/api/excheck/", "/Marti/api/citrap"
	for pattern, h := range map[string]handler{
		"POST " + ex + "template":                            a.addTemplate,
		"GET " + ex + "template/{uid}":                       a.template,
		"DELETE " + ex + "template/{uid}":                    a.removeTemplate,
		"PUT " + ex + "template/{uid}/task/{task}":           a.putTemplateTask,
		"GET " + ex + "template/{uid}/task/{task}":           a.templateTask,
		"DELETE " + ex + "template/{uid}/task/{task}":        a.removeTemplateTask,
		"POST " + ex + "{uid}/start":                         a.start,
		"POST " + ex + "{uid}/stop":                          a.stop,
		"POST " + ex + "checklist":                           a.startGiven,
		"GET " + ex + "checklist/active":                     a.active,
		"GET " + ex + "checklist/{uid}":                      a.checklist,
		"DELETE " + ex + "checklist/{uid}":                   a.stop,
		"GET " + ex + "checklist/{uid}/status":               a.status,
		"PUT " + ex + "checklist/{uid}/task/{task}":          a.putTask,
		"GET " + ex + "checklist/{uid}/task/{task}":          a.task,
		"DELETE " + ex + "checklist/{uid}/task/{task}":       a.removeTask,
		"PUT " + ex + "checklist/{uid}/mission/{mission}":    a.link,
		"DELETE " + ex + "checklist/{uid}/mission/{mission}": a.unlink,
		"GET " + trap:                       a.search,
		"POST " + trap:                      a.addReport,
		"GET " + trap + "/{id}":             a.report,
		"PUT " + trap + "/{id}":             a.replaceReport,
		"DELETE " + trap + "/{id}":          a.removeReport,
		"POST " + trap + "/{id}/attachment": a.attach,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, h) })
	}
}

// handler answers a request; an error it returns is answered for it.
type handler func(w http.ResponseWriter, r *http.Request, c mission.Caller) error

var errAnswered = errors.New("excheck: answered")

func (a *API) serve(w http.ResponseWriter, r *http.Request, h handler) {
	q := r.URL.Query()
	for _, k := range []string{"clientUid", "callsign", "name", "description", "token", "startTime"} {
		if len(q.Get(k)) > maxText {
			reply.Error(w, http.StatusBadRequest, "A parameter is too long.")
			return
		}
	}
	c := mission.Caller{Identity: reply.From(r).Identity, UID: q.Get("clientUid"), Token: q.Get("token"), Own: true}
	err := h(w, r, c)
	var say *mission.Refusal
	switch {
	case err == nil, errors.Is(err, errAnswered), r.Context().Err() != nil:
	case errors.As(err, &say):
		reply.Error(w, statusOf(say.Kind), say.Say)
	case errors.Is(err, auth.ErrDenied):
		reply.Error(w, http.StatusForbidden, "Forbidden.")
	case errors.Is(err, files.ErrNotFound):
		reply.Error(w, http.StatusNotFound, "Not Found.")
	case errors.Is(err, files.ErrTooLarge):
		reply.Error(w, http.StatusRequestEntityTooLarge, "That is too large.")
	case errors.Is(err, files.ErrFull):
		reply.Error(w, http.StatusInsufficientStorage, "There is no room left.")
	default:
		a.log.Error("a checklist or report", "path", r.URL.Path, "error", err)
		reply.Error(w, http.StatusInternalServerError, "The request could not be carried out.")
	}
}

func statusOf(kind error) int {
	switch kind {
	case mission.ErrNotFound:
		return http.StatusNotFound
	case mission.ErrGone:
		return http.StatusGone
	case mission.ErrDenied:
		return http.StatusForbidden
	case mission.ErrConflict:
		return http.StatusConflict
	case mission.ErrBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

func notFound(say string) error {
	return &mission.Refusal{Kind: mission.ErrNotFound, Say: "Not Found: " + say}
}
func invalid(say string) error { return &mission.Refusal{Kind: mission.ErrInvalid, Say: say} }

// body reads a body of at most limit bytes.
func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, err := reply.Body(w, r, limit)
	if err != nil {
		return nil, errAnswered
	}
	return b, nil
}

// read returns the content of a file that is not longer than limit.
func (a *API) read(hash string, limit int64) ([]byte, error) {
	f, size, err := a.files.Open(hash)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, files.ErrTooLarge
	}
	return io.ReadAll(io.LimitReader(f, size))
}

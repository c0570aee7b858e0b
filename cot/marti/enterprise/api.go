// Package enterprise is enterprise sync over HTTP as TAK clients speak it: files
// and mission packages below /Marti/sync, device profiles, icon sets, and the
// update server that ATAK fetches plugins from. What the files are and who may
// have them is decided in cot/files.
package enterprise

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/wire"
	"muster/internal/auth"
)

// Notifier sends an event of the server to clients; it is cot.Router.
type Notifier interface {
	Notify(ev *wire.Event, uids ...string) []string
}

// Missions tells which files a mission has.
type Missions interface {
	// Hashes returns the hashes of the contents of a mission that id may read; the
	// error wraps files.ErrNotFound or auth.ErrDenied.
	Hashes(ctx context.Context, id auth.Identity, mission string) ([]string, error)
	// Holds reports whether a file is content of a mission that c may read in.
	Holds(ctx context.Context, c mission.Caller, hash string) (bool, error)
}

// Deps is what the routes need.
type Deps struct {
	Files    *files.Service
	Notifier Notifier
	Missions Missions // nil: files cannot be searched by mission
	Node     reply.Node
	Log      *slog.Logger
}

// API answers for files, profiles, icons and updates.
type API struct {
	Deps
}

// New returns the routes.
func New(d Deps) (*API, error) {
	if d.Files == nil || d.Notifier == nil || d.Log == nil {
		return nil, errors.New("enterprise: files, notifier and log are needed")
	}
	d.Log = d.Log.With("part", "marti")
	return &API{d}, nil
}

// Routes adds the routes to mux. All expect a caller who has logged in.
func (a *API) Routes(mux *http.ServeMux) {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /Marti/sync/missionquery":                      a.missionQuery,
		"POST /Marti/sync/missionupload":                    a.missionUpload,
		"POST /Marti/sync/upload":                           a.upload,
		"GET /Marti/sync/content":                           a.content,
		"GET /Marti/sync/search":                            a.search,
		"GET /Marti/sync/delete":                            a.delete,
		"POST /Marti/sync/delete":                           a.delete,
		"DELETE /Marti/sync/delete":                         a.delete,
		"GET /Marti/sync/{hash}/metadata":                   a.metadata,
		"GET /Marti/api/sync/search":                        a.searchResources,
		"PUT /Marti/api/sync/metadata/{hash}/{what}":        a.setMetadata,
		"GET /Marti/api/sync/sequence/{key}":                a.sequence,
		"GET /Marti/api/resources/{hash}":                   a.resources,
		"GET /Marti/api/files/metadata":                     a.fileList,
		"GET /Marti/api/files/metadata/count":               a.fileCount,
		"GET /Marti/api/files/{hash}":                       a.file,
		"DELETE /Marti/api/files/{hash}":                    a.deleteFile,
		"PUT /Marti/api/files/{hash}/metadata":              a.changeFile,
		"GET /files/api/config":                             a.config,
		"GET /Marti/api/tls/profile/enrollment":             a.enrollment,
		"GET /Marti/api/tls/profile/tool/{tool}/file":       a.toolFiles,
		"GET /Marti/api/device/profile":                     a.profiles,
		"GET /Marti/api/device/profile/connection":          a.connection,
		"GET /Marti/api/device/profile/directories":         a.directories,
		"GET /Marti/api/device/profile/{name}":              a.profile,
		"POST /Marti/api/device/profile/{name}":             a.createProfile,
		"PUT /Marti/api/device/profile/{name}":              a.updateProfile,
		"DELETE /Marti/api/device/profile/{id}":             a.deleteProfile,
		"POST /Marti/api/device/profile/{name}/send":        a.sendProfile,
		"PUT /Marti/api/device/profile/{name}/file":         a.addProfileFile,
		"GET /Marti/api/device/profile/{name}/{what}":       a.profilePart,
		"GET /Marti/api/device/profile/{name}/{what}/{x}":   a.profileFile,
		"DELETE /Marti/api/device/profile/{name}/file/{id}": a.removeProfileFile,
		"POST /Marti/api/iconset":                           a.addIcons,
		"GET /Marti/api/iconset/all/uid":                    a.iconSets,
		"GET /Marti/api/iconset/{uid}":                      a.iconURLs,
		"DELETE /Marti/api/iconset/{uid}":                   a.deleteIcons,
		"GET /Marti/api/iconseturl/{uid}":                   a.iconURLs,
		"GET /Marti/api/icon/{uid}/{group}/{name}":          a.icon,
		"GET /Marti/api/iconurl":                            a.iconURL,
		"GET /Marti/api/iconimage":                          a.iconImage,
		"GET /update/{file}":                                a.updateFile,
		"GET /update/{version}/{file}":                      a.updateFile,
		"PUT /update/{file}":                                a.putUpdate,
		"DELETE /update/{file}":                             a.deleteUpdate,
	} {
		mux.HandleFunc(pattern, h)
	}
}

func caller(r *http.Request) auth.Identity { return reply.From(r).Identity }

// fail answers for an error of the files.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var over *http.MaxBytesError
	switch {
	case errors.Is(err, files.ErrNotFound):
		reply.Error(w, http.StatusNotFound, "Not found: there is no such file or you may not see it.")
	case errors.Is(err, auth.ErrDenied):
		reply.Error(w, http.StatusForbidden, "You may not do this: it takes a right in one of the file's groups.")
	case errors.Is(err, files.ErrTooLarge), errors.As(err, &over):
		reply.Error(w, http.StatusRequestEntityTooLarge, "The file is larger than the server takes.")
	case errors.Is(err, files.ErrFull):
		reply.Error(w, http.StatusInsufficientStorage, "The server has no room for the file.")
	case errors.Is(err, files.ErrExists):
		reply.Error(w, http.StatusConflict, "There is one of this name already.")
	case errors.Is(err, files.ErrInvalid):
		reply.Error(w, http.StatusBadRequest, sentence(err))
	case errors.Is(err, errUpload):
		reply.Error(w, http.StatusBadRequest, "The upload did not arrive whole, or not in a form that is understood.")
	case r.Context().Err() != nil: // nobody reads it
		reply.Error(w, http.StatusBadRequest, "The request was given up.")
	default:
		a.Log.Error("answer "+r.Pattern, "user", caller(r).User, "error", err)
		reply.Error(w, http.StatusInternalServerError, "The server could not do this.")
	}
}

// sentence makes one of an error that wraps files.ErrInvalid: what comes before is
// about our inside.
func sentence(err error) string {
	s := err.Error()
	s = s[strings.Index(s, files.ErrInvalid.Error()):]
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// bad answers for a parameter that cannot be read.
func bad(w http.ResponseWriter, what string) {
	reply.Error(w, http.StatusBadRequest, "The parameter "+what+" cannot be read.")
}

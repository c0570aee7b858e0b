// Package mtx shows streams and sessions in the form of MediaMTX's API (/v3),
// so that dashboards and scripts made for it work here. It reads, and it ends
// sessions; settings cannot be changed through it.
package mtx

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/web/login"
)

// Streams is the part of media.Router that is needed here.
type Streams interface {
	List(id auth.Identity) []*media.Stream
	Find(id auth.Identity, name safename.Name) (*media.Stream, error)
}

// Deps is what the interface stands on.
type Deps struct {
	Streams  Streams
	Sessions *auth.Sessions
	Version  string
	Log      *slog.Logger
}

// API answers requests below /v3/.
type API struct {
	Deps
	mux     *http.ServeMux
	started time.Time
}

// kinds maps the plural in a URL to the protocols it lists and the name of one
// such session in sources and readers.
var kinds = []struct {
	plural, single string
	protocols      []string
}{
	{"rtspsessions", "rtspSession", []string{"rtsp"}},
	{"rtspssessions", "rtspsSession", []string{"rtsps"}},
	{"rtmpconns", "rtmpConn", []string{"rtmp"}},
	{"rtmpsconns", "rtmpsConn", []string{"rtmps"}},
	{"srtconns", "srtConn", []string{"srt"}},
	{"webrtcsessions", "webRTCSession", []string{"whip", "whep", "webrtc"}},
	{"hlssessions", "hlsSession", []string{"hls"}},
}

func kindOf(protocol string) string {
	for _, k := range kinds {
		if slices.Contains(k.protocols, protocol) {
			return k.single
		}
	}
	return "mpegtsSource"
}

// New returns the interface. Who sends a request is taken from its context,
// where login.Gate puts it.
func New(d Deps) *API {
	a := &API{Deps: d, mux: http.NewServeMux(), started: time.Now()}
	a.mux.HandleFunc("GET /v3/info", a.info)
	a.mux.HandleFunc("GET /v3/paths/list", a.listPaths)
	a.mux.HandleFunc("GET /v3/paths/get/{name...}", a.getPath)
	for _, k := range kinds {
		a.mux.HandleFunc("GET /v3/"+k.plural+"/list", a.listSessions(k.protocols))
		a.mux.HandleFunc("GET /v3/"+k.plural+"/get/{id}", a.getSession(k.protocols))
		a.mux.HandleFunc("POST /v3/"+k.plural+"/kick/{id}", a.kickSession(k.protocols))
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "not found") })
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	caller, ok := login.From(r.Context())
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="muster"`)
		refuse(w, http.StatusUnauthorized, "authentication error")
		return
	}
	if auth.Allow(caller.Identity, auth.Operate, auth.Server()) != nil {
		refuse(w, http.StatusForbidden, "only operators and administrators may use this")
		return
	}
	a.mux.ServeHTTP(w, r)
}

func identity(r *http.Request) auth.Identity {
	c, _ := login.From(r.Context())
	return c.Identity
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error here means the client has gone.
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"status": "error", "error": text})
}

func (a *API) info(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"version": a.Version, "started": a.started})
}

type list[T any] struct {
	ItemCount int `json:"itemCount"`
	PageCount int `json:"pageCount"`
	Items     []T `json:"items"`
}

const itemsPerPage = 100

// paged answers with the page of items that r asks for.
func paged[T any](w http.ResponseWriter, r *http.Request, items []T) {
	per, page := itemsPerPage, 0
	var err error
	if s := r.URL.Query().Get("itemsPerPage"); s != "" {
		if per, err = strconv.Atoi(s); err != nil || per < 1 {
			refuse(w, http.StatusBadRequest, "invalid itemsPerPage")
			return
		}
	}
	if s := r.URL.Query().Get("page"); s != "" {
		if page, err = strconv.Atoi(s); err != nil || page < 0 {
			refuse(w, http.StatusBadRequest, "invalid page")
			return
		}
	}
	out := list[T]{ItemCount: len(items), Items: []T{}}
	out.PageCount = len(items) / per
	if len(items)%per != 0 {
		out.PageCount++
	}
	if page < out.PageCount {
		out.Items = items[page*per : min(len(items), page*per+per)]
	}
	answer(w, http.StatusOK, out)
}

// uuid gives a session the form of id that tools expect (RFC 9562 §5.8).
func uuid(id string) string {
	b := sha256.Sum256([]byte(id))
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

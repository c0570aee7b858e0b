// Package admin holds the small administrative parts of the Marti API: injectors,
// map layers, properties, and what inputs there are.
package admin

import (
	"context"
	"log/slog"
	"net/http"

	"muster/cot/marti/reply"
	"muster/internal/auth"
	"muster/internal/store"
)

// Injected is the part of cot.Router that adds XML to events.
type Injected interface {
	SetInjectors(byUID map[string][][]byte)
}

// Input is a door at which events come in.
type Input struct {
	Name     string
	Protocol string // "tls", "stcp", "udp", "mcast", "quic", …
	Port     int
	Auth     string // "x509", "file", "anonymous"
	Groups   []string
	Clients  int64 // connected now
	Reads    int64 // reads since the start
	Messages int64 // events since the start
}

// Deps is what the API needs of the house.
type Deps struct {
	DB       *store.DB
	Log      *slog.Logger
	Node     reply.Node
	Injected Injected       // nil: there are no injectors
	Inputs   func() []Input // nil: none are shown
	KeepChat bool           // whether chat waits for devices that are away
}

// API answers.
type API struct {
	deps Deps
	log  *slog.Logger
}

// New returns the API.
func New(d Deps) *API { return &API{deps: d, log: d.Log.With("part", "marti")} }

// Load hands the stored injectors to the router. It is called once, before clients
// connect.
func (a *API) Load(ctx context.Context) error {
	if a.deps.Injected == nil {
		return nil
	}
	return a.inject(ctx)
}

// Routes adds the routes.
func (a *API) Routes(mux *http.ServeMux) {
	if a.deps.Injected != nil {
		mux.HandleFunc("GET /Marti/api/injectors/cot/uid", a.admins(a.listInjectors))
		mux.HandleFunc("GET /Marti/api/injectors/cot/uid/{uid}", a.admins(a.listInjectors))
		mux.HandleFunc("POST /Marti/api/injectors/cot/uid", a.admins(a.addInjector))
		mux.HandleFunc("DELETE /Marti/api/injectors/cot/uid", a.admins(a.removeInjector))
	}
	mux.HandleFunc("GET /Marti/api/maplayers/all", a.listLayers)
	mux.HandleFunc("GET /Marti/api/maplayers/{uid}", a.getLayer)
	mux.HandleFunc("POST /Marti/api/maplayers", a.admins(a.putLayer))
	mux.HandleFunc("PUT /Marti/api/maplayers", a.admins(a.putLayer))
	mux.HandleFunc("DELETE /Marti/api/maplayers/{uid}", a.admins(a.removeLayer))

	mux.HandleFunc("GET /Marti/api/properties/uids", a.propertyUIDs)
	mux.HandleFunc("GET /Marti/api/properties/{uid}/all", a.properties)
	mux.HandleFunc("GET /Marti/api/properties/{uid}/{key}", a.property)
	mux.HandleFunc("PUT /Marti/api/properties/{uid}", a.setProperty)
	mux.HandleFunc("DELETE /Marti/api/properties/{uid}/all", a.removeProperties)
	mux.HandleFunc("DELETE /Marti/api/properties/{uid}/{key}", a.removeProperties)

	mux.HandleFunc("GET /Marti/api/datafeeds", a.dataFeeds)
	mux.HandleFunc("GET /Marti/api/inputs/storeForwardChat/enabled", a.admins(a.keepsChat))
	if a.deps.Inputs != nil {
		mux.HandleFunc("GET /Marti/api/inputs", a.admins(a.inputs))
		mux.HandleFunc("GET /Marti/api/inputs/{name}", a.admins(a.input))
	}
}

// admins lets only administrators through.
func (a *API) admins(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if auth.Allow(reply.From(r).Identity, auth.Admin, auth.Server()) != nil {
			reply.Error(w, http.StatusForbidden, "Only administrators may do this.")
			return
		}
		h(w, r)
	}
}

// broken answers for an error of ours.
func (a *API) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has gone
	}
	a.log.Error("a request failed", "path", r.URL.Path, "user", reply.From(r).Identity.User, "error", err)
	reply.Error(w, http.StatusInternalServerError, "The server could not do this. Try again later.")
}

// dataFeeds lists named inputs that missions may be fed from: there are none.
func (a *API) dataFeeds(w http.ResponseWriter, _ *http.Request) {
	a.deps.Node.Envelope(w, "DataFeed", []string{})
}

func (a *API) keepsChat(w http.ResponseWriter, _ *http.Request) {
	a.deps.Node.Envelope(w, "java.lang.Boolean", a.deps.KeepChat)
}

type inputJSON struct {
	Input struct {
		Name     string   `json:"name"`
		Protocol string   `json:"protocol"`
		Port     int      `json:"port"`
		Auth     string   `json:"auth"`
		Archive  bool     `json:"archive"`
		Groups   []string `json:"filtergroup"`
	} `json:"input"`
	Reads    int64 `json:"readsReceived"`
	Messages int64 `json:"messagesReceived"`
	Clients  int64 `json:"numClients"`
}

func describeInput(in Input) inputJSON {
	var out inputJSON
	out.Input.Name, out.Input.Protocol, out.Input.Port, out.Input.Auth, out.Input.Archive = in.Name, in.Protocol, in.Port, in.Auth, true
	out.Input.Groups = append([]string{}, in.Groups...)
	out.Reads, out.Messages, out.Clients = in.Reads, in.Messages, in.Clients
	return out
}

func (a *API) inputs(w http.ResponseWriter, _ *http.Request) {
	out := []inputJSON{}
	for _, in := range a.deps.Inputs() {
		out = append(out, describeInput(in))
	}
	a.deps.Node.Envelope(w, "com.bbn.marti.remote.InputMetric", out)
}

func (a *API) input(w http.ResponseWriter, r *http.Request) {
	for _, in := range a.deps.Inputs() {
		if in.Name == r.PathValue("name") {
			a.deps.Node.Envelope(w, "com.bbn.marti.remote.InputMetric", describeInput(in))
			return
		}
	}
	reply.Error(w, http.StatusNotFound, "There is no such input.")
}

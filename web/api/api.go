// Package api is the REST interface under /api/v1 and the live events, with
// their description in OpenAPI. The pages, scripts and the command line all use
// it.
//
// Every operation names the right it takes; the right is checked before the
// body is read. What an operation does is left to the services behind the
// interfaces declared here.
package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
	"muster/media/mcu"
	"muster/media/record"
	"muster/web/login"
	"muster/web/problem"
)

// Users keeps the accounts.
type Users interface {
	ListUsers(ctx context.Context) ([]auth.User, error)
	User(ctx context.Context, name string) (auth.User, error)
	AddUser(ctx context.Context, n auth.NewUser) (auth.User, error)
	RemoveUser(ctx context.Context, name string) error
	SetPassword(ctx context.Context, name, password string) error
}

// Profiles changes what an account is, and says what a login is worth today.
type Profiles interface {
	SetProfile(ctx context.Context, name, fullName, notes string) error
	SetRole(ctx context.Context, name string, role auth.Role) error
	SetDisabled(ctx context.Context, name string, disabled bool) error
	SetEmail(ctx context.Context, name, email string) error
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
	Current(ctx context.Context, id auth.Identity) (auth.Identity, error)
}

// Groups keeps groups and memberships.
type Groups interface {
	ListGroups(ctx context.Context) ([]auth.Group, error)
	AddGroup(ctx context.Context, name, description string) (auth.Group, error)
	RemoveGroup(ctx context.Context, name string) error
	Grant(ctx context.Context, user, group string, in, out bool) error
	Revoke(ctx context.Context, user, group string) error
}

// Tokens keeps tokens and stream keys.
type Tokens interface {
	ListTokens(ctx context.Context, user string) ([]auth.Token, error)
	CreateToken(ctx context.Context, user string, spec auth.TokenSpec) (auth.Token, string, error)
	RevokeToken(ctx context.Context, id string) error
}

// Devices keeps the certificates that open accounts.
type Devices interface {
	ListDevices(ctx context.Context, user string) ([]auth.Device, error)
	RecordDevice(ctx context.Context, d auth.Device) error
	RevokeDevice(ctx context.Context, fingerprint string) error
}

// Streams is the part of media.Router that is needed here.
type Streams interface {
	List(id auth.Identity) []*media.Stream
	Find(id auth.Identity, name safename.Name) (*media.Stream, error)
	MayPublish(id auth.Identity, name safename.Name) error
}

// Recordings is the part of record.Manager that is needed here.
type Recordings interface {
	List(ctx context.Context, id auth.Identity, q record.Query) (record.Page, error)
	Open(ctx context.Context, id auth.Identity, rec string) (record.Recording, *os.File, error)
	Delete(ctx context.Context, id auth.Identity, rec string) error
	Switch(s *media.Stream, on bool, by string) error
	Recorded(s *media.Stream) bool
}

// Logins opens and closes browser logins.
type Logins interface {
	Login(ctx context.Context, r *http.Request, user, password, code string) (auth.Identity, *http.Cookie, error)
	Open(ctx context.Context, r *http.Request, id auth.Identity) (*http.Cookie, error)
	Logout(r *http.Request) *http.Cookie
}

// Health is the state of one part of the server.
type Health struct {
	Name   string `json:"name" doc:"The part."`
	OK     bool   `json:"ok" doc:"Whether it works."`
	Reason string `json:"reason" doc:"What is wrong, where it does not."`
}

// Deps is what the API stands on. Users to Devices are needed. What else is nil
// makes the operations that need it say that the server is not running, as when
// the command line works on the data of a stopped one.
type Deps struct {
	Users    Users
	Profiles Profiles
	Groups   Groups
	Tokens   Tokens
	Devices  Devices
	Identity Identity // enrolment, second factor, other providers; nil: none of it

	Mail Mail // nil: none is sent

	TAK       *TAK // nil: there is no situation
	Enroller  Enroller
	Authority Authority
	Sessions  *auth.Sessions
	Streams   Streams
	Recorder  Recordings
	Rooms     *mcu.Rooms
	Dialer    Dialer   // nil: rooms cannot call
	Exchange  Exchange // nil: there are no calls
	Voice     Voice    // nil: there is no voice server
	Webhooks  Webhooks
	Still     func(u *media.Unit) ([]byte, error) // one key frame as MP4
	Bus       *bus.Bus
	Logins    Logins
	Doors     *run.Doors
	Health    func(ctx context.Context) []Health
	Backup    Backup

	Name      string          // of this server, for people
	Version   string          // of the program
	HostNames func() []string // names and addresses that clients may use, the best first
	Log       *slog.Logger
}

// API answers requests below /api/.
type API struct {
	Deps
	mux   *http.ServeMux
	huma  huma.API
	meter *meter
	ops   map[string]*operation // by operation id
	asked *limit.Failures       // requests for links to choose a password

	down context.Context // done when Run has ended: live channels close
	shut context.CancelFunc
}

// operation is what is known of an operation beside its OpenAPI description.
type operation struct {
	right  right
	method string
	path   string
}

// right is what it takes to call an operation.
type right string

const (
	public  right = "public"  // nothing
	user    right = "user"    // auth.Use: anybody who is logged in
	operate right = "operate" // auth.Operate
	admin   right = "admin"   // auth.Admin
)

var actionOf = map[right]auth.Action{user: auth.Use, operate: auth.Operate, admin: auth.Admin}

// New returns the API. It starts nothing.
func New(d Deps) *API {
	d.Log = d.Log.With("part", "api")
	a := &API{Deps: d, mux: http.NewServeMux(), meter: newMeter(), ops: make(map[string]*operation), asked: limit.NewFailures(askLimits(), time.Now)}
	a.down, a.shut = context.WithCancel(context.Background())
	cfg := huma.DefaultConfig("Muster", d.Version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/api/openapi", "", ""
	cfg.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	cfg.CreateHooks = nil // no $schema fields in answers
	cfg.Transformers = []huma.Transformer{explain}
	cfg.Info.Description = "Everything the pages and the command line of this server can do. Errors are problem details (RFC 9457) whose detail is a sentence for people."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"cookie": {Type: "apiKey", In: "cookie", Name: login.CookieName, Description: "A browser login, made by POST /api/v1/login."},
		"bearer": {Type: "http", Scheme: "bearer", Description: "A token."},
		"basic":  {Type: "http", Scheme: "basic", Description: "Name and password, over TLS only."},
	}
	a.huma = huma.NewAPI(cfg, adapter{humago.NewAdapter(a.mux, "")})
	a.server()
	a.account()
	a.streams()
	a.conferences()
	a.phones()
	a.voiceBans()
	a.recordings()
	a.addresses()
	a.users()
	a.groups()
	a.tokens()
	a.sessions()
	a.certificates()
	a.situation()
	a.items()
	a.chat()
	a.dataPackages()
	a.missions()
	a.profiles()
	a.retention()
	a.packages()
	a.enrolments()
	a.totp()
	a.methods()
	a.passwords()
	a.participants()
	a.replays()
	a.breakouts()
	a.webhooks()
	a.events()
	a.fallbacks()
	return a
}

// Handler answers requests below /api/. Who sends them is taken from their
// context, where login.Gate or WithIdentity put it.
func (a *API) Handler() http.Handler { return a.mux }

// WithIdentity returns ctx for a request that id sends, for callers in this
// process such as the command line.
func WithIdentity(ctx context.Context, id auth.Identity) context.Context {
	return login.With(ctx, login.Caller{Identity: id})
}

// Run measures bit rates until ctx ends; then the live channels close.
func (a *API) Run(ctx context.Context) error {
	defer a.shut()
	if a.Streams == nil {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(statsEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			a.meter.sample(now, a.Streams.List(auth.System("web")))
		}
	}
}

// jsonFormat writes an answer in one piece. A client that has gone is no error:
// huma would panic.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, _ = w.Write(append(b, '\n'))
		return nil
	},
	Unmarshal: json.Unmarshal,
}

// adapter lets the parameter {name} of operations marked so contain slashes,
// which OpenAPI has no word for.
type adapter struct{ huma.Adapter }

const slashes = "slashes" // key in Operation.Metadata

func (a adapter) Handle(op *huma.Operation, h func(huma.Context)) {
	if op.Metadata[slashes] != nil {
		routed := *op
		routed.Path = strings.Replace(op.Path, "{name}", "{name...}", 1)
		op = &routed
	}
	a.Adapter.Handle(op, h)
}

// op describes an operation. path is below /api/v1.
func op(id, method, path, summary string) huma.Operation {
	o := huma.Operation{OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary}
	tag, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	o.Tags = []string{tag}
	return o
}

// withSlashes marks an operation whose {name} is a stream name.
func withSlashes(o huma.Operation) huma.Operation {
	o.Metadata = map[string]any{slashes: true}
	o.Description = strings.TrimSpace(o.Description + " The name may contain slashes, as they are.")
	return o
}

type requestKey struct{}

// bodyTimeout is how long a client may take to send a body. When it is over
// while the request is still being worked on, that work is cut short.
const bodyTimeout = 30 * time.Second

// register adds an operation. h is called for callers who have the right only;
// its errors are turned into problem details.
func register[I, O any](a *API, needs right, o huma.Operation, h func(ctx context.Context, id auth.Identity, in *I) (*O, error)) {
	if needs != public {
		o.Security = []map[string][]string{{"cookie": {}}, {"bearer": {}}, {"basic": {}}}
	}
	o.BodyReadTimeout = bodyTimeout
	o.Extensions = map[string]any{"x-muster-right": string(needs)}
	o.Middlewares = append(o.Middlewares, func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		w.Header().Set("Cache-Control", "no-store")
		caller, known := login.From(r.Context())
		if needs != public {
			if !known {
				w.Header().Set("WWW-Authenticate", problem.Challenge)
				problem.Write(w, http.StatusUnauthorized, problem.NeedLogin)
				return
			}
			if err := auth.Allow(caller.Identity, actionOf[needs], auth.Server()); err != nil {
				problem.Write(w, http.StatusForbidden, whyNot(needs))
				return
			}
		}
		next(huma.WithValue(hc, requestKey{}, r))
	})
	a.ops[o.OperationID] = &operation{right: needs, method: o.Method, path: o.Path}
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		caller, _ := login.From(ctx)
		out, err := h(ctx, caller.Identity, in)
		if err != nil {
			return nil, a.problem(err)
		}
		return out, nil
	})
}

func whyNot(needs right) string {
	switch needs {
	case admin:
		return "Only administrators may do this."
	case operate:
		return "Only operators and administrators may do this."
	}
	return "This token or key is not valid for the API. Make one whose scope includes the action \"api\"."
}

func requestOf(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

// fallbacks answers what no operation does.
func (a *API) fallbacks() {
	methods := make(map[string][]string)
	for _, o := range a.ops {
		path := o.path
		if strings.HasSuffix(path, "/{name}") && a.huma.OpenAPI().Paths[path] != nil && hasSlashes(a.huma.OpenAPI().Paths[path]) {
			path = strings.Replace(path, "{name}", "{name...}", 1)
		}
		methods[path] = append(methods[path], o.method)
	}
	for path, allowed := range methods {
		allow := strings.Join(allowed, ", ")
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect} {
			if slices.Contains(allowed, m) {
				continue
			}
			// By method, or a fixed path would conflict with a variable one.
			a.mux.HandleFunc(m+" "+path, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Allow", allow)
				problem.Write(w, http.StatusMethodNotAllowed, "This address takes "+allow+" only.")
			})
		}
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, http.StatusNotFound, "There is nothing at this address. /api/openapi.json lists what there is.")
	})
}

func hasSlashes(p *huma.PathItem) bool {
	for _, o := range []*huma.Operation{p.Get, p.Post, p.Delete} {
		if o != nil && o.Metadata[slashes] != nil {
			return true
		}
	}
	return false
}

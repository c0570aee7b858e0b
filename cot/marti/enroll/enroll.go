// Package enroll is how people and devices come to their credentials on the TAK
// side: certificate enrolment, access tokens, enrolment pages and packages, and
// the administration of users and certificates as TAK Server has it.
package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/pack"
	"muster/internal/auth"
	"muster/internal/pki"
)

// Auth checks who somebody is and keeps what they are given.
type Auth interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
	Enrol(ctx context.Context, id auth.Identity, d auth.Device) (replaced []auth.Device, err error)
	IssueAccess(ctx context.Context, id auth.Identity, ttl time.Duration) (string, error)
	RevokeAccess(ctx context.Context, id string) error
	ListAccess(ctx context.Context, user string) ([]auth.Access, error)
}

// Users keeps the accounts.
type Users interface {
	ListUsers(ctx context.Context) ([]auth.User, error)
	User(ctx context.Context, name string) (auth.User, error)
	AddUser(ctx context.Context, n auth.NewUser) (auth.User, error)
	SetPassword(ctx context.Context, name, password string) error
	RemoveUser(ctx context.Context, name string) error
}

// Groups keeps groups and memberships.
type Groups interface {
	ListGroups(ctx context.Context) ([]auth.Group, error)
	AddGroup(ctx context.Context, name, description string) (auth.Group, error)
	Grant(ctx context.Context, user, group string, in, out bool) error
	Revoke(ctx context.Context, user, group string) error
}

// Devices keeps certificates.
type Devices interface {
	ListDevices(ctx context.Context, user string) ([]auth.Device, error)
	RecordDevice(ctx context.Context, d auth.Device) error
	RevokeDevice(ctx context.Context, fingerprint string) error
}

// Authority makes certificates.
type Authority interface {
	SignCSR(csr []byte, user, device string, o pki.IssueOptions) (*pki.Issued, error)
	IssueClient(user, device string, o pki.IssueOptions) (*pki.Issued, error)
	TrustStoreP12(password string) ([]byte, error)
	CACertificates() []*x509.Certificate
	Revoke(serial string) error
}

// Profiles makes what a device is set up with.
type Profiles interface {
	Package(ctx context.Context, id auth.Identity, o files.Occasion) (*pack.Builder, time.Time, error)
}

// Deps is what the API needs of the house.
type Deps struct {
	Auth      Auth
	Users     Users
	Groups    Groups
	Devices   Devices
	Authority Authority
	Profiles  Profiles // nil: devices are set up with nothing
	Providers func() []auth.Provider
	Hosts     func() []string          // names and addresses of this server, the best first
	Addr      func(door string) string // where a door listens, as run.Doors.Addr
	Directory DirectoryInfo
	Validity  int // days of a certificate
	Node      reply.Node
	Log       *slog.Logger
}

// DirectoryInfo is what may be told about the LDAP directory; empty: none.
type DirectoryInfo struct {
	URL, UserString, GroupPrefix, BindDN, GroupBase string
	Refresh                                         time.Duration
}

// API answers the routes of this package.
type API struct {
	Deps
	cfg  Config
	log  *slog.Logger
	rate *rate
	page *page
}

// New returns the API; it starts nothing.
func New(cfg Config, d Deps) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.Auth == nil || d.Users == nil || d.Groups == nil || d.Devices == nil || d.Authority == nil || d.Log == nil {
		return nil, errors.New("enroll: auth, users, groups, devices, authority and log are needed")
	}
	if d.Hosts == nil {
		d.Hosts = func() []string { return nil }
	}
	if d.Addr == nil {
		d.Addr = func(string) string { return "" }
	}
	if d.Providers == nil {
		d.Providers = func() []auth.Provider { return nil }
	}
	return &API{Deps: d, cfg: cfg, log: d.Log.With("part", "enroll"), rate: newRate(time.Now), page: newPage()}, nil
}

// Routes adds the routes for callers who have logged in.
func (a *API) Routes(mux *http.ServeMux) {
	a.certAdmin(mux)
	a.userAdmin(mux)
	a.tokenRoutes(mux)
	a.securityRoutes(mux)
}

// Open returns the routes that look at credentials themselves: enrolment, login,
// and the pages behind enrolment links.
func (a *API) Open() Open { return Open{a} }

// Open is a part of the API for callers who have not logged in.
type Open struct{ a *API }

// Routes adds the routes.
func (o Open) Routes(mux *http.ServeMux) {
	a := o.a
	mux.HandleFunc("GET /Marti/api/tls/config", a.tlsConfig)
	mux.HandleFunc("POST /Marti/api/tls/signClient", a.signClient)
	mux.HandleFunc("POST /Marti/api/tls/signClient/v2", a.signClientV2)
	mux.HandleFunc("GET /Marti/api/tls/profile/enrollment", a.enrolmentProfile)
	mux.HandleFunc("GET /enroll/{token}", a.enrolmentPage)
	mux.HandleFunc("GET /enroll/{token}/package.zip", a.enrolmentPackage)
	a.loginRoutes(mux)
}

// fail answers for what the house says no to.
func (a *API) fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, auth.ErrInvalid):
		reply.Error(w, http.StatusBadRequest, "This is not valid: names, passwords and rights must follow the rules of this server.")
	case errors.Is(err, auth.ErrNotFound):
		reply.Error(w, http.StatusNotFound, "There is no such user, group or certificate.")
	case errors.Is(err, auth.ErrExists):
		reply.Error(w, http.StatusConflict, "It exists already.")
	case errors.Is(err, auth.ErrLastAdmin):
		reply.Error(w, http.StatusConflict, "This is the last administrator.")
	case errors.Is(err, auth.ErrDenied), errors.Is(err, auth.ErrRevoked):
		reply.Error(w, http.StatusForbidden, "This login is not valid for this.")
	case errors.Is(err, context.Canceled):
		reply.Error(w, http.StatusServiceUnavailable, "The request was cut short.")
	default:
		a.log.Error("request", "error", err)
		reply.Error(w, http.StatusInternalServerError, "Something went wrong on the server. Its log says what.")
	}
}

// admin lets administrators pass and answers all others.
func admin(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if auth.Allow(reply.From(r).Identity, auth.Admin, auth.Server()) != nil {
			reply.Error(w, http.StatusForbidden, "Only administrators may do this.")
			return
		}
		if crossSite(r) {
			reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
			return
		}
		h(w, r)
	}
}

// crossSite reports whether a browser says that a page of another site sent r.
// Some routes of TAK Server change things by GET, and a browser sends its
// certificate with everything.
func crossSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// Package login says who sends an HTTP request: a browser with its session
// cookie, or a program with a token or a password. It keeps the browser logins
// and refuses what pages of other sites send in a user's name.
//
// Who may do what is decided elsewhere, by auth.Allow.
package login

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/web/problem"
)

// protocol is what sessions and logs call this door.
const protocol = "web"

// Authenticator is the part of auth.Service that is needed here.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
	Current(ctx context.Context, id auth.Identity) (auth.Identity, error)
}

// Config says how long a browser stays logged in.
type Config struct {
	Idle     time.Duration `yaml:"idle" doc:"A browser login ends when it was not used for this long."`
	Absolute time.Duration `yaml:"absolute" doc:"A browser login ends this long after it began, however much it is used."`
}

// DefaultConfig returns a working day, and a week.
func DefaultConfig() Config { return Config{Idle: 12 * time.Hour, Absolute: 7 * 24 * time.Hour} }

// Validate reports the first setting that makes no sense.
func (c Config) Validate() error {
	if c.Idle < time.Minute {
		return errors.New("idle must be at least 1m")
	}
	if c.Absolute < c.Idle {
		return errors.New("absolute must be at least as long as idle")
	}
	return nil
}

// Gate knows the browser logins.
type Gate struct {
	cfg      Config
	auth     Authenticator
	sessions *auth.Sessions
	keep     Keep
	log      *slog.Logger

	mu       sync.Mutex // guards browsers; taken before a browser's own
	browsers map[[sha256.Size]byte]*browser
}

// New returns a gate without logins. The zero Keep keeps none.
func New(cfg Config, a Authenticator, sessions *auth.Sessions, keep Keep, log *slog.Logger) (*Gate, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	return &Gate{
		cfg: cfg, auth: a, sessions: sessions, keep: keep, log: log.With("part", "web"),
		browsers: make(map[[sha256.Size]byte]*browser),
	}, nil
}

// Caller is who sends a request.
type Caller struct {
	Identity auth.Identity
	Over     context.Context // done when the login by cookie ends; nil for others
	Touch    func()          // keeps the login by cookie from becoming idle; nil for others
}

type callerKey struct{}

// With returns ctx with c as the sender of the request it belongs to.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From returns the caller that With or a Gate put into ctx.
func From(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// Identify adds the caller to each request's context, from the Authorization
// header or the cookie. A request with neither passes without a caller; one
// with wrong credentials, or in the name of a user who did not mean it, does
// not pass.
func (g *Gate) Identify(next http.Handler) http.Handler {
	cookies := g.Cookies(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if _, known := From(ctx); known {
			next.ServeHTTP(w, r)
			return
		}
		proof, ok := headerProof(r)
		if !ok {
			cookies.ServeHTTP(w, r)
			return
		}
		peer := PeerFrom(ctx)
		if !peer.Secure {
			problem.Write(w, http.StatusForbidden, "Passwords and tokens are taken over TLS only. Use https.")
			return
		}
		proof.Remote, proof.Protocol = peer.Addr.Addr(), protocol
		id, err := g.auth.Authenticate(ctx, proof)
		if err != nil {
			Refuse(w, g.log, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(With(ctx, Caller{Identity: id})))
	})
}

// Cookies is Identify for handlers that look at the Authorization header
// themselves: when there is one, the cookie does not count.
func (g *Gate) Cookies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			next.ServeHTTP(w, r)
			return
		}
		b := g.find(r)
		if b == nil {
			next.ServeHTTP(w, r)
			return
		}
		if changes(r) && originOf(r) != originOwn {
			g.log.Warn("refused a request from another site", "user", b.user, "remote", PeerFrom(r.Context()).Addr)
			problem.Write(w, http.StatusForbidden, "This request comes from a page of another site. Open the page of this server and try again.")
			return
		}
		id, err := g.current(r.Context(), b)
		if err != nil {
			// Rights that were taken away end b by its kick. Without an answer
			// from the database the login stays, and counts again later.
			next.ServeHTTP(w, r)
			return
		}
		caller := Caller{Identity: id, Over: b.over, Touch: b.touch}
		next.ServeHTTP(w, r.WithContext(With(r.Context(), caller)))
	})
}

func (b *browser) touch() {
	b.mu.Lock()
	b.used = time.Now()
	b.mu.Unlock()
}

// CrossSite reports whether a browser says that a page of another site sent r.
// It is for requests that count without a cookie, such as the login itself.
func CrossSite(r *http.Request) bool { return originOf(r) == originOther }

// headerProof reads the Authorization header (RFC 9110 §11.6.2).
func headerProof(r *http.Request) (auth.Proof, bool) {
	h := r.Header.Get("Authorization")
	if h == "" {
		return auth.Proof{}, false
	}
	if user, password, ok := r.BasicAuth(); ok {
		return auth.Proof{User: user, Password: password}, true
	}
	scheme, token, _ := strings.Cut(h, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return auth.Proof{}, true // Authenticate says that credentials are needed
	}
	return auth.Proof{Token: strings.TrimSpace(token)}, true
}

// Refuse answers a request whose credentials were not accepted.
func Refuse(w http.ResponseWriter, log *slog.Logger, err error) {
	var limited *auth.LimitedError
	switch {
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", problem.Seconds(limited.RetryAfter))
		problem.Write(w, http.StatusTooManyRequests, "There were too many failed logins. Wait and try again.")
	case errors.Is(err, auth.ErrNoCredentials):
		w.Header().Set("WWW-Authenticate", problem.Challenge)
		problem.Write(w, http.StatusUnauthorized, problem.NeedLogin)
	case errors.Is(err, auth.ErrBadCredentials):
		w.Header().Set("WWW-Authenticate", problem.Challenge)
		problem.Write(w, http.StatusUnauthorized, "The name or the password is wrong, or the token is not valid any more.")
	case errors.Is(err, context.Canceled):
		problem.Write(w, http.StatusServiceUnavailable, "The request was cut short.")
	default:
		log.Error("login", "error", err)
		problem.Write(w, http.StatusServiceUnavailable, "Logins cannot be checked at the moment. Try again shortly.")
	}
}

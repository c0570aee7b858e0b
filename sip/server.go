// Package sip is the telephone exchange: phones register and call rooms and
// each other, rooms call phones, and trunks lead to the rest of the world (RFC
// 3261 and its extensions). It is no proxy: every call ends here, on a leg whose
// media we see (a back-to-back user agent).
package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"muster/internal/auth"
	"muster/internal/run"
)

// Authenticator turns what a client showed into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Deps is what the server needs of the house.
type Deps struct {
	Auth     Authenticator
	Sessions *auth.Sessions
	Rooms    Rooms
	Doors    *run.Doors
	Log      *slog.Logger
	Prompter Prompter                        // nil: callers are not spoken to
	TLS      *tls.Config                     // for SIP over TLS; nil leaves that door shut
	Guard    func(net.Listener) net.Listener // limits connections; nil: no limit
}

// Server is the exchange. Make it with New.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Auth == nil || deps.Sessions == nil || deps.Rooms == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("sip: auth, sessions, rooms, doors and log are needed")
	}
	return &Server{cfg: cfg, deps: deps, log: deps.Log.With("part", "sip")}, nil
}

// Run listens and serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Call rings target, a user, a number of the dial plan or a SIP address, and
// seats who answers in room. id is who asks for it and pays for it; the error
// wraps auth.ErrDenied where the dial plan does not let id call there. It
// returns when the phone has answered, or with the reason why it has not.
func (s *Server) Call(ctx context.Context, id auth.Identity, room, target string) error {
	return errors.ErrUnsupported
}

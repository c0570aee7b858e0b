package main

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"muster/cot"
	"muster/cot/files"
	"muster/cot/history"
	"muster/cot/marti"
	"muster/cot/marti/admin"
	"muster/cot/marti/enroll"
	"muster/cot/marti/enterprise"
	"muster/cot/marti/events"
	"muster/cot/marti/excheck"
	"muster/cot/marti/missions"
	"muster/cot/marti/reply"
	"muster/cot/marti/vcm"
	"muster/cot/mission"
	"muster/cot/stream"
	"muster/cot/video"
	"muster/internal/auth"
	"muster/internal/auth/directory"
	"muster/internal/pki"
	"muster/web/login"
	"muster/web/situation"
)

// cotConfig is the hub's settings and a section for each part of the TAK server.
type cotConfig struct {
	cot.Config `yaml:",inline"`
	Stream     stream.Config  `yaml:"stream" doc:"CoT streams: TCP, TLS, QUIC, UDP and multicast."`
	Marti      marti.Config   `yaml:"marti" doc:"The Marti API."`
	Enroll     enroll.Config  `yaml:"enroll" doc:"Certificates and tokens for TAK clients."`
	History    history.Config `yaml:"history" doc:"What is kept of events, and for how long."`
	Files      files.Config   `yaml:"files" doc:"Files and data packages that clients share."`
	Missions   mission.Config `yaml:"missions" doc:"Missions (Data Sync)."`
	Video      video.Config   `yaml:"video" doc:"The list of videos."`
}

func defaultCot() cotConfig {
	return cotConfig{
		Config: cot.DefaultConfig(), Stream: stream.DefaultConfig(), Marti: marti.DefaultConfig(), Enroll: enroll.DefaultConfig(),
		History: history.DefaultConfig(), Files: files.DefaultConfig(), Missions: mission.DefaultConfig(), Video: video.DefaultConfig(),
	}
}

// state is what only a restart changes.
func (c cotConfig) state() []any {
	return []any{c.Config, c.Enroll, c.History, c.Files, c.Missions, c.Video}
}

// takVersion is what TAK clients are told: some read a number out of it.
const takVersion = "1.0.0"

// tak is the TAK server behind its doors.
type tak struct {
	node     reply.Node
	files    *files.Service
	history  *history.Service
	router   *cot.Router
	missions *mission.Service
	video    *video.Service
	admin    *admin.API
	enroll   *enroll.API
	hub      *situation.Hub
	stream   *streamDoor // that runs at present, for WebSockets at the Marti doors
}

// openTAK makes the services of the TAK server on the house. It starts nothing.
func (h *house) openTAK(ctx context.Context, all *config) (*tak, error) {
	cfg := all.Cot
	key, err := h.db.Key("node")
	if err != nil {
		return nil, err
	}
	t := &tak{node: reply.Node{ID: hex.EncodeToString(key[:8])}, stream: new(streamDoor)}
	if t.files, err = files.New(ctx, cfg.Files, files.Deps{DB: h.db, Bus: h.bus, Log: h.log}); err != nil {
		return nil, err
	}
	if t.history, err = history.New(ctx, cfg.History, history.Deps{DB: h.db, Log: h.log, Owner: situation.Owner,
		Holders: []history.Holder{&shelf{t, "file", false}, &shelf{t, "package", true}, missionShelf{t}}}); err != nil {
		return nil, err
	}
	if t.router, err = cot.New(ctx, cfg.Config, cot.Deps{DB: h.db, Sessions: h.sessions, Bus: h.bus, Log: h.log, Recorder: t}); err != nil {
		return nil, err
	}
	t.missions, err = mission.New(ctx, cfg.Missions, mission.Deps{DB: h.db, Log: h.log, Bus: h.bus, Router: t.router, Files: t.files, Events: t.history, Rights: h.rights})
	if err != nil {
		return nil, err
	}
	if t.video, err = video.New(cfg.Video, video.Deps{DB: h.db, Log: h.log, Live: onAir{h}, Pull: h.pulls}); err != nil {
		return nil, err
	}
	t.admin = admin.New(admin.Deps{DB: h.db, Log: h.log, Node: t.node, Injected: t.router, Inputs: h.inputs(cfg), KeepChat: cfg.ChatKeep > 0})
	if err := t.admin.Load(ctx); err != nil {
		return nil, err
	}
	t.enroll, err = enroll.New(cfg.Enroll, enroll.Deps{
		Auth: h.auth, Users: h.auth, Groups: h.auth, Devices: h.auth, Authority: h.pki, Profiles: t.files.Profiles, Providers: h.auth.Providers,
		Hosts: h.pki.Hosts, Addr: h.doors.Addr, Node: t.node, Log: h.log, Validity: all.PKI.ClientDays, Directory: directoryInfo(all.Auth.LDAP),
	})
	if err != nil {
		return nil, err
	}
	t.router.SetMissions(t.missions)
	t.history.SetMissions(t.missions)
	t.hub = situation.NewHub(t.router, t.history, h.bus, h.log)
	return t, nil
}

// directoryInfo is what administrators' tools may know of the LDAP directory.
func directoryInfo(c directory.LDAPConfig) enroll.DirectoryInfo {
	if c.URL == "" {
		return enroll.DirectoryInfo{}
	}
	return enroll.DirectoryInfo{URL: c.URL, UserString: c.UserDN, GroupPrefix: c.GroupPrefix, BindDN: c.BindDN, GroupBase: c.GroupBase, Refresh: c.Refresh}
}

// rights returns what a user may do today, without a login.
func (h *house) rights(ctx context.Context, user string) (auth.Identity, error) {
	return h.auth.Current(ctx, auth.Identity{User: user})
}

// Record implements cot.Recorder: events go to the history, and to the feeds of
// missions.
func (t *tak) Record(e *cot.Event) {
	t.history.Record(e)
	if t.missions != nil {
		t.missions.Observe(e)
	}
}

// shelf lets retention rules see the files, or the packages among them.
type shelf struct {
	t        *tak
	kind     string
	packages bool
}

// Kind implements history.Holder.
func (s *shelf) Kind() string { return s.kind }

// Excess implements history.Holder.
func (s *shelf) Excess(ctx context.Context, l history.Limit) (history.Usage, error) {
	return s.prune(ctx, l, true)
}

// Remove implements history.Holder.
func (s *shelf) Remove(ctx context.Context, l history.Limit) (history.Usage, error) {
	return s.prune(ctx, l, false)
}

func (s *shelf) prune(ctx context.Context, l history.Limit, dry bool) (history.Usage, error) {
	held, err := s.t.missions.HeldHashes(ctx)
	if err != nil {
		return history.Usage{Kind: s.kind}, err
	}
	keep := make(map[string]bool, len(held))
	for _, h := range held {
		keep[h] = true
	}
	p, err := s.t.files.Prune(ctx, files.Prune{Packages: s.packages, Before: l.Before, KeepSize: l.Bytes, KeepMost: l.Count, DryRun: dry,
		Keep: func(h string) bool { return keep[h] }})
	return history.Usage{Kind: s.kind, Count: int64(p.Count), Bytes: p.Bytes, Oldest: p.Oldest}, err
}

// missionShelf stands for the missions, which are made after the history.
type missionShelf struct{ t *tak }

// Kind implements history.Holder.
func (missionShelf) Kind() string { return "mission" }

// Excess implements history.Holder.
func (m missionShelf) Excess(ctx context.Context, l history.Limit) (history.Usage, error) {
	return m.t.missions.Excess(ctx, l)
}

// Remove implements history.Holder.
func (m missionShelf) Remove(ctx context.Context, l history.Limit) (history.Usage, error) {
	return m.t.missions.Remove(ctx, l)
}

// expiry sets when single files go.
type expiry struct{ t *tak }

// ExpireFile implements events.Expiry.
func (e expiry) ExpireFile(ctx context.Context, by auth.Identity, hash string, at time.Time) error {
	err := e.t.files.SetExpiration(ctx, by, hash, at)
	if errors.Is(err, files.ErrNotFound) {
		return history.ErrNotFound
	}
	return err
}

// inputs describes the doors of CoT streams as TAK Server's administrators know
// them.
func (h *house) inputs(cfg cotConfig) func() []admin.Input {
	return func() []admin.Input {
		var out []admin.Input
		for _, in := range []struct{ door, protocol, auth string }{{"cots", "tls", "x509"}, {"cot", "stcp", "file"}, {"cot-quic", "quic", "x509"}, {"cot-udp", "udp", "anonymous"}} {
			_, port, err := net.SplitHostPort(h.doors.Addr(in.door))
			if err != nil {
				continue
			}
			n, err := strconv.Atoi(port)
			if err != nil {
				continue
			}
			i := admin.Input{Name: in.door, Protocol: in.protocol, Port: n, Auth: in.auth}
			if in.door == "cot" && cfg.Anonymous {
				i.Auth, i.Groups = "anonymous", []string{cfg.AnonymousGroup}
			}
			for _, s := range h.tak.router.Subscriptions(auth.System("inputs")) {
				if "cot-"+s.Protocol == in.door || in.door == "cot" && s.Protocol == "tcp" {
					i.Clients++
					i.Messages += s.Received
				}
			}
			out = append(out, i)
		}
		return out
	}
}

// streamDoor is the WebSocket of the stream server that runs at present.
type streamDoor struct{ swap }

// callerOf is who sent a request at a Marti door.
func callerOf(r *http.Request) (auth.Identity, bool) {
	id := reply.From(r).Identity
	return id, id.User != ""
}

// newStream makes the stream server.
func (h *house) newStream(cfg cotConfig) (runner, error) {
	srv, err := stream.New(cfg.Stream, stream.Deps{
		Router: h.tak.router, Auth: h.auth, Doors: h.doors, Log: h.log, Config: cfg.Config, Version: takVersion,
		TLS: h.pki.ClientTLSConfig(pki.ClientTLSOptions{OwnCertificate: true}), IdentityOf: callerOf,
	})
	if err == nil {
		h.tak.stream.set(srv.WebSocket())
	}
	return registered(h, "cot", srv, err)
}

// newMarti makes the Marti server. pages serves everything else at its doors.
func (h *house) newMarti(cfg cotConfig, pages http.Handler) (runner, error) {
	t := h.tak
	sync, err := enterprise.New(enterprise.Deps{Files: t.files, Notifier: t.router, Missions: t.missions, Node: t.node, Log: h.log})
	if err != nil {
		return nil, err
	}
	plans, err := missions.New(missions.Deps{Missions: t.missions, Node: t.node, Log: h.log})
	if err != nil {
		return nil, err
	}
	lists, err := excheck.New(excheck.Deps{Missions: t.missions, Files: t.files, DB: h.db, Log: h.log})
	if err != nil {
		return nil, err
	}
	past := events.New(events.Deps{History: t.history, Node: t.node, Log: h.log, Expiry: expiry{t}})
	videos := vcm.New(vcm.Deps{Video: t.video, Publish: t.router, Log: h.log})
	d := marti.Deps{
		Auth: h.auth, Directory: h.auth, Sessions: h.sessions, Router: t.router, Switch: t.router, Alerts: t.router, Doors: h.doors, Log: h.log,
		Node: t.node, Version: takVersion, Hosts: h.pki.Hosts,
		Parts: []marti.Routes{sync, plans, lists, past, videos, t.admin, t.enroll}, Open: []marti.Routes{t.enroll.Open()}, Stream: t.stream, Pages: withLogin(pages),
		CertTLS: h.pki.ClientTLSConfig(pki.ClientTLSOptions{OwnCertificate: true}), TLS: h.pki.TLSConfig(),
	}
	if cfg.Anonymous {
		id := auth.Anonymous(cfg.AnonymousGroup)
		d.Anonymous = &id
	}
	srv, err := marti.New(cfg.Marti, d)
	return registered(h, "marti", srv, err)
}

// withLogin lets the pages know whose certificate a request came with, unless a
// page of another site has sent it.
func withLogin(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := callerOf(r); ok && !login.CrossSite(r) {
			r = r.WithContext(login.With(r.Context(), login.Caller{Identity: id}))
		}
		pages.ServeHTTP(w, r)
	})
}

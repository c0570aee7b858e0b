package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/limit"
	"muster/internal/mail"
	"muster/internal/obs"
	"muster/internal/pki"
	"muster/internal/run"
	"muster/internal/store"
	"muster/media"
	"muster/media/mcu"
	"muster/media/pull"
	"muster/media/record"
	"muster/media/rtc"
	"muster/media/still"
	"muster/media/ts"
	"muster/sip"
	"muster/turn"
	"muster/voice/alarm"
	"muster/voice/murmur/embedded"
	"muster/web"
	"muster/web/api"
	"muster/web/front"
	"muster/web/login"
	"muster/web/notify"
	"muster/web/webhook"
)

// house is everything that stands before a door opens: the data, the people,
// the certificates and the hub.
type house struct {
	data     string
	log      *slog.Logger
	level    *slog.LevelVar
	db       *store.DB
	bus      *bus.Bus
	sessions *auth.Sessions
	auth     *auth.Service
	pki      *pki.Authority
	mail     *mail.Sender
	router   *media.Router
	doors    *run.Doors
	perDoor  limit.ConnsConfig // connections that each door may have open
	metrics  *obs.Metrics
	health   *obs.Health
	stats    *statistics
	sources  *ts.Server      // set with the parts
	pulls    *pull.Manager   // likewise nil while only a management command works
	recorder *record.Manager // likewise
	rooms    *mcu.Rooms      // likewise
	notify   *notify.Server  // likewise
	rtc      atomic.Pointer[rtc.Server]
	turn     atomic.Pointer[turn.Server]
	sip      atomic.Pointer[sip.Server]
	radio    *radio          // carries rooms to Mumble and back
	lines    *lines          // carries rooms to a murmurd beside this server
	mumble   *embedded.House // the Mumble server, as scripts see it
	alarm    *alarm.Desk
	webhooks atomic.Pointer[webhook.Sender]
	tak      *tak // nil while only a management command works on the data
}

// openHouse opens the data folder. The caller closes the house.
func openHouse(ctx context.Context, cfg *config, data string, log *slog.Logger, level *slog.LevelVar) (*house, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, cfg.Store, data, log)
	if err != nil {
		return nil, err
	}
	h := &house{data: data, log: log, level: level, db: db, bus: bus.New(), doors: run.NewDoors(),
		perDoor: cfg.Web.Connections, metrics: obs.NewMetrics(version()), health: obs.NewHealth(log)}
	h.sessions = auth.NewSessions(func(s auth.SessionInfo, open bool) { h.bus.Publish(api.SessionFact(s, open)) })
	h.router = media.New(cfg.Media.Config, h.sessions, h.bus, log)
	h.stats = newStatistics(h.router, h.sessions)
	if err := h.metrics.Register(h.stats); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if h.auth, err = auth.New(cfg.Auth, db, h.sessions, h.bus, log); err == nil {
		h.pki, err = pki.Open(cfg.PKI, data, log)
	}
	if err == nil {
		h.mail, err = mail.New(cfg.Mail, log)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	h.check()
	return h, nil
}

// web makes the application server on the house.
func (h *house) web(cfg *config, m mounts) (*web.Server, error) {
	d := web.Deps{
		Deps: api.Deps{
			Users: h.auth, Profiles: h.auth, Groups: h.auth, Tokens: h.auth, Devices: h.auth, Identity: h.auth, Mail: h.mail,
			Authority: h.pki, Sessions: h.sessions, Streams: h.router, Still: still.MP4, Bus: h.bus,
			Doors: h.doors, Health: h.state, Backup: h.db,
			Name: "Muster", Version: version(), HostNames: h.pki.Hosts, Log: h.log,
		},
		TLS: h.pki.TLSConfig, Challenge: h.pki.HTTPChallenge,
		Metrics: h.metrics.Handler(), Healthz: h.health.Live(), Readyz: h.health.Ready(true),
	}
	if h.recorder != nil {
		d.Recorder, d.Rooms, d.Notify, d.Webhooks = h.recorder, h.rooms, h.notify.Handler(), (*hooks)(h)
		d.Dialer, d.Exchange, d.Voice = (*exchange)(h), (*exchange)(h), (*moderation)(h)
	}
	if cfg.Web.ControlAddress != "" && m.hls != nil {
		var err error
		if d.ControlToken, err = web.LoadControlToken(filepath.Join(h.data, "control-token")); err != nil {
			return nil, err
		}
	}
	maps := filepath.Join(h.data, "maps")
	d.Maps = maps
	if h.tak != nil {
		d.Enroller = h.tak.enroll
		d.TAK = &api.TAK{
			Hub: h.tak.hub, Router: h.tak.router, History: h.tak.history, Files: h.tak.files, Missions: h.tak.missions,
			Map: func() api.Map { return cfg.Web.Map.Start(maps) },
		}
	}
	if m.hls != nil {
		d.Keep = login.Keep{File: filepath.Join(h.data, "logins"), Resume: h.auth.Resume}
		d.HLS, d.RTC, d.SIP, d.RTMPT = m.hls, m.rtc, m.sip, m.rtmpt
		d.Front = map[front.Kind]front.Handler{front.RTMP: m.rtmp.serve, front.RTMPS: m.rtmp.serve,
			front.STUN: m.turn.serve, front.STUNTLS: m.turn.serve, front.ICETCP: m.iceTCP.serve}
	}
	return web.New(cfg.Web, d)
}

// check registers what /readyz asks.
func (h *house) check() {
	h.health.Add("store", true, h.db.Ping)
	h.health.Add("doors", false, func(context.Context) error {
		var shut []error
		for _, d := range h.doors.List() {
			if d.Error != "" {
				shut = append(shut, fmt.Errorf("%s (%s %s): %s", d.Name, d.Network, d.Address, d.Error))
			}
		}
		return errors.Join(shut...)
	})
}

// state is what the page Health shows.
func (h *house) state(ctx context.Context) []api.Health {
	var out []api.Health
	for _, p := range h.health.Report(ctx).Parts {
		out = append(out, api.Health{Name: p.Name, OK: p.OK, Reason: p.Reason})
	}
	return out
}

func (h *house) close() error {
	var err error
	if h.recorder != nil {
		err = h.recorder.Close()
	}
	return errors.Join(err, h.db.Close())
}

// admin makes the first user if there is none. It returns the generated
// password, if one was made, which is also kept in DATA/admin-password.
func (h *house) admin(ctx context.Context, password string) (generated string, err error) {
	_, generated, err = h.auth.EnsureAdmin(ctx, password)
	if err != nil || generated == "" {
		return "", err
	}
	f, err := os.OpenFile(filepath.Join(h.data, "admin-password"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, generated); err != nil {
		return "", err
	}
	return generated, f.Sync()
}

// openOffline opens the data of a stopped server for one management command and
// returns the API's handler on it.
func openOffline(ctx context.Context, c *cli) (http.Handler, func() error, error) {
	cfg, err := load(c)
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	h, err := openHouse(ctx, cfg, c.Data, log, new(slog.LevelVar))
	if err != nil {
		return nil, nil, err
	}
	h.mail.Direct()
	srv, err := h.web(cfg, mounts{})
	if err != nil {
		return nil, nil, errors.Join(err, h.close())
	}
	return srv.Local(), h.close, nil
}

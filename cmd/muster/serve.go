package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"muster/internal/limit"
	"muster/internal/obs"
	"muster/internal/run"
	"muster/media/hls"
	"muster/media/record"
	"muster/media/rtc"
	"muster/media/rtmp"
	"muster/media/rtsp"
	"muster/media/srt"
	"muster/media/ts"
	"muster/turn"
	"muster/web"
	"muster/web/front"
	"muster/web/webhook"
)

type serveCmd struct{}

// Help is shown by muster serve --help.
func (serveCmd) Help() string {
	return `The first start makes the certificate authority, the certificate and the user
admin, whose password is MUSTER_ADMIN_PASSWORD or, if that is not set, generated,
shown once and kept in DATA/admin-password.

SIGHUP reads the configuration again and restarts only the parts whose settings
changed. SIGTERM stops the server within five seconds.

Examples:
  muster serve
  muster serve --data /var/lib/muster --config /etc/muster/muster.yml
  MUSTER_MEDIA_RTSP_ADDRESS=:554 muster serve`
}

// Run runs the server until ctx ends.
func (serveCmd) Run(ctx context.Context, std streams, c *cli) error {
	cfg, err := load(c)
	if err != nil {
		return err
	}
	onTerminal := isTerminal(std.err)
	log, level := obs.NewLogger(cfg.Log, std.err, onTerminal)
	h, err := openHouse(ctx, cfg, c.Data, log, level)
	if err != nil {
		return err
	}
	err = h.serve(ctx, std, c, cfg)
	return errors.Join(err, h.close())
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// mounts are the protocol handlers that the web server has under its own
// address. They are swapped when their part restarts.
type mounts struct {
	hls, rtc *swap
	sip      *swap // WebSockets of telephones
	pages    *swap // everything of the web server, for the Marti doors
	local    *swap // the web server's Local
	rtmp     *swapConn
	rtmpt    *swap
	turn     *swapConn
	iceTCP   *swapConn
}

// swap is a handler that can be replaced while it serves.
type swap struct{ h atomic.Pointer[http.Handler] }

func (s *swap) set(h http.Handler) { s.h.Store(&h) }
func (s *swap) clear()             { s.h.Store(nil) }

// ServeHTTP implements http.Handler.
func (s *swap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := s.h.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	http.Error(w, "this protocol is switched off", http.StatusNotFound)
}

// swapConn is swap for connections that were recognised by their first bytes.
type swapConn struct{ f atomic.Pointer[front.Handler] }

func (s *swapConn) set(f front.Handler) { s.f.Store(&f) }
func (s *swapConn) clear()              { s.f.Store(nil) }

func (s *swapConn) serve(ctx context.Context, c net.Conn) {
	if f := s.f.Load(); f != nil {
		(*f)(ctx, c)
		return
	}
	c.Close()
}

// serve runs the open house until ctx ends.
func (h *house) serve(ctx context.Context, std streams, c *cli, cfg *config) error {
	generated, err := h.admin(ctx, os.Getenv("MUSTER_ADMIN_PASSWORD"))
	if err != nil {
		return err
	}
	if h.pulls, err = h.newPulls(cfg); err != nil {
		return err
	}
	if h.recorder, err = record.New(cfg.Media.Record, record.Deps{Router: h.router, DB: h.db, Bus: h.bus, Log: h.log}); err != nil {
		return err
	}
	if err := h.openRooms(ctx, cfg); err != nil {
		return err
	}
	h.health.Add("recording", false, h.recorder.Ready)
	if h.tak, err = h.openTAK(ctx, cfg); err != nil {
		return err
	}
	local, err := h.listenLocal()
	if err != nil {
		return err
	}
	s := newSupervisor(h.log)
	parts := h.parts(local)
	if _, err := s.apply(parts, cfg); err != nil {
		return errors.Join(err, local.Close())
	}
	treeCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := s.tree.ServeBackground(treeCtx)

	h.settle(ctx)
	h.welcome(std.out, cfg, generated)
	systemd := obs.NewSystemd(h.log)
	systemd.Ready("")
	watch := run.NewGroup(treeCtx, h.log, "systemd")
	watch.Go(func(ctx context.Context) {
		if err := systemd.Run(ctx, func(context.Context) bool { return true }); err != nil {
			h.log.Warn("systemd's watchdog is not answered", "part", "systemd", "error", err)
		}
	})
	defer watch.Wait()

	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-hup:
			systemd.Reloading()
			cfg = h.reload(ctx, c, cfg, s, parts)
			systemd.Ready("")
			continue
		case <-ctx.Done():
		}
		break
	}
	systemd.Stopping()
	h.health.SetStopping()
	h.log.Info("stopping", "part", "muster")
	stop()
	select {
	case <-done:
		if late := s.unstopped(); len(late) > 0 {
			return fmt.Errorf("%s did not stop within %s", strings.Join(late, ", "), stopLimit)
		}
		return nil
	case <-time.After(stopLimit + stopSlack):
		return errors.New("the parts are not stopped in time")
	}
}

// listenLocal opens the management socket, which only its owner may use. A
// socket that a killed server left behind is replaced; the data folder's lock
// has made sure that no other server is alive.
func (h *house) listenLocal() (net.Listener, error) {
	path := filepath.Join(h.data, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	return l, err
}

// runFunc is a runner made from a function.
type runFunc func(ctx context.Context) error

// Run implements runner.
func (f runFunc) Run(ctx context.Context) error { return f(ctx) }

// doorway is what the parts with doors share.
type doorway struct {
	mounts
	tls *tls.Config // of doors without client certificates
	// guard limits the connections of a door. Each door counts for itself: one that
	// is filled must not shut the others.
	guard func(net.Listener) net.Listener
}

// parts are the servers of the house, in the order in which they start.
func (h *house) parts(local net.Listener) []part {
	d := &doorway{
		mounts: mounts{hls: new(swap), rtc: new(swap), sip: new(swap), pages: new(swap), local: new(swap), rtmp: new(swapConn), rtmpt: new(swap), turn: new(swapConn), iceTCP: new(swapConn)},
		tls:    h.pki.TLSConfig(),
		guard: func(l net.Listener) net.Listener {
			return limit.NewListener(l, limit.NewConns(h.perDoor), h.log)
		},
	}
	return slices.Concat(h.baseParts(), h.mediaParts(d), h.roomParts(d), h.webParts(d, local), h.takParts(d))
}

// baseParts are those that all others lean on.
func (h *house) baseParts() []part {
	return []part{
		{"auth", func(c *config) any { return nil }, func(*config) (runner, error) { return registered(h, "auth", h.auth, nil) }},
		{"pki", func(c *config) any { return nil }, func(*config) (runner, error) { return h.pki, nil }},
		{"mail", func(c *config) any { return c.Mail }, func(c *config) (runner, error) { return registered(h, "mail", h.mail, h.mail.Set(c.Mail)) }},
	}
}

// mediaParts carry streams.
func (h *house) mediaParts(d *doorway) []part {
	return []part{
		{"rtsp", func(c *config) any { return c.Media.RTSP }, func(c *config) (runner, error) {
			if !c.Media.RTSP.Enabled {
				return nil, nil
			}
			srv, err := rtsp.New(c.Media.RTSP, rtsp.Deps{Router: h.router, Auth: h.auth, Doors: h.doors, Log: h.log, TLS: d.tls, Guard: d.guard})
			return registered(h, "rtsp", srv, err)
		}},
		{"rtmp", func(c *config) any { return c.Media.RTMP }, func(c *config) (runner, error) {
			if !c.Media.RTMP.Enabled {
				d.rtmpt.clear()
				d.rtmp.clear() // or a reload would leave it on the shared port
				return nil, nil
			}
			srv, err := rtmp.New(c.Media.RTMP, rtmp.Deps{Router: h.router, Auth: h.auth, Doors: h.doors, Log: h.log, TLS: d.tls, Guard: d.guard})
			if err == nil {
				d.rtmp.set(srv.ServeConn)
				d.rtmpt.set(srv.Tunnel())
			}
			return registered(h, "rtmp", srv, err)
		}},
		{"srt", func(c *config) any { return c.Media.SRT }, func(c *config) (runner, error) {
			if !c.Media.SRT.Enabled {
				return nil, nil
			}
			srv, err := srt.New(c.Media.SRT, srt.Deps{Router: h.router, Auth: h.auth, Doors: h.doors, Log: h.log, Conns: limit.NewConns(h.perDoor)})
			return registered(h, "srt", srv, err)
		}},
		{"ts", func(c *config) any { return c.Media.TS }, func(c *config) (runner, error) {
			srv, err := ts.New(c.Media.TS, ts.Deps{Router: h.router, Doors: h.doors, Log: h.log})
			if err == nil {
				err = srv.SetPaths(c.Media.Paths)
			}
			if err == nil { // else the one that runs goes on with the old settings
				h.sources = srv
			}
			return registered(h, "ts", srv, err)
		}},
		{"pull", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "pull", h.pulls, nil) }},
		{"record", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "record", h.recorder, nil) }},
		{"hls", func(c *config) any { return c.Media.HLS }, func(c *config) (runner, error) {
			if !c.Media.HLS.Enabled {
				d.hls.clear()
				return nil, nil
			}
			srv, err := hls.New(c.Media.HLS, hls.Deps{Router: h.router, Auth: h.auth, Doors: h.doors, Conns: limit.NewConns(h.perDoor), Log: h.log, IdentityOf: web.IdentityOf})
			if err == nil {
				d.hls.set(srv.Handler())
			}
			return registered(h, "hls", srv, err)
		}},
		{"webrtc", func(c *config) any { return c.Media.WebRTC }, func(c *config) (runner, error) {
			if !c.Media.WebRTC.Enabled {
				d.rtc.clear()
				d.iceTCP.clear()
				return nil, nil
			}
			srv, err := rtc.New(c.Media.WebRTC, rtc.Deps{Router: h.router, Auth: h.auth, Doors: h.doors, Log: h.log, Guard: d.guard, IdentityOf: web.IdentityOf, Relay: h.relay, TCP: h.iceTCP})
			if err == nil {
				d.rtc.set(srv.Handler())
				d.iceTCP.set(srv.ServeConn)
				h.rtc.Store(srv)
			}
			return registered(h, "webrtc", srv, err)
		}},
	}
}

// roomParts bring people together, and the relays that some of them need.
func (h *house) roomParts(d *doorway) []part {
	return []part{
		{"rooms", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "rooms", h.rooms, nil) }},
		{"room recordings", func(*config) any { return nil }, func(*config) (runner, error) { return runFunc(h.watchRecordings), nil }},
		{"alerts in rooms", func(*config) any { return nil }, func(*config) (runner, error) { return runFunc(h.watchAlerts), nil }},
		{"notify", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "notify", h.notify, nil) }},
		{"sip", func(c *config) any { return c.SIP }, func(c *config) (runner, error) {
			if !c.SIP.Enabled {
				d.sip.clear()
				h.sip.Store(nil)
				return nil, nil
			}
			srv, err := h.newSIP(c.SIP, d.tls, d.guard)
			if err == nil {
				d.sip.set(http.HandlerFunc(srv.ServeWebSocket))
			}
			return registered(h, "sip", srv, err)
		}},
		{"rooms and channels", func(*config) any { return nil }, func(*config) (runner, error) { return h.radio, nil }},
		{"groups and rooms", func(*config) any { return nil }, func(*config) (runner, error) { return runFunc(h.keepGroupRooms), nil }},
		{"murmurd", func(c *config) any { return c.Voice.External }, func(c *config) (runner, error) {
			if !c.Voice.External.Enabled {
				return nil, nil
			}
			return h.newAttachment(c.Voice.External)
		}},
		{"voice", func(c *config) any { return c.Voice.Config }, func(c *config) (runner, error) {
			if !c.Voice.Enabled {
				return nil, nil
			}
			srv, err := h.newVoice(c.Voice.Config, d.tls, d.guard)
			return registered(h, "voice", srv, err)
		}},
		{"turn", func(c *config) any { return c.TURN }, func(c *config) (runner, error) {
			if !c.TURN.Enabled {
				d.turn.clear()
				h.turn.Store(nil)
				return nil, nil
			}
			key, err := h.db.Key("turn")
			if err != nil {
				return nil, err
			}
			srv, err := turn.New(c.TURN, turn.Deps{Auth: h.auth, Sessions: h.sessions, Doors: h.doors, Log: h.log, Key: key, Local: (*relayedHere)(h)})
			if err == nil {
				d.turn.set(srv.ServeConn)
				h.turn.Store(srv)
			}
			return registered(h, "turn", srv, err)
		}},
	}
}

// webParts are the pages, the API, and what other programs are told.
func (h *house) webParts(d *doorway, local net.Listener) []part {
	return []part{
		{"webhook", func(c *config) any { return c.Web.Webhooks }, func(c *config) (runner, error) {
			srv, err := webhook.New(c.Web.Webhooks, webhook.Deps{DB: h.db, Bus: h.bus, Log: h.log})
			if err == nil {
				h.webhooks.Store(srv)
			}
			return registered(h, "webhook", srv, err)
		}},
		{"web", func(c *config) any { return c.Web }, func(c *config) (runner, error) {
			srv, err := h.web(c, d.mounts)
			if err == nil {
				d.pages.set(srv.Handler())
				d.local.set(srv.Local())
			}
			return registered(h, "web", srv, err)
		}},
		{"local", func(c *config) any { return nil }, func(c *config) (runner, error) {
			return runFunc(func(ctx context.Context) error { return web.Serve(ctx, local, d.local, c.Web.Drain, h.log) }), nil
		}},
	}
}

// takParts are the TAK server.
func (h *house) takParts(d *doorway) []part {
	return []part{
		// What keeps state is made once; it runs before the doors open.
		{"files", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "files", h.tak.files, nil) }},
		{"history", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "history", h.tak.history, nil) }},
		{"missions", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "missions", h.tak.missions, nil) }},
		{"router", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "router", h.tak.router, nil) }},
		{"cot", func(c *config) any { return c.Cot.Stream }, func(c *config) (runner, error) { return h.newStream(c.Cot) }},
		{"video", func(*config) any { return nil }, func(*config) (runner, error) { return registered(h, "video", h.tak.video, nil) }},
		{"marti", func(c *config) any { return c.Cot.Marti }, func(c *config) (runner, error) { return h.newMarti(c.Cot, d.pages) }},
	}
}

// registered exports a server's counters and hands it on.
func registered[S runner](h *house, name string, srv S, err error) (runner, error) {
	if err != nil {
		return nil, err
	}
	h.stats.add(name, srv)
	return srv, nil
}

// settle waits until every door has opened or failed, a second at most.
func (h *house) settle(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Second)
	last, since := -1, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-limit:
			return
		case <-tick.C:
			if n := len(h.doors.List()); n != last {
				last, since = n, time.Now()
			} else if n > 0 && time.Since(since) > 200*time.Millisecond {
				return
			}
		}
	}
}

// reload reads the configuration again and applies what changed. It returns the
// configuration that is in force afterwards.
func (h *house) reload(ctx context.Context, c *cli, old *config, s *supervisor, parts []part) *config {
	cfg, err := load(c)
	if err != nil {
		h.log.Error("the configuration was not reloaded; the old one stays in force", "part", "muster", "error", err)
		return old
	}
	h.router.SetPaths(cfg.Media.Paths)
	h.recorder.Look()
	h.level.Set(cfg.Log.SlogLevel())
	if err := h.pki.Reload(ctx); err != nil {
		h.log.Error("certificates were not reloaded", "part", "pki", "error", err)
	}
	restarted, err := s.apply(parts, cfg)
	if err != nil {
		h.log.Error("some parts keep their old settings", "part", "muster", "error", err)
	}
	if e := h.pulls.SetPaths(cfg.Media.Paths); e != nil {
		h.log.Error("some sources keep their old settings", "part", "pull", "error", e)
	}
	if e := h.sources.SetPaths(cfg.Media.Paths); e != nil {
		h.log.Error("the sources of paths keep their old settings", "part", "ts", "error", e)
	}
	var later []string
	for name, same := range map[string]bool{
		"rooms": old.Media.Rooms == cfg.Media.Rooms,
		"media": old.Media.BufferSize == cfg.Media.BufferSize && old.Media.MaxLag == cfg.Media.MaxLag && old.Media.Pull == cfg.Media.Pull && old.Media.Record == cfg.Media.Record,
		"auth":  reflect.DeepEqual(old.Auth, cfg.Auth),
		"cot":   reflect.DeepEqual(old.Cot.state(), cfg.Cot.state()),
		"store": old.Store == cfg.Store,
		"pki":   reflect.DeepEqual(old.PKI, cfg.PKI),
	} {
		if !same {
			later = append(later, name)
		}
	}
	h.log.Info("the configuration was reloaded", "part", "muster", "restarted", restarted, "waitingForRestart", later)
	return cfg
}

// welcome tells whoever started the server where everything is, in at most 15
// lines.
func (h *house) welcome(w io.Writer, cfg *config, generated string) {
	host := "127.0.0.1"
	if names := h.pki.Hosts(); len(names) > 0 {
		host = names[0]
	}
	page, trust := "https://"+withPort(host, h.doors.Addr("https"), "443")+"/", " (the browser warns until it trusts "+filepath.Join(h.data, "pki", "ca.crt")+")"
	if h.doors.Addr("https") == "" {
		// The door for this machine serves the pages, too.
		page, trust = "http://"+h.doors.Addr("api")+"/", " (on this machine only, while https is shut)"
	}
	rtspAt := withPort(host, h.doors.Addr("rtsp"), "")
	pass := "$(cat " + filepath.Join(h.data, "admin-password") + ")"
	who := "admin, with the password you gave it"
	switch {
	case generated != "":
		who = "admin, password " + generated + " (kept in " + filepath.Join(h.data, "admin-password") + ", shown only now)"
	case !exists(filepath.Join(h.data, "admin-password")):
		pass = "PASSWORD"
	default:
		who = "admin, password in " + filepath.Join(h.data, "admin-password")
	}
	fmt.Fprintf(w, "Muster %s is running.\n", version())
	fmt.Fprintf(w, "  Log in   %s as %s\n", page, who)
	if rtspAt != "" {
		fmt.Fprintf(w, "  Publish  ffmpeg -re -f lavfi -i testsrc2=s=1280x720:r=30 -c:v libx264 -preset ultrafast -tune zerolatency -g 60 -pix_fmt yuv420p -f rtsp -rtsp_transport tcp \"rtsp://admin:%s@%s/demo\"\n", pass, rtspAt)
		fmt.Fprintf(w, "  Watch    ffplay -rtsp_transport tcp \"rtsp://admin:%s@%s/demo\"\n", pass, rtspAt)
	}
	fmt.Fprintf(w, "  Browse   %svideo/demo%s\n", page, trust)
	lines := 5
	for _, d := range h.doors.List() {
		if d.Error == "" {
			continue
		}
		if lines++; lines > 14 {
			fmt.Fprintln(w, "  More doors are shut: see Admin, Health.")
			break
		}
		fmt.Fprintf(w, "  Shut     %s (%s %s): %s. To fix: %s\n", d.Name, d.Network, d.Address, d.Error, d.Fix)
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// withPort returns host with the port of addr, unless that is usual; "" when
// addr is.
func withPort(host, addr, usual string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	if port == usual {
		return host
	}
	return net.JoinHostPort(host, port)
}

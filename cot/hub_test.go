package cot

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if n := run.Panics(); n > 0 && code == 0 {
		fmt.Fprintln(os.Stderr, n, "panics")
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// hub is a router to be tested, with what it needs.
type hub struct {
	*Router
	t        testing.TB
	db       *store.DB
	sessions *auth.Sessions
	bus      *bus.Bus
	recorded *recorder
	stop     func() // ends Run
}

type recorder struct {
	mu   sync.Mutex
	list []*Event
}

func (r *recorder) Record(e *Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, e)
}

func (r *recorder) types() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.list {
		out = append(out, e.Type)
	}
	return out
}

// testConfig is the default one without the wait after a connection is lost.
func testConfig() Config {
	cfg := DefaultConfig()
	cfg.DisconnectDelay = 0
	return cfg
}

func newHub(t testing.TB, cfg Config) *hub {
	t.Helper()
	return hubOn(t, cfg, storetest.Open(t, store.Config{}))
}

// hubOn starts a hub on a database; it stops with the test, or earlier.
func hubOn(t testing.TB, cfg Config, db *store.DB) *hub {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, db: db, sessions: auth.NewSessions(nil), bus: bus.New(), recorded: &recorder{}}
	r, err := New(t.Context(), cfg, Deps{DB: db, Sessions: h.sessions, Bus: h.bus, Log: slog.New(slog.DiscardHandler), Recorder: h.recorded})
	if err != nil {
		t.Fatal(err)
	}
	h.Router = r
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	h.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(h.stop)
	return h
}

// person returns an identity; each of groups is a name, with " in" or " out"
// behind it for one direction only.
func person(user string, groups ...string) auth.Identity {
	id := auth.Identity{User: user, Role: auth.RoleMember}
	for _, g := range groups {
		grant := auth.Grant{Group: g, In: true, Out: true}
		if name, ok := strings.CutSuffix(g, " in"); ok {
			grant = auth.Grant{Group: name, In: true}
		} else if name, ok := strings.CutSuffix(g, " out"); ok {
			grant = auth.Grant{Group: name, Out: true}
		}
		id.Groups = append(id.Groups, grant)
	}
	return id
}

func as(id auth.Identity, role auth.Role) auth.Identity {
	id.Role = role
	return id
}

// peer is a client with a sink that keeps what it is sent.
type peer struct {
	*Client
	t     testing.TB
	uid   string
	name  string
	mu    sync.Mutex
	got   []*Event
	ended error
}

func (p *peer) Send(e *Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, e)
}

func (p *peer) Queue() QueueState { return QueueState{Version: 1} }

func (p *peer) End(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended == nil {
		p.ended = reason
	}
}

func (p *peer) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// connect joins without a report.
func (h *hub) connect(id auth.Identity, uid, callsign string) *peer {
	h.t.Helper()
	return h.connectAs(Join{Identity: id, Protocol: "tls", Remote: netip.MustParseAddrPort("192.0.2.1:5000")}, uid, callsign)
}

func (h *hub) connectAs(j Join, uid, callsign string) *peer {
	h.t.Helper()
	p := &peer{t: h.t, uid: uid, name: callsign}
	j.Sink = p
	c, err := h.Join(j)
	if err != nil {
		h.t.Fatal(err)
	}
	p.Client = c
	h.t.Cleanup(func() { c.Close(nil) })
	return p
}

// join connects a device that reports itself and forgets what it is sent at
// first.
func (h *hub) join(user, callsign string, groups ...string) *peer {
	h.t.Helper()
	p := h.connect(person(user, groups...), "UID-"+callsign, callsign)
	p.report()
	p.clear()
	return p
}

// event returns one as XML with this in its detail.
func event(uid, typ, detail string) string {
	now := time.Now()
	return fmt.Sprintf(`<event version="2.0" uid="%s" type="%s" how="m-g" time="%s" start="%s" stale="%s">`+
		`<point lat="52.5" lon="13.4" hae="78.4" ce="6.1" le="9999999.0"/><detail>%s</detail></event>`,
		uid, typ, wire.FormatTime(now.UnixMilli()), wire.FormatTime(now.UnixMilli()), wire.FormatTime(now.Add(time.Minute).UnixMilli()), detail)
}

func parse(t testing.TB, xml string) *wire.Event {
	t.Helper()
	e, err := wire.ParseXML([]byte(xml), wire.DefaultLimits())
	if err != nil {
		t.Fatalf("%v in %s", err, xml)
	}
	return e
}

func (p *peer) reportXML() string {
	return event(p.uid, "a-f-G-U-C", `<contact endpoint="*:-1:stcp" callsign="`+p.name+`"/><__group role="Team Member" name="Cyan"/>`)
}

// report sends the device's own position.
func (p *peer) report() {
	p.t.Helper()
	_ = p.Receive(p.t.Context(), parse(p.t, p.reportXML())) // who may not write is told so
}

// say sends an event; detail may hold marti.
func (p *peer) say(uid, typ, detail string) error {
	p.t.Helper()
	return p.Receive(p.t.Context(), parse(p.t, event(uid, typ, detail)))
}

func to(dests ...string) string {
	s := "<marti>"
	for _, d := range dests {
		k, v, _ := strings.Cut(d, "=")
		s += `<dest ` + k + `="` + v + `"/>`
	}
	return s + "</marti>"
}

func (p *peer) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
}

// take returns what came since the last time, as "type uid", or for events about
// a device "type →uid of it".
func (p *peer) take() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.got {
		s := e.Type + " " + e.UID
		if strings.HasPrefix(e.Type, "t-x-") {
			link, _ := e.Child("link")
			s = e.Type + " →" + link.Attr("uid")
		}
		out = append(out, s)
	}
	p.got = nil
	return out
}

// expect fails unless exactly this came, in any order.
func (p *peer) expect(want ...string) {
	p.t.Helper()
	got := p.take()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.t.Errorf("%s was sent %q, want %q", p.name, got, want)
	}
}

// regrant gives a user other rights, as the registry does.
func (h *hub) regrant(id auth.Identity) {
	h.sessions.Revalidate(func(s auth.SessionInfo) bool { return s.User == id.User },
		func(auth.Identity) (auth.Identity, error) { return id, nil })
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not in time: %s", what)
}

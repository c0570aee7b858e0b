package situation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
)

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(workDir())
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// workDir holds what all tests share.
var workDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "muster-situation-")
	if err != nil {
		panic(err)
	}
	return dir
})

// world is a TAK server without doors, and its pages. Its people are ann
// (administrator), olga (group red), mike (red) and bea (blue).
type world struct {
	t        *testing.T
	hub      *Hub
	router   *cot.Router
	history  *history.Service
	auth     *auth.Service
	sessions *auth.Sessions
	bus      *bus.Bus
}

// stand is the register of people on a data directory.
func stand(dir string, sessions *auth.Sessions, b *bus.Bus) (*store.DB, *auth.Service, error) {
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(context.Background(), store.DefaultConfig(), dir, log)
	if err != nil {
		return nil, nil, err
	}
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	service, err := auth.New(cfg, db, sessions, b, log)
	return db, service, err
}

// people is a data directory with all of them. It is made once: each test has a
// copy.
var people = sync.OnceValue(func() string {
	dir := filepath.Join(workDir(), "people")
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	must(os.Mkdir(dir, 0o700))
	db, service, err := stand(dir, auth.NewSessions(nil), bus.New())
	must(err)
	ctx := context.Background()
	for _, g := range []string{"red", "blue"} {
		_, err := service.AddGroup(ctx, g, "")
		must(err)
	}
	for name, group := range map[string]string{"ann": "red", "olga": "red", "mike": "red", "bea": "blue"} {
		role := auth.RoleMember
		if name == "ann" {
			role = auth.RoleAdmin
		}
		_, err := service.AddUser(ctx, auth.NewUser{Name: name, Role: role, Password: "password of " + name, Groups: []auth.Grant{{Group: group, In: true, Out: true}}})
		must(err)
	}
	must(db.Close())
	return dir
})

// inWorld runs a test in a world whose time passes only when all wait.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	template := people()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		w := &world{t: t, sessions: auth.NewSessions(nil), bus: bus.New()}
		db, service, err := stand(dir, w.sessions, w.bus)
		w.check(err)
		w.auth = service
		ctx, cancel := context.WithCancel(context.Background())
		past := history.DefaultConfig()
		past.FlushInterval = 10 * time.Second // what a page needs it does not wait for
		w.history, err = history.New(ctx, past, history.Deps{DB: db, Log: log, Owner: Owner})
		w.check(err)
		cfg := cot.DefaultConfig()
		cfg.DisconnectDelay = 0
		w.router, err = cot.New(ctx, cfg, cot.Deps{DB: db, Sessions: w.sessions, Bus: w.bus, Log: log, Recorder: w.history})
		w.check(err)
		w.hub = NewHub(w.router, w.history, w.bus, log)
		ended := make(chan error)
		go func() { ended <- w.history.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := errors.Join(<-ended, db.Close()); err != nil {
				t.Error(err)
			}
		})
		test(t, w)
		if left := w.sessions.List(); len(left) > 0 {
			t.Errorf("sessions are left: %+v", left)
		}
	})
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (*world) remote() netip.Addr { return netip.MustParseAddr("192.0.2.1") }

func (w *world) identity(user string) auth.Identity {
	w.t.Helper()
	id, err := w.auth.Authenticate(w.t.Context(), auth.Proof{User: user, Password: "password of " + user, Remote: w.remote()})
	w.check(err)
	return id
}

// page is an open one.
type page struct {
	*Feed
	w *world
}

func (w *world) open(user string) *page { return w.openAs(w.identity(user)) }

func (w *world) openAs(id auth.Identity) *page {
	w.t.Helper()
	f, err := w.hub.Open(cot.Join{Identity: id, Protocol: "web", Remote: netip.MustParseAddrPort("192.0.2.1:4000"), Callsign: strings.ToUpper(id.User)})
	w.check(err)
	return &page{f, w}
}

func (p *page) close() { p.w.hub.Close(p.Feed) }

// quiet is longer than anything a page waits for.
const quiet = contactsEvery + 5*flushEvery

// news returns what comes until nothing has come for a while.
func (p *page) news() (all []any) {
	p.w.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(p.w.t.Context(), quiet)
		list, err := p.Next(ctx)
		cancel()
		p.w.check(err)
		if len(list) == 0 {
			return all
		}
		for _, m := range list {
			b, err := json.Marshal(m)
			p.w.check(err)
			if strings.Contains(string(b), "null") {
				p.w.t.Errorf("it holds null: %s", b)
			}
		}
		all = append(all, list...)
	}
}

// expect fails unless exactly this comes, in this order; see words.
func (p *page) expect(want ...string) {
	p.w.t.Helper()
	var got []string
	for _, m := range p.news() {
		got = append(got, words(m))
	}
	if !slices.Equal(got, want) {
		p.w.t.Errorf("%s was told %q, want %q", p.user, got, want)
	}
}

// words are a message in short: items and contacts by uid, with a minus behind
// those that are not connected.
func words(m any) string {
	items := func(list []Item) (out []string) {
		for _, it := range list {
			if s := it.UID; it.Connected {
				out = append(out, s)
			} else {
				out = append(out, s+"-")
			}
		}
		return out
	}
	contacts := func(list []Contact) (out []string) {
		for _, c := range list {
			if s := c.UID; c.Connected {
				out = append(out, s)
			} else {
				out = append(out, s+"-")
			}
		}
		slices.Sort(out)
		return out
	}
	alerts := func(list []Emergency) (out []string) {
		for _, e := range list {
			out = append(out, e.UID)
		}
		return out
	}
	if s, ok := m.(Snapshot); ok {
		return fmt.Sprintf("%s %v%v%v", s.Kind, items(s.Items), contacts(s.Contacts), alerts(s.Emergencies))
	}
	msg := m.(Message)
	out := msg.Kind
	switch msg.Kind {
	case "items":
		out += fmt.Sprintf(" %v", items(msg.Items))
	case "gone":
		out += fmt.Sprintf(" %v", msg.UIDs)
	case "contacts":
		out += fmt.Sprintf(" %v", contacts(msg.Contacts))
	case "emergencies":
		out += fmt.Sprintf(" %v", alerts(*msg.Emergencies))
	case "chat":
		for _, c := range msg.Messages {
			out += " " + c.Text + "/" + c.State
			if c.Mine {
				out += "/mine"
			}
		}
	case "mission":
		out += " " + msg.Name + "/" + msg.GUID + "/" + msg.Change
	}
	return out
}

// device is a connected TAK client.
type device struct {
	*cot.Client
	w   *world
	uid string
	mu  sync.Mutex // guards got
	got []string
}

func (d *device) Send(e *cot.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := e.Type + " " + e.UID
	if link, ok := e.Child("link"); ok && strings.HasPrefix(e.Type, "t-x-") {
		s = e.Type + " →" + link.Attr("uid")
	}
	d.got = append(d.got, s)
}

func (d *device) Queue() cot.QueueState { return cot.QueueState{} }
func (d *device) End(error)             {}

// expect fails unless exactly this came since the last time.
func (d *device) expect(want ...string) {
	d.w.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.got, want) {
		d.w.t.Errorf("%s was sent %q, want %q", d.uid, d.got, want)
	}
	d.got = nil
}

// say sends an event with this in its detail.
func (d *device) say(uid, typ, detail string) {
	d.w.t.Helper()
	time.Sleep(time.Millisecond) // no two at the same time
	ev := wire.New(uid, typ, "m-g", time.Now(), time.Hour)
	ev.Point = wire.Point{Lat: 52.5, Lon: 13.4, HAE: 30, CE: 5, LE: 5}
	if detail != "" {
		ev.AddDetail([]byte(detail))
	}
	d.w.check(d.Receive(d.w.t.Context(), parsed(d.w.t, ev)))
}

// parsed is an event as if it had come over the wire.
func parsed(t *testing.T, ev *wire.Event) *wire.Event {
	t.Helper()
	e, err := wire.ParseXML(ev.AppendXML(nil), wire.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (d *device) report(more string) {
	d.w.t.Helper()
	d.say(d.uid, "a-f-G-U-C", `<contact callsign="`+d.uid+`" endpoint="*:-1:stcp"/><__group name="Cyan" role="HQ"/><takv platform="ATAK" version="5"/>`+more)
}

// join connects a device of a user, which reports itself.
func (w *world) join(user, uid string) *device {
	w.t.Helper()
	d := &device{w: w, uid: uid}
	var err error
	d.Client, err = w.router.Join(cot.Join{Identity: w.identity(user), Protocol: "tls", Remote: netip.MustParseAddrPort("192.0.2.1:5000"), Sink: d})
	w.check(err)
	d.report("")
	d.got = nil
	return d
}

// chat is the detail of a message of a device or page to a room.
func chat(from, room, id, text string, dests ...string) string {
	s := `<__chat chatroom="` + room + `" id="` + room + `" messageId="` + id + `" senderCallsign="` + from + `" parent="RootContactGroup"><chatgrp uid0="` + from + `" uid1="` + room + `" id="` + room + `"/></__chat>` +
		`<link uid="` + from + `" type="a-f-G-U-C" relation="p-p"/><remarks>` + text + `</remarks>`
	return s + marti(dests...)
}

func marti(uids ...string) string {
	if len(uids) == 0 {
		return ""
	}
	s := "<marti>"
	for _, uid := range uids {
		s += `<dest uid="` + uid + `"/>`
	}
	return s + "</marti>"
}

// receipt is the detail of one.
func receipt(from, to, id string) string {
	return `<__chatreceipt id="` + from + `" chatroom="` + from + `" messageId="` + id + `" senderCallsign="` + to + `"><chatgrp uid0="` + to + `" uid1="` + from + `" id="` + from + `"/></__chatreceipt>` +
		`<link uid="` + from + `" type="a-f-G-U-C" relation="p-p"/>` + marti(to)
}

// say sends a message from a user's pages.
func (w *world) say(id auth.Identity, room, message, text string, dests ...string) error {
	w.t.Helper()
	own := UID(id.User)
	ev := wire.New("GeoChat."+own+"."+room+"."+message, "b-t-f", "h-g-i-g-o", time.Now(), time.Hour)
	ev.AddDetail([]byte(chat(own, room, message, text, dests...)))
	_, err := w.hub.Say(w.t.Context(), id, strings.ToUpper(id.User), parsed(w.t, ev))
	return err
}

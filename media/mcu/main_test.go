package mcu

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/internal/store/storetest"
	"muster/media"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreAnyFunction("muster/internal/store/storetest.start.func2"), goleak.Cleanup(func(code int) { storetest.Stop(); os.Exit(code) }))
}

// ear is a leg that remembers what it is told.
type ear struct {
	mu     sync.Mutex
	events []Event
	reason error
	p      *Participant
}

func (e *ear) Notify(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, ev)
}

func (e *ear) End(reason error) {
	e.mu.Lock()
	e.reason = reason
	p := e.p
	e.mu.Unlock()
	if p != nil {
		go p.Leave(reason)
	}
}

func (e *ear) ended() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reason
}

// last returns the newest event of a type.
func (e *ear) last(typ string) (Event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := len(e.events) - 1; i >= 0; i-- {
		if e.events[i].Type == typ {
			return e.events[i], true
		}
	}
	return Event{}, false
}

func (e *ear) count(typ string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.events {
		if ev.Type == typ {
			n++
		}
	}
	return n
}

type house struct {
	*Rooms
	db       *store.DB
	sessions *auth.Sessions
	bus      *bus.Bus
}

// open makes rooms that run until the test ends.
func open(t *testing.T, cfg Config, store store.Config) *house {
	t.Helper()
	h := &house{db: storetest.Open(t, store), sessions: auth.NewSessions(nil), bus: bus.New()}
	h.start(t, cfg)
	return h
}

func (h *house) start(t *testing.T, cfg Config) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r, err := New(t.Context(), cfg, Deps{DB: h.db, Router: media.New(media.DefaultConfig(), h.sessions, h.bus, log), Sessions: h.sessions, Bus: h.bus, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	h.Rooms = r
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	wait(t, "the rooms to run", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.group != nil
	})
}

func member(name string, in bool) auth.Identity {
	return auth.Identity{User: name, Role: auth.RoleMember, System: true, Groups: []auth.Grant{{Group: "red", In: in, Out: true}}}
}

var admin = auth.Identity{User: "admin", Role: auth.RoleAdmin, System: true}

func (h *house) make(t *testing.T, edit func(*Settings)) Settings {
	t.Helper()
	s := Settings{Name: safename.MustParse("briefing"), Groups: []string{"red"}, Permanent: true, Entry: Speaker}
	if edit != nil {
		edit(&s)
	}
	s, err := h.Create(t.Context(), admin, s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// join brings somebody in.
func (h *house) join(t *testing.T, id auth.Identity, edit func(*JoinRequest)) (*Participant, *ear, error) {
	t.Helper()
	e := &ear{}
	req := JoinRequest{Identity: id, Room: "briefing", Kind: Browser, Remote: netip.MustParseAddrPort("192.0.2.7:4000"), Leg: e}
	if edit != nil {
		edit(&req)
	}
	p, err := h.Join(req)
	if err == nil {
		e.mu.Lock()
		e.p = p
		e.mu.Unlock()
		t.Cleanup(func() { p.Leave(nil) })
	}
	return p, e, err
}

func (h *house) mustJoin(t *testing.T, id auth.Identity) (*Participant, *ear) {
	t.Helper()
	p, e, err := h.join(t, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, e
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

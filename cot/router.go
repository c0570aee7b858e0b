// Package cot is the hub of the situation: clients send events, the router
// decides who receives them. It has no sockets: streams, WebSockets, the Marti
// API and the pages meet here.
//
// One event's way: a stream server reads it and calls Client.Receive; the router
// takes the groups the sender may write to, finds who reads one of them or is
// named as recipient, and hands one shared Event to each receiver's Sink, whose
// queue is bounded. Nothing on this way waits for a socket. The sender alone
// waits for the disk, with what must not be lost: chat for somebody who is away,
// alerts and what goes into missions.
//
// A uid belongs to the account that first reported a device of that uid; nobody
// else may send in its name. Clients without an account own a uid only while
// they are connected.
package cot

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/store"
)

// The reasons a client is ended for, handed to Sink.End.
var (
	ErrReplaced = errors.New("the same device has connected anew")
	ErrSlow     = errors.New("the client does not read")
	ErrSilent   = errors.New("the client has sent nothing for too long")
)

// ErrForeign refuses an event in the name of somebody else's device.
var ErrForeign = errors.New("this uid belongs to another user")

// Sink is the way to one client. Its methods are called from any goroutine and
// must not block; locks of the router may be held.
type Sink interface {
	Send(e *Event)     // queue it
	Queue() QueueState // for the page of connected devices
	End(reason error)  // close the connection, soon
}

// QueueState is how far a client is behind.
type QueueState struct {
	Events, Bytes int   // waiting
	Sent          int64 // events handed to the socket so far
	Replaced      int64 // positions that made way for newer ones
	Dropped       int64 // events given up, for whatever reason
	Version       int   // 0 XML, 1 protobuf
}

// Join is a client that has proven who it is.
type Join struct {
	Identity auth.Identity
	Protocol string // "tls", "tcp", "ws", "quic", "udp", "web"
	Remote   netip.AddrPort
	Agent    string
	Subject  string // DN of its certificate, or empty
	Sink     Sink   // nil: it only sends (UDP), and is no device of its own
	UID      string // bound from the start, for clients that are known before they report themselves (pages); "" otherwise
	Callsign string // likewise
	Observer bool   // a page: receives what its groups show, is no contact until it reports itself, and is sent no latest positions
}

// Recorder keeps the history. Record must not block; what it cannot take it
// counts.
type Recorder interface{ Record(e *Event) }

// Missions takes events that name a mission as recipient.
type Missions interface {
	// Contribute stores e, which names d, as content of the mission and delivers
	// it with Router.Deliver and the change with Router.Notify. It returns when
	// that is on disk. The error (not allowed, no such mission) is for the log.
	Contribute(ctx context.Context, e *Event, d wire.Dest) error
	// Seen is told of a client that has reported itself, in a goroutine of its
	// own, so that what waits for it can be sent.
	Seen(ctx context.Context, from Sender)
}

// Deps is what the router needs of the house.
type Deps struct {
	DB       *store.DB
	Sessions *auth.Sessions
	Bus      *bus.Bus
	Log      *slog.Logger
	Recorder Recorder // nil: nothing is recorded
}

// Router knows every client and who may reach whom.
//
// Locks, in the order they are taken: choosing, turn, alerts.mu, mu, the rest.
// The database is asked while choosing, saving, alerts.saving or waiting.emptying is held,
// which nothing on an event's way takes.
type Router struct {
	cfg      Config
	db       *store.DB
	sessions *auth.Sessions
	bus      *bus.Bus
	log      *slog.Logger
	recorder Recorder
	missions Missions
	limits   wire.Limits
	n        counters
	numbers  groupNumbers
	group    atomic.Pointer[run.Group] // of Run, while it runs

	injectors atomic.Pointer[map[string][][]byte]

	// turn is held while clients come, go and change their rights, so that all see
	// these things happen in one order. Events are sent under it.
	turn sync.Mutex

	// view is what an event needs to find its receivers: a copy of part of what
	// mu guards, made anew when it is needed and nil when it is out of date.
	view atomic.Pointer[[]seat]

	mu      sync.RWMutex // guards what follows, and what Client says it guards
	clients []*Client
	byUID   map[string][]*Client // bound ones; more than one only for pages
	byName  map[string][]*Client // bound ones, by callsign
	devices map[string]*device   // of accounts, by uid, connected or not
	names   map[string][]*device // by callsign
	owned   map[string]int       // devices of an account, by user key
	dirty   map[string]bool      // uids of devices to be written or, if unknown now, deleted
	gone    map[string]*departure
	leaving []*departure                            // oldest first; those not in gone any more came back
	choices map[string]map[string]map[string]choice // user key, uid, group

	choosing sync.Mutex // held while a choice of channels is made, on disk and in memory
	saving   sync.Mutex // held while devices are written, so that the newest writing wins

	alerts  alerts
	waiting waiting

	wakeWriter, wakeLeaving, wakeAlerts chan struct{} // of capacity 1
}

type counters struct {
	received, delivered, directed, foreign, denied, control atomic.Int64
}

// Stats counts since the start.
type Stats struct {
	Clients     int64 // connected now
	Received    int64 // events from clients
	Delivered   int64 // copies queued
	Directed    int64 // events with recipients
	Foreign     int64 // refused: somebody else's uid
	Denied      int64 // refused: no group to publish to, or no right in a mission
	Control     int64 // consumed control events
	Waiting     int64 // chat kept for devices that are away
	Emergencies int64 // active now
}

// New returns a router without clients; it reads what must survive a restart
// (emergencies, waiting chat, channels, known devices) from the database. It
// starts nothing. cfg must be valid.
func New(ctx context.Context, cfg Config, d Deps) (*Router, error) {
	limits := wire.DefaultLimits()
	limits.Event = int(cfg.MaxEvent)
	r := &Router{
		cfg: cfg, db: d.DB, sessions: d.Sessions, bus: d.Bus, log: d.Log.With("part", "cot"),
		recorder: d.Recorder, limits: limits,
		numbers: groupNumbers{byName: make(map[string]int)},
		byUID:   make(map[string][]*Client), byName: make(map[string][]*Client),
		devices: make(map[string]*device), names: make(map[string][]*device), owned: make(map[string]int),
		dirty: make(map[string]bool), gone: make(map[string]*departure),
		choices:    make(map[string]map[string]map[string]choice),
		alerts:     alerts{byUID: make(map[string]*alert), period: cfg.EmergencyPeriod},
		waiting:    waiting{boxes: make(map[string]*box), seed: maphash.MakeSeed()},
		wakeWriter: make(chan struct{}, 1), wakeLeaving: make(chan struct{}, 1), wakeAlerts: make(chan struct{}, 1),
	}
	for _, load := range []func(context.Context) error{r.loadDevices, r.loadChoices, r.loadAlerts, r.loadWaiting} {
		if err := load(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// SetMissions is called once, before Run.
func (r *Router) SetMissions(m Missions) { r.missions = m }

// Run repeats emergencies, expires what waits too long and writes contacts down
// until ctx ends.
func (r *Router) Run(ctx context.Context) error {
	g := run.NewGroup(ctx, r.log, "cot")
	r.group.Store(g)
	g.Go(r.repeatAlerts)
	g.Go(r.announceDepartures)
	g.Go(r.writeDevices)
	g.Go(r.expireWaiting)
	<-ctx.Done()
	g.Wait()
	return nil
}

// background runs f in a goroutine that Run waits for; when Run is not running,
// at once.
func (r *Router) background(ctx context.Context, f func(ctx context.Context)) {
	if g := r.group.Load(); g == nil || !g.Go(f) {
		f(ctx)
	}
}

// Stats returns the counters.
func (r *Router) Stats() Stats {
	r.mu.RLock()
	clients := len(r.clients)
	r.mu.RUnlock()
	return Stats{
		Clients: int64(clients), Received: r.n.received.Load(), Delivered: r.n.delivered.Load(),
		Directed: r.n.directed.Load(), Foreign: r.n.foreign.Load(), Denied: r.n.denied.Load(),
		Control: r.n.control.Load(), Waiting: r.waiting.count(), Emergencies: r.alerts.count(),
	}
}

// wake makes the owner of c look, now or when it is done with what it does.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// userKey names the account behind id, as login names are compared; "" for who
// has none.
func userKey(id auth.Identity) string {
	if id.System {
		return ""
	}
	return strings.ToLower(id.User)
}

// trusted reports whether id is a part of this server, which may speak for
// anybody.
func trusted(id auth.Identity) bool { return id.System && id.IsAdmin() }

// mayRead reports whether id may see what was published to groups.
func mayRead(id auth.Identity, groups []string) bool {
	return auth.Allow(id, auth.Read, auth.Data("contact", groups)) == nil
}

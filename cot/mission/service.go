// Package mission keeps missions, which TAK calls Data Sync: named containers of
// CoT uids, files, notes and layers, with subscribers who are told of every
// change. It decides who may do what in a mission, stores it and tells the
// clients; the HTTP side is cot/marti/missions.
//
// A change is one transaction together with its record in the mission's history.
// It is on the disk before a method returns and before anybody is told of it;
// changes of one mission are told in the order of their transactions.
//
// Two rights meet here. The house's: a mission belongs to groups, and whoever may
// not read one of them does not learn that it exists; nothing is changed by
// somebody who may not publish to one of them. And TAK's: roles within a mission.
// Both must allow. Live delivery asks for the house's right anew each time, with
// what the receiving connection may read at that moment.
//
// A feed names one of the server's groups as its source. Who adds it must be able
// to read that group and to publish to it. While he can, events of the group that
// pass the filter go on to the subscribers who do not read the group themselves;
// they are not stored in the mission. Other sources are refused: there is nothing
// behind them.
package mission

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/cot/files"
	"muster/cot/history"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/limit"
	"muster/internal/store"
)

// Router is the part of cot.Router that reaches clients.
type Router interface {
	Notify(ev *wire.Event, uids ...string) []string
	Announce(ev *wire.Event, groups []string)
	Deliver(e *cot.Event, uids []string)
	Subscriptions(id auth.Identity) []cot.Subscription
	Endpoints(ctx context.Context, id auth.Identity, since time.Time) ([]cot.Contact, error)
}

// Files is the part of files.Service that missions need.
type Files interface {
	Lookup(ctx context.Context, id auth.Identity, hash string) (files.File, error)
	Put(ctx context.Context, id auth.Identity, m files.Meta, r io.Reader) (files.File, error)
	Open(hash string) (*os.File, int64, error)
	Delete(ctx context.Context, id auth.Identity, hash string) error
}

// Events is the part of history.Service that missions need.
type Events interface {
	Sync(ctx context.Context) error
	Newest(ctx context.Context, id auth.Identity, uid string) (history.Record, error)
}

// Deps is what the service needs of the house.
type Deps struct {
	DB     *store.DB
	Log    *slog.Logger
	Bus    *bus.Bus
	Router Router
	Files  Files
	Events Events
	// Rights returns the present rights of a user by name, for the feeds he has
	// added. Nil: feeds cannot be added and deliver nothing.
	Rights func(ctx context.Context, user string) (auth.Identity, error)
}

// FactChanged is the fact that a mission was created, changed or deleted; the
// data is Changed.
const FactChanged = "mission.changed"

// Changed is the data of FactChanged.
type Changed struct {
	Name   string `json:"name"`
	GUID   string `json:"guid"`
	Change string `json:"change"` // "CREATE", "CHANGE" or "DELETE"
}

// Stats counts since the start.
type Stats struct {
	Contributed int64 // events put into missions over streams
	Refused     int64 // events refused: no such mission, or no right
	Changes     int64 // entries made in histories
	Notified    int64 // notifications sent
	Fed         int64 // events that feeds passed on
}

const (
	expiryTick  = 15 * time.Second
	hashWaiters = 16 // password checks that may wait; the rest is refused
	orderLocks  = 64
)

// Service keeps the missions. All methods may be called from anywhere.
type Service struct {
	cfg    Config
	db     *store.DB
	log    *slog.Logger
	bus    *bus.Bus
	router Router
	files  Files
	events Events
	rights func(ctx context.Context, user string) (auth.Identity, error)

	key    []byte // of tokens
	hashes *limit.Hashes
	feeds  *feedIndex

	// Changes of one mission are made and told one after the other. Held during a
	// transaction and while its notifications are queued; never two at a time.
	order [orderLocks]sync.Mutex
	seed  maphash.Seed

	n struct{ contributed, refused, changes, notified, fed atomic.Int64 }
}

// New returns a service on db; it starts nothing.
func New(ctx context.Context, cfg Config, d Deps) (*Service, error) {
	if d.DB == nil || d.Log == nil || d.Bus == nil || d.Router == nil || d.Files == nil || d.Events == nil {
		return nil, errors.New("mission: db, log, bus, router, files and events are needed")
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("mission: %w", err)
	}
	key, err := d.DB.Key("mission")
	if err != nil {
		return nil, fmt.Errorf("mission: %w", err)
	}
	s := &Service{
		cfg: cfg, db: d.DB, log: d.Log.With("part", "mission"), bus: d.Bus, router: d.Router, files: d.Files, events: d.Events,
		rights: d.Rights, feeds: &feedIndex{queue: make(chan *cot.Event, feedQueue)}, key: key, hashes: limit.NewHashes(runtime.GOMAXPROCS(0), hashWaiters), seed: maphash.MakeSeed(),
	}
	if err := s.loadFeeds(ctx); err != nil {
		return nil, fmt.Errorf("mission: read the feeds: %w", err)
	}
	return s, nil
}

// Stats returns the counters.
func (s *Service) Stats() Stats {
	return Stats{
		Contributed: s.n.contributed.Load(), Refused: s.n.refused.Load(), Changes: s.n.changes.Load(),
		Notified: s.n.notified.Load(), Fed: s.n.fed.Load(),
	}
}

// lock serialises the changes of one mission.
func (s *Service) lock(guid string) *sync.Mutex {
	m := &s.order[maphash.String(s.seed, guid)%orderLocks]
	m.Lock()
	return m
}

// Package history keeps what was sent: a track row for every position with the
// newest one of each uid whole, every other event whole, and the chat with its
// receipts. It is written behind the routing, in batches, and never makes it
// wait; what could not be kept is counted.
//
// Who may read is decided by auth.Allow on the groups that something was
// published to. What was addressed to single clients is for its two ends only,
// administrators included; what was addressed to a mission is for those who may
// read the mission.
package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/internal/auth"
	"muster/internal/run"
	"muster/internal/store"
)

// The kinds of things that the history itself keeps.
const (
	KindPosition = "position" // reports of devices and sensors: types a-…, machine-made
	KindMarker   = "marker"   // everything that is none of the others
	KindChat     = "chat"
	KindAlert    = "alert" // types b-a-…
)

// ErrNotFound says that there is nothing, or nothing the caller may see.
var ErrNotFound = errors.New("not found")

// ErrInvalid is wrapped by refusals of what cannot be meant.
var ErrInvalid = errors.New("invalid")

// Missions is what the history must know of missions.
type Missions interface {
	// MayRead reports whether id may read the mission with that name or guid.
	MayRead(ctx context.Context, id auth.Identity, mission string) bool
	// HeldUIDs lists the uids that are content of a mission; their events stay.
	HeldUIDs(ctx context.Context) ([]string, error)
}

// Deps is what the history needs of the house.
type Deps struct {
	DB       *store.DB
	Log      *slog.Logger
	Missions Missions                // nil: there are none; may also be set later by SetMissions
	Owner    func(uid string) string // user of a uid that never sent anything, such as a user's pages; "" if unknown; may be nil
	Holders  []Holder                // other things that the rules of retention cover
}

// Service is the history. It implements cot.Recorder.
type Service struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	queue *intake
	n     counters

	// Owned by the writer goroutine.
	items     map[itemKey]*item
	devices   map[string]device
	callsigns map[string]string    // to the uid that last had it
	learning  map[string]deviceRow // devices that are to be written
	audiences map[string]int64
	dirty     map[itemKey]*item
	newest    map[itemKey]int64 // event that counts at present; 0: none
	batch     int               // events per transaction
	lastID    int64

	mu         sync.Mutex // guards what follows
	missions   Missions
	reads      map[itemKey]*item // positions that are newer than the database
	fresh      chan struct{}     // closed and replaced after each batch
	reschedule chan struct{}     // holds one

	cleaning sync.Mutex // held by a clean-up
}

type counters struct{ recorded, written, droppedPositions, droppedOthers, failed atomic.Int64 }

// Stats counts since the start.
type Stats struct {
	Recorded         int64 // events taken
	Written          int64 // of them, on disk
	DroppedPositions int64 // positions that found the queue full, or made room
	DroppedOthers    int64 // other events that found the queue full of their kind
	Failed           int64 // events that the database refused
	Waiting          int64 // in the queue now
}

// Stats returns the counters.
func (s *Service) Stats() Stats {
	n, _ := s.queue.waiting()
	return Stats{Recorded: s.n.recorded.Load(), Written: s.n.written.Load(), DroppedPositions: s.n.droppedPositions.Load(),
		DroppedOthers: s.n.droppedOthers.Load(), Failed: s.n.failed.Load(), Waiting: int64(n)}
}

// New returns the history of the database; it starts nothing. cfg must be valid.
func New(ctx context.Context, cfg Config, d Deps) (*Service, error) {
	if d.DB == nil || d.Log == nil {
		return nil, errors.New("history: database and log are needed")
	}
	s := &Service{
		cfg: cfg, deps: d, log: d.Log.With("part", "history"), missions: d.Missions,
		items: make(map[itemKey]*item), devices: make(map[string]device), callsigns: make(map[string]string), learning: make(map[string]deviceRow),
		audiences: make(map[string]int64), dirty: make(map[itemKey]*item), newest: make(map[itemKey]int64),
		reads: make(map[itemKey]*item), batch: startBatch, fresh: make(chan struct{}), reschedule: make(chan struct{}, 1),
	}
	s.queue = newIntake(cfg.QueueEvents, int(cfg.QueueSize), &s.n)
	if err := s.loadDevices(ctx); err != nil {
		return nil, fmt.Errorf("history: read the devices: %w", err)
	}
	return s, nil
}

// SetMissions is called once, before Run, where missions are made after the
// history.
func (s *Service) SetMissions(m Missions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missions = m
}

// Record implements cot.Recorder. It never blocks. When too much waits, the
// oldest positions make room; when no position waits, the new event is dropped.
func (s *Service) Record(e *cot.Event) {
	if !s.cfg.Enabled || e == nil || transient(e.Type) {
		return
	}
	s.n.recorded.Add(1)
	s.queue.put(e)
}

// Run writes and cleans up until ctx ends; what waits then is written first.
func (s *Service) Run(ctx context.Context) error {
	g := run.NewGroup(ctx, s.log, "history")
	g.Go(s.write)
	g.Go(s.cleanOnTime)
	<-ctx.Done()
	g.Wait()
	return nil
}

// Sync waits until everything recorded so far is on disk, or given up.
func (s *Service) Sync(ctx context.Context) error {
	goal := s.queue.taken()
	for {
		s.mu.Lock()
		fresh := s.fresh
		s.mu.Unlock()
		if s.queue.done() >= goal {
			return nil
		}
		s.queue.hurry()
		select {
		case <-fresh:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Service) tellFresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.fresh)
	s.fresh = make(chan struct{})
}

// now is the server's time in milliseconds.
func now() int64 { return time.Now().UnixMilli() }

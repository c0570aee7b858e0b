package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/store"
	"muster/media"
)

const (
	folder     = "recordings" // in the data directory
	stamp      = "20060102T150405.000Z"
	extension  = ".mp4"
	facts      = 256
	lookEvery  = 10 * time.Second // at the streams, should a fact have been lost
	syncEvery  = 3 * time.Second
	sweepEvery = time.Minute
	sweepFull  = 5 * time.Second        // while there is no room
	patience   = 3 * time.Second        // with the database, lest a recorder be late
	sweepPause = 200 * time.Millisecond // at least between two
)

// errRoom: the disk has less free space than must stay.
var errRoom = errors.New("there is not enough free space on the disk")

// Deps is what the manager needs of the house.
type Deps struct {
	Router *media.Router
	DB     *store.DB
	Bus    *bus.Bus
	Log    *slog.Logger

	// Free measures the free bytes of the disk that dir is on; nil asks the system.
	Free func(dir *os.File) (int64, error)
}

// Stats counts since the start of the server.
type Stats struct {
	Recorders int64 // streams being recorded
	Files     int64 // files begun
	Bytes     int64 // written
	BadUnits  int64 // access units that could not be written
	Failures  int64 // files ended by an error
	Removed   int64 // recordings removed because of age or for room
	Full      int64 // 1 while recording has stopped because there is no room
}

type counters struct {
	files, bytes, badUnits, failures, removed atomic.Int64
}

// Manager records streams and keeps their files. Make it with New.
type Manager struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	index index
	root  *os.Root
	dir   *os.File // of root
	n     counters

	full  atomic.Bool  // recorders write nothing until there is room
	total atomic.Int64 // bytes of all files, as of the last sweep and what came since

	look  chan struct{} // holds one notice that streams are to be looked at
	clear chan struct{} // holds one notice that room is to be made

	mu        sync.Mutex                  // guards what follows
	recorders map[*media.Stream]*recorder // of streams that are live
	switched  map[*media.Stream]bool      // by hand, until the stream ends
	writing   map[string]*segment         // by id; those whose file is open
}

// New returns a manager that records nothing until Run. cfg must be valid. The
// owner calls Close.
func New(cfg Config, d Deps) (*Manager, error) {
	if d.Router == nil || d.DB == nil || d.Bus == nil || d.Log == nil {
		return nil, errors.New("record: router, database, bus and log are needed")
	}
	if d.Free == nil {
		d.Free = freeBytes
	}
	at := filepath.Join(d.DB.Dir(), folder)
	if err := os.MkdirAll(at, 0o700); err != nil {
		return nil, fmt.Errorf("record: make the folder of recordings: %w", err)
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, fmt.Errorf("record: open the folder of recordings: %w", err)
	}
	dir, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record: open the folder of recordings: %w", err), root.Close())
	}
	return &Manager{
		cfg: cfg, deps: d, log: d.Log.With("part", "record"), index: index{d.DB}, root: root, dir: dir,
		look: make(chan struct{}, 1), clear: make(chan struct{}, 1),
		recorders: make(map[*media.Stream]*recorder), switched: make(map[*media.Stream]bool), writing: make(map[string]*segment),
	}, nil
}

// Close gives the folder of recordings back. Run has returned.
func (m *Manager) Close() error { return errors.Join(m.dir.Close(), m.root.Close()) }

// Stats returns the present counts.
func (m *Manager) Stats() Stats {
	s := Stats{Files: m.n.files.Load(), Bytes: m.n.bytes.Load(), BadUnits: m.n.badUnits.Load(), Failures: m.n.failures.Load(), Removed: m.n.removed.Load()}
	if m.full.Load() {
		s.Full = 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.recorders {
		if !r.unfit.Load() {
			s.Recorders++
		}
	}
	return s
}

// Run records until ctx ends; the files that are open then are ended well.
func (m *Manager) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, m.log, "record")
	defer func() {
		cancel()
		g.Wait()
		m.forget()
	}()
	sub := m.deps.Bus.Subscribe(facts)
	defer sub.Close()
	if err := m.adopt(ctx); err != nil && ctx.Err() == nil {
		m.log.Error("look for files that the index does not know", "error", err)
	}
	m.sweep(ctx, time.Now())
	g.Go(m.sweepLoop)
	g.Go(m.syncLoop)
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		m.reconcile(ctx, g)
		if !m.news(ctx, sub, t.C) {
			return nil
		}
	}
}

// news waits until the streams are to be looked at; false means that ctx ended.
func (m *Manager) news(ctx context.Context, sub *bus.Subscription, tick <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-m.look:
			return true
		case <-tick:
			return true
		case f := <-sub.C:
			if strings.HasPrefix(f.Kind, "stream.") {
				return true
			}
		}
	}
}

// forget drops the recorders of a Run that is over.
func (m *Manager) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.recorders)
	clear(m.writing)
}

// Look makes the manager look at the streams again, because the settings of paths
// have changed.
func (m *Manager) Look() { notify(m.look) }

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a notice is there already
	}
}

// reconcile starts and stops recorders so that they match what is wanted.
func (m *Manager) reconcile(ctx context.Context, g *run.Group) {
	live := make(map[*media.Stream]bool)
	var stop, began []*recorder
	m.mu.Lock()
	for _, s := range m.deps.Router.List(auth.System("record")) {
		live[s] = true
		r := m.recorders[s]
		switch want := m.wanted(s); {
		case want && r == nil:
			if r = m.start(ctx, g, s); r != nil {
				m.recorders[s] = r
				began = append(began, r)
			}
		case !want && r != nil:
			delete(m.recorders, s)
			stop = append(stop, r)
		}
	}
	for s := range m.recorders {
		if !live[s] { // it ends by itself, with the stream
			delete(m.recorders, s)
		}
	}
	for s := range m.switched {
		if !live[s] {
			delete(m.switched, s)
		}
	}
	m.mu.Unlock()
	for _, r := range stop {
		r.cancel()
		<-r.done
		m.log.Info("recording ends", "stream", r.stream.Name.String())
		m.tellStream(r.stream, "off")
	}
	for _, r := range began {
		m.log.Info("recording begins", "stream", r.stream.Name.String(), "user", r.stream.User)
		m.tellStream(r.stream, "on")
	}
}

// wanted reports whether s is to be recorded; mu is held.
func (m *Manager) wanted(s *media.Stream) bool {
	if on, ok := m.switched[s]; ok {
		return on
	}
	return m.deps.Router.Path(s.Name).Record
}

// start starts a recorder; nil if the stream has just ended.
func (m *Manager) start(ctx context.Context, g *run.Group, s *media.Stream) *recorder {
	reader, err := m.deps.Router.Tap(s, media.StartLastKey)
	if err != nil {
		return nil
	}
	r := &recorder{m: m, stream: s, reader: reader, log: m.log.With("stream", s.Name.String()), done: make(chan struct{})}
	ctx, r.cancel = context.WithCancel(ctx)
	ok := g.Go(func(context.Context) {
		defer close(r.done)
		defer r.cancel()
		defer r.reader.Close(nil)
		r.run(ctx)
	})
	if !ok {
		r.cancel()
		reader.Close(nil)
		return nil
	}
	return r
}

// Switch begins or ends the recording of a live stream until the stream ends,
// whatever the configuration says. The error is ErrUnfit for a stream that cannot
// be recorded.
func (m *Manager) Switch(s *media.Stream, on bool, by string) error {
	if on {
		formats := (&recorder{stream: s}).formats()
		if _, lead, _ := choose(formats); lead < 0 {
			return ErrUnfit
		}
	}
	m.mu.Lock()
	m.switched[s] = on
	m.mu.Unlock()
	m.log.Info("recording is switched by hand", "stream", s.Name.String(), "on", on, "user", by)
	m.Look()
	return nil
}

// Recorded reports whether s is recorded, or is about to be.
func (m *Manager) Recorded(s *media.Stream) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.recorders[s]; r != nil && r.unfit.Load() {
		return false
	}
	return m.wanted(s)
}

func (m *Manager) tell(r Recording, change string) {
	m.deps.Bus.Publish(bus.Fact{Kind: FactChanged, Data: Changed{Stream: r.Stream, Change: change, ID: r.ID}, Groups: r.Groups})
}

func (m *Manager) tellStream(s *media.Stream, change string) {
	m.tell(Recording{Stream: s.Name.String(), Groups: append([]string{}, s.Groups...)}, change)
}

// syncLoop puts what is written on the disk every few seconds, so that recorders
// need not wait for it.
func (m *Manager) syncLoop(ctx context.Context) {
	t := time.NewTicker(syncEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		m.mu.Lock()
		all := make([]*recorder, 0, len(m.recorders))
		for _, r := range m.recorders {
			all = append(all, r)
		}
		m.mu.Unlock()
		for _, r := range all {
			r.sync()
		}
	}
}

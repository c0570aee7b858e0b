// Package ts receives MPEG transport streams over UDP, from cameras and encoders
// that send without asking: for each path whose source is udp+mpegts://… it
// listens and publishes what comes. It sends nothing.
package ts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
)

// Config is the section media.ts.
type Config struct {
	Timeout    time.Duration `yaml:"timeout" doc:"A source that sends nothing for this long is no longer live; it is again when something comes."`
	ReadBuffer int           `yaml:"readBuffer" doc:"Bytes that the system keeps per source for bursts."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{Timeout: 5 * time.Second, ReadBuffer: 2 << 20}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if c.Timeout < 100*time.Millisecond {
		return errors.New("timeout: at least 100ms")
	}
	if c.ReadBuffer < 64<<10 {
		return errors.New("readBuffer: at least 65536")
	}
	return nil
}

// Deps is what the server needs of the house.
type Deps struct {
	Router *media.Router
	Doors  *run.Doors
	Log    *slog.Logger
}

// Stats counts since the start of the server.
type Stats struct {
	Sources   int64 // configured
	Live      int64 // of those, publishing now
	Datagrams int64 // taken
	Dropped   int64 // datagrams of strangers, or that are no transport stream
	BytesIn   int64
}

type counters struct {
	sources, live, datagrams, dropped, bytesIn atomic.Int64
}

// Server receives from all configured sources. Make it with New.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	n    counters

	mu      sync.Mutex // guards wanted
	wanted  map[string]source
	changed chan struct{} // holds one notice that wanted is new
}

// New returns a server; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Router == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("ts: router, doors and log are needed")
	}
	return &Server{
		cfg: cfg, deps: deps, log: deps.Log.With("part", "ts"),
		wanted: make(map[string]source), changed: make(chan struct{}, 1),
	}, nil
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	return Stats{
		Sources: s.n.sources.Load(), Live: s.n.live.Load(), Datagrams: s.n.datagrams.Load(),
		Dropped: s.n.dropped.Load(), BytesIn: s.n.bytesIn.Load(),
	}
}

// SetPaths says which sources there are: the paths whose Source is for this
// package. A source whose address did not change goes on undisturbed. The error
// tells what is wrong with some; the others count.
func (s *Server) SetPaths(paths map[string]media.PathConfig) error {
	wanted := make(map[string]source)
	var errs []error
	for name, p := range paths {
		if !Mine(p.Source) {
			continue
		}
		src, err := parseSource(p.Source)
		if _, nerr := safename.Parse(name); nerr != nil {
			err = errors.Join(err, nerr)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("path %s: %w", name, err))
			continue
		}
		wanted[name] = src
	}
	s.mu.Lock()
	s.wanted = wanted
	s.mu.Unlock()
	s.n.sources.Store(int64(len(wanted)))
	select {
	case s.changed <- struct{}{}:
	default: // a notice is there already
	}
	return errors.Join(errs...)
}

// worker receives from one source until it is cancelled.
type worker struct {
	src    source
	cancel context.CancelFunc
	done   chan struct{}
}

// Run receives until ctx ends. A source whose address cannot be had is tried
// again and again; it does not end Run.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.log, "ts")
	defer func() {
		cancel()
		g.Wait()
	}()
	workers := make(map[string]*worker)
	for {
		s.reconcile(ctx, g, workers)
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		}
	}
}

// reconcile ends workers that are not wanted any more and starts new ones.
func (s *Server) reconcile(ctx context.Context, g *run.Group, workers map[string]*worker) {
	s.mu.Lock()
	wanted := maps.Clone(s.wanted)
	s.mu.Unlock()
	var ended []*worker
	for name, w := range workers {
		if src, ok := wanted[name]; !ok || src != w.src {
			w.cancel()
			ended = append(ended, w)
			delete(workers, name)
		}
	}
	for _, w := range ended { // their ports may be wanted anew
		<-w.done
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if workers[name] != nil {
			continue
		}
		wctx, cancel := context.WithCancel(ctx)
		w := &worker{src: wanted[name], cancel: cancel, done: make(chan struct{})}
		ok := g.Go(func(context.Context) {
			defer close(w.done)
			defer cancel()
			s.receive(wctx, safename.MustParse(name), w.src)
		})
		if !ok {
			cancel()
			return
		}
		workers[name] = w
	}
}

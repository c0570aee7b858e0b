// Package pull makes the server itself fetch streams and publish them: those
// that the configuration names, and those that TAK clients put on the video list.
// It knows no protocol; each brings a Scheme. It does not listen: what arrives
// without being asked for is for package ts.
//
// A source is connected to for as long as it is wanted, whether anybody watches
// or not, and again and again when it is away, with pauses from 2 to 30 seconds.
package pull

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
)

// The errors of Pull.
var (
	// ErrScheme refuses addresses that no Scheme is for.
	ErrScheme = errors.New("the server cannot fetch from this kind of address")
	// ErrFull: as many streams are fetched as may be.
	ErrFull = errors.New("as many streams are fetched as the configuration allows")
	// ErrTaken: the configuration says where the stream of that name comes from.
	ErrTaken = errors.New("the configuration names another source for this stream")
)

// Deps is what the manager needs of the house.
type Deps struct {
	Router  *media.Router
	Schemes map[string]Scheme // by scheme, such as "rtsp"
	Log     *slog.Logger

	// Resolve resolves the hosts of configured sources, Guard those of sources that
	// users have named: it refuses what the server must not connect to.
	Resolve, Guard func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Stats counts since the start of the server.
type Stats struct {
	Configured int64 // sources that the configuration names
	Listed     int64 // sources of the video list
	Live       int64 // of both, publishing now
	Attempts   int64 // connections tried
	Failures   int64 // of those, without a stream coming of it
}

type counters struct {
	live, attempts, failures atomic.Int64
}

// spec is one source that is wanted. Specs that are equal go on undisturbed.
type spec struct {
	address     string
	fingerprint string
	groups      string // joined
	owner       string // who has put it on the video list
	listed      bool
}

// Manager fetches all sources. Make it with New.
type Manager struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	n    counters

	mu         sync.Mutex          // guards what follows
	configured map[string]spec     // by name
	taken      map[string]struct{} // names whose source is for another package
	listed     map[string]spec
	changed    chan struct{} // holds one notice that something above is new
}

// New returns a manager without sources; it connects to nothing. cfg must be
// valid.
func New(cfg Config, d Deps) (*Manager, error) {
	if d.Router == nil || d.Log == nil || d.Resolve == nil || d.Guard == nil {
		return nil, errors.New("pull: router, log, Resolve and Guard are needed")
	}
	return &Manager{
		cfg: cfg, deps: d, log: d.Log.With("part", "pull"), changed: make(chan struct{}, 1),
		configured: make(map[string]spec), taken: make(map[string]struct{}), listed: make(map[string]spec),
	}, nil
}

// Stats returns the present counts.
func (m *Manager) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Stats{Configured: int64(len(m.configured)), Listed: int64(len(m.listed)), Live: m.n.live.Load(),
		Attempts: m.n.attempts.Load(), Failures: m.n.failures.Load()}
}

// Check reports what is wrong with the source of a path: the error wraps
// ErrScheme when no scheme is for it. It does not hold the address.
func Check(schemes map[string]Scheme, p media.PathConfig) error {
	s, u, err := find(schemes, p.Source)
	if err != nil {
		return err
	}
	if p.SourceFingerprint != "" && !secure(u) {
		return fmt.Errorf("pull: sourceFingerprint is for sources on TLS, not for %s", u.Scheme)
	}
	return s.Check(u)
}

func secure(u *url.URL) bool {
	return u.Scheme == "rtsps" || u.Scheme == "rtmps" || u.Scheme == "https"
}

// find returns the scheme of an address. Errors of url.Parse would hold the
// address and the password in it.
func find(schemes map[string]Scheme, address string) (Scheme, *url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Hostname() == "" {
		return Scheme{}, nil, errors.New("pull: this is not a whole address such as rtsp://192.168.8.7/stream1")
	}
	s, ok := schemes[u.Scheme]
	if !ok {
		return Scheme{}, nil, fmt.Errorf("pull: %w: it can from %s", ErrScheme, strings.Join(slices.Sorted(maps.Keys(schemes)), ", "))
	}
	return s, u, nil
}

// SetPaths says what the configuration names: the paths with a source that a
// scheme is for. Other sources are somebody else's; their names are only kept
// from the video list. A source that did not change goes on undisturbed. The
// error tells what is wrong with some; the others count.
func (m *Manager) SetPaths(paths map[string]media.PathConfig) error {
	configured, taken := make(map[string]spec), make(map[string]struct{})
	var errs []error
	for name, p := range paths {
		if p.Source == "" {
			continue
		}
		err := Check(m.deps.Schemes, p)
		if _, nerr := safename.Parse(name); nerr != nil {
			err = errors.Join(err, nerr)
		}
		switch {
		case errors.Is(err, ErrScheme):
			taken[name] = struct{}{}
		case err != nil:
			errs = append(errs, fmt.Errorf("path %s: %w", name, err))
		default:
			configured[name] = spec{address: p.Source, fingerprint: fingerprint(p.SourceFingerprint), groups: joined(p.Groups)}
		}
	}
	m.mu.Lock()
	m.configured, m.taken = configured, taken
	m.mu.Unlock()
	m.notify()
	return errors.Join(errs...)
}

func fingerprint(s string) string { return strings.ToLower(strings.ReplaceAll(s, ":", "")) }

// Pull fetches a stream that a user has put on the video list and offers it as
// name to groups until Release; a second call for a name replaces the first. It
// does not wait for the stream. After an error nothing is fetched for the list
// under that name. The errors wrap ErrScheme, ErrFull, ErrTaken or
// safename.ErrInvalid, or say what is wrong with the address.
func (m *Manager) Pull(_ context.Context, name, address string, groups []string, owner string) error {
	want := spec{address: address, groups: joined(groups), owner: owner, listed: true}
	m.mu.Lock()
	err := m.may(name, want)
	if err == nil {
		m.listed[name] = want
	} else {
		delete(m.listed, name)
	}
	m.mu.Unlock()
	m.notify()
	return err
}

// may reports why a stream of the list is not fetched; mu is held.
func (m *Manager) may(name string, want spec) error {
	if _, err := safename.Parse(name); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	if want.groups == "" {
		return errors.New("pull: the stream belongs to no group")
	}
	s, u, err := find(m.deps.Schemes, want.address)
	if err == nil {
		err = s.Check(u)
	}
	if err != nil {
		return err
	}
	if _, ok := m.configured[name]; ok {
		return ErrTaken
	}
	if _, ok := m.taken[name]; ok {
		return ErrTaken
	}
	all, own := 0, 0
	for n, s := range m.listed {
		if n == name {
			continue
		}
		if all++; s.owner == want.owner {
			own++
		}
	}
	if all >= m.cfg.Limit || own >= m.cfg.PerUser {
		return ErrFull
	}
	return nil
}

// Release ends what Pull began; a name that is not fetched is no error.
func (m *Manager) Release(_ context.Context, name string) error {
	m.mu.Lock()
	delete(m.listed, name)
	m.mu.Unlock()
	m.notify()
	return nil
}

func joined(groups []string) string {
	return strings.Join(slices.Sorted(slices.Values(groups)), "\n")
}

func (m *Manager) notify() {
	select {
	case m.changed <- struct{}{}:
	default: // a notice is there already
	}
}

// wanted returns all sources by name. Those of the configuration win.
func (m *Manager) wanted() map[string]spec {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := maps.Clone(m.listed)
	for name := range m.taken {
		delete(out, name)
	}
	maps.Copy(out, m.configured)
	return out
}

// Run fetches until ctx ends. A source that cannot be had is tried again and
// again; it does not end Run.
func (m *Manager) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, m.log, "pull")
	defer func() {
		cancel()
		g.Wait()
	}()
	workers := make(map[string]*worker)
	for {
		m.reconcile(ctx, g, workers)
		select {
		case <-ctx.Done():
			return nil
		case <-m.changed:
		}
	}
}

// reconcile ends workers that are not wanted any more and starts new ones.
func (m *Manager) reconcile(ctx context.Context, g *run.Group, workers map[string]*worker) {
	wanted := m.wanted()
	var ended []*worker
	for name, w := range workers {
		if s, ok := wanted[name]; !ok || s != w.spec {
			w.cancel()
			ended = append(ended, w)
			delete(workers, name)
		}
	}
	for _, w := range ended { // their names may be wanted anew
		<-w.done
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if workers[name] != nil {
			continue
		}
		w := &worker{m: m, name: safename.MustParse(name), spec: wanted[name], done: make(chan struct{})}
		var wctx context.Context
		wctx, w.cancel = context.WithCancel(ctx)
		ok := g.Go(func(context.Context) {
			defer close(w.done)
			defer w.cancel()
			w.run(wctx)
		})
		if !ok {
			w.cancel()
			return
		}
		workers[name] = w
	}
}

func decode(fingerprint string) []byte {
	if b, err := hex.DecodeString(fingerprint); err == nil && len(b) > 0 {
		return b
	}
	return nil
}

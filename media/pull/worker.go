package pull

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/internal/safename"
)

const (
	firstPause = 2 * time.Second
	lastPause  = 30 * time.Second
	// settled is how long a stream must have been live for the next pause to be
	// short again: what is cut off at once is not asked for every two seconds.
	settled = 10 * time.Second
)

// worker fetches one source until it is cancelled.
type worker struct {
	m      *Manager
	name   safename.Name
	spec   spec
	cancel context.CancelFunc
	done   chan struct{}
}

// run tries again and again.
func (w *worker) run(ctx context.Context) {
	log := w.m.log.With("stream", w.name.String())
	if w.spec.owner != "" {
		log = log.With("user", w.spec.owner)
	}
	said := ""
	wait := firstPause
	for ctx.Err() == nil {
		lived, err := w.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		if lived > settled {
			wait = firstPause
		}
		if lived > 0 {
			said = ""
			log.Info("a source ended; connecting anew", "after", lived.Round(time.Second), "reason", err)
		} else if text := err.Error(); text != said { // once, not at every attempt
			said = text
			log.Warn("a stream cannot be fetched; trying again and again", "error", err)
		}
		pause(ctx, wait+rand.N(wait/4))
		wait = min(2*wait, lastPause)
	}
}

var errPanic = errors.New("an error of the server itself")

// attempt fetches once and returns how long the stream was live, 0 if it never
// was.
func (w *worker) attempt(ctx context.Context) (lived time.Duration, err error) {
	m := w.m
	m.n.attempts.Add(1)
	j := &Job{
		Timeout: m.cfg.Timeout, Fingerprint: decode(w.spec.fingerprint), Log: m.log.With("stream", w.name.String()),
		Resolve: m.deps.Resolve, router: m.deps.Router, identity: auth.System("source"), name: w.name, live: &m.n.live,
	}
	if w.spec.listed {
		j.Resolve, j.identity, j.groups = m.deps.Guard, auth.System("pull"), strings.Split(w.spec.groups, "\n")
	}
	defer func() {
		if at := j.since.Load(); at != nil {
			lived = max(time.Since(*at), 1)
			m.n.live.Add(-1)
		} else {
			m.n.failures.Add(1)
		}
	}()
	defer run.Recover(m.log, "pull") // what a source sends costs only itself
	err = errPanic
	// Nothing is fetched that could not be published.
	if berr := m.deps.Router.MayBegin(j.identity, w.name); berr != nil {
		return 0, berr
	}
	s, u, ferr := find(m.deps.Schemes, w.spec.address)
	if ferr != nil {
		return 0, ferr
	}
	j.URL = u
	return 0, s.Fetch(ctx, j)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

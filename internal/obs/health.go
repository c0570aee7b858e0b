package obs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/internal/obs/redact"
	"muster/internal/run"
)

const (
	checkTimeout = 2 * time.Second
	// checkKeep is how long a result is given out again: whoever asks more
	// often, asks nothing of the parts.
	checkKeep = time.Second
)

// Check says what is wrong with a part; nil when it works. It ends soon after
// ctx does.
type Check func(ctx context.Context) error

// PartHealth is the state of one part.
type PartHealth struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Required bool   `json:"required"` // the server is not ready without it
	Reason   string `json:"reason,omitempty"`
}

// Report is the state of the server.
type Report struct {
	Ready  bool         `json:"ready"`
	Reason string       `json:"reason,omitempty"` // when it is not a part's
	Parts  []PartHealth `json:"parts"`
}

var (
	errStillRunning = errors.New("the check before has not come back yet")
	errCheckPanic   = errors.New("the check failed")
)

// Health asks the parts how they are.
type Health struct {
	log *slog.Logger

	asking chan struct{} // filled while the checks run: requests share one round

	mu       sync.Mutex // guards the fields below
	checks   []*check
	stopping bool
	last     Report
	lastAt   time.Time
}

type check struct {
	name     string
	required bool
	run      Check
	busy     sync.Mutex // held while run runs: a check that hangs is not started twice
}

// NewHealth returns a Health without checks, which is ready.
func NewHealth(log *slog.Logger) *Health { return &Health{log: log, asking: make(chan struct{}, 1)} }

// Add adds the check of a part. Required ones decide about readiness; the
// others are shown.
func (h *Health) Add(name string, required bool, c Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, &check{name: name, required: required, run: c})
	h.lastAt = time.Time{}
}

// SetStopping makes the server not ready, so that a load balancer sends no new
// clients while the old ones are served to their end.
func (h *Health) SetStopping() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopping = true
	h.lastAt = time.Time{}
}

// Report runs the checks, all at once, for at most two seconds; a result
// younger than a second is returned again.
func (h *Health) Report(ctx context.Context) Report {
	h.asking <- struct{}{}
	defer func() { <-h.asking }()
	h.mu.Lock()
	checks, stopping, last, age := slices.Clone(h.checks), h.stopping, h.last, time.Since(h.lastAt)
	h.mu.Unlock()
	if age >= 0 && age < checkKeep {
		return last
	}

	// The result serves others, too: it does not end with this request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	results := make([]chan error, len(checks))
	for i, c := range checks {
		results[i] = h.start(ctx, c)
	}
	r := Report{Ready: !stopping, Parts: make([]PartHealth, 0, len(checks))}
	if stopping {
		r.Reason = "the server is stopping"
	}
	for i, c := range checks {
		p := PartHealth{Name: c.name, OK: true, Required: c.required}
		if err := wait(ctx, results[i]); err != nil {
			p.OK, p.Reason = false, redact.String(err.Error())
			r.Ready = r.Ready && !c.required
		}
		r.Parts = append(r.Parts, p)
	}
	slices.SortFunc(r.Parts, func(a, b PartHealth) int { return strings.Compare(a.Name, b.Name) })
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping == stopping && len(h.checks) == len(checks) {
		h.last, h.lastAt = r, time.Now()
	}
	return r
}

// start runs c in a goroutine of its own, which ends when the check does.
func (h *Health) start(ctx context.Context, c *check) chan error {
	result := make(chan error, 1)
	if !c.busy.TryLock() {
		result <- errStillRunning
		return result
	}
	go func() {
		defer c.busy.Unlock()
		err := errCheckPanic
		defer func() { result <- err }()
		defer run.Recover(h.log, c.name)
		err = c.run(ctx)
	}()
	return result
}

func wait(ctx context.Context, result chan error) error {
	select {
	case err := <-result:
		return err
	default:
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no answer within %s", checkTimeout)
	}
}

// Live serves /healthz: 200 as long as the process serves at all. It says
// nothing about the parts, so that nobody restarts a server because its
// database is away.
func (h *Health) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !getOnly(w, r) {
			return
		}
		writeJSON(w, http.StatusOK, map[string]bool{"alive": true})
	})
}

// Ready serves /readyz: 200 when every required part works, else 503. With
// detail the answer lists the parts and their reasons; without, which is for
// doors that strangers reach, it only says whether the server is ready.
func (h *Health) Ready(detail bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !getOnly(w, r) {
			return
		}
		report := h.Report(r.Context())
		status := http.StatusOK
		if !report.Ready {
			status = http.StatusServiceUnavailable
		}
		if !detail {
			writeJSON(w, status, map[string]bool{"ready": report.Ready})
			return
		}
		writeJSON(w, status, report)
	})
}

func getOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	return false
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone needs no answer
}

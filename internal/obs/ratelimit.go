package obs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// The limits of repeated warnings: a flood by a peer must not fill the disk.
const (
	repeatWindow = 10 * time.Second
	repeatMax    = 10   // of one message of one part in a window
	repeatKeys   = 1024 // different messages remembered; further ones share one window
	sweepEvery   = time.Second
)

// repeatKey is what makes two warnings the same.
type repeatKey struct{ part, msg string }

// overflow is the window of all messages beyond repeatKeys.
var overflow = repeatKey{"", "further warnings of many kinds"}

// repeats counts warnings; all handlers of one logger share it.
type repeats struct {
	mu      sync.Mutex // guards the fields below
	windows map[repeatKey]*window
	swept   time.Time
}

type window struct {
	begin      time.Time
	passed     int
	suppressed int
}

// limiter passes everything to next except warnings that repeat too often. A
// window that suppressed some is summed up in one line when it is over; that
// line comes with the next line of any kind, so no timer runs.
type limiter struct {
	next    slog.Handler
	root    slog.Handler // next without attributes, for the sums
	repeats *repeats
	part    string // of WithAttrs
	grouped bool   // attributes added from here on are inside a group: none of them is our part
}

func newLimiter(next slog.Handler) *limiter {
	return &limiter{next: next, root: next, repeats: &repeats{windows: make(map[repeatKey]*window)}}
}

// Enabled implements slog.Handler.
func (h *limiter) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// WithAttrs implements slog.Handler.
func (h *limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.next = h.next.WithAttrs(attrs)
	if !h.grouped {
		for _, a := range attrs {
			c.part = partOf(a, c.part)
		}
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *limiter) WithGroup(name string) slog.Handler {
	c := *h
	c.next = h.next.WithGroup(name)
	c.grouped = c.grouped || name != ""
	return &c
}

func partOf(a slog.Attr, before string) string {
	if a.Key == "part" && a.Value.Kind() == slog.KindString {
		return a.Value.String()
	}
	return before
}

// Handle implements slog.Handler.
func (h *limiter) Handle(ctx context.Context, r slog.Record) error {
	now := r.Time
	if now.IsZero() {
		now = time.Now()
	}
	for _, sum := range h.repeats.sweep(now) {
		if err := h.root.Handle(ctx, sum); err != nil {
			return err
		}
	}
	if r.Level == slog.LevelWarn {
		part := h.part
		if !h.grouped {
			r.Attrs(func(a slog.Attr) bool {
				part = partOf(a, part)
				return true
			})
		}
		if !h.repeats.pass(repeatKey{part, r.Message}, now) {
			return nil
		}
	}
	return h.next.Handle(ctx, r)
}

// pass counts one warning and reports whether it is written.
func (s *repeats) pass(k repeatKey, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.windows[k]
	if w == nil && len(s.windows) >= repeatKeys {
		k = overflow
		w = s.windows[k]
	}
	if w == nil {
		w = &window{begin: now}
		s.windows[k] = w
	}
	if w.passed < repeatMax {
		w.passed++
		return true
	}
	w.suppressed++
	return false
}

// sweep forgets the windows that are over and returns a line for each that
// suppressed something. It looks at most once a second.
func (s *repeats) sweep(now time.Time) []slog.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := now.Sub(s.swept)
	if since >= 0 && since < sweepEvery {
		return nil
	}
	s.swept = now
	var sums []slog.Record
	for k, w := range s.windows {
		age := now.Sub(w.begin)
		if age >= 0 && age < repeatWindow {
			continue
		}
		if w.suppressed > 0 {
			r := slog.NewRecord(now, slog.LevelWarn, k.msg, 0)
			r.AddAttrs(slog.String("part", k.part), slog.Int("suppressed", w.suppressed))
			sums = append(sums, r)
		}
		delete(s.windows, k)
	}
	return sums
}

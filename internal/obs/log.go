// Package obs is what the server shows of itself: logs, metrics, health, and
// its state towards systemd.
//
// Every part logs with slog and the attributes part, conn, user and remote, and
// counts with metrics whose names begin with muster_. What is a fact for other
// parts travels on the bus, not through here.
package obs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"muster/internal/obs/redact"
)

// LogConfig says what is logged and how.
type LogConfig struct {
	Level  string `yaml:"level" doc:"The least important lines that are written: debug, info, warn or error."`
	Format string `yaml:"format" doc:"text for people, json for collectors, auto for text on a terminal and JSON elsewhere."`
}

// DefaultLogConfig logs sessions and faults, not messages.
func DefaultLogConfig() LogConfig { return LogConfig{Level: "info", Format: "auto"} }

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Validate checks c.
func (c LogConfig) Validate() error {
	var errs []error
	if _, ok := levels[c.Level]; !ok {
		errs = append(errs, errors.New("level: must be debug, info, warn or error"))
	}
	if !slices.Contains([]string{"auto", "text", "json"}, c.Format) {
		errs = append(errs, errors.New("format: must be auto, text or json"))
	}
	return errors.Join(errs...)
}

// SlogLevel is c.Level for a slog.LevelVar, to follow a reload.
func (c LogConfig) SlogLevel() slog.Level { return levels[c.Level] }

// NewLogger returns a logger that writes to w, and the level by which it can be
// changed while running. Values that look like secrets are masked, and a Warn
// that repeats is written ten times in ten seconds and then counted.
func NewLogger(cfg LogConfig, w io.Writer, isTerminal bool) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(cfg.SlogLevel())
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler
	if cfg.Format == "json" || cfg.Format != "text" && !isTerminal {
		h = slog.NewJSONHandler(w, opts)
	} else {
		h = slog.NewTextHandler(w, opts)
	}
	return slog.New(newLimiter(redactor{h})), level
}

// redactor masks secrets in everything that goes to next.
type redactor struct{ next slog.Handler }

// Enabled implements slog.Handler.
func (h redactor) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h redactor) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, redact.String(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(cleanAttr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (h redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = cleanAttr(a)
	}
	return redactor{h.next.WithAttrs(clean)}
}

// WithGroup implements slog.Handler.
func (h redactor) WithGroup(name string) slog.Handler { return redactor{h.next.WithGroup(name)} }

// cleanAttr masks a by its key, or what it recognises in its value.
func cleanAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	secret := redact.Key(a.Key)
	switch v.Kind() {
	case slog.KindString:
		if secret && v.String() != "" {
			return slog.String(a.Key, redact.Mask)
		}
		return slog.String(a.Key, redact.String(v.String()))
	case slog.KindGroup:
		if secret {
			return slog.String(a.Key, redact.Mask)
		}
		members := v.Group()
		clean := make([]slog.Attr, len(members))
		for i, m := range members {
			clean[i] = cleanAttr(m)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
	case slog.KindAny:
		if secret {
			return slog.String(a.Key, redact.Mask)
		}
		return cleanAny(a.Key, v.Any())
	}
	return slog.Attr{Key: a.Key, Value: v} // numbers, times, durations, booleans
}

// cleanAny turns a value of any type into text: a handler that looked into it
// by itself could find what no mask was put over.
func cleanAny(key string, v any) slog.Attr {
	switch t := v.(type) {
	case nil:
		return slog.Any(key, nil)
	case []byte:
		return slog.String(key, fmt.Sprintf("%d bytes", len(t)))
	case []string:
		clean := make([]string, len(t))
		for i, s := range t {
			clean[i] = redact.String(s)
		}
		return slog.Any(key, clean)
	}
	return slog.String(key, redact.String(strings.ToValidUTF8(fmt.Sprintf("%+v", v), "?")))
}

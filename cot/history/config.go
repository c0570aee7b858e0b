package history

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/internal/conf"
)

// Config is the section cot.history.
type Config struct {
	Enabled       bool          `yaml:"enabled" doc:"Whether events, tracks and chat are kept at all."`
	QueueEvents   int           `yaml:"queueEvents" doc:"How many events may wait to be written. Beyond it the oldest positions are dropped first, and counted."`
	QueueSize     conf.Size     `yaml:"queueSize" doc:"How much the events that wait to be written may take, besides their number."`
	FlushInterval time.Duration `yaml:"flushInterval" doc:"How long an event may wait for others that are written together with it."`
	Schedule      string        `yaml:"schedule" doc:"When old data is removed until somebody sets another time: 03:30 (daily, in the server's time zone), every 6h, a cron expression, or - for never."`
	Keep          Keep          `yaml:"keep" doc:"How long things are kept until somebody sets other rules; 0 means for ever."`
}

// Keep is how long each kind of thing is kept when the database holds no rule
// for it.
type Keep struct {
	Positions time.Duration `yaml:"positions" doc:"Tracks and latest positions."`
	Markers   time.Duration `yaml:"markers" doc:"Markers, drawings, routes and everything else that is sent."`
	Chat      time.Duration `yaml:"chat" doc:"Chat messages."`
	Alerts    time.Duration `yaml:"alerts" doc:"Emergencies that are over."`
	Files     time.Duration `yaml:"files" doc:"Uploaded files that no mission refers to."`
	Packages  time.Duration `yaml:"packages" doc:"Data packages that no mission refers to."`
	Missions  time.Duration `yaml:"missions" doc:"Missions in which nothing happens."`
}

const day = 24 * time.Hour

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled: true, QueueEvents: 20_000, QueueSize: 32 * conf.MiB, FlushInterval: 200 * time.Millisecond, Schedule: "03:30",
		Keep: Keep{Positions: 30 * day, Markers: 90 * day, Chat: 365 * day, Alerts: 365 * day},
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.QueueEvents < 1000 || c.QueueEvents > 1_000_000:
		return errors.New("queueEvents: from 1000 to 1000000")
	case c.QueueSize < 4*conf.MiB:
		return errors.New("queueSize: at least 4MiB")
	case c.FlushInterval < 10*time.Millisecond || c.FlushInterval > 10*time.Second:
		return errors.New("flushInterval: from 10ms to 10s")
	}
	if _, err := ParseSchedule(strings.TrimSpace(c.Schedule)); err != nil {
		return fmt.Errorf("schedule: %w", err)
	}
	k := c.Keep
	for _, d := range []time.Duration{k.Positions, k.Markers, k.Chat, k.Alerts, k.Files, k.Packages, k.Missions} {
		if d < 0 {
			return errors.New("keep: a duration cannot be negative")
		}
	}
	return nil
}

// rules returns the rules that hold where the database has none.
func (k Keep) rules() map[string]Rule {
	out := make(map[string]Rule)
	for _, e := range []struct {
		kind string
		keep time.Duration
	}{
		{KindPosition, k.Positions}, {KindMarker, k.Markers}, {KindChat, k.Chat}, {KindAlert, k.Alerts},
		{"file", k.Files}, {"package", k.Packages}, {"mission", k.Missions},
	} {
		out[e.kind] = Rule{Kind: e.kind, Days: e.keep.Hours() / 24}
	}
	return out
}

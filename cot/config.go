package cot

import (
	"errors"
	"fmt"
	"time"

	"muster/internal/conf"
)

// Config is the hub's own part of the section cot.
type Config struct {
	Anonymous       bool          `yaml:"anonymous" doc:"Whether clients on the plain port may connect without a login; they get the rights of anonymousGroup only."`
	AnonymousGroup  string        `yaml:"anonymousGroup" doc:"Group that clients without login publish to and receive."`
	MaxEvent        conf.Size     `yaml:"maxEvent" doc:"Largest event that is taken; larger ones are skipped, and the connection goes on."`
	QueueSize       conf.Size     `yaml:"queueSize" doc:"How much may wait for one client. Beyond it old positions are dropped; if that does not help for slowTimeout the client is disconnected."`
	SlowTimeout     time.Duration `yaml:"slowTimeout" doc:"How long a client's queue may be full of what must not be dropped before it is disconnected."`
	IdleTimeout     time.Duration `yaml:"idleTimeout" doc:"A TAK client that sends nothing for this long is disconnected; 0 never."`
	DisconnectDelay time.Duration `yaml:"disconnectDelay" doc:"How long a device may be gone before the others are told."`
	ReplayStale     bool          `yaml:"replayStale" doc:"Whether a new client is also sent the positions of connected devices that are past their stale time."`
	EmergencyPeriod time.Duration `yaml:"emergencyPeriod" doc:"Pause between repetitions of an emergency alert."`
	ChatKeep        time.Duration `yaml:"chatKeep" doc:"How long a chat message waits for somebody who is away; 0 answers with a failure at once."`
	DropStale       bool          `yaml:"dropStale" doc:"Whether events that are already stale when they arrive are dropped."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		AnonymousGroup: "team", MaxEvent: conf.MiB, QueueSize: 4 * conf.MiB, SlowTimeout: 15 * time.Second,
		IdleTimeout: 2 * time.Minute, DisconnectDelay: 5 * time.Second, ReplayStale: true,
		EmergencyPeriod: 3 * time.Second, ChatKeep: 7 * 24 * time.Hour,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.Anonymous && c.AnonymousGroup == "":
		return errors.New("anonymousGroup: name the group of clients without login")
	case c.MaxEvent < 64*conf.KiB || c.MaxEvent > 64*conf.MiB:
		return errors.New("maxEvent: from 64KiB to 64MiB")
	case c.QueueSize < 2*c.MaxEvent:
		return errors.New("queueSize: at least twice maxEvent")
	case c.SlowTimeout < time.Second:
		return errors.New("slowTimeout: at least 1s")
	case c.IdleTimeout != 0 && c.IdleTimeout < 10*time.Second:
		return errors.New("idleTimeout: 0 or at least 10s")
	case c.DisconnectDelay < 0 || c.DisconnectDelay > time.Minute:
		return errors.New("disconnectDelay: from 0s to 1m")
	case c.EmergencyPeriod < time.Second || c.EmergencyPeriod > time.Hour:
		return errors.New("emergencyPeriod: from 1s to 1h")
	case c.ChatKeep < 0:
		return fmt.Errorf("chatKeep: cannot be negative")
	}
	return nil
}

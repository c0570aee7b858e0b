package srt

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Config is the section media.srt.
type Config struct {
	Enabled     bool          `yaml:"enabled" doc:"Whether SRT is served at all."`
	Address     string        `yaml:"address" doc:"UDP address for SRT."`
	Latency     time.Duration `yaml:"latency" doc:"Time in which lost packets can be sent again; a caller that asks for more gets more."`
	Passphrase  string        `yaml:"passphrase" doc:"Passphrase (10 to 79 characters) for every stream whose path names none; empty means such streams are not encrypted."`
	IdleTimeout time.Duration `yaml:"idleTimeout" doc:"A caller that sends nothing, not even a sign of life, for this long is dropped."`
	MaxPending  int           `yaml:"maxPending" doc:"Callers whose login is being checked at one time; further ones are told to come back."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled:     true,
		Address:     ":8890",
		Latency:     120 * time.Millisecond,
		IdleTimeout: 5 * time.Second,
		MaxPending:  64,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if c.Latency < 20*time.Millisecond || c.Latency > 30*time.Second {
		return errors.New("latency: 20ms to 30s")
	}
	if n := len(c.Passphrase); n != 0 && (n < 10 || n > 79) {
		return errors.New("passphrase: 10 to 79 characters")
	}
	if c.IdleTimeout < time.Second {
		return errors.New("idleTimeout: at least 1s")
	}
	if c.MaxPending < 1 {
		return errors.New("maxPending: at least 1")
	}
	return nil
}

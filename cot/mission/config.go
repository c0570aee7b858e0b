package mission

import "errors"

// Config is the section cot.missions.
type Config struct {
	MaxItems    int `yaml:"maxItems" doc:"How many uids, and how many files, one mission may hold."`
	KeepChanges int `yaml:"keepChanges" doc:"How many entries of its history are kept for each mission; older ones are forgotten."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config { return Config{MaxItems: 20_000, KeepChanges: 50_000} }

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.MaxItems < 100 || c.MaxItems > 1_000_000:
		return errors.New("maxItems: from 100 to 1000000")
	case c.KeepChanges < 1000:
		return errors.New("keepChanges: at least 1000")
	}
	return nil
}

package pull

import (
	"errors"
	"time"
)

// Config is the section media.pull.
type Config struct {
	Limit   int           `yaml:"limit" doc:"Streams of the video list that are fetched at one time; further ones are on the list, but not fetched."`
	PerUser int           `yaml:"perUser" doc:"Of those, how many that the same user has put on the list."`
	Timeout time.Duration `yaml:"timeout" doc:"A source that does not answer or sends nothing for this long is connected to anew."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config { return Config{Limit: 50, PerUser: 10, Timeout: 10 * time.Second} }

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if c.Limit < 1 || c.PerUser < 1 {
		return errors.New("limit and perUser: at least 1")
	}
	if c.Timeout < time.Second {
		return errors.New("timeout: at least 1s")
	}
	return nil
}

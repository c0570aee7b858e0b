package files

import (
	"errors"

	"muster/internal/conf"
)

// Config is the section cot.files.
type Config struct {
	MaxSize      conf.Size `yaml:"maxSize" doc:"Largest file that clients may upload."`
	MaxTotal     conf.Size `yaml:"maxTotal" doc:"How much all files may take together; 0 as much as the disk holds."`
	Repositories []string  `yaml:"repositories" doc:"Addresses of further update servers that ATAK is told of."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config { return Config{MaxSize: 400 * conf.MiB} }

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.MaxSize < conf.MiB || c.MaxSize > 16*conf.GiB:
		return errors.New("maxSize: from 1MiB to 16GiB")
	case c.MaxTotal != 0 && c.MaxTotal < c.MaxSize:
		return errors.New("maxTotal: 0 or at least maxSize")
	}
	return nil
}

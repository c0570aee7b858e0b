package door

import (
	"errors"
	"fmt"
	"net/netip"
)

// Config is the section voice.ice.
type Config struct {
	Enabled     bool   `yaml:"enabled" doc:"Whether scripts made for murmur's Ice interface are served."`
	Listen      string `yaml:"listen" doc:"TCP address for them; one of this machine itself, because Ice is not encrypted. An external murmurd has the same by default."`
	ReadSecret  string `yaml:"readSecret" doc:"What calls that only read must bring along, at least 8 characters; empty: they need the writeSecret."`
	WriteSecret string `yaml:"writeSecret" doc:"What calls that change something must bring along, at least 8 characters. It also reads, and is shown to scripts that are called back."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config { return Config{Listen: "127.0.0.1:6502"} }

// minSecret is the length of the shortest secret taken.
const minSecret = 8

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if !c.Enabled {
		return nil
	}
	ap, err := netip.ParseAddrPort(c.Listen)
	switch {
	case err != nil:
		return fmt.Errorf("listen: %w", err)
	case !ap.Addr().IsLoopback():
		return errors.New("listen: only an address of this machine itself, such as 127.0.0.1:6502")
	case len(c.WriteSecret) < minSecret:
		return fmt.Errorf("writeSecret: at least %d characters", minSecret)
	case c.ReadSecret != "" && len(c.ReadSecret) < minSecret:
		return fmt.Errorf("readSecret: at least %d characters, or none", minSecret)
	}
	return nil
}

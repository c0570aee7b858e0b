package rtmp

import (
	"fmt"
	"net"
	"time"
)

// Config is the section media.rtmp.
type Config struct {
	Enabled          bool          `yaml:"enabled" doc:"Whether RTMP is served at all."`
	Address          string        `yaml:"address" doc:"TCP address for RTMP; empty switches it off."`
	TLSAddress       string        `yaml:"tlsAddress" doc:"TCP address for RTMP over TLS (rtmps); empty switches it off."`
	HandshakeTimeout time.Duration `yaml:"handshakeTimeout" doc:"Time a client has from connecting to saying what it wants to publish or play, and for its login."`
	ReadTimeout      time.Duration `yaml:"readTimeout" doc:"A publisher that sends nothing for this long is dropped."`
	WriteTimeout     time.Duration `yaml:"writeTimeout" doc:"A viewer whose connection takes no data for this long is dropped."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled:          true,
		Address:          ":1935",
		TLSAddress:       ":1936",
		HandshakeTimeout: 10 * time.Second,
		ReadTimeout:      10 * time.Second,
		WriteTimeout:     10 * time.Second,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	for _, a := range []struct{ key, addr string }{{"address", c.Address}, {"tlsAddress", c.TLSAddress}} {
		if a.addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return fmt.Errorf("%s: %w", a.key, err)
		}
	}
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"handshakeTimeout", c.HandshakeTimeout}, {"readTimeout", c.ReadTimeout}, {"writeTimeout", c.WriteTimeout}} {
		if d.d < time.Second {
			return fmt.Errorf("%s: at least 1s", d.key)
		}
	}
	return nil
}

package marti

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Config is the section cot.marti.
type Config struct {
	Address       string        `yaml:"address" doc:"Where the Marti API and the pages are served to clients with a certificate of this server; empty switches it off."`
	EnrolAddress  string        `yaml:"enrolAddress" doc:"Where clients without a certificate enrol, log in and use the Marti API with name and password or token over TLS; empty switches it off."`
	PlainAddress  string        `yaml:"plainAddress" doc:"Where the Marti API is served without TLS, for clients of the plain stream; passwords cross it readable. Empty switches it off."`
	StallTimeout  time.Duration `yaml:"stallTimeout" doc:"A transfer in which nothing moves for this long is cut off."`
	Drain         time.Duration `yaml:"drain" doc:"How long requests under way may go on when the server stops."`
	HandshakeTime time.Duration `yaml:"handshakeTimeout" doc:"How long a new connection may take for the TLS handshake and its first request."`
}

// DefaultConfig returns the ports that TAK clients expect.
func DefaultConfig() Config {
	return Config{
		Address: ":8443", EnrolAddress: ":8446", PlainAddress: ":8080",
		StallTimeout: 30 * time.Second, Drain: 3 * time.Second, HandshakeTime: 10 * time.Second,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	for _, a := range []struct{ key, address string }{
		{"address", c.Address}, {"enrolAddress", c.EnrolAddress}, {"plainAddress", c.PlainAddress},
	} {
		if a.address == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.address); err != nil {
			return fmt.Errorf("%s: write HOST:PORT or :PORT", a.key)
		}
	}
	switch {
	case c.StallTimeout < time.Second:
		return errors.New("stallTimeout: at least 1s")
	case c.HandshakeTime < time.Second:
		return errors.New("handshakeTimeout: at least 1s")
	case c.Drain < 0 || c.Drain > time.Minute:
		return errors.New("drain: from 0s to 1m")
	}
	return nil
}

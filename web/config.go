package web

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"muster/internal/limit"
	"muster/web/front"
	"muster/web/login"
	"muster/web/webhook"
)

// Config is the section web of the configuration.
type Config struct {
	Address         string            `yaml:"address" doc:"Where HTTPS is served: the pages, the API, and media under /hls and /rtc; empty switches it off."`
	HTTPAddress     string            `yaml:"httpAddress" doc:"Where plain HTTP is redirected to HTTPS and ACME is answered; empty switches it off."`
	APIAddress      string            `yaml:"apiAddress" doc:"Where the API is served in the clear for this machine, with /metrics, /healthz and /readyz without login; empty switches it off."`
	MediaAPIAddress string            `yaml:"mediaApiAddress" doc:"Where the state of streams is served in the form that tools for MediaMTX know (/v3); empty switches it off."`
	NotifyAddress   string            `yaml:"notifyAddress" doc:"Where the notification server, the signalling of rooms, is served in TLS besides HTTPS; empty switches it off there."`
	ControlAddress  string            `yaml:"controlAddress" doc:"Where rooms are controlled by an application server on this machine, in the clear, with the token in DATA/control-token; empty switches it off."`
	Names           []string          `yaml:"names" doc:"Further host names under which browsers reach this server; requests for names that are not its own are refused."`
	TrustedProxies  []string          `yaml:"trustedProxies" doc:"Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."`
	Drain           time.Duration     `yaml:"drain" doc:"How long requests under way may go on when the server stops."`
	Front           front.Config      `yaml:"front" doc:"New connections at the HTTPS port, before it is known what they are."`
	Login           login.Config      `yaml:"login" doc:"How long browsers stay logged in."`
	Map             MapConfig         `yaml:"map" doc:"What the map starts with."`
	Webhooks        []webhook.Hook    `yaml:"webhooks" doc:"Other servers that are told of events."`
	Connections     limit.ConnsConfig `yaml:"connections" doc:"Connections that each of these ports may have open at one time."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Address: ":443", HTTPAddress: ":80", APIAddress: "127.0.0.1:8081", MediaAPIAddress: "127.0.0.1:9997", NotifyAddress: ":14040", ControlAddress: "127.0.0.1:2131",
		Names: []string{}, Webhooks: []webhook.Hook{}, TrustedProxies: []string{}, Drain: 3 * time.Second,
		Front: front.DefaultConfig(), Login: login.DefaultConfig(), Map: DefaultMap(), Connections: limit.DefaultConns(),
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	for _, a := range []struct{ key, address string }{
		{"address", c.Address}, {"httpAddress", c.HTTPAddress}, {"apiAddress", c.APIAddress}, {"mediaApiAddress", c.MediaAPIAddress}, {"notifyAddress", c.NotifyAddress}, {"controlAddress", c.ControlAddress},
	} {
		if a.address == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.address); err != nil {
			return fmt.Errorf("%s: write HOST:PORT or :PORT", a.key)
		}
	}
	for _, n := range c.Names {
		if n == "" || strings.ContainsAny(n, ":/ ") {
			return fmt.Errorf("names: %q is not a host name; write it without port", n)
		}
	}
	if _, err := proxies(c.TrustedProxies); err != nil {
		return err
	}
	if err := webhook.Validate(c.Webhooks); err != nil {
		return fmt.Errorf("webhooks%w", err)
	}
	if c.Drain < 0 || c.Drain > time.Minute {
		return errors.New("drain must be between 0s and 1m")
	}
	if err := c.Front.Validate(); err != nil {
		return fmt.Errorf("front: %w", err)
	}
	if err := c.Map.Validate(); err != nil {
		return fmt.Errorf("map: %w", err)
	}
	if err := c.Login.Validate(); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	if err := c.Connections.Validate(); err != nil {
		return fmt.Errorf("connections: %w", err)
	}
	return nil
}

func proxies(list []string) (login.Proxies, error) {
	var out login.Proxies
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trustedProxies: %q is neither an address nor a network", s)
		}
		out = append(out, p)
	}
	return out, nil
}

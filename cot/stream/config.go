package stream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"muster/internal/limit"
)

// Config is the section cot.stream.
type Config struct {
	Address          string            `yaml:"address" doc:"TCP address of the plain CoT stream; empty switches it off."`
	TLSAddress       string            `yaml:"tlsAddress" doc:"TCP address of the CoT stream over TLS with client certificates; empty switches it off."`
	QUICAddress      string            `yaml:"quicAddress" doc:"UDP address of the CoT stream over QUIC with client certificates; empty switches it off."`
	UDPAddress       string            `yaml:"udpAddress" doc:"UDP address that takes single events without a login, for sensors; empty switches it off."`
	UDPGroup         string            `yaml:"udpGroup" doc:"Group that events from udpAddress and multicast are published to."`
	UDPRate          int               `yaml:"udpRate" doc:"Events per second that are taken from one address by UDP."`
	Multicast        []string          `yaml:"multicast" doc:"Multicast groups with port to take events from, such as 239.2.3.1:6969; they need no login."`
	MulticastGateway bool              `yaml:"multicastGateway" doc:"Whether what udpGroup holds is also sent to the multicast groups."`
	Version1         bool              `yaml:"version1" doc:"Whether clients are offered TAK protocol version 1 (protobuf)."`
	HandshakeTimeout time.Duration     `yaml:"handshakeTimeout" doc:"Time a client has from connecting to having proven who it is."`
	EventTimeout     time.Duration     `yaml:"eventTimeout" doc:"Time a client has from the first to the last byte of one event."`
	Coalesce         time.Duration     `yaml:"coalesce" doc:"Longest time that events wait for others, to leave in one write; used under high load only. 0 never waits."`
	Connections      limit.ConnsConfig `yaml:"connections" doc:"Connections that each of these ports may have open at one time."`
	Handshakes       limit.ConnsConfig `yaml:"handshakes" doc:"Connections that have not yet proven who they are; beyond, the one that has been silent longest makes room."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Address:          ":8088",
		TLSAddress:       ":8089",
		QUICAddress:      ":8090",
		UDPRate:          100,
		Version1:         true,
		HandshakeTimeout: 10 * time.Second,
		EventTimeout:     30 * time.Second,
		Coalesce:         40 * time.Millisecond,
		Connections:      limit.ConnsConfig{PerAddress: 4000, Total: 12000},
		Handshakes:       limit.ConnsConfig{PerAddress: 1000, Total: 4000},
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	for _, a := range []struct{ key, addr string }{
		{"address", c.Address}, {"tlsAddress", c.TLSAddress}, {"quicAddress", c.QUICAddress}, {"udpAddress", c.UDPAddress},
	} {
		if a.addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return fmt.Errorf("%s: %w", a.key, err)
		}
	}
	for _, m := range c.Multicast {
		a, err := netip.ParseAddrPort(m)
		if err != nil || !a.Addr().IsMulticast() {
			return fmt.Errorf("multicast: %q is no multicast address with port, such as 239.2.3.1:6969", m)
		}
	}
	switch {
	case (c.UDPAddress != "" || len(c.Multicast) > 0) && c.UDPGroup == "":
		return errors.New("udpGroup: name the group that events without login go to")
	case c.UDPRate < 1:
		return errors.New("udpRate: at least 1")
	case c.MulticastGateway && len(c.Multicast) == 0:
		return errors.New("multicastGateway: name the groups in multicast")
	case c.HandshakeTimeout < time.Second:
		return errors.New("handshakeTimeout: at least 1s")
	case c.EventTimeout < time.Second:
		return errors.New("eventTimeout: at least 1s")
	case c.Coalesce < 0 || c.Coalesce > time.Second:
		return errors.New("coalesce: from 0s to 1s")
	}
	if err := c.Connections.Validate(); err != nil {
		return fmt.Errorf("connections: %w", err)
	}
	if err := c.Handshakes.Validate(); err != nil {
		return fmt.Errorf("handshakes: %w", err)
	}
	return nil
}

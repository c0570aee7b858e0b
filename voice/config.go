package voice

import (
	"errors"
	"fmt"
	"net"
	"time"
	"unicode/utf8"

	"muster/internal/limit"
)

// Config is the section voice.
type Config struct {
	Enabled           bool              `yaml:"enabled" doc:"Whether Mumble clients and voice plugins are served at all."`
	Address           string            `yaml:"address" doc:"TCP and UDP address for Mumble clients."`
	UDP               bool              `yaml:"udp" doc:"Whether voice is also taken and sent by UDP; without it all of it goes through the TCP connection."`
	Name              string            `yaml:"name" doc:"Name of the root channel, as clients show the server."`
	Welcome           string            `yaml:"welcome" doc:"Text that every client shows after its login."`
	MaxUsers          int               `yaml:"maxUsers" doc:"Sessions that may be logged in at one time."`
	PerDevice         int               `yaml:"perDevice" doc:"Sessions that one device of one user may have at one time; the oldest makes room."`
	Bandwidth         int               `yaml:"bandwidth" doc:"Bits per second that one client may talk with, headers included."`
	TextLength        int               `yaml:"textLength" doc:"Longest text message, in bytes."`
	CommentLength     int               `yaml:"commentLength" doc:"Longest comment of a user or channel, in bytes."`
	TextureLength     int               `yaml:"textureLength" doc:"Largest picture of a user, in bytes."`
	TemporaryChannels int               `yaml:"temporaryChannels" doc:"Channels that users may have made, all together."`
	Listeners         int               `yaml:"listeners" doc:"Channels that one client may listen to besides its own."`
	LoginTimeout      time.Duration     `yaml:"loginTimeout" doc:"Time a client has from connecting to having proven who it is."`
	IdleTimeout       time.Duration     `yaml:"idleTimeout" doc:"A client that sends nothing for this long is dropped; clients send something every five seconds."`
	PushToTalk        bool              `yaml:"pushToTalk" doc:"Whether clients are asked to use push to talk."`
	Listing           bool              `yaml:"listing" doc:"Whether the number of users is told to anybody who asks by UDP, as Mumble's list of servers does."`
	Logins            limit.ConnsConfig `yaml:"logins" doc:"Connections that have not yet proven who they are."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled:           true,
		Address:           ":64738",
		UDP:               true,
		Name:              "Muster",
		MaxUsers:          2000,
		PerDevice:         8,
		Bandwidth:         128_000,
		TextLength:        5000,
		CommentLength:     16 << 10,
		TextureLength:     128 << 10,
		TemporaryChannels: 500,
		Listeners:         16,
		LoginTimeout:      30 * time.Second,
		IdleTimeout:       30 * time.Second,
		PushToTalk:        true,
		Logins:            limit.ConnsConfig{PerAddress: 500, Total: 2000},
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	for _, n := range []struct {
		key         string
		v, min, max int
	}{
		{"maxUsers", c.MaxUsers, 1, 10_000}, {"perDevice", c.PerDevice, 1, 100},
		{"bandwidth", c.Bandwidth, 16_000, 10_000_000},
		{"textLength", c.TextLength, 128, 64 << 10}, {"commentLength", c.CommentLength, 128, 256 << 10},
		{"textureLength", c.TextureLength, 0, 512 << 10},
		{"temporaryChannels", c.TemporaryChannels, 0, 10_000}, {"listeners", c.Listeners, 0, 256},
	} {
		if n.v < n.min || n.v > n.max {
			return fmt.Errorf("%s: from %d to %d", n.key, n.min, n.max)
		}
	}
	switch {
	case c.Name == "" || len(c.Name) > 128 || !utf8.ValidString(c.Name):
		return errors.New("name: from 1 to 128 bytes")
	case len(c.Welcome) > 8<<10 || !utf8.ValidString(c.Welcome):
		return errors.New("welcome: at most 8 KiB")
	case c.LoginTimeout < time.Second || c.LoginTimeout > 2*time.Minute:
		return errors.New("loginTimeout: from 1s to 2m")
	case c.IdleTimeout < 10*time.Second:
		return errors.New("idleTimeout: at least 10s, for clients send something every five seconds")
	}
	if err := c.Logins.Validate(); err != nil {
		return fmt.Errorf("logins: %w", err)
	}
	return nil
}

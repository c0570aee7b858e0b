package attach

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config is the section voice.external.
type Config struct {
	Enabled   bool          `yaml:"enabled" doc:"Whether logins at a murmurd beside this server are decided here."`
	Address   string        `yaml:"address" doc:"Where murmurd's Ice interface listens; an address of this machine itself, because Ice is not encrypted."`
	Secret    string        `yaml:"secret" doc:"What murmurd's configuration has as icesecretwrite; at least 8 characters."`
	Callbacks string        `yaml:"callbacks" doc:"Where murmurd asks back; an address of this machine itself, port 0 takes a free one."`
	Server    int           `yaml:"server" doc:"Number of murmurd's virtual server."`
	KeepOpen  bool          `yaml:"keepOpen" doc:"Whether murmurd goes on for those who are connected while this server is away; new logins are refused meanwhile. Otherwise it is started when this server attaches and stopped when it leaves, which also keeps strangers from damaging murmurd 1.3 and 1.5 by logging in as SuperUser meanwhile."`
	Voice     string        `yaml:"voice" doc:"Where murmurd takes Mumble clients, an address of this machine itself such as 127.0.0.1:64739; then each room and murmurd's channel of the same name hear each other. Empty: they do not."`
	Bandwidth int           `yaml:"bandwidth" doc:"Bits per second that a client may send. Clients that are not told lose what exceeds it without a word."`
	Budget    time.Duration `yaml:"budget" doc:"How long murmurd waits for the answer to a login. It carries no voice of TCP clients meanwhile. A login whose check takes longer is refused, and let in when it is tried again."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Address: "127.0.0.1:6502", Callbacks: "127.0.0.1:0", Server: 1, Bandwidth: 128_000, Budget: 4 * time.Millisecond,
	}
}

// minSecret is the length of the shortest secret taken.
const minSecret = 8

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if !c.Enabled {
		return nil
	}
	for _, a := range []struct{ key, addr string }{{"address", c.Address}, {"callbacks", c.Callbacks}} {
		ap, err := netip.ParseAddrPort(a.addr)
		if err != nil {
			return fmt.Errorf("%s: %w", a.key, err)
		}
		if !ap.Addr().IsLoopback() {
			return fmt.Errorf("%s: only an address of this machine itself, such as 127.0.0.1", a.key)
		}
	}
	if ap, err := netip.ParseAddrPort(c.Voice); c.Voice != "" && (err != nil || !ap.Addr().IsLoopback()) {
		return errors.New("voice: an address and port of this machine itself, such as 127.0.0.1:64739, or nothing")
	}
	switch {
	case len(c.Secret) < minSecret:
		return fmt.Errorf("secret: at least %d characters, the same as icesecretwrite of murmurd", minSecret)
	case c.Server < 1:
		return errors.New("server: at least 1")
	case c.Bandwidth < 8000 || c.Bandwidth > 1_000_000:
		return errors.New("bandwidth: between 8000 and 1000000")
	case c.Budget < time.Millisecond || c.Budget > time.Second:
		return errors.New("budget: between 1ms and 1s")
	}
	return nil
}

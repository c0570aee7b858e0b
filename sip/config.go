package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"muster/sip/prompt"
)

// Config is the section sip.
type Config struct {
	Enabled    bool   `yaml:"enabled" doc:"Whether SIP is served at all."`
	UDPAddress string `yaml:"udpAddress" doc:"UDP address for SIP; empty switches it off."`
	TCPAddress string `yaml:"tcpAddress" doc:"TCP address for SIP; empty switches it off."`
	TLSAddress string `yaml:"tlsAddress" doc:"TCP address for SIP over TLS; empty switches it off."`
	Domain     string `yaml:"domain" doc:"Domain of the users and rooms, as in sip:NAME@DOMAIN; empty accepts every domain."`
	External   string `yaml:"external" doc:"IP address that phones are told to send media to, where the server is behind NAT; empty takes the address that faces the phone."`
	Language   string `yaml:"language" doc:"Language that callers are spoken to in, as ISO 639 writes it: de, el, en, es, fr, hu, it, nl, pl, pt, sv or uk."`

	FirstMediaPort int `yaml:"firstMediaPort" doc:"First UDP port for the media of calls. RTP takes even ports and RTCP the odd ones behind them; ports that another program has are skipped."`
	LastMediaPort  int `yaml:"lastMediaPort" doc:"Last UDP port for the media of calls."`

	Registrar RegistrarConfig `yaml:"registrar" doc:"Registrations of users' phones."`
	Session   SessionConfig   `yaml:"session" doc:"Timers of calls."`
	Caps      CapsConfig      `yaml:"caps" doc:"Limits on calls."`
	Guard     GuardConfig     `yaml:"guard" doc:"Limits on strangers."`
	Trunks    []TrunkConfig   `yaml:"trunks" doc:"Telephone providers and other exchanges."`
	DialPlan  []RuleConfig    `yaml:"dialPlan" doc:"Where calls that users make go, by the number they dial; the first rule that fits wins. What no rule fits is looked for among rooms, then among users."`
}

// RegistrarConfig bounds registrations.
type RegistrarConfig struct {
	MinExpiry     time.Duration `yaml:"minExpiry" doc:"Shortest registration; a phone that asks for less is told so."`
	DefaultExpiry time.Duration `yaml:"defaultExpiry" doc:"Length of a registration for which the phone names none."`
	MaxExpiry     time.Duration `yaml:"maxExpiry" doc:"Longest registration; what is longer is cut to this."`
	Contacts      int           `yaml:"contacts" doc:"Phones one user may have registered at a time."`
}

// SessionConfig sets the timers of calls.
type SessionConfig struct {
	Interval    time.Duration `yaml:"interval" doc:"Time after which a call whose phone no longer answers is ended (RFC 4028)."`
	MinInterval time.Duration `yaml:"minInterval" doc:"Shortest such time that is agreed to."`
	Ring        time.Duration `yaml:"ring" doc:"How long a phone rings before the call is given up."`
	PIN         time.Duration `yaml:"pin" doc:"Time a caller has for the PIN of a room."`
	Silence     time.Duration `yaml:"silence" doc:"A call that is not on hold and whose phone sends no media for this long is ended; 0 switches this off."`
}

// CapsConfig bounds calls, against floods and against fraud.
type CapsConfig struct {
	Calls       int `yaml:"calls" doc:"Calls at a time, over all; those without an account get half of them at most."`
	PerUser     int `yaml:"perUser" doc:"Calls at a time that one user has."`
	PerAddress  int `yaml:"perAddress" doc:"Calls at a time from one address without an account (IPv6: one /64)."`
	Outbound    int `yaml:"outbound" doc:"Calls at a time that one user has over trunks."`
	PerUserHour int `yaml:"perUserHour" doc:"Calls over trunks that one user may begin in an hour."`
}

// GuardConfig bounds what a source that has not proven who it is may cause.
type GuardConfig struct {
	Rate     int           `yaml:"rate" doc:"Requests a second from one address (IPv6: one /64) without a login; more are dropped unanswered."`
	Failures int           `yaml:"failures" doc:"Failed logins, and malformed messages over connections, from one address in a minute, after which it is not answered for a while."`
	Ban      time.Duration `yaml:"ban" doc:"How long such an address is not answered."`
	Guests   bool          `yaml:"guests" doc:"Whether calls without an account reach rooms, which have to ask for a PIN or let guests in; without it every call needs a login or a trunk."`
}

// TrunkConfig describes one trunk.
type TrunkConfig struct {
	Name      string        `yaml:"name" doc:"Its name in rules and logs."`
	Address   string        `yaml:"address" doc:"Host and port of the other side."`
	Transport string        `yaml:"transport" doc:"udp, tcp or tls."`
	Domain    string        `yaml:"domain" doc:"Domain in the addresses sent to it; empty takes the host of address."`
	User      string        `yaml:"user" doc:"Name to register and to answer challenges with; empty for a peer that knows us by address."`
	Password  string        `yaml:"password" doc:"Its password."`
	Register  bool          `yaml:"register" doc:"Whether we register there."`
	Expiry    time.Duration `yaml:"expiry" doc:"Length of that registration; 0 asks for ten minutes."`
	Number    string        `yaml:"number" doc:"Number or name that calls over it show."`
	Sources   []string      `yaml:"sources" doc:"Addresses or networks that calls from it come from; empty takes those of address."`
	Inbound   []RuleConfig  `yaml:"inbound" doc:"Where calls from it go, by the number called; what no rule fits is refused."`
	Calls     int           `yaml:"calls" doc:"Calls at a time over it; 0: no limit of its own."`
}

// RuleConfig says where the calls to some numbers go.
type RuleConfig struct {
	Prefix string   `yaml:"prefix" doc:"How the number begins; empty fits every number."`
	Strip  int      `yaml:"strip" doc:"Characters taken off its front."`
	Add    string   `yaml:"add" doc:"What is put in front instead."`
	To     string   `yaml:"to" doc:"room, user, deny, or the name of a trunk."`
	Target string   `yaml:"target" doc:"Room or user that all these calls go to; empty takes the number."`
	Groups []string `yaml:"groups" doc:"Only who may write to one of these groups may dial this; for a trunk it must be set."`
}

// Destinations of a rule besides the names of trunks.
const (
	toRoom = "room"
	toUser = "user"
	toDeny = "deny"
)

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled: true, Language: "en", UDPAddress: ":5060", TCPAddress: ":5060", TLSAddress: ":5061",
		FirstMediaPort: 5000, LastMediaPort: 15000,
		Registrar: RegistrarConfig{MinExpiry: time.Minute, DefaultExpiry: time.Hour, MaxExpiry: 2 * time.Hour, Contacts: 8},
		Session: SessionConfig{
			Interval: 30 * time.Minute, MinInterval: 90 * time.Second, Ring: time.Minute, PIN: 30 * time.Second, Silence: time.Minute,
		},
		Caps:  CapsConfig{Calls: 2000, PerUser: 20, PerAddress: 50, Outbound: 2, PerUserHour: 30},
		Guard: GuardConfig{Rate: 50, Failures: 30, Ban: 10 * time.Minute, Guests: true},
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	for _, a := range []struct{ key, addr string }{
		{"udpAddress", c.UDPAddress}, {"tcpAddress", c.TCPAddress}, {"tlsAddress", c.TLSAddress},
	} {
		if a.addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return fmt.Errorf("%s: %w", a.key, err)
		}
	}
	if c.External != "" {
		if _, err := netip.ParseAddr(c.External); err != nil {
			return fmt.Errorf("external: %w", err)
		}
	}
	if !slices.Contains(prompt.Languages(), c.Language) {
		return fmt.Errorf("language: one of %s", strings.Join(prompt.Languages(), ", "))
	}
	switch {
	case c.FirstMediaPort < 1024 || c.LastMediaPort > 65535 || c.LastMediaPort-c.FirstMediaPort < 3:
		return errors.New("firstMediaPort, lastMediaPort: between 1024 and 65535, and room for two calls")
	case c.Registrar.MinExpiry < time.Second || c.Registrar.DefaultExpiry < c.Registrar.MinExpiry || c.Registrar.MaxExpiry < c.Registrar.DefaultExpiry:
		return errors.New("registrar: minExpiry of at least 1s, then defaultExpiry, then maxExpiry must rise")
	case c.Registrar.Contacts < 1 || c.Registrar.Contacts > 32:
		return errors.New("registrar.contacts: between 1 and 32")
	case c.Session.MinInterval < 90*time.Second || c.Session.Interval < c.Session.MinInterval:
		return errors.New("session: minInterval of at least 90s (RFC 4028), interval not below it")
	case c.Session.Ring < time.Second || c.Session.PIN < time.Second || c.Session.Silence < 0:
		return errors.New("session: ring and pin at least 1s, silence not negative")
	case c.Caps.Calls < 1 || c.Caps.PerUser < 1 || c.Caps.PerAddress < 1 || c.Caps.Outbound < 0 || c.Caps.PerUserHour < 0:
		return errors.New("caps: at least 1, and for outbound and perUserHour at least 0")
	case c.Guard.Rate < 1 || c.Guard.Failures < 1 || c.Guard.Ban < time.Second:
		return errors.New("guard: rate and failures at least 1, ban at least 1s")
	}
	return c.validateTrunks()
}

func (c Config) validateTrunks() error {
	names := []string{toRoom, toUser, toDeny}
	for i, t := range c.Trunks {
		at := fmt.Sprintf("trunks[%d]", i)
		switch {
		case t.Name == "" || slices.Contains(names, t.Name):
			return fmt.Errorf("%s.name: needed, different from the others and from room, user and deny", at)
		case t.Transport != "udp" && t.Transport != "tcp" && t.Transport != "tls":
			return fmt.Errorf("%s.transport: udp, tcp or tls", at)
		case t.Register && t.User == "":
			return fmt.Errorf("%s.user: needed to register", at)
		case t.Calls < 0 || t.Expiry != 0 && t.Expiry < time.Minute:
			return fmt.Errorf("%s: calls not negative, expiry 0 or at least 1m", at)
		}
		if _, _, err := net.SplitHostPort(t.Address); err != nil {
			return fmt.Errorf("%s.address: %w", at, err)
		}
		for _, s := range t.Sources {
			if _, err := parsePrefix(s); err != nil {
				return fmt.Errorf("%s.sources: %w", at, err)
			}
		}
		names = append(names, t.Name)
	}
	for i, t := range c.Trunks {
		for j, r := range t.Inbound {
			if r.To != toRoom && r.To != toUser && r.To != toDeny {
				return fmt.Errorf("trunks[%d].inbound[%d].to: room, user or deny", i, j)
			}
		}
	}
	for i, r := range c.DialPlan {
		switch {
		case !slices.Contains(names, r.To):
			return fmt.Errorf("dialPlan[%d].to: room, user, deny or the name of a trunk", i)
		case !slices.Contains(names[:3], r.To) && len(r.Groups) == 0:
			return fmt.Errorf("dialPlan[%d].groups: a trunk costs money; say who may dial this", i)
		case r.Strip < 0:
			return fmt.Errorf("dialPlan[%d].strip: not negative", i)
		}
	}
	return nil
}

// parsePrefix parses an address or a network.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

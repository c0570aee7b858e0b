package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Config is the section turn.
type Config struct {
	Enabled       bool          `yaml:"enabled" doc:"Whether the server is a STUN and TURN server."`
	Address       string        `yaml:"address" doc:"UDP address for STUN and TURN. Over TCP and TLS they are served on the port of HTTPS."`
	RelayAddress  []string      `yaml:"relayAddresses" doc:"Addresses of this server at which peers reach relays, at most one IPv4 and one IPv6 address, for servers behind a NAT that forwards the relay ports. Where the address of the machine itself is another it follows after a slash: 203.0.113.5/10.0.0.5. Empty: the address of the interface that leads to the client."`
	MinRelayPort  int           `yaml:"minRelayPort" doc:"Lowest UDP port of relays."`
	MaxRelayPort  int           `yaml:"maxRelayPort" doc:"Highest UDP port of relays."`
	Realm         string        `yaml:"realm" doc:"Realm that clients are asked to log in to."`
	CredentialTTL time.Duration `yaml:"credentialTTL" doc:"How long a credential can be used to open relays, at most 24h. Relays that are open go on."`
	PerUser       int           `yaml:"perUser" doc:"Relays that one user may have open."`
	PerAddress    int           `yaml:"perAddress" doc:"Relays that clients at one address (IPv6: one /64) may have open."`
	Total         int           `yaml:"total" doc:"Relays that may be open in all."`
	AllowPeers    []string      `yaml:"allowPeers" doc:"Networks, such as 192.168.0.0/16, whose addresses may be peers although they are private, of this machine, or special in another way. Multicast never is."`
	DenyPeers     []string      `yaml:"denyPeers" doc:"Networks whose addresses may not be peers although they are public; they win over allowPeers."`
}

// MaxCredentialTTL is the longest time a credential may be good for.
const MaxCredentialTTL = 24 * time.Hour

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled: true, Address: ":14049",
		MinRelayPort: 49152, MaxRelayPort: 65535,
		Realm: "muster", CredentialTTL: time.Hour,
		PerUser: 12, PerAddress: 200, Total: 4000,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if _, err := parseRelayAddresses(c.RelayAddress); err != nil {
		return fmt.Errorf("relayAddresses: %w", err)
	}
	switch {
	case c.MinRelayPort < 1024 || c.MaxRelayPort > 65535 || c.MaxRelayPort-c.MinRelayPort < 1:
		return errors.New("minRelayPort and maxRelayPort: at least two ports between 1024 and 65535")
	case c.Realm == "" || len(c.Realm) > 127 || strings.ContainsAny(c.Realm, "\":\r\n"):
		return errors.New("realm: 1 to 127 bytes without quotes and colons")
	case c.CredentialTTL < time.Minute || c.CredentialTTL > MaxCredentialTTL:
		return fmt.Errorf("credentialTTL: between 1m and %s", MaxCredentialTTL)
	case c.PerUser < 1 || c.PerAddress < 1 || c.Total < 1:
		return errors.New("perUser, perAddress and total: at least 1")
	}
	_, err := newPolicy(c.AllowPeers, c.DenyPeers)
	return err
}

// relayAddress is an address that peers are told, and the one that the socket is
// bound to; the zero local means every address.
type relayAddress struct{ public, local netip.Addr }

// parseRelayAddresses returns the addresses by family: IPv4, IPv6.
func parseRelayAddresses(list []string) (out [2]relayAddress, err error) {
	for _, text := range list {
		public, local, both := strings.Cut(text, "/")
		var r relayAddress
		if r.public, err = parseAddress(public); err != nil {
			return out, err
		}
		if both {
			if r.local, err = parseAddress(local); err != nil {
				return out, err
			}
			if r.local.Is4() != r.public.Is4() {
				return out, fmt.Errorf("%q: both must be IPv4 or both IPv6", text)
			}
		}
		f := family(r.public)
		if out[f].public.IsValid() {
			return out, fmt.Errorf("%q is the second address of its kind", text)
		}
		out[f] = r
	}
	return out, nil
}

func parseAddress(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, fmt.Errorf("%q is not an address", text)
	}
	a = a.Unmap()
	if a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
		return a, fmt.Errorf("%q is not the address of one machine", text)
	}
	return a, nil
}

// family is 0 for IPv4 and 1 for IPv6.
func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

package turn

import (
	"net/netip"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	house, err := newPolicy(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	site, err := newPolicy([]string{"192.168.1.0/24", "fd00::/8", "0.0.0.0/0"}, []string{"192.168.1.7/32", "8.8.4.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		addr        string
		house, site bool
	}{
		{"8.8.8.8", true, true},
		{"2a00:1450:4001::1", true, true},
		{"8.8.4.4", true, false},
		{"192.168.1.5", false, true},
		{"192.168.1.7", false, false},
		{"fd12::1", false, true},
		{"10.0.0.1", false, true}, // 0.0.0.0/0 is what the operator wrote
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"255.255.255.255", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
		{"127.0.0.1", false, true},
		{"::1", false, false},
		{"169.254.169.254", false, true},
		{"fe80::1", false, false},
		{"fec0::1", false, false},
		{"100.64.0.1", false, true},
		{"192.0.2.1", false, true},
		{"198.51.100.1", false, true},
		{"203.0.113.1", false, true},
		{"198.18.0.1", false, true},
		{"240.0.0.1", false, true},
		{"2001:db8::1", false, false},
		{"::ffff:127.0.0.1", false, true},
		{"::ffff:10.0.0.1", false, true},
		{"::ffff:8.8.8.8", true, true},
		{"::127.0.0.1", false, false},
		{"::ffff:0:127.0.0.1", false, false},
		{"64:ff9b::10.0.0.1", false, true},
		{"64:ff9b::192.168.1.7", false, false},
		{"64:ff9b::8.8.4.4", true, false},
		{"64:ff9b::8.8.8.8", true, true},
		{"64:ff9b:1::10.0.0.1", false, false},
		{"2002:0a00:0001::1", false, false},
		{"2001:0:4136:e378:8000:63bf:3fff:fdd2", false, false},
		{"2001:10::1", false, false},
		{"100::1", false, false},
	} {
		a := canonical(netip.MustParseAddr(tc.addr))
		if house.allows(a) != tc.house || site.allows(a) != tc.site {
			t.Errorf("%s: %v by default, %v with networks", tc.addr, house.allows(a), site.allows(a))
		}
	}
	if house.allows(netip.Addr{}) {
		t.Error("no address at all is a peer")
	}
}

func TestConfig(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   string // part of the error; empty: none
	}{
		{"default", func(*Config) {}, ""},
		{"no port", func(c *Config) { c.Address = "14049" }, "address"},
		{"no network", func(c *Config) { c.AllowPeers = []string{"10.0.0.1"} }, "allowPeers"},
		{"bits in the host part", func(c *Config) { c.DenyPeers = []string{"10.0.0.1/8"} }, "10.0.0.0/8"},
		{"mapped network", func(c *Config) { c.AllowPeers = []string{"::ffff:10.0.0.0/104"} }, "allowPeers"},
		{"credential of a week", func(c *Config) { c.CredentialTTL = 7 * MaxCredentialTTL }, "credentialTTL"},
		{"ports upside down", func(c *Config) { c.MinRelayPort, c.MaxRelayPort = 60000, 50000 }, "minRelayPort"},
		{"addresses", func(c *Config) { c.RelayAddress = []string{"198.51.100.1/10.0.0.5", "2001:db8::1"} }, ""},
		{"two of a kind", func(c *Config) { c.RelayAddress = []string{"198.51.100.1", "198.51.100.2"} }, "second"},
		{"mixed", func(c *Config) { c.RelayAddress = []string{"198.51.100.1/::1"} }, "both"},
		{"a name", func(c *Config) { c.RelayAddress = []string{"turn.example"} }, "not an address"},
		{"realm", func(c *Config) { c.Realm = "" }, "realm"},
		{"no quota", func(c *Config) { c.PerUser = 0 }, "perUser"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := DefaultConfig()
			tc.change(&c)
			err := c.Validate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("%v", err)
			}
		})
	}
}

func TestURI(t *testing.T) {
	for want, a := range map[string]Address{
		"turn:example.org:14049?transport=udp":  {Host: "example.org", Port: 14049},
		"turn:192.0.2.1:443?transport=tcp":      {Host: "192.0.2.1", Port: 443, TCP: true},
		"turns:[2001:db8::1]:443?transport=tcp": {Host: "2001:db8::1", Port: 443, TLS: true},
	} {
		if a.URI() != want {
			t.Errorf("%s", a.URI())
		}
	}
}

package peer

import (
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for _, tc := range []struct {
		addr string
		want bool
	}{
		{"9.9.9.9", true}, {"2620:fe::fe", true}, {"::ffff:9.9.9.9", true},
		{"127.0.0.1", false}, {"::1", false}, {"10.0.0.1", false}, {"192.168.1.1", false}, {"169.254.169.254", false},
		{"fe80::1%eth0", false}, {"fd00::1", false}, {"::ffff:127.0.0.1", false}, {"64:ff9b::7f00:1", false},
		{"0.0.0.0", false}, {"255.255.255.255", false}, {"100.64.0.1", false}, {"224.0.0.1", false}, {"2002:7f00:1::", false},
	} {
		if got := Public(netip.MustParseAddr(tc.addr)); got != tc.want {
			t.Errorf("%s: %v", tc.addr, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address at all")
	}
}

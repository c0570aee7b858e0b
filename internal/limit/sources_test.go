package limit

import (
	"net/netip"
	"testing"
	"time"
)

func TestSourcesAreLimitedByThemselves(t *testing.T) {
	s := NewSources(2, 3, time.Minute, 2)
	now := time.Now()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for i, want := range []bool{true, true, false} {
		if got := s.Allow(a, now); got != want {
			t.Errorf("request %d: %v", i, got)
		}
	}
	if !s.Allow(b, now) {
		t.Error("another source")
	}
	if !s.Allow(a, now.Add(time.Second)) {
		t.Error("a second later")
	}
	now = now.Add(10 * time.Second)
	for i, want := range []bool{false, false, true} {
		if got := s.Fail(a, now); got != want {
			t.Errorf("failure %d: %v", i, got)
		}
	}
	if s.Allow(a, now.Add(59*time.Second)) || !s.Banned(a, now.Add(59*time.Second)) {
		t.Error("not banned")
	}
	if s.Banned(b, now) || s.Banned(a, now.Add(61*time.Second)) || !s.Allow(a, now.Add(61*time.Second)) {
		t.Error("banned without a reason, or for too long")
	}
	for _, x := range []string{"192.0.2.7", "192.0.2.8", "192.0.2.9"} {
		s.Allow(netip.MustParseAddr(x), now)
	}
	if len(s.index) != 2 || s.order.Len() != 2 {
		t.Errorf("%d sources are remembered", len(s.index))
	}
	if s.Bans() != 1 || s.Refused() != 3 {
		t.Errorf("%d bans, %d refused", s.Bans(), s.Refused())
	}
}

package limit

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time             { return c.t }
func (c *clock) pass(d time.Duration)       { c.t = c.t.Add(d) }
func newClock() *clock                      { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }
func addr(s string) netip.Addr              { return netip.MustParseAddr(s) }
func small(c FailuresConfig) FailuresConfig { c.MaxEntries = 1000; return c }

// try makes one failing attempt and returns the wait it was refused with.
func try(f *Failures, account, from string) time.Duration {
	a, err := f.Begin(account, addr(from))
	var e *ExceededError
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	a.Failed()
	return 0
}

func TestFailuresGrowAndEnd(t *testing.T) {
	c := newClock()
	f := NewFailures(DefaultFailures(), c.now)
	for i := range 10 {
		if w := try(f, "ann", "192.0.2.1"); w != 0 {
			t.Fatalf("failure %d is not free: wait %v", i+1, w)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		want *= time.Second
		if w := try(f, "ann", "192.0.2.1"); w != want {
			t.Fatalf("wait %v, want %v", w, want)
		}
		c.pass(want)
		if w := try(f, "ann", "192.0.2.1"); w != 0 {
			t.Fatalf("refused for %v after the wait", w)
		}
	}
	c.pass(24 * time.Hour)
	for i := range 10 {
		if w := try(f, "ann", "192.0.2.1"); w != 0 {
			t.Fatalf("failure %d a day later: wait %v", i+1, w)
		}
	}
}

func TestFailuresLevels(t *testing.T) {
	for _, tc := range []struct {
		name    string
		account func(i int) string
		from    func(i int) string
		free    int // attempts that are looked at
	}{
		{"one account, one address", fixed("ann"), fixed("192.0.2.1"), 10},
		{"many accounts, one address", each("user%d"), fixed("192.0.2.1"), 50},
		{"many accounts, one /64", each("user%d"), each("2001:db8::%x"), 50},
		{"one account, one /64", fixed("ann"), each("2001:db8::%x"), 10},
		{"mapped and plain are one", fixed("ann"), func(i int) string {
			return []string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2]
		}, 10},
		{"one account, all over the world", fixed("ann"), func(i int) string {
			return fmt.Sprintf("%d.%d.1.1", i/200+1, i%200)
		}, 600},
		{"many accounts, one /48", each("user%d"), each("2001:db8:0:%x::1"), 500},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := NewFailures(DefaultFailures(), newClock().now)
			n := 0
			for i := range 600 {
				if try(f, tc.account(i), tc.from(i)) == 0 {
					n++
				}
			}
			if n != tc.free {
				t.Fatalf("%d attempts were looked at, want %d", n, tc.free)
			}
		})
	}
}

func fixed(s string) func(int) string { return func(int) string { return s } }
func each(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i) }
}

func TestFailuresInParallelAreNoWayRound(t *testing.T) {
	f := NewFailures(DefaultFailures(), newClock().now)
	var open []*Attempt
	for range 100 {
		if a, err := f.Begin("ann", addr("192.0.2.1")); err == nil {
			open = append(open, a)
		}
	}
	if len(open) != 10 {
		t.Fatalf("%d attempts at once", len(open))
	}
	for _, a := range open {
		a.Abandoned()
	}
	if w := try(f, "ann", "192.0.2.1"); w != 0 {
		t.Fatalf("abandoned attempts were counted: wait %v", w)
	}
}

func TestFailuresOwnerIsNotLockedOut(t *testing.T) {
	c := newClock()
	f := NewFailures(DefaultFailures(), c.now)
	good, err := f.Begin("ann", addr("198.51.100.7"))
	if err != nil {
		t.Fatal(err)
	}
	good.Succeeded()
	good.Failed() // over already: must not count
	if f.Failed() != 0 {
		t.Fatal("a finished attempt counted again")
	}
	for i := range 1000 { // the account is attacked from everywhere, also beside the owner
		try(f, "ann", fmt.Sprintf("10.%d.%d.1", i/250, i%250))
		try(f, fmt.Sprint("other", i), "198.51.100.7")
		c.pass(10 * time.Millisecond)
	}
	a, err := f.Begin("ann", addr("198.51.100.7"))
	if err != nil || a.Delay != 0 {
		t.Fatalf("owner at a familiar address: %v, delay %v", err, a.Delay)
	}
	a.Succeeded()
	a, err = f.Begin("ann", addr("203.0.113.9"))
	if err != nil || a.Delay != DefaultFailures().AccountWait {
		t.Fatalf("owner at a new address: %v; must be slowed, not refused", err)
	}
	a.Succeeded()
	if _, err := f.Begin("bob", addr("198.51.100.7")); err == nil {
		t.Fatal("the attacking address is not refused for others")
	}
}

func TestFailuresForgetTheOldest(t *testing.T) {
	cfg := small(DefaultFailures())
	f := NewFailures(cfg, newClock().now)
	for i := range 5000 {
		try(f, fmt.Sprint("u", i), fmt.Sprintf("10.%d.%d.1", i/250, i%250))
	}
	if n := f.Entries(); n > 4*cfg.MaxEntries {
		t.Fatalf("%d entries", n)
	}
}

func TestFailuresClockSetBack(t *testing.T) {
	c := newClock()
	f := NewFailures(DefaultFailures(), c.now)
	for range 12 {
		try(f, "ann", "192.0.2.1")
	}
	c.pass(-240 * time.Hour)
	if w := try(f, "ann", "192.0.2.1"); w > DefaultFailures().MaxWait {
		t.Fatalf("wait %v", w)
	}
}

func TestConfigs(t *testing.T) {
	if err := DefaultFailures().Validate(); err != nil {
		t.Fatal(err)
	}
	if err := DefaultConns().Validate(); err != nil {
		t.Fatal(err)
	}
	if (FailuresConfig{}).Validate() == nil || (ConnsConfig{}).Validate() == nil {
		t.Fatal("nonsense accepted")
	}
}

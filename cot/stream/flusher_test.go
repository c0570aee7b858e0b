package stream

import (
	"testing"
	"time"
)

// rounds plays a second in which each flusher has conns connections with events
// of their own every gap, and returns how long the last of them had to wait and
// how many writes there were.
func rounds(s *Server, conns int, gap time.Duration) (longest time.Duration, writes int) {
	f := s.flushers[0]
	now := time.Unix(0, 0)
	end := now.Add(time.Second)
	for now.Before(end) {
		f.writes = conns
		f.copies += conns
		writes += conns
		longest = f.pause(now)
		now = now.Add(max(longest, gap))
	}
	return longest, writes
}

func TestWritesAreHeldApartUnderLoadOnly(t *testing.T) {
	for _, tc := range []struct {
		name     string
		conns    int // of all flushers
		gap      time.Duration
		coalesce time.Duration
		wait     bool
	}{
		{"few events", 500, 100 * time.Millisecond, 40 * time.Millisecond, false},
		{"many connections, few events", 10000, time.Second, 40 * time.Millisecond, true}, // bounded all the same
		{"many events to few", 100, 10 * time.Millisecond, 40 * time.Millisecond, false},
		{"many events", 500, time.Millisecond, 40 * time.Millisecond, true},
		{"very many events", 5000, time.Millisecond, 40 * time.Millisecond, true},
		{"never to wait", 5000, time.Millisecond, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := unstarted(t, func(c *Config, _ *Deps) { c.Coalesce = tc.coalesce })
			each := tc.conns / len(s.flushers)
			longest, writes := rounds(s, each, tc.gap)
			if (longest > 0) != tc.wait || longest > tc.coalesce {
				t.Fatalf("waits %v", longest)
			}
			most := int((1+writeBurst.Seconds())*manyWrites)/len(s.flushers) + 2*each
			if tc.wait && longest < tc.coalesce && writes > most {
				t.Fatalf("%d writes in a second, not %d", writes, most)
			}
		})
	}
}

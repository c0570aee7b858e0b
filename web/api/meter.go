package api

import (
	"sync"
	"time"

	"muster/media"
)

// statsEvery is how often bit rates are measured and sent to the pages.
const statsEvery = 2 * time.Second

// meter turns byte counters into bit rates.
type meter struct {
	mu   sync.Mutex // guards last
	last map[string]reading
}

type reading struct {
	since time.Time // the stream's: another stream of the same name starts anew
	at    time.Time
	bytes int64
	rate  int64 // bit/s
}

func newMeter() *meter { return &meter{last: make(map[string]reading)} }

// sample measures all streams. Those that are not among them are forgotten.
func (m *meter) sample(now time.Time, streams []*media.Stream) {
	next := make(map[string]reading, len(streams))
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range streams {
		in := s.Info()
		r := reading{since: in.Since, at: now, bytes: in.BytesIn}
		from := in.Since
		before, ok := m.last[in.Name]
		if ok && before.since.Equal(in.Since) {
			from = before.at
		} else {
			before = reading{}
		}
		if d := now.Sub(from); d > 0 {
			r.rate = int64(float64(in.BytesIn-before.bytes) * 8 / d.Seconds())
		}
		next[in.Name] = r
	}
	m.last = next
}

// rate returns the bit rate of a stream at the last sample.
func (m *meter) rate(name string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[name].rate
}

package enroll

import (
	"sync"
	"time"
)

const maxRated = 10_000 // users counted at once; beyond it all share one count

// rate counts what users do in a minute.
type rate struct {
	now func() time.Time

	mu     sync.Mutex // guards what follows
	minute time.Time
	counts map[string]int
}

func newRate(now func() time.Time) *rate { return &rate{now: now, counts: make(map[string]int)} }

// take reports whether user may do it once more in this minute.
func (r *rate) take(user string, limit int) bool {
	minute := r.now().Truncate(time.Minute)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !minute.Equal(r.minute) {
		r.minute = minute
		clear(r.counts)
	}
	if _, known := r.counts[user]; !known && len(r.counts) >= maxRated {
		user = ""
	}
	if r.counts[user] >= limit {
		return false
	}
	r.counts[user]++
	return true
}

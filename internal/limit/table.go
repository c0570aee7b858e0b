package limit

import (
	"container/list"
	"time"
)

// entry is a leaking bucket of failures with the wait they have earned.
type entry struct {
	count   float64   // failures in the bucket at last
	last    time.Time // of the last failure (familiar: of the last success)
	strikes int       // failures beyond the free ones; each doubles the wait
	until   time.Time // refused until then
	pending int       // attempts under way
}

// level is the bucket's content at now: free failures leak out per window.
func (e *entry) level(now time.Time, window time.Duration, free int) float64 {
	age := max(0, now.Sub(e.last)) // a clock set back must not fill the bucket
	return max(0, e.count-float64(free)*float64(age)/float64(window))
}

// wait is how long a new attempt has to wait. e may be nil.
func (e *entry) wait(now time.Time, cfg FailuresConfig, limit int) time.Duration {
	if e == nil {
		return 0
	}
	// A clock set back must not keep anybody out for longer than MaxWait.
	if w := min(e.until.Sub(now), cfg.MaxWait); w > 0 {
		return w
	}
	if e.pending > 0 && e.level(now, cfg.Window, limit)+float64(e.pending) >= float64(limit) {
		return time.Second
	}
	return 0
}

// fail adds a failure, and a wait of 1 s, 2 s, 4 s, … up to MaxWait for each
// one beyond the free ones. The wait is halved again for each window that
// passes quietly after the last one is over, so that merely waiting it out
// earns no fresh supply.
func (e *entry) fail(now time.Time, cfg FailuresConfig, free int) {
	if quiet := now.Sub(e.until); e.strikes > 0 && quiet > 0 {
		e.strikes = max(0, e.strikes-int(quiet/cfg.Window))
	}
	e.count = min(e.level(now, cfg.Window, free)+1, float64(free)+1)
	e.last = now
	if e.strikes == 0 && e.count < float64(free) {
		return
	}
	wait := min(time.Second<<min(e.strikes, 20), cfg.MaxWait)
	e.strikes = min(e.strikes+1, 20)
	e.until = now.Add(wait)
}

// table maps keys to entries and forgets the one touched longest ago when full.
type table[K comparable] struct {
	max   int
	index map[K]*list.Element
	order *list.List // of *item[K], most recently touched first
}

type item[K comparable] struct {
	key K
	entry
}

func newTable[K comparable](limit int) *table[K] {
	return &table[K]{max: limit, index: make(map[K]*list.Element), order: list.New()}
}

func (t *table[K]) len() int { return t.order.Len() }

// get returns the entry of k or nil, without touching it.
func (t *table[K]) get(k K) *entry {
	if el := t.index[k]; el != nil {
		return &el.Value.(*item[K]).entry
	}
	return nil
}

// make returns the entry of k, new if need be, and touches it.
func (t *table[K]) make(k K) *entry {
	if el := t.index[k]; el != nil {
		t.order.MoveToFront(el)
		return &el.Value.(*item[K]).entry
	}
	if t.order.Len() >= t.max {
		oldest := t.order.Back()
		t.order.Remove(oldest)
		delete(t.index, oldest.Value.(*item[K]).key)
	}
	it := &item[K]{key: k}
	t.index[k] = t.order.PushFront(it)
	return &it.entry
}

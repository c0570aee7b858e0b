package limit

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Sources limits how often a source that has not proven who it is may ask, and
// stops listening for a while to one that misbehaves. It is for doors that
// answer datagrams, where there is no connection to count.
type Sources struct {
	rate     float64 // requests a second; as many may come at once
	failures int     // in a minute
	ban      time.Duration
	max      int

	mu      sync.Mutex // guards what follows
	index   map[netip.Prefix]*list.Element
	order   *list.List // of *sourceEntry, newest first; beyond max the oldest is forgotten
	refused int64
	banned  int64
}

type sourceEntry struct {
	key    netip.Prefix
	tokens float64
	at     time.Time
	faults float64
	until  time.Time
}

// NewSources returns limits that remember the latest entries sources.
func NewSources(rate, failures int, ban time.Duration, entries int) *Sources {
	return &Sources{
		rate: float64(rate), failures: failures, ban: ban, max: entries,
		index: make(map[netip.Prefix]*list.Element), order: list.New(),
	}
}

// entry returns the entry of addr with its buckets at now. The caller holds mu.
func (s *Sources) entry(addr netip.Addr, now time.Time) *sourceEntry {
	key := Prefix(addr)
	if el := s.index[key]; el != nil {
		s.order.MoveToFront(el)
		e := el.Value.(*sourceEntry)
		age := max(0, now.Sub(e.at).Seconds())
		e.tokens = min(s.rate, e.tokens+age*s.rate)
		e.faults = max(0, e.faults-age*float64(s.failures)/60)
		e.at = now
		return e
	}
	if s.order.Len() >= s.max {
		oldest := s.order.Back()
		s.order.Remove(oldest)
		delete(s.index, oldest.Value.(*sourceEntry).key)
	}
	e := &sourceEntry{key: key, tokens: s.rate, at: now}
	s.index[key] = s.order.PushFront(e)
	return e
}

// Allow takes one request of addr and reports whether it may be looked at.
func (s *Sources) Allow(addr netip.Addr, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(addr, now)
	if now.Before(e.until) || e.tokens < 1 {
		s.refused++
		return false
	}
	e.tokens--
	return true
}

// Banned reports whether addr is not listened to at present.
func (s *Sources) Banned(addr netip.Addr, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	el := s.index[Prefix(addr)]
	if el == nil || !now.Before(el.Value.(*sourceEntry).until) {
		return false
	}
	s.refused++
	return true
}

// Fail counts a failure of addr and reports whether it is banned from now on.
func (s *Sources) Fail(addr netip.Addr, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(addr, now)
	if e.faults++; e.faults < float64(s.failures)-0.5 { // what has leaked since the first one does not count
		return false
	}
	e.faults, e.until = 0, now.Add(s.ban)
	s.banned++
	return true
}

// Refused returns how many requests were not looked at.
func (s *Sources) Refused() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Bans returns how many sources were banned so far.
func (s *Sources) Bans() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.banned
}

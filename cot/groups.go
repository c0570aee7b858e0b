package cot

import "sync"

// groupSet is a set of groups by their numbers. The first 64 need no memory of
// their own. It is a value: add returns another one.
type groupSet struct {
	low  uint64
	high []uint64 // groups from 64 on; never written to
}

func (s groupSet) add(n int) groupSet {
	if n < 64 {
		s.low |= 1 << n
		return s
	}
	word := n/64 - 1
	high := make([]uint64, max(len(s.high), word+1))
	copy(high, s.high)
	high[word] |= 1 << (n % 64)
	s.high = high
	return s
}

// meets reports whether a and b share a group.
func (s groupSet) meets(o groupSet) bool {
	return s.low&o.low != 0 || len(s.high) > 0 && len(o.high) > 0 && s.meetsHigh(o)
}

func (s groupSet) meetsHigh(o groupSet) bool {
	for i := range min(len(s.high), len(o.high)) {
		if s.high[i]&o.high[i] != 0 {
			return true
		}
	}
	return false
}

func (s groupSet) empty() bool { return s.within(groupSet{}) }

func (s groupSet) equal(o groupSet) bool { return s.within(o) && o.within(s) }

// within reports whether all groups of s are in o.
func (s groupSet) within(o groupSet) bool {
	if s.low&^o.low != 0 {
		return false
	}
	for i, w := range s.high {
		if i < len(o.high) {
			w &^= o.high[i]
		}
		if w != 0 {
			return false
		}
	}
	return true
}

func (s groupSet) has(n int) bool {
	if n < 64 {
		return s.low&(1<<n) != 0
	}
	word := n/64 - 1
	return word < len(s.high) && s.high[word]&(1<<(n%64)) != 0
}

func (s groupSet) union(o groupSet) groupSet {
	s.low |= o.low
	if len(o.high) == 0 {
		return s
	}
	high := make([]uint64, max(len(s.high), len(o.high)))
	copy(high, s.high)
	for i, w := range o.high {
		high[i] |= w
	}
	s.high = high
	return s
}

// groupNumbers gives each group that a client is in a number, for as long as the
// router lives. Administrators make groups, so there are not many.
type groupNumbers struct {
	mu     sync.RWMutex // guards byName
	byName map[string]int
}

// set returns the set of names, which get numbers if they have none.
func (g *groupNumbers) set(names []string) groupSet {
	s, all := g.known(names)
	if all {
		return s
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range names {
		n, ok := g.byName[name]
		if !ok {
			n = len(g.byName)
			g.byName[name] = n
		}
		s = s.add(n)
	}
	return s
}

// known returns the set of those names that some client has ever been in, and
// whether that is all of them.
func (g *groupNumbers) known(names []string) (s groupSet, all bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	all = true
	for _, name := range names {
		if n, ok := g.byName[name]; ok {
			s = s.add(n)
		} else {
			all = false
		}
	}
	return s, all
}

// of returns the set of those names, as far as some client has been in them.
func (g *groupNumbers) of(names []string) groupSet {
	s, _ := g.known(names)
	return s
}

// within returns the set of name alone if it is in s.
func (g *groupNumbers) within(s groupSet, name string) groupSet {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if n, ok := g.byName[name]; ok && s.has(n) {
		return groupSet{}.add(n)
	}
	return groupSet{}
}

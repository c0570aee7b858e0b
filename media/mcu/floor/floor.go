// Package floor decides who is heard where one speaks at a time, as on a radio
// channel. It is pure: it knows neither sound nor clocks, and time comes in with
// the calls.
package floor

import "time"

// Rank says who goes before whom. Only a higher one takes the floor from somebody.
type Rank uint8

// The ranks.
const (
	Common Rank = iota
	Priority
	Emergency // is not bound by the limit either
)

// Reason says why somebody talks in vain.
type Reason string

// The reasons.
const (
	Taken      Reason = "taken"      // another has the floor
	Overridden Reason = "overridden" // somebody of a higher rank has taken it
	Limit      Reason = "limit"      // talked for too long without a pause
)

const (
	// Hang is the silence that ends a turn: shorter than between two sentences,
	// longer than between two words.
	Hang = 500 * time.Millisecond
	// Grace is how long the floor is held for who asked for it and has not begun
	// to talk: a hand is quicker than a microphone.
	Grace = 2 * time.Second
)

// Floor is the floor of one room. K names who talks. It is for one goroutine at a
// time.
type Floor[K comparable] struct {
	limit  time.Duration
	held   bool
	holder K
	rank   Rank      // of the holder
	since  time.Time // the limit counts from
	heard  time.Time // holder's voice, or until when Grace holds the floor

	vain map[K]*attempt // who talks without the floor, or was cut off; each until it lets go

	moved bool // the holder has changed since the last call of News
	news  []News[K]
}

type attempt struct {
	heard time.Time
	rank  Rank
}

// News is that somebody begins to talk in vain, or does not any more.
type News[K comparable] struct {
	Who    K
	Vain   bool
	Reason Reason // if Vain
}

// Holding is who has the floor.
type Holding[K comparable] struct {
	Held  bool
	Who   K
	Rank  Rank
	Since time.Time
	Until time.Time // zero: there is no limit
}

// New returns a free floor on which one may talk for as long as limit.
func New[K comparable](limit time.Duration) *Floor[K] {
	return &Floor[K]{limit: limit, vain: make(map[K]*attempt)}
}

// SetLimit changes the limit, also for who talks.
func (f *Floor[K]) SetLimit(limit time.Duration) {
	if f.limit != limit {
		f.limit, f.moved = limit, f.moved || f.held
	}
}

// Holds reports whether k has the floor.
func (f *Floor[K]) Holds(k K) bool { return f.held && f.holder == k }

// Knows reports whether k has the floor, or talks in vain.
func (f *Floor[K]) Knows(k K) bool { return f.Holds(k) || f.vain[k] != nil }

// Speak says that there is voice of k, and reports whether it is to be heard.
func (f *Floor[K]) Speak(k K, rank Rank, now time.Time) bool {
	f.Step(now)
	if f.Holds(k) {
		f.keep(rank, now)
		return true
	}
	a := f.vain[k]
	if a != nil {
		a.heard = now
		if rank <= a.rank {
			return false // has to let go first
		}
		a.rank = rank
	}
	if f.held && rank <= f.rank {
		if a == nil {
			f.refuse(k, rank, Taken, now)
		}
		return false
	}
	f.take(k, rank, now)
	return true
}

// Ask takes the floor for k before it talks, and reports whether it could.
func (f *Floor[K]) Ask(k K, rank Rank, now time.Time) bool {
	f.Step(now)
	switch {
	case f.Holds(k):
	case f.vain[k] != nil && rank <= f.vain[k].rank, f.held && rank <= f.rank:
		return false
	default:
		f.take(k, rank, now)
	}
	f.heard = now.Add(Grace - Hang)
	return true
}

// LetGo says that k does not talk any more.
func (f *Floor[K]) LetGo(k K) {
	if f.Holds(k) {
		f.free()
	}
	f.forgive(k)
}

// Step does what is due at now: silence frees the floor, and so does the limit.
func (f *Floor[K]) Step(now time.Time) {
	for k, a := range f.vain {
		if now.Sub(a.heard) >= Hang {
			f.forgive(k)
		}
	}
	if !f.held {
		return
	}
	switch end, limited := f.until(); {
	case now.Sub(f.heard) >= Hang:
		f.free()
	case limited && !now.Before(end):
		f.refuse(f.holder, f.rank, Limit, now)
		f.free()
	}
}

// Next returns when Step has something to do; false: when somebody talks.
func (f *Floor[K]) Next() (next time.Time, ok bool) {
	earlier := func(t time.Time) {
		if !ok || t.Before(next) {
			next, ok = t, true
		}
	}
	if f.held {
		earlier(f.heard.Add(Hang))
		if end, limited := f.until(); limited {
			earlier(end)
		}
	}
	for _, a := range f.vain {
		earlier(a.heard.Add(Hang))
	}
	return next, ok
}

// Stirred reports whether News has something to tell.
func (f *Floor[K]) Stirred() bool { return f.moved || len(f.news) > 0 }

// News returns what has happened since the last call, and whether who has the floor,
// or for how long, has changed.
func (f *Floor[K]) News() (news []News[K], moved bool) {
	news, moved = f.news, f.moved
	f.news, f.moved = nil, false
	return news, moved
}

// Now returns who has the floor.
func (f *Floor[K]) Now() Holding[K] {
	if !f.held {
		return Holding[K]{}
	}
	h := Holding[K]{Held: true, Who: f.holder, Rank: f.rank, Since: f.since}
	if end, limited := f.until(); limited {
		h.Until = end
	}
	return h
}

// InVain returns who talks in vain.
func (f *Floor[K]) InVain() []K {
	all := make([]K, 0, len(f.vain))
	for k := range f.vain {
		all = append(all, k)
	}
	return all
}

func (f *Floor[K]) until() (end time.Time, limited bool) {
	return f.since.Add(f.limit), f.rank != Emergency
}

// keep notes voice of the holder, whose rank may have changed.
func (f *Floor[K]) keep(rank Rank, now time.Time) {
	if now.After(f.heard) {
		f.heard = now
	}
	if rank == f.rank {
		return
	}
	if f.rank == Emergency {
		f.since = now // the limit begins to count
	}
	f.rank, f.moved = rank, true
}

func (f *Floor[K]) take(k K, rank Rank, now time.Time) {
	if f.held {
		f.refuse(f.holder, f.rank, Overridden, now)
	}
	f.forgive(k)
	f.held, f.holder, f.rank, f.since, f.heard, f.moved = true, k, rank, now, now, true
}

func (f *Floor[K]) free() {
	var nobody K
	f.held, f.holder, f.moved = false, nobody, true
}

func (f *Floor[K]) refuse(k K, rank Rank, why Reason, now time.Time) {
	f.vain[k] = &attempt{heard: now, rank: rank}
	f.news = append(f.news, News[K]{Who: k, Vain: true, Reason: why})
}

func (f *Floor[K]) forgive(k K) {
	if f.vain[k] != nil {
		delete(f.vain, k)
		f.news = append(f.news, News[K]{Who: k})
	}
}

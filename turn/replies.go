package turn

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/limit"
)

// Answers that an address gets in a second without having proven that it is where
// its packets say. A server that answers everything is a tool to flood others.
const (
	repliesPerSecond = 100
	repliesBuckets   = 1 << 14
)

// replies counts answers by address in a table of fixed size, which many forged
// addresses cannot fill. Two addresses that share a bucket share its answers.
type replies struct {
	seed   maphash.Seed
	second atomic.Int64
	counts [repliesBuckets]atomic.Int32
}

func newReplies() *replies { return &replies{seed: maphash.MakeSeed()} }

// allow counts an answer to addr and reports whether it may be sent.
func (r *replies) allow(addr netip.Addr, now time.Time) bool {
	if was, is := r.second.Load(), now.Unix(); was != is && r.second.CompareAndSwap(was, is) {
		for i := range r.counts {
			r.counts[i].Store(0)
		}
	}
	b := limit.Prefix(addr).Addr().As16()
	return r.counts[maphash.Bytes(r.seed, b[:])%repliesBuckets].Add(1) <= repliesPerSecond
}

// maxRevoked bounds the guests that are remembered; the oldest is forgotten first.
const maxRevoked = 10_000

// revoked remembers guests whose credentials count no more, for as long as one can
// be valid.
type revoked struct {
	mu     sync.Mutex // guards what follows
	guests map[string]int64
}

func newRevoked() *revoked { return &revoked{guests: make(map[string]int64)} }

func (r *revoked) add(guest string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guests[guest] = now.UnixMilli()
	if len(r.guests) <= maxRevoked {
		return
	}
	oldest, at := "", int64(0)
	for g, t := range r.guests {
		if oldest == "" || t < at {
			oldest, at = g, t
		}
	}
	delete(r.guests, oldest)
}

// holds reports whether a credential that guest got at issued, in Unix
// milliseconds, is worth nothing.
func (r *revoked) holds(guest string, issued int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.guests[guest]
	return ok && issued <= at
}

func (r *revoked) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for g, t := range r.guests {
		if now.UnixMilli()-t > MaxCredentialTTL.Milliseconds() {
			delete(r.guests, g)
		}
	}
}

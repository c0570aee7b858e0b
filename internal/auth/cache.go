package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"muster/internal/limit"
)

// proofKey stands for a user name and password, and says nothing about them
// outside this process.
type proofKey [sha256.Size]byte

// proofs remembers for a short while which passwords were right, so that a
// client that sends one with each request costs one hash and not many. It also
// lets equal proofs that arrive together be checked once.
type proofs struct {
	secret []byte // random, of this process
	life   time.Duration
	max    int

	mu     sync.Mutex // guards what follows
	right  map[proofKey]proven
	flight map[flightKey]*flight
	hits   int64
}

// proven says which state of which user a password was right for.
type proven struct {
	uid   string
	stamp int64
	until time.Time
}

// flightKey also names the source: what one client asks must not be answered by
// another's attempt, which the limiter counts for another address.
type flightKey struct {
	proof  proofKey
	source netip.Prefix
}

// flight is a check under way.
type flight struct {
	done chan struct{} // closed when err is set
	err  error
}

func newProofs(life time.Duration, limit int) *proofs {
	secret := make([]byte, 32)
	rand.Read(secret)
	return &proofs{secret: secret, life: life, max: limit,
		right: make(map[proofKey]proven), flight: make(map[flightKey]*flight)}
}

// key binds user, which is canonical and has no NUL, and password.
func (c *proofs) key(user, password string) proofKey {
	mac := hmac.New(sha256.New, c.secret)
	mac.Write([]byte(user))
	mac.Write([]byte{0})
	mac.Write([]byte(password))
	return proofKey(mac.Sum(nil))
}

// holds reports whether the password behind k was lately right for u as it is.
func (c *proofs) holds(k proofKey, u userRow) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.right[k]
	if !ok || p.uid != u.ID || p.stamp != u.Stamp || !time.Now().Before(p.until) {
		return false
	}
	c.hits++
	return true
}

// add remembers that the password behind k is right for u. When it is full,
// what is over goes; if nothing is, an arbitrary entry goes.
func (c *proofs) add(k proofKey, u userRow) {
	if c.life == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if len(c.right) >= c.max {
		for k, p := range c.right {
			if !now.Before(p.until) {
				delete(c.right, k)
			}
		}
	}
	for k := range c.right {
		if len(c.right) < c.max {
			break
		}
		delete(c.right, k)
	}
	c.right[k] = proven{uid: u.ID, stamp: u.Stamp, until: now.Add(c.life)}
}

// forget drops all that is remembered about the users.
func (c *proofs) forget(uids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, p := range c.right {
		for _, uid := range uids {
			if p.uid == uid {
				delete(c.right, k)
			}
		}
	}
}

// enter returns the check of k from source that is under way, or starts one:
// then first is true and the caller must call leave.
func (c *proofs) enter(k proofKey, source netip.Addr) (f *flight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := flightKey{k, limit.Prefix(source)}
	if f := c.flight[key]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	c.flight[key] = f
	return f, true
}

func (c *proofs) leave(k proofKey, source netip.Addr, f *flight, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.err = err
	delete(c.flight, flightKey{k, limit.Prefix(source)})
	close(f.done)
}

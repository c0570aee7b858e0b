package sip

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"muster/internal/limit"
)

// ErrBusy says that a call would be one too many for the limits of section caps.
var ErrBusy = errors.New("sip: too many calls")

// caps counts calls against their limits.
type caps struct {
	cfg CapsConfig

	mu       sync.Mutex // guards what follows
	total    int
	strange  int // of callers without an account, from all addresses
	users    map[string]int
	prefixes map[netip.Prefix]int // of callers without an account
	outbound map[string]int
	trunks   map[string]int
	begun    map[string][]time.Time // calls over trunks in the last hour, by user; at most PerUserHour each
}

func newCaps(cfg CapsConfig) *caps {
	return &caps{
		cfg: cfg, users: make(map[string]int), prefixes: make(map[netip.Prefix]int),
		outbound: make(map[string]int), trunks: make(map[string]int), begun: make(map[string][]time.Time),
	}
}

// strangersShare is the part of all calls that callers without an account may
// have: they are many addresses where addresses are forged.
const strangersShare = 2

// take counts a call of user, or of a stranger at addr where user is empty.
func (c *caps) take(user string, addr netip.Addr) (release func(), err error) {
	p := limit.Prefix(addr)
	stranger := user == ""
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.total >= c.cfg.Calls, !stranger && c.users[user] >= c.cfg.PerUser,
		stranger && (c.prefixes[p] >= c.cfg.PerAddress || c.strange*strangersShare >= c.cfg.Calls):
		return nil, ErrBusy
	}
	c.total++
	if stranger {
		c.strange++
		c.prefixes[p]++
	} else {
		c.users[user]++
	}
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.total--
		if stranger {
			c.strange--
			less(c.prefixes, p)
		} else {
			less(c.users, user)
		}
	}), nil
}

// takeAny counts a call that nobody here has made: over a trunk, which has a limit
// of its own.
func (c *caps) takeAny() (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= c.cfg.Calls {
		return nil, ErrBusy
	}
	c.total++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.total--
	}), nil
}

// takeTrunk counts a call over a trunk. For outbound ones the user who pays is
// held to limits of money: at a time and in an hour.
func (c *caps) takeTrunk(name string, most int, user string, outbound bool, now time.Time) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if most > 0 && c.trunks[name] >= most {
		return nil, ErrBusy
	}
	if outbound {
		recent := c.begun[user]
		for len(recent) > 0 && now.Sub(recent[0]) > time.Hour {
			recent = recent[1:]
		}
		if c.outbound[user] >= c.cfg.Outbound || len(recent) >= c.cfg.PerUserHour {
			c.begun[user] = recent
			return nil, ErrBusy
		}
		c.begun[user] = append(recent, now)
		c.outbound[user]++
	}
	c.trunks[name]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		less(c.trunks, name)
		if outbound {
			less(c.outbound, user)
		}
	}), nil
}

func less[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

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

// take counts a call of user, or of a stranger at addr where user is empty.
func (c *caps) take(user string, addr netip.Addr) (release func(), err error) {
	p := limit.Prefix(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= c.cfg.Calls || user != "" && c.users[user] >= c.cfg.PerUser || user == "" && c.prefixes[p] >= c.cfg.PerAddress {
		return nil, ErrBusy
	}
	c.total++
	if user != "" {
		c.users[user]++
	} else {
		c.prefixes[p]++
	}
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.total--
		if user != "" {
			less(c.users, user)
		} else {
			less(c.prefixes, p)
		}
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

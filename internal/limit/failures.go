package limit

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// FailuresConfig says how many failed logins are free. Each number is per
// Window; what exceeds it is answered with a waiting time that doubles.
type FailuresConfig struct {
	Window      time.Duration `yaml:"window" doc:"Time over which failed logins are counted."`
	PerPair     int           `yaml:"perPair" doc:"Failed logins per window that are free for one account from one address."`
	PerAddress  int           `yaml:"perAddress" doc:"Failed logins per window that are free for one address (IPv6: one /64), over all accounts."`
	PerNetwork  int           `yaml:"perNetwork" doc:"Failed logins per window that are free for one network (IPv4 /24, IPv6 /48)."`
	PerAccount  int           `yaml:"perAccount" doc:"Failed logins per window on one account, from everywhere, after which logins to it from unfamiliar addresses are slowed down; it is never locked."`
	MaxWait     time.Duration `yaml:"maxWait" doc:"Longest time an address has to wait after failing too often."`
	AccountWait time.Duration `yaml:"accountWait" doc:"How long a login to an attacked account takes from an unfamiliar address."`
	Familiar    time.Duration `yaml:"familiar" doc:"How long an address stays familiar to an account after a successful login."`
	MaxEntries  int           `yaml:"maxEntries" doc:"How many accounts, addresses and pairs are remembered; the oldest are forgotten first."`
}

// DefaultFailures returns the limits the server starts with.
func DefaultFailures() FailuresConfig {
	return FailuresConfig{
		Window: 5 * time.Minute, PerPair: 10, PerAddress: 50, PerNetwork: 500, PerAccount: 100,
		MaxWait: 15 * time.Minute, AccountWait: 2 * time.Second, Familiar: 7 * 24 * time.Hour, MaxEntries: 100_000,
	}
}

// Validate reports the first setting that makes no sense.
func (c FailuresConfig) Validate() error {
	for _, n := range []struct {
		name string
		v    int
	}{{"perPair", c.PerPair}, {"perAddress", c.PerAddress}, {"perNetwork", c.PerNetwork}, {"perAccount", c.PerAccount}} {
		if n.v < 1 {
			return fmt.Errorf("%s must be at least 1", n.name)
		}
	}
	switch {
	case c.Window < time.Second:
		return fmt.Errorf("window must be at least 1s")
	case c.MaxWait < time.Second:
		return fmt.Errorf("maxWait must be at least 1s")
	case c.AccountWait < 0 || c.AccountWait > 10*time.Second:
		return fmt.Errorf("accountWait must be between 0s and 10s")
	case c.Familiar < 0:
		return fmt.Errorf("familiar must not be negative")
	case c.MaxEntries < 1000:
		return fmt.Errorf("maxEntries must be at least 1000")
	}
	return nil
}

// ExceededError refuses an attempt. It says nothing about the account.
type ExceededError struct{ RetryAfter time.Duration }

func (e *ExceededError) Error() string {
	return fmt.Sprintf("limit: too many failures, retry after %s", e.RetryAfter)
}

// Failures counts failed logins at four levels, from narrow to wide: account
// and address together, address, network, account. The first three refuse for a
// growing time. The account alone only slows down, because a stranger must not
// be able to lock the owner out; and an address from which the account was
// opened lately is familiar and obeys the first level only.
//
// An attempt is charged before its credentials are looked at and refunded when
// they are right, so that many attempts in parallel are no way round.
type Failures struct {
	cfg FailuresConfig
	now func() time.Time

	mu       sync.Mutex // guards what follows
	pairs    *table[pairKey]
	address  *table[netip.Prefix]
	network  *table[netip.Prefix]
	accounts *table[string]
	familiar *table[pairKey]
	refused  int64
	failed   int64
}

type pairKey struct {
	account string
	prefix  netip.Prefix
}

// NewFailures returns an empty counter. now is the clock.
func NewFailures(cfg FailuresConfig, now func() time.Time) *Failures {
	return &Failures{
		cfg: cfg, now: now,
		pairs:    newTable[pairKey](cfg.MaxEntries),
		address:  newTable[netip.Prefix](cfg.MaxEntries),
		network:  newTable[netip.Prefix](cfg.MaxEntries),
		accounts: newTable[string](cfg.MaxEntries),
		familiar: newTable[pairKey](cfg.MaxEntries),
	}
}

// Attempt is one login under way. Exactly one of its methods Succeeded, Failed
// and Abandoned must be called; later calls do nothing.
type Attempt struct {
	// Delay is how long to wait before the credentials are looked at.
	Delay time.Duration

	f       *Failures
	account string
	addr    netip.Addr
	over    bool
}

// Begin charges an attempt to log in to account from addr, or refuses it with
// an *ExceededError. account is the canonical login name, at most a few dozen
// bytes; names that do not exist are counted like others.
func (f *Failures) Begin(account string, addr netip.Addr) (*Attempt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	a := &Attempt{f: f, account: account, addr: addr}
	pair := pairKey{account, Prefix(addr)}
	known := f.isFamiliar(pair, now)

	wait := f.pairs.get(pair).wait(now, f.cfg, f.pairLimit(known))
	if !known {
		wait = max(wait,
			f.address.get(pair.prefix).wait(now, f.cfg, f.cfg.PerAddress),
			f.network.get(Network(addr)).wait(now, f.cfg, f.cfg.PerNetwork))
		if acc := f.accounts.get(account); acc != nil && acc.level(now, f.cfg.Window, f.cfg.PerAccount) >= float64(f.cfg.PerAccount) {
			a.Delay = f.cfg.AccountWait
		}
	}
	if wait > 0 {
		f.refused++
		return nil, &ExceededError{RetryAfter: wait}
	}
	for _, e := range f.entries(a) {
		e.pending++
	}
	return a, nil
}

// pairLimit is how many attempts of one pair may be under way and failed
// together. Players of a familiar user open many connections at once.
func (f *Failures) pairLimit(known bool) int {
	if known {
		return f.cfg.PerPair + 64
	}
	return f.cfg.PerPair
}

func (f *Failures) isFamiliar(k pairKey, now time.Time) bool {
	e := f.familiar.get(k)
	return e != nil && now.Sub(e.last) < f.cfg.Familiar
}

// entries returns a's entries, made if need be, in the order of limits.
func (f *Failures) entries(a *Attempt) [4]*entry {
	p := Prefix(a.addr)
	return [4]*entry{
		f.pairs.make(pairKey{a.account, p}),
		f.address.make(p),
		f.network.make(Network(a.addr)),
		f.accounts.make(a.account),
	}
}

// finish takes the charge back and returns the entries, or false if the
// attempt is over already.
func (a *Attempt) finish() ([4]*entry, bool) {
	if a.over {
		return [4]*entry{}, false
	}
	a.over = true
	es := a.f.entries(a)
	for _, e := range es {
		// An entry that was forgotten meanwhile starts again at zero.
		e.pending = max(0, e.pending-1)
	}
	return es, true
}

// Succeeded forgets the failures of this account from this address, and makes
// the address familiar. Those of the address as a whole stay: an attacker with
// an account of their own must not be able to wipe them.
func (a *Attempt) Succeeded() {
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := a.finish(); !ok {
		return
	}
	pair := pairKey{a.account, Prefix(a.addr)}
	e := f.pairs.make(pair)
	e.count, e.strikes, e.until = 0, 0, time.Time{}
	f.familiar.make(pair).last = f.now()
}

// Failed counts a failure.
func (a *Attempt) Failed() {
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	es, ok := a.finish()
	if !ok {
		return
	}
	f.failed++
	now := f.now()
	for i, free := range [4]int{f.cfg.PerPair, f.cfg.PerAddress, f.cfg.PerNetwork, f.cfg.PerAccount} {
		es[i].fail(now, f.cfg, free)
	}
}

// Abandoned ends an attempt whose credentials were not looked at: nothing is
// counted.
func (a *Attempt) Abandoned() {
	a.f.mu.Lock()
	defer a.f.mu.Unlock()
	a.finish()
}

// Refused returns how many attempts Begin refused.
func (f *Failures) Refused() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refused
}

// Failed returns how many attempts failed.
func (f *Failures) Failed() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// Entries returns how many entries are remembered, over all levels.
func (f *Failures) Entries() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pairs.len() + f.address.len() + f.network.len() + f.accounts.len() + f.familiar.len()
}

package limit

import (
	"fmt"
	"net/netip"
	"sync"
)

// ConnsConfig bounds connections that are open at once.
type ConnsConfig struct {
	PerAddress int `yaml:"perAddress" doc:"Connections one address (IPv6: one /64) may hold open at one door."`
	Total      int `yaml:"total" doc:"Connections that may be open at one door in all."`
}

// DefaultConns returns the limits a door starts with. They leave room for a
// site behind one address and stay under a hard limit of 20,000 open files.
func DefaultConns() ConnsConfig { return ConnsConfig{PerAddress: 1000, Total: 8000} }

// Validate reports the first setting that makes no sense.
func (c ConnsConfig) Validate() error {
	if c.PerAddress < 1 {
		return fmt.Errorf("perAddress must be at least 1")
	}
	if c.Total < c.PerAddress {
		return fmt.Errorf("total must be at least perAddress")
	}
	return nil
}

// Conns counts what is open, per source prefix and in total.
type Conns struct {
	cfg ConnsConfig

	mu      sync.Mutex // guards what follows
	open    map[netip.Prefix]int
	total   int
	refused int64
}

// NewConns returns a counter with nothing open.
func NewConns(cfg ConnsConfig) *Conns { return &Conns{cfg: cfg, open: make(map[netip.Prefix]int)} }

// Acquire takes a place for a connection from addr. When ok, release must be
// called at its end; calling it twice is harmless.
func (c *Conns) Acquire(addr netip.Addr) (release func(), ok bool) {
	key := Prefix(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= c.cfg.Total || c.open[key] >= c.cfg.PerAddress {
		c.refused++
		return nil, false
	}
	c.total++
	c.open[key]++
	return sync.OnceFunc(func() { c.release(key) }), true
}

func (c *Conns) release(key netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.open[key]--; c.open[key] == 0 {
		delete(c.open, key)
	}
}

// Open returns how many connections are open.
func (c *Conns) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// Refused returns how many connections were refused.
func (c *Conns) Refused() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

package stream

import (
	"container/list"
	"net/netip"
	"sync"

	"muster/internal/limit"
)

// pending holds the connections that have not yet proven who they are. When
// there is no room for one more, the oldest that waits for its client makes
// room: thousands that are opened and left to wait keep nobody out.
type pending struct {
	limits limit.ConnsConfig

	mu       sync.Mutex // guards what follows
	order    list.List  // of *candidate, the oldest first
	byPrefix map[netip.Prefix]int
}

// candidate is one connection that is pending.
type candidate struct {
	p      *pending
	sock   *socket
	prefix netip.Prefix
	el     *list.Element // nil: no longer pending
}

// add takes a connection in, or returns nil where there is no room. evicted
// reports that another one was cut for it.
func (p *pending) add(sock *socket, addr netip.Addr) (c *candidate, evicted bool) {
	c = &candidate{p: p, sock: sock, prefix: limit.Prefix(addr)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byPrefix == nil {
		p.byPrefix = make(map[netip.Prefix]int)
	}
	crowded := p.byPrefix[c.prefix] >= p.limits.PerAddress
	if crowded || p.order.Len() >= p.limits.Total {
		old := p.oldest(c.prefix, crowded)
		if old == nil {
			return nil, false
		}
		old.sock.Close()
		p.remove(old)
		evicted = true
	}
	p.byPrefix[c.prefix]++
	c.el = p.order.PushBack(c)
	return c, evicted
}

// oldest returns the candidate that makes room: of the prefix only, if own.
func (p *pending) oldest(prefix netip.Prefix, own bool) *candidate {
	for el := p.order.Front(); el != nil; el = el.Next() {
		if c := el.Value.(*candidate); c.sock.parked.Load() && (!own || c.prefix == prefix) {
			return c
		}
	}
	return nil
}

// done takes the connection out: it has proven who it is, or has ended. Calling
// it twice is harmless.
func (c *candidate) done() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.remove(c)
}

func (p *pending) remove(c *candidate) {
	if c.el == nil {
		return
	}
	p.order.Remove(c.el)
	c.el = nil
	if p.byPrefix[c.prefix]--; p.byPrefix[c.prefix] == 0 {
		delete(p.byPrefix, c.prefix)
	}
}

func (p *pending) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.order.Len()
}

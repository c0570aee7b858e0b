package turn

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"muster/internal/mmsg"
)

// outbox gathers what goes to clients, and sends it with one call.
type outbox struct {
	e      *engine
	msgs   []mmsg.Message
	iovs   []unix.Iovec
	allocs []*allocation
	ctrl   []mmsg.Segments
	bursts []extent
	n, iov int
}

// extent is how much is in one message of an outbox.
type extent struct {
	size  int // of each packet but the last
	total int
	open  bool // another of that size may follow
}

func (o *outbox) init(e *engine) {
	n := 2 * batch
	*o = outbox{e: e, msgs: make([]mmsg.Message, n), iovs: make([]unix.Iovec, n), allocs: make([]*allocation, n), ctrl: make([]mmsg.Segments, n), bursts: make([]extent, n)}
}

// add queues b for the client of a. b stays in use until flush.
func (o *outbox) add(a *allocation, b []byte) {
	if o.iov == len(o.iovs) {
		o.flush()
	}
	v := &o.iovs[o.iov]
	v.Base = &b[0]
	v.SetLen(len(b))
	o.iov++
	if o.n > 0 && o.allocs[o.n-1] == a && o.join(o.n-1, len(b)) {
		return
	}
	o.msgs[o.n].To(&a.dest, v, 1)
	o.allocs[o.n], o.bursts[o.n] = a, extent{len(b), len(b), true}
	o.n++
}

// join makes the packet of n bytes that was added last the next segment of
// message i, if it can be.
func (o *outbox) join(i, n int) bool {
	x, m := &o.bursts[i], &o.msgs[i]
	if !x.open || n > x.size || x.total+n > mmsg.MaxBurst || len(m.Parts()) == mmsg.MaxSegments || o.e.noGSO.Load() {
		return false
	}
	x.total += n
	x.open = n == x.size
	m.More(&o.ctrl[i], x.size)
	return true
}

// flush sends what was added.
func (o *outbox) flush() {
	for i := 0; i < o.n; {
		n, err := mmsg.Send(o.e.door, o.msgs[i:o.n])
		if i += n; err == nil {
			break
		}
		if len(o.msgs[i].Parts()) > 1 { // not in segments, then
			o.e.refusedSegments(err)
			o.single(i)
		} else {
			o.e.s.n.dropped.Add(1)
		}
		i++
	}
	clear(o.allocs[:o.n])
	o.n, o.iov = 0, 0
}

func (o *outbox) single(i int) {
	for _, v := range o.msgs[i].Parts() {
		o.e.send(o.allocs[i].dest, unsafe.Slice(v.Base, int(v.Len)))
	}
}

// burst gathers packets that one client sends to one peer, one after the other.
type burst struct {
	e    *engine
	r    *relay
	c    *channel
	iovs [mmsg.MaxSegments]unix.Iovec
	n    int
	x    extent
	ctrl mmsg.Segments
}

// add queues b for the peer of c. b stays in use until flush.
func (u *burst) add(r *relay, c *channel, b []byte) {
	if len(b) == 0 {
		u.flush()
		r.send(c.dest, b)
		return
	}
	if u.n > 0 && (u.r != r || u.c != c || !u.x.open || len(b) > u.x.size || u.x.total+len(b) > mmsg.MaxBurst || u.n == mmsg.MaxSegments || u.e.noGSO.Load()) {
		u.flush()
	}
	if u.n == 0 {
		u.r, u.c, u.x = r, c, extent{size: len(b), open: true}
	}
	u.iovs[u.n].Base = &b[0]
	u.iovs[u.n].SetLen(len(b))
	u.n++
	u.x.total += len(b)
	u.x.open = u.x.open && len(b) == u.x.size
}

// flush sends what was added.
func (u *burst) flush() {
	if u.n > 1 && !u.segmented() || u.n == 1 {
		for _, v := range u.iovs[:u.n] {
			u.r.send(u.c.dest, unsafe.Slice(v.Base, int(v.Len)))
		}
	}
	u.n, u.r, u.c = 0, nil, nil
}

// segmented sends all of it at once and reports whether the kernel took it.
func (u *burst) segmented() bool {
	u.r.mu.RLock()
	defer u.r.mu.RUnlock()
	if u.r.closed {
		return true
	}
	err := mmsg.SendBurst(u.r.fd, &u.c.dest, u.iovs[:u.n], &u.ctrl, u.x.size)
	u.e.refusedSegments(err)
	return err == nil
}

// refusedSegments remembers that segments cannot be sent here.
func (e *engine) refusedSegments(err error) {
	if mmsg.Unsegmented(err) {
		e.noGSO.Store(true)
	}
}

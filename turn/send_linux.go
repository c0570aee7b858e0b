package turn

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize is the size of the control message that names the segments.
var controlSize = unix.CmsgSpace(2)

// control is space for it.
type control [24]byte

// segment makes h a datagram that the kernel cuts into pieces of size bytes.
func (c *control) segment(h *unix.Msghdr, size int) {
	m := (*unix.Cmsghdr)(unsafe.Pointer(c))
	m.Level, m.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	m.SetLen(unix.CmsgLen(2))
	*(*uint16)(unsafe.Pointer(&c[unix.CmsgLen(0)])) = uint16(size)
	h.Control = &c[0]
	h.SetControllen(controlSize)
}

// outbox gathers what goes to clients, and sends it with one call.
type outbox struct {
	e      *engine
	msgs   []message
	iovs   []unix.Iovec
	allocs []*allocation
	ctrl   []control
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
	*o = outbox{e: e, msgs: make([]message, n), iovs: make([]unix.Iovec, n), allocs: make([]*allocation, n), ctrl: make([]control, n), bursts: make([]extent, n)}
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
	m := &o.msgs[o.n]
	m.hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&a.dest.sa)), Namelen: a.dest.n, Iov: v}
	m.hdr.SetIovlen(1)
	o.allocs[o.n], o.bursts[o.n] = a, extent{len(b), len(b), true}
	o.n++
}

// join makes the packet of n bytes that was added last the next segment of
// message i, if it can be.
func (o *outbox) join(i, n int) bool {
	x, h := &o.bursts[i], &o.msgs[i].hdr
	if !x.open || n > x.size || x.total+n > maxBurst || h.Iovlen == maxSegments || o.e.noGSO.Load() {
		return false
	}
	x.total += n
	x.open = n == x.size
	h.SetIovlen(int(h.Iovlen) + 1)
	o.ctrl[i].segment(h, x.size)
	return true
}

// flush sends what was added.
func (o *outbox) flush() {
	for i := 0; i < o.n; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(o.e.door), uintptr(unsafe.Pointer(&o.msgs[i])), uintptr(o.n-i), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno == 0:
			i += int(n)
		default:
			if o.msgs[i].hdr.Iovlen > 1 { // not in segments, then
				o.e.refusedSegments(errno)
				o.single(i)
			} else {
				o.e.s.n.dropped.Add(1)
			}
			i++
		}
	}
	clear(o.allocs[:o.n])
	o.n, o.iov = 0, 0
}

func (o *outbox) single(i int) {
	h := &o.msgs[i].hdr
	for _, v := range unsafe.Slice(h.Iov, int(h.Iovlen)) {
		o.e.send(o.allocs[i].dest, unsafe.Slice(v.Base, int(v.Len)))
	}
}

// burst gathers packets that one client sends to one peer, one after the other.
type burst struct {
	e    *engine
	r    *relay
	c    *channel
	iovs [maxSegments]unix.Iovec
	n    int
	x    extent
	ctrl control
}

// add queues b for the peer of c. b stays in use until flush.
func (u *burst) add(r *relay, c *channel, b []byte) {
	if len(b) == 0 {
		u.flush()
		r.send(c.dest, b)
		return
	}
	if u.n > 0 && (u.r != r || u.c != c || !u.x.open || len(b) > u.x.size || u.x.total+len(b) > maxBurst || u.n == maxSegments || u.e.noGSO.Load()) {
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
	h := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&u.c.dest.sa)), Namelen: u.c.dest.n, Iov: &u.iovs[0]}
	h.SetIovlen(u.n)
	u.ctrl.segment(&h, u.x.size)
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(u.r.fd), uintptr(unsafe.Pointer(&h)), unix.MSG_DONTWAIT)
	u.e.refusedSegments(errno)
	return errno == 0
}

// refusedSegments remembers that segments cannot be sent here. Other errors are of
// one packet, such as one that is larger than the path takes.
func (e *engine) refusedSegments(errno unix.Errno) {
	if errno == unix.EIO || errno == unix.EOPNOTSUPP || errno == unix.ENOPROTOOPT {
		e.noGSO.Store(true)
	}
}

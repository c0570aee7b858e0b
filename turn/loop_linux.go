package turn

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"muster/internal/mmsg"
	"muster/internal/run"
)

// loop is one thread of the data path. All but mu and relays belong to the
// goroutine in run.
type loop struct {
	e     *engine
	epoll int
	event int // an eventfd that interrupts the wait

	mu     sync.Mutex // guards relays
	relays map[int]*relay

	in  inbox
	out outbox
	to  burst

	moved  int // packets of this round
	last   time.Time
	filled bool // a socket may hold more than was taken
}

func newLoop(e *engine) (*loop, error) {
	l := &loop{e: e, event: -1, relays: make(map[int]*relay)}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if l.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		err = l.watch(l.event)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l.in.init()
	l.out.init(e)
	l.to.e = e
	return l, nil
}

func (l *loop) watch(fd int) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (l *loop) poke() { _, _ = unix.Write(l.event, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (l *loop) close() {
	_ = unix.Close(l.epoll)
	if l.event >= 0 {
		_ = unix.Close(l.event)
	}
}

// run serves the sockets until the engine stops. A panic costs the packets of one
// round.
func (l *loop) run() {
	for !l.e.stopping.Load() {
		l.rounds()
	}
}

func (l *loop) rounds() {
	defer run.Recover(l.e.s.log, part)
	events := make([]unix.EpollEvent, 256)
	for !l.e.stopping.Load() {
		n, err := unix.EpollWait(l.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			time.Sleep(10 * time.Millisecond) // unforeseen; it must not spin
			continue
		}
		now := time.Now()
		l.moved, l.filled = 0, false
		for _, ev := range events[:max(n, 0)] {
			switch fd := int(ev.Fd); fd {
			case l.event:
				var b [8]byte
				_, _ = unix.Read(fd, b[:])
			case l.e.door:
				l.readDoor(now.UnixNano())
			default:
				l.readRelay(fd, now.UnixNano())
			}
		}
		l.out.flush()
		l.in.used = 0
		l.pace(now)
	}
}

// Under load a round is put off until several packets have come, because waking a
// thread costs as much as relaying a packet. Nothing waits longer than pause.
const (
	pause     = 250 * time.Microsecond
	busyAfter = 500 * time.Microsecond // rounds that follow each other faster are load
)

func (l *loop) pace(now time.Time) {
	since := now.Sub(l.last)
	l.last = now
	if l.moved == 0 || l.filled || since > busyAfter {
		return
	}
	t := unix.NsecToTimespec(pause.Nanoseconds())
	_ = unix.Nanosleep(&t, nil)
}

// readDoor takes what clients have sent.
func (l *loop) readDoor(now int64) {
	l.out.flush()
	l.in.used = 0
	s := l.e.s
	n := l.in.receive(l.e.door)
	l.filled = l.filled || n == batch
	for i := range n {
		b, from, ok := l.in.packet(i)
		if !ok {
			s.n.dropped.Add(1)
			continue
		}
		data := isChannelData(b)
		if !data && !isSTUN(b) {
			s.n.malformed.Add(1)
			continue
		}
		if !data && !isSend(b) {
			s.add(from, b)
			continue
		}
		s.mu.RLock()
		a := s.byClient[from]
		s.mu.RUnlock()
		switch {
		case a == nil:
			s.n.unpermitted.Add(1)
		case data:
			l.moved++
			l.fromClient(a, b, now)
		default:
			l.moved++
			l.to.flush()
			a.indication(b)
		}
	}
	l.to.flush()
	l.in.used = 0
}

func (l *loop) fromClient(a *allocation, b []byte, now int64) {
	number, pkt, ok := channelData(b)
	if !ok {
		l.e.s.n.malformed.Add(1)
		return
	}
	c := a.outward(number, now)
	if c == nil {
		return
	}
	a.countUp(len(pkt))
	if c.local && a.handed(c.peer, pkt) {
		return
	}
	l.to.add(a.relay, c, pkt)
}

// readRelay takes what peers have sent to a relay.
func (l *loop) readRelay(fd int, now int64) {
	l.mu.Lock()
	r := l.relays[fd]
	l.mu.Unlock()
	if r == nil {
		return
	}
	if l.in.used > len(l.in.msgs)-batch {
		l.out.flush()
		l.in.used = 0
	}
	r.mu.RLock()
	if r.closed {
		r.mu.RUnlock()
		return
	}
	first := l.in.used
	n := l.in.receive(fd)
	r.mu.RUnlock()
	l.in.used += n
	l.moved += n
	l.filled = l.filled || n == batch
	a := r.alloc
	for i := range n {
		b, from, ok := l.in.packet(first + i)
		if !ok {
			l.e.s.n.dropped.Add(1)
			continue
		}
		out := a.wrap(l.in.whole(first+i, len(b)), from, now)
		switch {
		case out == nil:
		case a.client.conn != nil:
			a.toClient(out, len(b))
		default:
			a.countDown(len(b))
			l.out.add(a, out)
		}
	}
}

// inbox receives packets into buffers with headroom.
type inbox struct {
	msgs  []mmsg.Message
	iovs  []unix.Iovec
	names []mmsg.Name
	mem   []byte
	used  int
}

func (in *inbox) init() {
	n := 2 * batch
	in.msgs, in.iovs = make([]mmsg.Message, n), make([]unix.Iovec, n)
	in.names, in.mem = make([]mmsg.Name, n), make([]byte, n*slot)
	for i := range in.msgs {
		in.iovs[i].Base = &in.mem[i*slot+headroom]
		in.iovs[i].SetLen(maxPacket)
		in.msgs[i].From(&in.names[i], &in.iovs[i])
	}
}

// receive takes at most batch packets into the buffers after those in use.
func (in *inbox) receive(fd int) int { return mmsg.Receive(fd, in.msgs[in.used:in.used+batch]) }

// packet returns packet i and where it is from; false if it was longer than fits.
func (in *inbox) packet(i int) (b []byte, from netip.AddrPort, ok bool) {
	n, whole := in.msgs[i].Received()
	at := i*slot + headroom
	return in.mem[at : at+n], in.names[i].AddrPort(), whole
}

// whole returns packet i, of n bytes, with its headroom.
func (in *inbox) whole(i, n int) []byte { return in.mem[i*slot : i*slot+headroom+n : (i+1)*slot] }

package stream

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
)

// transport is the socket below a session. Both methods are called from any
// goroutine and do not block.
type transport interface {
	ready() // the queue has something
	cut()   // close the socket
}

// session is what all kinds of streams have in common: the queue to the client,
// and the finding of events in what it sends. It is the hub's Sink.
type session struct {
	s      *Server
	t      transport
	q      *cot.Queue
	client client // set when the hub has taken it
	remote netip.AddrPort
	proto  string // of cot.Join
	user   string

	heard atomic.Int64 // when the last byte came, ns since 1970
	begun atomic.Int64 // when the event began that is not whole yet; 0: none
	ended atomic.Pointer[error]

	// What follows belongs to the goroutine that reads.
	scan       *wire.Scanner
	left       []byte // the beginning of an event; nil while there is none
	granted    bool   // version 1 was granted to a client that began with XML
	complained time.Time
}

func (c *session) init(s *Server, t transport, remote netip.AddrPort, proto string) {
	c.s, c.t, c.remote, c.proto = s, t, remote, proto
	c.q = cot.NewQueue(int(s.deps.Config.QueueSize))
	c.scan = wire.NewScanner(s.limits)
}

// log makes a logger when it is needed: thousands of idle ones would take memory.
func (c *session) log() *slog.Logger {
	log := c.s.log.With("proto", c.proto, "remote", c.remote)
	if c.user != "" {
		log = log.With("user", c.user)
	}
	return log
}

// enter makes the session known to the hub, which queues the latest positions.
func (c *session) enter(id auth.Identity, subject, agent string) error {
	c.user = id.User
	c.heard.Store(time.Now().UnixNano())
	cl, err := c.s.join(cot.Join{
		Identity: id, Protocol: c.proto, Remote: c.remote, Agent: agent, Subject: subject, Sink: c,
	})
	if err != nil {
		c.q.Close()
		return err
	}
	c.client = cl
	c.s.mu.Lock()
	c.s.sessions[c] = struct{}{}
	c.s.mu.Unlock()
	c.log().Info("connected")
	return nil
}

// leave takes the session off. err is how reading ended.
func (c *session) leave(err error) {
	if r := c.ended.Load(); r != nil {
		err = *r
	}
	c.client.Close(err)
	state := c.q.State()
	c.client.Unsent(c.q.Close())
	c.s.mu.Lock()
	delete(c.s.sessions, c)
	c.s.past.add(state)
	c.s.mu.Unlock()
	c.log().Info("disconnected", "reason", err, "sent", state.Sent, "replaced", state.Replaced, "dropped", state.Dropped, "waiting", state.Events)
}

// Send implements cot.Sink.
func (c *session) Send(e *cot.Event) {
	wake, ok := c.q.Push(e)
	if wake {
		c.t.ready()
	}
	if !ok {
		c.slow()
	}
}

// Queue implements cot.Sink.
func (c *session) Queue() cot.QueueState { return c.q.State() }

// End implements cot.Sink.
func (c *session) End(reason error) {
	if c.ended.CompareAndSwap(nil, &reason) {
		c.t.cut()
	}
}

func (c *session) slow() {
	if c.ended.Load() != nil {
		return
	}
	c.s.n.slow.Add(1)
	state := c.q.State()
	c.log().Warn("a client does not read; it is disconnected", "waiting", state.Events, "bytes", state.Bytes)
	c.End(cot.ErrSlow)
}

// errDrip ends a client that begins an event and does not end it.
var errDrip = errors.New("an event was begun and not ended in time")

// check ends the session when one of its time limits is over.
func (c *session) check(now time.Time) {
	cfg := c.s.deps.Config
	if c.q.Slow(now) >= cfg.SlowTimeout {
		c.slow()
	}
	if t := c.heard.Load(); cfg.IdleTimeout > 0 && now.Sub(time.Unix(0, t)) >= cfg.IdleTimeout {
		c.s.n.silent.Add(1)
		c.End(cot.ErrSilent)
	}
	if t := c.begun.Load(); t != 0 && now.Sub(time.Unix(0, t)) >= c.s.cfg.EventTimeout {
		c.End(errDrip)
	}
}

// feed takes what was read. data is not kept. An error ends the connection.
func (c *session) feed(ctx context.Context, data []byte) error {
	now := time.Now().UnixNano()
	c.heard.Store(now)
	c.s.n.bytesIn.Add(int64(len(data)))
	if len(c.left) > 0 {
		c.left = append(c.left, data...)
		data = c.left
	}
	rest, found, err := c.consume(ctx, data)
	if err != nil {
		return err
	}
	if found {
		c.begun.Store(0)
	}
	if c.begun.Load() == 0 && (!blank(rest) || !found && !blank(data)) {
		c.begun.Store(now)
	}
	c.keep(rest)
	return nil
}

// consume handles the whole events in data and returns what is behind them.
func (c *session) consume(ctx context.Context, data []byte) (rest []byte, found bool, err error) {
	for len(data) > 0 {
		if c.granted && !c.scan.IsProto() {
			// The first frame is due; some clients end their request with a newline.
			if data = bytes.TrimLeft(data, "\r\n "); len(data) == 0 {
				break
			}
			if data[0] == frameByte {
				c.scan.SetProto()
			}
		}
		it, n, err := c.scan.Next(data)
		if err != nil {
			c.s.n.malformed.Add(1)
			return nil, found, err
		}
		if it.Kind == wire.None {
			if n == 0 {
				return data, found, nil
			}
		} else {
			found = true
			c.item(ctx, it)
		}
		data = data[n:]
	}
	return nil, found, nil
}

// item handles one thing found on the stream.
func (c *session) item(ctx context.Context, it wire.Item) {
	var ev *wire.Event
	var err error
	switch it.Kind {
	case wire.XML:
		ev, err = wire.ParseXML(it.Data, c.s.limits)
	case wire.Proto:
		ev, err = wire.ParseProto(it.Data, c.s.limits)
	case wire.Skipped:
		c.s.n.skipped.Add(1)
		c.complain("an event was skipped", it.Err)
		return
	default: // auth: clients send it wherever they have a password, wanted or not
		return
	}
	switch {
	case err == nil:
		c.take(ctx, ev)
	case !errors.Is(err, wire.ErrNoEvent):
		c.s.n.malformed.Add(1)
		c.complain("an event cannot be read", err)
	}
}

// take handles one event. What is between the client and this connection is
// answered here; the rest is the hub's.
func (c *session) take(ctx context.Context, ev *wire.Event) {
	c.s.n.eventsIn.Add(1)
	switch {
	case ev.Type == typePing:
		if c.q.Urgent(c.s.pongs.get(time.Now())) {
			c.t.ready()
		}
	case strings.HasPrefix(ev.Type, typeNegotiation):
		c.negotiate(ev)
	default:
		if err := c.client.Receive(ctx, ev); err != nil {
			c.s.n.refused.Add(1)
			c.complain("an event was refused", err)
		}
	}
}

// keep stores the beginning of an event until the rest of it has come.
func (c *session) keep(rest []byte) {
	switch {
	case len(rest) == 0:
		c.left = nil // an idle connection holds no memory
	case len(c.left) > 0 && cap(c.left) < 4*len(rest)+readSize:
		c.left = c.left[:copy(c.left, rest)]
	default:
		c.left = append([]byte(nil), rest...)
	}
}

// complainEvery is how often the log tells of one client's bad events.
const complainEvery = time.Minute

func (c *session) complain(what string, err error) {
	if now := time.Now(); now.Sub(c.complained) >= complainEvery {
		c.complained = now
		c.log().Warn(what, "error", err)
	}
}

// blank reports whether b holds only what may stand between events.
func blank(b []byte) bool {
	const most = 64 // nobody sends more
	return len(b) <= most && len(bytes.Trim(b, "\x00\t\r\n \ufeff")) == 0
}

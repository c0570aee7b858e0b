package transaction

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/sip/wire"
)

// Client is a request of ours and what comes back.
type Client struct {
	layer      *Layer
	key        string
	flow       Flow
	req        *wire.Message
	raw        []byte
	unreliable bool
	on         func(*wire.Message, error)

	mu       sync.Mutex // guards what follows
	state    int
	heard    bool // a provisional answer came
	resend   *time.Timer
	expire   *time.Timer
	interval time.Duration
	ack      []byte // of a final answer that was no 2xx
	canceled bool
	first    func() // called once, at the first provisional answer
}

// Request sends m, whose Via is made here, and calls on for each answer, and
// with an error where none comes. After a final answer only further 2xx of
// other branches follow. on must not block; it is not called before Request has
// returned nil, or after it returned an error.
func (l *Layer) Request(f Flow, m *wire.Message, on func(*wire.Message, error)) (*Client, error) {
	branch := Branch()
	m.Del("Via")
	m.Fields = slices.Insert(m.Fields, 0, wire.Field{Name: "Via", Value: viaOf(f, branch)})
	c := &Client{
		layer: l, key: clientKey(branch, m.Method), flow: f, req: m, raw: m.Append(make([]byte, 0, 1024)),
		unreliable: f.Network() == "udp", on: on,
	}
	c.mu.Lock() // until all is set: an answer may come at once
	defer c.mu.Unlock()
	l.mu.Lock()
	if l.closed || len(l.clients) >= l.limit {
		closed := l.closed
		l.mu.Unlock()
		if closed {
			return nil, ErrClosed
		}
		return nil, ErrTooMany
	}
	l.clients[c.key] = c
	l.mu.Unlock()
	if err := f.Send(c.raw); err != nil {
		l.dropClient(c)
		return nil, err
	}
	c.expire = time.AfterFunc(64*l.timers.T1, func() { c.fail(ErrTimeout) }) // timers B and F
	if c.unreliable {
		c.interval = l.timers.T1
		c.resend = time.AfterFunc(c.interval, c.again) // timers A and E
	}
	return c, nil
}

// Flow returns the way the request went.
func (c *Client) Flow() Flow { return c.flow }

func viaOf(f Flow, branch string) string {
	return wire.Version + "/" + strings.ToUpper(f.Network()) + " " + HostPort(f.Local()) + ";rport;branch=" + branch
}

// Stamp gives m, which is sent without a transaction, a Via of its own.
func Stamp(f Flow, m *wire.Message) {
	m.Del("Via")
	m.Fields = slices.Insert(m.Fields, 0, wire.Field{Name: "Via", Value: viaOf(f, Branch())})
}

// HostPort writes an address as SIP has it.
func HostPort(a netip.AddrPort) string {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()).String()
}

// Tag returns a new tag for From or To.
func Tag() string { return rand.Text()[:16] }

func (c *Client) again() {
	c.mu.Lock()
	invite := c.req.Method == wire.Invite
	if c.state != proceeding || invite && c.heard {
		c.mu.Unlock()
		return
	}
	c.interval *= 2
	if !invite {
		c.interval = min(c.interval, c.layer.timers.T2)
		if c.heard {
			c.interval = c.layer.timers.T2
		}
	}
	c.resend.Reset(c.interval)
	c.mu.Unlock()
	_ = c.flow.Send(c.raw) // sent again until timer B or F
}

func (c *Client) receive(m *wire.Message) {
	c.mu.Lock()
	invite := c.req.Method == wire.Invite
	pass := false
	var first func()
	switch {
	case c.state == over:
	case c.state == accepted: // RFC 6026: further 2xx go up, the rest not
		pass = m.Status/100 == 2
	case c.state == completed:
		if invite && m.Status >= 300 && c.ack != nil {
			_ = c.flow.Send(c.ack) // its sender asks again until it hears one
		}
	case m.Status < 200:
		c.provisional(invite)
		pass = true
		first, c.first = c.first, nil
	case invite && m.Status < 300:
		c.finish(accepted, 64*c.layer.timers.T1) // timer M
		pass = true
	case invite:
		c.ack = ackOf(c.req, m).Append(nil)
		_ = c.flow.Send(c.ack)
		c.finish(completed, 64*c.layer.timers.T1) // timer D: at least 32 s
		pass = true
	default:
		c.finish(completed, c.layer.timers.T4) // timer K
		pass = true
	}
	c.mu.Unlock()
	if pass {
		c.on(m, nil)
	}
	if first != nil {
		first()
	}
}

// OnProvisional has f called at the first provisional answer, or at once if one
// has come. It is for a CANCEL that has to wait.
func (c *Client) OnProvisional(f func()) {
	c.mu.Lock()
	heard := c.heard
	if !heard {
		c.first = f
	}
	c.mu.Unlock()
	if heard {
		f()
	}
}

// provisional notes that the other side has the request. The caller holds mu.
func (c *Client) provisional(invite bool) {
	c.heard = true
	if !invite {
		return
	}
	if c.expire != nil && !c.canceled {
		c.expire.Stop() // ringing may last; its end is our user's to decide
	}
	if c.resend != nil {
		c.resend.Stop()
	}
}

// finish goes into state for wait. The caller holds mu.
func (c *Client) finish(state int, wait time.Duration) {
	c.state = state
	if c.resend != nil {
		c.resend.Stop()
	}
	if c.expire != nil {
		c.expire.Stop()
	}
	if !c.unreliable && state == completed {
		wait = 0
	}
	c.expire = time.AfterFunc(wait, c.end)
}

func (c *Client) end() {
	c.mu.Lock()
	c.state = over
	c.mu.Unlock()
	c.layer.dropClient(c)
}

// fail ends the transaction without an answer.
func (c *Client) fail(err error) {
	c.mu.Lock()
	was := c.state
	c.state = over
	for _, t := range []*time.Timer{c.resend, c.expire} {
		if t != nil {
			t.Stop()
		}
	}
	c.mu.Unlock()
	c.layer.dropClient(c)
	if was == proceeding {
		c.on(nil, err)
	}
}

// Abandon forgets the transaction: on is not called any more.
func (c *Client) Abandon() { c.end() }

// Cancel asks the other side not to go on with an INVITE (RFC 3261 §9.1). The
// answer to the INVITE still comes, or ErrTimeout. It must not be called before
// a provisional answer came; it does nothing after a final one.
func (c *Client) Cancel() {
	c.mu.Lock()
	if c.state != proceeding || c.canceled {
		c.mu.Unlock()
		return
	}
	c.canceled = true
	if c.expire != nil {
		c.expire.Stop()
	}
	c.expire = time.AfterFunc(64*c.layer.timers.T1, func() { c.fail(ErrTimeout) })
	c.mu.Unlock()
	m := follow(c.req, wire.Cancel)
	branch := c.key[strings.IndexByte(c.key, '|')+1:]
	l := c.layer
	cc := &Client{layer: l, key: clientKey(branch, wire.Cancel), flow: c.flow, req: m, raw: m.Append(nil), unreliable: c.unreliable,
		on: func(*wire.Message, error) {}} // the answer to the INVITE is what matters
	cc.mu.Lock()
	defer cc.mu.Unlock()
	l.mu.Lock()
	l.clients[cc.key] = cc
	l.mu.Unlock()
	_ = c.flow.Send(cc.raw) // sent again like any request
	cc.expire = time.AfterFunc(64*l.timers.T1, func() { cc.fail(ErrTimeout) })
	if cc.unreliable {
		cc.interval = l.timers.T1
		cc.resend = time.AfterFunc(cc.interval, cc.again)
	}
}

// follow returns a CANCEL or ACK for req with the same Via (RFC 3261 §9.1,
// §17.1.1.3).
func follow(req *wire.Message, method string) *wire.Message {
	m := wire.NewRequest(method, req.Target)
	m.Add("Via", req.Get("Via"))
	for _, name := range []string{"From", "To", "Call-ID", "Route"} {
		for _, v := range req.All(name) {
			m.Add(name, v)
		}
	}
	seq, _, _ := strings.Cut(req.Get("CSeq"), " ")
	m.Add("CSeq", seq+" "+method)
	m.Add("Max-Forwards", "70")
	return m
}

func ackOf(req, res *wire.Message) *wire.Message {
	m := follow(req, wire.Ack)
	m.Set("To", res.Get("To"))
	return m
}

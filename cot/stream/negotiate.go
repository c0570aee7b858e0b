package stream

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"muster/cot"
	"muster/cot/wire"
)

const (
	typeControl     = "t-x-"
	typePing        = "t-x-c-t"
	typePong        = "t-x-c-t-r"
	typeNegotiation = "t-x-takp-" // …v offers, …q asks, …r replies

	frameByte = 0xBF // TAK protocol 1, stream frames

	offerLife = time.Minute
	pongLife  = 20 * time.Second
)

// pongs makes the answers to pings: all clients share the one of this second.
type pongs struct {
	mu   sync.Mutex // guards what follows
	at   int64      // seconds
	last *cot.Event
}

func (p *pongs) get(now time.Time) *cot.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := now.Unix(); p.last == nil || at != p.at {
		p.at = at
		p.last = cot.NewEvent(wire.New("takPong", typePong, "h-g-i-g-o", now, pongLife), cot.Sender{}, nil, now)
	}
	return p.last
}

// control makes an event of the negotiation.
func control(uid, typ string, inner []byte) *wire.Event {
	ev := wire.New(uid, typ, "m-g", time.Now(), offerLife)
	ev.AddDetail(wire.AppendElement(nil, "TakControl", inner))
	return ev
}

// offer queues the offer of version 1, which also tells clients what the server
// is.
func (c *session) offer() {
	var inner []byte
	if c.s.cfg.Version1 {
		inner = wire.AppendElement(inner, "TakProtocolSupport", nil, wire.Attr{Name: "version", Value: "1"})
	}
	inner = wire.AppendElement(inner, "TakServerVersionInfo", nil,
		wire.Attr{Name: "serverVersion", Value: c.s.deps.Version}, wire.Attr{Name: "apiVersion", Value: "3"})
	b := control(newUID(), typeNegotiation+"v", inner).AppendXML(nil)
	if c.q.Raw(append(b, '\n')) {
		c.t.ready()
	}
}

// negotiate answers a request for another version of the protocol. Clients may
// ask at any time.
func (c *session) negotiate(ev *wire.Event) {
	if ev.Type != typeNegotiation+"q" {
		return
	}
	version := ""
	if el, ok := ev.Child("TakControl"); ok {
		if req, ok := el.Child("TakRequest"); ok {
			version = req.Attr("version")
		}
	}
	grant := version == "1" && c.s.cfg.Version1
	status := wire.Attr{Name: "status", Value: fmt.Sprint(grant)}
	reply := control(ev.UID, typeNegotiation+"r", wire.AppendElement(nil, "TakResponse", nil, status))
	if grant && !c.scan.IsProto() && !c.granted {
		c.granted = true
		c.s.n.version1.Add(1)
		// No newline: the next byte begins a frame.
		if c.q.Switch(reply.AppendXML(nil)) {
			c.t.ready()
		}
		return
	}
	c.Send(cot.NewEvent(reply, cot.Sender{}, nil, time.Now()))
}

// framed notes that the client began with a frame, without asking: it gets
// frames, too, from the next event on.
func (c *session) framed() {
	c.s.n.version1.Add(1)
	c.q.Frames()
}

// newUID makes a random UUID (RFC 9562 §5.4).
func newUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

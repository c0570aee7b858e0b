package srt

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/congestion"
	"github.com/datarhei/gosrt/congestion/live"
	"github.com/datarhei/gosrt/crypto"
	"github.com/datarhei/gosrt/packet"
)

const (
	tick        = 10 * time.Millisecond  // SRT draft §4.8.1: the period of acknowledgements
	askAgain    = 250 * time.Millisecond // handshakes may be lost
	rekeyPause  = time.Second            // a new key costs thousands of hashes
	magic       = 0x4A17                 // of a listener's first answer (§4.3.1.1)
	srtVersion  = 0x010401
	mtu         = 1500
	maxDatagram = 2048
	maxAsked    = 512 // acknowledgements whose answers are waited for
)

var (
	errGone    = errors.New("srt: the source ended the connection")
	errSilent  = errors.New("srt: the source sends nothing")
	errUnheard = errors.New("srt: nobody answers at the address")
	errBroken  = errors.New("srt: the source does not keep to the protocol")
	errKeyed   = errors.New("srt: the source encrypts: give its passphrase")
)

// call is the caller's side of one connection that receives. It is built from the
// parts of the library, whose own caller starts goroutines that it does not end
// when a call is refused and in which a source's bytes can end the process. Here
// everything is done by the goroutine that reads, but for end.
type call struct {
	conn    net.Conn // connected: nothing else comes from it but what the source sends
	o       dialOptions
	timeout time.Duration
	start   time.Time
	own     uint32 // socket ids
	peer    uint32
	first   circular.Number // of packets

	crypt   crypto.Crypto // nil: not encrypted
	rekeyed time.Time
	recv    congestion.Receiver
	clock   sendClock
	delay   int64 // µs between sending and delivery
	out     bytes.Buffer
	heard   time.Time // last media
	due     time.Time // of the next tick
	armed   time.Time

	asked    [maxAsked]struct{ number, at uint32 } // by number
	next     uint32
	rtt, dev float64 // µs

	in    []byte
	ended atomic.Pointer[error] // why end was called; any goroutine
}

func newCall(conn net.Conn, o dialOptions, timeout time.Duration, now time.Time) *call {
	return &call{
		conn: conn, o: o, timeout: timeout, start: now, own: rand.Uint32()>>2 | 1, heard: now, next: 1,
		first: circular.New(rand.Uint32()&packet.MAX_SEQUENCENUMBER, packet.MAX_SEQUENCENUMBER),
		rtt:   100_000, dev: 50_000, // §4.10
		in: make([]byte, maxDatagram),
	}
}

// end ends the call from any goroutine, within a tick. The first reason stays.
func (c *call) end(reason error) { c.ended.CompareAndSwap(nil, &reason) }

// hangUp tells the source that the call is over.
func (c *call) hangUp() {
	if c.peer != 0 {
		_ = c.send(packet.CTRLTYPE_SHUTDOWN, 0, 0, nil, []byte{0, 0, 0, 0}) // it finds out by itself later
	}
}

// now returns µs since the start, the time of the protocol.
func (c *call) now() int64 { return time.Since(c.start).Microseconds() }

// Read implements io.Reader: it is the transport stream.
func (c *call) Read(p []byte) (int, error) {
	for c.out.Len() == 0 {
		now := time.Now()
		if reason := c.ended.Load(); reason != nil {
			return 0, *reason
		}
		if now.Sub(c.heard) > c.timeout {
			return 0, errSilent
		}
		if !now.Before(c.due) {
			c.due = now.Add(tick)
			c.recv.Tick(uint64(c.now()))
			if c.recv.Stats().PktBuf > maxAhead {
				return 0, errTooMuch
			}
			continue
		}
		b, err := c.receive(c.due)
		if err != nil {
			return 0, err
		}
		if b != nil {
			if err := c.take(b); err != nil {
				return 0, err
			}
		}
	}
	return c.out.Read(p)
}

// receive returns the next datagram, or nil when none comes by then. It is valid
// until the next call.
func (c *call) receive(by time.Time) ([]byte, error) {
	if by != c.armed {
		c.armed = by
		if err := c.conn.SetReadDeadline(by); err != nil {
			return nil, err
		}
	}
	n, err := c.conn.Read(c.in)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, errUnheard
	case err != nil:
		return nil, fmt.Errorf("srt: %w", err)
	}
	return c.in[:n], nil
}

// take handles a datagram of the established connection. The library indexes into
// what it takes for well-formed.
func (c *call) take(b []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errBroken
		}
	}()
	p, err := packet.NewPacketFromData(nil, b)
	if err != nil || p.Header().DestinationSocketId != c.own {
		return nil // a late handshake, or noise
	}
	h := p.Header()
	if !h.IsControlPacket {
		return c.data(p)
	}
	switch h.ControlType {
	case packet.CTRLTYPE_SHUTDOWN:
		return errGone
	case packet.CTRLTYPE_ACKACK:
		c.answered(h.TypeSpecific)
	case packet.CTRLTYPE_USER:
		if h.SubType == packet.EXTTYPE_KMREQ {
			return c.rekey(p)
		}
	}
	return nil
}

// data takes a packet of media.
func (c *call) data(p packet.Packet) error {
	h := p.Header()
	if h.MessageNumber == 0 { // of a filter for forward error correction
		return nil
	}
	if key := h.KeyBaseEncryptionFlag; key != packet.UnencryptedPacket {
		if c.crypt == nil {
			return errKeyed
		}
		if err := c.crypt.EncryptOrDecryptPayload(p.Data(), key, h.PacketSequenceNumber.Val()); err != nil {
			return errBroken
		}
	}
	now := c.now()
	h.PktTsbpdTime = uint64(max(c.clock.local(h.Timestamp, now, h.RetransmittedPacketFlag)+c.delay, 0))
	c.heard = time.Now()
	c.recv.Push(p)
	return nil
}

// deliver takes packets in order, when their time has come.
func (c *call) deliver(p packet.Packet) {
	c.out.Write(p.Data())
	p.Decommission()
}

// rekey takes a new key of the source and confirms it (§6.1.6).
func (c *call) rekey(p packet.Packet) error {
	if c.crypt == nil || time.Since(c.rekeyed) < rekeyPause {
		return nil
	}
	c.rekeyed = time.Now()
	var km packet.CIFKeyMaterialExtension
	if p.UnmarshalCIF(&km) != nil || c.crypt.UnmarshalKM(&km, c.o.passphrase) != nil {
		return nil // it asks again
	}
	return c.send(packet.CTRLTYPE_USER, packet.EXTTYPE_KMRSP, 0, nil, p.Data())
}

// acknowledge reports up to which packet everything is there (§3.2.4).
func (c *call) acknowledge(upTo circular.Number, light bool) {
	ack := packet.CIFACK{LastACKPacketSequenceNumber: upTo, IsLite: light}
	number := uint32(0)
	if !light {
		pps, bps, capacity := c.recv.PacketRate()
		ack.RTT, ack.RTTVar, ack.AvailableBufferSize = uint32(c.rtt), uint32(c.dev), maxAhead
		ack.PacketsReceivingRate, ack.ReceivingRate, ack.EstimatedLinkCapacity = uint32(pps), uint32(bps), uint32(capacity)
		number = c.next
		c.asked[number%maxAsked] = struct{ number, at uint32 }{number, uint32(c.now())}
		if c.next++; c.next == 0 {
			c.next = 1
		}
	}
	_ = c.send(packet.CTRLTYPE_ACK, 0, number, &ack, nil) // another one follows
}

// answered measures how long the answer to an acknowledgement took (§4.10).
func (c *call) answered(number uint32) {
	a := c.asked[number%maxAsked]
	if number == 0 || a.number != number {
		return
	}
	c.asked[number%maxAsked].number = 0
	rtt := float64(uint32(c.now()) - a.at)
	c.dev = 0.75*c.dev + 0.25*max(c.rtt-rtt, rtt-c.rtt)
	c.rtt = 0.875*c.rtt + 0.125*rtt
	c.recv.SetNAKInterval(uint64(max((c.rtt+4*c.dev)/2, 20_000))) // §4.8.2
}

// miss asks for packets again (§3.2.5).
func (c *call) miss(list []circular.Number) {
	_ = c.send(packet.CTRLTYPE_NAK, 0, 0, &packet.CIFNAK{LostPacketSequenceNumber: list}, nil) // asked again while they are missing
}

// send writes a control packet, whose content is cif or data.
func (c *call) send(typ packet.CtrlType, sub packet.CtrlSubType, specific uint32, cif packet.CIF, data []byte) error {
	p := packet.NewPacket(nil)
	defer p.Decommission()
	h := p.Header()
	h.IsControlPacket, h.ControlType, h.SubType, h.TypeSpecific = true, typ, sub, specific
	h.Timestamp, h.DestinationSocketId = uint32(c.now()), c.peer
	if cif == nil {
		p.SetData(data)
	} else if err := p.MarshalCIF(cif); err != nil {
		return fmt.Errorf("srt: %w", err)
	}
	var b bytes.Buffer
	if err := p.Marshal(&b); err != nil {
		return fmt.Errorf("srt: %w", err)
	}
	_, err := c.conn.Write(b.Bytes())
	return err
}

// receiver makes what puts packets in order once the connection stands.
func (c *call) receiver() {
	c.recv = live.NewReceiver(live.ReceiveConfig{
		InitialSequenceNumber: c.first,
		PeriodicACKInterval:   uint64(tick.Microseconds()), PeriodicNAKInterval: 20_000,
		OnSendACK: c.acknowledge, OnSendNAK: c.miss, OnDeliver: c.deliver,
	})
}

// sendClock turns the source's timestamps into our time (§4.5.1.1). The two
// clocks are never equally fast: what the quickest packets of each window say
// slowly moves the one against the other.
type sendClock struct {
	base  int64 // our time at the source's time zero, µs
	last  uint32
	sent  int64 // source's time of the newest packet, without wrapping
	least int64 // quickest of this window
	until int64 // end of this window; 0: none has begun
}

const (
	driftWindow = 10_000_000 // µs
	driftStep   = 5_000      // µs by which a window moves the clock at most
)

// begin says that a packet stamped ts came at now.
func (k *sendClock) begin(ts uint32, now int64) {
	*k = sendClock{base: now - int64(ts), last: ts, sent: int64(ts)}
}

// local returns when, by our time, a packet stamped ts was sent. again says that
// it has been sent before.
func (k *sendClock) local(ts uint32, now int64, again bool) int64 {
	sent := k.sent + int64(int32(ts-k.last))
	if sent > k.sent {
		k.sent, k.last = sent, ts
	}
	if again {
		return k.base + sent
	}
	if took := now - sent; k.until == 0 || took < k.least {
		k.least = took
	}
	switch {
	case k.until == 0:
		k.until = now + driftWindow
	case now >= k.until:
		k.base += min(max(k.least-k.base, -driftStep), driftStep)
		k.until = 0
	}
	return k.base + sent
}

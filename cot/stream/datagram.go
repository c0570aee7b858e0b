package stream

import (
	"container/list"
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
)

const (
	maxDatagram = 64 << 10 // UDP allows no more
	// maxSources is how many senders of datagrams are known at one time; the one
	// silent longest is forgotten first.
	maxSources = 2000
	// sourceLife is how long a sender may be silent and still counts as connected,
	// where TAK clients in general may be silent for ever.
	sourceLife = 2 * time.Minute
)

// sourceKey names a sender: several devices may share an address, and a device may
// use a new port for each event.
type sourceKey struct {
	addr netip.Addr
	uid  string // of a self report; "" for all else from the address
}

// source is a sender of datagrams, a client of the hub that cannot be sent to.
type source struct {
	key    sourceKey
	client client
	heard  time.Time
}

// datagrams takes events by UDP for one group.
type datagrams struct {
	s     *Server
	group string
	conn  *net.UDPConn
	// back is the gateway of a multicast group: everything comes from it, so that
	// nothing goes back to where it came from. Nil: each sender is a client.
	back *gateway

	rates map[netip.Prefix]*bucket // at most maxSources

	sources map[sourceKey]*list.Element
	order   list.List // of *source, silent longest first

	complained time.Time
}

// bucket lets Config.UDPRate events per second pass, and as many at once.
type bucket struct {
	level float64
	last  time.Time
}

// keepDatagrams keeps the doors for datagrams.
func (s *Server) keepDatagrams(g *run.Group) {
	if s.cfg.UDPAddress != "" {
		g.Go(func(ctx context.Context) {
			run.Retry(ctx, s.log, "cot-udp", func(ctx context.Context) error {
				pc, err := s.deps.Doors.ListenPacket(ctx, "cot-udp", s.cfg.UDPAddress)
				if err != nil {
					return err
				}
				return s.serveDatagrams(ctx, pc, nil)
			})
		})
	}
	for _, m := range s.cfg.Multicast {
		group := netip.MustParseAddrPort(m) // Validate has read it
		g.Go(func(ctx context.Context) {
			name := "cot-multicast " + m
			run.Retry(ctx, s.log, name, func(ctx context.Context) error {
				pc, err := joinMulticast(group)
				if err != nil {
					return s.deps.Doors.Failed(name, "udp", m, err)
				}
				s.deps.Doors.Bound(name, "udp", m)
				var out *gateway
				if s.cfg.MulticastGateway {
					if out, err = newGateway(s, pc, group); err != nil {
						pc.Close()
						return err
					}
				}
				return s.serveDatagrams(ctx, pc, out)
			})
		})
	}
}

// joinMulticast receives group on every interface that has multicast.
func joinMulticast(group netip.AddrPort) (*net.UDPConn, error) {
	addr := net.UDPAddrFromAddrPort(group)
	network := "udp4"
	if group.Addr().Is6() {
		network = "udp6"
	}
	// It sets SO_REUSEADDR: other programs of this machine receive the group, too.
	pc, err := net.ListenMulticastUDP(network, nil, addr)
	if err != nil {
		return nil, err
	}
	ifaces, err := net.Interfaces()
	if err != nil {
		return pc, nil // the system's own choice has been joined
	}
	for _, ifi := range ifaces {
		if ifi.Flags&net.FlagMulticast == 0 || ifi.Flags&net.FlagUp == 0 {
			continue
		}
		// An interface that cannot, or has joined already, is no reason to give up.
		if network == "udp4" {
			_ = ipv4.NewPacketConn(pc).JoinGroup(&ifi, addr)
		} else {
			_ = ipv6.NewPacketConn(pc).JoinGroup(&ifi, addr)
		}
	}
	return pc, nil
}

func newDatagrams(s *Server, pc *net.UDPConn, back *gateway) *datagrams {
	return &datagrams{
		s: s, group: s.cfg.UDPGroup, conn: pc, back: back,
		rates: make(map[netip.Prefix]*bucket), sources: make(map[sourceKey]*list.Element),
	}
}

// serveDatagrams takes events from pc until ctx ends, and closes it.
func (s *Server) serveDatagrams(ctx context.Context, pc *net.UDPConn, out *gateway) error {
	d := newDatagrams(s, pc, out)
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, s.log, "cot")
	defer g.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { pc.Close() })
	defer stop()
	defer pc.Close()
	if out != nil {
		if err := out.enter(auth.Anonymous(d.group), "", "multicast gateway"); err != nil {
			return err
		}
		out.heard.Store(math.MaxInt64) // a group need not send
		defer out.leave(nil)
		defer out.cut()
		g.Go(out.write)
	}
	defer d.closeAll()
	return d.read(ctx)
}

func (d *datagrams) read(ctx context.Context) error {
	buf := make([]byte, maxDatagram)
	for {
		// The deadline lets silent senders be forgotten where nobody sends.
		now := time.Now()
		if err := d.conn.SetReadDeadline(now.Add(sourceLife / 4)); err != nil {
			return err
		}
		n, from, err := d.conn.ReadFromUDPAddrPort(buf)
		d.forget(time.Now())
		var timeout net.Error
		switch {
		case err == nil:
			d.take(ctx, buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		case errors.As(err, &timeout) && timeout.Timeout():
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			// An answer to nobody (ICMP) says nothing about the socket; others pass.
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// take handles one datagram.
func (d *datagrams) take(ctx context.Context, b []byte, from netip.AddrPort) {
	n := &d.s.n
	n.datagrams.Add(1)
	n.bytesIn.Add(int64(len(b)))
	now := time.Now()
	if !d.allow(limit.Prefix(from.Addr()), now) {
		n.datagramsLost.Add(1)
		return
	}
	ev, err := wire.ParseDatagram(b, d.s.limits)
	if err != nil {
		if !errors.Is(err, wire.ErrNoEvent) {
			n.datagramsLost.Add(1)
			n.malformed.Add(1)
			d.complain(now, from, "a datagram cannot be read", err)
		}
		return
	}
	n.eventsIn.Add(1)
	if ev.Type == typePing || strings.HasPrefix(ev.Type, typeNegotiation) {
		return // there is nobody to answer to
	}
	cl, err := d.clientOf(ev, from, now)
	if err == nil {
		err = cl.Receive(ctx, ev)
	}
	if err != nil {
		n.refused.Add(1)
		d.complain(now, from, "an event by datagram was refused", err)
	}
}

// clientOf returns the client that ev comes from.
func (d *datagrams) clientOf(ev *wire.Event, from netip.AddrPort, now time.Time) (client, error) {
	if d.back != nil {
		return d.back.client, nil
	}
	key := sourceKey{addr: from.Addr()}
	if strings.HasPrefix(ev.Type, "a-") && ev.Contact.Callsign != "" {
		key.uid = ev.UID
	}
	if el := d.sources[key]; el != nil {
		src := el.Value.(*source)
		src.heard = now
		d.order.MoveToBack(el)
		return src.client, nil
	}
	for d.order.Len() >= maxSources {
		d.remove(d.order.Front())
	}
	cl, err := d.s.join(cot.Join{Identity: auth.Anonymous(d.group), Protocol: "udp", Remote: from})
	if err != nil {
		return nil, err
	}
	d.sources[key] = d.order.PushBack(&source{key: key, client: cl, heard: now})
	return cl, nil
}

// forget closes the clients of senders that have been silent for long.
func (d *datagrams) forget(now time.Time) {
	life := sourceLife
	if t := d.s.deps.Config.IdleTimeout; t > 0 {
		life = t
	}
	for el := d.order.Front(); el != nil && now.Sub(el.Value.(*source).heard) >= life; el = d.order.Front() {
		d.remove(el)
	}
}

func (d *datagrams) remove(el *list.Element) {
	src := d.order.Remove(el).(*source)
	delete(d.sources, src.key)
	src.client.Close(cot.ErrSilent)
}

func (d *datagrams) closeAll() {
	for d.order.Len() > 0 {
		d.remove(d.order.Front())
	}
}

// allow takes one event from the supply of a source.
func (d *datagrams) allow(p netip.Prefix, now time.Time) bool {
	rate := float64(d.s.cfg.UDPRate)
	b := d.rates[p]
	if b == nil {
		if len(d.rates) >= maxSources {
			d.sweepRates(now, rate)
		}
		if len(d.rates) >= maxSources {
			return false // so many at once are spoofed
		}
		b = &bucket{level: rate, last: now}
		d.rates[p] = b
	}
	b.level = min(rate, b.level+rate*now.Sub(b.last).Seconds())
	b.last = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// sweepRates forgets the sources whose supply is full again.
func (d *datagrams) sweepRates(now time.Time, rate float64) {
	for p, b := range d.rates {
		if b.level+rate*now.Sub(b.last).Seconds() >= rate {
			delete(d.rates, p)
		}
	}
}

func (d *datagrams) complain(now time.Time, from netip.AddrPort, what string, err error) {
	if now.Sub(d.complained) >= complainEvery {
		d.complained = now
		d.s.log.Warn(what, "proto", "udp", "remote", from, "error", err)
	}
}

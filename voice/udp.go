package voice

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"muster/internal/run"
	"muster/voice/wire"
)

const (
	// udpReaders is how many goroutines read packets.
	udpReaders = 2
	// udpIdle is how long an address stays in use without a packet from it:
	// clients ping every five seconds.
	udpIdle = 20 * time.Second
	// resyncEvery is how often one client is asked for its nonce, or is told ours.
	resyncEvery = 5 * time.Second
	// Packets from addresses that belong to nobody: each is tried with the keys of
	// those who have logged in from the same host.
	strangerBurst = 500
	strangerRate  = 100

	udpBuffer = 4 << 20
)

// udpAddr returns where voice for c goes by UDP; nil: it goes by TCP.
func (c *conn) udpAddr() *netip.AddrPort {
	if !c.useUDP.Load() {
		return nil
	}
	return c.addr.Load()
}

// listenUDP serves voice by UDP on the port of the TCP listener.
func (s *Server) listenUDP(ctx context.Context, address string) error {
	pc, err := s.deps.Doors.ListenPacket(ctx, "mumble-udp", address)
	if err != nil {
		return err
	}
	defer pc.Close()
	_ = pc.SetReadBuffer(udpBuffer) // bursts; the system may give less
	_ = pc.SetWriteBuffer(udpBuffer)
	s.udp.Store(newDatagrams(pc))
	defer s.udp.Store(nil)
	defer context.AfterFunc(ctx, func() { pc.Close() })()
	g := run.NewGroup(ctx, s.log, "voice")
	errs := make(chan error, udpReaders)
	turns := new(turns)
	for range udpReaders {
		g.Go(func(context.Context) { errs <- s.readUDP(pc, turns) })
	}
	err = <-errs
	pc.Close()
	g.Wait()
	return err
}

// turns keeps the packets of each address in the order in which they came, though
// several goroutines deal with packets.
type turns struct {
	reading sync.Mutex     // held from before a packet is read until its turn is taken
	turn    [64]sync.Mutex // by address; held while a packet is dealt with
}

// of returns whose turn a packet from there is. Addresses that share one wait for
// each other.
func (t *turns) of(from netip.AddrPort) *sync.Mutex {
	a := from.Addr().As16()
	return &t.turn[(uint(a[15])+uint(from.Port()))%uint(len(t.turn))]
}

// readUDP reads packets until the socket is closed.
func (s *Server) readUDP(pc *net.UDPConn, order *turns) error {
	in := &listener{s: s, pc: pc}
	var buf [2048]byte
	for {
		order.reading.Lock()
		n, from, err := pc.ReadFromUDPAddrPort(buf[:])
		if err != nil {
			order.reading.Unlock()
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			continue // of one peer, such as an ICMP error
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		turn := order.of(from)
		turn.Lock()
		order.reading.Unlock()
		in.take(buf[:n], from)
		turn.Unlock()
	}
}

// listener is the memory of one goroutine that reads packets.
type listener struct {
	s     *Server
	pc    *net.UDPConn
	plain [2048]byte
	out   [2048]byte
}

// take handles one packet. A panic in it costs that packet.
func (in *listener) take(b []byte, from netip.AddrPort) {
	s := in.s
	defer run.Recover(s.log, "voice")
	if s.cfg.Listing {
		if echo, ok := wire.Listing(b); ok {
			s.answerListing(in.pc, from, echo)
			return
		}
	}
	if len(b) < 5 || len(b) > wire.MaxVoice+8 {
		return
	}
	now := time.Now()
	c, plain := in.open(b, from, now)
	if c == nil {
		return
	}
	c.heard.Store(now.UnixNano())
	c.heardUDP.Store(now.UnixNano())
	if len(plain) == 0 {
		return
	}
	if plain[0]>>5 == wire.KindPing {
		c.sealMu.Lock()
		out := c.sealer.Seal(in.out[:0], plain)
		c.sealMu.Unlock()
		_, _ = in.pc.WriteToUDPAddrPort(out, from)
		return
	}
	c.useUDP.Store(true)
	s.heardVoice(c, plain, now)
}

// open finds out whose packet it is and decrypts it.
func (in *listener) open(b []byte, from netip.AddrPort, now time.Time) (*conn, []byte) {
	s := in.s
	s.udpMu.RLock()
	c := s.byAddr[from]
	s.udpMu.RUnlock()
	if c != nil {
		if plain, _, ok := c.decrypt(in.plain[:], b); ok {
			return c, plain
		}
		if now.UnixNano()-c.heardUDP.Load() < int64(time.Second) {
			c.resynchronise(now)
			return nil, nil
		}
		// It may be somebody else behind the same NAT, which has given away the port.
	}
	return in.stranger(c, b, from, now)
}

// stranger tries the keys of those who are logged in from the same host. A client
// whose address has changed, as behind a NAT that has forgotten it, is taken when
// its packet is newer than all before.
func (in *listener) stranger(known *conn, b []byte, from netip.AddrPort, now time.Time) (*conn, []byte) {
	s := in.s
	s.udpMu.Lock()
	defer s.udpMu.Unlock()
	here := s.byHost[from.Addr().WithZone("")]
	if len(here) == 0 {
		return nil, nil // and it takes nothing from those who are
	}
	if !s.strangers.Allow(now, strangerBurst, strangerRate) {
		return nil, nil
	}
	for _, c := range here {
		if c == known {
			continue
		}
		plain, fresh, ok := c.decrypt(in.plain[:], b)
		if !ok || !fresh && c.addr.Load() != nil {
			continue
		}
		if old := c.addr.Load(); old != nil && s.byAddr[*old] == c {
			delete(s.byAddr, *old)
		}
		if known != nil {
			known.addr.Store(nil)
		}
		c.addr.Store(&from)
		s.byAddr[from] = c
		return c, plain
	}
	if known != nil {
		known.resynchronise(now)
	}
	return nil, nil
}

func (c *conn) decrypt(dst, b []byte) (plain []byte, fresh, ok bool) {
	c.openMu.Lock()
	defer c.openMu.Unlock()
	plain, fresh, err := c.opener.Open(dst, b)
	return plain, fresh, err == nil
}

// resynchronise asks the client for its nonce when nothing has been decrypted for
// a while.
func (c *conn) resynchronise(now time.Time) {
	c.openMu.Lock()
	due := now.UnixNano()-c.heardUDP.Load() >= int64(resyncEvery) && now.Sub(c.asked) >= resyncEvery
	if due {
		c.asked = now
		c.resync++
	}
	c.openMu.Unlock()
	if due {
		c.reply(&wire.CryptSetup{})
	}
}

// cryptSetup handles what a client says about its keys: its nonce, or that it
// wants to know ours.
func (c *conn) cryptSetup(m *wire.CryptSetup, now time.Time) {
	if len(m.ClientNonce) > 0 {
		c.openMu.Lock()
		if err := c.opener.SetNonce(m.ClientNonce); err != nil {
			c.s.n.malformedMessages.Add(1)
		}
		c.openMu.Unlock()
		return
	}
	if now.Sub(c.limits.told) < resyncEvery {
		return
	}
	c.limits.told = now
	c.sealMu.Lock()
	nonce := c.sealer.Nonce()
	c.sealMu.Unlock()
	c.reply(&wire.CryptSetup{ServerNonce: nonce[:]})
}

// udpRemember lets packets from c's host be tried with its key.
func (s *Server) udpRemember(c *conn) {
	host := c.remote.Addr().WithZone("")
	s.udpMu.Lock()
	defer s.udpMu.Unlock()
	s.byHost[host] = append(s.byHost[host], c)
}

// udpForget undoes udpRemember. It is harmless to call it twice.
func (s *Server) udpForget(c *conn) {
	host := c.remote.Addr().WithZone("")
	s.udpMu.Lock()
	defer s.udpMu.Unlock()
	if a := c.addr.Swap(nil); a != nil && s.byAddr[*a] == c {
		delete(s.byAddr, *a)
	}
	list := s.byHost[host]
	for i, o := range list {
		if o == c {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(s.byHost, host)
	} else {
		s.byHost[host] = list
	}
}

// expireUDP sends c's voice by TCP again when nothing has come by UDP for long.
func (s *Server) expireUDP(c *conn, now time.Time) {
	a := c.addr.Load()
	if a == nil || now.UnixNano()-c.heardUDP.Load() < int64(udpIdle) {
		return
	}
	s.udpMu.Lock()
	defer s.udpMu.Unlock()
	if s.byAddr[*a] == c {
		delete(s.byAddr, *a)
	}
	c.addr.CompareAndSwap(a, nil)
}

// answerListing tells how many are here. One answer is twice as long as the
// question, which is all that a forger of addresses gains.
func (s *Server) answerListing(pc *net.UDPConn, from netip.AddrPort, echo [8]byte) {
	s.udpMu.Lock()
	allowed := s.listings.Allow(time.Now(), strangerBurst, strangerRate)
	s.udpMu.Unlock()
	if !allowed {
		return
	}
	s.mu.RLock()
	users := s.clients
	s.mu.RUnlock()
	out := wire.AppendListing(nil, version1, echo, uint32(users), uint32(s.cfg.MaxUsers), uint32(s.cfg.Bandwidth))
	_, _ = pc.WriteToUDPAddrPort(out, from)
}

//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"muster/voice/ocb2"
	"muster/voice/wire"
)

// client is a Mumble client that only measures.
type client struct {
	nc      *tls.Conn
	session uint32
	udp     *net.UDPConn
	sealer  *ocb2.Sealer
	opener  *ocb2.Opener
	setup   wire.CryptSetup
	channel uint32 // the one that was asked for, once it is known
	where   atomic.Uint32
	want    string
	ponged  atomic.Bool
	g       *gauge
	done    sync.WaitGroup
	over    chan struct{}
}

// gauge is what listeners measure together.
type gauge struct {
	on       atomic.Bool
	received atomic.Int64

	mu    sync.Mutex
	times []uint32 // µs
	last  map[*client]time.Time
	gap   time.Duration
	gaps  bool
}

func newGauge() *gauge { return &gauge{last: make(map[*client]time.Time)} }

// got counts a packet.
func (g *gauge) got(c *client, sent int64) {
	if !g.on.Load() {
		return
	}
	g.received.Add(1)
	now := time.Now()
	us := uint32(max(now.UnixNano()-sent, 0) / 1000)
	g.mu.Lock()
	g.times = append(g.times, us)
	if g.gaps {
		if t := g.last[c]; !t.IsZero() {
			g.gap = max(g.gap, now.Sub(t))
		}
		g.last[c] = now
	}
	g.mu.Unlock()
}

// dial logs a client in. channel is where it goes then; empty: it stays.
func dial(ctx context.Context, addr, name, channel string, g *gauge) (*client, error) {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{nc: nc.(*tls.Conn), want: channel, g: g}
	b := wire.AppendFrame(nil, &wire.Version{V1: new(uint32(1<<16 | 3<<8 | 4)), Release: new("bench"), OS: new("Linux")})
	b = wire.AppendFrame(b, &wire.Authenticate{Username: new(name), Password: new("bench"), Opus: new(true)})
	if _, err := nc.Write(b); err != nil {
		return nil, err
	}
	synced := make(chan error, 1)
	c.over = make(chan struct{})
	c.done.Go(func() {
		defer close(c.over)
		c.read(synced)
	})
	select {
	case err = <-synced:
	case <-time.After(60 * time.Second):
		err = errors.New("no login within a minute")
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	c.done.Go(c.ping)
	if channel != "" {
		c.send(&wire.UserState{Session: new(c.session), Channel: new(c.channel)})
	}
	return c, nil
}

func (c *client) send(m wire.Message) { _, _ = c.nc.Write(wire.AppendFrame(nil, m)) }

func (c *client) close() {
	c.nc.Close()
	if c.udp != nil {
		c.udp.Close()
	}
	c.done.Wait()
}

// ping keeps servers from taking the client for dead.
func (c *client) ping() {
	t := time.NewTicker(10 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.send(&wire.Ping{})
		case <-c.over:
			return
		}
	}
}

// read reads until the connection ends. synced is told of the end of the login.
func (c *client) read(synced chan<- error) {
	in := bufio.NewReaderSize(c.nc, 16<<10)
	told := false
	tell := func(err error) {
		if !told {
			told = true
			synced <- err
		}
	}
	var body []byte
	for {
		var head [wire.HeaderSize]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			tell(err)
			return
		}
		t, n := wire.Header(head)
		if cap(body) < int(n) {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(in, body); err != nil {
			tell(err)
			return
		}
		if t == wire.TypeUDPTunnel {
			c.voice(body)
			continue
		}
		if err := c.control(t, body, tell); err != nil {
			tell(err)
			return
		}
	}
}

func (c *client) control(t wire.Type, body []byte, tell func(error)) error {
	switch t {
	case wire.TypeReject:
		var m wire.Reject
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		return fmt.Errorf("refused: %s", *m.Reason)
	case wire.TypeCryptSetup:
		if c.setup.Key == nil {
			return wire.Parse(body, &c.setup)
		}
	case wire.TypeChannelState:
		var m wire.ChannelState
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		if m.Name != nil && *m.Name == c.want {
			c.channel = *m.ID
		}
	case wire.TypeUserState:
		if c.want == "" {
			return nil
		}
		var m wire.UserState
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		if m.Session != nil && *m.Session == c.session && m.Channel != nil {
			c.where.Store(*m.Channel)
		}
	case wire.TypeServerSync:
		var m wire.ServerSync
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		c.session = *m.Session
		tell(nil)
	}
	return nil
}

// stampAt is where in the Opus data the time of sending is.
const stampAt = 4

// voice measures a packet from the server.
func (c *client) voice(b []byte) {
	if len(b) < 40 || b[0]>>5 != wire.KindOpus {
		return
	}
	at := 1
	for range 3 { // session, sequence number, length
		_, n, err := wire.Varint(b[at:])
		if err != nil {
			return
		}
		at += n
	}
	if len(b) < at+stampAt+8 {
		return
	}
	c.g.got(c, int64(binary.BigEndian.Uint64(b[at+stampAt:])))
}

// openUDP lets the client be sent voice by UDP.
func (c *client) openUDP() error {
	var err error
	if c.sealer, err = ocb2.NewSealer(c.setup.Key, c.setup.ClientNonce); err != nil {
		return err
	}
	if c.opener, err = ocb2.NewOpener(c.setup.Key, c.setup.ServerNonce); err != nil {
		return err
	}
	addr, err := net.ResolveUDPAddr("udp", c.nc.RemoteAddr().String())
	if err != nil {
		return err
	}
	if c.udp, err = net.DialUDP("udp", nil, addr); err != nil {
		return err
	}
	_ = c.udp.SetReadBuffer(1 << 20)
	c.done.Go(c.readUDP)
	for range 100 {
		if _, err := c.udp.Write(c.sealer.Seal(nil, []byte{wire.KindPing << 5, 1})); err != nil {
			return err
		}
		for range 20 {
			if c.ponged.Load() {
				return nil
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	return errors.New("no answer by UDP")
}

func (c *client) readUDP() {
	var buf, plain [2048]byte
	for {
		n, err := c.udp.Read(buf[:])
		if err != nil {
			return
		}
		b, _, err := c.opener.Open(plain[:], buf[:n])
		switch {
		case err != nil:
		case b[0]>>5 == wire.KindPing:
			c.ponged.Store(true)
		default:
			c.voice(b)
		}
	}
}

// say sends a packet of 20 ms and 80 bytes.
func (c *client) say(seq uint64) {
	var opus [80]byte
	opus[0] = 0xf8
	binary.BigEndian.PutUint64(opus[stampAt:], uint64(time.Now().UnixNano()))
	p := wire.AppendBody([]byte{wire.KindOpus << 5}, seq, opus[:], false)
	if c.udp != nil {
		_, _ = c.udp.Write(c.sealer.Seal(nil, p))
		return
	}
	_, _ = c.nc.Write(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, len(p)), p...))
}

package stream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/run"
)

// BenchmarkFlush hands each event to 500 connections by loopback and writes what
// waits for them when batch events have come. An operation is one copy of one
// event; those who read run in the same process.
func BenchmarkFlush(b *testing.B) {
	for _, kind := range []string{"plain", "tls"} {
		for _, batch := range []int{1, 3, 16} {
			b.Run(fmt.Sprintf("%s/%d", kind, batch), func(b *testing.B) { benchFlush(b, kind == "tls", batch) })
		}
	}
}

func benchFlush(b *testing.B, secure bool, batch int) {
	const conns = 500
	h := &hub{}
	deps := Deps{Auth: door{}, Log: quiet, Config: cot.DefaultConfig()}
	s := newServer(DefaultConfig(), deps, h.join)
	f := s.flushers[0]
	ctx, cancel := context.WithCancel(b.Context())
	g := run.NewGroup(ctx, quiet, "cot")
	defer g.Wait()
	defer cancel()
	all := make([]*conn, conns)
	var ca *authority
	if secure {
		ca = newAuthority(b)
	}
	for i := range all {
		all[i] = benchConn(b, s, g, ca)
	}
	events := make([]*cot.Event, batch)
	for i := range events {
		ev := wire.New(fmt.Sprint("ANDROID-", i), "a-f-G-U-C", "m-g", time.Now(), time.Minute)
		ev.AddDetail(wire.AppendElement(nil, "remarks", []byte(strings.Repeat("x", 400))))
		events[i] = cot.NewEvent(ev, cot.Sender{}, nil, time.Now())
	}
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += conns * batch {
		for _, e := range events {
			h.send(e)
		}
		for _, c := range all {
			c.flush(f)
		}
		f.dirty = f.dirty[:0]
	}
}

func benchConn(b *testing.B, s *Server, g *run.Group, ca *authority) *conn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Close(); far.Close() })
	c := &conn{sock: newSocket(near, nil), f: s.flushers[0], group: g}
	c.init(s, c, nowhereAddr, "tcp")
	if ca != nil {
		c.sock = newSocket(near, ca.server)
		go func() {
			client := tls.Client(far, &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{ca.client}, ServerName: "localhost"})
			_, _ = io.Copy(io.Discard, client)
		}()
		if err := c.sock.tls.Handshake(); err != nil {
			b.Fatal(err)
		}
	} else {
		go func() { _, _ = io.Copy(io.Discard, far) }()
	}
	c.sock.switchOver(func() {})
	if err := c.enter(auth.Identity{User: "bob"}, "", ""); err != nil {
		b.Fatal(err)
	}
	return c
}

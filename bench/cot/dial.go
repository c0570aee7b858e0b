//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"muster/cot/wire"
)

const (
	perSource   = 900 // connections from one address of 127.0.1.0/24; servers limit them
	handshakes  = 32  // at one time
	setupWithin = 20 * time.Second
)

// dialAll opens the job's connections, which speak its version of the protocol,
// and tells opened of each.
func dialAll(ctx context.Context, j job, opened func(net.Conn)) ([]net.Conn, error) {
	var cfg *tls.Config
	if j.TLS != nil {
		c, err := j.TLS.config()
		if err != nil {
			return nil, err
		}
		cfg = c
	}
	conns := make([]net.Conn, j.Conns)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan int)
	for range handshakes {
		wg.Go(func() {
			for i := range next {
				c, err := dial(ctx, j, cfg, i)
				if err != nil {
					cancel(fmt.Errorf("connection %d: %w", i, err))
				} else {
					conns[i] = c
					opened(c)
				}
			}
		})
	}
	for i := range conns {
		next <- i
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
		return nil, err
	}
	return conns, nil
}

func dial(ctx context.Context, j job, cfg *tls.Config, i int) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, setupWithin)
	defer cancel()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i/perSource))}}
	if i >= j.Conns-j.Silent {
		d.Control = narrow
	}
	conn, err := d.DialContext(ctx, "tcp", j.Addr)
	if err != nil {
		return nil, err
	}
	if cfg != nil {
		t := tls.Client(conn, cfg)
		if err := t.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = t
	}
	// As clients do it: something is said at once. Servers may wait for it, since
	// it could be a login.
	if _, err := conn.Write(ping(i)); err != nil {
		conn.Close()
		return nil, err
	}
	if j.Version == 1 {
		if err := upgrade(conn, time.Now().Add(setupWithin)); err != nil {
			conn.Close()
			return nil, fmt.Errorf("version 1: %w", err)
		}
	}
	return conn, nil
}

// narrow gives a connection that will not be read a small buffer, so that the
// server notices soon.
func narrow(_, _ string, raw syscall.RawConn) (err error) {
	ctrl := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10) })
	return errors.Join(ctrl, err)
}

// upgrade waits for the offer of version 1, asks for it and waits until it is
// granted.
func upgrade(conn net.Conn, deadline time.Time) error {
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	defer conn.SetDeadline(time.Time{})
	s := wire.NewScanner(wire.DefaultLimits())
	buf := make([]byte, 0, 64<<10)
	for {
		it, n, err := s.Next(buf)
		if err != nil {
			return err
		}
		if it.Kind == wire.XML {
			done, err := answer(conn, it.Data)
			if done || err != nil {
				return err
			}
		}
		buf = append(buf[:0], buf[n:]...)
		if it.Kind != wire.None || n > 0 {
			continue
		}
		if len(buf) == cap(buf) {
			return errors.New("an event is too long")
		}
		m, err := conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return err
		}
		buf = buf[:len(buf)+m]
	}
}

// answer does what the negotiation needs next, and reports whether version 1 was
// granted.
func answer(conn net.Conn, b []byte) (bool, error) {
	ev, err := wire.ParseXML(b, wire.DefaultLimits())
	if err != nil {
		return false, nil // not ours to judge
	}
	switch ev.Type {
	case "t-x-takp-v":
		q := wire.New(ev.UID, "t-x-takp-q", "m-g", time.Now(), time.Minute)
		q.AddDetail([]byte(`<TakControl><TakRequest version="1"/></TakControl>`))
		_, err := conn.Write(q.AppendXML(nil))
		return false, err
	case "t-x-takp-r":
		if !bytes.Contains(b, []byte(`status="true"`)) {
			return false, errors.New("the server does not grant it")
		}
		return true, nil
	}
	return false, nil
}

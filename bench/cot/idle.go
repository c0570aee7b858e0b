//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"muster/cot/wire"
)

// pingEvery is how often connections that are only open say something, so that
// servers do not take them for dead. Many clients do it every few seconds.
const pingEvery = 30 * time.Second

// pinger keeps connections awake that nobody reads.
type pinger struct {
	mu    sync.Mutex
	conns []net.Conn
	stop  chan struct{}
	wg    sync.WaitGroup
}

func newPinger() *pinger {
	p := &pinger{stop: make(chan struct{})}
	p.wg.Go(p.run)
	return p
}

func (p *pinger) add(c net.Conn) {
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
}

func (p *pinger) run() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		p.mu.Lock()
		conns := p.conns[:len(p.conns):len(p.conns)]
		p.mu.Unlock()
		b := ping(0)
		for _, c := range conns {
			_, _ = c.Write(b) // gone counts the failed ones
		}
	}
}

func (p *pinger) close() {
	close(p.stop)
	p.wg.Wait()
}

// gone returns how many connections the server has closed.
func (p *pinger) gone() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		if t, ok := c.(*tls.Conn); ok {
			c = t.NetConn()
		}
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			n++
			continue
		}
		closed := false
		err = raw.Control(func(fd uintptr) {
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			got, err := unix.Poll(poll, 0)
			closed = err == nil && got > 0 && poll[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
		})
		if err != nil || closed {
			n++
		}
	}
	return n
}

// ping makes the ping of a client.
func ping(i int) []byte {
	return wire.New(fmt.Sprintf("BENCH-%d-ping", i), "t-x-c-t", "m-g", time.Now(), 10*time.Second).AppendXML(nil)
}

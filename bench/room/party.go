package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pion/rtp"
)

// party is a socket that sends and counts what it is sent. Nothing waits on it:
// it is emptied every 20 ms, since a reader that is woken by each packet is
// charged to the server that sends it.
type party struct {
	fd       int
	port     int // its own
	to       syscall.SockaddrInet4
	received atomic.Int64
}

func newParty() (*party, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	p := &party{fd: fd, to: syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}}
	if err := syscall.Bind(fd, &p.to); err != nil {
		p.close()
		return nil, fmt.Errorf("bind: %w", err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("getsockname: %w", err)
	}
	p.port = at.(*syscall.SockaddrInet4).Port
	return p, nil
}

func (p *party) close() { _ = syscall.Close(p.fd) }

// drain counts what has come.
func (p *party) drain(buf []byte) {
	for {
		n, err := syscall.Read(p.fd, buf)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return
		case n > 0:
			p.received.Add(1)
		}
	}
}

// gather brings n parties into the rooms of s. The caller closes them.
func gather(s *subject, n int) (parties []*party, err error) {
	defer func() {
		if err != nil {
			leave(parties)
		}
	}()
	var local []int
	for range n {
		p, err := newParty()
		if err != nil {
			return parties, err
		}
		parties, local = append(parties, p), append(local, p.port)
	}
	ports, err := s.ports(local)
	if err != nil {
		return parties, err
	}
	for i, p := range parties {
		p.to.Port = ports[i]
	}
	return parties, nil
}

func leave(parties []*party) {
	for _, p := range parties {
		p.close()
	}
}

// talk has the parties send a packet each 20 ms, until done is closed.
func talk(done <-chan struct{}, parties []*party, sc scenario, speech [][][]byte) {
	buf := make([]byte, 1500)
	each20ms(done, func(n int) {
		for i, p := range parties {
			p.drain(buf)
			pkt := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: payloadType, SSRC: uint32(i + 1), SequenceNumber: uint16(n), Timestamp: uint32(n) * 960}}
			if pkt.Payload = sc.says(i, n, speech); pkt.Payload == nil {
				continue
			}
			if size, err := pkt.MarshalTo(buf); err == nil {
				_ = syscall.Sendto(p.fd, buf[:size], 0, &p.to)
			}
		}
	})
}

// each20ms calls f with 0, 1, 2 and so on until done is closed.
func each20ms(done <-chan struct{}, f func(n int)) {
	next := time.Now()
	for n := 0; ; n++ {
		f(n)
		next = next.Add(20 * time.Millisecond)
		select {
		case <-done:
			return
		case <-time.After(time.Until(next)):
		}
	}
}

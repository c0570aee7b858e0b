package rtp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

// ErrNoPorts says that every port of the range is taken.
var ErrNoPorts = errors.New("rtp: no free ports")

// Ports hands out pairs of UDP ports, even for RTP and odd for RTCP.
type Ports struct {
	first, last int

	mu   sync.Mutex // guards what follows
	next int
	used map[int]bool
}

// NewPorts returns the pairs between first and last, both included.
func NewPorts(first, last int) *Ports {
	first += first & 1
	return &Ports{first: first, last: last, next: first, used: make(map[int]bool)}
}

// Pair is two open sockets.
type Pair struct {
	RTP, RTCP *net.UDPConn
	Port      int // of RTP
	ports     *Ports
	once      sync.Once
}

// Open opens the next pair that nobody has. Ports of other programs are
// skipped; so are those that were closed last, for as long as others are free,
// because a phone may still send to them.
func (p *Ports) Open() (*Pair, error) {
	for range (p.last-p.first+1)/2 + 1 {
		port, ok := p.take()
		if !ok {
			return nil, ErrNoPorts
		}
		pair, err := open(port)
		if err == nil {
			pair.ports = p
			return pair, nil
		}
		p.release(port)
	}
	return nil, ErrNoPorts
}

func open(port int) (*Pair, error) {
	a, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port))))
	if err != nil { // a machine without IPv6
		a, err = net.ListenUDP("udp4", &net.UDPAddr{Port: port})
	}
	if err != nil {
		return nil, err
	}
	network := "udp"
	if addr, ok := a.LocalAddr().(*net.UDPAddr); ok && addr.IP.To4() != nil {
		network = "udp4"
	}
	b, err := net.ListenUDP(network, &net.UDPAddr{Port: port + 1})
	if err != nil {
		a.Close()
		return nil, err
	}
	return &Pair{RTP: a, RTCP: b, Port: port}, nil
}

func (p *Ports) take() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range (p.last - p.first + 1) / 2 {
		port := p.next
		if p.next += 2; p.next+1 > p.last {
			p.next = p.first
		}
		if !p.used[port] {
			p.used[port] = true
			return port, true
		}
	}
	return 0, false
}

func (p *Ports) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, port)
}

// Close closes the sockets and gives the ports back.
func (p *Pair) Close() {
	p.once.Do(func() {
		p.RTP.Close()
		p.RTCP.Close()
		p.ports.release(p.Port)
	})
}

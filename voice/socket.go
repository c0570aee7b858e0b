package voice

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// socket is the connection below TLS. Until switchOver it is an ordinary
// net.Conn; afterwards what TLS writes is gathered for the flusher.
type socket struct {
	net.Conn
	raw     syscall.RawConn // nil: the system has none; every write may wait
	async   atomic.Bool
	written func() // told when TLS writes of its own accord, such as an alert

	mu      sync.Mutex // guards what follows; a leaf
	out     []byte     // ciphertext; bounded by what one flush encrypts
	sealing bool       // a flush is under way: written need not be told
}

func newSocket(nc net.Conn) *socket {
	k := &socket{Conn: nc}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			k.raw = raw
		}
	}
	return k
}

// Write is what TLS writes with.
func (k *socket) Write(p []byte) (int, error) {
	if !k.async.Load() {
		return k.Conn.Write(p)
	}
	k.mu.Lock()
	k.out = append(k.out, p...)
	tell := !k.sealing
	k.mu.Unlock()
	if tell {
		k.written()
	}
	return len(p), nil
}

// seal encrypts b into scratch and returns it, behind what TLS wrote of its own
// accord before.
func (k *socket) seal(t *tls.Conn, scratch, b []byte) ([]byte, error) {
	k.mu.Lock()
	k.out, k.sealing = append(scratch[:0], k.out...), true
	k.mu.Unlock()
	var err error
	if len(b) > 0 {
		_, err = t.Write(b)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.out
	k.out, k.sealing = nil, false
	return out, err
}

// writePiece is how much a client has to take within the time limit.
const writePiece = 64 << 10

// writeAll writes b and waits for the client where it must, for each piece no
// longer than limit.
func (k *socket) writeAll(b []byte, limit time.Duration) error {
	for len(b) > 0 {
		n := min(len(b), writePiece)
		if err := k.Conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
			return err
		}
		if _, err := k.Conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

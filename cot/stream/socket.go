package stream

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// readSize is the size of the buffers that are read into. They are borrowed
// while there is something to read: thousands of silent connections hold none.
const readSize = 32 << 10

var buffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// errWouldBlock is how a socket says that it has nothing to read now. It is a
// passing error to crypto/tls, which goes on where it was with the next Read.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing to read now" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// socket is a TCP connection, possibly with TLS on it. Until switchOver it is an
// ordinary net.Conn with deadlines; afterwards reads do not wait, and what TLS
// writes is gathered in out for the flusher.
type socket struct {
	net.Conn
	raw    syscall.RawConn // nil: the system has none; reads wait and writes have a goroutine
	tls    *tls.Conn       // nil: plain
	parked atomic.Bool     // waits for the client to send

	async   bool   // after switchOver
	fresh   bool   // pump was not called yet: TLS may have read more than the handshake
	written func() // told when TLS wrote of its own accord; set by switchOver

	mu      sync.Mutex // guards what follows; a leaf
	out     []byte     // ciphertext
	sealing bool       // the flusher writes: written need not be told
}

func newSocket(nc net.Conn, secure *tls.Config) *socket {
	k := &socket{Conn: nc, raw: rawConn(nc)}
	if secure != nil {
		k.tls = tls.Server(k, secure)
	}
	return k
}

// switchOver ends the time of deadlines. Only one goroutine uses k at this time.
func (k *socket) switchOver(written func()) {
	k.async, k.fresh, k.written = true, k.tls != nil, written
}

// Read is what TLS reads with, and what plain connections are read with before
// they have proven who they are.
func (k *socket) Read(p []byte) (int, error) {
	if k.raw == nil {
		k.parked.Store(true)
		n, err := k.Conn.Read(p)
		k.parked.Store(false)
		return n, err
	}
	var n int
	var err error
	rerr := k.raw.Read(func(fd uintptr) bool {
		n, err = readFD(fd, p)
		if err == errWouldBlock && !k.async {
			k.parked.Store(true)
			return false
		}
		return true
	})
	if k.parked.Load() {
		k.parked.Store(false)
	}
	if rerr != nil {
		return 0, rerr
	}
	return n, err
}

// Write is what TLS writes with.
func (k *socket) Write(p []byte) (int, error) {
	if !k.async {
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
// accord since the last call.
func (k *socket) seal(scratch, b []byte) ([]byte, error) {
	k.mu.Lock()
	k.out = append(scratch[:0], k.out...)
	k.sealing = true
	k.mu.Unlock()
	var err error
	if len(b) > 0 {
		_, err = k.tls.Write(b)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.out
	k.out, k.sealing = nil, false
	return out, err
}

// pump waits until there is something to read and calls use with all of it, piece
// by piece. It may return without a call. It is for after switchOver.
func (k *socket) pump(use func([]byte) error) error {
	if k.tls == nil {
		return k.pumpPlain(use)
	}
	if k.raw != nil && !k.fresh {
		if err := k.raw.Read(readable); err != nil {
			return err
		}
	}
	k.fresh = false
	buf := buffers.Get().(*[readSize]byte)
	defer buffers.Put(buf)
	for {
		n, err := k.tls.Read(buf[:])
		if n > 0 {
			if err := use(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, errWouldBlock) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (k *socket) pumpPlain(use func([]byte) error) error {
	var buf *[readSize]byte
	var n int
	var err error
	if k.raw == nil {
		buf = buffers.Get().(*[readSize]byte)
		n, err = k.Conn.Read(buf[:])
	} else {
		rerr := k.raw.Read(func(fd uintptr) bool {
			buf = buffers.Get().(*[readSize]byte)
			if n, err = readFD(fd, buf[:]); err != errWouldBlock {
				return true
			}
			buffers.Put(buf)
			buf = nil
			return false
		})
		if rerr != nil {
			return rerr
		}
	}
	defer buffers.Put(buf)
	if n > 0 {
		if err := use(buf[:n]); err != nil {
			return err
		}
	}
	return err
}

// tryWrite writes as much of f.buf as the socket takes now.
func (k *socket) tryWrite(f *flusher) (int, error) {
	if k.raw == nil {
		return 0, nil
	}
	// Control and not Write: nothing is waited for.
	if err := k.raw.Control(f.try); err != nil {
		return 0, err
	}
	return f.n, f.err
}

// writeAll writes b and waits for the client where it must.
func (k *socket) writeAll(b []byte) error {
	if k.raw == nil {
		_, err := k.Conn.Write(b)
		return err
	}
	var err error
	werr := k.raw.Write(func(fd uintptr) bool {
		for len(b) > 0 && err == nil {
			var n int
			if n, err = writeFD(fd, b); n == 0 && err == nil {
				return false
			}
			b = b[n:]
		}
		return true
	})
	return errors.Join(werr, err)
}

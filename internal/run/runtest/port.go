// Package runtest is for tests that start programs: which have to be there, and on
// which ports.
package runtest

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// The ports lie below those that the kernel gives to outgoing connections (32768
// and up on Linux), of which one may take a port between the look and the program
// that wants it, and beside those of media.
const (
	first = 15002
	last  = 20998
)

// next is the port given next. Packages are tested at the same time, each in a
// process, so each begins elsewhere.
var next atomic.Int64

func init() { next.Store(int64(os.Getpid()) * 7919 % (last - first)) }

// Port returns a port of 127.0.0.1 that nobody listens on over TCP or UDP, nor on
// the one after it. Each is given once to this process, until all have been.
func Port(t testing.TB) int {
	t.Helper()
	for range last - first {
		port := first + int(next.Add(2)%(last-first))&^1
		if free(port) && free(port+1) {
			return port
		}
	}
	t.Fatalf("no free port between %d and %d", first, last)
	return 0
}

func free(port int) bool {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	defer u.Close()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

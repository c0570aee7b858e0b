//go:build !unix

package stream

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

// Without a raw connection nothing of this is called.
func readFD(uintptr, []byte) (int, error)  { return 0, errWouldBlock }
func writeFD(uintptr, []byte) (int, error) { return 0, nil }
func readable(uintptr) bool                { return true }

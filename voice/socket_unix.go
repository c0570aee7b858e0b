//go:build unix

package voice

import (
	"os"

	"golang.org/x/sys/unix"
)

// writeFD writes without waiting; n is 0 when the socket is full.
func writeFD(fd uintptr, p []byte) (n int, err error) {
	for {
		n, err := unix.Write(int(fd), p)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return 0, nil
		case err != nil:
			return 0, os.NewSyscallError("write", err)
		}
		return n, nil
	}
}

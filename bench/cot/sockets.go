//go:build linux

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sockets are the connections of a process. Those in the clear are read by one
// thread with epoll, because the generator must cost little beside the server;
// each one with TLS has a goroutine.
type sockets struct {
	clock  clock
	tally  *tally
	lost   atomic.Int64 // connections that ended
	conns  []net.Conn
	fds    []int // in the clear: duplicates of the connections'
	unsent [][]byte
	ep     int
	wg     sync.WaitGroup
	ending atomic.Bool
}

// open takes connections over. The last of them, so many as silent says, are
// never read.
func open(conns []net.Conn, silent int, c clock, y *tally) (*sockets, error) {
	s := &sockets{clock: c, tally: y, conns: conns, fds: make([]int, len(conns)), unsent: make([][]byte, len(conns)), ep: -1}
	for i := range s.fds {
		s.fds[i] = -1
	}
	if len(conns) == 0 {
		return s, nil
	}
	if _, secure := conns[0].(*tls.Conn); secure {
		for _, conn := range conns[:len(conns)-silent] {
			s.wg.Go(func() { s.readTLS(conn) })
		}
		return s, nil
	}
	return s, s.openPlain(silent)
}

func (s *sockets) openPlain(silent int) (err error) {
	if s.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	for i, conn := range s.conns {
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			return err
		}
		var dup int
		var dupErr error
		if err := raw.Control(func(fd uintptr) { dup, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil || dupErr != nil {
			return errors.Join(err, dupErr)
		}
		conn.Close() // the duplicate keeps the connection, and no poller of the runtime watches it
		s.fds[i] = dup
		if i >= len(s.conns)-silent {
			continue
		}
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, dup, &ev); err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	s.wg.Go(s.readPlain)
	return nil
}

// readPlain reads whatever comes on the sockets in the clear.
func (s *sockets) readPlain() {
	runtime.LockOSThread()
	const size = 256 << 10
	buf := make([]byte, stampLen+size)
	tails := make([]tail, len(s.fds))
	events := make([]unix.EpollEvent, 256)
	for !s.ending.Load() {
		n, err := unix.EpollWait(s.ep, events, 100)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, ev := range events[:max(n, 0)] {
			i := ev.Fd
			t := &tails[i]
			copy(buf, t.b[:t.n])
			m, err := unix.Read(s.fds[i], buf[t.n:t.n+size])
			switch {
			case err == unix.EAGAIN || err == unix.EINTR:
			case m <= 0:
				s.lost.Add(1)
				_ = unix.EpollCtl(s.ep, unix.EPOLL_CTL_DEL, s.fds[i], nil)
			default:
				s.tally.take(t, buf, t.n+m, s.clock.now())
			}
		}
	}
}

func (s *sockets) readTLS(conn net.Conn) {
	buf := make([]byte, stampLen+16<<10)
	var t tail
	for {
		copy(buf, t.b[:t.n])
		m, err := conn.Read(buf[t.n:])
		if m > 0 {
			s.tally.take(&t, buf, t.n+m, s.clock.now())
		}
		if err != nil {
			if !s.ending.Load() && !errors.Is(err, io.ErrUnexpectedEOF) {
				s.lost.Add(1)
			}
			return
		}
	}
}

// send writes b to a connection. What a socket in the clear does not take is
// kept and goes first the next time.
func (s *sockets) send(i int, b []byte) error {
	if s.fds[i] < 0 {
		_, err := s.conns[i].Write(b)
		return err
	}
	if len(s.unsent[i]) > 0 {
		if s.unsent[i] = append(s.unsent[i], b...); len(s.unsent[i]) > 16<<20 {
			return errors.New("the server does not read")
		}
		return s.flush(i)
	}
	n, err := unix.Write(s.fds[i], b)
	if err != nil && err != unix.EAGAIN {
		return err
	}
	if n = max(n, 0); n < len(b) {
		s.unsent[i] = slices.Clone(b[n:])
	}
	return nil
}

// flush tries to write what a connection did not take.
func (s *sockets) flush(i int) error {
	if len(s.unsent[i]) == 0 {
		return nil
	}
	n, err := unix.Write(s.fds[i], s.unsent[i])
	if err != nil && err != unix.EAGAIN {
		return err
	}
	s.unsent[i] = s.unsent[i][max(n, 0):]
	return nil
}

// close ends all connections.
func (s *sockets) close() {
	s.ending.Store(true)
	for i, conn := range s.conns {
		if s.fds[i] < 0 {
			conn.Close()
		}
	}
	s.wg.Wait()
	for _, fd := range s.fds {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	if s.ep >= 0 {
		_ = unix.Close(s.ep)
	}
}

// ownCPU returns the processor time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
